"""Erasing words from a history without breaking it: the chain holds commitments, not words.

For personal data that slipped into a public text. The words leave the event, the report
and its row for good; a further event says in public that this was done. Does not know who
asks, and touches neither photos nor contact data (those end by themselves, see retention.py).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from .. import records
from ..desk import Changed, Unknown
from ..report import Event, Office, Report, applied, event_from, moment, sealed, stamp, to_body
from ..storage.table import ConditionFailed, Put, Table

OF_REPORT = ("description", "landmark")


class NothingThere(LookupError):
    """The event does not exist or holds no words."""


def erase_words(
    table: Table,
    report_id: str,
    seq: int,
    *,
    office: Office,
    now: Callable[[], datetime],
    reason: str = "personal_data",
) -> Report:
    """Remove all words of one event but its position, and what the report holds of them.

    Returns the report after it. Raises Unknown, NothingThere, or Changed when somebody else
    changed the report at the same moment: then nothing was erased, and trying again is right.
    """
    found = records.load(table, report_id)
    if found is None:
        raise Unknown(f"there is no report {report_id}")
    before, version = found
    item = table.get(records.event_key(report_id, seq))
    told = event_from(item.body) if item else None
    if item is None or told is None or not set(told.words) - {"position"}:
        raise NothingThere(f"event {seq} of {report_id} does not exist or has no words")
    kept = {name: words for name, words in told.words.items() if name == "position"}
    emptied = _without(before, told)
    event = sealed(
        Event(
            report=report_id,
            seq=before.seq + 1,
            at=stamp(max(now(), moment(before.updated))),
            kind="erased",
            office=office,
            reason=reason,
            about=seq,
            example=before.example,
        ),
        before.head,
    )
    after = applied(emptied, event)
    wiped = Put(item.key, to_body(msgspec.structs.replace(told, words=kept)), item.version)
    try:
        table.transact(records.succession_writes(before, after, event, version=version, also=[wiped]))
    except ConditionFailed:
        raise Changed(f"{report_id} was changed by somebody else in the meantime") from None
    return after


def _without(report: Report, told: Event) -> Report:
    """The report without the words that came from `told`, public and original."""
    changes = {
        name: ""
        for name in OF_REPORT
        if name in told.words and getattr(report, name) == told.words[name].text
    }
    more: dict[str, object] = {"attributes": {}} if "attributes" in told.words else {}
    gone = {key for name in told.words for key in (name, f"{name}_salt")}
    left = {name: text for name, text in report.original.items() if name not in gone}
    return msgspec.structs.replace(report, **changes, **more, original=left)
