"""Mail as others receive it: through a real SMTP server, with the headers that let people leave."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from chalicelib.senders import Message
from chalicelib.senders.folder import MOST, Folder
from chalicelib.senders.mail import as_mail
from chalicelib.senders.smtp import Smtp
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
FROM = "CCTV Warga <kabar@warga.example>"
END = "https://warga.example/api/follow/0123456789abcdef01234567-u1-abcdefghijklmnopqrstuvwxyz"
MESSAGE = Message(
    id="7K3M9QX2#2#done#w",
    to="ani@contoh.id",
    language="id",
    subject="Jalan rusak, Gambir: Selesai — “rapi”",
    text="Sudah selesai.\n\n.titik di awal baris\n",
    html="<p>Sudah selesai.</p>",
    short="Sudah selesai.",
    url="https://warga.example/laporan/7K3M9QX2/",
    unsubscribe=END,
)


@dataclass
class Inbox:
    """A mail server's memory. `answers` are what it says to RCPT and DATA, first come first served."""

    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    to_rcpt: list[str] = field(default_factory=list)
    to_data: list[str] = field(default_factory=list)
    hang_up: bool = False

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.to_rcpt:
            return self.to_rcpt.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.hang_up:
            server.transport.abort()
            await asyncio.sleep(0)
        if self.to_data:
            return self.to_data.pop(0)
        parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        self.mails.append(parsed)
        self.recipients += envelope.rcpt_tos
        return "250 OK"


class Listening(Controller):
    """A mail server on a port that the system chose."""

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture(scope="module")
def server() -> Iterator[Listening]:
    controller = Listening(Inbox(), hostname="127.0.0.1", port=0)
    controller.start()
    yield controller
    controller.stop()


@pytest.fixture
def inbox(server: Listening) -> tuple[Inbox, Smtp]:
    handler: Inbox = server.handler
    handler.__init__()  # type: ignore[misc] # forgets the test before
    return handler, Smtp("127.0.0.1", server.port, FROM, lambda: NOW, tls="none")


def test_a_mail_arrives_whole(inbox: tuple[Inbox, Smtp]):
    box, smtp = inbox
    assert smtp.send(MESSAGE) == "sent"
    (mail,) = box.mails
    assert box.recipients == ["ani@contoh.id"]
    assert mail["Subject"] == MESSAGE.subject
    assert mail["Content-Language"] == "id"
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().replace("\r\n", "\n") == MESSAGE.text
    assert html.get_content().strip() == MESSAGE.html
    assert mail.get_content_type() == "multipart/alternative"


def test_a_mail_program_can_leave_with_one_click(inbox: tuple[Inbox, Smtp]):
    box, smtp = inbox
    smtp.send(MESSAGE)
    smtp.send(replace(MESSAGE, unsubscribe=""))
    told, asked = box.mails
    assert told["List-Unsubscribe"] == f"<{END}>"
    assert told["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert told["Auto-Submitted"] == "auto-generated"
    assert asked["List-Unsubscribe"] is None


def test_the_address_to_leave_stands_in_the_mail_as_it_is():
    end = f"{END}{'x' * 100}"
    raw = as_mail(replace(MESSAGE, unsubscribe=end), sender=FROM, now=NOW).as_bytes()
    assert f"\r\nList-Unsubscribe: <{end}>\r\n".encode() in raw
    assert max(map(len, raw.split(b"\r\n"))) < 998


def test_the_same_message_has_the_same_id_and_none_tells_the_address():
    first, again = (as_mail(MESSAGE, sender=FROM, now=NOW) for _ in range(2))
    assert first["Message-ID"] == again["Message-ID"]
    assert as_mail(replace(MESSAGE, id="x"), sender=FROM, now=NOW)["Message-ID"] != first["Message-ID"]
    assert "ani" not in first["Message-ID"]


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("451 4.3.0 try again", "later"),
        ("452 4.2.2 full", "later"),
        ("550 5.1.1 no such user", "gone"),
        ("550 5.7.1 we do not like you", "refused"),
    ],
)
def test_what_the_server_says_of_the_address_decides(inbox: tuple[Inbox, Smtp], code: str, outcome: str):
    box, smtp = inbox
    box.to_rcpt = [code]
    assert smtp.send(MESSAGE) == outcome
    assert box.mails == []


@pytest.mark.parametrize(("code", "outcome"), [("451 4.3.0 later", "later"), ("554 5.6.0 no", "refused")])
def test_what_the_server_says_of_the_mail_decides(inbox: tuple[Inbox, Smtp], code: str, outcome: str):
    box, smtp = inbox
    box.to_data = [code]
    assert smtp.send(MESSAGE) == outcome


def test_a_connection_that_breaks_after_handing_over_leaves_it_unclear(inbox: tuple[Inbox, Smtp]):
    box, smtp = inbox
    box.hang_up = True
    assert smtp.send(MESSAGE) == "unclear"


def test_a_server_that_is_not_there_is_tried_later(inbox: tuple[Inbox, Smtp]):
    _, smtp = inbox
    assert replace(smtp, port=1).send(MESSAGE) == "later"


def test_a_server_without_encryption_is_not_told_anything(inbox: tuple[Inbox, Smtp]):
    box, smtp = inbox
    assert replace(smtp, tls="starttls").send(MESSAGE) == "later"
    assert box.mails == []


@pytest.mark.parametrize(
    "address",
    [
        "ani@contoh.id\r\nBcc: semua@contoh.id",
        "ani@contoh.id\nX: y",
        "ani@contoh.id, budi@contoh.id",
        "<ani@contoh.id>",
        "ani",
        "",
        "ani@contoh.id>\r\nRCPT TO:<x@y.z",
    ],
)
def test_a_forged_address_makes_no_mail(inbox: tuple[Inbox, Smtp], address: str):
    box, smtp = inbox
    assert smtp.send(replace(MESSAGE, to=address)) == "refused"
    assert box.mails == []


@given(st.text(max_size=300))
def test_no_subject_makes_another_header(subject: str):
    data = as_mail(
        replace(MESSAGE, subject=subject.encode("utf-8", "replace").decode()), sender=FROM, now=NOW
    ).as_bytes()
    read = email.message_from_bytes(data, policy=email.policy.default)
    assert set(read.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "List-Id", "List-Unsubscribe",
        "List-Unsubscribe-Post", "Content-Type", "MIME-Version", "Content-Language",
    }  # fmt: skip


def test_the_folder_keeps_what_would_have_been_sent(tmp_path: Path):
    times = iter([NOW.replace(microsecond=n) for n in range(2000)])
    folder = Folder(tmp_path, FROM, lambda: next(times))
    assert folder.send(MESSAGE) == "sent"
    assert folder.send(replace(MESSAGE, to="a\r\nb@c.d")) == "refused"
    (kept,) = tmp_path.glob("*.eml")
    assert b"To: ani@contoh.id" in kept.read_bytes()
    push = Folder(tmp_path, FROM, lambda: next(times), push=True)
    for _ in range(MOST + 5):
        assert push.send(MESSAGE) == "sent"
    assert len(list(tmp_path.iterdir())) == MOST
    told = json.loads(max(tmp_path.glob("*.json")).read_text())
    assert told == {"title": MESSAGE.subject, "body": MESSAGE.short, "url": MESSAGE.url, "lang": "id"}
