"""The files of areas wider than a kelurahan: the front page with its counts, and the pages of kecamatan and kota.

Reads counters, never reports, so that each costs the same however many reports there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from web import data, views
from web.render import Renderer

from . import public, stats
from .intake import Locator
from .languages import LANGUAGES
from .storage.table import Key, Table


@dataclass(frozen=True)
class Areas:
    """What is written for the city and its parts. `example` says that some reports are synthetic."""

    table: Table
    renderer: Renderer
    locator: Locator
    example: bool = False

    def city(self, counts: dict[str, dict[str, int]]) -> Iterator[tuple[str, bytes]]:
        rows = tuple(
            views.KelurahanRow(
                row.kode,
                row.kelurahan,
                row.kecamatan,
                row.kota,
                views.Counts({state: n for state, n in counts.get(kode, {}).items() if n}),
            )
            for kode, row in sorted(self.locator.by_kode.items())
        )
        summary = data.summary_counts(
            rows,
            boundaries_version=self.renderer.boundaries_version,
            approximate=self.renderer.approximate,
        )
        yield "data/ringkas.json", summary.encode()
        for language, root in LANGUAGES.items():
            yield (
                f"{root}index.html",
                self.renderer.home(views.HomeView(rows, self.example), language).encode(),
            )

    def area(self, kode: str, inside: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        found = self.table.get_many([Key("counts", each) for each in inside])
        counters = {key.sort: dict(item.counters) for key, item in found.items()}
        rows = self.locator.by_kode
        first = rows[inside[0]]
        kind = "kota" if len(kode) == 5 else "kecamatan"
        parts: dict[str, list[str]] = {}
        for each in inside:
            parts.setdefault(each[:8] if kind == "kota" else each, []).append(each)

        def of(codes: Sequence[str]) -> views.FiguresView:
            summed = stats.summed(counters.get(each, {}) for each in codes)
            return public.figures(stats.of_kelurahan(summed))

        view = views.AreaView(
            kode=kode,
            kind=kind,
            name=first.kota if kind == "kota" else first.kecamatan,
            kota=first.kota,
            figures=of(inside),
            parts=tuple(
                views.AreaRow(
                    part,
                    rows[codes[0]].kecamatan if kind == "kota" else rows[codes[0]].kelurahan,
                    of(codes),
                )
                for part, codes in sorted(parts.items())
            ),
            open_by_kelurahan={each: of([each]).open for each in inside},
            example=self.example,
        )
        for language, root in LANGUAGES.items():
            yield f"{root}{kind}/{kode}/index.html", self.renderer.area(view, language).encode()
