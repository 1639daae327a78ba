"""Report numbers, the history's chain, and a report as the fold of its events."""

from __future__ import annotations

import hashlib
import json

import msgspec
import pytest
from chalicelib.report import (
    ID_ALPHABET,
    NO_EVENT,
    Event,
    Office,
    Report,
    Words,
    applied,
    broken_at,
    canonical,
    commitment,
    event_from,
    read_id,
    report_from,
    sealed,
    to_body,
    written_id,
)
from hypothesis import given
from hypothesis import strategies as st

ids = st.text(ID_ALPHABET, min_size=8, max_size=8)


@given(ids)
def test_a_number_is_read_however_it_is_written(code: str):
    assert read_id(code) == code
    assert read_id(written_id(code)) == code
    assert read_id(written_id(code).lower()) == code
    assert read_id(f"  {code.replace('0', 'o').replace('1', 'l')} ") == code


@given(st.text(max_size=30))
def test_what_is_no_number_is_none(text: str):
    code = read_id(text)
    assert code is None or (len(code) == 8 and set(code) <= set(ID_ALPHABET))


def chain(texts: list[str]) -> list[Event]:
    events: list[Event] = []
    previous = NO_EVENT
    for seq, text in enumerate(texts, start=1):
        event = Event(
            report="7K3M9QX2",
            seq=seq,
            at=f"2026-11-23T0{min(seq, 9)}:00:00.000Z",
            kind="received" if seq == 1 else "moved",
            to_state="waiting" if seq == 1 else "coordination",
            office=Office("dinas", "Dinas"),
            words={"text": Words("5a17", text)} if text else {},
        )
        events.append(sealed(event, previous))
        previous = events[-1].hash
    return events


texts = st.lists(st.text(max_size=40), min_size=1, max_size=6)


@given(texts)
def test_an_untouched_history_is_whole(lines: list[str]):
    assert broken_at(chain(lines)) is None
    stored = [event_from(json.loads(json.dumps(to_body(event)))) for event in chain(lines)]
    assert broken_at(stored) is None


@given(texts, st.data())
def test_any_change_of_a_fact_is_found_where_it_was_made(lines: list[str], data: st.DataObject):
    events = chain(lines)
    spot = data.draw(st.integers(0, len(events) - 1))
    name, value = data.draw(
        st.sampled_from(
            [
                ("at", "2020-01-01T00:00:00.000Z"),
                ("to_state", "done"),
                ("percent", 1),
                ("report", "AAAAAAAA"),
                ("office", None),
            ]
        )
    )
    events[spot] = msgspec.structs.replace(events[spot], **{name: value})
    assert broken_at(events) == spot + 1


@given(st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=6), st.data())
def test_changed_words_break_the_chain_but_erased_words_do_not(lines: list[str], data: st.DataObject):
    events = chain(lines)
    spot = data.draw(st.integers(0, len(events) - 1))
    erased = [*events]
    erased[spot] = msgspec.structs.replace(events[spot], words={})
    assert broken_at(erased) is None
    changed = [*events]
    changed[spot] = msgspec.structs.replace(events[spot], words={"text": Words("5a17", lines[spot] + "!")})
    assert broken_at(changed) == spot + 1


@given(st.lists(st.text(max_size=10), min_size=2, max_size=6), st.data())
def test_a_missing_or_exchanged_event_breaks_the_chain(lines: list[str], data: st.DataObject):
    events = chain(lines)
    spot = data.draw(st.integers(0, len(events) - 2))
    assert broken_at(events[:spot] + events[spot + 1 :]) == spot + 1
    events[spot], events[spot + 1] = events[spot + 1], events[spot]
    assert broken_at(events) == spot + 1


def test_the_hash_can_be_checked_with_sha256sum_alone():
    event = chain(["Sudah diteruskan."])[0]
    facts = {k: v for k, v in to_body(event).items() if k not in {"hash", "words"}} | {"version": 1}
    line = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert canonical(event).decode() == line
    assert hashlib.sha256(line.encode()).hexdigest() == event.hash
    assert event.commitments["text"] == hashlib.sha256(b"5a17\nSudah diteruskan.").hexdigest()
    assert commitment("5a17", "x") != commitment("5a18", "x")


def report() -> Report:
    first = chain(["a"])[0]
    return Report(
        id="7K3M9QX2",
        created=first.at,
        updated=first.at,
        category="jalan",
        state="waiting",
        description="Lubang di jalan.",
        channel="web",
        language="id",
        private=False,
        follow_hash="0" * 64,
        seq=1,
        head=first.hash,
        office=Office("31.71.01.1001", "Kelurahan Gambir"),
    )


def next_event(before: Report, to: str, **more: object) -> Event:
    facts = {
        "report": before.id,
        "seq": before.seq + 1,
        "at": "2026-11-24T00:00:00.000Z",
        "kind": "moved",
        "from_state": before.state,
        "to_state": to,
    }
    return sealed(Event(**{**facts, **more}), before.head)  # type: ignore[arg-type]


def test_a_report_is_its_events():
    it = report()
    it = applied(it, next_event(it, "coordination", to_office=Office("dinas", "Dinas")))
    assert (it.state, it.office, it.closed) == ("coordination", Office("dinas", "Dinas"), None)
    it = applied(it, next_event(it, "in_progress", percent=50, planned="2026-11-30"))
    assert (it.percent, it.planned) == (50, "2026-11-30")
    it = applied(it, next_event(it, "done"))
    assert (it.state, it.percent, it.planned, it.closed) == ("done", 100, None, it.updated)
    it = applied(it, next_event(it, "waiting"))
    assert (it.percent, it.closed, it.seq) == (None, None, 5)
    assert report_from(json.loads(json.dumps(to_body(it)))) == it


def test_an_event_of_another_time_or_report_is_refused():
    it = report()
    event = next_event(it, "coordination")
    for wrong in ({"seq": 3}, {"report": "AAAAAAAA"}, {"previous": NO_EVENT}):
        with pytest.raises(ValueError, match="does not follow"):
            applied(it, msgspec.structs.replace(event, **wrong))
