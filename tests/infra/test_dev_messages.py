"""`/_dev/messages/` shows what would have been sent, and nothing else of the machine."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from chalicelib.senders import Message
from chalicelib.senders.folder import Folder

from infra import dev_messages

MESSAGE = Message(
    id="x",
    to="ani@contoh.id",
    language="id",
    subject="<script>alert(1)</script>",
    text="Buka:\nhttps://warga.example/api/follow/abc\n",
    html="<p></p>",
    short="Singkat.",
    url="https://warga.example/laporan/7K3M9QX2/",
    unsubscribe="https://warga.example/api/follow/end",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    kept = tmp_path / "messages"
    sender = Folder(kept, "CCTV Warga <a@b.example>", lambda: datetime(2026, 11, 23, tzinfo=UTC))
    sender.send(MESSAGE)
    Folder(kept, "x <a@b.example>", lambda: datetime(2026, 11, 24, tzinfo=UTC), push=True).send(MESSAGE)
    (tmp_path / "rahasia.eml").write_text("To: semua@contoh.id\n\nrahasia")
    return kept


def shown(folder: Path, path: str) -> tuple[int, str]:
    status, headers, body = dev_messages.answer(folder, path)
    assert ("Cache-Control", "no-store") in headers or status == 404
    return status, body.decode()


def test_messages_are_listed_newest_first_and_read_with_their_links(folder: Path):
    status, page = shown(folder, "/_dev/messages/")
    assert status == 200
    assert page.index("push: ") < page.index("ani@contoh.id")
    assert "<script>" not in page
    _, mail = shown(folder, "/_dev/messages/20261123T000000000000.eml")
    assert '<a href="https://warga.example/api/follow/abc">' in mail
    assert "List-Unsubscribe-Post" in mail
    assert "<script>" not in mail
    _, raw = shown(folder, "/_dev/messages/raw/20261123T000000000000.eml")
    assert raw.startswith("From: CCTV Warga")
    _, push = shown(folder, "/_dev/messages/20261124T000000000000.json")
    assert "Singkat." in push


def test_an_empty_folder_says_so(tmp_path: Path):
    assert "Nothing was sent yet." in shown(tmp_path / "none", "/_dev/messages/")[1]


OUTSIDE = (
    "../rahasia.eml",
    "raw/../../rahasia.eml",
    "%2e%2e/rahasia.eml",
    "rahasia.eml",
    "/etc/passwd",
    "20261123T000000000001.eml",
)


@pytest.mark.parametrize("name", OUTSIDE)
def test_nothing_else_can_be_read(folder: Path, name: str):
    status, page = shown(folder, f"/_dev/messages/{name}")
    assert status == 404
    assert "rahasia" not in page
