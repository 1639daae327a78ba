"""The offices that reports can be handed to: agencies, and every kelurahan.

Agencies come from a settings file, over which admins edit at the desk (editable.py). The
file that ships holds examples, and says so in every name. Who may hand what over, and
who may edit what, is decided from what stands here by access.py and staff/rules.py.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from ..access import BOUNDARY, CODE
from ..report import Office
from ..storage.table import Table
from . import editable

if TYPE_CHECKING:
    from ..intake import Kelurahan

SHIPPED = Path(__file__).with_name("agencies.toml")
KIND = "agencies"
Text = Annotated[str, Meta(max_length=200)]


class AgenciesError(ValueError):
    """The file of agencies cannot be used; the message says where and why."""


class Agency(msgspec.Struct, frozen=True):
    """An office beside the kelurahan: its code, its names by language, and what the desk suggests it for.

    `boundaries` are code prefixes where it works; none: everywhere. `contact` is for colleagues of other offices.
    """

    code: str
    names: Mapping[str, Text]
    categories: Annotated[tuple[Annotated[str, Meta(max_length=32)], ...], Meta(max_length=100)] = ()
    boundaries: Annotated[tuple[Annotated[str, Meta(max_length=13)], ...], Meta(max_length=300)] = ()
    contact: Text = ""

    @property
    def office(self) -> Office:
        """How it stands on reports: under its Indonesian name, as on the city's own screens."""
        return Office(self.code, self.names["id"])


def check(agency: Agency) -> str:
    """What is wrong with an agency, in words; "" when nothing is."""
    if not CODE.fullmatch(agency.code):
        return f"{agency.code!r} is no code: small letters, digits and dashes, 2 to 40"
    if set(agency.names) != {"id", "en"} or not all(name.strip() for name in agency.names.values()):
        return f"{agency.code} needs a name in Indonesian (id) and English (en)"
    if wrong := [each for each in agency.boundaries if not BOUNDARY.fullmatch(each)]:
        return f"boundary {wrong[0]!r} is no code such as 31.71 or 31.71.01"
    return ""


def load(path: Path = SHIPPED) -> dict[str, Agency]:
    """The agencies of a file by code, in its order. Raises AgenciesError."""
    try:
        rows = tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise AgenciesError(f"{path}: {error}") from error
    found: dict[str, Agency] = {}
    for code, row in rows.items():
        if not isinstance(row, dict):
            raise AgenciesError(f"{path}: {code} needs a name in Indonesian (id) and English (en)")
        names = {language: row[language] for language in ("id", "en") if language in row}
        others = {name: row[name] for name in ("categories", "boundaries", "contact") if name in row}
        if not CODE.fullmatch(code):
            raise AgenciesError(f"{path}: {code!r} is no code: small letters, digits and dashes, 2 to 40")
        if not isinstance(others.get("categories", []), list):
            raise AgenciesError(f"{path}: categories of {code} must be a list of codes")
        try:
            found[code] = msgspec.convert({"code": code, "names": names, **others}, Agency)
        except msgspec.ValidationError as error:
            raise AgenciesError(f"{path}: {code}: {error}") from None
        if wrong := check(found[code]):
            raise AgenciesError(f"{path}: {wrong}")
    return found


def current(table: Table, defaults: Mapping[str, Agency]) -> dict[str, Agency]:
    """The agencies by code: the file's, with what admins changed, added and took out. One read."""
    found = dict(defaults)
    for code, entry in editable.read(table, KIND).entries.items():
        if entry is None:
            found.pop(code, None)
        else:
            found[code] = msgspec.convert({"code": code, **entry}, Agency)
    return found


def office(code: str, agencies: Mapping[str, Agency], kelurahan: Mapping[str, Kelurahan]) -> Office | None:
    """The office that a code stands for: an agency's, or a kelurahan's; None when there is none."""
    if code in agencies:
        return agencies[code].office
    row = kelurahan.get(code)
    return Office(row.kode, f"Kelurahan {row.kelurahan}") if row else None
