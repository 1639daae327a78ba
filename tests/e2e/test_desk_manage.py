"""The desk in a real browser: saved views, people, templates, and what admins make, try and close there."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.running import ask

from .conftest import DESKTOP, GAMBIR, PHONE, REFUSALS, Town, Visit
from .test_desk import COORDINATOR, HOME, at_desk, deed, opened, sent, violations

ADMIN = "contoh-admin"
PARTS = ("akun", "dinas", "aturan", "kalimat", "kunci")


def managing(page: Page, part: str) -> None:
    """Go to a part of the admins' pages, as a link does."""
    page.evaluate(f"location.hash = '#/kelola/{part}'")
    expect(page.locator(f'.tabs a[aria-current][href="#/kelola/{part}"]')).to_be_visible()
    expect(page.locator(".part")).not_to_have_attribute("aria-busy", "true")


def test_a_view_is_saved_used_again_elsewhere_and_forgotten(visit: Callable[..., Visit], town: Town):
    sent(town, "Tumpukan sampah di trotoar.", category="sampah")
    page = at_desk(visit, COORDINATOR)
    page.locator(".filters summary").click()
    page.locator("#kategori").select_option("sampah")
    page.locator("[data-boundary]").select_option(GAMBIR)
    page.locator("[data-boundary]").select_option("31.71.01.1002")
    expect(page.locator("[data-picked] button")).to_have_count(2)
    page.locator("[data-save-view] summary").click()
    page.locator("#nama-tampilan").fill("Sampah kami")
    page.locator("[data-view-form] [type=submit]").click()
    expect(page.locator("[data-views]")).to_have_value("Sampah kami")
    other = at_desk(visit, COORDINATOR, size=PHONE)
    other.locator("[data-views]").select_option("Sampah kami")
    expect(other.locator("[data-picked] button")).to_have_count(2)
    expect(other.locator("[data-rows] a b").first).to_have_text(re.compile("Sampah"))
    assert other.locator("#kategori").input_value() == "sampah"
    other.locator("[data-save-view] summary").click()
    other.locator("[data-forget-view]").click()
    expect(other.locator("[data-views] option")).to_have_count(1)


def test_a_report_is_given_to_a_person_and_found_by_them(visit: Callable[..., Visit], town: Town):
    report = sent(town)
    page = at_desk(visit, HOME)
    opened(page, report)
    page.keyboard.press("g")
    page.locator("#f-person").select_option(HOME)
    page.locator("form.deed [type=submit]").click()
    expect(page.locator(".said")).to_be_visible()
    expect(page.locator(".detail")).to_contain_text("Dipegang Contoh Petugas Gambir")
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    expect(page.locator(f'[data-rows] a[data-id="{report}"]')).to_contain_text("Contoh Petugas Gambir")
    assert "Contoh Petugas" not in ask(f"{town.url}/laporan/{report}.json").text


def test_a_template_is_seen_in_both_languages_and_begins_what_the_officer_writes(
    visit: Callable[..., Visit], town: Town
):
    report = sent(town)
    page = at_desk(visit, HOME, size=PHONE)
    opened(page, report)
    page.locator('[data-deed="done"]').click()
    page.locator(".phrases select").select_option("contoh-selesai")
    expect(page.locator(".preview q[lang=en]")).to_contain_text("Kelurahan Gambir has dealt with")
    page.locator(".preview-one button").first.click()
    words = page.locator('form.deed [name="text"]')
    expect(words).to_have_value(
        "Masalah ini sudah ditangani oleh Kelurahan Gambir. Terima kasih sudah melapor."
    )
    page.locator("form.deed [type=submit]").click()
    expect(page.locator(".said")).to_be_visible()


@pytest.mark.journey
@pytest.mark.parametrize(
    ("name", "fields", "state"),
    [
        ("rejected", {"reason": "not_found", "text": "Kami tidak menemukannya di lokasi."}, "rejected"),
        ("duplicate", {"duplicate_of": "", "text": "Sama dengan laporan itu."}, "duplicate"),
    ],
    ids=["rejected", "duplicate"],
)
def test_a_report_is_rejected_with_a_reason_or_pointed_to_another(
    visit: Callable[..., Visit], town: Town, name: str, fields: dict[str, str], state: str
):
    other, report = sent(town), sent(town)
    page = at_desk(visit, HOME)
    opened(page, report)
    deed(page, name, **{**fields, **({"duplicate_of": other} if "duplicate_of" in fields else {})})
    told = ask(f"{town.url}/api/reports/{report}").json
    assert (told["state"]["code"], told["duplicate_of"]) == (state, other if state == "duplicate" else None)
    assert told["history"][-1].get("reason") == fields.get("reason")


def test_an_admin_makes_an_account_that_signs_in_and_closes_it_again(visit: Callable[..., Visit], town: Town):
    page = at_desk(visit, ADMIN, size=PHONE)
    managing(page, "akun")
    page.get_by_role("button", name="Akun baru").click()
    form = page.locator("form.deed")
    form.get_by_label("Nama").fill("Sari Contoh")
    form.get_by_label("Kantor").select_option(GAMBIR)
    form.get_by_label("Wilayah").select_option(GAMBIR)
    form.locator("[type=submit]").click()
    row = page.locator(".entries li", has_text="Sari Contoh")
    expect(row).to_be_visible()
    opening = visit()
    opening.forgive(REFUSALS)
    theirs = opening.open("/petugas/")
    theirs.locator("[data-sign-in]").click()
    theirs.get_by_role("button", name="Sari Contoh").click()
    expect(theirs.locator("[data-board]")).to_be_visible()
    row.get_by_role("button").click()
    page.locator("form.deed").get_by_label("Akun ini ditutup").check()
    page.locator("form.deed [type=submit]").click()
    expect(row).to_contain_text("ditutup")
    theirs.keyboard.press("r")
    expect(theirs.locator("[data-queue-error], [data-banner]").filter(visible=True).first).to_contain_text(
        "ditutup"
    )


def test_a_rule_is_tried_goes_live_and_hands_the_next_report_on(visit: Callable[..., Visit], town: Town):
    past = sent(town, "Pohon tumbang menutup selokan zamrud.", category="pohon")
    page = at_desk(visit, ADMIN)
    managing(page, "dinas")
    page.get_by_role("button", name="Dinas baru").click()
    form = page.locator("form.deed")
    form.get_by_label("Kode").fill("regu-zamrud")
    form.get_by_label("Nama dalam bahasa Indonesia").fill("Regu Zamrud")
    form.get_by_label("Nama dalam bahasa Inggris").fill("Emerald team")
    form.locator("[type=submit]").click()
    expect(page.locator(".entries")).to_contain_text("Regu Zamrud")
    managing(page, "aturan")
    page.get_by_role("button", name="Aturan baru").click()
    form = page.locator("form.deed")
    form.get_by_label("Kode").fill("zamrud")
    form.get_by_label("Nama aturan").fill("Selokan zamrud")
    form.get_by_label("Ke dinas mana").select_option("regu-zamrud")
    form.get_by_label("Kata", exact=True).fill("selokan zamrud")
    form.locator("[data-try]").click()
    expect(page.locator(".trial")).to_contain_text("meneruskan 1 ke Regu Zamrud")
    expect(page.locator(f'.trial a[href="#/laporan/{past}"]')).to_be_visible()
    page.locator("[data-live]").click()
    expect(page.locator(".entries li", has_text="Selokan zamrud")).to_contain_text("berlaku")
    report = sent(town, "Ada lagi pohon di selokan zamrud.", category="pohon")
    told = ask(f"{town.url}/api/reports/{report}").json
    assert [(event["kind"], event.get("rule")) for event in told["history"]] == [
        ("received", None), ("routed", "Selokan zamrud"),
    ]  # fmt: skip
    assert told["office"] == "Regu Zamrud"
    page.locator(".entries li", has_text="Selokan zamrud").get_by_role("button").click()
    page.locator("form.deed").get_by_role("button", name="Hapus", exact=True).click()
    expect(page.locator(".part")).to_contain_text("Belum ada aturan")


@pytest.mark.journey
def test_back_leaves_the_admins_pages_for_the_queue(visit: Callable[..., Visit], town: Town):
    page = at_desk(visit, ADMIN)
    page.locator("[data-manage]").click()
    expect(page.locator(".tabs")).to_be_visible()
    page.go_back()
    expect(page.locator("[data-board]")).to_be_visible()
    expect(page.locator("[data-admin]")).to_be_hidden()


@pytest.mark.journey
def test_who_is_no_admin_has_no_way_there(visit: Callable[..., Visit], town: Town):
    page = at_desk(visit, COORDINATOR)
    assert page.locator("[data-manage]").is_hidden()
    page.evaluate("location.hash = '#/kelola/akun'")
    expect(page.locator("[data-board]")).to_be_visible()
    assert page.locator(".tabs").count() == 0


def barriers(page: Page) -> None:
    for part in PARTS:
        managing(page, part)
        if part != "kunci":
            page.locator(".part > p > .button").click()
            expect(page.locator("form.deed")).to_be_visible()
        assert violations(page) == [], part
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), part


def test_the_admins_pages_have_no_barrier_and_fit_a_phone(visit: Callable[..., Visit], town: Town):
    barriers(at_desk(visit, ADMIN, size=PHONE))


@pytest.mark.journey
@pytest.mark.parametrize(
    ("path", "size", "colours"),
    [
        ("/petugas/", DESKTOP, "dark"),
        ("/en/petugas/", PHONE, "dark"),
        ("/en/petugas/", DESKTOP, "light"),
    ],
    ids=["id PC dark", "en phone dark", "en PC light"],
)
def test_the_admins_pages_have_no_barrier_on_any_screen(
    visit: Callable[..., Visit], town: Town, path: str, size: dict[str, int], colours: str
):
    barriers(at_desk(visit, ADMIN, path, size=size, colours=colours))


def test_an_ended_session_keeps_what_an_admin_wrote(visit: Callable[..., Visit], town: Town):
    opening = visit()
    opening.forgive(REFUSALS)
    page = opening.open("/petugas/")
    page.locator("[data-sign-in]").click()
    page.locator(f"button[value={ADMIN}]").click()
    # Signing in ends with an address of its own: a link pressed before that would be lost.
    expect(page.get_by_role("link", name="Kelola")).to_be_visible()
    managing(page, "akun")
    page.get_by_role("button", name="Akun baru").click()
    page.locator("form.deed").get_by_label("Nama").fill("Belum Terkirim")
    page.locator("form.deed").get_by_label("Wilayah").select_option(GAMBIR)
    page.evaluate("sessionStorage['desk-session'] = JSON.stringify({ access: 'a.b.c', refresh: 'spent' })")
    page.locator("form.deed").get_by_label("Kantor").select_option(GAMBIR)
    page.locator("form.deed [type=submit]").click()
    expect(page.locator("[data-banner]")).to_contain_text("Sesi Anda")
    page.locator("[data-sign-in]").click()
    page.locator(f"button[value={ADMIN}]").click()
    expect(page.locator(".tabs")).to_be_visible()
    page.get_by_role("button", name="Akun baru").click()
    form = page.locator("form.deed")
    expect(form.get_by_label("Nama")).to_have_value("Belum Terkirim")
    expect(form.get_by_label("Kantor")).to_have_value(GAMBIR)
    expect(form.locator(".picked button")).to_have_count(1)
    form.get_by_role("button", name="Batal").click()
