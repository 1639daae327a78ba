"""Reading a DynamoDB stream: all shards, parents before children, from a durable position.

For consumers that run outside Lambda (rehearsals, tests, a move of hosting); a deployed
function is handed its changes by a trigger. Knows shards and positions, nothing of items.

A position is JSON: the stream, and for every shard that was listed the sequence number
of the last change that was read, "" when none was, END when the shard is closed and read.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import aws
from .table import Batch, Change, Key

if TYPE_CHECKING:
    from types_boto3_dynamodbstreams.client import DynamoDBStreamsClient

END = "end"
_EMPTY_ANSWERS = 20
"""A closed shard may answer without records before its end; look so often in one call."""
_KINDS = {"INSERT": "insert", "MODIFY": "modify", "REMOVE": "remove"}
log = logging.getLogger(__name__)


class Iterators:
    """Where reading stopped, by consumer and shard, so that the next call need not seek again.

    Only a help: an iterator is used when it stands at the very position that was
    acknowledged, and can be lost at any time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str], tuple[str, str]] = {}
        self._turns: dict[str, int] = {}

    def take(self, consumer: str, shard: str, after: str) -> str | None:
        """The iterator that continues behind sequence number `after`, if it is known."""
        with self._lock:
            position, iterator = self._kept.pop((consumer, shard), ("", ""))
        return iterator if iterator and position == after else None

    def keep(self, consumer: str, shard: str, after: str, iterator: str) -> None:
        with self._lock:
            self._kept[consumer, shard] = after, iterator

    def turn(self, consumer: str) -> int:
        """Counts calls: each begins with another shard, so that a busy one starves nobody."""
        with self._lock:
            self._turns[consumer] = self._turns.get(consumer, -1) + 1
            return self._turns[consumer]


def read(
    client: DynamoDBStreamsClient,
    stream: str,
    retries: aws.Retries,
    iterators: Iterators,
    *,
    consumer: str,
    position: Mapping[str, Any],
    limit: int,
) -> Batch:
    """At most `limit` changes after `position`, and the position behind them."""
    shards = _shards(client, stream, retries)
    known: Mapping[str, str] = position.get("shards", {}) if position.get("stream") == stream else {}
    # Shards that are no longer listed were trimmed: their children may be read.
    state = {shard["ShardId"]: known.get(shard["ShardId"], "") for shard in shards}
    changes: list[Change] = []
    for shard in _in_turn(parents_first(shards), iterators.turn(consumer)):
        name = shard["ShardId"]
        if len(changes) >= limit:
            break
        if state[name] != END and state.get(shard.get("ParentShardId", ""), END) == END:
            reader = _Shard(client, stream, retries, name)
            found, state[name] = reader.read(
                iterators, consumer, state[name], limit - len(changes), closed=_closed(shard)
            )
            changes += found
    return Batch(changes, {"stream": stream, "shards": state})


def merged(stored: Mapping[str, Any], batch: Mapping[str, Any]) -> dict[str, Any]:
    """The position that holds what either acknowledged. Shards that are gone from the newer list are dropped."""
    if stored.get("stream") != batch["stream"]:
        return dict(batch)
    before, after = stored["shards"], batch["shards"]
    newest = max(after, default="")
    shards = {shard: max(before.get(shard, ""), place, key=_rank) for shard, place in after.items()}
    # Names of shards grow with time: one above all that were listed came later.
    shards |= {shard: place for shard, place in before.items() if shard > newest}
    return {"stream": batch["stream"], "shards": shards}


def check_position(position: Any) -> None:
    """Raises ValueError for a position of another engine."""
    if (
        not isinstance(position, dict)
        or not isinstance(position.get("shards"), dict)
        or "stream" not in position
    ):
        raise ValueError("the batch's position is not of this engine")


def change(record: Mapping[str, Any]) -> Change:
    """One record of a stream. Raises KeyError when it is not of our table."""
    keys = record["dynamodb"]["Keys"]
    return Change(
        Key(keys["partition"]["S"], keys["sort"]["S"]),
        _KINDS[record["eventName"]],
        str(record["dynamodb"]["SequenceNumber"]),
    )


def parents_first(shards: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Shards so ordered that each comes after its parent, where that is listed."""
    waiting = {shard["ShardId"]: shard for shard in shards}
    ordered: list[Mapping[str, Any]] = []
    for first in list(waiting):
        name, line = first, []
        while name in waiting:
            shard = waiting.pop(name)
            line.append(shard)
            name = shard.get("ParentShardId", "")
        ordered += reversed(line)
    return ordered


def _in_turn(shards: Sequence[Mapping[str, Any]], turn: int) -> list[Mapping[str, Any]]:
    start = turn % len(shards) if shards else 0
    return [*shards[start:], *shards[:start]]


def _closed(shard: Mapping[str, Any]) -> bool:
    return bool(shard.get("SequenceNumberRange", {}).get("EndingSequenceNumber"))


def _rank(place: str) -> tuple[int, int]:
    """Orders places in a shard: not begun, then by sequence number, then the end."""
    return (2, 0) if place == END else (1, int(place)) if place else (0, 0)


def _shards(client: DynamoDBStreamsClient, stream: str, retries: aws.Retries) -> list[Any]:
    shards: list[Any] = []
    more: dict[str, Any] = {}
    while True:
        answer = aws.call(
            client.describe_stream, retries, writes=False, what=f"stream {stream}", StreamArn=stream, **more
        )["StreamDescription"]
        shards += answer.get("Shards", [])
        if "LastEvaluatedShardId" not in answer:
            return shards
        more = {"ExclusiveStartShardId": answer["LastEvaluatedShardId"]}


class _Shard:
    """Reads one shard."""

    def __init__(self, client: DynamoDBStreamsClient, stream: str, retries: aws.Retries, name: str) -> None:
        self._client = client
        self._stream = stream
        self._retries = retries
        self._name = name

    def read(
        self, iterators: Iterators, consumer: str, after: str, limit: int, *, closed: bool
    ) -> tuple[list[Change], str]:
        """At most `limit` changes behind `after`, and the place behind them."""
        changes: list[Change] = []
        iterator = iterators.take(consumer, self._name, after) or self._seek(after)
        for _ in range(_EMPTY_ANSWERS):
            if iterator is None:
                return changes, END
            try:
                answer = self._call(
                    self._client.get_records, ShardIterator=iterator, Limit=min(1000, limit - len(changes))
                )
            except aws.Refused as refused:
                if refused.code not in {"ExpiredIteratorException", "TrimmedDataAccessException"}:
                    raise refused.as_storage_error(f"stream {self._stream}") from None
                if refused.code == "TrimmedDataAccessException":
                    iterator = self._from_the_oldest()
                else:
                    iterator = self._seek(after)
                continue
            found = [change(record) for record in answer.get("Records", [])]
            changes += found
            after = found[-1].sequence if found else after
            iterator = answer.get("NextShardIterator")
            if len(changes) >= limit or not (found or closed):
                break
        if iterator is None:
            return changes, END
        iterators.keep(consumer, self._name, after, iterator)
        return changes, after

    def _seek(self, after: str) -> str | None:
        """An iterator behind `after`; None when the shard is gone."""
        place = (
            {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": after}
            if after
            else {"ShardIteratorType": "TRIM_HORIZON"}
        )
        try:
            answer = self._call(
                self._client.get_shard_iterator, StreamArn=self._stream, ShardId=self._name, **place
            )
        except aws.Refused as refused:
            if refused.code == "TrimmedDataAccessException" and after:
                return self._from_the_oldest()
            if refused.code in {"ResourceNotFoundException", "TrimmedDataAccessException"}:
                return None
            raise refused.as_storage_error(f"stream {self._stream}") from None
        iterator: str = answer["ShardIterator"]
        return iterator

    def _from_the_oldest(self) -> str | None:
        log.warning(
            "shard %s was trimmed beyond its reader: changes older than 24 hours were not delivered",
            self._name,
        )
        return self._seek("")

    def _call(self, method: Any, **arguments: Any) -> Any:
        return aws.call(method, self._retries, writes=False, what=f"stream {self._stream}", **arguments)
