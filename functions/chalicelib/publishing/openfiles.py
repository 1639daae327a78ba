"""Publishes the open data: a CSV and a GeoJSON for each month whose counts moved, and the page that explains them.

What a line holds is decided in opendata.py. For a daily job: a month is read whole, report
by report, but only when it changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from web.render import Renderer

from .. import records
from ..languages import LANGUAGES
from ..report import stamp
from ..storage.files import Files
from ..storage.table import Key, Put, Table
from . import opendata
from .recaps import RECAPS

OPEN_DATA = "opendata"
"""Which state of a month's counts its open data shows, and when that was written."""
MOST_OF_A_MONTH = 1_000_000


def last_written(table: Table) -> str | None:
    """The stamp of when a file of the open data was written last; None before the first."""
    # Instances from before the stamp was kept have months without one.
    stamps = (item.body.get("at") for item in records.every(table, OPEN_DATA))
    return max((at for at in stamps if at), default=None)


@dataclass(frozen=True)
class OpenFiles:
    """Writes `/data/terbuka/`."""

    table: Table
    site: Files
    renderer: Renderer

    def write(self, now: datetime) -> list[str]:
        """Rewrite the files of the months whose counts moved. Returns those months (yyyy-mm)."""
        done = []
        for month in sorted(item.key.sort for item in records.every(self.table, RECAPS)):
            version = sum(item.version for item in records.every(self.table, f"recap#{month}"))
            shown = {"version": version, "licence": self.renderer.licence.name}
            kept = self.table.get(Key(OPEN_DATA, month))
            if kept and shown.items() <= kept.body.items():
                continue
            rows = list(self._rows(month))
            self.site.put(f"data/terbuka/{month}.csv", opendata.as_csv(rows).encode())
            self.site.put(
                f"data/terbuka/{month}.geojson",
                opendata.as_geojson(rows, month, self.renderer.licence).encode(),
            )
            self.table.transact([Put(Key(OPEN_DATA, month), {**shown, "at": stamp(now)})])
            done.append(month)
        if done:
            for path, content in self.pages():
                self.site.put(path, content)
        return done

    def pages(self) -> Iterator[tuple[str, bytes]]:
        """The page in both languages: which months there are, and what each field means."""
        months = [item.key.sort for item in records.every(self.table, OPEN_DATA)]
        yield "data/terbuka/datapackage.json", opendata.package(months, self.renderer.licence).encode()
        for language, root in LANGUAGES.items():
            page = self.renderer.open_data(months, opendata.FIELDS, language)
            yield f"{root}data/terbuka/index.html", page.encode()

    def _rows(self, month: str) -> Iterator[opendata.Row]:
        """Public reports that came in during a month of Jakarta's, oldest first, in as few reads as possible."""
        start, end = opendata.span(month)
        ids = records.requested(
            self.table, ["all"], stamp(start), stamp(end), most=MOST_OF_A_MONTH, descending=False
        )
        for first in range(0, len(ids), 100):
            some = ids[first : first + 100]
            found = records.load_many(self.table, some)
            for each in some:
                if (
                    (it := found.get(each))
                    and not it.private
                    and it.place is not None
                    and opendata.within(it, month)
                ):
                    yield opendata.row(it)
