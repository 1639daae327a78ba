"""GET /api/find: from what somebody typed to a report, a kelurahan, kecamatan or kota, or a landmark.

What the map's search does with scripts, for those without, and for programs. Finds only
what is public. Reports of a number that is none are looked for as places.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from web.views import Hit
from web.vocabulary import kota_name

from .. import records
from ..publishing.landmarks import folded
from ..report import read_id, written_id
from .operation import (
    HTML_TYPE,
    PAGE,
    Errors,
    Operation,
    Parts,
    Request,
    Response,
    accepts_page,
    language_of,
    reply,
)
from .problems import Problem, Refused

MOST = 40
"""Places that one search answers with; words that fit more are too few."""
LONGEST = 100


class FindQuery(msgspec.Struct, frozen=True):
    """What somebody typed to find, and the language of the page it leads to."""

    q: Annotated[
        str, Meta(description="A report's number, however it is written, or words of a place's name.")
    ] = ""
    id: Annotated[str, Meta(description="The same, by its older name.")] = ""
    language: Annotated[str, Meta(description="`id` or `en`; without it Accept-Language decides.")] = ""


class Found(msgspec.Struct, frozen=True):
    """A place that fits; `longitude` and `latitude` in degrees, of landmarks alone."""

    kind: Literal["kota", "kecamatan", "kelurahan", "landmark"]
    kode: str
    name: str
    inside: str
    url: str
    longitude: float | None = None
    latitude: float | None = None


class FoundList(msgspec.Struct, frozen=True):
    """The places that fit, the larger first."""

    found: tuple[Found, ...]


def find(parts: Parts, request: Request) -> Response:
    """Go to the one page that was meant, or list the places that fit."""
    text = (request.query.get("q") or request.query.get("id") or "").strip()[:LONGEST]
    language = language_of(request, {})
    root = "/en" if language == "en" else ""
    wanted = folded(text)
    if not wanted:
        raise Refused([Problem("find_empty", "q")])
    if (
        (report_id := read_id(text))
        and (kept := records.load(parts.door.table, report_id))
        and not kept[0].private
    ):
        return _go(f"{root}/laporan/{report_id}/")
    places = sorted(
        (each for each in _places(parts, root) if _fits(wanted, each.name)),
        key=lambda each: (folded(each.name) != wanted, not folded(each.name).startswith(wanted)),
    )[:MOST]
    if not places:
        raise Refused([_nothing(text, report_id)], 404)
    exact = [each for each in places if folded(each.name) == wanted]
    if len(exact or places) == 1:
        return _go((exact or places)[0].url)
    if not accepts_page(request):
        return reply(200, FoundList(tuple(places)))
    hits = [Hit(each.url, each.name, each.kind, each.inside) for each in places]
    page = parts.renderer().search(language, text, hits=hits)
    return Response(200, {"Content-Type": HTML_TYPE, "Cache-Control": "no-store"}, page.encode())


def _nothing(text: str, report_id: str | None) -> Problem:
    # Eight letters may be a name; with a digit among them they are meant as a number.
    if report_id and re.search(r"\d", text):
        return Problem("report_unknown", "q", {"value": written_id(report_id)})
    return Problem("find_nothing", "q", {"value": text})


def _go(url: str) -> Response:
    return Response(303, {"Location": url, "Cache-Control": "no-store"}, b"")


def _places(parts: Parts, root: str) -> Iterator[Found]:
    by_kode = parts.door.locator.by_kode
    rows = [row for _, row in sorted(by_kode.items())]
    for kode, row in {row.kode[:5]: row for row in rows}.items():
        yield Found("kota", kode, kota_name(row.kota), "", f"{root}/kota/{kode}/")
    for kode, row in {row.kode[:8]: row for row in rows}.items():
        yield Found("kecamatan", kode, row.kecamatan, kota_name(row.kota), f"{root}/kecamatan/{kode}/")
    for row in rows:
        inside = f"{row.kecamatan}, {kota_name(row.kota)}"
        yield Found("kelurahan", row.kode, row.kelurahan, inside, f"{root}/kelurahan/{row.kode}/")
    for kode, known in records.landmarks(parts.door.table).items():
        for each in known if kode in by_kode else ():
            inside = f"{by_kode[kode].kelurahan}, {kota_name(by_kode[kode].kota)}"
            url, at = f"{root}/kelurahan/{kode}/", (each["longitude"], each["latitude"])
            yield Found("landmark", kode, each["name"], inside, url, *at)


def _fits(wanted: str, name: str) -> bool:
    """Whether every word that was typed begins a word of the name."""
    words = f" {folded(name)}"
    return all(f" {word}" in words for word in wanted.split())


OPERATIONS = (
    Operation(
        "find_report",
        "GET",
        "/api/find",
        "Go to a report by its number, or to a place by its name",
        find,
        {200: (FoundList, PAGE), 303: (None,), 400: (Errors, PAGE), 404: (Errors, PAGE), 503: (Errors, PAGE)},
        query=FindQuery,
    ),
)
