"""What the holder of a follow key and others may do: every deed is one event, and every bad path says why."""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import jsonschema
import pytest
from chalicelib import categories, desk, holder, intake, proof, records, support
from chalicelib.front import api
from chalicelib.front.openapi import document
from chalicelib.front.operation import Parts, Request, Response
from chalicelib.front.problems import Refused
from chalicelib.lifecycle import Move
from chalicelib.privacy import erasing
from chalicelib.report import Office
from chalicelib.settings import Settings
from chalicelib.storage.folder import FolderFiles
from chalicelib.storage.table import ConditionFailed
from chalicelib.submission import Submission

import geo
from web.render import Renderer

from ..conftest import GAMBIR, Clock

HERE = Office(GAMBIR, "Kelurahan Gambir")
BROWSER = {"accept": "text/html,application/xhtml+xml"}
FORM = {**BROWSER, "content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json"}


@lru_cache(maxsize=1)
def declared() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(document(api.OPERATIONS))
    return found


@lru_cache(maxsize=1)
def pages() -> Renderer:
    locator = geo.default_locator()
    return Renderer.open(
        geo_build=geo.build_folder(),
        categories=list(categories.load().values()),
        approximate=locator.approximate,
        boundaries_version=locator.version,
        attribution="test",
    )


@dataclass
class Client:
    """Asks operations, keeps cookies as a browser does, and holds every answer against its declaration."""

    parts: Parts
    cookies: str = ""

    def ask(self, name: str, report_id: str, headers: Mapping[str, str], sent: bytes = b"") -> Response:
        said = {**headers, **({"cookie": self.cookies} if self.cookies else {})}
        got = api.answer(self.parts, name, Request({"report_id": report_id}, {}, said, sent))
        operation = api.BY_NAME[name]
        responses = declared()["paths"][operation.path][operation.method.lower()]["responses"]
        assert str(got.status) in responses, (name, got.status)
        content = responses[str(got.status)].get("content", {})
        kind = got.headers.get("Content-Type", "").partition(";")[0]
        assert kind in content or not content, (name, got.status, kind)
        if kind == "application/json":
            schema = {**content[kind]["schema"], "components": declared()["components"]}
            jsonschema.Draft202012Validator(schema).validate(json.loads(got.body))
        if "Set-Cookie" in got.headers:
            self.cookies = "; ".join(
                [*filter(None, [self.cookies]), got.headers["Set-Cookie"].partition(";")[0]]
            )
        return got

    def feedback(self, report_id: str, **values: Any) -> Response:
        return self.ask("give_feedback", report_id, JSON, json.dumps(values).encode())

    def form(self, name: str, report_id: str, **values: str) -> Response:
        return self.ask(name, report_id, FORM, urlencode(values).encode())


def codes(got: Response) -> list[str]:
    return [error["code"] for error in json.loads(got.body)["errors"]]


@pytest.fixture
def parts(door: intake.Door, site: FolderFiles) -> Parts:
    return Parts(
        settings=Settings(page_wait_ms=0, max_photo_bytes=2_000_000),
        door=door,
        site=site,
        categories=categories.load(),
        renderer=pages,
        approximate=False,
    )


@pytest.fixture
def client(parts: Parts) -> Client:
    return Client(parts)


@dataclass
class Told:
    """A report with its key, and an officer at hand."""

    door: intake.Door
    id: str
    key: str

    def move(self, to: str, **more: Any) -> None:
        officers = desk.Desk(self.door.table, self.door.now, self.door.random_bytes)
        wish = Move(to, "Kata petugas.", **more)
        desk.move(officers, self.id, wish, role="officer", office=HERE)

    def ask(self, text: str) -> int:
        """An officer's question; its seq."""
        officers = desk.Desk(self.door.table, self.door.now, self.door.random_bytes)
        by = desk.By("o-1", "Petugas", "officer", HERE)
        return desk.act(officers, self.id, by, desk.say_draft("asked", text, office=HERE, salt="5a")).seq

    @property
    def report(self) -> Any:
        return records.load(self.door.table, self.id)[0]

    @property
    def last(self) -> Any:
        return records.history(self.door.table, self.id)[-1]


def tell(door: intake.Door, **changes: Any) -> Told:
    good = {
        "category": "jalan",
        "description": "Lubang besar di jalan.",
        "longitude": 106.83,
        "latitude": -6.17,
    }
    accepted = intake.accept(door, Submission(**{**good, **changes}), channel="web")
    return Told(door, accepted.id, accepted.follow_key)


@pytest.fixture
def told(door: intake.Door) -> Told:
    return tell(door)


# Rating.


def test_a_rating_is_an_event_and_counts_for_the_kelurahan(told: Told, client: Client):
    told.move("done")
    got = client.feedback(
        told.id, action="rate", follow_key=told.key, rating="satisfied", text="Cepat, 0812-3456-7890"
    )
    assert got.status == 200
    assert (told.last.kind, told.last.rating, told.last.office) == ("rated", "satisfied", None)
    assert "3456" not in told.last.words["text"].text
    assert told.report.rating == "satisfied"
    counters = {item.key.sort: item.counters for item in records.every(told.door.table, "counts")}
    assert counters[GAMBIR]["satisfied"] == 1
    assert proof.check(told.report, records.history(told.door.table, told.id)) is None


def test_not_satisfied_needs_a_reason_from_the_list(told: Told, client: Client):
    told.move("done")
    bad = client.feedback(told.id, action="rate", follow_key=told.key, rating="unsatisfied")
    assert (bad.status, codes(bad)) == (400, ["missing"])
    wrong = {"action": "rate", "follow_key": told.key, "rating": "unsatisfied", "reasons": ["because"]}
    assert codes(client.feedback(told.id, **wrong)) == ["not_a_choice"]
    good = client.feedback(told.id, **{**wrong, "reasons": ["too_slow", "not_fixed"]})
    assert good.status == 200
    assert told.last.reasons == ("not_fixed", "too_slow")


def test_a_rating_comes_once_after_closing_and_anew_after_opening_again(
    told: Told, client: Client, clock: Clock
):
    rating = {"action": "rate", "follow_key": told.key, "rating": "satisfied"}
    assert codes(client.feedback(told.id, **rating)) == ["rate_not_closed"]
    told.move("done")
    assert client.feedback(told.id, **rating).status == 200
    twice = client.feedback(told.id, **rating)
    assert (twice.status, codes(twice)) == (409, ["rated_already"])
    told.move("waiting")
    told.move("done")
    again = {**rating, "rating": "unsatisfied", "reasons": ["poor_work"]}
    assert client.feedback(told.id, **again).status == 200
    counters = {item.key.sort: item.counters for item in records.every(told.door.table, "counts")}
    assert (counters[GAMBIR]["satisfied"], counters[GAMBIR]["unsatisfied"]) == (0, 1)


@pytest.mark.parametrize("rating", ["", "happy", "x" * 500])
def test_an_unknown_rating_is_refused(told: Told, client: Client, rating: str):
    told.move("done")
    got = client.feedback(told.id, action="rate", follow_key=told.key, rating=rating)
    assert (got.status, codes(got)) == (400, ["not_a_choice"])


# Opening again.


def test_the_reporter_may_open_again_until_the_fourteenth_day(told: Told, client: Client, clock: Clock):
    wish = {"action": "reopen", "follow_key": told.key, "text": "Masih berlubang."}
    assert codes(client.feedback(told.id, **wish)) == ["reopen_not_done"]
    told.move("done")
    clock.later(days=14, seconds=1)
    late = client.feedback(told.id, **wish)
    assert (late.status, codes(late)) == (409, ["reopen_too_late"])
    assert told.report.state == "done"
    clock.later(seconds=-1)
    assert client.feedback(told.id, **wish).status == 200
    assert (told.report.state, told.last.from_state, told.last.office) == ("waiting", "done", None)
    assert told.last.words["text"].text == "Masih berlubang."
    assert codes(client.feedback(told.id, **wish)) == ["reopen_not_done"], "not twice"


def test_opening_again_needs_words(told: Told, client: Client):
    told.move("done")
    got = client.feedback(told.id, action="reopen", follow_key=told.key, text="  ")
    assert (got.status, codes(got)) == (400, ["missing"])


@pytest.mark.parametrize("to", ["rejected", "duplicate"])
def test_what_was_refused_is_not_opened_by_its_reporter(told: Told, client: Client, to: str):
    more = {"reason": "abuse"} if to == "rejected" else {"duplicate_of": "ZZZZZZZZ"}
    told.move(to, **more)
    got = client.feedback(told.id, action="reopen", follow_key=told.key, text="Tetap salah.")
    assert codes(got) == ["reopen_not_done"]


# Adding.


def test_words_and_a_photo_are_added_and_stand_in_the_history(
    told: Told, client: Client, photo: Callable[..., bytes]
):
    line = "--garis"
    out = io.BytesIO()
    for name, value in (("action", "add"), ("follow_key", told.key), ("text", "Sekarang lebih dalam.")):
        out.write(f'{line}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode())
    out.write(f'{line}\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'.encode())
    out.write(photo() + f"\r\n{line}--\r\n".encode())
    headers = {"content-type": "multipart/form-data; boundary=garis"}
    got = client.ask("give_feedback", told.id, headers, out.getvalue())
    assert got.status == 200, got.body
    assert (told.last.kind, told.last.words["text"].text) == ("noted", "Sekarang lebih dalam.")
    [added] = told.last.photos
    stored = told.door.private.get(intake.photo_paths(told.id, added)[0])
    assert b"RahasiaKamera" not in stored.data
    assert proof.check(told.report, records.history(told.door.table, told.id)) is None


def test_nothing_is_added_by_nothing_or_too_much(told: Told, client: Client):
    empty = client.feedback(told.id, action="add", follow_key=told.key, text=" ")
    assert codes(empty) == ["addition_empty"]
    long = client.feedback(told.id, action="add", follow_key=told.key, text="a" * 1001)
    assert codes(long) == ["too_long"]
    broken = client.feedback(told.id, action="add", follow_key=told.key, photo=["bm90IGEgcGhvdG8="])
    assert codes(broken) == ["photo_not_a_photo"]
    assert told.report.seq == 1


def test_a_report_takes_a_bounded_number_of_additions(told: Told, client: Client):
    for number in range(holder.MAX_ADDITIONS):
        assert client.feedback(told.id, action="add", follow_key=told.key, text=f"Ke-{number}").status == 200
    more = client.feedback(told.id, action="add", follow_key=told.key, text="Lagi")
    assert (more.status, codes(more)) == (409, ["additions_too_many"])


# Answering.


def test_an_answer_stands_with_its_question_and_comes_once(told: Told, client: Client):
    asked = told.ask("Di sisi mana?")
    client.form("open_own", told.id, follow_key=told.key)
    page = client.ask("show_own", told.id, BROWSER).body.decode()
    assert f'name="about" value="{asked}"' in page
    assert "Di sisi mana?" in page
    sent = {"action": "answer", "follow_key": told.key, "text": "Sisi barat."}
    assert client.feedback(told.id, **sent, about=asked).status == 200
    assert (told.last.kind, told.last.about, told.last.office) == ("answered", asked, None)
    assert proof.check(told.report, records.history(told.door.table, told.id)) is None
    again = client.feedback(told.id, **sent, about=asked)
    assert (again.status, codes(again)) == (409, ["question_closed"])
    assert 'value="answer"' not in client.ask("show_own", told.id, BROWSER).body.decode()


@pytest.mark.parametrize("about", [0, 1, 3, 999_999])
def test_only_a_question_is_answered(told: Told, client: Client, about: int):
    told.ask("Di sisi mana?")
    sent = {"action": "answer", "follow_key": told.key, "text": "Sisi barat."}
    assert codes(client.feedback(told.id, **sent, about=about)) == ["question_closed"]


@pytest.mark.parametrize("about", ["dua", -1, 1.5, None, [2], "9" * 50])
def test_what_is_no_number_of_a_question_is_said(told: Told, client: Client, about: Any):
    told.ask("Di sisi mana?")
    sent = {"action": "answer", "follow_key": told.key, "text": "Sisi barat."}
    assert codes(client.feedback(told.id, **sent, about=about)) == ["not_a_number"]


def test_a_question_whose_words_were_erased_asks_nothing_any_more(told: Told, client: Client):
    asked = told.ask("Nomor telepon Pak Budi?")
    erasing.erase_words(told.door.table, told.id, asked, office=HERE, now=told.door.now)
    client.form("open_own", told.id, follow_key=told.key)
    assert 'value="answer"' not in client.ask("show_own", told.id, BROWSER).body.decode()


def test_a_plain_answer_that_was_not_taken_comes_back_where_it_was_written(told: Told, client: Client):
    first, second = told.ask("Di sisi mana?"), told.ask("Sejak kapan?")
    client.form("open_own", told.id, follow_key=told.key)
    long = "Sisi barat. " * 100
    body = urlencode({"action": "answer", "about": str(second), "text": long}).encode()
    page = client.ask("give_feedback", told.id, {**FORM, **BROWSER}, body).body.decode()
    fields = dict(re.findall(r'<textarea id="answer-(\d+)"[^>]*>([^<]*)<', page))
    assert fields[str(second)].strip() == long.strip()
    assert fields[str(first)].strip() == ""


# Keys.


@pytest.mark.parametrize("action", ["rate", "reopen", "add", "answer"])
@pytest.mark.parametrize("key", ["", "AAAA-BBBB-CCCC-DDDD", "x" * 200])
def test_a_wrong_key_opens_nothing(told: Told, client: Client, action: str, key: str):
    told.move("done")
    values = {"action": action, "follow_key": key, "rating": "satisfied", "text": "Halo."}
    got = client.feedback(told.id, **values)
    assert (got.status, codes(got)) == (403, ["key_wrong"])
    assert told.report.seq == 2
    assert codes(client.feedback("ZZZZZZZZ", **values)) == ["key_wrong"], "nor says which reports exist"


def test_the_key_of_another_report_opens_nothing(told: Told, client: Client, door: intake.Door):
    other = tell(door)
    assert codes(client.feedback(told.id, action="add", follow_key=other.key, text="Halo.")) == ["key_wrong"]


def test_the_key_may_come_in_a_header_and_however_it_is_typed(told: Told, client: Client):
    headers = {**JSON, "follow-key": told.key.lower().replace("-", " ")}
    got = client.ask("give_feedback", told.id, headers, b'{"action": "add", "text": "Halo."}')
    assert got.status == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"[]",
        b"{",
        b'{"action": "delete"}',
        b'{"action": 3}',
        b'{"action": "add", "photo": 3}',
        b'{"action": "rate", "reasons": {}}',
    ],
)
def test_what_is_no_deed_is_refused(told: Told, client: Client, sent: bytes):
    assert client.ask("give_feedback", told.id, {**JSON, "follow-key": told.key}, sent).status == 400
    assert told.report.seq == 1


# Pages.


def test_the_key_is_drawn_as_a_qr_code_for_who_holds_it_alone(told: Told, client: Client):
    drawn = client.ask("show_qr", told.id, {"follow-key": told.key})
    assert drawn.status == 200
    assert drawn.headers["Cache-Control"] == "private, no-store"
    assert drawn.body.startswith(b"<svg")
    client.form("open_own", told.id, follow_key=told.key)
    assert client.ask("show_qr", told.id, {}).body == drawn.body


@pytest.mark.parametrize("key", ["", "ABCD-EFGH-JKMN-PQRS", "x" * 500])
def test_without_its_key_a_report_has_no_qr_code(told: Told, client: Client, key: str):
    for report_id in (told.id, "00000000"):
        refused = client.ask("show_qr", report_id, {"follow-key": key})
        assert (refused.status, codes(refused)) == (403, ["key_needed"])


def test_a_private_report_opens_with_its_key_on_a_page_with_its_photo(
    door: intake.Door, client: Client, photo: Callable[..., bytes]
):
    accepted = intake.accept(
        door,
        Submission(
            category="lain",
            description="Tentang saya sendiri.",
            longitude=106.83,
            latitude=-6.17,
            private=True,
        ),
        channel="web",
        files=[photo()],
    )
    closed = client.ask("show_own", accepted.id, BROWSER)
    assert closed.status == 403
    assert "Tentang saya" not in closed.body.decode()
    wrong = client.form("open_own", accepted.id, follow_key="AAAABBBBCCCCDDDD", language="id")
    assert wrong.status == 403
    assert "Tentang saya" not in wrong.body.decode()
    right = client.form("open_own", accepted.id, follow_key=accepted.follow_key, language="en")
    assert (right.status, right.headers["Location"]) == (303, f"/api/reports/{accepted.id}/page?language=en")
    assert "HttpOnly; SameSite=Lax" in right.headers["Set-Cookie"]
    page = client.ask("show_own", accepted.id, BROWSER)
    assert page.status == 200
    assert page.headers["Cache-Control"] == "private, no-store"
    text = page.body.decode()
    assert "Tentang saya sendiri." in text
    assert "data:image/jpeg;base64," in text
    assert f"/laporan/{accepted.id}.json" not in text
    assert 'name="robots" content="noindex"' in text


def test_a_page_shows_only_what_may_be_done_now(told: Told, client: Client, clock: Clock):
    def deeds() -> set[str]:
        page = client.ask("show_own", told.id, BROWSER)
        assert page.status == 200
        return set(re.findall(r'name="action" value="(\w+)"', page.body.decode()))

    client.form("open_own", told.id, follow_key=told.key)
    assert deeds() == {"add"}
    told.move("done")
    assert deeds() == {"rate", "reopen", "add"}
    client.feedback(told.id, action="rate", rating="satisfied")
    assert deeds() == {"reopen", "add"}
    clock.later(days=15)
    assert deeds() == {"add"}


def test_a_plain_form_goes_back_to_the_page_or_comes_back_with_what_was_wrong(told: Told, client: Client):
    client.form("open_own", told.id, follow_key=told.key)
    told.move("done")
    bad = client.form("give_feedback", told.id, action="rate", rating="unsatisfied", language="id")
    assert bad.status == 400
    assert 'role="alert"' in bad.body.decode()
    fields = {"action": "rate", "rating": "unsatisfied", "reason_too_slow": "1", "language": "id"}
    good = client.form("give_feedback", told.id, **fields)
    assert (good.status, good.headers["Location"]) == (303, f"/api/reports/{told.id}/page")
    page = client.ask("show_own", told.id, BROWSER).body.decode()
    assert "Pelapor tidak puas" in page
    assert "Terlalu lama" in page


def test_what_was_written_comes_back_escaped(told: Told, client: Client):
    client.form("open_own", told.id, follow_key=told.key)
    got = client.form("give_feedback", told.id, action="add", text="<script>" + "a" * 1001)
    assert got.status == 400
    assert "<script>a" not in got.body.decode()
    assert "&lt;script&gt;a" in got.body.decode()


# Me too.


def test_each_device_counts_once_per_report(told: Told, client: Client, door: intake.Door):
    first = client.ask("add_support", told.id, {})
    assert json.loads(first.body) == {"supporters": 1, "counted": True}
    assert json.loads(client.ask("add_support", told.id, {}).body) == {"supporters": 1, "counted": False}
    other = Client(client.parts)
    assert json.loads(other.ask("add_support", told.id, {}).body)["supporters"] == 2
    second = tell(door)
    assert json.loads(client.ask("add_support", second.id, {}).body) == {"supporters": 1, "counted": True}
    marks = [
        {item.key.sort for item in records.every(door.table, f"support#{each}")}
        for each in (told.id, second.id)
    ]
    assert not marks[0] & marks[1], "what is kept of a device differs from report to report"


def test_support_is_exact_when_many_press_at_once(told: Told):
    devices = [f"device-{number:010d}" for number in range(24)]
    failures: list[BaseException] = []

    def press(some: list[str]) -> None:
        try:
            for device in some:
                support.support(told.door.table, told.id, device)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=press, args=(devices[n % 4 :] + devices[:6],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert support.supporters(told.door.table, told.id) == 24


def test_a_plain_press_goes_back_to_the_status_page(told: Told, client: Client):
    got = client.form("add_support", told.id, language="en")
    assert (got.status, got.headers["Location"]) == (303, f"/en/laporan/{told.id}/#saya-juga")
    assert "perangkat=" in got.headers["Set-Cookie"]


def test_closed_private_and_unknown_reports_take_no_support(told: Told, client: Client, door: intake.Door):
    hidden = tell(door, private=True)
    assert client.ask("add_support", hidden.id, {}).status == 404
    assert client.ask("add_support", "ZZZZZZZZ", {}).status == 404
    told.move("done")
    got = client.ask("add_support", told.id, {})
    assert (got.status, codes(got)) == (409, ["support_closed"])


@pytest.mark.parametrize("device", ["short", "x" * 129])
def test_a_device_that_is_none_is_refused(told: Told, client: Client, device: str):
    got = client.ask("add_support", told.id, JSON, json.dumps({"device": device}).encode())
    assert (got.status, codes(got)) == (400, ["device_wrong"])


# At the same moment.


def test_who_is_overtaken_decides_anew(told: Told, monkeypatch: pytest.MonkeyPatch):
    told.move("done")
    transact, raced = told.door.table.transact, []

    def overtaken(writes: Any) -> None:
        if not raced:
            raced.append(True)
            monkeypatch.undo()
            told.move("waiting")
        transact(writes)

    monkeypatch.setattr(told.door.table, "transact", overtaken)
    with pytest.raises(Refused, match="rate_not_closed"):
        holder.rate(told.door, told.id, told.key, "satisfied")
    assert told.report.rating is None


def test_two_ratings_at_once_leave_one(told: Told):
    told.move("done")
    outcomes: list[str] = []

    def rate() -> None:
        try:
            holder.rate(told.door, told.id, told.key, "satisfied")
            outcomes.append("rated")
        except (Refused, ConditionFailed) as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=rate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["rated", *["rated_already(rating)"] * 3]
    assert told.report.seq == 3
