"""How long personal data is kept: contact data ends some days after its report was closed.

Follows the change stream, so that no list of closed reports is needed. Sets when the
table lets go of the contact; erases nothing itself, and knows nothing of pages.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from .. import records
from ..report import Report, moment
from ..storage.table import Change, ConditionFailed, Put, Table

ROUNDS = 20


def reports_of(changes: Iterable[Change]) -> list[str]:
    """The reports whose state may have changed, each once. Decides from keys alone."""
    heads = {
        change.key.partition.removeprefix("report#")
        for change in changes
        if change.key.partition.startswith("report#") and change.key.sort == "head"
    }
    return sorted(heads)


def contact_ends(report: Report, contact_days: int) -> int | None:
    """When the report's contact data ends, in seconds since 1970; None while it is open."""
    if report.closed is None:
        return None
    return int((moment(report.closed) + timedelta(days=contact_days)).timestamp())


def settle(table: Table, report_id: str, *, contact_days: int) -> None:
    """Give the contact of a report the end that its state asks for. Safe to repeat.

    From its end on the contact cannot be read any more; the table removes it soon after.
    """
    for _ in range(ROUNDS):
        found = records.load(table, report_id)
        contact = table.get(records.contact_key(report_id))
        if found is None or contact is None:
            return
        ends = contact_ends(found[0], contact_days)
        if contact.expires == ends:
            return
        try:
            table.transact([Put(contact.key, contact.body, contact.version, expires=ends)])
        except ConditionFailed:
            continue  # somebody else was at it: look again
        # The report may have been reopened in between: the change of that comes later and settles it.
        return
    raise RuntimeError(f"the contact of report {report_id} changed as fast as its end was set")
