"""A city that publishes, for tests of what is published: a door, officers, a publisher, and the folder it writes.

Real boundaries and templates, a clock and dice of its own; no server and no thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from chalicelib import categories, desk, intake, publish, records
from chalicelib.lifecycle import Move
from chalicelib.report import Office, Report
from chalicelib.storage.folder import FolderFiles
from chalicelib.storage.sqlite import SQLiteTable
from chalicelib.submission import Submission

import geo
from web.render import Renderer

from .conftest import Clock, Dice

GAMBIR, CIDENG, KEBON = "31.71.01.1001", "31.71.01.1002", "31.71.07.1001"
"""Two kelurahan of one kecamatan, and one of another in the same kota."""
OFFICE = Office(GAMBIR, "Kelurahan Gambir")
AGENCY = Office("dinas", "Dinas Contoh")
SITE = "https://warga.example"


@lru_cache(maxsize=1)
def renderer() -> Renderer:
    """What draws pages, once for a process."""
    locator = geo.default_locator()
    return Renderer.open(
        geo_build=geo.build_folder(),
        categories=list(categories.load().values()),
        site_url=SITE,
        approximate=locator.approximate,
        boundaries_version=locator.version,
        attribution="test",
    )


@dataclass
class Newsroom:
    """Everything at hand: send() reports, move() them, drain() to publish, read() what was written."""

    table: SQLiteTable
    site: FolderFiles
    door: intake.Door
    publisher: publish.Publisher
    officers: desk.Desk
    clock: Clock = field(default_factory=Clock)

    def send(self, kode: str = GAMBIR, **changes: Any) -> intake.Accepted:
        middle = self.door.locator.by_kode[kode]
        good = {
            "category": "jalan",
            "description": "Lubang besar di lajur kiri.",
            "longitude": middle.longitude,
            "latitude": middle.latitude,
        }
        return intake.accept(self.door, Submission(**{**good, **changes}), channel="web")

    def move(self, report_id: str, to: str, *, to_office: Office | None = None, **more: Any) -> Report:
        more = {"text": "Kata petugas.", **({"office": to_office.code} if to_office else {}), **more}
        wish = Move(to, **more)
        return desk.move(self.officers, report_id, wish, role="officer", office=OFFICE, to_office=to_office)

    def do(self, report_id: str, draft: desk.Draft) -> Report:
        return desk.act(self.officers, report_id, desk.By("o-1", "Petugas", "officer", OFFICE), draft)

    def report(self, report_id: str) -> Report:
        found = records.load(self.table, report_id)
        assert found is not None
        return found[0]

    def drain(self) -> None:
        """Publish all that is in the stream, and what was marked."""
        while True:
            batch = self.table.changes("publish", 100)
            self.publisher.publish(batch.changes)
            self.table.acknowledge("publish", batch)
            if not batch.changes:
                break
        while self.publisher.tidy():
            pass

    def read(self, path: str) -> str:
        stored = self.site.get(path)
        assert stored is not None, path
        return stored.data.decode()


@contextmanager
def opened(folder: Path, **changes: Any) -> Iterator[Newsroom]:
    """A newsroom in an empty folder; `changes` go to its publisher."""
    clock, dice = Clock(), Dice(seed="newsroom")
    table = SQLiteTable(folder / "t.sqlite3", now=clock.seconds)
    site = FolderFiles(folder / "site", durable=False)
    private = FolderFiles(folder / "private", durable=False)
    locator = geo.default_locator()
    door = intake.Door(table, private, locator, clock, dice, 2_000_000)
    parts: dict[str, Any] = {"renderer": renderer(), "categories": categories.load()} | changes
    publisher = publish.Publisher(
        table, site, private, locator=locator, neighbours={}, outlines=b"{}", **parts
    )
    yield Newsroom(table, site, door, publisher, desk.Desk(table, clock, dice), clock)
    table.close()
