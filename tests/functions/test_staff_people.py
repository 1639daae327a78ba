"""A report on somebody's desk: given to a person, shown to colleagues, told to nobody else, over when it leaves."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from chalicelib import access, intake, public, records
from chalicelib.access import Officer
from chalicelib.report import Office, unanswered
from chalicelib.storage.table import Delete, Key

from .conftest import GAMBIR
from .desks import AGENCY, HOME, NEXT_DOOR, PROVINCE, ROADS, Desk

BUDI = Officer("contoh-budi", "Contoh Budi", "officer", Office(GAMBIR, "Kelurahan Gambir"), (GAMBIR,))


@pytest.fixture
def office(at: Desk) -> Desk:
    """The desk with a second person at Gambir's office."""
    access.save(at.parts.door.table, BUDI)
    return at


def rows(office: Desk, officer: str, **wish: Any) -> list[tuple[str, str | None]]:
    got = json.loads(office.of(officer, "staff_queue", wish).body)
    return [(row["id"], row["assigned"]) for row in got["rows"]]


def test_a_report_is_given_to_a_person_and_is_in_their_own_queue(office: Desk, send: Callable[..., str]):
    report, other = send(), send(description="Lubang yang lain lagi.")
    assert [each["name"] for each in office.see(report)["people"]] == [BUDI.name, "Contoh Petugas Gambir"]
    after = office.do(report, "assign", person=BUDI.id, note="Tolong dicek besok.")
    assert after["assigned"] == {"id": BUDI.id, "name": BUDI.name}
    assert [(n["assigned"], n["note"]) for n in after["notes"]] == [(BUDI.name, "Tolong dicek besok.")]
    assert set(rows(office, HOME)) == {(report, BUDI.name), (other, None)}
    assert rows(office, BUDI.id, assigned=True) == [(report, BUDI.name)]
    assert rows(office, HOME, assigned=True) == []
    office.do(report, "assign", person=HOME)
    assert rows(office, BUDI.id, assigned=True) == []
    assert office.do(report, "assign", person="")["assigned"] is None
    assert rows(office, HOME, assigned=True) == []


def test_who_has_it_is_in_no_public_word(office: Desk, send: Callable[..., str], door: intake.Door):
    report = send()
    before = records.load(door.table, report)
    office.do(report, "assign", person=BUDI.id)
    assert records.load(door.table, report) == before
    it, _ = before  # type: ignore[misc]
    told = public.document(public.report(it, records.history(door.table, report), office.parts.categories))
    assert b"Budi" not in told
    assert BUDI.id.encode() not in told


def test_it_is_given_to_people_of_the_office_where_it_is_and_to_nobody_else(
    office: Desk, send: Callable[..., str]
):
    report = send()
    for person in (NEXT_DOOR, AGENCY, PROVINCE, "nobody"):
        got = office.do(report, "assign", person=person, status=400)
        assert office.codes(got) == ["officer_not_here"]
    access.disable(office.parts.door.table, BUDI.id, now=office.parts.door.now())
    assert office.codes(office.do(report, "assign", person=BUDI.id, status=400)) == ["officer_not_here"]
    assert office.codes(office.do(report, "assign", person="", status=400)) == ["nothing_changed"]


@pytest.mark.parametrize(
    ("action", "more"),
    [
        ("hand_over", {"office": ROADS.code, "text": "Jalan kolektor."}),
        ("move", {"to": "done", "text": "Sudah rata."}),
        ("move", {"to": "rejected", "text": "Bukan urusan kota.", "reason": "not_public"}),
    ],
    ids=["handed over", "done", "rejected"],
)
def test_what_leaves_the_office_or_is_closed_is_on_nobodys_desk(
    office: Desk, send: Callable[..., str], action: str, more: dict[str, Any]
):
    report = send()
    office.do(report, "assign", person=HOME)
    after = office.do(report, action, **more)
    assert after["assigned"] is None
    assert rows(office, HOME, assigned=True) == []
    assert list(records.every(office.parts.door.table, f"assigned#{HOME}")) == []


def test_who_moves_to_another_office_leaves_their_colleagues(office: Desk):
    table = office.parts.door.table
    access.save(table, Officer(BUDI.id, BUDI.name, "officer", ROADS, (), (ROADS.code,)))
    assert BUDI.id not in {each.id for each in access.colleagues(table, GAMBIR)}
    assert BUDI.id in {each.id for each in access.colleagues(table, ROADS.code)}


def test_accounts_from_before_are_among_their_offices_people_after_the_next_start(office: Desk):
    table = office.parts.door.table
    table.transact([Delete(Key(f"colleagues#{GAMBIR}", BUDI.id))])
    assert BUDI.id not in {each.id for each in access.colleagues(table, GAMBIR)}
    access.add_missing(table, [BUDI])
    assert BUDI.id in {each.id for each in access.colleagues(table, GAMBIR)}


# Closed without being done.


def test_a_report_is_rejected_with_a_reason_from_the_list_and_words(office: Desk, send: Callable[..., str]):
    report = send()
    after = office.do(report, "move", to="rejected", reason="not_found", text="Tidak kami temukan di lokasi.")
    told = after["report"]
    assert (told["state"]["code"], told["state"]["open311"]) == ("rejected", "closed")
    event = told["history"][-1]
    assert (event["reason"], event["words"]["text"]["text"]) == ("not_found", "Tidak kami temukan di lokasi.")
    assert office.queue(HOME) == []
    assert after["moves"] == ["waiting"]


def test_a_duplicate_points_to_the_report_that_it_follows(office: Desk, send: Callable[..., str]):
    first, second = send(), send(description="Lubang yang sama di lajur kiri.")
    written = f"{first[:4]}-{first[4:].lower()}"
    told = office.do(second, "move", to="duplicate", duplicate_of=written, text="Sama.")["report"]
    assert (told["state"]["code"], told["duplicate_of"]) == ("duplicate", first)
    assert office.queue(HOME) == [first]
    assert office.codes(office.do(first, "move", to="duplicate", duplicate_of=first, status=400)) == [
        "move_duplicate"
    ]


def test_a_question_is_an_event_that_waits_for_its_reporter(office: Desk, send: Callable[..., str]):
    report = send()
    told = office.do(report, "ask", text="Di depan toko yang mana?")["report"]
    assert (told["history"][-1]["kind"], told["state"]["code"]) == ("asked", "waiting")
    it, history = (
        records.load(office.parts.door.table, report),
        records.history(office.parts.door.table, report),
    )
    assert it is not None
    assert [event.words["text"].text for event in unanswered(history)] == ["Di depan toko yang mana?"]


# Saved views.


def views(office: Desk, officer: str, got: Any = None) -> dict[str, Any]:
    got = got or office.of(officer, "staff_views")
    assert got.status == 200, got.body
    return {each["name"]: each["wish"] for each in json.loads(got.body)["views"]}


def save(office: Desk, name: str, wish: dict[str, Any] | None, *, officer: str = HOME) -> Any:
    return office.of(officer, "staff_save_view", {"name": name, "wish": wish})


def test_a_view_is_saved_changed_and_forgotten_by_its_officer_alone(office: Desk, send: Callable[..., str]):
    old = send()
    wish = {"categories": ["jalan"], "older_days": 7, "oldest_first": True}
    saved = views(office, HOME, save(office, "  Jalan   lama ", wish))
    assert list(saved) == ["Jalan lama"]
    assert saved["Jalan lama"] | wish == saved["Jalan lama"]
    # A view is a wish as the queue takes it; days are counted when it is used.
    assert office.queue(HOME, **saved["Jalan lama"]) == []
    office.parts.door.now.later(days=8)  # type: ignore[attr-defined]
    assert office.queue(HOME, **saved["Jalan lama"]) == [old]
    assert office.queue(HOME, newer_days=1) == []
    assert views(office, NEXT_DOOR) == {}
    changed = views(office, HOME, save(office, "JALAN LAMA", {"mine": True}))
    assert [(name, wish["mine"]) for name, wish in changed.items()] == [("JALAN LAMA", True)]
    assert views(office, HOME, save(office, "jalan lama", None)) == {}


def test_views_are_bounded_and_what_could_not_be_read_is_not_kept(office: Desk):
    for n in range(30):
        assert save(office, f"Tampilan {n}", {}).status == 200
    got = save(office, "Satu lagi", {})
    assert (got.status, office.codes(json.loads(got.body))) == (400, ["views_too_many"])
    assert save(office, "tampilan 7", {"mine": True}).status == 200
    for name, wish, code in (
        (" ", {}, "missing"),
        ("Tampilan 1", {"states": ["gone"]}, "not_a_choice"),
        ("Tampilan 1", {"area": {"type": "Point", "coordinates": [1, 2]}}, "area_wrong"),
        ("x" * 41, {}, "deed_wrong"),
        ("Tampilan 1", {"older_days": -1}, "deed_wrong"),
    ):
        got = save(office, name, wish)
        assert (got.status, office.codes(json.loads(got.body))) == (400, [code])
    assert len(views(office, HOME)) == 30
