"""The queue in a browser: no connection, a closed page, an update of the site; every report is sent exactly once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.web.form_site import (
    WORDS,
    Site,
    begin,
    kept,
    open_form,
    own_pages,
    photo_file,
    put,
    served,
    worker_ready,
)
from tests.web.stubbed import until
from tests.web.test_browser import accepted, parts
from web.render import Renderer

pytestmark = [
    pytest.mark.browser,
    # Playwright's own event loop closes its pipes late.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]

OF_BEFORE = {
    "v": 1,
    "key": "00112233445566778899aabbccddeeff",
    "url": "/api/reports",
    "created": 1_795_000_000_000,
    "language": "id",
    "category": "jalan",
    "fields": [
        ["language", "id"],
        ["latitude", "-6.175400"],
        ["longitude", "106.827200"],
        ["category", "jalan"],
        ["description", WORDS],
        ["private", "false"],
    ],
    "photos": [{"data": "isi foto", "type": "image/jpeg", "name": "foto-1.jpg"}],
    "state": "waiting",
    "tries": 2,
    "next": 0,
    "first": None,
    "errors": [],
}
"""A report as the first build put it into the queue. It must be sent by every build after: never change it."""


@pytest.fixture
def here(site: dict[str, bytes], renderer: Renderer) -> Iterator[Site]:
    with served({**site, **own_pages(renderer)}) as running:
        yield running


def queue_one(page: Any, here: Site) -> str:
    """Write a report with a photo while the server is away; its key."""
    open_form(page, here)
    page.set_input_files("#gallery", photo_file())
    page.wait_for_selector("#previews img")
    begin(page)
    here.down = True
    page.click("#send")
    page.wait_for_selector("#received [data-now]")
    (entry,) = kept(page, "queue")
    assert entry["state"] == "waiting"
    key: str = entry["key"]
    return key


def arrived(here: Site, count: int = 1, nudge: Callable[[], object] = lambda: None) -> None:
    deadline = time.monotonic() + 20
    while len(here.posts) < count:
        assert time.monotonic() < deadline, "the report never arrived"
        nudge()
        time.sleep(0.1)


def test_without_a_connection_a_report_is_kept_and_sent_once_when_it_is_back(page: Any, here: Site) -> None:
    key = queue_one(page, here)
    assert "Tersimpan" in page.text_content("#received h1")
    assert kept(page, "drafts") == []
    here.down = False
    here.answers.append(accepted())
    page.evaluate("dispatchEvent(new Event('online'))")
    page.wait_for_selector("#received .big-id")
    assert [headers["idempotency-key"] for headers, _body in here.posts] == [key]
    sent = parts(here.posts[0])
    assert len(sent["photo"]) == 1
    assert sent["photo"][0][:2] == b"\xff\xd8"
    assert sent["description"] == [WORDS.encode()]
    assert kept(page, "queue") == []
    assert [record["id"] for record in kept(page, "reports")] == ["7K3M9QX2"]


@pytest.mark.journey
def test_what_waits_is_seen_on_every_visit_and_sent_from_any_page(page: Any, here: Site) -> None:
    queue_one(page, here)
    here.down = False
    here.answers += [(503, {"errors": []}), accepted()]
    page.goto(here.url + "/saya/")
    page.wait_for_selector("#queued .card")
    assert "Menunggu internet" in page.text_content("#queued")
    assert "1 foto" in page.text_content("#queued")
    page.locator("#queued .button").first.click()
    until(page, "document.getElementById('said').textContent.includes('Masih belum')")
    page.goto(here.url + "/lapor/")
    page.wait_for_selector("#queue:not([hidden])")
    assert "1 laporan" in page.text_content("#queue")
    page.goto(here.url + "/laporan/")
    # The script that listens comes after the page.
    arrived(here, 2, lambda: page.evaluate("dispatchEvent(new Event('online'))"))
    assert here.posts[0][0]["idempotency-key"] == here.posts[1][0]["idempotency-key"]


def test_the_service_worker_sends_with_every_page_closed(page: Any, here: Site) -> None:
    open_form(page, here, "")
    worker_ready(page)
    key = queue_one(page, here)
    session = page.context.new_cdp_session(page)
    registrations: list[str] = []
    session.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: registrations.extend(each["registrationId"] for each in event["registrations"]),
    )
    session.send("ServiceWorker.enable")
    page.goto("about:blank")
    here.down = False
    here.answers.append(accepted())
    session.send(
        "ServiceWorker.dispatchSyncEvent",
        {"origin": here.url, "registrationId": registrations[-1], "tag": "antrean", "lastChance": False},
    )
    arrived(here)
    assert here.posts[0][0]["idempotency-key"] == key
    assert len(parts(here.posts[0])["photo"]) == 1


def test_two_pages_and_the_service_worker_together_send_it_once(page: Any, here: Site) -> None:
    open_form(page, here, "")
    worker_ready(page)
    queue_one(page, here)
    here.down = False
    other = page.context.new_page()
    other.goto(here.url + "/saya/")
    other.wait_for_selector("#queued .card")
    here.answers.append(accepted())
    for each in (page, other, page, other):
        each.evaluate("dispatchEvent(new Event('online'))")
    other.wait_for_selector("#sent .card")
    page.wait_for_selector("#received .big-id")
    assert len(here.posts) == 1


def test_a_report_of_an_older_build_is_sent_by_this_one_and_a_newer_ones_is_left_alone(
    page: Any, here: Site
) -> None:
    page.goto(here.url + "/saya/")
    page.wait_for_selector("#nothing:not([hidden])")
    put(page, OF_BEFORE)
    put(page, {**OF_BEFORE, "v": 99, "key": "ffffffffffffffffffffffffffffffff"})
    here.answers.append(accepted())
    page.goto(here.url + "/lapor/")
    arrived(here)
    headers, _body = here.posts[0]
    assert headers["idempotency-key"] == OF_BEFORE["key"]
    sent = parts(here.posts[0])
    assert sent["photo"] == [b"isi foto"]
    assert sent["latitude"] == [b"-6.175400"]
    until(page, "true")
    assert [each["key"] for each in kept(page, "queue")] == ["ffffffffffffffffffffffffffffffff"]
    assert len(here.posts) == 1


def test_an_update_of_the_site_breaks_no_queued_report_and_cleans_up(page: Any, here: Site) -> None:
    open_form(page, here, "")
    worker_ready(page)
    (first,) = page.evaluate("caches.keys()")
    key = queue_one(page, here)
    here.down = False
    script = here.files["sw.js"]
    build = first.removeprefix("rangka-").encode()
    for n in (1, 2, 3):
        new = b"%012d" % n
        here.files = {**here.files, "sw.js": script.replace(build, new)}
        page.evaluate("navigator.serviceWorker.getRegistration().then(found => found.update())")
        until(page, f"caches.has('rangka-{new.decode()}')")
        until(
            page,
            "navigator.serviceWorker.getRegistration().then(found => !found.installing && !found.waiting)",
        )
    until(page, "caches.keys().then(names => names.length === 2)")
    assert first not in page.evaluate("caches.keys()")
    here.answers.append(accepted())
    page.goto(here.url + "/lapor/")
    page.evaluate("dispatchEvent(new Event('online'))")
    arrived(here)
    assert here.posts[0][0]["idempotency-key"] == key
    assert len(parts(here.posts[0])["photo"]) == 1


def test_what_the_server_refuses_later_comes_back_into_the_form_with_its_reason(
    page: Any, here: Site
) -> None:
    queue_one(page, here)
    here.down = False
    wrong = {"code": "too_short", "field": "description", "message": "Ceritakan sedikit lagi."}
    here.answers.append((400, {"errors": [wrong]}))
    page.goto("about:blank")
    page.goto(here.url + "/saya/")
    page.evaluate("dispatchEvent(new Event('online'))")
    page.wait_for_selector("#queued .card.wrong")
    assert "Ceritakan sedikit lagi." in page.text_content("#queued")
    page.goto(here.url + "/lapor/")
    page.wait_for_selector("#queue.wrong")
    page.click("#queue a")
    page.wait_for_selector("#queued .card.wrong")
    page.locator("#queued .button", has_text="Ubah").click()
    page.wait_for_selector("#previews img")
    assert page.text_content("#errors li") == "Ceritakan sedikit lagi."
    assert page.input_value("#description") == WORDS
    until(page, "document.getElementById('found').textContent.includes('Gambir')")
    assert kept(page, "queue") == []
    page.fill("#description", WORDS + " Sejak Senin.")
    here.answers.append(accepted())
    page.click("#send")
    page.wait_for_selector("#received .big-id")
    keys = [headers["idempotency-key"] for headers, _body in here.posts]
    assert len(set(keys)) == 2


def test_a_report_that_waited_longer_than_its_key_is_known_is_not_sent_by_itself(
    page: Any, here: Site
) -> None:
    page.goto(here.url + "/saya/")
    page.wait_for_selector("#nothing:not([hidden])")
    eight_days_ago = (time.time() - 8 * 86400) * 1000
    put(page, {**OF_BEFORE, "first": eight_days_ago})
    page.goto(here.url + "/lapor/")
    page.wait_for_selector("#queue.wrong")
    page.goto(here.url + "/saya/")
    page.wait_for_selector("#queued .reason")
    assert "enam hari" in page.text_content("#queued .reason")
    assert here.posts == []


@pytest.mark.journey
def test_a_sign_in_page_of_a_hotel_is_not_taken_for_the_server(page: Any, here: Site) -> None:
    open_form(page, here)
    begin(page)
    answer = {"status": 200, "content_type": "text/html", "body": "<h1>Wi-Fi</h1>"}
    page.context.route("**/api/reports", lambda route: route.fulfill(**answer))
    page.click("#send")
    page.wait_for_selector("#received [data-now]")
    assert len(kept(page, "queue")) == 1


def test_where_nothing_can_be_kept_the_form_still_sends_with_one_key(page: Any, here: Site) -> None:
    page.add_init_script("Object.defineProperty(window, 'indexedDB', {value: undefined})")
    open_form(page, here)
    begin(page)
    here.answers += [(503, {"errors": []}), accepted()]
    page.click("#send")
    until(page, "document.getElementById('sending').textContent.includes('masih di sini')")
    assert page.input_value("#description") == WORDS
    page.click("#send")
    page.wait_for_selector("#received .big-id")
    keys = [headers["idempotency-key"] for headers, _body in here.posts]
    assert len(keys) == 2
    assert keys[0] == keys[1]


@pytest.mark.parametrize(
    ("root", "told"),
    [
        ("", "Halaman ini belum ada"),
        pytest.param("/en", "This page is not on your phone", marks=pytest.mark.journey),
    ],
)
def test_the_form_opens_without_a_connection_and_other_pages_say_so(
    page: Any, here: Site, root: str, told: str
) -> None:
    page.goto(f"{here.url}{root}/lapor/")
    worker_ready(page)
    here.down = True
    page.goto(f"{here.url}{root}/laporan/7K3M9QX2/")
    assert told in page.text_content("h1")
    page.goto(f"{here.url}{root}/lapor/?kelurahan=31.71.01.1001#-6.17540,106.82720")
    page.wait_for_selector("#pinmap .crosshair")
    assert page.locator("path.area").count() > 0
    until(page, "document.getElementById('latitude').value !== ''")
    page.goto(f"{here.url}{root}/saya/")
    page.wait_for_selector("#nothing:not([hidden])")


def test_the_service_worker_keeps_the_shell_and_nothing_else(page: Any, here: Site) -> None:
    here.answers.append(accepted())
    open_form(page, here)
    worker_ready(page)
    begin(page)
    page.click("#send")
    page.wait_for_selector("#received .big-id")
    for path in (
        "/saya/#7K3M9QX2.ABCD-EFGH-JKMN-PQRS",
        "/laporan/7K3M9QX2/",
        "/",
        "/kelurahan/31.71.01.1001/",
        "/lapor/?a=1",
    ):
        page.goto(here.url + path)
        page.wait_for_load_state("networkidle")
    paths = page.evaluate(
        """caches.keys().then(async names => {
          const found = [];
          for (const name of names) for (const kept of await (await caches.open(name)).keys()) found.push(kept.url);
          return found;
        })"""
    )
    own = {"/lapor/", "/saya/", "/luring/", "/data/batas.json", "/manifest.webmanifest", "/favicon.svg"}
    rest = {path.removeprefix(here.url) for path in paths} - own
    assert {path for path in rest if not path.startswith("/aset/")} == set()
    assert own <= {path.removeprefix(here.url) for path in paths}


@pytest.mark.journey
def test_on_a_slow_network_the_kept_form_opens_within_seconds(page: Any, here: Site) -> None:
    page.goto(here.url + "/lapor/")
    worker_ready(page)
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    slow = {"offline": False, "latency": 2000, "downloadThroughput": 4000, "uploadThroughput": 4000}
    session.send("Network.emulateNetworkConditions", slow)
    page.goto(here.url + "/lapor/", wait_until="commit")
    page.wait_for_selector("#description")
    page.wait_for_selector("#pinmap .crosshair")
    begin(page)
    assert page.input_value("#description") == WORDS
