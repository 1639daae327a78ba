"""What a browser remembers for its person: the keys of reports it sent, and that it said "me too".

Each cookie is sent to the one report's addresses only, never to scripts, and holds
nothing but a random key. Decides nothing about what a key opens.
"""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie

from .operation import Parts, Request

KEY = "kunci"
KEY_DAYS = 30


def of_key(parts: Parts, report_id: str, follow_key: str) -> str:
    """The Set-Cookie that opens a report to the browser that sent it."""
    return made(parts, f"{KEY}_{report_id}", follow_key, f"/api/reports/{report_id}", KEY_DAYS)


def key(request: Request, report_id: str) -> str:
    """The follow key that the browser remembers for a report; "" when none."""
    return read(request).get(f"{KEY}_{report_id}", "")


def made(parts: Parts, name: str, value: str, path: str, days: int) -> str:
    """A Set-Cookie header: of the value only letters, digits, - and _ are kept."""
    secure = "; Secure" if parts.settings.site_url.startswith("https:") else ""
    kept = "".join(letter for letter in value if letter.isalnum() or letter in "-_")
    return f"{name}={kept}; Path={path}; Max-Age={days * 86400}; HttpOnly; SameSite=Lax{secure}"


def read(request: Request) -> dict[str, str]:
    """Every cookie by name; none when the header cannot be read."""
    try:
        found = SimpleCookie(request.headers.get("cookie", "")[:8192])
    except CookieError:
        return {}
    return {name: morsel.value for name, morsel in found.items()}
