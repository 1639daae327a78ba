"""Commands that mend the table: rows written anew, and reports moved to new boundaries with an event each."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from chalicelib import desk, intake, records
from chalicelib.lifecycle import Move
from chalicelib.officers import worklist
from chalicelib.report import Office, broken_at
from chalicelib.storage.dynamodb import DynamoDBTable
from chalicelib.storage.folder import FolderFiles
from chalicelib.storage.sqlite import SQLiteTable
from chalicelib.storage.table import Add, Delete, Key, Put, Table
from chalicelib.submission import Submission
from moto import mock_aws

from infra import backup, migrate, relocate

GAMBIR, CIDENG, BARU = "31.71.01.1001", "31.71.01.1002", "31.71.01.1009"
NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)


@dataclass(frozen=True)
class Row:
    kode: str
    kelurahan: str
    kecamatan: str = "Gambir"
    kota: str = "Jakarta Pusat"
    longitude: float = 106.83
    latitude: float = -6.17


@dataclass(frozen=True)
class Found:
    kode: str | None
    method: str = "inside"
    distance_m: float | None = 100.0
    probability: float = 1.0
    runner_up: str | None = None


@dataclass
class Strips:
    """Kelurahan as strips of longitude: where each begins, from west to east. A new version is a new division."""

    version: str
    strips: list[tuple[float, str | None]]
    approximate: bool = False
    by_kode: dict[str, Row] = field(
        default_factory=lambda: {
            GAMBIR: Row(GAMBIR, "Gambir"),
            CIDENG: Row(CIDENG, "Cideng"),
            BARU: Row(BARU, "Gambir Baru"),
        }
    )

    def locate(self, longitude: float, latitude: float, accuracy_m: float | None = None) -> Found:
        inside = [kode for begin, kode in self.strips if longitude >= begin]
        return Found(inside[-1] if inside else None)


OLD = Strips("old", [(106.80, CIDENG), (106.82, GAMBIR), (106.84, None)])
NEW = Strips("new", [(106.80, CIDENG), (106.82, GAMBIR), (106.83, BARU), (106.838, None)])
"""Gambir's east became a kelurahan of its own, and its very east left the city."""


@pytest.fixture(params=["sqlite", "dynamodb"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Table]:
    if request.param == "sqlite":
        made = SQLiteTable(tmp_path / "table.sqlite3")
        yield made
        made.close()
        return
    with mock_aws():
        there = DynamoDBTable("t", region="ap-southeast-3")
        there.create()
        yield there


def send(table: Table, tmp_path: Path, longitude: float | None, locator: Strips = OLD, **more: Any) -> str:
    door = intake.Door(
        table, FolderFiles(tmp_path / "private"), locator, lambda: NOW, secrets.token_bytes, 2_000_000
    )
    place = (
        {"longitude": longitude, "latitude": -6.17}
        if longitude
        else {"kelurahan": GAMBIR, "landmark": "Toko"}
    )
    wish = Submission(category="jalan", description="Lubang besar di jalan.", **place, **more)  # type: ignore[arg-type]
    return intake.accept(door, wish, channel="web").id


def run(table: Table, *, move: bool) -> relocate.Outcome:
    return relocate.relocate(table, NEW, now=lambda: NOW, random_bytes=secrets.token_bytes, move=move)


def kode(table: Table, report_id: str) -> str:
    found = records.load(table, report_id)
    assert found
    assert found[0].place
    return found[0].place.kode


def test_reports_move_to_new_boundaries_with_an_event_each_and_the_history_holds(
    table: Table, tmp_path: Path
) -> None:
    west, east, edge = (send(table, tmp_path, at) for at in (106.825, 106.832, 106.839))
    private = send(table, tmp_path, 106.833, private=True)
    chosen = send(table, tmp_path, None)
    said = run(table, move=False)
    assert {row[0] for row in said.moved} == {east, private}
    assert kode(table, east) == GAMBIR, "without --move nothing changes"
    done = run(table, move=True)
    assert sorted(done.moved) == sorted([(east, GAMBIR, BARU), (private, GAMBIR, BARU)])
    assert (done.outside, done.looked_at) == ([edge], 5)
    for report_id in (west, edge, chosen):
        assert kode(table, report_id) == GAMBIR
        assert len(records.history(table, report_id)) == 1
    for report_id in (east, private):
        assert kode(table, report_id) == BARU
        events = records.history(table, report_id)
        assert broken_at(events) is None
        assert (events[-1].kind, events[-1].kode, events[-1].boundaries) == ("placed", BARU, "new")
        assert events[-1].office == relocate.OPERATOR
        assert events[-1].to_office == Office(BARU, "Kelurahan Gambir Baru")
    assert [row.id for row in records.newest(table, BARU)] == [east]
    assert east not in [row.id for row in records.newest(table, GAMBIR)]
    assert records.counts(table)[BARU] == {"waiting": 1}
    again = run(table, move=True)
    assert (again.moved, again.outside) == ([], [edge])


def test_a_report_that_was_handed_on_stays_with_its_office(table: Table, tmp_path: Path) -> None:
    report_id = send(table, tmp_path, 106.832)
    work = desk.Desk(table, lambda: NOW, secrets.token_bytes)
    other = Office("dinas-bina-marga", "Dinas Bina Marga")
    move = Move(to="disposition", office=other.code, text="Diteruskan.")
    desk.move(
        work, report_id, move, role="officer", office=Office(GAMBIR, "Kelurahan Gambir"), to_office=other
    )
    run(table, move=True)
    found = records.load(table, report_id)
    assert found
    assert found[0].office == other
    assert kode(table, report_id) == BARU


def test_what_a_person_decided_is_named_and_left(table: Table, tmp_path: Path) -> None:
    report_id = send(table, tmp_path, 106.832)
    found = records.load(table, report_id)
    assert found
    assert found[0].place
    import msgspec

    told = msgspec.structs.replace(found[0], place=msgspec.structs.replace(found[0].place, method="officer"))
    table.transact([Put(records.head_key(report_id), records.to_body(told))])
    done = run(table, move=True)
    assert (done.moved, done.chosen) == ([], [report_id])


# Rows that follow from reports.


def derived(table: Table) -> dict[Key, Any]:
    found = {}
    for partition, _ in backup._partitions(table, None):
        if partition.startswith(("list#", "desk#", "requested#", "updates#", "workload")):
            for item in records.every(table, partition):
                counters = {name: n for name, n in item.counters.items() if n}
                if counters or not partition.startswith("workload"):
                    found[item.key] = (item.body, counters)
    return found


@pytest.fixture
def filled(table: Table, tmp_path: Path) -> Table:
    ids = [send(table, tmp_path, 106.825 + n / 1000, private=n == 1) for n in range(4)]
    work = desk.Desk(table, lambda: NOW, secrets.token_bytes)
    home = Office(GAMBIR, "Kelurahan Gambir")
    desk.move(
        work, ids[0], Move(to="in_progress", percent=10, text="Dikerjakan."), role="officer", office=home
    )
    desk.move(
        work, ids[2], Move(to="rejected", reason="not_found", text="Tidak ada."), role="officer", office=home
    )
    return table


def test_nothing_is_written_where_everything_is_right(filled: Table) -> None:
    before = derived(filled)
    done = migrate.migrate(filled)
    assert (done.reports, done.rewritten, done.removed, done.counters) == (4, 0, 0, 0)
    assert derived(filled) == before


def test_reports_from_before_there_were_queues_get_their_rows(filled: Table) -> None:
    before = derived(filled)
    for key in before:
        if key.partition.startswith(("desk#", "workload")):
            filled.transact([Delete(key)])
    done = migrate.migrate(filled)
    assert done.rewritten >= 4
    assert done.counters >= 1
    assert derived(filled) == before
    assert migrate.migrate(filled) == replace(done, rewritten=0, removed=0, counters=0)


def test_whatever_is_missing_old_or_left_behind_is_mended(filled: Table) -> None:
    before = derived(filled)
    rows = sorted(key for key in before if key.partition != worklist.WORKLOAD)
    open_row = next(key for key in rows if key.partition == f"list#public#open#{GAMBIR}")
    left = Key(f"list#public#closed#{GAMBIR}", open_row.sort)
    filled.transact([Delete(rows[0]), Put(left, {"id": "old"}), Put(open_row, {"id": "old"})])
    filled.transact([Add(Key(worklist.WORKLOAD, GAMBIR), {"waiting": 5})])
    migrate.migrate(filled)
    assert derived(filled) == before


def test_histories_are_not_touched(filled: Table) -> None:
    def all_of() -> dict[str, Any]:
        found = {}
        for report_id in relocate.ids(filled):
            loaded = records.load(filled, report_id)
            assert loaded
            found[report_id] = (loaded, records.history(filled, report_id))
        return found

    before = all_of()
    for key in derived(filled):
        filled.transact([Delete(key)])
    migrate.migrate(filled)
    assert all_of() == before
