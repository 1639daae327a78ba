"""What people can report: categories read from a settings file, checked once.

The names are data, not code: another city changes the TOML file, nothing here.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

SHIPPED = Path(__file__).with_name("categories.toml")
CODE = re.compile(r"[a-z][a-z0-9_]{0,31}")
FIELDS = ("id", "en", "icon", "hint_id", "hint_en")


class CategoriesError(ValueError):
    """The categories file cannot be used; the message names file, category and field."""


@dataclass(frozen=True, slots=True)
class Category:
    """A kind of problem: its code, its names and hints by language, and its Phosphor icon."""

    code: str
    names: Mapping[str, str]
    hints: Mapping[str, str]
    icon: str


@lru_cache(maxsize=4)
def load(path: Path = SHIPPED) -> Mapping[str, Category]:
    """Categories by code, in the file's order. Raises CategoriesError when the file is not usable."""
    try:
        rows = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CategoriesError(f"{path}: cannot be read as TOML ({error})") from error
    if not rows:
        raise CategoriesError(f"{path}: holds no category; add at least one")
    return MappingProxyType({code: _category(path, code, row) for code, row in rows.items()})


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
    if unknown := set(row) - set(FIELDS):
        raise CategoriesError(
            f"{path}: [{code}] has unknown fields {sorted(unknown)}; known are {', '.join(FIELDS)}"
        )
    return Category(
        code,
        names={"id": row["id"], "en": row["en"]},
        hints={"id": row["hint_id"], "en": row["hint_en"]},
        icon=row["icon"],
    )
