"""API keys at the desk: admins look after the clients within their own reach, and nobody else does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from chalicelib import access
from chalicelib.access import ROLES, Officer
from chalicelib.front import keys
from chalicelib.front.problems import Refused
from chalicelib.report import Office
from chalicelib.staff import clients

from .conftest import CIDENG, GAMBIR
from .desks import ROADS, Desk

ADMIN, CHIEF = "admin-gambir", "admin-jakarta"
GOOD: dict[str, Any] = {"name": "Peta RW", "rights": ["report"], "boundaries": ["31.71.01"]}
EVERYBODY = {
    "staff_clients": None,
    "staff_make_client": GOOD,
    "staff_change_client": {"per_minute": 5},
}


@pytest.fixture
def desk(at: Desk) -> Desk:
    table = at.parts.door.table
    for name, boundary in ((ADMIN, "31.71.01"), (CHIEF, "31")):
        access.save(table, Officer(name, "Contoh", "admin", Office("x", "X"), (boundary,), (ROADS.code,)))
    return at


def ask(
    desk: Desk, officer: str, name: str, value: Any = None, *, client: str = "", status: int = 200
) -> Any:
    headers = {"authorization": f"Bearer {desk.issuer.token(officer)}", "content-type": "application/json"}
    body = b"" if value is None else json.dumps(value).encode()
    got = desk.ask(name, path={"client": client} if client else {}, headers=headers, body=body)
    assert got.status == status, got.body
    assert got.headers["Cache-Control"] == "no-store"
    return json.loads(got.body)


def make(desk: Desk, officer: str = ADMIN, **more: Any) -> Any:
    return ask(desk, officer, "staff_make_client", {**GOOD, **more}, status=201)


def names(desk: Desk, officer: str) -> list[str]:
    return [each["name"] for each in ask(desk, officer, "staff_clients")["clients"]]


def test_a_key_made_at_the_desk_opens_what_it_says_and_its_secret_is_shown_once(desk: Desk):
    made = make(desk, rights=["report", "update"], role="officer", office=ROADS.code, per_minute=7)
    client = keys.check(desk.parts.door.table, made["key"], "update")
    assert (client.per_minute, client.office, client.made_by) == (7, ROADS, ADMIN)
    shown = ask(desk, ADMIN, "staff_clients")["clients"]
    assert shown == [made["client"]]
    assert made["key"].rpartition("_")[2] not in json.dumps(shown)
    assert client.digest not in json.dumps(shown)


def test_rights_and_rate_are_restricted_from_the_next_request_on_and_what_is_not_named_stays(desk: Desk):
    made = make(desk, rights=["report", "update"])
    name, table = made["client"]["id"], desk.parts.door.table
    after = ask(desk, ADMIN, "staff_change_client", {"rights": ["report"]}, client=name)
    assert (after["rights"], after["per_minute"]) == (["report"], 60)
    with pytest.raises(Refused, match="api_key_right"):
        keys.check(table, made["key"], "update")
    assert ask(desk, ADMIN, "staff_change_client", {"per_minute": 2}, client=name)["per_minute"] == 2
    assert keys.check(table, made["key"], "report").per_minute == 2


def test_a_revoked_key_is_ended_for_good_and_stays_in_the_list(desk: Desk):
    made = make(desk)
    name = made["client"]["id"]
    ended = ask(desk, ADMIN, "staff_change_client", {"revoke": True}, client=name)
    assert ended["revoked"]
    again = ask(desk, ADMIN, "staff_change_client", {"revoke": True}, client=name)
    assert (again["revoked"], names(desk, ADMIN)) == (ended["revoked"], ["Peta RW"])
    with pytest.raises(Refused, match="api_key_wrong"):
        keys.check(desk.parts.door.table, made["key"], "report")


@pytest.mark.parametrize(
    ("wish", "field", "value"),
    [
        ({"boundaries": ["31.72"]}, "boundaries", "31.72"),
        ({"boundaries": [GAMBIR, "31"]}, "boundaries", "31"),
        ({"boundaries": []}, "boundaries", "31"),
        ({"role": "officer", "office": "contoh-air"}, "office", "contoh-air"),
    ],
)
def test_nobody_gives_what_lies_beyond_their_own_reach(desk: Desk, wish: Any, field: str, value: str):
    got = ask(desk, ADMIN, "staff_make_client", {**GOOD, **wish}, status=403)
    assert [(each["code"], each["field"]) for each in got["errors"]] == [("out_of_reach", field)]
    assert value in got["errors"][0]["message"]
    make(desk, CHIEF, **wish)
    assert names(desk, ADMIN) == []


def test_a_client_beyond_an_admins_reach_is_as_if_it_were_not_there(desk: Desk):
    other = make(desk, CHIEF, name="Lain", boundaries=["31.72"])["client"]["id"]
    mine = make(desk, name="Sini", boundaries=[CIDENG])["client"]["id"]
    assert names(desk, ADMIN) == ["Sini"]
    assert sorted(names(desk, CHIEF)) == ["Lain", "Sini"]
    got = ask(desk, ADMIN, "staff_change_client", {"revoke": True}, client=other, status=404)
    nothing = ask(desk, ADMIN, "staff_change_client", {"revoke": True}, client="00000000", status=404)
    assert [e["code"] for e in got["errors"]] == [e["code"] for e in nothing["errors"]] == ["client_unknown"]
    assert keys.find(desk.parts.door.table, other).revoked is None
    assert ask(desk, CHIEF, "staff_change_client", {"revoke": True}, client=mine)["revoked"]


@pytest.mark.parametrize("role", [role for role in ROLES if role != "admin"])
@pytest.mark.parametrize("name", EVERYBODY)
def test_only_admins_have_to_do_with_keys(desk: Desk, role: str, name: str):
    made = make(desk)["client"]["id"]
    access.save(desk.parts.door.table, Officer("other", "Contoh", role, Office("x", "X"), ("31",)))
    client = made if name == "staff_change_client" else ""
    got = ask(desk, "other", name, EVERYBODY[name], client=client, status=403)
    assert [each["code"] for each in got["errors"]] == ["not_yours"]


@pytest.mark.parametrize(
    "wish",
    [
        {"name": ""},
        {"name": "  "},
        {"name": "x" * 81},
        {"rights": []},
        {"rights": ["all"]},
        {"role": "admin"},
        {"role": "officer"},
        {"office": "nowhere"},
        {"boundaries": ["3171"]},
        {"boundaries": ["31.71.01.1001x"]},
        {"per_minute": 0},
        {"per_minute": 10**6},
        {"secret": "x"},
    ],
)
def test_a_client_that_cannot_be_is_refused_with_the_reason(desk: Desk, wish: Any):
    got = ask(desk, CHIEF, "staff_make_client", {**GOOD, **wish}, status=400)
    assert got["errors"][0]["message"]
    assert names(desk, CHIEF) == []


@pytest.mark.parametrize(
    ("boundaries", "office", "managed"),
    [
        ((GAMBIR,), None, True),
        (("31.71.01", CIDENG), None, True),
        (("31.71",), None, False),
        ((), None, False),
        ((GAMBIR,), ROADS, True),
        ((GAMBIR,), Office("contoh-air", "Air"), False),
        ((GAMBIR,), Office(CIDENG, "Kelurahan Cideng"), True),
    ],
)
def test_reach_is_judged_by_boundaries_and_office_alike(
    boundaries: tuple[str, ...], office: Office | None, managed: bool
):
    admin = Officer("a", "A", "admin", Office("x", "X"), ("31.71.01",), (ROADS.code,))
    assert clients.manages(admin, boundaries, office) is managed
    assert clients.manages(Officer("b", "B", "admin", Office("x", "X"), ("31",)), boundaries, office)
