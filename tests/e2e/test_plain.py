"""Without scripts everything still works: the plain form, its errors, the status page, the key, and finding again."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from .conftest import DESKTOP, GAMBIR, PHONE, REFUSALS, Town, Visit, middle, tells_nothing

WORDS = "Lampu jalan mati tiga tiang berurutan."


def filled(page: Page, words: str = WORDS) -> None:
    page.locator("details.coordinates summary").click()
    where = middle()
    page.fill("#latitude", f"{where['latitude']}")
    page.fill("#longitude", f"{where['longitude']}")
    page.locator('input[name="category"][value="jalan"]').check(force=True)
    page.fill("#description", words)


@pytest.mark.parametrize(
    ("size", "root"), [(PHONE, ""), (DESKTOP, "/en")], ids=["phone", "desktop in English"]
)
def test_the_plain_form_with_a_photo_ends_on_the_status_page(
    visit: Callable[..., Visit],
    town: Town,
    snapshot_with_gps: dict[str, Any],
    size: dict[str, int],
    root: str,
):
    here = visit(javascript=False, size=size)
    page = here.open(f"{root}/lapor/")
    filled(page)
    page.set_input_files("#gallery", snapshot_with_gps)
    answers: list[tuple[int, str]] = []
    page.on("response", lambda r: answers.append((r.status, r.url)))
    page.click("#send")
    page.wait_for_url(re.compile(rf"{re.escape(root)}/laporan/[0-9A-Z]{{8}}/$"))
    assert (303, f"{town.url}/api/reports") in answers
    expect(page.locator(".words").first).to_have_text(WORDS)
    expect(page.locator(".photos img").first).to_be_visible()
    report_id = page.url.rstrip("/").rpartition("/")[2]
    for photo in town.server.get(f"/laporan/{report_id}.json").json["photos"]:
        tells_nothing(town.server.get(photo["url"]).body)
        tells_nothing(town.server.get(photo["thumb_url"]).body)

    page.goto(f"{town.url}/api/reports/{report_id}/receipt")
    key = page.locator(".key code").inner_text()
    shown = town.server.get(f"/api/reports/{report_id}", Follow_Key=key)
    assert shown.status == 200
    expect(page.locator(".big-id")).to_have_text(f"{report_id[:4]}-{report_id[4:]}")


@pytest.mark.parametrize(("root", "language"), [("", "id"), ("/en", "en")])
def test_a_plain_form_with_errors_comes_back_with_what_was_typed(
    visit: Callable[..., Visit], root: str, language: str
):
    here = visit(javascript=False, size=PHONE, language="id-ID" if language == "en" else "en-GB")
    here.forgive(f"{REFUSALS}00")
    page = here.open(f"{root}/lapor/")
    filled(page, "Banjir dan gelap.")
    page.fill("#landmark", 'Depan <b>warung</b> & "toko"')
    page.locator("details.contact summary").click()
    page.fill("#contact_phone", "bukan nomor")
    page.click("#send")
    expect(page.locator("#errors")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", language)
    assert page.input_value("#landmark") == 'Depan <b>warung</b> & "toko"'
    assert page.input_value("#description") == "Banjir dan gelap."
    assert page.input_value("#contact_phone") == "bukan nomor"
    assert page.is_checked('input[name="category"][value="jalan"]')
    expect(page.locator('#errors a[href="#contact_phone"]')).to_be_visible()
    page.fill("#contact_phone", "")
    page.click("#send")
    page.wait_for_url(re.compile(rf"{re.escape(root)}/laporan/[0-9A-Z]{{8}}/$"))


def test_outside_jakarta_is_said_on_the_page(visit: Callable[..., Visit]):
    here = visit(javascript=False)
    here.forgive(f"{REFUSALS}00")
    page = here.open("/en/lapor/")
    filled(page)
    page.fill("#latitude", "-7.8")
    page.fill("#longitude", "110.36")
    page.click("#send")
    expect(page.locator("#errors")).to_contain_text("outside Jakarta")
    assert page.input_value("#latitude") == "-7.8"


def test_a_report_without_a_position_names_its_kelurahan(visit: Callable[..., Visit]):
    page = visit(javascript=False).open("/lapor/")
    page.select_option("#kelurahan", GAMBIR)
    page.fill("#landmark", "Di depan stasiun")
    page.locator('input[name="category"][value="jalan"]').check(force=True)
    page.fill("#description", WORDS)
    page.click("#send")
    page.wait_for_url(re.compile(r"/laporan/[0-9A-Z]{8}/$"))
    expect(page.locator("h1 span")).to_contain_text("Gambir")


def test_a_private_report_shows_its_key_and_no_public_page(visit: Callable[..., Visit], town: Town):
    page = visit(javascript=False).open("/lapor/")
    filled(page)
    page.locator('input[name="private"][value="true"]').check(force=True)
    page.click("#send")
    page.wait_for_url(re.compile(r"/api/reports/[0-9A-Z]{8}/receipt$"))
    expect(page.locator(".key code")).not_to_be_empty()
    report_id = page.locator(".big-id").inner_text().replace("-", "")
    assert town.server.get(f"/laporan/{report_id}/").status == 404


@pytest.mark.parametrize("root", ["", "/en"])
def test_a_report_is_found_by_its_number(visit: Callable[..., Visit], town: Town, root: str):
    report_id = next(iter(town.by_state.values()))
    page = visit(javascript=False).open(f"{root}/laporan/")
    page.fill("#find-id", f"{report_id[:4]}-{report_id[4:]}".lower())
    page.locator("form.find button").click()
    page.wait_for_url(f"**{root}/laporan/{report_id}/")


def test_a_number_that_is_none_is_answered_in_words(visit: Callable[..., Visit]):
    here = visit(javascript=False)
    here.forgive(f"{REFUSALS}04")
    page = here.open("/en/laporan/")
    page.fill("#find-id", "hello")
    page.locator("form.find button").click()
    expect(page.locator('[role="alert"]')).to_contain_text("hello")


@pytest.mark.parametrize("root", ["", "/en"])
def test_a_place_is_found_by_its_name_from_the_front_page(visit: Callable[..., Visit], root: str):
    page = visit(javascript=False).open(f"{root}/")
    page.fill("#cari", "gambir")
    page.locator("form.find button").first.click()
    page.click(f'.hits a[href="{root}/kelurahan/{GAMBIR}/"]')
    expect(page.locator("h1")).to_have_text("Gambir")


def test_home_leads_to_every_kelurahan_without_scripts(visit: Callable[..., Visit]):
    page = visit(javascript=False).open("/")
    expect(page.locator("svg.city a")).to_have_count(267)
    expect(page.locator(f'#semua a[href$="kelurahan/{GAMBIR}/"]')).to_have_count(1)
