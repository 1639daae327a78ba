"""What the public may see of a report: the same for pages, files and the API.

Everything that leaves the system goes through here. A field that is not named
here is not public: contact, original words, follow key and language never are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from web import views

from . import records, stats
from .attributes import Answered, answered
from .categories import Category
from .intake import photo_paths
from .lifecycle import STATES
from .report import CHAIN_VERSION, Event, Photo, Report, canonical_facts, moment, written_id


class PublicPlace(msgspec.Struct, frozen=True):
    """The kelurahan of a report, how it was found, and how sure that is."""

    kode: str
    kelurahan: str
    kecamatan: str
    kota: str
    method: Annotated[str, Meta(description="inside, nearest, confirmed or chosen.")]
    probability: float
    runner_up: str | None
    doubtful: bool
    boundaries: Annotated[str, Meta(description="Version of the boundaries it was placed with.")]


class PublicPhoto(msgspec.Struct, frozen=True):
    """A published photo; sizes in pixels; `sha256` of the file at `url`."""

    url: str
    thumb_url: str
    width: int
    height: int
    sha256: str


class PublicState(msgspec.Struct, frozen=True):
    """A state: our code, the word on the screen, and the word of Open311."""

    code: str
    name: str
    open311: str


class PublicCategory(msgspec.Struct, frozen=True):
    """A category with its names in Indonesian and English."""

    code: str
    name_id: str
    name_en: str


class PublicValue(msgspec.Struct, frozen=True):
    """A value of an answer: as it was sent, and as people read it."""

    key: str
    name_id: str
    name_en: str


class PublicAnswer(msgspec.Struct, frozen=True):
    """An answer to a question of the category."""

    code: str
    question_id: str
    question_en: str
    values: tuple[PublicValue, ...]


class PublicReport(msgspec.Struct, frozen=True):
    """A report as anyone may read it, with its history. Longitude and latitude in degrees, WGS 84."""

    id: str
    number: Annotated[str, Meta(description="The id as people write it.")]
    category: PublicCategory
    state: PublicState
    description: str
    landmark: str
    place: PublicPlace | None
    longitude: float | None
    latitude: float | None
    accuracy_m: float | None
    channel: str
    created: str
    updated: str
    office: str | None
    percent: int | None
    planned: str | None
    attributes: Annotated[
        tuple[PublicAnswer, ...],
        Meta(description="Answers to what its category asks, those that are public."),
    ]
    photos: tuple[PublicPhoto, ...]
    duplicate_of: str | None
    merged: Annotated[
        tuple[str, ...], Meta(description="Ids of reports that tell the same and follow this one.")
    ]
    supporters: Annotated[int, Meta(description="How many others say that it concerns them too.")]
    example: Annotated[bool, Meta(description="True for synthetic reports.")]
    history: Annotated[
        tuple[dict[str, Any], ...],
        Meta(
            description="Events. Each hash covers the canonical form (RFC 8785) of all fields but hash and words."
        ),
    ]


def report(
    it: Report,
    events: Sequence[Event],
    categories: Mapping[str, Category],
    supporters: int = 0,
    merged: Sequence[str] = (),
) -> PublicReport:
    """The public report as data."""
    state, category = STATES[it.state], categories.get(it.category)
    return PublicReport(
        id=it.id,
        number=written_id(it.id),
        category=PublicCategory(
            it.category,
            category.names["id"] if category else it.category,
            category.names["en"] if category else it.category,
        ),
        state=PublicState(state.code, state.screen, state.open311),
        description=it.description,
        landmark=it.landmark,
        place=place(it),
        longitude=it.longitude,
        latitude=it.latitude,
        accuracy_m=it.accuracy_m,
        channel=it.channel,
        created=it.created,
        updated=it.updated,
        office=it.office.name if it.office else None,
        percent=it.percent,
        planned=it.planned,
        attributes=tuple(
            answer(each)
            for each in answered(category.attributes if category else (), it.attributes)
            if each.public
        ),
        photos=tuple(
            PublicPhoto(v.url, v.thumb_url, v.width, v.height, p.sha256)
            for p, v in ((p, _photo(it.id, p)) for p in it.photos)
        ),
        duplicate_of=it.duplicate_of,
        merged=tuple(merged),
        supporters=supporters,
        example=it.example,
        history=tuple(_told(event, it, category) for event in events),
    )


def answer(each: Answered) -> PublicAnswer:
    """An answer as data."""
    values = tuple(PublicValue(v.key, v.names["id"], v.names["en"]) for v in each.values)
    return PublicAnswer(each.code, each.names["id"], each.names["en"], values)


def _told(event: Event, it: Report, category: Category | None) -> dict[str, Any]:
    """An event as data. Answers stand in its words only when all of them are public: the chain holds without them."""
    told = {**msgspec.to_builtins(event), "version": CHAIN_VERSION}
    if "attributes" in told.get("words", {}):
        asked = category.attributes if category else ()
        if not all(each.public for each in answered(asked, it.attributes)):
            told["words"] = {name: words for name, words in told["words"].items() if name != "attributes"}
    return told


def document(told: PublicReport) -> bytes:
    """The report as a file: JSON whose history has a line per event, so that sha256sum alone can check it.

    A line begins with the event's canonical form, and `hash` and `words` follow: what stands before
    `,"hash":` and a closing brace are exactly the bytes that the hash covers.
    """
    facts = msgspec.to_builtins(told)
    history = facts.pop("history")
    return b'%s,"history":[\n%s\n]}\n' % (
        msgspec.json.encode(facts)[:-1],
        b",\n".join(_line(event) for event in history),
    )


def _line(event: Mapping[str, Any]) -> bytes:
    apart = {name: event[name] for name in ("hash", "words") if name in event}
    covered = {name: value for name, value in event.items() if name not in apart}
    return canonical_facts(covered)[:-1] + b"," + msgspec.json.encode(apart)[1:]


def place(it: Report) -> PublicPlace | None:
    """Where the report is, as data."""
    where = it.place
    if where is None:
        return None
    return PublicPlace(
        where.kode,
        where.kelurahan,
        where.kecamatan,
        where.kota,
        where.method,
        where.probability,
        where.runner_up,
        where.doubtful,
        where.boundaries,
    )


def report_view(
    it: Report,
    events: Sequence[Event],
    supporters: int = 0,
    merged: Sequence[str] = (),
    *,
    late: bool = False,
    card: str = "",
) -> views.ReportView:
    """The public report as its status page shows it."""
    return views.ReportView(
        id=it.id,
        category=it.category,
        state=it.state,
        description=it.description,
        landmark=it.landmark,
        place=place_view(it),
        longitude=it.longitude,
        latitude=it.latitude,
        accuracy_m=it.accuracy_m,
        channel=it.channel,
        created=moment(it.created),
        updated=moment(it.updated),
        percent=it.percent,
        planned=date.fromisoformat(it.planned) if it.planned else None,
        photos=tuple(_photo(it.id, photo) for photo in it.photos),
        events=tuple(_event_view(event) for event in events),
        duplicate_of=it.duplicate_of,
        example=it.example,
        late=late,
        supporters=supporters,
        merged=tuple(merged),
        card=f"/{card}" if card else "",
    )


def figures(it: stats.Figures) -> views.FiguresView:
    """Figures as pages show them."""
    return views.FiguresView(
        total=it.total,
        open=it.open,
        done=it.done,
        done_percent=it.done_percent,
        within_percent=it.within_percent,
        median_days=it.median_days,
        ninety_days=it.ninety_days,
        satisfied_percent=it.satisfied_percent,
        rated=it.satisfied + it.unsatisfied,
    )


def summary(row: records.Row) -> views.ReportSummary:
    """A row of a kelurahan's list as pages show it."""
    return views.ReportSummary(
        id=row.id,
        category=row.category,
        state=row.state,
        description=row.text,
        longitude=row.longitude or 0.0,
        latitude=row.latitude or 0.0,
        created=moment(row.created),
        updated=moment(row.updated),
        thumb_url=f"/{photo_paths(row.id, Photo(row.thumb, 0, 0, 0, 0))[1]}" if row.thumb else None,
        example=row.example,
        kode=row.kode or "",
    )


def place_view(it: Report) -> views.PlaceView | None:
    """Where the report is, as pages show it."""
    where = it.place
    if where is None:
        return None
    return views.PlaceView(
        where.kode, where.kelurahan, where.kecamatan, where.kota, where.method, where.doubtful
    )


def _photo(report_id: str, photo: Photo) -> views.PhotoView:
    image, thumb = photo_paths(report_id, photo)
    return views.PhotoView(f"/{image}", f"/{thumb}", photo.width, photo.height)


def _event_view(event: Event) -> views.EventView:
    words = event.words.get("text")
    return views.EventView(
        seq=event.seq,
        at=moment(event.at),
        kind=event.kind,
        office=event.office.name if event.office else "",
        to_office=event.to_office.name if event.to_office else "",
        from_state=event.from_state,
        to_state=event.to_state,
        text=words.text if words else "",
        reason=event.reason,
        percent=event.percent,
        planned=date.fromisoformat(event.planned) if event.planned else None,
        hash=event.hash,
        photos=tuple(_photo(event.report, photo) for photo in event.photos),
        rating=event.rating,
        reasons=event.reasons,
        about=event.about,
        rule=event.rule or "",
    )
