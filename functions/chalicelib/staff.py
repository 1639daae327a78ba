"""The officers' part of the API, under /api/staff/: who am I, my queue, a report, and what I do with it.

Every handler first asks the gate who is there and access.may() whether they may; the
table ACTIONS says which right a deed needs. Decides nothing about reports itself: desk
and queues do. Answers are for officers only and are never cached.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from . import access, body, desk, lifecycle, public, queues, records
from .access import Officer, may
from .agencies import Agency
from .agencies import office as office_of
from .intake import IDEMPOTENCY_KEY, made_photos, photo_paths
from .operation import ErrorAnswer, Errors, Operation, Parts, Request, Response, language_of, reply
from .problems import Problem, Refused
from .report import Event, Office, Photo, Place, Report, moment, read_id, stamp, written_id
from .storage.table import Table
from .submission import MAX_PHOTOS
from .worklist import in_doubt

ACTIONS: Mapping[str, str] = {
    "take": "work",
    "move": "work",
    "hand_over": "hand_over",
    "send_back": "hand_over",
    "ask": "note",
    "note": "note",
    "place": "place",
    "correct": "correct",
}
"""What an officer can do with a report, and the right (access.RIGHTS) that it needs."""
MOVES_HERE = ("waiting", "disposition", "in_progress", "done", "rejected", "duplicate")
"""Where `move` leads; `coordination` is what taking and handing over lead to."""
BIG_TEXT = 4000


# What goes in and out.


class SignIn(msgspec.Struct, frozen=True):
    """Where officers sign in: an OpenID provider, asked with authorization code and PKCE."""

    authorize_url: str
    token_url: str
    logout_url: str
    client_id: str
    example: Annotated[bool, Meta(description="True: example officers to choose from, without a password.")]


class OfficeName(msgspec.Struct, frozen=True):
    """An office that reports can be handed to, beside the kelurahan."""

    code: str
    name_id: str
    name_en: str
    categories: tuple[str, ...]


class Me(msgspec.Struct, frozen=True):
    """The officer who asks, and what their desk needs to know."""

    name: str
    role: str
    office: Office
    boundaries: tuple[str, ...]
    agencies: tuple[str, ...]
    rights: tuple[str, ...]
    offices: tuple[OfficeName, ...]
    reject_reasons: tuple[str, ...]
    moves: dict[str, tuple[str, ...]]


class QueueWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to list. Without boundaries: everything within the officer's own."""

    boundaries: Annotated[
        tuple[Annotated[str, Meta(max_length=40)], ...],
        Meta(max_length=300, description="Code prefixes and agency codes."),
    ] = ()
    states: Annotated[tuple[Annotated[str, Meta(max_length=20)], ...], Meta(max_length=10)] = ()
    categories: Annotated[tuple[Annotated[str, Meta(max_length=32)], ...], Meta(max_length=100)] = ()
    office: Annotated[str, Meta(max_length=40, description="Code of the office where it is now.")] = ""
    channel: Annotated[str, Meta(max_length=40)] = ""
    since: Annotated[str, Meta(max_length=40, description="Made then or later: 2026-11-23 or a time.")] = ""
    until: Annotated[str, Meta(max_length=40, description="Made then or earlier.")] = ""
    mine: Annotated[bool, Meta(description="Only what waits for the officer's own office.")] = False
    doubtful: Annotated[bool, Meta(description="Only places in doubt that nobody took yet.")] = False
    without_place: Annotated[bool, Meta(description="Only reports that nobody could place yet.")] = False
    words: Annotated[str, Meta(max_length=200, description="Words in the text, or a number.")] = ""
    area: Annotated[
        dict[str, Any] | None, Meta(description="GeoJSON: only what lies inside. Longitude first.")
    ] = None
    oldest_first: bool = False
    after: Annotated[str, Meta(max_length=80, description="`next` of the page before.")] = ""


class QueueRow(msgspec.Struct, frozen=True):
    """A report in a queue. Longitude and latitude in degrees, WGS 84."""

    id: str
    number: str
    category: str
    state: str
    text: str
    longitude: float | None
    latitude: float | None
    created: str
    updated: str
    kode: str | None
    kelurahan: str | None
    office: str | None
    channel: str
    private: bool
    in_doubt: bool
    percent: int | None
    planned: str | None
    photo: bool
    example: bool


class Queue(msgspec.Struct, frozen=True):
    """A page of a queue. `next` goes on; `looked_at` says how many reports were judged for this page."""

    rows: tuple[QueueRow, ...]
    next: str | None
    looked_at: int
    counts: Annotated[
        dict[str, int], Meta(description="Reports by state in these boundaries, other filters aside.")
    ]


class ColleagueNote(msgspec.Struct, frozen=True):
    """What an officer wrote for colleagues only."""

    at: str
    name: str
    office: str
    note: str


class StaffReport(msgspec.Struct, frozen=True):
    """A report as an officer sees it. `seq` goes along with every deed as `seen`."""

    report: public.PublicReport
    seq: int
    private: bool
    office: Office | None
    in_doubt: bool
    original: dict[str, str]
    contact: Annotated[Literal["none", "kept", "shared"], Meta(description="shared: may be looked at.")]
    notes: tuple[ColleagueNote, ...]
    may: Annotated[tuple[str, ...], Meta(description="Deeds that this officer may do now.")]
    moves: Annotated[tuple[str, ...], Meta(description="States that `move` may lead to now.")]
    previous_office: Office | None


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
    photo: Annotated[
        tuple[Annotated[str, Meta(max_length=6_000_000)], ...],
        Meta(max_length=MAX_PHOTOS, description="Photos after: keys from POST /api/uploads, or base64."),
    ] = ()


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


# Handlers.


def sign_in(parts: Parts, _request: Request) -> Response:
    """GET /api/staff/session: where to sign in."""
    if parts.sign_in is None:
        raise Refused([Problem("sign_in_off")], 503)
    return reply(200, SignIn(**parts.sign_in()))


def me(parts: Parts, request: Request) -> Response:
    """GET /api/staff/me: who the token speaks for."""
    officer = asking(parts, request, "queue")
    offices = tuple(
        OfficeName(each.code, each.names["id"], each.names["en"], each.categories)
        for each in _agencies(parts).values()
    )
    answer = Me(
        officer.name,
        officer.role,
        officer.office,
        officer.boundaries,
        officer.agencies,
        tuple(name for name in access.RIGHTS if _ever(officer, name)),
        offices,
        lifecycle.REJECT_REASONS,
        {state: tuple(lifecycle.MOVES[state]) for state in lifecycle.STATES},
    )
    return reply(200, answer)


def queue(parts: Parts, request: Request) -> Response:
    """POST /api/staff/queue: a page of the officer's queue, and the counts by state."""
    officer = asking(parts, request, "queue")
    wish = _body(parts, request, QueueWish)
    wanted = _filter(officer, wish)
    table = parts.door.table
    try:
        found = queues.page(
            table,
            officer,
            wanted,
            parts.door.locator.by_kode,
            after=wish.after,
            oldest_first=wish.oldest_first,
        )
        counts = queues.counts(table, officer, wish.boundaries)
    except queues.OutOfReach as error:
        raise Refused([Problem("out_of_reach", "boundaries", {"value": error.code})], 403) from None
    rows = tuple(_row(parts, row) for row in found.rows)
    return reply(200, Queue(rows, found.next, found.looked_at, counts))


def read_report(parts: Parts, request: Request) -> Response:
    """GET /api/staff/reports/<id>: a report as the officer may see it, private ones too."""
    officer = asking(parts, request, "queue")
    it = _theirs(parts, request, officer, "see")
    return reply(200, _staff_report(parts, officer, it))


def act(parts: Parts, request: Request) -> Response:
    """POST /api/staff/reports/<id>/actions: do something with a report, once per Idempotency-Key."""
    officer = asking(parts, request, "queue")
    deed = _body(parts, request, Deed)
    if deed.action not in ACTIONS:
        raise _no_choice("action", deed.action, ACTIONS)
    report_id = _id(request)
    by = _by(request, officer, report_id, deed)
    try:
        # Before any right is asked for: the second click of a hand-over comes from an office that has it no more.
        if by.key and (done := desk.done_before(_desk(parts), report_id, by)):
            return reply(200, _staff_report(parts, officer, done))
        it = _theirs(parts, request, officer, "see")
        if not may(officer, ACTIONS[deed.action], it):
            if deed.seen != it.seq:
                return _conflict(parts, request, officer, it, deed.seen)
            raise Refused([Problem("not_yours", "", {"value": deed.action})], 403)
        after = _do(parts, officer, it, deed, by)
    except desk.Changed:
        return _conflict(parts, request, officer, _load(parts, report_id), deed.seen)
    except desk.KeyReused:
        raise Refused([Problem("idempotency_reused", "Idempotency-Key")], 422) from None
    except lifecycle.MoveRefused as refused:
        raise _refused_move(refused, it, deed) from None
    return reply(200, _staff_report(parts, officer, after))


def look_at_contact(parts: Parts, request: Request) -> Response:
    """POST /api/staff/reports/<id>/contact: the reporter's contact, when they allowed it. An event says who looked."""
    officer = asking(parts, request, "queue")
    it = _theirs(parts, request, officer, "contact")
    kept = parts.door.table.get(records.contact_key(it.id))
    if kept is None or not kept.body.get("shared"):
        raise Refused([Problem("contact_hidden")], 403)
    by = desk.By(officer.id, officer.name, officer.role, officer.office)
    for attempt in range(5):
        try:
            desk.act(_desk(parts), it.id, by, desk.looked_draft(office=officer.office))
            break
        except desk.Changed:
            if attempt == 4:
                raise Refused([Problem("busy")], 503) from None
    return reply(200, Contact(str(kept.body.get("email", "")), str(kept.body.get("phone", ""))))


def picture(parts: Parts, request: Request) -> Response:
    """GET /api/staff/reports/<id>/photo: a photo that the public site does not have."""
    import base64

    officer = asking(parts, request, "queue")
    it = _theirs(parts, request, officer, "see")
    wanted = request.query.get("sha256", "")
    known = [p for e in records.history(parts.door.table, it.id) for p in e.photos] + list(it.photos)
    photo = next((each for each in known if each.sha256 == wanted), None)
    stored = parts.door.private.get(photo_paths(it.id, photo)[0]) if photo else None
    if stored is None:
        raise Refused([Problem("not_found")], 404)
    return reply(200, Picture(f"data:image/jpeg;base64,{base64.b64encode(stored.data).decode()}"))


# Who asks, and for what.


def asking(parts: Parts, request: Request, right: str) -> Officer:
    """The officer who asks. Raises Refused: 401 without a valid token, 403 without the right, 503 when it is off."""
    if parts.gate is None:
        raise Refused([Problem("sign_in_off")], 503)
    officer = parts.gate.officer(request.headers.get("authorization", ""))
    if not may(officer, right):
        raise Refused([Problem("not_yours", "", {"value": right})], 403)
    return officer


def _theirs(parts: Parts, request: Request, officer: Officer, right: str) -> Report:
    """The report in the path. One that is not theirs at all is as if it were not there: private ones stay secret."""
    it = _load(parts, _id(request))
    if not may(officer, "see", it):
        raise _unknown(it.id)
    if not may(officer, right, it):
        raise Refused([Problem("not_yours", "", {"value": right})], 403)
    return it


def _id(request: Request) -> str:
    text = request.path.get("report_id", "")
    report_id = read_id(text)
    if report_id is None:
        raise Refused([Problem("report_id", "report_id", {"value": text})])
    return report_id


def _load(parts: Parts, report_id: str) -> Report:
    found = records.load(parts.door.table, report_id)
    if found is None:
        raise _unknown(report_id)
    return found[0]


def _unknown(report_id: str) -> Refused:
    return Refused([Problem("report_not_yours", "id", {"value": written_id(report_id)})], 404)


def _ever(officer: Officer, right: str) -> bool:
    granted = access.RIGHTS[right]
    return officer.role in granted.home | granted.away | granted.agency


# Reading what was sent.


T = TypeVar("T", bound=msgspec.Struct)


def _body(parts: Parts, request: Request, declared: type[T]) -> T:
    """A JSON body as declared. Raises Refused."""
    values, _ = body.read(
        request.body, request.headers.get("content-type", ""), max_bytes=parts.settings.max_body_bytes
    )
    try:
        return msgspec.convert(values, declared)
    except msgspec.ValidationError as error:
        where = str(error).rpartition("$.")[2].rstrip("`") if "$." in str(error) else ""
        raise Refused([Problem("deed_wrong", where, {"value": str(error)})]) from None


def _filter(officer: Officer, wish: QueueWish) -> queues.Filter:
    problems: list[Problem] = []
    for state in wish.states:
        if state not in lifecycle.STATES:
            problems += _no_choice("states", state, lifecycle.STATES).problems
    area = None
    if wish.area is not None:
        try:
            area = queues.read_area(wish.area)
        except queues.AreaError as error:
            problems.append(Problem("area_wrong", "area", {"value": str(error)}))
    times = {"since": wish.since, "until": wish.until}
    for name, text in times.items():
        if text:
            try:
                times[name] = _stamp(text, last=name == "until")
            except ValueError:
                problems.append(Problem("not_a_date", name, {"value": text}))
    if problems:
        raise Refused(problems)
    return queues.Filter(
        boundaries=wish.boundaries,
        states=wish.states or lifecycle.OPEN,
        categories=wish.categories,
        office=wish.office,
        channel=wish.channel,
        since=times["since"],
        until=times["until"],
        waiting_for=_mine(officer) if wish.mine else (),
        doubtful=wish.doubtful,
        without_place=wish.without_place,
        words=wish.words,
        area=area,
    )


def _mine(officer: Officer) -> tuple[str, ...]:
    return tuple(dict.fromkeys((officer.office.code, *officer.agencies, *officer.boundaries)))


def _stamp(text: str, *, last: bool) -> str:
    """A day in Jakarta, or a time with a zone, as a stamp. Raises ValueError."""
    if len(text) == 10:
        text = f"{date.fromisoformat(text).isoformat()}T{'23:59:59.999' if last else '00:00:00'}+07:00"
    return stamp(moment(text))


def _by(request: Request, officer: Officer, report_id: str, deed: Deed) -> desk.By:
    key = request.headers.get("idempotency-key", "")
    if key and not IDEMPOTENCY_KEY.fullmatch(key):
        raise Refused([Problem("idempotency_key", "Idempotency-Key")])
    asked = hashlib.sha256(report_id.encode() + msgspec.json.encode(deed, order="deterministic")).hexdigest()
    return desk.By(officer.id, officer.name, officer.role, officer.office, deed.seen, key, asked, deed.note)


# Deeds.


def _do(parts: Parts, officer: Officer, it: Report, deed: Deed, by: desk.By) -> Report:
    """The report after the deed. Raises what desk.act raises, and Refused for what is wrong with the deed."""
    if deed.action == "note":
        desk.write_note(_desk(parts), it.id, deed.note or deed.text, by)
        return _load(parts, it.id)
    return desk.act(_desk(parts), it.id, by, DRAFTS[deed.action](parts, officer, it, deed))


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
        raise _no_choice("to", deed.to, MOVES_HERE)
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
        salt=_salt(parts),
        to_office=to_office,
        planned=planned,
        photos=_photos(parts, it, deed),
    )


def _hand_over(parts: Parts, officer: Officer, it: Report, deed: Deed) -> desk.Draft:
    office = office_of(deed.office, _agencies(parts), parts.door.locator.by_kode)
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
    return desk.move_draft(
        wish, role=officer.role, office=officer.office, salt=_salt(parts), to_office=office
    )


def _ask(parts: Parts, officer: Officer, _it: Report, deed: Deed) -> desk.Draft:
    return desk.say_draft("asked", deed.text, office=officer.office, salt=_salt(parts))


def _place(parts: Parts, officer: Officer, it: Report, deed: Deed) -> desk.Draft:
    """Where the officer put the pin decides; a kelurahan named instead stands for it."""
    locator = parts.door.locator
    if deed.longitude is not None and deed.latitude is not None:
        found = locator.locate(deed.longitude, deed.latitude, None)
        if found.kode is None:
            raise Refused([Problem("outside_jakarta", "latitude")])
        place, position = _place_of(parts, found.kode), (deed.longitude, deed.latitude)
        return desk.place_draft(place, position, office=officer.office, text=deed.text, salts=_salts(parts))
    if deed.kelurahan not in locator.by_kode:
        raise Refused([Problem("kelurahan_unknown", "kelurahan", {"value": deed.kelurahan})])
    place = _place_of(parts, deed.kelurahan)
    return desk.place_draft(place, None, office=officer.office, text=deed.text, salts=_salts(parts))


def _correct(parts: Parts, officer: Officer, _it: Report, deed: Deed) -> desk.Draft:
    if deed.category and deed.category not in parts.categories:
        raise _no_choice("category", deed.category, parts.categories)
    words = {"description": deed.description, "landmark": deed.landmark}
    if deed.description is not None and len(deed.description.strip()) < 10:
        length = len(deed.description.strip())
        raise Refused([Problem("too_short", "description", {"least": 10, "length": length})])
    return desk.correct_draft(
        office=officer.office,
        salts=_salts(parts),
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
    """Photos after, made anew and kept beside the report's own. Raises Refused."""
    if not deed.photo:
        return ()
    stored, _uploads = made_photos(parts.door, deed.photo, ())
    for each in stored:
        image, thumb = photo_paths(it.id, each.photo)
        parts.door.private.put(image, each.processed.image)
        parts.door.private.put(thumb, each.processed.thumb)
    return tuple(each.photo for each in stored)


def _place_of(parts: Parts, kode: str) -> Place:
    row = parts.door.locator.by_kode[kode]
    return Place(kode, row.kelurahan, row.kecamatan, row.kota, "officer", parts.door.locator.version)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused([Problem("not_a_date", "planned", {"value": text})]) from None


def _desk(parts: Parts) -> desk.Desk:
    return desk.Desk(parts.door.table, parts.door.now, parts.door.random_bytes)


def _salt(parts: Parts) -> str:
    return parts.door.random_bytes(16).hex()


def _salts(parts: Parts) -> list[str]:
    return [_salt(parts) for _ in range(3)]


def _agencies(parts: Parts) -> Mapping[str, Agency]:
    return parts.agencies


# Answers.


def _row(parts: Parts, row: records.Row) -> QueueRow:
    known = parts.door.locator.by_kode.get(row.kode or "")
    return QueueRow(
        id=row.id,
        number=written_id(row.id),
        category=row.category,
        state=row.state,
        text=row.text,
        longitude=row.longitude,
        latitude=row.latitude,
        created=row.created,
        updated=row.updated,
        kode=row.kode,
        kelurahan=known.kelurahan if known else None,
        office=row.office_name,
        channel=row.channel,
        private=row.private,
        in_doubt=row.in_doubt,
        percent=row.percent,
        planned=row.planned,
        photo=row.thumb is not None,
        example=row.example,
    )


def _staff_report(parts: Parts, officer: Officer, it: Report) -> StaffReport:
    table = parts.door.table
    events = [event for event in records.history(table, it.id) if event.seq <= it.seq]
    notes = tuple(ColleagueNote(n["at"], n["name"], n["office"], n["note"]) for n in desk.notes(table, it.id))
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
    previous = desk.previous_office(events, it.office)
    if previous is None:
        allowed = tuple(a for a in allowed if a != "send_back")
    original = {name: text for name, text in it.original.items() if not name.endswith("_salt")}
    return StaffReport(
        report=public.report(it, events, parts.categories),
        seq=it.seq,
        private=it.private,
        office=it.office,
        in_doubt=in_doubt(it),
        original=original | _before_corrections(events),
        contact=_contact_state(table, officer, it),
        notes=notes,
        may=allowed,
        moves=moves,
        previous_office=previous,
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


def _conflict(parts: Parts, request: Request, officer: Officer, it: Report, seen: int) -> Response:
    """What happened since the officer looked. The words they wrote are still on their screen."""
    if not may(officer, "see", it):
        raise _unknown(it.id)
    language = language_of(request, {})
    problem = Problem("changed_meanwhile", "seen")
    said = (ErrorAnswer(problem.code, problem.field, problem.message(language)),)
    shown = _staff_report(parts, officer, it)
    since = tuple(event for event in shown.report.history if event["seq"] > seen)
    return reply(409, Conflict(said, since, shown))


def _refused_move(refused: lifecycle.MoveRefused, it: Report, deed: Deed) -> Refused:
    code = refused.code
    if code == "reason_unknown":
        return _no_choice("reason", deed.reason, lifecycle.REJECT_REASONS)
    if code == "percent_wrong":
        return Refused([Problem("out_of_range", "percent", {"value": deed.percent, "least": 0, "most": 99})])
    said = {
        "text_missing": Problem("move_text_missing", "text"),
        "duplicate_missing": Problem("move_duplicate", "duplicate_of"),
        "duplicate_of_itself": Problem("move_duplicate", "duplicate_of"),
        "nothing_changed": Problem("nothing_changed"),
    }
    return Refused([said.get(code, Problem("move_not_allowed", "to", {"value": it.state}))])


def _no_choice(name: str, value: str, choices: Sequence[str] | Mapping[str, Any]) -> Refused:
    return Refused([Problem("not_a_choice", name, {"value": value, "choices": ", ".join(choices)})])


OUT = {401: (Errors,), 403: (Errors,), 503: (Errors,)}
BAD = {400: (Errors,), 413: (Errors,), 415: (Errors,)}
TOKEN = {"Authorization": "Bearer, and the access token of an officer."}
ONCE = {"Idempotency-Key": "8 to 128 letters, digits, - or _. The same key does the same deed once in a day."}

OPERATIONS = (
    Operation(
        "staff_sign_in",
        "GET",
        "/api/staff/session",
        "Where officers sign in",
        sign_in,
        {200: (SignIn,), 503: (Errors,)},
    ),
    Operation(
        "staff_me", "GET", "/api/staff/me", "The officer who asks", me, {200: (Me,), **OUT}, headers=TOKEN
    ),
    Operation(
        "staff_queue",
        "POST",
        "/api/staff/queue",
        "List reports within an officer's boundaries",
        queue,
        {200: (Queue,), **BAD, **OUT},
        takes=QueueWish,
        content_types=(body.JSON,),
        headers=TOKEN,
    ),
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
