"""What every engine of the table port does in exactly the same way."""

from __future__ import annotations

import concurrent.futures
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from chalicelib.storage import table as port
from chalicelib.storage.table import Add, Batch, Check, ConditionFailed, Delete, Expect, Item, Key, Put, Table

ENGINES = ["sqlite", "dynamodb-moto", pytest.param("dynamodb-local", marks=pytest.mark.dynamodb_local)]
REAL_ENGINES = [ENGINES[0], ENGINES[2]]
every_engine = pytest.mark.parametrize("open_table", ENGINES, indirect=True)
every_isolating_engine = pytest.mark.parametrize("open_table", REAL_ENGINES, indirect=True)

A, B, C = Key("report#A", "head"), Key("report#A", "event#000001"), Key("counts", "31.71.01.1001")


def sorts(table: Table, partition: str, **query: Any) -> list[str]:
    return [item.key.sort for item in table.query(partition, **query).items]


def walk(table: Table, partition: str, **query: Any) -> list[str]:
    """All pages, one after the other."""
    found: list[str] = []
    page = None
    while True:
        answer = table.query(partition, page=page, **query)
        found += [item.key.sort for item in answer.items]
        page = answer.next
        if page is None:
            return found


def drain(table: Table, consumer: str) -> list[tuple[Key, str]]:
    """Every change up to now, acknowledged."""
    found: list[tuple[Key, str]] = []
    while (batch := table.changes(consumer)).changes:
        found += [(change.key, change.kind) for change in batch.changes]
        table.acknowledge(consumer, batch)
    return found


# Items and versions.


@every_engine
def test_an_item_comes_back_as_it_was_put(table: Table) -> None:
    body = {
        "id": "7K3M9QX2",
        "text": "Jalan berlubang — 深い",
        "nested": [1, 2.5, None, {"x": True}],
        "big": 2**70,
    }
    table.transact([Put(A, body, expires=2_000_000_000)])
    assert table.get(A) == Item(A, body, 1, {}, 2_000_000_000)
    assert table.get(B) is None


@every_engine
def test_a_version_grows_by_one_with_every_write_and_starts_again_after_a_delete(table: Table) -> None:
    for version in (1, 2, 3):
        table.transact([Put(A, {"n": version})])
        found = table.get(A)
        assert found
        assert (found.version, found.body) == (version, {"n": version})
    table.transact([Add(A, {"support": 1})])
    assert table.get(A) == Item(A, {"n": 3}, 4, {"support": 1})
    table.transact([Delete(A)])
    assert table.get(A) is None
    table.transact([Put(A, {})])
    assert table.get(A) == Item(A, {}, 1)


@every_engine
def test_a_put_keeps_counters_and_replaces_body_and_expiry(table: Table) -> None:
    table.transact([Add(A, {"waiting": 2})])
    table.transact([Put(A, {"a": 1}, expires=1_900_000_000)])
    assert table.get(A) == Item(A, {"a": 1}, 2, {"waiting": 2}, 1_900_000_000)
    table.transact([Put(A, {"b": 2})])
    assert table.get(A) == Item(A, {"b": 2}, 3, {"waiting": 2}, None)


@every_engine
def test_counters_add_up_in_both_directions_and_make_their_item(table: Table) -> None:
    table.transact([Add(C, {"waiting": 1, "changes": 1})])
    table.transact([Add(C, {"waiting": -1, "done": 1, "changes": 1, "zero": 0})])
    assert table.get(C) == Item(C, {}, 2, {"waiting": 0, "done": 1, "changes": 2, "zero": 0})
    table.transact([Add(C, {"waiting": -5})])
    found = table.get(C)
    assert found
    assert found.counters["waiting"] == -5


@every_engine
@pytest.mark.parametrize(
    "name", ["version", "body", "expires", "partition", "sort", "31.71.01.1001", "a:b-c"]
)
def test_a_counter_may_be_called_anything_that_the_port_allows(table: Table, name: str) -> None:
    table.transact([Put(C, {"x": 1}), Add(A, {name: 3})])
    assert table.get(A) == Item(A, {}, 1, {name: 3})


@every_engine
def test_what_a_caller_does_with_a_body_later_does_not_reach_the_table(table: Table) -> None:
    body = {"list": [1]}
    table.transact([Put(A, body)])
    body["list"].append(2)
    first = table.get(A)
    assert first
    first.body["list"].append(3)
    assert table.get(A) == Item(A, {"list": [1]}, 1)


@every_engine
def test_many_items_are_read_at_once_whatever_their_number(table: Table) -> None:
    keys = [Key("many", f"{n:04d}") for n in range(230)]
    for start in range(0, 200, 25):
        table.transact([Put(key, {"s": key.sort}) for key in keys[start : start + 25]])
    found = table.get_many([*keys, *keys[:5]])
    assert set(found) == set(keys[:200])
    assert all(item.body == {"s": key.sort} for key, item in found.items())
    assert table.get_many([]) == {}


# Expectations and transactions.


EXPECTATIONS: list[tuple[Any, bool, bool]] = [
    # expectation, whether it holds of an absent item, and of one at version 2
    (Expect.ANY, True, True),
    (Expect.ABSENT, True, False),
    (Expect.PRESENT, False, True),
    (1, False, False),
    (2, False, True),
    (3, False, False),
]


@every_engine
@pytest.mark.parametrize("kind", [Put, Add, Check, Delete])
def test_an_expectation_means_the_same_in_every_write(table: Table, kind: Any) -> None:
    made = {Put: {"body": {"new": 1}}, Add: {"counters": {"n": 1}}}.get(kind, {})
    for number, (expect, holds_absent, holds_at_version_2) in enumerate(EXPECTATIONS):
        for there, holds in ((False, holds_absent), (True, holds_at_version_2)):
            key, other = Key(f"{number}", f"{there}"), Key(f"{number}", f"beside {there}")
            if (kind, expect) in {(Check, Expect.ANY), (Delete, Expect.ABSENT)}:
                with pytest.raises(ValueError, match="expects"):
                    table.transact([kind(key, expect)])
                continue
            if there:
                table.transact([Put(key, {"v": 1})])
                table.transact([Put(key, {"v": 2})])
            before = table.get(key)
            writes = [Put(other, {"o": 1}), kind(key=key, expect=expect, **made)]
            if holds:
                table.transact(writes)
                assert table.get(other)
            else:
                with pytest.raises(ConditionFailed) as failed:
                    table.transact(writes)
                assert failed.value.keys == (key,)
                assert table.get(other) is None
                assert table.get(key) == before


@every_engine
def test_a_failed_transaction_writes_nothing_and_names_every_failed_key(table: Table) -> None:
    table.transact([Put(A, {"old": 1})])
    with pytest.raises(ConditionFailed) as failed:
        table.transact(
            [
                Put(A, {"new": 1}, Expect.ABSENT),
                Put(B, {"new": 1}, Expect.ABSENT),
                Add(C, {"n": 1}),
                Check(Key("x", "y"), Expect.PRESENT),
            ]
        )
    assert failed.value.keys == (A, Key("x", "y"))
    assert table.get_many([A, B, C]) == {A: Item(A, {"old": 1}, 1)}


@every_engine
def test_no_writes_at_all_are_done_at_once(table: Table) -> None:
    table.transact([])
    assert table.changes("publisher").changes == []


@every_engine
def test_a_delete_of_what_is_not_there_is_no_mistake_and_no_change(table: Table) -> None:
    table.transact([Delete(A), Put(B, {})])
    assert drain(table, "publisher") == [(B, "insert")]


@every_engine
def test_what_no_engine_takes_is_refused_with_what_is_wrong(table: Table) -> None:
    wrong: list[tuple[list[Any], str]] = [
        ([Put(Key("p", f"{n}"), {}) for n in range(26)], "at most 25"),
        ([Put(A, {}), Delete(A)], "two writes on report#A head"),
        ([Put(Key("", "s"), {})], "partition"),
        ([Put(Key("p", ""), {})], "sort"),
        ([Put(Key("p" * 2049, "s"), {})], "2049 bytes"),
        ([Put(Key("p", "é" * 501), {})], "1002 bytes"),
        ([Put(Key("p", "a\0b"), {})], "control"),
        ([Put(Key("p", "a\nb"), {})], "control"),
        ([Put(Key("p", "\ud800"), {})], "surrogate"),
        ([Put(A, {"x": float("nan")})], "not JSON"),
        ([Put(A, {"x": {1, 2}})], "not JSON"),
        ([Put(A, {"x": "\udfff"})], "surrogate"),
        ([Put(A, ["x"])], "must be a dict"),  # type: ignore[arg-type]
        ([Put(A, {"x": "y" * 350_000})], "at most 350000"),
        ([Put(Key("p", f"{n}"), {"x": "y" * 340_000}) for n in range(11)], "3500000"),
        ([Put(A, {}, expect=0)], "expect"),
        ([Put(A, {}, expect=True)], "expect"),
        ([Put(A, {}, expires=-1)], "expires"),
        ([Add(A, {})], "0 counters"),
        ([Add(A, {"a b": 1})], "counter"),
        ([Add(A, {"a": 1.5})], "counter"),  # type: ignore[dict-item]
        ([Add(A, {"a": 10**13})], "counter"),
    ]
    for writes, message in wrong:
        with pytest.raises(ValueError, match=message):
            table.transact(writes)
    assert table.changes("publisher").changes == []


@every_engine
def test_a_body_that_is_refused_is_never_shown(table: Table) -> None:
    secret = "081234567890"
    for body in (
        {"contact": secret, "x": float("inf")},
        {"contact": secret * 40_000},
        {secret: "\udc00" + secret},
    ):
        with pytest.raises(ValueError) as refused:  # noqa: PT011 (any message; what it does not say is tested)
            table.transact([Put(A, body)])
        assert secret not in str(refused.value)
    assert secret not in repr(Put(A, {"contact": secret}))
    assert secret not in repr(Item(A, {"contact": secret}, 1))


@every_engine
def test_the_largest_body_and_the_longest_keys_are_kept(table: Table) -> None:
    key = Key("p" * port.PARTITION_BYTES, "s" * port.SORT_BYTES)
    body = {"x": "y" * (port.BODY_BYTES - len('{"x":""}'))}
    table.transact([Put(key, body), Put(Key(key.partition, "t"), body)])
    assert table.get(key) == Item(key, body, 1)
    page = table.query(key.partition, limit=1)
    assert [item.body for item in page.items] == [body]
    assert [item.key.sort for item in table.query(key.partition, page=page.next).items] == ["t"]


# Order, ranges and pages.

HOSTILE = [
    "!", "#", "%", "'", "''; DROP TABLE items; --", "*", "..", "/", "0", "00", "A", "Z", "[", "_", "a", "a b", "aa",
    "a~", "b", "{}", "~", "é", "ÿ", "ā", "ﬀ", "\uffff", "\U00010000", "😀", "\U0010ffff",
]  # fmt: skip


@every_engine
def test_items_lie_in_the_order_of_their_sort_keys_bytes(table: Table) -> None:
    expected = sorted(HOSTILE, key=lambda text: text.encode())
    for start in range(0, len(HOSTILE), 25):
        table.transact([Put(Key("hostile'\"%_\\", sort), {}) for sort in HOSTILE[start : start + 25]])
    table.transact([Put(Key("hostile", "a"), {}), Put(Key("hostile'\"%_\\2", "a"), {})])
    assert sorts(table, "hostile'\"%_\\") == expected
    assert sorts(table, "hostile'\"%_\\", descending=True) == expected[::-1]
    assert walk(table, "hostile'\"%_\\", limit=4) == expected
    assert walk(table, "hostile'\"%_\\", limit=4, descending=True) == expected[::-1]
    for sort in HOSTILE:
        assert walk(table, "hostile'\"%_\\", prefix=sort, limit=2) == [
            s for s in expected if s.startswith(sort)
        ]
        assert sorts(table, "hostile'\"%_\\", start=sort) == expected[expected.index(sort) :]
        assert sorts(table, "hostile'\"%_\\", end=sort) == expected[: expected.index(sort)]


@every_engine
def test_prefix_start_and_end_narrow_each_other(table: Table) -> None:
    names = ["2026-09-30", "2026-10-01", "2026-10-15", "2026-10-31", "2026-11-01"]
    table.transact([Put(Key("list", name), {}) for name in names])
    assert sorts(table, "list", prefix="2026-10") == names[1:4]
    assert sorts(table, "list", prefix="2026-10", start="2026-10-02", end="2026-10-31") == names[2:3]
    assert sorts(table, "list", prefix="2026-10", start="2026-09", end="2027") == names[1:4]
    assert sorts(table, "list", start="2026-10-15", end="2026-10-15") == []
    assert sorts(table, "list", start="2027", end="2026") == []
    assert sorts(table, "list", prefix="2026-10", end="2026-09") == []
    assert sorts(table, "list", start="", prefix="") == names
    assert sorts(table, "list", end="") == []
    assert sorts(table, "nothing") == []


@every_engine
def test_the_last_page_has_no_next_also_when_it_is_full(table: Table) -> None:
    table.transact([Put(Key("list", f"{n:02d}"), {}) for n in range(6)])
    first = table.query("list", limit=3)
    assert (len(first.items), first.next is None) == (3, False)
    second = table.query("list", limit=3, page=first.next)
    assert ([item.key.sort for item in second.items], second.next) == (["03", "04", "05"], None)
    assert table.query("list", limit=6).next is None


@every_engine
def test_a_page_token_stays_good_while_items_come_and_go(table: Table) -> None:
    table.transact([Put(Key("list", f"{n:02d}"), {}) for n in range(0, 20, 2)])
    page = table.query("list", limit=3)
    assert page.next
    table.transact(
        [
            Delete(Key("list", "04")),
            Delete(Key("list", "06")),
            Put(Key("list", "05"), {}),
            Put(Key("list", "01"), {}),
        ]
    )
    assert sorts(table, "list", limit=3, page=page.next) == ["05", "08", "10"]
    down = table.query("list", limit=3, descending=True)
    table.transact([Delete(Key("list", "14")), Put(Key("list", "15"), {}), Put(Key("list", "13"), {})])
    assert sorts(table, "list", limit=2, descending=True, page=down.next) == ["13", "12"]


@every_engine
def test_a_token_of_another_query_or_a_damaged_one_is_refused(table: Table) -> None:
    table.transact([Put(Key(partition, f"{n:02d}"), {}) for partition in ("list", "tsil") for n in range(5)])
    token = table.query("list", limit=2).next
    assert token
    for other in ({"descending": True}, {"prefix": "0"}, {"start": "00"}, {"end": "99"}):
        with pytest.raises(ValueError, match="page token"):
            table.query("list", page=token, **other)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="page token"):
        table.query("tsil", page=token)
    damaged = [
        "",
        "x",
        "====",
        "é",
        "\udc00",
        token[:-1],
        token + "A",
        token + "=",
        token.swapcase(),
        token * 2,
    ]
    for place in range(len(token)):
        letter = "A" if token[place] != "A" else "B"
        damaged.append(token[:place] + letter + token[place + 1 :])
    for bad in damaged:
        with pytest.raises(ValueError, match="page token"):
            table.query("list", limit=2, page=bad)
    # Another limit is the same query.
    assert sorts(table, "list", limit=1, page=token) == ["02"]


@every_engine
def test_a_limit_out_of_bounds_is_refused(table: Table) -> None:
    for limit in (0, -1, 1001):
        with pytest.raises(ValueError, match="limit"):
            table.query("list", limit=limit)
        with pytest.raises(ValueError, match="limit"):
            table.changes("publisher", limit)


# Expiry.


@every_engine
def test_an_expired_item_is_as_if_absent_before_anything_removed_it(table: Table, clock: Any) -> None:
    now = int(clock.time)
    table.transact([Put(Key("answers", f"{n}"), {"n": n}, expires=now + n) for n in range(1, 5)])
    clock.time += 2
    assert sorts(table, "answers") == ["3", "4"]
    assert walk(table, "answers", limit=1) == ["3", "4"]
    assert table.query("answers", limit=2).next is None
    assert table.get(Key("answers", "2")) is None
    assert set(table.get_many([Key("answers", f"{n}") for n in range(6)])) == {
        Key("answers", "3"),
        Key("answers", "4"),
    }


@every_engine
@pytest.mark.parametrize("expect", [Expect.ANY, Expect.ABSENT])
def test_writing_over_an_expired_item_starts_a_new_one(table: Table, clock: Any, expect: Expect) -> None:
    for key in (A, B):
        table.transact([Put(key, {"old": 1}, expires=int(clock.time) + 5), Delete(C)])
        table.transact([Add(key, {"old": 7})])
    clock.time += 5
    table.transact([Put(A, {"new": 1}, expect), Add(B, {"new": 1}, expect), Put(C, {}, expect)])
    assert table.get_many([A, B, C]) == {
        A: Item(A, {"new": 1}, 1),
        B: Item(B, {}, 1, {"new": 1}),
        C: Item(C, {}, 1),
    }


@every_engine
def test_expectations_see_an_expired_item_as_absent(table: Table, clock: Any) -> None:
    table.transact([Put(A, {}, expires=int(clock.time) + 5), Put(B, {}, expires=int(clock.time) + 5)])
    clock.time += 5
    for write in (
        Put(A, {}, 1),
        Put(A, {}, Expect.PRESENT),
        Delete(A, 1),
        Delete(A, Expect.PRESENT),
        Check(A, 1),
        Add(A, {"n": 1}, 1),
    ):
        with pytest.raises(ConditionFailed) as failed:
            table.transact([write, Put(B, {"x": 1}, Expect.ABSENT), Put(C, {})])
        assert failed.value.keys == (A,)
    table.transact([Check(A, Expect.ABSENT), Put(C, {})])
    table.transact([Delete(A)])
    assert table.get(A) is None


@every_engine
def test_sweeping_changes_nothing_that_readers_see(table: Table, clock: Any) -> None:
    table.transact(
        [Put(A, {}, expires=int(clock.time) + 1), Put(B, {}, expires=int(clock.time) + 9), Put(C, {})]
    )
    clock.time += 5
    before = table.get_many([A, B, C])
    table.sweep(clock())
    assert table.get_many([A, B, C]) == before
    assert set(before) == {B, C}


# The change stream.


@every_engine
def test_every_change_is_told_once_it_is_written_in_order_and_by_its_key_alone(table: Table) -> None:
    table.transact([Put(A, {"secret": "x"}), Put(B, {})])
    table.transact([Put(A, {}), Add(C, {"n": 1})])
    table.transact([Delete(A), Add(C, {"n": 1}), Check(B, 1)])
    told = drain(table, "publisher")
    assert [kind for key, kind in told if key == A] == ["insert", "modify", "remove"]
    assert [kind for key, kind in told if key == C] == ["insert", "modify"]
    assert [kind for key, kind in told if key == B] == ["insert"]
    assert len(told) == 6


@every_engine
def test_a_failed_transaction_is_no_change(table: Table) -> None:
    table.transact([Put(A, {})])
    with pytest.raises(ConditionFailed):
        table.transact([Put(B, {}), Put(A, {}, Expect.ABSENT)])
    assert drain(table, "publisher") == [(A, "insert")]


@every_engine
def test_changes_come_again_until_they_are_acknowledged_also_after_a_restart(
    open_table: Callable[[], Any],
) -> None:
    table = open_table()
    table.transact([Put(Key("p", f"{n}"), {}) for n in range(6)])
    first = table.changes("publisher", 4)
    assert [change.key.sort for change in first.changes] == ["0", "1", "2", "3"]
    assert table.changes("publisher", 4).changes == first.changes
    # The process dies here; another takes over, and acknowledges a batch of its own.
    other = open_table()
    again = other.changes("publisher", 2)
    assert again.changes == first.changes[:2]
    other.acknowledge("publisher", again)
    rest = open_table().changes("publisher")
    assert [change.key.sort for change in rest.changes] == ["2", "3", "4", "5"]


@every_engine
def test_a_late_acknowledgement_never_moves_a_consumer_back(open_table: Callable[[], Any]) -> None:
    table = open_table()
    table.transact([Put(Key("p", f"{n}"), {}) for n in range(5)])
    late, all_of_it = table.changes("publisher", 2), open_table().changes("publisher")
    table.acknowledge("publisher", all_of_it)
    table.acknowledge("publisher", late)
    table.acknowledge("publisher", all_of_it)
    assert open_table().changes("publisher").changes == []


@every_engine
def test_each_consumer_has_a_position_of_its_own_and_a_new_one_starts_at_the_oldest_change(
    table: Table,
) -> None:
    table.transact([Put(A, {})])
    assert table.changes("follow").changes
    assert drain(table, "publisher") == [(A, "insert")]
    table.transact([Put(B, {})])
    assert drain(table, "publisher") == [(B, "insert")]
    assert drain(table, "follow") == [(A, "insert"), (B, "insert")]
    assert drain(table, "follow") == []


@every_engine
def test_a_forgotten_consumer_is_a_new_one_when_it_comes_back(table: Table) -> None:
    table.transact([Put(A, {})])
    table.changes("follow")
    assert drain(table, "publisher") == [(A, "insert")]
    table.forget("publisher")
    assert drain(table, "publisher") == [(A, "insert")]
    table.forget("nobody")


@every_engine
def test_a_position_is_json_and_survives_being_written_down(table: Table) -> None:
    table.transact([Put(A, {}), Put(B, {})])
    batch = table.changes("publisher", 1)
    table.acknowledge("publisher", Batch(batch.changes, json.loads(json.dumps(batch.position))))
    assert [change.key for change in table.changes("publisher").changes] == [B]


@every_engine
def test_a_position_or_a_consumer_that_cannot_be_is_refused(table: Table) -> None:
    table.transact([Put(A, {})])
    batch = table.changes("publisher")
    with pytest.raises(ValueError, match="position"):
        table.acknowledge("publisher", Batch(batch.changes, "elsewhere"))
    for name in ("", "a b", "a" * 65, "a/b"):
        with pytest.raises(ValueError, match="consumer"):
            table.changes(name)


@every_engine
def test_consumers_positions_are_no_changes_themselves(table: Table) -> None:
    for _ in range(3):
        table.acknowledge("publisher", table.changes("publisher"))
    table.transact([Put(A, {})])
    assert drain(table, "publisher") == [(A, "insert")]
    for _ in range(3):
        assert table.changes("publisher").changes == []


@every_engine
def test_waiting_ends_when_something_changed(table: Table) -> None:
    table.changes("publisher")
    table.transact([Put(A, {})])
    assert table.wait("publisher", 30) is True


# Many at once.


@every_isolating_engine
def test_no_step_of_a_counter_is_lost_when_many_count_at_once(open_table: Callable[[], Any]) -> None:
    handles = [open_table(), open_table()]

    def count(worker: int) -> None:
        for n in range(10):
            handles[worker % 2].transact(
                [Add(C, {"n": 1}), Put(Key("done", f"{worker}-{n}"), {}, Expect.ABSENT)]
            )

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(count, range(6)))
    assert handles[0].get(C) == Item(C, {}, 60, {"n": 60})
    assert len(walk(handles[0], "done")) == 60
    # The changes of one key come in the order of its versions, however many wrote at once.
    told = drain(handles[1], "publisher")
    assert [kind for key, kind in told if key == C] == ["insert"] + ["modify"] * 59


@every_engine
def test_counting_stops_at_its_bound_and_the_item_ends_when_the_first_count_said(
    table: Table, clock: Any
) -> None:
    end = int(clock()) + 60
    assert [table.count(C, 3, expires=end + later) for later in range(5)] == [1, 2, 3, None, None]
    assert table.get(C) == Item(C, {}, 3, {port.COUNTED: 3}, end)
    assert table.count(C, 5, expires=end) == 4, "a wider bound goes on from there"
    clock.time += 60
    assert table.get(C) is None
    assert table.count(C, 3, expires=end + 60) == 1, "an expired count is none"
    assert table.get(C) is not None


@every_engine
def test_a_count_is_a_change_like_every_other_and_a_refused_one_is_none(table: Table, clock: Any) -> None:
    drain(table, "publisher")
    for _ in range(3):
        table.count(C, 2, expires=int(clock()) + 60)
    assert drain(table, "publisher") == [(C, "insert"), (C, "modify")]


@every_engine
@pytest.mark.parametrize(
    ("most", "expires"), [(0, 1), (-1, 1), (port.COUNTER_STEP + 1, 1), (1, -1), (1, 2**53)]
)
def test_a_count_that_cannot_be_is_refused(table: Table, most: int, expires: int) -> None:
    with pytest.raises(ValueError, match="takes"):
        table.count(C, most, expires=expires)


@every_isolating_engine
def test_counting_is_exact_when_many_count_at_once(open_table: Callable[[], Any], clock: Any) -> None:
    handles = [open_table(), open_table()]
    end = int(clock()) + 60

    def count(worker: int) -> list[int | None]:
        return [handles[worker % 2].count(C, 25, expires=end) for _ in range(8)]

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        counted = [each for found in pool.map(count, range(6)) for each in found]
    assert sorted(each for each in counted if each is not None) == list(range(1, 26))
    assert counted.count(None) == 6 * 8 - 25


@every_isolating_engine
def test_only_one_of_many_creates_and_only_one_of_many_takes_a_version(open_table: Callable[[], Any]) -> None:
    table = open_table()
    barrier = threading.Barrier(6)

    def attempt(worker: int) -> list[bool]:
        won = []
        for expect in (Expect.ABSENT, 1):
            barrier.wait()
            try:
                table.transact([Put(A, {"by": worker}, expect), Put(Key("won", f"{worker}-{expect}"), {})])
            except ConditionFailed as failed:
                assert failed.keys == (A,)
                won.append(False)
            else:
                won.append(True)
            barrier.wait()
        return won

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        wins = list(pool.map(attempt, range(6)))
    assert [sum(round_) for round_ in zip(*wins, strict=True)] == [1, 1]
    assert len(sorts(table, "won")) == 2
    found = table.get(A)
    assert found
    assert found.version == 2


@every_isolating_engine
def test_a_consumer_beside_many_writers_misses_nothing_and_keeps_each_partitions_order(
    open_table: Callable[[], Any],
) -> None:
    writing, reading = open_table(), open_table()
    ended = threading.Event()
    told: list[Key] = []

    def write(worker: int) -> None:
        for n in range(15):
            writing.transact(
                [Put(Key(f"report#{worker}", f"event#{n:06d}"), {}, Expect.ABSENT), Add(C, {"n": 1})]
            )

    def read() -> None:
        while True:
            last = ended.is_set()
            batch = reading.changes("publisher", 7)
            told.extend(change.key for change in batch.changes)
            reading.acknowledge("publisher", batch)
            if last and not batch.changes:
                return

    reader = threading.Thread(target=read)
    reader.start()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    ended.set()
    reader.join(60)
    assert not reader.is_alive()
    for worker in range(4):
        mine = [key.sort for key in told if key.partition == f"report#{worker}"]
        assert mine == [f"event#{n:06d}" for n in range(15)]
    assert told.count(C) == 60
