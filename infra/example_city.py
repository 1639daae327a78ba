"""The made-up city in which the API's examples are asked: two kelurahan, a clock that stands still, known dice.

So every answer is the same each time. Nothing here touches an instance's own data.
What is asked there is in examples.py.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from chalicelib import access, categories, intake
from chalicelib.front import api
from chalicelib.front.operation import Operation, Parts, Request, Response
from chalicelib.officers import agencies
from chalicelib.settings import Settings
from chalicelib.storage.folder import FolderFiles
from chalicelib.storage.sqlite import SQLiteTable

from infra.issuer import CLIENT, EXAMPLES, Issuer

SITE = "https://warga.example"
GAMBIR, CIDENG = "31.71.01.1001", "31.71.01.1002"
LONGEST = 1800
"""Characters of an answer that the page shows."""
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
CATEGORIES = """
[jalan]
id = "Jalan rusak"
en = "Damaged road"
icon = "road-horizon"
hint_id = "Lubang, aspal retak."
hint_en = "Potholes, cracked asphalt."

[lampu]
id = "Lampu jalan"
en = "Street light"
icon = "lightbulb"
hint_id = "Mati, berkedip."
hint_en = "Dark, flickering."
attributes = [
  { code = "tiang", datatype = "string", id = "Nomor tiang", en = "Pole number", required = true },
  { code = "gejala", datatype = "multivaluelist", id = "Gejala", en = "Symptoms", values = [
    { key = "mati", id = "Mati", en = "Dark" }, { key = "kedip", id = "Berkedip", en = "Flickers" } ] },
]
"""


@dataclass(frozen=True)
class Row:
    """A kelurahan of the made-up city; longitude and latitude of its middle in degrees."""

    kode: str
    kelurahan: str
    kecamatan: str
    kota: str
    longitude: float
    latitude: float


@dataclass(frozen=True)
class Found:
    """Where a position is."""

    kode: str | None
    method: str
    distance_m: float | None
    probability: float
    runner_up: str | None


class City:
    """West of 106.82 degrees lies Cideng, east of it Gambir, between 106.80 and 106.84."""

    version = "contoh"
    approximate = False

    def __init__(self) -> None:
        rows = (
            Row(GAMBIR, "Gambir", "Gambir", "Jakarta Pusat", 106.83, -6.17),
            Row(CIDENG, "Cideng", "Gambir", "Jakarta Pusat", 106.81, -6.17),
        )
        self.by_kode = {row.kode: row for row in rows}

    def locate(self, longitude: float, latitude: float, accuracy_m: float | None = None) -> Found:
        """The kelurahan of a position."""
        if not (106.80 <= longitude < 106.84 and -6.20 <= latitude < -6.15):
            return Found(None, "outside", None, 0.0, None)
        here, there = (GAMBIR, CIDENG) if longitude >= 106.82 else (CIDENG, GAMBIR)
        away = abs(longitude - 106.82) * 110_000
        doubtful = accuracy_m is not None and accuracy_m > away
        return Found(here, "inside", away, 0.6 if doubtful else 1.0, there if doubtful else None)


@dataclass
class World:
    """An instance in a folder that goes away, with a clock that moves when it is told to."""

    parts: Parts
    issuer: Issuer
    clock: Clock
    examples: list[dict[str, Any]] = field(default_factory=list)

    def ask(
        self,
        name: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        json_: Any = None,
        officer: str = "",
        shown: bool = True,
    ) -> Response:
        """Ask an operation and keep the example. Raises ValueError when it is refused."""
        operation = api.BY_NAME[name]
        said = dict(headers or {})
        body = b""
        if form is not None:
            said["Content-Type"], body = FORM, urlencode(form).encode()
        elif json_ is not None:
            said["Content-Type"], body = JSON, json.dumps(json_, ensure_ascii=False).encode()
        sent = dict(said)
        if officer:
            said["Authorization"] = "Bearer eyJhbGciOiJSUzI1NiJ9.…"
            sent["Authorization"] = f"Bearer {self.issuer.token(officer)}"
        asked = Request(
            dict(path or {}), dict(query or {}), {n.lower(): v for n, v in sent.items()} | {"host": "x"}, body
        )
        got = api.answer(self.parts, name, asked)
        if got.status >= 400:
            raise ValueError(f"{name}: {got.status} {got.body.decode()}")
        if shown:
            target = _target(operation, path or {}, query or {})
            self.examples.append(
                {
                    "operation": name,
                    "method": operation.method,
                    "target": target,
                    "headers": said,
                    "body": body.decode(),
                    "status": got.status,
                    "type": got.headers.get("Content-Type", "").partition(";")[0],
                    "location": got.headers.get("Location", ""),
                    "answer": _shown(got),
                }
            )
        return got

    def data(self, name: str, **more: Any) -> Any:
        """The same; its answer, read."""
        return json.loads(self.ask(name, **more).body)


@dataclass
class Clock:
    """Says a time until it is told to move."""

    now: datetime = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        """The same, in seconds since 1970."""
        return self.now.timestamp()

    def later(self, **step: float) -> None:
        """Move on."""
        self.now += timedelta(**step)


def _dice() -> Callable[[int], bytes]:
    rolls = iter(range(1_000_000))
    return lambda count: hashlib.shake_256(f"contoh{next(rolls)}".encode()).digest(count)


def _target(operation: Operation, path: Mapping[str, str], query: Mapping[str, str]) -> str:
    target = operation.path
    for name, value in path.items():
        target = target.replace(f"{{{name}}}", quote(value))
    return f"{target}?{urlencode(query, safe=':,')}" if query else target


def _shown(got: Response) -> str:
    """An answer as the page shows it: readable, not endless, and without what differs from machine to machine."""
    kind = got.headers.get("Content-Type", "")
    if kind.startswith("text/html"):
        return ""
    text = got.body.decode()
    if kind.startswith(JSON):
        text = json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    elif kind.startswith("text/xml"):
        text = re.sub(r"><(?!/)", ">\n<", text)
    text = re.sub(r"data:image/jpeg;base64,[A-Za-z0-9+/=]+", "data:image/jpeg;base64,…", text)
    return text if len(text) <= LONGEST else text[:LONGEST].rsplit("\n", 1)[0] + "\n…"


@contextmanager
def world() -> Iterator[World]:
    """A made-up city in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        root, clock, dice = Path(folder), Clock(), _dice()
        asks = root / "categories.toml"
        asks.write_text(CATEGORIES, "utf-8")
        table = SQLiteTable(root / "table.sqlite3", now=clock.seconds)
        url = "http://127.0.0.1:1/_issuer"
        issuer = Issuer(table, root / "issuer.json", url, clock)
        access.add_missing(table, EXAMPLES)
        parts = Parts(
            settings=Settings(site_url=SITE, open311_contact="halo@warga.example"),
            door=intake.Door(
                table,
                FolderFiles(
                    root / "private",
                    upload_secret=b"contoh-contoh-contoh",
                    upload_url=f"{SITE}/uploads",
                    now=clock.seconds,
                ),
                City(),
                clock,
                dice,
                max_photo_bytes=15_000_000,
            ),
            site=FolderFiles(root / "site"),
            categories=categories.load(asks),
            renderer=_renderer,
            approximate=False,
            gate=access.Gate(table, access.Keys(issuer.jwks, clock), url, CLIENT, clock),
            sign_in=lambda: {
                "authorize_url": f"{SITE}/masuk", "token_url": f"{SITE}/token", "logout_url": f"{SITE}/keluar",
                "client_id": CLIENT, "example": True,
            },
            agencies=agencies.load(),
        )  # fmt: skip
        yield World(parts, issuer, clock)
        table.close()


def _renderer() -> Any:
    from chalicelib import wiring

    return wiring.renderer()
