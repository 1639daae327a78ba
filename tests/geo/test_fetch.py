"""Where boundaries come from, and a download that is used only when it is what was pinned."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from geo import fetch
from geo.fetch import FetchError, Obtained, Pin, Settings, download, nearest, obtain, read_pin

CONTENT = {"db/a.sql": b"first" * 1000, "db/b.sql": b"second" * 2000}
Answer = Callable[[BaseHTTPRequestHandler, bytes], None]


def whole(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def cut_short(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])


def trickle(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    try:
        for at in range(len(body)):
            handler.wfile.write(body[at : at + 1])
            time.sleep(0.02)
    except OSError:
        pass  # the other side had enough, as it should


def status(code: int) -> Answer:
    def answer(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.send_error(code)

    return answer


class Server:
    """A server on a free port of this machine; `answers` are used one after the other, the last for ever."""

    def __init__(self) -> None:
        self.answers: list[Answer] = [whole]
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                answer = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                answer(self, CONTENT[self.path.removeprefix("/pinned/")])

            def log_message(self, *_: object) -> None:
                pass

        self.httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.httpd.daemon_threads = True
        self.thread = threading.Thread(target=self.httpd.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.httpd.server_port}/pinned"

    def close(self) -> None:
        self.httpd.shutdown()
        self.httpd.server_close()
        self.thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def pin() -> Pin:
    files = {name: hashlib.sha256(body).hexdigest() for name, body in CONTENT.items()}
    return Pin("some/repository", "c0ffee", "MIT", "Somebody, MIT", "http://127.0.0.1:9/", 100_000, files)


@pytest.fixture
def here(tmp_path: Path, server: Server) -> Settings:
    """A machine with nothing on it but the server."""
    return Settings(url=server.url, shared=tmp_path / "none.geojson", cache=tmp_path / "cache")


def no_sleep(_: float) -> None:
    pass


def test_a_good_download_is_verified_and_kept(here, pin, server):
    arrived: list[int] = []
    found = download(here, pin, advance=arrived.append)
    assert found.kind == "downloaded"
    assert [p.read_bytes() for p in found.paths] == [CONTENT["db/a.sql"], CONTENT["db/b.sql"]]
    assert sum(arrived) == sum(len(body) for body in CONTENT.values())
    assert found.attribution == "Somebody, MIT"
    asked = len(server.asked)
    again = obtain(here, pin=pin)
    assert (again.kind, len(server.asked)) == ("kept", asked)
    assert [p.name for p in here.cache.iterdir()] == ["c0ffee"]


@pytest.mark.parametrize(
    ("answer", "said", "requests"),
    [
        (lambda h, body: whole(h, body[:-1] + b"?"), "the pin says", 3),
        (cut_short, "cut short", 3),
        (status(404), "the server answers 404", 1),
        (status(503), "the server answers 503", 3),
        (lambda h, body: whole(h, body * 100), "longer than the 100000 bytes", 1),
    ],
)
def test_a_download_that_is_not_what_was_pinned_is_never_kept(here, pin, server, answer, said, requests):
    server.answers = [answer]
    with pytest.raises(FetchError, match=said):
        download(here, pin, sleep=no_sleep)
    assert len(server.asked) == requests
    assert list(here.cache.iterdir()) == []


def test_the_first_file_good_and_the_second_wrong_keeps_neither(here, pin, server):
    server.answers = [whole, status(404)]
    with pytest.raises(FetchError, match=r"b\.sql"):
        download(here, pin, sleep=no_sleep)
    assert nearest(here, pin) is None


def test_a_passing_failure_is_tried_again_after_growing_pauses(here, pin, server):
    server.answers = [status(503), cut_short, whole]
    pauses: list[float] = []
    assert download(here, pin, sleep=pauses.append).kind == "downloaded"
    assert pauses == [0.5, 1.0]


def test_a_trickle_ends_at_the_deadline(here, pin, server):
    server.answers = [trickle]
    with pytest.raises(FetchError, match="too slow"):
        download(here, pin, sleep=no_sleep, total_s=0.3)


def test_a_server_that_accepts_and_says_nothing_times_out(here, pin, server):
    silence = threading.Event()
    server.answers = [lambda *_: silence.wait(5) and None]
    with pytest.raises(FetchError, match="timed out"):
        download(here, pin, sleep=no_sleep, connect_s=0.1)
    silence.set()


def test_no_server_is_said_after_three_attempts(here, pin, server):
    server.close()
    server.thread = threading.Thread(target=lambda: None)
    with pytest.raises(FetchError, match=r"refused.*\(3 attempts\)"):
        download(here, pin, sleep=no_sleep)
    server.__init__()  # so that the fixture has something to close


def test_an_address_that_is_not_http_is_refused(here, pin, tmp_path):
    for url in ("file:///etc/", "ftp://127.0.0.1/", "nonsense"):
        with pytest.raises(FetchError, match="not an http or https address"):
            download(Settings(url=url, cache=tmp_path), pin)


def test_a_damaged_download_that_was_kept_is_fetched_anew(here, pin, server):
    kept = download(here, pin).paths[0]
    kept.write_bytes(b"damaged")
    assert nearest(here, pin) is None
    assert obtain(here, pin=pin).kind == "downloaded"
    assert kept.read_bytes() == CONTENT["db/a.sql"]


def test_two_at_once_end_with_one_good_copy(here, pin, server):
    found: list[Obtained] = []
    threads = [threading.Thread(target=lambda: found.append(download(here, pin))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.kind for one in found] == ["downloaded", "downloaded"]
    assert nearest(here, pin) is not None
    assert [p.name for p in here.cache.iterdir()] == ["c0ffee"]


def never(_: Settings, __: Pin) -> Obtained:
    raise AssertionError("the network was tried")


def test_the_nearest_source_comes_first_and_the_network_last(tmp_path, pin):
    own, shared, cache = tmp_path / "own.geojson", tmp_path / "shared.geojson", tmp_path / "cache"
    for name, body in CONTENT.items():
        (cache / "c0ffee" / name).parent.mkdir(parents=True, exist_ok=True)
        (cache / "c0ffee" / name).write_bytes(body)
    own.write_text("{}")
    shared.write_text("{}")
    everything = Settings(boundaries=own, shared=shared, cache=cache)
    assert obtain(everything, pin=pin, fetch=never).kind == "file"
    without = Settings(shared=shared, cache=cache)
    assert obtain(without, pin=pin, fetch=never).kind == "shared"
    shared.unlink()
    assert obtain(without, pin=pin, fetch=never).kind == "kept"


def test_a_boundaries_file_that_is_not_there_is_an_error_not_a_fallback(tmp_path, pin):
    with pytest.raises(FileNotFoundError, match="unset BOUNDARIES"):
        obtain(Settings(boundaries=tmp_path / "gone.geojson"), pin=pin, fetch=never)


def test_without_a_network_centroids_stand_in_and_it_says_so(here, pin, server):
    server.answers = [status(404)]
    said: list[str] = []
    found = obtain(here, pin=pin, say=said.append)
    assert (found.kind, found.approximate) == ("centroids", True)
    assert "404" in said[0]
    assert "approximate" in said[1]


def test_switched_off_the_network_is_not_tried(here, pin):
    from dataclasses import replace

    said: list[str] = []
    assert obtain(replace(here, offline=True), pin=pin, say=said.append, fetch=never).kind == "centroids"
    assert "switched off" in said[0]


def test_settings_come_from_the_environment(tmp_path):
    environ = {
        "BOUNDARIES": "a.geojson",
        "BOUNDARIES_CODE_FIELD": "id",
        "BOUNDARIES_OFFLINE": "1",
        "BOUNDARIES_URL": "http://127.0.0.1:1/",
        "GEO_BUILD": str(tmp_path / "b"),
    }
    found = Settings.from_environment(environ, tmp_path / "checkout")
    assert found.boundaries == Path("a.geojson")
    assert (found.code_field, found.name_field, found.offline) == ("id", "nama", True)
    assert found.build == tmp_path / "b"
    assert found.shared == tmp_path / "shared" / "boundaries" / "jakarta-kelurahan.geojson"
    assert found.cache == tmp_path / "checkout" / ".cache" / "boundaries"
    with pytest.raises(ValueError, match="BOUNDARIES_OFFLINE"):
        Settings.from_environment({"BOUNDARIES_OFFLINE": "maybe"})


def test_the_pin_names_a_commit_and_a_sha_256_for_each_file():
    pin = read_pin()
    assert len(pin.commit) == 40
    assert pin.commit in pin.base_url
    assert pin.base_url.startswith("https://")
    assert len(pin.files) == 6
    assert all(len(digest) == 64 for digest in pin.files.values())


@pytest.mark.polygons
def test_the_pinned_dumps_are_read_as_the_267_kelurahan_of_the_shared_file():
    from geo.coverage import read
    from geo.facts import read_facts

    settings, pin = Settings.from_environment({}), read_pin()
    folders = [settings.shared.parent / "upstream", settings.cache / pin.commit]
    here = next((folder for folder in folders if folder.is_dir()), None)
    if here is None:
        pytest.skip("no boundaries: neither ../shared/boundaries/upstream nor a kept download is there")
    assert fetch.damaged(here, pin) == []
    dumps = {code: area for code, _, area in read([here / name for name in pin.files]).areas}
    assert sorted(dumps) == list(read_facts())
    if settings.shared.is_file():
        merged = {code: area for code, _, area in read([settings.shared]).areas}
        assert max(dumps[code].hausdorff_distance(merged[code]) for code in dumps) < 1e-6
