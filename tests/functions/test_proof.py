"""The proof: one byte changed anywhere names the event; roots of days cover every head; erasing breaks nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import date

import msgspec
import pytest
from chalicelib import audit, categories, desk, intake, proof, public, publish, records
from chalicelib.lifecycle import Move
from chalicelib.proof import Break, Head
from chalicelib.publishing import roots
from chalicelib.report import NO_EVENT, Event, Office, Report, sealed, to_body
from chalicelib.storage.folder import FolderFiles
from chalicelib.storage.sqlite import SQLiteTable
from chalicelib.storage.table import Item, Put
from chalicelib.submission import Submission
from hypothesis import given
from hypothesis import strategies as st

from .conftest import CIDENG, GAMBIR, Clock, Dice, TwoKelurahan

HERE = Office(GAMBIR, "Kelurahan Gambir")
AGENCY = Office("dinas", "Dinas Contoh")


def document(it: Report, events: list[Event]) -> bytes:
    return public.document(public.report(it, events, categories.load()))


def quietly(many, _what):
    return many


@pytest.fixture
def told(door: intake.Door, dice: Dice, clock: Clock, site: FolderFiles) -> str:
    """A report with a history of four events, and its published file."""
    submission = Submission(
        category="jalan",
        description="Lubang “besar” di Jl. Cikini № 5 dekat halte.",
        landmark="Seberang apotek",
        longitude=106.83,
        latitude=-6.17,
    )
    accepted = intake.accept(door, submission, channel="web")
    officers = desk.Desk(door.table, clock, dice)
    steps = (
        (Move("coordination", "Diteruskan.", office="dinas"), AGENCY),
        (Move("in_progress", "Dikerjakan.", percent=40), None),
        (Move("done", "Sudah ditambal."), None),
    )
    for wish, to in steps:
        clock.later(hours=30)
        desk.move(officers, accepted.id, wish, role="officer", office=HERE, to_office=to)
    publish_file(door.table, site, accepted.id)
    return accepted.id


def publish_file(table: SQLiteTable, site: FolderFiles, report_id: str) -> None:
    loaded = records.load(table, report_id)
    assert loaded is not None
    site.put(f"laporan/{report_id}.json", document(loaded[0], records.history(table, report_id)))


def found(table: SQLiteTable, site: FolderFiles) -> list[Break]:
    return list(audit.findings(table, site, [GAMBIR, CIDENG], document, quietly))


def item(table: SQLiteTable, report_id: str, seq: int | None) -> Item:
    key = records.head_key(report_id) if seq is None else records.event_key(report_id, seq)
    kept = table.get(key)
    assert kept is not None
    return kept


def test_what_nobody_touched_is_whole(table: SQLiteTable, site: FolderFiles, told: str):
    assert found(table, site) == []


@pytest.mark.parametrize(
    ("seq", "change", "named"),
    [
        (1, {"at": "2026-11-23T02:00:00.001Z"}, 1),
        (1, {"category": "jalam"}, 1),
        (2, {"to_state": "disposition"}, 2),
        (2, {"to_office": {"code": "dinas", "name": "Dinas Contoj"}}, 2),
        (3, {"percent": 41}, 3),
        (3, {"words": {"text": {"salt": "00", "text": "Dikerjakan."}}}, 3),
        (4, {"hash": "0" * 64}, 4),
        (4, {"previous": "0" * 64}, 4),
        (None, {"state": "rejected"}, 4),
        (None, {"description": "Lubang kecil di Jl. Cikini"}, 1),
        (None, {"landmark": ""}, 1),
        (None, {"percent": 99}, 4),
        (None, {"office": {"code": GAMBIR, "name": "Kelurahan Gambir"}}, 2),
        (None, {"head": "0" * 64}, 4),
        (None, {"closed": "2026-11-24T00:00:00.000Z"}, 4),
    ],
)
def test_one_thing_changed_in_the_table_names_the_broken_event(
    table: SQLiteTable, site: FolderFiles, told: str, seq: int | None, change: dict[str, object], named: int
):
    kept = item(table, told, seq)
    table.transact([Put(kept.key, {**kept.body, **change})])
    broken = found(table, site)
    assert [(each.report, each.seq) for each in broken] == [(told, named)]


def test_every_single_letter_of_a_published_history_counts(table: SQLiteTable, site: FolderFiles, told: str):
    whole = site.get(f"laporan/{told}.json").data
    lines = whole.split(b"\n")
    for seq in range(1, 5):
        spot = sum(len(line) + 1 for line in lines[:seq]) + len(lines[seq]) // 2
        changed = bytearray(whole)
        changed[spot] = ord("0") if changed[spot] != ord("0") else ord("1")
        site.put(f"laporan/{told}.json", bytes(changed))
        [broken] = found(table, site)
        assert broken.report == told
        assert broken.seq in {seq, 1}
        try:
            json.loads(changed)
        except ValueError:
            continue
        assert broken.seq == seq


def test_a_missing_event_or_file_is_named(table: SQLiteTable, site: FolderFiles, told: str):
    from chalicelib.storage.table import Delete

    table.transact([Delete(records.event_key(told, 3))])
    assert [each.seq for each in found(table, site)] == [3]
    site.delete(f"laporan/{told}.json")
    table.transact([Delete(records.event_key(told, 4))])
    assert [each.seq for each in found(table, site)] == [3]


def test_a_history_written_anew_from_the_beginning_meets_the_roots(
    table: SQLiteTable, site: FolderFiles, told: str, publisher: publish.Publisher, clock: Clock
):
    """Whoever rewrites events and every hash after them still cannot rewrite the roots of the days."""
    clock.later(days=2)
    roots.write_new(publisher.table, publisher.site, clock())
    it, _ = records.load(table, told)
    previous, forged = NO_EVENT, []
    for event in records.history(table, told):
        changes = {"percent": 90} if event.seq == 3 else {}
        forged.append(sealed(msgspec.structs.replace(event, **changes), previous))
        previous = forged[-1].hash
    changed = msgspec.structs.replace(it, head=previous)
    table.transact(
        [Put(records.head_key(told), to_body(changed))]
        + [Put(records.event_key(told, event.seq), to_body(event)) for event in forged]
    )
    publish_file(table, site, told)
    broken = found(table, site)
    assert {(each.report, each.seq) for each in broken} == {(told, 3), (told, 4)}
    assert "sealed on" in broken[0].why


@pytest.fixture
def publisher(door: intake.Door, site: FolderFiles) -> publish.Publisher:
    """A publisher that draws no pages: roots need none."""
    return publish.Publisher(
        table=door.table,
        site=site,
        private=door.private,
        renderer=None,  # type: ignore[arg-type]
        locator=TwoKelurahan(),
        neighbours={},
        outlines=b"{}",
        categories=categories.load(),
    )


def test_a_root_covers_every_head_of_its_day_and_the_root_before(
    table: SQLiteTable, site: FolderFiles, told: str, publisher: publish.Publisher, clock: Clock
):
    clock.later(days=1)
    days = roots.write_new(publisher.table, publisher.site, clock())
    assert days[0] == "2026-11-23"
    assert days == sorted(days)
    previous = "0" * 64
    for day in days:
        text = site.get(f"bukti/{day}.txt").data
        root = json.loads(site.get(f"bukti/{day}.json").data)["root"]
        assert hashlib.sha256(text).hexdigest() == root
        assert text.decode().splitlines()[0] == f"{day} {previous}"
        previous = root
    history = records.history(table, told)
    last = [event for event in history if proof.day_of(event.at) == days[1]][-1]
    assert f"{told} {last.seq} {last.hash}" in site.get(f"bukti/{days[1]}.txt").data.decode().splitlines()
    assert json.loads(site.get("bukti/terbaru.json").data) == {"day": days[-1], "root": previous}


def test_roots_are_written_once_and_the_same_again_after_the_files_were_lost(
    table: SQLiteTable, site: FolderFiles, told: str, publisher: publish.Publisher, clock: Clock
):
    clock.later(days=1)
    first = roots.write_new(publisher.table, publisher.site, clock())
    kept = {path: site.get(path).data for path in site.list("bukti/")}
    assert first
    assert roots.write_new(publisher.table, publisher.site, clock()) == []
    for path in kept:
        site.delete(path)
    roots.write_again(publisher.table, publisher.site)
    assert {path: site.get(path).data for path in site.list("bukti/")} == kept
    clock.later(days=3)
    assert len(roots.write_new(publisher.table, publisher.site, clock())) == 3, (
        "also days on which nothing happened"
    )
    assert found(table, site) == []


def test_a_day_ends_an_hour_after_midnight_in_jakarta(
    table: SQLiteTable, told: str, publisher: publish.Publisher, clock: Clock
):
    # The report's last event is of 2026-11-26, 22:00 in Jakarta.
    assert proof.day_of(records.history(table, told)[-1].at) == "2026-11-27"
    clock.now = clock.now.replace(day=27, hour=17, minute=30)
    assert roots.write_new(publisher.table, publisher.site, clock())[-1] == "2026-11-26"
    clock.now = clock.now.replace(hour=18, minute=1)
    assert roots.write_new(publisher.table, publisher.site, clock()) == ["2026-11-27"]


def test_a_private_report_is_sealed_without_its_number(
    door: intake.Door, site: FolderFiles, publisher: publish.Publisher, clock: Clock
):
    submission = Submission(
        category="jalan",
        description="Tentang saya sendiri.",
        longitude=106.83,
        latitude=-6.17,
        private=True,
    )
    accepted = intake.accept(door, submission, channel="web")
    clock.later(days=2)
    roots.write_new(publisher.table, publisher.site, clock())
    text = site.get("bukti/2026-11-23.txt").data.decode()
    seal = records.load(door.table, accepted.id)[0].head
    assert f"- 1 {seal}" in text
    assert accepted.id not in text
    assert found(door.table, site) == []


def test_a_changed_root_or_text_is_named(
    table: SQLiteTable, site: FolderFiles, told: str, publisher: publish.Publisher, clock: Clock
):
    clock.later(days=1)
    days = roots.write_new(publisher.table, publisher.site, clock())
    path = f"bukti/{days[0]}.txt"
    text = site.get(path).data
    site.put(path, text.replace(b" 1 ", b" 2 "))
    assert {each.report for each in found(table, site)} >= {days[0]}
    site.put(path, text)
    site.put(f"bukti/{days[1]}.json", b'{"root":"00"}')
    assert [each.report for each in found(table, site)] == [days[1]]
    site.put(f"bukti/{days[1]}.json", b"not json")
    assert [each.report for each in found(table, site)] == [days[1]]


heads = st.lists(
    st.builds(Head, st.text("ABC0", min_size=8, max_size=8), st.integers(1, 99), st.just("ab" * 32)),
    unique_by=lambda head: head.report,
    max_size=20,
)


@given(heads, st.randoms())
def test_a_day_is_the_same_text_in_whatever_order_its_heads_come(rows: list[Head], dice):
    shuffled = rows[:]
    dice.shuffle(shuffled)
    one, other = (proof.day_text("2026-11-23", "0" * 64, each) for each in (rows, shuffled))
    assert one == other
    assert proof.read_day(one.text) == ("2026-11-23", "0" * 64, sorted(rows))


@pytest.mark.parametrize("text", ["", "no day\n", "2026-11-23 00\nAAAAAAAA 1\n", "2026-11-23 00\nA x ab\n"])
def test_a_text_that_is_no_day_is_refused(text: str):
    with pytest.raises(ValueError, match=r"\S"):
        proof.read_day(text)


def test_the_published_file_is_json_with_a_line_per_event_that_sha256sum_checks(
    table: SQLiteTable, site: FolderFiles, told: str
):
    data = site.get(f"laporan/{told}.json").data
    assert len(json.loads(data)["history"]) == 4
    for line in data.decode().splitlines()[1:5]:
        covered = line.split(',"hash":')[0] + "}"
        assert hashlib.sha256(covered.encode()).hexdigest() == json.loads(line.rstrip(","))["hash"]


def test_a_day_without_changes_costs_one_query(
    table: SQLiteTable, publisher: publish.Publisher, told: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    clock.later(days=1)
    roots.write_new(publisher.table, publisher.site, clock())
    asked: list[str] = []
    query: Callable[..., object] = table.query
    monkeypatch.setattr(
        table, "query", lambda partition, **more: (asked.append(partition), query(partition, **more))[1]
    )
    clock.later(days=1)
    [day] = roots.write_new(publisher.table, publisher.site, clock())
    assert asked == [f"heads#{day}"]
    assert date.fromisoformat(day)
