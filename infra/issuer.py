"""A sign-in provider for one machine: example officers to choose from, without passwords. Never for production.

Speaks the part of OpenID Connect that the desk uses, as Amazon Cognito does: discovery,
JWKS, authorization code with PKCE (RFC 7636), refresh with rotation, revocation (RFC
7009). Its tokens carry Cognito's claims, so that the same gate checks both. Serves only
what `make run` serves, at ISSUER_AT; keeps codes and refresh tokens in the table as hashes.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

import msgspec
from chalicelib.access import ALGORITHM, PARTITION, Officer, load
from chalicelib.front.problems import preferred
from chalicelib.officers.accounts import MOST_LISTED
from chalicelib.report import Office
from chalicelib.storage.table import ConditionFailed, Delete, Expect, Key, Put, Table

from web.i18n import translation

if TYPE_CHECKING:
    from joserfc.jwk import KeySet, RSAKey

ISSUER_AT = "/_issuer"
CLIENT = "desk"
RETURNS_TO = ("/petugas/", "/en/petugas/")
"""Paths that a sign-in may come back to, on this machine only."""
CODE_S = 60
ACCESS_S = 600
REFRESH_S = 8 * 3600

Answer = tuple[int, list[tuple[str, str]], bytes]


def _officer(name: str, role: str, office: Office, *, at: tuple[str, ...] = (), agency: str = "") -> Officer:
    return Officer(
        id=f"contoh-{name}",
        name=f"Contoh {name.replace('-', ' ').title()}",
        role=role,
        office=office,
        boundaries=at,
        agencies=(agency,) if agency else (),
        created="2026-01-01T00:00:00.000Z",
    )


EXAMPLES: tuple[Officer, ...] = (
    _officer(
        "petugas-gambir", "officer", Office("31.71.01.1001", "Kelurahan Gambir"), at=("31.71.01.1001",)
    ),
    _officer(
        "petugas-cideng", "officer", Office("31.71.01.1002", "Kelurahan Cideng"), at=("31.71.01.1002",)
    ),
    _officer(
        "koordinator-gambir", "coordinator", Office("contoh-kecamatan-gambir", "Kecamatan Gambir"),
        at=("31.71.01",),
    ),
    _officer(
        "dinas-jalan", "officer", Office("contoh-jalan", "Dinas jalan (contoh)"), agency="contoh-jalan"
    ),
    _officer("pengawas", "supervisor", Office("contoh-provinsi", "Pemprov DKI Jakarta (contoh)"), at=("31",)),
    _officer("admin", "admin", Office("contoh-provinsi", "Pemprov DKI Jakarta (contoh)"), at=("31",)),
    _officer("auditor", "auditor", Office("contoh-inspektorat", "Inspektorat (contoh)"), at=("31",)),
)  # fmt: skip
"""One per role, and what a story needs. Every name says that it is an example."""


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for "mark, translate later"
    """Mark a message for translation without translating it yet."""
    return message


@dataclass(frozen=True)
class Issuer:
    """The provider. `url` is its issuer name; `stylesheet` is the site's, for the page of officers."""

    table: Table
    keys_file: Path
    url: str
    now: Callable[[], datetime]
    stylesheet: str = ""
    officers: tuple[Officer, ...] = EXAMPLES

    # Keys.

    def keys(self) -> KeySet:
        """Every key, the newest first. Made once and kept in `keys_file`, readable by its owner alone."""
        from joserfc.jwk import KeySet

        try:
            return KeySet.import_key_set(json.loads(self.keys_file.read_text("utf-8")))
        except FileNotFoundError:
            self.rotate()
            return KeySet.import_key_set(json.loads(self.keys_file.read_text("utf-8")))

    def rotate(self) -> None:
        """Sign with a new key from now on; the one before stays valid for tokens that are out."""
        from joserfc.jwk import RSAKey

        kid = secrets.token_hex(8)
        fresh = RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": ALGORITHM})
        kept = json.loads(self.keys_file.read_text("utf-8"))["keys"] if self.keys_file.exists() else []
        text = json.dumps({"keys": [fresh.as_dict(private=True), *kept[:1]]})
        self.keys_file.parent.mkdir(parents=True, exist_ok=True)
        partial = self.keys_file.with_suffix(f".{kid}")
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        partial.replace(self.keys_file)

    def jwks(self) -> str:
        """The public keys, as a JWK set."""
        return json.dumps({"keys": [key.as_dict(private=False) for key in self.keys().keys]})

    def token(self, subject: str, **claims: Any) -> str:
        """An access token with Cognito's claims; `claims` overrule, for tests of the gate."""
        from joserfc import jwt
        from joserfc.jwk import RSAKey

        now = int(self.now().timestamp())
        key = self.keys().keys[0]
        if not isinstance(key, RSAKey):
            raise TypeError(f"{self.keys_file} holds a key that is no RSA key; remove the file")
        body = {
            "iss": self.url,
            "sub": subject,
            "client_id": CLIENT,
            "token_use": "access",
            "iat": now,
            "exp": now + ACCESS_S,
            "jti": secrets.token_hex(16),
            **claims,
        }
        return _signed(key, {name: value for name, value in body.items() if value is not None}, jwt)

    # HTTP.

    def answer(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """An answer to a request under ISSUER_AT; `path` is what follows it."""
        asked = dict(parse_qsl(query[:8192], keep_blank_values=True))
        sent = dict(parse_qsl(body[:65536].decode("utf-8", "replace"), keep_blank_values=True))
        routes: dict[tuple[str, str], Callable[[], Answer]] = {
            ("GET", "/.well-known/openid-configuration"): lambda: _json(200, self.discovery()),
            ("GET", "/jwks.json"): lambda: _json(200, json.loads(self.jwks())),
            ("GET", "/authorize"): lambda: self._choose(asked, headers),
            ("POST", "/authorize"): lambda: self._chosen(sent),
            ("POST", "/token"): lambda: self._token(sent),
            ("POST", "/revoke"): lambda: self._revoke(sent),
        }
        route = routes.get((method, path))
        return route() if route else _json(404, {"error": "not_found"})

    def discovery(self) -> dict[str, Any]:
        """What OpenID Connect Discovery 1.0 tells a client."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "revocation_endpoint": f"{self.url}/revoke",
            "jwks_uri": f"{self.url}/jwks.json",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "code_challenge_methods_supported": ["S256"],
        }

    def _choose(self, asked: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """The page with the example officers, or what is wrong with the request."""
        if wrong := _wrong(asked):
            return _json(400, {"error": "invalid_request", "error_description": wrong})
        language = "en" if _return_path(asked["redirect_uri"]).startswith("/en/") else "id"
        if asked.get("ui_locales") not in {"id", "en"} and "accept-language" in headers:
            language = "en" if preferred(headers["accept-language"]) == "en" else language
        return 200, _PAGE, self._page(asked, language).encode()

    def _people(self) -> list[Officer]:
        """Whom one can be here: the examples in their order, then accounts that were made at the desk."""
        items = self.table.query(PARTITION, limit=MOST_LISTED).items
        order = {each.id: n for n, each in enumerate(self.officers)}
        found = (msgspec.convert(item.body, Officer) for item in items)
        return sorted(
            (each for each in found if not each.disabled),
            key=lambda o: (order.get(o.id, len(order)), o.name, o.id),
        )

    def _page(self, asked: Mapping[str, str], language: str) -> str:
        words = translation(language).gettext
        title = html.escape(words(N_("Choose an example officer")))
        hidden = "".join(
            f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(asked[name])}">'
            for name in ("client_id", "redirect_uri", "state", "code_challenge", "code_challenge_method")
        )
        rows = "".join(
            f'<p><button class="button quiet" name="officer" value="{html.escape(o.id)}">'
            f"{html.escape(o.name)}</button><br>"
            f"<small>{html.escape(o.office.name)} · {html.escape(words(ROLE_WORDS[o.role]))}</small></p>"
            for o in self._people()
        )
        style = f'<link rel="stylesheet" href="{html.escape(self.stylesheet)}">' if self.stylesheet else ""
        note = html.escape(
            words(
                N_(
                    "This sign-in exists only on this machine. Nobody here is a real person, so there is no password."
                )
            )
        )
        return (
            f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>{style}'
            f'</head><body><main><div class="wrap narrow"><h1>{title}</h1><p class="soft">{note}</p>'
            f'<form method="post" action="{ISSUER_AT}/authorize">{hidden}{rows}</form></div></main></body></html>'
        )

    def _chosen(self, sent: Mapping[str, str]) -> Answer:
        if wrong := _wrong(sent):
            return _json(400, {"error": "invalid_request", "error_description": wrong})
        chosen = load(self.table, sent.get("officer", ""))
        if chosen is None or chosen.disabled:
            return _json(400, {"error": "invalid_request", "error_description": "choose one of the officers"})
        code = secrets.token_urlsafe(32)
        body = {
            "officer": chosen.id,
            "challenge": sent["code_challenge"],
            "redirect_uri": sent["redirect_uri"],
        }
        self._keep("code", code, body, CODE_S)
        back = f"{_return_path(sent['redirect_uri'])}?{urlencode({'code': code, 'state': sent['state']})}"
        return 303, [("Location", back), ("Cache-Control", "no-store")], b""

    def _token(self, sent: Mapping[str, str]) -> Answer:
        if sent.get("client_id") != CLIENT:
            return _json(400, {"error": "invalid_client"})
        if sent.get("grant_type") == "authorization_code":
            kept = self._spend("code", sent.get("code", ""))
            proof = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
            challenge = base64.urlsafe_b64encode(proof).rstrip(b"=").decode()
            if (
                kept is None
                or not secrets.compare_digest(kept["challenge"], challenge)
                or kept["redirect_uri"] != sent.get("redirect_uri")
            ):
                return _json(400, {"error": "invalid_grant"})
        elif sent.get("grant_type") == "refresh_token":
            kept = self._spend("refresh", sent.get("refresh_token", ""))
            if kept is None:
                return _json(400, {"error": "invalid_grant"})
        else:
            return _json(400, {"error": "unsupported_grant_type"})
        account = load(self.table, kept["officer"])
        if account is None or account.disabled:
            return _json(400, {"error": "invalid_grant"})
        refresh = secrets.token_urlsafe(32)
        ends = int(kept.get("ends", self.now().timestamp() + REFRESH_S))
        left = ends - int(self.now().timestamp())
        self._keep("refresh", refresh, {"officer": kept["officer"], "ends": ends}, left)
        return _json(
            200,
            {
                "access_token": self.token(kept["officer"]),
                "refresh_token": refresh,
                "token_type": "Bearer",
                "expires_in": ACCESS_S,
            },
        )

    def _revoke(self, sent: Mapping[str, str]) -> Answer:
        if sent.get("token"):
            self.table.transact([Delete(_key("refresh", sent["token"]))])
        return _json(200, {})

    def _keep(self, kind: str, secret: str, body: dict[str, Any], seconds: int) -> None:
        expires = int(self.now().timestamp()) + seconds
        self.table.transact([Put(_key(kind, secret), body, Expect.ABSENT, expires)])

    def _spend(self, kind: str, secret: str) -> dict[str, Any] | None:
        """What a code or refresh token stands for, once; None when it is unknown, over or spent."""
        item = self.table.get(_key(kind, secret)) if secret else None
        if item is None:
            return None
        try:
            self.table.transact([Delete(item.key, item.version)])
        except ConditionFailed:
            return None
        return item.body


ROLE_WORDS = {
    "officer": N_("Officer"),
    "coordinator": N_("Coordinator"),
    "supervisor": N_("Supervisor"),
    "admin": N_("Administrator"),
    "auditor": N_("Auditor"),
}
_PAGE = [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store")]


def _signed(key: RSAKey, body: dict[str, Any], jwt: Any) -> str:
    return str(jwt.encode({"alg": ALGORITHM, "kid": key.kid}, body, key, algorithms=[ALGORITHM]))


def _wrong(asked: Mapping[str, str]) -> str:
    """What is wrong with an authorization request; "" when nothing is."""
    if asked.get("client_id") != CLIENT:
        return f"client_id must be {CLIENT!r}"
    if _return_path(asked.get("redirect_uri", "")) not in RETURNS_TO:
        return f"redirect_uri must end in one of {', '.join(RETURNS_TO)}"
    if asked.get("code_challenge_method") != "S256" or not 43 <= len(asked.get("code_challenge", "")) <= 128:
        return "PKCE is needed: code_challenge with code_challenge_method S256 (RFC 7636)"
    if not 8 <= len(asked.get("state", "")) <= 200:
        return "state is missing or too short"
    return ""


def _return_path(uri: str) -> str:
    """The path of a redirect_uri; the host is never used, so that a code cannot leave this machine."""
    from urllib.parse import urlsplit

    return urlsplit(uri).path


def _key(kind: str, secret: str) -> Key:
    return Key(f"issuer#{kind}", hashlib.sha256(secret.encode()).hexdigest())


def _json(status: int, value: Any) -> Answer:
    said = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
    return status, said, json.dumps(value).encode()
