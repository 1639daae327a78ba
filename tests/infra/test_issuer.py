"""The sign-in of one machine: code and PKCE, once; refresh with rotation; nothing leaves for another host."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from chalicelib import access
from chalicelib.storage.sqlite import SQLiteTable

from infra.issuer import CLIENT, Issuer

VERIFIER = "a-verifier-of-at-least-forty-three-characters-long"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
BACK = "http://127.0.0.1:8000/petugas/"
ASKED = {
    "response_type": "code",
    "client_id": CLIENT,
    "redirect_uri": BACK,
    "state": "state-state",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
OFFICER = "contoh-petugas-gambir"


class Clock:
    now = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        return self.now.timestamp()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key to sign with, made once: making one takes as long as many tests."""
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    Issuer(None, path, "", Clock()).rotate()  # type: ignore[arg-type]
    return path


@pytest.fixture
def issuer(tmp_path: Path, clock: Clock, keys_file: Path) -> Iterator[Issuer]:
    table = SQLiteTable(tmp_path / "table.sqlite3", now=clock.seconds)
    kept = Path(shutil.copy(keys_file, tmp_path / "keys.json"))
    made = Issuer(table, kept, "http://127.0.0.1:8000/_issuer", clock)
    access.add_missing(table, made.officers)
    yield made
    table.close()


def post(issuer: Issuer, path: str, **fields: str) -> tuple[int, dict[str, str], bytes]:
    status, said, body = issuer.answer("POST", path, "", {}, urlencode(fields).encode())
    return status, dict(said), body


def code(issuer: Issuer, officer: str = OFFICER, **changes: str) -> str:
    status, said, _ = post(issuer, "/authorize", **{**ASKED, **changes, "officer": officer})
    assert status == 303
    back = urlsplit(said["Location"])
    assert (back.netloc, back.path) == ("", "/petugas/")
    answered = parse_qs(back.query)
    assert answered["state"] == ["state-state"]
    return answered["code"][0]


def exchange(issuer: Issuer, **changes: str) -> tuple[int, Any]:
    fields = {
        "grant_type": "authorization_code",
        "client_id": CLIENT,
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
        **changes,
    }
    status, _, body = post(issuer, "/token", **fields)
    return status, json.loads(body)


def test_an_example_officer_signs_in_and_the_gate_knows_them(issuer: Issuer, clock: Clock):
    status, got = exchange(issuer, code=code(issuer))
    assert (status, got["token_type"], got["expires_in"]) == (200, "Bearer", 600)
    gate = access.Gate(issuer.table, access.Keys(issuer.jwks, clock), issuer.url, CLIENT, clock)
    assert gate.officer(f"Bearer {got['access_token']}").id == OFFICER


def test_the_page_lists_every_example_in_the_language_of_the_desk(issuer: Issuer):
    status, said, body = issuer.answer("GET", "/authorize", urlencode(ASKED), {}, b"")
    assert status == 200
    assert dict(said)["Cache-Control"] == "no-store"
    page = body.decode()
    assert all(each.name in page for each in issuer.officers)
    assert 'lang="id"' in page
    english = urlencode({**ASKED, "redirect_uri": "http://127.0.0.1:8000/en/petugas/"})
    assert 'lang="en"' in issuer.answer("GET", "/authorize", english, {}, b"")[2].decode()


def test_what_is_asked_cannot_become_markup(issuer: Issuer):
    asked = urlencode({**ASKED, "state": '"><script>alert(1)</script>'})
    assert b"<script" not in issuer.answer("GET", "/authorize", asked, {}, b"")[2]


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "other"},
        {"redirect_uri": "https://evil.example/steal"},
        {"redirect_uri": ""},
        {"code_challenge_method": "plain"},
        {"code_challenge": "short"},
        {"state": ""},
    ],
    ids=str,
)
def test_a_request_that_is_not_the_desks_is_refused(issuer: Issuer, changes: dict[str, str]):
    assert issuer.answer("GET", "/authorize", urlencode({**ASKED, **changes}), {}, b"")[0] == 400
    assert post(issuer, "/authorize", **{**ASKED, **changes, "officer": OFFICER})[0] == 400


def test_a_code_never_leaves_for_another_host(issuer: Issuer):
    got = code(issuer, redirect_uri="https://evil.example/petugas/")
    assert exchange(issuer, code=got)[0] == 400


def test_a_code_works_once_and_for_a_minute(issuer: Issuer, clock: Clock):
    first = code(issuer)
    assert exchange(issuer, code=first)[0] == 200
    assert exchange(issuer, code=first) == (400, {"error": "invalid_grant"})
    late = code(issuer)
    clock.now += timedelta(seconds=61)
    assert exchange(issuer, code=late)[0] == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "another-verifier-of-at-least-forty-three-characters"},
        {"code_verifier": ""},
        {"redirect_uri": "http://127.0.0.1:8000/en/petugas/"},
        {"client_id": "other"},
        {"grant_type": "password"},
        {"code": "made-up"},
    ],
    ids=str,
)
def test_a_code_without_its_proof_opens_nothing(issuer: Issuer, changes: dict[str, str]):
    assert exchange(issuer, **{"code": code(issuer), **changes})[0] == 400


def test_an_unknown_officer_cannot_be_chosen(issuer: Issuer):
    assert post(issuer, "/authorize", **ASKED, officer="contoh-gubernur")[0] == 400


def refresh(issuer: Issuer, token: str) -> tuple[int, Any]:
    status, _, body = post(
        issuer, "/token", grant_type="refresh_token", client_id=CLIENT, refresh_token=token
    )
    return status, json.loads(body)


def test_a_refresh_token_is_rotated_and_the_old_one_is_spent(issuer: Issuer):
    _, first = exchange(issuer, code=code(issuer))
    status, second = refresh(issuer, first["refresh_token"])
    assert status == 200
    assert second["refresh_token"] != first["refresh_token"]
    assert refresh(issuer, first["refresh_token"])[0] == 400
    assert refresh(issuer, second["refresh_token"])[0] == 200


def test_a_session_ends_after_a_working_day_however_often_it_is_refreshed(issuer: Issuer, clock: Clock):
    _, got = exchange(issuer, code=code(issuer))
    for _ in range(7):
        clock.now += timedelta(hours=1)
        status, got = refresh(issuer, got["refresh_token"])
        assert status == 200
    clock.now += timedelta(hours=1, seconds=1)
    assert refresh(issuer, got["refresh_token"])[0] == 400


def test_signing_out_ends_the_refresh_token(issuer: Issuer):
    _, got = exchange(issuer, code=code(issuer))
    assert post(issuer, "/revoke", token=got["refresh_token"])[0] == 200
    assert refresh(issuer, got["refresh_token"])[0] == 400


def test_a_disabled_officer_gets_no_new_token(issuer: Issuer, clock: Clock):
    _, got = exchange(issuer, code=code(issuer))
    spare = code(issuer)
    access.disable(issuer.table, OFFICER, now=clock())
    assert refresh(issuer, got["refresh_token"])[0] == 400
    assert exchange(issuer, code=spare)[0] == 400
    assert post(issuer, "/authorize", **ASKED, officer=OFFICER)[0] == 400
    assert OFFICER.encode() not in issuer.answer("GET", "/authorize", urlencode(ASKED), {}, b"")[2]


def test_an_account_that_was_made_at_the_desk_can_be_chosen(issuer: Issuer):
    made = access.Officer("petugas-baru", "Petugas Baru", "officer", issuer.officers[0].office, ("31.71",))
    access.save(issuer.table, made)
    assert b"Petugas Baru" in issuer.answer("GET", "/authorize", urlencode(ASKED), {}, b"")[2]
    assert exchange(issuer, code=code(issuer, "petugas-baru"))[0] == 200


def test_secrets_are_kept_as_hashes_and_the_key_by_its_owner_alone(issuer: Issuer, tmp_path: Path):
    _, got = exchange(issuer, code=code(issuer))
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("table.sqlite3*"))
    assert got["refresh_token"].encode() not in stored
    assert issuer.keys_file.stat().st_mode & 0o077 == 0
    assert '"d"' not in issuer.jwks()


def test_there_is_nothing_else(issuer: Issuer):
    assert issuer.answer("GET", "/token", "", {}, b"")[0] == 404
    assert issuer.answer("POST", "/", "", {}, b"\xff\xfe")[0] == 404
