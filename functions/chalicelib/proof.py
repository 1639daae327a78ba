"""What proves that nobody rewrote the past: a report against its history, and a root over all heads of a day.

A day's text lists the last event of every report that changed on it, after the root of
the day before; its SHA-256 is the day's root. So each root covers every head there ever
was, and a day costs what changed on it. Decides; reads and writes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import msgspec

from .report import NO_EVENT, Event, Office, Report, applied, broken_at, moment

PRIVATE = "-"
"""Stands where the number of a private report would: only its seal is shown."""
WIB = timedelta(hours=7)
"""Days here are Jakarta's: UTC+7 without summer time."""


@dataclass(frozen=True, slots=True)
class Break:
    """Where a history does not hold: the report, its event (seq), and what is wrong there."""

    report: str
    seq: int
    why: str


class Head(msgspec.Struct, frozen=True, order=True):
    """The last event of a report on some day. `report` is its id, or PRIVATE."""

    report: str
    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Day:
    """A day's text as it is published and hashed, its root, and the root before it."""

    day: str
    previous: str
    root: str
    count: int
    text: str


def day_of(at: str) -> str:
    """The day in Jakarta (yyyy-mm-dd) of a stamp."""
    return (moment(at) + WIB).date().isoformat()


def day_text(day: str, previous: str, heads: Iterable[Head]) -> Day:
    """The text and root of a day. `previous` is the root of the last day before it that has one, or zeros.

    The text: a line with the day and the root before, then `<id> <seq> <hash>` per report, sorted.
    """
    rows = sorted(heads)
    lines = [f"{day} {previous}", *(f"{head.report} {head.seq} {head.hash}" for head in rows)]
    text = "\n".join(lines) + "\n"
    return Day(day, previous, day_text_root(text), len(rows), text)


def day_text_root(text: str) -> str:
    """The root of a day: SHA-256 of its text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def read_day(text: str) -> tuple[str, str, list[Head]]:
    """The reverse of `day_text`: day, the root before, heads. Raises ValueError when it is no such text."""
    first, *rows = text.splitlines()
    day, _, previous = first.partition(" ")
    date.fromisoformat(day)
    heads = []
    for row in rows:
        parts = row.split(" ")
        if len(parts) != 3 or not parts[1].isdecimal():
            raise ValueError(f"{day}: {row[:100]!r} is not `<id> <seq> <hash>`")
        heads.append(Head(parts[0], int(parts[1]), parts[2]))
    return day, previous, heads


def check(report: Report, events: Sequence[Event]) -> Break | None:
    """The first event of a report that does not hold, or None when history and report are whole.

    Beside the chain itself: that the report is what its events say, and that its words are theirs.
    """
    seq = broken_at(events)
    if seq is not None:
        return Break(report.id, seq, "the event was changed, or the one before it")
    if len(events) < report.seq:
        return Break(report.id, len(events) + 1, "the event is missing")
    known = events[: report.seq]
    if known[-1].hash != report.head:
        return Break(report.id, report.seq, "the report's seal is another than its last event's")
    if known[0].report != report.id:
        return Break(report.id, 1, f"the event is of report {known[0].report}")
    for name, kept in (("description", report.description), ("landmark", report.landmark)):
        told = [event for event in known if name in event.commitments] or known[:1]
        words = told[-1].words.get(name)
        if (words.text if words else "") != kept:
            return Break(report.id, told[-1].seq, f"the report's {name} is not the event's")
    return _against_events(report, known)


FOLDED = ("state", "office", "percent", "planned", "closed", "duplicate_of", "rating", "updated")


def _against_events(report: Report, events: Sequence[Event]) -> Break | None:
    """The event from which on the report's fields cannot have come from its history."""
    first = events[0]
    told = msgspec.structs.replace(
        report,
        seq=1,
        head=first.hash,
        updated=first.at,
        state=first.to_state or "waiting",
        office=first.to_office,
        percent=None,
        planned=None,
        closed=None,
        duplicate_of=None,
        rating=None,
        handovers=0,
    )
    said_by: dict[str, int] = dict.fromkeys(FOLDED, 1)
    for event in events[1:]:
        after = applied(told, event)
        said_by |= {name: event.seq for name in FOLDED if getattr(after, name) != getattr(told, name)}
        told = after
    for name in FOLDED:
        if (have := getattr(report, name)) != (want := getattr(told, name)):
            why = f"the report's {name} is {_shown(have)}, its events say {_shown(want)}"
            return Break(report.id, said_by[name], why)
    return None


def _shown(value: Any) -> str:
    return value.name if isinstance(value, Office) else repr(value)


def first_difference(ours: Sequence[Any], theirs: Sequence[Any]) -> int | None:
    """The number (from 1) of the first entry in which two histories differ; None when they are the same."""
    for number, (one, other) in enumerate(zip(ours, theirs, strict=False), start=1):
        if one != other:
            return number
    return min(len(ours), len(theirs)) + 1 if len(ours) != len(theirs) else None


FIRST = NO_EVENT
"""What stands before the first day, as before the first event: zeros."""
