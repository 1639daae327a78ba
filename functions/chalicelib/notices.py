"""The outbox: from changes to what is due, from what is due to senders. Nobody is told the same twice.

`tell` follows the change stream and knows follows, never an address. A mark in the same transaction
makes each notice due once, however often a change is delivered. `deliver` claims a notice before it
sends: of two workers one wins, and what a dying worker may have sent is not sent again. What
follow.py decides is not decided here; letters are web.letters'.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from web.letters import Letter, Letters, Links, News

from . import follow, logs, records
from .followers import CONFIRM_HOURS, EMAIL, Book, Follow, Follower
from .front.problems import Refused
from .lifecycle import STATES
from .news import described, news_of
from .proof import WIB
from .report import Event, Report, moment, stamp
from .senders import Message, Outcome, Sender
from .storage.table import (
    WRITES,
    Change,
    Check,
    ConditionFailed,
    Delete,
    Expect,
    Item,
    Key,
    Put,
    Table,
    Write,
)

DUE, SENDING = "notices#due", "notices#sending"
REMEMBERED = timedelta(days=30)
"""So long it is known who was told what: far longer than any change is delivered again."""
DELAYS_S = (60, 300, 900, 3600, 3600 * 4, 3600 * 12)
"""After each try that failed; after the last one a notice is given up."""
UNCLEAR_AFTER = timedelta(minutes=15)
"""A claimed notice that was not settled by then belongs to a worker that died."""
TOGETHER = 6
"""Notices made due in one transaction, each of up to four writes."""
MOST_DIGESTED = 200
_EVENT = re.compile(r"event#(\d{6})")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Post:
    """What delivering works with. `senders` by channel; one that is missing means that channel is off.

    `areas` are the names of kelurahan by code; `site_url` makes links absolute.
    """

    table: Table
    book: Book
    letters: Letters
    senders: Mapping[str, Sender]
    areas: Mapping[str, Any]
    site_url: str
    rules: follow.Rules
    contact_days: int


# What is due, from what changed.


def due(kind: str, name: str, at: datetime, **more: Any) -> Put:
    """The write that makes something due at a time. `name` makes it one of its kind."""
    return Put(Key(DUE, f"{stamp(at)}#{kind}#{name}"), {"kind": kind, "tries": 0, **more})


def confirmation(follower: Follower, wish: Follow) -> list[Write]:
    """The write that asks a mailbox for its yes, at once; none for a browser, which said it already."""
    if follower.channel != EMAIL:
        return []
    return [
        due("confirm", f"{follower.id}#{wish.number}", moment(wish.created), who=follower.id, n=wish.number)
    ]


def tell(table: Table, changes: Iterable[Change], now: datetime, rules: follow.Rules) -> int:
    """Make due what follows from new events of reports, and from contacts left with them. Safe to repeat.

    Returns how many notices. Reads, for each event, only those who may hear of it.
    """
    wanted: list[tuple[str, int]] = []
    for change in changes:
        if change.kind != "insert":
            continue
        family, _, report_id = change.key.partition.partition("#")
        if family == "report" and (match := _EVENT.fullmatch(change.key.sort)):
            wanted.append((report_id, int(match[1])))
        elif family == "contact":
            _once(table, f"reporter#{report_id}", [due("reporter", report_id, now, report=report_id)], now)
    reports = records.load_many(table, list({report_id for report_id, _ in wanted})) if wanted else {}
    made = 0
    for (report_id, _), event in sorted(records.events_of(table, wanted).items() if wanted else ()):
        if report := reports.get(report_id):
            made += _tell_of(table, report, event, now, rules)
    return made


def _tell_of(table: Table, report: Report, event: Event, now: datetime, rules: follow.Rules) -> int:
    name = f"{report.id}#{event.seq:06d}"
    if event.to_state and (STATES[event.to_state].closed or follow.is_reopening(event)):
        _once(table, f"ending#{name}", [due("ending", name, now, report=report.id)], now)
    if event.planned:
        at = follow.morning_after(event.planned, rules)
        late = due(
            "late", follow.late_mark(report.id, event.planned), at, report=report.id, planned=event.planned
        )
        _once(table, follow.late_mark(report.id, event.planned), [late], max(now, at))
    telling = _Telling(table, report.id, event.seq, event.at, now, rules)
    heard = list(_hearing(table, report, event))
    return sum(telling.all(heard[start : start + TOGETHER]) for start in range(0, len(heard), TOGETHER))


@dataclass
class _Heard:
    """A follower who is told: by which follows, how soon, and under which mark."""

    who: str
    mark: str
    rhythm: str
    numbers: list[int]


def _hearing(table: Table, report: Report, event: Event) -> Iterator[_Heard]:
    """Everybody who is told of an event, each once, with all of their follows that it concerns."""
    found: dict[str, _Heard] = {}
    for partition in follow.listening(report):
        for item in records.every(table, partition):
            row = msgspec.convert(item.body, follow.Row)
            if not follow.hears(partition, row, report, event):
                continue
            who, _, number = item.key.sort.partition("#")
            heard = found.setdefault(who, _Heard(who, follow.mark(partition, event), row.rhythm, []))
            heard.numbers.append(int(number))
            if row.rhythm == "now":
                heard.rhythm = "now"
    yield from found.values()


@dataclass(frozen=True)
class _Telling:
    """Making notices of one event due; `seq` 0 stands for a planned day that went by. `happened` puts them in order."""

    table: Table
    report_id: str
    seq: int
    happened: str
    now: datetime
    rules: follow.Rules

    def all(self, heard: Sequence[_Heard]) -> int:
        """Make them due in one transaction; one by one when others are at it, too. How many are new."""
        # Changes come again, and a look costs less than a write that fails.
        known = self.table.get_many(_told(each.who, each.mark) for each in heard)
        fresh = [each for each in heard if _told(each.who, each.mark) not in known]
        try:
            self.table.transact([write for each in fresh for write in self._writes(each, self.now)])
        except ConditionFailed:
            return sum(self.one(each) for each in fresh)
        return len(fresh)

    def one(self, heard: _Heard) -> bool:
        """Make one due, unless it was before. A digest that is just going out leaves it to the next."""
        for later in (self.now, follow.next_digest(self.now, self.rules)):
            try:
                self.table.transact(self._writes(heard, later))
            except ConditionFailed:
                if self.table.get(_told(heard.who, heard.mark)):
                    return False
                continue
            return True
        raise RuntimeError("two digests in a row went out while a notice was made for them")

    def _writes(self, heard: _Heard, digest_after: datetime) -> list[Write]:
        body = {"report": self.report_id, "seq": self.seq, "follows": heard.numbers}
        expires = int((self.now + REMEMBERED).timestamp())
        mark = Put(_told(heard.who, heard.mark), {}, Expect.ABSENT, expires)
        if heard.rhythm == "now":
            at = follow.held(self.now, self.rules)
            name = f"{self.happened}#{self.seq:06d}#{heard.who}#{heard.mark}"
            return [mark, due("news", name, at, who=heard.who, **body)]
        at = follow.next_digest(digest_after, self.rules)
        day = (at + WIB).date().isoformat()
        kept = int((at + timedelta(days=7)).timestamp())
        return [
            mark,
            Check(_told(heard.who, f"digest#{day}"), Expect.ABSENT),
            Put(Key(f"digest#{heard.who}#{day}", heard.mark), body, expires=kept),
            due("digest", heard.who, at, who=heard.who, day=day),
        ]


def _once(table: Table, name: str, writes: Sequence[Write], now: datetime) -> None:
    """Do something that belongs to nobody in particular once."""
    mark = Put(_told("all", name), {}, Expect.ABSENT, expires=int((now + REMEMBERED).timestamp()))
    if table.get(mark.key):
        return
    try:
        table.transact([mark, *writes])
    except ConditionFailed:
        return


def _told(who: str, mark: str) -> Key:
    return Key(f"told#{who}", mark)


# What is due goes out.


def deliver(
    post: Post, now: datetime, *, most: int = 200, remaining: Callable[[], bool] = lambda: True
) -> dict[str, int]:
    """Work off what is due at `now`: at most `most` notices, while `remaining` says that there is time.

    Returns how many were sent, put off (`later`), given up, and so on, by outcome.
    """
    done: dict[str, int] = {}
    for item in post.table.query(DUE, end=f"{stamp(now)}~", limit=most).items:
        if not remaining():
            break
        try:
            outcome = _one(post, item, now)
        except ConditionFailed:
            outcome = "elsewhere"  # another worker has it
        except Exception as error:  # noqa: BLE001 (one bad notice must not hold up the others)
            # Its text may name an address, so only its kind is written down.
            log.error("a notice of kind %s failed: %s", item.body.get("kind"), type(error).__name__)
            outcome = "failed"
        done[outcome] = done.get(outcome, 0) + 1
    if lost := _unclear(post.table, now):
        done["unclear"] = done.get("unclear", 0) + lost
    for outcome, count in done.items():
        logs.metric(f"Notices{outcome.capitalize()}", count)
    return done


def _one(post: Post, item: Item, now: datetime) -> str:
    deeds = {"reporter": _of_reporter, "ending": _ending, "late": _late}
    if deed := deeds.get(item.body["kind"]):
        deed(post, item.body, now)
        post.table.transact([Delete(item.key)])
        return "done"
    quiet = follow.held(now, post.rules)
    if item.body["kind"] == "news" and quiet > now:
        later = Put(Key(DUE, stamp(quiet) + item.key.sort[len(stamp(now)) :]), item.body)
        post.table.transact([Delete(item.key, item.version), later])
        return "held"
    claimed = Key(SENDING, item.key.sort)
    writes: list[Write] = [
        Delete(item.key, item.version),
        Put(claimed, {**item.body, "claimed": stamp(now)}, Expect.ABSENT),
    ]
    if item.body["kind"] == "digest" and not item.body["tries"]:
        expires = int((now + REMEMBERED).timestamp())
        told = _told(item.body["who"], f"digest#{item.body['day']}")
        writes.append(Put(told, {}, Expect.ABSENT, expires))
    post.table.transact(writes)
    try:
        message, channel = _message(post, item)
    except Exception:
        _put_off(post.table, claimed, item, now)
        raise
    sender = post.senders.get(channel)
    outcome: Outcome = "refused"
    if message and sender:
        outcome = sender.send(message)
    return _settle(post, claimed, item, outcome if message else "refused", now)


def _settle(post: Post, claimed: Key, item: Item, outcome: Outcome, now: datetime) -> str:
    if outcome == "later":
        return _put_off(post.table, claimed, item, now)
    post.table.transact([Delete(claimed)])
    if outcome == "gone":
        post.book.end(item.body["who"])
    if item.body["kind"] == "digest":
        rows = [row.key for row in records.every(post.table, _digest(item))]
        for start in range(0, len(rows), WRITES):
            post.table.transact([Delete(key) for key in rows[start : start + WRITES]])
    return outcome


def _put_off(table: Table, claimed: Key, item: Item, now: datetime) -> str:
    tries = item.body["tries"] + 1
    if tries > len(DELAYS_S):
        table.transact([Delete(claimed)])
        return "given_up"
    at = now + timedelta(seconds=DELAYS_S[tries - 1])
    again = Put(Key(DUE, stamp(at) + item.key.sort[len(stamp(at)) :]), {**item.body, "tries": tries})
    table.transact([Delete(claimed), again])
    return "later"


def _unclear(table: Table, now: datetime) -> int:
    """Clear away what workers that died had claimed: it may have been sent, so it is not sent again."""
    lost = [
        item.key
        for item in table.query(SENDING, limit=100).items
        if moment(item.body["claimed"]) + UNCLEAR_AFTER < now
    ]
    for key in lost:
        table.transact([Delete(key)])
    if lost:
        log.warning("%d notices may or may not have been sent; they are not sent again", len(lost))
    return len(lost)


def _digest(item: Item) -> str:
    return f"digest#{item.body['who']}#{item.body['day']}"


# Deeds that send nothing themselves. Each may happen twice and then changes nothing.


def _of_reporter(post: Post, body: Mapping[str, Any], now: datetime) -> None:
    """Who sent a report and wished to be told is asked at that address, like everybody else."""
    report_id = body["report"]
    contact = post.table.get(records.contact_key(report_id))
    found = records.load(post.table, report_id)
    if contact is None or found is None or not contact.body.get("updates") or EMAIL not in post.senders:
        return
    address = contact.body.get("email")
    if not address:
        return
    target = follow.Target(follow.REPORT, report=report_id)
    once = Put(_told("all", f"asked#{report_id}"), {}, Expect.ABSENT, int((now + REMEMBERED).timestamp()))
    if post.table.get(once.key):
        return
    try:
        post.book.ask(
            EMAIL,
            address,
            target,
            rhythm="now",
            language=found[0].language,
            role=follow.REPORTER,
            also=lambda who, wish: [once, *confirmation(who, wish)],
        )
    except Refused:
        log.info("a reporter was not asked: that address was asked often enough")


def _ending(post: Post, body: Mapping[str, Any], now: datetime) -> None:
    """Follows of a report end some time after it: like the reporter's contact."""
    found = records.load(post.table, body["report"])
    if found is None:
        return
    ends = follow.report_ends(found[0], post.contact_days, now)
    for item in list(records.every(post.table, f"followers#report#{body['report']}")):
        post.book.limit_report(item.key.sort.partition("#")[0], body["report"], ends)


def _late(post: Post, body: Mapping[str, Any], now: datetime) -> None:
    """Say it honestly when a planned day went by: on the report's page, and to those who follow it."""
    report_id, planned = body["report"], body["planned"]
    found = records.load(post.table, report_id)
    if found is None or not follow.is_late(found[0], planned, now):
        return
    mark = follow.late_mark(report_id, planned)
    post.table.transact(
        [
            Put(records.late_key(report_id), {"planned": planned}),
            Put(records.dirty_key(f"report#{report_id}", f"late-{planned}"), {}),
        ]
    )
    for item in list(records.every(post.table, f"followers#report#{report_id}")):
        row = msgspec.convert(item.body, follow.Row)
        if found[0].private and row.role != follow.REPORTER:
            continue
        who, _, number = item.key.sort.partition("#")
        telling = _Telling(post.table, report_id, 0, stamp(now), now, post.rules)
        telling.one(_Heard(who, mark, "now", [int(number)]))


# What a notice says, as it is when it goes out: what is not public by then is not sent.


def _message(post: Post, item: Item) -> tuple[Message | None, str]:
    """The message and its channel; None when there is nothing to say any more."""
    body = item.body
    who = post.book.load(body["who"])
    if who is None:
        return None, ""
    if body["kind"] == "confirm":
        wish = who.follow(body["n"])
        if wish is None or wish.confirmed:
            return None, who.channel
        links = Links(act=_token_url(post, who, f"c{wish.number}"))
        followed = described(wish.target, post.areas)
        letter = post.letters.confirmation(followed, links, who.language, hours=CONFIRM_HOURS)
        return _as_message(who, letter, links.act, f"confirm#{who.id}#{wish.number}", ""), who.channel
    made = _of_digest(post, who, item) if body["kind"] == "digest" else _of_news(post, who, body)
    return made, who.channel


def _of_news(post: Post, who: Follower, body: Mapping[str, Any]) -> Message | None:
    follows = _alive(who, body["follows"])
    told = _read(post.table, [body], follows)
    if not told:
        return None
    (news,) = told
    links = _links(post, who, follows, _page_url(post, news, who.language))
    letter = post.letters.news(news, [described(f.target, post.areas) for f in follows], links, who.language)
    name = f"{body['report']}#{body['seq']}#{news.what}#{who.id}"
    if news.what == "late" and news.planned:
        name += f"#{news.planned.isoformat()}"
    return _as_message(who, letter, links.act, name, links.end)


def _of_digest(post: Post, who: Follower, item: Item) -> Message | None:
    rows = [row.body for row in records.every(post.table, _digest(item), most=MOST_DIGESTED)]
    follows = _alive(who, sorted({n for body in rows for n in body["follows"]}))
    told = _read(post.table, rows, follows)
    if not told:
        return None
    root = "/en/" if who.language == "en" else "/"
    links = _links(post, who, follows, f"{post.site_url}{root}")
    letter = post.letters.digest(
        [(news, _page_url(post, news, who.language)) for news in told],
        [described(f.target, post.areas) for f in follows],
        links,
        who.language,
    )
    return _as_message(who, letter, links.act, f"digest#{item.body['day']}#{who.id}", links.end)


def _alive(who: Follower, numbers: Sequence[int]) -> list[Follow]:
    return [f for n in numbers if (f := who.follow(n)) and f.confirmed]


def _read(table: Table, rows: Sequence[Mapping[str, Any]], follows: Sequence[Follow]) -> list[News]:
    """What is public now of what was noted then, oldest first."""
    numbers = {f.number: f for f in follows}
    reports = records.load_many(table, list({row["report"] for row in rows}))
    events = records.events_of(table, [(row["report"], row["seq"]) for row in rows if row["seq"]])
    found: list[tuple[str, News]] = []
    for row in rows:
        mine = [numbers[n] for n in row["follows"] if n in numbers]
        report, event = reports.get(row["report"]), events.get((row["report"], row["seq"]))
        own = any(f.role == follow.REPORTER for f in mine)
        if report is None or not mine or (report.private and not own) or (row["seq"] and event is None):
            continue
        found.append((event.at if event else report.updated, news_of(report, event, own=own)))
    return [news for _, news in sorted(found, key=lambda pair: pair[0])]


def _links(post: Post, who: Follower, follows: Sequence[Follow], act: str) -> Links:
    numbers = "_".join(str(f.number) for f in follows)
    return Links(act, _token_url(post, who, f"u{numbers}"), _token_url(post, who, "m"))


def _token_url(post: Post, who: Follower, scope: str) -> str:
    return f"{post.site_url}/api/follow/{post.book.token(who.id, scope)}"


def _page_url(post: Post, news: News, language: str) -> str:
    if news.own:
        asked = "?language=en" if language == "en" else ""
        return f"{post.site_url}/api/reports/{news.report}/page{asked}"
    return f"{post.site_url}{'/en' if language == 'en' else ''}/laporan/{news.report}/"


def _as_message(who: Follower, letter: Letter, url: str, name: str, end: str) -> Message:
    return Message(
        id=name,
        to=who.address,
        language=who.language,
        subject=letter.subject,
        text=letter.text,
        html=letter.html,
        short=letter.short,
        url=url,
        unsubscribe=end,
        p256dh=who.p256dh,
        auth=who.auth,
    )
