"""The compiled index: every point has the one owner that the polygons say; a damaged file is refused."""

from __future__ import annotations

import random
import struct
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geo import index
from geo.bulk import BulkLocator
from geo.index import UNITS, IndexFileError
from geo.locate import Locator


def claims(ring: tuple[tuple[int, int], ...], px: int, py: int) -> bool:
    """The half-open rule for one ring alone, written down independently of the index: exact fractions."""
    inside = False
    for (x1, y1), (x2, y2) in zip(ring, (*ring[1:], ring[0]), strict=True):
        if (y1 > py) != (y2 > py):
            (ax, ay), (bx, by) = sorted(((x1, y1), (x2, y2)), key=lambda p: p[1])
            if (px - ax) * (by - ay) < (bx - ax) * (py - ay):
                inside = not inside
    return inside


def sides(ring: tuple[tuple[int, int], ...], px: int, py: int) -> list[int]:
    """For each side of a triangle: positive when the point lies strictly inside of it, 0 on its line."""
    return [
        (x2 - x1) * (py - y1) - (y2 - y1) * (px - x1)
        for (x1, y1), (x2, y2) in zip(ring, (*ring[1:], ring[0]), strict=True)
    ]


def owner_of(locator: Locator, x: int, y: int) -> int:
    """The owner that the index gives, 0 where the point is in none."""
    place = locator.locate(x / UNITS, y / UNITS)
    return int(place.kode[-4:]) if place.method == "inside" and place.kode else 0


meshes = st.tuples(
    st.integers(0, 10**9),
    st.integers(1, 6),
    st.integers(1, 6),
    st.integers(1, 7),
    st.sampled_from([7, 100, 2048, 9000, 50_000, 400_000]),
    st.sampled_from([0.0, 0.2, 0.6]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=meshes, seed=st.integers(0, 10**9))
def test_every_point_of_any_coverage_has_the_one_owner_that_the_triangles_say(mesh, drawn, seed):
    made = mesh(*drawn)
    if made.owners == 0:
        return
    locator = made.locator()
    rnd = random.Random(seed)
    corners = [p for _, ring in made.triangles for p in ring]
    middles = [
        ((a[0] + b[0]) // 2, (a[1] + b[1]) // 2)
        for _, ring in made.triangles
        for a, b in zip(ring, (*ring[1:], ring[0]), strict=True)
    ]
    step = drawn[4]
    around = [(x + rnd.randint(-1, 1), y + rnd.randint(-1, 1)) for x, y in corners + middles]
    anywhere = [(x + rnd.randint(-step, step), y + rnd.randint(-step, step)) for x, y in corners]
    points = corners + middles + around + anywhere
    twin = BulkLocator(locator).locate([x / UNITS for x, _ in points], [y / UNITS for _, y in points])
    for (x, y), in_bulk in zip(points, twin, strict=True):
        claiming = [owner for owner, ring in made.triangles if claims(ring, x, y)]
        assert len(claiming) <= 1
        expected = claiming[0] if claiming else 0
        assert owner_of(locator, x, y) == expected
        assert in_bulk == expected - 1
        strictly = [owner for owner, ring in made.triangles if min(sides(ring, x, y)) > 0]
        touching = {owner for owner, ring in made.triangles if min(sides(ring, x, y)) >= 0}
        if strictly:
            assert expected == strictly[0]
        elif expected:
            assert expected in touching


def test_level_edges_belong_to_the_area_above_and_upright_ones_to_the_east(names):
    square = ((0, 0), (1000, 0), (1000, 1000), (0, 1000))
    above = ((0, 1000), (1000, 1000), (1000, 2000), (0, 2000))
    east = ((1000, 0), (2000, 0), (2000, 1000), (1000, 1000))
    locator = Locator(index.build(names(3), [[square], [above], [east]]))
    assert owner_of(locator, 500, 1000) == 2
    assert owner_of(locator, 1000, 500) == 3
    assert owner_of(locator, 0, 0) == 1


def test_a_cell_that_edges_touch_but_never_cross_is_answered_by_the_twin_too(names):
    # The tip ends exactly where the next row of cells begins: that cell's list has no edge.
    tip = ((0, 0), (2000, 0), (1000, 2048))
    locator = Locator(index.build(names(1), [[tip]]))
    assert 0 in {b - a for a, b in pairwise(locator.index.starts)}
    points = [(x, y) for x in range(0, 2001, 50) for y in (0, 1024, 2047, 2048, 2049)]
    found = BulkLocator(locator).locate([x / UNITS for x, _ in points], [y / UNITS for _, y in points])
    assert found.tolist() == [int(claims(tip, x, y)) - 1 for x, y in points]
    assert found.tolist() == [owner_of(locator, x, y) - 1 for x, y in points]


def test_an_enclave_and_its_surroundings_share_the_border_without_gap(names):
    hole = ((4000, 4000), (4000, 6000), (6000, 6000), (6000, 4000))
    outer = [((0, 0), (10_000, 0), (10_000, 10_000), (0, 10_000)), hole]
    enclave = [tuple(reversed(hole))]
    locator = Locator(index.build(names(2), [outer, enclave]))
    owners = {(x, y): owner_of(locator, x, y) for x in range(0, 10_000, 500) for y in range(0, 10_000, 500)}
    assert {p for p, o in owners.items() if o == 2} == {
        (x, y) for x in range(4000, 6000, 500) for y in range(4000, 6000, 500)
    }
    assert 0 not in owners.values()


def test_a_voronoi_coverage_agrees_with_shapely(names):
    rnd = random.Random(5)
    seeds = shapely.MultiPoint([(rnd.uniform(106, 107), rnd.uniform(-7, -6)) for _ in range(60)])
    cells = shapely.get_parts(shapely.voronoi_polygons(seeds))
    cells = shapely.coverage_clean(shapely.transform(cells, lambda c: np.round(c, 6)))
    cells = shapely.transform(cells, lambda c: np.round(c, 6))
    assert shapely.coverage_is_valid(cells)
    from geo.coverage import rings_of

    locator = Locator(index.build(names(len(cells)), [rings_of(c) for c in cells]))
    points = np.round(np.random.default_rng(6).uniform((105.9, -7.1), (107.1, -5.9), (20_000, 2)), 7)
    found = BulkLocator(locator).locate(points[:, 0], points[:, 1])
    expected = np.full(len(points), -1)
    at, which = shapely.STRtree(cells).query(shapely.points(points), predicate="within")
    expected[at] = which
    away = shapely.distance(shapely.points(points), shapely.union_all(shapely.boundary(cells))) > 1e-11
    assert away.sum() > 19_000
    assert (found[away] == expected[away]).all()
    assert (found >= 0).sum() > 1000


def test_an_overlap_is_refused_and_the_owners_are_named(names):
    square = ((0, 0), (1000, 0), (1000, 1000), (0, 1000))
    with pytest.raises(ValueError, match="owners 1 and 2 both claim one side"):
        index.build(names(2), [[square], [square]])


def test_a_ring_that_turns_the_wrong_way_is_refused(names):
    square = ((0, 0), (0, 1000), (1000, 1000), (1000, 0))
    with pytest.raises(ValueError, match=r"99\.01\.01\.0001: its outline turns the wrong way"):
        index.build(names(1), [[square]])


def test_nothing_to_compile_is_refused(names):
    with pytest.raises(ValueError, match="nothing to compile"):
        index.build([], [])
    with pytest.raises(ValueError, match="no border"):
        index.build(names(1), [[]])


def test_a_wide_area_takes_larger_cells_instead_of_more(names):
    part = 50_000_000
    rings = [
        [((n * part, 0), ((n + 1) * part, 0), ((n + 1) * part, part), (n * part, part))] for n in range(20)
    ]
    built = index.build(names(20), rings)
    assert len(built.cells) <= index.MAX_COARSE_CELLS
    assert owner_of(Locator(built), 7 * part + 5, 17) == 8


@pytest.fixture(scope="module")
def file(tmp_path_factory, mesh) -> Path:
    path = tmp_path_factory.mktemp("index") / "some.index"
    index.write(mesh(3, 5, 5, 4, 30_000, 0.2).locator().index, path)
    return path


def test_what_was_written_is_read_back(file, mesh):
    assert index.read(file) == mesh(3, 5, 5, 4, 30_000, 0.2).locator().index


def test_the_same_coverage_gives_the_same_bytes(file, mesh, tmp_path):
    index.write(mesh(3, 5, 5, 4, 30_000, 0.2).locator().index, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == file.read_bytes()


def test_another_coverage_has_another_version(mesh):
    versions = {mesh(seed, 2, 2, 2, 1000, 0.0).locator().version for seed in range(20)}
    assert len(versions) == 20


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_byte_anywhere_is_noticed(file, tmp_path, data):
    whole = bytearray(file.read_bytes())
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    damaged = tmp_path / "damaged"
    damaged.write_bytes(whole)
    with pytest.raises(IndexFileError, match="python -m geo build"):
        index.read(damaged)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_cut_short_anywhere_is_noticed(file, tmp_path, data):
    whole = file.read_bytes()
    short = tmp_path / "short"
    short.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(IndexFileError, match="python -m geo build"):
        index.read(short)


def test_bytes_too_many_another_format_and_another_version_are_named(file, tmp_path):
    other = tmp_path / "other"
    other.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(IndexFileError, match="1 bytes too many"):
        index.read(other)
    other.write_bytes(b"PK\x03\x04" + bytes(60))
    with pytest.raises(IndexFileError, match="no boundary index"):
        index.read(other)
    magic, version, *rest = index.PREAMBLE.unpack_from(file.read_bytes())
    other.write_bytes(
        struct.pack("<8sIII", magic, version + 1, *rest) + file.read_bytes()[index.PREAMBLE.size :]
    )
    with pytest.raises(IndexFileError, match="format version 2, this program reads 1"):
        index.read(other)


def test_parts_that_do_not_fit_together_are_refused(file, tmp_path):
    from dataclasses import replace

    whole = index.read(file)
    wrong = tmp_path / "wrong"
    index.write(replace(whole, columns=whole.columns + 1), wrong)
    with pytest.raises(IndexFileError, match="do not fit together"):
        index.read(wrong)


def test_no_index_is_a_file_not_found(tmp_path):
    with pytest.raises(FileNotFoundError):
        Locator.open(tmp_path / "none")
