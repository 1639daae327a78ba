"""Benchmark of placing: one point, the load of the index, bulk; beside shapely, geopandas and DuckDB spatial.

`python -m tests.bench.bench_locate` prints what `rows()` returns. Measures, asserts nothing. Peers that are not
installed (requirements/bench.lock has them) are left out with the reason.
"""

from __future__ import annotations

import importlib.util
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely

from geo import coverage, fetch, index
from geo.bulk import BulkLocator
from geo.facts import read_facts
from geo.locate import Locator

POINTS = 1_000_000
SINGLE = 200_000
ROUNDS = 5
ROOT = Path(__file__).resolve().parents[2]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """One line of the report: what, the budget, what was measured here, what peers measured beside it."""

    what: str
    budget: str
    measured: str
    peers: dict[str, str] = field(default_factory=dict)


def points(areas: npt.NDArray[np.object_], count: int) -> tuple[Floats, Floats]:
    """Half anywhere in the mainland's rectangle, half along crooked lines through it, as on streets; 7 decimals."""
    rnd = np.random.default_rng(2026)
    west, south, east, north = 106.68, -6.38, 106.98, -6.08
    uniform = rnd.uniform((west, south), (east, north), (count // 2, 2))
    starts = rnd.uniform((west, south), (east, north), (2000, 2))
    ends = starts + rnd.normal(0, 0.01, starts.shape)
    street = rnd.integers(0, len(starts), count - count // 2)
    along = rnd.uniform(0, 1, (len(street), 1))
    streets = (
        starts[street] + along * (ends[street] - starts[street]) + rnd.normal(0, 0.00005, (len(street), 2))
    )
    every = np.round(rnd.permutation(np.concatenate([uniform, streets])), 7)
    return np.ascontiguousarray(every[:, 0]), np.ascontiguousarray(every[:, 1])


def best(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Seconds of the fastest of some rounds: the others had company."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def each(work: Callable[[float, float], object], pairs: list[tuple[float, float]]) -> str:
    """p50 and p99 of single calls in microseconds, the clock's own time taken off."""
    clock = time.perf_counter_ns
    own = statistics.median([-clock() + clock() for _ in range(10_000)])
    for longitude, latitude in pairs:
        work(longitude, latitude)
    taken = []
    for longitude, latitude in pairs:
        start = clock()
        work(longitude, latitude)
        taken.append(clock() - start - own)
    taken.sort()
    return f"{taken[len(taken) // 2] / 1000:.2f} / {taken[len(taken) * 99 // 100] / 1000:.2f} µs"


def cold(path: Path) -> tuple[str, str]:
    """Import and load times in a new process, best of some, in milliseconds; and what it imported."""
    program = (
        "import sys, time\n"
        "a = time.perf_counter(); import geo\n"
        "b = time.perf_counter(); found = geo.Locator.open(sys.argv[1])\n"
        "c = time.perf_counter(); found.locate(106.8272, -6.1754)\n"
        "heavy = [m for m in ('numpy', 'shapely') if m in sys.modules]\n"
        "print((b - a) * 1000, (c - b) * 1000, *heavy)\n"
    )
    runs = []
    for _ in range(ROUNDS):
        done = subprocess.run(
            [sys.executable, "-c", program, str(path)], cwd=ROOT, capture_output=True, text=True, check=True
        )
        runs.append(done.stdout.split())
    load = min(float(run[1]) for run in runs)
    imported = min(float(run[0]) for run in runs)
    return (
        f"{load:.1f} ms",
        f"{imported:.1f} ms, {'with ' + ', '.join(runs[0][2:]) if runs[0][2:] else 'no shapely, no numpy'}",
    )


def rate(count: int, seconds: float) -> str:
    return f"{count / seconds / 1e6:.2f} M points/s"


def geopandas_rate(areas: npt.NDArray[np.object_], longitude: Floats, latitude: Floats) -> str:
    try:
        import geopandas
    except ImportError:
        return "not measured: geopandas is not installed"
    frame = geopandas.GeoDataFrame(geometry=geopandas.GeoSeries(list(areas)), crs="EPSG:4326")
    asked = geopandas.GeoDataFrame(geometry=geopandas.points_from_xy(longitude, latitude), crs="EPSG:4326")
    return rate(len(longitude), best(lambda: geopandas.sjoin(asked, frame, predicate="within"), 2))


def duckdb_connection() -> object:
    """DuckDB on one thread, its spatial extension from the package duckdb-ext-spatial, never the network."""
    import duckdb

    package = importlib.util.find_spec("duckdb_ext")
    folders = [Path(p) for p in package.submodule_search_locations or ()] if package else []
    found = [f for folder in folders for f in folder.rglob("spatial.duckdb_extension")]
    if not found:
        raise ImportError("duckdb-ext-spatial", name="duckdb-ext-spatial")
    connection = duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": "false"})
    connection.load_extension(str(found[0]))
    return connection


def duckdb_rate(areas: npt.NDArray[np.object_], longitude: Floats, latitude: Floats) -> str:
    try:
        connection = duckdb_connection()
    except ImportError as error:
        return f"not measured: {error.name} is not installed"
    except Exception as error:
        return f"not measured: {str(error).splitlines()[0]}"
    import pandas  # type: ignore[import-untyped]

    run = connection.execute  # type: ignore[attr-defined]
    connection.register("given", pandas.DataFrame({"longitude": longitude, "latitude": latitude}))  # type: ignore[attr-defined]
    connection.register("shapes", pandas.DataFrame({"n": range(len(areas)), "wkb": shapely.to_wkb(areas)}))  # type: ignore[attr-defined]
    run("CREATE TABLE areas AS SELECT n, ST_GeomFromWKB(wkb) AS area FROM shapes")
    run("CREATE TABLE asked AS SELECT ST_Point(longitude, latitude) AS point FROM given")
    query = "SELECT count(*), sum(n) FROM asked JOIN areas ON ST_Within(point, area)"
    return rate(len(longitude), best(lambda: run(query).fetchall(), 2))


def rows() -> Iterator[Row]:
    """The measurements, one after the other as they are made."""
    settings = fetch.Settings.from_environment()
    found = fetch.nearest(settings) or fetch.centroids()
    facts = read_facts()
    source = coverage.stand_in(facts) if found.approximate else coverage.read(found.paths)
    cleaned = coverage.clean(source, facts)
    note = " (APPROXIMATE boundaries)" if found.approximate else ""
    areas = np.array(cleaned.areas, dtype=object)
    tree = shapely.STRtree(areas)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kelurahan.index"
        start = time.perf_counter()
        index.write(index.build(cleaned.kelurahan, cleaned.rings(), approximate=found.approximate), path)
        yield Row(f"index, compile and write{note}", "-", f"{time.perf_counter() - start:.1f} s")
        size = path.stat().st_size
        load, imported = cold(path)
        locator = Locator.open(path)
    yield Row("index on disk", "1 MB", f"{size / 1e6:.2f} MB")
    yield Row("index load, new process", "25 ms", load)
    yield Row("import geo, new process", "no shapely, no numpy", imported)

    longitude, latitude = points(areas, POINTS)
    pairs = list(zip(longitude[:SINGLE].tolist(), latitude[:SINGLE].tolist(), strict=True))
    in_jakarta = [p for p in pairs if locator.locate(*p).method == "inside"]
    snapped = [p for p in pairs if locator.locate(*p).method == "nearest"]
    some = random.Random(1).sample(in_jakarta, 5000)
    yield Row(
        "locate, one point in Jakarta, warm, p50 / p99",
        "1 / 10 µs",
        each(locator.locate, in_jakarta),
        {
            "shapely STRtree.query": each(
                lambda a, b: tree.query(shapely.Point(a, b), predicate="within"), some
            )
        },
    )
    share = len(snapped) / len(pairs)
    yield Row("locate, anywhere in the rectangle, p50 / p99", "1 / 10 µs", each(locator.locate, pairs))
    yield Row(
        f"locate, snapped from outside ({share:.1%} of them), p50 / p99", "-", each(locator.locate, snapped)
    )
    for radius in (10.0, 25.0, 50.0, 100.0):
        doubtful = sum(locator.locate(*p, radius).probability < 0.9 for p in some) / len(some)
        yield Row(
            f"locate with an accuracy of {radius:.0f} m, p50 / p99 ({doubtful:.1%} below 0.9)",
            "-",
            each(lambda a, b, r=radius: locator.locate(a, b, r), some),
        )

    twin = BulkLocator(locator)
    many_longitude, many_latitude = np.tile(longitude, 8), np.tile(latitude, 8)
    made = shapely.points(longitude, latitude)
    yield Row(
        "locate in bulk, one core, numpy twin",
        "8 M points/s",
        rate(len(many_longitude), best(lambda: twin.locate(many_longitude, many_latitude))),
        {
            "shapely STRtree.query": rate(POINTS, best(lambda: tree.query(made, predicate="within"), 2)),
            "geopandas.sjoin": geopandas_rate(areas, longitude, latitude),
            "DuckDB spatial, 1 thread": duckdb_rate(areas, longitude, latitude),
            "our plain Python, looped": rate(
                len(pairs), best(lambda: [locator.locate(a, b) for a, b in pairs], 2)
            ),
        },
    )


def main() -> int:
    """Print the rows as they come."""
    for row in rows():
        print(f"{row.what:70} budget {row.budget:22} measured {row.measured}", flush=True)
        for peer, measured in row.peers.items():
            print(f"    beside it: {peer:30} {measured}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
