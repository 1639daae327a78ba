"""The file port: whole files under a path, written at once, never seen half.

Holds what engines share: which paths are possible, and the one table of content types
and cache lifetimes, used when a file is stored in S3 and when the local server serves it.
Knows no engine and nothing of reports.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

PATH_BYTES = 900
"""Longest path; S3 takes 1,024 bytes."""
_NAME = re.compile(r"[A-Za-z0-9_~@+=,-][A-Za-z0-9_.~@+=,-]{0,199}")
_DOTTED = {".well-known"}
"""The only name with a leading dot; the others are hidden files or temporary ones."""
_PREFIX = re.compile(r"[A-Za-z0-9_.~@+=,/-]*")
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+")

CONTENT_TYPES: Mapping[str, str] = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "map": "application/json",
    "geojson": "application/geo+json",
    "webmanifest": "application/manifest+json",
    "xml": "application/xml",
    "kml": "application/vnd.google-earth.kml+xml",
    "cap": "application/cap+xml",
    "txt": "text/plain; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "ics": "text/calendar; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "ico": "image/x-icon",
    "woff2": "font/woff2",
    "pdf": "application/pdf",
    "pmtiles": "application/vnd.pmtiles",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""Content type by what follows the last dot of a file's name."""
BY_NAME: Mapping[str, str] = {"feed.xml": "application/atom+xml; charset=utf-8"}
"""Files whose whole name says more than its end."""
UNKNOWN = "application/octet-stream"

IMMUTABLE = "public, max-age=31536000, immutable"
DAILY = "public, max-age=86400"
FRESH = "public, max-age=30, stale-while-revalidate=300"
CACHE: Sequence[tuple[str, str]] = (
    # The name of an asset holds a hash of its content.
    ("aset/", IMMUTABLE),
    # A basemap is replaced now and then, and read in many small parts.
    ("peta/", DAILY),
    ("", FRESH),
)
"""Cache lifetime by how a path begins; the first that fits."""


def headers(path: str) -> dict[str, str]:
    """The Content-Type and Cache-Control of a file, from its path alone."""
    name = path.rpartition("/")[2]
    suffix = name.rpartition(".")[2].lower() if "." in name else ""
    return {
        "Content-Type": BY_NAME.get(name) or CONTENT_TYPES.get(suffix, UNKNOWN),
        "Cache-Control": next(cache for beginning, cache in CACHE if path.startswith(beginning)),
    }


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A whole file. `etag` changes when the content does; compare it only within one engine."""

    path: str
    data: bytes = field(repr=False)
    content_type: str
    etag: str


@dataclass(frozen=True, slots=True)
class Part:
    """Some bytes of a file, and how many the whole file has."""

    data: bytes = field(repr=False)
    size: int


@dataclass(frozen=True, slots=True)
class Upload:
    """A permission to send one file: POST multipart/form-data to `url`, all `fields` first, then `file`.

    When several content types are allowed, the sender adds the field Content-Type itself.
    `expires` in seconds since 1970.
    """

    url: str
    fields: Mapping[str, str] = field(repr=False)
    max_bytes: int
    content_types: tuple[str, ...]
    expires: int


class Files(Protocol):
    """What every engine does. Safe to use from many threads and many processes at once.

    Every method raises ValueError for a path that cannot be, and Busy when the store is
    overloaded. A path cannot be a file and a folder of other files at the same time.
    """

    def put(self, path: str, data: bytes, *, if_absent: bool = False) -> bool:
        """Write a whole file at once; durable on return. False: `if_absent`, and it was there already."""
        ...

    def get(self, path: str) -> StoredFile | None:
        """The whole file as it was last put; None when absent."""
        ...

    def part(self, path: str, first: int, last: int) -> Part | None:
        """The bytes from `first` to `last`, both counted in, as far as there are any; None when absent.

        No bytes at all when `first` lies behind the end.
        """
        ...

    def exists(self, path: str) -> bool:
        """Whether the file is there."""
        ...

    def delete(self, path: str) -> None:
        """Remove the file; one that is not there is no mistake."""
        ...

    def list(self, prefix: str = "") -> Iterator[str]:
        """The paths that begin with `prefix`, in order. Files written meanwhile may or may not appear."""
        ...

    def presign_upload(
        self, path: str, *, max_bytes: int, content_types: Sequence[str], expires_s: int
    ) -> Upload:
        """Allow someone to send this one file without further rights, for `expires_s` seconds.

        The receiver must still look at what arrived: the sender names its content type.
        """
        ...


def check_path(path: str) -> str:
    """The path itself when every engine can keep it. ValueError names what is wrong."""
    if not isinstance(path, str) or not path:
        raise ValueError(f"path is {path!r}: it must be text and not empty")
    if len(path) > PATH_BYTES:
        raise ValueError(f"path {path[:80]!r}... has {len(path)} characters: at most {PATH_BYTES}")
    for name in path.split("/"):
        if not (_NAME.fullmatch(name) or name in _DOTTED):
            raise ValueError(
                f"path {path!a}: the part {name!a} cannot be; parts are 1 to 200 of A-Z a-z 0-9 _.~@+=,- "
                "with no dot in front, divided by '/'"
            )
    return path


def check_prefix(prefix: str) -> str:
    """The prefix itself when paths can begin with it. Raises ValueError."""
    if len(prefix) > PATH_BYTES or not _PREFIX.fullmatch(prefix):
        raise ValueError(f"prefix {prefix[:80]!a} cannot be the beginning of a path")
    if prefix:
        # Whole parts must be possible; the last may be a beginning.
        whole, _, last = prefix.rpartition("/")
        if whole or prefix.startswith("/"):
            check_path(whole)
        if last.startswith(".") and not any(name.startswith(last) for name in _DOTTED):
            raise ValueError(
                f"prefix {prefix!a} cannot be the beginning of a path: no part begins with a dot"
            )
    return prefix


def check_upload(path: str, max_bytes: int, content_types: Sequence[str], expires_s: int) -> None:
    """Raises ValueError when a permission to upload makes no sense."""
    check_path(path)
    if not 1 <= max_bytes <= 5_000_000_000:
        raise ValueError(f"max_bytes is {max_bytes}: it must be from 1 to 5,000,000,000")
    if not 1 <= expires_s <= 604_800:
        raise ValueError(f"expires_s is {expires_s}: it must be from 1 second to a week")
    if not content_types:
        raise ValueError("content_types is empty: name at least one")
    for content_type in content_types:
        if not _MEDIA_TYPE.fullmatch(content_type):
            raise ValueError(f"content type {content_type!r} does not look like image/jpeg")
