"""Placing, as bench_locate measures it, in the rows of the report."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.measure import Options, Row, from_text


def rows(options: Options) -> Iterator[Row]:
    """One point, the index's size and load, bulk; beside shapely, geopandas and DuckDB spatial."""
    from tests.bench import bench_locate

    if options.quick:
        bench_locate.POINTS, bench_locate.SINGLE, bench_locate.ROUNDS = 100_000, 20_000, 2
    for row in bench_locate.rows():
        yield from_text(row.what, row.budget, row.measured, row.peers)
