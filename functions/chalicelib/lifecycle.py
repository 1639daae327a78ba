"""The states of a report, and who may move it where: plain data and one function.

A report waits until somebody takes it. Agencies coordinate, hand it down to the
office that will do it, work on it, and close it; or refuse it with a reason, or
point to the report that tells the same. A closed report can be opened again.
Nothing here reads a clock, a table or a user: what it must know is passed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

REOPEN_DAYS = 14
"""A reporter may reopen a report for this many days after it was done."""


@dataclass(frozen=True, slots=True)
class State:
    """`open311` is the word of Open311 GeoReport v2; `screen` the word on Jakarta's own screens."""

    code: str
    screen: str
    open311: str

    @property
    def closed(self) -> bool:
        return self.open311 == "closed"


STATES = {
    state.code: state
    for state in (
        State("waiting", "Menunggu", "open"),
        State("coordination", "Koordinasi", "open"),
        State("disposition", "Disposisi", "open"),
        State("in_progress", "Proses", "open"),
        State("done", "Selesai", "closed"),
        State("rejected", "Ditolak", "closed"),
        State("duplicate", "Duplikat", "closed"),
    )
}
OPEN = tuple(code for code, state in STATES.items() if not state.closed)
CLOSED = tuple(code for code, state in STATES.items() if state.closed)

WORKERS = frozenset({"officer", "coordinator", "supervisor", "admin"})
"""Roles that may work on reports. An auditor reads everything and moves nothing."""
REPORTER = "reporter"
"""Whoever holds a report's follow key."""
ROLES = WORKERS | {REPORTER, "auditor"}

REJECT_REASONS = ("not_public", "not_found", "unclear", "outside_authority", "personal_data", "abuse")
"""Why a report can be refused; the words people read are translated from these codes."""

_ONWARD = dict.fromkeys(
    ("coordination", "disposition", "in_progress", "done", "rejected", "duplicate"), WORKERS
)
MOVES: dict[str, dict[str, frozenset[str]]] = {
    "waiting": _ONWARD,
    "coordination": {"waiting": WORKERS, **_ONWARD},
    "disposition": _ONWARD,
    "in_progress": _ONWARD,
    "done": {"waiting": WORKERS | {REPORTER}, "in_progress": WORKERS},
    "rejected": {"waiting": WORKERS},
    "duplicate": {"waiting": WORKERS},
}
"""From state, to state: the roles that may. A state that leads to itself is a further hand-over or progress."""


@dataclass(frozen=True, slots=True)
class Move:
    """A wish to move a report. `office` is where it goes when it is handed on."""

    to: str
    text: str = ""
    percent: int | None = None
    office: str = ""
    reason: str = ""
    duplicate_of: str = ""


class MoveRefused(ValueError):
    """The move is not allowed; `code` says why, for a message in the reader's language."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def check(
    state: str, move: Move, *, role: str, now: datetime, closed_at: datetime | None, report_id: str = ""
) -> None:
    """Say whether `role` may move a report from `state` as `move` wishes.

    `closed_at` is when the report was closed, if it is. Raises MoveRefused with
    a code: unknown_state, unknown_role, not_allowed, too_late, text_missing,
    reason_unknown, office_missing, percent_wrong, duplicate_missing, duplicate_of_itself.
    """
    if move.to not in STATES or state not in STATES:
        unknown = move.to if move.to not in STATES else state
        raise MoveRefused("unknown_state", f"{unknown!r} is no state; known are {', '.join(STATES)}")
    if role not in ROLES:
        raise MoveRefused("unknown_role", f"{role!r} is no role; known are {', '.join(sorted(ROLES))}")
    if role not in MOVES[state].get(move.to, frozenset()):
        raise MoveRefused("not_allowed", f"{role} may not move a report from {state} to {move.to}")
    if STATES[state].closed:
        _check_reopening(move, role=role, now=now, closed_at=closed_at)
    _check_needs(move, report_id)


def _check_reopening(move: Move, *, role: str, now: datetime, closed_at: datetime | None) -> None:
    if not move.text.strip():
        raise MoveRefused("text_missing", "opening a closed report again needs a reason in words")
    if role == REPORTER and (closed_at is None or now - closed_at > timedelta(days=REOPEN_DAYS)):
        raise MoveRefused(
            "too_late", f"a reporter may reopen within {REOPEN_DAYS} days of done; closed at {closed_at}"
        )


def _check_needs(move: Move, report_id: str) -> None:
    if move.percent is not None and (move.to != "in_progress" or not 0 <= move.percent <= 99):
        raise MoveRefused(
            "percent_wrong",
            f"percent is 0 to 99 and goes with in_progress, not {move.percent} with {move.to}",
        )
    if move.to in {"coordination", "disposition"} and not move.office:
        raise MoveRefused("office_missing", f"{move.to} needs the office that the report goes to")
    if move.to in {"done", "rejected"} and not move.text.strip():
        raise MoveRefused("text_missing", f"{move.to} needs a text that the public reads")
    if move.to == "rejected" and move.reason not in REJECT_REASONS:
        raise MoveRefused(
            "reason_unknown", f"{move.reason!r} is no reason; known are {', '.join(REJECT_REASONS)}"
        )
    if move.to == "duplicate":
        if not move.duplicate_of:
            raise MoveRefused("duplicate_missing", "duplicate needs the report that tells the same")
        if move.duplicate_of == report_id:
            raise MoveRefused("duplicate_of_itself", f"{report_id} cannot be a duplicate of itself")
