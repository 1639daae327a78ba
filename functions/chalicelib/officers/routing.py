"""Routing rules: which reports go straight from the kelurahan of their place to an agency, and by which rule.

A report first goes to the kelurahan of its location, as Jakarta does. The first rule that
fits, by its order and then its code, hands it on in the same breath: an event that
names the rule. No rule ships. Decides only; the same facts always give the same rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from ..access import BOUNDARY, CODE
from ..report import Event, Office, Report, moment, sealed
from . import editable
from .worklist import in_doubt

if TYPE_CHECKING:
    from ..storage.table import Table

KIND = "routing"
WIB = timezone(timedelta(hours=7))
"""Jakarta's time: rules speak of the hours on its clocks."""
_WORD = re.compile(r"\w+")


class Rule(msgspec.Struct, frozen=True):
    """A rule. What it leaves empty fits anything; what it names must all fit.

    `boundaries` are code prefixes, one of which the place must lie in. `words` are words or phrases, one of which
    must stand in the report. `days` count from Monday, 0; `from_hour` to `to_hour` (not included) are hours of
    Jakarta in which the report was sent, over midnight when the first is larger. The public reads `name`.
    """

    code: str
    name: Annotated[str, Meta(min_length=1, max_length=80, pattern=r"\S")]
    agency: Annotated[str, Meta(max_length=40)]
    order: Annotated[int, Meta(ge=0, le=9999)] = 100
    categories: Annotated[tuple[Annotated[str, Meta(max_length=32)], ...], Meta(max_length=100)] = ()
    boundaries: Annotated[tuple[Annotated[str, Meta(max_length=13)], ...], Meta(max_length=300)] = ()
    words: Annotated[tuple[Annotated[str, Meta(min_length=2, max_length=60)], ...], Meta(max_length=50)] = ()
    days: Annotated[tuple[Annotated[int, Meta(ge=0, le=6)], ...], Meta(max_length=7)] = ()
    from_hour: Annotated[int, Meta(ge=0, le=24)] = 0
    to_hour: Annotated[int, Meta(ge=0, le=24)] = 24
    live: bool = False

    def fits(self, facts: Facts) -> bool:
        """Whether a report is this rule's."""
        return (
            (not self.categories or facts.category in self.categories)
            and (not self.boundaries or any(within(facts.kode, each) for each in self.boundaries))
            and (not self.days or facts.at.weekday() in self.days)
            and self._hour(facts.at.hour)
            and (not self.words or any(f" {_plain(each)} " in facts.text for each in self.words))
        )

    def _hour(self, hour: int) -> bool:
        if self.from_hour <= self.to_hour:
            return self.from_hour <= hour < self.to_hour
        return hour >= self.from_hour or hour < self.to_hour


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules judge. `text` is plain words between blanks; `at` is Jakarta's time."""

    category: str
    kode: str
    text: str
    at: datetime


def check(rule: Rule) -> str:
    """What is wrong with a rule, in words; "" when nothing is."""
    if not CODE.fullmatch(rule.code):
        return f"{rule.code!r} is no code: small letters, digits and dashes, 2 to 40"
    if wrong := [each for each in rule.boundaries if not BOUNDARY.fullmatch(each)]:
        return f"boundary {wrong[0]!r} is no code such as 31.71 or 31.71.01"
    if wrong := [each for each in rule.words if not _plain(each)]:
        return f"{wrong[0]!r} holds no word"
    if rule.from_hour == rule.to_hour:
        return "the hours from and to are the same: that is never"
    return ""


def within(kode: str, boundary: str) -> bool:
    """Whether a code lies within a boundary."""
    return kode == boundary or kode.startswith(f"{boundary}.")


def facts_of(report: Report) -> Facts | None:
    """What rules judge of a report as it came in; None for one that no rule may take.

    Without a place, or in doubt between two kelurahan, people decide first.
    """
    if report.place is None or in_doubt(report):
        return None
    text = f" {_plain(f'{report.description} {report.landmark}')} "
    return Facts(report.category, report.place.kode, text, moment(report.created).astimezone(WIB))


def decide(rules: Iterable[Rule], report: Report) -> Rule | None:
    """The rule that takes a report, live or not: the first that fits."""
    facts = facts_of(report)
    if facts is None:
        return None
    return next((rule for rule in in_order(rules) if rule.fits(facts)), None)


def in_order(rules: Iterable[Rule]) -> list[Rule]:
    """Rules in the order in which they are asked."""
    return sorted(rules, key=lambda rule: (rule.order, rule.code))


def read(entries: Mapping[str, Mapping[str, Any] | None]) -> dict[str, Rule]:
    """Rules by code, from what was edited at the desk."""
    return {c: msgspec.convert({"code": c, **e}, Rule) for c, e in entries.items() if e is not None}


def live(table: Table) -> list[Rule]:
    """The rules that are in force. One read."""
    return [rule for rule in read(editable.read(table, KIND).entries).values() if rule.live]


def routed(report: Report, rule: Rule, office: Office) -> Event:
    """The event that follows the first one of a report that a rule takes."""
    return sealed(
        Event(
            report=report.id,
            seq=report.seq + 1,
            at=report.created,
            kind="routed",
            from_state=report.state,
            to_state=report.state,
            to_office=office,
            rule=rule.name,
            example=report.example,
        ),
        report.head,
    )


def trial(rules: Sequence[Rule], reports: Iterable[Report]) -> list[tuple[Report, Rule]]:
    """Which past reports rules would have taken, and by which rule."""
    return [(it, rule) for it in reports if (rule := decide(rules, it)) is not None]


def _plain(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))
