"""Who may make which account: an admin gives nothing beyond their own rights. Decides; staff/accounts.py does.

An account is a record of ours (access.Officer). Where a sign-in provider keeps its own
users, they are invited and shut out there as well, through SignInPool.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlsplit

from ..access import ADMIN, PROVINCE, Officer
from ..intake import Kelurahan
from ..report import Office
from .agencies import Agency

MOST_LISTED = 1000


class SignInPool(Protocol):
    """The users of a sign-in provider."""

    def invite(self, email: str, name: str) -> str:
        """Make a user, who is told by e-mail how to sign in; the `sub` of their tokens. The same one when they exist.

        Raises PoolBusy.
        """
        ...

    def shut_out(self, email: str) -> None:
        """Nobody signs in as this user any more, and open sessions are not renewed. Raises PoolBusy."""
        ...

    def let_in(self, email: str) -> None:
        """This user may sign in again. Raises PoolBusy."""
        ...


class PoolBusy(RuntimeError):
    """The provider does not answer, or refuses."""


def pool_of(issuer: str) -> str | None:
    """The id of the Cognito user pool that issues these tokens; None for every other provider."""
    parts = urlsplit(issuer)
    host, path = parts.hostname or "", parts.path.strip("/")
    return path if host.startswith("cognito-idp.") and path and "/" not in path else None


def reaches_agency(admin: Officer, code: str, agencies: Mapping[str, Agency]) -> bool:
    """Whether an agency is an admin's to give: their own, or one that works only within their boundaries."""
    if code in admin.agencies:
        return True
    known = agencies.get(code)
    return known is not None and all(admin.covers(each) for each in known.boundaries or (PROVINCE,))


def beyond(admin: Officer, account: Officer, agencies: Mapping[str, Agency]) -> str | None:
    """The first boundary, agency or office of an account that is not the admin's to give; None when all are."""
    for code in account.boundaries:
        if not admin.covers(code):
            return code
    for code in account.agencies:
        if not reaches_agency(admin, code, agencies):
            return code
    office = account.office.code
    if not admin.covers(office) and not reaches_agency(admin, office, agencies):
        # An office that is neither a place nor an agency is given by who covers the province.
        return None if admin.covers(PROVINCE) and office not in agencies and office[:1].isalpha() else office
    return None


def manages(admin: Officer, account: Officer, agencies: Mapping[str, Agency]) -> bool:
    """Whether an admin looks after an account: nothing of it lies beyond them."""
    return admin.role == ADMIN and not admin.disabled and beyond(admin, account, agencies) is None


def named_office(
    code: str, agencies: Mapping[str, Agency], kelurahan: Mapping[str, Kelurahan]
) -> Office | None:
    """The office that a code names: an agency, a kelurahan, a kecamatan, a kota, or the province."""
    if code in agencies:
        return agencies[code].office
    if code in kelurahan:
        return Office(code, f"Kelurahan {kelurahan[code].kelurahan}")
    if code == PROVINCE:
        return Office(code, "DKI Jakarta")
    row = next((each for kode, each in sorted(kelurahan.items()) if kode.startswith(f"{code}.")), None)
    if row is None or len(code) not in {5, 8}:
        return None
    return Office(code, row.kota if len(code) == 5 else f"Kecamatan {row.kecamatan}")
