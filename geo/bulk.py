"""The numpy twin of `geo.locate`: the kelurahan of many points at once.

Same index, same whole numbers, same half-open rule, so the same owner for every point. It says
inside or not; it neither snaps to the nearest nor weighs an accuracy: for those ask `Locator.locate`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from geo.index import FINE_BELOW_COARSE, RING_BITS
from geo.locate import DEGREE, Locator, default_locator

CHUNK = 1 << 16
"""Points at a time: what they need in between stays in the processor's cache."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class BulkLocator:
    """An index laid out for numpy. Safe to share between threads."""

    def __init__(self, locator: Locator) -> None:
        index = locator.index
        self.locator = locator
        self._coarse, self._fine = index.coarse, index.fine
        self._west, self._south = float(index.west), float(index.south)
        self._stride = index.columns + 2
        self._plain = (len(index.kelurahan) + 1) << RING_BITS
        self._width, self._height = index.columns << index.coarse, index.rows << index.coarse
        # A margin of outside cells all round: points beside the grid are moved into it, no test needed.
        cells = np.zeros((index.rows + 2, self._stride), dtype=np.int32)
        cells[1:-1, 1:-1] = _as_array(index.cells).reshape(index.rows, index.columns)
        blocks = _as_array(index.blocks)
        # Owners where no border is; below zero -1 - block or -1 - list.
        self._cells = _owners_or_minus(cells.ravel(), self._plain)
        self._blocks = _owners_or_minus(blocks, self._plain)
        self._bases = _as_array(index.bases)
        starts = _as_array(index.starts).astype(np.int64)
        self._first, self._count = starts[:-1].copy(), np.diff(starts)
        edges = np.array(index.edges, dtype=np.int64).reshape(-1, 5)[_as_array(index.members)]
        ax, ay, bx, by, pair = edges.T
        change = (pair >> 16 & 0xFFFF) ^ (pair & 0xFFFF)
        self._edges = np.ascontiguousarray(np.stack([ax, ay, bx - ax, by - ay, change], axis=1))

    def locate(self, longitudes: npt.ArrayLike, latitudes: npt.ArrayLike) -> npt.NDArray[np.int32]:
        """For each point the position of its kelurahan in `locator.kelurahan`, -1 outside all.

        Degrees, WGS 84, two sequences of one length. Raises ValueError for lengths that differ and, naming
        the first one, for a point that is no number, not finite or off the globe.
        """
        longitude = np.ascontiguousarray(longitudes, dtype=np.float64)
        latitude = np.ascontiguousarray(latitudes, dtype=np.float64)
        if longitude.ndim != 1 or longitude.shape != latitude.shape:
            raise ValueError(
                f"longitudes of shape {longitude.shape}, latitudes of shape {latitude.shape}: "
                "give two sequences of the same length"
            )
        result = np.empty(len(longitude), dtype=np.int32)
        for start in range(0, len(longitude), CHUNK):
            part = slice(start, start + CHUNK)
            self._chunk(longitude[part], latitude[part], result[part], start)
        return result

    def _chunk(self, longitude: Floats, latitude: Floats, result: npt.NDArray[np.int32], start: int) -> None:
        # A NaN or an infinity survives neither comparison.
        if not (
            longitude.min() >= -180
            and longitude.max() <= 180
            and latitude.min() >= -90
            and latitude.max() <= 90
        ):
            fine = (np.abs(longitude) <= 180) & (np.abs(latitude) <= 90)
            at = int(np.flatnonzero(~fine)[0])
            raise ValueError(
                f"point {start + at}: longitude {longitude[at]!r}, latitude {latitude[at]!r} "
                "is not a place on Earth; give degrees, longitudes first"
            )
        x = self._units(longitude, self._west, self._width)
        y = self._units(latitude, self._south, self._height)
        owners = self._cells.take(((y >> self._coarse) + 1) * self._stride + ((x >> self._coarse) + 1))
        split = np.flatnonzero(owners < 0)
        if len(split):
            x, y = x[split], y[split]
            mask, bits = (1 << FINE_BELOW_COARSE) - 1, FINE_BELOW_COARSE
            blocks = (-1 - owners[split]).astype(np.int64) << 2 * bits
            inner = self._blocks.take(blocks + ((y >> self._fine & mask) << bits) + (x >> self._fine & mask))
            edged = np.flatnonzero(inner < 0)
            if len(edged):
                inner[edged] = self._crossings(x[edged], y[edged], -1 - inner[edged])
            owners[split] = inner
        np.subtract(owners, 1, out=result)

    @staticmethod
    def _units(degrees: Floats, origin: float, size: int) -> Ints:
        """Whole units from the corner of the grid, those beyond it moved to the margin."""
        # rint rounds halves to even, as round() does; all numbers stay exact in a double.
        units = degrees * DEGREE
        np.rint(units, out=units)
        np.subtract(units, origin, out=units)
        np.clip(units, -1, size, out=units)
        return units.astype(np.int64)

    def _crossings(self, x: Ints, y: Ints, lists: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """The half-open rule over the list of each point, first edges first."""
        owners: npt.NDArray[np.int32] = self._bases[lists]
        first, count = self._first[lists], self._count[lists]
        # Who still has edges to test. A cell that only level edges touch has none: its base is the answer.
        left = np.flatnonzero(count)
        x, y, first, count = x[left], y[left], first[left], count[left]
        turn = 0
        while len(left):
            edge = self._edges.take(first + turn, axis=0)
            up = y - edge[:, 1]
            dy = edge[:, 3]
            crossed = (up >= 0) & (up < dy) & ((x - edge[:, 0]) * dy < edge[:, 2] * up)
            owners[left] ^= np.where(crossed, edge[:, 4], 0).astype(np.int32)
            turn += 1
            more = np.flatnonzero(count > turn)
            left, x, y, first, count = left[more], x[more], y[more], first[more], count[more]
        return owners


def _as_array(values: Any) -> npt.NDArray[np.int32]:
    return np.array(values, dtype=np.int32)


def _owners_or_minus(values: npt.NDArray[np.int32], plain: int) -> npt.NDArray[np.int32]:
    return np.where(values < plain, values >> RING_BITS, plain - 1 - values).astype(np.int32)


@lru_cache(maxsize=2)
def _twin(locator: Locator) -> BulkLocator:
    return BulkLocator(locator)


def locate_many(
    longitudes: npt.ArrayLike, latitudes: npt.ArrayLike, locator: Locator | None = None
) -> npt.NDArray[np.int32]:
    """`BulkLocator.locate` on `locator`, by default the default locator."""
    return _twin(locator or default_locator()).locate(longitudes, latitudes)
