"""What Lambda does between a stream or a queue and a function, done here: batches, retries, dead letters.

For rehearsals and tests, by the rules that AWS documents for event source mappings and
with the settings of template.yaml. Knows nothing of what the functions do.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_dynamodbstreams.client import DynamoDBStreamsClient

TEMPLATE = Path(__file__).resolve().parent.parent / "template.yaml"
Record = Mapping[str, Any]
Handler = Callable[[dict[str, Any], Any], Any]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Context:
    """What Lambda tells a function about its invocation."""

    function_name: str
    seconds: int = 60
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def get_remaining_time_in_millis(self) -> int:
        """Always the whole time: here nothing is ended."""
        return self.seconds * 1000


@dataclass(frozen=True, slots=True)
class Rules:
    """How a stream's records are handed to a function; defaults as in AWS."""

    batch_size: int = 100
    bisect: bool = False
    most_retries: int = 10_000
    reports_failures: bool = False
    patterns: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def of(cls, function: str) -> Rules:
        """The rules that template.yaml states for a function, by its logical id."""
        from infra.package import read_template

        resource = read_template(TEMPLATE)["Resources"][function]
        (event,) = resource["Properties"]["Events"].values()
        stated = event["Properties"]
        return cls(
            batch_size=stated["BatchSize"],
            bisect=stated["BisectBatchOnFunctionError"],
            most_retries=stated["MaximumRetryAttempts"],
            reports_failures="ReportBatchItemFailures" in stated["FunctionResponseTypes"],
            patterns=tuple(json.loads(each["Pattern"]) for each in stated["FilterCriteria"]["Filters"]),
        )


def passes(patterns: Sequence[Mapping[str, Any]], record: Record) -> bool:
    """Whether an event filter lets a record through: equality and prefix, which is all that ours use."""
    return not patterns or any(_fits(pattern, record) for pattern in patterns)


def _fits(pattern: Mapping[str, Any], found: Any) -> bool:
    for name, rule in pattern.items():
        if not isinstance(found, Mapping) or name not in found:
            return False
        if isinstance(rule, Mapping):
            if not _fits(rule, found[name]):
                return False
        elif not any(_equals(allowed, found[name]) for allowed in rule):
            return False
    return True


def _equals(allowed: Any, found: Any) -> bool:
    if isinstance(allowed, Mapping):
        if set(allowed) != {"prefix"}:
            raise ValueError(f"the event filter {allowed!r} is not understood here: only prefix is")
        return isinstance(found, str) and found.startswith(allowed["prefix"])
    return bool(allowed == found)


@dataclass
class Delivery:
    """Hands records of one shard to a function until each is done or set aside.

    `pause` is called before a retry with the number of tries so far; `set_aside` takes
    the message that Lambda would send to the dead-letter queue.
    """

    name: str
    handler: Handler
    rules: Rules
    set_aside: Callable[[dict[str, Any]], None]
    pause: Callable[[int], None] = lambda _tries: None

    def deliver(self, records: Sequence[Record], *, stream: str, shard: str) -> None:
        """All records that the filter lets through, in batches and in order."""
        wanted = [record for record in records if passes(self.rules.patterns, record)]
        for start in range(0, len(wanted), self.rules.batch_size):
            waiting = [(wanted[start : start + self.rules.batch_size], 0)]
            while waiting:
                batch, tries = waiting.pop(0)
                first = self._invoke(batch)
                if first is None:
                    continue
                left = batch[first:]
                if first > 0:
                    # What came before is done; the rest begins anew at the record that failed.
                    waiting.insert(0, (left, tries))
                elif self.rules.bisect and len(left) > 1:
                    middle = len(left) // 2
                    waiting[:0] = [(left[:middle], tries), (left[middle:], tries)]
                elif tries >= self.rules.most_retries:
                    self.set_aside(self._letter(left, tries + 1, stream=stream, shard=shard))
                else:
                    self.pause(tries + 1)
                    waiting.insert(0, (left, tries + 1))

    def _invoke(self, batch: Sequence[Record]) -> int | None:
        """Where in the batch the first failure is; None when all is done."""
        try:
            answer = self.handler({"Records": list(batch)}, Context(self.name))
        except Exception:
            log.exception("%s failed for a batch of %d", self.name, len(batch))
            return 0
        failures = (answer or {}).get("batchItemFailures") or []
        if not self.rules.reports_failures or not failures:
            return None
        places = {record["dynamodb"]["SequenceNumber"]: place for place, record in enumerate(batch)}
        # An answer that names a record which is not there counts as a failure of the whole batch.
        return min(places.get(each.get("itemIdentifier"), 0) for each in failures)

    def _letter(self, batch: Sequence[Record], tries: int, *, stream: str, shard: str) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "functionArn": f"arn:aws:lambda:local:000000000000:function:{self.name}",
                "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": tries,
            },
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
            "version": "1.0",
            "timestamp": now,
            "DDBStreamBatchInfo": {
                "shardId": shard,
                "startSequenceNumber": batch[0]["dynamodb"]["SequenceNumber"],
                "endSequenceNumber": batch[-1]["dynamodb"]["SequenceNumber"],
                "approximateArrivalOfFirstRecord": now,
                "approximateArrivalOfLastRecord": now,
                "batchSize": len(batch),
                "streamArn": stream,
            },
        }


class Stream:
    """Reads the records of a table's stream as they come, each once, from its beginning."""

    def __init__(self, client: DynamoDBStreamsClient, arn: str, region: str) -> None:
        self._client = client
        self.arn = arn
        self._region = region
        self._iterators: dict[str, str | None] = {}

    def read(self) -> list[tuple[str, list[Record]]]:
        """(shard, its new records in Lambda's shape) for every shard that has any."""
        found: list[tuple[str, list[Record]]] = []
        described = self._client.describe_stream(StreamArn=self.arn)["StreamDescription"]
        for shard in described["Shards"]:
            name = shard["ShardId"]
            if name not in self._iterators:
                answer = self._client.get_shard_iterator(
                    StreamArn=self.arn, ShardId=name, ShardIteratorType="TRIM_HORIZON"
                )
                self._iterators[name] = answer["ShardIterator"]
            iterator = self._iterators[name]
            if iterator is None:
                continue
            got = self._client.get_records(ShardIterator=iterator, Limit=1000)
            self._iterators[name] = got.get("NextShardIterator")
            if got["Records"]:
                found.append((name, [self.as_lambda(record) for record in got["Records"]]))
        return found

    def as_lambda(self, record: Mapping[str, Any]) -> Record:
        """A record as Lambda hands it on: plain JSON, with the stream's address."""
        inner = dict(record["dynamodb"])
        at = inner.get("ApproximateCreationDateTime")
        if isinstance(at, datetime):
            inner["ApproximateCreationDateTime"] = int(at.timestamp())
        return {
            "eventID": record.get("eventID", uuid.uuid4().hex),
            "eventName": record["eventName"],
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": self._region,
            "dynamodb": inner,
            "eventSourceARN": self.arn,
        }


def scheduled(name: str, now: datetime) -> dict[str, Any]:
    """The event of a timer, as EventBridge sends it."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": "local",
        "resources": [f"arn:aws:events:local:000000000000:rule/{name}"],
        "detail": {},
    }
