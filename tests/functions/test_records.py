"""How reports lie in the table: lists in order, counts that never drift, and nothing private in a public list."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from chalicelib import desk, intake, records
from chalicelib.lifecycle import MOVES, Move, MoveRefused
from chalicelib.report import Office
from chalicelib.storage.folder import FolderFiles
from chalicelib.storage.sqlite import SQLiteTable
from chalicelib.storage.table import Add, Delete, Key, Put
from chalicelib.submission import Submission
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import CIDENG, GAMBIR, Clock, Dice, TwoKelurahan

POSITIONS = {GAMBIR: (106.83, -6.17), CIDENG: (106.81, -6.17)}


def send(door: intake.Door, kode: str = GAMBIR, **changes: Any) -> str:
    longitude, latitude = POSITIONS[kode]
    facts: dict[str, Any] = {
        "category": "jalan",
        "description": "Lubang besar di lajur kiri.",
        "longitude": longitude,
        "latitude": latitude,
    }
    return intake.accept(door, Submission(**{**facts, **changes}), channel="web").id


def finish(door: intake.Door, report_id: str, to: str = "done", **more: Any) -> None:
    wish = Move(to, **{"text": "Sudah.", **more})
    desk.move(
        desk.Desk(door.table, door.now, door.random_bytes),
        report_id,
        wish,
        role="officer",
        office=Office(GAMBIR, "Kelurahan Gambir"),
    )


def test_a_kelurahans_list_has_open_reports_first_and_the_newest_of_each_first(
    door: intake.Door, clock: Clock
):
    ids = []
    for _ in range(5):
        ids.append(send(door))
        clock.later(minutes=1)
    finish(door, ids[4])
    finish(door, ids[0])
    assert [row.id for row in records.newest(door.table, GAMBIR)] == [ids[3], ids[2], ids[1], ids[4], ids[0]]
    assert [row.id for row in records.newest(door.table, GAMBIR, limit=4)] == [ids[3], ids[2], ids[1], ids[4]]
    assert [row.id for row in records.newest(door.table, GAMBIR, limit=2)] == [ids[3], ids[2]]
    assert records.newest(door.table, CIDENG) == []


def test_a_month_holds_all_its_reports_open_and_closed_oldest_first(door: intake.Door, clock: Clock):
    november = [send(door), send(door)]
    finish(door, november[1])
    clock.later(days=10)
    december = [send(door)]
    assert [row.id for row in records.of_month(door.table, GAMBIR, "2026-11")] == sorted(november)
    assert [row.id for row in records.of_month(door.table, GAMBIR, "2026-12")] == december
    assert records.months(door.table, GAMBIR) == ["2026-11", "2026-12"]
    assert sorted(records.public_ids(door.table, GAMBIR)) == sorted(november + december)


def test_private_reports_are_in_no_public_list_and_no_count(door: intake.Door):
    report_id = send(door, private=True)
    assert records.newest(door.table, GAMBIR) == []
    assert records.counts(door.table) == {}
    assert list(records.public_ids(door.table, GAMBIR)) == []
    assert [i.body["id"] for i in door.table.query(f"list#private#open#{GAMBIR}").items] == [report_id]


def test_a_report_without_a_place_waits_in_a_list_of_its_own(door: intake.Door):
    nowhere = Submission(category="jalan", description="Entah di mana ini.", longitude=110.0, latitude=-7.0)
    accepted = intake.accept(door, nowhere, channel="email", may_ask=False)
    assert accepted.place is None
    assert [i.body["id"] for i in door.table.query("list#public#open#-").items] == [accepted.id]
    assert records.counts(door.table) == {}


def test_contact_data_lies_apart_from_the_report(door: intake.Door):
    report_id = send(door, contact_email="warga@contoh.id")
    contact = door.table.get(records.contact_key(report_id))
    assert contact is not None
    assert contact.body == {"email": "warga@contoh.id"}
    beside = [str(item.body) for item in records.every(door.table, f"report#{report_id}")]
    assert "contoh.id" not in "".join(beside)


def test_without_contact_nothing_is_kept_about_the_reporter(door: intake.Door):
    assert door.table.get(records.contact_key(send(door))) is None


@pytest.mark.parametrize(
    ("key", "kode"),
    [
        (Key("list#public#open#31.71.01.1001", "x"), GAMBIR),
        (Key("list#public#closed#31.71.01.1001", "x"), GAMBIR),
        (Key("list#private#open#31.71.01.1001", "x"), None),
        (Key("list#public#open#-", "x"), None),
        (Key("report#7K3M9QX2", "head"), None),
        (Key("counts", GAMBIR), None),
    ],
)
def test_only_public_lists_touch_a_kelurahans_pages(key: Key, kode: str | None):
    assert records.kode_of_list(key) == kode


def test_a_long_text_is_cut_for_lists_on_one_line(door: intake.Door):
    send(door, description="Baris satu\nbaris dua " + "panjang " * 40)
    text = records.newest(door.table, GAMBIR)[0].text
    assert "\n" not in text
    assert len(text) <= records.SUMMARY_LENGTH
    assert text.endswith("…")


def test_every_item_is_found_page_by_page(table: SQLiteTable):
    for n in range(0, 250, 25):
        table.transact([Put(Key("many", f"{i:04}"), {"n": i}) for i in range(n, n + 25)])
    assert [i.body["n"] for i in records.every(table, "many")] == list(range(250))
    assert [i.body["n"] for i in records.every(table, "many", descending=True, most=120)] == list(
        range(249, 129, -1)
    )
    assert list(records.every(table, "many", most=0)) == []
    assert list(records.every(table, "none")) == []


def test_a_move_within_a_list_writes_no_delete_and_one_between_lists_does(door: intake.Door):
    report_id = send(door)
    found = records.load(door.table, report_id)
    assert found is not None
    before, version = found
    event = records.history(door.table, report_id)[0]
    same = msgspec.structs.replace(before, state="in_progress")
    closed = msgspec.structs.replace(before, state="done")
    within = records.succession_writes(before, same, event, version=version)
    between = records.succession_writes(before, closed, event, version=version)
    assert records.list_key(before) not in [w.key for w in within if isinstance(w, Delete)]
    assert records.list_key(before) in [w.key for w in between if isinstance(w, Delete)]
    adds = [dict(w.counters) for w in between if isinstance(w, Add) and w.key.partition == "counts"]
    assert adds == [{"changes": 1, "waiting": -1, "done": 1}]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([GAMBIR, CIDENG]),
            st.booleans(),
            st.lists(st.sampled_from(sorted(MOVES)), max_size=5),
        ),
        max_size=6,
    )
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_counts_are_what_counting_gives(tmp_path: Path, lives: list[tuple[str, bool, list[str]]]):
    clock, dice = Clock(), Dice(seed=str(lives))
    folder = tmp_path / dice(8).hex()
    folder.mkdir(exist_ok=True)
    table = SQLiteTable(folder / "table.sqlite3", now=clock.seconds)
    door = _door(table, folder, clock, dice)
    states: Counter[tuple[str, str]] = Counter()
    for kode, private, moves in lives:
        report_id, state = send(door, kode, private=private), "waiting"
        for to in moves:
            needs = {"reason": "not_found"} if to == "rejected" else {}
            needs |= {"duplicate_of": "7K3M9QX2"} if to == "duplicate" else {}
            needs |= {"office": "x"} if to in {"coordination", "disposition"} else {}
            try:
                finish(door, report_id, to, **needs)
            except MoveRefused:
                continue
            state = to
        if not private:
            states[kode, state] += 1
    counted = {(kode, s): n for kode, row in records.counts(table).items() for s, n in row.items()}
    assert counted == dict(states)
    listed = Counter((kode, row.state) for kode in POSITIONS for row in records.newest(table, kode))
    assert listed == states
    table.close()


def _door(table: SQLiteTable, folder: Path, clock: Clock, dice: Dice) -> intake.Door:
    return intake.Door(
        table, FolderFiles(folder / "private"), TwoKelurahan(), clock, dice, max_photo_bytes=1_000_000
    )
