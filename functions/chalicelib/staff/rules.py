"""What admins edit at the desk: agencies, routing rules, templates of words. Each with its history.

An admin edits what lies within their own boundaries, before the change and after it; what
concerns everywhere is for who covers the province. A rule goes live only after it was
tried on past reports as it stands. How edits are kept is editable.py's business.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from .. import lifecycle, records
from ..access import PROVINCE, Officer
from ..front import body
from ..front.operation import Errors, Operation, Parts, Request, Response, reply
from ..front.problems import Problem, Refused
from ..officers import agencies, editable, phrases, queues, routing
from ..officers.agencies import Agency
from ..officers.phrases import Phrase
from ..officers.routing import Rule
from ..report import written_id
from ..storage.table import Key, Put
from .gate import BAD, OUT, TOKEN, agencies_of, asking, ever, read_body

TRIED_ON = 500
"""A trial looks at so many past reports."""
SHOWN = 50
TRIED_S = 86_400
"""So long a trial lets a rule go live."""
Handler = Callable[[Parts, Request], Response]
Code = Annotated[str, Meta(max_length=40)]


class Agencies(msgspec.Struct, frozen=True):
    """The agencies, and what was changed of them. `version` goes along with every change as `seen`."""

    version: int
    agencies: tuple[Agency, ...]
    history: tuple[editable.Change, ...]


class EditAgency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Keep an agency, new or changed; or take one out."""

    seen: Annotated[int, Meta(ge=0)]
    agency: Agency | None = None
    remove: Code = ""


class Rules(msgspec.Struct, frozen=True):
    """The routing rules in the order in which they are asked, and what was changed of them."""

    version: int
    rules: tuple[Rule, ...]
    history: tuple[editable.Change, ...]


class EditRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Keep a rule, new or changed, live or not; or take one out."""

    seen: Annotated[int, Meta(ge=0)]
    rule: Rule | None = None
    remove: Code = ""


class TryRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule as it would be, to be tried beside those that are live."""

    rule: Rule


class TrialRow(msgspec.Struct, frozen=True):
    """A past report that the rule would have handed on. `office` is where it is now."""

    id: str
    number: str
    created: str
    category: str
    kelurahan: str
    text: str
    office: str | None


class Trial(msgspec.Struct, frozen=True):
    """What a rule would have done to past reports. Nothing was changed."""

    looked_at: Annotated[int, Meta(description=f"Newest reports, at most {TRIED_ON}.")]
    since: Annotated[str | None, Meta(description="When the oldest of them was made.")]
    taken: Annotated[int, Meta(description="How many the rule would have taken.")]
    rows: Annotated[tuple[TrialRow, ...], Meta(description=f"The newest of those, at most {SHOWN}.")]
    before: Annotated[int, Meta(description="How many would fit, but an earlier rule takes them.")]
    agency: str


class Phrases(msgspec.Struct, frozen=True):
    """The templates of words, and, for admins, what was changed of them."""

    version: int
    phrases: tuple[Phrase, ...]
    states: tuple[str, ...]
    names: Annotated[tuple[str, ...], Meta(description="What may stand in braces.")]
    history: tuple[editable.Change, ...]


class EditPhrase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Keep a template, new or changed; or take one out."""

    seen: Annotated[int, Meta(ge=0)]
    phrase: Phrase | None = None
    remove: Code = ""


# Agencies.


def list_agencies(parts: Parts, request: Request) -> Response:
    """GET /api/staff/agencies: who reports can be handed to."""
    asking(parts, request, "rules")
    return reply(200, _agencies(parts))


def edit_agency(parts: Parts, request: Request) -> Response:
    """POST /api/staff/agencies: keep or take out an agency."""
    officer = asking(parts, request, "rules")
    sent = read_body(parts, request, EditAgency)
    kept = agencies_of(parts)
    if sent.agency:
        _known(sent.agency.categories, parts.categories, "categories")
    _edit(parts, officer, AGENCIES, kept, seen=sent.seen, entry=sent.agency, remove=sent.remove)
    return reply(200, _agencies(parts))


def _agencies(parts: Parts) -> Agencies:
    table = parts.door.table
    edited = editable.read(table, agencies.KIND)
    rows = tuple(agencies.current(table, parts.agencies).values())
    return Agencies(edited.version, rows, tuple(editable.history(table, agencies.KIND)))


# Routing rules.


def list_rules(parts: Parts, request: Request) -> Response:
    """GET /api/staff/routing: the rules that hand new reports on."""
    asking(parts, request, "rules")
    return reply(200, _rules(parts))


def edit_rule(parts: Parts, request: Request) -> Response:
    """POST /api/staff/routing: keep a rule, live or not, or take one out. Live only after a trial."""
    officer = asking(parts, request, "rules")
    sent = read_body(parts, request, EditRule)
    table = parts.door.table
    kept = routing.read(editable.read(table, routing.KIND).entries)
    if sent.rule:
        _known((sent.rule.agency,), agencies_of(parts), "agency")
        _known(sent.rule.categories, parts.categories, "categories")
        old = kept.get(sent.rule.code)
        was_live = old is not None and old.live and _digest(old) == _digest(sent.rule)
        if sent.rule.live and not was_live and table.get(_tried(sent.rule)) is None:
            raise Refused([Problem("rule_not_tried", "live")], 409)
    _edit(parts, officer, ROUTING, kept, seen=sent.seen, entry=sent.rule, remove=sent.remove)
    return reply(200, _rules(parts))


def try_rule(parts: Parts, request: Request) -> Response:
    """POST /api/staff/routing/trial: which past reports a rule would have taken. Notes that it was tried."""
    officer = asking(parts, request, "rules")
    rule = read_body(parts, request, TryRule).rule
    wrong = routing.check(rule)
    if wrong:
        raise Refused([Problem("entry_wrong", "rule", {"value": wrong})])
    agency = agencies_of(parts).get(rule.agency)
    if agency is None:
        raise _unknown(rule.agency)
    _within(officer, rule.boundaries)
    table = parts.door.table
    others = [each for each in routing.live(table) if each.code != rule.code]
    wanted = queues.Filter(boundaries=rule.boundaries, states=tuple(lifecycle.STATES))
    page = queues.page(table, officer, wanted, parts.door.locator.by_kode, limit=TRIED_ON)
    loaded = records.load_many(table, [row.id for row in page.rows])
    past = [loaded[row.id] for row in page.rows if row.id in loaded]
    found = routing.trial([*others, rule], past)
    alone = routing.trial([rule], past)
    taken = [it for it, by in found if by.code == rule.code]
    now = parts.door.now()
    tried = {"by": officer.id, "taken": len(taken), "looked_at": len(past)}
    table.transact([Put(_tried(rule), tried, expires=int(now.timestamp()) + TRIED_S)])
    rows = tuple(
        TrialRow(
            it.id, written_id(it.id), it.created, it.category, it.place.kelurahan if it.place else "",
            records.row_of(it)["text"], it.office.name if it.office else None,
        )
        for it in taken[:SHOWN]
    )  # fmt: skip
    since = past[-1].created if past else None
    return reply(200, Trial(len(past), since, len(taken), rows, len(alone) - len(taken), agency.office.name))


def _rules(parts: Parts) -> Rules:
    table = parts.door.table
    edited = editable.read(table, routing.KIND)
    rows = tuple(routing.in_order(routing.read(edited.entries).values()))
    return Rules(edited.version, rows, tuple(editable.history(table, routing.KIND)))


def _digest(rule: Rule) -> str:
    plain = msgspec.structs.replace(rule, live=False)
    return hashlib.sha256(msgspec.json.encode(plain, order="deterministic")).hexdigest()


def _tried(rule: Rule) -> Key:
    return Key("tried", _digest(rule))


# Templates of words.


def list_phrases(parts: Parts, request: Request) -> Response:
    """GET /api/staff/phrases: what officers can begin with."""
    officer = asking(parts, request, "queue")
    return reply(200, _phrases(parts, officer))


def edit_phrase(parts: Parts, request: Request) -> Response:
    """POST /api/staff/phrases: keep or take out a template. They are everybody's: for who covers the province."""
    officer = asking(parts, request, "rules")
    sent = read_body(parts, request, EditPhrase)
    if sent.phrase:
        _known(sent.phrase.categories, parts.categories, "categories")
    kept = phrases.current(parts.door.table)
    _edit(parts, officer, PHRASES, kept, seen=sent.seen, entry=sent.phrase, remove=sent.remove)
    return reply(200, _phrases(parts, officer))


def _phrases(parts: Parts, officer: Officer) -> Phrases:
    table = parts.door.table
    edited = editable.read(table, phrases.KIND)
    past = editable.history(table, phrases.KIND) if ever(officer, "rules") else []
    rows = tuple(phrases.current(table).values())
    return Phrases(edited.version, rows, phrases.STEPS, phrases.NAMES, tuple(past))


# What they share.


@dataclass(frozen=True)
class _Kind:
    """A kind of entries: what it is called, what can be wrong with one, and where one reaches."""

    name: str
    check: Callable[[Any], str]
    boundaries: Callable[[Any], Sequence[str]]


AGENCIES = _Kind(agencies.KIND, agencies.check, lambda each: each.boundaries)
ROUTING = _Kind(routing.KIND, routing.check, lambda each: each.boundaries)
PHRASES = _Kind(phrases.KIND, phrases.check, lambda _: ())


def _edit(
    parts: Parts,
    officer: Officer,
    kind: _Kind,
    kept: Mapping[str, Any],
    *,
    seen: int,
    entry: Any,
    remove: str,
) -> None:
    """Keep `entry`, or take out the one with the code `remove`. Raises Refused."""
    if (entry is None) == (not remove):
        raise Refused([Problem("entry_wrong", "", {"value": "send an entry, or the code of one to remove"})])
    code = remove or entry.code
    old = kept.get(code)
    if remove and old is None:
        raise _unknown(remove)
    if entry is not None and (wrong := kind.check(entry)):
        raise Refused([Problem("entry_wrong", "", {"value": wrong})])
    for each in (old, entry):
        if each is not None:
            _within(officer, kind.boundaries(each))
    try:
        editable.write(
            parts.door.table,
            kind.name,
            {code: _body(entry) if entry is not None else None},
            seen=seen,
            before={code: _body(old) if old is not None else None},
            by=officer,
            now=parts.door.now(),
        )
    except editable.ChangedMeanwhile:
        raise Refused([Problem("edited_meanwhile", "seen")], 409) from None
    except editable.TooMany:
        raise Refused([Problem("entries_too_many")]) from None


def _body(entry: msgspec.Struct) -> dict[str, Any]:
    made: dict[str, Any] = msgspec.to_builtins(entry)
    made.pop("code")
    return made


def _within(officer: Officer, boundaries: Sequence[str]) -> None:
    """Raises Refused (403) for what reaches beyond an admin's own boundaries; none named means everywhere."""
    beyond = [each for each in boundaries or (PROVINCE,) if not officer.covers(each)]
    if beyond:
        raise Refused([Problem("out_of_reach", "boundaries", {"value": beyond[0]})], 403)


def _known(codes: Sequence[str], known: Mapping[str, Any], field: str) -> None:
    wrong = [each for each in codes if each not in known]
    if wrong:
        choices = ", ".join(known)
        raise Refused([Problem("not_a_choice", field, {"value": wrong[0], "choices": choices})])


def _unknown(code: str) -> Refused:
    return Refused([Problem("entry_unknown", "", {"value": code})])


def _listing(name: str, path: str, what: str, show: Handler, shown: type[msgspec.Struct]) -> Operation:
    answers = {200: (shown,), **OUT}
    return Operation(f"staff_{name}", "GET", path, f"List {what}", show, answers, headers=TOKEN)


def _editing(name: str, path: str, what: str, edit: Handler, types: tuple[Any, Any]) -> Operation:
    takes, shown = types
    answers = {200: (shown,), 409: (Errors,), **BAD, **OUT}
    return Operation(
        f"staff_edit_{name}",
        "POST",
        path,
        f"Keep one of {what}, or take one out",
        edit,
        answers,
        takes=takes,
        content_types=(body.JSON,),
        headers=TOKEN,
    )


def _family(name: str, what: str, do: tuple[Handler, Handler], types: tuple[Any, Any]) -> Sequence[Operation]:
    """Listing a kind, and keeping or taking out one of it."""
    path = f"/api/staff/{name}"
    return (
        _listing(name, path, what, do[0], types[1]),
        _editing(name, path, what, do[1], types),
    )


OPERATIONS = (
    *_family("agencies", "the agencies", (list_agencies, edit_agency), (EditAgency, Agencies)),
    *_family("routing", "the routing rules", (list_rules, edit_rule), (EditRule, Rules)),
    *_family("phrases", "the templates of words", (list_phrases, edit_phrase), (EditPhrase, Phrases)),
    Operation(
        "staff_try_routing",
        "POST",
        "/api/staff/routing/trial",
        "Try a routing rule on past reports",
        try_rule,
        {200: (Trial,), **BAD, **OUT},
        takes=TryRule,
        content_types=(body.JSON,),
        headers=TOKEN,
    ),
)
