"""What operators tell about the service itself: something is wrong, what is known by now, that it is over.

An incident is its list of entries, each in both languages. Kept in the table, published on
`/status/` and in `/data/status.json` with everything that was said; nothing is taken back.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from ..records import every
from ..report import stamp
from ..storage.table import ConditionFailed, Expect, Key, Put, Table

PARTITION = "incidents"
MOST_WORDS = 500
SHOWN = 30
"""So many are published, newest first; older ones stay in the table."""


class IncidentError(ValueError):
    """It cannot be written; the message says why and what to do."""


class Entry(msgspec.Struct, frozen=True):
    """One thing that was said, in Indonesian (`id`) and in English (`en`). `at` is a stamp."""

    at: str
    id: str
    en: str


class Incident(msgspec.Struct, frozen=True):
    """A number to speak of it by, when it was closed (a stamp, None while it goes on), and its entries in order."""

    number: int
    entries: tuple[Entry, ...]
    closed: str | None = None


def opened(table: Table, now: datetime, text_id: str, text_en: str) -> Incident:
    """A new incident. Raises IncidentError."""
    entry = _entry(now, text_id, text_en)
    while True:
        newest = table.query(PARTITION, descending=True, limit=1).items
        made = Incident(int(newest[0].key.sort) + 1 if newest else 1, (entry,))
        try:
            table.transact([Put(_key(made.number), msgspec.to_builtins(made), Expect.ABSENT)])
        except ConditionFailed:
            continue  # another operator opened one at the same moment
        return made


def added(
    table: Table, now: datetime, number: int, text_id: str, text_en: str, *, close: bool = False
) -> Incident:
    """The incident with one more entry; with `close` it is the last. Raises IncidentError."""
    entry = _entry(now, text_id, text_en)
    item = table.get(_key(number)) if 0 < number < 10**6 else None
    if item is None:
        raise IncidentError(f"there is no incident {number}; `incident list` shows all")
    before = msgspec.convert(item.body, Incident)
    if before.closed:
        raise IncidentError(f"incident {number} is closed since {before.closed}; open a new one")
    after = Incident(number, (*before.entries, entry), entry.at if close else None)
    try:
        table.transact([Put(_key(number), msgspec.to_builtins(after), item.version)])
    except ConditionFailed:
        raise IncidentError(
            f"somebody else wrote on incident {number} just now; look, and try again"
        ) from None
    return after


def newest(table: Table, *, most: int = SHOWN) -> tuple[Incident, ...]:
    """The incidents, those that go on first, newest first within each."""
    found = [msgspec.convert(i.body, Incident) for i in every(table, PARTITION, descending=True, most=most)]
    return tuple(sorted(found, key=lambda each: (each.closed is not None, -each.number)))


def _entry(now: datetime, text_id: str, text_en: str) -> Entry:
    texts = {"Indonesian": " ".join(text_id.split()), "English": " ".join(text_en.split())}
    for language, text in texts.items():
        if not 0 < len(text) <= MOST_WORDS:
            raise IncidentError(
                f"the {language} text has {len(text)} characters; 1 to {MOST_WORDS} are taken"
            )
    return Entry(stamp(now), texts["Indonesian"], texts["English"])


def _key(number: int) -> Key:
    return Key(PARTITION, f"{number:06d}")
