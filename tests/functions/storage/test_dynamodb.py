"""What only DynamoDB must prove: contention, lost answers, shards of streams, the trigger's event."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, NoCredentialsError, ReadTimeoutError
from chalicelib.storage import aws, dynamodb_streams
from chalicelib.storage.dynamodb import DynamoDBTable, changes_from_lambda_event
from chalicelib.storage.table import (
    Add,
    Busy,
    Change,
    ConditionFailed,
    Delete,
    Expect,
    Item,
    Key,
    Put,
    StorageError,
    Unclear,
)

A = Key("report#A", "head")
LOST = ReadTimeoutError(endpoint_url="https://dynamodb.example")


def refusal(code: str, status: int = 400, reasons: list[str] | None = None) -> ClientError:
    more = {"CancellationReasons": [{"Code": reason} for reason in reasons]} if reasons else {}
    return ClientError(
        {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}, **more},  # type: ignore[typeddict-item]
        "TransactWriteItems",
    )


CONFLICT = refusal("TransactionCanceledException", reasons=["TransactionConflict"])


class Between:
    """Stands between the table and its client: notes calls, and spoils the first answers of one operation."""

    def __init__(self, client: Any, operation: str, *troubles: Exception, done: bool = False) -> None:
        self._client, self._operation, self._troubles, self._done = client, operation, list(troubles), done
        self.calls: list[dict[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        if name != self._operation:
            return method

        def called(**arguments: Any) -> Any:
            self.calls.append(arguments)
            if self._troubles:
                if self._done:
                    method(**arguments)
                raise self._troubles.pop(0)
            return method(**arguments)

        return called


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def table(moto_aws: None, clock: Any, pauses: list[float]) -> Iterator[DynamoDBTable]:
    table = DynamoDBTable(
        "t", now=clock, retries=aws.Retries(attempts=4, sleep=pauses.append, jitter=lambda: 1.0)
    )
    table.create()
    table.create()
    yield table
    table.close()


def spoil(table: DynamoDBTable, operation: str, *troubles: Exception, done: bool = False) -> Between:
    between = Between(table._dynamodb(), operation, *troubles, done=done)
    table._clients["dynamodb"] = between
    return between


def test_contention_is_worked_off_with_growing_pauses_and_one_token(
    table: DynamoDBTable, pauses: list[float]
) -> None:
    between = spoil(table, "transact_write_items", CONFLICT, refusal("ThrottlingException"), CONFLICT)
    table.transact([Put(A, {})])
    assert table.get(A) == Item(A, {}, 1)
    assert len({call["ClientRequestToken"] for call in between.calls}) == 1
    assert between.calls[0] == between.calls[-1]
    assert pauses == [0.05, 0.1, 0.2]


def test_contention_that_does_not_end_is_busy_after_bounded_attempts(table: DynamoDBTable) -> None:
    between = spoil(table, "transact_write_items", *[CONFLICT] * 10)
    with pytest.raises(Busy) as busy:
        table.transact([Put(A, {"contact": "081234567890"})])
    assert len(between.calls) == 4
    assert not isinstance(busy.value, Unclear)
    assert "081234567890" not in str(busy.value)
    assert table.get(A) is None


def test_a_failed_condition_is_an_answer_also_beside_a_conflict(table: DynamoDBTable) -> None:
    mixed = refusal("TransactionCanceledException", reasons=["TransactionConflict", "ConditionalCheckFailed"])
    between = spoil(table, "transact_write_items", mixed)
    with pytest.raises(ConditionFailed) as failed:
        table.transact([Put(A, {}), Put(Key("x", "y"), {}, Expect.ABSENT)])
    assert failed.value.keys == (Key("x", "y"),)
    assert len(between.calls) == 1


@pytest.mark.parametrize(
    "trouble",
    [
        LOST,
        refusal("InternalServerError", 500),
        refusal("TransactionInProgressException"),
    ],
    ids=["read", "500", "in-progress"],
)
def test_a_write_without_an_answer_is_sent_again_as_the_same_and_in_the_end_unclear(
    table: DynamoDBTable, trouble: Exception
) -> None:
    # Throttled at last, and still nobody knows about the first attempt.
    between = spoil(table, "transact_write_items", trouble, trouble, *[refusal("ThrottlingException")] * 9)
    with pytest.raises(Unclear, match="may have been written"):
        table.transact([Add(A, {"n": 1})])
    assert len({call["ClientRequestToken"] for call in between.calls}) == 1
    assert len(between.calls) == 4


def test_a_write_that_could_never_be_sent_is_busy_and_certainly_not_written(table: DynamoDBTable) -> None:
    between = spoil(
        table, "transact_write_items", *[ConnectTimeoutError(endpoint_url="https://x.example")] * 9
    )
    with pytest.raises(Busy) as busy:
        table.transact([Add(A, {"n": 1})])
    assert not isinstance(busy.value, Unclear)
    assert len(between.calls) == 4


def test_without_credentials_nothing_is_called_and_the_error_says_so(table: DynamoDBTable) -> None:
    spoil(table, "get_item", NoCredentialsError())
    with pytest.raises(StorageError, match="NoCredentials"):
        table.get(A)


def test_every_transaction_has_a_token_of_its_own(table: DynamoDBTable) -> None:
    between = spoil(table, "transact_write_items")
    for _ in range(3):
        table.transact([Add(A, {"n": 1})])
    assert len({call["ClientRequestToken"] for call in between.calls}) == 3


@pytest.mark.dynamodb_local
def test_a_write_whose_answer_was_lost_happens_once(make_dynamodb: Callable[..., DynamoDBTable]) -> None:
    table = make_dynamodb()
    table.create()
    spoil(table, "transact_write_items", LOST, LOST, done=True)
    table.transact([Add(A, {"n": 1}), Put(Key("p", "s"), {}, Expect.ABSENT)])
    assert table.get(A) == Item(A, {}, 1, {"n": 1})


def test_a_read_is_tried_again_and_then_busy(table: DynamoDBTable) -> None:
    table.transact([Put(A, {})])
    spoil(table, "get_item", LOST, refusal("InternalServerError", 500), refusal("ThrottlingException"))
    assert table.get(A) == Item(A, {}, 1)
    spoil(table, "get_item", *[LOST] * 9)
    with pytest.raises(Busy) as busy:
        table.get(A)
    assert not isinstance(busy.value, Unclear)


def test_keys_that_were_left_out_are_asked_for_again(
    table: DynamoDBTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.transact([Put(Key("p", f"{n}"), {}) for n in range(4)])
    client = table._dynamodb()
    real = client.batch_get_item

    def two_at_a_time(**arguments: Any) -> Any:
        keys = arguments["RequestItems"]["t"]["Keys"]
        answer: Any = real(RequestItems={"t": {"Keys": keys[:2], "ConsistentRead": True}})
        if keys[2:]:
            answer["UnprocessedKeys"] = {"t": {"Keys": keys[2:], "ConsistentRead": True}}
        return answer

    monkeypatch.setattr(client, "batch_get_item", two_at_a_time)
    assert len(table.get_many([Key("p", f"{n}") for n in range(4)])) == 4
    nothing = {"Responses": {"t": []}, "UnprocessedKeys": {"t": {"Keys": [{"partition": {"S": "p"}}]}}}
    monkeypatch.setattr(client, "batch_get_item", lambda **_arguments: nothing)
    with pytest.raises(Busy, match="unread"):
        table.get_many([A])


def test_a_query_goes_on_through_answers_that_end_early(
    table: DynamoDBTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    # DynamoDB ends an answer at 1 MB, whatever was asked for.
    table.transact([Put(Key("p", f"{n}"), {}) for n in range(7)])
    client = table._dynamodb()
    real = client.query
    monkeypatch.setattr(client, "query", lambda **arguments: real(**arguments | {"Limit": 2}))
    assert [item.key.sort for item in table.query("p").items] == list("0123456")
    page = table.query("p", limit=3, descending=True)
    assert [item.key.sort for item in page.items] == list("654")
    assert [
        item.key.sort for item in table.query("p", limit=3, descending=True, page=page.next).items
    ] == list("321")


def test_a_table_that_is_not_there_is_named(moto_aws: None) -> None:
    table = DynamoDBTable("elsewhere")
    for call in (
        lambda: table.get(A),
        lambda: table.transact([Put(A, {})]),
        lambda: table.changes("publisher"),
    ):
        with pytest.raises(StorageError, match="elsewhere"):
            call()
    table.close()


def test_an_unexpected_refusal_says_what_was_refused_and_never_what_was_written(table: DynamoDBTable) -> None:
    spoil(table, "transact_write_items", refusal("AccessDeniedException"))
    with pytest.raises(StorageError, match="AccessDenied") as refused:
        table.transact([Put(A, {"contact": "081234567890"})])
    assert "081234567890" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_the_table_is_made_as_the_port_needs_it(table: DynamoDBTable) -> None:
    described = table._dynamodb().describe_table(TableName="t")["Table"]
    assert described["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    assert not described.get("GlobalSecondaryIndexes")
    assert not described.get("LocalSecondaryIndexes")
    live = table._dynamodb().describe_time_to_live(TableName="t")["TimeToLiveDescription"]
    assert live == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}


def test_expired_and_swept_by_dynamodb_between_two_attempts_is_written_all_the_same(
    table: DynamoDBTable, clock: Any
) -> None:
    table.transact([Put(A, {"old": 1}, expires=int(clock.time) + 1)])
    clock.time += 1
    between = spoil(table, "transact_write_items")
    real = between._client

    class Sweeping(Between):
        def __getattr__(self, name: str) -> Any:
            if name == "transact_write_items" and len(self.calls) == 1:
                real.delete_item(TableName="t", Key={"partition": {"S": A.partition}, "sort": {"S": A.sort}})
            return super().__getattr__(name)

    table._clients["dynamodb"] = Sweeping(real, "transact_write_items")
    table.transact([Put(A, {"new": 1}, Expect.ABSENT)])
    assert table.get(A) == Item(A, {"new": 1}, 1)


# Streams.


def record(partition: str, number: int, kind: str = "INSERT") -> dict[str, Any]:
    return {
        "eventName": kind,
        "dynamodb": {
            "Keys": {"partition": {"S": partition}, "sort": {"S": "head"}},
            "SequenceNumber": str(number),
        },
    }


class Stream:
    """A stream as DynamoDB keeps it: shards with parents, closed or open, trimmed, with empty answers between."""

    def __init__(self) -> None:
        self.shards: dict[str, dict[str, Any]] = {}
        self.trimmed_below = 0
        self.expired: set[str] = set()
        self.seeks = 0

    def shard(self, name: str, numbers: list[int], parent: str = "", closed: bool = True) -> None:
        self.shards[name] = {"numbers": numbers, "parent": parent, "closed": closed}

    def describe_stream(self, StreamArn: str, ExclusiveStartShardId: str = "") -> Any:  # noqa: N803
        names = list(self.shards)
        start = names.index(ExclusiveStartShardId) + 1 if ExclusiveStartShardId else 0
        shown = names[start : start + 2]
        described = []
        for name in shown:
            shard = self.shards[name]
            numbers = {
                "StartingSequenceNumber": "1",
                **({"EndingSequenceNumber": "9"} if shard["closed"] else {}),
            }
            parent = {"ParentShardId": shard["parent"]} if shard["parent"] else {}
            described.append({"ShardId": name, "SequenceNumberRange": numbers, **parent})
        more = {"LastEvaluatedShardId": shown[-1]} if names[start + 2 :] else {}
        return {"StreamDescription": {"Shards": described, **more}}

    def get_shard_iterator(self, ShardId: str, SequenceNumber: str = "0", **_more: str) -> Any:  # noqa: N803
        self.seeks += 1
        if _more["ShardIteratorType"] == "AFTER_SEQUENCE_NUMBER" and int(SequenceNumber) < self.trimmed_below:
            raise refusal("TrimmedDataAccessException")
        # The first answer behind a seek is empty, as DynamoDB's may be.
        return {"ShardIterator": f"{ShardId}|{SequenceNumber}|empty"}

    def get_records(self, ShardIterator: str, Limit: int) -> Any:  # noqa: N803
        if ShardIterator in self.expired:
            raise refusal("ExpiredIteratorException")
        name, after, state = ShardIterator.split("|")
        shard = self.shards[name]
        if state == "empty" and shard["closed"]:
            return {"Records": [], "NextShardIterator": f"{name}|{after}|full"}
        numbers = [n for n in shard["numbers"] if n > int(after) and n >= self.trimmed_below][:Limit]
        last = numbers[-1] if numbers else int(after)
        rest = [n for n in shard["numbers"] if n > last]
        following = None if shard["closed"] and not rest else f"{name}|{last}|full"
        return {"Records": [record(name, n) for n in numbers], "NextShardIterator": following}


def read(stream: Any, position: dict[str, Any], limit: int = 100, iterators: Any = None) -> Any:
    return dynamodb_streams.read(
        stream,
        "arn",
        aws.Retries(attempts=2, sleep=lambda _s: None),
        iterators or dynamodb_streams.Iterators(),
        consumer="publisher",
        position=position,
        limit=limit,
    )


def numbers(batch: Any) -> list[int]:
    return [int(change.sequence) for change in batch.changes]


def test_parents_are_read_to_their_end_before_their_children() -> None:
    stream = Stream()
    # Listed in the worst order.
    stream.shard("s3", [30, 31], parent="s2", closed=False)
    stream.shard("s2", [20, 21], parent="s1")
    stream.shard("s1", [10, 11, 12], parent="trimmed away")
    assert numbers(read(stream, {})) == [10, 11, 12, 20, 21, 30, 31]
    position: dict[str, Any] = {}
    told: list[int] = []
    for _ in range(20):
        batch = read(stream, position, limit=2)
        told += numbers(batch)
        position = dynamodb_streams.merged(position, batch.position)
    assert told == [10, 11, 12, 20, 21, 30, 31]


def test_a_child_waits_while_its_parent_has_more() -> None:
    stream = Stream()
    stream.shard("s1", [10, 11, 12], closed=True)
    stream.shard("s2", [20], parent="s1", closed=False)
    assert numbers(read(stream, {}, limit=3)) == [10, 11, 12]
    assert numbers(read(stream, {"stream": "arn", "shards": {"s1": "11", "s2": ""}})) == [12, 20]


def test_a_busy_shard_starves_no_other() -> None:
    stream = Stream()
    stream.shard("s1", list(range(100, 200)), closed=False)
    stream.shard("s2", [20, 21], closed=False)
    iterators, position, told = dynamodb_streams.Iterators(), {}, []
    for _ in range(3):
        batch = read(stream, position, limit=5, iterators=iterators)
        told += numbers(batch)
        position = batch.position
    assert {20, 21} <= set(told)


def test_reading_on_from_an_acknowledged_position_seeks_nothing_again() -> None:
    stream = Stream()
    stream.shard("s1", list(range(10, 30)), closed=False)
    iterators = dynamodb_streams.Iterators()
    first = read(stream, {}, limit=5, iterators=iterators)
    assert numbers(read(stream, first.position, limit=5, iterators=iterators)) == [15, 16, 17, 18, 19]
    assert stream.seeks == 1
    # Not acknowledged: the same again, from the durable position.
    assert numbers(read(stream, first.position, limit=5, iterators=iterators)) == [15, 16, 17, 18, 19]
    assert stream.seeks == 2


def test_an_iterator_that_expired_is_made_anew() -> None:
    stream = Stream()
    stream.shard("s1", list(range(10, 20)), closed=False)
    iterators = dynamodb_streams.Iterators()
    first = read(stream, {}, limit=5, iterators=iterators)
    stream.expired.add("s1|14|full")
    assert numbers(read(stream, first.position, iterators=iterators)) == [15, 16, 17, 18, 19]


def test_a_reader_left_behind_by_trimming_goes_on_with_the_oldest_that_is_left(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stream = Stream()
    stream.shard("s1", list(range(10, 20)), closed=False)
    stream.trimmed_below = 15
    assert numbers(read(stream, {"stream": "arn", "shards": {"s1": "11"}})) == [15, 16, 17, 18, 19]
    assert "were not delivered" in caplog.text


def test_positions_never_move_back_and_shards_that_are_gone_are_dropped() -> None:
    merged = dynamodb_streams.merged
    stored = {"stream": "arn", "shards": {"s1": "end", "s2": "25", "s5": "50"}}
    batch = {"stream": "arn", "shards": {"s2": "9", "s3": "30", "s4": ""}}
    assert merged(stored, batch) == {
        "stream": "arn",
        "shards": {"s2": "25", "s3": "30", "s4": "", "s5": "50"},
    }
    assert merged({"stream": "arn", "shards": {"s2": "25"}}, {"stream": "arn", "shards": {"s2": "end"}})[
        "shards"
    ] == {"s2": "end"}
    # A table that was made anew has another stream, read from its beginning.
    assert merged(stored, {"stream": "new", "shards": {}}) == {"stream": "new", "shards": {}}
    assert merged({}, batch) == batch


def test_a_triggers_event_becomes_changes() -> None:
    event = {"Records": [record("report#A", 7), record("counts", 8, "MODIFY"), record("dirty", 9, "REMOVE")]}
    assert changes_from_lambda_event(event) == [
        Change(Key("report#A", "head"), "insert", "7"),
        Change(Key("counts", "head"), "modify", "8"),
        Change(Key("dirty", "head"), "remove", "9"),
    ]
    assert changes_from_lambda_event({"Records": []}) == []


@pytest.mark.parametrize("event", [{}, {"Records": [{"s3": {}}]}, {"Records": None}, {"Records": ["x"]}, []])
def test_another_event_is_refused(event: Any) -> None:
    with pytest.raises(ValueError, match="DynamoDB stream"):
        changes_from_lambda_event(event)


def test_importing_the_engines_does_not_import_boto3() -> None:
    import subprocess
    import sys

    code = (
        "import sys; sys.path.insert(0, 'functions');"
        "from chalicelib.storage import dynamodb, s3, sqlite, folder;"
        "dynamodb.DynamoDBTable('t'); s3.S3Files('b');"
        "sys.exit(any(name.startswith('boto') for name in sys.modules))"
    )
    root = __file__.rpartition("/tests/")[0]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_deleting_by_any_expectation_takes_expired_items_away_too(table: DynamoDBTable, clock: Any) -> None:
    table.transact([Put(A, {}, expires=int(clock.time))])
    table.transact([Delete(A)])
    assert "Item" not in table._dynamodb().get_item(
        TableName="t", Key={"partition": {"S": A.partition}, "sort": {"S": A.sort}}
    )
