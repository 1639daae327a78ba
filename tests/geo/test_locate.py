"""What `locate` answers: inside, nearest, outside; how far, how surely; and what it refuses."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

import geo
from geo import index
from geo.bulk import BulkLocator
from geo.index import UNITS
from geo.locate import MAX_ACCURACY_M, OUTSIDE, SNAP_M, Locator, default_locator
from geo.plane import metres_per_degree

SIZE = 100_000
"""Two squares of 0.01 degrees side by side, the western one at 106.8, -6.2."""
WEST, SOUTH = 1_068_000_000, -62_000_000


def square(west: int, south: int) -> index.Ring:
    return ((west, south), (west + SIZE, south), (west + SIZE, south + SIZE), (west, south + SIZE))


@pytest.fixture(scope="module")
def pair(names) -> Locator:
    return Locator(index.build(names(2), [[square(WEST, SOUTH)], [square(WEST + SIZE, SOUTH)]]))


@pytest.fixture(scope="module")
def metre(pair) -> float:
    """A metre eastward, in degrees, in the middle of the squares' height."""
    return 1 / metres_per_degree(-6.195)[0]


def test_deep_inside_is_certain(pair, metre):
    place = pair.locate(106.805, -6.195, 100)
    assert (place.kode, place.method, place.probability, place.runner_up) == (
        "99.01.01.0001",
        "inside",
        1.0,
        None,
    )
    assert 100 <= place.distance_m <= 553


def test_the_distance_without_accuracy_is_a_lower_bound(pair, metre):
    for away in (1, 10, 50, 100, 200, 400):
        found = pair.locate(106.81 - away * metre, -6.195).distance_m
        assert 0 <= found <= away + 0.1
    assert pair.locate(106.805, -6.195).distance_m > 400


def test_the_distance_is_exact_when_the_disc_reaches_the_border(pair, metre):
    place = pair.locate(106.81 - 30 * metre, -6.195, 50)
    assert place.distance_m == pytest.approx(30, abs=0.02)


def test_a_disc_on_the_border_is_half_and_half(pair):
    place = pair.locate(106.81, -6.195, 40)
    assert place.kode == "99.01.01.0002"
    assert place.probability == pytest.approx(0.5, abs=1e-6)
    assert place.runner_up == "99.01.01.0001"
    assert place.distance_m == 0


def test_the_share_is_the_circular_segment(pair, metre):
    from math import acos, pi, sqrt

    away, radius = 10.0, 25.0
    place = pair.locate(106.81 - away * metre, -6.195, radius)
    beyond = radius**2 * acos(away / radius) - away * sqrt(radius**2 - away**2)
    assert place.probability == pytest.approx(1 - beyond / (pi * radius**2), abs=1e-3)
    assert (place.kode, place.runner_up) == ("99.01.01.0001", "99.01.01.0002")


def test_the_point_alone_decides_even_when_a_neighbour_has_more_of_the_disc(pair, metre):
    place = pair.locate(106.8 + 1 * metre, -6.2 + 0.00001, 400)
    assert place.kode == "99.01.01.0001"
    assert place.probability < 0.5


def test_towards_the_outside_there_is_doubt_but_no_runner_up(pair, metre):
    place = pair.locate(106.8 + 5 * metre, -6.195, 20)
    assert place.probability < 0.9
    assert place.runner_up is None


@pytest.mark.parametrize(
    ("away", "accuracy", "method"),
    [
        (1, None, "nearest"),
        (24.5, None, "nearest"),
        (25.5, None, "outside"),
        (80, 100, "nearest"),
        (25.5, 10, "outside"),
        (24.5, 0, "nearest"),
        (120, 100, "outside"),
        (3000, 3100, "nearest"),
    ],
)
def test_a_point_outside_snaps_within_25_m_or_its_accuracy(pair, metre, away, accuracy, method):
    place = pair.locate(106.8 - away * metre, -6.195, accuracy)
    assert place.method == method
    if method == "nearest":
        assert place.kode == "99.01.01.0001"
        assert place.distance_m == pytest.approx(away, abs=0.02)
        assert 0 < place.probability < 0.5
    else:
        assert place == OUTSIDE


def test_the_outer_border_itself_is_at_distance_nothing(pair):
    place = pair.locate(106.82, -6.195)
    assert (place.kode, place.method, place.distance_m) == ("99.01.01.0002", "nearest", 0)


def test_an_accuracy_beyond_5_km_counts_as_5_km(pair):
    assert pair.locate(106.805, -6.195, 1e300) == pair.locate(106.805, -6.195, MAX_ACCURACY_M)
    assert pair.locate(106.7, -6.195, 1e300).method == "outside"


@pytest.mark.parametrize("wrong", [-1, -0.001, float("nan"), float("inf"), float("-inf"), "12", [], 10**400])
def test_an_accuracy_that_is_none_is_refused(pair, wrong):
    with pytest.raises(ValueError, match="number of metres from 0 up"):
        pair.locate(106.805, -6.195, wrong)


@pytest.mark.parametrize(
    ("longitude", "latitude"),
    [
        (float("nan"), -6.2),
        (106.8, float("nan")),
        (float("inf"), -6.2),
        (106.8, float("-inf")),
        (None, -6.2),
        ("106.8", -6.2),
        (106.8, [1]),
        (181, -6.2),
        (106.8, 91),
        (-180.1, 0),
        (0, -90.1),
        (1e300, 0),
        (10**400, 0),
    ],
)
def test_what_is_no_place_on_earth_is_refused(pair, longitude, latitude):
    with pytest.raises(ValueError, match="not a place on Earth") as error:
        pair.locate(longitude, latitude)
    assert "longitude" in str(error.value)


def test_swapped_coordinates_are_refused_with_the_hint(pair):
    with pytest.raises(ValueError, match="look swapped"):
        pair.locate(-6.195, 106.805)


def test_swapped_coordinates_on_the_globe_are_noticed_too(names):
    there = Locator(index.build(names(1), [[square(500_000_000, 100_000_000)]]))
    with pytest.raises(ValueError, match="look swapped"):
        there.locate(10.005, 50.005)
    assert there.locate(10.5, 50.5).method == "outside"


def test_the_ends_of_the_earth_are_outside(pair):
    for longitude in (-180, 0, 180):
        for latitude in (-90, 0, 90):
            assert pair.locate(longitude, latitude) == OUTSIDE


@given(st.floats(106.79, 106.83), st.floats(-6.21, -6.18), st.one_of(st.none(), st.floats(0, 6000)))
def test_every_answer_makes_sense(pair, longitude, latitude, accuracy):
    place = pair.locate(longitude, latitude, accuracy)
    assert 0 <= place.probability <= 1
    assert (place.kode is None) == (place.method == "outside") == (place.distance_m is None)
    assert place.runner_up is None or place.runner_up != place.kode
    if place.method == "nearest":
        assert place.distance_m <= max(accuracy or 0, SNAP_M)
    assert place == pair.locate(longitude, latitude, accuracy)


def test_shares_agree_with_shapely_on_any_coverage(mesh, names):
    made = mesh(11, 6, 6, 5, 9_000, 0.2)
    locator = made.locator()
    rnd = random.Random(12)
    west, south = locator.index.west, locator.index.south
    asked = 0
    for _ in range(150):
        x, y = west + rnd.randrange(54_000), south + rnd.randrange(54_000)
        radius = rnd.choice([5, 20, 60, 200])
        place = locator.locate(x / UNITS, y / UNITS, radius)
        if place.method == "outside":
            continue
        kx, ky = (k / UNITS for k in metres_per_degree(y / UNITS))
        disc = shapely.Point(0, 0).buffer(
            max(radius, SNAP_M) if place.method == "nearest" else radius, quad_segs=256
        )
        shares: dict[int, float] = {}
        for owner, ring in made.triangles:
            part = shapely.Polygon([((a - x) * kx, (b - y) * ky) for a, b in ring])
            shares[owner] = shares.get(owner, 0.0) + part.intersection(disc).area / disc.area
        assert place.probability == pytest.approx(shares[int(place.kode[-4:])], abs=2e-4)
        others = sorted(((s, o) for o, s in shares.items() if o and o != int(place.kode[-4:])), reverse=True)
        if others and others[0][0] > 1e-3 and (len(others) == 1 or others[0][0] - others[1][0] > 1e-3):
            assert place.runner_up == f"99.01.01.{others[0][1]:04}"
        asked += 1
    assert asked > 80


def test_neither_shapely_nor_numpy_is_imported_not_even_for_a_disc(pair, tmp_path):
    index.write(pair.index, tmp_path / "kelurahan.index")
    program = (
        "import sys, geo\n"
        "assert geo.locate(106.805, -6.195).method == 'inside'\n"
        "assert 0.4 < geo.locate(106.81, -6.195, 40).probability < 0.6\n"
        "assert geo.locate(106.79995, -6.195, 40).method == 'nearest'\n"
        "heavy = {'numpy', 'shapely', 'tqdm', 'urllib.request', 'argparse'} & set(sys.modules)\n"
        "print(sorted(heavy))\n"
    )
    root = Path(geo.__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=root,
        env={"GEO_BUILD": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_threads_share_one_default_locator(pair, tmp_path, monkeypatch):
    index.write(pair.index, tmp_path / "kelurahan.index")
    monkeypatch.setenv("GEO_BUILD", str(tmp_path))
    monkeypatch.setattr(sys.modules["geo.locate"], "_default", None)
    found: list[Locator] = []
    threads = [threading.Thread(target=lambda: found.append(default_locator())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len({id(one) for one in found}) == 1


def test_nothing_built_says_what_to_run(tmp_path, monkeypatch):
    monkeypatch.setenv("GEO_BUILD", str(tmp_path))
    monkeypatch.setattr(sys.modules["geo.locate"], "_default", None)
    with pytest.raises(FileNotFoundError, match="python -m geo build"):
        geo.locate(106.8, -6.2)


def test_the_twin_refuses_what_locate_refuses(pair):
    twin = BulkLocator(pair)
    with pytest.raises(ValueError, match="point 2: longitude"):
        twin.locate([106.8, 106.8, float("nan")], [-6.2, -6.2, -6.2])
    with pytest.raises(ValueError, match="point 1: longitude"):
        twin.locate([106.8, -6.2], [-6.2, 106.8])
    with pytest.raises(ValueError, match="same length"):
        twin.locate([106.8], [-6.2, -6.2])
    assert len(twin.locate([], [])) == 0


def test_the_twin_names_the_first_bad_point_across_chunks(pair, monkeypatch):
    monkeypatch.setattr("geo.bulk.CHUNK", 4)
    twin = BulkLocator(pair)
    longitudes = np.full(11, 106.805)
    longitudes[9] = np.inf
    with pytest.raises(ValueError, match="point 9: longitude"):
        twin.locate(longitudes, np.full(11, -6.195))
    assert twin.locate(longitudes[:9], np.full(9, -6.195)).tolist() == [0] * 9


@pytest.mark.polygons
def test_jakarta_random_points_agree_with_shapely_and_the_twin(real, real_coverage):
    rnd = np.random.default_rng(2026)
    corners = np.array([p for rings in real_coverage.rings() for ring in rings for p in ring])
    anywhere = rnd.uniform((1_063_000_000, -64_000_000), (1_070_500_000, -51_500_000), (60_000, 2))
    mainland = rnd.uniform((1_066_800_000, -63_800_000), (1_069_800_000, -60_700_000), (80_000, 2))
    near = corners[rnd.integers(0, len(corners), 60_000)] + rnd.normal(0, 2_000, (60_000, 2))
    units = np.rint(np.concatenate([anywhere, mainland, near]))
    points = units / UNITS
    assert len(points) == 200_000
    twin = BulkLocator(real).locate(points[:, 0], points[:, 1])
    areas = np.array(real_coverage.areas, dtype=object)
    made = shapely.points(points)
    at, which = shapely.STRtree(areas).query(made, predicate="within")
    expected = np.full(len(points), -1)
    expected[at] = which
    borders = shapely.STRtree(shapely.boundary(areas))
    on_border = np.zeros(len(points), dtype=bool)
    on_border[borders.query(made, predicate="dwithin", distance=1e-11)[0]] = True
    assert on_border.sum() < 100
    assert (twin[~on_border] == expected[~on_border]).all()
    codes = [item.kode for item in real.kelurahan]
    for (longitude, latitude), number in zip(points.tolist(), twin.tolist(), strict=True):
        place = real.locate(longitude, latitude)
        assert (place.kode if place.method == "inside" else None) == (codes[number] if number >= 0 else None)


@pytest.mark.polygons
def test_jakarta_every_vertex_and_edge_midpoint_has_exactly_one_owner(real, real_coverage):
    rings = real_coverage.rings()
    found = index.segments(rings)
    outer = {p for (ax, ay, bx, by), (left, right) in found.items() if not (left and right)
             for p in ((ax, ay), (bx, by), ((ax + bx) // 2, (ay + by) // 2))}  # fmt: skip
    points = {p for ax, ay, bx, by in found for p in ((ax, ay), (bx, by), ((ax + bx) // 2, (ay + by) // 2))}
    units = np.array(sorted(points), dtype=np.int64)
    # The rule ring by ring, without grid, bases or lists.
    claimed = np.full(len(units), -1)
    claims = np.zeros(len(units), dtype=int)
    for owner, own in enumerate(rings):
        every = np.array([p for ring in own for p in ring])
        low, high = every.min(axis=0), every.max(axis=0)
        inside_box = np.flatnonzero(((units >= low) & (units <= high)).all(axis=1))
        px, py = units[inside_box].T
        crossed = np.zeros(len(inside_box), dtype=bool)
        for ring in own:
            for (x1, y1), (x2, y2) in zip(ring, (*ring[1:], ring[0]), strict=True):
                ax, ay, bx, by = (x1, y1, x2, y2) if y1 < y2 else (x2, y2, x1, y1)
                rows = (ay <= py) & (py < by)
                crossed ^= rows & ((px - ax) * (by - ay) < (bx - ax) * (py - ay))
        claimed[inside_box[crossed]] = owner
        claims[inside_box[crossed]] += 1
    assert claims.max() == 1
    lonely = [tuple(p) for p in units[claims == 0].tolist()]
    assert set(lonely) <= outer
    twin = BulkLocator(real).locate(units[:, 0] / UNITS, units[:, 1] / UNITS)
    assert (twin == claimed).all()
    codes = [item.kode for item in real.kelurahan]
    for (x, y), number in zip(units.tolist(), claimed.tolist(), strict=True):
        place = real.locate(x / UNITS, y / UNITS)
        if number >= 0:
            assert (place.kode, place.method) == (codes[number], "inside")
        else:
            assert (place.method, place.distance_m) == ("nearest", pytest.approx(0, abs=0.01))


@pytest.mark.polygons
def test_jakarta_distances_and_shares_agree_with_shapely_in_a_local_plane(real, real_coverage):
    rnd = random.Random(7)
    areas = np.array(real_coverage.areas, dtype=object)
    tree = shapely.STRtree(areas)
    doubtful = 0
    for _ in range(400):
        longitude, latitude = round(rnd.uniform(106.7, 106.96), 7), round(rnd.uniform(-6.36, -6.1), 7)
        radius = rnd.choice([10.0, 50.0, 150.0])
        place = real.locate(longitude, latitude, radius)
        if place.method != "inside":
            continue
        kx, ky = metres_per_degree(latitude)
        near = tree.query(shapely.Point(longitude, latitude).buffer(0.003))
        local = {
            real_coverage.kelurahan[i].kode: shapely.transform(
                areas[i], lambda c, a=longitude, b=latitude, k=(kx, ky): (c - (a, b)) * k
            )
            for i in near
        }
        disc = shapely.Point(0, 0).buffer(radius, quad_segs=128)
        own = local[place.kode]
        assert place.probability == pytest.approx(own.intersection(disc).area / disc.area, abs=1e-3)
        border = own.boundary.distance(shapely.Point(0, 0))
        assert place.distance_m <= border + 0.01
        if border < radius:
            assert place.distance_m == pytest.approx(border, abs=0.01)
            doubtful += 1
    assert doubtful > 20


@pytest.mark.polygons
def test_monas_stands_in_gambir_and_the_islands_are_found(real):
    assert real.locate(106.8272, -6.1754).kode == "31.71.01.1001"
    assert real.locate(106.8272, -6.1754).kelurahan == "Gambir"
    assert real.locate(106.55, -5.80).method == "outside"
    found = {
        real.locate(a / 1000, b / 1000).kode for a in range(106380, 106860) for b in range(-6050, -5200, 3)
    }
    assert {k for k in found if k and k.startswith("31.01")} == {
        item.kode for item in real.kelurahan if item.kode.startswith("31.01")
    }
