"""Where boundaries come from: the nearest source that exists, downloaded and verified only when none is near.

In this order: the file that BOUNDARIES names; `../shared/boundaries/` beside the checkout; the
download kept in `.cache/boundaries/`; the pinned public download; the centroids in `geo/data/`.
Reads and cleans nothing itself (`geo.coverage`).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from geo.facts import DATA, FACTS

ROOT = Path(__file__).resolve().parents[1]
ATTEMPTS = 3
PAUSES_S = (0.5, 1.0)
CONNECT_TIMEOUT_S = 5.0
TOTAL_TIMEOUT_S = 60.0
READ_BYTES = 64 * 1024
STAND_IN_ATTRIBUTION = "Centroids: geografis 1.3.2, MIT"


class FetchError(Exception):
    """The download did not come, or is not what was pinned; the message says which file and why."""


@dataclass(frozen=True, slots=True)
class Pin:
    """The public download: files below `base_url` with the SHA-256 each must have."""

    repository: str
    commit: str
    licence: str
    attribution: str
    base_url: str
    max_bytes: int
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of geo. Each comes from the environment variable named beside it."""

    boundaries: Path | None = None
    """BOUNDARIES: a GeoJSON file, an SQL dump or a folder of dumps; it comes before every other source."""
    code_field: str = "kode"
    """BOUNDARIES_CODE_FIELD: the GeoJSON property that holds the code."""
    name_field: str = "nama"
    """BOUNDARIES_NAME_FIELD: the GeoJSON property that holds the name."""
    attribution: str = ""
    """BOUNDARIES_ATTRIBUTION: whom pages name as the source of that file."""
    build: Path = ROOT / "geo" / "build"
    """GEO_BUILD: where compiled boundaries go."""
    url: str = ""
    """BOUNDARIES_URL: base address of the pinned files; empty for the public repository."""
    offline: bool = False
    """BOUNDARIES_OFFLINE: 1 never tries the network."""
    shared: Path = field(default=ROOT.parent / "shared" / "boundaries" / "jakarta-kelurahan.geojson")
    cache: Path = field(default=ROOT / ".cache" / "boundaries")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ, root: Path = ROOT) -> Settings:
        """Read the settings; `root` is the checkout. Raises ValueError for a switch that is neither on nor
        off."""
        offline = environ.get("BOUNDARIES_OFFLINE", "").strip().lower()
        if offline not in {"", "0", "1", "false", "true", "no", "yes"}:
            raise ValueError(f"BOUNDARIES_OFFLINE is {offline!r}; give 1 for no network, or 0")
        return cls(
            Path(environ["BOUNDARIES"]) if environ.get("BOUNDARIES") else None,
            environ.get("BOUNDARIES_CODE_FIELD") or "kode",
            environ.get("BOUNDARIES_NAME_FIELD") or "nama",
            environ.get("BOUNDARIES_ATTRIBUTION", ""),
            Path(environ.get("GEO_BUILD") or root / "geo" / "build"),
            environ.get("BOUNDARIES_URL", ""),
            offline in {"1", "true", "yes"},
            root.parent / "shared" / "boundaries" / "jakarta-kelurahan.geojson",
            root / ".cache" / "boundaries",
        )


@dataclass(frozen=True, slots=True)
class Obtained:
    """A source at hand. `kind` is file, shared, kept, downloaded or centroids."""

    kind: str
    paths: tuple[Path, ...]
    attribution: str

    @property
    def approximate(self) -> bool:
        """True when only centroids stand in for polygons."""
        return self.kind == "centroids"

    def checksums(self) -> dict[str, str]:
        """SHA-256 by file name, of everything that will be read."""
        files = [f for p in self.paths for f in (sorted(p.rglob("*.sql")) if p.is_dir() else [p])]
        return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


Advance = Callable[[int], object]
"""Told how many bytes more have arrived."""


def read_pin(path: Path = DATA / "pinned.json") -> Pin:
    """The pinned download, as `geo/data/pinned.json` states it."""
    return Pin(**json.loads(path.read_text(encoding="utf-8")))


def nearest(settings: Settings, pin: Pin | None = None) -> Obtained | None:
    """The first source that is on this machine already, or None. Never asks the network.

    Raises FileNotFoundError when BOUNDARIES names a file that is not there: another source in its place would
    be a surprise.
    """
    pin = pin or read_pin()
    if settings.boundaries is not None:
        if not settings.boundaries.exists():
            raise FileNotFoundError(
                f"BOUNDARIES={settings.boundaries}: no such file; "
                "correct the path, or unset BOUNDARIES for the default"
            )
        name = settings.attribution or settings.boundaries.name
        return Obtained("file", (settings.boundaries,), name)
    if settings.shared.is_file():
        return Obtained("shared", (settings.shared,), pin.attribution)
    kept = settings.cache / pin.commit
    if kept.is_dir() and not damaged(kept, pin):
        return Obtained("kept", tuple(kept / name for name in sorted(pin.files)), pin.attribution)
    return None


def centroids() -> Obtained:
    """The stand-in that is always there."""
    return Obtained("centroids", (FACTS,), STAND_IN_ATTRIBUTION)


def damaged(folder: Path, pin: Pin) -> list[str]:
    """The pinned files that `folder` lacks or holds with other contents."""
    wrong = []
    for name, expected in sorted(pin.files.items()):
        file = folder / name
        if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != expected:
            wrong.append(name)
    return wrong


def download(
    settings: Settings,
    pin: Pin,
    *,
    advance: Advance = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    total_s: float = TOTAL_TIMEOUT_S,
    connect_s: float = CONNECT_TIMEOUT_S,
) -> Obtained:
    """Fetch the pinned files, verify each by its SHA-256 and keep them, all or none, in `settings.cache`.

    Takes at most about `total_s` seconds. Raises FetchError.
    """
    base = settings.url or pin.base_url
    if urlsplit(base).scheme not in {"http", "https"}:
        raise FetchError(f"BOUNDARIES_URL={base!r}: not an http or https address")
    base = base if base.endswith("/") else base + "/"
    way = _Way(pin.max_bytes, advance, sleep, clock, clock() + total_s, connect_s)
    settings.cache.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix="part-", dir=settings.cache))
    part.chmod(0o755)  # what is kept is for every user of this machine, as any other download
    try:
        for name, expected in sorted(pin.files.items()):
            data = way.with_retries(urljoin(base, name), expected)
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            (part / name).write_bytes(data)
        kept = settings.cache / pin.commit
        if kept.exists() and damaged(kept, pin):
            shutil.rmtree(kept)
        if not kept.exists():
            try:
                part.rename(kept)
            except OSError:
                # Another process finished first; what it kept was verified the same way.
                if damaged(kept, pin):
                    raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Obtained("downloaded", tuple(kept / name for name in sorted(pin.files)), pin.attribution)


class _FinalError(FetchError):
    """Trying again would not help."""


@dataclass(frozen=True, slots=True)
class _Way:
    """How files are fetched: what bounds them, whom to tell."""

    max_bytes: int
    advance: Advance
    sleep: Callable[[float], None]
    clock: Callable[[], float]
    deadline: float
    connect_s: float

    def with_retries(self, url: str, expected: str) -> bytes:
        """The verified content of `url`, tried again after passing failures."""
        attempt = 1
        while True:
            try:
                return self.once(url, expected)
            except _FinalError:
                raise
            except FetchError as error:
                pause = PAUSES_S[min(attempt, len(PAUSES_S)) - 1]
                if attempt == ATTEMPTS or self.clock() + pause >= self.deadline:
                    raise FetchError(f"{error} ({attempt} attempts)") from error
                self.sleep(pause)
                attempt += 1

    def once(self, url: str, expected: str) -> bytes:
        """The verified content of `url`, or a FetchError that says what came instead."""
        data = bytearray()
        timeout = max(0.1, min(self.connect_s, self.deadline - self.clock()))
        try:
            with urllib.request.urlopen(url, timeout=timeout) as answer:  # noqa: S310 - http or https, see download
                length = answer.headers.get("Content-Length")
                # read1 hands over what has come, so that a trickle cannot hold us past the deadline.
                while chunk := answer.read1(READ_BYTES):
                    data += chunk
                    self.advance(len(chunk))
                    if len(data) > self.max_bytes:
                        raise _FinalError(
                            f"{url}: longer than the {self.max_bytes} bytes that the pin allows"
                        )
                    if self.clock() > self.deadline:
                        raise _FinalError(f"{url}: too slow, only {len(data)} bytes came in time")
        except urllib.error.HTTPError as error:
            kind = FetchError if error.code >= 500 or error.code in {408, 429} else _FinalError
            error.close()
            raise kind(f"{url}: the server answers {error.code} {error.reason}") from error
        except (HTTPException, OSError) as error:
            reason = getattr(error, "reason", None) or error
            raise FetchError(f"{url}: {str(reason) or type(error).__name__}") from error
        if length is not None and str(len(data)) != length:
            raise FetchError(f"{url}: cut short, {len(data)} of {length} bytes came")
        found = hashlib.sha256(data).hexdigest()
        if found != expected:
            raise FetchError(f"{url}: its SHA-256 is {found}, the pin says {expected}; it is not used")
        return bytes(data)


def obtain(
    settings: Settings,
    *,
    pin: Pin | None = None,
    say: Callable[[str], object] = lambda _: None,
    fetch: Callable[[Settings, Pin], Obtained] = download,
) -> Obtained:
    """The first source in the order at the head of this module; downloads only when none is near.

    Never fails for want of a network: the centroids stand in and `say` is told why. Raises FileNotFoundError
    as `nearest` does.
    """
    pin = pin or read_pin()
    found = nearest(settings, pin)
    if found is not None:
        return found
    if settings.offline:
        say(
            "No boundaries on this machine and the network is switched off: "
            "centroids stand in, approximately."
        )
        return centroids()
    try:
        return fetch(settings, pin)
    except (FetchError, OSError) as error:
        say(f"The download of boundaries failed: {error}")
        say("Centroids stand in: boundaries are approximate. Run `python -m geo fetch` again with a network.")
        return centroids()
