"""Takes one handling of a fault away, to see that its test notices: a plugin for pytest, chosen by REMOVED.

Each entry names the test that must fail without it. What is put in its place is what somebody
might have written who did not think of the fault. Loaded by test_removed.py only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

FAULTS = "tests/infra/cloud/test_faults.py"


@dataclass(frozen=True)
class Removed:
    """A handling: what it is, the test that must fail without it, and how it is taken away."""

    handling: str
    test: str
    take_away: Callable[[], None]


def _busy_is_a_fault() -> None:
    from chalicelib.front import api
    from chalicelib.storage.table import Busy

    class Other(Busy):
        """Nothing that is raised is this."""

    api.Busy = Other  # type: ignore[misc]
    from chalicelib import intake

    intake.Busy = Other  # type: ignore[misc]


def _throttling_is_no_reason_to_try_again() -> None:
    from chalicelib.storage import aws

    aws._passing = lambda _code, _response: False


def _a_key_is_not_looked_up() -> None:
    from chalicelib import intake

    intake._answered = lambda _door, _key, _fingerprint: None


def _a_key_is_not_kept() -> None:
    from chalicelib import intake

    intake._answer = lambda *_arguments: None  # type: ignore[assignment]


def _writes_go_one_by_one() -> None:
    from chalicelib.storage.dynamodb import DynamoDBTable
    from chalicelib.storage.table import Put

    genuine = DynamoDBTable.transact

    def transact(self: DynamoDBTable, writes: Sequence[Any]) -> None:
        first, *_ = writes or [None]
        if isinstance(first, Put) and len(writes) > 1:
            self._dynamodb().put_item(
                TableName=self._name,
                Item={
                    "partition": {"S": first.key.partition},
                    "sort": {"S": first.key.sort},
                    "body": {"S": json.dumps(first.body)},
                    "version": {"N": "1"},
                },
            )
        genuine(self, writes)

    DynamoDBTable.transact = transact  # type: ignore[method-assign]


def _failures_are_not_reported() -> None:
    from chalicelib import triggers

    def swallow(changes: Any, work: Any, what: str) -> dict[str, Any]:
        try:
            work(changes)
        except Exception:
            triggers.log.warning("%s failed", what)
        return {"batchItemFailures": []}

    triggers._batch_answer = swallow


def _old_numbers_are_skipped() -> None:
    from chalicelib import triggers

    newest = [0]
    genuine = triggers.changes_from_lambda_event

    def changes(event: Mapping[str, Any]) -> list[Any]:
        found = [change for change in genuine(event) if int(change.sequence) > newest[0]]
        newest[0] = max([newest[0], *(int(change.sequence) for change in found)])
        return found

    triggers.changes_from_lambda_event = changes


def _what_is_there_is_taken_for_whole() -> None:
    from chalicelib.publish import Publisher

    genuine = Publisher._report_files

    def files(self: Publisher, report_id: str, item: Any) -> Iterator[tuple[str, bytes]]:
        if not self.site.exists(f"laporan/{report_id}.json"):
            yield from genuine(self, report_id, item)

    Publisher._report_files = files  # type: ignore[method-assign]


def _every_clock_is_believed() -> None:
    from chalicelib import desk

    desk.moment = lambda _stamp: datetime.min.replace(tzinfo=UTC)


def _batches_are_not_split() -> None:
    from dataclasses import replace

    from infra.triggers import Rules

    genuine = Rules.of

    def of(function: str) -> Rules:
        return replace(genuine(function), bisect=False, reports_failures=False)

    Rules.of = of  # type: ignore[method-assign, assignment]


def _poison_is_thrown_away() -> None:
    from infra.triggers import Delivery

    genuine = Delivery.__init__

    def init(
        self: Delivery, name: str, handler: Any, rules: Any, set_aside: Any, *more: Any, **named: Any
    ) -> None:
        genuine(self, name, handler, rules, lambda _letter: None, *more, **named)

    Delivery.__init__ = init  # type: ignore[method-assign]


def _replay_deletes_what_failed() -> None:
    from infra import replay

    genuine = replay.replay

    def careless(sqs: Any, streams: Any, queue: str, work: Any) -> Any:
        def always(changes: Any) -> None:
            try:
                work(changes)
            except Exception:
                replay.log.warning("failed")

        return genuine(sqs, streams, queue, always)

    replay.replay = careless


def _what_is_gone_counts_as_done() -> None:
    from infra import replay

    genuine = replay.changes_of

    def found(streams: Any, letter: Any) -> Any:
        try:
            return genuine(streams, letter)
        except replay.Gone:
            return []

    replay.changes_of = found


def _messages_of_exceptions_are_logged() -> None:
    from chalicelib import logs

    genuine = logs.Lines.format

    def format_(self: logs.Lines, record: Any) -> str:
        line = json.loads(genuine(self, record))
        if record.exc_info:
            line["error"] = str(record.exc_info[1])
        return str(json.dumps(line))

    logs.Lines.format = format_  # type: ignore[method-assign]


def _acknowledged_before_published() -> None:
    from infra import following

    def batch(publisher: Any, *, limit: int = 200, one_by_one: bool = False) -> int:
        found = publisher.table.changes(following.CONSUMER, limit)
        publisher.table.acknowledge(following.CONSUMER, found)
        publisher.publish(found.changes)
        return len(found.changes)

    following.publish_batch = batch


def _faults(name: str) -> str:
    return f"{FAULTS}::{name}"


_STORES = _faults("test_a_publisher_whose_stores_fail_for_a_while_catches_up")
_POISON = _faults("test_a_poison_record_is_set_aside_alone_and_can_be_replayed")

REMOVED = {
    "throttled: 503": Removed(
        "a throttled table is answered with 503 and not with a fault",
        _faults("test_a_throttled_table_refuses_with_503_or_accepts_and_never_loses_what_it_accepted"),
        _busy_is_a_fault,
    ),
    "throttled: again": Removed(
        "what a store refuses for a moment is tried again",
        _faults("test_a_throttled_table_refuses_with_503_or_accepts_and_never_loses_what_it_accepted"),
        _throttling_is_no_reason_to_try_again,
    ),
    "lost answer": Removed(
        "an Idempotency-Key gives the answer again",
        _faults("test_an_answer_that_was_lost_is_given_again_and_the_report_exists_once"),
        _a_key_is_not_looked_up,
    ),
    "half a transaction": Removed(
        "a report is written whole or not at all",
        _faults("test_half_a_transaction_is_none"),
        _writes_go_one_by_one,
    ),
    "stores fail": Removed(
        "what could not be published is reported back", _STORES, _failures_are_not_reported
    ),
    "twice, late, out of order": Removed(
        "every batch is published, whatever its number",
        _faults("test_batches_twice_late_and_out_of_order_between_reports_give_the_same_site"),
        _old_numbers_are_skipped,
    ),
    "publisher killed": Removed(
        "a retry writes everything again",
        _faults("test_a_publisher_killed_at_every_write_leaves_the_same_site_after_the_retry"),
        _what_is_there_is_taken_for_whole,
    ),
    "door killed": Removed(
        "the key's answer is in the report's own transaction",
        _faults("test_a_door_killed_at_every_call_keeps_what_it_acknowledged_and_shows_no_half"),
        _a_key_is_not_kept,
    ),
    "clocks differ": Removed(
        "an event is never older than the one before",
        _faults("test_clocks_that_differ_between_functions_break_no_history"),
        _every_clock_is_believed,
    ),
    "poison: alone": Removed(
        "a batch is split until the bad record is alone", _POISON, _batches_are_not_split
    ),
    "poison: kept": Removed("what failed for good is set aside", _POISON, _poison_is_thrown_away),
    "replay": Removed("a message that fails again stays in the queue", _POISON, _replay_deletes_what_failed),
    "replay: too old": Removed(
        "what the stream no longer holds is said and kept",
        _faults("test_a_message_that_is_too_old_or_not_ours_stays_and_is_said"),
        _what_is_gone_counts_as_done,
    ),
    "logs": Removed(
        "an exception is logged without its message",
        _faults("test_logs_hold_no_word_of_a_citizen_even_when_a_function_fails"),
        _messages_of_exceptions_are_logged,
    ),
    "local publisher": Removed(
        "the local publisher acknowledges what it has published, and only that",
        "tests/infra/test_publisher_loop.py::test_a_batch_that_fails_is_delivered_again",
        _acknowledged_before_published,
    ),
}


def pytest_configure() -> None:
    """Take away what REMOVED names; nothing without it."""
    if name := os.environ.get("REMOVED"):
        REMOVED[name].take_away()
