"""Following over HTTP: asking, saying yes, one click to leave; hostile wishes are named and refused."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import jsonschema
import pytest
from chalicelib import categories, follow, intake, notices, records
from chalicelib.followers import Book
from chalicelib.front import api, guard
from chalicelib.front.operation import Parts, Request, Response
from chalicelib.settings import Settings
from chalicelib.storage.folder import FolderFiles
from chalicelib.submission import Submission
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import CIDENG, GAMBIR, Clock
from .front.test_participation import BROWSER, FORM, JSON, codes, declared
from .newsroom import renderer

ANI = "ani@contoh.id"
ONE_CLICK = {"content-type": "application/x-www-form-urlencoded"}
POINT = ec.derive_private_key(7, ec.SECP256R1()).public_key()
KEYS = {
    "push_p256dh": base64.urlsafe_b64encode(POINT.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
    .decode()
    .rstrip("="),
    "push_auth": "AAECAwQFBgcICQoLDA0ODw",
}
ENDPOINT = "https://fcm.googleapis.com/fcm/send/abc"


@dataclass
class Client:
    """Asks operations and holds every answer against its declaration."""

    parts: Parts

    def ask(self, name: str, headers: Mapping[str, str], sent: bytes = b"", **path: str) -> Response:
        got = api.answer(self.parts, name, Request(path, {}, headers, sent))
        operation = api.BY_NAME[name]
        responses = declared()["paths"][operation.path][operation.method.lower()]["responses"]
        assert str(got.status) in responses, (name, got.status)
        content = responses[str(got.status)].get("content", {})
        kind = got.headers.get("Content-Type", "").partition(";")[0]
        assert kind in content or not content, (name, got.status, kind)
        if kind == "application/json":
            schema = {**content[kind]["schema"], "components": declared()["components"]}
            jsonschema.Draft202012Validator(schema).validate(json.loads(got.body))
        return got

    def wish(self, **values: Any) -> Response:
        return self.ask("create_follow", JSON, json.dumps(values).encode())

    def form(self, token: str, **values: str) -> Response:
        return self.ask("change_follow", FORM, urlencode(values).encode(), token=token)

    def show(self, token: str) -> str:
        got = self.ask("show_follow", BROWSER, token=token)
        assert got.status == 200
        return got.body.decode()

    @property
    def book(self) -> Book:
        return Book(self.parts.door.table, self.parts.door.now, self.parts.door.random_bytes)

    def due(self) -> list[dict[str, Any]]:
        return [item.body for item in self.parts.door.table.query(notices.DUE).items]

    def follower(self, address: str = ANI) -> Any:
        found = self.book._known(self.book._hash("email", address))[0]
        assert found is not None
        return found


@pytest.fixture
def client(door: intake.Door, site: FolderFiles) -> Client:
    return Client(
        Parts(
            settings=Settings(page_wait_ms=0),
            door=door,
            site=site,
            categories=categories.load(),
            renderer=renderer,
            approximate=False,
        )
    )


def test_a_wish_is_taken_and_a_mail_made_due(client: Client):
    got = client.wish(area=GAMBIR, email=ANI)
    assert got.status == 202
    assert json.loads(got.body) == {"channel": "email", "confirmed": False, "manage": None}
    (due,) = client.due()
    assert due["kind"] == "confirm"
    assert ANI not in json.dumps(due)


def test_the_answer_does_not_tell_whether_an_address_is_known(client: Client):
    first = client.wish(area=GAMBIR, email=ANI, language="en")
    who = client.follower()
    client.book.confirm(who.id, 1)
    again = client.wish(area=GAMBIR, email=ANI, language="en")
    assert (first.status, first.body) == (again.status, again.body)
    pages = [
        client.ask("create_follow", FORM, urlencode({"area": CIDENG, "email": m, "language": "en"}).encode())
        for m in (ANI, "baru@contoh.id")
    ]
    assert pages[0].body == pages[1].body


def test_a_browser_gets_a_page_in_its_language(client: Client):
    got = client.ask(
        "create_follow", FORM, urlencode({"area": GAMBIR, "email": ANI, "language": "id"}).encode()
    )
    assert got.status == 202
    assert "Lihat kotak surat Anda" in got.body.decode()
    assert "kelurahan Gambir" in got.body.decode()
    wrong = client.ask(
        "create_follow", FORM, urlencode({"area": GAMBIR, "email": "ani@", "language": "en"}).encode()
    )
    assert wrong.status == 400
    assert "does not look like an e-mail address" in wrong.body.decode()


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"email": ANI}, "follow_nothing"),
        ({"area": GAMBIR}, "follow_how"),
        ({"area": "31", "email": ANI}, "follow_area"),
        ({"area": "31.71", "email": ANI}, "follow_area"),
        ({"area": "31.99.99.9999", "email": ANI}, "kelurahan_unknown"),
        ({"area": f"{GAMBIR}#1", "email": ANI}, "kelurahan_unknown"),
        ({"area": GAMBIR, "category": "naga", "email": ANI}, "not_a_choice"),
        ({"report": "7K3M9QX2", "email": ANI}, "report_unknown"),
        ({"report": "bukan nomor", "email": ANI}, "report_id"),
        ({"latitude": -6.17, "longitude": 106.83, "radius": 99, "email": ANI}, "out_of_range"),
        ({"latitude": -6.17, "longitude": 106.83, "radius": 1e9, "email": ANI}, "out_of_range"),
        ({"latitude": -6.17, "radius": 500, "email": ANI}, "missing"),
        ({"latitude": "NaN", "longitude": 106.83, "radius": 500, "email": ANI}, "not_a_number"),
        ({"latitude": -7.8, "longitude": 110.36, "radius": 500, "email": ANI}, "outside_jakarta"),
        ({"area": GAMBIR, "email": "ani@contoh.id\r\nBcc: x@y.id"}, "email_wrong"),
        ({"area": GAMBIR, "email": "a@b, c@d"}, "email_wrong"),
        ({"area": GAMBIR, "email": ["x"]}, "not_text"),
        ({"area": GAMBIR, "email": ANI, "rhythm": "hourly"}, "not_a_choice"),
        ({"area": GAMBIR, "email": ANI, "language": "jv"}, "not_a_choice"),
        ({"area": GAMBIR, "email": ANI, "admin": "1"}, "unknown_field"),
        ({"area": GAMBIR, "push_endpoint": "https://evil.example/x", **KEYS}, "follow_push"),
        ({"area": GAMBIR, "push_endpoint": "http://169.254.169.254/latest", **KEYS}, "follow_push"),
        ({"area": GAMBIR, "push_endpoint": ENDPOINT}, "follow_push"),
    ],
)
def test_what_cannot_be_followed_is_named(client: Client, wish: dict[str, Any], code: str):
    got = client.wish(**wish)
    assert got.status in {400, 404}
    assert codes(got) == [code]
    assert client.due() == []


def test_a_private_report_cannot_be_followed_by_others(client: Client):
    sent = intake.accept(
        client.parts.door,
        Submission(
            category="jalan", description="Rahasia di sini.", longitude=106.83, latitude=-6.17, private=True
        ),
        channel="web",
    )
    assert codes(client.wish(report=sent.id, email=ANI)) == ["report_unknown"]
    assert (
        client.ask("follow_report", JSON, json.dumps({"email": ANI}).encode(), report_id=sent.id).status
        == 404
    )


def test_a_public_report_is_followed_from_its_page(client: Client):
    sent = intake.accept(
        client.parts.door,
        Submission(category="jalan", description="Lubang besar.", longitude=106.83, latitude=-6.17),
        channel="web",
    )
    form = urlencode({"email": ANI, "rhythm": "now", "language": "id"}).encode()
    got = client.ask("follow_report", FORM, form, report_id=sent.id.lower())
    assert got.status == 202
    (kept,) = client.follower().follows
    assert kept.target == follow.Target("report", report=sent.id)


def test_a_link_in_a_mail_says_yes_only_when_its_button_is_pressed(client: Client):
    client.wish(area=GAMBIR, email=ANI)
    who = client.follower()
    token = client.book.token(who.id, "c1")
    for _ in range(3):
        assert "Ya, saya mau mengikuti" in client.show(token)
    assert not client.follower().follows[0].confirmed
    got = client.form(token, action="confirm")
    assert "Anda sekarang mengikutinya" in got.body.decode()
    assert client.follower().follows[0].confirmed
    assert client.form(token, action="confirm").status == 200
    assert got.headers["Referrer-Policy"] == "no-referrer"
    assert "no-store" in got.headers["Cache-Control"]
    assert ANI not in got.body.decode()


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        (ONE_CLICK, b"List-Unsubscribe=One-Click"),
        (
            {"content-type": "multipart/form-data; boundary=x"},
            b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n',
        ),
    ],
    ids=["url-encoded", "multipart"],
)
def test_one_click_of_a_mail_program_ends_it(client: Client, headers: dict[str, str], sent: bytes):
    client.wish(area=GAMBIR, email=ANI)
    who = client.follower()
    client.book.confirm(who.id, 1)
    token = client.book.token(who.id, "u1")
    assert "Hentikan kabar ini?" in client.show(token)
    assert client.book.load(who.id) is not None
    for _ in range(2):
        assert client.ask("change_follow", headers, sent, token=token).status == 200
    assert client.book.load(who.id) is None
    assert "Ini sudah berakhir" in client.show(token)


def test_a_link_does_nothing_that_it_is_not_for(client: Client):
    client.wish(area=GAMBIR, email=ANI)
    client.wish(area=CIDENG, email=ANI)
    who = client.follower()
    client.book.confirm(who.id, 1)
    end = client.book.token(who.id, "u1")
    for action in ("confirm", "end_all", "rhythm", "extend", "language", "hapus"):
        assert client.form(end, action=action, number="2", rhythm="daily").status == 400
    client.form(end, action="end", number="2")
    assert [f.number for f in client.follower().follows] == [2]
    assert client.form(client.book.token(who.id, "c2"), action="end").status == 400


def test_all_that_is_followed_is_managed_on_one_page(client: Client):
    client.wish(area=GAMBIR, email=ANI)
    client.wish(latitude=-6.17, longitude=106.83, radius=500, category="jalan", email=ANI, rhythm="daily")
    who = client.follower()
    client.book.confirm(who.id, 1)
    client.book.confirm(who.id, 2)
    token = client.book.token(who.id, "m")
    page = client.show(token)
    assert "kelurahan Gambir" in page
    assert "500 meter di sekitar tempat Anda" in page
    assert "106.83" not in page
    assert client.form(token, action="rhythm", number="1", rhythm="daily").status == 200
    assert client.follower().follows[0].rhythm == "daily"
    before = client.follower().follows[0].ends
    clock = client.parts.door.now
    assert isinstance(clock, Clock)
    clock.later(days=30)
    client.form(token, action="extend", number="1")
    assert client.follower().follows[0].ends > before
    client.form(token, action="language", language="en")
    assert "All that you follow" in client.show(token)
    data = json.loads(client.ask("show_follow", {}, token=token).body)
    assert [(f["kind"], f["radius"]) for f in data["follows"]] == [("area", 0), ("circle", 500)]
    assert "106.83" not in json.dumps(data)
    assert client.form(token, action="end", number="1").status == 200
    gone = client.form(token, action="end_all")
    assert "Alamat Anda sudah dihapus" in gone.body.decode() or "has been erased" in gone.body.decode()
    assert client.book.load(who.id) is None


@pytest.mark.parametrize(
    "values",
    [
        {"action": "rhythm"},
        {"action": "end", "number": "x"},
        {"action": ""},
        {"action": "rhythm", "number": "1", "rhythm": "x"},
        {"action": "language", "language": "jv"},
        {"action": "end", "number": "9" * 99},
    ],
)
def test_deeds_that_say_nothing_are_refused(client: Client, values: dict[str, str]):
    client.wish(area=GAMBIR, email=ANI)
    assert client.form(client.book.token(client.follower().id, "m"), **values).status == 400


def test_a_foreign_token_opens_nothing(client: Client):
    client.wish(area=GAMBIR, email=ANI)
    good = client.book.token(client.follower().id, "m")
    for token in ("x", good[:-1], good.replace("-m-", "-u1-"), "m", good + "a", "%00"):
        for name, sent in (("show_follow", b""), ("change_follow", b"action=end_all")):
            assert client.ask(name, {**BROWSER, **ONE_CLICK}, sent, token=token).status == 404
    assert client.book.load(client.follower().id) is not None


@given(st.dictionaries(st.sampled_from(["area", "report", "category", "email", "latitude", "longitude", "radius",
                                        "push_endpoint", "push_p256dh", "push_auth", "rhythm", "language"]),
                       st.text(max_size=60) | st.integers() | st.floats() | st.none() | st.lists(st.text(max_size=3)),
                       max_size=8))  # fmt: skip
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_that_is_sent_breaks_it(client: Client, wish: dict[str, Any]):
    assert client.wish(**wish).status in {400, 404, 429}


def test_push_needs_no_yes_and_its_page_ends_it(client: Client):
    got = client.wish(area=GAMBIR, push_endpoint=ENDPOINT, **KEYS)
    assert got.status == 201
    told = json.loads(got.body)
    assert told["confirmed"]
    assert client.due() == []
    assert client.wish(area=GAMBIR, push_endpoint=ENDPOINT, **KEYS).status == 201
    token = told["manage"].rpartition("/")[2]
    assert len(json.loads(client.ask("show_follow", {}, token=token).body)["follows"]) == 1
    client.form(token, action="end_all")
    found = client.parts.door.table.query(f"followers#area#{GAMBIR}").items
    assert found == []


def test_the_key_for_browsers_stays_the_same(client: Client):
    first, again = (json.loads(client.ask("push_key", {}).body)["key"] for _ in range(2))
    assert first == again
    assert len(base64.urlsafe_b64decode(first + "=")) == 65


def test_where_messages_are_off_nobody_is_promised_any(client: Client):
    off = Client(Parts(**{**vars(client.parts), "settings": Settings(engine="dynamodb")}))
    assert codes(off.wish(area=GAMBIR, email=ANI)) == ["follow_off"]
    assert codes(off.wish(area=GAMBIR, push_endpoint=ENDPOINT, **KEYS)) == ["follow_off"]
    assert off.ask("push_key", {}).status == 404


def test_a_reporter_who_wants_news_is_kept_as_such(client: Client):
    def sent(**more: Any) -> dict[str, Any] | None:
        base = {"category": "jalan", "description": "Lubang besar.", "longitude": 106.83, "latitude": -6.17}
        made = intake.accept(client.parts.door, Submission(**(base | more)), channel="web")
        kept = client.parts.door.table.get(records.contact_key(made.id))
        return kept.body if kept else None

    assert sent(contact_email=ANI, contact_updates=True) == {"email": ANI, "updates": True}
    assert sent(contact_email=ANI) == {"email": ANI}
    assert sent(contact_phone="+6281234567890", contact_updates=True) == {"phone": "+6281234567890"}
    assert sent(contact_updates=True) is None


def test_wishes_are_counted_at_the_door():
    assert {"create_follow", "follow_report"} <= set(guard.RULES)
    # Mail programs of many people come from few addresses: leaving is never refused for it.
    assert "change_follow" not in guard.RULES


def test_the_boxes_lead_to_the_api_and_work_without_scripts(client: Client):
    from web import following

    for language in ("id", "en"):
        page = following.page(renderer(), client.parts.door.locator.by_kode.values(), language)
        assert re.search(r'<form class="follow" action="/api/follow" method="post"', page)
        assert f'value="{GAMBIR}"' in page
        assert 'type="email"' in page
