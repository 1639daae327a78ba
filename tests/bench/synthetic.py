"""Synthetic reports by the million: into SQLite and into the published files, as the product writes them.

    python -m tests.bench.synthetic --reports 1000000 --data DIR

Every report says that it is an example. Rows come from stamps.py, files from the product's own
publisher. Left out for speed, and said so: photos, and the status pages of all but the newest
reports (three files each). Only for an empty DIR, on one machine, for measuring.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import os
import resource
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "functions"))

from chalicelib import records, wiring
from chalicelib.storage.folder import FolderFiles
from chalicelib.storage.sqlite import SQLiteTable
from chalicelib.storage.table import Put

import geo
from infra import site_version
from infra.following import PUBLISHED
from tests.bench.plans import Part, parts
from tests.bench.stamps import FATES, Stamp

STATUS_PAGES = 1000
"""So many of the newest reports get their status pages."""
PRAGMAS = (
    "main.journal_mode=MEMORY", "waiting.journal_mode=OFF", "synchronous=OFF", "waiting.synchronous=OFF",
    "cache_size=-200000", "secure_delete=OFF", "ignore_check_constraints=ON",
)  # fmt: skip
"""A table that is filled once and thrown away when that fails."""


@dataclass
class Leaves:
    """What one part leaves: rows of reports' own partitions in order, other rows, and what adds up."""

    own: list[list[Any]]
    others: list[list[Any]]
    versions: Counter[tuple[str, str, str]]
    counters: Counter[tuple[str, str, str, str]]


@lru_cache(maxsize=1)
def _stamps() -> list[Stamp]:
    with tempfile.TemporaryDirectory(prefix="stamps-") as folder:
        return [Stamp(steps, Path(folder)) for _, steps in FATES]


def leaves(part: Part) -> Leaves:
    """The rows of a part."""
    found = Leaves([], [], Counter(), Counter())
    stamps = _stamps()
    # Nothing here refers to itself, and looking for what does takes a third of the time.
    gc.disable()
    for plan in part.plans():
        rows, sums = stamps[plan.fate].rows(plan.values)
        for row in rows:
            (found.own if row[0][:7] == "report#" else found.others).append(row)
        for partition, sort, body, version, counters in sums:
            key = (partition, sort, body)
            found.versions[key] += version
            for name, step in counters.items():
                found.counters[(*key, name)] += step
    gc.enable()
    return found


def fill(path: Path, wanted: Sequence[Part], *, processes: int = 2) -> int:
    """Write the rows of all parts into a new table at `path`. Returns how many rows."""
    SQLiteTable(path, repeatable=True).close()
    with tempfile.TemporaryDirectory(dir=path.parent) as folder, _mapped(processes, wanted) as made:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("ATTACH ? AS waiting", (f"{folder}/waiting.sqlite3",))
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(
            "CREATE TABLE waiting.rows (partition TEXT, sort TEXT, body TEXT, version INTEGER)"
        )
        connection.execute("BEGIN")
        rows = _insert(connection, made)
        connection.execute(
            "INSERT INTO items (partition, sort, body, version) "
            "SELECT partition, sort, body, version FROM waiting.rows ORDER BY partition, sort"
        )
        connection.execute("COMMIT")
        connection.execute("DETACH waiting")
        connection.execute("PRAGMA main.journal_mode=WAL")
        connection.close()
    return rows


@contextmanager
def _mapped(processes: int, wanted: Sequence[Part]) -> Iterator[Iterator[Leaves]]:
    if processes == 1 or len(wanted) == 1:
        yield map(leaves, wanted)
        return
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield pool.imap(leaves, wanted)


def _insert(connection: sqlite3.Connection, made: Iterator[Leaves]) -> int:
    """Rows of reports' own partitions as they come, since ids are in order; the others wait to be sorted."""
    versions: Counter[tuple[str, str, str]] = Counter()
    counters: Counter[tuple[str, str, str, str]] = Counter()
    rows = 0
    for each in made:
        connection.executemany(
            "INSERT INTO items (partition, sort, body, version) VALUES (?, ?, ?, ?)", each.own
        )
        connection.executemany("INSERT INTO waiting.rows VALUES (?, ?, ?, ?)", each.others)
        rows += len(each.own) + len(each.others)
        # Not Counter's own +, which drops what adds up to nothing: the table keeps it.
        for key, n in each.versions.items():
            versions[key] += n
        for name, n in each.counters.items():
            counters[name] += n
    named: dict[tuple[str, str, str], dict[str, int]] = {key: {} for key in versions}
    for (*found, name), n in counters.items():
        named[found[0], found[1], found[2]][name] = n
    connection.executemany(
        "INSERT INTO items (partition, sort, body, version, counters) VALUES (?, ?, ?, ?, ?)",
        [(*key, versions[key], json.dumps(kept, separators=(",", ":"))) for key, kept in named.items()],
    )
    return rows + len(named)


# The site.


def publisher(data: Path) -> Any:
    """The product's publisher over `data`, writing files without waiting for the disk."""
    os.environ["DATA_DIR"] = str(data)
    forget()
    return replace(wiring.publisher(example=True), site=FolderFiles(data / "site", durable=False))


def forget() -> None:
    """Settings and parts are made anew when they are next asked for."""
    for made in (wiring.current, wiring.table, wiring.files, wiring.parts):
        made.cache_clear()


def _some_kelurahan(data: str, codes: Sequence[str]) -> None:
    made = publisher(Path(data))
    for kode in codes:
        made.kelurahan(kode)
        made.area(kode)
        for month in records.months(made.table, kode):
            made.archive(kode, month)
    made.table.close()


def publish(data: Path, *, status_pages: int = STATUS_PAGES, processes: int = 2) -> int:
    """Write the whole site but status pages of old reports. Returns how many status pages there are."""
    codes = sorted(geo.default_locator().by_kode)
    if processes == 1:
        _some_kelurahan(str(data), codes)
    else:
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            # Many small parts: some kelurahan have fifty times as many reports as others.
            parts = [(str(data), codes[n :: processes * 8]) for n in range(processes * 8)]
            pool.starmap(_some_kelurahan, parts, chunksize=1)
    made = publisher(data)
    made.furniture()
    made.city()
    made.landmarks()
    for kode in sorted({each[:length] for each in codes for length in (5, 8)}):
        made.area(kode)
    for month in made._recaps.every_month(made.site.list("data/arsip/")):
        made.recap(month)
    made._write(made._recaps.index(made._recaps.months()))
    newest = list(_newest(made.table, status_pages))
    for report_id in newest:
        made.report(report_id)
    _as_published(made, data)
    made.table.close()
    return len(newest)


def _newest(table: SQLiteTable, most: int) -> Iterator[str]:
    now = datetime.now(UTC)
    yield from records.requested(table, ["all"], f"{now.year - 2}-01-01", f"{now.year + 1}-01-01", most=most)


def _as_published(made: Any, data: Path) -> None:
    """The local server takes the site as it is, instead of drawing it anew."""
    version = site_version.of_site(wiring.current(), example=True)
    made.table.transact([Put(wiring.INSTANCE, {"example": True}), Put(PUBLISHED, {"version": version})])


@dataclass(frozen=True)
class Made:
    """What a run took: seconds by the clock (in all, for the table) and of processor; rows, bytes, files."""

    seconds: float
    filling: float
    cpu: float
    rows: int
    table_mb: float
    files: int
    status_pages: int


def make(data: Path, reports: int, *, status_pages: int = STATUS_PAGES, seed: int = 31) -> Made:
    """Fill `data` with `reports` reports and publish them."""
    data.mkdir(parents=True, exist_ok=True)
    path = data / "table.sqlite3"
    if path.exists():
        raise FileExistsError(f"{path} is there already: name an empty folder")
    begin, used = time.perf_counter(), _used()
    rows = fill(path, parts(reports, now=datetime.now(UTC), seed=seed))
    filled = time.perf_counter() - begin
    pages = publish(data, status_pages=status_pages)
    files = sum(len(found) for _, _, found in os.walk(data / "site"))
    seconds = time.perf_counter() - begin
    return Made(seconds, filled, _used() - used, rows, path.stat().st_size / 1e6, files, pages)


def _used() -> float:
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in both)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.synthetic", description=__doc__)
    parser.add_argument("--reports", type=int, default=10_000)
    parser.add_argument("--data", type=Path, required=True, help="an empty folder: DATA_DIR for make run")
    parser.add_argument("--status-pages", type=int, default=STATUS_PAGES, help="of the newest reports")
    asked = parser.parse_args()
    made = make(asked.data, asked.reports, status_pages=asked.status_pages)
    print(
        f"{asked.reports:,} synthetic reports: {made.rows:,} rows, {made.table_mb:,.0f} MB in SQLite; "
        f"{made.files:,} files, of them the pages of {made.status_pages:,} reports; "
        f"{made.seconds:.0f} s, of them {made.filling:.0f} s for the table; {made.cpu:.0f} s of processor"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
