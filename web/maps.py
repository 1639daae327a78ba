"""Reads the outlines that the geo room built and places points on them. Reads JSON, computes no geometry.

`shapes.json` holds the whole city, `outlines.json` each kelurahan by itself, `batas.json`
the names. Longitude and latitude in degrees (WGS 84) become whole units of an SVG, x to
the right and y down.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Frame:
    """A sheet: its size in units, and the degrees at its edges."""

    width: int
    height: int
    west: float
    south: float
    east: float
    north: float

    @property
    def view_box(self) -> str:
        """For SVG's viewBox."""
        return f"0 0 {self.width} {self.height}"

    @property
    def bounds(self) -> str:
        """West, south, east, north in degrees, for a script."""
        return f"{self.west} {self.south} {self.east} {self.north}"

    def place(self, longitude: float, latitude: float) -> tuple[int, int]:
        """The point in units; one beyond an edge is put on the edge."""
        x = round((longitude - self.west) / (self.east - self.west) * self.width)
        y = round((self.north - latitude) / (self.north - self.south) * self.height)
        return min(max(x, 0), self.width), min(max(y, 0), self.height)


@dataclass(frozen=True, slots=True)
class Outline:
    """A kelurahan drawn by itself."""

    frame: Frame
    d: str


class Maps:
    """The outlines and names of one build of the boundaries."""

    def __init__(self, folder: Path) -> None:
        """Read a geo build folder. Raises ValueError when a file is missing or of another form."""
        try:
            shapes = _read(folder / "shapes.json")
            self._own: Mapping[str, Any] = _read(folder / "outlines.json")["kelurahan"]
            self.city: dict[str, tuple[Frame, list[tuple[str, str]]]] = {
                name: (_frame(sheet), [(s["kode"], s["d"]) for s in shapes["shapes"] if s["sheet"] == name])
                for name, sheet in shapes["sheets"].items()
            }
            """The city's sheets by name (mainland, islands): frame, and (kode, path) of each kelurahan."""
            self.names: dict[tuple[str, str], list[tuple[str, str]]] = {}
            """(kota, kecamatan) to the (kode, kelurahan) in it, in order of code."""
            for row in _read(folder / "batas.json")["kelurahan"]:
                self.names.setdefault((row["kota"], row["kecamatan"]), []).append(
                    (row["kode"], row["kelurahan"])
                )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(
                f"{folder}: not outlines that can be drawn ({error!r}); run 'python -m geo build'"
            ) from error

    def own(self, kode: str) -> Outline | None:
        """A kelurahan's own drawing; None for a code that the boundaries do not have."""
        own = self._own.get(kode)
        return Outline(_frame(own), own["d"]) if own else None


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror})") from error


def _frame(sheet: Mapping[str, Any]) -> Frame:
    _x, _y, width, height = sheet["viewBox"]
    return Frame(width, height, *sheet["bounds"])
