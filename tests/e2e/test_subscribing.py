"""From `make run`: a resident confirms from the mail, is told once in their language, and leaves with one click."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from .. import running
from .conftest import PHONE, Town, Visit, middle


def mails(town: Town, to: str) -> list[tuple[str, str]]:
    """(subject, the mail as it was made) of all mails to an address, oldest first."""
    listed = town.server.get("/_dev/messages/").text
    found = re.findall(rf'<a href="(/_dev/messages/[^"]+)">{re.escape(to)}: ([^<]*)</a>', listed)
    return [
        (subject, town.server.get(path.replace("/messages/", "/messages/raw/")).text)
        for path, subject in reversed(found)
    ]


WORDS = {
    "": (
        "Ikuti lewat email",
        "Lihat kotak surat Anda",
        "Ya, saya mau mengikuti",
        "Anda sekarang mengikutinya",
        "Ada catatan pada laporan.",
    ),
    "/en": (
        "Follow by e-mail",
        "Look into your mailbox",
        "Yes, I want to follow",
        "You follow it now",
        "There is a note on the report.",
    ),
}


@pytest.mark.parametrize("root", ["", pytest.param("/en", marks=pytest.mark.journey)], ids=["id", "en"])
def test_a_resident_confirms_is_told_once_and_leaves_with_one_click(
    visit: Callable[..., Visit], town: Town, root: str
):
    press, look, yes, followed, sentence = WORDS[root]
    sent: dict[str, Any] = town.server.post(
        "/api/reports", {"category": "jalan", "description": "Lubang besar di lajur kiri.", **middle()}
    ).json
    address = f"warga-{sent['id'].lower()}@contoh.id"
    running.eventually(
        lambda: town.server.get(f"{root}/laporan/{sent['id']}/").status == 200, "the report's page"
    )
    made = visit(javascript=False, size=PHONE)
    page = made.open(f"{root}/laporan/{sent['id']}/")
    page.locator("details.follow-fold summary").click()
    page.locator("#follow-email").fill(address)
    page.get_by_role("button", name=press).click()
    expect(page.get_by_role("heading", name=look)).to_be_visible()
    ((_, asked),) = running.eventually(lambda: mails(town, address), "the mail that asks")
    made.open("/_dev/messages/").get_by_role("link", name=re.compile(re.escape(address))).click()
    page.locator("pre a").first.click()
    page.get_by_role("button", name=yes).click()
    expect(page.get_by_role("heading", name=followed)).to_be_visible()
    assert "List-Unsubscribe" not in asked

    deed = {"action": "add", "follow_key": sent["follow_key"], "text": "Sekarang lebih dalam."}
    assert town.server.post(f"/api/reports/{sent['id']}/feedback", deed).status == 200
    running.eventually(lambda: len(mails(town, address)) == 2, "the update")
    _, update = mails(town, address)[1]
    assert sentence in update
    end = re.search(r"^List-Unsubscribe: <(\S+)>", update, re.MULTILINE)
    assert end, update[:800]
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in update
    # What a mail program does, without a person.
    left = running.ask(
        end[1],
        method="POST",
        body=b"List-Unsubscribe=One-Click",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert (left.status, left.json["follows"]) == (200, [])
    again = {**deed, "text": "Dan lebih lebar."}
    assert town.server.post(f"/api/reports/{sent['id']}/feedback", again).status == 200
    running.eventually(
        lambda: "Dan lebih lebar." in town.server.get(f"/laporan/{sent['id']}.json").text, "the second update"
    )
    assert len(mails(town, address)) == 2
