"""The table port on DynamoDB: what is deployed, and where the product grows.

One table, keys `partition` and `sort`, a KEYS_ONLY stream and a time to live, no index.
The body is a JSON text, every counter a number attribute of its own. Every write is a
transaction with a token of its own, so that one that was sent twice happens once.
Consumers that read the stream themselves keep their positions in a second, small table
`<name>-positions`: in the same table each position would be a change again.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import aws, dynamodb_streams
from .dynamodb_writes import COUNTER, NOT_EXPIRED, TTL, Operation, address
from .table import (
    COUNTED,
    Batch,
    Busy,
    Change,
    Check,
    ConditionFailed,
    Delete,
    Expect,
    Item,
    Key,
    Page,
    Put,
    StorageError,
    Write,
    check_consumer,
    check_count,
    check_key,
    check_limit,
    check_writes,
    decode,
    query_of,
)

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_dynamodbstreams.client import DynamoDBStreamsClient

_CHUNK = 100
"""Most keys of one BatchGetItem."""
_POLL_S = 0.25


class DynamoDBTable:
    """The table called `name`. Nothing is called before it is used; credentials come from the environment.

    `endpoint_url` for a stand-in; `now` gives seconds since 1970; `token` makes a new
    ClientRequestToken. Raises StorageError when the table is not there.
    """

    def __init__(
        self,
        name: str,
        *,
        endpoint_url: str | None = None,
        region: str | None = None,
        now: Callable[[], float] = time.time,
        token: Callable[[], str] = lambda: uuid.uuid4().hex,
        retries: aws.Retries = aws.Retries(),  # noqa: B008 (frozen)
    ) -> None:
        self._name = name
        self._positions = f"{name}-positions"
        self._endpoint_url = endpoint_url
        self._region = region
        self._now = now
        self._token = token
        self._retries = retries
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}
        self._stream_arn = ""
        self._iterators = dynamodb_streams.Iterators()

    # Reading.

    def get(self, key: Key) -> Item | None:
        check_key(key)
        answer = self._call(
            self._dynamodb().get_item, TableName=self._name, Key=address(key), ConsistentRead=True
        )
        attributes = answer.get("Item")
        return self._live(attributes) if attributes else None

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Item]:
        wanted = list(dict.fromkeys(keys))
        for key in wanted:
            check_key(key)
        found: dict[Key, Item] = {}
        for start in range(0, len(wanted), _CHUNK):
            left: list[Any] = [address(key) for key in wanted[start : start + _CHUNK]]
            attempt = 0
            while left:
                answer = self._call(
                    self._dynamodb().batch_get_item,
                    RequestItems={self._name: {"Keys": left, "ConsistentRead": True}},
                )
                rows = answer["Responses"].get(self._name, [])
                found.update((item.key, item) for item in map(self._live, rows) if item)
                left = answer.get("UnprocessedKeys", {}).get(self._name, {}).get("Keys", [])
                # An answer holds 16 MB at most; one without any row means throttling.
                attempt = 0 if rows else attempt + 1
                if left and attempt:
                    if attempt >= self._retries.attempts:
                        raise Busy(f"table {self._name} left {len(left)} keys unread: try again later")
                    self._retries.pause(attempt)
        return found

    def query(
        self,
        partition: str,
        *,
        prefix: str = "",
        start: str | None = None,
        end: str | None = None,
        descending: bool = False,
        limit: int = 100,
        page: str | None = None,
    ) -> Page:
        query, bounds = query_of(partition, prefix, start, end, descending=descending, limit=limit, page=page)
        items: list[Item] = []
        if bounds.empty:
            return Page(items, None)
        condition, values = "#partition = :partition", {":partition": {"S": partition}}
        names = {"#partition": "partition"}
        if bounds.low is not None or bounds.high is not None:
            names["#sort"] = "sort"
        if bounds.low is not None:
            values[":low"] = {"S": bounds.low}
        if bounds.high is not None:
            values[":high"] = {"S": bounds.high}
        # Only one condition on the sort key is allowed, and BETWEEN includes its end: that one is left out below.
        if bounds.low is not None and bounds.high is not None:
            condition += " AND #sort BETWEEN :low AND :high"
        elif bounds.low is not None:
            condition += " AND #sort >= :low"
        elif bounds.high is not None:
            condition += " AND #sort < :high"
        from_here: dict[str, Any] = {}
        while True:
            answer = self._call(
                self._dynamodb().query,
                TableName=self._name,
                KeyConditionExpression=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
                ScanIndexForward=not descending,
                ConsistentRead=True,
                # One more than asked tells whether there is a next page.
                Limit=limit + 1 - len(items),
                **from_here,
            )
            found = (self._live(row) for row in answer["Items"])
            items.extend(item for item in found if item and bounds.holds(item.key.sort))
            if len(items) > limit:
                return Page(items[:limit], query.token(items[limit - 1].key.sort))
            if "LastEvaluatedKey" not in answer:
                return Page(items, None)
            from_here = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    # Writing.

    def transact(self, writes: Sequence[Write]) -> None:
        texts = iter(check_writes(writes))
        if not writes:
            return
        bodies = [next(texts) if isinstance(write, Put) else "{}" for write in writes]
        # Items that expired and are still stored: found out by failing, since that is rare.
        expired: dict[Key, tuple[str, str]] = {}
        for _ in range(self._retries.attempts):
            now = str(int(self._now()))
            request = [
                self._operation(write, body, now, expired.get(write.key))
                for write, body in zip(writes, bodies, strict=True)
            ]
            try:
                self._call(
                    self._dynamodb().transact_write_items,
                    writes=True,
                    TransactItems=request,
                    ClientRequestToken=self._token(),
                )
            except _Canceled as canceled:
                failed = self._learn(writes, canceled.reasons, int(now), expired)
                if failed:
                    raise ConditionFailed(failed) from None
            else:
                return
        raise Busy(f"items of table {self._name} kept changing under a transaction: try again later")

    def count(self, key: Key, most: int, *, expires: int) -> int | None:
        check_count(key, most, expires)
        counter, one = COUNTER + COUNTED, {"N": "1"}
        for _ in range(self._retries.attempts):
            now = str(int(self._now()))
            try:
                answer = self._call(
                    self._dynamodb().update_item,
                    writes=True,
                    TableName=self._name,
                    Key=address(key),
                    UpdateExpression="SET #body = if_not_exists(#body, :empty), "
                    "#expires = if_not_exists(#expires, :expires) ADD #version :one, #counter :one",
                    ConditionExpression=f"(attribute_not_exists(#counter) OR #counter < :most) AND {NOT_EXPIRED}",
                    ExpressionAttributeNames={
                        "#body": "body", "#expires": TTL, "#version": "version", "#counter": counter
                    },
                    ExpressionAttributeValues={
                        ":empty": {"S": "{}"}, ":one": one, ":most": {"N": str(most)},
                        ":expires": {"N": str(expires)}, ":now": {"N": now},
                    },
                    ReturnValues="UPDATED_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )  # fmt: skip
                return int(answer["Attributes"][counter]["N"])
            except aws.Refused as refused:
                stored = refused.response.get("Item") or {}
            if TTL not in stored or int(stored[TTL]["N"]) > int(now):
                return None
            # An expired item is still stored: an ordinary write puts a new one in its place, if nobody else did.
            with contextlib.suppress(ConditionFailed):
                first = Put(key, {}, Expect.ABSENT, expires)
                self.transact([first])
        raise Busy(f"an item of table {self._name} kept changing while it was counted: try again later")

    def sweep(self, now: float) -> int:
        return 0

    def _operation(
        self, write: Write, body: str, now: str, expired: tuple[str, str] | None
    ) -> dict[str, dict[str, Any]]:
        """One write as DynamoDB takes it. `expired` is version and expiry of an expired item known to be there."""
        operation = Operation(self._name, write.key, now)
        if isinstance(write, Check):
            return operation.check(write.expect)
        if isinstance(write, Delete):
            return operation.delete(write.expect)
        expires = write.expires if isinstance(write, Put) else None
        steps = {} if isinstance(write, Put) else write.counters
        if expired:
            return operation.replace(body, expires, steps, expired)
        if isinstance(write, Put):
            return operation.put(body, expires, write.expect)
        return operation.add(steps, write.expect)

    def _learn(
        self,
        writes: Sequence[Write],
        reasons: Sequence[Mapping[str, Any]],
        now: int,
        expired: dict[Key, tuple[str, str]],
    ) -> list[Key]:
        """The keys whose expectation failed; notes those where only an expired item was in the way."""
        failed: list[Key] = []
        for write, reason in zip(writes, reasons, strict=True):
            if reason.get("Code") != "ConditionalCheckFailed":
                continue
            stored = reason.get("Item") or {}
            gone = TTL in stored and int(stored[TTL]["N"]) <= now
            creates = not isinstance(write, Check | Delete) and write.expect in {Expect.ANY, Expect.ABSENT}
            if creates and gone:
                expired[write.key] = stored["version"]["N"], stored[TTL]["N"]
            elif write.key in expired and (not stored or write.expect is Expect.ANY):
                # It was cleared away or replaced by somebody else in the meantime.
                del expired[write.key]
            else:
                failed.append(write.key)
        return failed

    # The change stream.

    def changes(self, consumer: str, limit: int = 100) -> Batch:
        check_consumer(consumer)
        check_limit(limit)
        position, _ = self._stored_position(consumer)
        try:
            return dynamodb_streams.read(
                self._streams(),
                self._stream(),
                self._retries,
                self._iterators,
                consumer=consumer,
                position=position,
                limit=limit,
            )
        except aws.Refused as refused:
            # Perhaps the table was made anew and has another stream: ask again next time.
            self._stream_arn = ""
            raise refused.as_storage_error(f"the stream of table {self._name}") from None

    def acknowledge(self, consumer: str, batch: Batch) -> None:
        check_consumer(consumer)
        dynamodb_streams.check_position(batch.position)
        for attempt in range(1, self._retries.attempts + 1):
            stored, version = self._stored_position(consumer)
            following = dynamodb_streams.merged(stored, batch.position)
            if following == stored:
                return
            condition = "attribute_not_exists(consumer)" if version is None else "version = :before"
            values = (
                {} if version is None else {"ExpressionAttributeValues": {":before": {"N": str(version)}}}
            )
            try:
                self._call(
                    self._dynamodb().put_item,
                    writes=True,
                    TableName=self._positions,
                    Item={
                        "consumer": {"S": consumer},
                        "position": {"S": json.dumps(following)},
                        "version": {"N": str((version or 0) + 1)},
                    },
                    ConditionExpression=condition,
                    **values,
                )
            except aws.Refused as refused:
                if refused.code != "ConditionalCheckFailedException":
                    raise refused.as_storage_error(f"table {self._positions}") from None
                self._retries.pause(attempt)
            else:
                return
        raise Busy(f"others kept moving the position of consumer {consumer}: try again later")

    def wait(self, consumer: str, timeout: float) -> bool:
        # A stream cannot be waited for: look again a little later.
        check_consumer(consumer)
        self._retries.sleep(min(timeout, _POLL_S))
        return True

    def forget(self, consumer: str) -> None:
        check_consumer(consumer)
        self._call(
            self._dynamodb().delete_item,
            writes=True,
            TableName=self._positions,
            Key={"consumer": {"S": consumer}},
        )

    def _stored_position(self, consumer: str) -> tuple[dict[str, Any], int | None]:
        answer = self._call(
            self._dynamodb().get_item,
            TableName=self._positions,
            Key={"consumer": {"S": consumer}},
            ConsistentRead=True,
        )
        stored = answer.get("Item")
        if not stored:
            return {}, None
        return json.loads(stored["position"]["S"]), int(stored["version"]["N"])

    def _stream(self) -> str:
        if not self._stream_arn:
            described = self._call(self._dynamodb().describe_table, TableName=self._name)["Table"]
            self._stream_arn = described.get("LatestStreamArn", "")
            if not self._stream_arn:
                raise StorageError(f"table {self._name} has no stream: enable one with KEYS_ONLY")
        return self._stream_arn

    # The table itself.

    def create(self) -> None:
        """Make both tables where they are missing: for tests, rehearsals and stand-ins. Deployed, a template does."""
        self._create(
            self._name,
            {"partition": "HASH", "sort": "RANGE"},
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
        )
        self._create(self._positions, {"consumer": "HASH"})
        described = self._call(self._dynamodb().describe_time_to_live, TableName=self._name)
        if described["TimeToLiveDescription"].get("TimeToLiveStatus") not in {"ENABLED", "ENABLING"}:
            self._call(
                self._dynamodb().update_time_to_live,
                TableName=self._name,
                TimeToLiveSpecification={"Enabled": True, "AttributeName": TTL},
            )

    def _create(self, name: str, schema: Mapping[str, str], **more: Any) -> None:
        try:
            aws.call(
                self._dynamodb().create_table,
                self._retries,
                writes=False,
                what=f"table {name}",
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in schema],
                KeySchema=[{"AttributeName": each, "KeyType": kind} for each, kind in schema.items()],
                **more,
            )
        except aws.Refused as refused:
            if refused.code != "ResourceInUseException":
                raise refused.as_storage_error(f"table {name}") from None
        self._dynamodb().get_waiter("table_exists").wait(
            TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )

    def close(self) -> None:
        with self._lock:
            for made in self._clients.values():
                made.close()
            self._clients.clear()

    def _dynamodb(self) -> DynamoDBClient:
        made: DynamoDBClient = self._client("dynamodb")
        return made

    def _streams(self) -> DynamoDBStreamsClient:
        made: DynamoDBStreamsClient = self._client("dynamodbstreams")
        return made

    def _client(self, service: str) -> Any:
        with self._lock:
            if service not in self._clients:
                self._clients[service] = aws.client(
                    service, endpoint_url=self._endpoint_url, region=self._region
                )
            return self._clients[service]

    def _call(self, method: Callable[..., Any], *, writes: bool = False, **arguments: Any) -> Any:
        try:
            return aws.call(method, self._retries, writes=writes, what=f"table {self._name}", **arguments)
        except aws.Refused as refused:
            if refused.code == "ResourceNotFoundException":
                raise StorageError(
                    f"table {self._name} or {self._positions} is not there: deploy it, or call create()"
                ) from None
            reasons = refused.response.get("CancellationReasons", [])
            if any(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons):
                raise _Canceled(reasons) from None
            if refused.code == "ConditionalCheckFailedException":
                raise
            raise refused.as_storage_error(f"table {self._name}") from None

    def _live(self, attributes: Mapping[str, Any]) -> Item | None:
        """A stored row as an item; None when it has expired."""
        expires = int(attributes[TTL]["N"]) if TTL in attributes else None
        if expires is not None and expires <= int(self._now()):
            return None
        return Item(
            Key(attributes["partition"]["S"], attributes["sort"]["S"]),
            decode(attributes["body"]["S"]),
            int(attributes["version"]["N"]),
            {
                name.removeprefix(COUNTER): int(value["N"])
                for name, value in attributes.items()
                if name.startswith(COUNTER)
            },
            expires,
        )


class _Canceled(Exception):
    """A transaction that was cancelled because a condition failed."""

    def __init__(self, reasons: Sequence[Mapping[str, Any]]) -> None:
        self.reasons = reasons
        super().__init__("a condition failed")


def changes_from_lambda_event(event: Mapping[str, Any]) -> list[Change]:
    """The changes that a stream trigger hands to a Lambda function, in order. ValueError for another event."""
    try:
        return [dynamodb_streams.change(record) for record in event["Records"]]
    except (KeyError, TypeError, AttributeError):
        raise ValueError("this is not the event of a DynamoDB stream of the product's table") from None
