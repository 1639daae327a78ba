"""A burst from one address, as people in it see it: a moment longer with scripts, a short wait without."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Response, expect

from tests import running

from .conftest import PHONE, REFUSALS, Town, Visit, middle
from .test_plain import filled as filled_plainly
from .test_reporting import filled, received, send, typed

FROM_OUTSIDE = {"X-Forwarded-For": "203.0.113.9"}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A server that asks for a puzzle from the second report of an address on, and believes a proxy here."""
    folder = tmp_path_factory.mktemp("burst") / "data"
    limits = {"LIMIT_REPORTS": "1", "PUZZLE_BITS": "10", "PUZZLE_WAIT_S": "2"}
    server = running.start(folder, TRUSTED_PROXY="127.0.0.1", **limits)
    yield Town(server, {})
    server.kill()


def test_in_a_burst_the_form_computes_and_every_report_arrives(visit: Callable[..., Visit]):
    here = visit(size=PHONE, extra_http_headers=FROM_OUTSIDE)
    here.forgive(f"{REFUSALS}29", f"{REFUSALS}04")
    answers: list[int] = []

    def heard(response: Response) -> None:
        if response.request.method == "POST" and response.url.endswith("/api/reports"):
            answers.append(response.status)

    here.page.on("response", heard)
    numbers = set()
    for turn in range(2):
        page = here.open("/lapor/")
        typed(page, **middle())
        filled(page, f"Lubang besar di lajur kiri, nomor {turn}.")
        send(page)
        numbers.add(received(page)[0])
    assert len(numbers) == 2
    assert answers == [201, 429, 201]


@pytest.mark.journey
def test_without_scripts_nothing_is_lost_and_a_short_wait_is_enough(visit: Callable[..., Visit], town: Town):
    here = visit(javascript=False, language="id-ID", extra_http_headers={"X-Forwarded-For": "198.51.100.7"})
    here.forgive(f"{REFUSALS}29")
    words = "Lampu jalan mati sejak tiga malam di depan pasar."
    for _ in range(2):
        page = here.open("/lapor/")
        filled_plainly(page, words)
        page.click("#send")
    expect(page.locator("#errors")).to_contain_text("tunggu 2 detik")
    expect(page.locator("#description")).to_have_value(words)
    page.wait_for_timeout(2_100)
    page.click("#send")
    expect(page).to_have_url(re.compile(r"/laporan/[0-9A-Z]{8}/"))
