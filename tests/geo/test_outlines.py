"""What the web draws: whole numbers, true to place, no kelurahan lost, neighbours still touching."""

from __future__ import annotations

import json
import re

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import MultiPolygon, Polygon, box

from geo import compile as compiler
from geo import outlines
from geo.outlines import Sheet


def rings_drawn(d: str) -> list[list[tuple[int, int]]]:
    """An SVG path of the commands M, l and z, back to points; fails on anything else."""
    rings = []
    for part in re.findall(r"M(-?\d+) (-?\d+)l([-\d ]+)z", d):
        points = [(int(part[0]), int(part[1]))]
        steps = [int(n) for n in re.findall(r"-?\d+", part[2])]
        assert len(steps) % 2 == 0
        for dx, dy in zip(steps[::2], steps[1::2], strict=True):
            points.append((points[-1][0] + dx, points[-1][1] + dy))
        rings.append(points)
    assert re.sub(r"M-?\d+ -?\d+l[-\d ]+z", "", d) == ""
    return rings


def test_a_path_holds_what_was_drawn():
    sheet = Sheet(106.0, -7.0, 107.0, -6.0, 100, 100)
    hole = [(106.4, -6.6), (106.4, -6.4), (106.6, -6.4), (106.6, -6.6)]
    area = Polygon(box(106.2, -6.8, 106.8, -6.2).exterior.coords, [hole])
    outer, inner = rings_drawn(sheet.path(area))
    assert set(outer) == {(20, 20), (80, 20), (80, 80), (20, 80)}
    assert set(inner) == {(40, 40), (60, 40), (60, 60), (40, 60)}


def test_an_island_too_small_to_draw_is_a_diamond():
    sheet = Sheet(106.0, -7.0, 107.0, -6.0, 100, 100)
    dot = box(106.5, -6.5, 106.5001, -6.4999)
    ((*points,),) = rings_drawn(sheet.path(MultiPolygon([dot])))
    assert points == [(50, 48), (52, 50), (50, 52), (48, 50)]


@given(st.floats(106.3, 106.9), st.floats(-6.4, -5.2), st.floats(0.001, 0.5), st.floats(0.001, 0.5))
def test_a_sheet_holds_its_area_whole_and_in_shape(west, south, width, height):
    sheet = Sheet.around([box(west, south, west + width, south + height)], 400)
    assert max(sheet.width, sheet.height) == 400
    for longitude in (west, west + width):
        for latitude in (south, south + height):
            x, y = sheet.point(longitude, latitude)
            assert 0 <= x <= sheet.width
            assert 0 <= y <= sheet.height
    assert sheet.point(sheet.west, sheet.north) == (0, 0)
    assert sheet.point(sheet.east, sheet.south) == (sheet.width, sheet.height)


def check(coverage, manifest_version: str = "v") -> None:
    shapes = outlines.shapes(coverage, manifest_version)
    codes = [item.kode for item in coverage.kelurahan]
    assert [row["kode"] for row in shapes["shapes"]] == codes
    for row in shapes["shapes"]:
        _, _, width, height = shapes["sheets"][row["sheet"]]["viewBox"]
        assert row["sheet"] == ("islands" if row["kode"].startswith("31.01.") else "mainland")
        for ring in rings_drawn(row["d"]):
            assert all(-2 <= x <= width + 2 and -2 <= y <= height + 2 for x, y in ring)
        assert rings_drawn(row["d"])
        x, y, wide, high = row["box"]
        assert x <= row["label"][0] <= x + wide
        assert y <= row["label"][1] <= y + high
    drawn = outlines.outlines(coverage, manifest_version)
    assert list(drawn["kelurahan"]) == codes
    for kode, row in drawn["kelurahan"].items():
        assert rings_drawn(row["d"])
        assert kode not in row["neighbours"]
        for other in row["neighbours"]:
            assert kode in drawn["kelurahan"][other]["neighbours"]
    shown = outlines.batas(coverage, manifest_version)
    assert [row["kode"] for row in shown["kelurahan"]] == codes
    for row, area in zip(shown["kelurahan"], coverage.areas, strict=True):
        assert row["polygons"]
        parts = []
        for shell, *holes in row["polygons"]:
            parts.append(
                Polygon(absolute(shell, shown["scale"]), [absolute(h, shown["scale"]) for h in holes])
            )
        # 0.0005 degrees of simplification: 55 m, and what it cuts off by way of thin points.
        assert all(area.distance(shapely.Point(p)) < 0.002 for part in parts for p in part.exterior.coords)
        assert area.distance(shapely.Point(row["label"])) < 1e-4


def absolute(deltas: list[int], scale: int) -> list[tuple[float, float]]:
    points, x, y = [], 0, 0
    for dx, dy in zip(deltas[::2], deltas[1::2], strict=True):
        x, y = x + dx, y + dy
        points.append((x / scale, y / scale))
    return points


def test_the_stand_in_is_drawn_whole(approximate_coverage):
    check(approximate_coverage)


@pytest.mark.polygons
def test_jakarta_is_drawn_whole(real_coverage):
    check(real_coverage)
    near = outlines.neighbours(real_coverage)
    assert {"31.71.01.1002", "31.71.01.1003", "31.71.01.1005"} & set(near["31.71.01.1004"])
    assert 4 < sum(map(len, near.values())) / len(near) < 7


def test_the_build_folder_is_the_same_bytes_every_time_and_its_manifest_is_true(
    approximate_coverage, tmp_path
):
    first = compiler.compile_all(approximate_coverage, tmp_path / "a", {"kelurahan.csv": "00"})
    compiler.compile_all(approximate_coverage, tmp_path / "b", {"kelurahan.csv": "00"})
    names = sorted(p.name for p in (tmp_path / "a").iterdir())
    assert names == sorted([*first["files"], "manifest.json"])
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    manifest = json.loads((tmp_path / "a" / "manifest.json").read_text())
    assert manifest["approximate"] is True
    assert manifest["kelurahan"] == 267
    for name in ("batas.json", "shapes.json", "outlines.json"):
        shown = json.loads((tmp_path / "a" / name).read_text())
        assert (shown["version"], shown["approximate"]) == (manifest["version"], True)
