"""The whole on one machine, as a process: what it serves, how it refuses, how it begins and how it ends."""

from __future__ import annotations

import gzip
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from defusedxml import ElementTree

import geo
from tests.running import PATIENCE_S, ROOT, Reply, Running, ask, command, eventually, free_port, surroundings

Start = Callable[..., Running]
GAMBIR = "31.71.01.1001"
MONAS = {"longitude": 106.8272, "latitude": -6.1754}
ATOM = "{http://www.w3.org/2005/Atom}"


def somewhere(kode: str = GAMBIR) -> dict[str, float]:
    """A position in a kelurahan, with real and with approximate boundaries."""
    middle = geo.default_locator().by_kode[kode]
    return {"longitude": middle.longitude, "latitude": middle.latitude}


def report(**changes: Any) -> dict[str, Any]:
    return {"category": "jalan", "description": "Lubang besar di lajur kiri.", **somewhere(), **changes}


def page(server: Running, path: str) -> Reply | None:
    """The page once it is there."""
    got = server.get(path)
    return got if got.status == 200 else None


def active(server: Running, kode: str, report_id: str) -> dict[str, Any] | None:
    got = server.get(f"/data/aktif/{kode}.json")
    return got.json if got.status == 200 and report_id in got.json["columns"]["id"] else None


def everywhere(server: Running, kode: str, report_id: str) -> None:
    """The report is on its page, on its kelurahan's page, in feed, GeoJSON and active file, in both languages."""
    for root in ("", "/en"):
        status = eventually(lambda root=root: page(server, f"{root}/laporan/{report_id}/"), "the status page")
        assert f"{report_id[:4]}-{report_id[4:]}" in status.text
    shown = eventually(lambda: active(server, kode, report_id), "the active file")
    assert shown["kode"] == kode

    def holds(path: str) -> Reply | None:
        got = server.get(path)
        return got if report_id in got.text else None

    for root in ("", "/en"):
        eventually(lambda root=root: holds(f"{root}/kelurahan/{kode}/"), "the kelurahan's page")
    feed = ElementTree.fromstring(eventually(lambda: holds(f"/kelurahan/{kode}/feed.xml"), "the feed").body)
    links = [link.get("href", "") for link in feed.iter(f"{ATOM}link")]
    assert any(link.endswith(f"/laporan/{report_id}/") for link in links)
    features = eventually(lambda: holds(f"/kelurahan/{kode}/laporan.geojson"), "the GeoJSON").json["features"]
    assert report_id in [feature["id"] for feature in features]

    eventually(lambda: sum(server.get("/data/ringkas.json").json["kelurahan"][kode]), "the counts")


# What it serves.


@pytest.mark.polygons
def test_a_report_at_monas_is_gambirs_and_soon_everywhere(server: Running):
    if geo.default_locator().approximate:
        pytest.skip("the boundaries of this machine are approximate: real ones are needed")
    got = server.post("/api/reports", report(**MONAS))
    assert got.status == 201
    place = got.json["place"]
    assert (place["kode"], place["kelurahan"], place["method"]) == (GAMBIR, "Gambir", "inside")
    everywhere(server, GAMBIR, got.json["id"])


def test_a_report_is_soon_on_every_page_that_shows_it(server: Running):
    kode = "31.74.04.1001"
    got = server.post("/api/reports", report(**somewhere(kode)))
    assert (got.status, got.json["place"]["kode"]) == (201, kode)
    everywhere(server, kode, got.json["id"])


def test_a_private_report_is_nowhere_on_the_site(server: Running):
    kode = "31.74.04.1002"
    hidden = server.post("/api/reports", report(**somewhere(kode), private=True)).json
    shown = server.post("/api/reports", report(**somewhere(kode))).json
    everywhere(server, kode, shown["id"])
    for path in (
        f"/laporan/{hidden['id']}/",
        f"/laporan/{hidden['id']}.json",
        f"/en/laporan/{hidden['id']}/",
    ):
        assert server.get(path).status == 404
    for path in (f"/data/aktif/{kode}.json", f"/kelurahan/{kode}/", f"/kelurahan/{kode}/feed.xml"):
        assert hidden["id"] not in server.get(path).text
    assert server.get(f"/api/reports/{hidden['id']}").status == 404
    opened = server.get(f"/api/reports/{hidden['id']}", Follow_Key=hidden["follow_key"])
    assert opened.json["id"] == hidden["id"]


def test_the_data_of_a_report_on_the_site_is_what_the_api_answers(server: Running):
    sent = server.post("/api/reports", report()).json
    published = eventually(lambda: page(server, f"/laporan/{sent['id']}.json"), "the data")
    assert published.json == server.get(f"/api/reports/{sent['id']}").json


def test_a_large_photo_goes_the_way_of_a_ticket_and_loses_what_it_tells(server: Running, jpeg: bytes):
    ticket = server.post("/api/uploads", {"content_type": "image/jpeg"}).json
    assert upload(server, ticket, jpeg).status == 204
    sent = server.post("/api/reports", report(photo=[ticket["key"]]))
    assert sent.status == 201
    eventually(lambda: page(server, f"/laporan/{sent.json['id']}/"), "the status page")
    shown = server.get(f"/laporan/{sent.json['id']}.json").json["photos"]
    assert len(shown) == 1
    for url in (shown[0]["url"], shown[0]["thumb_url"]):
        got = server.get(url)
        assert (got.status, got.headers["content-type"]) == (200, "image/jpeg")
        assert b"Exif" not in got.body
        assert b"RahasiaKamera" not in got.body


@pytest.mark.parametrize("change", ["token", "key", "type", "file", "big"])
def test_an_upload_that_is_not_what_its_ticket_says_is_refused(server: Running, jpeg: bytes, change: str):
    ticket = server.post("/api/uploads", {"content_type": "image/jpeg"}).json
    fields = dict(ticket["fields"])
    data = jpeg
    if change == "token":
        fields["token"] = fields["token"][:-2] + ("AA" if fields["token"][-2:] != "AA" else "BB")
    elif change == "key":
        fields["key"] = "uploads/" + "0" * 32
    elif change == "type":
        fields["Content-Type"] = "text/html"
    elif change == "file":
        data = b""
    else:
        data = b"\0" * (ticket["max_bytes"] + 1)
    got = upload(server, {**ticket, "fields": fields}, data)
    assert got.status == 403
    assert got.codes == ["upload_unknown"]


def test_an_upload_that_is_no_form_is_refused(server: Running):
    got = ask(
        f"{server.url}/_local/uploads",
        method="POST",
        body=b"x",
        headers={"Content-Type": "multipart/form-data; boundary=y"},
    )
    assert (got.status, got.codes) == (400, ["body_unreadable"])
    assert server.get("/_local/uploads").status == 405


def upload(server: Running, ticket: dict[str, Any], data: bytes) -> Reply:
    parts = b"".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in ticket["fields"].items()
    )
    parts += (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
        + data
        + b"\r\n--b--\r\n"
    )
    return ask(
        f"{server.url}{ticket['url']}",
        method="POST",
        body=parts,
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    )


@pytest.fixture(scope="session")
def jpeg() -> bytes:
    """A photo that tells where it was taken and with what."""
    import io

    from PIL import Image

    picture = Image.effect_noise((640, 480), 60).convert("RGB")
    exif = Image.Exif()
    exif[0x010F] = "RahasiaKamera"
    exif.get_ifd(0x8825).update({1: "S", 2: (6.0, 10.0, 31.0), 3: "E", 4: (106.0, 49.0, 38.0)})
    kept = io.BytesIO()
    picture.save(kept, "JPEG", exif=exif)
    assert b"RahasiaKamera" in kept.getvalue()
    return kept.getvalue()


def test_retries_of_a_report_make_one_report_over_http_too(server: Running):
    first = server.post("/api/reports", report(), Idempotency_Key="kunci-milik-klien")
    again = server.post("/api/reports", report(), Idempotency_Key="kunci-milik-klien")
    assert again.json == {**first.json, "repeated": True}
    other = server.post(
        "/api/reports", report(description="Yang lain sama sekali."), Idempotency_Key="kunci-milik-klien"
    )
    assert (other.status, other.codes) == (422, ["idempotency_reused"])


# The plain form.


def test_a_plain_form_ends_on_a_page_that_is_there_and_shows_its_key_to_this_browser(server: Running):
    body = "&".join(
        f"{name}={value}"
        for name, value in {**report(description="Lubang+besar+sekali."), "form": "html"}.items()
    )
    got = ask(
        f"{server.url}/api/reports",
        method="POST",
        body=body.encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"},
    )
    assert got.status == 303
    assert server.get(got.headers["location"]).status == 200
    cookie = got.headers["set-cookie"].partition(";")[0]
    report_id, key = re.fullmatch(r"kunci_(\w+)=(.+)", cookie).groups()  # type: ignore[union-attr]
    receipt = server.get(f"/api/reports/{report_id}/receipt", Cookie=cookie, Accept="text/html")
    assert receipt.status == 200
    assert key in receipt.text
    assert "Content-Security-Policy".lower() in receipt.headers


# Addresses.


@pytest.mark.parametrize("root", ["", "/en"])
@pytest.mark.parametrize("typed", ["7k3m-9qx2", "7K3M-9QX2", "7k3m9qx2/", "7K3M9QX2", "7k3m-9qx2/"])
def test_a_number_typed_in_any_way_leads_to_one_address(server: Running, root: str, typed: str):
    got = server.get(f"{root}/laporan/{typed}")
    assert (got.status, got.headers["location"]) == (301, f"{root}/laporan/7K3M9QX2/")


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("/lapor", "/lapor/"),
        ("/en", "/en/"),
        ("/kelurahan/31.71.01.1001/", None),
        ("/en/lapor", "/en/lapor/"),
    ],
)
def test_pages_end_in_a_slash(server: Running, path: str, to: str | None):
    got = server.get(path)
    assert (got.status, got.headers.get("location")) == ((301, to) if to else (200, None))


@pytest.mark.parametrize(
    "path", ["//evil.example/", "/\\evil.example", "//evil.example", "/%2f%2fevil.example", "/%0d%0aX:y"]
)
def test_no_address_leads_away_from_the_site(server: Running, path: str):
    got = raw(server, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    location = re.search(rb"(?im)^location: *(.*?)\r$", got)
    assert location is None or re.match(rb"/[^/\\]", location[1])
    assert b"\nX:y" not in got


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("/tidak/ada/", "id"),
        ("/en/nothing/here/", "en"),
        ("/laporan/7K3M9QX2/", "id"),
        ("/kelurahan/99.99/", "id"),
    ],
)
def test_an_address_where_nothing_is_says_so_in_the_language_of_the_address(
    server: Running, path: str, language: str
):
    got = server.get(path)
    assert got.status == 404
    assert f'<html lang="{language}"' in got.text
    assert "max-age=2" in got.headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        "/../table.sqlite3",
        "/..%2ftable.sqlite3",
        "/%2e%2e/table.sqlite3",
        "/aset/../../upload.secret",
        "/aset/%2e%2e/%2e%2e/upload.secret",
        "/..\\upload.secret",
        "/%5c..%5cupload.secret",
        "/.partial/x",
        "/foto/../../private/x",
        "/%00",
        "/\xff",
        "/laporan/%2e%2e%2f%2e%2e%2ftable.sqlite3",
        "/" + "a/" * 600,
        "/" + "x" * 3000,
        "/private/uploads/",
    ],
)
def test_nothing_outside_the_site_can_be_read(server: Running, path: str):
    got = raw(server, b"GET " + path.encode("latin-1") + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert re.match(rb"HTTP/1\.1 (301|400|404) ", got), got[:80]
    assert b"SQLite format" not in got
    secret = (
        (server.data_dir / "upload.secret").read_bytes()
        if (server.data_dir / "upload.secret").exists()
        else None
    )
    assert secret is None or secret not in got


@pytest.mark.parametrize(
    ("written", "status", "quoted"),
    [
        ("7k3m%209qx2", 404, "7K3M-9QX2"),
        ("%23keluhan", 400, "#keluhan"),
        ("apa%3Fini", 400, "apa?ini"),
        ("a%3Bb%25c", 400, "a;b%c"),
        ("caf%C3%A9", 400, "café"),
    ],
)
@pytest.mark.parametrize("behind", ["", "/receipt"])
def test_a_number_in_an_address_is_read_as_it_was_meant(
    server: Running, written: str, status: int, quoted: str, behind: str
):
    got = server.get(f"/api/reports/{written}{behind}")
    assert got.status == status
    assert quoted in got.json["errors"][0]["message"]


@pytest.mark.parametrize("language", ["id", "en"])
def test_an_address_the_api_does_not_have_is_refused_in_our_own_words(server: Running, language: str):
    got = server.get("/api/none", Accept_Language=language)
    assert (got.status, got.codes) == (404, ["not_found"])
    assert got.headers["content-type"].startswith("application/json")
    words = {"id": "alamat", "en": "address"}
    assert words[language] in got.json["errors"][0]["message"].lower()


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/reports", "POST"),
        ("GET", "/api/reports", "POST"),
        ("POST", "/api/health", "GET"),
        ("PUT", "/api/reports/7K3M9QX2", "GET"),
        ("POST", "/", "GET, HEAD"),
        ("DELETE", "/laporan/7K3M9QX2/", "GET, HEAD"),
        ("PATCH", "/api/locate", "GET"),
    ],
)
def test_a_method_that_an_address_does_not_take_is_refused_with_those_it_takes(
    server: Running, method: str, path: str, allowed: str
):
    got = ask(server.url + path, method=method, headers={"Accept-Language": "en"})
    assert (got.status, got.codes) == (405, ["method_not_allowed"])
    assert method in got.json["errors"][0]["message"]
    assert set(re.split(r",\s*", allowed)) <= set(re.split(r",\s*", got.headers["allow"]))


# How it serves.


@pytest.mark.parametrize("path", ["/", "/lapor/", "/data/ringkas.json", "/api/health", "/nothing/"])
def test_head_answers_as_get_does_without_the_body(server: Running, path: str):
    got, head = server.get(path), ask(server.url + path, method="HEAD")
    assert head.body == b""
    assert head.status == got.status
    for name in ("content-type", "content-length", "etag", "cache-control"):
        assert head.headers.get(name) == got.headers.get(name)


@pytest.mark.parametrize("path", ["/", "/data/batas.json", "/api/openapi.json", "/favicon.svg"])
def test_what_pays_is_compressed_for_those_who_take_it(server: Running, path: str):
    plain = server.get(path)
    packed = server.get(path, Accept_Encoding="gzip, br")
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["vary"]
    assert "Accept-Encoding" in plain.headers["vary"]
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) == int(packed.headers["content-length"])


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("*", True),
        ("gzip;q=0, *", False),
        ("gzip; q=0.000, identity", False),
        ("br, deflate", False),
        ("*;q=0", False),
        ("", False),
    ],
)
def test_gzip_goes_to_those_who_take_it_and_to_nobody_else(server: Running, accepted: str, packed: bool):
    assert ("content-encoding" in server.get("/", Accept_Encoding=accepted).headers) is packed


def test_what_a_browser_has_is_not_sent_again(server: Running):
    first = server.get("/lapor/")
    again = server.get("/lapor/", If_None_Match=f'"other", {first.headers["etag"]}')
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert server.get("/lapor/", If_None_Match='"other"').status == 200


def test_assets_stay_for_a_year_and_pages_for_moments(server: Running):
    home = server.get("/")
    assert home.headers["cache-control"] == "public, max-age=30, stale-while-revalidate=300"
    asset = re.search(r'href="(/aset/[^"]+\.css)"', home.text)
    assert asset
    got = server.get(asset[1])
    assert got.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert got.headers["content-type"].startswith("text/css")


@pytest.mark.parametrize(
    "path", ["/", "/lapor/", "/en/", "/nothing/", "/api/find?id=x", "/data/ringkas.json"]
)
def test_every_page_tells_browsers_what_it_may_do(server: Running, path: str):
    got = server.get(path, Accept="text/html")
    policy = got.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["referrer-policy"] == "same-origin"
    assert "geolocation=(self)" in got.headers["permissions-policy"]
    assert "server" not in got.headers


def test_the_api_answers_data_that_no_browser_guesses_at(server: Running):
    got = server.get("/api/locate?latitude=-6.2&longitude=106.8")
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["content-type"] == "application/json; charset=utf-8"


def test_home_links_only_to_what_is_there(server: Running):
    for root in ("/", "/en/"):
        for link in sorted(set(re.findall(r'(?:href|src)="(/[^"#?]*)', server.get(root).text)))[:60]:
            assert server.get(link).status == 200, link


# What arrives damaged, slow or too large.


def raw(server: Running, data: bytes, *, pieces: int = 1, pause: float = 0.0) -> bytes:
    """What comes back for bytes that need not be HTTP."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as line:
        size = max(1, len(data) // pieces)
        for begin in range(0, len(data), size):
            line.sendall(data[begin : begin + size])
            if pause:
                time.sleep(pause)
        got = b""
        try:
            while more := line.recv(65536):
                got += more
        except ConnectionResetError:
            pass
        return got


def test_a_body_that_is_too_large_is_refused_in_our_words(server: Running):
    got = ask(
        f"{server.url}/api/reports",
        method="POST",
        body=b"x" * 4_600_000,
        headers={"Content-Type": "application/json", "Accept-Language": "en"},
    )
    assert (got.status, got.codes) == (413, ["body_too_large"])
    assert page(server, "/api/health")


def test_a_body_that_is_far_too_large_is_not_even_read(server: Running):
    head = (
        b"POST /api/reports HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 99999999999\r\n\r\n"
    )
    assert b" 413 " in raw(server, head + b"{}").split(b"\r\n")[0]


def test_a_chunked_body_is_read_whole(server: Running):
    body = json.dumps(report(description="Dikirim sepotong-sepotong.")).encode()
    half = len(body) // 2
    chunks = (
        b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:half], body[half:])) + b"0\r\n\r\n"
    )
    head = (
        b"POST /api/reports HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    got = raw(server, head + chunks)
    assert b" 201 " in got.split(b"\r\n")[0]


def test_a_request_that_comes_slowly_is_answered_and_holds_nobody_up(server: Running):
    body = json.dumps(report(description="Dikirim lambat sekali.")).encode()
    head = (
        b"POST /api/reports HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
    )
    with socket.create_connection(("127.0.0.1", server.port)) as idle:
        idle.sendall(b"GET / HTTP/1.1\r\nHo")
        got = raw(server, head + body, pieces=12, pause=0.02)
        assert page(server, "/api/health")
    assert b" 201 " in got.split(b"\r\n")[0]


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET http://other.example/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 300_000 + b"\r\n\r\n",
        b"POST /api/reports HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\nConnection: close\r\n\r\n",
        b"POST /api/reports HTTP/1.1\r\nHost: x\r\nContent-Length: 5x\r\nConnection: close\r\n\r\nhello",
        b"POST /api/reports HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n",
        b"POST /api/reports HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /api/locate?%ff%fe=%00&&&=;latitude HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /api/reports/%ff%fe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /api/reports/%2e%2e%2f HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /api/find?id=%00 HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\nConnection: close\r\n\r\n",
        b"GET /api//locate HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /api/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /api HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"OPTIONS /api/reports HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"TRACE /api/reports HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /api/health HTTP/1.1\r\nHost: x\r\nCookie: \xff\xfe\r\nAccept: \xff\r\nConnection: close\r\n\r\n",
    ],
)
def test_whatever_arrives_no_answer_is_a_fault_and_the_next_is_served(server: Running, data: bytes):
    got = raw(server, data)
    first = got.split(b"\r\n")[0]
    assert not re.match(rb"HTTP/1\.[01] 5", first) or b" 501 " in first or b" 505 " in first, first
    assert b"Traceback" not in got
    assert page(server, "/api/health")
    assert "Traceback" not in server.diary


# How it begins and ends.


def test_reports_outlast_a_restart(start: Start, data_dir: Path):
    first = start(data_dir)
    sent = first.post("/api/reports", report()).json
    assert first.stop() == 0
    second = start(data_dir)
    everywhere(second, GAMBIR, sent["id"])
    assert second.get(f"/api/reports/{sent['id']}").json["number"] == sent["number"]


@pytest.mark.parametrize("with_signal", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_in_order_when_it_is_told_to(start: Start, data_dir: Path, with_signal: signal.Signals):
    server = start(data_dir)
    with socket.create_connection(("127.0.0.1", server.port)):
        assert server.stop(with_signal) == 0
    assert "stopped" in server.diary
    assert "Traceback" not in server.diary


def test_a_taken_port_is_said_clearly(data_dir: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = command(PORT=str(port), DATA_DIR=str(data_dir), DEMO="0")
        out, _ = process.communicate(timeout=PATIENCE_S)
    said = data_dir.with_suffix(".log").read_text()
    assert process.returncode == 2
    assert out == ""
    assert f"port {port} on 127.0.0.1 cannot be used" in said
    assert f"PORT={port + 1}" in said
    assert "Traceback" not in said


def test_a_setting_that_cannot_be_used_is_said_clearly(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "infra", "run"],
        cwd=ROOT,
        env=surroundings(PORT="eighty", DEMO="perhaps", DATA_DIR=str(tmp_path / "data")),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "PORT='eighty': takes a whole number from 1 to 65535" in done.stderr
    assert "DEMO='perhaps': takes 1 or 0" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists()


def test_it_listens_on_this_machine_only(server: Running):
    others = {
        str(info[4][0])
        for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
        if not str(info[4][0]).startswith("127.")
    }
    for address in others:
        with socket.socket() as line:
            line.settimeout(2)
            assert line.connect_ex((address, server.port)) != 0


def test_it_runs_without_boundaries_and_says_so_everywhere(start: Start, tmp_path: Path):
    build = tmp_path / "build"
    made = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys\nfrom pathlib import Path\nfrom geo import __main__ as m\n"
            f"sys.exit(m.main(['build'], {{'GEO_BUILD': {str(build)!r}, 'BOUNDARIES_OFFLINE': '1'}}, "
            f"Path({str(tmp_path / 'nothing')!r})))",
        ],
        cwd=ROOT,
        env=surroundings(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    server = start(tmp_path / "data", GEO_BUILD=str(build))
    assert "boundaries are approximate" in server.diary
    health = server.get("/api/health").json
    assert health["boundaries"]["approximate"] is True
    sent = server.post("/api/reports", report(**MONAS)).json
    assert sent["place"]["kode"] == GAMBIR
    eventually(lambda: page(server, f"/laporan/{sent['id']}/"), "the status page")
    for path in ("/en/", "/en/lapor/", f"/en/laporan/{sent['id']}/", f"/en/kelurahan/{GAMBIR}/", "/en/none/"):
        assert noticed(server.get(path), "approximate"), path


def test_a_first_start_with_examples_labels_them_and_never_fills_twice(start: Start, tmp_path: Path):
    fresh = tmp_path / "fresh"
    server = start(fresh, DEMO="1")
    rows = server.get("/data/ringkas.json").json
    total = sum_of(rows)
    assert 550 <= total <= 650
    assert noticed(server.get("/"), "contoh")
    shown = active_examples(server)
    status = server.get(f"/en/laporan/{shown}/")
    assert noticed(status, "example")
    assert '<span class="tag">example</span>' in status.text
    assert server.get(f"/laporan/{shown}.json").json["example"] is True
    assert server.stop() == 0
    again = start(fresh, DEMO="1")
    assert sum_of(again.get("/data/ringkas.json").json) == total


def noticed(got: Reply, word: str) -> bool:
    """Whether the page bears a notice with this word."""
    return bool(re.search(rf'class="notice">(?:(?!</p>).)*{word}', got.text, re.DOTALL | re.IGNORECASE))


def sum_of(summary: dict[str, Any]) -> int:
    """All reports in the counts that the city view loads."""
    return sum(sum(row) for row in summary["kelurahan"].values())


def active_examples(server: Running) -> str:
    """The id of a published example."""
    for kode in geo.default_locator().by_kode:
        ids = server.get(f"/data/aktif/{kode}.json").json["columns"]["id"]
        if ids:
            return str(ids[0])
    raise AssertionError("there is no example on the site")


def test_an_instance_that_began_without_examples_gets_none_later(start: Start, data_dir: Path):
    server = start(data_dir, DEMO="1")
    assert sum_of(server.get("/data/ringkas.json").json) == 0


def test_a_free_port_is_free():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", free_port()))
