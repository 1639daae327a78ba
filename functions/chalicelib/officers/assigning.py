"""Which person of an office has a report on their desk. Colleagues read the name; the public never does.

An assignment is beside a report, not in its history: it says who of an office does the
work, and ends by itself when the report goes to another office or is closed. Who may
assign is access.py's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from .. import access, records
from ..access import Officer
from ..lifecycle import STATES
from ..report import Report, stamp
from ..storage.table import Delete, Expect, Key, Put, Table, Write


class Assignment(msgspec.Struct, frozen=True):
    """That a person has it. `office` is where the report was then; `created` is the report's own."""

    officer: str
    name: str
    office: str
    by: str
    at: str
    created: str


def key(report_id: str) -> Key:
    """Where a report's assignment lies."""
    return Key(f"report#{report_id}", "assigned")


def desk_key(officer_id: str, created: str, report_id: str) -> Key:
    """The report's row in a person's own queue."""
    return Key(f"assigned#{officer_id}", f"{created}#{report_id}")


def current(table: Table, report: Report) -> Assignment | None:
    """Who has it now; None when nobody does."""
    item = table.get(key(report.id))
    return holds(report, msgspec.convert(item.body, Assignment)) if item else None


def holds(report: Report, found: Assignment) -> Assignment | None:
    """The assignment while it stands: the report is open and still at the office where it was assigned."""
    here = report.office is not None and report.office.code == found.office
    return found if here and not STATES[report.state].closed else None


def names(table: Table, ids: Iterable[str]) -> dict[str, Assignment]:
    """The assignments of reports by id, whether they still stand or not, in as few reads as the table allows."""
    found = table.get_many([key(each) for each in ids])
    return {
        each.partition.removeprefix("report#"): msgspec.convert(item.body, Assignment)
        for each, item in found.items()
    }


def writes(table: Table, report: Report, to: Officer | None, by: Officer, now: datetime) -> list[Write]:
    """What gives a report to a person, or to nobody. Reads what was before, and fails when that changes meanwhile."""
    before = table.get(key(report.id))
    expected = before.version if before else Expect.ABSENT
    made: list[Write] = []
    if before:
        old = msgspec.convert(before.body, Assignment)
        if to is None or old.officer != to.id:
            made.append(Delete(desk_key(old.officer, report.created, report.id)))
    if to is None:
        return [*made, Delete(key(report.id), expected)] if before and isinstance(expected, int) else []
    office = report.office.code if report.office else ""
    body = Assignment(to.id, to.name, office, by.id, stamp(now), report.created)
    return [
        *made,
        Put(key(report.id), msgspec.to_builtins(body), expected),
        Put(desk_key(to.id, report.created, report.id), {}),
    ]


def end(table: Table, report: Report) -> list[Write]:
    """What ends an assignment, when the report leaves the office or is closed. Reads whether there is one."""
    item = table.get(key(report.id))
    if item is None:
        return []
    old = msgspec.convert(item.body, Assignment)
    return [Delete(item.key), Delete(desk_key(old.officer, report.created, report.id))]


def candidates(table: Table, report: Report) -> list[Officer]:
    """The people it can be given to: those of the office where it is, who may work on it."""
    if report.office is None:
        return []
    return [each for each in access.colleagues(table, report.office.code) if access.may(each, "work", report)]


def reports_of(
    table: Table, officer_id: str, *, after: str, descending: bool, limit: int
) -> tuple[list[Report], str | None]:
    """A page of the reports that a person has, by the time they were made; where it goes on, if it does."""
    start = f"{after}!" if after and not descending else None
    end = after if after and descending else None
    got = table.query(f"assigned#{officer_id}", start=start, end=end, descending=descending, limit=limit)
    sorts: Mapping[str, str] = {item.key.sort.rpartition("#")[2]: item.key.sort for item in got.items}
    reports = records.load_many(table, list(sorts))
    found = names(table, sorts)
    theirs = [
        reports[each]
        for each in sorts
        if each in reports
        and (kept := found.get(each))
        and kept.officer == officer_id
        and holds(reports[each], kept)
    ]
    return theirs, got.items[-1].key.sort if got.next and got.items else None
