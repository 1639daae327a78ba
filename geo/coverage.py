"""Boundaries as published to a clean coverage: read, check the codes, repair, report.

Runs at build time with shapely and numpy. Answers no question about a point (`geo.locate`)
and downloads nothing (`geo.fetch`).

The stand-in. Without any polygons, each kelurahan is what lies nearer to its centroid than to any
other, and within 2 km of it (within 1.5 km in the islands). It goes through the same repair and
compilation, flagged approximate.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import cos, pi, sin
from pathlib import Path
from typing import Any

# shapely carries no types.
# mypy: disallow-untyped-calls=False, warn-return-any=False
import numpy as np
import shapely
from shapely.errors import ShapelyError  # type: ignore[attr-defined]
from shapely.geometry import MultiPoint, MultiPolygon, Point, Polygon, shape

from geo.facts import Kelurahan
from geo.index import UNITS, Ring
from geo.plane import metres_per_degree

GAP_WIDTH = 1e-4
"""Degrees, about 11 m: gaps between neighbours narrower than this belong to nobody by mistake and are
filled."""
DECIMALS = 6
LAND_RADIUS_M = 2_000.0
ISLAND_RADIUS_M = 1_500.0
ISLANDS = "31.01."
"""Codes of Kepulauan Seribu, the islands north of the mainland."""

Area = Polygon | MultiPolygon


class BoundaryError(ValueError):
    """A source of boundaries cannot be used; the message names every code or feature that is wrong."""


@dataclass(frozen=True, slots=True)
class Source:
    """Boundaries as somebody published them: (code, name, polygon), longitude first, WGS 84, not yet
    checked."""

    name: str
    areas: tuple[tuple[str, str, Area], ...]
    approximate: bool = False
    attribution: str = ""


@dataclass(frozen=True, slots=True)
class Repair:
    """What cleaning changed. Areas in square metres."""

    overlaps: int
    overlap_m2: float
    slivers: int
    sliver_m2: float
    invalid: tuple[str, ...]
    """Codes whose polygon crossed itself and was made valid first."""
    areas: tuple[tuple[str, float, float], ...]
    """Code, area before, area after."""

    def changes(self) -> list[tuple[str, float, float, float]]:
        """Code, area before, area after, change in percent; the largest change first."""
        rows = [(k, a, b, 100 * (b - a) / a if a else 0.0) for k, a, b in self.areas]
        return sorted(rows, key=lambda row: (-abs(row[3]), row[0]))


@dataclass(frozen=True, slots=True)
class Coverage:
    """A valid coverage: no gap, no overlap, vertices shared, 6 decimals. In the order of `kelurahan`."""

    kelurahan: tuple[Kelurahan, ...]
    areas: tuple[Area, ...]
    approximate: bool
    source: str
    attribution: str
    repair: Repair

    def rings(self) -> list[list[Ring]]:
        """The rings of each kelurahan in units of 1e-7 degrees, interior on the left, in an order of their
        own."""
        return [rings_of(area) for area in self.areas]


def rings_of(area: Area) -> list[Ring]:
    """Rings of a polygon in units of 1e-7 degrees, interior on the left, not repeating the first point.

    Each begins at its lowest point and they come in order, so that equal areas give equal rings.
    """
    found: list[Ring] = []
    for part in shapely.get_parts(area):
        turned = shapely.orient_polygons(part)
        for ring in (turned.exterior, *turned.interiors):
            points = [(_units(a), _units(b)) for a, b in ring.coords[:-1]]
            first = points.index(min(points))
            found.append(tuple(points[first:] + points[:first]))
    return sorted(found)


def _units(degrees: float) -> int:
    # By way of 1e-6 degrees: the sixth decimal is exact, the seventh a zero.
    return round(degrees * 10**DECIMALS) * (UNITS // 10**DECIMALS)


def read(paths: Sequence[Path], *, code_field: str = "kode", name_field: str = "nama") -> Source:
    """Read GeoJSON files or SQL dumps (by suffix; a folder stands for the .sql files in it).

    Raises BoundaryError when a file is neither, or a feature has no code or no polygon.
    """
    files = [f for p in paths for f in (sorted(p.rglob("*.sql")) if p.is_dir() else [p])]
    if not files:
        raise BoundaryError(
            f"{', '.join(map(str, paths))}: no .sql file in it; name a GeoJSON file or a folder of dumps"
        )
    areas: list[tuple[str, str, Area]] = []
    for file in files:
        text = file.read_text(encoding="utf-8-sig")
        rows = (
            parse_sql(text) if file.suffix.lower() == ".sql" else parse_geojson(text, code_field, name_field)
        )
        try:
            areas.extend(rows)
        except BoundaryError as error:
            raise BoundaryError(f"{file.name}: {error}") from error
    return Source(", ".join(f.name for f in files), tuple(areas))


def parse_geojson(
    text: str, code_field: str = "kode", name_field: str = "nama"
) -> Iterator[tuple[str, str, Area]]:
    """Code, name and polygon of each feature of a GeoJSON FeatureCollection (RFC 7946).

    Raises BoundaryError, naming the feature, for what is no such collection.
    """
    try:
        data = json.loads(text)
        features = data["features"]
    except (ValueError, KeyError, TypeError) as error:
        raise BoundaryError(f"no GeoJSON FeatureCollection ({error!r})") from error
    for number, feature in enumerate(features, start=1):
        try:
            properties = feature["properties"] or {}
            geometry = feature["geometry"]
            kind = geometry["type"]
        except (KeyError, TypeError) as error:
            raise BoundaryError(f"feature {number} has no geometry or no properties ({error!r})") from error
        code = properties.get(code_field)
        if not isinstance(code, str) or not code:
            raise BoundaryError(
                f"feature {number} has no code in property {code_field!r} (it has {sorted(properties)}); "
                "set BOUNDARIES_CODE_FIELD to the property that holds it"
            )
        if kind not in {"Polygon", "MultiPolygon"}:
            raise BoundaryError(
                f"feature {number} ({code}) is a {kind}; only Polygon and MultiPolygon are areas"
            )
        yield code.strip(), str(properties.get(name_field) or ""), _area(code, lambda g=geometry: shape(g))


def parse_sql(text: str) -> Iterator[tuple[str, str, Area]]:
    """Code, name and polygon of each row of an SQL dump of `wilayah_boundaries`.

    Columns in any order, comments and other statements skipped. `path` is JSON, latitude first, nested three
    levels deep for a polygon and four for several. Raises BoundaryError for a row that is not so.
    """
    text = re.sub(r"/\*.*?\*/|^\s*(?:--|#)[^\n]*$", "", text, flags=re.DOTALL | re.MULTILINE)
    value = r"(?:'(?:[^']|'')*'|[-+.\w]+)"
    rows = re.compile(rf"\s*\(\s*({value}(?:\s*,\s*{value})*)\s*\)\s*([,;]|$)")
    inserts = list(re.finditer(r"INSERT\s+INTO\s+[`\"\w.]+\s*\(([^)]*)\)\s*VALUES", text, re.IGNORECASE))
    if not inserts:
        raise BoundaryError("no INSERT INTO ... VALUES statement in it: not a dump of boundaries")
    for insert in inserts:
        columns = [c.strip(' `"\n\t').lower() for c in insert[1].split(",")]
        if not {"kode", "path"} <= set(columns):
            raise BoundaryError(f"an INSERT has the columns {columns}; kode and path are needed")
        at, more = insert.end(), ","
        while more == ",":
            row = rows.match(text, at)
            if row is None:
                shown = text[at : at + 40].strip()
                raise BoundaryError(
                    f"not a row of values at {shown!r}: the dump is cut short or of another form"
                )
            values = [v[1:-1].replace("''", "'") if v[0] == "'" else v for v in re.findall(value, row[1])]
            if len(values) != len(columns):
                raise BoundaryError(
                    f"a row has {len(values)} values for {len(columns)} columns: {values[0]!r}"
                )
            fields = dict(zip(columns, values, strict=True))
            yield fields["kode"], fields.get("nama", ""), _from_path(fields["kode"], fields["path"])
            at, more = row.end(), row[2]


def _from_path(code: str, path: str) -> Area:
    try:
        nested = json.loads(path)
    except ValueError as error:
        raise BoundaryError(f"{code}: its path is no JSON ({error})") from error
    depth, inner = 0, nested
    while isinstance(inner, list) and inner:
        depth, inner = depth + 1, inner[0]
    if depth not in {3, 4}:
        raise BoundaryError(
            f"{code}: its path is nested {depth} levels deep, a polygon has 3 and several have 4"
        )
    polygons = [nested] if depth == 3 else nested

    def make() -> Area:
        made = []
        for rings in polygons:
            shell, *holes = [[(lng, lat) for lat, lng in ring] for ring in rings]
            made.append(Polygon(shell, holes))
        return made[0] if len(made) == 1 else MultiPolygon(made)

    return _area(code, make)


def _area(code: str, make: Any) -> Area:
    try:
        area: Area = make()
        west, south, east, north = area.bounds
    except (
        TypeError,
        ValueError,
        IndexError,
        KeyError,
        AttributeError,
        ShapelyError,
    ) as error:
        raise BoundaryError(f"{code}: not a polygon ({error})") from error
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise BoundaryError(
            f"{code}: reaches from {west:.6g}, {south:.6g} to {east:.6g}, {north:.6g}; "
            "coordinates must be degrees (EPSG:4326), longitude first"
        )
    return area


def check_codes(source: Source, facts: Mapping[str, Kelurahan]) -> None:
    """Every kelurahan exactly once and nothing else, or a BoundaryError that names all that is wrong."""
    codes = [code for code, _, _ in source.areas]
    wrong = {
        "missing": sorted(set(facts) - set(codes)),
        "double": sorted({c for c in codes if codes.count(c) > 1}),
        "unknown": sorted(set(codes) - set(facts)),
        "empty": sorted({code for code, _, area in source.areas if area.is_empty}),
    }
    said = [f"{len(found)} {what}: {', '.join(found)}" for what, found in wrong.items() if found]
    if said:
        raise BoundaryError(
            f"{source.name}: its codes are not those of the {len(facts)} kelurahan ({'; '.join(said)}). "
            "Correct the source, or set BOUNDARIES_CODE_FIELD when another property holds the code"
        )


def stand_in(facts: Mapping[str, Kelurahan]) -> Source:
    """The approximate source made of centroids alone, as the head of this module describes."""
    items = list(facts.values())
    kx, ky = metres_per_degree(sum(k.latitude for k in items) / len(items))
    centres = [Point(k.longitude * kx, k.latitude * ky) for k in items]
    reach = box(MultiPoint(centres).bounds, 2 * LAND_RADIUS_M)
    cells = shapely.get_parts(shapely.voronoi_polygons(MultiPoint(centres), extend_to=reach))
    tree = shapely.STRtree(cells)
    areas = []
    for item, centre in zip(items, centres, strict=True):
        radius = ISLAND_RADIUS_M if item.kode.startswith(ISLANDS) else LAND_RADIUS_M
        cell = cells[int(tree.query(centre, predicate="intersects")[0])]
        disc = Polygon(
            (centre.x + radius * cos(pi * i / 32), centre.y + radius * sin(pi * i / 32)) for i in range(64)
        )
        area = shapely.transform(cell.intersection(disc), lambda c: c / (kx, ky))
        areas.append((item.kode, item.kelurahan, area))
    return Source("centroids", tuple(areas), approximate=True)


def box(bounds: tuple[float, float, float, float], margin: float) -> Polygon:
    """A rectangle around `bounds` (west, south, east, north), wider by `margin` on each side."""
    west, south, east, north = bounds
    return shapely.box(west - margin, south - margin, east + margin, north + margin)


def clean(source: Source, facts: Mapping[str, Kelurahan]) -> Coverage:
    """Repair a source to a valid coverage: codes checked, gaps and overlaps gone, 6 decimals.

    Raises BoundaryError when the codes are wrong, or when the repair does not lead to a valid coverage.
    """
    check_codes(source, facts)
    by_code = {code: area for code, _, area in source.areas}
    codes = sorted(by_code)
    before = np.array([by_code[code] for code in codes], dtype=object)
    valid = shapely.is_valid(before)
    invalid = tuple(code for code, fine in zip(codes, valid, strict=True) if not fine)
    before = np.array(
        [a if fine else _polygonal(shapely.make_valid(a)) for a, fine in zip(before, valid, strict=True)]
    )
    after = before
    # Rounding can make neighbours touch anew; cleaning what was rounded settles it, at the latest in the
    # second turn.
    for _ in range(3):
        after = shapely.coverage_clean(after, gap_width=GAP_WIDTH)
        after = shapely.transform(after, lambda c: np.round(c, DECIMALS))
        if shapely.coverage_is_valid(after) and shapely.is_valid(after).all():
            break
    else:
        bad = shapely.coverage_invalid_edges(after)
        named = [c for c, e, a in zip(codes, bad, after, strict=True) if not e.is_empty or not a.is_valid]
        raise BoundaryError(f"{source.name}: no valid coverage after repair; wrong at {', '.join(named)}")
    empty = [code for code, area in zip(codes, after, strict=True) if area.is_empty]
    if empty:
        raise BoundaryError(f"{source.name}: nothing is left after repair of {', '.join(empty)}")
    return Coverage(
        tuple(facts[code] for code in codes),
        tuple(after),
        source.approximate,
        source.name,
        source.attribution,
        _repair(codes, before, after, invalid),
    )


def _polygonal(area: Any) -> Area:
    return shapely.union_all([p for p in shapely.get_parts(area) if isinstance(p, Polygon | MultiPolygon)])


def area_m2(area: Area) -> float:
    """Area in square metres, in the local plane of the polygon's own latitude."""
    if area.is_empty:
        return 0.0
    kx, ky = metres_per_degree((area.bounds[1] + area.bounds[3]) / 2)
    return float(area.area * kx * ky)


def _repair(codes: Sequence[str], before: Any, after: Any, invalid: tuple[str, ...]) -> Repair:
    left, right = shapely.STRtree(before).query(before, predicate="intersects")
    pairs = left < right
    common = shapely.area(shapely.intersection(before[left[pairs]], before[right[pairs]]))
    kx, ky = metres_per_degree(float(np.mean(shapely.bounds(before)[:, 1])))
    gaps = shapely.difference(shapely.union_all(after), shapely.union_all(before))
    # Rounding moves borders by centimetres; thinner than that is no gap that was there.
    slivers = [p.area for p in shapely.get_parts(gaps) if p.area * kx * ky > 0.01]
    overlaps = common[common * kx * ky > 0.01]
    return Repair(
        len(overlaps),
        float(overlaps.sum() * kx * ky),
        len(slivers),
        float(sum(slivers) * kx * ky),
        invalid,
        tuple((c, area_m2(a), area_m2(b)) for c, a, b in zip(codes, before, after, strict=True)),
    )
