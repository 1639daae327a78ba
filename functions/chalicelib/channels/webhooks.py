"""Signed messages to and from other systems: what happened goes out to who asked for it, reports come in.

Signed as Standard Webhooks 1.0 has it: HMAC-SHA-256 over id, time and body, with a secret
that can be changed without losing a message. Out: at least once, for a day, then kept as
dead letters. In: once for each id. Who may make either stands in infra/partners.py.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from .. import public, records, submission
from ..categories import Category
from ..front import body
from ..front.keys import BOUNDARY
from ..front.operation import Errors, Operation, Parts, Request, Response, reply
from ..front.problems import Problem, Refused
from ..intake import Source, accept
from ..lifecycle import STATES
from ..report import Event, Report, moment, stamp, written_id
from ..storage.table import Change, ConditionFailed, Delete, Expect, Item, Key, Put, Table
from . import fetch

HOOKS, CHANNELS, DUE = "webhooks", "channels", "webhooks#due"
TOLERANCE_S = 300
"""A message is taken when its time is no further away than this."""
OVERLAP = timedelta(days=1)
"""So long the secret before stays good after a change."""
DELAYS_S = (60, 120, 300, 600, 1800, 3600, 7200)
"""After each try that failed; the last one again and again."""
PATIENCE = timedelta(days=1)
REMEMBERED = timedelta(days=14)
SEND_SECONDS = 10
MOST_ANSWER = 10_000
NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
PREFIX = "whsec_"
_EVENT = re.compile(r"event#(\d{6})")

Send = Callable[[str, bytes, Mapping[str, str]], int]
"""Sends a body with headers to an address; the status that was answered, 0 when nobody did."""


class Secret(msgspec.Struct, frozen=True):
    """A shared secret, as both sides keep it. `until` is a stamp when it ends, None for the newest."""

    text: str
    until: str | None = None


class Hook(msgspec.Struct, frozen=True):
    """Who is told what, where. An empty filter lets everything through; boundaries are code prefixes."""

    id: str
    name: str
    url: str
    boundaries: tuple[str, ...]
    categories: tuple[str, ...]
    states: tuple[str, ...]
    secrets: tuple[Secret, ...]
    created: str

    def wants(self, report: Report, event: Event) -> bool:
        """Whether an event of a public report passes the filter."""
        kode = report.place.kode if report.place else ""
        near = not self.boundaries or any(kode == b or kode.startswith(f"{b}.") for b in self.boundaries)
        fits = not self.categories or report.category in self.categories
        return not report.private and near and fits and (not self.states or event.to_state in self.states)


class Received(msgspec.Struct, frozen=True):
    """A message became a report. `repeated`: this id was taken before."""

    id: str
    number: str
    status_url: str
    repeated: bool


class Message(submission.Submission, frozen=True, kw_only=True):
    """A report from another system: the fields of POST /api/reports, and its id there."""

    id: Annotated[str, Meta(min_length=1, max_length=200, description="The same id is taken once.")]


# Secrets and signatures.


def new_secret(random_bytes: Callable[[int], bytes]) -> Secret:
    """A secret of 256 random bits."""
    return Secret(PREFIX + base64.b64encode(random_bytes(32)).decode())


def rotated(secrets: Sequence[Secret], fresh: Secret, now: datetime) -> tuple[Secret, ...]:
    """The secrets after a change: the new one, and the newest before it for OVERLAP longer."""
    kept = [each for each in secrets if each.until is None]
    return (fresh, *(Secret(each.text, stamp(now + OVERLAP)) for each in kept[:1]))


def good(secrets: Sequence[Secret], now: datetime) -> list[Secret]:
    """The secrets that are still good."""
    return [each for each in secrets if each.until is None or moment(each.until) > now]


def signature(secret: Secret, message_id: str, timestamp: int, data: bytes) -> str:
    """`v1,` and the HMAC in base64."""
    key = base64.b64decode(secret.text.removeprefix(PREFIX))
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + data, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"


def signed(secrets: Sequence[Secret], message_id: str, data: bytes, now: datetime) -> dict[str, str]:
    """The headers of a message, with a signature by each secret that is good."""
    timestamp = int(now.timestamp())
    return {
        "Webhook-Id": message_id,
        "Webhook-Timestamp": str(timestamp),
        "Webhook-Signature": " ".join(signature(s, message_id, timestamp, data) for s in good(secrets, now)),
    }


def check(secrets: Sequence[Secret], headers: Mapping[str, str], data: bytes, now: datetime) -> None:
    """Raises Refused (403) unless a good secret signed the body lately. Header names in lower case."""
    message_id, timestamp, sent = (
        headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")
    )
    if not message_id or not timestamp or not sent:
        raise Refused([Problem("signature_missing", "Webhook-Signature")], 403)
    wrong = Refused([Problem("signature_wrong", "Webhook-Signature")], 403)
    if not re.fullmatch(r"[0-9]{1,12}", timestamp) or abs(now.timestamp() - int(timestamp)) > TOLERANCE_S:
        raise wrong
    if not message_id.isascii() or not sent.isascii():
        raise wrong
    expected = [signature(each, message_id, int(timestamp), data) for each in good(secrets, now)]
    offered = sent.split()[:10]
    if not any(hmac.compare_digest(a, b) for a in expected for b in offered):
        raise wrong


# Who is told.


def add(
    table: Table,
    *,
    name: str,
    url: str,
    boundaries: Sequence[str] = (),
    categories: Sequence[str] = (),
    states: Sequence[str] = (),
    now: datetime,
    random_bytes: Callable[[int], bytes],
    private: bool = False,
) -> Hook:
    """A new webhook. Raises ValueError for what cannot be."""
    try:
        fetch.judged(url, private=private)
    except fetch.FetchError as error:
        raise ValueError(f"{url}: {error}; use a public https address") from None
    if wrong := [each for each in boundaries if not BOUNDARY.fullmatch(each)]:
        raise ValueError(f"boundary {wrong[0]!r} is no code such as 31.71")
    if wrong := [each for each in states if each not in STATES]:
        raise ValueError(f"state {wrong[0]!r}: choose from {', '.join(STATES)}")
    hook = Hook(
        random_bytes(4).hex(),
        name,
        url,
        tuple(boundaries),
        tuple(categories),
        tuple(states),
        (new_secret(random_bytes),),
        stamp(now),
    )
    table.transact([Put(Key(HOOKS, hook.id), msgspec.to_builtins(hook), Expect.ABSENT)])
    return hook


def hooks(table: Table) -> list[Hook]:
    """All webhooks."""
    return [msgspec.convert(item.body, Hook) for item in records.every(table, HOOKS)]


def rotate(table: Table, hook_id: str, *, now: datetime, random_bytes: Callable[[int], bytes]) -> Hook:
    """Give a webhook a new secret; for OVERLAP messages are signed with both. Raises LookupError."""
    item = _hook(table, hook_id)
    before = msgspec.convert(item.body, Hook)
    after = msgspec.structs.replace(before, secrets=rotated(before.secrets, new_secret(random_bytes), now))
    table.transact([Put(item.key, msgspec.to_builtins(after), item.version)])
    return after


def remove(table: Table, hook_id: str) -> None:
    """End a webhook; what is still due for it is dropped. Raises LookupError."""
    table.transact([Delete(_hook(table, hook_id).key)])


def _hook(table: Table, hook_id: str) -> Item:
    item = table.get(Key(HOOKS, hook_id)) if hook_id else None
    if item is None:
        raise LookupError(f"there is no webhook {hook_id!r}; `webhooks list` names them")
    return item


# Going out.


def enqueue(table: Table, changes: Iterable[Change], now: datetime) -> int:
    """Make new events of public reports due for who wants them, each once. Returns how many messages."""
    wanted = [
        (change.key.partition.removeprefix("report#"), int(match.group(1)))
        for change in changes
        if change.kind == "insert"
        and change.key.partition.startswith("report#")
        and (match := _EVENT.fullmatch(change.key.sort))
    ]
    listening = hooks(table) if wanted else []
    if not listening:
        return 0
    reports = records.load_many(table, list({report_id for report_id, _ in wanted}))
    made = 0
    for (report_id, seq), event in sorted(records.events_of(table, wanted).items()):
        for hook in listening:
            if report_id in reports and hook.wants(reports[report_id], event):
                made += _make_due(table, hook.id, report_id, seq, now)
    return made


def _make_due(table: Table, hook_id: str, report_id: str, seq: int, now: datetime) -> bool:
    """Make a message due, unless it was made before: changes are delivered at least once."""
    once = Key(f"webhooks#made#{hook_id}", f"{report_id}#{seq:06d}")
    expires = int((now + REMEMBERED).timestamp())
    try:
        table.transact(
            [Put(once, {}, Expect.ABSENT, expires), _due(hook_id, report_id, seq, tries=0, first=now, at=now)]
        )
    except ConditionFailed:
        return False
    return True


def _due(hook_id: str, report_id: str, seq: int, *, tries: int, first: datetime, at: datetime) -> Put:
    body = {"hook": hook_id, "report": report_id, "seq": seq, "tries": tries, "first": stamp(first)}
    return Put(Key(DUE, f"{stamp(at)}#{hook_id}#{report_id}#{seq:06d}"), body)


def _again(message: Mapping[str, Any], at: datetime) -> Put:
    """The same message, due at another time."""
    first = moment(message["first"])
    return _due(
        message["hook"], message["report"], message["seq"], tries=message["tries"], first=first, at=at
    )


def deliver(
    table: Table,
    categories: Mapping[str, Category],
    send: Send,
    *,
    now: datetime,
    most: int = 100,
    go_on: Callable[[], bool] = lambda: True,
) -> dict[str, int]:
    """Send what is due at `now`, at most so many messages; how many were `sent`, put off (`later`) and `dead`.

    Nothing new is begun once `go_on` says no. A receiver that failed is not asked again in
    this round: what else is due for it waits a minute, and holds up nobody else's messages.
    """
    done = {"sent": 0, "later": 0, "dead": 0}
    silent: set[str] = set()
    for item in table.query(DUE, end=f"{stamp(now)}~", limit=most).items:
        if not go_on():
            break
        message = item.body
        if message["hook"] in silent:
            wait = now + timedelta(seconds=DELAYS_S[0])
            with contextlib.suppress(ConditionFailed):
                table.transact([Delete(item.key, item.version), _again(message, wait)])
            continue
        kept = table.get(Key(HOOKS, message["hook"]))
        payload = _payload(table, message["report"], message["seq"], categories)
        if kept is None or payload is None:
            table.transact([Delete(item.key)])
            continue
        hook = msgspec.convert(kept.body, Hook)
        message_id = f"{message['report']}-{message['seq']}"
        headers = {"Content-Type": "application/json", **signed(hook.secrets, message_id, payload, now)}
        status = send(hook.url, payload, headers)
        if not 200 <= status < 300:
            silent.add(hook.id)
        try:
            done[_settle(table, item, status, now)] += 1
        except ConditionFailed:
            # Another worker sent it at the same time: messages come at least once.
            continue
    return done


def _settle(table: Table, item: Item, status: int, now: datetime) -> str:
    """What becomes of a message after a try."""
    message = item.body
    if 200 <= status < 300:
        table.transact([Delete(item.key, item.version)])
        return "sent"
    tries = message["tries"] + 1
    first = moment(message["first"])
    at = now + timedelta(seconds=DELAYS_S[min(tries, len(DELAYS_S)) - 1])
    if at - first > PATIENCE:
        sort = f"{message['report']}#{message['seq']:06d}"
        dead = {**message, "tries": tries, "status": status, "last": stamp(now)}
        table.transact(
            [Delete(item.key, item.version), Put(Key(f"webhooks#dead#{message['hook']}", sort), dead)]
        )
        return "dead"
    table.transact([Delete(item.key, item.version), _again({**message, "tries": tries}, at)])
    return "later"


def dead(table: Table, hook_id: str) -> list[dict[str, Any]]:
    """The messages that were given up: report, seq, tries, last status and when."""
    return [item.body for item in records.every(table, f"webhooks#dead#{hook_id}")]


def replay(table: Table, hook_id: str, *, now: datetime) -> int:
    """Make all dead letters of a webhook due again. Returns how many. Raises LookupError."""
    _hook(table, hook_id)
    found = list(records.every(table, f"webhooks#dead#{hook_id}"))
    for item in found:
        again = _due(hook_id, item.body["report"], item.body["seq"], tries=0, first=now, at=now)
        table.transact([Delete(item.key), again])
    return len(found)


def _payload(table: Table, report_id: str, seq: int, categories: Mapping[str, Category]) -> bytes | None:
    """A message: what happened, and the public report as it is now. None when it is not public any more."""
    found = records.load(table, report_id)
    event = records.events_of(table, [(report_id, seq)]).get((report_id, seq))
    if found is None or event is None or found[0].private:
        return None
    told = {
        "id": f"{report_id}-{seq}",
        "type": f"report.{event.kind}",
        "at": event.at,
        "report": public.report(found[0], [event], categories),
    }
    return msgspec.json.encode(told)


def sender(*, private: bool) -> Send:
    """What really sends. `private` allows any address, for development."""

    def send(url: str, data: bytes, headers: Mapping[str, str]) -> int:
        try:
            got = fetch.fetch(
                url,
                max_bytes=MOST_ANSWER,
                seconds=SEND_SECONDS,
                private=private,
                method="POST",
                body=data,
                headers=headers,
            )
        except fetch.FetchError:
            return 0
        return got.status

    return send


# Coming in.


def open_channel(table: Table, name: str, *, now: datetime, random_bytes: Callable[[int], bytes]) -> Secret:
    """Let a channel send reports, or give it a new secret; the one before stays good for OVERLAP. ValueError."""
    if not NAME.fullmatch(name):
        raise ValueError(f"channel {name!r}: use lower case letters, digits and - (at most 32)")
    item = table.get(Key(CHANNELS, name))
    before = msgspec.convert(item.body["secrets"], tuple[Secret, ...]) if item else ()
    fresh = new_secret(random_bytes)
    kept = {"secrets": msgspec.to_builtins(rotated(before, fresh, now))}
    table.transact([Put(Key(CHANNELS, name), kept, item.version if item else Expect.ABSENT)])
    return fresh


def close_channel(table: Table, name: str) -> None:
    """Take nothing more from a channel. Raises LookupError."""
    if not NAME.fullmatch(name) or table.get(Key(CHANNELS, name)) is None:
        raise LookupError(f"there is no channel {name!r}")
    table.transact([Delete(Key(CHANNELS, name))])


def receive(parts: Parts, request: Request) -> Response:
    """POST /api/channels/{channel}: a signed report of another system, taken once for its id."""
    name = request.path.get("channel", "")
    item = parts.door.table.get(Key(CHANNELS, name)) if NAME.fullmatch(name) else None
    if item is None:
        raise Refused([Problem("channel_unknown", "channel", {"value": name})], 404)
    if len(request.body) > parts.settings.max_body_bytes:
        raise Refused([Problem("body_too_large")], 413)
    secrets = msgspec.convert(item.body["secrets"], tuple[Secret, ...])
    check(secrets, request.headers, request.body, parts.door.now())
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != body.JSON:
        raise Refused(
            [Problem("content_type", "Content-Type", {"value": request.headers.get("content-type", "")})], 415
        )
    values, _ = body.read(request.body, body.JSON, max_bytes=parts.settings.max_body_bytes)
    message_id = values.pop("id", None)
    problems = (
        [] if isinstance(message_id, str) and 0 < len(message_id) <= 200 else [Problem("missing", "id")]
    )
    try:
        sent = submission.read(values, categories=parts.categories)
    except Refused as refused:
        raise Refused([*problems, *refused.problems]) from None
    if problems:
        raise Refused(problems)
    accepted = accept(
        parts.door, sent, channel="api", may_ask=True, source=Source(f"channel#{name}", str(message_id))
    )
    url = f"{parts.settings.site_url}/laporan/{accepted.id}/"
    made = Received(accepted.id, written_id(accepted.id), url, accepted.repeated)
    return reply(200 if accepted.repeated else 201, made)


OPERATIONS = (
    Operation(
        "receive_message",
        "POST",
        "/api/channels/{channel}",
        "Send a report from another system, signed",
        receive,
        {
            200: (Received,),
            201: (Received,),
            **dict.fromkeys((400, 403, 404, 413, 415, 503), (Errors,)),
        },
        takes=Message,
        content_types=(body.JSON,),
        headers={
            "Webhook-Id": "An id of the message.",
            "Webhook-Timestamp": "Seconds since 1970, within five minutes of now.",
            "Webhook-Signature": "v1, and base64 of HMAC-SHA-256 over id.timestamp.body.",
        },
        places={"channel": {"type": "string", "pattern": NAME.pattern}},
    ),
)
