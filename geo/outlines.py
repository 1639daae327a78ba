"""What the web draws from a coverage: simplified outlines and SVG paths. Never used to place a point.

batas.json      {"version", "approximate", "attribution", "scale": 10000, "kelurahan": [{"kode", "kelurahan",
                "kecamatan", "kota", "label": [longitude, latitude], "polygons": [[ring, hole...], ...]}]}
                A ring is [longitude, latitude, dlongitude, dlatitude, ...]: whole numbers of 1 / scale
                degrees, the first pair absolute, each next one relative to the one before; the closing point
                is left out.
shapes.json     {"version", "approximate", "sheets": {"mainland": sheet, "islands": sheet},
                "shapes": [{"kode", "sheet", "d", "label": [x, y], "box": [x, y, width, height]}]}
                A sheet is {"viewBox": [0, 0, width, height], "bounds": [west, south, east, north]}; the
                islands are an inset of their own. `d` is an SVG path of whole numbers. An island too small to
                draw is a diamond 4 units wide.
outlines.json   {"version", "approximate",
                "kelurahan": {kode: {"viewBox", "bounds", "d", "label", "neighbours": [kode, ...]}}}
                One kelurahan on a sheet of its own, finer; neighbours share a border of some length.
On every sheet x = (longitude - west) / (east - west) * width
           and y = (north - latitude) / (north - south) * height.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

# shapely carries no types.
# mypy: disallow-untyped-calls=False, warn-return-any=False
import numpy as np
import shapely

from geo.coverage import ISLANDS, Area, Coverage
from geo.index import segments
from geo.plane import metres_per_degree

BATAS_TOLERANCE = 0.0005
SHAPES_TOLERANCE = 0.002
OUTLINE_TOLERANCE = 0.00005
BATAS_SCALE = 10_000
SHEET_UNITS = 500
OUTLINE_UNITS = 400
MARGIN = 0.01
"""Share of a sheet's size left free on each side."""
MARK = 2
"""Half the width of the diamond that stands for an island too small to draw."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A rectangle of the map and the whole numbers it is drawn in."""

    west: float
    south: float
    east: float
    north: float
    width: int
    height: int

    @classmethod
    def around(cls, areas: Sequence[Area], units: int) -> Sheet:
        """The sheet that holds `areas`, its longer side `units` long, true to shape at its middle
        latitude."""
        west, south, east, north = (float(n) for n in shapely.total_bounds(np.array(areas, dtype=object)))
        kx, ky = metres_per_degree((south + north) / 2)
        room = MARGIN * max((east - west) * kx, (north - south) * ky)
        west, east = round(west - room / kx, 6), round(east + room / kx, 6)
        south, north = round(south - room / ky, 6), round(north + room / ky, 6)
        across, up = (east - west) * kx, (north - south) * ky
        longer = max(across, up)
        return cls(west, south, east, north, round(units * across / longer), round(units * up / longer))

    def point(self, longitude: float, latitude: float) -> tuple[int, int]:
        """Where a place is on the sheet."""
        return (
            round((longitude - self.west) / (self.east - self.west) * self.width),
            round((self.north - latitude) / (self.north - self.south) * self.height),
        )

    def json(self) -> dict[str, list[float]]:
        """As the files show it."""
        return {
            "viewBox": [0, 0, self.width, self.height],
            "bounds": [self.west, self.south, self.east, self.north],
        }

    def path(self, area: Area) -> str:
        """The SVG path of an area, even-odd or non-zero alike: holes turn the other way."""
        drawn: list[str] = []
        tiny: list[tuple[int, int]] = []
        for part in shapely.get_parts(area):
            turned = shapely.orient_polygons(part)
            rings = [self._ring(r.coords) for r in (turned.exterior, *turned.interiors)]
            if rings[0]:
                drawn.extend(r for r in rings if r)
            else:
                tiny.append(self.point(part.centroid.x, part.centroid.y))
        for x, y in sorted(set(tiny)):
            drawn.append(f"M{x} {y - MARK}l{MARK} {MARK}-{MARK} {MARK}-{MARK}-{MARK}z")
        return "".join(drawn)

    def _ring(self, coordinates: Any) -> str:
        points: list[tuple[int, int]] = []
        for longitude, latitude in list(coordinates)[:-1]:
            point = self.point(longitude, latitude)
            if not points or point != points[-1]:
                points.append(point)
        while len(points) > 1 and points[0] == points[-1]:
            points.pop()
        twice = sum(
            a[0] * b[1] - b[0] * a[1] for a, b in zip(points, [*points[1:], *points[:1]], strict=True)
        )
        if len(points) < 3 or abs(twice) < 4:
            return ""
        text = f"M{points[0][0]} {points[0][1]}l"
        for (ax, ay), (bx, by) in pairwise(points):
            for step in (bx - ax, by - ay):
                # A minus sign parts two numbers by itself; after the command letter nothing need.
                text += str(step) if step < 0 or text[-1] == "l" else f" {step}"
        return text + "z"


def neighbours(coverage: Coverage) -> dict[str, list[str]]:
    """Code to the codes that share a border of some length with it, in order."""
    codes = [item.kode for item in coverage.kelurahan]
    found: dict[str, set[str]] = {code: set() for code in codes}
    for left, right in segments(coverage.rings()).values():
        if left and right:
            found[codes[left - 1]].add(codes[right - 1])
            found[codes[right - 1]].add(codes[left - 1])
    return {code: sorted(near) for code, near in found.items()}


def label(area: Area) -> tuple[float, float]:
    """Longitude and latitude where a name sits best: the middle of the largest circle inside the largest
    part."""
    largest = max(shapely.get_parts(area), key=lambda part: part.area)
    x, y = shapely.maximum_inscribed_circle(largest, 1e-5).coords[0]
    return round(x, 6), round(y, 6)


def batas(coverage: Coverage, version: str) -> dict[str, Any]:
    """The content of batas.json."""
    areas = simplified(coverage, BATAS_TOLERANCE)
    rows = []
    for item, area, full in zip(coverage.kelurahan, areas, coverage.areas, strict=True):
        polygons = []
        for part in shapely.get_parts(area):
            rings = [_deltas(ring.coords) for ring in (part.exterior, *part.interiors)]
            if rings[0]:
                polygons.append([ring for ring in rings if ring])
        rows.append(
            {
                "kode": item.kode,
                "kelurahan": item.kelurahan,
                "kecamatan": item.kecamatan,
                "kota": item.kota,
                "label": [round(n, 5) for n in label(full)],
                "polygons": polygons,
            }
        )
    return {
        "version": version,
        "approximate": coverage.approximate,
        "attribution": coverage.attribution,
        "scale": BATAS_SCALE,
        "kelurahan": rows,
    }


def _deltas(coordinates: Any) -> list[int]:
    values: list[int] = []
    last = (0, 0)
    for longitude, latitude in list(coordinates)[:-1]:
        point = (round(longitude * BATAS_SCALE), round(latitude * BATAS_SCALE))
        if values and point == last:
            continue
        values += [point[0] - last[0], point[1] - last[1]]
        last = point
    return values if len(values) >= 6 else []


def shapes(coverage: Coverage, version: str) -> dict[str, Any]:
    """The content of shapes.json."""
    areas = simplified(coverage, SHAPES_TOLERANCE)
    on_sheet = ["islands" if item.kode.startswith(ISLANDS) else "mainland" for item in coverage.kelurahan]
    sheets = {
        name: Sheet.around(
            [a for a, s in zip(coverage.areas, on_sheet, strict=True) if s == name], SHEET_UNITS
        )
        for name in sorted(set(on_sheet), reverse=True)
    }
    rows = []
    for item, area, full, name in zip(coverage.kelurahan, areas, coverage.areas, on_sheet, strict=True):
        sheet = sheets[name]
        x, y = sheet.point(full.bounds[0], full.bounds[3])
        east, south = sheet.point(full.bounds[2], full.bounds[1])
        rows.append(
            {
                "kode": item.kode,
                "sheet": name,
                "d": sheet.path(area),
                "label": list(sheet.point(*label(full))),
                "box": [x, y, east - x, south - y],
            }
        )
    return {
        "version": version,
        "approximate": coverage.approximate,
        "sheets": {name: sheet.json() for name, sheet in sheets.items()},
        "shapes": rows,
    }


def outlines(coverage: Coverage, version: str) -> dict[str, Any]:
    """The content of outlines.json."""
    near = neighbours(coverage)
    rows = {}
    for item, area, full in zip(
        coverage.kelurahan, simplified(coverage, OUTLINE_TOLERANCE), coverage.areas, strict=True
    ):
        sheet = Sheet.around([full], OUTLINE_UNITS)
        rows[item.kode] = {
            **sheet.json(),
            "d": sheet.path(area),
            "label": list(sheet.point(*label(full))),
            "neighbours": near[item.kode],
        }
    return {"version": version, "approximate": coverage.approximate, "kelurahan": rows}


def simplified(coverage: Coverage, tolerance: float) -> list[Area]:
    """The areas with fewer points, neighbours still sharing every border (Visvalingam-Whyatt on the
    coverage).

    `tolerance` in degrees: about the square root of the largest triangle cut off.
    """
    return list(shapely.coverage_simplify(np.array(coverage.areas, dtype=object), tolerance))
