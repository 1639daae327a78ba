"""What officers do: a move is one event in one transaction, and two officers never overwrite each other."""

from __future__ import annotations

import threading
from datetime import date
from typing import Any

import pytest
from chalicelib import desk, intake, records
from chalicelib.lifecycle import Move, MoveRefused
from chalicelib.report import Office, broken_at
from chalicelib.storage.table import Key
from chalicelib.submission import Submission

from .conftest import GAMBIR, Clock, Dice

HOME = Office(GAMBIR, "Kelurahan Gambir")
ROADS = Office("bina-marga", "Dinas Bina Marga")


@pytest.fixture
def officers(door: intake.Door, clock: Clock, dice: Dice) -> desk.Desk:
    return desk.Desk(door.table, clock, dice)


@pytest.fixture
def sent(door: intake.Door) -> str:
    submission = Submission(
        category="jalan", description="Lubang besar di lajur kiri.", latitude=-6.17, longitude=106.83
    )
    return intake.accept(door, submission, channel="web").id


def move(officers: desk.Desk, report_id: str, to: str, **more: Any) -> Any:
    beside = {
        name: more.pop(name) for name in ("to_office", "planned", "seen_version", "role") if name in more
    }
    return desk.move(officers, report_id, Move(to, **more), **{"role": "officer", "office": HOME, **beside})


def test_a_move_is_told_in_public_by_office_and_never_by_person(officers: desk.Desk, sent: str, clock: Clock):
    clock.later(hours=2)
    after = move(officers, sent, "coordination", text="Diteruskan.", office=ROADS.code, to_office=ROADS)
    assert (after.state, after.office, after.updated) == ("coordination", ROADS, "2026-11-23T04:00:00.000Z")
    history = records.history(officers.table, sent)
    assert [event.kind for event in history] == ["received", "moved"]
    last = history[-1]
    assert (last.office, last.to_office, last.from_state, last.to_state) == (
        HOME,
        ROADS,
        "waiting",
        "coordination",
    )
    assert last.words["text"].text == "Diteruskan."
    assert broken_at(history) is None
    assert records.load(officers.table, sent) == (after, 2)


def test_percent_and_plan_are_public_while_work_goes_on_and_gone_when_it_ended(
    officers: desk.Desk, sent: str
):
    working = move(officers, sent, "in_progress", percent=25, planned=date(2026, 12, 1))
    assert (working.percent, working.planned) == (25, "2026-12-01")
    further = move(officers, sent, "in_progress", percent=75)
    assert (further.percent, further.planned) == (75, "2026-12-01")
    done = move(officers, sent, "done", text="Sudah ditambal.")
    assert (done.percent, done.planned, done.closed) == (100, None, done.updated)


def test_a_closed_report_leaves_the_open_list_for_the_closed_one(officers: desk.Desk, sent: str):
    def listed(phase: str) -> list[str]:
        return [i.body["id"] for i in officers.table.query(f"list#public#{phase}#{GAMBIR}").items]

    assert (listed("open"), listed("closed")) == ([sent], [])
    move(officers, sent, "done", text="Sudah ditambal.")
    assert (listed("open"), listed("closed")) == ([], [sent])
    assert records.counts(officers.table) == {GAMBIR: {"done": 1}}
    reopened = move(officers, sent, "waiting", text="Ambles lagi.")
    assert (listed("open"), listed("closed")) == ([sent], [])
    assert (reopened.closed, reopened.percent) == (None, None)


def test_what_the_table_of_moves_forbids_changes_nothing(officers: desk.Desk, sent: str):
    before = records.load(officers.table, sent)
    with pytest.raises(MoveRefused) as refused:
        move(officers, sent, "done", text="Selesai.", role="auditor")
    assert refused.value.code == "not_allowed"
    with pytest.raises(MoveRefused):
        move(officers, sent, "rejected", text="Tidak.", reason="because")
    assert records.load(officers.table, sent) == before
    assert len(records.history(officers.table, sent)) == 1


def test_an_unknown_report_cannot_be_moved(officers: desk.Desk):
    with pytest.raises(desk.Unknown, match="7K3M9QX2"):
        move(officers, "7K3M9QX2", "done", text="Selesai.")


def test_an_officer_who_looked_at_an_older_version_is_told(officers: desk.Desk, sent: str):
    move(officers, sent, "in_progress", percent=10, seen_version=1)
    with pytest.raises(desk.Changed):
        move(officers, sent, "done", text="Selesai.", seen_version=1)
    assert [e.to_state for e in records.history(officers.table, sent)] == ["waiting", "in_progress"]


def test_of_many_officers_at_once_each_move_stands_whole_or_is_refused(officers: desk.Desk, sent: str):
    outcomes: list[str] = []
    together = threading.Barrier(6)

    def work(percent: int) -> None:
        together.wait()
        try:
            move(officers, sent, "in_progress", percent=percent)
            outcomes.append("moved")
        except desk.Changed:
            outcomes.append("changed")

    threads = [threading.Thread(target=work, args=(10 * n,)) for n in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    history = records.history(officers.table, sent)
    assert broken_at(history) is None
    assert len(history) == 1 + outcomes.count("moved")
    assert len(outcomes) == 6
    assert "moved" in outcomes
    found = records.load(officers.table, sent)
    assert found is not None
    assert (found[0].seq, found[0].head) == (len(history), history[-1].hash)
    assert records.counts(officers.table) == {GAMBIR: {"in_progress": 1}}


def test_time_never_runs_backwards_in_a_history(officers: desk.Desk, sent: str, clock: Clock):
    clock.later(hours=-1)
    move(officers, sent, "in_progress", percent=10)
    stamps = [event.at for event in records.history(officers.table, sent)]
    assert stamps == sorted(stamps)


def test_what_an_officer_writes_is_masked_like_what_a_citizen_writes(officers: desk.Desk, sent: str):
    move(officers, sent, "in_progress", text="Hubungi pelapor di 0812-3456-7890.")
    stored = "".join(str(item.body) for item in records.every(officers.table, f"report#{sent}"))
    assert "3456" not in stored
    assert "Hubungi pelapor" in stored


def test_a_duplicate_points_to_the_other_report(officers: desk.Desk, sent: str):
    after = move(officers, sent, "duplicate", duplicate_of="7K3M9QX2")
    assert (after.state, after.duplicate_of) == ("duplicate", "7K3M9QX2")
    back = move(officers, sent, "waiting", text="Ternyata bukan duplikat.")
    assert back.duplicate_of is None


def test_a_private_report_moves_without_a_public_trace(officers: desk.Desk, door: intake.Door):
    submission = Submission(
        category="jalan", description="Rahasia saja ya.", latitude=-6.17, longitude=106.83, private=True
    )
    report_id = intake.accept(door, submission, channel="web").id
    move(officers, report_id, "done", text="Selesai.")
    assert records.counts(officers.table) == {}
    assert officers.table.get(Key("counts", GAMBIR)) is None
    assert officers.table.query(f"list#public#closed#{GAMBIR}").items == []
    assert len(officers.table.query(f"list#private#closed#{GAMBIR}").items) == 1
