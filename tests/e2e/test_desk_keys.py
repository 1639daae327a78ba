"""API keys at the desk, in a real browser: made, shown once, restricted, and revoked for good."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from .conftest import PHONE, Town, Visit
from .test_desk import at_desk
from .test_desk_manage import ADMIN, managing


@pytest.mark.journey
def test_a_key_is_made_restricted_and_revoked(visit: Callable[..., Visit], town: Town):
    page = at_desk(visit, ADMIN, size=PHONE)
    managing(page, "kunci")
    form = page.locator("[data-new-key]")
    form.locator("[name=name]").fill("Peta RW 05")
    form.locator("[name=boundaries]").fill("31.71.01")
    form.locator("button").click()
    shown = page.locator("code.key")
    expect(shown).to_have_text(re.compile(r"^cw_[0-9a-f]{8}_[0-9a-f]{40}$"))
    row = page.locator("[data-client]").filter(has_text="Peta RW 05")
    expect(row).to_have_count(1)
    row.locator("summary").click()
    row.locator("input[type=number]").fill("5")
    row.get_by_role("button", name="Simpan").click()
    expect(row.locator("input[type=number]")).to_have_value("5")
    row.locator("summary").click()
    row.locator("[data-revoke]").click()
    row.get_by_role("button", name="Cabut untuk selamanya").click()
    expect(row).to_contain_text("Dicabut")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
