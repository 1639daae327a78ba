"""Who is asking: every way a token can be wrong is refused; and who may do what, for every role and boundary."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from chalicelib import access
from chalicelib.front.problems import Refused
from chalicelib.report import Office, Place, Report
from chalicelib.storage.sqlite import SQLiteTable
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from infra.issuer import CLIENT, EXAMPLES, Issuer

from .conftest import CIDENG, GAMBIR, Clock

URL = "http://127.0.0.1:1/_issuer"
ROADS = Office("contoh-jalan", "Dinas jalan (contoh)")
MANUAL = Path(__file__).resolve().parents[2] / "infra" / "docs" / "desk.md"


@pytest.fixture(scope="session")
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key to sign with, made once: making one takes as long as many tests."""
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    Issuer(None, path, "", Clock()).rotate()  # type: ignore[arg-type]
    return path


@pytest.fixture
def issuer(table: SQLiteTable, clock: Clock, tmp_path: Path, keys_file: Path) -> Issuer:
    made = Issuer(table, Path(shutil.copy(keys_file, tmp_path / "keys.json")), URL, clock)
    access.add_missing(table, made.officers)
    return made


@pytest.fixture
def gate(issuer: Issuer, table: SQLiteTable, clock: Clock) -> access.Gate:
    return access.Gate(table, access.Keys(issuer.jwks, clock), URL, CLIENT, clock)


def refused(act: Callable[[], Any]) -> tuple[str, int]:
    with pytest.raises(Refused) as caught:
        act()
    return caught.value.problems[0].code, caught.value.status


def test_a_good_token_opens_the_officers_own_account(gate: access.Gate, issuer: Issuer):
    officer = gate.officer(f"Bearer {issuer.token('contoh-petugas-gambir')}")
    assert (officer.role, officer.boundaries) == ("officer", (GAMBIR,))


def test_an_expired_token_is_refused(gate: access.Gate, issuer: Issuer, clock: Clock):
    token = issuer.token("contoh-admin")
    clock.later(minutes=11)
    assert refused(lambda: gate.officer(f"Bearer {token}")) == ("token_expired", 401)


@pytest.mark.parametrize(
    "claims",
    [
        {"client_id": "another-app"},
        {"client_id": None},
        {"aud": "another-app"},
        {"aud": ["one", "two"]},
        {"iss": "http://127.0.0.1:1/_other"},
        {"iss": None},
        {"token_use": "id"},
        {"token_use": None},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": 4_000_000_000},
        {"nbf": 4_000_000_000},
        {"sub": 7},
    ],
    ids=lambda claims: "-".join(f"{k}={v}" for k, v in claims.items()),
)
def test_a_token_with_wrong_claims_is_refused(gate: access.Gate, issuer: Issuer, claims: dict[str, Any]):
    token = issuer.token("contoh-admin", **claims)
    assert refused(lambda: gate.officer(f"Bearer {token}")) == ("token_wrong", 401)


def test_a_token_signed_with_somebody_elses_key_is_refused(gate: access.Gate, issuer: Issuer):
    known = issuer.keys().keys[0].kid
    forger = RSAKey.generate_key(2048, {"kid": known})
    good = jwt.decode(issuer.token("contoh-admin"), issuer.keys(), algorithms=["RS256"]).claims
    forged = jwt.encode({"alg": "RS256", "kid": known}, good, forger)
    assert refused(lambda: gate.officer(f"Bearer {forged}")) == ("token_wrong", 401)


def test_a_token_whose_claims_were_changed_is_refused(gate: access.Gate, issuer: Issuer):
    head, body, signature = issuer.token("contoh-petugas-gambir").split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["sub"] = "contoh-admin"
    changed = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    assert refused(lambda: gate.officer(f"Bearer {head}.{changed}.{signature}")) == ("token_wrong", 401)


def test_a_token_without_a_signature_is_refused(gate: access.Gate, issuer: Issuer):
    _, body, _ = issuer.token("contoh-admin").split(".")
    kid = issuer.keys().keys[0].kid
    for alg in ("none", "None", "NONE"):
        head = base64.urlsafe_b64encode(json.dumps({"alg": alg, "kid": kid}).encode()).rstrip(b"=").decode()
        assert refused(lambda head=head: gate.officer(f"Bearer {head}.{body}.")) == ("token_wrong", 401)


def test_the_public_key_is_no_secret_to_sign_with(gate: access.Gate, issuer: Issuer):
    kid = issuer.keys().keys[0].kid
    public = issuer.keys().keys[0].as_pem(private=False)
    good = jwt.decode(issuer.token("contoh-admin"), issuer.keys(), algorithms=["RS256"]).claims
    secret = OctKey.import_key(base64.b64encode(public).decode())
    confused = jwt.encode({"alg": "HS256", "kid": kid}, good, secret)
    assert refused(lambda: gate.officer(f"Bearer {confused}")) == ("token_wrong", 401)


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer a.b.c", "Bearer " + "x" * 9000, "Bearer é.é.é"]
)
def test_what_is_no_token_is_refused_and_never_an_error(gate: access.Gate, header: str):
    assert refused(lambda: gate.officer(header))[1] == 401


def test_who_is_no_officer_here_is_told_so(gate: access.Gate, issuer: Issuer):
    for subject in ("somebody", "../officers", "a b", ""):
        token = issuer.token(subject)
        assert refused(lambda token=token: gate.officer(f"Bearer {token}")) == ("officer_unknown", 403)


def test_a_disabled_officer_is_out_with_the_next_request(
    gate: access.Gate, issuer: Issuer, table: SQLiteTable, clock: Clock
):
    header = f"Bearer {issuer.token('contoh-petugas-gambir')}"
    assert gate.officer(header).id == "contoh-petugas-gambir"
    access.disable(table, "contoh-petugas-gambir", now=clock())
    assert refused(lambda: gate.officer(header)) == ("officer_disabled", 403)


def test_keys_are_fetched_once_an_hour_and_again_when_one_is_new(
    issuer: Issuer, table: SQLiteTable, clock: Clock
):
    asked: list[int] = []

    def fetch() -> str:
        asked.append(1)
        return issuer.jwks()

    gate = access.Gate(table, access.Keys(fetch, clock), URL, CLIENT, clock)
    for _ in range(5):
        gate.officer(f"Bearer {issuer.token('contoh-admin')}")
    assert len(asked) == 1
    before = issuer.token("contoh-admin")
    issuer.rotate()
    clock.later(seconds=access.ASK_AGAIN_S)
    gate.officer(f"Bearer {issuer.token('contoh-admin')}")
    gate.officer(f"Bearer {before}")
    assert len(asked) == 2
    clock.later(seconds=access.KEYS_FOR_S)
    gate.officer(f"Bearer {issuer.token('contoh-admin')}")
    assert len(asked) == 3


def test_a_flood_of_unknown_keys_is_no_flood_of_questions(issuer: Issuer, table: SQLiteTable, clock: Clock):
    asked: list[int] = []

    def fetch() -> str:
        asked.append(1)
        raise access.Unreachable("down")

    gate = access.Gate(table, access.Keys(fetch, clock), URL, CLIENT, clock)
    for _ in range(20):
        assert refused(lambda: gate.officer(f"Bearer {issuer.token('contoh-admin')}")) == ("token_wrong", 401)
    assert len(asked) == 1


def test_kept_keys_serve_while_the_provider_is_down(issuer: Issuer, table: SQLiteTable, clock: Clock):
    down = False

    def fetch() -> str:
        if down:
            raise access.Unreachable("down")
        return issuer.jwks()

    gate = access.Gate(table, access.Keys(fetch, clock), URL, CLIENT, clock)
    gate.officer(f"Bearer {issuer.token('contoh-admin')}")
    down = True
    clock.later(hours=3)
    assert gate.officer(f"Bearer {issuer.token('contoh-admin')}").role == "admin"


# Rights.


def place(kode: str = GAMBIR, **more: Any) -> Place:
    return Place(kode, "K", "Gambir", "Jakarta Pusat", "inside", "test", **more)


def report(**more: Any) -> Report:
    given: dict[str, Any] = {
        "place": place(),
        "office": Office(GAMBIR, "Kelurahan Gambir"),
        "state": "waiting",
        **more,
    }
    return Report(
        id="7K3M9QX2", created="2026-11-23T02:00:00.000Z", updated="2026-11-23T02:00:00.000Z", category="jalan",
        description="Lubang.", channel="web", language="id", private=False, follow_hash="", seq=1, head="", **given,
    )  # fmt: skip


def officer(
    role: str = "officer", at: tuple[str, ...] = (), agencies: tuple[str, ...] = ()
) -> access.Officer:
    return access.Officer("a", "A", role, Office("x", "X"), at, agencies)


@pytest.mark.parametrize("boundary", ["31", "31.71", "31.71.01", GAMBIR])
def test_a_boundary_is_a_prefix_of_whole_codes(boundary: str):
    assert officer(at=(boundary,)).covers(GAMBIR)
    assert not officer(at=(boundary[:-1],)).covers(GAMBIR)


def rights(who: access.Officer, it: Report) -> set[str]:
    return {right for right in access.RIGHTS if right != "queue" and access.may(who, right, it)}


def test_a_report_handed_to_an_agency_is_worked_there_and_still_seen_at_home():
    handed = report(office=ROADS, state="coordination")
    home, roads = officer(at=(GAMBIR,)), officer(agencies=(ROADS.code,))
    assert [access.may(roads, right, handed) for right in ("see", "work", "hand_over", "place")] == [
        True,
        True,
        True,
        False,
    ]
    assert [access.may(home, right, handed) for right in ("see", "note", "work", "hand_over")] == [
        True,
        True,
        False,
        False,
    ]
    assert access.may(officer("coordinator", at=("31.71.01",)), "hand_over", handed)
    assert not access.may(roads, "see", report())


def test_a_place_in_doubt_is_both_kelurahans_until_one_takes_it():
    doubt = place(probability=0.6, runner_up=CIDENG)
    here, there = officer(at=(GAMBIR,)), officer(at=(CIDENG,))
    assert access.may(here, "work", report(place=doubt))
    assert access.may(there, "work", report(place=doubt))
    assert not access.may(there, "see", report(place=doubt, state="coordination"))
    assert access.may(here, "work", report(place=doubt, state="coordination"))


def test_a_report_without_a_place_belongs_to_who_covers_the_province():
    nowhere = report(place=None, office=None)
    assert access.may(officer("supervisor", at=("31",)), "place", nowhere)
    for at in ((GAMBIR,), ("31.71.01",), ("31.71",)):
        assert not access.may(officer("coordinator", at=at), "see", nowhere)


def test_an_auditor_sees_everything_and_does_nothing():
    auditor = officer("auditor", at=("31",))
    doable = {
        right
        for right in access.RIGHTS
        if access.may(auditor, right, None if right in {"queue", "accounts", "clients"} else report())
    }
    assert doable == {"see", "queue"}


def test_a_disabled_officer_and_an_unknown_role_may_nothing():
    gone = msgspec.structs.replace(officer("admin", at=("31",)), disabled="2026-11-23T02:00:00.000Z")
    for each in (gone, officer("chief", at=("31",))):
        assert not any(access.may(each, right, report()) for right in access.RIGHTS)


def test_an_account_that_could_see_nothing_or_everything_by_mistake_is_refused(table: SQLiteTable):
    for wrong in (
        officer(),
        officer("chief", at=("31",)),
        officer(at=("",)),
        officer(at=("3",)),
        officer(agencies=("31.71",)),
    ):
        with pytest.raises(ValueError, match=r"^(officer|role|boundary|agency) '"):
            access.save(table, wrong)


def test_examples_say_that_they_are_examples_and_there_is_one_for_every_role():
    assert {each.role for each in EXAMPLES} == set(access.ROLES)
    assert all(each.name.startswith("Contoh ") for each in EXAMPLES)


def test_the_manual_prints_the_table_that_is_enforced():
    assert access.rights_table() in MANUAL.read_text("utf-8")
