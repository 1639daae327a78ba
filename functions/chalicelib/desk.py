"""What officers do to a report: move it along its lifecycle, and say something about it.

Decides with lifecycle's table, writes one event in one transaction, and says so
when somebody else was faster. Does not know who is signed in: the caller passes
role and office.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from . import lifecycle, masking, records
from .report import Event, Office, Report, Words, applied, moment, sealed, stamp
from .storage.table import ConditionFailed, Table, Write


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
    also: Sequence[Write] = (),
    imported: str | None = None,
) -> Report:
    """Move a report and say so in public. Returns the report after the move.

    `seen_version` is the version that the officer looked at, when it must not have
    changed since. `also` are writes that happen with the move or not at all; when one of
    their expectations fails, Changed says so too. `imported` marks an event taken over
    from another system with the time that was done. Raises Unknown, Changed, or lifecycle.MoveRefused.
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
        imported=imported,
    )
    return _written(desk, before, event, version, also)


def note(
    desk: Desk,
    report_id: str,
    text: str,
    *,
    office: Office | None,
    also: Sequence[Write] = (),
    imported: str | None = None,
) -> Report:
    """Say something in public about a report without moving it; `office` None: its reporter says so.

    Raises Unknown, Changed, or lifecycle.MoveRefused (text_missing).
    """
    found = records.load(desk.table, report_id)
    if found is None:
        raise Unknown(f"there is no report {report_id}")
    before, version = found
    masked = masking.mask(text.strip())
    if not masked:
        raise lifecycle.MoveRefused("text_missing", "a note needs words")
    event = sealed(
        Event(
            report=report_id,
            seq=before.seq + 1,
            at=stamp(max(desk.now(), moment(before.updated))),
            kind="noted",
            office=office,
            imported=imported,
            example=before.example,
            words={"text": Words(desk.random_bytes(16).hex(), masked)},
        ),
        before.head,
    )
    return _written(desk, before, event, version, also)


def _written(desk: Desk, before: Report, event: Event, version: int, also: Sequence[Write]) -> Report:
    after = applied(before, event)
    try:
        desk.table.transact(records.succession_writes(before, after, event, version=version, also=also))
    except ConditionFailed:
        raise Changed(f"{before.id} was changed by somebody else in the meantime") from None
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
    imported: str | None = None,
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
            imported=imported,
            example=report.example,
            words={"text": Words(salt, text)} if text else {},
        ),
        report.head,
    )
