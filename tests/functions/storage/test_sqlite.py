"""What only SQLite must prove: processes at once, a sudden death, the file itself."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from chalicelib.storage.sqlite import SCHEMA, SQLiteTable
from chalicelib.storage.table import Add, Busy, Delete, Item, Key, Put, StorageError

from tests.running import python

COUNT = Key("counts", "all")


WRITER = """
    import sys
    from chalicelib.storage.sqlite import SQLiteTable
    from chalicelib.storage.table import Add, Expect, Key, Put
    path, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    table = SQLiteTable(path)
    for n in range(count):
        table.transact([
            Put(Key("left", f"{name}-{n:06d}"), {"text": "x" * (n % 50 * 40)}, Expect.ABSENT),
            Put(Key("right", f"{name}-{n:06d}"), {"n": n}, Expect.ABSENT),
            Add(Key("counts", "all"), {"n": 1}),
        ])
        print(n)
"""


def everything(table: SQLiteTable, partition: str) -> list[str]:
    found: list[str] = []
    page = None
    while True:
        answer = table.query(partition, limit=1000, page=page)
        found += [item.key.sort for item in answer.items]
        page = answer.next
        if page is None:
            return found


def all_changes(table: SQLiteTable) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    while (batch := table.changes("check", 1000)).changes:
        found += [(change.key.partition, change.key.sort, change.kind) for change in batch.changes]
        table.acknowledge("check", batch)
    return found


def test_two_processes_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "table.sqlite3"
    # Both find no file and make it.
    processes = [python(WRITER, str(path), name, "200") for name in ("a", "b")]
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    table = SQLiteTable(path)
    assert table.get(COUNT) == Item(COUNT, {}, 400, {"n": 400})
    assert everything(table, "left") == everything(table, "right")
    assert len(everything(table, "left")) == 400
    changes = all_changes(table)
    assert [kind for partition, _, kind in changes if partition == "counts"] == ["insert"] + ["modify"] * 399
    assert len(changes) == 1200
    table.close()


@pytest.mark.parametrize("after", [1, 137, 500, 871])
def test_killed_in_the_middle_nothing_acknowledged_is_lost_and_nothing_is_half_written(
    tmp_path: Path, after: int
) -> None:
    path = tmp_path / "table.sqlite3"
    process = python(WRITER, str(path), "a", "1000")
    assert process.stdout
    acknowledged = -1
    for line in process.stdout:
        acknowledged = int(line)
        if acknowledged >= after:
            process.kill()
            break
    # What was still in the pipe had been acknowledged too.
    acknowledged = max([acknowledged, *(int(line) for line in process.stdout.read().split("\n") if line)])
    process.stdout.close()
    process.wait(30)
    assert process.returncode == -9

    table = SQLiteTable(path)
    left = everything(table, "left")
    assert left == [f"a-{n:06d}" for n in range(len(left))]
    assert acknowledged + 1 <= len(left) <= acknowledged + 2
    assert everything(table, "right") == left
    count = table.get(COUNT)
    assert count
    assert count.counters["n"] == count.version == len(left)
    # The outbox tells of exactly what is there.
    changes = all_changes(table)
    assert [sort for partition, sort, _ in changes if partition == "left"] == left
    assert [sort for partition, sort, _ in changes if partition == "right"] == left
    assert len(changes) == 3 * len(left)
    # And the table goes on.
    table.transact([Add(COUNT, {"n": 1})])
    table.close()
    with sqlite3.connect(path) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    raw.close()


def test_a_consumer_killed_before_it_acknowledged_is_told_again(tmp_path: Path) -> None:
    path = tmp_path / "table.sqlite3"
    table = SQLiteTable(path)
    table.transact([Put(Key("p", f"{n}"), {}) for n in range(10)])
    process = python(
        """
        import sys, time
        from chalicelib.storage.sqlite import SQLiteTable
        table = SQLiteTable(sys.argv[1])
        table.acknowledge("publisher", table.changes("publisher", 4))
        print([change.key.sort for change in table.changes("publisher", 4).changes])
        time.sleep(60)
        """,
        str(path),
    )
    assert process.stdout
    assert process.stdout.readline() == "['4', '5', '6', '7']\n"
    process.kill()
    process.wait(30)
    process.stdout.close()
    assert [change.key.sort for change in table.changes("publisher").changes] == [
        "4",
        "5",
        "6",
        "7",
        "8",
        "9",
    ]
    table.close()


def rows(path: Path, sql: str) -> list[Any]:
    raw = sqlite3.connect(path)
    try:
        return raw.execute(sql).fetchall()
    finally:
        raw.close()


def test_the_outbox_keeps_what_a_known_consumer_has_not_acknowledged_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "table.sqlite3"
    table = SQLiteTable(path)
    table.transact([Put(Key("p", f"{n}"), {}) for n in range(10)])
    table.changes("slow")
    table.acknowledge("quick", table.changes("quick", 6))
    assert rows(path, "SELECT count(*) FROM outbox") == [(10,)]
    table.acknowledge("slow", table.changes("slow", 3))
    assert rows(path, "SELECT min(sequence), count(*) FROM outbox") == [(4, 7)]
    table.forget("slow")
    assert rows(path, "SELECT min(sequence), count(*) FROM outbox") == [(7, 4)]
    table.acknowledge("quick", table.changes("quick"))
    assert rows(path, "SELECT count(*) FROM outbox") == [(0,)]
    # An emptied outbox never gives a number twice.
    table.transact([Put(Key("p", "next"), {})])
    assert [change.sequence for change in table.changes("quick").changes] == ["11"]
    table.close()


def test_sweeping_removes_what_expired_and_tells_it(tmp_path: Path, clock: Any) -> None:
    table = SQLiteTable(tmp_path / "table.sqlite3", now=clock)
    now = int(clock.time)
    for start in range(0, 600, 25):
        table.transact([Put(Key("p", f"{n}"), {}, expires=now + 1) for n in range(start, start + 25)])
    table.transact([Put(Key("q", "stays"), {}, expires=now + 2)])
    assert table.sweep(now) == 0
    assert table.sweep(now + 1) == 600
    assert rows(tmp_path / "table.sqlite3", "SELECT partition, sort FROM items") == [("q", "stays")]
    assert [kind for _, _, kind in all_changes(table)].count("remove") == 600
    table.close()


def test_waiting_wakes_for_this_process_and_for_others_and_else_ends_in_time(tmp_path: Path) -> None:
    path = tmp_path / "table.sqlite3"
    table, other = SQLiteTable(path), SQLiteTable(path)
    assert table.wait("publisher", 0.01) is False
    for writer in (table, other):
        timer = threading.Timer(0.05, writer.transact, [[Put(Key("p", "s"), {})]])
        timer.start()
        assert table.wait("publisher", 60) is True
        timer.join()
        table.acknowledge("publisher", table.changes("publisher"))
    table.close()
    other.close()


def test_many_threads_share_one_table(tmp_path: Path) -> None:
    table = SQLiteTable(tmp_path / "table.sqlite3")
    problems: list[BaseException] = []

    def work(worker: int) -> None:
        try:
            for n in range(40):
                table.transact([Add(COUNT, {"n": 1}), Put(Key(f"{worker}", f"{n:03d}"), {"n": n})])
                assert len(table.query(f"{worker}").items) == n + 1
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []
    assert table.get(COUNT) == Item(COUNT, {}, 320, {"n": 320})
    table.close()


def test_a_forked_child_is_refused_before_it_can_do_harm(tmp_path: Path) -> None:
    code = """
        import os, sys
        from chalicelib.storage.sqlite import SQLiteTable
        from chalicelib.storage.table import Add, Key, StorageError
        table = SQLiteTable(sys.argv[1])
        table.transact([Add(Key("counts", "all"), {"n": 1})])
        child = os.fork()
        if child == 0:
            refused = 0
            for use in (lambda: table.get(Key("a", "b")), lambda: table.transact([Add(Key("a", "b"), {"n": 1})])):
                try:
                    use()
                except StorageError as error:
                    refused += "spawning" in str(error)
            os._exit(refused)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), table.get(Key("counts", "all")).counters["n"])
    """
    process = python(code, str(tmp_path / "table.sqlite3"))
    assert process.communicate(timeout=60)[0] == "2 1\n"


def test_another_writer_that_never_ends_makes_the_table_busy_and_reading_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "table.sqlite3"
    table = SQLiteTable(path, busy_s=0.05)
    table.transact([Put(COUNT, {"n": 1})])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Busy, match="try again"):
        table.transact([Put(COUNT, {"n": 2})])
    assert table.get(COUNT) == Item(COUNT, {"n": 1}, 1)
    other.execute("ROLLBACK")
    table.transact([Put(COUNT, {"n": 2})])
    assert table.get(COUNT) == Item(COUNT, {"n": 2}, 2)
    other.close()
    table.close()


def test_every_commit_is_brought_to_disk_and_the_log_stays_bounded(tmp_path: Path) -> None:
    path = tmp_path / "table.sqlite3"
    table = SQLiteTable(path)
    assert rows(path, "PRAGMA journal_mode") == [("wal",)]
    with table._connection() as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert connection.execute("PRAGMA secure_delete").fetchone() == (1,)
    for n in range(300):
        table.transact([Put(Key("p", f"{n}"), {"text": "x" * 100_000})])
    log = path.with_name(path.name + "-wal").stat().st_size
    assert path.stat().st_size > 25_000_000
    assert log < 17_000_000
    table.close()
    assert not path.with_name(path.name + "-wal").exists()


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "table.sqlite3"
    table = SQLiteTable(path)
    table.transact([Put(COUNT, {})])
    for each in path.parent.iterdir():
        assert each.stat().st_mode & 0o077 == 0
    table.close()


def test_what_was_erased_cannot_be_found_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "table.sqlite3"
    table = SQLiteTable(path)
    table.transact([Put(Key("contact#A", "contact"), {"email": "someone@example.org"})])
    table.transact([Delete(Key("contact#A", "contact"))])
    table.close()
    assert b"someone@example.org" not in path.read_bytes()


def test_a_newer_schema_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "table.sqlite3"
    SQLiteTable(path).close()
    raw = sqlite3.connect(path)
    raw.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    raw.close()
    before = path.read_bytes()
    with pytest.raises(StorageError, match=rf"schema {SCHEMA + 1}.*newer release"):
        SQLiteTable(path)
    assert path.read_bytes() == before


def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    text, foreign = tmp_path / "notes.txt", tmp_path / "other.sqlite3"
    text.write_text("these are no tables, " * 100)
    raw = sqlite3.connect(foreign)
    raw.execute("CREATE TABLE notes (text)")
    raw.close()
    for path in (text, foreign):
        before = path.read_bytes()
        with pytest.raises(StorageError, match=path.name):
            SQLiteTable(path)
        assert path.read_bytes() == before


def test_the_file_itself_refuses_what_cannot_be(tmp_path: Path) -> None:
    path = tmp_path / "table.sqlite3"
    SQLiteTable(path).close()
    raw = sqlite3.connect(path)
    for values in (
        "'', 's', '{}', 1",
        "'p', '', '{}', 1",
        "'p', 's', 'x', 1",
        "'p', 's', '{}', 0",
        "'p', 's', '{}', 'x'",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            raw.execute(f"INSERT INTO items (partition, sort, body, version) VALUES ({values})")
    with pytest.raises(sqlite3.IntegrityError):
        raw.execute("INSERT INTO outbox (partition, sort, kind) VALUES ('p', 's', 'rename')")
    raw.close()


def test_a_closed_table_says_so(tmp_path: Path) -> None:
    table = SQLiteTable(tmp_path / "table.sqlite3")
    table.close()
    table.close()
    with pytest.raises(StorageError, match="closed"):
        table.get(COUNT)


def test_no_read_walks_the_whole_table(tmp_path: Path) -> None:
    table = SQLiteTable(tmp_path / "table.sqlite3")
    keys = [Key("report#A", f"event#{n}") for n in range(3)]
    table.transact([Put(key, {}) for key in keys])
    seen: list[str] = []
    with table._connection() as connection:
        connection.set_trace_callback(seen.append)
    table.get(keys[0])
    assert len(table.get_many(keys)) == 3
    table.query("report#A", prefix="event#", descending=True, limit=2)
    table.changes("publish", 2)
    table.transact([Put(keys[0], {"n": 1}), Add(COUNT, {"n": 1}), Delete(keys[2])])
    with table._connection() as connection:
        connection.set_trace_callback(None)
        reads = [text for text in seen if text.lstrip().upper().startswith(("SELECT", "WITH"))]
        assert len(reads) >= 4
        for text in reads:
            plan = " / ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}"))
            assert "SCAN items" not in plan, f"{text}: {plan}"
    table.close()
