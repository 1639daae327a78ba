"""Turns views into pages, feeds and data: the same view gives the same bytes, whenever and wherever.

Reads no clock and no storage, writes nothing; whoever publishes decides where a text
goes. Jinja2 and Babel are imported when the first page is made, so that importing this
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
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from web import i18n
from web.maps import Maps
from web.views import (
    AreaView,
    FormView,
    HomeView,
    KelurahanRow,
    KelurahanView,
    OwnView,
    PlaceView,
    RecapIndexView,
    RecapRow,
    RecapView,
    ReportSummary,
    ReportView,
    ServiceView,
)

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

HERE = Path(__file__).resolve().parent
BUILD = HERE / "build"

LISTED = 24
"""Reports that a kelurahan's page lists; the rest are counted and linked as data."""
FED = 20
"""Entries of a feed."""
MAPPED = 150
"""Newest open reports in a kelurahan's GeoJSON; `open` beside them counts all."""
CHARTED = 10
"""Bars of a recap's chart; the table beside it and the CSV hold the rest."""
RECAP_LISTED = 30
"""Lines of a recap's table; the CSV holds all."""
WORDED = 20
"""Newest reports whose text goes along in an active file; the others' is on their own page."""
FEED_IDS = uuid.UUID("6f3c9d1e-51f0-4c5b-9a37-2f6f0c1d7a11")
"""Namespace of the feeds' ids (RFC 9562, version 5): they stay the same wherever the site is."""


class Category(Protocol):
    """What can be reported: code, names and hints by language, and the name of a Phosphor icon."""

    @property
    def code(self) -> str: ...
    @property
    def names(self) -> Mapping[str, str]: ...
    @property
    def hints(self) -> Mapping[str, str]: ...
    @property
    def icon(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Basemap:
    """An optional raster background: a URL template with {z}, {x}, {y}; its attribution as plain text."""

    template: str = ""
    attribution: str = ""
    max_zoom: int = 19

    @property
    def origin(self) -> str:
        """The host for the Content-Security-Policy's img-src; empty without a basemap of another host."""
        parts = urlsplit(self.template.replace("{s}", "*"))
        return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for "to be translated later"
    """Marks a message for the catalogues; it is translated where it is shown."""
    return message


@dataclass(frozen=True, slots=True)
class State:
    """How a state looks and reads: its word, its meaning, its colour (tone), whether it is closed."""

    code: str
    word: str
    meaning: str
    tone: str
    closed: bool = False


STATES: dict[str, State] = {
    state.code: state
    for state in (
        State("waiting", N_("Waiting"), N_("Nobody has taken this report yet."), "red"),
        State(
            "coordination", N_("Coordination"), N_("The offices are agreeing on who will do it."), "yellow"
        ),
        State(
            "disposition", N_("Handed down"), N_("Passed on to the office that will do the work."), "yellow"
        ),
        State("in_progress", N_("In progress"), N_("The work is being done."), "yellow"),
        State("done", N_("Done"), N_("The work is finished."), "green", closed=True),
        State(
            "rejected",
            N_("Rejected"),
            N_("This report will not be handled. The reason is given below."),
            "grey",
            closed=True,
        ),
        State(
            "duplicate", N_("Duplicate"), N_("The same problem was already reported."), "grey", closed=True
        ),
    )
}
SHAPES = {
    "waiting": '<path d="M8 1.2 15.4 14.4H.6z"/>',
    "coordination": '<path d="M8 .6 15.4 8 8 15.4.6 8z"/>',
    "disposition": '<path d="M.8 2.8h8.4L15.2 8l-6 5.2H.8z"/>',
    "in_progress": (
        '<path fill-rule="evenodd" d="M8 .8a7.2 7.2 0 1 0 0 14.4A7.2 7.2 0 0 0 8 .8m0 2.1a5.1 5.1 0 0 0 0 10.2z"/>'
    ),
    "done": (
        '<path fill-rule="evenodd" d="M8 .8a7.2 7.2 0 1 0 0 14.4A7.2 7.2 0 0 0 8 .8'
        'm3.7 4.2 1.3 1.3-6 6-3.3-3.3L5 7.7l2 2z"/>'
    ),
    "rejected": (
        '<path fill-rule="evenodd" d="M1.5 1.5h13v13h-13zm3.2 1.9L3.4 4.7 6.7 8l-3.3 3.3 1.3 1.3L8 9.3l3.3 3.3 '
        '1.3-1.3L9.3 8l3.3-3.3-1.3-1.3L8 6.7z"/>'
    ),
    "duplicate": '<path d="M1 1h9.5v2.5h-7v7H1z"/><path d="M5 5h10v10H5z"/>',
}
"""The shape that goes with each state, in a square of 16: told apart without colour, and in print."""

REASONS = {
    "not_public": N_("This is not a matter for the city's offices."),
    "not_found": N_("The problem was not found at this place."),
    "unclear": N_("The report is not clear enough to act on."),
    "outside_authority": N_("Another authority is responsible."),
    "personal_data": N_("The report shows personal data."),
    "abuse": N_("The report breaks the rules of use."),
}
WHY_NOT = {
    "not_fixed": N_("The problem is still there."),
    "poor_work": N_("The work was not done well."),
    "too_slow": N_("It took too long."),
    "not_told": N_("I was not told what happened."),
    "wrong_reason": N_("The reason given is not right."),
    "other": N_("Something else."),
}
"""Why a reporter is not satisfied, by code of chalicelib.holder.WHY_NOT."""
CHANNELS = {
    "web": N_("the website"), "open311": N_("another app (Open311)"), "email": N_("e-mail"), "sms": N_("SMS"),
    "social": N_("social media"), "counter": N_("an office counter"), "bulk": N_("another system"),
    "api": N_("an app"),
}  # fmt: skip
ERROR_TARGETS = {
    "latitude": "place", "longitude": "place", "accuracy": "place", "place": "place",
    "kelurahan": "kelurahan", "landmark": "landmark", "category": "category", "description": "description",
    "photo": "photo", "private": "private", "contact_email": "contact_email", "contact_phone": "contact_phone",
}  # fmt: skip
"""The id of the form's part that an error of a field leads to."""


class Icons:
    """The icons that one page uses: each drawn once at its end, shown anywhere by name."""

    def __init__(self, drawings: Mapping[str, str]) -> None:
        self._drawings = drawings
        self._used: dict[str, tuple[str, str]] = {}

    def show(self, name: str, extra: str = "") -> Markup:
        """A Phosphor icon by name, or a state's shape by `state:<code>`; decorative, so not read aloud."""
        from markupsafe import Markup

        self.need(name)
        kind = f"i {extra}".strip()
        return Markup('<svg class="{}" aria-hidden="true"><use href="#{}"/></svg>').format(
            kind, _symbol_id(name)
        )

    def need(self, name: str) -> str:
        """Have an icon drawn on this page; the id to refer to."""
        if name not in self._used:
            code = name.removeprefix("state:")
            drawing = SHAPES.get(code) if name != code else self._drawings.get(name)
            if drawing is None:
                raise ValueError(
                    f"icon {name!r} was not built: run 'python -m web build --categories FILE' with your file"
                )
            self._used[name] = ("0 0 16 16" if name != code else "0 0 256 256", drawing)
        return _symbol_id(name)

    def sheet(self) -> Markup:
        """The definitions of every icon that was shown, for the end of the page."""
        from markupsafe import Markup

        # Drawings come from Phosphor and from SHAPES above, never from people.
        symbols = "".join(
            f'<symbol id="{_symbol_id(name)}" viewBox="{box}">{drawing}</symbol>'
            for name, (box, drawing) in self._used.items()
        )
        return Markup(f'<svg class="sheet" aria-hidden="true" width="0" height="0">{symbols}</svg>')  # noqa: S704


def _symbol_id(name: str) -> str:
    return name.replace("state:", "s-") if name.startswith("state:") else f"i-{name}"


@dataclass(frozen=True)
class Renderer:
    """Every text of the site. Make one with `Renderer.open` and keep it: templates are compiled once."""

    maps: Maps
    categories: Mapping[str, Category]
    site_url: str
    basemap: Basemap
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
        basemap: Basemap = Basemap(),
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
            classes=_legend(breaks),
            views={
                name: (
                    frame,
                    _by_shade(shapes, {row.kode: shade(row.counts.open, breaks) for row in view.rows}),
                )
                for name, (frame, shapes) in self.maps.city.items()
            },
            kota_labels=self.maps.kota_labels,
            kota=kota,
            busiest=busiest,
            most=max((r.counts.open for r in busiest), default=1),
            totals=_totals(view.rows),
            open_total=sum(row.counts.open for row in view.rows),
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
        return self._page("report.html", language, f"/laporan/{view.id}/", **self._of_report(view))

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
        )

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
        years = sorted({month[:4] for month, _ in view.months}, reverse=True)
        return self._page("recaps.html", language, "/rekap/", view=view, years=years)

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

    def sitemap(self, codes: Iterable[str]) -> str:
        """Addresses of the pages that do not come and go, in both languages, for search engines.

        `codes` are all kelurahan. Needs the site's address: a sitemap knows no relative links.
        """
        known = sorted(codes)
        paths = ["/", "/lapor/", "/laporan/", "/rekap/", "/periksa/", "/status/"]
        paths += [f"/kota/{kode}/" for kode in sorted({kode[:5] for kode in known})]
        paths += [f"/kecamatan/{kode}/" for kode in sorted({kode[:8] for kode in known})]
        paths += [f"/kelurahan/{kode}/" for kode in known]
        lines = [
            f"<url><loc>{self.site_url}{path}</loc>"
            f'<xhtml:link rel="alternate" hreflang="en" href="{self.site_url}/en{path}"/></url>'
            for path in paths
        ]
        return (
            '<?xml version="1.0" encoding="utf-8"?>\n'
            '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:xhtml="http://www.w3.org/1999/xhtml">\n'
            + "\n".join(lines)
            + "\n</urlset>\n"
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
            "events": sorted(view.events, key=lambda event: -event.seq),
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

    def search(self, language: str, value: str = "", message: str = "") -> str:
        """The page to find a report by its id. `message` says what was wrong with `value`."""
        return self._page("search.html", language, "/laporan/", value=value, message=message)

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
        told = {"id": report_id, "follow_key": follow_key, "place": place, "private": private}
        return self._page("receipt.html", language, "", **told)

    # Data ----------------------------------------------------------------------------------------

    def report_json(self, view: ReportView, chain: Sequence[Mapping[str, Any]] = ()) -> str:
        """`/laporan/<id>.json`: the status page as data, with the event chain that proves its history."""
        place = view.place
        return _json(
            {
                "id": view.id,
                "category": view.category,
                "state": view.state,
                "description": view.description,
                "landmark": view.landmark,
                "place": place
                and {
                    "kode": place.kode,
                    "kelurahan": place.kelurahan,
                    "kecamatan": place.kecamatan,
                    "kota": place.kota,
                    "method": place.method,
                    "doubtful": place.doubtful,
                },
                "longitude": view.longitude,
                "latitude": view.latitude,
                "accuracy_m": view.accuracy_m,
                "channel": view.channel,
                "created": i18n.machine_time(view.created),
                "updated": i18n.machine_time(view.updated),
                "percent": view.percent,
                "planned": view.planned and view.planned.isoformat(),
                "photos": [
                    {"url": p.url, "thumb_url": p.thumb_url, "width": p.width, "height": p.height}
                    for p in view.photos
                ],
                "duplicate_of": view.duplicate_of,
                "example": view.example,
                "chain": list(chain),
            }
        )

    def feed(self, view: KelurahanView) -> str:
        """The kelurahan's Atom feed (RFC 4287): its reports that changed last, in Indonesian."""
        newest = sorted(view.reports, key=lambda report: (report.updated, report.id), reverse=True)[:FED]
        # A feed must say when it last changed; one without entries has never changed.
        changed = newest[0].updated if newest else datetime(1970, 1, 1, tzinfo=UTC)
        return self._text(
            "feed.xml",
            "id",
            f"/kelurahan/{view.kode}/feed.xml",
            view=view,
            reports=newest,
            changed=changed,
            urn=lambda name: f"urn:uuid:{uuid.uuid5(FEED_IDS, name)}",
            xml=_xml_safe,
        )

    def geojson(self, view: KelurahanView) -> str:
        """The kelurahan's open reports as a FeatureCollection (RFC 7946), longitude first, 6 decimals.

        A feature's id is the report's; its words are at `/laporan/<id>.json`. At most the 150 newest:
        the member `open` counts all, and `/data/aktif/<kode>.json` and the archive hold the rest.
        """
        from geojson.feature import Feature, FeatureCollection
        from geojson.geometry import Point

        features = [
            Feature(  # type: ignore[no-untyped-call]
                id=report.id,
                geometry=Point((report.longitude, report.latitude), precision=6),  # type: ignore[no-untyped-call]
                properties={
                    "category": report.category,
                    "state": report.state,
                    "created": i18n.machine_time(report.created),
                }
                | ({"example": True} if report.example else {}),
            )
            for report in [r for r in view.reports if not STATES[r.state].closed][:MAPPED]
        ]
        return _json(FeatureCollection(features, kode=view.kode, open=view.counts.open))  # type: ignore[no-untyped-call]

    def active(self, view: KelurahanView) -> str:
        """`/data/aktif/<kode>.json`: the kelurahan's open and newest reports as columns, for the map.

        `columns` holds lists of equal length, in the view's order: `id`; `longitude` and `latitude` in
        units of 0.00001 degree from `origin`; `category` and `state` as positions in `categories` and
        `states`; `created` in minutes, the first since 1970 (UTC), each next relative to the one before;
        `photo`, 1 when there is one; `text`, shortened, of the first 20 only. `open` counts all open
        reports, also those beyond the list, `total` all; `example` is true when some are synthetic.
        """
        return _json(
            {
                "kode": view.kode,
                "open": view.counts.open,
                "total": view.counts.total,
                **_columns(view.reports, words=WORDED),
            }
        )

    def archive(self, kode: str, month: str, reports: Sequence[ReportSummary]) -> str:
        """`/data/arsip/<kode>/<yyyymm>.json`: a month's reports in the columns of `active`, all with text."""
        return _json(
            {"kode": kode, "month": month, "total": len(reports), **_columns(reports, words=len(reports))}
        )

    def summary_counts(self, rows: Sequence[KelurahanRow]) -> str:
        """`/data/ringkas.json`: counts per kelurahan in the order of `states`, and the map's class breaks."""
        states = list(STATES)
        return _json(
            {
                "boundaries": {"version": self.boundaries_version, "approximate": self.approximate},
                "breaks": class_breaks([row.counts.open for row in rows]),
                "states": states,
                "kelurahan": {
                    row.kode: [row.counts.by_state.get(state, 0) for state in states] for row in rows
                },
            }
        )

    def assets(self) -> Iterator[tuple[str, bytes]]:
        """Every static file to publish, by path on the site: hashed ones under `aset/`, a few at fixed names."""
        for path in sorted((self.web_build / "aset").iterdir()):
            yield f"aset/{path.name}", path.read_bytes()
        for name in self.manifest["fixed"]:
            if not name.startswith("aset/"):
                yield name, (self.web_build / name).read_bytes()
        yield "data/kategori.json", self._categories_json().encode()

    def _categories_json(self) -> str:
        """`/data/kategori.json`: what can be reported, for scripts and for others who read the data."""
        rows = self.categories.values()
        return _json({c.code: {"id": c.names["id"], "en": c.names["en"], "icon": c.icon} for c in rows})

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


def kota_name(kota: str) -> str:
    """A kota as people say it: `Jakarta Pusat`, not `KOTA ADM. JAKARTA PUSAT`."""
    name = re.sub(r"^(kota|kabupaten|kab\.?)\s+(administrasi|adm\.?)\s+", "", kota, flags=re.IGNORECASE)
    return name.title() if name.isupper() else name


def written_id(report_id: str) -> str:
    """An id as people read it aloud: `7K3M-9QX2`."""
    return f"{report_id[:4]}-{report_id[4:]}"


def class_breaks(counts: Iterable[int]) -> list[int]:
    """Where the map's shades begin: up to five ascending numbers, from the counts' own distribution.

    The first is 1; the others are the quintiles of what is above zero, rounded to numbers that are easy to
    read, so that a quiet month and a flood both show where the most is.
    """
    above = sorted(count for count in counts if count > 0)
    if not above:
        return [1]
    breaks = [1]
    for part in (1, 2, 3, 4):
        step = _round_number(above[min(len(above) * part // 5, len(above) - 1)])
        # Where most have the same small number the steps still go up, one by one.
        step = max(step, breaks[-1] + 1)
        if step <= above[-1]:
            breaks.append(step)
    return breaks


def _round_number(count: int) -> int:
    if count <= 10:
        return count
    step = 5 if count < 50 else 10 ** (len(str(count)) - 1) // 2
    return round(count / step) * step


def shade(count: int, breaks: Sequence[int]) -> int:
    """The shade of a count: 0 for none, then 1 for the first class and so on."""
    return sum(1 for begin in breaks if count >= begin)


def _legend(breaks: Sequence[int]) -> list[tuple[int, int, int | None]]:
    """(shade, from, to) of each class; `to` is None for the last."""
    ends = [begin - 1 for begin in breaks[1:]]
    return [
        (0, 0, 0),
        *((i, begin, end) for i, (begin, end) in enumerate(zip(breaks, [*ends, None], strict=True), start=1)),
    ]


def _by_shade(
    shapes: Iterable[tuple[str, str]], shades: Mapping[str, int]
) -> list[tuple[int, list[tuple[str, str]]]]:
    """(shade, its shapes), from none to most: drawn in groups, which is shorter than a class on each."""
    groups: dict[int, list[tuple[str, str]]] = {}
    for kode, d in shapes:
        groups.setdefault(shades.get(kode, 0), []).append((kode, d))
    return sorted(groups.items())


def _totals(rows: Iterable[KelurahanRow]) -> dict[str, int]:
    totals = dict.fromkeys(STATES, 0)
    for row in rows:
        for state, count in row.counts.by_state.items():
            totals[state] += count
    return totals


def _columns(reports: Sequence[ReportSummary], *, words: int) -> dict[str, Any]:
    states = list(STATES)
    categories = sorted({report.category for report in reports})
    west = min((round(report.longitude * 1e5) for report in reports), default=0)
    south = min((round(report.latitude * 1e5) for report in reports), default=0)
    created = [int(report.created.timestamp()) // 60 for report in reports]
    return {
        "example": any(report.example for report in reports),
        "states": states,
        "categories": categories,
        "origin": [west, south],
        "columns": {
            "id": [report.id for report in reports],
            "longitude": [round(report.longitude * 1e5) - west for report in reports],
            "latitude": [round(report.latitude * 1e5) - south for report in reports],
            "category": [categories.index(report.category) for report in reports],
            "state": [states.index(report.state) for report in reports],
            "created": [now - before for now, before in zip(created, [0, *created], strict=False)],
            "photo": [1 if report.thumb_url else 0 for report in reports],
            "text": [
                shortened(report.description, 60) if i < words else "" for i, report in enumerate(reports)
            ],
        },
    }


def shortened(text: str, length: int) -> str:
    """The beginning of a text in one line, cut between words, with an ellipsis when something was cut."""
    line = " ".join(text.split())
    if len(line) <= length:
        return line
    cut = line[: length - 1]
    words = cut.rsplit(" ", 1)[0]
    return (words if len(words) > length // 2 else cut).rstrip(" ,.;:") + "…"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _xml_safe(text: str) -> str:
    """Text without the control characters that XML 1.0 forbids even when escaped."""
    return _NOT_XML.sub("", text)


def content_type(path: str) -> str:
    """The media type of an asset, by its suffix."""
    return mimetypes.guess_type(path)[0] or "application/octet-stream"
