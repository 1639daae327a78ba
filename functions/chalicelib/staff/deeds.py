"""Doing something with a report: a deed is read, judged by access.may(), drafted by desk.py and done once.

Decides nothing about reports itself. Answers a deed that came too late with what happened since.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from .. import desk, lifecycle, records
from ..access import Officer, may
from ..front import body
from ..front.operation import ErrorAnswer, Errors, Operation, Parts, Request, Response, language_of, reply
from ..front.problems import Problem, Refused
from ..intake import kept_photos
from ..officers import assigning
from ..officers.agencies import office as office_of
from ..officers.worklist import in_doubt
from ..report import Office, Photo, Place, Report, read_id
from ..submission import MAX_PHOTOS
from .gate import (
    BAD,
    BIG_TEXT,
    ONCE,
    OUT,
    TOKEN,
    agencies_of,
    asking,
    desk_of,
    idempotency_key,
    load,
    no_choice,
    read_body,
    report_id,
    salt,
    salts,
    theirs,
    unknown,
)
from .report import ACTIONS, MOVES_HERE, StaffReport, staff_report


class Conflict(msgspec.Struct, frozen=True):
    """Somebody was faster: what happened since, and the report as it is now."""

    errors: tuple[ErrorAnswer, ...]
    since: tuple[dict[str, Any], ...]
    report: StaffReport


class Deed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an officer does. `seen` is the `seq` of the report that they looked at. `text` is public, `note` is not."""

    action: Annotated[str, Meta(max_length=20, description=f"One of {', '.join(ACTIONS)}.")]
    seen: Annotated[int, Meta(ge=1)]
    to: Annotated[str, Meta(max_length=20, description="The state that `move` leads to.")] = ""
    text: Annotated[str, Meta(max_length=BIG_TEXT, description="What the public reads.")] = ""
    note: Annotated[str, Meta(max_length=BIG_TEXT, description="What only colleagues read.")] = ""
    percent: Annotated[int, Meta(ge=0, le=99)] | None = None
    planned: Annotated[str, Meta(max_length=10, description="A day: 2026-12-01.")] = ""
    office: Annotated[str, Meta(max_length=40, description="Where `hand_over` leads.")] = ""
    reason: Annotated[str, Meta(max_length=40, description="Why it is rejected.")] = ""
    duplicate_of: Annotated[str, Meta(max_length=20)] = ""
    category: Annotated[str, Meta(max_length=32)] = ""
    description: Annotated[str, Meta(max_length=BIG_TEXT)] | None = None
    landmark: Annotated[str, Meta(max_length=200)] | None = None
    longitude: Annotated[float, Meta(ge=-180, le=180)] | None = None
    latitude: Annotated[float, Meta(ge=-90, le=90)] | None = None
    kelurahan: Annotated[str, Meta(max_length=13)] = ""
    person: Annotated[str, Meta(max_length=128, description="Whom `assign` gives it to; empty: nobody.")] = ""
    photo: Annotated[
        tuple[Annotated[str, Meta(max_length=6_000_000)], ...],
        Meta(max_length=MAX_PHOTOS, description="Photos after: keys from POST /api/uploads, or base64."),
    ] = ()


def act(parts: Parts, request: Request) -> Response:
    """POST /api/staff/reports/<id>/actions: do something with a report, once per Idempotency-Key."""
    officer = asking(parts, request, "queue")
    deed = read_body(parts, request, Deed)
    if deed.action not in ACTIONS:
        raise no_choice("action", deed.action, ACTIONS)
    wanted = report_id(request)
    by = _by(request, officer, wanted, deed)
    try:
        # Before any right is asked for: the second click of a hand-over comes from an office that has it no more.
        if by.key and (done := desk.done_before(desk_of(parts), wanted, by)):
            return reply(200, staff_report(parts, officer, done))
        it = theirs(parts, request, officer, "see")
        if not may(officer, ACTIONS[deed.action], it):
            if deed.seen != it.seq:
                return _conflict(parts, request, officer, it, deed.seen)
            raise Refused([Problem("not_yours", "", {"value": deed.action})], 403)
        after = _do(parts, officer, it, deed, by)
    except desk.Changed:
        return _conflict(parts, request, officer, load(parts, wanted), deed.seen)
    except desk.KeyReused:
        raise Refused([Problem("idempotency_reused", "Idempotency-Key")], 422) from None
    except lifecycle.MoveRefused as refused:
        raise _refused_move(refused, it, deed) from None
    return reply(200, staff_report(parts, officer, after))


def _by(request: Request, officer: Officer, wanted: str, deed: Deed) -> desk.By:
    key = idempotency_key(request)
    asked = hashlib.sha256(wanted.encode() + msgspec.json.encode(deed, order="deterministic")).hexdigest()
    return desk.By(officer.id, officer.name, officer.role, officer.office, deed.seen, key, asked, deed.note)


def _do(parts: Parts, officer: Officer, it: Report, deed: Deed, by: desk.By) -> Report:
    """The report after the deed. Raises what desk.act raises, and Refused for what is wrong with the deed."""
    if deed.action == "note":
        desk.write_note(desk_of(parts), it.id, deed.note or deed.text, by)
        return load(parts, it.id)
    if deed.action == "assign":
        _assign(parts, officer, it, deed, by)
        return load(parts, it.id)
    leaves = deed.action in {"hand_over", "send_back"} or (
        deed.action == "move" and deed.to in lifecycle.CLOSED
    )
    also = assigning.end(parts.door.table, it) if leaves else []
    return desk.act(desk_of(parts), it.id, by, DRAFTS[deed.action](parts, officer, it, deed), also=also)


def _assign(parts: Parts, officer: Officer, it: Report, deed: Deed, by: desk.By) -> None:
    """Give it to a person of the office where it is, or to nobody; colleagues read that it was."""
    table = parts.door.table
    people = {each.id: each for each in assigning.candidates(table, it)}
    if lifecycle.STATES[it.state].closed or (deed.person and deed.person not in people):
        raise Refused([Problem("officer_not_here", "person", {"value": deed.person})])
    to = people.get(deed.person)
    has = assigning.current(table, it)
    if (has.officer if has else None) == (to.id if to else None):
        raise lifecycle.MoveRefused("nothing_changed", "it is with that person already")
    also = assigning.writes(table, it, to, officer, parts.door.now())
    desk.write_note(desk_of(parts), it.id, deed.note, by, assigned=to.name if to else "", also=also)


def _take(parts: Parts, officer: Officer, it: Report, deed: Deed) -> desk.Draft:
    settle = None
    if it.place and in_doubt(it):
        theirs = [kode for kode in (it.place.kode, it.place.runner_up) if kode and officer.covers(kode)]
        kode = deed.kelurahan if deed.kelurahan in theirs else theirs[0] if theirs else it.place.kode
        settle = _place_of(parts, kode)
    office = officer.office
    if settle and officer.office.code in {it.place.kode if it.place else "", it.place and it.place.runner_up}:
        office = Office(settle.kode, f"Kelurahan {settle.kelurahan}")
    return desk.take_draft(role=officer.role, office=office, settle=settle)


def _move(parts: Parts, officer: Officer, it: Report, deed: Deed) -> desk.Draft:
    if deed.to not in MOVES_HERE:
        raise no_choice("to", deed.to, MOVES_HERE)
    other = read_id(deed.duplicate_of) or ""
    if deed.to == "duplicate":
        found = records.load(parts.door.table, other) if other else None
        if found is None or found[0].private:
            raise Refused([Problem("report_unknown", "duplicate_of", {"value": deed.duplicate_of})])
    to_office = officer.office if deed.to == "disposition" else None
    wish = lifecycle.Move(
        deed.to,
        deed.text,
        deed.percent,
        to_office.code if to_office else "",
        deed.reason if deed.to == "rejected" else "",
        other if deed.to == "duplicate" else "",
    )
    planned = _day(deed.planned) if deed.planned else None
    return desk.move_draft(
        wish,
        role=officer.role,
        office=officer.office,
        salt=salt(parts),
        to_office=to_office,
        planned=planned,
        photos=_photos(parts, it, deed),
    )


def _hand_over(parts: Parts, officer: Officer, it: Report, deed: Deed) -> desk.Draft:
    office = office_of(deed.office, agencies_of(parts), parts.door.locator.by_kode)
    if office is None or (it.office and office.code == it.office.code):
        raise Refused([Problem("office_unknown", "office", {"value": deed.office})])
    return _handing(parts, officer, deed, office)


def _send_back(parts: Parts, officer: Officer, it: Report, deed: Deed) -> desk.Draft:
    office = desk.previous_office(records.history(parts.door.table, it.id), it.office)
    if office is None:
        raise Refused([Problem("nowhere_back")])
    return _handing(parts, officer, deed, office)


def _handing(parts: Parts, officer: Officer, deed: Deed, office: Office) -> desk.Draft:
    if not deed.text.strip():
        raise Refused([Problem("move_text_missing", "text")])
    wish = lifecycle.Move("coordination", deed.text, office=office.code)
    return desk.move_draft(wish, role=officer.role, office=officer.office, salt=salt(parts), to_office=office)


def _ask(parts: Parts, officer: Officer, _it: Report, deed: Deed) -> desk.Draft:
    return desk.say_draft("asked", deed.text, office=officer.office, salt=salt(parts))


def _place(parts: Parts, officer: Officer, it: Report, deed: Deed) -> desk.Draft:
    """Where the officer put the pin decides; a kelurahan named instead stands for it."""
    locator = parts.door.locator
    if deed.longitude is not None and deed.latitude is not None:
        found = locator.locate(deed.longitude, deed.latitude, None)
        if found.kode is None:
            raise Refused([Problem("outside_jakarta", "latitude")])
        place, position = _place_of(parts, found.kode), (deed.longitude, deed.latitude)
        return desk.place_draft(place, position, office=officer.office, text=deed.text, salts=salts(parts))
    if deed.kelurahan not in locator.by_kode:
        raise Refused([Problem("kelurahan_unknown", "kelurahan", {"value": deed.kelurahan})])
    place = _place_of(parts, deed.kelurahan)
    return desk.place_draft(place, None, office=officer.office, text=deed.text, salts=salts(parts))


def _correct(parts: Parts, officer: Officer, _it: Report, deed: Deed) -> desk.Draft:
    if deed.category and deed.category not in parts.categories:
        raise no_choice("category", deed.category, parts.categories)
    words = {"description": deed.description, "landmark": deed.landmark}
    if deed.description is not None and len(deed.description.strip()) < 10:
        length = len(deed.description.strip())
        raise Refused([Problem("too_short", "description", {"least": 10, "length": length})])
    return desk.correct_draft(
        office=officer.office,
        salts=salts(parts),
        category=deed.category or None,
        words={name: text for name, text in words.items() if text is not None},
        text=deed.text,
    )


DRAFTS: Mapping[str, Callable[[Parts, Officer, Report, Deed], desk.Draft]] = {
    "take": _take,
    "move": _move,
    "hand_over": _hand_over,
    "send_back": _send_back,
    "ask": _ask,
    "place": _place,
    "correct": _correct,
}


def _photos(parts: Parts, it: Report, deed: Deed) -> tuple[Photo, ...]:
    """Photos after. Raises Refused."""
    return kept_photos(parts.door, it.id, deed.photo) if deed.photo else ()


def _place_of(parts: Parts, kode: str) -> Place:
    row = parts.door.locator.by_kode[kode]
    return Place(kode, row.kelurahan, row.kecamatan, row.kota, "officer", parts.door.locator.version)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused([Problem("not_a_date", "planned", {"value": text})]) from None


def _conflict(parts: Parts, request: Request, officer: Officer, it: Report, seen: int) -> Response:
    """What happened since the officer looked. The words they wrote are still on their screen."""
    if not may(officer, "see", it):
        raise unknown(it.id)
    language = language_of(request, {})
    problem = Problem("changed_meanwhile", "seen")
    said = (ErrorAnswer(problem.code, problem.field, problem.message(language)),)
    shown = staff_report(parts, officer, it)
    since = tuple(event for event in shown.report.history if event["seq"] > seen)
    return reply(409, Conflict(said, since, shown))


def _refused_move(refused: lifecycle.MoveRefused, it: Report, deed: Deed) -> Refused:
    code = refused.code
    if code == "reason_unknown":
        return no_choice("reason", deed.reason, lifecycle.REJECT_REASONS)
    if code == "percent_wrong":
        return Refused([Problem("out_of_range", "percent", {"value": deed.percent, "least": 0, "most": 99})])
    said = {
        "text_missing": Problem("move_text_missing", "text"),
        "duplicate_missing": Problem("move_duplicate", "duplicate_of"),
        "duplicate_of_itself": Problem("move_duplicate", "duplicate_of"),
        "nothing_changed": Problem("nothing_changed"),
    }
    return Refused([said.get(code, Problem("move_not_allowed", "to", {"value": it.state}))])


OPERATIONS = (
    Operation(
        "staff_act",
        "POST",
        "/api/staff/reports/{report_id}/actions",
        "Do something with a report",
        act,
        {200: (StaffReport,), 404: (Errors,), 409: (Conflict,), 422: (Errors,), **BAD, **OUT},
        takes=Deed,
        content_types=(body.JSON,),
        headers={**TOKEN, **ONCE},
    ),
)
