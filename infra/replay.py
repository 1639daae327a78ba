"""Publishes again what Lambda set aside: reads the dead-letter queue, looks the changes up, deletes what succeeded.

A message names a piece of the table's stream, which DynamoDB keeps for 24 hours. After
that the site is mended from the table itself: `python -m infra publish --all`.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.storage.table import Change

log = logging.getLogger("cctv-warga")


class Gone(LookupError):
    """The stream no longer holds what a message names."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message of the queue: which function failed, and where in the stream."""

    function: str
    stream: str
    shard: str
    first: str
    last: str

    @classmethod
    def read(cls, text: str) -> Letter:
        """A message's body. Raises ValueError when it is not one that a stream's trigger sends."""
        try:
            body = json.loads(text)
            batch = body["DDBStreamBatchInfo"]
            arn = body["requestContext"]["functionArn"]
            return cls(
                str(arn).split(":function:")[-1],
                *(
                    str(batch[name])
                    for name in ("streamArn", "shardId", "startSequenceNumber", "endSequenceNumber")
                ),
            )
        except (ValueError, KeyError, TypeError):
            raise ValueError("this message is not from a stream's trigger") from None


@dataclass(slots=True)
class Outcome:
    """What became of the messages that were there."""

    replayed: int = 0
    failed: int = 0
    gone: int = 0
    foreign: int = 0


def changes_of(streams: Any, letter: Letter) -> list[Change]:
    """The changes that a message stands for. Raises Gone when the stream no longer has all of them."""
    from botocore.exceptions import ClientError
    from chalicelib.storage import dynamodb_streams

    found: list[Change] = []
    try:
        iterator = streams.get_shard_iterator(
            StreamArn=letter.stream,
            ShardId=letter.shard,
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber=letter.first,
        )["ShardIterator"]
        while iterator:
            answer = streams.get_records(ShardIterator=iterator, Limit=100)
            for record in answer["Records"]:
                if int(record["dynamodb"]["SequenceNumber"]) > int(letter.last):
                    return found
                found.append(dynamodb_streams.change(record))
            if found and int(found[-1].sequence) >= int(letter.last):
                return found
            if not answer["Records"]:
                break
            iterator = answer.get("NextShardIterator")
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in {"TrimmedDataAccessException", "ResourceNotFoundException", "ExpiredIteratorException"}:
            raise Gone(letter.first) from None
        raise
    if not found:
        raise Gone(letter.first)
    return found


def replay(sqs: Any, streams: Any, queue: str, work: Callable[[Sequence[Change]], None]) -> Outcome:
    """Work off the queue: `work` gets the changes of one message, and is expected to be repeatable."""
    outcome = Outcome()
    for message in _messages(sqs, queue):
        try:
            letter = Letter.read(message["Body"])
            changes = changes_of(streams, letter)
            work(changes)
        except ValueError as error:
            outcome.foreign += 1
            print(f"left in the queue: {error}", file=sys.stderr)
        except Gone:
            outcome.gone += 1
            print(
                "left in the queue: the stream no longer holds its changes (24 hours); "
                "run 'python -m infra publish --all', then delete the message",
                file=sys.stderr,
            )
        except Exception:
            outcome.failed += 1
            log.exception("a message could not be replayed; it stays in the queue")
        else:
            outcome.replayed += 1
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return outcome


def _messages(sqs: Any, queue: str) -> Iterator[Mapping[str, Any]]:
    """Every message once: a message that stays is hidden from us for the time that this takes."""
    seen: set[str] = set()
    while True:
        got = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=300)
        fresh = [message for message in got.get("Messages", []) if message["MessageId"] not in seen]
        if not fresh:
            return
        seen.update(message["MessageId"] for message in fresh)
        yield from fresh


def main(queue: str) -> int:
    """`python -m infra replay QUEUE`; returns the exit status: 0 when nothing is left that can be replayed."""
    from chalicelib import wiring
    from chalicelib.privacy import retention

    from infra.aws import client

    publisher = wiring.deployed_publisher()
    days = wiring.current().contact_days

    def work(changes: Sequence[Change]) -> None:
        # Whichever function failed: doing the other's work again does no harm.
        publisher.publish(changes)
        for report_id in retention.reports_of(changes):
            retention.settle(publisher.table, report_id, contact_days=days)

    outcome = replay(client("sqs"), client("dynamodbstreams"), queue, work)
    print(
        f"replayed {outcome.replayed}, failed {outcome.failed}, too old {outcome.gone}, "
        f"not from a stream {outcome.foreign}"
    )
    return 0 if outcome.failed == outcome.gone == 0 else 1
