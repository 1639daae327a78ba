"""The files of areas: the front page with its counts, and pages, feeds and data of kelurahan, kecamatan and kota.

Reads counters and a bounded number of rows, so that each costs the same however many reports there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import msgspec

from web import data, views
from web.render import Renderer

from .. import public, records, stats
from ..intake import Kelurahan, Locator
from ..languages import LANGUAGES
from ..lifecycle import CLOSED, OPEN
from ..storage.table import Item, Key, Put, Table
from . import landmarks

LANDMARKS = "landmarks"
"""The mark of the search's file."""
CLOSED_KEPT = 24
"""So many of the newest closed reports of a kecamatan or a kota are read."""


@dataclass(frozen=True)
class Areas:
    """What is written for the city and its parts. `example` says that some reports are synthetic."""

    table: Table
    renderer: Renderer
    locator: Locator
    neighbours: Mapping[str, Sequence[str]]
    example: bool = False

    def kelurahan(self, row: Kelurahan, item: Item | None) -> Iterator[tuple[str, bytes]]:
        """What of a kelurahan is written at once. `item` holds its counters."""
        view = self._kelurahan_view(row, item, records.newest(self.table, row.kode))
        yield f"data/aktif/{row.kode}.json", data.active(view).encode()
        for language, root in LANGUAGES.items():
            yield f"{root}kelurahan/{row.kode}/index.html", self.renderer.kelurahan(view, language).encode()
        yield f"kelurahan/{row.kode}/feed.xml", self.renderer.feed(view).encode()
        yield f"kelurahan/{row.kode}/laporan.geojson", data.geojson(view, self.renderer.licence).encode()

    def kelurahan_later(self, row: Kelurahan, item: Item | None) -> Iterator[tuple[str, bytes]]:
        """What of a kelurahan is written with the front page, once for many changes; its landmarks are kept."""
        rows = records.newest(self.table, row.kode)
        self._keep_landmarks(row.kode, rows)
        yield from self._further(self._kelurahan_view(row, item, rows))

    def _keep_landmarks(self, kode: str, rows: Sequence[records.Row]) -> None:
        """What a kelurahan's reports name in common; the search's file is marked when that changed."""
        body = {"landmarks": [msgspec.to_builtins(each) for each in landmarks.named(rows)]}
        kept = self.table.get(records.landmarks_key(kode))
        if body == (kept.body if kept else {"landmarks": []}):
            return
        # The mark is named for what it marks: worked off for another content, it stays.
        mark = records.dirty_key(LANDMARKS, f"{kode}-{sha256(msgspec.json.encode(body)).hexdigest()[:16]}")
        self.table.transact([Put(records.landmarks_key(kode), body), Put(mark, {})])

    def _kelurahan_view(
        self, row: Kelurahan, item: Item | None, rows: Sequence[records.Row]
    ) -> views.KelurahanView:
        return views.KelurahanView(
            kode=row.kode,
            kelurahan=row.kelurahan,
            kecamatan=row.kecamatan,
            kota=row.kota,
            counts=views.Counts(records.by_state(item)),
            figures=public.figures(stats.of_kelurahan(item.counters if item else {})),
            reports=tuple(public.summary(each) for each in rows),
            neighbours=tuple(
                (kode, self.locator.by_kode[kode].kelurahan) for kode in self.neighbours.get(row.kode, ())
            ),
        )

    def _further(self, view: views.KelurahanView | views.AreaView) -> Iterator[tuple[str, bytes]]:
        """An area's open reports as CSV and KML, and its page for other sites' frames."""
        here = f"{view.kind}/{view.kode}"
        yield f"{here}/laporan.csv", data.as_csv(view, self.renderer.site_url).encode()
        yield f"{here}/laporan.kml", self.renderer.kml(view).encode()
        for language, root in LANGUAGES.items():
            yield f"{root}sematan/{here}/index.html", self.renderer.embedded(view, language).encode()

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
            reports=tuple(public.summary(row) for row in self._newest(inside, counters)),
        )
        for language, root in LANGUAGES.items():
            yield f"{root}{kind}/{kode}/index.html", self.renderer.area(view, language).encode()
        yield f"{kind}/{kode}/feed.xml", self.renderer.feed(view).encode()
        yield f"{kind}/{kode}/laporan.geojson", data.geojson(view, self.renderer.licence).encode()
        yield from self._further(view)

    def _newest(self, inside: Sequence[str], counters: Mapping[str, Mapping[str, int]]) -> list[records.Row]:
        """The newest open and then the newest closed reports, asking only kelurahan that have some."""
        found: list[records.Row] = []
        for phase, states, most in (("open", OPEN, data.MAPPED), ("closed", CLOSED, CLOSED_KEPT)):
            some = [
                kode for kode in inside if any(counters.get(kode, {}).get(state, 0) > 0 for state in states)
            ]
            found += records.newest_of(self.table, some, phase, most=most)
        return found
