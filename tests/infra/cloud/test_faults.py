"""Faults over the real handlers: nothing acknowledged is lost, the site converges, poison is set aside."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import app
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from chalicelib import logs, records, triggers, wiring
from chalicelib.storage import aws as storage_aws
from chalicelib.storage.table import Key
from moto import mock_aws

from infra import aws, replay
from infra.triggers import Context, Delivery, Rules, passes

PLACES = ((-6.1754, 106.8272), (-6.2, 106.82), (-6.15, 106.88))


class Killed(BaseException):
    """The function was ended: nothing catches this, as nothing catches an end."""


@dataclass
class Faults:
    """Breaks calls to AWS: `rule(service:operation, number of the call)` gives what to raise, or None."""

    rule: Callable[[str, int], BaseException | None] = lambda _call, _number: None
    after: Callable[[str, int], BaseException | None] = lambda _call, _number: None
    count: int = 0
    seen: list[str] = field(default_factory=list)


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Iterator[Faults]:
    """The product in this process on moto; calls of the product's own clients can be broken."""
    from botocore.client import BaseClient

    for name, value in aws.environment("").items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_DYNAMODB_STREAMS"):
        monkeypatch.delenv(name)
    monkeypatch.setattr(storage_aws.Retries, "pause", lambda self, attempt: None)
    broken = Faults()
    genuine = BaseClient._make_api_call

    def call(self: Any, operation: str, arguments: dict[str, Any]) -> Any:
        name = f"{self.meta.service_model.service_name}:{operation}"
        if not name.startswith(("dynamodb:", "s3:")):
            return genuine(self, operation, arguments)
        broken.count += 1
        broken.seen.append(name)
        if error := broken.rule(name, broken.count):
            raise error
        answer = genuine(self, operation, arguments)
        if error := broken.after(name, broken.count):
            raise error
        return answer

    cleared = (
        wiring.current,
        wiring.table,
        wiring.files,
        wiring.parts,
        wiring.deployed_publisher,
        wiring.renderer,
    )
    for made in cleared:
        made.cache_clear()
    with mock_aws():
        monkeypatch.setattr(BaseClient, "_make_api_call", call)
        yield broken
    for made in cleared:
        made.cache_clear()


@pytest.fixture
def functions(faults: Faults) -> aws.Functions:
    return aws.Functions(aws.create(), pause=lambda tries: None)


def throttled(operation: str = "TransactWriteItems") -> ClientError:
    return ClientError(
        {
            "Error": {"Code": "ThrottlingException", "Message": ""},
            "ResponseMetadata": {"HTTPStatusCode": 400},
        },
        operation,
    )


def lost() -> ReadTimeoutError:
    return ReadTimeoutError(endpoint_url="https://dynamodb")


def send(number: int = 0, key: str | None = None) -> tuple[int, dict[str, Any]]:
    """A report as API Gateway hands it to the function."""
    latitude, longitude = PLACES[number % len(PLACES)]
    headers = {"content-type": "application/json"} | ({"idempotency-key": key} if key else {})
    body = {
        "category": "jalan",
        "description": f"Lubang nomor {number} di jalan",
        "latitude": latitude,
        "longitude": longitude,
    }
    event = {
        "resource": "/api/reports",
        "path": "/api/reports",
        "httpMethod": "POST",
        "isBase64Encoded": False,
        "headers": headers,
        "multiValueHeaders": {n: [v] for n, v in headers.items()},
        "pathParameters": None,
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "stageVariables": None,
        "body": json.dumps(body),
        "requestContext": {
            "resourcePath": "/api/reports",
            "httpMethod": "POST",
            "requestId": f"r{number}",
            "identity": {},
        },
    }
    answer = app.app(event, None)
    return answer["statusCode"], json.loads(answer["body"])


FOLLOWS_REPORTS = (
    "laporan/",
    "en/laporan/",
    "kelurahan/",
    "en/kelurahan/",
    "data/aktif/",
    "data/arsip/",
    "foto/",
)
FOLLOWS_COUNTS = ("data/ringkas.json", "index.html", "en/index.html")


def site() -> dict[str, bytes]:
    """The published files that follow from reports; others tell the time, too."""
    files = wiring.files("site")
    paths = [path for prefix in FOLLOWS_REPORTS for path in files.list(prefix)]
    paths += [path for path in FOLLOWS_COUNTS if files.exists(path)]
    return {path: found.data for path in paths if (found := files.get(path))}


def settled(functions: aws.Functions) -> dict[str, bytes]:
    for _ in range(5):
        functions.step()
        functions.every_minute()
    return site()


def rebuilt_differs(published: dict[str, bytes]) -> list[str]:
    """The files of reports, kelurahan and counts that a rebuild from the table would write differently."""
    publisher = wiring.deployed_publisher()
    for path in published:
        publisher.site.delete(path)
    publisher.city()
    found = records.counts(publisher.table)
    for kode in found:
        publisher.kelurahan(kode)
        publisher.area(kode)
        for month in records.months(publisher.table, kode):
            publisher.archive(kode, month)
        for report_id in records.public_ids(publisher.table, kode):
            publisher.report(report_id)
    while publisher.cards(limit=20):
        pass
    whole = site()
    return sorted(path for path in whole.keys() | published.keys() if whole.get(path) != published.get(path))


def all_acknowledged_are_published(ids: list[str]) -> bool:
    return all(wiring.files("site").exists(f"laporan/{report_id}/index.html") for report_id in ids)


def test_a_throttled_table_refuses_with_503_or_accepts_and_never_loses_what_it_accepted(
    faults: Faults, functions: aws.Functions
) -> None:
    dice = random.Random(3)
    faults.rule = lambda call, _n: (
        throttled() if call == "dynamodb:TransactWriteItems" and dice.random() < 0.6 else None
    )
    answers = [send(number) for number in range(6)]
    faults.rule = lambda call, _n: throttled() if call.startswith("dynamodb:") else None
    refused, told = send(99)
    assert refused == 503
    assert told["errors"][0]["code"] == "busy"
    faults.rule = lambda _call, _n: None
    accepted = [told["id"] for status, told in answers if status == 201]
    assert {status for status, _ in answers} <= {201, 503}
    assert accepted
    published = settled(functions)
    assert all_acknowledged_are_published(accepted)
    assert rebuilt_differs(published) == []


def test_an_answer_that_was_lost_is_given_again_and_the_report_exists_once(
    faults: Faults, functions: aws.Functions
) -> None:
    spent = []

    def once(call: str, _number: int) -> BaseException | None:
        if call == "dynamodb:TransactWriteItems" and not spent:
            spent.append(call)
            return lost()
        return None

    faults.after = once
    status, _ = send(1, key="key-of-the-sender")
    assert spent
    again, told = send(1, key="key-of-the-sender")
    assert (status in {201, 503}, again) == (True, 201)
    settled(functions)
    everyone = [
        i for kode in records.counts(wiring.table()) for i in records.public_ids(wiring.table(), kode)
    ]
    assert everyone == [told["id"]]


def test_half_a_transaction_is_none(faults: Faults, functions: aws.Functions) -> None:
    reasons = [{"Code": "None"}, {"Code": "TransactionConflict"}]
    answer: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": ""},
        "CancellationReasons": reasons,
    }
    faults.rule = lambda call, _n: ClientError(answer, "TransactWriteItems") if "Transact" in call else None
    status, _ = send(1)
    faults.rule = lambda _call, _n: None
    assert status == 503
    assert records.counts(wiring.table()) == {}
    assert settled(functions).keys() >= set()
    assert not [path for path in site() if path.startswith("laporan/")]


@pytest.mark.parametrize(
    "operation",
    [
        "s3:PutObject",
        pytest.param("s3:GetObject", marks=pytest.mark.journey),
        "dynamodb:Query",
        pytest.param("dynamodb:GetItem", marks=pytest.mark.journey),
    ],
)
def test_a_publisher_whose_stores_fail_for_a_while_catches_up(
    faults: Faults, functions: aws.Functions, operation: str
) -> None:
    accepted = [send(number)[1]["id"] for number in range(3)]
    # Slow or refusing: both reach the code as a time-out or an error that may pass. It lasts longer than one
    # call is tried again, so that whole batches fail.
    left = [30]

    def outage(call: str, _number: int) -> BaseException | None:
        if call != operation or not left[0]:
            return None
        left[0] -= 1
        return lost() if left[0] % 2 else throttled("x")

    faults.rule = outage
    functions.step()
    faults.rule = lambda _call, _n: None
    for letter in functions.dead_letters():
        assert "DDBStreamBatchInfo" in letter
    if functions.dead_letters():
        assert run_replay(functions).failed == 0
    published = settled(functions)
    assert all_acknowledged_are_published(accepted)
    assert rebuilt_differs(published) == []


def run_replay(functions: aws.Functions) -> replay.Outcome:
    publisher = wiring.deployed_publisher()
    return replay.replay(
        aws.client("sqs"),
        aws.client("dynamodbstreams"),
        functions._queues.dead_letters,
        lambda changes: (publisher.publish(changes), None)[1],
    )


def delivered(functions: aws.Functions) -> list[Any]:
    """What the stream holds for the publisher, as Lambda hands it on."""
    return [
        r for _, rows in functions.stream.read() for r in rows if passes(Rules.of("Publisher").patterns, r)
    ]


def test_batches_twice_late_and_out_of_order_between_reports_give_the_same_site(
    faults: Faults, functions: aws.Functions
) -> None:
    accepted = [send(number)[1]["id"] for number in range(4)]
    batch = delivered(functions)
    dice = random.Random(11)

    def order(turn: int, partition: str) -> str:
        return hashlib.sha256(f"{turn}{partition}".encode()).hexdigest()

    for turn in range(3):
        shuffled = sorted(
            batch,
            key=lambda r: (
                order(turn, r["dynamodb"]["Keys"]["partition"]["S"]),
                int(r["dynamodb"]["SequenceNumber"]),
            ),
        )
        half = dice.randrange(1, len(shuffled))
        for piece in (shuffled[half:], shuffled[:half], shuffled):
            assert app.publisher({"Records": piece}, Context("publisher")) == {"batchItemFailures": []}
    published = settled(functions)
    assert all_acknowledged_are_published(accepted)
    assert rebuilt_differs(published) == []


def test_a_publisher_killed_at_every_write_leaves_the_same_site_after_the_retry(
    faults: Faults, functions: aws.Functions
) -> None:
    accepted = send(1)[1]["id"]
    batch = delivered(functions)
    writes = ("s3:PutObject", "dynamodb:TransactWriteItems", "s3:DeleteObject")
    faults.seen.clear()
    app.publisher({"Records": batch}, Context("publisher"))
    count = sum(call in writes for call in faults.seen)
    expected = settled(functions)
    assert count > 5
    for at in range(1, count + 1):
        for path in expected:
            wiring.files("site").delete(path)
        left = [at]

        def rule(call: str, _number: int, left: list[int] = left) -> BaseException | None:
            left[0] -= call in writes
            return Killed() if left[0] == 0 and call in writes else None

        faults.rule = rule
        with pytest.raises(Killed):
            app.publisher({"Records": batch}, Context("publisher"))
        faults.rule = lambda _call, _n: None
        # Lambda delivers the batch again, and the next minute comes.
        app.publisher({"Records": batch}, Context("publisher"))
        functions.every_minute()
        assert site() == expected, f"killed at write {at} of {count}"
    assert f"laporan/{accepted}/index.html" in expected


def test_a_door_killed_at_every_call_keeps_what_it_acknowledged_and_shows_no_half(
    faults: Faults, functions: aws.Functions
) -> None:
    send(0, key="first-of-all")
    faults.seen.clear()
    send(1, key="how-many-calls")
    count = len(faults.seen)
    for at in range(1, count + 1):
        begin = faults.count
        faults.after = lambda _call, number, at=at, begin=begin: Killed() if number - begin == at else None
        key = f"killed-at-call-{at}"
        with pytest.raises(Killed):
            send(2 + at, key=key)
        faults.after = lambda _call, _n: None
        # The sender heard nothing and sends it again.
        status, told = send(2 + at, key=key)
        assert status == 201
        found = records.load(wiring.table(), told["id"])
        assert found is not None
        assert len(records.history(wiring.table(), told["id"])) == 1
    table = wiring.table()
    total = sum(sum(states.values()) for states in records.counts(table).values())
    everyone = [i for kode in records.counts(table) for i in records.public_ids(table, kode)]
    assert total == len(everyone) == len(set(everyone)) == 2 + count


def test_clocks_that_differ_between_functions_break_no_history(
    faults: Faults, functions: aws.Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    import secrets
    from datetime import timedelta

    from chalicelib import desk
    from chalicelib.lifecycle import Move
    from chalicelib.report import Office, broken_at

    made = send(1)[1]["id"]
    genuine = wiring.now
    slow = desk.Desk(wiring.table(), lambda: genuine() - timedelta(hours=3), secrets.token_bytes)
    office = Office("31.71.01.1001", "Kelurahan Gambir")
    desk.move(
        slow, made, Move(to="in_progress", percent=10, text="Dikerjakan."), role="officer", office=office
    )
    events = records.history(wiring.table(), made)
    assert broken_at(events) is None
    assert [event.at for event in events] == sorted(event.at for event in events)
    assert rebuilt_differs(settled(functions)) == []


def test_a_poison_record_is_set_aside_alone_and_can_be_replayed(
    faults: Faults, functions: aws.Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib.publish import Publisher

    accepted = [send(number)[1]["id"] for number in range(4)]
    poison = accepted[1]
    genuine = Publisher.report

    def report(self: Publisher, report_id: str) -> None:
        if report_id == poison:
            raise RuntimeError("this one cannot be drawn")
        genuine(self, report_id)

    monkeypatch.setattr(Publisher, "report", report)
    functions.step()
    functions.every_minute()
    assert all_acknowledged_are_published([i for i in accepted if i != poison])
    assert not wiring.files("site").exists(f"laporan/{poison}/index.html")
    letters = functions.dead_letters()
    assert letters
    for letter in letters:
        assert letter["requestContext"]["condition"] == "RetryAttemptsExhausted"
        assert letter["DDBStreamBatchInfo"]["batchSize"] == 1
    # What a letter names is enough to find the record, and nothing else is in it: no words, no contact.
    found = replay.changes_of(aws.client("dynamodbstreams"), replay.Letter.read(json.dumps(letters[0])))
    assert {change.key for change in found} == {Key(f"report#{poison}", "head")}
    # As long as the fault is there, replaying fails and keeps the message.
    assert run_replay(functions).failed == len(letters)
    monkeypatch.setattr(Publisher, "report", genuine)
    # The time passes for which a message that was looked at is hidden.
    from moto.sqs.models import sqs_backends

    for backend in sqs_backends["123456789012"].values():
        for queue in backend.queues.values():
            for message in queue._messages:
                message.change_visibility(0)
    outcome = run_replay(functions)
    assert (outcome.replayed, outcome.failed, outcome.gone) == (len(letters), 0, 0)
    assert functions.dead_letters() == []
    assert rebuilt_differs(settled(functions)) == []


class Trimmed:
    """A stream that no longer holds what is asked for."""

    def get_shard_iterator(self, **_asked: Any) -> Any:
        raise ClientError(
            {"Error": {"Code": "TrimmedDataAccessException", "Message": ""}}, "GetShardIterator"
        )


def test_a_message_that_is_too_old_or_not_ours_stays_and_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    batch = {"streamArn": "arn", "shardId": "s", "startSequenceNumber": "1", "endSequenceNumber": "1"}
    letter = {
        "requestContext": {"functionArn": "arn:aws:lambda:x:1:function:publisher"},
        "DDBStreamBatchInfo": batch,
    }
    with mock_aws():
        sqs = aws.client("sqs")
        queue = sqs.create_queue(QueueName="q")["QueueUrl"]
        for body in (json.dumps(letter), '{"source": "aws.events"}', "no json"):
            sqs.send_message(QueueUrl=queue, MessageBody=body)
        outcome = replay.replay(
            sqs, Trimmed(), queue, lambda changes: pytest.fail("there is nothing to replay")
        )
        kept = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert (outcome.replayed, outcome.failed, outcome.gone, outcome.foreign) == (0, 0, 1, 2)
    assert int(kept["ApproximateNumberOfMessagesNotVisible"]) + int(kept["ApproximateNumberOfMessages"]) == 3
    assert "publish --all" in capsys.readouterr().err


def test_logs_hold_no_word_of_a_citizen_even_when_a_function_fails(
    faults: Faults,
    functions: aws.Functions,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import logging

    from chalicelib.publish import Publisher

    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "publisher")
    root = logging.getLogger()
    before, level = root.handlers[:], root.level

    def report(self: Publisher, report_id: str) -> None:
        raise RuntimeError("Budi, 0812-3456-7890, wrote: Lubang nomor 7 di jalan")

    monkeypatch.setattr(Publisher, "report", report)
    try:
        logs.setup()
        send(7)
        event = {"Records": delivered(functions)}
        assert app.publisher(event, Context("publisher", aws_request_id="inv-1"))["batchItemFailures"]
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert not [line for line in lines if "Budi" in json.dumps(line) or "Lubang" in json.dumps(line)]
    failed = [line for line in lines if line.get("level") == "ERROR"]
    assert {line["exception"] for line in failed} == {"RuntimeError"}
    assert all(line["request_id"] == "inv-1" and line["function"] == "publisher" for line in failed)
    assert any("test_faults.py" in frame for line in failed for frame in line["frames"])
    (metric,) = [line for line in lines if "FailedChanges" in line]
    assert metric["_aws"]["CloudWatchMetrics"][0]["Namespace"] == logs.NAMESPACE
    assert metric["FailedChanges"] >= 1


# The delivery itself, by AWS's rules.


def rows(count: int) -> list[dict[str, Any]]:
    return [
        {
            "eventName": "INSERT",
            "dynamodb": {
                "SequenceNumber": str(n),
                "Keys": {"partition": {"S": f"report#{n}"}, "sort": {"S": "head"}},
            },
        }
        for n in range(1, count + 1)
    ]


@pytest.mark.parametrize("poison", [set(), {1}, {5}, {8}, {2, 3}, {1, 4, 8}])
@pytest.mark.parametrize("says_which", [True, False])
def test_delivery_hands_over_every_record_and_sets_aside_exactly_the_poison(
    poison: set[int], says_which: bool
) -> None:
    done: set[int] = set()
    letters: list[dict[str, Any]] = []

    def handler(event: dict[str, Any], _context: Any) -> Any:
        numbers = [int(r["dynamodb"]["SequenceNumber"]) for r in event["Records"]]
        bad = [n for n in numbers if n in poison]
        if bad and not says_which:
            raise RuntimeError("bad batch")
        done.update(n for n in numbers if n not in poison)
        return {"batchItemFailures": [{"itemIdentifier": str(n)} for n in bad]}

    rules = Rules(batch_size=8, bisect=True, most_retries=2, reports_failures=True)
    Delivery("publisher", handler, rules, letters.append).deliver(rows(8), stream="arn", shard="s")
    assert done == set(range(1, 9)) - poison
    assert {int(letter["DDBStreamBatchInfo"]["startSequenceNumber"]) for letter in letters} == poison
    assert all(letter["requestContext"]["approximateInvokeCount"] == 3 for letter in letters)


def test_the_handlers_name_only_the_records_that_failed() -> None:
    def work(changes: Any) -> None:
        if any(change.key.partition == "report#3" for change in changes):
            raise RuntimeError("three")

    answer = triggers._batch_answer(triggers.changes_from_lambda_event({"Records": rows(5)}), work, "testing")
    assert answer == {"batchItemFailures": [{"itemIdentifier": "3"}]}
