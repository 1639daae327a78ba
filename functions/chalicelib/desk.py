"""What officers do to a report. For now: move it along its lifecycle.

Decides with lifecycle's table, writes one event in one transaction, and says so
when somebody else was faster. Does not know who is signed in: the caller passes
role and office.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from . import lifecycle, masking, records
from .report import Event, Office, Report, Words, applied, moment, sealed, stamp
from .storage.table import ConditionFailed, Table


class Unknown(LookupError):
    """There is no report with this id."""


class Changed(RuntimeError):
    """Somebody changed the report in the meantime: read it again and decide anew."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What officers' deeds work with. `random_bytes(n)` must be fit for secrets; `now` is aware."""

    table: Table
    now: Callable[[], datetime]
    random_bytes: Callable[[int], bytes]


def move(
    desk: Desk,
    report_id: str,
    wish: lifecycle.Move,
    *,
    role: str,
    office: Office,
    to_office: Office | None = None,
    planned: date | None = None,
    seen_version: int | None = None,
) -> Report:
    """Move a report and say so in public. Returns the report after the move.

    `seen_version` is the version that the officer looked at, when it must not have
    changed since. Raises Unknown, Changed, or lifecycle.MoveRefused.
    """
    found = records.load(desk.table, report_id)
    if found is None:
        raise Unknown(f"there is no report {report_id}")
    before, version = found
    if seen_version is not None and seen_version != version:
        raise Changed(f"{report_id} is at version {version}, not {seen_version}")
    now = desk.now()
    closed_at = moment(before.closed) if before.closed else None
    lifecycle.check(before.state, wish, role=role, now=now, closed_at=closed_at, report_id=report_id)
    event = moved(
        before,
        wish,
        office=office,
        to_office=to_office,
        planned=planned,
        salt=desk.random_bytes(16).hex(),
        now=now,
    )
    after = applied(before, event)
    try:
        desk.table.transact(records.succession_writes(before, after, event, version=version))
    except ConditionFailed:
        raise Changed(f"{report_id} was changed by somebody else in the meantime") from None
    return after


def moved(
    report: Report,
    wish: lifecycle.Move,
    *,
    office: Office,
    to_office: Office | None,
    planned: date | None,
    salt: str,
    now: datetime,
) -> Event:
    """The event of a move that was allowed. Decides; does no I/O."""
    text = masking.mask(wish.text.strip())
    return sealed(
        Event(
            report=report.id,
            seq=report.seq + 1,
            at=stamp(max(now, moment(report.updated))),
            kind="moved",
            office=office,
            from_state=report.state,
            to_state=wish.to,
            to_office=to_office,
            percent=wish.percent,
            planned=planned.isoformat() if planned else None,
            reason=wish.reason or None,
            duplicate_of=wish.duplicate_of or None,
            example=report.example,
            words={"text": Words(salt, text)} if text else {},
        ),
        report.head,
    )
