"""Through API Gateway as locally: suffixes, repeated keys, binary bodies and content types, in its own event shape."""

from __future__ import annotations

import base64
import json
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import app
import pytest
from chalicelib import records, wiring
from chalicelib.front.operation import Parts
from chalicelib.report import read_id

from tests.functions.channels.conftest import FORM, GOOD, Caller
from tests.functions.channels.test_open311 import multipart


class Gateway:
    """Asks the function as API Gateway's REST proxy does, and reads its answer as API Gateway would."""

    def __init__(self) -> None:
        self.binary = app.app.api.binary_types

    def ask(
        self,
        method: str,
        path: str,
        *,
        resource: str = "",
        places: Mapping[str, str] | None = None,
        query: Mapping[str, Sequence[str]] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        sent = {"Host": "abc123.execute-api.ap-southeast-3.amazonaws.com", **(headers or {})}
        kind = sent.get("Content-Type", "")
        # API Gateway hands a body over in base64 exactly when its type is listed as binary.
        packed = body is not None and kind.partition(";")[0] in self.binary
        event = {
            "resource": resource or path,
            "path": path,
            "httpMethod": method,
            "headers": sent,
            "multiValueHeaders": {name: [value] for name, value in sent.items()},
            "queryStringParameters": {name: values[-1] for name, values in query.items()} if query else None,
            "multiValueQueryStringParameters": {name: list(values) for name, values in query.items()}
            if query
            else None,
            "pathParameters": dict(places) if places else None,
            "stageVariables": None,
            "requestContext": {
                "resourceId": "r1",
                "resourcePath": resource or path,
                "httpMethod": method,
                "path": f"/v1{path}",
                "stage": "v1",
                "protocol": "HTTP/1.1",
                "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
                "identity": {"sourceIp": "203.0.113.7", "userAgent": "test"},
                "apiId": "abc123",
            },
            "body": None
            if body is None
            else (base64.b64encode(body).decode() if packed else body.decode("utf-8")),
            "isBase64Encoded": packed,
        }
        got = app.app(json.loads(json.dumps(event)), types.SimpleNamespace(aws_request_id="l-1"))
        json.dumps(got)  # what a function answers must be JSON
        said = {**{name: values[0] for name, values in got["multiValueHeaders"].items()}, **got["headers"]}
        data = base64.b64decode(got["body"]) if got.get("isBase64Encoded") else (got["body"] or "").encode()
        return got["statusCode"], said, data


@pytest.fixture
def gateway(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    monkeypatch.setattr(wiring, "parts", lambda: parts)
    return Gateway()


@pytest.mark.parametrize("form", ["xml", "json"])
@pytest.mark.parametrize(
    ("path", "resource", "place"),
    [
        ("/open311/discovery.{}", "", ""),
        ("/open311/v2/discovery.{}", "", ""),
        ("/open311/v2/services.{}", "", ""),
        ("/open311/v2/services/lampu.{}", "/open311/v2/services/{service_file}", "service_file"),
        ("/open311/v2/requests.{}", "", ""),
        ("/open311/v2/requests/ID.{}", "/open311/v2/requests/{request_file}", "request_file"),
        ("/open311/v2/tokens/ID.{}", "/open311/v2/tokens/{token_file}", "token_file"),
        ("/open311/v2/servicerequestupdates.{}", "", ""),
        ("/open311/v2/services/none.{}", "/open311/v2/services/{service_file}", "service_file"),
    ],
)
def test_every_reading_call_answers_through_the_gateway_what_it_answers_elsewhere(
    gateway: Gateway,
    caller: Caller,
    filed: Callable[..., str],
    path: str,
    resource: str,
    place: str,
    form: str,
):
    path = path.format(form).replace("ID", filed())
    last = path.rpartition("/")[2]
    status, headers, body = gateway.ask(
        "GET",
        path,
        resource=resource,
        places={place: last} if place else None,
        headers={"Host": "lapor.test"},
    )
    direct = caller.call("GET", path)
    assert (status, body) == (direct.status, direct.body)
    assert {name: headers.get(name) for name in direct.headers} == dict(direct.headers)
    assert (
        headers["Content-Type"] == ("text/xml" if form == "xml" else "application/json") + "; charset=utf-8"
    )


def test_repeated_and_listed_parameters_both_arrive(gateway: Gateway, filed: Callable[..., str]):
    one, two, three = filed(), filed(), filed()
    for query in ({"service_request_id": [one, two]}, {"service_request_id": [f"{one},{two}"]}):
        status, _, body = gateway.ask("GET", "/open311/v2/requests.json", query=query)
        assert status == 200
        assert {each["service_request_id"] for each in json.loads(body)} == {one, two}
        assert three not in body.decode()


def test_a_plus_in_a_date_that_became_a_space_is_read(gateway: Gateway, filed: Callable[..., str]):
    # API Gateway decodes the query: `+07:00` that was not encoded arrives as ` 07:00`.
    report_id = filed()
    query = {"start_date": ["2026-11-23T00:00:00 07:00"], "end_date": ["2026-11-24T00:00:00 07:00"]}
    status, _, body = gateway.ask("GET", "/open311/v2/requests.json", query=query)
    assert (status, json.loads(body)[0]["service_request_id"]) == (200, report_id)


@pytest.mark.parametrize("form", ["xml", "json"])
def test_a_photo_arrives_byte_for_byte_and_attributes_as_often_as_they_were_sent(
    gateway: Gateway, parts: Parts, photo: Callable[..., bytes], form: str
):
    fields = [
        *{**GOOD, "service_code": "lampu"}.items(),
        ("attribute[tiang]", "T-7"),
        ("attribute[gejala]", "mati"),
        ("attribute[gejala]", "kedip"),
    ]
    body, kind = multipart(fields, {"photo1": photo(), "photo2": photo((9, 90, 9))})
    assert not body.isascii(), "this tests nothing when the body is text"
    status, headers, said = gateway.ask(
        "POST", f"/open311/v2/requests.{form}", headers={"Content-Type": kind["content-type"]}, body=body
    )
    assert status == 201, said
    assert headers["Content-Type"].startswith("text/xml" if form == "xml" else "application/json")
    report_id = (
        said.decode().split("<service_request_id>")[1].split("<")[0]
        if form == "xml"
        else json.loads(said)[0]["service_request_id"]
    )
    found = records.load(parts.door.table, read_id(report_id) or "")
    assert found is not None
    assert len(found[0].photos) == 2
    assert found[0].attributes == {"tiang": ("T-7",), "gejala": ("mati", "kedip")}


@pytest.mark.parametrize(
    "kind",
    [
        FORM,
        f"{FORM}; charset=utf-8",
        f"{FORM};charset=UTF-8",
        FORM.upper(),
        "application/X-WWW-form-urlencoded",
    ],
)
def test_a_form_is_read_however_its_type_is_written(gateway: Gateway, kind: str):
    body = urlencode({**GOOD, "description": "Lubang besar é\r\nbaris dua."}).encode()
    status, _, said = gateway.ask(
        "POST", "/open311/v2/requests.json", headers={"Content-Type": kind}, body=body
    )
    assert status == 201, said


@pytest.mark.parametrize("kind", ["", "text/plain", "application/json", "multipart/form-data", "nonsense"])
@pytest.mark.parametrize("form", ["xml", "json"])
def test_a_body_of_another_type_is_an_error_in_the_asked_format(gateway: Gateway, kind: str, form: str):
    status, headers, body = gateway.ask(
        "POST",
        f"/open311/v2/requests.{form}",
        headers={"Content-Type": kind} if kind else {},
        body=b"\x00\x01 x" if kind else None,
    )
    assert status == 400
    assert headers["Content-Type"].startswith("text/xml" if form == "xml" else "application/json")
    assert b"errors" in body if form == "xml" else json.loads(body)


def test_an_etag_that_comes_back_is_answered_without_a_body(gateway: Gateway, filed: Callable[..., str]):
    filed()
    _, headers, _ = gateway.ask("GET", "/open311/v2/requests.xml")
    status, again, body = gateway.ask(
        "GET", "/open311/v2/requests.xml", headers={"If-None-Match": headers["ETag"]}
    )
    assert (status, body, again["ETag"]) == (304, b"", headers["ETag"])
    assert again["Access-Control-Allow-Origin"] == "*"


def test_the_key_may_stand_in_the_query_and_its_rate_is_told(gateway: Gateway, key: Callable[..., str]):
    text = key(per_minute=1)
    sent: dict[str, Any] = {
        "query": {"api_key": [text]},
        "headers": {"Content-Type": FORM},
        "body": urlencode(GOOD).encode(),
    }
    status, headers, _ = gateway.ask("POST", "/open311/v2/requests.json", **sent)
    assert (status, headers["RateLimit-Limit"], headers["RateLimit-Remaining"]) == (201, "1", "0")
    status, headers, body = gateway.ask("POST", "/open311/v2/requests.xml", **sent)
    assert (status, headers["RateLimit-Remaining"]) == (429, "0")
    assert headers["Retry-After"] == headers["RateLimit-Reset"]
    assert b"<errors><error><code>429</code>" in body
