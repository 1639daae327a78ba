"""What a changed report costs to publish, with ever more reports in the table: files, bytes, time, memory.

The reports are synthetic and written straight into the table as the rows that accept() writes.
One kelurahan holds a fiftieth of all, so that its lists are full at the largest size.
"""

from __future__ import annotations

import gzip
import os
import secrets
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench.measure import Options, Row, child, folder, say

SIZES = (1_000, 10_000, 100_000)
FILES, KILOBYTES, PUBLISHER_MB = 8.0, 30.0, 256.0
BUSY = "31.71.01.1001"
SHARE = 50
"""One report of so many lies in the busy kelurahan."""


class Counting:
    """A folder of the site that counts what is written: paths, bytes as the CDN would send them."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.written: list[tuple[str, int]] = []
        self.own_cpu = self.own_wall = 0.0

    def put(self, path: str, data: bytes, *, if_absent: bool = False) -> bool:
        done: bool = self.inner.put(path, data, if_absent=if_absent)
        # What measuring itself takes is taken off again.
        wall, cpu = time.perf_counter(), time.thread_time()
        self.written.append((path, len(gzip.compress(data, 6, mtime=0))))
        self.own_wall += time.perf_counter() - wall
        self.own_cpu += time.thread_time() - cpu
        return done

    def clear(self) -> None:
        self.written.clear()
        self.own_cpu = self.own_wall = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def rows(options: Options) -> Iterator[Row]:
    """A new report and a moved one at each size; what waits for its turn; the publisher's memory."""
    sizes = (300, 3_000) if options.quick else SIZES
    with folder() as data:
        for size in sizes:
            place = data / str(size)
            say(f"  filling a table with {size:,} reports")
            fill(place / "table.sqlite3", size)
            yield from _at(place, size, options.rounds(15, 3))
        largest = data / str(sizes[-1])
        yield _memory(largest, sizes[-1])


def fill(path: Path, reports: int) -> None:
    """Put `reports` into every list and count, by the shortest way that the table's port has."""
    from chalicelib.storage.sqlite import SQLiteTable
    from chalicelib.storage.table import Add, Key, Put

    import geo

    path.parent.mkdir(parents=True)
    table = SQLiteTable(path)
    by_kode = geo.default_locator().by_kode
    codes = sorted(by_kode)
    counts: dict[str, dict[str, int]] = {}
    pending: list[Put] = []
    for number in range(reports):
        kode = BUSY if number % SHARE == 0 else codes[number % len(codes)]
        phase, state = ("open", "waiting") if number % 11 == 0 else ("closed", "done")
        stamp = (
            f"2026-{1 + number % 11:02d}-{1 + number % 20:02d}T{number % 24:02d}:{number % 60:02d}:00.000Z"
        )
        report_id = f"{number:08d}"
        body = {
            "id": report_id,
            "category": ("jalan", "sampah", "banjir", "fasum", "pohon")[number % 5],
            "state": state,
            "text": f"Laporan sintetis nomor {number}: lubang di lajur kiri, makin dalam sejak hujan kemarin.",
            "longitude": round(by_kode[kode].longitude + (number % 97) / 2e4, 6),
            "latitude": round(by_kode[kode].latitude + (number % 89) / 2e4, 6),
            "created": stamp,
            "updated": stamp,
        }
        pending.append(Put(Key(f"list#public#{phase}#{kode}", f"{stamp}#{report_id}"), body))
        counters = counts.setdefault(kode, {"changes": 0})
        counters["changes"] += 1
        counters[state] = counters.get(state, 0) + 1
        if len(pending) == 25:
            table.transact(pending)
            pending = []
    if pending:
        table.transact(pending)
    for kode, counters in counts.items():
        table.transact([Add(Key("counts", kode), counters)])
    while (batch := table.changes("publish", 1000)).changes:
        table.acknowledge("publish", batch)
    table.close()


def _at(place: Path, size: int, rounds: int) -> Iterator[Row]:
    publisher, door, site = parts(place)
    from chalicelib import desk
    from chalicelib.lifecycle import Move
    from chalicelib.report import Office

    officers = desk.Desk(door.table, lambda: datetime.now(UTC), secrets.token_bytes)
    _round(publisher, site)
    publisher.tidy()
    new: list[tuple[float, ...]] = []
    moved: list[tuple[float, ...]] = []
    later: list[tuple[float, ...]] = []
    for _ in range(rounds):
        accepted = send(door)
        new.append(_round(publisher, site))
        later.append(_tidy(publisher, site))
        desk.move(
            officers,
            accepted.id,
            Move("in_progress", "Petugas sudah di lokasi.", percent=50),
            role="officer",
            office=Office(BUSY, "Kelurahan Gambir"),
        )
        moved.append(_round(publisher, site))
        publisher.tidy()
    for what, found in (("a new report", new), ("a moved report", moved)):
        yield Row(
            f"publish {what}, {size:,} reports: files / gzipped",
            (statistics.median(f[0] for f in found), statistics.median(f[1] for f in found)),
            "files / kB",
            (FILES, KILOBYTES),
            note=f"{statistics.median(f[2] for f in found):.0f} ms of processor, "
            f"{statistics.median(f[3] for f in found):.0f} ms until it lay in the folder",
        )
    yield Row(
        f"front page, counts and a month's archive, {size:,} reports, once for all changes of a second",
        (statistics.median(f[0] for f in later), statistics.median(f[1] for f in later)),
        "files / kB",
        note=f"{statistics.median(f[2] for f in later):.0f} ms of processor, "
        f"{statistics.median(f[3] for f in later):.0f} ms until it lay in the folder",
    )
    door.table.close()


def parts(place: Path) -> tuple[Any, Any, Counting]:
    """A publisher, a door and the counted site over the table in `place`."""
    os.environ["DATA_DIR"] = str(place)
    from chalicelib import wiring
    from chalicelib.publish import Publisher

    import geo

    for made in (wiring.current, wiring.table, wiring.files, wiring.parts):
        made.cache_clear()
    plain = wiring.publisher(example=False)
    site = Counting(plain.site)
    found = Publisher(
        plain.table,
        site,
        plain.private,
        plain.renderer,
        geo.default_locator(),
        plain.neighbours,
        plain.outlines,
        plain.categories,
    )
    return found, wiring.parts().door, site


def send(door: Any) -> Any:
    """One more report in the busy kelurahan."""
    from chalicelib import intake
    from chalicelib.submission import Submission

    middle = door.locator.by_kode[BUSY]
    submission = Submission(
        category="jalan",
        description="Lubang besar di lajur kiri, sudah tiga hari dan makin dalam kalau hujan.",
        landmark="depan minimarket",
        longitude=middle.longitude,
        latitude=middle.latitude,
        accuracy=12.0,
    )
    return intake.accept(door, submission, channel="web")


def _round(publisher: Any, site: Counting) -> tuple[float, ...]:
    """Publish what is in the stream: files, kB gzipped, ms of processor, ms of wall time."""
    batch = publisher.table.changes("publish", 100)
    return _measured(site, lambda: publisher.publish(batch.changes), publisher, batch)


def _tidy(publisher: Any, site: Counting) -> tuple[float, ...]:
    return _measured(site, publisher.tidy, publisher, None)


def _measured(site: Counting, work: Any, publisher: Any, batch: Any) -> tuple[float, ...]:
    site.clear()
    cpu, wall = time.thread_time(), time.perf_counter()
    work()
    cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
    if batch is not None:
        publisher.table.acknowledge("publish", batch)
    size = sum(size for _, size in site.written)
    return float(len(site.written)), size / 1000, (cpu - site.own_cpu) * 1000, (wall - site.own_wall) * 1000


MEMORY = """
import json, sys
from chalicelib import wiring
import app
publisher = wiring.publisher(example=False)
batch = publisher.table.changes('publish', 100)
publisher.publish(batch.changes)
publisher.tidy()
print(json.dumps({'changes': len(batch.changes), 'peak': peak()}))
"""


def _memory(place: Path, size: int) -> Row:
    _, door, _ = parts(place)
    send(door)
    door.table.close()
    found = child(MEMORY, DATA_DIR=str(place))
    if not found["changes"]:
        raise RuntimeError("the publisher found nothing to do: its memory says nothing")
    return Row(f"peak memory, publisher, {size:,} reports", (found["peak"],), "MB", (PUBLISHER_MB,))
