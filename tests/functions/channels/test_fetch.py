"""Fetching what others name: bounded in time and size, and never into our own network."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from chalicelib.channels import fetch
from hypothesis import given
from hypothesis import strategies as st

from tests.functions.channels.conftest import Photos


def code(url: str, **more: object) -> str:
    with pytest.raises(fetch.FetchError) as caught:
        fetch.fetch(url, **{"max_bytes": 1000, "seconds": 5, **more})  # type: ignore[arg-type]
    return caught.value.code


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "224.0.0.1", "240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1", "ff02::1",
        "::ffff:10.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:1::1", "192.0.2.1",
    ],
)  # fmt: skip
def test_addresses_inside_are_not_public(address: str):
    assert not fetch.is_public(address)
    assert code("http://name.test/", resolve=lambda _host, _port: [address]) == "address"


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111"])
def test_addresses_out_on_the_internet_are_public(address: str):
    assert fetch.is_public(address)


def test_one_inside_address_among_several_is_enough_to_refuse():
    assert code("http://name.test/", resolve=lambda _host, _port: ["8.8.8.8", "10.0.0.1"]) == "address"


@pytest.mark.parametrize(
    "url",
    [
        "", "x", "file:///etc/passwd", "ftp://a.test/", "http://", "http://user:word@a.test/", "http://[::1",
        "//a.test/",        "http://a.test:22/", "http://a.test:99999/", "http://a.test/a b", "http://a.test/\r\nX: y",
        "http://" + "a" * 70 + ".test/", "https://a.test/" + "x" * 2000, "javascript:alert(1)",
    ],
)  # fmt: skip
def test_what_is_no_public_address_is_not_asked(url: str):
    def resolve(_host: str, _port: int) -> list[str]:
        raise AssertionError("it was looked up")

    assert code(url, resolve=resolve) == "address"


def test_a_name_without_an_address_is_unreachable():
    def resolve(_host: str, _port: int) -> list[str]:
        raise OSError("no such host")

    assert code("http://name.test/", resolve=resolve) == "unreachable"


def test_the_address_that_was_judged_is_the_one_that_is_asked(photos: Photos):
    photos.answers["/a?b=c"] = (200, {"Content-Type": "image/png"}, b"data")
    port = photos.url.rpartition(":")[2]
    got = fetch.fetch(
        f"http://name.test:{port}/a?b=c",
        max_bytes=10,
        seconds=5,
        private=True,
        resolve=lambda _host, _port: ["127.0.0.1"],
    )
    assert (got.status, got.body, got.content_type) == (200, b"data", "image/png")


def test_a_redirect_is_judged_anew(photos: Photos):
    port = int(photos.url.rpartition(":")[2])
    photos.answers["/away"] = (302, {"Location": "ftp://inside.test/"}, b"")
    photos.answers["/bad"] = (302, {"Location": "http://[::1"}, b"")
    photos.answers["/round"] = (302, {"Location": "/round"}, b"")
    for path, expected in (("away", "address"), ("bad", "address"), ("round", "unreachable")):
        assert code(f"http://127.0.0.1:{port}/{path}", private=True) == expected
    assert photos.asked.count("/round") == fetch.REDIRECTS + 1


def test_more_than_wanted_is_not_read(photos: Photos):
    photos.answers["/"] = (200, {}, b"x" * 1001)
    assert code(f"{photos.url}/", private=True) == "too_large"
    photos.answers["/"] = (200, {}, b"x" * 1000)
    assert len(fetch.fetch(f"{photos.url}/", max_bytes=1000, seconds=5, private=True).body) == 1000


@pytest.fixture
def dripping() -> Iterator[int]:
    """A server that promises a lot and sends a byte now and then. Its port."""
    stop = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)

    def serve() -> None:
        held: list[socket.socket] = []
        while not stop.is_set():
            try:
                held.append(listener.accept()[0])
                held[-1].sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n")
            except OSError:
                pass  # nobody asked, or went at once
            for each in held:
                try:
                    each.sendall(b"x")
                except OSError:
                    # Whoever asked has gone.
                    each.close()
                    held.remove(each)
                    break
        for each in held:
            each.close()
        listener.close()

    thread = threading.Thread(target=serve)
    thread.start()
    yield listener.getsockname()[1]
    stop.set()
    thread.join()


def test_whoever_sends_slowly_is_not_waited_for(dripping: int):
    assert code(f"http://127.0.0.1:{dripping}/", private=True, seconds=0.4) == "unreachable"


def test_a_closed_door_and_nonsense_are_unreachable(photos: Photos):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert code(f"http://127.0.0.1:{port}/", private=True) == "unreachable"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def babble() -> None:
            asked, _ = server.accept()
            asked.recv(10_000)
            asked.sendall(b"no http at all\r\n\r\n")
            asked.close()

        thread = threading.Thread(target=babble)
        thread.start()
        assert code(f"http://127.0.0.1:{port}/", private=True) == "unreachable"
        thread.join()


@given(st.text(max_size=50) | st.from_regex(r"https?://[^/]{0,20}/.{0,20}", fullmatch=True))
def test_whatever_is_named_is_judged_without_an_accident(url: str):
    try:
        fetch.fetch(url, max_bytes=10, seconds=1, resolve=lambda _host, _port: ["127.0.0.1"])
    except fetch.FetchError as error:
        assert error.code in {"address", "unreachable"}
    else:
        raise AssertionError("nothing inside is ever fetched")
