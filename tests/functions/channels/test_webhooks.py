"""Webhooks: who asked is told, signed and at least once; what comes in signed is taken once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from chalicelib import intake, lifecycle, records
from chalicelib.channels import webhooks
from chalicelib.front.operation import Parts
from chalicelib.front.problems import Refused
from chalicelib.submission import Submission
from hypothesis import given
from hypothesis import strategies as st

from tests.functions.channels.conftest import Caller, Photos
from tests.functions.channels.test_open311 import move
from tests.functions.conftest import CIDENG, GAMBIR, Clock, Dice


@dataclass
class Receiver:
    """The receiver of the documentation: checks the signature by itself and keeps each id once."""

    secret: str = ""
    status: int = 200
    got: list[dict[str, Any]] = field(default_factory=list)
    tries: int = 0

    def __call__(self, url: str, data: bytes, headers: Mapping[str, str]) -> int:
        self.tries += 1
        if self.status != 200:
            return self.status
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        signed = f"{headers['Webhook-Id']}.{headers['Webhook-Timestamp']}.".encode() + data
        expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        assert expected in headers["Webhook-Signature"].split()
        message = json.loads(data)
        assert message["id"] == headers["Webhook-Id"]
        self.got.append(message)
        return 200


@dataclass
class Out:
    parts: Parts
    clock: Clock
    dice: Dice

    def add(self, **changes: Any) -> webhooks.Hook:
        good = {
            "name": "Koran",
            "url": "https://koran.test/masuk",
            "now": self.clock(),
            "random_bytes": self.dice,
        }
        return webhooks.add(self.parts.door.table, **{**good, **changes})

    def run(self, receiver: Receiver) -> dict[str, int]:
        table = self.parts.door.table
        while True:
            batch = table.changes("webhooks", 50)
            webhooks.enqueue(table, batch.changes, self.clock())
            table.acknowledge("webhooks", batch)
            if not batch.changes:
                break
        return webhooks.deliver(table, self.parts.categories, receiver, now=self.clock())

    def report(self, **changes: Any) -> str:
        good: dict[str, Any] = {"category": "jalan", "description": "Lubang besar.", "latitude": -6.17}
        sent = Submission(**{**good, "longitude": 106.83, **changes})
        return intake.accept(self.parts.door, sent, channel="web").id


@pytest.fixture
def out(parts: Parts, clock: Clock, dice: Dice) -> Out:
    return Out(parts, clock, dice)


def test_every_event_is_told_once_signed_with_the_public_report(out: Out, parts: Parts):
    receiver = Receiver(out.add().secrets[0].text)
    report_id = out.report(contact_email="ani@contoh.id", description="Hubungi 0812-3456-7890 segera.")
    move(parts, report_id, lifecycle.Move("done", "Selesai."))
    assert out.run(receiver) == {"sent": 2, "later": 0, "dead": 0}
    assert [message["id"] for message in receiver.got] == [f"{report_id}-1", f"{report_id}-2"]
    assert [message["type"] for message in receiver.got] == ["report.received", "report.moved"]
    assert receiver.got[1]["report"]["state"]["code"] == "done"
    assert receiver.got[1]["report"]["history"][0]["to_state"] == "done"
    text = json.dumps(receiver.got)
    assert not [secret for secret in ("ani@contoh.id", "0812", "follow") if secret in text]
    assert out.run(receiver) == {"sent": 0, "later": 0, "dead": 0}


def test_changes_that_come_twice_are_told_once(out: Out, parts: Parts, clock: Clock):
    receiver = Receiver(out.add().secrets[0].text)
    out.report()
    batch = parts.door.table.changes("webhooks", 50)
    assert webhooks.enqueue(parts.door.table, batch.changes, clock()) == 1
    assert webhooks.enqueue(parts.door.table, batch.changes, clock()) == 0
    assert out.run(receiver)["sent"] == 1


@pytest.mark.parametrize(
    ("filters", "told"),
    [
        ({}, 3),
        ({"boundaries": ["31.71.01.1001"]}, 2),
        ({"boundaries": ["31.71.01"]}, 3),
        ({"boundaries": ["31.72", CIDENG]}, 1),
        ({"categories": ["sampah"]}, 1),
        ({"states": ["done"]}, 1),
        ({"boundaries": [CIDENG], "states": ["done"]}, 0),
    ],
)
def test_a_filter_lets_through_what_it_names(out: Out, parts: Parts, filters: dict[str, Any], told: int):
    receiver = Receiver(out.add(**filters).secrets[0].text)
    done = out.report()
    out.report(category="sampah", longitude=106.81)
    move(parts, done, lifecycle.Move("done", "Selesai."))
    out.run(receiver)
    assert len(receiver.got) == told


def test_private_reports_are_told_to_nobody(out: Out):
    receiver = Receiver(out.add().secrets[0].text)
    out.report(private=True)
    assert out.run(receiver)["sent"] == 0
    assert receiver.tries == 0


def test_a_receiver_that_is_down_is_tried_again_for_a_day_and_loses_nothing(out: Out, clock: Clock):
    hook = out.add()
    receiver = Receiver(hook.secrets[0].text, status=503)
    report_id = out.report()
    assert out.run(receiver) == {"sent": 0, "later": 1, "dead": 0}
    assert out.run(receiver)["later"] == 0, "not before its time"
    clock.later(seconds=60)
    assert out.run(receiver)["later"] == 1
    gone = 0
    for _ in range(24 * 12):
        clock.later(minutes=5)
        gone += out.run(receiver)["dead"]
    assert gone == 1
    assert 10 <= receiver.tries <= 20
    table = out.parts.door.table
    (letter,) = webhooks.dead(table, hook.id)
    assert (letter["report"], letter["seq"], letter["status"]) == (report_id, 1, 503)
    receiver.status = 200
    assert webhooks.replay(table, hook.id, now=clock()) == 1
    assert out.run(receiver)["sent"] == 1
    assert webhooks.dead(table, hook.id) == []
    assert [message["id"] for message in receiver.got] == [f"{report_id}-1"]


def test_a_receiver_that_fails_is_asked_once_a_round_and_holds_up_nobody_else(out: Out, clock: Clock):
    good, bad = out.add(), out.add(url="https://down.test/masuk")
    receiver, asked = Receiver(good.secrets[0].text), []

    def send(url: str, data: bytes, headers: Mapping[str, str]) -> int:
        asked.append(url)
        return 503 if url == bad.url else receiver(url, data, headers)

    for _ in range(3):
        out.report()
    assert out.run(send) == {"sent": 3, "later": 1, "dead": 0}  # type: ignore[arg-type]
    assert asked.count(bad.url) == 1
    clock.later(minutes=1)
    asked.clear()
    out.run(send)  # type: ignore[arg-type]
    assert asked == [bad.url], "what waited is due again, and again one try tells"


def test_a_round_that_must_end_begins_nothing_new_and_loses_nothing(out: Out, parts: Parts, clock: Clock):
    receiver = Receiver(out.add().secrets[0].text)
    for _ in range(3):
        out.report()
    out.run(Receiver(status=500))
    clock.later(minutes=2)
    table, left = parts.door.table, iter([True, False])
    done = webhooks.deliver(table, parts.categories, receiver, now=clock(), go_on=lambda: next(left, False))
    assert done == {"sent": 1, "later": 0, "dead": 0}
    assert out.run(receiver)["sent"] == 2


def test_nobody_at_the_address_counts_as_a_failure(out: Out):
    out.add()
    out.report()
    assert out.run(Receiver(status=0)) == {"sent": 0, "later": 1, "dead": 0}


def test_a_secret_is_changed_without_losing_a_message(out: Out, parts: Parts, clock: Clock):
    hook = out.add()
    old, table = Receiver(hook.secrets[0].text), parts.door.table
    renewed = webhooks.rotate(table, hook.id, now=clock(), random_bytes=out.dice)
    new = Receiver(renewed.secrets[0].text)
    assert old.secret != new.secret
    out.report()
    assert out.run(old)["sent"] == 1, "the old secret signs along"
    out.report()
    assert out.run(new)["sent"] == 1
    clock.later(days=1, seconds=1)
    out.report()
    with pytest.raises(AssertionError):
        out.run(old)
    assert out.run(new)["sent"] == 1


def test_what_was_removed_is_told_nothing_more(out: Out, parts: Parts):
    hook = out.add()
    out.report()
    webhooks.remove(parts.door.table, hook.id)
    assert out.run(Receiver()) == {"sent": 0, "later": 0, "dead": 0}
    for deed in (webhooks.remove, lambda t, i: webhooks.replay(t, i, now=out.clock())):
        with pytest.raises(LookupError, match="webhooks list"):
            deed(parts.door.table, hook.id)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"url": "ftp://koran.test/"}, "public https"),
        ({"url": "http://koran.test:8080/"}, "public https"),
        ({"boundaries": ["x"]}, "is no code"),
        ({"states": ["gone"]}, "choose from"),
    ],
)
def test_a_webhook_that_cannot_be_says_why(out: Out, changes: dict[str, Any], words: str):
    with pytest.raises(ValueError, match=words):
        out.add(**changes)


def test_the_sender_posts_and_never_into_our_own_network(photos: Photos):
    assert webhooks.sender(private=True)(f"{photos.url}/x", b"{}", {}) == 501, "the test server takes no POST"
    assert webhooks.sender(private=False)(f"{photos.url}/x", b"{}", {}) == 0


# Coming in.


@dataclass
class Sender:
    """Another system that sends signed reports."""

    caller: Caller
    secret: webhooks.Secret
    clock: Clock

    def send(
        self, message: Any, *, channel: str = "rt-siaga", headers: Mapping[str, str] | None = None
    ) -> Any:
        data = message if isinstance(message, bytes) else json.dumps(message).encode()
        signed = webhooks.signed([self.secret], "m-1", data, self.clock())
        lower = {name.lower(): value for name, value in signed.items()} | {"content-type": "application/json"}
        return self.caller.call(
            "POST", f"/api/channels/{channel}", body=data, headers={**lower, **(headers or {})}
        )


MESSAGE = {
    "id": "RT-77",
    "category": "jalan",
    "description": "Lubang besar di gang.",
    "latitude": -6.17,
    "longitude": 106.83,
}


@pytest.fixture
def sender(caller: Caller, clock: Clock, dice: Dice) -> Sender:
    secret = webhooks.open_channel(caller.parts.door.table, "rt-siaga", now=clock(), random_bytes=dice)
    return Sender(caller, secret, clock)


def test_a_signed_message_becomes_one_report_however_often_it_comes(sender: Sender, clock: Clock):
    first = sender.send(MESSAGE)
    assert first.status == 201, first.body
    clock.later(days=100)
    again = sender.send({**MESSAGE, "description": "Ditulis lain."})
    assert again.status == 200
    one, two = json.loads(first.body), json.loads(again.body)
    assert (one["id"], one["repeated"], two["repeated"]) == (two["id"], False, True)
    found = records.load(sender.caller.parts.door.table, one["id"])
    assert found is not None
    assert found[0].place is not None
    assert (found[0].place.kode, found[0].description) == (GAMBIR, "Lubang besar di gang.")


def codes(got: Any) -> list[tuple[str, str]]:
    return [(each["code"], each["field"]) for each in json.loads(got.body)["errors"]]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"webhook-signature": ""}, "signature_missing"),
        ({"webhook-id": ""}, "signature_missing"),
        ({"webhook-signature": "v1,AAAA"}, "signature_wrong"),
        ({"webhook-signature": "v1,ü"}, "signature_wrong"),
        ({"webhook-id": "m-2"}, "signature_wrong"),
        ({"webhook-timestamp": "0"}, "signature_wrong"),
        ({"webhook-timestamp": "now"}, "signature_wrong"),
        ({"webhook-timestamp": "99999999999999"}, "signature_wrong"),
    ],
)
def test_a_message_that_is_not_well_signed_is_refused(sender: Sender, headers: dict[str, str], code: str):
    got = sender.send(MESSAGE, headers=headers)
    assert (got.status, codes(got)) == (403, [(code, "Webhook-Signature")])


def test_a_message_signed_long_ago_is_refused(sender: Sender):
    data = json.dumps(MESSAGE).encode()
    old = webhooks.signed([sender.secret], "m-1", data, sender.clock())
    sender.clock.later(seconds=301)
    got = sender.send(MESSAGE, headers={name.lower(): value for name, value in old.items()})
    assert codes(got) == [("signature_wrong", "Webhook-Signature")]


def test_a_channel_nobody_opened_or_that_was_closed_is_not_there(sender: Sender):
    for name in ("lain", "UPPER", "%00"):
        got = sender.send(MESSAGE, channel=name)
        assert (got.status, codes(got)) == (404, [("channel_unknown", "channel")])
    table = sender.caller.parts.door.table
    webhooks.close_channel(table, "rt-siaga")
    assert sender.send(MESSAGE).status == 404
    with pytest.raises(LookupError):
        webhooks.close_channel(table, "rt-siaga")


def test_a_channels_secret_is_changed_without_losing_a_message(sender: Sender, clock: Clock, dice: Dice):
    table = sender.caller.parts.door.table
    fresh = webhooks.open_channel(table, "rt-siaga", now=clock(), random_bytes=dice)
    assert sender.send(MESSAGE).status == 201, "the old one is good for a day"
    assert Sender(sender.caller, fresh, clock).send(MESSAGE).status == 200
    clock.later(days=1, seconds=1)
    assert sender.send(MESSAGE).status == 403
    assert Sender(sender.caller, fresh, clock).send(MESSAGE).status == 200
    with pytest.raises(ValueError, match="lower case"):
        webhooks.open_channel(table, "No Name", now=clock(), random_bytes=dice)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b"{", {("body_unreadable", "")}),
        (b"[]", {("body_unreadable", "")}),
        ({**MESSAGE, "id": ""}, {("missing", "id")}),
        ({**MESSAGE, "id": 7}, {("missing", "id")}),
        ({"id": "x", "category": "macan"}, {("not_a_choice", "category"), ("missing", "description"),
                                           ("position_missing", "latitude")}),
        ({**MESSAGE, "id": None, "secret": 1}, {("missing", "id"), ("unknown_field", "secret")}),
    ],
)  # fmt: skip
def test_everything_wrong_with_a_message_is_named(
    sender: Sender, message: Any, expected: set[tuple[str, str]]
):
    got = sender.send(message)
    assert (got.status, set(codes(got))) == (400, expected)


def test_a_message_in_another_form_is_refused(sender: Sender):
    assert sender.send(MESSAGE, headers={"content-type": "text/plain"}).status == 415


@given(st.text(max_size=60), st.text(max_size=20), st.text(max_size=80), st.binary(max_size=40))
def test_no_signature_is_ever_guessed_or_an_accident(
    message_id: str, timestamp: str, signature: str, data: bytes
):
    clock = Clock()
    headers = {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": signature}
    with pytest.raises(Refused) as refused:
        webhooks.check([webhooks.new_secret(Dice())], headers, data, clock())
    assert refused.value.status == 403
