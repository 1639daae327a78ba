"""Open data: every public report of a month as a line of CSV and a feature of GeoJSON, each field explained.

Holds facts only. Words stay on the report's own page, where they can be erased; nothing
here would keep a copy. Decides and writes text; reads and stores nothing.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, get_args, get_type_hints

import msgspec

from web.data import licensed
from web.views import Licence

from .. import proof, stats
from ..front.problems import N_
from ..report import Report


class Row(msgspec.Struct, frozen=True):
    """A report in the open data, field by field in the order of FIELDS."""

    id: str
    created: str
    closed: str | None
    category: str
    state: str
    channel: str
    kode: str
    kelurahan: str
    kecamatan: str
    kota: str
    latitude: float | None
    longitude: float | None
    accuracy_m: float | None
    office: str | None
    days: int | None
    handovers: int
    rating: str | None
    duplicate_of: str | None
    example: bool


FIELDS: tuple[tuple[str, str], ...] = (
    ("id", N_("The report's number; its page is at /laporan/<id>/.")),
    ("created", N_("When it came in: UTC, ISO 8601.")),
    ("closed", N_("When it was closed; empty while it is open.")),
    ("category", N_("Code of what was reported; the names are in /data/kategori.json.")),
    ("state", N_("waiting, coordination, disposition, in_progress, done, rejected or duplicate.")),
    ("channel", N_("The way it came in.")),
    ("kode", N_("Code of the kelurahan it belongs to.")),
    ("kelurahan", N_("Name of the kelurahan.")),
    ("kecamatan", N_("Name of the kecamatan.")),
    ("kota", N_("Name of the kota.")),
    ("latitude", N_("Degrees north, WGS 84.")),
    ("longitude", N_("Degrees east, WGS 84.")),
    ("accuracy_m", N_("Radius of doubt of the position in metres, as the phone told it.")),
    ("office", N_("Code of the office that has it, or had it last.")),
    ("days", N_("Whole days from coming in to done; in steps of ten from 60 on; empty when it is not done.")),
    ("handovers", N_("How often it went from one office to another.")),
    ("rating", N_("The reporter's rating since it was last closed: satisfied or unsatisfied.")),
    ("duplicate_of", N_("The report that it repeats.")),
    ("example", N_("True for made-up examples.")),
)


def span(month: str) -> tuple[datetime, datetime]:
    """The first and the last moment that a month (yyyy-mm) of Jakarta's can hold."""
    year, number = int(month[:4]), int(month[5:])
    first = datetime(year, number, 1, tzinfo=UTC) - proof.WIB
    following = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC) - proof.WIB
    return first, following - timedelta(milliseconds=1)


def within(it: Report, month: str) -> bool:
    """Whether a report came in during a month of Jakarta's."""
    return proof.day_of(it.created).startswith(f"{month}-")


def row(it: Report) -> Row:
    """A report's line. Raises ValueError without a place: such reports are in no month's data."""
    if it.place is None:
        raise ValueError(f"report {it.id} has no place yet; open data holds placed reports only")
    return Row(
        id=it.id,
        created=it.created,
        closed=it.closed,
        category=it.category,
        state=it.state,
        channel=it.channel,
        kode=it.place.kode,
        kelurahan=it.place.kelurahan,
        kecamatan=it.place.kecamatan,
        kota=it.place.kota,
        latitude=it.latitude,
        longitude=it.longitude,
        accuracy_m=it.accuracy_m,
        office=it.office.code if it.office else None,
        days=stats.days_until_done(it),
        handovers=it.handovers,
        rating=it.rating,
        duplicate_of=it.duplicate_of,
        example=it.example,
    )


def as_csv(rows: Sequence[Row]) -> str:
    """RFC 4180, UTF-8, a heading, empty where there is nothing; true and false in small letters."""
    text = io.StringIO()
    lines = csv.writer(text)
    names = [name for name, _ in FIELDS]
    lines.writerow(names)
    for each in rows:
        values: dict[str, Any] = msgspec.to_builtins(each)
        lines.writerow([_cell(values[name]) for name in names])
    return text.getvalue()


def as_geojson(rows: Sequence[Row], month: str, licence: Licence) -> str:
    """RFC 7946: a feature per report, longitude first; without a position its geometry is null."""
    features = []
    for each in rows:
        values: dict[str, Any] = msgspec.to_builtins(each)
        report_id, longitude, latitude = values.pop("id"), values.pop("longitude"), values.pop("latitude")
        known = longitude is not None and latitude is not None
        point = {"type": "Point", "coordinates": [longitude, latitude]} if known else None
        features.append({"type": "Feature", "id": report_id, "geometry": point, "properties": values})
    told = {"type": "FeatureCollection", "month": month, **licensed(licence), "features": features}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}
"""Types of fields by those of Row, in the words of Frictionless Data."""
TIMES = frozenset({"created", "closed"})


def package(months: Sequence[str], licence: Licence) -> str:
    """`datapackage.json` (Frictionless Data Package): the CSV files, what each field is, and the licence."""
    kinds = get_type_hints(Row)
    fields = [
        {"name": name, "type": "datetime" if name in TIMES else _kind(kinds[name]), "description": meaning}
        for name, meaning in FIELDS
    ]
    told: dict[str, Any] = {
        "profile": "tabular-data-package",
        "name": "cctv-warga",
        "title": "CCTV Warga: laporan warga per bulan",
        "licenses": [licensed(licence)["license"]] if licence.name else [],
        "resources": [
            {
                "name": f"laporan-{month}",
                "path": f"{month}.csv",
                "profile": "tabular-data-resource",
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "schema": {"fields": fields, "primaryKey": "id"},
            }
            for month in sorted(months)
        ],
    }
    if not told["licenses"]:
        del told["licenses"]
    return json.dumps(told, ensure_ascii=False, indent=1) + "\n"


def _kind(hint: Any) -> str:
    """A field's type; what may be missing is of the type that it has when it is there."""
    return next(TYPES[each] for each in (hint, *get_args(hint)) if each in TYPES)


def _cell(value: Any) -> Any:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else value
