"""The reading calls of Open311: discovery, services, requests, tokens and updates.

Reads what was asked and calls records; what answers look like is in open311_model.py.
Decisions that the specification leaves open are in infra/docs/open311.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from .. import records
from ..front.problems import Problem, Refused
from ..lifecycle import STATES
from ..report import Report, read_id, stamp, written_id
from . import open311_model
from .open311_format import Asked, Said, all_of

MOST = 1000
"""A list holds at most so many requests or updates, all pages together."""
DAYS = 90
"""A list spans at most so many days."""
EXTENDED_PAGE = 100
"""With `extensions=true` a page holds at most so many requests: each brings its history."""
FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
DATE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})")


def discovery(asked: Asked) -> Said:
    """GET discovery: where this server is, and what it speaks."""
    chosen = asked.parts.settings
    endpoint = open311_model.Endpoint(
        open311_model.SPECIFICATION,
        f"{asked.base}/open311/v2",
        open311_model.CHANGESET,
        "test" if chosen.open311_test else "production",
        open311_model.FORMATS,
    )
    found = open311_model.Discovery(
        open311_model.CHANGESET, chosen.open311_contact, chosen.open311_key_service, (endpoint,)
    )
    return Said("discovery", found)


def services(asked: Asked) -> Said:
    """GET services: every category."""
    rows = [open311_model.service(each, asked.language) for each in asked.parts.categories.values()]
    return Said("services", rows)


def definition(asked: Asked) -> Said:
    """GET services/{code}: what a category asks. One that asks nothing answers an empty list."""
    category = asked.parts.categories.get(asked.name)
    if category is None:
        raise Refused([Problem("service_unknown", "service_code", {"value": asked.name})], 404)
    return Said("service_definition", open311_model.definition(category, asked.language))


def list_requests(asked: Asked) -> Said:
    """GET requests: by ids, or by time of report with service_code and status; newest first."""
    table = asked.parts.door.table
    largest = EXTENDED_PAGE if asked.extensions else MOST
    if named := asked.listed("service_request_id"):
        page, size = _page(asked, largest)
        ids = [code for text in named if (code := read_id(text))]
        if len(named) > MOST:
            problem = Problem("too_many_ids", "service_request_id", {"count": len(named), "most": MOST})
            raise Refused([problem])
        found = records.load_many(table, ids)
        chosen = sorted(found.values(), key=lambda it: (it.created, it.id), reverse=True)
        chosen = chosen[(page - 1) * size : page * size]
    else:
        (page, size), (start, end), which = all_of(
            lambda: _page(asked, largest), lambda: _window(asked), lambda: _which(asked)
        )
        most = min(page * size, MOST)
        ids = records.requested(table, which, start, end, most=most)[(page - 1) * size :] if which else []
        found = records.load_many(table, ids)
        chosen = [found[each] for each in ids if each in found]
    return Said("service_requests", _requests(asked, [it for it in chosen if not it.private]))


def show_request(asked: Asked) -> Said:
    """GET requests/{id}: an array of one."""
    return Said("service_requests", _requests(asked, [public_report(asked, asked.name)]))


def show_token(asked: Asked) -> Said:
    """GET tokens/{token}: the request it became. Every report is stored when it is answered, so its id is its token."""
    it = public_report(asked, asked.name)
    return Said("service_requests", [open311_model.Token(it.id, asked.name)])


def list_updates(asked: Asked) -> Said:
    """GET servicerequestupdates: what happened to public reports in a time, oldest first."""
    table = asked.parts.door.table
    if named := asked.listed("service_request_id"):
        if len(named) > EXTENDED_PAGE:
            values = {"count": len(named), "most": EXTENDED_PAGE}
            raise Refused([Problem("too_many_ids", "service_request_id", values)])
        page, size = _page(asked, MOST)
        heads = records.load_many(table, [code for text in named if (code := read_id(text))])
        rows = [(it.id, seq) for it in heads.values() for seq in range(2, it.seq + 1)]
    else:
        (page, size), (start, end) = all_of(lambda: _page(asked, MOST), lambda: _window(asked))
        rows = records.updates(table, start, end, most=min(page * size, MOST))[(page - 1) * size :]
        heads = records.load_many(table, list({report_id for report_id, _ in rows}))
    public = [row for row in rows if row[0] in heads and not heads[row[0]].private]
    events = sorted(
        records.events_of(table, public).values(), key=lambda each: (each.at, each.report, each.seq)
    )
    if named:
        events = events[(page - 1) * size : min(page * size, MOST)]
    told = [open311_model.update(each, asked.base) for each in events if open311_model.tells(each)]
    return Said("service_request_updates", told)


def public_report(asked: Asked, text: str) -> Report:
    """The public report with a number as somebody wrote it. Raises Refused (404)."""
    report_id = read_id(text)
    found = records.load(asked.parts.door.table, report_id) if report_id else None
    if found is None or found[0].private:
        value = written_id(report_id) if report_id else text
        raise Refused([Problem("report_unknown", "service_request_id", {"value": value})], 404)
    return found[0]


def _requests(asked: Asked, reports: Sequence[Report]) -> list[open311_model.ServiceRequest]:
    """Reports in Open311's words; their newest events, or all for the extensions, in as few reads as possible."""
    table = asked.parts.door.table
    wanted = [
        (it.id, seq) for it in reports for seq in (range(1, it.seq + 1) if asked.extensions else [it.seq])
    ]
    events = records.events_of(table, wanted)
    return [
        open311_model.request(
            it,
            events.get((it.id, it.seq)),
            categories=asked.parts.categories,
            locator=asked.parts.door.locator,
            base=asked.base,
            language=asked.language,
            history=[e for seq in range(1, it.seq + 1) if (e := events.get((it.id, seq)))]
            if asked.extensions
            else None,
        )
        for it in reports
    ]


def _window(asked: Asked) -> tuple[str, str]:
    """The asked time as two stamps, at most DAYS apart.

    Without dates the last DAYS days; with one date the DAYS days after or before it; of a
    longer time the last DAYS days. Raises Refused.
    """
    problems: list[Problem] = []
    dates: dict[str, datetime | None] = {}
    for name in ("start_date", "end_date"):
        text = asked.one(name)
        dates[name] = read_date(text) if text else None
        if text and dates[name] is None:
            problems.append(Problem("not_a_date", name, {"value": text}))
    start, end = dates["start_date"], dates["end_date"]
    if start and end and start > end:
        problems.append(
            Problem(
                "window_reversed",
                "start_date",
                {"start": asked.one("start_date"), "end": asked.one("end_date")},
            )
        )
    if problems:
        raise Refused(problems)
    span = timedelta(days=DAYS)
    if end is None:
        end = _moved(start, span) if start else asked.parts.door.now()
    earliest = _moved(end, -span)
    start = max(start, earliest) if start else earliest
    return stamp(start), stamp(end)


def _moved(moment: datetime, step: timedelta) -> datetime:
    """A moment later or earlier, no further than the calendar goes."""
    try:
        return moment + step
    except OverflowError:
        return FIRST if step < timedelta() else LAST


def read_date(text: str) -> datetime | None:
    """A W3C date with its offset; None when it is none. A plus that became a space in the address is a plus."""
    written = text.replace(" ", "+")
    if not DATE.fullmatch(written):
        return None
    try:
        return datetime.fromisoformat(written).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _which(asked: Asked) -> list[str]:
    """The rows by time that hold exactly the asked services and states; none when no service of ours is asked."""
    words = [word.lower() for word in asked.listed("status")]
    phases = sorted({state.open311 for state in STATES.values()})
    if wrong := [word for word in words if word not in phases]:
        raise Refused([Problem("not_a_choice", "status", {"value": wrong[0], "choices": ", ".join(phases)})])
    wanted = [phase for phase in phases if not words or phase in words]
    named = asked.listed("service_code")
    codes = [code for code in asked.parts.categories if code in named]
    if named and len(codes) < len(asked.parts.categories):
        return [f"{phase}#{code}" for phase in wanted for code in codes]
    return ["all"] if len(wanted) == len(phases) else wanted


def _page(asked: Asked, most: int) -> tuple[int, int]:
    """(page, page_size): from page 1 with all that a list may hold."""
    found: dict[str, int] = {}
    problems: list[Problem] = []
    for name, default, limit in (("page", 1, MOST), ("page_size", most, most)):
        text = asked.one(name) or str(default)
        if not re.fullmatch(r"[0-9]{1,9}", text):
            problems.append(Problem("not_a_number", name, {"value": text}))
        elif not 1 <= int(text) <= MOST:
            problems.append(Problem("out_of_range", name, {"value": text, "least": 1, "most": MOST}))
        else:
            found[name] = min(int(text), limit)
    if problems:
        raise Refused(problems)
    return found["page"], found["page_size"]
