"""What the tests of geo share: coverages made on the spot, and the real one where it is at hand."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from geo import coverage, fetch, index
from geo.facts import Kelurahan, read_facts
from geo.index import Ring
from geo.locate import Locator


def kelurahan(count: int) -> list[Kelurahan]:
    numbers = range(1, count + 1)
    return [Kelurahan(f"99.01.01.{n:04}", f"Area {n}", "Kecamatan", "Kota", 0.0, 0.0, "") for n in numbers]


@dataclass(frozen=True)
class Mesh:
    """A coverage of triangles: each with its owner, 0 for nobody. Corners in units of 1e-7 degrees."""

    triangles: list[tuple[int, Ring]]
    owners: int

    def rings(self) -> list[list[Ring]]:
        return [[ring for owner, ring in self.triangles if owner == n] for n in range(1, self.owners + 1)]

    def locator(self, **options: int) -> Locator:
        return Locator(index.build(kelurahan(self.owners), self.rings(), **options))


def make_mesh(seed: int, columns: int, rows: int, owners: int, step: int, nobody: float) -> Mesh:
    """A grid with crooked lines, each quadrangle cut in two, dealt out at random: holes, parts."""
    rnd = random.Random(seed)
    west, south = rnd.randrange(-900_000_000, 900_000_000), rnd.randrange(-400_000_000, 400_000_000)
    crook = step // 3
    corners = [
        [
            (
                west + c * step + rnd.choice((0, rnd.randint(-crook, crook))),
                south + r * step + rnd.choice((0, rnd.randint(-crook, crook))),
            )
            for c in range(columns + 1)
        ]
        for r in range(rows + 1)
    ]
    triangles: list[tuple[int, Ring]] = []
    for r in range(rows):
        for c in range(columns):
            a, b, d, e = corners[r][c], corners[r][c + 1], corners[r + 1][c + 1], corners[r + 1][c]
            for ring in ((a, b, d), (a, d, e)):
                turn = (ring[1][0] - ring[0][0]) * (ring[2][1] - ring[0][1]) - (ring[1][1] - ring[0][1]) * (
                    ring[2][0] - ring[0][0]
                )
                owner = 0 if rnd.random() < nobody else rnd.randint(1, owners)
                assert turn > 0, "a third of the step cannot turn a triangle over"
                triangles.append((owner, ring))
    present = sorted({owner for owner, _ in triangles} - {0})
    renamed = {owner: n for n, owner in enumerate(present, start=1)} | {0: 0}
    return Mesh([(renamed[owner], ring) for owner, ring in triangles], len(present))


@pytest.fixture(scope="session")
def mesh() -> Callable[..., Mesh]:
    return make_mesh


@pytest.fixture(scope="session")
def names() -> Callable[[int], list[Kelurahan]]:
    return kelurahan


@pytest.fixture(scope="session")
def real_coverage() -> coverage.Coverage:
    """The clean coverage of the boundaries on this machine; skips where there are none."""
    settings = fetch.Settings.from_environment()
    found = fetch.nearest(settings)
    if found is None:
        pytest.skip("no boundaries: neither BOUNDARIES nor ../shared/boundaries nor a kept download is there")
    fields = (
        {"code_field": settings.code_field, "name_field": settings.name_field} if found.kind == "file" else {}
    )
    return coverage.clean(coverage.read(found.paths, **fields), read_facts())


@pytest.fixture(scope="session")
def real(real_coverage: coverage.Coverage) -> Locator:
    return Locator(index.build(real_coverage.kelurahan, real_coverage.rings()))


@pytest.fixture(scope="session")
def approximate_coverage() -> coverage.Coverage:
    facts = read_facts()
    return coverage.clean(coverage.stand_in(facts), facts)
