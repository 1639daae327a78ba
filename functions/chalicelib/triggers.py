"""What the functions without a route do: publish, keep time limits, look at uploads, tidy, check.

Each takes an event in Lambda's shape and the parts it needs. A stream event is answered
with the records that failed, so that one bad record holds back no other. Everything may
be delivered twice; doing it twice is the same as doing it once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus

from . import logs, notices, records
from .categories import Category
from .channels import webhooks
from .follow import Rules
from .photos.photo import PhotoError, process
from .privacy import retention
from .publish import CITY, Publisher
from .publishing import roots
from .report import broken_at
from .storage.dynamodb import changes_from_lambda_event
from .storage.files import Files
from .storage.table import Change, Put, Table

UPLOADS = "uploads/"
ROUND_DAYS = 30
"""Within so many days the daily check has been to every kelurahan."""
SPARE_MS = 20_000
"""What is left of a function's time when it begins nothing new."""
log = logging.getLogger(__name__)

Event = Mapping[str, Any]
Remaining = Callable[[], int]
"""Milliseconds until this invocation is ended."""


def publish(publisher: Publisher, event: Event, now: datetime) -> dict[str, Any]:
    """Publish a batch of the table's stream, then make it due for webhooks.

    Answers which records failed: Lambda delivers from the first again.
    """

    def work(changes: Sequence[Change]) -> None:
        publisher.publish(changes)
        webhooks.enqueue(publisher.table, changes, now)

    found = changes_from_lambda_event(event)
    answer = _batch_answer(found, work, "publishing")
    failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
    _say_whose(publisher.table, [change for change in found if change.sequence not in failed])
    return answer


def _say_whose(table: Table, changes: Sequence[Change]) -> None:
    """Log which request's change of which report is published now: the end of the way that began in a browser."""
    heads = {change.key for change in changes if change.key == records.head_key(change.key.partition[7:])}
    for key, item in table.get_many(heads).items():
        said = {logs.TRACE: item.body.get(logs.TRACE, "")}
        log.info("published %s at event %d", key.partition, item.body["seq"], extra=said)


def send_webhooks(
    table: Table,
    categories: Mapping[str, Category],
    send: webhooks.Send,
    now: datetime,
    remaining: Remaining,
) -> dict[str, int]:
    """Send the messages that are due, until none is or the time is up. Returns what became of them."""
    told = {"sent": 0, "later": 0, "dead": 0}
    while remaining() > SPARE_MS:
        done = webhooks.deliver(table, categories, send, now=now, go_on=lambda: remaining() > SPARE_MS)
        for name, count in done.items():
            told[name] += count
        if not any(done.values()):
            break
    logs.metric("WebhooksSent", told["sent"])
    logs.metric("WebhooksDead", told["dead"])
    return told


def keep_time_limits(
    table: Table, event: Event, *, contact_days: int, now: datetime, rules: Rules
) -> dict[str, Any]:
    """Let contact data end `contact_days` after its report was closed, and make due what followers are told.

    Both only write into the table; a slow mail server holds up neither. Answers like publish().
    """

    def settle(changes: Sequence[Change]) -> None:
        for report_id in retention.reports_of(changes):
            retention.settle(table, report_id, contact_days=contact_days)
        notices.tell(table, changes, now, rules)

    return _batch_answer(changes_from_lambda_event(event), settle, "keeping time limits")


def send_notices(post: notices.Post, now: datetime, remaining: Remaining) -> dict[str, int]:
    """Send followers what is due, until nothing is or the time is up. Returns how many, by outcome."""
    return notices.deliver(post, now, most=1000, remaining=lambda: remaining() > SPARE_MS)


def look_at_uploads(private: Files, event: Event, *, max_photo_bytes: int) -> int:
    """Delete uploads that are no photo, so that the bucket cannot be used to hand files around. Returns how many.

    A presigned form holds size and type as the sender names them; what arrived is judged here.
    """
    deleted = 0
    for record in event.get("Records", ()):
        path = unquote_plus(record["s3"]["object"]["key"])
        if not path.startswith(UPLOADS):
            log.warning("an upload outside %s was left alone", UPLOADS)
            continue
        found = private.get(path)
        if found is None:
            continue  # a report has taken it already
        try:
            process(found.data, max_bytes=max_photo_bytes)
        except PhotoError as error:
            private.delete(path)
            deleted += 1
            log.warning("an upload of %d bytes was deleted: %s", len(found.data), error.code)
    logs.metric("UploadsRefused", deleted)
    return deleted


def every_minute(publisher: Publisher, now: datetime, remaining: Remaining) -> int:
    """Rewrite what is marked dirty, then say on the service's own page that all is well. Returns how much there was."""
    done = tidy(publisher, remaining)
    publisher.service(now)
    draw(publisher, remaining)
    return done


def draw(publisher: Publisher, remaining: Remaining) -> int:
    """Draw the pictures of reports that are due, until none is or the time is up. Returns how many."""
    done = 0
    while remaining() > SPARE_MS:
        worked = publisher.cards(limit=5)
        done += worked
        if worked < 5:
            break
    logs.metric("CardsDrawn", done)
    return done


def tidy(publisher: Publisher, remaining: Remaining) -> int:
    """Rewrite front page, counts and archives that are marked dirty, until none is or the time is up."""
    done = 0
    while remaining() > SPARE_MS:
        worked = publisher.tidy(limit=25)
        done += worked
        if worked < 25:
            break
    left = len(publisher.table.query("dirty", limit=1000).items)
    # No metric for five minutes is an alarm: then nobody keeps the front page up to date.
    logs.metric("DirtyLeft", left)
    logs.metric("Tidied", done)
    return done


def daily(publisher: Publisher, now: datetime, remaining: Remaining) -> dict[str, int]:
    """What is due once a day: the roots of the days that are over, then the check of today's share."""
    logs.metric("RootsWritten", len(roots.write_new(publisher.table, publisher.site, now)))
    return check(publisher, jakarta_day(now), remaining)


def check(publisher: Publisher, today: date, remaining: Remaining) -> dict[str, int]:
    """Verify every history of today's share of the kelurahan and draw their pages anew.

    So within a month every chain was checked, and whatever a fault kept from being
    published is mended. Returns what was found; stops early rather than being ended.
    """
    found = {"kelurahan": 0, "reports": 0, "broken": 0}
    for kode in of_day(sorted(publisher.locator.by_kode), today):
        if remaining() < SPARE_MS:
            log.warning("time is up: %s and those after it wait for the next round", kode)
            break
        for report_id in records.public_ids(publisher.table, kode):
            found["reports"] += 1
            seq = broken_at(records.history(publisher.table, report_id))
            if seq is not None:
                found["broken"] += 1
                log.error("the history of report %s is broken at event %d", report_id, seq)
            publisher.report(report_id)
            if remaining() < SPARE_MS:
                break
        publisher.kelurahan(kode)
        found["kelurahan"] += 1
    publisher.table.transact([Put(records.dirty_key(CITY, f"check-{today.isoformat()}"), {})])
    logs.metric("BrokenChains", found["broken"])
    logs.metric("CheckedReports", found["reports"])
    return found


def of_day(codes: Sequence[str], today: date) -> list[str]:
    """The share of `codes` that is due today: each once in ROUND_DAYS days."""
    turn = today.toordinal() % ROUND_DAYS
    return [kode for number, kode in enumerate(codes) if number % ROUND_DAYS == turn]


def jakarta_day(now: datetime) -> date:
    """The day in Jakarta (UTC+7, no daylight saving)."""
    return (now + timedelta(hours=7)).date()


def _batch_answer(
    changes: Sequence[Change], work: Callable[[Sequence[Change]], Any], what: str
) -> dict[str, Any]:
    """All at once, since that writes each file once; one by one when that fails, to find out which is bad."""
    try:
        work(changes)
    except Exception:
        log.exception("%s failed for a batch of %d; now one by one", what, len(changes))
        failed = list(_failures(changes, work, what))
    else:
        failed = []
    logs.metric("Changes", len(changes))
    logs.metric("FailedChanges", len(failed))
    return {"batchItemFailures": [{"itemIdentifier": sequence} for sequence in failed]}


def _failures(changes: Iterable[Change], work: Callable[[Sequence[Change]], Any], what: str) -> Iterable[str]:
    for change in changes:
        try:
            work([change])
        except Exception:
            log.exception("%s failed for %s %s", what, change.key.partition, change.key.sort)
            yield change.sequence
