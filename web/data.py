"""The data files that scripts and other people read: active and archived reports, counts, GeoJSON, sitemap.

Pages and feeds are made in web.render; a report's own file with its chain in
chalicelib.public. The same view gives the same bytes.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from web import i18n
from web.shades import class_breaks
from web.views import AreaView, Category, FiguresView, KelurahanRow, KelurahanView, Licence, ReportSummary
from web.vocabulary import STATES, shortened

MAPPED = 150
"""Newest open reports in a kelurahan's GeoJSON; `open` beside them counts all."""
WORDED = 20
"""Newest reports whose text goes along in an active file; the others' is on their own page."""


def geojson(view: KelurahanView | AreaView, licence: Licence) -> str:
    """An area's open reports as a FeatureCollection (RFC 7946), longitude first, 6 decimals.

    A feature's id is the report's; its words are at `/laporan/<id>.json`. At most the 150 newest:
    the member `open` counts all; each kelurahan's `/data/aktif/<kode>.json` and archive hold the rest.
    """
    from geojson.feature import Feature, FeatureCollection
    from geojson.geometry import Point

    features = [
        Feature(  # type: ignore[no-untyped-call]
            id=report.id,
            geometry=Point((report.longitude, report.latitude), precision=6),  # type: ignore[no-untyped-call]
            properties={
                "category": report.category,
                "state": report.state,
                "created": i18n.machine_time(report.created),
            }
            | ({"example": True} if report.example else {}),
        )
        for report in listed(view)
    ]
    return to_json(FeatureCollection(features, kode=view.kode, open=view.open, **licensed(licence)))  # type: ignore[no-untyped-call]


def licensed(licence: Licence) -> dict[str, Any]:
    """What a JSON file says of its licence: nothing when none was set."""
    return {"license": {"name": licence.name, "path": licence.url}} if licence.name else {}


def listed(view: KelurahanView | AreaView) -> list[ReportSummary]:
    """The open reports that an area's data files hold: the newest, at most MAPPED."""
    return [report for report in view.reports if not STATES[report.state].closed][:MAPPED]


COLUMNS = ("id", "created", "updated", "category", "state", "kode", "latitude", "longitude", "example", "url")
"""Of an area's CSV, in order. Times in UTC, degrees in WGS 84; `kode` is the kelurahan's."""


def as_csv(view: KelurahanView | AreaView, site_url: str) -> str:
    """An area's open reports as CSV (RFC 4180, UTF-8): facts, as everywhere; the words are on each report's page."""
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(COLUMNS)
    for report in listed(view):
        lines.writerow(
            [
                report.id,
                i18n.machine_time(report.created),
                i18n.machine_time(report.updated),
                report.category,
                report.state,
                report.kode or view.kode,
                f"{report.latitude:.6f}",
                f"{report.longitude:.6f}",
                str(report.example).lower(),
                f"{site_url}/laporan/{report.id}/",
            ]
        )
    return text.getvalue()


FIGURES = (
    "period", "reports", "open", "done", "done_percent", "within_30_days_percent", "median_days",
    "ninety_days", "handovers", "satisfied_percent", "rated",
)  # fmt: skip
"""Columns of the figures of periods. Percents to one decimal, empty where there is nothing to count."""


def figures_csv(rows: Iterable[tuple[str, FiguresView, int]]) -> str:
    """Figures of periods as CSV (RFC 4180): (period, figures, hand-overs), one line each."""
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(FIGURES)
    for period, f, handovers in rows:
        values = (
            period, f.total, f.open, f.done, f.done_percent, f.within_percent, f.median_days,
            f.ninety_days, handovers, f.satisfied_percent, f.rated,
        )  # fmt: skip
        lines.writerow(["" if value is None else value for value in values])
    return text.getvalue()


def active(view: KelurahanView) -> str:
    """`/data/aktif/<kode>.json`: the kelurahan's open and newest reports as columns, for the map.

    `columns` holds lists of equal length, in the view's order: `id`; `longitude` and `latitude` in
    units of 0.00001 degree from `origin`; `category` and `state` as positions in `categories` and
    `states`; `created` in minutes, the first since 1970 (UTC), each next relative to the one before;
    `photo`, 1 when there is one; `text`, shortened, of the first 20 only. `open` counts all open
    reports, also those beyond the list, `total` all; `example` is true when some are synthetic.
    """
    return to_json(
        {
            "kode": view.kode,
            "open": view.counts.open,
            "total": view.counts.total,
            **columns(view.reports, words=WORDED),
        }
    )


def landmarks(by_kode: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """`/data/patokan.json`: `landmarks` as [name, kode, latitude, longitude, number of reports], by code.

    Only names that several reports share; see chalicelib.publishing.landmarks.
    """
    return to_json(
        {
            "landmarks": [
                [each["name"], kode, each["latitude"], each["longitude"], each["reports"]]
                for kode, known in sorted(by_kode.items())
                for each in known
            ]
        }
    )


def archive(kode: str, month: str, reports: Sequence[ReportSummary]) -> str:
    """`/data/arsip/<kode>/<yyyymm>.json`: a month's reports in the columns of `active`, all with text."""
    return to_json(
        {"kode": kode, "month": month, "total": len(reports), **columns(reports, words=len(reports))}
    )


def summary_counts(rows: Sequence[KelurahanRow], *, boundaries_version: str, approximate: bool) -> str:
    """`/data/ringkas.json`: counts per kelurahan in the order of `states`, and the map's class breaks."""
    states = list(STATES)
    return to_json(
        {
            "boundaries": {"version": boundaries_version, "approximate": approximate},
            "breaks": class_breaks([row.counts.open for row in rows]),
            "states": states,
            "kelurahan": {row.kode: [row.counts.by_state.get(state, 0) for state in states] for row in rows},
        }
    )


def categories_json(categories: Iterable[Category]) -> str:
    """`/data/kategori.json`: what can be reported, for scripts and for others who read the data."""
    return to_json({c.code: {"id": c.names["id"], "en": c.names["en"], "icon": c.icon} for c in categories})


def sitemap(site_url: str, codes: Iterable[str]) -> str:
    """Addresses of the pages that do not come and go, in both languages, for search engines.

    `codes` are all kelurahan. `site_url` is the site's address without a
    trailing slash: a sitemap knows no relative links.
    """
    known = sorted(codes)
    paths = [
        "/",
        "/lapor/",
        "/laporan/",
        "/rekap/",
        "/periksa/",
        "/data/terbuka/",
        "/pengembang/",
        "/status/",
    ]
    paths += [f"/kota/{kode}/" for kode in sorted({kode[:5] for kode in known})]
    paths += [f"/kecamatan/{kode}/" for kode in sorted({kode[:8] for kode in known})]
    paths += [f"/kelurahan/{kode}/" for kode in known]
    lines = [
        f"<url><loc>{site_url}{path}</loc>"
        f'<xhtml:link rel="alternate" hreflang="en" href="{site_url}/en{path}"/></url>'
        for path in paths
    ]
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:xhtml="http://www.w3.org/1999/xhtml">\n'
        + "\n".join(lines)
        + "\n</urlset>\n"
    )


def columns(reports: Sequence[ReportSummary], *, words: int) -> dict[str, Any]:
    states = list(STATES)
    categories = sorted({report.category for report in reports})
    west = min((round(report.longitude * 1e5) for report in reports), default=0)
    south = min((round(report.latitude * 1e5) for report in reports), default=0)
    created = [int(report.created.timestamp()) // 60 for report in reports]
    return {
        "example": any(report.example for report in reports),
        "states": states,
        "categories": categories,
        "origin": [west, south],
        "columns": {
            "id": [report.id for report in reports],
            "longitude": [round(report.longitude * 1e5) - west for report in reports],
            "latitude": [round(report.latitude * 1e5) - south for report in reports],
            "category": [categories.index(report.category) for report in reports],
            "state": [states.index(report.state) for report in reports],
            "created": [now - before for now, before in zip(created, [0, *created], strict=False)],
            "photo": [1 if report.thumb_url else 0 for report in reports],
            "text": [
                shortened(report.description, 60) if i < words else "" for i, report in enumerate(reports)
            ],
        },
    }


def to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
