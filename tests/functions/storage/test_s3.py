"""What only S3 must prove: headers that go with objects, the policy of uploads, trouble on the way."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from chalicelib.storage import aws
from chalicelib.storage.s3 import S3Files
from chalicelib.storage.table import Busy, StorageError, Unclear


@pytest.fixture
def store(moto_aws: None) -> Iterator[S3Files]:
    store = S3Files("site", retries=aws.Retries(attempts=3, sleep=lambda _s: None))
    store.create()
    store.create()
    yield store
    store.close()


def test_type_and_cache_lifetime_go_with_every_object(store: S3Files) -> None:
    store.put("aset/a-1f.css", b"x")
    store.put("index.html", b"x", if_absent=True)
    heads = [store._client().head_object(Bucket="site", Key=key) for key in ("aset/a-1f.css", "index.html")]
    assert [(head["ContentType"], head["CacheControl"]) for head in heads] == [
        ("text/css; charset=utf-8", "public, max-age=31536000, immutable"),
        ("text/html; charset=utf-8", "public, max-age=30, stale-while-revalidate=300"),
    ]


def test_more_files_than_one_answer_holds_are_listed(store: S3Files) -> None:
    for n in range(1005):
        store._client().put_object(Bucket="site", Key=f"a/{n:05d}", Body=b"")
    assert list(store.list("a/")) == [f"a/{n:05d}" for n in range(1005)]


def policy(fields: Any) -> tuple[list[Any], datetime]:
    stated = json.loads(base64.b64decode(fields["policy"]))
    return stated["conditions"], datetime.strptime(stated["expiration"], "%Y-%m-%dT%H:%M:%SZ").replace(
        tzinfo=UTC
    )


def test_the_policy_of_an_upload_holds_place_size_type_and_time(store: S3Files) -> None:
    before = datetime.now(UTC)
    upload = store.presign_upload(
        "uploads/abc", max_bytes=15_000_000, content_types=["image/jpeg"], expires_s=600
    )
    conditions, expiry = policy(upload.fields)
    assert ["content-length-range", 1, 15_000_000] in conditions
    assert {"Content-Type": "image/jpeg"} in conditions
    assert {"key": "uploads/abc"} in conditions
    assert {"bucket": "site"} in conditions
    assert before + timedelta(seconds=598) <= expiry <= datetime.now(UTC) + timedelta(seconds=601)
    assert (upload.fields["key"], upload.fields["Content-Type"]) == ("uploads/abc", "image/jpeg")
    assert upload.fields["x-amz-algorithm"] == "AWS4-HMAC-SHA256"
    assert upload.fields["x-amz-signature"]


def test_several_types_share_what_a_policy_can_say(store: S3Files) -> None:
    upload = store.presign_upload(
        "uploads/abc", max_bytes=9, content_types=["image/jpeg", "image/png"], expires_s=9
    )
    assert ["starts-with", "$Content-Type", "image/"] in policy(upload.fields)[0]
    assert "Content-Type" not in upload.fields
    assert upload.content_types == ("image/jpeg", "image/png")
    with pytest.raises(ValueError, match="nothing in common"):
        store.presign_upload("uploads/abc", max_bytes=9, content_types=["image/png", "text/csv"], expires_s=9)


def test_nothing_is_called_before_it_is_used() -> None:
    assert S3Files("nowhere", endpoint_url="http://127.0.0.1:1")._made is None


def test_a_bucket_that_is_not_there_is_named(moto_aws: None) -> None:
    store = S3Files("elsewhere")
    with pytest.raises(StorageError, match="elsewhere"):
        store.put("a", b"x")
    store.close()


class Failing:
    """Stands between the store and its client, and loses or refuses the first answers."""

    def __init__(self, client: Any, *troubles: Exception, after: bool = False) -> None:
        self._client, self._troubles, self._after = client, list(troubles), after
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def called(**arguments: Any) -> Any:
            self.calls += 1
            if self._troubles:
                if self._after:
                    method(**arguments)
                raise self._troubles.pop(0)
            return method(**arguments)

        return called


def answer(code: str, status: int) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "PutObject")  # type: ignore[typeddict-item]


LOST = ReadTimeoutError(endpoint_url="https://site.example")


def test_throttling_and_lost_answers_are_tried_again_and_then_busy(store: S3Files) -> None:
    real = store._client()
    store._made = Failing(real, answer("SlowDown", 503), LOST)  # type: ignore[assignment]
    assert store.put("a", b"x") is True
    store._made = Failing(real, *[answer("SlowDown", 503)] * 3)  # type: ignore[assignment]
    with pytest.raises(Busy) as busy:
        store.put("a", b"x")
    assert not isinstance(busy.value, Unclear)
    store._made = real


def test_a_lost_answer_to_put_if_absent_is_unclear_rather_than_wrong(store: S3Files) -> None:
    real = store._client()
    failing = Failing(real, LOST, after=True)
    store._made = failing  # type: ignore[assignment]
    # Tried again it would find its own file and say that it was somebody else's.
    with pytest.raises(Unclear):
        store.put("a", b"x", if_absent=True)
    assert failing.calls == 1
    store._made = real
    assert store.exists("a")
