"""Reads the outlines that the geo room built and places points on them. Reads JSON, computes no geometry.

`shapes.json` holds the whole city, `outlines.json` each kelurahan by itself, `batas.json`
the names. Longitude and latitude in degrees (WGS 84) become whole units of an SVG, x to
the right and y down.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

SIDE = {"mainland": 400, "islands": 150}
"""The longer side of a sheet on the front page, in units: about the pixels it gets. Finer only costs bytes."""


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
            self.city: dict[str, tuple[Frame, list[tuple[str, str]]]] = {}
            scales: dict[str, float] = {}
            for name, sheet in shapes["sheets"].items():
                frame = _frame(sheet)
                k = scales[name] = min(1.0, SIDE.get(name, 500) / max(frame.width, frame.height))
                small = replace(frame, width=round(frame.width * k), height=round(frame.height * k))
                drawn = [(s["kode"], coarser(s["d"], k)) for s in shapes["shapes"] if s["sheet"] == name]
                self.city[name] = (small, drawn)
            """The city's sheets by name (mainland, islands): frame, and (kode, path) of each kelurahan."""
            self.names: dict[tuple[str, str], list[tuple[str, str]]] = {}
            """(kota, kecamatan) to the (kode, kelurahan) in it, in order of code."""
            points: dict[str, list[tuple[int, int]]] = {}
            k = scales.get("mainland", 1.0)
            mainland = {
                s["kode"]: (round(s["label"][0] * k), round(s["label"][1] * k))
                for s in shapes["shapes"]
                if s["sheet"] == "mainland"
            }
            for row in _read(folder / "batas.json")["kelurahan"]:
                kode, kota = row["kode"], row["kota"]
                self.names.setdefault((kota, row["kecamatan"]), []).append((kode, row["kelurahan"]))
                if kode in mainland:
                    points.setdefault(kota, []).append(mainland[kode])
            self.kota_labels: dict[str, tuple[int, int]] = {
                kota: (sum(x for x, _ in at) // len(at), sum(y for _, y in at) // len(at))
                for kota, at in points.items()
            }
            """Where each kota's name goes on the mainland's sheet: the middle of its kelurahan's labels."""
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(
                f"{folder}: not outlines that can be drawn ({error!r}); run 'python -m geo build'"
            ) from error

    def part(self, codes: Container[str]) -> tuple[str, list[tuple[str, str]]] | None:
        """A part of the city: an SVG viewBox round it, and (kode, path) of each kelurahan drawn on its sheet."""
        for _frame_of, shapes in self.city.values():
            inside = [(kode, d) for kode, d in shapes if kode in codes]
            corners = [corner for _, d in inside for corner in _corners(d)]
            if corners:
                west, south = min(x for x, _ in corners), min(y for _, y in corners)
                east, north = max(x for x, _ in corners), max(y for _, y in corners)
                return f"{west - 3} {south - 3} {east - west + 6} {north - south + 6}", inside
        return None

    def rings(self, kode: str) -> tuple[Frame, list[list[tuple[int, int]]]] | None:
        """A kelurahan's own drawing as rings of points in units of its frame; None for an unknown code."""
        own = self._own.get(kode)
        return (
            (_frame(own), [list(_corners(f"{part}z")) for part in own["d"].split("z")[:-1]]) if own else None
        )

    def own(self, kode: str) -> Outline | None:
        """A kelurahan's own drawing; None for a code that the boundaries do not have."""
        own = self._own.get(kode)
        return Outline(_frame(own), own["d"]) if own else None


def coarser(d: str, k: float) -> str:
    """A path of `M`, relative `l` and `z` in units 1 / k times as large; islands that vanish become dots.

    Borders stay shared: a corner is rounded to the same place in both neighbours.
    """
    parts = []
    for part in d.split("z")[:-1]:
        steps = [int(n) for n in re.findall(r"-?\d+", part)]
        x = y = 0
        points: list[tuple[int, int]] = []
        for dx, dy in zip(steps[::2], steps[1::2], strict=True):
            x, y = x + dx, y + dy
            point = (round(x * k), round(y * k))
            if not points or point != points[-1]:
                points.append(point)
        parts.append(_ring(points) if len(points) > 2 else f"M{points[0][0]} {points[0][1]}l1 0 0 1z")
    return "".join(dict.fromkeys(parts))


def _corners(d: str) -> Iterator[tuple[int, int]]:
    """The corners of a path as `coarser` writes it."""
    for part in d.split("z")[:-1]:
        steps = [int(n) for n in re.findall(r"-?\d+", part)]
        x = y = 0
        for dx, dy in zip(steps[::2], steps[1::2], strict=True):
            x, y = x + dx, y + dy
            yield x, y


def _ring(points: list[tuple[int, int]]) -> str:
    text = f"M{points[0][0]} {points[0][1]}l"
    for (ax, ay), (bx, by) in pairwise(points):
        for step in (bx - ax, by - ay):
            # A minus sign parts two numbers by itself.
            text += str(step) if step < 0 or text[-1] == "l" else f" {step}"
    return text + "z"


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror})") from error


def _frame(sheet: Mapping[str, Any]) -> Frame:
    _x, _y, width, height = sheet["viewBox"]
    return Frame(width, height, *sheet["bounds"])
