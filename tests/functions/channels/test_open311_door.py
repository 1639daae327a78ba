"""Open311 through the front door itself: what a client does, as the documentation says, in XML and in JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from chalicelib import wiring
from chalicelib.channels import open311, webhooks
from chalicelib.front.operation import Parts
from defusedxml.ElementTree import fromstring

from infra.local import Gateway
from tests.functions.channels.conftest import FORM, GOOD
from tests.functions.channels.test_open311 import multipart
from tests.functions.conftest import Clock


@dataclass
class Script:
    """A scripted client: knows only the documentation, and one of the two formats."""

    gateway: Gateway
    form: str

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any]:
        sent = {"host": "lapor.test", "accept": "*/*", **{k.replace("_", "-"): v for k, v in headers.items()}}
        if body:
            sent["content-length"] = str(len(body))
        status, said, data = self.gateway.answer(method, f"/open311/v2/{path}", sent, body)
        kind = next(value for name, value in said if name.lower() == "content-type")
        assert kind == ("text/xml" if self.form == "xml" else "application/json") + "; charset=utf-8"
        return status, fromstring(data) if self.form == "xml" else json.loads(data)

    def get(self, path: str, query: Mapping[str, Any] | Sequence[tuple[str, str]] = ()) -> Any:
        name, _, rest = path.partition("/")
        address = f"{name}/{rest}.{self.form}" if rest else f"{name}.{self.form}"
        status, found = self.ask("GET", f"{address}?{urlencode(query, doseq=True)}" if query else address)
        assert status == 200, found
        return found

    def texts(self, found: Any, item: str, name: str) -> list[str]:
        if self.form == "xml":
            return [each.findtext(name) or "" for each in found.iter(item)]
        rows = found["attributes"] if isinstance(found, dict) else found
        return [str(row[name]) for row in rows]


@pytest.fixture(params=["xml", "json"])
def script(parts: Parts, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Script:
    monkeypatch.setattr(wiring, "parts", lambda: parts)
    return Script(Gateway(), request.param)


def test_a_client_does_from_the_documentation_alone_all_that_a_client_does(
    script: Script, photo: Callable[..., bytes], key: Callable[..., str], clock: Clock
):
    assert "lampu" in script.texts(script.get("services"), "service", "service_code")
    asked = script.get("services/lampu")
    assert script.texts(asked, "attribute", "code")[0] == "tiang"

    fields = [
        ("service_code", "lampu"), ("lat", "-6.17"), ("long", "106.83"), ("description", "Gelap.\r\nSudah lama."),
        ("attribute[tiang]", "GB-17"), ("attribute[gejala]", "mati"), ("attribute[gejala]", "kedip"),
        ("phone", "+62 812-0000-0000"), ("api_key", ""),
    ]  # fmt: skip
    body, headers = multipart(fields, {"photo1": photo()})
    status, made = script.ask("POST", f"requests.{script.form}", body, content_type=headers["content-type"])
    assert status == 201, made
    (report_id,) = script.texts(made, "request", "service_request_id")
    assert script.texts(script.get(f"tokens/{report_id}"), "request", "service_request_id") == [report_id]

    (media,) = script.texts(script.get(f"requests/{report_id}"), "request", "media_url")
    assert re.fullmatch(r"http://lapor\.test/foto/[0-9A-Z]{8}/[0-9a-f]{24}\.jpg", media)
    clock.later(minutes=10)
    window = {
        "start_date": f"{clock() - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
        "end_date": f"{clock():%Y-%m-%dT%H:%M:%SZ}",
    }
    found = script.get("requests", window)
    assert script.texts(found, "request", "service_request_id") == [report_id]
    assert script.texts(found, "request", "description") == ["Gelap.\nSudah lama."]

    update = {
        "service_request_id": report_id, "update_id": "u-1", "status": "FIXED", "api_key": key(),
        "description": "Lampu diganti.", "updated_datetime": "2026-11-23T02:10:00+07:00",
    }  # fmt: skip
    path = f"servicerequestupdates.{script.form}"
    status, told = script.ask("POST", path, urlencode(update).encode(), content_type=FORM)
    assert status == 201, told
    (update_id,) = script.texts(told, "request_update", "update_id")
    happened = script.get("servicerequestupdates", window)
    assert script.texts(happened, "request_update", "update_id") == [update_id]
    assert script.texts(happened, "request_update", "status") == ["fixed"]
    assert script.texts(script.get(f"requests/{report_id}"), "request", "status") == ["closed"]


def test_repeated_keys_and_escaped_values_arrive(script: Script):
    ids = []
    for _ in range(2):
        sent = urlencode({**GOOD, "description": "Ibu & Bapak: “100%” + lebih é"}).encode()
        status, made = script.ask("POST", f"requests.{script.form}", sent, content_type=FORM)
        assert status == 201
        ids += script.texts(made, "request", "service_request_id")
    found = script.get("requests", {"service_request_id": ids})
    assert sorted(script.texts(found, "request", "service_request_id")) == sorted(ids)
    assert set(script.texts(found, "request", "description")) == {"Ibu & Bapak: “100%” + lebih é"}
    plus = script.get("requests", [("start_date", "2026-11-23T00:00:00+07:00")])
    assert len(script.texts(plus, "request", "status")) == 2


def test_errors_come_in_the_asked_format_through_the_front_door(script: Script):
    for method, path, expected in (
        ("GET", "requests/00000000", 404),
        ("GET", "services/macan", 404),
        ("GET", "requests", 400),
        ("POST", "requests", 400),
    ):
        query = "?start_date=kemarin&page=x" if expected == 400 and method == "GET" else ""
        body = b"lat=x&long=y" if method == "POST" else b""
        headers = {"content_type": FORM} if body else {}
        status, found = script.ask(method, f"{path}.{script.form}{query}", body, **headers)
        assert status == expected
        codes = script.texts(found, "error", "code")
        assert set(codes) == {str(expected)}
        assert len(codes) >= (2 if expected == 400 else 1), "several at once"


def test_no_post_is_ever_redirected(script: Script):
    for body in (urlencode(GOOD).encode(), b"x=1"):
        status, _ = script.ask("POST", f"requests.{script.form}", body, content_type=FORM)
        assert not 300 <= status < 400


def test_every_path_is_one_that_api_gateway_can_have():
    for operation in (*open311.OPERATIONS, *webhooks.OPERATIONS):
        for part in operation.path.strip("/").split("/"):
            assert re.fullmatch(r"[a-zA-Z0-9._:-]+|\{[a-z_]+\}", part), "API Gateway has no {id}.json"
