"""Where a report stands in officers' queues: which rows it has beside its kelurahan's lists, and what they count.

A kelurahan's own lists hold every report of its place. Here is what they cannot: one
row per kota (so that a city-wide queue reads six partitions, not 267), one at the
office it was handed to, one at the other kelurahan of a doubt until somebody takes it,
and one among the few that are in doubt or that left their reporter unsatisfied.
Decides only; records.py writes and reads.

| partition                  | sort            | what                                                  |
| -------------------------- | --------------- | ----------------------------------------------------- |
| desk#<phase>#<kota>        | <created>#<id>  | reports of a kota, or that an office of it must see   |
| desk#<phase>#@<office>     | <created>#<id>  | reports at an agency, or at a kelurahan not their own |
| desk#<mark>#<kota>         | <created>#<id>  | reports of a kota in doubt, or rated unsatisfied      |
| workload                   | <kode or office>| private reports of a kelurahan, reports at an agency  |
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..lifecycle import STATES
from ..report import Report
from ..storage.table import Add, Delete, Key, Put, Write

DOUBT, LOW = "doubt", "low"
"""Marks: so few reports bear them that a filter finds them in a list of their own."""
LOW_RATING = "unsatisfied"
KODE = re.compile(r"\d{2}\.\d{2}\.\d{2}\.\d{4}")
WORKLOAD = "workload"
NOWHERE = "-"
"""Stands for the place of a report that has none."""


def phase_of(report: Report) -> str:
    return "closed" if STATES[report.state].closed else "open"


def in_doubt(report: Report) -> bool:
    """Whether two kelurahan still have it in their queues: its place is doubtful, and nobody took it."""
    return (
        report.place is not None and report.place.doubtful and report.state == "waiting" and at_home(report)
    )


def at_home(report: Report) -> bool:
    """Whether it is at the office of its place, not handed on."""
    return report.office is None or (report.place is not None and report.office.code == report.place.kode)


def kota_of(kode: str) -> str:
    """The kota of a kelurahan's code: `31.71` of `31.71.01.1001`."""
    return kode[:5]


def keys(report: Report) -> list[Key]:
    """The report's rows in queues, beside its kelurahan's lists. At most seven."""
    codes: list[str] = []
    if report.place:
        codes.append(kota_of(report.place.kode))
    if report.office and not at_home(report):
        codes.append(f"@{report.office.code}")
        if KODE.fullmatch(report.office.code):
            codes.append(kota_of(report.office.code))
    if in_doubt(report) and report.place and report.place.runner_up:
        codes += [f"@{report.place.runner_up}", kota_of(report.place.runner_up)]
    sort = f"{report.created}#{report.id}"
    partitions = [f"desk#{phase_of(report)}#{code}" for code in dict.fromkeys(codes)]
    if in_doubt(report) and report.place:
        kotas = (kota_of(kode) for kode in (report.place.kode, report.place.runner_up) if kode)
        partitions += [f"desk#{DOUBT}#{kota}" for kota in dict.fromkeys(kotas)]
    if report.rating == LOW_RATING and report.place:
        partitions.append(f"desk#{LOW}#{kota_of(report.place.kode)}")
    return [Key(partition, sort) for partition in partitions]


def writes(before: Report | None, after: Report, row: Mapping[str, Any]) -> list[Write]:
    """What changes in queues when a report came (`before` None) or changed. `row` is its row in lists."""
    old = set(keys(before)) if before else set()
    new = keys(after)
    found: list[Write] = [Delete(key) for key in sorted(old - set(new))]
    found += [Put(key, dict(row)) for key in new]
    deltas: dict[str, dict[str, int]] = {}
    for report, step in ((before, -1), (after, 1)):
        for code in counted_at(report) if report else ():
            counters = deltas.setdefault(code, {})
            state = report.state if report else ""
            counters[state] = counters.get(state, 0) + step
    for code, counters in sorted(deltas.items()):
        if moved := {state: n for state, n in counters.items() if n}:
            found.append(Add(Key(WORKLOAD, code), moved))
    return found


def counted_at(report: Report) -> list[str]:
    """Where it is counted beside the public counts: its kelurahan when it is private, and the agency it is at."""
    codes = []
    if report.place is None:
        codes.append(NOWHERE)
    elif report.private:
        codes.append(report.place.kode)
    if report.office and not KODE.fullmatch(report.office.code):
        codes.append(report.office.code)
    return codes
