"""What Open311 GeoReport v2 shows: its answers as structs, made from categories, reports and events.

Decides what is said in Open311's words; does no I/O and knows no request. JSON is
these structs as they are, XML the same fields in the same order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ..attributes import Attribute, answered
from ..categories import Category
from ..intake import Locator, photo_paths
from ..lifecycle import STATES
from ..report import Event, Photo, Report

WIB = timezone(timedelta(hours=7))
SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"
CHANGESET = "2026-11-23T00:00:00Z"
"""When what the discovery document says of this server last changed."""
FORMATS = ("text/xml", "application/json")

UPDATE_STATUS: Mapping[str, str] = {
    "waiting": "open",
    "coordination": "investigating",
    "disposition": "action_scheduled",
    "in_progress": "in_progress",
    "done": "fixed",
    "rejected": "no_further_action",
    "duplicate": "duplicate",
}
"""Our states in the words of the updates extension. `internal_referral` would close a report at some clients."""
NOT_OURS = frozenset({"outside_authority", "not_public"})
"""Reasons of a refusal that mean: another authority's business."""


class Problem311(msgspec.Struct, frozen=True):
    """One thing that was wrong. `code` is the HTTP status; `problem` is for programs, `field` as it was sent."""

    code: str
    description: str
    field: str
    problem: str


class Endpoint(msgspec.Struct, frozen=True):
    """Where and how this server speaks Open311."""

    specification: str
    url: str
    changeset: str
    type: Annotated[str, Meta(description="production or test.")]
    formats: tuple[str, ...]


class Discovery(msgspec.Struct, frozen=True):
    """What a client must know before anything else."""

    changeset: str
    contact: str
    key_service: str
    endpoints: tuple[Endpoint, ...]


class Service(msgspec.Struct, frozen=True):
    """A kind of problem that can be reported."""

    service_code: str
    service_name: str
    description: str
    metadata: bool
    type: str
    keywords: str
    group: str


class Value(msgspec.Struct, frozen=True):
    """One answer of a list."""

    key: str
    name: str


class AttributeDefinition(msgspec.Struct, frozen=True, omit_defaults=True):
    """A question of a service."""

    variable: bool
    code: str
    datatype: str
    required: bool
    datatype_description: str
    order: int
    description: str
    values: tuple[Value, ...] | UnsetType = UNSET
    automated: Annotated[str, Meta(description="server_set or hidden_field.")] | UnsetType = UNSET


class Definition(msgspec.Struct, frozen=True):
    """The questions of a service."""

    service_code: str
    attributes: tuple[AttributeDefinition, ...]


class Answer(msgspec.Struct, frozen=True):
    """An answer to a question of the service, in the key and in words."""

    code: str
    name: str
    values: tuple[Value, ...]


class Extended(msgspec.Struct, frozen=True):
    """What this server knows beyond the specification."""

    state: Annotated[str, Meta(description="waiting, coordination, disposition, in_progress, done, ...")]
    state_name: str
    percent: int | None
    kelurahan: str | None
    kecamatan: str | None
    kota: str | None
    photos: tuple[str, ...]
    status_url: str
    duplicate_of: str | None
    channel: str


class Note(msgspec.Struct, frozen=True):
    """One entry of the history."""

    datetime: str
    type: str
    status: str
    summary: str
    office: str


class ServiceRequest(msgspec.Struct, frozen=True):
    """A report. Longitude and latitude in degrees, WGS 84. `extensions=true` adds the last three."""

    service_request_id: str
    status: str
    status_notes: str | None
    service_name: str
    service_code: str
    description: str
    agency_responsible: str | None
    service_notice: str | None
    requested_datetime: str
    updated_datetime: str
    address: str | None
    address_id: str | None
    zipcode: str | None
    lat: float | None
    long: float | None
    media_url: str | None
    expected_datetime: str | UnsetType = UNSET
    extended_attributes: Extended | UnsetType = UNSET
    attributes: tuple[Answer, ...] | UnsetType = UNSET
    notes: tuple[Note, ...] | UnsetType = UNSET


class Created311(msgspec.Struct, frozen=True):
    """A report was taken. With `extensions=true` also its secret follow key, shown this once."""

    service_request_id: str
    service_notice: str | None
    account_id: str | None
    follow_key: str | UnsetType = UNSET
    status_url: str | UnsetType = UNSET


class Token(msgspec.Struct, frozen=True):
    """Which report a token became."""

    service_request_id: str
    token: str


class Update(msgspec.Struct, frozen=True):
    """Something that happened to a report after it was made."""

    update_id: str
    service_request_id: str
    status: str
    updated_datetime: str
    description: str
    external_status_code: str
    media_url: str | UnsetType = UNSET


class CreatedUpdate(msgspec.Struct, frozen=True):
    """An update was taken; the id is the one under which it will be listed."""

    update_id: str


def service(category: Category, language: str) -> Service:
    """A category as a service."""
    return Service(
        category.code,
        category.names[language],
        category.hints[language],
        bool(category.attributes),
        "realtime",
        ",".join(category.keywords),
        category.groups.get(language, ""),
    )


def definition(category: Category, language: str) -> Definition:
    """What a category asks."""
    rows = tuple(
        AttributeDefinition(
            each.variable,
            each.code,
            each.datatype,
            each.required,
            each.hints[language],
            order,
            each.names[language],
            values=_values(each, language) if each.values else UNSET,
            automated=each.automated or UNSET,
        )
        for order, each in enumerate(category.attributes, start=1)
    )
    return Definition(category.code, rows)


def _values(asked: Attribute, language: str) -> tuple[Value, ...]:
    return tuple(Value(choice.key, choice.names[language]) for choice in asked.values)


def request(
    it: Report,
    last: Event | None,
    *,
    categories: Mapping[str, Category],
    locator: Locator,
    base: str,
    language: str,
    history: Sequence[Event] | None = None,
) -> ServiceRequest:
    """A public report in Open311's words. `last` is its newest event; with `history` the extensions are added."""
    category = categories.get(it.category)
    where = it.place
    row = locator.by_kode.get(where.kode) if where else None
    words = last.words.get("text") if last else None
    photos = tuple(f"{base}/{photo_paths(it.id, photo)[0]}" for photo in it.photos)
    return ServiceRequest(
        service_request_id=it.id,
        status=STATES[it.state].open311,
        status_notes=words.text if words else None,
        service_name=category.names[language] if category else it.category,
        service_code=it.category,
        description=it.description,
        agency_responsible=it.office.name if it.office else None,
        service_notice=None,
        requested_datetime=utc(it.created),
        updated_datetime=utc(it.updated),
        address=address(it),
        address_id=where.kode if where else None,
        zipcode=str(getattr(row, "kode_pos", "")) or None,
        lat=it.latitude,
        long=it.longitude,
        media_url=photos[0] if photos else None,
        expected_datetime=end_of_day(it.planned) if it.planned else UNSET,
        extended_attributes=UNSET if history is None else extended(it, photos, base),
        attributes=UNSET if history is None else answers(it, category, language),
        notes=UNSET if history is None else tuple(note(event) for event in history),
    )


def extended(it: Report, photos: tuple[str, ...], base: str) -> Extended:
    """What Open311 has no word for."""
    where = it.place
    return Extended(
        it.state,
        STATES[it.state].screen,
        it.percent,
        where.kelurahan if where else None,
        where.kecamatan if where else None,
        where.kota if where else None,
        photos,
        f"{base}/laporan/{it.id}/",
        it.duplicate_of,
        it.channel,
    )


def answers(it: Report, category: Category | None, language: str) -> tuple[Answer, ...]:
    """What the reporter answered to the questions of the category, public words only."""
    return tuple(
        Answer(each.code, each.names[language], tuple(Value(v.key, v.names[language]) for v in each.values))
        for each in answered(category.attributes if category else (), it.attributes)
        if each.public
    )


def note(event: Event) -> Note:
    """An event as an entry of a request's history."""
    words = event.words.get("text")
    return Note(
        utc(event.at),
        event.kind,
        event.to_state or "",
        words.text if words else "",
        event.office.name if event.office else "",
    )


def update(event: Event, base: str) -> Update:
    """An event after the first as an update."""
    words = event.words.get("text")
    photos: tuple[Photo, ...] = event.photos
    return Update(
        update_id(event.report, event.seq),
        event.report,
        update_status(event),
        utc(event.at),
        words.text if words else "",
        event.to_state or "",
        media_url=f"{base}/{photo_paths(event.report, photos[0])[0]}" if photos else UNSET,
    )


def tells(event: Event) -> bool:
    """Whether an event has something for other systems: a state, public words or a photo."""
    words = event.words.get("text")
    return event.to_state is not None or bool(event.photos) or bool(words and words.text)


def update_id(report_id: str, seq: int) -> str:
    """The id of an update: unique, and the same for ever."""
    return f"{report_id}-{seq}"


def update_status(event: Event) -> str:
    """The word of the updates extension for what an event did; `unchanged` when it moved nothing."""
    if event.to_state is None:
        return "unchanged"
    if event.to_state == "rejected" and event.reason in NOT_OURS:
        return "not_councils_responsibility"
    return UPDATE_STATUS[event.to_state]


def address(it: Report) -> str | None:
    """Where it is, in words: the landmark, the kelurahan and what it is part of."""
    where = it.place
    parts = [it.landmark] if it.landmark else []
    if where:
        parts += [f"Kelurahan {where.kelurahan}", f"Kecamatan {where.kecamatan}", where.kota]
    return ", ".join(parts) or None


def utc(text: str) -> str:
    """A stamp as Open311's clients read it best: UTC, whole seconds, `Z`. Never later than the stamp."""
    return f"{text[:19]}Z"


def end_of_day(day: str) -> str:
    """The end of a day (yyyy-mm-dd) in Jakarta, in UTC."""
    end = datetime.combine(date.fromisoformat(day), time(23, 59, 59), WIB)
    return end.astimezone(UTC).isoformat().replace("+00:00", "Z")


def plain(value: Any) -> Any:
    """Structs as plain data, fields that are unset left out."""
    return msgspec.to_builtins(value)
