"""From a report to what people receive: through a real mail server, and through a push service that decrypts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from chalicelib import categories, notices
from chalicelib.followers import EMAIL, PUSH
from chalicelib.front import api
from chalicelib.front.operation import Parts, Request
from chalicelib.senders.smtp import Smtp
from chalicelib.settings import Settings

from ..newsroom import renderer
from ..test_notices import ANI, HERE, Mailroom, made
from . import test_push
from .conftest import Inbox, Listening, Service
from .test_mail import FROM


@pytest.fixture
def mailroom(tmp_path: Path) -> Iterator[Mailroom]:
    yield from made(tmp_path)


def pressed(mailroom: Mailroom, url: str, body: bytes) -> int:
    """A button or a mail program POSTs to a link of a message."""
    parts = Parts(
        settings=Settings(page_wait_ms=0),
        door=replace(mailroom.news.door, random_bytes=mailroom.book.random_bytes),
        site=mailroom.news.site,
        categories=categories.load(),
        renderer=renderer,
        approximate=False,
    )
    headers = {"content-type": "application/x-www-form-urlencoded"}
    token = url.rpartition("/")[2]
    return api.answer(parts, "change_follow", Request({"token": token}, {}, headers, body)).status


def test_mail_goes_out_is_confirmed_tells_once_and_ends_with_one_click(mailroom: Mailroom, server: Listening):
    box: Inbox = server.handler
    box.__init__()  # type: ignore[misc]
    smtp = Smtp("127.0.0.1", server.port, FROM, mailroom.now, tls="none")
    mailroom = replace(mailroom, post=replace(mailroom.post, senders={EMAIL: smtp}))
    mailroom.book.ask(EMAIL, ANI, HERE, rhythm="now", language="en", also=notices.confirmation)
    mailroom.news.send()
    mailroom.run()
    (asked,) = box.mails
    plain = asked.get_body(("plain",))
    assert plain is not None
    (yes,) = re.findall(r"https://\S+", plain.get_content())
    assert pressed(mailroom, yes, b"action=confirm") == 200
    mailroom.news.clock.later(seconds=1)
    mailroom.news.send()
    mailroom.run(again=2)
    told = box.mails[-1]
    assert len(box.mails) == 2
    assert told["Subject"].startswith("Damaged road, Gambir: new report")
    assert told["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert pressed(mailroom, told["List-Unsubscribe"].strip("<>"), b"List-Unsubscribe=One-Click") == 200
    mailroom.news.send()
    mailroom.run()
    assert len(box.mails) == 2
    assert box.recipients == [ANI, ANI]


def test_push_tells_once_and_a_subscription_that_is_no_more_is_erased(mailroom: Mailroom, service: Service):
    mailroom = replace(mailroom, post=replace(mailroom.post, senders={PUSH: test_push.sender()}))
    keys = {"p256dh": test_push.P256DH, "auth": test_push.b64(test_push.AUTH)}
    who, _ = mailroom.book.ask(PUSH, service.url, HERE, rhythm="now", language="id", **keys)
    mailroom.news.clock.later(seconds=1)
    sent = mailroom.news.send()
    mailroom.run(again=2)
    ((_, body),) = service.asked
    told = test_push.opened(body)
    assert told["title"].startswith("Jalan rusak, Gambir: laporan baru")
    assert told["url"].endswith(f"/laporan/{sent.id}/")
    service.status = 410
    mailroom.news.send()
    mailroom.run()
    assert mailroom.book.load(who.id) is None
    mailroom.news.send()
    mailroom.run()
    assert len(service.asked) == 2
