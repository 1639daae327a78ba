"""`python -m infra examples`: asks every operation of the API once, in a made-up city, and keeps what it answered.

The page for developers shows these; a test asks again and compares. The city has two
kelurahan, its clock stands still and its dice are known, so that every answer is the
same each time. Nothing here touches an instance's own data.
"""

from __future__ import annotations

import argparse
import hashlib
import io
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

from chalicelib import access, agencies, api, categories, intake, keys, openapi
from chalicelib.channels import webhooks
from chalicelib.operation import Operation, Parts, Request, Response
from chalicelib.report import Office
from chalicelib.settings import Settings
from chalicelib.storage.folder import FolderFiles
from chalicelib.storage.sqlite import SQLiteTable

from infra import compatible
from infra.issuer import CLIENT, EXAMPLES, Issuer

KEPT = Path(__file__).resolve().parent.parent / "web" / "api-examples.json"
"""Where the examples are kept, so that the bundle carries them."""
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


def record() -> list[dict[str, Any]]:
    """Every example, in the order of the API's declarations."""
    with world() as it:
        _citizens(it)
        _other_systems(it)
        _officers(it)
        order = {operation.name: number for number, operation in enumerate(api.OPERATIONS)}
        return sorted(it.examples, key=lambda each: order[each["operation"]])


def _citizens(it: World) -> None:
    it.ask("list_categories")
    it.ask("locate", query={"latitude": "-6.17", "longitude": "106.83", "accuracy": "20"})
    it.ask("create_upload", json_={"content_type": "image/jpeg"})
    made = it.data(
        "create_report",
        headers={"Idempotency-Key": "contoh-0001"},
        json_={
            "category": "jalan",
            "description": "Lubang besar di lajur kiri, depan halte.",
            "latitude": -6.17,
            "longitude": 106.83,
            "accuracy": 12,
            "language": "id",
        },
    )
    number, key = {"report_id": made["id"]}, made["follow_key"]
    it.clock.later(minutes=5)
    it.ask("get_report", path=number)
    it.ask("find_report", query={"id": made["number"]})
    cookie = {"Cookie": f"kunci_{made['id']}={key}"}
    it.ask("show_receipt", path=number, headers=cookie)
    it.ask("open_own", path=number, form={"follow_key": key})
    it.ask("show_own", path=number, headers=cookie)
    it.ask("add_support", path=number, json_={"device": "b3f1c9d27a5e4f60"})
    it.ask(
        "give_feedback",
        path=number,
        json_={"follow_key": key, "action": "add", "text": "Malam hari tidak terlihat sama sekali."},
    )
    it.ask("health")
    it.ask("openapi")


def _other_systems(it: World) -> None:
    table, now, dice = it.parts.door.table, it.clock(), it.parts.door.random_bytes
    _, text = keys.add(
        table, name="Dinas Bina Marga", rights=keys.RIGHTS, role="officer",
        office=Office("contoh-jalan", "Dinas jalan (contoh)"), boundaries=("31",), now=now, random_bytes=dice,
    )  # fmt: skip
    for form in ("xml", "json"):
        it.ask(f"open311_discovery_{form}")
        it.ask(f"open311_v2_discovery_{form}")
        it.ask(f"open311_services_{form}", query={"language": "en"})
        sent = {
            "service_code": "lampu", "lat": "-6.17", "long": "106.81", "attribute[tiang]": "GMB-17",
            "attribute[gejala]": "mati", "description": "Lampu mati sejak dua malam.",
        }  # fmt: skip
        made = it.ask(f"open311_create_request_{form}", form=sent)
        found = re.search(r'<service_request_id>(\w+)<|"service_request_id":"(\w+)"', made.body.decode())
        number = "".join(found.groups("")) if found else ""
        if form == "xml":
            it.ask("open311_definition", path={"service_file": "lampu.xml"})
            it.ask("open311_show_token", path={"token_file": f"{number}.xml"})
            it.ask("open311_show_request", path={"request_file": f"{number}.xml"})
        it.clock.later(minutes=10)
        it.ask(
            f"open311_create_update_{form}",
            form={
                "api_key": text, "service_request_id": number, "update_id": f"tugas-{form}", "status": "IN_PROGRESS",
                "description": "Petugas berangkat.",
            },
        )  # fmt: skip
        window = {"start_date": "2026-11-23T00:00:00Z", "end_date": "2026-11-24T00:00:00Z"}
        it.ask(f"open311_list_requests_{form}", query={**window, "service_code": "lampu", "status": "open"})
        it.ask(f"open311_list_updates_{form}", query=window)
    secret = webhooks.open_channel(table, "rt-siaga", now=now, random_bytes=dice)
    message = {"id": "RT-77", "category": "jalan", "description": "Trotoar ambles dekat sekolah.",
               "latitude": -6.171, "longitude": 106.831}  # fmt: skip
    data = json.dumps(message, ensure_ascii=False).encode()
    headers = webhooks.signed((secret,), "pesan-1", data, it.clock())
    it.ask("receive_message", path={"channel": "rt-siaga"}, headers=headers, json_=message)


def _officers(it: World) -> None:
    home, admin = "contoh-petugas-gambir", "contoh-admin"
    it.ask("staff_sign_in")
    it.ask("staff_me", officer=home)
    private = it.data(
        "create_report",
        json_={
            "category": "jalan", "description": "Got tersumbat di belakang rumah.", "latitude": -6.17,
            "longitude": 106.83, "private": True, "contact_email": "warga@warga.example", "contact_shared": True,
            "photo": [_photo()],
        },
        shown=False,
    )  # fmt: skip
    number = {"report_id": private["id"]}
    wish = {"states": ["waiting"]}
    it.ask("staff_queue", officer=home, json_=wish)
    it.ask("staff_save_view", officer=home, json_={"name": "Menunggu", "wish": wish})
    it.ask("staff_views", officer=home)
    seen = it.data("staff_report", officer=home, path=number)
    it.ask("staff_contact", officer=home, path=number, json_={})
    sha256 = seen["report"]["photos"][0]["sha256"]
    it.ask("staff_photo", officer=home, path=number, query={"sha256": sha256})
    seq = it.data("staff_report", officer=home, path=number, shown=False)["seq"]
    it.ask(
        "staff_act",
        officer=home,
        path=number,
        headers={"Idempotency-Key": "contoh-0002"},
        json_={"action": "take", "seen": seq, "text": "Kami periksa besok pagi."},
    )
    made = it.data(
        "staff_make_client", officer=admin, json_={"name": "Peta RW", "rights": ["report"], "boundaries": ["31.71.01"]}
    )  # fmt: skip
    it.ask("staff_clients", officer=admin)
    it.ask(
        "staff_change_client", officer=admin, path={"client": made["client"]["id"]}, json_={"per_minute": 10}
    )


def _photo() -> str:
    import base64

    from PIL import Image

    kept = io.BytesIO()
    Image.new("RGB", (320, 240), (120, 90, 60)).save(kept, "JPEG")
    return base64.b64encode(kept.getvalue()).decode()


def encoded(examples: list[dict[str, Any]]) -> str:
    """The file of the examples."""
    return json.dumps(examples, ensure_ascii=False, indent=1) + "\n"


def add_command(commands: Any) -> None:
    """The arguments of `examples`."""
    commands.add_parser("examples", help="ask every operation of the API anew, for the page for developers")


def main(_asked: argparse.Namespace) -> int:
    """Write the examples, and what was added to the API to what others rely on; returns the exit status."""
    examples = record()
    KEPT.write_text(encoded(examples), "utf-8")
    print(f"{KEPT.name} has {len(examples)} examples")
    today = compatible.relied_on(openapi.current())
    if compatible.KEPT.exists():
        lost = list(compatible.narrowed(json.loads(compatible.KEPT.read_text("utf-8")), today))
        if lost:
            print("\n".join(["not kept: the API only grows within a version, and", *lost]))
            return 1
    compatible.KEPT.write_text(json.dumps(today, ensure_ascii=False, sort_keys=True) + "\n", "utf-8")
    return 0
