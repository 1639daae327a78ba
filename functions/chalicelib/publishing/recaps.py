"""The recap's pages and tables: from the counters of months to the files of months, quarters and years.

What is counted is decided in stats.py; when a recap is written again, in publish.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from web import data, views
from web.render import Renderer

from .. import public, records, stats
from ..intake import Locator
from ..languages import LANGUAGES
from ..storage.table import Key, Put, Table

RECAPS = "recaps"
"""Where the sums of every month that has a recap are kept."""


@dataclass(frozen=True)
class Recaps:
    """Sums of months, and what is written from them. `example` says that some reports are synthetic."""

    table: Table
    renderer: Renderer
    locator: Locator
    example: bool = False

    def keep(self, month: str, counters: Mapping[str, Mapping[str, int]]) -> None:
        """Keep a month's sums: so a quarter or a year costs a few small reads, not all its reports."""
        by_kode = {
            kode: [row.get("total", 0), row.get("state:done", 0)] for kode, row in sorted(counters.items())
        }
        body = {"sum": stats.summed(counters.values()), "kelurahan": by_kode}
        self.table.transact([Put(Key(RECAPS, month), body)])

    def months(self) -> dict[str, dict[str, Any]]:
        return {item.key.sort: item.body for item in records.every(self.table, RECAPS)}

    def every_month(self, archives: Iterable[str]) -> list[str]:
        """The months (Jakarta's) that may have a recap: those of the archives, which are UTC's, and the next."""
        found = set(self.months())
        for path in archives:
            text = path.rpartition("/")[2].removesuffix(".json")
            year, number = int(text[:4]), int(text[4:])
            found |= {f"{year:04d}-{number:02d}"}
            found |= {f"{year:04d}-{number + 1:02d}" if number < 12 else f"{year + 1:04d}-01"}
        return sorted(month for month in found if records.month_counters(self.table, month))

    def files(self, period: str, kept: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, bytes]]:
        bodies = [kept[month] for month in stats.months_of(period) if month in kept]
        counters = stats.summed(body["sum"] for body in bodies)
        view = views.RecapView(
            period=period,
            figures=public.figures(stats.of_month(counters)),
            handovers=counters.get("handovers", 0),
            within=tuple(each for each in _around(period) if any(m in kept for m in stats.months_of(each))),
            tables=self._tables(counters, bodies),
            example=self.example,
        )
        for language, root in LANGUAGES.items():
            yield f"{root}rekap/{period}/index.html", self.renderer.recap(view, language).encode()
        for name in view.tables:
            yield f"rekap/{period}/{name}.csv", self.renderer.recap_csv(view, name).encode()
        yield f"rekap/{period}/angka.csv", data.figures_csv([(period, view.figures, view.handovers)]).encode()

    def _tables(
        self, counters: Mapping[str, int], bodies: Sequence[Mapping[str, Any]]
    ) -> dict[str, tuple[views.RecapRow, ...]]:
        offices = {item.key.sort: item.body["name"] for item in records.every(self.table, "offices")}
        rows = self.locator.by_kode
        tables = {}
        for facet in ("channel", "category", "office"):
            tables[facet] = tuple(
                views.RecapRow(code, self._office_name(code, offices) if facet == "office" else "", n, done)
                for code, n, done in stats.table(counters, facet)
            )
        kelurahan: dict[str, list[int]] = {}
        kota: dict[str, list[int]] = {}
        for body in bodies:
            for kode, (total, done) in body["kelurahan"].items():
                for found, code in ((kelurahan, kode), (kota, kode[:5])):
                    sums = found.setdefault(code, [0, 0])
                    sums[0], sums[1] = sums[0] + total, sums[1] + done
        names = {kode[:5]: row.kota for kode, row in rows.items()}
        tables["kota"] = _ranked(kota, names)
        tables["kelurahan"] = _ranked(kelurahan, {kode: row.kelurahan for kode, row in rows.items()})
        return tables

    def _office_name(self, code: str, offices: Mapping[str, str]) -> str:
        row = self.locator.by_kode.get(code)
        return f"Kelurahan {row.kelurahan}" if row else offices.get(code, code)

    def index(self, kept: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, bytes]]:
        quarters, years = ({stats.periods_of(month)[which] for month in kept} for which in (0, 1))
        found: dict[str, list[tuple[str, views.FiguresView, int]]] = {}
        for kind, periods in (("months", set(kept)), ("quarters", quarters), ("years", years)):
            for period in sorted(periods, reverse=True):
                bodies = [kept[month]["sum"] for month in stats.months_of(period) if month in kept]
                counters = stats.summed(bodies)
                figures = public.figures(stats.of_month(counters))
                found.setdefault(kind, []).append((period, figures, counters.get("handovers", 0)))
        rows = {kind: [(period, figures) for period, figures, _ in some] for kind, some in found.items()}
        view = views.RecapIndexView(
            tuple(rows.get("months", [])),
            self.example,
            tuple(rows.get("quarters", [])),
            tuple(rows.get("years", [])),
        )
        for kind, name in (("months", "bulan"), ("quarters", "triwulan"), ("years", "tahun")):
            yield f"rekap/{name}.csv", data.figures_csv(found.get(kind, [])).encode()
        for language, root in LANGUAGES.items():
            yield f"{root}rekap/index.html", self.renderer.recap_index(view, language).encode()


def _around(period: str) -> list[str]:
    """The wider and narrower periods that a recap leads to, widest first."""
    months = stats.months_of(period)
    quarters = sorted({stats.periods_of(month)[0] for month in months})
    near = [period[:4], *quarters, *(months if len(months) <= 3 else [])]
    return [each for each in near if each != period]


def _ranked(sums: Mapping[str, Sequence[int]], names: Mapping[str, str]) -> tuple[views.RecapRow, ...]:
    """Rows of a table, most reports first."""
    ordered = sorted(sums.items(), key=lambda row: (-row[1][0], row[0]))
    return tuple(
        views.RecapRow(code, names.get(code, code), total, done) for code, (total, done) in ordered if total
    )
