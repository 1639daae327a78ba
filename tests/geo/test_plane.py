"""The local plane: its metres are those of the ellipsoid, its discs have the area that they have."""

from __future__ import annotations

from math import asinh, atan, atan2, atanh, cos, cosh, hypot, radians, sin, sinh, sqrt, tan

import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st

from geo.plane import FLATTENING, SEMI_MAJOR_M, chord, distance_to_segment, metres_per_degree


def utm48s(longitude: float, latitude: float) -> tuple[float, float]:
    """EPSG:32748 by Krüger's series to n^3: independent of the product's formula."""
    n = FLATTENING / (2 - FLATTENING)
    a = SEMI_MAJOR_M / (1 + n) * (1 + n**2 / 4 + n**4 / 64)
    alpha = (n / 2 - 2 * n**2 / 3 + 5 * n**3 / 16, 13 * n**2 / 48 - 3 * n**3 / 5, 61 * n**3 / 240)
    e = 2 * sqrt(n) / (1 + n)
    phi, lam = radians(latitude), radians(longitude - 105)
    t = sinh(atanh(sin(phi)) - e * atanh(e * sin(phi)))
    xi, eta = atan2(t, cos(lam)), atanh(sin(lam) / sqrt(1 + t * t))
    east = eta + sum(k * cos(2 * j * xi) * sinh(2 * j * eta) for j, k in enumerate(alpha, 1))
    north = xi + sum(k * sin(2 * j * xi) * cosh(2 * j * eta) for j, k in enumerate(alpha, 1))
    return 500_000 + 0.9996 * a * east, 10_000_000 + 0.9996 * a * north


def geodesic(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Vincenty's inverse formula on WGS 84, in metres."""
    minor = SEMI_MAJOR_M * (1 - FLATTENING)
    u1, u2 = (atan((1 - FLATTENING) * tan(radians(p[1]))) for p in (a, b))
    wanted = lam = radians(b[0] - a[0])
    for _ in range(50):
        s = hypot(cos(u2) * sin(lam), cos(u1) * sin(u2) - sin(u1) * cos(u2) * cos(lam))
        c = sin(u1) * sin(u2) + cos(u1) * cos(u2) * cos(lam)
        sigma = atan2(s, c)
        azimuth = cos(u1) * cos(u2) * sin(lam) / s
        cos2 = 1 - azimuth**2
        middle = c - 2 * sin(u1) * sin(u2) / cos2 if cos2 else 0.0
        k = FLATTENING / 16 * cos2 * (4 + FLATTENING * (4 - 3 * cos2))
        lam = wanted + (1 - k) * FLATTENING * azimuth * (
            sigma + k * s * (middle + k * c * (-1 + 2 * middle**2))
        )
    u = cos2 * (SEMI_MAJOR_M**2 - minor**2) / minor**2
    big_a = 1 + u / 16384 * (4096 + u * (-768 + u * (320 - 175 * u)))
    big_b = u / 1024 * (256 + u * (-128 + u * (74 - 47 * u)))
    delta = big_b * s * (middle + big_b / 4 * (c * (-1 + 2 * middle**2)))
    return minor * big_a * (sigma - delta)


jakarta = st.tuples(st.floats(106.39, 106.98), st.floats(-6.38, -5.2))


@given(jakarta, st.floats(-0.045, 0.045), st.floats(-0.045, 0.045))
def test_distances_are_those_of_the_ellipsoid(point, dx, dy):
    assume(hypot(dx, dy) > 1e-5)
    kx, ky = metres_per_degree(point[1])
    # Towards the pole a degree of longitude shrinks: by 0.01 % over these 7 km at most.
    assert hypot(dx * kx, dy * ky) == pytest.approx(geodesic(point, (point[0] + dx, point[1] + dy)), rel=1e-4)


@given(jakarta, st.floats(-0.002, 0.002), st.floats(-0.002, 0.002))
def test_distances_are_those_of_epsg_32748_up_to_its_own_scale(point, dx, dy):
    assume(hypot(dx, dy) > 1e-5)
    kx, ky = metres_per_degree(point[1])
    a, b = utm48s(*point), utm48s(point[0] + dx, point[1] + dy)
    # The projection itself enlarges by 0.9998 to 1.0002 between 106.4 and 107 degrees.
    assert hypot(dx * kx, dy * ky) == pytest.approx(hypot(b[0] - a[0], b[1] - a[1]), rel=4e-4)


def test_a_known_place_in_epsg_32748():
    # The central meridian's easting is 500 km by definition, the equator's northing 10,000 km.
    assert utm48s(105, 0) == pytest.approx((500_000, 10_000_000))
    east, north = utm48s(106.8272, -6.1754)
    assert 700_000 < east < 704_000
    assert 9_316_000 < north < 9_318_000


small = st.floats(-200, 200, allow_nan=False)
places = st.tuples(small, small)


@given(places, places, st.floats(0.5, 150))
def test_a_chord_is_the_piece_of_the_segment_that_shapely_finds_in_the_disc(a, b, radius):
    assume(hypot(b[0] - a[0], b[1] - a[1]) > 1e-3)
    area, angles = chord(*a, *b, radius)
    disc = shapely.Point(0, 0).buffer(radius, quad_segs=720)
    piece = shapely.LineString([a, b]).intersection(disc)
    ends = [(0.0, 0.0), *piece.coords] if not piece.is_empty else []
    expected = shapely.Polygon(ends).area if len(ends) == 3 else 0.0
    assert abs(area) == pytest.approx(expected, abs=1e-3 * radius**2)
    if abs(area) > 1e-6:
        assert (area > 0) == (a[0] * b[1] - a[1] * b[0] > 0)
    # One end inside and one outside: the circle is crossed once.
    away = [hypot(*p) for p in (a, b)]
    if min(away) < radius * 0.999 and max(away) > radius * 1.001:
        assert len(angles) == 1
    for angle in angles:
        on_circle = shapely.Point(radius * cos(angle), radius * sin(angle))
        assert shapely.LineString([a, b]).distance(on_circle) < 1e-6 * radius + 1e-6


@given(places, places)
def test_the_distance_to_a_segment_is_what_shapely_finds(a, b):
    # Far below a micrometre shapely divides by zero.
    assume(a == b or hypot(b[0] - a[0], b[1] - a[1]) > 1e-9)
    expected = shapely.LineString([a, b]).distance(shapely.Point(0, 0))
    assert distance_to_segment(*a, *b) == pytest.approx(expected, abs=1e-9)


def test_a_degree_is_as_long_as_everybody_says():
    assert metres_per_degree(0) == pytest.approx((111_319.49, 110_574.28), abs=0.01)
    assert metres_per_degree(90)[1] == pytest.approx(111_693.9, abs=0.1)
    assert asinh(metres_per_degree(90)[0]) == pytest.approx(0, abs=1e-6)
