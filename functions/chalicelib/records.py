"""How reports lie in the table: every access pattern, written once, for every engine.

| partition                      | sort              | what                                        |
| ------------------------------ | ----------------- | ------------------------------------------- |
| report#<id>                    | head              | the report as its events left it            |
| report#<id>                    | event#<seq>       | one event of its history                    |
| contact#<id>                   | contact           | how to reach the reporter, apart            |
| list#<who>#<phase>#<kode>      | <created>#<id>    | its row in the kelurahan's list             |
| counts                         | <kode>            | public reports of a kelurahan, by state     |
| recap#<yyyy-mm>                | <kode>            | what stats.py counts of a month's reports   |
| offices                        | <code>            | the name of an office that reports went to  |
| heads#<yyyy-mm-dd>             | <id>              | last event of a report on a day (Jakarta's) |
| report#<id>                    | support           | how many say "me too"                       |
| report#<id>                    | merged            | public reports that follow it as duplicates |
| support#<id>                   | <hash of device>  | a device that said so                       |
| requested#<which>#<yyyy-mm>    | <created>#<id>    | public reports by the time they were made   |
| updates#<yyyy-mm>              | <at>#<id>#<seq>   | events of public reports after the first    |
| source#<name>                  | <id there>        | which report something elsewhere became     |
| idempotency#<hash>             | answer            | what an Idempotency-Key was answered        |
| rate#<who>                     | <seconds>#<window>| how often somebody asked (limits.py)        |
| salt                           | <day>             | what hides addresses on that day (guard.py) |
| puzzle#<nonce>                 | spent             | a puzzle that was used (guard.py)           |
| cards                          | <created>#<id>    | reports whose picture is still to be drawn  |
| alerts                         | <id>              | the last warning that was sent of a report  |
| incidents                      | <number>          | what operators told of the service itself   |
| officers                       | <subject>         | an officer's account                        |
| colleagues#<office>            | <subject>         | whose accounts belong to an office          |
| views#<subject>                | <hash of name>    | an officer's saved view                     |
| assigned#<subject>             | <created>#<id>    | a report on somebody's desk                 |
| report#<id>                    | assigned          | which person of the office has it           |
| edited                         | <kind>            | what admins edited, by code (editable.py)   |
| edited#<kind>                  | <at>#<n>#<code>   | one change of it: who, from what to what    |
| tried                          | <hash of rules>   | that routing rules were tried               |
| landmarks                      | <kode>            | places that several reports there name      |
| dirty                          | <target>#<change> | what the publisher still has to rewrite     |
| late#<id>                      | planned           | a planned day of a report that went by      |
| follower#<follower>            | who               | an address and what it follows, apart       |
| address#<hash>                 | follower          | which follower an address is                |
| secrets                        | <name>            | keys that the service made for itself       |
| followers#<what>               | <follower>#<n>    | a follow, found by what it follows          |
| told#<follower>                | <mark>            | what somebody was told, so never again      |
| digest#<follower>#<day>        | <mark>            | what the digest of a day will tell          |
| notices#<due or sending>       | <at>#<kind>#<...> | what is to be sent, and what just is        |

`who` is public or private, `phase` open or closed, `kode` is `-` while a report has no place;
`which` is `all`, `<phase>` or `<phase>#<category>`.
The functions that end in `_writes` decide and do no I/O; the others read.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from . import logs, proof, stats
from .lifecycle import STATES
from .officers.worklist import in_doubt
from .officers.worklist import writes as desk_writes
from .report import Event, Report, event_from, report_from, to_body
from .storage.table import LIMIT, Add, Delete, Expect, Item, Key, Put, Table, Write

ACTIVE_LIMIT = 400
"""At most so many reports of a kelurahan stand on its pages and its active file."""
SUMMARY_LENGTH = 140
NO_PLACE = "-"
_LIST = re.compile(r"list#public#(?:open|closed)#([0-9.]+)")


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """A report in its kelurahan's list: what lists, maps and feeds show. Degrees, WGS 84."""

    id: str
    category: str
    state: str
    text: str
    longitude: float | None
    latitude: float | None
    created: str
    updated: str
    thumb: str | None = None
    """SHA-256 of the first photo, which names its files."""
    example: bool = False
    landmark: str = ""
    """Shortened; for landmarks.py alone, no list shows it."""
    # What officers' queues show and filter by; no public list carries it on.
    kode: str | None = None
    office: str | None = None
    office_name: str | None = None
    channel: str = ""
    private: bool = False
    in_doubt: bool = False
    percent: int | None = None
    planned: str | None = None
    rating: str | None = None
    doubt: str | None = None
    """The other kelurahan of a place in doubt."""


def head_key(report_id: str) -> Key:
    return Key(f"report#{report_id}", "head")


def event_key(report_id: str, seq: int) -> Key:
    return Key(f"report#{report_id}", f"event#{seq:06d}")


def contact_key(report_id: str) -> Key:
    return Key(f"contact#{report_id}", "contact")


def idempotency_key(digest: str) -> Key:
    return Key(f"idempotency#{digest}", "answer")


def dirty_key(target: str, sequence: str) -> Key:
    """A mark is named for the change that set it: one set while others are worked off is not removed with them."""
    return Key("dirty", f"{target}#{sequence}")


def dirty_target(mark: Key) -> str:
    """What a mark says must be rewritten."""
    return mark.sort.rpartition("#")[0]


def list_key(report: Report) -> Key:
    who = "private" if report.private else "public"
    phase = "closed" if STATES[report.state].closed else "open"
    kode = report.place.kode if report.place else NO_PLACE
    return Key(f"list#{who}#{phase}#{kode}", f"{report.created}#{report.id}")


def support_key(report_id: str) -> Key:
    return Key(f"report#{report_id}", "support")


def merged_key(report_id: str) -> Key:
    return Key(f"report#{report_id}", "merged")


def late_key(report_id: str) -> Key:
    return Key(f"late#{report_id}", "planned")


def source_key(source: str, external_id: str) -> Key:
    """Where it is kept which report something of another system became. Any text is possible as its id there."""
    digest = hashlib.sha256(external_id.encode("utf-8", "replace")).hexdigest()[:32]
    return Key(f"source#{source}", digest)


def requested_keys(report: Report) -> list[Key]:
    """A public report's rows by time of report; none for a private one."""
    if report.private:
        return []
    phase = "closed" if STATES[report.state].closed else "open"
    sort = f"{report.created}#{report.id}"
    which = ("all", phase, f"{phase}#{report.category}")
    return [Key(f"requested#{each}#{report.created[:7]}", sort) for each in which]


def _times(before: Report | None, after: Report, event: Event) -> list[Write]:
    """Rows by time: those of the report where they changed, and one for an event after the first."""
    old = set(requested_keys(before)) if before else set()
    new = set(requested_keys(after))
    writes: list[Write] = [Delete(key) for key in sorted(old - new)]
    writes += [Put(key, {}) for key in sorted(new - old)]
    if event.seq > 1 and not after.private:
        writes.append(_update_row(after, event))
    return writes


def _update_row(report: Report, event: Event) -> Put:
    return Put(Key(f"updates#{event.at[:7]}", f"{event.at}#{report.id}#{event.seq:06d}"), {})


def creation_writes(
    report: Report,
    event: Event,
    *,
    contact: Mapping[str, Any] | None = None,
    answer: Put | None = None,
    then: Event | None = None,
    also: Sequence[Write] = (),
) -> list[Write]:
    """One transaction that brings a new report into being, with its first event and its place in every list.

    `then` is a second event that happened with it (a rule handed it on); the report is as that left it.
    `also` are a caller's own writes that must happen with it or not at all.
    """
    writes: list[Write] = [
        Put(head_key(report.id), to_body(report) | logs.trace(), Expect.ABSENT),
        Put(event_key(report.id, event.seq), to_body(event), Expect.ABSENT),
        Put(list_key(report), row_of(report), Expect.ABSENT),
        *_count(None, report),
        *desk_writes(None, report, row_of(report)),
        *_recap(None, report),
        *_merged(None, report),
        *_times(None, report, event),
        *_proof(report, then or event),
        *also,
    ]
    if then:
        writes.append(Put(event_key(report.id, then.seq), to_body(then), Expect.ABSENT))
        writes += [] if report.private else [_update_row(report, then)]
    if contact:
        writes.append(Put(contact_key(report.id), dict(contact), Expect.ABSENT))
    if answer:
        writes.append(answer)
    return writes


def succession_writes(
    before: Report, after: Report, event: Event, *, version: int, also: Sequence[Write] = ()
) -> list[Write]:
    """One transaction that adds an event to a report that was read at `version`; `also` as for creation."""
    old, new = list_key(before), list_key(after)
    moved: list[Write] = [Delete(old)] if old != new else []
    return [
        Put(head_key(after.id), to_body(after) | logs.trace(), version),
        Put(event_key(after.id, event.seq), to_body(event), Expect.ABSENT),
        *moved,
        Put(new, row_of(after)),
        *_count(before, after),
        *desk_writes(before, after, row_of(after)),
        *_recap(before, after),
        *_merged(before, after),
        *_times(before, after, event),
        *_proof(after, event),
        *also,
    ]


def _count(before: Report | None, after: Report) -> list[Write]:
    """What the counters of one or two kelurahan gain and lose. `changes` moves with every change."""
    deltas: dict[str, dict[str, int]] = {}
    for report, step in ((before, -1), (after, 1)):
        if report and report.place and not report.private:
            counters = deltas.setdefault(report.place.kode, {"changes": 1})
            for name, n in {report.state: 1, **stats.outcome(report)}.items():
                counters[name] = counters.get(name, 0) + step * n
    return [
        Add(Key("counts", kode), {name: n for name, n in counters.items() if n})
        for kode, counters in sorted(deltas.items())
    ]


def _recap(before: Report | None, after: Report) -> list[Write]:
    """What the recap of the report's month gains and loses, and the name of an office that is new to it."""
    deltas: dict[str, dict[str, int]] = {}
    for report, step in ((before, -1), (after, 1)):
        if report and report.place and not report.private:
            counters = deltas.setdefault(report.place.kode, {})
            for name, n in stats.facets(report).items():
                counters[name] = counters.get(name, 0) + step * n
    partition = recap_partition(after)
    writes: list[Write] = []
    for kode, counters in sorted(deltas.items()):
        if moved := {name: n for name, n in counters.items() if n}:
            writes.append(Add(Key(partition, kode), moved))
    office, old = after.office, before.office if before else None
    if office and office != old and not (after.place and office.code == after.place.kode):
        writes.append(Put(Key("offices", office.code), {"name": office.name}))
    return writes


def _merged(before: Report | None, after: Report) -> list[Write]:
    """What the reports gain and lose that this one points to as its duplicate. A private one leaves no trace."""
    old, new = before.duplicate_of if before else None, after.duplicate_of
    if old == new or after.private:
        return []
    return [Add(merged_key(each), {after.id: step}) for each, step in ((old, -1), (new, 1)) if each]


def merged(table: Table, report_id: str) -> tuple[str, ...]:
    """Ids of the public reports that were found to tell the same as this one, in order of id."""
    item = table.get(merged_key(report_id))
    return tuple(sorted(each for each, n in item.counters.items() if n > 0)) if item else ()


def is_late(table: Table, report: Report) -> bool:
    """Whether the day that the report is planned for went by, as was said on that day's morning after."""
    item = table.get(late_key(report.id)) if report.planned else None
    return item is not None and bool(item.body["planned"] == report.planned)


def recap_partition(report: Report) -> str:
    """Where the month in which a report was made (Jakarta's) is counted."""
    return f"recap#{proof.day_of(report.created)[:7]}"


def _proof(report: Report, event: Event) -> list[Write]:
    """The report's last event so far on this day: what the day's root is made of."""
    body = {"seq": event.seq, "hash": event.hash, "private": report.private}
    return [Put(Key(f"heads#{proof.day_of(event.at)}", report.id), body)]


def heads_of(table: Table, day: str) -> Iterator[proof.Head]:
    """The last event of every report that changed on a day (yyyy-mm-dd, Jakarta's)."""
    for item in every(table, f"heads#{day}"):
        shown = proof.PRIVATE if item.body["private"] else item.key.sort
        yield proof.Head(shown, item.body["seq"], item.body["hash"])


def all_ids(table: Table, codes: Sequence[str]) -> Iterator[str]:
    """Ids of all reports, private ones and those without a place too. Reads every list: for checks only."""
    for kode in [*codes, NO_PLACE]:
        for who in ("public", "private"):
            for phase in ("open", "closed"):
                for item in every(table, f"list#{who}#{phase}#{kode}"):
                    yield item.key.sort.rpartition("#")[2]


def row_of(report: Report) -> dict[str, Any]:
    """The report's row in lists."""
    text = " ".join(report.description.split())
    body: dict[str, Any] = msgspec.to_builtins(
        Row(
            id=report.id,
            category=report.category,
            state=report.state,
            text=text if len(text) <= SUMMARY_LENGTH else text[: SUMMARY_LENGTH - 1].rstrip() + "…",
            longitude=report.longitude,
            latitude=report.latitude,
            created=report.created,
            updated=report.updated,
            thumb=report.photos[0].sha256 if report.photos else None,
            example=report.example,
            landmark=" ".join(report.landmark.split())[:SUMMARY_LENGTH],
            kode=report.place.kode if report.place else None,
            office=report.office.code if report.office else None,
            office_name=report.office.name if report.office else None,
            channel=report.channel,
            private=report.private,
            in_doubt=in_doubt(report),
            percent=report.percent,
            planned=report.planned,
            rating=report.rating,
            doubt=report.place.runner_up if in_doubt(report) and report.place else None,
        )
    )
    return body


def load(table: Table, report_id: str) -> tuple[Report, int] | None:
    """A report and the version it was read at; None when there is none."""
    item = table.get(head_key(report_id))
    return (report_from(item.body), item.version) if item else None


def history(table: Table, report_id: str) -> list[Event]:
    """All events of a report, first to last."""
    return [event_from(item.body) for item in every(table, f"report#{report_id}", prefix="event#")]


def newest(table: Table, kode: str, *, limit: int = ACTIVE_LIMIT) -> list[Row]:
    """A kelurahan's open reports, newest first, then its closed ones, newest first; `limit` in all."""
    rows: list[Row] = []
    for phase in ("open", "closed"):
        partition = f"list#public#{phase}#{kode}"
        for item in every(table, partition, descending=True, most=limit - len(rows)):
            rows.append(_row(item))
    return rows


def newest_of(table: Table, codes: Sequence[str], phase: str, *, most: int) -> list[Row]:
    """The newest public reports of several kelurahan that are `open` or `closed`, newest first, at most `most`.

    Reads a small page of every kelurahan's list, and further pages only where they are needed: what it
    costs depends on how many kelurahan there are, never on how many reports.
    """
    page = max(5, -(-2 * most // max(len(codes), 1)))
    lists = [_by_pages(table, f"list#public#{phase}#{kode}", page) for kode in codes]
    merged = heapq.merge(*lists, key=lambda item: item.key.sort, reverse=True)
    return [_row(item) for item in itertools.islice(merged, most)]


def _by_pages(table: Table, partition: str, limit: int) -> Iterator[Item]:
    """The items of a partition, last first, read no further than they are asked for."""
    page = None
    while True:
        found = table.query(partition, descending=True, limit=min(limit, LIMIT), page=page)
        yield from found.items
        if (page := found.next) is None:
            return


def of_month(table: Table, kode: str, month: str) -> list[Row]:
    """All public reports of a kelurahan that were made in `month` (yyyy-mm), oldest first."""
    rows = [
        _row(item)
        for phase in ("open", "closed")
        for item in every(table, f"list#public#{phase}#{kode}", prefix=month)
    ]
    return sorted(rows, key=lambda row: (row.created, row.id))


def months(table: Table, kode: str) -> list[str]:
    """The months (yyyy-mm) in which a kelurahan's public reports were made. Reads its whole list: for rebuilds only."""
    return sorted(
        {
            item.key.sort[:7]
            for phase in ("open", "closed")
            for item in every(table, f"list#public#{phase}#{kode}")
        }
    )


def public_ids(table: Table, kode: str) -> Iterator[str]:
    """Ids of all public reports of a kelurahan. Reads its whole list: for rebuilds only."""
    for phase in ("open", "closed"):
        for item in every(table, f"list#public#{phase}#{kode}"):
            yield item.key.sort.rpartition("#")[2]


def counts(table: Table) -> dict[str, dict[str, int]]:
    """Public reports by kelurahan and state: one small item for each kelurahan that ever had one."""
    return {item.key.sort: by_state(item) for item in every(table, "counts")}


def landmarks_key(kode: str) -> Key:
    return Key("landmarks", kode)


def landmarks(table: Table) -> dict[str, list[dict[str, Any]]]:
    """What landmarks.named found in each kelurahan, by code."""
    return {item.key.sort: item.body["landmarks"] for item in every(table, "landmarks")}


def month_counters(table: Table, month: str) -> dict[str, dict[str, int]]:
    """What is counted of a month's reports (yyyy-mm), by kelurahan."""
    rows = every(table, f"recap#{month}")
    return {item.key.sort: {name: n for name, n in item.counters.items() if n} for item in rows}


def newest_change(table: Table, now: str) -> str | None:
    """The stamp of the newest event of a public report in the month of `now` (a stamp) or the one before."""
    months = [now[:7]]
    year, month = int(now[:4]), int(now[5:7])
    months.append(f"{year:04d}-{month - 1:02d}" if month > 1 else f"{year - 1:04d}-12")
    for each in months:
        found = [
            item.key.sort.partition("#")[0]
            for partition in (f"updates#{each}", f"requested#all#{each}")
            for item in table.query(partition, descending=True, limit=1).items
        ]
        if found:
            return max(found)
    return None


def by_state(item: Item | None) -> dict[str, int]:
    """The counters of one kelurahan, states only, zeros left out."""
    return {name: n for name, n in (item.counters if item else {}).items() if name in STATES and n}


def load_many(table: Table, ids: Sequence[str]) -> dict[str, Report]:
    """The reports with these ids that exist, in as few reads as the table allows."""
    found = table.get_many([head_key(each) for each in ids])
    reports = (report_from(item.body) for item in found.values())
    return {report.id: report for report in reports}


def events_of(table: Table, wanted: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Event]:
    """Events by (report id, seq), those that exist, in as few reads as the table allows."""
    found = table.get_many([event_key(*each) for each in wanted])
    events = (event_from(item.body) for item in found.values())
    return {(event.report, event.seq): event for event in events}


def requested(
    table: Table, which: Sequence[str], start: str, end: str, *, most: int, descending: bool = True
) -> list[str]:
    """Ids of public reports made in [start, end] (stamps), newest first or else oldest first, at most `most`.

    `which` are `all`, phases, or `<phase>#<category>`. Reads per partition no more than
    `most` rows: as many partitions as `which` times the months between.
    """
    partitions = [f"requested#{each}" for each in which]
    return [
        sort.split("#")[1] for sort in _between(table, partitions, start, end, most, descending=descending)
    ]


def updates(
    table: Table, start: str, end: str, *, most: int, descending: bool = False
) -> list[tuple[str, int]]:
    """(report id, seq) of events after the first of public reports in [start, end], oldest first, at most `most`."""
    rows = _between(table, ["updates"], start, end, most, descending=descending)
    return [(sort.split("#")[1], int(sort.split("#")[2])) for sort in rows]


def _between(
    table: Table, partitions: Sequence[str], start: str, end: str, most: int, *, descending: bool
) -> list[str]:
    """Sort keys of monthly partitions between two stamps, both included, in order of time."""
    found: list[str] = []
    span = months_between(start, end)
    for month in reversed(span) if descending else span:
        rows: list[str] = []
        for partition in partitions:
            # "~" comes after "#" and every digit: what was stamped at `end` itself is inside.
            page, left = None, most - len(found)
            while left > 0:
                got = table.query(
                    f"{partition}#{month}",
                    start=start,
                    end=f"{end}~",
                    descending=descending,
                    limit=min(left, LIMIT),
                    page=page,
                )
                rows.extend(item.key.sort for item in got.items)
                left, page = left - len(got.items), got.next
                if page is None:
                    break
        found.extend(sorted(rows, reverse=descending)[: most - len(found)])
        if len(found) >= most:
            break
    return found


def months_between(start: str, end: str) -> list[str]:
    """The months (yyyy-mm) from one stamp to another, first to last."""
    first, last = (int(text[:4]) * 12 + int(text[5:7]) - 1 for text in (start, end))
    return [f"{n // 12:04d}-{n % 12 + 1:02d}" for n in range(first, last + 1)]


def every(
    table: Table, partition: str, *, prefix: str = "", descending: bool = False, most: int | None = None
) -> Iterator[Item]:
    """All items of a partition in order, page by page; at most `most`."""
    left, page = most, None
    while left is None or left > 0:
        found = table.query(
            partition,
            prefix=prefix,
            descending=descending,
            limit=100 if left is None else min(left, 100),
            page=page,
        )
        yield from found.items
        left = None if left is None else left - len(found.items)
        page = found.next
        if page is None:
            return


def kode_of_list(key: Key) -> str | None:
    """The kelurahan whose public list a changed key belongs to; None for every other key."""
    match = _LIST.fullmatch(key.partition)
    return match.group(1) if match else None


def _row(item: Item) -> Row:
    return msgspec.convert(item.body, Row)
