"""Writes the rows that follow from reports anew, where they are missing or old: after an update that added some.

Reports and their histories are never touched: only what records.py derives from them, lists,
queues and rows by time. Doing it twice is doing it once. Counters are recount's business,
but for the officers' workload, which is set right here. Best while nothing comes in.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from chalicelib import records
from chalicelib.officers import worklist
from chalicelib.report import Event, Report
from chalicelib.storage.table import Add, Check, ConditionFailed, Delete, Key, Put, Table, Write

from infra import relocate

_TRIES = 5


@dataclass(slots=True)
class Outcome:
    """How much there was to do."""

    reports: int = 0
    rewritten: int = 0
    removed: int = 0
    counters: int = 0


def rows(report: Report, events: Iterable[Event]) -> dict[Key, dict[str, object]]:
    """Every row that follows from a report and its history: where it lies, and what stands there. No I/O."""
    row = records.row_of(report)
    found: dict[Key, dict[str, object]] = {records.list_key(report): row}
    found |= {key: dict(row) for key in worklist.keys(report)}
    found |= {key: {} for key in records.requested_keys(report)}
    if not report.private:
        for event in events:
            if event.seq > 1:
                key = Key(f"updates#{event.at[:7]}", f"{event.at}#{report.id}#{event.seq:06d}")
                found[key] = {}
    return found


def stale(report: Report, wanted: Iterable[Key]) -> list[Key]:
    """Where an older version of the product, or a fault, may have left rows of this report."""
    sort = f"{report.created}#{report.id}"
    kode = report.place.kode if report.place else records.NO_PLACE
    possible = {
        Key(f"list#{who}#{phase}#{kode}", sort)
        for who in ("public", "private")
        for phase in ("open", "closed")
    }
    kota = worklist.kota_of(kode)
    possible |= {
        Key(f"desk#{phase}#{kota}", sort) for phase in ("open", "closed", worklist.DOUBT, worklist.LOW)
    }
    which = [
        "all",
        *(f"{phase}{kind}" for phase in ("open", "closed") for kind in ("", f"#{report.category}")),
    ]
    possible |= {Key(f"requested#{each}#{report.created[:7]}", sort) for each in which}
    return sorted(possible - set(wanted))


def migrate(table: Table, progress: Callable[[Iterable[str]], Iterable[str]] = iter) -> Outcome:
    """Bring every derived row up to date."""
    outcome = Outcome()
    workload: dict[str, dict[str, int]] = {}
    for report_id in progress(relocate.ids(table)):
        report = _settled(table, report_id, outcome)
        if report is None:
            continue
        outcome.reports += 1
        for code in worklist.counted_at(report):
            counters = workload.setdefault(code, {})
            counters[report.state] = counters.get(report.state, 0) + 1
    outcome.counters = _workload(table, workload)
    return outcome


def _settled(table: Table, report_id: str, outcome: Outcome) -> Report | None:
    """One report's rows; None when there is no such report. Looks again when it changed meanwhile."""
    for _ in range(_TRIES):
        found = records.load(table, report_id)
        if found is None:
            return None
        report, version = found
        wanted = rows(report, records.history(table, report_id))
        old = stale(report, wanted)
        there = table.get_many([*wanted, *old])
        wrong = [key for key, body in wanted.items() if key not in there or there[key].body != body]
        gone = [key for key in old if key in there]
        writes: list[Write] = [Put(key, dict(wanted[key])) for key in wrong]
        writes += [Delete(key) for key in gone]
        try:
            for start in range(0, len(writes), 20):
                # Only as long as the report is what the rows were made from.
                unchanged = Check(records.head_key(report_id), version)
                table.transact([unchanged, *writes[start : start + 20]])
        except ConditionFailed:
            continue
        outcome.rewritten += len(wrong)
        outcome.removed += len(gone)
        return report
    raise RuntimeError(f"report {report_id} kept changing: migrate while nothing comes in")


def _workload(table: Table, wanted: dict[str, dict[str, int]]) -> int:
    """Set the officers' counters right; how many were wrong."""
    kept = {item.key.sort: dict(item.counters) for item in records.every(table, worklist.WORKLOAD)}
    wrong = 0
    for code in sorted({*kept, *wanted}):
        names = {*kept.get(code, {}), *wanted.get(code, {})}
        steps = {name: wanted.get(code, {}).get(name, 0) - kept.get(code, {}).get(name, 0) for name in names}
        if moved := {name: step for name, step in sorted(steps.items()) if step}:
            table.transact([Add(Key(worklist.WORKLOAD, code), moved)])
            wrong += len(moved)
    return wrong


def main() -> int:
    """`python -m infra migrate`; returns the exit status."""
    from chalicelib import wiring
    from tqdm import tqdm

    def bar(many: Iterable[str]) -> Iterable[str]:
        return tqdm(
            many, desc="reports", unit="", file=sys.stderr, disable=not sys.stderr.isatty(), leave=False
        )

    done = migrate(wiring.table(), bar)
    print(
        f"{done.reports} reports: {done.rewritten} rows written, {done.removed} removed, "
        f"{done.counters} counters of the desk mended"
    )
    return 0
