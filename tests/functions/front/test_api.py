"""The API, handler by handler, on a real table and folder; every answer is held against its declaration."""

from __future__ import annotations

import base64
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jsonschema
import pytest
from chalicelib import categories, intake, records
from chalicelib.front import api
from chalicelib.front.openapi import document
from chalicelib.front.operation import HTML_TYPE, JSON_TYPE, Parts, Request, Response
from chalicelib.front.problems import Problem
from chalicelib.report import broken_at, event_from, read_id
from chalicelib.settings import Settings
from chalicelib.storage.folder import FolderFiles
from chalicelib.storage.sqlite import SQLiteTable
from chalicelib.storage.table import Busy, Key, Put

import geo
from web.render import Renderer

from ..conftest import CIDENG, GAMBIR, Clock, Dice

FUNCTIONS = Path(__file__).resolve().parents[3] / "functions"
GOOD = {
    "category": "jalan",
    "description": "Lubang besar di lajur kiri.",
    "latitude": -6.17,
    "longitude": 106.83,
}
BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
BOUNDARY = "garis-batas"
TOO_SHORT = Problem("too_short", "description", {"least": 10, "length": 1})


@lru_cache(maxsize=1)
def declared() -> dict[str, Any]:
    """The OpenAPI document that the API hands out."""
    found: dict[str, Any] = json.loads(document(api.OPERATIONS))
    return found


@lru_cache(maxsize=1)
def pages() -> Renderer:
    locator = geo.default_locator()
    return Renderer.open(
        geo_build=geo.build_folder(),
        categories=list(categories.load().values()),
        approximate=locator.approximate,
        boundaries_version=locator.version,
        attribution="test",
    )


@dataclass
class Client:
    """Asks operations as a front door would, and checks that each answer is one that was declared."""

    parts: Parts

    def ask(
        self,
        name: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Response:
        request = Request(path or {}, query or {}, headers or {}, body)
        got = api.answer(self.parts, name, request)
        conforms(name, got)
        return got

    def post(self, value: Any, **headers: str) -> Response:
        """A report in JSON."""
        said = {"content-type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
        return self.ask("create_report", headers=said, body=json.dumps(value).encode())

    def form(
        self, fields: Mapping[str, Any], files: Mapping[str, bytes] | None = None, **headers: str
    ) -> Response:
        """A report as a browser sends the form without scripts."""
        said = {"content-type": f"multipart/form-data; boundary={BOUNDARY}", **BROWSER, **headers}
        return self.ask("create_report", headers=said, body=multipart(fields, files or {}))

    def get(self, report_id: str, **headers: str) -> Response:
        return self.ask(
            "get_report",
            path={"report_id": report_id},
            headers={k.replace("_", "-"): v for k, v in headers.items()},
        )


def conforms(name: str, got: Response) -> None:
    """The answer's status, content type and body are among those that its operation declares."""
    operation = api.BY_NAME[name]
    responses = declared()["paths"][operation.path][operation.method.lower()]["responses"]
    assert str(got.status) in responses, f"{name} answered {got.status}, which it does not declare"
    content = responses[str(got.status)].get("content", {})
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert "Cache-Control" in got.headers
    if not content:
        assert got.body == b""
        return
    kind = got.headers["Content-Type"].partition(";")[0]
    assert kind in content, f"{name} answered {got.status} with {kind}, which it does not declare"
    if kind == "application/json":
        schema = {**content[kind]["schema"], "components": declared()["components"]}
        jsonschema.Draft202012Validator(schema).validate(json.loads(got.body))


def multipart(fields: Mapping[str, Any], files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    for name, value in fields.items():
        out.write(
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        )
    for filename, data in files.items():
        out.write(
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="photo"; filename="{filename}"\r\n'
            "Content-Type: image/jpeg\r\n\r\n".encode()
        )
        out.write(data + b"\r\n")
    out.write(f"--{BOUNDARY}--\r\n".encode())
    return out.getvalue()


def codes(got: Response) -> list[tuple[str, str]]:
    return [(error["code"], error["field"]) for error in json.loads(got.body)["errors"]]


def messages(got: Response) -> str:
    return " ".join(error["message"] for error in json.loads(got.body)["errors"])


@pytest.fixture
def parts(door: intake.Door, site: FolderFiles, tmp_path: Path, clock: Clock) -> Parts:
    private = FolderFiles(
        tmp_path / "private", upload_secret=b"s" * 32, upload_url="/_local/uploads", now=clock.seconds
    )
    return Parts(
        settings=Settings(page_wait_ms=0, max_photo_bytes=2_000_000),
        door=replace(door, private=private),
        site=site,
        categories=categories.load(),
        renderer=pages,
        approximate=False,
    )


@pytest.fixture
def client(parts: Parts) -> Client:
    return Client(parts)


@pytest.fixture
def wanted(client: Client) -> Callable[..., dict[str, Any]]:
    """Sends a good report, with changes, and returns what was answered."""

    def send(**changes: Any) -> dict[str, Any]:
        got = client.post({**GOOD, **changes})
        assert got.status == 201, got.body
        answered: dict[str, Any] = json.loads(got.body)
        return answered

    return send


# Sending a report.


def test_a_report_in_json_answers_its_number_key_place_and_status_page(client: Client):
    got = client.post(GOOD)
    assert got.status == 201
    assert got.headers["Content-Type"] == JSON_TYPE
    assert got.headers["Cache-Control"] == "no-store"
    answered = json.loads(got.body)
    report_id = answered["id"]
    assert read_id(report_id) == report_id
    assert answered["number"] == f"{report_id[:4]}-{report_id[4:]}"
    assert re.fullmatch(r"([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}", answered["follow_key"])
    assert (answered["place"]["kode"], answered["place"]["kelurahan"]) == (GAMBIR, "Gambir")
    assert answered["status_url"] == f"/laporan/{report_id}/"
    assert (answered["private"], answered["repeated"]) == (False, False)
    assert records.load(client.parts.door.table, report_id) is not None


def test_the_status_page_is_named_with_the_address_of_the_site_where_that_is_set(parts: Parts):
    there = Client(replace(parts, settings=replace(parts.settings, site_url="https://warga.example")))
    answered = json.loads(there.post(GOOD).body)
    assert answered["status_url"] == f"https://warga.example/laporan/{answered['id']}/"


def test_the_same_report_may_come_as_json_as_a_form_or_with_photos(
    client: Client, photo: Callable[..., bytes]
):
    answers = [
        client.post(GOOD),
        client.ask(
            "create_report",
            headers={"content-type": "application/x-www-form-urlencoded; charset=UTF-8"},
            body=urlencode(GOOD).encode(),
        ),
        client.ask(
            "create_report",
            headers={"content-type": f"multipart/form-data; boundary={BOUNDARY}"},
            body=multipart(GOOD, {"a.jpg": photo()}),
        ),
    ]
    kept = []
    for got in answers:
        assert got.status == 201, got.body
        found = records.load(client.parts.door.table, json.loads(got.body)["id"])
        assert found is not None
        kept.append(found[0])
    assert {(it.category, it.description, it.longitude, it.latitude) for it in kept} == {
        ("jalan", GOOD["description"], GOOD["longitude"], GOOD["latitude"])
    }
    assert [len(it.photos) for it in kept] == [0, 0, 1]


def test_a_photo_may_stand_in_json_as_base64(client: Client, photo: Callable[..., bytes]):
    for text in (
        base64.b64encode(photo()).decode(),
        f"data:image/jpeg;base64,{base64.b64encode(photo()).decode()}",
    ):
        answered = json.loads(client.post({**GOOD, "photo": [text]}).body)
        shown = json.loads(client.get(answered["id"]).body)
        assert len(shown["photos"]) == 1


def test_everything_wrong_is_named_at_once(client: Client):
    got = client.post(
        {"category": "sihir", "description": "x", "latitude": "utara", "longitude": 500, "warna": 1}
    )
    assert got.status == 400
    assert set(codes(got)) == {
        ("not_a_choice", "category"),
        ("too_short", "description"),
        ("not_a_number", "latitude"),
        ("out_of_range", "longitude"),
        ("unknown_field", "warna"),
    }


def test_a_place_outside_jakarta_is_refused_with_what_to_do(client: Client):
    got = client.post({**GOOD, "latitude": -7.8, "longitude": 110.4}, accept_language="en")
    assert (got.status, codes(got)) == (400, [("outside_jakarta", "latitude")])
    assert "outside Jakarta" in messages(got)


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("", "id"),
        ("id", "id"),
        ("en-GB,en;q=0.9,id;q=0.3", "en"),
        ("de,fr;q=0.8", "id"),
        ("id;q=0.2,en;q=0.1", "id"),
        (";;;q=x, en;q=nonsense", "id"),
    ],
)
def test_messages_are_in_the_askers_language(client: Client, asked: str, language: str):
    got = client.post({**GOOD, "description": "x"}, accept_language=asked)
    assert messages(got) == TOO_SHORT.message(language)


@pytest.mark.parametrize("language", ["id", "en"])
def test_the_field_language_decides_the_language_of_a_form_that_comes_back(client: Client, language: str):
    got = client.form({**GOOD, "description": "x", "language": language, "form": "html"})
    assert got.status == 400
    assert f'<html lang="{language}"' in got.body.decode()


@pytest.mark.parametrize("language", ["id", "en"])
def test_the_field_language_decides_the_language_of_messages_in_json(client: Client, language: str):
    got = client.post({**GOOD, "description": "x", "language": language})
    assert messages(got) == TOO_SHORT.message(language)
    assert TOO_SHORT.message("id") != TOO_SHORT.message("en")


# The plain form.


def test_a_plain_form_is_sent_to_the_status_page_with_its_key_in_a_cookie(client: Client):
    got = client.form({**GOOD, "form": "html", "language": "id"})
    assert got.status == 303
    assert got.body == b""
    match = re.fullmatch(r"/laporan/([0-9A-Z]{8})/", got.headers["Location"])
    assert match
    cookie = got.headers["Set-Cookie"]
    assert cookie.startswith(f"kunci_{match[1]}=")
    for part in (f"Path=/api/reports/{match[1]}", "HttpOnly", "SameSite=Lax", "Max-Age=2592000"):
        assert part in cookie
    assert "Secure" not in cookie


def test_the_cookie_is_secure_and_the_way_absolute_where_the_site_has_an_address(parts: Parts):
    there = Client(replace(parts, settings=replace(parts.settings, site_url="https://warga.example")))
    got = there.form({**GOOD, "form": "html", "language": "en"})
    assert re.fullmatch(r"https://warga\.example/en/laporan/[0-9A-Z]{8}/", got.headers["Location"])
    assert got.headers["Set-Cookie"].endswith("; Secure")


def test_a_plain_form_waits_for_its_page_no_longer_than_set(parts: Parts):
    naps: list[float] = []
    waiting = replace(parts, settings=replace(parts.settings, page_wait_ms=1000), sleep=naps.append)
    assert Client(waiting).form({**GOOD, "form": "html"}).status == 303
    assert sum(naps) == pytest.approx(1.0)


def test_a_plain_form_goes_on_as_soon_as_its_page_is_there(parts: Parts, site: FolderFiles):
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        report_id = next(iter(parts.door.table.query(f"list#public#open#{GAMBIR}").items)).body["id"]
        site.put(f"laporan/{report_id}/index.html", b"there")

    waiting = replace(parts, settings=replace(parts.settings, page_wait_ms=10_000), sleep=nap)
    assert Client(waiting).form({**GOOD, "form": "html"}).status == 303
    assert len(naps) == 1


def test_a_private_report_by_form_leads_to_the_receipt_not_to_a_page_that_is_not_public(client: Client):
    got = client.form({**GOOD, "form": "html", "private": "true"})
    assert re.fullmatch(r"/api/reports/[0-9A-Z]{8}/receipt", got.headers["Location"])


def test_a_form_with_errors_comes_back_with_what_was_typed_and_what_is_wrong(client: Client):
    typed = {
        "category": "sampah",
        "description": "pendek",
        "latitude": "-6.17",
        "longitude": "106.83",
        "landmark": "Depan warung Bu Siti",
        "contact_email": "bukan surel",
        "language": "id",
        "form": "html",
    }
    got = client.form(typed)
    page = got.body.decode()
    assert got.status == 400
    assert got.headers["Content-Type"] == HTML_TYPE
    assert 'value="Depan warung Bu Siti"' in page
    assert ">\npendek</textarea>" in page
    assert 'value="-6.17"' in page
    assert re.search(r'value="sampah" required checked', page)
    assert 'href="#description"' in page
    assert 'href="#contact_email"' in page


def test_what_was_typed_comes_back_escaped(client: Client):
    evil = '"><script>alert(1)</script><textarea>'
    got = client.form({**GOOD, "description": "x", "landmark": evil, "category": evil, "form": "html"})
    page = got.body.decode()
    assert got.status == 400
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_names_of_unknown_fields_come_back_escaped(client: Client):
    got = client.form({**GOOD, "<b>warna</b>": "x", "form": "html"})
    assert got.status == 400
    assert "<b>warna" not in got.body.decode()


def test_a_form_outside_jakarta_says_so_on_the_page(client: Client):
    got = client.form({**GOOD, "latitude": "-7.8", "longitude": "110.4", "form": "html", "language": "en"})
    assert got.status == 400
    assert "outside Jakarta" in got.body.decode()


def test_empty_file_fields_as_browsers_send_them_are_no_photos(client: Client):
    got = client.form({**GOOD, "form": "html"}, {"": b""})
    assert got.status == 303


def test_a_script_that_sends_the_form_gets_json(client: Client, photo: Callable[..., bytes]):
    body = multipart({**GOOD, "language": "en"}, {"foto-1.jpg": photo()})
    got = client.ask(
        "create_report",
        headers={
            "content-type": f"multipart/form-data; boundary={BOUNDARY}",
            "accept": "application/json",
            "idempotency-key": "0f8fad5b-d9cb-469f-a165-70867728950e",
        },
        body=body,
    )
    assert got.status == 201


# What cannot be read.


@pytest.mark.parametrize("headers", [{}, BROWSER], ids=["program", "browser"])
@pytest.mark.parametrize(
    ("content_type", "body", "status", "code"),
    [
        ("text/plain", b"hello", 415, "content_type"),
        ("", b"", 415, "content_type"),
        ("application/json", b"{", 400, "body_unreadable"),
        ("application/json", b"[]", 400, "body_unreadable"),
        ("application/json", b"\xff\xfe", 400, "body_unreadable"),
        ("application/json", b"[" * 100_000, 400, "body_unreadable"),
        ("application/x-www-form-urlencoded", b"description=%ff%fe", 400, "body_unreadable"),
        ("application/x-www-form-urlencoded", b"a=1&" * 200, 400, "body_unreadable"),
        ("multipart/form-data", b"--x\r\n", 400, "body_unreadable"),
        ("multipart/form-data; boundary=x", b"nothing of the kind", 400, "body_unreadable"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nno header\r\n--x--", 400, "body_unreadable"),
        ("application/json", b" " * 4_500_001, 413, "body_too_large"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_for_what_is_wrong_with_it(
    client: Client, headers: dict[str, str], content_type: str, body: bytes, status: int, code: str
):
    got = client.ask("create_report", headers={"content-type": content_type, **headers}, body=body)
    assert got.status == status
    if got.headers["Content-Type"] == JSON_TYPE:
        assert [each for each, _ in codes(got)] == [code]
    else:
        assert headers is BROWSER
        assert 'class="alert summary"' in got.body.decode()


def test_too_many_photos_are_refused(client: Client, photo: Callable[..., bytes]):
    many = {f"{n}.jpg": photo((n * 20, 90, 60)) for n in range(4)}
    got = client.ask(
        "create_report",
        headers={"content-type": f"multipart/form-data; boundary={BOUNDARY}"},
        body=multipart(GOOD, many),
    )
    assert (got.status, codes(got)) == (400, [("photo_too_many", "photo")])


def test_a_file_that_is_no_photo_is_refused_by_its_number(client: Client, photo: Callable[..., bytes]):
    got = client.ask(
        "create_report",
        headers={"content-type": f"multipart/form-data; boundary={BOUNDARY}", "accept-language": "en"},
        body=multipart(GOOD, {"a.jpg": photo(), "b.jpg": b"MZ this is a program"}),
    )
    assert (got.status, codes(got)) == (400, [("photo_not_a_photo", "photo")])
    assert "Photo 2" in messages(got)


# The same key, the same report.


def test_the_same_idempotency_key_answers_the_same_report(client: Client):
    first = json.loads(client.post(GOOD, idempotency_key="kunci-milik-klien").body)
    again = client.post(GOOD, idempotency_key="kunci-milik-klien")
    assert again.status == 201
    second = json.loads(again.body)
    assert second == {**first, "repeated": True}


def test_the_same_key_with_a_different_report_is_refused(client: Client):
    client.post(GOOD, idempotency_key="kunci-milik-klien")
    got = client.post(
        {**GOOD, "description": "Sesuatu yang lain sama sekali."}, idempotency_key="kunci-milik-klien"
    )
    assert (got.status, codes(got)) == (422, [("idempotency_reused", "Idempotency-Key")])


def test_after_seven_days_a_key_is_new_again(client: Client, clock: Clock):
    first = json.loads(client.post(GOOD, idempotency_key="kunci-milik-klien").body)
    clock.later(days=7, seconds=1)
    second = json.loads(client.post(GOOD, idempotency_key="kunci-milik-klien").body)
    assert second["id"] != first["id"]
    assert not second["repeated"]


@pytest.mark.parametrize("key", ["short", "spaces in it", "x" * 129, "ümlaut-key", "../../etc"])
def test_an_idempotency_key_that_is_none_is_refused(client: Client, key: str):
    got = client.post(GOOD, idempotency_key=key)
    assert (got.status, codes(got)) == (400, [("idempotency_key", "Idempotency-Key")])


# When the table is too busy.


class BusyTable:
    """A table that takes nothing just now."""

    def __getattr__(self, _name: str) -> Any:
        def busy(*_args: Any, **_more: Any) -> Any:
            raise Busy("throttled")

        return busy


@pytest.fixture
def busy(parts: Parts) -> Client:
    return Client(replace(parts, door=replace(parts.door, table=BusyTable())))  # type: ignore[arg-type]


def test_too_busy_is_said_with_when_to_try_again(busy: Client):
    got = busy.post(GOOD, accept_language="en")
    assert (got.status, codes(got)) == (503, [("busy", "")])
    assert got.headers["Retry-After"] == "60"
    assert "nothing was lost" in messages(got)


def test_a_form_that_met_a_busy_table_comes_back_with_its_input(busy: Client):
    got = busy.form({**GOOD, "landmark": "Depan warung Bu Siti", "form": "html", "language": "id"})
    assert got.status == 503
    assert got.headers["Content-Type"] == HTML_TYPE
    assert got.headers["Retry-After"] == "60"
    assert "Depan warung Bu Siti" in got.body.decode()


@pytest.mark.parametrize("name", ["get_report", "show_receipt"])
def test_reading_from_a_busy_table_says_so(busy: Client, name: str):
    got = busy.ask(name, path={"report_id": "7K3M9QX2"}, headers={"cookie": "kunci_7K3M9QX2=AAAA"})
    assert got.status == 503
    assert got.headers["Retry-After"] == "60"


def test_finding_in_a_busy_table_says_so_on_a_page(busy: Client):
    got = busy.ask("find_report", query={"id": "7K3M9QX2"}, headers=BROWSER)
    assert got.status == 503
    assert got.headers["Content-Type"] == HTML_TYPE


def test_health_tells_of_a_busy_table(busy: Client):
    got = busy.ask("health")
    assert got.status == 503
    assert json.loads(got.body)["status"] == "busy"


# Reading a report.


def test_a_report_is_read_with_its_whole_history(client: Client, wanted: Callable[..., dict[str, Any]]):
    sent = wanted(landmark="Depan halte")
    got = client.get(sent["id"])
    assert got.status == 200
    shown = json.loads(got.body)
    assert shown["number"] == sent["number"]
    assert shown["state"] == {"code": "waiting", "name": "Menunggu", "open311": "open"}
    assert shown["place"] == sent["place"]
    events = [event_from({k: v for k, v in each.items() if k != "version"}) for each in shown["history"]]
    assert broken_at(events) is None


@pytest.mark.parametrize("write", [str.lower, lambda c: f"{c[:4]}-{c[4:]}", lambda c: f" {c[:4]} {c[4:]} "])
def test_a_number_is_read_however_people_write_it(
    client: Client, wanted: Callable[..., dict[str, Any]], write: Callable[[str], str]
):
    sent = wanted()
    assert json.loads(client.get(write(sent["id"])).body)["id"] == sent["id"]


@pytest.mark.parametrize("text", ["", "x", "7K3M9QXU", "7K3M9QX2AAAAAAAAAAAAAAAA", "../../../etc", "%00"])
def test_what_is_no_number_is_refused_as_such(client: Client, text: str):
    got = client.get(text)
    assert (got.status, codes(got)) == (400, [("report_id", "report_id")])


def test_an_unknown_number_is_not_found(client: Client):
    got = client.get("7K3M9QX2")
    assert (got.status, codes(got)) == (404, [("report_unknown", "id")])
    assert "7K3M-9QX2" in messages(got)


def test_nothing_of_the_reporter_is_shown(client: Client, wanted: Callable[..., dict[str, Any]]):
    sent = wanted(
        contact_email="warga@contoh.id",
        contact_phone="+62 812-3456-7890",
        description="Hubungi saya di 0812 3456 7890 atau warga@contoh.id, NIK 3171012345678901.",
    )
    text = client.get(sent["id"]).body.decode()
    for secret in (
        "contoh.id",
        "3456",
        "7890",
        "3171012345678901",
        sent["follow_key"],
        "follow_hash",
        "original_salt",
    ):
        assert secret not in text


@pytest.mark.parametrize("key", ["", "AAAA-BBBB-CCCC-DDDD", "x" * 65, "ü"])
def test_a_private_report_is_unknown_to_those_without_its_key(
    client: Client, wanted: Callable[..., dict[str, Any]], key: str
):
    sent = wanted(private=True)
    got = client.get(sent["id"], follow_key=key)
    assert (got.status, codes(got)) == (404, [("report_unknown", "id")])


def test_a_private_report_opens_with_its_key_however_it_is_typed(
    client: Client, wanted: Callable[..., dict[str, Any]]
):
    sent = wanted(private=True)
    for typed in (sent["follow_key"], sent["follow_key"].lower(), sent["follow_key"].replace("-", "")):
        got = client.get(sent["id"], follow_key=typed)
        assert got.status == 200
        assert got.headers["Cache-Control"] == "private, no-store"


def test_the_key_of_one_report_does_not_open_another(client: Client, wanted: Callable[..., dict[str, Any]]):
    mine, other = wanted(private=True), wanted(private=True)
    assert client.get(other["id"], follow_key=mine["follow_key"]).status == 404


# Receipts.


def sent_by_form(client: Client, **changes: str) -> tuple[str, str]:
    got = client.form({**GOOD, "form": "html", **changes})
    name, _, value = got.headers["Set-Cookie"].partition(";")[0].partition("=")
    return name.removeprefix("kunci_"), value


def test_the_browser_that_sent_a_report_sees_its_key(client: Client):
    report_id, key = sent_by_form(client)
    got = client.ask(
        "show_receipt", path={"report_id": report_id}, headers={"cookie": f"a=b; kunci_{report_id}={key}"}
    )
    assert got.status == 200
    assert got.headers["Cache-Control"] == "private, no-store"
    page = got.body.decode()
    assert key in page
    assert f"{report_id[:4]}-{report_id[4:]}" in page
    assert "Gambir" in page


@pytest.mark.parametrize(
    ("sent", "asked", "shown"),
    [("en", None, "en"), ("id", None, "id"), ("en", "id", "id"), ("id", "xx", "id")],
)
def test_a_receipt_is_in_the_language_of_the_report_unless_asked_otherwise(
    client: Client, sent: str, asked: str | None, shown: str
):
    report_id, key = sent_by_form(client, language=sent)
    got = client.ask(
        "show_receipt",
        path={"report_id": report_id},
        query={"language": asked} if asked else {},
        headers={"cookie": f"kunci_{report_id}={key}"},
    )
    assert f'<html lang="{shown}"' in got.body.decode()


@pytest.mark.parametrize(
    "cookie", ["", "kunci_{id}=", "kunci_{id}=AAAA-AAAA-AAAA-AAAA", "\x00;=;;=", 'kunci_{id}="\\']
)
@pytest.mark.parametrize("headers", [{}, BROWSER], ids=["program", "browser"])
def test_another_browser_sees_no_key(client: Client, cookie: str, headers: dict[str, str]):
    report_id, key = sent_by_form(client)
    got = client.ask(
        "show_receipt",
        path={"report_id": report_id},
        headers={"cookie": cookie.replace("{id}", report_id), **headers},
    )
    assert got.status == 404
    assert key.encode() not in got.body


# Finding a report by its number.


@pytest.mark.parametrize(("language", "root"), [("id", ""), ("en", "/en")])
def test_finding_sends_to_the_status_page_in_the_readers_language(
    client: Client, wanted: Callable[..., dict[str, Any]], language: str, root: str
):
    sent = wanted()
    got = client.ask("find_report", query={"id": sent["number"].lower(), "language": language})
    assert got.status == 303
    assert got.headers["Location"] == f"{root}/laporan/{sent['id']}/"


def test_finding_a_private_report_finds_nothing(client: Client, wanted: Callable[..., dict[str, Any]]):
    sent = wanted(private=True)
    assert client.ask("find_report", query={"id": sent["id"]}).status == 404


@pytest.mark.parametrize(
    ("query", "status"),
    [({}, 400), ({"q": " ?! "}, 400), ({"id": "apa ini?"}, 404), ({"q": "7K3M9QX2"}, 404)],
)
def test_what_is_not_found_is_said_to_people_on_a_page_and_to_programs_in_json(
    client: Client, query: dict[str, str], status: int
):
    page = client.ask("find_report", query={**query, "language": "en"}, headers=BROWSER)
    assert page.status == status
    assert 'role="alert"' in page.body.decode()
    assert '<html lang="en"' in page.body.decode()
    data = client.ask("find_report", query=query)
    assert data.status == status
    assert data.headers["Content-Type"] == JSON_TYPE


def test_a_name_that_several_places_have_lists_them_the_larger_first(client: Client):
    got = client.ask("find_report", query={"q": "gambir"})
    found = json.loads(got.body)["found"]
    assert [(each["kind"], each["kode"], each["url"]) for each in found[:2]] == [
        ("kecamatan", "31.71.01", "/kecamatan/31.71.01/"),
        ("kelurahan", "31.71.01.1001", "/kelurahan/31.71.01.1001/"),
    ]
    page = client.ask("find_report", query={"q": "gambir", "language": "en"}, headers=BROWSER)
    assert page.status == 200
    assert '<a href="/en/kecamatan/31.71.01/"><b>Gambir</b></a>' in page.body.decode()
    assert 'value="gambir"' in page.body.decode()


@pytest.mark.parametrize(
    ("typed", "where"),
    [
        ("jakarta barat", "/kota/31.73/"),
        ("KEBON KELAPA", "/kelurahan/31.71.01.1005/"),
        ("kelapa kebo", "/kelurahan/31.71.01.1005/"),
        ("Jelambar", "/kelurahan/31.73.02.1004/"),
    ],
)
def test_a_name_that_one_place_has_leads_there_also_when_it_could_be_a_number(
    client: Client, typed: str, where: str
):
    city = replace(client.parts.door, locator=geo.default_locator())
    got = Client(replace(client.parts, door=city)).ask("find_report", query={"q": typed})
    assert (got.status, got.headers["Location"]) == (303, where)


def test_a_landmark_leads_to_its_kelurahan(client: Client):
    body = {"name": "Halte Contoh", "longitude": 106.8272, "latitude": -6.1754, "reports": 2}
    client.parts.door.table.transact([Put(records.landmarks_key("31.71.01.1001"), {"landmarks": [body]})])
    got = client.ask("find_report", query={"q": "halte con"})
    assert got.headers["Location"] == "/kelurahan/31.71.01.1001/"


def test_nothing_found_says_so_and_a_number_that_nobody_has_is_named_as_one(client: Client):
    assert codes(client.ask("find_report", query={"q": "Tidak Ada"})) == [("find_nothing", "q")]
    assert codes(client.ask("find_report", query={"q": "7k3m-9qx2"})) == [("report_unknown", "q")]
    assert codes(client.ask("find_report", query={"q": "x" * 5000})) == [("find_nothing", "q")]


def test_what_was_typed_to_find_comes_back_escaped(client: Client):
    got = client.ask("find_report", query={"id": '"><script>x()</script>'}, headers=BROWSER)
    assert "<script>x" not in got.body.decode()


# Where a position is.


def test_a_position_is_answered_with_its_kelurahan(client: Client):
    got = client.ask("locate", query={"latitude": "-6.17", "longitude": "106.83"})
    assert got.status == 200
    place = json.loads(got.body)["place"]
    assert place["kode"] == GAMBIR
    assert place["kecamatan"] == "Gambir"
    assert (place["method"], place["probability"], place["runner_up"]) == ("inside", 1.0, None)
    assert json.loads(got.body)["boundaries"] == {"version": "test", "approximate": False}


def test_a_doubtful_position_names_the_other_kelurahan(client: Client):
    got = client.ask("locate", query={"latitude": "-6.17", "longitude": "106.8201", "accuracy": "50"})
    place = json.loads(got.body)["place"]
    assert place["probability"] == 0.6
    assert place["runner_up"] == {
        "kode": CIDENG,
        "kelurahan": "Cideng",
        "kecamatan": "Gambir",
        "kota": "Jakarta Pusat",
    }


def test_outside_jakarta_there_is_no_place(client: Client):
    got = client.ask("locate", query={"latitude": "-7.8", "longitude": "110.4"})
    assert got.status == 200
    assert json.loads(got.body)["place"] is None


def test_a_decimal_comma_is_understood(client: Client):
    got = client.ask("locate", query={"latitude": "-6,17", "longitude": "106,83"})
    assert json.loads(got.body)["place"]["kode"] == GAMBIR


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, [("missing", "latitude"), ("missing", "longitude")]),
        ({"latitude": "", "longitude": "106.8"}, [("missing", "latitude")]),
        ({"latitude": "utara", "longitude": "106.8"}, [("not_a_number", "latitude")]),
        ({"latitude": "nan", "longitude": "106.8"}, [("not_a_number", "latitude")]),
        ({"latitude": "-6.2", "longitude": "inf"}, [("not_a_number", "longitude")]),
        ({"latitude": "-6.2", "longitude": "1e999"}, [("not_a_number", "longitude")]),
        ({"latitude": "-6.2", "longitude": "180.1"}, [("out_of_range", "longitude")]),
        (
            {"latitude": "-91", "longitude": "200"},
            [("out_of_range", "latitude"), ("out_of_range", "longitude")],
        ),
        ({"latitude": "106.8", "longitude": "-6.2"}, [("position_swapped", "latitude")]),
        ({"latitude": "-6.2", "longitude": "106.8", "accuracy": "-1"}, [("out_of_range", "accuracy")]),
        ({"latitude": "-6.2", "longitude": "106.8", "accuracy": "100001"}, [("out_of_range", "accuracy")]),
        ({"latitude": "-6.2", "longitude": "106.8", "accuracy": "dekat"}, [("not_a_number", "accuracy")]),
    ],
)
def test_a_position_that_is_none_is_refused_for_what_is_wrong(
    client: Client, query: dict[str, str], expected: list[tuple[str, str]]
):
    got = client.ask("locate", query=query)
    assert (got.status, sorted(codes(got))) == (400, sorted(expected))


# Large photos.


def test_a_large_photo_goes_by_a_ticket_and_is_used_once(
    client: Client, photo: Callable[..., bytes], clock: Clock
):
    got = client.ask(
        "create_upload", headers={"content-type": "application/json"}, body=b'{"content_type": "image/jpeg"}'
    )
    assert got.status == 201
    ticket = json.loads(got.body)
    assert ticket["max_bytes"] == 2_000_000
    private = client.parts.door.private
    assert isinstance(private, FolderFiles)
    private.receive_upload(ticket["fields"], photo(), now=clock())
    sent = client.post({**GOOD, "photo": [ticket["key"]]})
    assert sent.status == 201
    shown = json.loads(client.get(json.loads(sent.body)["id"]).body)
    assert len(shown["photos"]) == 1
    assert list(private.list("uploads/")) == []
    again = client.post({**GOOD, "photo": ticket["key"]})
    assert (again.status, codes(again)) == (400, [("upload_unknown", "photo")])


def test_a_photo_that_never_arrived_is_named(client: Client):
    got = client.post({**GOOD, "photo": ["upload:" + "a" * 32]})
    assert (got.status, codes(got)) == (400, [("upload_unknown", "photo")])


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{}", 400),
        ("application/json", b'{"content_type": "image/gif"}', 400),
        ("application/json", b'{"content_type": ["image/jpeg"]}', 400),
        ("application/json", b'{"content_type": null}', 400),
        ("application/x-www-form-urlencoded", b"content_type=text/html", 400),
        ("application/x-www-form-urlencoded", b"content_type=image/png&content_type=image/png", 400),
        ("application/json", b" " * 10_001, 413),
        ("image/jpeg", b"\xff\xd8\xff", 415),
    ],
)
def test_only_photos_get_a_ticket(client: Client, content_type: str, body: bytes, status: int):
    got = client.ask("create_upload", headers={"content-type": content_type}, body=body)
    assert got.status == status


def test_a_form_may_ask_for_a_ticket(client: Client):
    got = client.ask(
        "create_upload",
        headers={"content-type": "application/x-www-form-urlencoded"},
        body=b"content_type=image%2Fwebp",
    )
    assert got.status == 201
    assert json.loads(got.body)["fields"]["Content-Type"] == "image/webp"


# The rest.


def test_health_names_the_boundaries(client: Client):
    got = client.ask("health")
    assert json.loads(got.body) == {"status": "ok", "boundaries": {"version": "test", "approximate": False}}


def test_health_says_when_boundaries_are_approximate(parts: Parts):
    got = Client(replace(parts, approximate=True)).ask("health")
    assert json.loads(got.body)["boundaries"]["approximate"] is True


def test_categories_are_listed_in_the_order_of_the_form(client: Client):
    listed = json.loads(client.ask("list_categories").body)["categories"]
    assert [row["code"] for row in listed] == list(categories.load())
    assert all(row["name"]["id"] and row["name"]["en"] and row["icon"] for row in listed)


def test_answers_that_hold_secrets_are_never_cached(client: Client, wanted: Callable[..., dict[str, Any]]):
    assert client.post(GOOD).headers["Cache-Control"] == "no-store"
    assert client.form({**GOOD, "form": "html"}).headers["Cache-Control"] == "no-store"


def test_a_fault_of_ours_is_raised_not_hidden(parts: Parts):
    def broken() -> Renderer:
        raise OSError("the templates are gone")

    with pytest.raises(OSError, match="templates"):
        api.answer(
            replace(parts, renderer=broken), "find_report", Request(query={"id": "?"}, headers=dict(BROWSER))
        )


# The front door.


def test_the_front_door_has_a_route_for_every_operation_and_no_other():
    import app

    routes = {(method, path) for path, methods in app.app.routes.items() for method in methods}
    assert routes == {(operation.method, operation.path) for operation in api.OPERATIONS}
    for operation in api.OPERATIONS:
        entry = app.app.routes[operation.path][operation.method]
        assert entry.view_name == operation.name


def test_importing_the_front_door_calls_no_cloud_and_loads_nothing_heavy(tmp_path: Path):
    heavy = [
        "boto3",
        "botocore",
        "shapely",
        "numpy",
        "PIL",
        "phonenumbers",
        "email_validator",
        "jinja2",
        "geojson",
    ]
    code = (
        "import socket, sys\n"
        "def refuse(*_args, **_more): raise AssertionError('it wants the network')\n"
        "socket.socket.connect = refuse; socket.getaddrinfo = refuse\n"
        "import app\n"
        f"print([name for name in {heavy!r} if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{FUNCTIONS}:{FUNCTIONS.parent}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
    assert list(tmp_path.iterdir()) == []


def test_asking_for_a_place_loads_neither_shapely_nor_numpy_nor_pages(tmp_path: Path):
    heavy = ["shapely", "numpy", "PIL", "jinja2", "boto3", "phonenumbers"]
    code = (
        "import sys\nfrom chalicelib import wiring\nfrom chalicelib.front import api\n"
        "from chalicelib.front.operation import Request\n"
        "query = {'latitude': '-6.17', 'longitude': '106.83'}\n"
        "assert api.answer(wiring.parts(), 'locate', Request(query=query)).status == 200\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={
            "PYTHONPATH": f"{FUNCTIONS}:{FUNCTIONS.parent}",
            "DATA_DIR": str(tmp_path),
            "GEO_BUILD": str(geo.build_folder()),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_two_reports_are_two_reports(wanted: Callable[..., dict[str, Any]], table: SQLiteTable, dice: Dice):
    assert wanted()["id"] != wanted()["id"]
    assert records.counts(table) == {GAMBIR: {"waiting": 2}}
    assert table.get(Key("counts", GAMBIR)) is not None


def test_a_private_report_sent_by_a_script_opens_to_its_browser_and_has_no_public_page(parts: Parts) -> None:
    sent = json.dumps({**GOOD, "private": True}).encode()
    got = api.answer(parts, "create_report", Request(headers={"content-type": "application/json"}, body=sent))
    told = json.loads(got.body)
    assert told["status_url"] == f"/api/reports/{told['id']}/page"
    cookie = got.headers["Set-Cookie"].partition(";")[0]
    for name in ("show_own", "show_receipt"):
        asked = Request(path={"report_id": told["id"]}, headers={"cookie": cookie, "accept": "text/html"})
        page = api.answer(parts, name, asked)
        assert page.status == 200, name
        assert f"/laporan/{told['id']}/" not in page.body.decode(), name
