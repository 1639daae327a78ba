"""One report as an officer sees it: its history, its notes, what may be done now; its contact and its photos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from .. import desk, lifecycle, public, records
from ..access import Officer, may
from ..attributes import answered
from ..front.operation import Errors, Operation, Parts, Request, Response, reply
from ..front.problems import Problem, Refused
from ..intake import photo_paths
from ..officers import assigning
from ..officers.worklist import in_doubt
from ..report import Event, Office, Report
from ..storage.table import Table
from .gate import OUT, TOKEN, asking, desk_of, theirs

ACTIONS: Mapping[str, str] = {
    "take": "work",
    "move": "work",
    "hand_over": "hand_over",
    "send_back": "hand_over",
    "ask": "note",
    "note": "note",
    "place": "place",
    "correct": "correct",
    "assign": "assign",
}
"""What an officer can do with a report, and the right (access.RIGHTS) that it needs."""
MOVES_HERE = ("waiting", "disposition", "in_progress", "done", "rejected", "duplicate")
"""Where `move` leads; `coordination` is what taking and handing over lead to."""


class ColleagueNote(msgspec.Struct, frozen=True):
    """What an officer wrote for colleagues only."""

    at: str
    name: str
    office: str
    note: str
    assigned: Annotated[str | None, Meta(description="Who it was given to with this; empty: to nobody.")] = (
        None
    )


class Person(msgspec.Struct, frozen=True):
    """Somebody of an office, for colleagues only."""

    id: str
    name: str


class StaffReport(msgspec.Struct, frozen=True):
    """A report as an officer sees it. `seq` goes along with every deed as `seen`."""

    report: public.PublicReport
    seq: int
    private: bool
    office: Office | None
    in_doubt: bool
    original: dict[str, str]
    answers: Annotated[
        tuple[public.PublicAnswer, ...],
        Meta(description="To what its category asks; also those that are for officers only."),
    ]
    contact: Annotated[Literal["none", "kept", "shared"], Meta(description="shared: may be looked at.")]
    notes: tuple[ColleagueNote, ...]
    may: Annotated[tuple[str, ...], Meta(description="Deeds that this officer may do now.")]
    moves: Annotated[tuple[str, ...], Meta(description="States that `move` may lead to now.")]
    previous_office: Office | None
    assigned: Annotated[Person | None, Meta(description="Who of the office has it.")]
    people: Annotated[tuple[Person, ...], Meta(description="Whom it can be given to.")]


class Contact(msgspec.Struct, frozen=True):
    """How to reach a reporter who allowed it. That it was looked at stands in the report's history."""

    email: str
    phone: str


class PictureQuery(msgspec.Struct, frozen=True):
    """Which photo of the report."""

    sha256: Annotated[str, Meta(min_length=64, max_length=64)]


class Picture(msgspec.Struct, frozen=True):
    """A photo that is not on the public site: a private report's."""

    data_url: str


def read_report(parts: Parts, request: Request) -> Response:
    """GET /api/staff/reports/<id>: a report as the officer may see it, private ones too."""
    officer = asking(parts, request, "queue")
    it = theirs(parts, request, officer, "see")
    return reply(200, staff_report(parts, officer, it))


def look_at_contact(parts: Parts, request: Request) -> Response:
    """POST /api/staff/reports/<id>/contact: the reporter's contact, when they allowed it. An event says who looked."""
    officer = asking(parts, request, "queue")
    it = theirs(parts, request, officer, "contact")
    kept = parts.door.table.get(records.contact_key(it.id))
    if kept is None or not kept.body.get("shared"):
        raise Refused([Problem("contact_hidden")], 403)
    by = desk.By(officer.id, officer.name, officer.role, officer.office)
    for attempt in range(5):
        try:
            desk.act(desk_of(parts), it.id, by, desk.looked_draft(office=officer.office))
            break
        except desk.Changed:
            if attempt == 4:
                raise Refused([Problem("busy")], 503) from None
    return reply(200, Contact(str(kept.body.get("email", "")), str(kept.body.get("phone", ""))))


def picture(parts: Parts, request: Request) -> Response:
    """GET /api/staff/reports/<id>/photo: a photo that the public site does not have."""
    import base64

    officer = asking(parts, request, "queue")
    it = theirs(parts, request, officer, "see")
    wanted = request.query.get("sha256", "")
    known = [p for e in records.history(parts.door.table, it.id) for p in e.photos] + list(it.photos)
    photo = next((each for each in known if each.sha256 == wanted), None)
    stored = parts.door.private.get(photo_paths(it.id, photo)[0]) if photo else None
    if stored is None:
        raise Refused([Problem("not_found")], 404)
    return reply(200, Picture(f"data:image/jpeg;base64,{base64.b64encode(stored.data).decode()}"))


def staff_report(parts: Parts, officer: Officer, it: Report) -> StaffReport:
    table = parts.door.table
    events = [event for event in records.history(table, it.id) if event.seq <= it.seq]
    notes = tuple(
        ColleagueNote(n["at"], n["name"], n["office"], n["note"], n.get("assigned"))
        for n in desk.notes(table, it.id)
    )
    allowed = tuple(action for action, right in ACTIONS.items() if may(officer, right, it))
    moves = tuple(
        to
        for to, roles in lifecycle.MOVES[it.state].items()
        if to in MOVES_HERE and officer.role in roles and "move" in allowed
    )
    if "coordination" not in lifecycle.MOVES[it.state]:
        allowed = tuple(a for a in allowed if a not in {"take", "hand_over", "send_back"})
    if it.state != "waiting":
        allowed = tuple(a for a in allowed if a != "take")
    people: list[Officer] = []
    if "assign" in allowed and not lifecycle.STATES[it.state].closed:
        people = assigning.candidates(table, it)
    if not people:
        allowed = tuple(a for a in allowed if a != "assign")
    has = assigning.current(table, it)
    previous = desk.previous_office(events, it.office)
    if previous is None:
        allowed = tuple(a for a in allowed if a != "send_back")
    original = {name: text for name, text in it.original.items() if not name.endswith("_salt")}
    category = parts.categories.get(it.category)
    return StaffReport(
        report=public.report(it, events, parts.categories),
        seq=it.seq,
        private=it.private,
        office=it.office,
        in_doubt=in_doubt(it),
        original=original | _before_corrections(events),
        answers=tuple(
            public.answer(each) for each in answered(category.attributes if category else (), it.attributes)
        ),
        contact=_contact_state(table, officer, it),
        notes=notes,
        may=allowed,
        moves=moves,
        previous_office=previous,
        assigned=Person(has.officer, has.name) if has else None,
        people=tuple(Person(each.id, each.name) for each in people),
    )


def _before_corrections(events: Sequence[Event]) -> dict[str, str]:
    """The public words as they were first, of what was corrected since."""
    first = events[0].words
    changed = {name for event in events if event.kind == "corrected" for name in event.words} & set(first)
    return {f"{name}_first": first[name].text for name in sorted(changed)}


def _contact_state(table: Table, officer: Officer, it: Report) -> Literal["none", "kept", "shared"]:
    kept = table.get(records.contact_key(it.id))
    if kept is None:
        return "none"
    return "shared" if kept.body.get("shared") and may(officer, "contact", it) else "kept"


OPERATIONS = (
    Operation(
        "staff_report",
        "GET",
        "/api/staff/reports/{report_id}",
        "Read a report as an officer",
        read_report,
        {200: (StaffReport,), 400: (Errors,), 404: (Errors,), **OUT},
        headers=TOKEN,
    ),
    Operation(
        "staff_contact",
        "POST",
        "/api/staff/reports/{report_id}/contact",
        "Look at a reporter's contact, where they allowed it",
        look_at_contact,
        {200: (Contact,), 400: (Errors,), 404: (Errors,), **OUT},
        headers=TOKEN,
    ),
    Operation(
        "staff_photo",
        "GET",
        "/api/staff/reports/{report_id}/photo",
        "See a photo of a private report",
        picture,
        {200: (Picture,), 400: (Errors,), 404: (Errors,), **OUT},
        query=PictureQuery,
        headers=TOKEN,
    ),
)
