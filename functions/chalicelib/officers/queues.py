"""Officers' queues: which rows an officer may see, filtered, a page at a time, and how many there are by state.

Reads rows of lists, never whole reports, and never more than LOOKED_AT of them for one
page: what a page costs does not grow with the number of reports. Filters judge rows and
do no I/O.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import msgspec

from ..access import PROVINCE, Officer, may
from ..lifecycle import CLOSED, OPEN, STATES
from ..records import NO_PLACE, Row, by_state, every, row_of
from ..storage.table import Table
from . import assigning
from .worklist import DOUBT, LOW, LOW_RATING, WORKLOAD, kota_of

PAGE = 50
LOOKED_AT = 1000
"""Rows looked at for one page at most; when few of them fit, the page is short and says where it goes on."""
CHUNK = 100
MOST_LISTS = 12
"""So many kelurahan are read from their own lists, three each: the largest kecamatan has eleven. For more of them
the lists of their kota are read instead, one each, and every row is judged by its place."""
MOST_VERTICES = 5000

Ring = Sequence[tuple[float, float]]
"""Longitude and latitude in degrees, first point again at the end or not."""


@dataclass(frozen=True, slots=True)
class Area:
    """A drawn area: polygons, each an outer ring and holes."""

    polygons: tuple[tuple[Ring, ...], ...]

    def contains(self, longitude: float, latitude: float) -> bool:
        """Whether a point lies inside, by the half-open crossing rule: exactly one of two neighbours has a border."""
        return any(
            _inside(rings[0], longitude, latitude)
            and not any(_inside(hole, longitude, latitude) for hole in rings[1:])
            for rings in self.polygons
        )


@dataclass(frozen=True, slots=True)
class Filter:
    """What an officer looks for. `boundaries` are code prefixes and agency codes; empty: all that is theirs.

    `since` and `until` are stamps of when the report was made; `office` is where it is now; `waiting_for`
    are codes of offices, or boundaries, that must act next. `within` is set by `plan`: where the partitions that
    are read hold more than was asked for, the boundaries and agencies that a row must lie in.
    """

    boundaries: tuple[str, ...] = ()
    states: tuple[str, ...] = OPEN
    categories: tuple[str, ...] = ()
    office: str = ""
    channel: str = ""
    since: str = ""
    until: str = ""
    waiting_for: tuple[str, ...] = ()
    doubtful: bool = False
    low_rating: bool = False
    without_place: bool = False
    words: str = ""
    area: Area | None = None
    within: tuple[str, ...] = ()

    def fits(self, row: Row) -> bool:
        """Whether a row is looked for. Place and time are the query's business; all else is judged here."""
        return (
            row.state in self.states
            and (not self.categories or row.category in self.categories)
            and (not self.office or row.office == self.office)
            and (not self.channel or row.channel == self.channel)
            and (not self.waiting_for or self._waits(row))
            and (not self.doubtful or row.in_doubt)
            and (not self.low_rating or row.rating == LOW_RATING)
            and (not self.within or self._theirs(row))
            and (not self.words or self._worded(row))
            and (self.area is None or self._within(row))
        )

    def _waits(self, row: Row) -> bool:
        code = row.office or ""
        theirs = any(code == each or code.startswith(f"{each}.") for each in self.waiting_for)
        return theirs and not STATES[row.state].closed

    def _theirs(self, row: Row) -> bool:
        return any(
            code and (code == each or code.startswith(f"{each}."))
            for code in (row.kode, row.office, row.doubt)
            for each in self.within
        )

    def _worded(self, row: Row) -> bool:
        text = f"{row.text} {row.id}".casefold()
        return all(word in text for word in self.words.replace("-", "").casefold().split())

    def _within(self, row: Row) -> bool:
        if self.area is None or row.longitude is None or row.latitude is None:
            return False
        return self.area.contains(row.longitude, row.latitude)


@dataclass(frozen=True, slots=True)
class Found:
    """A page of a queue. `next` goes on where it ended; `looked_at` is how many rows were judged."""

    rows: tuple[Row, ...]
    next: str | None
    looked_at: int


class OutOfReach(PermissionError):
    """A boundary was asked for that is not the officer's. `code` is which."""

    def __init__(self, code: str) -> None:
        super().__init__(f"{code} is outside this officer's boundaries and agencies")
        self.code = code


def plan(officer: Officer, wanted: Filter, kelurahan: Iterable[str]) -> tuple[list[str], Filter]:
    """The partitions that hold every row that the filter may show this officer, and the filter that judges them.

    At most 3 for each of MOST_LISTS kelurahan, or one for each kota, and one for each agency; twice that when
    open and closed reports are asked for. Raises OutOfReach when the filter names a boundary that is not theirs.
    """
    phases = [p for p, states in (("open", OPEN), ("closed", CLOSED)) if set(wanted.states) & set(states)]
    if wanted.without_place:
        if not officer.covers(PROVINCE):
            raise OutOfReach(NO_PLACE)
        return [f"list#{who}#{phase}#{NO_PLACE}" for who in ("public", "private") for phase in phases], wanted
    asked = wanted.boundaries or (*officer.boundaries, *officer.agencies)
    agencies = [code for code in asked if code in officer.agencies]
    prefixes = [code for code in asked if code not in officer.agencies]
    for code in prefixes:
        if not officer.covers(code):
            raise OutOfReach(code)
    inside = sorted(
        kode for kode in kelurahan if any(kode == p or kode.startswith(f"{p}.") for p in prefixes)
    )
    kotas = sorted({kota_of(kode) for kode in inside})
    marked = [mark for mark, only in ((DOUBT, wanted.doubtful), (LOW, wanted.low_rating)) if only]
    if marked:
        # Few reports bear a mark: its own lists are short, and what is at an agency is judged with the rest.
        kotas = kotas or sorted({kota_of(kode) for kode in kelurahan})
        return [f"desk#{marked[0]}#{kota}" for kota in kotas], replace(wanted, within=tuple(asked))
    found = [f"desk#{phase}#@{code}" for phase in phases for code in agencies]
    whole = {code[:5] for code in prefixes if len(code) <= 5} | ({*kotas} if PROVINCE in prefixes else set())
    if len([kode for kode in inside if kota_of(kode) not in whole]) <= MOST_LISTS:
        for phase in phases:
            found += [f"desk#{phase}#{kota}" for kota in kotas if kota in whole]
            found += [
                name
                for kode in inside
                if kota_of(kode) not in whole
                for name in (
                    f"list#public#{phase}#{kode}",
                    f"list#private#{phase}#{kode}",
                    f"desk#{phase}#@{kode}",
                )
            ]
        return found, wanted
    found += [f"desk#{phase}#{kota}" for phase in phases for kota in kotas]
    return found, replace(wanted, within=tuple(asked))


def page(
    table: Table,
    officer: Officer,
    wanted: Filter,
    kelurahan: Iterable[str],
    *,
    after: str = "",
    oldest_first: bool = False,
    limit: int = PAGE,
) -> Found:
    """One page of a queue, newest first or oldest first. `after` is the `next` of the page before.

    Raises OutOfReach.
    """
    names, wanted = plan(officer, wanted, kelurahan)
    start, end = wanted.since or None, f"{wanted.until}~" if wanted.until else None
    if after and oldest_first:
        start = f"{after}!"  # the first text after `after` that an id can follow
    elif after:
        end = after
    share = max(2, min(CHUNK, limit * 4 // max(1, len(names)) + 1))
    streams = [_rows(table, name, start, end, descending=not oldest_first, chunk=share) for name in names]
    rows: list[Row] = []
    looked, last = 0, ""
    for sort, row in heapq.merge(*streams, key=lambda each: each[0], reverse=not oldest_first):
        if sort == last:
            continue  # the same report stands in two of the queues
        if len(rows) == limit or looked == LOOKED_AT:
            return Found(tuple(rows), last, looked)
        last, looked = sort, looked + 1
        if wanted.fits(row):
            rows.append(row)
    return Found(tuple(rows), None, looked)


def assigned_page(
    table: Table,
    officer: Officer,
    wanted: Filter,
    kelurahan: Iterable[str],
    *,
    after: str = "",
    oldest_first: bool = False,
    limit: int = PAGE,
) -> Found:
    """The same of what was given to the officer in person: their own short list, judged by whole reports.

    Raises OutOfReach.
    """
    _, judging = plan(officer, wanted, kelurahan)
    asked = replace(judging, within=wanted.boundaries)
    found, more = assigning.reports_of(
        table, officer.id, after=after, descending=not oldest_first, limit=limit
    )
    rows = [msgspec.convert(row_of(each), Row) for each in found if may(officer, "see", each)]
    times = (wanted.since, f"{wanted.until}~" if wanted.until else "~")
    fitting = tuple(row for row in rows if times[0] <= row.created < times[1] and asked.fits(row))
    return Found(fitting, more, len(found))


def _rows(
    table: Table, partition: str, start: str | None, end: str | None, *, descending: bool, chunk: int
) -> Iterator[tuple[str, Row]]:
    token: str | None = None
    while True:
        got = table.query(partition, start=start, end=end, descending=descending, limit=chunk, page=token)
        for item in got.items:
            yield item.key.sort, msgspec.convert(item.body, Row)
        token, chunk = got.next, min(CHUNK, chunk * 4)
        if token is None:
            return


def counts(table: Table, officer: Officer, boundaries: Sequence[str] = ()) -> dict[str, int]:
    """Reports by state in boundaries and at agencies (all that are the officer's when none are named).

    Two queries of one small item per kelurahan, however many reports there are. Raises OutOfReach.
    """
    wanted = tuple(boundaries) or (*officer.boundaries, *officer.agencies)
    for code in wanted:
        if code not in officer.agencies and not officer.covers(code):
            raise OutOfReach(code)
    prefixes = [code for code in wanted if code not in officer.agencies]
    inside: Callable[[str], bool] = lambda kode: any(  # noqa: E731 - named for the two loops below
        kode == each or kode.startswith(f"{each}.") for each in prefixes
    )
    totals = dict.fromkeys(STATES, 0)
    for item in every(table, "counts"):
        if inside(item.key.sort):
            _add(totals, by_state(item))
    agencies = {code for code in wanted if code in officer.agencies}
    for item in every(table, WORKLOAD):
        if inside(item.key.sort) or item.key.sort in agencies:
            _add(totals, by_state(item))
    return totals


def _add(totals: dict[str, int], more: Mapping[str, int]) -> None:
    for state, count in more.items():
        totals[state] += count


class AreaError(ValueError):
    """What was drawn is no area; the message says why."""


def read_area(value: Any) -> Area:
    """An area from GeoJSON (RFC 7946): a Polygon, a MultiPolygon, or a Feature or FeatureCollection of those.

    Longitude first, degrees, WGS 84. Raises AreaError.
    """
    polygons = list(_polygons(value))
    if not polygons:
        raise AreaError("holds no Polygon or MultiPolygon")
    read = tuple(tuple(_ring(ring) for ring in polygon) for polygon in polygons)
    if sum(len(ring) for polygon in read for ring in polygon) > MOST_VERTICES:
        raise AreaError(f"has more than {MOST_VERTICES} points; simplify it")
    return Area(read)


def _polygons(value: Any, depth: int = 0) -> Iterator[list[Any]]:
    if not isinstance(value, dict) or depth > 3:
        raise AreaError("is no GeoJSON object")
    kind, coordinates = value.get("type"), value.get("coordinates")
    if kind == "Feature":
        yield from _polygons(value.get("geometry"), depth + 1)
    elif kind == "FeatureCollection" and isinstance(value.get("features"), list):
        for each in value["features"]:
            yield from _polygons(each, depth + 1)
    elif kind == "Polygon" and isinstance(coordinates, list) and coordinates:
        yield coordinates
    elif kind == "MultiPolygon" and isinstance(coordinates, list):
        for polygon in coordinates:
            if not isinstance(polygon, list) or not polygon:
                raise AreaError("has an empty polygon")
            yield polygon
    else:
        raise AreaError(f"has a {str(kind)[:30]!r}; only Polygon and MultiPolygon make an area")


def _ring(value: Any) -> Ring:
    if not isinstance(value, list) or len(value) < 4:
        raise AreaError("has a ring of fewer than four positions")
    points: list[tuple[float, float]] = []
    for position in value:
        numbers = (
            isinstance(position, list)
            and len(position) >= 2
            and all(isinstance(n, int | float) and not isinstance(n, bool) for n in position[:2])
        )
        if not numbers or not (-180 <= position[0] <= 180 and -90 <= position[1] <= 90):
            raise AreaError(f"has a position that is none: {str(position)[:40]}")
        points.append((float(position[0]), float(position[1])))
    if points[0] != points[-1]:
        raise AreaError("has a ring that does not end where it began")
    return points


def _inside(ring: Ring, x: float, y: float) -> bool:
    """The half-open crossing rule: an edge counts when one end is above and the other is not."""
    inside = False
    for (x1, y1), (x2, y2) in pairwise(ring):
        if (y1 > y) != (y2 > y):
            # Lower end first, so that a border shared by two areas is judged by the same arithmetic.
            (ax, ay), (bx, by) = ((x1, y1), (x2, y2)) if y1 < y2 else ((x2, y2), (x1, y1))
            if x < ax + (y - ay) * (bx - ax) / (by - ay):
                inside = not inside
    return inside
