"""The local server under senders that are slow, endless or many: refused in our words, and others are served."""

from __future__ import annotations

import json
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import patience
from tests import running
from tests.running import PATIENCE_S, Running, ask, eventually

HEAD = b"POST /api/reports HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
OUTSIDE = "203.0.113.9"


@pytest.fixture(scope="module")
def hasty(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server that waits a second for a request, allows one report, and believes a proxy on this machine."""
    folder = Path(shutil.copytree(prepared, tmp_path_factory.mktemp("hasty") / "data"))
    settings = {"PATIENCE_S": "1", "LIMIT_REPORTS": "1", "PUZZLE_BITS": "6", "TRUSTED_PROXY": "127.0.0.1"}
    begun = running.start(folder, **settings)
    yield begun
    begun.kill()


def closed(line: socket.socket) -> bool:
    """Whether the other side ended the connection."""
    line.setblocking(False)
    try:
        return line.recv(4096) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        line.setblocking(True)


@pytest.mark.parametrize(
    "start", [b"GET / HTTP/1.1\r\nHost: x\r\n", HEAD + b"Content-Length: 100000\r\n\r\n"]
)
def test_a_sender_that_trickles_is_not_waited_for(hasty: Running, start: bytes):
    with socket.create_connection(("127.0.0.1", hasty.port), timeout=PATIENCE_S) as line:
        line.sendall(start)
        # Never silent, and yet never done: one byte after another.
        for _ in range(400):
            try:
                line.sendall(b"a")
            except OSError:
                break
            if closed(line):
                break
            time.sleep(0.05)
        else:
            pytest.fail("it waited for ever")
    assert hasty.get("/api/health").status == 200


def test_many_who_say_nothing_hold_nobody_up(hasty: Running):
    lines = [socket.create_connection(("127.0.0.1", hasty.port)) for _ in range(60)]
    for line in lines:
        line.sendall(b"GET /")
    assert hasty.get("/api/health").status == 200
    eventually(lambda: all(closed(line) for line in lines), "all were closed", pause=0.2)
    for line in lines:
        line.close()


def refused(server: Running, data: bytes) -> tuple[bytes, dict[str, str]]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as line:
        line.sendall(data)
        got = b""
        while more := line.recv(65536):
            got += more
    head, _, body = got.partition(b"\r\n\r\n")
    assert b"application/json" in head, got
    (error,) = json.loads(body)["errors"]
    return head.split(b"\r\n")[0], error


START = b"GET /api/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"


@pytest.mark.parametrize("header", [b"X-%d: y\r\n" % 1, b"X: " + b"y" * 5_000 + b"\r\n"])
def test_headers_have_a_limit_that_no_browser_reaches(server: Running, header: bytes):
    few = START + header * (9_000 // len(header)) + b"\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as line:
        line.sendall(few)
        assert b" 200 " in line.recv(100).split(b"\r\n")[0]
    # Exactly the limit: were there more, closing would cut the answer off.
    many = (START + header * patience.HEADER_BYTES)[: patience.HEADER_BYTES]
    first, error = refused(server, many)
    assert b" 431 " in first
    assert error["code"] == "head_too_large"


def test_endless_headers_end_the_connection_and_nothing_else(server: Running):
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as line:
        line.sendall(START)
        for n in range(100_000):
            try:
                line.sendall(b"X-%d: y\r\n" % n * 50)
            except OSError:
                break
        else:
            pytest.fail("it read for ever")
    assert server.get("/api/health").status == 200


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"nonsense\r\n\r\n", b" 400 ", "request_unreadable"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA b: c\r\n\r\n", b" 400 ", "request_unreadable"),
        (HEAD + b"Content-Length: 5x\r\n\r\n", b" 400 ", "request_unreadable"),
        (HEAD + b"Content-Length: 99999999999\r\n\r\n", b" 413 ", "body_too_large"),
        (HEAD + b"Transfer-Encoding: gzip\r\n\r\n", b" 501 ", "request_unreadable"),
    ],
)
def test_what_the_server_itself_refuses_is_said_in_our_words(
    server: Running, data: bytes, status: bytes, code: str
):
    first, error = refused(server, data)
    assert status in first
    assert error["code"] == code
    assert "waitress" not in str(error)


def test_it_is_said_in_the_askers_language_where_the_head_was_read(server: Running):
    data = HEAD + b"Accept-Language: en\r\nContent-Length: 99999999999\r\n\r\n"
    assert refused(server, data)[1]["message"].startswith("The report with its photos is too large")


def test_behind_a_proxy_an_address_is_limited_and_this_machine_is_not(hasty: Running):
    import geo

    middle = geo.default_locator().by_kode["31.71.01.1001"]
    report = {
        "category": "jalan",
        "description": "Lubang besar di lajur kiri.",
        "longitude": middle.longitude,
        "latitude": middle.latitude,
    }

    def send(**headers: str) -> running.Reply:
        body = json.dumps(report).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        kind = {"Content-Type": "application/json", **named}
        return ask(f"{hasty.url}/api/reports", method="POST", body=body, headers=kind)

    assert [send().status for _ in range(3)] == [201] * 3
    assert send(X_Forwarded_For=OUTSIDE).status == 201
    slowed = send(X_Forwarded_For=OUTSIDE)
    assert (slowed.status, slowed.codes) == (429, ["slower"])
    # What a client itself says about who it is counts for nothing.
    assert send(X_Forwarded_For=OUTSIDE, X_Viewer_Address="127.0.0.1").status == 429
    from chalicelib.front import puzzle

    challenge = slowed.headers["puzzle"]
    answer = f"{challenge} {puzzle.solve(challenge)}"
    assert send(X_Forwarded_For=OUTSIDE, Puzzle_Answer=answer).status == 201
