"""`/gaya/`: every part that pages are made of, in every state, for those who build them and for visual regression.

Most parts are cut out of the real pages, drawn with made-up content: what is shown here is what is
used. The same words and dates every time, so that pictures of it can be compared. In no sitemap.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from web import views
from web.render import Renderer
from web.vocabulary import STATES

if TYPE_CHECKING:
    from markupsafe import Markup

BEGIN = datetime(2026, 11, 2, 2, 15, tzinfo=UTC)
KODE = "31.71.01.1001"
PLACE = views.PlaceView(KODE, "Gambir", "Gambir", "Kota Administrasi Jakarta Pusat", "inside")
REPORT = "7K3M9QX2"
WORDS = {
    "id": "Lubang besar di lajur kiri dekat halte. Makin lebar setelah hujan.",
    "en": "A large hole in the left lane near the bus stop. It grows with every rain.",
}
ANSWERS = {
    "coordination": {"id": "Kami periksa bersama.", "en": "We are looking at it together."},
    "disposition": {"id": "", "en": ""},
    "in_progress": {"id": "Petugas sudah di lokasi.", "en": "A team is on the spot."},
    "done": {"id": "Lubang sudah ditambal.", "en": "The hole has been filled."},
    "rejected": {"id": "Kami cari dua kali di lokasi.", "en": "We looked for it twice."},
}
WAYS: dict[str, tuple[str, ...]] = {
    "waiting": (),
    "coordination": ("coordination",),
    "disposition": ("coordination", "disposition"),
    "in_progress": ("coordination", "disposition", "in_progress"),
    "done": ("coordination", "disposition", "in_progress", "done"),
    "rejected": ("rejected",),
    "duplicate": ("duplicate",),
}
"""How a report came to each state."""
WRONG = {
    "description": "x",
    "contact_phone": "12",
    "latitude": "-7.8",
    "longitude": "110.36",
    "category": "jalan",
    "private": "true",
}
"""What a form was sent with that came back."""
COLOURS = (
    ("ink", "soft", "accent", "accent-deep", "red", "yellow", "green", "grey"),
    ("paper", "sheet", "wash", "red-wash", "yellow-wash", "green-wash", "grey-wash", "sea"),
    ("c0", "c1", "c2", "c3", "c4", "c5"),
)
"""Tokens of site.css: what is written and drawn, grounds, the map's shades."""
ICON = re.compile(r'href="#i-([a-z-]+)"')
SIZES = tuple(f"t{n}" for n in range(9, 0, -1))


def page(renderer: Renderer, language: str) -> str:
    """The page in a language (`id` or `en`)."""
    report = {state: renderer.status(_report(state, language), language) for state in STATES}
    form = renderer.report_form(_wrong_form(language), language)
    empty = views.KelurahanView(
        KODE, PLACE.kelurahan, PLACE.kecamatan, PLACE.kota, views.Counts({}), (), (), None
    )
    now = {state: cut(report[state], "now") for state in STATES}
    timelines = [cut(report[state], "timeline") for state in ("done", "rejected")]
    parts_of_form = {name: cut(form, name) for name in ("summary", "pickers", "kinds", "choices", "two")}
    received = cut(renderer.receipt(REPORT, "ABCD-EFGH-JKMN-PQRS", PLACE, language), "receipt")
    nothing = cut(renderer.kelurahan(empty, language), "empty")
    pieces = [*now.values(), *timelines, *parts_of_form.values(), received, nothing]
    return renderer._page(
        "gaya.html",
        language,
        "/gaya/",
        words=WORDS[language],
        colours=COLOURS,
        sizes=SIZES,
        # Icons are drawn once at the end of a page: what a piece shows must be drawn on this one, too.
        icons_of_pieces=sorted(set(ICON.findall("".join(pieces)))),
        now=now,
        timelines=timelines,
        rows=[_summary(number, state, language) for number, state in enumerate(STATES)],
        figures=views.FiguresView(1290, 214, 940, 72.9, 88.4, 6, 24, 81.5, 130),
        bars=[
            views.RecapRow("jalan", "", 420, 311),
            views.RecapRow("sampah", "", 260, 240),
            views.RecapRow("banjir", "", 75, 12),
        ],
        parts_of_form=parts_of_form,
        receipt=received,
        empty=nothing,
    )


def cut(html: str, name: str) -> Markup:
    """The first element with a class, as it stands in a page. Raises LookupError when there is none."""
    from markupsafe import Markup

    found = _Cutter(name, html)
    found.feed(html)
    if found.end is None:
        raise LookupError(f"no element with the class {name!r} is on this page")
    return Markup(html[found.start : found.end])  # noqa: S704 - cut out of what the template engine escaped


class _Cutter(HTMLParser):
    """Finds where the first element with a class begins and ends. Pages are well-formed: tests hold them to it."""

    def __init__(self, name: str, html: str) -> None:
        super().__init__(convert_charrefs=False)
        self.name, self.start, self.end = name, 0, None
        self._lines = [0]
        for line in html.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))
        self._tag, self._depth = "", 0

    end: int | None

    def _offset(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._depth:
            self._depth += tag == self._tag
        elif self.end is None and self.name in (dict(attrs).get("class") or "").split():
            self._tag, self._depth, self.start = tag, 1, self._offset()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """`<path/>` opens nothing."""

    def handle_endtag(self, tag: str) -> None:
        if self._depth and tag == self._tag:
            self._depth -= 1
            if self._depth == 0:
                self.end = self._offset() + len(tag) + 3


def _summary(number: int, state: str, language: str) -> views.ReportSummary:
    created = BEGIN - timedelta(days=number)
    return views.ReportSummary(
        id=REPORT,
        category=("jalan", "sampah", "banjir", "pohon", "kabel", "fasum", "air")[number],
        state=state,
        description=WORDS[language],
        longitude=106.8272,
        latitude=-6.1754,
        created=created,
        updated=created,
        thumb_url=None,
        example=True,
    )


def _report(state: str, language: str) -> views.ReportView:
    events = [_event(1, "received", None, "waiting", "")]
    for to in WAYS[state]:
        said = ANSWERS.get(to, {}).get(language, "")
        events.append(_event(len(events) + 1, "moved", events[-1].to_state, to, said))
    working = state == "in_progress"
    return views.ReportView(
        id=REPORT,
        category="jalan",
        state=state,
        description=WORDS[language],
        landmark="",
        place=PLACE,
        longitude=None,
        latitude=None,
        accuracy_m=None,
        channel="web",
        created=BEGIN,
        updated=events[-1].at,
        percent=50 if working else None,
        planned=date(2026, 11, 25) if working else None,
        photos=(),
        events=tuple(events),
        duplicate_of="2B4D6F8H" if state == "duplicate" else None,
        example=True,
    )


def _event(seq: int, kind: str, start: str | None, to: str, text: str) -> views.EventView:
    given = {"coordination": "Dinas (contoh)", "disposition": "Satuan pelaksana (contoh)"}
    return views.EventView(
        seq=seq,
        at=BEGIN + timedelta(hours=9 * seq),
        kind=kind,
        office="" if kind == "received" else "Kelurahan Gambir",
        to_office=given.get(to, ""),
        from_state=start,
        to_state=to,
        text=text,
        reason="not_found" if to == "rejected" else None,
        percent=50 if to == "in_progress" else None,
        planned=date(2026, 11, 25) if to == "in_progress" else None,
        hash="a1" * 32,
    )


def _wrong_form(language: str) -> views.FormView:
    from web import i18n

    words: Any = i18n.translation(language)
    wrong = (
        views.FieldError("latitude", words.gettext("Enter coordinates")),
        views.FieldError("description", words.gettext("What is wrong, and since when?")),
    )
    return views.FormView(WRONG, wrong)
