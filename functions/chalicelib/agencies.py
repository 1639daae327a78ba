"""The offices that reports can be handed to: agencies from a settings file, and every kelurahan.

Reads the file and answers what a code stands for. Who may hand what over is access.py's
business. The file that ships holds examples, and says so in every name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .access import CODE
from .intake import Kelurahan
from .report import Office

SHIPPED = Path(__file__).with_name("agencies.toml")


class AgenciesError(ValueError):
    """The file of agencies cannot be used; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Agency:
    """An office beside the kelurahan: its code, its names by language, the categories it is suggested for."""

    code: str
    names: Mapping[str, str]
    categories: tuple[str, ...] = ()

    @property
    def office(self) -> Office:
        """How it stands on reports: under its Indonesian name, as on the city's own screens."""
        return Office(self.code, self.names["id"])


def load(path: Path = SHIPPED) -> dict[str, Agency]:
    """The agencies of a file by code, in its order. Raises AgenciesError."""
    try:
        rows = tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise AgenciesError(f"{path}: {error}") from error
    found: dict[str, Agency] = {}
    for code, row in rows.items():
        if not CODE.fullmatch(code):
            raise AgenciesError(f"{path}: {code!r} is no code: small letters, digits and dashes, 2 to 40")
        names = {language: row.get(language) for language in ("id", "en")} if isinstance(row, dict) else {}
        if not names or not all(isinstance(name, str) and name.strip() for name in names.values()):
            raise AgenciesError(f"{path}: {code} needs a name in Indonesian (id) and English (en)")
        categories = row.get("categories", [])
        if not isinstance(categories, list) or not all(isinstance(each, str) for each in categories):
            raise AgenciesError(f"{path}: categories of {code} must be a list of codes")
        found[code] = Agency(code, {k: str(v) for k, v in names.items()}, tuple(categories))
    return found


def office(code: str, agencies: Mapping[str, Agency], kelurahan: Mapping[str, Kelurahan]) -> Office | None:
    """The office that a code stands for: an agency's, or a kelurahan's; None when there is none."""
    if code in agencies:
        return agencies[code].office
    row = kelurahan.get(code)
    return Office(row.kode, f"Kelurahan {row.kelurahan}") if row else None
