"""Asking the sign-in provider: only over https, never longer or larger than promised, and what it says is checked."""

from __future__ import annotations

import io
import json
from typing import Any
from urllib.error import HTTPError, URLError

import pytest
from chalicelib import access
from chalicelib.front.problems import Refused
from chalicelib.officers import provider
from chalicelib.storage.sqlite import SQLiteTable
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from ..conftest import Clock

ISSUER = "https://cognito-idp.example.test/pool"
KEYS_AT = f"{ISSUER}/keys.json"
DESCRIBED = {
    "issuer": ISSUER,
    "jwks_uri": KEYS_AT,
    "authorization_endpoint": "https://sign-in.example.test/authorize",
    "token_endpoint": "https://sign-in.example.test/token",
    "revocation_endpoint": "https://sign-in.example.test/revoke",
    "end_session_endpoint": "https://sign-in.example.test/logout",
}


class Web:
    """What answers at addresses, and what was asked of it."""

    def __init__(self) -> None:
        self.pages: dict[str, Any] = {f"{ISSUER}/.well-known/openid-configuration": DESCRIBED}
        self.asked: list[str] = []

    def open(self, request: Any, *, timeout: float) -> Any:
        assert 0 < timeout <= 10
        self.asked.append(request.full_url)
        page = self.pages.get(request.full_url)
        if page is None:
            raise HTTPError(request.full_url, 404, "gone", None, io.BytesIO())  # type: ignore[arg-type]
        if isinstance(page, Exception):
            raise page
        return io.BytesIO(page if isinstance(page, bytes) else json.dumps(page).encode())


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Web:
    made = Web()
    monkeypatch.setattr(provider, "urlopen", made.open)
    return made


@pytest.fixture(scope="module")
def pairs() -> list[RSAKey]:
    return [RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"}) for kid in ("one", "two")]


def jwks(*pairs: RSAKey) -> dict[str, Any]:
    return {"keys": [each.as_dict(private=False) for each in pairs]}


def token(pair: RSAKey, clock: Clock, **claims: Any) -> str:
    now = int(clock().timestamp())
    body = {
        "iss": ISSUER,
        "sub": "sub-1",
        "client_id": "desk",
        "token_use": "access",
        "iat": now,
        "exp": now + 600,
    }
    return jwt.encode({"alg": "RS256", "kid": pair.kid}, body | claims, pair, algorithms=["RS256"])


@pytest.fixture
def gate(web: Web, table: SQLiteTable, clock: Clock) -> access.Gate:
    return access.Gate(table, access.Keys(lambda: provider.keys(ISSUER), clock), ISSUER, "desk", clock)


def test_the_desk_learns_where_officers_sign_in(web: Web):
    assert provider.sign_in(ISSUER, "desk") == {
        "authorize_url": "https://sign-in.example.test/authorize",
        "token_url": "https://sign-in.example.test/token",
        "logout_url": "https://sign-in.example.test/revoke",
        "end_session_url": "https://sign-in.example.test/logout",
        "client_id": "desk",
        "example": False,
    }


def test_keys_are_fetched_from_where_the_provider_says_and_then_kept(
    web: Web, gate: access.Gate, pairs: list[RSAKey], clock: Clock
):
    web.pages[KEYS_AT] = jwks(pairs[0])
    for _ in range(3):
        assert gate.subject(token(pairs[0], clock)) == "sub-1"
    assert web.asked == [f"{ISSUER}/.well-known/openid-configuration", KEYS_AT]


def test_a_new_key_is_found_when_the_provider_rotates(
    web: Web, gate: access.Gate, pairs: list[RSAKey], clock: Clock
):
    web.pages[KEYS_AT] = jwks(pairs[0])
    assert gate.subject(token(pairs[0], clock)) == "sub-1"
    web.pages[KEYS_AT] = jwks(pairs[1])
    clock.later(seconds=access.ASK_AGAIN_S)
    assert gate.subject(token(pairs[1], clock)) == "sub-1"
    with pytest.raises(Refused):
        gate.subject(token(pairs[0], clock))


def test_an_unknown_key_is_refused_and_asked_for_once_a_minute_at_most(
    web: Web, gate: access.Gate, pairs: list[RSAKey], clock: Clock
):
    web.pages[KEYS_AT] = jwks(pairs[0])
    for _ in range(10):
        with pytest.raises(Refused) as caught:
            gate.subject(token(pairs[1], clock))
        assert (caught.value.status, caught.value.problems[0].code) == (401, "token_wrong")
    assert web.asked.count(KEYS_AT) == 1


def test_while_the_provider_is_down_kept_keys_serve_and_nobody_new_gets_in(
    web: Web, gate: access.Gate, pairs: list[RSAKey], clock: Clock
):
    web.pages[KEYS_AT] = URLError("down")
    with pytest.raises(Refused) as caught:
        gate.subject(token(pairs[0], clock))
    assert caught.value.status == 401
    web.pages[KEYS_AT] = jwks(pairs[0])
    clock.later(seconds=access.ASK_AGAIN_S)
    assert gate.subject(token(pairs[0], clock)) == "sub-1"
    web.pages[KEYS_AT] = URLError("down again")
    clock.later(hours=5)
    assert gate.subject(token(pairs[0], clock)) == "sub-1"


@pytest.mark.parametrize(
    "answer",
    [
        None,
        URLError("no route"),
        TimeoutError("slow"),
        b"\xff\xfe no text",
        b"<html>maintenance</html>",
        b"[]",
        {"issuer": "https://cognito-idp.example.test/other"},
        {**DESCRIBED, "jwks_uri": "http://plain.example.test/keys.json"},
        {name: value for name, value in DESCRIBED.items() if name != "jwks_uri"},
        b"{" + b" " * 300_000 + b"}",
    ],
    ids=lambda each: str(each)[:40],
)
def test_whatever_else_the_provider_says_it_counts_as_not_to_be_reached(web: Web, answer: Any):
    web.pages[f"{ISSUER}/.well-known/openid-configuration"] = answer
    with pytest.raises(access.Unreachable):
        provider.keys(ISSUER)


def test_a_provider_at_a_plain_address_is_never_asked(web: Web):
    with pytest.raises(access.Unreachable, match="https"):
        provider.keys("http://cognito-idp.example.test/pool")
    assert web.asked == []


@pytest.mark.parametrize(
    "answer", [b"no json", {"keys": "none"}, {"keys": [{"kty": "RSA", "kid": "one"}]}, []]
)
def test_keys_that_are_none_open_nothing_and_break_nothing(
    web: Web, gate: access.Gate, pairs: list[RSAKey], clock: Clock, answer: Any
):
    web.pages[KEYS_AT] = answer
    with pytest.raises(Refused) as caught:
        gate.subject(token(pairs[0], clock))
    assert caught.value.status == 401


def test_what_is_kept_of_the_provider_holds_no_secret(pairs: list[RSAKey]):
    assert all("d" not in key for key in jwks(*pairs)["keys"])
    assert KeySet.import_key_set(jwks(*pairs)).keys
