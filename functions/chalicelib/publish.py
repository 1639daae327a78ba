"""What to rewrite when something changed: from the change stream to the files that everyone reads.

Files of a report and of its kelurahan are rewritten at once; the front page, the
counts and the archives are marked dirty and rewritten when their turn comes, so
that many changes cost one rewrite. Every file is a pure function of the table, and
whoever wrote looks again: when the table moved on in the meantime, it writes
again. So the last writer always leaves the newest state, however many write at
once, and a crash anywhere is mended by delivering the changes a second time.
Draws nothing itself (web does) and stores nothing but files and dirty marks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import msgspec

from web import data, desk, developers, following, gallery, views
from web.render import Renderer

from . import public, records, stats
from .categories import Category
from .front import openapi
from .intake import Locator, photo_paths
from .languages import LANGUAGES
from .publishing import roots
from .publishing.alerts import Alerts
from .publishing.areas import LANDMARKS, Areas
from .publishing.bulletin import Bulletin
from .publishing.cards import Cards
from .publishing.openfiles import OpenFiles
from .publishing.recaps import Recaps
from .report import Event, Report, read_id
from .storage.files import Files
from .storage.table import Change, Delete, Item, Key, Put, Table
from .support import supporters

CITY = "city"
AREA_LENGTHS = (5, 8, 13)
"""Lengths of the codes of a kota (`31.71`), a kecamatan (`31.71.01`) and a kelurahan (`31.71.01.1001`)."""
ROUNDS = 20
"""So often one publisher writes a target again because the table moved on; then the change stream retries."""
CHAIN_JSON = "laporan/{id}.json"

Progress = Callable[[Sequence[str], str], Iterable[str]]
"""Hands on what it is given, one after another, and may show how far it got."""


def silently(many: Sequence[str], _what: str) -> Iterable[str]:
    """No progress is shown."""
    return many


class MovedOn(RuntimeError):
    """A target changed as fast as it was written; deliver its changes again."""


@dataclass(frozen=True, slots=True)
class Targets:
    """What a batch of changes touches. Archives are (kode, yyyy-mm)."""

    reports: tuple[str, ...] = ()
    kelurahan: tuple[str, ...] = ()
    archives: tuple[tuple[str, str], ...] = ()
    months: tuple[str, ...] = ()

    @property
    def areas(self) -> tuple[str, ...]:
        """The kelurahan with their kecamatan and kota, whose codes begin theirs."""
        return tuple(sorted({kode[:length] for kode in self.kelurahan for length in AREA_LENGTHS}))

    @property
    def city(self) -> bool:
        """The front page and the counts change with every kelurahan."""
        return bool(self.kelurahan)


def targets(changes: Iterable[Change]) -> Targets:
    """What must be rewritten after `changes`, each once. Decides from keys alone."""
    reports: set[str] = set()
    kelurahan: set[str] = set()
    archives: set[tuple[str, str]] = set()
    months: set[str] = set()
    for change in changes:
        partition, sort = change.key.partition, change.key.sort
        if partition.startswith("report#") and sort in {"head", "merged"}:
            reports.add(partition.removeprefix("report#"))
        elif kode := records.kode_of_list(change.key):
            kelurahan.add(kode)
            archives.add((kode, sort[:7]))
        elif partition.startswith("recap#"):
            months.add(partition.removeprefix("recap#"))
    return Targets(
        tuple(sorted(reports)), tuple(sorted(kelurahan)), tuple(sorted(archives)), tuple(sorted(months))
    )


@dataclass(frozen=True)
class Publisher:
    """Writes the site. `neighbours` are the kelurahan that share a border, by code; `outlines` is what the map
    draws; `example` says that the instance holds synthetic reports."""

    table: Table
    site: Files
    private: Files
    renderer: Renderer
    locator: Locator
    neighbours: Mapping[str, Sequence[str]]
    outlines: bytes
    categories: Mapping[str, Category]
    example: bool = False
    progress: Progress = silently

    @cached_property
    def _areas(self) -> Areas:
        return Areas(self.table, self.renderer, self.locator, self.neighbours, self.example)

    @cached_property
    def _recaps(self) -> Recaps:
        return Recaps(self.table, self.renderer, self.locator, self.example)

    @cached_property
    def _cards(self) -> Cards:
        return Cards(self.table, self.site, self.private, self.renderer, self.categories)

    @cached_property
    def _open_files(self) -> OpenFiles:
        return OpenFiles(self.table, self.site, self.renderer)

    def publish(self, changes: Sequence[Change]) -> Targets:
        """Rewrite what `changes` touch, and mark what can wait. Safe to repeat. Raises MovedOn."""
        found = targets(changes)
        marks = [f"archive#{kode}#{month}" for kode, month in found.archives] + ([CITY] if found.city else [])
        marks += [f"area#{kode}" for kode in found.areas] + [f"recap#{month}" for month in found.months]
        for start in range(0, len(marks), 25):
            keys = [records.dirty_key(mark, changes[-1].sequence) for mark in marks[start : start + 25]]
            self.table.transact([Put(key, {}) for key in keys])
        for report_id in found.reports:
            self.report(report_id)
        for kode in found.kelurahan:
            self.kelurahan(kode)
        return found

    def tidy(self, *, limit: int = 100) -> int:
        """Rewrite what is marked dirty: at most `limit` marks, each target once. Returns how many marks there were."""
        marks = [mark.key for mark in self.table.query("dirty", limit=limit).items]
        for target in dict.fromkeys(records.dirty_target(mark) for mark in marks):
            if target == CITY:
                self.city()
            elif target == LANDMARKS:
                self.landmarks()
            elif target.startswith("report#"):
                self.report(target.removeprefix("report#"))
            elif target.startswith("area#"):
                self.area(target.removeprefix("area#"))
            elif target.startswith("recap#"):
                self.recap(target.removeprefix("recap#"))
            else:
                _, kode, month = target.split("#")
                self.archive(kode, month)
        self._unmark(marks)
        return len(marks)

    def report(self, report_id: str) -> None:
        """The status pages, the data file and the photos of one report; or none of them when it is not public."""
        keys = (
            records.head_key(report_id),
            records.support_key(report_id),
            records.merged_key(report_id),
            records.late_key(report_id),
        )
        self._until_still(keys, lambda item: self._report_files(report_id, item))

    def kelurahan(self, kode: str) -> None:
        """The pages, feed, GeoJSON and active file of one kelurahan."""
        if row := self.locator.by_kode.get(kode):
            self._until_still((Key("counts", kode),), lambda item: self._areas.kelurahan(row, item))

    def archive(self, kode: str, month: str) -> None:
        """All reports that were made in a kelurahan in one month (yyyy-mm)."""
        self._until_still((Key("counts", kode),), lambda _item: self._archive_file(kode, month))

    def city(self) -> None:
        """The front page in both languages, and the counts of every kelurahan."""
        for _ in range(ROUNDS):
            before = records.counts(self.table)
            self._write(self._areas.city(before))
            if records.counts(self.table) == before:
                return
        raise MovedOn("the counts changed as fast as the front page was written")

    def landmarks(self) -> None:
        """`/data/patokan.json`: the landmarks of every kelurahan, for the search."""
        for _ in range(ROUNDS):
            before = records.landmarks(self.table)
            self.site.put("data/patokan.json", data.landmarks(before).encode())
            if records.landmarks(self.table) == before:
                return
        raise MovedOn("the landmarks changed as fast as they were written")

    def area(self, kode: str) -> None:
        """The page and files of a kecamatan or a kota; of a kelurahan those that can wait."""
        if row := self.locator.by_kode.get(kode):
            self._until_still((Key("counts", kode),), lambda item: self._areas.kelurahan_later(row, item))
            return
        inside = sorted(each for each in self.locator.by_kode if each.startswith(f"{kode}."))
        if inside:
            keys = [Key("counts", each) for each in inside]
            self._until_still(keys, lambda _item: self._areas.area(kode, inside))

    def recap(self, month: str) -> None:
        """The recap of a month (yyyy-mm), of its quarter and its year, and the list of all months."""
        for _ in range(ROUNDS):
            before = records.month_counters(self.table, month)
            self._recaps.keep(month, before)
            kept = self._recaps.months()
            for period in (month, *stats.periods_of(month)):
                self._write(self._recaps.files(period, kept))
            self._write(self._recaps.index(kept))
            if records.month_counters(self.table, month) == before:
                return
        raise MovedOn(f"the counts of {month} changed as fast as its recap was written")

    def cards(self, *, limit: int) -> int:
        """Draw at most `limit` pictures of reports that are due. Returns how many were. For when nothing else waits."""
        return self._cards.draw(limit=limit)

    def open_data(self, now: datetime) -> list[str]:
        """Rewrite the open data of the months whose counts moved. Returns those (yyyy-mm). For a daily job."""
        return self._open_files.write(now)

    def service(self, now: datetime) -> None:
        """What the clock publishes: the service's own page, and warnings that begin or end."""
        Alerts(self.table, self.site, self.renderer.site_url, self.categories).write(now)
        Bulletin(self.table, self.site, self.renderer).service(now)

    def furniture(self) -> None:
        """What does not depend on reports: assets, the form, the pages for addresses that are not there, outlines."""
        files = {**dict(self.renderer.assets()), "data/batas.json": self.outlines}
        if self.renderer.site_url:
            files["sitemap.xml"] = data.sitemap(self.renderer.site_url, self.locator.by_kode).encode()
            files["robots.txt"] += f"Sitemap: {self.renderer.site_url}/sitemap.xml\n".encode()
        described = openapi.current()
        for language, root in LANGUAGES.items():
            files[f"{root}lapor/index.html"] = self.renderer.report_form(
                views.FormView({}), language
            ).encode()
            files[f"{root}saya/index.html"] = self.renderer.mine(language).encode()
            files[f"{root}luring/index.html"] = self.renderer.offline(language).encode()
            files[f"{root}periksa/index.html"] = self.renderer.check(language).encode()
            everywhere = self.locator.by_kode.values()
            files[f"{root}ikuti/index.html"] = following.page(self.renderer, everywhere, language).encode()
            files[f"{root}pengembang/index.html"] = developers.page(
                self.renderer, language, described
            ).encode()
            files[f"{root}petugas/index.html"] = desk.page(self.renderer, language).encode()
            files[f"{root}gaya/index.html"] = gallery.page(self.renderer, language).encode()
            files[f"{root}404.html"] = self.renderer.not_found(language).encode()
            files[f"{root}laporan/index.html"] = self.renderer.search(language).encode()
        self._write(files.items())
        self._write(self._open_files.pages())

    def everything(self) -> None:
        """Rebuild the whole site from the table, and remove what no longer belongs to it.

        Writes byte for byte what the increments wrote.
        """
        marks = [mark.key for mark in records.every(self.table, "dirty")]
        self.furniture()
        reports: set[str] = set()
        archives: set[str] = set()
        for kode in self.progress(list(self.locator.by_kode), "kelurahan"):
            self.kelurahan(kode)
            self.area(kode)
            for month in records.months(self.table, kode):
                self.archive(kode, month)
                archives.add(archive_path(kode, month))
            reports.update(records.public_ids(self.table, kode))
        for report_id in self.progress(sorted(reports), "reports"):
            self.report(report_id)
        self.city()
        for kode in sorted({each[:length] for each in self.locator.by_kode for length in AREA_LENGTHS[:2]}):
            self.area(kode)
        self.landmarks()
        for month in self._recaps.every_month(archives):
            self.recap(month)
        self._write(self._recaps.index(self._recaps.months()))
        roots.write_again(self.table, self.site)
        self._remove_strangers(reports, archives)
        self._unmark(marks)

    # One target at a time: what its files are.

    def _report_files(self, report_id: str, item: Item | None) -> Iterator[tuple[str, bytes]]:
        it = msgspec.convert(item.body, Report) if item else None
        if it is None or it.private or it.place is None:
            for path in self._report_paths(report_id):
                self.site.delete(path)
            return
        events = [event for event in records.history(self.table, report_id) if event.seq <= it.seq]
        for photo in dict.fromkeys([*it.photos, *(p for event in events for p in event.photos)]):
            for path in photo_paths(report_id, photo):
                if not self.site.exists(path) and (stored := self.private.get(path)):
                    yield path, stored.data
        count = supporters(self.table, report_id)
        merged = records.merged(self.table, report_id)
        yield CHAIN_JSON.format(id=report_id), self.document(it, events, count)
        card, late = self._cards.path(it), records.is_late(self.table, it)
        view = public.report_view(it, events, count, merged, late=late, card=card)
        for language, root in LANGUAGES.items():
            yield f"{root}laporan/{report_id}/index.html", self.renderer.status(view, language).encode()
        self._cards.want(it, card)

    def document(self, it: Report, events: Sequence[Event], count: int | None = None) -> bytes:
        """`/laporan/<id>.json`: the report with its history, as anyone can check it. `count` of supporters."""
        known = supporters(self.table, it.id) if count is None else count
        merged = records.merged(self.table, it.id)
        return public.document(public.report(it, events, self.categories, known, merged))

    def _report_paths(self, report_id: str) -> list[str]:
        pages = [f"{root}laporan/{report_id}/index.html" for root in LANGUAGES.values()]
        return [*pages, CHAIN_JSON.format(id=report_id), *self.site.list(f"foto/{report_id}/")]

    def _archive_file(self, kode: str, month: str) -> Iterator[tuple[str, bytes]]:
        rows = tuple(public.summary(each) for each in records.of_month(self.table, kode, month))
        if rows:
            yield archive_path(kode, month), data.archive(kode, month, rows).encode()
        else:
            self.site.delete(archive_path(kode, month))

    # Writing.

    def _until_still(
        self, keys: Sequence[Key], files: Callable[[Item | None], Iterable[tuple[str, bytes]]]
    ) -> None:
        """Write a target's files from its first item, then look again at the items whose versions move with it."""
        for _ in range(ROUNDS):
            before = self.table.get_many(keys)
            self._write(files(before.get(keys[0])))
            after = self.table.get_many(keys)
            if {key: item.version for key, item in after.items()} == {
                key: item.version for key, item in before.items()
            }:
                return
        raise MovedOn(f"{keys[0].partition} {keys[0].sort} changed as fast as its files were written")

    def _write(self, files: Iterable[tuple[str, bytes]]) -> None:
        for path, content in files:
            self.site.put(path, content)

    def _unmark(self, marks: Sequence[Key]) -> None:
        """Remove marks that were read before the work began; those set since have other keys, and stay."""
        for start in range(0, len(marks), 25):
            self.table.transact([Delete(mark) for mark in marks[start : start + 25]])

    def _remove_strangers(self, reports: set[str], archives: set[str]) -> None:
        for root in LANGUAGES.values():
            for path in list(self.site.list(f"{root}laporan/")):
                name = path.removeprefix(f"{root}laporan/").partition("/")[0].removesuffix(".json")
                if read_id(name) == name and name not in reports:
                    self.site.delete(path)
        for path in list(self.site.list("data/arsip/")):
            if path not in archives:
                self.site.delete(path)
        for path in list(self.site.list("foto/")):
            if path.split("/")[1] not in reports:
                self.site.delete(path)


def archive_path(kode: str, month: str) -> str:
    """Where the archive of a kelurahan's month (yyyy-mm) lies."""
    return f"data/arsip/{kode}/{month.replace('-', '')}.json"
