"""What people can report: categories read from a settings file, checked once.

The names are data, not code: another city changes the TOML file, nothing here.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from . import attributes
from .attributes import Attribute

SHIPPED = Path(__file__).with_name("categories.toml")
CODE = re.compile(r"[a-z][a-z0-9_]{0,31}")
FIELDS = ("id", "en", "icon", "hint_id", "hint_en")
OPTIONAL = ("group_id", "group_en", "keywords", "attributes", "nearby_m", "emergency", "hazard")
"""A group, words to find it by, what it asks, how the form treats it, and how it is a danger."""
NEARBY_M = 50
MOST_NEARBY_M = 500
HAZARD: Mapping[str, frozenset[str]] = {
    "category": frozenset(
        [
            "Geo",
            "Met",
            "Safety",
            "Security",
            "Rescue",
            "Fire",
            "Health",
            "Env",
            "Transport",
            "Infra",
            "CBRNE",
            "Other",
        ]
    ),
    "urgency": frozenset({"Immediate", "Expected", "Future", "Past", "Unknown"}),
    "severity": frozenset({"Extreme", "Severe", "Moderate", "Minor", "Unknown"}),
}
"""The words of CAP 1.2 (OASIS, 3.2.2) that a hazard chooses from."""


class CategoriesError(ValueError):
    """The categories file cannot be used; the message names file, category and field."""


@dataclass(frozen=True, slots=True)
class Hazard:
    """That a problem is a danger to people, in the words of CAP 1.2. A report of it warns for `hours` after it last
    changed, within `radius_m` metres or the phone's doubt, whichever is more."""

    category: str
    urgency: str
    severity: str
    hours: int
    radius_m: int


@dataclass(frozen=True, slots=True)
class Category:
    """A kind of problem: its code, its names and hints by language, its Phosphor icon, and what it asks.

    `nearby_m`: open reports of the same category within so many metres may be the same; 0 asks about none.
    `emergency`: it can be a danger to life, so the form tells to call 112 first.
    """

    code: str
    names: Mapping[str, str]
    hints: Mapping[str, str]
    icon: str
    groups: Mapping[str, str] = field(default_factory=dict)
    keywords: tuple[str, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    nearby_m: int = NEARBY_M
    emergency: bool = False
    hazard: Hazard | None = None


@lru_cache(maxsize=4)
def load(path: Path = SHIPPED) -> Mapping[str, Category]:
    """Categories by code, in the file's order. Raises CategoriesError when the file is not usable."""
    try:
        rows = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CategoriesError(f"{path}: cannot be read as TOML ({error})") from error
    if not rows:
        raise CategoriesError(f"{path}: holds no category; add at least one")
    found = {code: _category(path, code, row) for code, row in rows.items()}
    for language in ("id", "en"):
        names = [each.names[language] for each in found.values()]
        if double := {name for name in names if names.count(name) > 1}:
            raise CategoriesError(
                f"{path}: two categories are called {sorted(double)[0]!r}; names must differ"
            )
    return MappingProxyType(found)


def _category(path: Path, code: str, row: object) -> Category:
    if not CODE.fullmatch(code):
        raise CategoriesError(
            f"{path}: [{code}] is not a code; use lower case letters, digits and _ (at most 32)"
        )
    if not isinstance(row, dict):
        raise CategoriesError(f"{path}: [{code}] must be a table with {', '.join(FIELDS)}")
    for name in FIELDS:
        if not isinstance(row.get(name), str) or not row[name].strip():
            raise CategoriesError(f"{path}: [{code}] needs a text {name!r}, not {row.get(name)!r}")
    if unknown := set(row) - {*FIELDS, *OPTIONAL}:
        raise CategoriesError(
            f"{path}: [{code}] has unknown fields {sorted(unknown)}; known are {', '.join((*FIELDS, *OPTIONAL))}"
        )
    return Category(
        code,
        names={"id": row["id"], "en": row["en"]},
        hints={"id": row["hint_id"], "en": row["hint_en"]},
        icon=row["icon"],
        groups=_groups(path, code, row),
        keywords=_keywords(path, code, row.get("keywords", [])),
        attributes=_attributes(path, code, row.get("attributes", [])),
        nearby_m=_metres(path, code, row.get("nearby_m", NEARBY_M)),
        emergency=_flag(path, code, row.get("emergency", False)),
        hazard=_hazard(path, code, row["hazard"]) if "hazard" in row else None,
    )


def _hazard(path: Path, code: str, row: Any) -> Hazard:
    names = (*HAZARD, "hours", "radius_m")
    if not isinstance(row, dict) or set(row) != set(names):
        raise CategoriesError(
            f"{path}: [{code}] needs its hazard as a table with {', '.join(names)}, not {row!r}"
        )
    for name, words in HAZARD.items():
        if row[name] not in words:
            known = ", ".join(sorted(words))
            raise CategoriesError(f"{path}: [{code}] hazard: {name} is {row[name]!r}; CAP knows {known}")
    for name, most in (("hours", 744), ("radius_m", 50_000)):
        if type(row[name]) is not int or not 1 <= row[name] <= most:
            raise CategoriesError(f"{path}: [{code}] hazard: {name} is a whole number from 1 to {most}")
    return Hazard(**row)


def _groups(path: Path, code: str, row: Mapping[str, Any]) -> Mapping[str, str]:
    groups = {language: row.get(f"group_{language}", "") for language in ("id", "en")}
    if not all(isinstance(text, str) for text in groups.values()) or any(groups.values()) != all(
        groups.values()
    ):
        raise CategoriesError(f"{path}: [{code}] needs both group_id and group_en as text, or neither")
    return MappingProxyType(groups)


def _keywords(path: Path, code: str, words: Any) -> tuple[str, ...]:
    if not isinstance(words, list) or not all(
        isinstance(w, str) and w.strip() and "," not in w for w in words
    ):
        raise CategoriesError(
            f"{path}: [{code}] needs keywords as a list of words without commas, not {words!r}"
        )
    return tuple(words)


def _metres(path: Path, code: str, metres: Any) -> int:
    if isinstance(metres, bool) or not isinstance(metres, int) or not 0 <= metres <= MOST_NEARBY_M:
        raise CategoriesError(
            f"{path}: [{code}] needs nearby_m as whole metres from 0 to {MOST_NEARBY_M}, not {metres!r}"
        )
    return metres


def _flag(path: Path, code: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise CategoriesError(f"{path}: [{code}] needs emergency as true or false, not {value!r}")
    return value


def _attributes(path: Path, code: str, rows: Any) -> tuple[Attribute, ...]:
    if not isinstance(rows, list):
        raise CategoriesError(f"{path}: [{code}] needs its attributes as [[{code}.attributes]], not {rows!r}")
    found: list[Attribute] = []
    for number, row in enumerate(rows, start=1):
        try:
            found.append(attributes.declared(row))
        except attributes.NotAnAttribute as error:
            raise CategoriesError(f"{path}: [{code}] attribute {number} {error}") from error
    if len({each.code for each in found}) != len(found):
        raise CategoriesError(f"{path}: [{code}] has two attributes with one code")
    return tuple(found)
