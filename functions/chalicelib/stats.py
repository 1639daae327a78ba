"""What is counted of reports: for a kelurahan's figures and for the recap of a month.

Every count is a sum over reports of a function of one report. What a change adds is
what the report counts now less what it counted before, written in the same transaction
as the event: so counts are exact however often anything is delivered or tried again,
and a recount from the reports must give the same. Knows no table and no clock.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from .lifecycle import CLOSED, STATES
from .report import Report, moment

SOON_DAYS = 30
"""Done within so many days of being reported counts as soon."""
EXACT_DAYS = 60
"""Days until done are kept exactly below this, in tens above."""
MOST_DAYS = 720
DONE_FACETS = frozenset({"channel", "category", "office"})
"""Facets of which it is counted how many are done, too."""
_ODD = re.compile(r"[^A-Za-z0-9_.-]")
_DAY = re.compile(r"day:([0-9]+)")


def days_until_done(report: Report) -> int | None:
    """Whole days from report to done, in steps of ten from EXACT_DAYS on; None when it is not done."""
    if report.state != "done" or report.closed is None:
        return None
    days = max((moment(report.closed) - moment(report.created)) // timedelta(days=1), 0)
    return days if days < EXACT_DAYS else min(days // 10 * 10, MOST_DAYS)


def outcome(report: Report) -> dict[str, int]:
    """How it ended, as counters: `day:<n>` when it is done, and the reporter's rating."""
    counted: dict[str, int] = {}
    days = days_until_done(report)
    if days is not None:
        counted[f"day:{days}"] = 1
    if report.rating is not None:
        counted[report.rating] = 1
    return counted


def facets(report: Report) -> dict[str, int]:
    """What a report counts in its month: by state, channel, category and office, hand-overs, and its outcome."""
    counted = {
        "total": 1,
        f"state:{report.state}": 1,
        f"channel:{_named(report.channel)}": 1,
        f"category:{_named(report.category)}": 1,
        "handovers": report.handovers,
        **outcome(report),
    }
    office = _named(report.office.code) if report.office else ""
    if office:
        counted[f"office:{office}"] = 1
    if report.state == "done":
        counted[f"channel_done:{_named(report.channel)}"] = 1
        counted[f"category_done:{_named(report.category)}"] = 1
        if office:
            counted[f"office_done:{office}"] = 1
    return {name: n for name, n in counted.items() if n}


def _named(code: str) -> str:
    """A code as counters' names take it."""
    return _ODD.sub("_", code)[:40]


@dataclass(frozen=True, slots=True)
class Figures:
    """How well some place or month is answered. `within` are those done within SOON_DAYS days.

    `median_days` and `ninety_days` (90th percentile) are whole days from report to done, None
    while nothing is done; ratings are reporters' own.
    """

    total: int
    open: int
    done: int
    within: int
    median_days: int | None
    ninety_days: int | None
    satisfied: int
    unsatisfied: int

    @property
    def done_percent(self) -> float | None:
        """Share of all reports that are done, in percent to one decimal; None without reports."""
        return _percent(self.done, self.total)

    @property
    def within_percent(self) -> float | None:
        """Share of the done that took no longer than SOON_DAYS days."""
        return _percent(self.within, self.done)

    @property
    def satisfied_percent(self) -> float | None:
        """Share of ratings that are satisfied; None while nobody rated."""
        return _percent(self.satisfied, self.satisfied + self.unsatisfied)


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 1) if whole else None


def figures(counters: Mapping[str, int], *, by_state: Mapping[str, int], closed: Iterable[str]) -> Figures:
    """Figures from counters of `outcome` and counts by state; `closed` are the states that are."""
    shut = set(closed)
    days = Counter({int(m[1]): n for name, n in counters.items() if (m := _DAY.fullmatch(name)) and n > 0})
    return Figures(
        total=sum(by_state.values()),
        open=sum(n for state, n in by_state.items() if state not in shut),
        done=by_state.get("done", 0),
        within=sum(n for day, n in days.items() if day < SOON_DAYS),
        median_days=percentile(days, 50),
        ninety_days=percentile(days, 90),
        satisfied=counters.get("satisfied", 0),
        unsatisfied=counters.get("unsatisfied", 0),
    )


def percentile(days: Mapping[int, int], share: int) -> int | None:
    """The smallest number of days within which at least `share` percent were done (nearest rank)."""
    total = sum(days.values())
    if total == 0:
        return None
    rank = -(-total * share // 100)
    seen = 0
    for day in sorted(days):
        seen += days[day]
        if seen >= rank:
            return day
    return max(days)


def summed(many: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Counters added up, zeros left out."""
    total: Counter[str] = Counter()
    for each in many:
        total.update(each)
    return {name: n for name, n in sorted(total.items()) if n}


def of_kelurahan(counters: Mapping[str, int]) -> Figures:
    """Figures of a kelurahan, or of several summed, from what records keeps under `counts`."""
    by_state = {state: counters.get(state, 0) for state in STATES}
    return figures(counters, by_state=by_state, closed=CLOSED)


def of_month(counters: Mapping[str, int]) -> Figures:
    """Figures of a month from counters of `facets`."""
    by_state = {state: counters.get(f"state:{state}", 0) for state in STATES}
    return figures(counters, by_state=by_state, closed=CLOSED)


def table(counters: Mapping[str, int], facet: str) -> list[tuple[str, int, int | None]]:
    """(code, reports, done) of one facet, most reports first; done is None where it is not counted."""
    total = {
        name.removeprefix(f"{facet}:"): n
        for name, n in counters.items()
        if name.startswith(f"{facet}:") and n > 0
    }
    counted = facet in DONE_FACETS
    return [
        (code, n, counters.get(f"{facet}_done:{code}", 0) if counted else None)
        for code, n in sorted(total.items(), key=lambda row: (-row[1], row[0]))
    ]


def periods_of(month: str) -> tuple[str, str]:
    """The quarter and the year of a month: `2026-11` is in `2026-q4` and `2026`."""
    year, number = month.split("-")
    return f"{year}-q{(int(number) + 2) // 3}", year


def months_of(period: str) -> list[str]:
    """The months (yyyy-mm) of a month, quarter or year."""
    year, _, part = period.partition("-")
    if not part:
        return [f"{year}-{month:02d}" for month in range(1, 13)]
    if part.startswith("q"):
        first = 3 * int(part[1:]) - 2
        return [f"{year}-{month:02d}" for month in range(first, first + 3)]
    return [period]
