"""The officers' API: every route with every role and boundary, and every deed's way there and its bad paths."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from chalicelib import access, desk, intake, proof, records, staff
from chalicelib.access import ROLES, Officer, may
from chalicelib.privacy import erasing
from chalicelib.report import Office, broken_at
from chalicelib.storage.table import Key
from chalicelib.submission import Submission

from .conftest import CIDENG, GAMBIR, Clock
from .desks import AGENCY, HOME, NEXT_DOOR, PROVINCE, ROADS, Desk

# Who may.


def every_officer() -> list[Officer]:
    """Every role with every kind of boundary, and with an agency."""
    reaches: list[tuple[tuple[str, ...], tuple[str, ...]]] = [
        ((GAMBIR,), ()), ((CIDENG,), ()), (("31.71.01",), ()), (("31.71",), ()), (("31.75",), ()), (("31",), ()),
        ((), (ROADS.code,)), ((), ("contoh-air",)),
    ]  # fmt: skip
    return [
        Officer(f"walk-{role}-{n}", "Contoh", role, Office("contoh-x", "X"), boundaries, codes)
        for role in ROLES
        for n, (boundaries, codes) in enumerate(reaches)
    ]


DEEDS: Mapping[str, Mapping[str, Any]] = {
    "take": {},
    "move": {"to": "in_progress", "percent": 5},
    "hand_over": {"office": "contoh-air", "text": "Ini saluran."},
    "send_back": {"text": "Bukan kewenangan kami."},
    "ask": {"text": "Di sebelah mana persisnya?"},
    "note": {"note": "Sudah ditelepon."},
    "place": {"longitude": 106.831, "latitude": -6.171, "text": "Pin digeser."},
    "correct": {"category": "sampah"},
    "assign": {"person": HOME},
}


def test_every_action_has_a_walk():
    assert set(DEEDS) == set(staff.ACTIONS)


@pytest.mark.parametrize(
    "handed",
    [pytest.param(False, id="at home"), pytest.param(True, id="at the agency", marks=pytest.mark.journey)],
)
def test_every_route_and_every_deed_heeds_the_table_for_every_role_and_boundary(
    at: Desk, send: Callable[..., str], handed: bool
):
    """Allowed is what access.may() says, and nothing that is refused leaves a trace."""
    for officer in every_officer():
        access.add_missing(at.parts.door.table, [officer])
    model = send(contact_email="ani@contoh.id", contact_shared=True)
    if handed:
        at.do(model, "hand_over", office=ROADS.code, text="Jalan kolektor.")
    it, version = records.load(at.parts.door.table, model)  # type: ignore[misc]
    for officer in every_officer():
        sees = may(officer, "see", it)
        assert at.of(officer.id, "staff_me").status == 200
        assert at.of(officer.id, "staff_queue", {}).status == 200
        assert at.of(officer.id, "staff_report", report=model).status == (200 if sees else 404)
        for action, right in staff.ACTIONS.items():
            allowed = may(officer, right, it)
            if not allowed:
                body = {"action": action, "seen": it.seq, **DEEDS[action]}
                got = at.of(officer.id, "staff_act", body, report=model)
                assert got.status == (403 if sees else 404), (officer, action)
            elif action in {"ask", "correct"}:
                # What is allowed is refused only for what is wrong with the deed itself.
                body = {"action": action, "seen": it.seq, "text": "", "category": ""}
                assert at.of(officer.id, "staff_act", body, report=model).status == 400, (officer, action)
        if not may(officer, "contact", it):
            assert at.of(officer.id, "staff_contact", report=model).status == (403 if sees else 404)
    assert records.load(at.parts.door.table, model) == (it, version)


@pytest.mark.parametrize("action", sorted(staff.ACTIONS))
def test_every_deed_can_be_done_by_who_may(at: Desk, send: Callable[..., str], action: str):
    report = send()
    officer = HOME
    if action == "send_back":
        at.do(report, "hand_over", office=ROADS.code, text="Jalan kolektor.")
        officer = AGENCY
    assert action in at.see(report, officer)["may"]
    at.do(report, action, officer=officer, **DEEDS[action])
    it, _ = records.load(at.parts.door.table, report)  # type: ignore[misc]
    assert proof.check(it, records.history(at.parts.door.table, report)) is None


def test_no_route_opens_without_a_token_or_with_a_disabled_account(
    at: Desk, send: Callable[..., str], clock: Clock
):
    report = send()
    access.disable(at.parts.door.table, HOME, now=clock())
    for operation in staff.OPERATIONS:
        if operation.name == "staff_sign_in":
            continue
        path = {"report_id": report}
        assert at.ask(operation.name, path=path).status == 401
        assert at.of(HOME, operation.name, {}, report=report).status == 403


def test_every_staff_route_is_under_one_roof_and_nothing_of_it_is_cached(at: Desk):
    assert all(operation.path.startswith("/api/staff/") for operation in staff.OPERATIONS)
    assert at.of(HOME, "staff_me").headers["Cache-Control"] == "no-store"


def test_where_no_provider_is_set_up_nobody_gets_in(at: Desk):
    closed = Desk(replace(at.parts, gate=None, sign_in=None), at.issuer)
    for operation in staff.OPERATIONS:
        assert closed.of(HOME, operation.name, {}, report="7K3M9QX2").status == 503


# The story.


def test_a_report_goes_from_waiting_to_done_through_two_offices(
    at: Desk, send: Callable[..., str], photo: Callable[..., bytes]
):
    report = send()
    assert at.queue(HOME) == [report]
    at.do(report, "take")
    at.do(report, "hand_over", office=ROADS.code, text="Jalan kolektor, milik dinas.")
    assert at.queue(AGENCY) == [report]
    assert at.queue(HOME) == [report]
    at.do(report, "move", officer=AGENCY, to="disposition")
    working = at.do(
        report, "move", officer=AGENCY, to="in_progress", percent=50, planned="2026-12-01", text="Ditambal."
    )
    assert (working["report"]["percent"], working["report"]["planned"]) == (50, "2026-12-01")
    after = base64.b64encode(photo((10, 120, 10))).decode()
    done = at.do(report, "move", officer=AGENCY, to="done", text="Sudah rata.", photo=[after])
    assert done["report"]["state"]["code"] == "done"
    history = records.history(at.parts.door.table, report)
    assert [(e.kind, e.to_state) for e in history] == [
        ("received", "waiting"), ("taken", "coordination"), ("moved", "coordination"), ("moved", "disposition"),
        ("moved", "in_progress"), ("moved", "done"),
    ]  # fmt: skip
    assert len(history[-1].photos) == 1
    assert broken_at(history) is None
    image = intake.photo_paths(report, history[-1].photos[0])[0]
    assert at.parts.door.private.get(image) is not None
    assert (
        at.do(report, "move", officer=AGENCY, to="waiting", text="Ambles lagi.")["report"]["state"]["code"]
        == "waiting"
    )


def test_no_officer_is_named_in_public(at: Desk, send: Callable[..., str]):
    report = send()
    at.do(report, "take", note="Pak RT sudah tahu.")
    at.do(report, "ask", text="Di sebelah mana?")
    public = at.get(report).body.decode()
    for secret in ("Petugas Gambir", HOME, "Pak RT"):
        assert secret not in public
    assert [note["note"] for note in at.see(report)["notes"]] == ["Pak RT sudah tahu."]


def test_a_private_note_is_sealed_in_public_and_cannot_be_guessed(at: Desk, send: Callable[..., str]):
    report = send()
    at.do(report, "take", note="ya")
    event = records.history(at.parts.door.table, report)[-1]
    row = at.parts.door.table.get(Key(f"report#{report}", "staff#000002"))
    assert row is not None
    from chalicelib.report import commitment

    assert event.commitments["private"] == commitment(row.body["salt"], "ya")
    assert row.body["salt"] not in at.get(report).body.decode()


def test_two_officers_at_once_and_the_second_sees_what_changed(at: Desk, send: Callable[..., str]):
    report = send()
    at.do(report, "move", to="in_progress", percent=10, seen=1)
    got = at.do(report, "move", to="done", text="Selesai.", seen=1, status=409)
    assert at.codes(got) == ["changed_meanwhile"]
    assert [(e["kind"], e["percent"]) for e in got["since"]] == [("moved", 10)]
    assert got["report"]["seq"] == 2
    assert records.load(at.parts.door.table, report)[0].state == "in_progress"  # type: ignore[index]


def test_a_double_click_does_nothing_twice_for_any_deed(at: Desk, send: Callable[..., str]):
    for number, action in enumerate(sorted(staff.ACTIONS)):
        report = send()
        officer = HOME
        if action == "send_back":
            at.do(report, "hand_over", office=ROADS.code, text="Jalan kolektor.")
            officer = AGENCY
        key, seen = f"key-{number:08d}", at.see(report, officer)["seq"]
        first = at.do(report, action, officer=officer, key=key, seen=seen, **DEEDS[action])
        again = at.do(report, action, officer=officer, key=key, seen=seen, **DEEDS[action])
        assert again["seq"] == first["seq"], action
        assert again["notes"] == first["notes"], action


def test_a_key_that_was_used_for_something_else_is_refused(at: Desk, send: Callable[..., str]):
    one, other = send(), send(description="Lubang yang lain lagi.")
    at.do(one, "take", key="key-00000001")
    assert at.codes(at.do(other, "take", key="key-00000001", status=422)) == ["idempotency_reused"]
    assert at.codes(at.do(other, "take", key="!", status=400)) == ["idempotency_key"]


# Places.


def test_a_doubtful_place_is_in_both_queues_until_one_takes_it_and_that_settles_it(
    at: Desk, send: Callable[..., str]
):
    report = send(longitude=106.8201, accuracy=50.0)
    assert at.queue(HOME, doubtful=True) == at.queue(NEXT_DOOR, doubtful=True) == [report]
    taken = at.do(report, "take", officer=NEXT_DOOR)
    assert (taken["report"]["place"]["kode"], taken["report"]["place"]["doubtful"]) == (CIDENG, False)
    assert taken["office"] == {"code": CIDENG, "name": "Kelurahan Cideng"}
    assert at.queue(HOME) == []
    assert at.queue(NEXT_DOOR) == [report]
    assert records.counts(at.parts.door.table)[CIDENG] == {"coordination": 1}


def test_a_report_without_a_place_is_placed_by_the_province_and_reaches_its_kelurahan(
    at: Desk, send: Callable[..., str]
):
    report = send(longitude=107.5)
    assert at.queue(PROVINCE, without_place=True) == [report]
    assert at.of(HOME, "staff_queue", {"without_place": True}).status == 403
    placed = at.do(
        report, "place", officer=PROVINCE, longitude=106.83, latitude=-6.17, text="Menurut fotonya."
    )
    assert placed["report"]["place"]["kode"] == GAMBIR
    assert placed["office"]["code"] == GAMBIR
    assert at.queue(HOME) == [report]
    assert at.queue(PROVINCE, without_place=True) == []


def test_moving_the_pin_places_it_anew_and_history_keeps_where_it_was(at: Desk, send: Callable[..., str]):
    report = send()
    at.do(report, "place", longitude=106.81, latitude=-6.17, text="Pin di sisi barat.")
    it = records.load(at.parts.door.table, report)[0]  # type: ignore[index]
    assert it.place is not None
    assert (it.place.kode, it.place.method, it.longitude) == (CIDENG, "officer", 106.81)
    first, last = records.history(at.parts.door.table, report)
    assert first.words["position"].text == "106.830000,-6.170000"
    assert (last.kode, last.area) == (CIDENG, ("Cideng", "Gambir", "Jakarta Pusat"))
    assert at.of(HOME, "staff_report", report=report).status == 404
    assert at.codes(at.do(send(), "place", longitude=110.0, latitude=-6.17, status=400)) == [
        "outside_jakarta"
    ]
    assert at.codes(at.do(send(), "place", kelurahan="31.99", status=400)) == ["kelurahan_unknown"]


def test_category_and_words_are_corrected_and_the_first_ones_kept(at: Desk, send: Callable[..., str]):
    report = send(description="Lubang besar, telepon 0812-3456-7890.")
    got = at.do(
        report, "correct", category="sampah", description="Tumpukan sampah di lajur kiri.", text="Keliru."
    )
    assert got["report"]["category"]["code"] == "sampah"
    assert got["report"]["description"] == "Tumpukan sampah di lajur kiri."
    assert got["original"]["description"] == "Lubang besar, telepon 0812-3456-7890."
    assert "Lubang besar" in got["original"]["description_first"]
    it, _ = records.load(at.parts.door.table, report)  # type: ignore[misc]
    assert proof.check(it, records.history(at.parts.door.table, report)) is None
    assert at.codes(at.do(report, "correct", category="sampah", status=400)) == ["nothing_changed"]
    assert at.codes(at.do(report, "correct", category="ufo", status=400)) == ["not_a_choice"]
    assert at.codes(at.do(report, "correct", description="kurang", status=400)) == ["too_short"]


def test_words_that_are_erased_are_kept_nowhere_at_the_desk(at: Desk, send: Callable[..., str], clock: Clock):
    report = send(description="Tetangga saya bernama Fulan bin Fulan.")
    at.do(report, "correct", description="Tumpukan sampah di lajur kiri.")
    table = at.parts.door.table
    erasing.erase_words(table, report, 1, office=Office(GAMBIR, "Kelurahan Gambir"), now=clock)
    assert "Fulan" not in json.dumps(at.see(report))
    assert "Fulan" not in "".join(str(item.body) for item in records.every(table, f"report#{report}"))


# Contact.


def test_a_contact_is_shown_only_when_the_reporter_allowed_it_and_looking_is_an_event(
    at: Desk, send: Callable[..., str]
):
    shared, kept, none = (
        send(contact_email="ani@contoh.id", contact_shared=True),
        send(contact_email="a@contoh.id"),
        send(),
    )
    assert [at.see(report)["contact"] for report in (shared, kept, none)] == ["shared", "kept", "none"]
    for hidden in (kept, none):
        assert at.of(HOME, "staff_contact", report=hidden).status == 403
        assert "contoh.id" not in json.dumps(at.see(hidden))
    got = at.of(HOME, "staff_contact", report=shared)
    assert json.loads(got.body) == {"email": "ani@contoh.id", "phone": ""}
    last = records.history(at.parts.door.table, shared)[-1]
    assert (last.kind, last.office) == ("contact_viewed", Office(GAMBIR, "Kelurahan Gambir"))
    assert "ani@" not in at.get(shared).body.decode()


def test_a_private_report_and_its_photo_are_for_its_officers_alone(
    at: Desk, door: intake.Door, photo: Callable[..., bytes]
):
    submission = Submission(
        category="jalan", description="Rahasia saja ya.", latitude=-6.17, longitude=106.83, private=True
    )
    report = intake.accept(door, submission, channel="web", files=[photo()]).id
    shown = at.see(report)
    assert (shown["private"], at.queue(HOME)) == (True, [report])
    sha = shown["report"]["photos"][0]["sha256"]
    headers = {"authorization": f"Bearer {at.issuer.token(HOME)}"}
    got = at.ask("staff_photo", path={"report_id": report}, query={"sha256": sha}, headers=headers)
    assert json.loads(got.body)["data_url"].startswith("data:image/jpeg;base64,/9j/")
    other = at.ask("staff_photo", path={"report_id": report}, query={"sha256": "0" * 64}, headers=headers)
    assert other.status == 404
    stranger = {"authorization": f"Bearer {at.issuer.token(NEXT_DOOR)}"}
    refused = at.ask("staff_photo", path={"report_id": report}, query={"sha256": sha}, headers=stranger)
    assert refused.status == 404


# Bad deeds.


@pytest.mark.parametrize(
    ("deed", "code"),
    [
        ({"action": "explode"}, "not_a_choice"),
        ({"action": "move", "to": "coordination"}, "not_a_choice"),
        ({"action": "move", "to": "done"}, "move_text_missing"),
        ({"action": "move", "to": "rejected", "text": "Tidak."}, "not_a_choice"),
        ({"action": "move", "to": "rejected", "text": "Tidak.", "reason": "because"}, "not_a_choice"),
        ({"action": "move", "to": "duplicate"}, "report_unknown"),
        ({"action": "move", "to": "duplicate", "duplicate_of": "7K3M-9QX2"}, "report_unknown"),
        ({"action": "move", "to": "in_progress", "planned": "besok"}, "not_a_date"),
        ({"action": "move", "to": "in_progress", "percent": 100}, "deed_wrong"),
        ({"action": "move", "to": "in_progress", "wish": 1}, "deed_wrong"),
        ({"action": "move", "to": "done", "text": "Ya.", "photo": ["bm90IGEgcGhvdG8="]}, "photo_not_a_photo"),
        ({"action": "hand_over", "office": "contoh-jalan"}, "move_text_missing"),
        ({"action": "hand_over", "office": "nowhere", "text": "Ke sana."}, "office_unknown"),
        ({"action": "hand_over", "office": GAMBIR, "text": "Ke sini."}, "office_unknown"),
        ({"action": "send_back", "text": "Balik."}, "nowhere_back"),
        ({"action": "ask", "text": "  "}, "move_text_missing"),
        ({"action": "note"}, "move_text_missing"),
        ({"action": "take", "seen": 0}, "deed_wrong"),
        ({"action": "take", "seen": "satu"}, "deed_wrong"),
        ({"seen": 1}, "deed_wrong"),
    ],
    ids=str,
)
def test_a_wrong_deed_says_what_is_wrong_and_changes_nothing(
    at: Desk, send: Callable[..., str], deed: dict[str, Any], code: str
):
    report = send()
    before = records.load(at.parts.door.table, report)
    got = at.of(HOME, "staff_act", {"seen": 1, **deed}, report=report)
    assert got.status == 400
    assert at.codes(json.loads(got.body)) == [code]
    assert records.load(at.parts.door.table, report) == before
    assert desk.notes(at.parts.door.table, report) == []


@pytest.mark.parametrize(
    ("wish", "code", "status"),
    [
        ({"boundaries": [CIDENG]}, "out_of_reach", 403),
        ({"states": ["gone"]}, "not_a_choice", 400),
        ({"area": {"type": "Point", "coordinates": [1, 2]}}, "area_wrong", 400),
        ({"since": "kemarin"}, "not_a_date", 400),
        ({"until": "2026-02-30"}, "not_a_date", 400),
        ({"words": 7}, "deed_wrong", 400),
        ({"colour": "red"}, "deed_wrong", 400),
    ],
    ids=str,
)
def test_a_wrong_wish_for_a_queue_says_what_is_wrong(at: Desk, wish: dict[str, Any], code: str, status: int):
    got = at.of(HOME, "staff_queue", wish)
    assert (got.status, at.codes(json.loads(got.body))) == (status, [code])


def test_no_report_outside_is_told_from_one_that_is_not_there(at: Desk, send: Callable[..., str]):
    theirs = send(longitude=106.81, private=True)
    stranger = at.of(HOME, "staff_report", report=theirs)
    nobodys = at.of(HOME, "staff_report", report="7K3M9QX2")
    assert (stranger.status, nobodys.status) == (404, 404)
    assert json.loads(stranger.body)["errors"][0]["code"] == json.loads(nobodys.body)["errors"][0]["code"]
    assert at.of(HOME, "staff_report", report="?").status == 400


def test_no_transaction_of_the_desk_is_larger_than_a_table_takes(
    at: Desk, send: Callable[..., str], monkeypatch: pytest.MonkeyPatch
):
    seen: list[int] = []
    table = at.parts.door.table
    transact = table.transact
    monkeypatch.setattr(table, "transact", lambda writes: (seen.append(len(writes)), transact(writes))[1])
    report = send(longitude=106.8201, accuracy=50.0)
    at.do(report, "move", to="done", text="Selesai.", note="Catatan.", key="key-00000001")
    at.do(report, "move", to="waiting", text="Lagi.", note="Catatan.", key="key-00000002")
    at.do(report, "hand_over", office=ROADS.code, text="Ke dinas.", note="Catatan.", key="key-00000003")
    at.do(
        report,
        "hand_over",
        officer=AGENCY,
        office=CIDENG,
        text="Ke sana.",
        note="Catatan.",
        key="key-00000004",
    )
    at.do(report, "move", officer=NEXT_DOOR, to="done", text="Selesai.", note="Catatan.", key="key-00000005")
    assert max(seen) <= 25
    assert len(seen) == 6
