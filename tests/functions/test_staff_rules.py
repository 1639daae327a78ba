"""What admins edit: within their boundaries, with a history, never over another's change, live after a trial."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest
from chalicelib import access, records
from chalicelib.access import Officer
from chalicelib.report import Office

from .conftest import GAMBIR
from .desks import HOME, ROADS, Desk

ADMIN = "contoh-admin"
LOCAL = Officer(
    "admin-gambir", "Admin Gambir", "admin", Office("31.71.01", "Kecamatan Gambir"), ("31.71.01",)
)
LAMPS = {
    "code": "dinas-lampu",
    "names": {"id": "Dinas Lampu", "en": "Street lights"},
    "categories": ["jalan"],
}
RULE = {"code": "jalan-rusak", "name": "Jalan rusak ke dinas", "agency": ROADS.code, "categories": ["jalan"]}
WORDS = {
    "code": "lampu-baru",
    "state": "done",
    "texts": {"id": "Lampu {number} diganti.", "en": "New lamp, {number}."},
}
KINDS = {"agencies": ("agency", LAMPS), "routing": ("rule", RULE), "phrases": ("phrase", WORDS)}


@pytest.fixture
def office(at: Desk) -> Desk:
    access.save(at.parts.door.table, LOCAL)
    return at


def edit(office: Desk, kind: str, status: int = 200, *, by: str = ADMIN, **value: Any) -> Any:
    got = office.of(
        by, f"staff_edit_{kind}", {"seen": value.pop("seen", None) or version(office, kind), **value}
    )
    assert got.status == status, got.body
    return json.loads(got.body)


def listed(office: Desk, kind: str, by: str = ADMIN) -> Any:
    got = office.of(by, f"staff_{kind}")
    assert got.status == 200, got.body
    return json.loads(got.body)


def version(office: Desk, kind: str) -> int:
    return int(listed(office, kind)["version"])


def rows(answer: Any, kind: str) -> dict[str, Any]:
    return {each["code"]: each for each in answer["rules" if kind == "routing" else kind]}


@pytest.mark.parametrize("kind", KINDS)
def test_an_entry_is_made_changed_and_taken_out_and_history_keeps_each_step(office: Desk, kind: str):
    name, entry = KINDS[kind]
    shipped = rows(listed(office, kind), kind)
    made = edit(office, kind, **{name: entry})
    assert rows(made, kind)[entry["code"]].items() >= entry.items()
    changed = {**entry, "categories": ["sampah"]}
    edit(office, kind, **{name: changed})
    gone = edit(office, kind, remove=entry["code"])
    assert rows(gone, kind) == shipped
    assert [(c["after"] or {}).get("categories") for c in gone["history"]] == [
        None, ["sampah"], entry.get("categories", []),
    ]  # fmt: skip
    assert {c["name"] for c in gone["history"]} == {"Contoh Admin"}
    assert gone["version"] == 3


def test_a_default_can_be_changed_and_taken_out_as_well(office: Desk):
    edit(office, "agencies", agency={"code": ROADS.code, "names": {"id": "Bina Jalan", "en": "Roads"}})
    me = json.loads(office.of(HOME, "staff_me").body)
    assert next(o["name_id"] for o in me["offices"] if o["code"] == ROADS.code) == "Bina Jalan"
    edit(office, "agencies", remove=ROADS.code)
    me = json.loads(office.of(HOME, "staff_me").body)
    assert ROADS.code not in {each["code"] for each in me["offices"]}


def test_reports_go_to_an_agency_that_was_made_at_the_desk(office: Desk, send: Callable[..., str]):
    edit(office, "agencies", agency=LAMPS)
    after = office.do(send(), "hand_over", office="dinas-lampu", text="Lampu jalan.")
    assert after["office"]["name"] == "Dinas Lampu"


@pytest.mark.parametrize("kind", KINDS)
def test_of_two_admins_at_once_the_second_is_told(office: Desk, kind: str):
    name, entry = KINDS[kind]
    edit(office, kind, **{name: entry})
    stale = office.of(ADMIN, f"staff_edit_{kind}", {"seen": 0, "remove": entry["code"]})
    assert (stale.status, office.codes(json.loads(stale.body))) == (409, ["edited_meanwhile"])
    assert entry["code"] in rows(listed(office, kind), kind)


def test_an_admin_edits_what_lies_within_their_boundaries_and_nothing_else(office: Desk):
    theirs = {**LAMPS, "boundaries": ["31.71.01"]}
    edit(office, "agencies", agency=theirs, by=LOCAL.id)
    for agency in (LAMPS, {**LAMPS, "boundaries": ["31.71.01", "31.72"]}):
        got = edit(office, "agencies", 403, agency=agency, by=LOCAL.id)
        assert office.codes(got) == ["out_of_reach"]
    assert office.codes(edit(office, "agencies", 403, remove=ROADS.code, by=LOCAL.id)) == ["out_of_reach"]
    assert office.codes(edit(office, "phrases", 403, phrase=WORDS, by=LOCAL.id)) == ["out_of_reach"]
    edit(office, "routing", rule={**RULE, "boundaries": [GAMBIR]}, by=LOCAL.id)
    assert office.codes(edit(office, "routing", 403, rule=RULE, by=LOCAL.id)) == ["out_of_reach"]
    # What somebody widened beyond them is not theirs to narrow again.
    edit(office, "routing", rule={**RULE, "boundaries": ["31"]})
    assert office.codes(edit(office, "routing", 403, remove=RULE["code"], by=LOCAL.id)) == ["out_of_reach"]


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_but_admins_edits_and_only_words_are_everybodys_to_read(office: Desk, kind: str):
    name, entry = KINDS[kind]
    for who in (HOME, "contoh-koordinator-gambir", "contoh-pengawas", "contoh-auditor", "contoh-dinas-jalan"):
        assert office.of(who, f"staff_edit_{kind}", {"seen": 0, name: entry}).status == 403
        assert office.of(who, f"staff_{kind}").status == (200 if kind == "phrases" else 403)
    assert listed(office, "phrases", HOME)["history"] == []


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        ("agencies", {}, "entry_wrong"),
        ("agencies", {"agency": {**LAMPS, "code": "Lampu"}}, "entry_wrong"),
        ("agencies", {"agency": {**LAMPS, "names": {"id": "Lampu"}}}, "entry_wrong"),
        ("agencies", {"agency": {**LAMPS, "categories": ["ufo"]}}, "not_a_choice"),
        ("agencies", {"agency": LAMPS, "remove": "x"}, "entry_wrong"),
        ("agencies", {"remove": "nowhere"}, "entry_unknown"),
        ("agencies", {"agency": {**LAMPS, "contact": "x" * 201}}, "deed_wrong"),
        ("routing", {"rule": {**RULE, "agency": "nowhere"}}, "not_a_choice"),
        ("routing", {"rule": {**RULE, "from_hour": 3, "to_hour": 3}}, "entry_wrong"),
        ("routing", {"rule": {**RULE, "order": -1}}, "deed_wrong"),
        ("phrases", {"phrase": {**WORDS, "state": "gone"}}, "entry_wrong"),
        ("phrases", {"phrase": {**WORDS, "texts": {"id": "{rahasia}", "en": "x"}}}, "entry_wrong"),
    ],
    ids=str,
)
def test_a_wrong_entry_says_what_is_wrong_and_changes_nothing(
    office: Desk, kind: str, value: dict[str, Any], code: str
):
    got = office.of(ADMIN, f"staff_edit_{kind}", {"seen": 0, **value})
    assert (got.status, office.codes(json.loads(got.body))) == (400, [code])
    assert version(office, kind) == 0


# Trials.


def tried(office: Desk, rule: dict[str, Any], by: str = ADMIN, status: int = 200) -> Any:
    got = office.of(by, "staff_try_routing", {"rule": rule})
    assert got.status == status, got.body
    return json.loads(got.body)


def test_a_rule_is_tried_on_past_reports_before_it_goes_live(office: Desk, send: Callable[..., str]):
    road, rubbish = send(), send(category="sampah", description="Sampah menumpuk di trotoar.")
    private = send(private=True)
    live = {**RULE, "live": True}
    assert office.codes(edit(office, "routing", 409, rule=live)) == ["rule_not_tried"]
    before = [records.load(office.parts.door.table, each) for each in (road, rubbish, private)]
    trial = tried(office, RULE)
    assert (trial["looked_at"], trial["taken"], trial["agency"]) == (3, 2, ROADS.name)
    assert {row["id"] for row in trial["rows"]} == {road, private}
    assert [records.load(office.parts.door.table, each) for each in (road, rubbish, private)] == before
    # A rule that is no longer the one that was tried has to be tried again.
    got = edit(office, "routing", 409, rule={**live, "words": ["lubang"]})
    assert office.codes(got) == ["rule_not_tried"]
    edit(office, "routing", rule=live)
    door = dataclasses.replace(office.parts.door, offices=lambda: {ROADS.code: ROADS})
    from chalicelib import intake
    from chalicelib.submission import Submission

    words = Submission(category="jalan", description="Aspal amblas lagi.", latitude=-6.17, longitude=106.83)
    accepted = intake.accept(door, words, channel="web")
    assert office.see(accepted.id, "contoh-dinas-jalan")["office"]["code"] == ROADS.code
    # Switching it off, or saving it as it stands, needs no trial.
    edit(office, "routing", rule=live)
    edit(office, "routing", rule={**RULE, "live": False})


def test_a_trial_is_forgotten_after_a_day(office: Desk, send: Callable[..., str]):
    tried(office, RULE)
    office.parts.door.now.later(hours=25)  # type: ignore[attr-defined]
    assert office.codes(edit(office, "routing", 409, rule={**RULE, "live": True})) == ["rule_not_tried"]


def test_a_trial_tells_what_an_earlier_rule_takes(office: Desk, send: Callable[..., str]):
    send()
    send(description="Banjir menutup jalan.")
    first = {**RULE, "code": "banjir", "words": ["banjir"], "order": 1, "agency": "contoh-air"}
    tried(office, first)
    edit(office, "routing", rule={**first, "live": True})
    trial = tried(office, RULE)
    assert (trial["taken"], trial["before"]) == (1, 1)


def test_a_trial_shows_an_admin_only_reports_of_their_own(office: Desk, send: Callable[..., str]):
    inside, _outside = send(), send(longitude=106.81)
    assert office.codes(tried(office, RULE, LOCAL.id, 403)) == ["out_of_reach"]
    trial = tried(office, {**RULE, "boundaries": [GAMBIR]}, LOCAL.id)
    assert [row["id"] for row in trial["rows"]] == [inside]
    assert office.of(HOME, "staff_try_routing", {"rule": RULE}).status == 403
