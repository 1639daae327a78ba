"""The engines under test, made fresh for every test, with a clock that tests move by hand.

One suite runs against all of them. DynamoDB Local takes part where Java and its jar are;
REQUIRE_ALL=1 (set in CI) turns its absence into a failure.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chalicelib.storage import aws
from chalicelib.storage.dynamodb import DynamoDBTable
from chalicelib.storage.folder import FolderFiles
from chalicelib.storage.s3 import S3Files
from chalicelib.storage.sqlite import SQLiteTable

from infra import dynamodb_local

REGION = "ap-southeast-1"
SECRET = b"a secret for tests only"
_numbers = itertools.count()


class Clock:
    """Seconds since 1970 that stand still until a test moves them."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def _no_real_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="session")
def dynamodb_local_address() -> Iterator[str]:
    try:
        jar = dynamodb_local.find()
    except dynamodb_local.Missing as missing:
        if os.environ.get("REQUIRE_ALL") == "1":
            pytest.fail(f"REQUIRE_ALL=1, and: {missing}")
        pytest.skip(str(missing))
    with dynamodb_local.running(jar) as address:
        yield address


@pytest.fixture
def moto_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from moto import mock_aws
    from moto.dynamodb.models.table import StreamShard

    tell = StreamShard.add

    def tell_once(shard: Any, old: Any, new: Any) -> None:
        # moto tells twice of an item that UpdateItem creates; DynamoDB tells once.
        tell(shard, old, new)
        if old is None and len(shard.items) > 1:
            last, before = (record.record for record in (shard.items[-1], shard.items[-2]))
            keys = [record["dynamodb"]["Keys"] for record in (last, before)]
            if keys[0] == keys[1] and last["eventName"] == before["eventName"] == "INSERT":
                shard.items.pop()

    monkeypatch.setattr(StreamShard, "add", tell_once)
    with mock_aws():
        yield


@pytest.fixture
def make_dynamodb(request: pytest.FixtureRequest, clock: Clock) -> Iterator[Callable[..., DynamoDBTable]]:
    """Makes tables on DynamoDB Local; the same name gives another handle on the same table."""
    address = request.getfixturevalue("dynamodb_local_address")
    made: list[DynamoDBTable] = []

    def make(name: str = "", **more: Any) -> DynamoDBTable:
        name = name or f"test-{os.getpid()}-{next(_numbers)}"
        table = DynamoDBTable(name, **{"endpoint_url": address, "now": clock, **more})
        made.append(table)
        table.create()
        return table

    yield make
    for table in made:
        table.close()


@pytest.fixture
def open_table(request: pytest.FixtureRequest, clock: Clock, tmp_path: Path) -> Iterator[Callable[[], Any]]:
    """Opens one more handle on the one table of this test, as another process would."""
    engine = request.param
    handles: list[Any] = []
    if engine == "sqlite":

        def open_one() -> Any:
            return SQLiteTable(tmp_path / "table.sqlite3", now=clock)
    else:
        name = f"test-{os.getpid()}-{next(_numbers)}"
        address = None
        if engine == "dynamodb-local":
            address = request.getfixturevalue("dynamodb_local_address")
        else:
            request.getfixturevalue("moto_aws")
        # Contention is worked off quickly in tests: short pauses, many attempts.
        retries = aws.Retries(attempts=100, patience_s=60, most_s=0.05)

        def open_one() -> Any:
            table = DynamoDBTable(name, endpoint_url=address, now=clock, retries=retries)
            if not handles:
                table.create()
            return table

    def opened() -> Any:
        handles.append(open_one())
        return handles[-1]

    yield opened
    for handle in handles:
        handle.close()


@pytest.fixture
def table(open_table: Callable[[], Any]) -> Any:
    return open_table()


@pytest.fixture(params=["folder", "s3-moto"])
def files(request: pytest.FixtureRequest, clock: Clock, tmp_path: Path) -> Iterator[Any]:
    if request.param == "folder":
        yield FolderFiles(
            tmp_path / "files", upload_secret=SECRET, upload_url="/_local/uploads", now=clock, durable=False
        )
        return
    request.getfixturevalue("moto_aws")
    store = S3Files("site", now=clock)
    store.create()
    yield store
    store.close()
