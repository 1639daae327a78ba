"""The file port on a folder: what `make run` uses in the place of buckets.

A file is written beside its place, brought to disk and then renamed, so that nobody ever
sees a part of it. Uploads are allowed by a token signed with HMAC-SHA256, which the local
server hands to receive_upload(); it stands in for S3's presigned POST and is as strict.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from .files import Part, StoredFile, Upload, check_path, check_prefix, check_upload, headers

_PARTIAL = ".partial"
"""Where files wait until they are whole; no path can name it."""
_ABANDONED_S = 3600
"""A partial file this old was left by a process that died."""
_MIN_SECRET_BYTES = 16


class UploadRefused(Exception):
    """A refused upload; `code`: invalid, expired, wrong_path, wrong_type, too_large or empty."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Grant:
    """What an upload token allows. `expires` in seconds since 1970."""

    path: str
    max_bytes: int
    content_types: tuple[str, ...]
    expires: int


class FolderFiles:
    """Files under the folder `root`, made when it is not there.

    `upload_secret` (at least 16 bytes) signs uploads, `upload_url` is where the local
    server takes them; without them presign_upload() raises ValueError. `now` gives
    seconds since 1970. With `durable` false a file survives a killed process, yet
    perhaps not a power cut: for what can be made again.
    """

    def __init__(
        self,
        root: Path | str,
        *,
        upload_secret: bytes = b"",
        upload_url: str = "",
        now: Callable[[], float] = time.time,
        durable: bool = True,
    ) -> None:
        if upload_secret and len(upload_secret) < _MIN_SECRET_BYTES:
            raise ValueError(f"upload_secret has {len(upload_secret)} bytes: at least {_MIN_SECRET_BYTES}")
        self._root = Path(root).resolve()
        self._partial = self._root / _PARTIAL
        self._secret = upload_secret
        self._url = upload_url
        self._now = now
        self._durable = durable
        self._partial.mkdir(parents=True, exist_ok=True)
        self._clear_abandoned()

    def put(self, path: str, data: bytes, *, if_absent: bool = False) -> bool:
        target = self._root / check_path(path)
        if if_absent and target.exists():
            return False
        partial = self._partial / secrets.token_hex(16)
        try:
            with partial.open("xb") as file:
                file.write(data)
                if self._durable:
                    file.flush()
                    os.fsync(file.fileno())
            self._make_folder(target.parent, path)
            if if_absent:
                try:
                    # A link fails when the name is taken; a rename would replace it.
                    os.link(partial, target)
                except FileExistsError:
                    return False
            else:
                try:
                    partial.replace(target)
                except IsADirectoryError:
                    raise ValueError(f"path {path!r} is a folder of other files") from None
            self._sync(target.parent)
        finally:
            partial.unlink(missing_ok=True)
        return True

    def get(self, path: str) -> StoredFile | None:
        target = self._root / check_path(path)
        try:
            data = target.read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        return StoredFile(path, data, headers(path)["Content-Type"], hashlib.sha256(data).hexdigest()[:32])

    def part(self, path: str, first: int, last: int) -> Part | None:
        target = self._root / check_path(path)
        try:
            with target.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(min(first, size))
                return Part(file.read(max(0, last - first + 1)), size)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def exists(self, path: str) -> bool:
        return (self._root / check_path(path)).is_file()

    def delete(self, path: str) -> None:
        target = self._root / check_path(path)
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
            target.unlink()
            self._sync(target.parent)

    def list(self, prefix: str = "") -> Iterator[str]:
        folder = check_prefix(prefix).rpartition("/")[0]
        yield from self._walk(self._root / folder, f"{folder}/" if folder else "", prefix)

    def presign_upload(
        self, path: str, *, max_bytes: int, content_types: Sequence[str], expires_s: int
    ) -> Upload:
        check_upload(path, max_bytes, content_types, expires_s)
        if not self._secret or not self._url:
            raise ValueError(
                "this folder takes no uploads: it was opened without upload_secret or upload_url"
            )
        grant = Grant(path, max_bytes, tuple(content_types), int(self._now()) + expires_s)
        fields = {"key": path, "token": sign(self._secret, grant)}
        if len(content_types) == 1:
            fields["Content-Type"] = content_types[0]
        return Upload(self._url, fields, max_bytes, grant.content_types, grant.expires)

    def receive_upload(self, fields: Mapping[str, str], data: bytes, *, now: datetime | None = None) -> str:
        """Take an upload: the form's `fields` and the bytes of its `file`. Returns where it is stored.

        Raises UploadRefused. What arrives is stored as it is, and still to be looked at.
        """
        grant = verify(self._secret, fields.get("token", ""), self._now() if now is None else now.timestamp())
        if fields.get("key") != grant.path:
            raise UploadRefused("wrong_path", f"the upload is for {grant.path!r}, not for this path")
        if fields.get("Content-Type", "").partition(";")[0].strip().lower() not in grant.content_types:
            raise UploadRefused("wrong_type", f"the upload must be {' or '.join(grant.content_types)}")
        if len(data) > grant.max_bytes:
            raise UploadRefused("too_large", f"the upload has {len(data)} bytes: at most {grant.max_bytes}")
        if not data:
            raise UploadRefused("empty", "the upload is empty")
        self.put(grant.path, data)
        return grant.path

    def _walk(self, folder: Path, beginning: str, prefix: str) -> Iterator[str]:
        """Paths in the order of S3: a folder sorts as its name with the '/' behind it."""
        try:
            with os.scandir(folder) as entries:
                names = sorted(
                    entry.name + ("/" if entry.is_dir() else "")
                    for entry in entries
                    if beginning or entry.name != _PARTIAL
                )
        except (FileNotFoundError, NotADirectoryError):
            return
        for name in names:
            path = beginning + name
            if name.endswith("/"):
                if path.startswith(prefix) or prefix.startswith(path):
                    yield from self._walk(folder / name[:-1], path, prefix)
            elif path.startswith(prefix):
                yield path

    def _make_folder(self, folder: Path, path: str) -> None:
        """Make a file's folder and those above it, each durably in the one above."""
        missing = []
        above = folder
        while above != self._root and not above.is_dir():
            missing.append(above)
            above = above.parent
        for each in reversed(missing):
            try:
                each.mkdir(exist_ok=True)
            except (FileExistsError, NotADirectoryError):
                raise ValueError(f"path {path!r} leads through a file") from None
            self._sync(each.parent)

    def _sync(self, folder: Path) -> None:
        """Bring a folder's entries to disk: a rename is durable only then."""
        if not self._durable:
            return
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)

    def _clear_abandoned(self) -> None:
        oldest = time.time() - _ABANDONED_S
        for partial in self._partial.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if partial.stat().st_mtime < oldest:
                    partial.unlink()


def sign(secret: bytes, grant: Grant) -> str:
    """The token that proves a grant: its JSON and the HMAC-SHA256 of it."""
    payload = json.dumps(
        {"path": grant.path, "max": grant.max_bytes, "types": grant.content_types, "expires": grant.expires},
        separators=(",", ":"),
    ).encode()
    return f"{_text(payload)}.{_text(_mac(secret, payload))}"


def verify(secret: bytes, token: str, now: float) -> Grant:
    """The grant that a token proves. Raises UploadRefused when it was tampered with or its time is over."""
    refused = UploadRefused("invalid", "the upload token was not made here or was changed: ask for a new one")
    if not secret or len(token) > 8192:
        raise refused
    payload_text, _, mac_text = token.partition(".")
    try:
        payload, mac = _bytes(payload_text), _bytes(mac_text)
    except (ValueError, binascii.Error):
        raise refused from None
    if not hmac.compare_digest(mac, _mac(secret, payload)):
        raise refused
    stated = json.loads(payload)
    grant = Grant(stated["path"], stated["max"], tuple(stated["types"]), stated["expires"])
    if now >= grant.expires:
        raise UploadRefused("expired", "the time for this upload is over: ask for a new one")
    return grant


def _mac(secret: bytes, payload: bytes) -> bytes:
    return hmac.digest(secret, b"upload\n" + payload, "sha256")


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    """Strict: a second spelling of the same bytes is refused."""
    raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    if _text(raw) != text:
        raise ValueError("not the one spelling of these bytes")
    return raw
