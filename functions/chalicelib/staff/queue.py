"""The queue: an officer's wish, read and answered a page at a time. What a queue holds is queues.py's business."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from .. import lifecycle, records
from ..access import Officer
from ..front import body
from ..front.operation import Operation, Parts, Request, Response, reply
from ..front.problems import Problem, Refused
from ..officers import assigning, queues
from ..report import moment, stamp, written_id
from .gate import BAD, OUT, TOKEN, asking, no_choice, read_body


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
    newer_days: Annotated[int, Meta(ge=0, le=3650, description="Made in the last so many days; 0: any.")] = 0
    older_days: Annotated[
        int, Meta(ge=0, le=3650, description="Made longer ago than so many days; 0: any.")
    ] = 0
    mine: Annotated[bool, Meta(description="Only what waits for the officer's own office.")] = False
    assigned: Annotated[bool, Meta(description="Only what was given to the officer in person.")] = False
    low_rating: Annotated[bool, Meta(description="Only those whose reporter was not satisfied.")] = False
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
    rating: str | None
    assigned: Annotated[str | None, Meta(description="Name of who has it, for colleagues only.")]
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


def queue(parts: Parts, request: Request) -> Response:
    """POST /api/staff/queue: a page of the officer's queue, and the counts by state."""
    officer = asking(parts, request, "queue")
    wish = read_body(parts, request, QueueWish)
    wanted = filter_of(officer, wish, parts.door.now())
    table = parts.door.table
    try:
        reading = queues.assigned_page if wish.assigned else queues.page
        found = reading(
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
    has = assigning.names(table, [row.id for row in found.rows])
    rows = tuple(_row(parts, row, has.get(row.id)) for row in found.rows)
    return reply(200, Queue(rows, found.next, found.looked_at, counts))


def filter_of(officer: Officer, wish: QueueWish, now: datetime) -> queues.Filter:
    """What an officer looks for, judged. Raises Refused naming everything that cannot be read."""
    problems: list[Problem] = []
    for state in wish.states:
        if state not in lifecycle.STATES:
            problems += no_choice("states", state, lifecycle.STATES).problems
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
    if wish.newer_days:
        times["since"] = max(times["since"], stamp(now - timedelta(days=wish.newer_days)))
    if wish.older_days:
        earlier = stamp(now - timedelta(days=wish.older_days))
        times["until"] = min(times["until"] or earlier, earlier)
    return queues.Filter(
        boundaries=wish.boundaries,
        # What was rated is closed.
        states=wish.states or (tuple(lifecycle.STATES) if wish.low_rating else lifecycle.OPEN),
        categories=wish.categories,
        office=wish.office,
        channel=wish.channel,
        since=times["since"],
        until=times["until"],
        waiting_for=_mine(officer) if wish.mine else (),
        doubtful=wish.doubtful,
        low_rating=wish.low_rating,
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


def _row(parts: Parts, row: records.Row, has: assigning.Assignment | None) -> QueueRow:
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
        rating=row.rating,
        assigned=has.name if has and has.office == row.office and row.state in lifecycle.OPEN else None,
        photo=row.thumb is not None,
        example=row.example,
    )


OPERATIONS = (
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
)
