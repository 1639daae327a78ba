"""Asks an OpenID provider what it says about itself: where to sign in, and its public keys. Judges nothing."""

from __future__ import annotations

import json
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from ..access import Unreachable

TIMEOUT_S = 5
MOST_BYTES = 200_000
NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")


def discovery(issuer: str) -> dict[str, Any]:
    """The provider's own description (OpenID Connect Discovery 1.0). Raises Unreachable."""
    try:
        found = json.loads(_get(f"{issuer.rstrip('/')}/.well-known/openid-configuration"))
    except ValueError as error:
        raise Unreachable(f"{issuer} does not answer in JSON") from error
    if not isinstance(found, dict) or found.get("issuer") != issuer or missing(found):
        raise Unreachable(f"{issuer} does not describe itself: check OIDC_ISSUER, to the letter")
    return found


def missing(found: dict[str, Any]) -> list[str]:
    """What a description lacks of what the desk needs."""
    return [name for name in NEEDED if not isinstance(found.get(name), str)]


def keys(issuer: str) -> str:
    """The provider's public keys as a JWK set. Raises Unreachable."""
    return _get(str(discovery(issuer)["jwks_uri"]))


def sign_in(issuer: str, client: str) -> dict[str, Any]:
    """What the desk must know to send an officer there. Raises Unreachable."""
    found = discovery(issuer)
    return {
        "authorize_url": str(found["authorization_endpoint"]),
        "token_url": str(found["token_endpoint"]),
        "logout_url": str(found.get("revocation_endpoint", "")),
        "end_session_url": str(found.get("end_session_endpoint", "")),
        "client_id": client,
        "example": False,
    }


def _get(url: str) -> str:
    if not url.startswith("https://"):
        raise Unreachable(f"{url}: a sign-in provider must be at an https address")
    try:
        with urlopen(Request(url), timeout=TIMEOUT_S) as answer:  # noqa: S310 - https, checked above
            text: str = answer.read(MOST_BYTES).decode()
    except (URLError, OSError, ValueError) as error:
        raise Unreachable(f"{url}: {error}") from error
    return text
