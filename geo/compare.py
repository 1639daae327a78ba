"""What differs between two compiled boundaries: who came, who went, and how much ground changed hands.

Runs at maintenance time with shapely. Moves no report itself: it says what would move.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# shapely carries no types.
# mypy: disallow-untyped-calls=False, warn-return-any=False
import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon

from geo.coverage import area_m2
from geo.index import UNITS
from geo.locate import Locator

NOTICED_M2 = 1.0
"""Less ground than this changing hands is rounding."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What the new boundaries change. Areas in square metres."""

    old_version: str
    new_version: str
    appeared: tuple[str, ...]
    disappeared: tuple[str, ...]
    changed: tuple[tuple[str, float, float], ...]
    """Code, old area, new area, of every kelurahan in both whose ground is not the same."""
    moved: tuple[tuple[str, str, float], ...]
    """Code of the old owner, code of the new owner (`-` is outside), area; the largest first."""


def areas_of(locator: Locator) -> dict[str, Polygon | MultiPolygon]:
    """The areas of an index by code, put together again from its edges.

    The edges cut the plane into faces; each belongs to whom the locator says a point inside it does.
    """
    index = locator.index
    edges = np.array(index.edges, dtype=np.int64).reshape(-1, 5)[:, :4].reshape(-1, 2, 2)
    lines = shapely.linestrings(np.add(edges, (index.west, index.south)) / UNITS)
    faces: dict[str, list[Polygon]] = {item.kode: [] for item in index.kelurahan}
    for face in shapely.get_parts(shapely.polygonize(lines)):
        inside = shapely.point_on_surface(face)
        place = locator.locate(inside.x, inside.y)
        if place.kode is not None and place.method == "inside":
            faces[place.kode].append(face)
    return {code: shapely.union_all(found) for code, found in faces.items()}


def compare(old: Locator, new: Locator) -> Difference:
    """The difference between two compiled boundaries."""
    before, after = areas_of(old), areas_of(new)
    moved = sorted(_moved(before, after), key=lambda row: (-row[2], row[0], row[1]))
    touched = {code for row in moved for code in row[:2]}
    changed = tuple(
        (code, area_m2(before[code]), area_m2(after[code]))
        for code in sorted(touched & before.keys() & after.keys())
    )
    return Difference(
        old.version,
        new.version,
        tuple(sorted(after.keys() - before.keys())),
        tuple(sorted(before.keys() - after.keys())),
        changed,
        tuple(moved),
    )


def _moved(
    before: dict[str, Polygon | MultiPolygon], after: dict[str, Polygon | MultiPolygon]
) -> Iterator[tuple[str, str, float]]:
    """Old code, new code, area, wherever they differ."""
    old_codes, new_codes = sorted(before), sorted(after)
    olds = np.array([before[c] for c in old_codes], dtype=object)
    news = np.array([after[c] for c in new_codes], dtype=object)
    for i, j in shapely.STRtree(news).query(olds, predicate="intersects").T:
        if old_codes[i] != new_codes[j]:
            area = area_m2(olds[i].intersection(news[j]))
            if area >= NOTICED_M2:
                yield old_codes[i], new_codes[j], area
    for codes, areas, others, lost in ((old_codes, olds, news, True), (new_codes, news, olds, False)):
        everything = shapely.union_all(others)
        for code, area in zip(codes, areas, strict=True):
            rest = area_m2(area.difference(everything))
            if rest >= NOTICED_M2:
                yield (code, "-", rest) if lost else ("-", code, rest)


def moving(
    old: Locator, new: Locator, points: Iterable[tuple[float, float]]
) -> Iterator[tuple[int, str | None, str | None]]:
    """Number (from 0), old code and new code of each point (longitude, latitude) that changes hands."""
    for number, (longitude, latitude) in enumerate(points):
        was, becomes = old.locate(longitude, latitude).kode, new.locate(longitude, latitude).kode
        if was != becomes:
            yield number, was, becomes
