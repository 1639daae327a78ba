"""The data that pages are made of: plain, public, already decided.

Whoever publishes fills these in; `web.render` turns them into text. Nothing here
holds personal data, reads a clock or knows where anything is stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol
from urllib.parse import urlsplit


class Category(Protocol):
    """What can be reported: code, names and hints by language, the name of a Phosphor icon, words to find it by.

    `nearby_m`: how near another open report may be the same, in metres. `emergency`: call 112 first.
    """

    @property
    def code(self) -> str: ...
    @property
    def names(self) -> Mapping[str, str]: ...
    @property
    def hints(self) -> Mapping[str, str]: ...
    @property
    def icon(self) -> str: ...
    @property
    def keywords(self) -> Sequence[str]: ...
    @property
    def nearby_m(self) -> int: ...
    @property
    def emergency(self) -> bool: ...
    @property
    def attributes(self) -> Sequence[Any]: ...


@dataclass(frozen=True, slots=True)
class Licence:
    """Under which licence the open data may be used: its SPDX name and its address; both empty when none was set."""

    name: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Basemap:
    """An optional background: a raster URL template with {z}, {x}, {y}, or the path of a PMTiles file on the site.

    `attribution` is plain text.
    """

    template: str = ""
    attribution: str = ""
    max_zoom: int = 19
    pmtiles: str = ""

    @property
    def on(self) -> bool:
        """Whether there is one."""
        return bool(self.template or self.pmtiles)

    @property
    def origin(self) -> str:
        """The host for the Content-Security-Policy's img-src; empty without a basemap of another host."""
        parts = urlsplit(self.template.replace("{s}", "*"))
        return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


@dataclass(frozen=True, slots=True)
class Outside:
    """Where people turn with a place outside the city: an operator's plain words, and an address on the web."""

    text: str = ""
    url: str = ""


NOWHERE = Outside()
NO_BASEMAP = Basemap()
NO_LICENCE = Licence()
"""Outlines and names alone."""


@dataclass(frozen=True, slots=True)
class PlaceView:
    """Where a report is: the kelurahan that was computed, and how."""

    kode: str
    kelurahan: str
    kecamatan: str
    kota: str
    method: str
    """`inside` or `nearest` as `geo.Place.method`; `confirmed` or `chosen` when the reporter decided."""
    doubtful: bool = False
    """True when the phone's accuracy leaves another kelurahan possible (probability below 0.9)."""


@dataclass(frozen=True, slots=True)
class PhotoView:
    """A published photo. Paths are absolute on the site, sizes in pixels."""

    url: str
    thumb_url: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class EventView:
    """One entry of a report's history, as the public sees it. `office` is never a person's name."""

    seq: int
    at: datetime
    kind: str
    """`received`, `moved`, `noted`, ... ; the names of chalicelib.report.EventKind."""
    office: str
    """`""` for the reporter, else the office's name as shown."""
    to_office: str
    """Where this event handed the report, `""` when it stayed."""
    from_state: str | None
    to_state: str | None
    text: str
    reason: str | None
    """Why it was refused: a code of chalicelib.lifecycle.REJECT_REASONS."""
    percent: int | None
    planned: date | None
    hash: str
    photos: tuple[PhotoView, ...] = ()
    rating: str | None = None
    """`satisfied` or `unsatisfied`, when the reporter rated."""
    reasons: tuple[str, ...] = ()
    """Why not: codes of chalicelib.holder.WHY_NOT."""
    about: int | None = None
    """The seq of the event whose words were erased."""
    rule: str = ""
    """The name of the routing rule that handed it on."""


@dataclass(frozen=True, slots=True)
class ReportView:
    """A report's status page. Longitude and latitude in degrees, WGS 84."""

    id: str
    """8 characters, without the dash."""
    category: str
    """Category code; names and icon come from the renderer's categories."""
    state: str
    description: str
    landmark: str
    place: PlaceView | None
    """None while nobody has placed it."""
    longitude: float | None
    latitude: float | None
    accuracy_m: float | None
    channel: str
    created: datetime
    updated: datetime
    percent: int | None
    planned: date | None
    photos: tuple[PhotoView, ...]
    events: tuple[EventView, ...]
    duplicate_of: str | None
    example: bool
    """True for synthetic reports: every page that shows one says so."""
    late: bool = False
    """True when the planned day went by and the report is not done."""
    supporters: int = 0
    """How many others it concerns, each device counted once."""
    merged: tuple[str, ...] = ()
    """Ids of reports that tell the same and were closed as its duplicates."""
    card: str = ""
    """Where the picture for sharing lies, "" when there is none."""


@dataclass(frozen=True, slots=True)
class OwnView:
    """A report as the holder of its key sees it, and what may be done with it just now."""

    report: ReportView
    private: bool
    rateable: bool
    reopen_until: datetime | None
    """None when it cannot be opened again by its reporter."""
    reasons: tuple[str, ...]
    """Codes to choose from when it is not satisfying."""
    messages: tuple[str, ...] = ()
    """What was wrong with what was just sent, in the reader's language."""
    text: str = ""
    """What was written, when it was not taken."""
    questions: tuple[EventView, ...] = ()
    """Officers' questions that wait for an answer, first to last."""
    about: int = 0
    """The question (its seq) that `text` was meant to answer; 0 for none."""


@dataclass(frozen=True, slots=True)
class ReportSummary:
    """A report in a list, a feed, a GeoJSON or an active file."""

    id: str
    category: str
    state: str
    description: str
    """Shortened public text, at most 140 characters."""
    longitude: float
    latitude: float
    created: datetime
    updated: datetime
    thumb_url: str | None
    example: bool
    kode: str = ""
    """The kelurahan's code, where it matters."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Public reports of one kelurahan by state code; a state that is missing counts 0."""

    by_state: Mapping[str, int]

    @property
    def open(self) -> int:
        """Reports still to be solved: every state but done, rejected and duplicate."""
        return sum(n for state, n in self.by_state.items() if state not in {"done", "rejected", "duplicate"})

    @property
    def total(self) -> int:
        """All public reports of the kelurahan."""
        return sum(self.by_state.values())


@dataclass(frozen=True, slots=True)
class FiguresView:
    """How well a place or a month is answered. Percents to one decimal; None where there is nothing to count."""

    total: int
    open: int
    done: int
    done_percent: float | None
    within_percent: float | None
    """Of the done, those done within 30 days of being reported."""
    median_days: int | None
    ninety_days: int | None
    """Nine of ten were done within so many days."""
    satisfied_percent: float | None
    rated: int


@dataclass(frozen=True, slots=True)
class AreaRow:
    """A part of an area, or the whole, with its figures."""

    kode: str
    name: str
    figures: FiguresView


@dataclass(frozen=True, slots=True)
class AreaView:
    """A kecamatan's or a kota's page: its figures, and those of its parts in order of code."""

    kode: str
    kind: str
    """`kecamatan` (its parts are kelurahan) or `kota` (its parts are kecamatan)."""
    name: str
    kota: str
    figures: FiguresView
    parts: tuple[AreaRow, ...]
    open_by_kelurahan: Mapping[str, int]
    """Open reports of every kelurahan in it, for the map."""
    example: bool
    reports: tuple[ReportSummary, ...] = ()
    """The newest open ones, at most 150, then the newest closed ones, at most 24; newest first within each."""

    @property
    def open(self) -> int:
        """All open reports, those that are not listed too."""
        return self.figures.open

    @property
    def total(self) -> int:
        """All reports."""
        return self.figures.total


@dataclass(frozen=True, slots=True)
class RecapRow:
    """A line of the recap's tables: a code, its name, how many reports, how many of them are done."""

    code: str
    name: str
    total: int
    done: int | None = None


@dataclass(frozen=True, slots=True)
class RecapView:
    """What came in during a month, quarter or year, and what became of it until now."""

    period: str
    """`2026-11`, `2026-q4` or `2026`."""
    figures: FiguresView
    handovers: int
    tables: Mapping[str, tuple[RecapRow, ...]]
    """By `channel`, `category`, `office`, `kota` and `kelurahan`; most reports first."""
    example: bool
    within: tuple[str, ...] = ()
    """Periods that hold this one or that it holds, as far as they have a recap, widest first."""


@dataclass(frozen=True, slots=True)
class RecapIndexView:
    """All months that have a recap, newest first, with their figures."""

    months: tuple[tuple[str, FiguresView], ...]
    example: bool
    quarters: tuple[tuple[str, FiguresView], ...] = ()
    years: tuple[tuple[str, FiguresView], ...] = ()


@dataclass(frozen=True, slots=True)
class IncidentView:
    """Something that was wrong with the service, and what was said of it: (when, words by language), in order."""

    number: int
    entries: tuple[tuple[datetime, Mapping[str, str]], ...]
    closed: datetime | None
    """None while it goes on."""


@dataclass(frozen=True, slots=True)
class ServiceView:
    """The service itself: when this was written, the newest change that it shows, and what still waits."""

    written: datetime
    newest: datetime | None
    waiting: int
    """Marks that the publisher has not worked off yet."""
    roots: str
    """The last day (yyyy-mm-dd) that has a root, or ""."""
    open_data: datetime | None = None
    """When a file of the open data was written last; None while there is none."""
    incidents: tuple[IncidentView, ...] = ()
    """Those that go on first, newest first within each."""


@dataclass(frozen=True, slots=True)
class KelurahanView:
    """A kelurahan's page: at most 400 reports, open ones first, newest first within each."""

    kode: str
    kelurahan: str
    kecamatan: str
    kota: str
    counts: Counts
    reports: tuple[ReportSummary, ...]
    neighbours: tuple[tuple[str, str], ...]
    """(kode, kelurahan) of those that share a border."""
    figures: FiguresView | None = None

    @property
    def kind(self) -> str:
        """What area this is."""
        return "kelurahan"

    @property
    def name(self) -> str:
        """Its name, whatever the kind."""
        return self.kelurahan

    @property
    def open(self) -> int:
        """All open reports, those that are not listed too."""
        return self.counts.open

    @property
    def total(self) -> int:
        """All reports."""
        return self.counts.total

    @property
    def example(self) -> bool:
        """Whether a synthetic report is among the listed."""
        return any(report.example for report in self.reports)


@dataclass(frozen=True, slots=True)
class KelurahanRow:
    """One kelurahan among all: for the map and the table of the home page."""

    kode: str
    kelurahan: str
    kecamatan: str
    kota: str
    counts: Counts


@dataclass(frozen=True, slots=True)
class HomeView:
    """The front page: every kelurahan with its counts, in order of code."""

    rows: tuple[KelurahanRow, ...]
    example: bool
    """True when the instance holds synthetic reports."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """What was wrong with one field of the form, in the reader's language."""

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class FormView:
    """The report form: empty when published; with values and errors when a plain form came back.

    `values` are the raw strings that were sent, `answers` those of fields that may be sent more than once;
    the template engine escapes them.
    """

    values: Mapping[str, str]
    errors: tuple[FieldError, ...] = ()
    answers: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hit:
    """A place that a search found: where it leads, its name, what it is, and what it lies in."""

    url: str
    name: str
    kind: str
    """`kota`, `kecamatan`, `kelurahan` or `landmark`."""
    inside: str
