"""Answers where a point is: which kelurahan, how far from its border, with how much doubt.

Runs on the compiled index (`geo.index`) with the standard library alone: no shapely, no numpy,
not even for the disc of a phone's accuracy. Knows nothing of reports; reads no network.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from math import cos, isfinite, pi, sin
from pathlib import Path
from threading import Lock

from geo import index as index_file
from geo.facts import Kelurahan
from geo.index import RING_BITS, RINGS, UNITS, Index
from geo.plane import chord, distance_to_segment, metres_per_degree

SNAP_M = 25.0
"""A point outside every kelurahan belongs to the nearest one this near, or nearer than its accuracy."""
MAX_ACCURACY_M = 5_000.0
"""A worse accuracy counts as this one, so that no answer takes long: 5 km is already half a kota."""
DEGREE = float(UNITS)
_FINE_MASK = (1 << index_file.FINE_BELOW_COARSE) - 1
_BLOCK_BITS = 2 * index_file.FINE_BELOW_COARSE

Edge = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a point is. Distances in metres, on the ground."""

    kode: str | None
    """The kelurahan's code; None when the point is outside."""
    kelurahan: str | None
    kecamatan: str | None
    kota: str | None
    method: str
    """`inside`: in the kelurahan; `nearest`: outside all, snapped to it; `outside`: in none and near none."""
    distance_m: float | None
    """Inside: to the next border, or less. Exact when the border lies within the accuracy asked for,
    otherwise a lower bound, 0 at worst. Nearest: to the kelurahan, exact. Outside: None."""
    probability: float
    """The share in `kode` of the disc of the accuracy around the point: 1.0 when the disc reaches no border
    or no accuracy is known, 0.0 outside. For a snapped point the disc has at least 25 m."""
    runner_up: str | None
    """The other kelurahan with the largest share of the disc; None when none has any."""


OUTSIDE = Place(None, None, None, None, "outside", None, 0.0, None)


class Locator:
    """A compiled index, ready to answer. Safe to share between threads."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.version = index.version
        self.approximate = index.approximate
        self.kelurahan: list[Kelurahan] = list(index.kelurahan)
        self.by_kode: dict[str, Kelurahan] = {item.kode: item for item in index.kelurahan}
        self._west, self._south = index.west, index.south
        self._width, self._height = index.columns << index.coarse, index.rows << index.coarse
        self._columns, self._coarse, self._fine = index.columns, index.coarse, index.fine
        self._cells, self._blocks = index.cells, index.blocks
        self._plain = (len(index.kelurahan) + 1) << RING_BITS
        """Values of cells below this one have no border in them."""
        self._lists: list[tuple[int, tuple[Edge, ...]] | None] = [None] * len(index.bases)
        self._places: list[Place | None] = [None] * self._plain
        # The narrowest a fine cell can be anywhere on the grid: what a ring of cells is worth at least.
        latitudes = (index.south / UNITS, (index.south + self._height) / UNITS)
        widest = max(latitudes, key=abs)
        least = min(metres_per_degree(widest)[0], *(metres_per_degree(p)[1] for p in (*latitudes, 0.0)))
        self._ring_m = 0.9999 * least * (1 << index.fine) / UNITS
        for ring in range(RINGS):
            if ring * self._ring_m > SNAP_M:
                self._places[ring] = OUTSIDE

    @classmethod
    def open(cls, path: Path | str) -> Locator:
        """Open a compiled index. Raises geo.index.IndexFileError or FileNotFoundError, see
        `geo.index.read`."""
        return cls(index_file.read(Path(path)))

    def locate(self, longitude: float, latitude: float, accuracy_m: float | None = None) -> Place:
        """The place of a point: longitude and latitude in degrees (WGS 84), accuracy in metres (radius).

        The point is rounded to 1e-7 degrees. On a shared border it belongs to exactly one kelurahan, by the
        half-open rule of `geo.index`; on the outer border it may belong to none and is then snapped, at
        distance 0. Which kelurahan is decided by the point alone, never by the disc. Accuracies above 5 km
        count as 5 km.

        Raises ValueError for what is no number, not finite, off the globe, or looks like swapped coordinates,
        and for a negative or non-finite accuracy.
        """
        try:
            x = round(longitude * DEGREE) - self._west
            y = round(latitude * DEGREE) - self._south
        except (TypeError, ValueError, OverflowError):
            raise ValueError(_refusal(longitude, latitude)) from None
        if 0 <= x < self._width and 0 <= y < self._height:
            value = self._value(x, y)
        else:
            self._check_outer(longitude, latitude, x, y)
            value = 0
        if accuracy_m is None:
            place = self._places[value]
            if place is not None:
                return place
            if value >= RINGS:
                return self._certain(value)
            return self._outside(x, y, value, 0.0)
        try:
            wrong = not isfinite(accuracy_m) or accuracy_m < 0
        except (TypeError, OverflowError):
            wrong = True
        if wrong:
            raise ValueError(
                f"accuracy of {accuracy_m!r} metres: give a number of metres from 0 up, "
                "or leave it out when unknown"
            )
        radius = min(float(accuracy_m), MAX_ACCURACY_M)
        return self._inside(x, y, value, radius) if value >= RINGS else self._outside(x, y, value, radius)

    def _value(self, x: int, y: int) -> int:
        """The owner of a point of the grid and the rings of cells to the next border, packed as in the index."""
        plain = self._plain
        value = self._cells[(y >> self._coarse) * self._columns + (x >> self._coarse)]
        if value < plain:
            return value
        fine = self._fine
        value = self._blocks[
            ((value - plain) << _BLOCK_BITS)
            + ((y >> fine & _FINE_MASK) << index_file.FINE_BELOW_COARSE)
            + (x >> fine & _FINE_MASK)
        ]
        if value < plain:
            return value
        owner, edges = self._lists[value - plain] or self._list(value - plain)
        for ax, ay, dx, dy, change in edges:
            up = y - ay
            # Strictly left of an edge that the ray to the east crosses, in whole numbers throughout.
            if 0 <= up < dy and (x - ax) * dy < dx * up:
                owner ^= change
        return owner << RING_BITS

    def _list(self, number: int) -> tuple[int, tuple[Edge, ...]]:
        """The base and the edges of a border cell, kept for the next time."""
        index = self.index
        flat = index.edges
        edges = []
        for at in index.members[index.starts[number] : index.starts[number + 1]]:
            ax, ay, bx, by, pair = flat[5 * at : 5 * at + 5]
            edges.append((ax, ay, bx - ax, by - ay, (pair >> 16 & 0xFFFF) ^ (pair & 0xFFFF)))
        made = self._lists[number] = (index.bases[number], tuple(edges))
        return made

    def _check_outer(self, longitude: float, latitude: float, x: int, y: int) -> None:
        """Refuse what is no place on Earth or looks swapped; called for points beside the grid only."""
        swapped_x, swapped_y = x + self._west - self._south, y + self._south - self._west
        swapped = 0 <= swapped_y < self._width and 0 <= swapped_x < self._height
        far = not (-UNITS <= x < self._width + UNITS and -UNITS <= y < self._height + UNITS)
        if not (-180 <= longitude <= 180 and -90 <= latitude <= 90) or (swapped and far):
            raise ValueError(_refusal(longitude, latitude, swapped=swapped))

    def _certain(self, value: int) -> Place:
        """Inside, with nothing known but the rings of cells to the border: one object for all such points."""
        item = self.kelurahan[(value >> RING_BITS) - 1]
        distance = round((value & RINGS - 1) * self._ring_m, 1)
        place = Place(item.kode, item.kelurahan, item.kecamatan, item.kota, "inside", distance, 1.0, None)
        self._places[value] = place
        return place

    def _inside(self, x: int, y: int, value: int, radius: float) -> Place:
        if radius <= (value & RINGS - 1) * self._ring_m:
            return self._places[value] or self._certain(value)
        near = self._near(x, y, radius)
        owner = value >> RING_BITS
        item = self.kelurahan[owner - 1]
        distance = min((d for d, *_ in near), default=radius)
        if distance >= radius:
            return Place(item.kode, item.kelurahan, item.kecamatan, item.kota, "inside", distance, 1.0, None)
        share, other = self._shares(x, y, owner, near, radius)
        return Place(item.kode, item.kelurahan, item.kecamatan, item.kota, "inside", distance, share, other)

    def _outside(self, x: int, y: int, value: int, radius: float) -> Place:
        limit = max(radius, SNAP_M)
        if value * self._ring_m > limit:
            return OUTSIDE
        # Widen the search step by step: most points that are near at all are very near.
        reach = SNAP_M
        while True:
            reach = min(reach, limit)
            outer = [
                (distance, left or right)
                for distance, _, left, right in self._near(x, y, reach)
                if not (left and right)
            ]
            if outer:
                break
            if reach >= limit:
                return OUTSIDE
            reach *= 4
        # At a corner that two kelurahan share, both are as near: the first by code has it.
        distance, owner = min(outer)
        item = self.kelurahan[owner - 1]
        share, other = self._shares(x, y, owner, self._near(x, y, limit), limit)
        return Place(item.kode, item.kelurahan, item.kecamatan, item.kota, "nearest", distance, share, other)

    def _near(self, x: int, y: int, radius: float) -> list[tuple[float, int, int, int]]:
        """Edges within `radius` metres of the point: distance, number, left and right owner."""
        index = self.index
        kx, ky = self._scale(y)
        reach_x, reach_y = int(radius / kx) + 1, int(radius / ky) + 1
        first, last = max(x - reach_x, 0) >> self._coarse, min(x + reach_x, self._width - 1) >> self._coarse
        numbers: set[int] = set()
        for row in range(
            max(y - reach_y, 0) >> self._coarse, (min(y + reach_y, self._height - 1) >> self._coarse) + 1
        ):
            for value in self._cells[row * self._columns + first : row * self._columns + last + 1]:
                if value >= self._plain:
                    block = value - self._plain
                    numbers.update(
                        index.block_members[index.block_starts[block] : index.block_starts[block + 1]]
                    )
        found = []
        for number in sorted(numbers):
            ax, ay, bx, by, pair = index.edges[5 * number : 5 * number + 5]
            distance = distance_to_segment((ax - x) * kx, (ay - y) * ky, (bx - x) * kx, (by - y) * ky)
            if distance <= radius:
                found.append((distance, number, pair >> 16 & 0xFFFF, pair & 0xFFFF))
        return found

    def _scale(self, y: int) -> tuple[float, float]:
        """Metres in a unit of longitude and of latitude at height y of the grid."""
        kx, ky = metres_per_degree((y + self._south) / UNITS)
        return kx / UNITS, ky / UNITS

    def _shares(
        self, x: int, y: int, owner: int, near: list[tuple[float, int, int, int]], radius: float
    ) -> tuple[float, str | None]:
        """The share of the disc in `owner`, and the code of the other kelurahan with the largest share.

        By Green's theorem an area inside the disc is the sum over what bounds it there: the pieces of border inside
        the circle, and the arcs of the circle between them. Whose an arc is, the point in its middle says.
        """
        kx, ky = self._scale(y)
        flat = self.index.edges
        areas: dict[int, float] = {}
        angles: list[float] = []
        for _, number, left, right in near:
            ax, ay, bx, by, _ = flat[5 * number : 5 * number + 5]
            area, crossed = chord((ax - x) * kx, (ay - y) * ky, (bx - x) * kx, (by - y) * ky, radius)
            areas[left] = areas.get(left, 0.0) + area
            areas[right] = areas.get(right, 0.0) - area
            angles += crossed
        angles.sort()
        if not angles:
            angles.append(0.0)
        for start, end in zip(angles, [*angles[1:], angles[0] + 2 * pi], strict=True):
            middle = (start + end) / 2
            of = self._owner_at(x + round(radius * cos(middle) / kx), y + round(radius * sin(middle) / ky))
            areas[of] = areas.get(of, 0.0) + radius * radius * (end - start) / 2
        disc = pi * radius * radius
        share = min(max(areas.get(owner, 0.0) / disc, 0.0), 1.0)
        # Rounding leaves some 1e-12 where there is nothing.
        others = [
            (-area, other) for other, area in areas.items() if other not in {0, owner} and area > 1e-9 * disc
        ]
        return share, self.kelurahan[min(others)[1] - 1].kode if others else None

    def _owner_at(self, x: int, y: int) -> int:
        if 0 <= x < self._width and 0 <= y < self._height:
            return self._value(x, y) >> RING_BITS
        return 0


def _refusal(longitude: object, latitude: object, *, swapped: bool = False) -> str:
    text = (
        f"longitude {longitude!r}, latitude {latitude!r}: not a place on Earth; "
        "longitude must be a number from -180 to 180, latitude from -90 to 90, in degrees"
    )
    if swapped:
        text = (
            f"longitude {longitude!r}, latitude {latitude!r}: these look swapped; "
            "give longitude first (about 106.8 in Jakarta), then latitude (about -6.2)"
        )
    return text


def build_folder() -> Path:
    """Where compiled boundaries live: GEO_BUILD, else `build/` beside this module."""
    return Path(os.environ.get("GEO_BUILD") or Path(__file__).parent / "build")


_default: Locator | None = None
_opening = Lock()


def default_locator() -> Locator:
    """The locator of the build folder, opened once per process.

    Raises FileNotFoundError, saying what to run, when nothing is built.
    """
    global _default  # noqa: PLW0603 - one index per process is the point
    if _default is None:
        with _opening:
            if _default is None:
                path = build_folder() / "kelurahan.index"
                try:
                    _default = Locator.open(path)
                except FileNotFoundError:
                    raise FileNotFoundError(
                        f"{path}: no boundaries are built; "
                        "run `python -m geo fetch` and `python -m geo build`"
                    ) from None
    return _default


def locate(longitude: float, latitude: float, accuracy_m: float | None = None) -> Place:
    """`Locator.locate` on the default locator."""
    return (_default or default_locator()).locate(longitude, latitude, accuracy_m)
