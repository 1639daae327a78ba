"""Mail as others receive it: through a real SMTP server, with the headers that let people leave."""

from __future__ import annotations

import email
import email.policy
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from chalicelib.senders import Message
from chalicelib.senders.folder import MOST, Folder
from chalicelib.senders.mail import as_mail
from chalicelib.senders.smtp import Smtp
from hypothesis import given
from hypothesis import strategies as st

from .conftest import Inbox, Listening

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
