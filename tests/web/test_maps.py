"""Outlines on pages: borders stay shared, points land where they belong, broken builds are named."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.maps import Frame, Maps, coarser


def corners(d: str) -> list[list[tuple[int, int]]]:
    found = []
    for part in d.split("z")[:-1]:
        steps = [int(n) for n in re.findall(r"-?\d+", part)]
        x = y = 0
        ring = []
        for dx, dy in zip(steps[::2], steps[1::2], strict=True):
            x, y = x + dx, y + dy
            ring.append((x, y))
        found.append(ring)
    return found


rings = st.lists(st.tuples(st.integers(0, 600), st.integers(0, 600)), min_size=3, max_size=30, unique=True)


def drawn(ring: list[tuple[int, int]]) -> str:
    steps = [(bx - ax, by - ay) for (ax, ay), (bx, by) in pairwise(ring)]
    return f"M{ring[0][0]} {ring[0][1]}l" + " ".join(f"{dx} {dy}" for dx, dy in steps) + "z"


@given(rings, st.sampled_from([1.0, 0.833, 0.5]))
def test_a_corner_is_rounded_to_the_same_place_in_every_outline(
    ring: list[tuple[int, int]], k: float
) -> None:
    wanted = {(round(x * k), round(y * k)) for x, y in ring}
    there = set(corners(coarser(drawn(ring), k))[0])
    back = set(corners(coarser(drawn(ring[::-1]), k))[0])
    if len(wanted) > 2:
        assert there == back == wanted


@given(rings)
def test_at_full_size_an_outline_stays_as_it_is(ring: list[tuple[int, int]]) -> None:
    assert corners(coarser(drawn(ring), 1.0)) == [ring]


def test_an_island_that_vanishes_becomes_a_dot() -> None:
    assert coarser("M100 100l1 0 0 1zM400 400l1 0 0 1z", 0.1) == "M10 10l1 0 0 1zM40 40l1 0 0 1z"


def test_a_point_beyond_the_edge_is_put_on_it() -> None:
    frame = Frame(400, 200, 106.8, -6.2, 106.9, -6.15)
    assert frame.place(106.85, -6.175) == (200, 100)
    assert frame.place(107.5, -6.5) == (400, 200)
    assert frame.place(106.0, -6.0) == (0, 0)


def test_every_kelurahan_is_on_one_sheet_and_named(city: tuple[Path, list[object]]) -> None:
    maps = Maps(city[0])
    drawn_once = [kode for _frame, shapes in maps.city.values() for kode, _d in shapes]
    named = [kode for options in maps.names.values() for kode, _name in options]
    assert len(drawn_once) == len(set(drawn_once)) == 267
    assert sorted(drawn_once) == sorted(named)
    assert maps.own("99.99.99.9999") is None


def test_a_missing_or_strange_build_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="python -m geo build"):
        Maps(tmp_path)
    for name in ("shapes.json", "outlines.json", "batas.json"):
        (tmp_path / name).write_text('{"kelurahan": 3}')
    with pytest.raises(ValueError, match="python -m geo build"):
        Maps(tmp_path)
