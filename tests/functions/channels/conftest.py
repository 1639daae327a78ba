"""A client that speaks Open311 to the operations as a strict one would, and a photo server on a free port."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from xml.etree.ElementTree import Element

import pytest
from chalicelib import categories, intake
from chalicelib.front import api, keys
from chalicelib.front.operation import Parts, Request, Response
from chalicelib.report import Office
from chalicelib.settings import Settings
from chalicelib.storage.folder import FolderFiles
from defusedxml.ElementTree import fromstring

from tests.functions.conftest import GAMBIR, Clock, Dice

ASKS = """
[jalan]
id = "Jalan rusak"
en = "Damaged road"
icon = "road-horizon"
hint_id = "Lubang."
hint_en = "Potholes."
group_id = "Jalan"
group_en = "Roads"
keywords = ["lubang", "pothole"]

[lampu]
id = "Lampu jalan"
en = "Street light"
icon = "lightbulb"
hint_id = "Mati."
hint_en = "Dark."
attributes = [
  { code = "tiang", datatype = "string", id = "Nomor tiang", en = "Pole number", required = true },
  { code = "jumlah", datatype = "number", id = "Berapa lampu?", en = "How many lamps?" },
  { code = "sejak", datatype = "datetime", id = "Sejak kapan?", en = "Since when?" },
  { code = "cerita", datatype = "text", id = "Ceritakan", en = "Tell more", hint_id = "Bebas", hint_en = "Free" },
  { code = "warna", datatype = "singlevaluelist", id = "Warna", en = "Colour", values = [
    { key = "putih", id = "Putih", en = "White" }, { key = "kuning", id = "Kuning", en = "Yellow" } ] },
  { code = "gejala", datatype = "multivaluelist", id = "Gejala", en = "Symptoms", values = [
    { key = "mati", id = "Mati", en = "Dark" }, { key = "kedip", id = "Berkedip", en = "Flickers" } ] },
  { code = "catatan", datatype = "text", id = "Hubungi PLN bila ada api.", en = "Call.", variable = false },
  { code = "nomor_luar", datatype = "string", id = "Nomor luar", en = "Outside id", automated = "hidden_field" },
]

[sampah]
id = "Sampah"
en = "Rubbish"
icon = "trash"
hint_id = "Tumpukan."
hint_en = "Piles."
"""
FORM = "application/x-www-form-urlencoded"
HOST = {"host": "lapor.test"}


@dataclass
class Caller:
    """Calls an operation by its address, as the front door would find it."""

    parts: Parts

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | Sequence[str]] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Response:
        many = {
            name: (value,) if isinstance(value, str) else tuple(value)
            for name, value in (query or {}).items()
        }
        for operation in api.OPERATIONS:
            head, brace, place = operation.path.partition("{")
            fits = path == operation.path or (
                brace and path.startswith(head) and "/" not in path[len(head) :] and path not in ADDRESSES
            )
            if operation.method == method and fits:
                places = {place.rstrip("}"): path[len(head) :]} if brace else {}
                asked = Request(
                    places, {n: v[-1] for n, v in many.items()}, {**HOST, **(headers or {})}, body, many
                )
                got = api.answer(self.parts, operation.name, asked)
                assert got.status in operation.answers, f"{got.status} is not declared: {got.body[:300]!r}"
                return got
        raise LookupError(f"no operation at {method} {path}")

    def get(self, path: str, **query: Any) -> Response:
        return self.call("GET", f"/open311/v2/{path}", query=query)

    def post(self, path: str, fields: Any, **more: Any) -> Response:
        headers = {"content-type": FORM, **more.pop("headers", {})}
        data = urlencode(fields, doseq=True).encode()
        return self.call("POST", f"/open311/v2/{path}", headers=headers, body=data, **more)

    def json(self, path: str, **query: Any) -> Any:
        got = self.get(path, **query)
        assert (got.status, got.headers["Content-Type"]) == (200, "application/json; charset=utf-8"), got.body
        return json.loads(got.body)

    def xml(self, path: str, **query: Any) -> Element:
        got = self.get(path, **query)
        assert (got.status, got.headers["Content-Type"]) == (200, "text/xml; charset=utf-8"), got.body
        return parsed(got)


ADDRESSES = {operation.path for operation in api.OPERATIONS}


def parsed(got: Response) -> Element:
    """The document, read by a parser that takes no entity, no DTD and no mistake; no namespace, no nil."""
    root: Element = fromstring(got.body, forbid_dtd=True)
    for element in root.iter():
        assert "{" not in element.tag
        assert not element.attrib
    assert got.body.startswith(b'<?xml version="1.0" encoding="utf-8"?>')
    return root


def errors(got: Response) -> list[tuple[str, str]]:
    """(machine code, field) of every error, whichever the format."""
    if got.headers["Content-Type"].startswith("text/xml"):
        root = parsed(got)
        assert root.tag == "errors"
        found = [{child.tag: child.text or "" for child in error} for error in root.iter("error")]
    else:
        found = json.loads(got.body)
    assert found
    for each in found:
        assert each["code"] == str(got.status)
        assert each["description"]
    return [(each["problem"], each["field"]) for each in found]


@pytest.fixture
def parts(door: intake.Door, site: FolderFiles, tmp_path: Path) -> Parts:
    asks = tmp_path / "categories.toml"
    asks.write_text(ASKS, "utf-8")

    def no_pages() -> Any:
        raise AssertionError("Open311 draws no pages")

    return Parts(
        settings=Settings(max_photo_bytes=2_000_000),
        door=door,
        site=site,
        categories=categories.load(asks),
        renderer=no_pages,
        approximate=False,
    )


@pytest.fixture
def caller(parts: Parts) -> Caller:
    return Caller(parts)


@pytest.fixture
def with_settings(parts: Parts) -> Callable[..., Caller]:
    def make(**changes: Any) -> Caller:
        return Caller(replace(parts, settings=replace(parts.settings, **changes)))

    return make


GOOD = {
    "service_code": "jalan",
    "lat": "-6.17",
    "long": "106.83",
    "description": "Lubang besar di lajur kiri.",
}


@pytest.fixture
def filed(caller: Caller) -> Callable[..., str]:
    """Files a good request, with changes, and returns its id."""

    def send(**changes: Any) -> str:
        got = caller.post("requests.json", {**GOOD, **changes})
        assert got.status == 201, got.body
        return str(json.loads(got.body)[0]["service_request_id"])

    return send


@pytest.fixture
def key(parts: Parts, clock: Clock, dice: Dice) -> Callable[..., str]:
    """Makes an API key: an officer's of Gambir for everything, unless changed."""

    def make(**changes: Any) -> str:
        good: dict[str, Any] = {
            "name": "Dinas",
            "rights": keys.RIGHTS,
            "role": "officer",
            "office": Office("dinas", "Dinas Bina Marga"),
            "boundaries": [GAMBIR],
            "per_minute": 1000,
        }
        return keys.add(parts.door.table, **{**good, **changes}, now=clock(), random_bytes=dice)[1]

    return make


@dataclass
class Photos:
    """What the photo server answers, by path or else `*`: (status, headers, body)."""

    url: str
    answers: dict[str, tuple[int, dict[str, str], bytes]]
    asked: list[str]


@pytest.fixture
def photos() -> Iterator[Photos]:
    answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status, headers, body = answers.get(self.path) or answers.get("*", (404, {}, b""))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield Photos(f"http://127.0.0.1:{server.server_port}", answers, asked)
    server.shutdown()
    thread.join()
    server.server_close()
