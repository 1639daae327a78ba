"""Checks what was kept and what was published against the histories that prove them.

For operators: reads every report, every published report file and every day's root.
Changes nothing, and judges by proof.py; what it finds, it yields as it goes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence

from . import proof, records
from .proof import Break
from .report import Event, Report
from .storage.files import Files
from .storage.table import Table

CHUNK = 500
Progress = Callable[[Sequence[str], str], Iterable[str]]
Document = Callable[[Report, Sequence[Event]], bytes]
"""Makes the published file of a report."""


def findings(
    table: Table, site: Files, codes: Sequence[str], document: Document, progress: Progress
) -> Iterator[Break]:
    """Everything that does not hold, in table, files and roots. `codes` are all kelurahan."""
    for report_id in progress(list(records.all_ids(table, codes)), "reports"):
        if found := of_report(table, site, report_id, document):
            yield found
    days = sorted(path for path in site.list("bukti/") if path.endswith(".txt"))
    previous = proof.FIRST
    for path in progress(days, "days"):
        stored = site.get(path)
        text = stored.data.decode("utf-8", "replace") if stored else ""
        yield from of_day(table, site, path, text, previous)
        previous = proof.day_text_root(text)


def of_report(table: Table, site: Files, report_id: str, document: Document) -> Break | None:
    """The first event of a report that does not hold, in the table or in its published file."""
    for _ in range(3):
        before = records.load(table, report_id)
        if before is None:
            return Break(report_id, 1, "the report is missing, though it is listed")
        it, version = before
        try:
            events = records.history(table, report_id)
            found = proof.check(it, events)
        except ValueError as error:
            return Break(report_id, 1, f"the events cannot be read: {error}")
        if found is None and not it.private and it.place is not None:
            found = _of_file(site, it, events[: it.seq], document)
        after = records.load(table, report_id)
        # What moved on while it was read is read again: only what stays broken is broken.
        if found is None or (after is not None and after[1] == version):
            return found
    return found


def _of_file(site: Files, it: Report, events: Sequence[Event], document: Document) -> Break | None:
    stored = site.get(f"laporan/{it.id}.json")
    if stored is None:
        return Break(it.id, it.seq, "its file is not published (yet)")
    wanted = document(it, events)
    if stored.data == wanted:
        return None
    try:
        ours, theirs = json.loads(wanted)["history"], json.loads(stored.data)["history"]
        spot = proof.first_difference(ours, theirs)
    except (ValueError, KeyError, TypeError):
        return Break(it.id, 1, "its published file cannot be read")
    if spot is None:
        return Break(it.id, it.seq, "its published file says something else than the table about the report")
    return Break(it.id, spot, "the event in its published file is another than in the table")


def of_day(table: Table, site: Files, path: str, text: str, previous: str) -> Iterator[Break]:
    """What is wrong with a published day: its root, its place after the day before, the heads it lists."""
    day = path.removeprefix("bukti/").removesuffix(".txt")
    try:
        told_day, told_previous, heads = proof.read_day(text)
        stored = site.get(f"bukti/{day}.json")
        root = json.loads(stored.data)["root"] if stored else None
    except (ValueError, KeyError, TypeError) as error:
        yield Break(day, 0, f"the day's text or root cannot be read: {error}")
        return
    if told_day != day or told_previous != previous:
        yield Break(day, 0, "the day does not follow the root of the day before")
    if root != proof.day_text_root(text):
        yield Break(day, 0, "the day's root is not the SHA-256 of its text")
    sealed = {item.body["hash"] for item in records.every(table, f"heads#{day}")}
    for start in range(0, len(heads), CHUNK):
        some = heads[start : start + CHUNK]
        found = records.events_of(table, [(h.report, h.seq) for h in some if h.report != proof.PRIVATE])
        for head in some:
            if head.report == proof.PRIVATE:
                whole = head.hash in sealed
            else:
                event = found.get((head.report, head.seq))
                whole = event is not None and event.hash == head.hash
            if not whole:
                why = f"the event is another than the one sealed on {day}"
                yield Break(head.report, head.seq, why)
