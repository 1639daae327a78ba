"""Turns views into pages and feeds: the same view gives the same bytes, whenever and wherever.

Reads no clock and no storage, writes nothing; whoever publishes decides where a text
goes. Data files are made in web.data. Jinja2 and Babel are imported when the first page is made, so that importing this
module is cheap for a function that only now and then has to show a page.
"""

from __future__ import annotations

import json
import mimetypes
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from web import data, i18n, qr, story
from web.icons import Icons
from web.maps import Maps
from web.shades import by_shade, class_breaks, legend, shade
from web.views import (
    NO_BASEMAP,
    NO_LICENCE,
    NOWHERE,
    AreaView,
    Basemap,
    Category,
    FormView,
    Hit,
    HomeView,
    KelurahanRow,
    KelurahanView,
    Licence,
    Outside,
    OwnView,
    PlaceView,
    RecapIndexView,
    RecapRow,
    RecapView,
    ReportView,
    ServiceView,
)
from web.vocabulary import CHANNELS, ERROR_TARGETS, REASONS, STATES, WHY_NOT, kota_name, shortened, written_id

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

HERE = Path(__file__).resolve().parent
BUILD = HERE / "build"

LISTED = 24
"""Reports that a kelurahan's page lists; the rest are counted and linked as data."""
CLOSED_LISTED = 8
"""Closed reports that a kecamatan's and a kota's page lists."""
EMBEDDED = 6
"""Reports that a page for other sites' frames lists."""
FED = 20
"""Entries of a feed."""
CHARTED = 10
"""Bars of a recap's chart; the table beside it and the CSV hold the rest."""
RECAP_LISTED = 30
"""Lines of a recap's table; the CSV holds all."""
FEED_IDS = uuid.UUID("6f3c9d1e-51f0-4c5b-9a37-2f6f0c1d7a11")
"""Namespace of the feeds' ids (RFC 9562, version 5): they stay the same wherever the site is."""


@dataclass(frozen=True)
class Renderer:
    """Every text of the site. Make one with `Renderer.open` and keep it: templates are compiled once."""

    maps: Maps
    categories: Mapping[str, Category]
    site_url: str
    basemap: Basemap
    outside: Outside
    licence: Licence
    approximate: bool
    boundaries_version: str
    attribution: str
    web_build: Path
    manifest: Mapping[str, Any]

    @classmethod
    def open(
        cls,
        *,
        geo_build: Path,
        categories: Sequence[Category],
        site_url: str = "",
        basemap: Basemap = NO_BASEMAP,
        outside: Outside = NOWHERE,
        licence: Licence = NO_LICENCE,
        approximate: bool,
        boundaries_version: str,
        attribution: str,
        web_build: Path = BUILD,
    ) -> Renderer:
        """Read what pages are made of: outlines from `geo_build`, asset names from `web_build`.

        `site_url` is the site's public address without a trailing slash, for absolute links;
        `attribution` credits the boundaries. Raises ValueError when something is not built.
        """
        try:
            manifest = json.loads((web_build / "manifest.json").read_text("utf-8"))
        except (OSError, json.JSONDecodeError) as error:
            raise ValueError(
                f"{web_build}/manifest.json cannot be read ({error}): run 'python -m web build' first"
            ) from error
        missing = sorted({c.icon for c in categories} - set(manifest["category_icons"]))
        if missing:
            raise ValueError(
                f"icons {missing} were not built: run 'python -m web build --categories FILE' with your file"
            )
        return cls(
            maps=Maps(geo_build),
            categories={category.code: category for category in categories},
            site_url=site_url.rstrip("/"),
            basemap=basemap,
            outside=outside,
            licence=licence,
            approximate=approximate,
            boundaries_version=boundaries_version,
            attribution=attribution,
            web_build=web_build,
            manifest=manifest,
        )

    # Pages ---------------------------------------------------------------------------------------

    def home(self, view: HomeView, language: str) -> str:
        """The front page: the map of open reports per kelurahan, and the same as tables."""
        breaks = class_breaks([row.counts.open for row in view.rows])
        kota: dict[str, dict[str, list[KelurahanRow]]] = {}
        for row in view.rows:
            kota.setdefault(row.kota, {}).setdefault(row.kecamatan, []).append(row)
        busiest = sorted((r for r in view.rows if r.counts.open), key=lambda r: (-r.counts.open, r.kode))[:10]
        return self._page(
            "home.html",
            language,
            "/",
            view=view,
            breaks=breaks,
            classes=legend(breaks),
            views={
                name: (
                    frame,
                    by_shade(shapes, {row.kode: shade(row.counts.open, breaks) for row in view.rows}),
                )
                for name, (frame, shapes) in self.maps.city.items()
            },
            kota_labels=self.maps.kota_labels,
            kota=kota,
            busiest=busiest,
            most=max((r.counts.open for r in busiest), default=1),
            totals=_totals(view.rows),
            open_total=sum(row.counts.open for row in view.rows),
            open_in=lambda kecamatan: sum(row.counts.open for rows in kecamatan.values() for row in rows),
        )

    def report_form(self, view: FormView, language: str) -> str:
        """The report form; with values and errors when a plain form was refused."""
        return self._page(
            "form.html",
            language,
            "/lapor/",
            view=view,
            categories=list(self.categories.values()),
            kelurahan_options=self.maps.names,
            targets=ERROR_TARGETS,
            wrong={error.field: error.message for error in reversed(view.errors)},
        )

    def status(self, view: ReportView, language: str) -> str:
        """A report's status page: where it stands, its history in plain words, photos and a small map."""
        told = self._of_report(view) | {"asked_last": story.asked_last(view.events)}
        return self._page("report.html", language, f"/laporan/{view.id}/", **told)

    def own(self, view: OwnView, language: str) -> str:
        """The same for the holder of the follow key, with what may be done just now; private reports too."""
        path = "" if view.private else f"/laporan/{view.report.id}/"
        return self._page("own.html", language, path, own=view, **self._of_report(view.report))

    def locked(self, report_id: str, messages: Sequence[str], language: str) -> str:
        """Asks for the follow key of a report; `messages` say what was wrong."""
        return self._page("locked.html", language, "", id=report_id, messages=messages)

    def check(self, language: str) -> str:
        """How to check a history and the roots of days oneself, with sha256sum alone."""
        return self._page("check.html", language, "/periksa/")

    def area(self, view: AreaView, language: str) -> str:
        """A kecamatan's or a kota's page: its map, its figures, and those of its parts."""
        breaks = class_breaks(list(view.open_by_kelurahan.values()))
        return self._page(
            "area.html",
            language,
            f"/{view.kind}/{view.kode}/",
            view=view,
            drawing=self.maps.part(view.open_by_kelurahan),
            shade=lambda kode: shade(view.open_by_kelurahan[kode], breaks),
            below="kecamatan" if view.kind == "kota" else "kelurahan",
            **self._lists(view),
        )

    def embedded(self, view: AreaView | KelurahanView, language: str) -> str:
        """An area as a small page for other sites' frames: the only pages that may stand in one."""
        drawing = outline = None
        if isinstance(view, AreaView):
            drawing = self.maps.part(view.open_by_kelurahan)
        else:
            outline = self.maps.own(view.kode)
        newest = data.listed(view)[:EMBEDDED]
        pins = (
            [(r, *outline.frame.place(r.longitude, r.latitude)) for r in data.listed(view)] if outline else []
        )
        breaks = class_breaks(list(view.open_by_kelurahan.values())) if isinstance(view, AreaView) else []
        return self._page(
            "embedded.html",
            language,
            f"/sematan/{view.kind}/{view.kode}/",
            view=view,
            newest=newest,
            outline=outline,
            drawing=drawing,
            pins=pins,
            shade=lambda kode: (
                shade(view.open_by_kelurahan[kode], breaks) if isinstance(view, AreaView) else 0
            ),
        )

    def kml(self, view: AreaView | KelurahanView) -> str:
        """An area's open reports as KML 2.2 (OGC 12-007r2), in Indonesian: a placemark each, longitude first."""
        path = f"/{view.kind}/{view.kode}/laporan.kml"
        return self._text("laporan.kml", "id", path, view=view, reports=data.listed(view), xml=_xml_safe)

    @staticmethod
    def _lists(view: AreaView | KelurahanView) -> dict[str, Any]:
        """What an area's page lists: open and closed reports, newest first."""
        return {
            "open_reports": data.listed(view)[:LISTED],
            "closed_reports": [r for r in view.reports if STATES[r.state].closed][:CLOSED_LISTED],
        }

    def recap(self, view: RecapView, language: str) -> str:
        """What came in during a period and what became of it: figures, charts, tables, each also as CSV."""
        return self._page(
            "recap.html",
            language,
            f"/rekap/{view.period}/",
            view=view,
            charted=CHARTED,
            listed=RECAP_LISTED,
            row_name=lambda table, row: self._row_name(table, row, language),
        )

    def recap_index(self, view: RecapIndexView, language: str) -> str:
        """All months with their figures, newest first, and a chart of what came in and was done."""
        return self._page("recaps.html", language, "/rekap/", view=view)

    def recap_csv(self, view: RecapView, table: str) -> str:
        """One table of a recap as CSV (RFC 4180, UTF-8): period, code, name in Indonesian, reports, done."""
        import csv
        import io

        text = io.StringIO()
        rows = csv.writer(text)
        rows.writerow(["period", table, "name", "reports", "done"])
        for row in view.tables[table]:
            done = "" if row.done is None else row.done
            rows.writerow([view.period, row.code, self._row_name(table, row, "id"), row.total, done])
        return text.getvalue()

    def _row_name(self, table: str, row: RecapRow, language: str) -> str:
        if table == "category" and row.code in self.categories:
            return self.categories[row.code].names[language]
        if table == "channel" and row.code in CHANNELS:
            return i18n.translation(language).gettext(CHANNELS[row.code])
        return kota_name(row.name) if table == "kota" else row.name or row.code

    def service(self, view: ServiceView, language: str) -> str:
        """Whether each part of the service is up, and how old is what people see; holds the time it was written."""
        return self._page("service.html", language, "/status/", view=view)

    def open_data(self, months: Sequence[str], fields: Sequence[tuple[str, str]], language: str) -> str:
        """The open data's own page: a file per month, and what each field means."""
        words = i18n.translation(language)
        told = [(name, words.gettext(meaning)) for name, meaning in fields]
        return self._page(
            "opendata.html", language, "/data/terbuka/", months=sorted(months, reverse=True), fields=told
        )

    def _of_report(self, view: ReportView) -> dict[str, Any]:
        pin = None
        outline = self.maps.own(view.place.kode) if view.place else None
        if outline and view.longitude is not None and view.latitude is not None:
            pin = outline.frame.place(view.longitude, view.latitude)
        return {
            "view": view,
            "outline": outline,
            "pin": pin,
            "steps": story.steps(view.events),
            "pair": story.pair(view),
            "asked_last": None,
            "head": max(view.events, key=lambda event: event.seq).hash if view.events else "",
        }

    def kelurahan(self, view: KelurahanView, language: str) -> str:
        """A kelurahan's page: its outline with the listed reports, counts, and links to the data."""
        outline = self.maps.own(view.kode)
        listed = view.reports[:LISTED]
        pins = [(r, *outline.frame.place(r.longitude, r.latitude)) for r in listed] if outline else []
        return self._page(
            "kelurahan.html",
            language,
            f"/kelurahan/{view.kode}/",
            view=view,
            outline=outline,
            pins=pins,
            open_reports=[r for r in listed if not STATES[r.state].closed],
            closed_reports=[r for r in listed if STATES[r.state].closed],
            example=any(report.example for report in view.reports),
        )

    def not_found(self, language: str) -> str:
        """For an address without a page; says that a report just sent may need a few seconds."""
        return self._page("notfound.html", language, "")

    def search(self, language: str, value: str = "", message: str = "", *, hits: Sequence[Hit] = ()) -> str:
        """The page to find a report or a place: what fits `value`, or with `message` what was wrong with it."""
        return self._page("search.html", language, "/laporan/", value=value, message=message, hits=hits)

    def receipt(
        self,
        report_id: str,
        follow_key: str,
        place: PlaceView | None,
        language: str,
        *,
        private: bool = False,
    ) -> str:
        """After a plain form: the id, the follow key, and what happens next. A private report has no public page."""
        from markupsafe import Markup

        # Drawn by segno from an id and a key that were made here: nothing in it was written by anybody.
        code = Markup(qr.svg(qr.key_text(self.site_url, report_id, follow_key)))  # noqa: S704
        told = {"id": report_id, "follow_key": follow_key, "place": place, "private": private, "code": code}
        return self._page("receipt.html", language, "", **told)

    def mine(self, language: str) -> str:
        """The reports that this phone sent or follows: drawn by scripts from what the phone itself keeps."""
        return self._page("mine.html", language, "/saya/", categories=list(self.categories.values()))

    def offline(self, language: str) -> str:
        """What is shown without a connection in place of a page that the phone does not have."""
        return self._page("offline.html", language, "")

    # Feeds and assets ------------------------------------------------------------------------------

    def feed(self, view: AreaView | KelurahanView) -> str:
        """An area's Atom feed (RFC 4287): its reports that changed last, in Indonesian."""
        newest = sorted(view.reports, key=lambda report: (report.updated, report.id), reverse=True)[:FED]
        # A feed must say when it last changed; one without entries has never changed.
        changed = newest[0].updated if newest else datetime(1970, 1, 1, tzinfo=UTC)
        return self._text(
            "feed.xml",
            "id",
            f"/{view.kind}/{view.kode}/feed.xml",
            view=view,
            reports=newest,
            changed=changed,
            urn=lambda name: f"urn:uuid:{uuid.uuid5(FEED_IDS, name)}",
            xml=_xml_safe,
        )

    def assets(self) -> Iterator[tuple[str, bytes]]:
        """Every static file to publish, by path on the site: hashed ones under `aset/`, a few at fixed names."""
        for path in sorted((self.web_build / "aset").iterdir()):
            yield f"aset/{path.name}", path.read_bytes()
        for name in self.manifest["fixed"]:
            if not name.startswith("aset/"):
                yield name, (self.web_build / name).read_bytes()
        yield "data/kategori.json", data.categories_json(self.categories.values()).encode()

    # How -----------------------------------------------------------------------------------------

    @cached_property
    def _environments(self) -> dict[str, Environment]:
        from jinja2 import Environment, FunctionLoader, StrictUndefined

        def source(name: str) -> str | None:
            path = HERE / "templates" / name
            # No template keeps white space on purpose: indentation is for its writers alone.
            return re.sub(r"\n\s*", "\n", path.read_text("utf-8")) if path.exists() else None

        environments = {}
        for language in i18n.LANGUAGES:
            environment = Environment(
                loader=FunctionLoader(source),
                autoescape=True,
                undefined=StrictUndefined,
                trim_blocks=True,
                lstrip_blocks=True,
                extensions=["jinja2.ext.i18n"],
                auto_reload=False,
            )
            environment.policies["ext.i18n.trimmed"] = True
            words = i18n.translation(language)
            environment.install_gettext_translations(words, newstyle=True)  # type: ignore[attr-defined]
            environment.globals |= self._globals(language)
            environments[language] = environment
        return environments

    def _globals(self, language: str) -> dict[str, Any]:
        words = i18n.translation(language)
        prefix = "" if language == "id" else f"/{language}"
        return {
            "language": language,
            "other_language": "en" if language == "id" else "id",
            "states": STATES,
            "categories_by_code": self.categories,
            "category_name": lambda code: (
                self.categories[code].names[language] if code in self.categories else code
            ),
            "category_picture": self._category_picture,
            "state_word": lambda code: words.gettext(STATES[code].word),
            "state_meaning": lambda code: words.gettext(STATES[code].meaning),
            "reason_text": lambda code: words.gettext(REASONS[code]) if code in REASONS else "",
            "why_not_text": lambda code: words.gettext(WHY_NOT[code]) if code in WHY_NOT else code,
            "channel_name": lambda code: words.gettext(CHANNELS[code]) if code in CHANNELS else code,
            "link": lambda path: prefix + path,
            "in_language": lambda path, code: path if code == "id" else f"/{code}{path}",
            "absolute": lambda path: self.site_url + path,
            "asset": lambda name: "/" + self.manifest["assets"][name],
            "written_id": written_id,
            "number": lambda value: i18n.number(value, language),
            "day": lambda moment: i18n.day(moment, language),
            "period": lambda text: i18n.period(text, language),
            "percent": lambda value: f"{i18n.decimal(value, language)}%",
            "short_day": lambda moment: i18n.short_day(moment, language),
            "day_and_time": lambda moment: i18n.day_and_time(moment, language),
            "machine_time": i18n.machine_time,
            "kota_name": kota_name,
            "shortened": shortened,
            "basemap": self.basemap,
            "licence": self.licence,
            "outside": self.outside,
            "approximate": self.approximate,
            "attribution": self.attribution,
            "boundaries_version": self.boundaries_version,
            "site_url": self.site_url,
        }

    def _category_picture(self, code: str) -> Markup:
        """A category's icon, from the sheet that all pages share: pages written often stay small."""
        from markupsafe import Markup

        icon = self.categories[code].icon if code in self.categories else "map-pin"
        sheet = self.manifest["assets"]["icons.svg"]
        return Markup('<svg class="i" aria-hidden="true"><use href="/{}#{}"/></svg>').format(sheet, icon)

    def _page(self, template: str, language: str, path: str, **context: Any) -> str:
        """`path` is the page's own address in Indonesian; empty for pages that have none to link to."""
        return self._text(template, language, path, **context)

    def _text(self, template: str, language: str, path: str, **context: Any) -> str:
        if language not in i18n.LANGUAGES:
            raise ValueError(f"language {language!r} is not one of {', '.join(i18n.LANGUAGES)}")
        icons = Icons(self.manifest["icons"])
        text = self._environments[language].get_template(template).render(path=path, icons=icons, **context)
        return text.strip() + "\n"


def _totals(rows: Iterable[KelurahanRow]) -> dict[str, int]:
    totals = dict.fromkeys(STATES, 0)
    for row in rows:
        for state, count in row.counts.by_state.items():
            totals[state] += count
    return totals


_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _xml_safe(text: str) -> str:
    """Text without the control characters that XML 1.0 forbids even when escaped."""
    return _NOT_XML.sub("", text)


def content_type(path: str) -> str:
    """The media type of an asset, by its suffix."""
    return mimetypes.guess_type(path)[0] or "application/octet-stream"
