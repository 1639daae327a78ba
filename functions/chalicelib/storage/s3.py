"""The file port on S3: the public site's bucket and the private one, when deployed.

Content type and cache lifetime come from the port's table and go with each object. A
presigned POST lets a browser send one file; its policy holds key, size, type and time.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from . import aws
from .files import Part, StoredFile, Upload, check_path, check_prefix, check_upload, headers

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

_ABSENT = {"404", "NoSuchKey", "NotFound"}
_BEHIND = {"416", "InvalidRange"}


class S3Files:
    """Files in `bucket`. Nothing is called before it is used; credentials come from the environment.

    `endpoint_url` for a stand-in; `now` gives seconds since 1970. Raises StorageError
    when the bucket cannot be used.
    """

    def __init__(
        self,
        bucket: str,
        *,
        endpoint_url: str | None = None,
        region: str | None = None,
        now: Callable[[], float] = time.time,
        retries: aws.Retries = aws.Retries(),  # noqa: B008 (frozen)
    ) -> None:
        self._bucket = bucket
        self._endpoint_url = endpoint_url
        self._region = region
        self._now = now
        self._retries = retries
        self._lock = threading.Lock()
        self._made: S3Client | None = None

    def put(self, path: str, data: bytes, *, if_absent: bool = False) -> bool:
        said = headers(check_path(path))
        try:
            self._call(
                self._client().put_object,
                path,
                # The same bytes in the same place: sending them twice does no harm, except with a condition.
                writes=True,
                repeatable=not if_absent,
                Body=data,
                ContentType=said["Content-Type"],
                CacheControl=said["Cache-Control"],
                **({"IfNoneMatch": "*"} if if_absent else {}),
            )
        except aws.Refused as refused:
            if refused.code == "PreconditionFailed":
                return False
            raise self._error(refused) from None
        return True

    def get(self, path: str) -> StoredFile | None:
        try:
            answer = self._call(self._read, check_path(path))
        except aws.Refused as refused:
            if refused.code in _ABSENT:
                return None
            raise self._error(refused) from None
        return StoredFile(path, answer["Body"], answer["ContentType"], answer["ETag"].strip('"'))

    def part(self, path: str, first: int, last: int) -> Part | None:
        try:
            answer = self._call(self._read, check_path(path), Range=f"bytes={first}-{last}")
        except aws.Refused as refused:
            if refused.code in _ABSENT:
                return None
            if refused.code in _BEHIND:
                whole = self._call(self._client().head_object, path)
                return Part(b"", whole["ContentLength"])
            raise self._error(refused) from None
        return Part(answer["Body"], int(answer["ContentRange"].rpartition("/")[2]))

    def exists(self, path: str) -> bool:
        try:
            self._call(self._client().head_object, check_path(path))
        except aws.Refused as refused:
            if refused.code in _ABSENT:
                return False
            raise self._error(refused) from None
        return True

    def delete(self, path: str) -> None:
        try:
            self._call(self._client().delete_object, check_path(path))
        except aws.Refused as refused:
            raise self._error(refused) from None

    def list(self, prefix: str = "") -> Iterator[str]:
        more: dict[str, Any] = {}
        check_prefix(prefix)
        while True:
            try:
                answer = aws.call(
                    self._client().list_objects_v2,
                    self._retries,
                    writes=False,
                    what=f"bucket {self._bucket}",
                    Bucket=self._bucket,
                    Prefix=prefix,
                    **more,
                )
            except aws.Refused as refused:
                raise self._error(refused) from None
            yield from (row["Key"] for row in answer.get("Contents", []))
            if not answer.get("IsTruncated"):
                return
            more = {"ContinuationToken": answer["NextContinuationToken"]}

    def presign_upload(
        self, path: str, *, max_bytes: int, content_types: Sequence[str], expires_s: int
    ) -> Upload:
        check_upload(path, max_bytes, content_types, expires_s)
        fields: dict[str, str] = {}
        conditions: list[Any] = [["content-length-range", 1, max_bytes]]
        if len(content_types) == 1:
            fields["Content-Type"] = content_types[0]
            conditions.append({"Content-Type": content_types[0]})
        else:
            # A policy knows no list of values: all that the types share is their beginning.
            conditions.append(["starts-with", "$Content-Type", _shared(content_types)])
        signed = self._client().generate_presigned_post(
            self._bucket, path, Fields=dict(fields), Conditions=conditions, ExpiresIn=expires_s
        )
        return Upload(
            signed["url"], signed["fields"], max_bytes, tuple(content_types), int(self._now()) + expires_s
        )

    def create(self) -> None:
        """Make the bucket: for tests, rehearsals and stand-ins. Deployed, a template does."""
        region = self._client().meta.region_name
        place: dict[str, Any] = (
            {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        )
        try:
            aws.call(
                self._client().create_bucket,
                self._retries,
                writes=False,
                what=f"bucket {self._bucket}",
                Bucket=self._bucket,
                **place,
            )
        except aws.Refused as refused:
            if refused.code != "BucketAlreadyOwnedByYou":
                raise self._error(refused) from None

    def close(self) -> None:
        """Let go of connections."""
        with self._lock:
            if self._made is not None:
                self._made.close()
            self._made = None

    def _read(self, **arguments: Any) -> dict[str, Any]:
        """The object with its whole body: a connection that breaks in the middle is tried again too."""
        answer = self._client().get_object(**arguments)
        with answer["Body"] as body:
            return {**answer, "Body": body.read()}

    def _client(self) -> S3Client:
        with self._lock:
            if self._made is None:
                self._made = aws.client(
                    "s3",
                    endpoint_url=self._endpoint_url,
                    region=self._region or os.environ.get("AWS_REGION"),
                    signature="s3v4",
                )
            return self._made

    def _call(
        self,
        method: Callable[..., Any],
        path: str,
        *,
        writes: bool = False,
        repeatable: bool = True,
        **arguments: Any,
    ) -> Any:
        return aws.call(
            method,
            self._retries,
            writes=writes,
            repeatable=repeatable,
            what=f"{self._bucket}/{path}",
            Bucket=self._bucket,
            Key=path,
            **arguments,
        )

    def _error(self, refused: aws.Refused) -> Exception:
        return refused.as_storage_error(f"bucket {self._bucket}")


def _shared(content_types: Sequence[str]) -> str:
    """What the content types have in common, up to the slash. ValueError when that is nothing."""
    kinds = {content_type.partition("/")[0] for content_type in content_types}
    if len(kinds) > 1:
        raise ValueError(
            f"content types {', '.join(content_types)} have nothing in common: allow one kind at a time"
        )
    return f"{kinds.pop()}/"
