"""Counts every report anew and says where the kept counters differ: they are sums, and sums can be checked.

Reads all reports, so it is for operators, never for a request. Decides with stats.py as
the writes themselves do; writes only when it is asked to mend.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from .. import records, stats
from ..storage.table import COUNTERS, Add, Key, Table


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """A counter that is not what the reports sum up to."""

    key: Key
    name: str
    kept: int
    counted: int


def differences(
    table: Table, codes: Sequence[str], progress: Callable[[Sequence[str], str], Iterable[str]]
) -> list[Difference]:
    """Where the counters of kelurahan and of months are wrong, in order; empty when all are right."""
    counted: dict[Key, dict[str, int]] = {}
    for kode in progress(codes, "kelurahan"):
        for report_id in records.public_ids(table, kode):
            for key, counters in _of(table, report_id):
                into = counted.setdefault(key, {})
                for name, n in counters.items():
                    into[name] = into.get(name, 0) + n
    months = {key.partition for key in counted if key.partition != "counts"} | _months(table)
    found = []
    for partition in ("counts", *sorted(months)):
        kept = {item.key: dict(item.counters) for item in records.every(table, partition)}
        for key in sorted({*kept, *(key for key in counted if key.partition == partition)}):
            # Moves with every change, to tell that something changed; it counts no report.
            ours = {name: n for name, n in kept.get(key, {}).items() if n and name != "changes"}
            theirs = {name: n for name, n in counted.get(key, {}).items() if n}
            for name in sorted({*ours, *theirs}):
                if ours.get(name, 0) != theirs.get(name, 0):
                    found.append(Difference(key, name, ours.get(name, 0), theirs.get(name, 0)))
    return found


def mend(table: Table, found: Sequence[Difference]) -> None:
    """Set the counters right. Nothing may come in meanwhile: what does would be counted twice."""
    steps: dict[Key, dict[str, int]] = {}
    for each in found:
        steps.setdefault(each.key, {})[each.name] = each.counted - each.kept
    for key, counters in sorted(steps.items()):
        names = sorted(counters)
        for first in range(0, len(names), COUNTERS - 1):
            some = {name: counters[name] for name in names[first : first + COUNTERS - 1]}
            table.transact([Add(key, some | ({"changes": 1} if key.partition == "counts" else {}))])


def _of(table: Table, report_id: str) -> Iterator[tuple[Key, dict[str, int]]]:
    """What one report counts, and where."""
    found = records.load(table, report_id)
    if found is None or found[0].private or found[0].place is None:
        return
    report = found[0]
    kode = report.place.kode if report.place else ""
    yield Key("counts", kode), {report.state: 1, **stats.outcome(report)}
    yield Key(records.recap_partition(report), kode), stats.facets(report)


def _months(table: Table) -> set[str]:
    from .recaps import RECAPS

    return {f"recap#{item.key.sort}" for item in records.every(table, RECAPS)}
