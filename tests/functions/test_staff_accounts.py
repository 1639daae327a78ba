"""Officers' accounts: an admin gives nothing beyond their own rights, and a closed account is out at once."""

from __future__ import annotations

import dataclasses
import itertools
import json
from typing import Any

import pytest
from chalicelib import access
from chalicelib.access import ROLES, Officer
from chalicelib.officers import accounts, agencies
from chalicelib.report import Office

from .conftest import CIDENG, GAMBIR
from .desks import HOME, NEXT_DOOR, ROADS, Desk

ADMIN = "contoh-admin"
LOCAL = Officer(
    "admin-gambir", "Admin Gambir", "admin", Office("31.71.01", "Kecamatan Gambir"), ("31.71.01",)
)
NEW = {"name": "Sari", "role": "officer", "office": GAMBIR, "boundaries": [GAMBIR]}


@pytest.fixture
def office(at: Desk) -> Desk:
    access.save(at.parts.door.table, LOCAL)
    return at


def listed(at: Desk, by: str = ADMIN) -> dict[str, Any]:
    got = at.of(by, "staff_officers")
    assert got.status == 200, got.body
    return {each["id"]: each for each in json.loads(got.body)["accounts"]}


def edit(at: Desk, by: str = LOCAL.id, status: int = 200, **value: Any) -> Any:
    got = at.of(by, "staff_edit_officer", value)
    assert got.status == status, got.body
    return json.loads(got.body)


def changed(at: Desk, officer: str, by: str = LOCAL.id, status: int = 200, **value: Any) -> Any:
    """Change some fields of an account; the others as they are."""
    it = listed(at)[officer]
    sent = {name: it[name] for name in ("id", "name", "role", "boundaries", "agencies", "email")}
    sent |= {"office": it["office"]["code"], "disabled": bool(it["disabled"]), "seen": it["version"]}
    return edit(at, by, status, **{**sent, **value})


def made(at: Desk, by: str = LOCAL.id, **value: Any) -> str:
    before = set(listed(at))
    edit(at, by, **{**NEW, **value})
    (new,) = set(listed(at)) - before
    return str(new)


def test_an_account_is_made_works_is_changed_closed_and_opened_again(office: Desk):
    sari = made(office)
    assert listed(office)[sari]["office"] == {"code": GAMBIR, "name": "Kelurahan Gambir"}
    assert office.of(sari, "staff_queue", {}).status == 200
    changed(office, sari, role="coordinator", office="31.71.01", boundaries=["31.71.01"])
    me = json.loads(office.of(sari, "staff_me").body)
    assert (me["role"], me["office"]["name"]) == ("coordinator", "Kecamatan Gambir")
    changed(office, sari, disabled=True)
    assert office.of(sari, "staff_queue", {}).status == 403
    got = changed(office, sari, disabled=False)
    assert office.of(sari, "staff_queue", {}).status == 200
    mine = [(c["name"], (c["after"] or {}).get("role")) for c in got["history"] if c["code"] == sari]
    assert mine == [
        ("Admin Gambir", role) for role in ("coordinator", "coordinator", "coordinator", "officer")
    ]


def test_a_session_ends_within_minutes_of_its_account_being_closed(office: Desk):
    """Ten minutes later the token would be over anyway; the gate asks at every request, so it ends now."""
    sari = made(office)
    token = office.issuer.token(sari)
    assert office.parts.gate is not None
    assert office.parts.gate.officer(f"Bearer {token}").name == "Sari"
    changed(office, sari, disabled=True)
    office.parts.door.now.later(seconds=1)  # type: ignore[attr-defined]
    got = office.ask("staff_me", headers={"authorization": f"Bearer {token}"})
    assert (got.status, office.codes(json.loads(got.body))) == (403, ["officer_disabled"])


def test_an_admin_sees_and_changes_only_accounts_that_lie_within_their_own_rights(office: Desk):
    assert set(listed(office, LOCAL.id)) == {LOCAL.id, HOME, NEXT_DOOR}
    assert set(listed(office)) > {ADMIN, HOME, NEXT_DOOR, LOCAL.id, "contoh-pengawas"}
    for other in (ADMIN, "contoh-pengawas", "contoh-dinas-jalan"):
        assert office.codes(changed(office, other, status=404, disabled=True)) == ["account_unknown"]
        assert office.of(other, "staff_me").status == 200
    assert office.codes(edit(office, status=404, **NEW, id="nobody")) == ["account_unknown"]


@pytest.mark.parametrize(
    "more",
    [
        {"boundaries": ["31.71"]},
        {"boundaries": ["31"]},
        {"boundaries": [GAMBIR, "31.72.01.1001"]},
        {"boundaries": ["31.71.02"]},
        {"agencies": [ROADS.code]},
        {"boundaries": [], "agencies": [ROADS.code]},
        {"office": ROADS.code},
        {"office": "31"},
        {"role": "admin", "boundaries": ["31.71"]},
    ],
    ids=str,
)
def test_nothing_beyond_their_own_rights_is_given(office: Desk, more: dict[str, Any]):
    before = listed(office)
    assert office.codes(edit(office, status=403, **{**NEW, **more})) == ["account_beyond"]
    assert office.codes(changed(office, HOME, status=403, **more)) == ["account_beyond"]
    assert listed(office) == before


def test_no_account_can_be_given_that_may_more_than_who_gives_it():
    """For every admin and every account: who is managed may do nothing that the admin may not."""
    known = agencies.load()
    reaches = [(), (GAMBIR,), (CIDENG,), ("31.71.01",), ("31.71",), ("31",), (GAMBIR, "31.72.01")]
    offices = [Office(GAMBIR, "G"), Office("31.71", "P"), ROADS]
    everyone = [
        Officer("x", "X", role, office, reach, codes)
        for role, reach, codes, office in itertools.product(ROLES, reaches, [(), (ROADS.code,)], offices)
    ]
    for admin in (each for each in everyone if each.role == "admin"):
        for account in everyone:
            if accounts.manages(admin, account, known):
                assert all(admin.covers(code) for code in account.boundaries)
                assert set(account.agencies) <= set(admin.agencies) or admin.covers("31")
    assert not any(accounts.manages(each, each, known) for each in everyone if each.role != "admin")


def test_an_agency_that_works_only_within_an_admins_boundaries_is_theirs_to_give():
    lamps = agencies.Agency("dinas-lampu", {"id": "L", "en": "L"}, boundaries=("31.71.01",))
    account = Officer("x", "X", "officer", lamps.office, (), (lamps.code,))
    assert accounts.manages(LOCAL, account, {lamps.code: lamps})
    wider = agencies.Agency("dinas-lampu", {"id": "L", "en": "L"}, boundaries=("31.71",))
    assert not accounts.manages(LOCAL, account, {wider.code: wider})


def test_nobody_shuts_themselves_out_or_raises_themselves(office: Desk):
    for more in ({"disabled": True}, {"role": "auditor"}, {"boundaries": [GAMBIR]}):
        assert office.codes(changed(office, LOCAL.id, status=403, **more)) == ["account_own"]
    changed(office, LOCAL.id, name="Admin Kecamatan")
    assert listed(office)[LOCAL.id]["name"] == "Admin Kecamatan"


def test_only_admins_have_to_do_with_accounts(office: Desk):
    for who in (HOME, "contoh-koordinator-gambir", "contoh-pengawas", "contoh-auditor", "contoh-dinas-jalan"):
        assert office.of(who, "staff_officers").status == 403
        assert office.of(who, "staff_edit_officer", NEW).status == 403


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"role": "king"}, "not_a_choice"),
        ({"office": "31.71.01.9999"}, "office_unknown"),
        ({"office": ""}, "office_unknown"),
        ({"boundaries": []}, "entry_wrong"),
        ({"boundaries": ["Gambir"]}, "entry_wrong"),
        ({"email": "not an address"}, "email_wrong"),
        ({"name": " "}, "deed_wrong"),
        ({"name": "x" * 81}, "deed_wrong"),
        ({"colour": "red"}, "deed_wrong"),
    ],
    ids=str,
)
def test_a_wrong_account_says_what_is_wrong_and_is_not_made(office: Desk, more: dict[str, Any], code: str):
    before = listed(office)
    assert office.codes(edit(office, status=400, **{**NEW, **more})) == [code]
    assert listed(office) == before


def test_of_two_admins_at_once_the_second_is_told(office: Desk):
    seen = listed(office)[HOME]["version"]
    changed(office, HOME, name="Nama Satu")
    assert office.codes(changed(office, HOME, status=409, name="Nama Dua", seen=seen)) == ["edited_meanwhile"]
    assert listed(office)[HOME]["name"] == "Nama Satu"


def test_a_double_click_makes_one_account(office: Desk):
    before = set(listed(office))
    for _ in range(2):
        assert office.of(LOCAL.id, "staff_edit_officer", NEW, key="klik-ganda-0001").status == 200
    (one,) = set(listed(office)) - before
    other = office.of(LOCAL.id, "staff_edit_officer", {**NEW, "name": "Budi"}, key="klik-ganda-0001")
    assert other.status == 409
    assert listed(office)[one]["name"] == "Sari"


# With a provider that keeps its own users.


class Pool:
    """A provider's users, in memory."""

    def __init__(self) -> None:
        self.users: dict[str, str] = {}
        self.out: set[str] = set()
        self.down = False

    def _up(self) -> None:
        if self.down:
            raise accounts.PoolBusy("down")

    def invite(self, email: str, name: str) -> str:
        self._up()
        return self.users.setdefault(email, f"sub-{len(self.users) + 1}")

    def shut_out(self, email: str) -> None:
        self._up()
        self.out.add(email)

    def let_in(self, email: str) -> None:
        self._up()
        self.out.discard(email)


@pytest.fixture
def pool(office: Desk) -> Pool:
    made = Pool()
    office.parts = dataclasses.replace(office.parts, pool=made)
    return made


def test_a_new_officer_is_invited_and_is_who_the_provider_says(office: Desk, pool: Pool):
    assert office.codes(edit(office, status=400, **NEW)) == ["account_email"]
    assert made(office, email="Sari@Kantor.Example.ID") == "sub-1"
    assert pool.users == {"Sari@kantor.example.id": "sub-1"}
    assert office.of("sub-1", "staff_me").status == 200
    again = edit(office, status=409, **NEW, email="Sari@kantor.example.id")
    assert office.codes(again) == ["account_email_taken"]


def test_a_closed_account_is_shut_out_at_the_provider_and_let_in_again(office: Desk, pool: Pool):
    sari = made(office, email="sari@kantor.example.id")
    changed(office, sari, disabled=True)
    assert pool.out == {"sari@kantor.example.id"}
    changed(office, sari, disabled=False)
    assert pool.out == set()
    # It is who they are at the provider: the address stays.
    changed(office, sari, email="lain@kantor.example.id")
    assert listed(office)[sari]["email"] == "sari@kantor.example.id"


def test_a_provider_that_is_down_makes_no_account_and_saves_none_from_being_closed(office: Desk, pool: Pool):
    sari = made(office, email="sari@kantor.example.id")
    pool.down = True
    before = listed(office)
    assert office.codes(edit(office, status=503, **NEW, email="budi@kantor.example.id")) == ["provider_busy"]
    assert listed(office) == before
    changed(office, sari, disabled=True)
    assert office.of(sari, "staff_me").status == 403


@pytest.mark.parametrize(
    ("issuer", "pool_id"),
    [
        ("https://cognito-idp.ap-southeast-3.amazonaws.com/ap-southeast-3_Pool", "ap-southeast-3_Pool"),
        ("https://login.example.id/realm", None),
        ("https://cognito-idp.ap-southeast-3.amazonaws.com/", None),
        ("", None),
    ],
)
def test_only_a_cognito_pool_has_users_that_are_ours_to_invite(issuer: str, pool_id: str | None):
    assert accounts.pool_of(issuer) == pool_id
