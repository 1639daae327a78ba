"""`make run ENGINE=aws`: the product as deployed, against a stand-in for AWS on this machine.

moto's server plays DynamoDB, its stream, S3, SQS and SES in a child process; the real
handlers get events in Lambda's real shapes. A rehearsal, not a place to keep anything:
it lives in memory, and what a stand-in cannot prove is said in infra/docs/deploy.md.
With ENGINE=dynamodb-local Amazon's own DynamoDB Local keeps the table.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.publish import Publisher

from infra import stand_in
from infra.triggers import Context, Delivery, Rules, Stream, scheduled

if TYPE_CHECKING:
    from chalicelib.settings import Settings

REGION = "ap-southeast-3"
NAMES = {"TABLE": "rehearsal", "SITE_BUCKET": "rehearsal-site", "PRIVATE_BUCKET": "rehearsal-private"}
DEAD_LETTERS = "rehearsal-dead-letters"
UPLOADS = "rehearsal-uploads"
UPLOADS_PREFIX = "uploads/"
MAIL_FROM = "kabar@warga.invalid"
"""Who writes to followers in a rehearsal: to SES's stand-in, which delivers nothing."""
_POLL_S = 0.1
log = logging.getLogger("cctv-warga")


# moto puts a copy of the table back after a cancelled transaction, and iterators that were given
# out go on reading the old one: so each reads the shard that the table has now, as AWS's do.
MOTO = """
import sys
from moto.dynamodbstreams.models import ShardIterator
from moto.server import main

read = ShardIterator.get

def get(self, limit=1000):
    self.stream_shard = self.streams_backend.dynamodb.get_table(self.stream_shard.table.name).stream_shard
    return read(self, limit)

ShardIterator.get = get
main(sys.argv[1:])
"""


def moto_server() -> contextlib.AbstractContextManager[str]:
    """moto's server in a child process: gives its address, and ends it afterwards."""
    return stand_in.running(
        lambda port: [sys.executable, "-c", MOTO, "-H", "127.0.0.1", "-p", str(port)],
        name="moto's server",
        path="/moto-api/data.json",
        advice="run 'make setup'",
    )


def environment(address: str, dynamodb: str | None = None) -> dict[str, str]:
    """The environment in which the functions find the stand-ins, and nothing of the real AWS."""
    table = dynamodb or address
    return {
        "ENGINE": "dynamodb",
        **NAMES,
        "AWS_ACCESS_KEY_ID": "rehearsal",
        "AWS_SECRET_ACCESS_KEY": "rehearsal",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        # An address that begins with an account's number is none of moto's.
        "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
        "AWS_ENDPOINT_URL": address,
        "AWS_ENDPOINT_URL_DYNAMODB": table,
        "AWS_ENDPOINT_URL_DYNAMODB_STREAMS": table,
    }


def mail(address: str) -> dict[str, str]:
    """The settings with which notices leave through SES; verifies their sender there."""
    client("sesv2").create_email_identity(EmailIdentity=MAIL_FROM)
    return {"MAIL": "ses", "MAIL_FROM": f"CCTV Warga <{MAIL_FROM}>", "SITE_URL": address}


def client(service: str) -> Any:
    """A client of what the environment names."""
    import boto3.session

    return boto3.session.Session().client(service)  # type: ignore[call-overload]


@dataclass(frozen=True, slots=True)
class Queues:
    """Addresses of the queue of dead letters and of the one that carries S3's notices."""

    dead_letters: str
    uploads: str


def create() -> Queues:
    """Make what template.yaml makes, as far as a rehearsal needs it: table, buckets, queues, notices of uploads."""
    from chalicelib import wiring
    from chalicelib.storage.dynamodb import DynamoDBTable
    from chalicelib.storage.s3 import S3Files

    table = wiring.table()
    assert isinstance(table, DynamoDBTable)  # noqa: S101 (the environment says so)
    table.create()
    for kind in ("site", "private"):
        files = wiring.files(kind)
        assert isinstance(files, S3Files)  # noqa: S101
        files.create()
    sqs = client("sqs")
    queues = Queues(*(sqs.create_queue(QueueName=name)["QueueUrl"] for name in (DEAD_LETTERS, UPLOADS)))
    arn = sqs.get_queue_attributes(QueueUrl=queues.uploads, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    s3 = client("s3")
    s3.put_bucket_notification_configuration(
        Bucket=NAMES["PRIVATE_BUCKET"],
        NotificationConfiguration={
            "QueueConfigurations": [
                {
                    "QueueArn": arn,
                    "Events": ["s3:ObjectCreated:*"],
                    "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": UPLOADS_PREFIX}]}},
                }
            ]
        },
    )
    s3.put_bucket_cors(
        Bucket=NAMES["PRIVATE_BUCKET"],
        CORSConfiguration={"CORSRules": [{"AllowedMethods": ["POST"], "AllowedOrigins": ["*"]}]},
    )
    return queues


class Functions:
    """Feeds the deployed functions: the stream, notices of uploads, timers. `step()` does what is due once."""

    def __init__(
        self, queues: Queues, *, pause: Callable[[int], None] = lambda tries: time.sleep(0.2)
    ) -> None:
        import app

        self._app = app
        self._queues = queues
        self._sqs = client("sqs")
        arn = client("dynamodb").describe_table(TableName=NAMES["TABLE"])["Table"]["LatestStreamArn"]
        self.stream = Stream(client("dynamodbstreams"), arn, REGION)
        self._deliveries = [
            Delivery(name, handler, Rules.of(logical), self._set_aside, pause)
            for name, logical, handler in (
                ("publisher", "Publisher", app.publisher),
                ("retention", "Retention", app.retention),
            )
        ]

    def step(self) -> int:
        """Deliver what the stream and the bucket have. Returns how many records there were."""
        count = 0
        for shard, records in self.stream.read():
            count += len(records)
            for delivery in self._deliveries:
                delivery.deliver(records, stream=self.stream.arn, shard=shard)
        for event in self._notices():
            count += 1
            self._app.photo(event, Context("photo"))
        return count

    def every_minute(self) -> None:
        """What the timer does."""
        self._app.every_minute(scheduled("every-minute", datetime.now(UTC)), Context("every_minute"))

    def notifier(self) -> dict[str, int]:
        """What its timer does."""
        done: dict[str, int] = self._app.notifier(
            scheduled("notifier", datetime.now(UTC)), Context("notifier")
        )
        return done

    def messenger(self) -> dict[str, int]:
        """What the timer of webhooks does."""
        done: dict[str, int] = self._app.messenger(
            scheduled("messenger", datetime.now(UTC)), Context("messenger")
        )
        return done

    def daily(self) -> Any:
        """What the daily timer does."""
        return self._app.daily(scheduled("daily", datetime.now(UTC)), Context("daily", 900))

    def dead_letters(self) -> list[dict[str, Any]]:
        """What was set aside, left in the queue."""
        got = self._sqs.receive_message(
            QueueUrl=self._queues.dead_letters, MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        return [json.loads(message["Body"]) for message in got.get("Messages", [])]

    def _set_aside(self, letter: dict[str, Any]) -> None:
        self._sqs.send_message(QueueUrl=self._queues.dead_letters, MessageBody=json.dumps(letter))

    def _notices(self) -> Iterator[dict[str, Any]]:
        got = self._sqs.receive_message(QueueUrl=self._queues.uploads, MaxNumberOfMessages=10)
        for message in got.get("Messages", []):
            event = json.loads(message["Body"])
            # S3 sends a test event when notices are set up.
            if "Records" in event:
                yield event
            self._sqs.delete_message(QueueUrl=self._queues.uploads, ReceiptHandle=message["ReceiptHandle"])


class FunctionsThread(threading.Thread):
    """Feeds the functions until told to stop; takes the place of the local publisher."""

    def __init__(self, functions: Functions, chosen: Settings) -> None:
        super().__init__(name="functions", daemon=True)
        self._functions = functions
        self._tidy_s = chosen.tidy_interval_ms / 1000
        self._stop_asked = threading.Event()

    def run(self) -> None:
        tidied = 0.0
        while not self._stop_asked.wait(_POLL_S):
            try:
                worked = self._functions.step()
                if worked or time.monotonic() - tidied >= max(self._tidy_s, 5):
                    tidied = time.monotonic()
                    self._functions.every_minute()
                    self._functions.messenger()
                    self._functions.notifier()
            except Exception:
                log.exception("feeding the functions failed; it is tried again")

    def stop(self) -> None:
        """Finish what is at hand and end."""
        self._stop_asked.set()
        self.join(timeout=10)


def run(engine: str, stated: Mapping[str, str]) -> int:
    """Serve until interrupted, like `make run`. Returns the exit status."""
    from infra import dynamodb_local

    with contextlib.ExitStack() as stack:
        address = stack.enter_context(moto_server())
        dynamodb = None
        if engine == "dynamodb-local":
            try:
                jar = dynamodb_local.find()
            except dynamodb_local.Missing as missing:
                print(missing, file=sys.stderr)
                return 2
            dynamodb = stack.enter_context(dynamodb_local.running(jar))
        # Examples take minutes against a stand-in that sorts its whole table for every query: only when asked for.
        demo = stated.get("DEMO") or "0"
        os.environ.update(environment(address, dynamodb) | {"DEMO": demo})
        os.environ.update(mail(stated.get("SITE_URL") or f"http://127.0.0.1:{stated.get('PORT') or 8000}"))
        from chalicelib import settings

        from infra import local

        try:
            chosen = settings.read()
        except settings.SettingsError as error:
            print(f"settings: {error}", file=sys.stderr)
            return 2
        logging.getLogger("botocore").setLevel(logging.WARNING)
        queues = create()
        print(f"a rehearsal: everything is in memory, {engine} at {dynamodb or address}", file=sys.stderr)

        def follow(_publisher: Publisher, chosen: Settings) -> FunctionsThread:
            return FunctionsThread(Functions(queues), chosen)

        return local.run(chosen, follow=follow, uploads=f"{address}/{NAMES['PRIVATE_BUCKET']}")
