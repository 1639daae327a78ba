"""Data that admins edit at the desk, over the defaults that ship: one versioned document per kind, every change kept.

A document holds entries by code. The change and its line in the history are one
transaction, and it fails when somebody else changed the document since it was read.
What an entry means is the business of who asks: agencies.py, routing.py, phrases.py.

| partition     | sort                 | what                                                   |
| ------------- | -------------------- | ------------------------------------------------------ |
| edited        | <kind>               | entries by code; null for a default that was taken out |
| edited#<kind> | <at>#<number>#<code> | a change: who, when, what it was and what it became    |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from ..access import Officer
from ..report import stamp
from ..storage.table import ConditionFailed, Expect, Key, Put, Table, Write

PARTITION = "edited"
MOST_ENTRIES = 300
MOST_BYTES = 250_000
"""Of a document: a table takes 350,000."""
HISTORY = 50
"""So many changes are shown."""


class Edited(msgspec.Struct, frozen=True):
    """What was edited of a kind: entries by code, None where a default was taken out. `version` 0: nothing yet."""

    entries: Mapping[str, dict[str, Any] | None]
    version: int


class Change(msgspec.Struct, frozen=True):
    """A line of the history. `name` and `office` are of who did it; `before` and `after` None: it was not there."""

    at: str
    code: str
    name: str
    office: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class TooMany(ValueError):
    """The document would be too large."""


class ChangedMeanwhile(RuntimeError):
    """Somebody else edited the document since it was read."""


def read(table: Table, kind: str) -> Edited:
    """What was edited of a kind. One read."""
    item = table.get(Key(PARTITION, kind))
    return Edited(item.body["entries"], item.version) if item else Edited({}, 0)


def write(
    table: Table,
    kind: str,
    entries: Mapping[str, dict[str, Any] | None],
    *,
    seen: int,
    before: Mapping[str, dict[str, Any] | None],
    by: Officer,
    now: datetime,
    also: Sequence[Write] = (),
) -> Edited:
    """Change entries (None takes one out) of the document read at version `seen`. `before` is what they were.

    Raises ChangedMeanwhile, or TooMany.
    """
    current = read(table, kind)
    if current.version != seen:
        raise ChangedMeanwhile(f"{kind} is at version {current.version}, not {seen}")
    body = {"entries": {**current.entries, **entries}}
    if len(body["entries"]) > MOST_ENTRIES or len(msgspec.json.encode(body)) > MOST_BYTES:
        raise TooMany(f"{kind} would hold more than {MOST_ENTRIES} entries or {MOST_BYTES} bytes")
    writes: list[Write] = [Put(Key(PARTITION, kind), body, seen or Expect.ABSENT), *also]
    writes += [
        line(kind, code, before.get(code), entry, number=seen + 1, by=by, now=now)
        for code, entry in entries.items()
    ]
    try:
        table.transact(writes)
    except ConditionFailed:
        raise ChangedMeanwhile(f"{kind} was changed by somebody else in the meantime") from None
    return Edited(body["entries"], seen + 1)


def line(
    kind: str,
    code: str,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    *,
    number: int,
    by: Officer,
    now: datetime,
) -> Put:
    """A line of the history: who made what of an entry. `number` tells apart what happened at one moment."""
    at = stamp(now)
    body = {"at": at, "code": code, "name": by.name, "office": by.office.name, "officer": by.id}
    key = Key(f"{PARTITION}#{kind}", f"{at}#{number:06d}#{code}")
    return Put(key, {**body, "before": before, "after": after})


def history(table: Table, kind: str) -> list[Change]:
    """The newest changes of a kind, newest first, at most HISTORY."""
    items = table.query(f"{PARTITION}#{kind}", descending=True, limit=HISTORY).items
    return [msgspec.convert({k: v for k, v in item.body.items() if k != "officer"}, Change) for item in items]
