"""Templates of public words, by state and category, in both languages: what officers can begin with and then change.

Examples come from a file that ships, over which admins edit at the desk (editable.py).
Names in braces are filled in at the desk, where the officer reads and corrects the result.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from ..access import CODE
from ..lifecycle import STATES
from ..storage.table import Table
from . import editable

SHIPPED = Path(__file__).with_name("phrases.toml")
KIND = "phrases"
QUESTION = "question"
"""Stands for no state: a question to the reporter."""
STEPS = (*STATES, QUESTION)
NAMES = ("number", "category", "kelurahan", "office", "planned")
"""What may stand in braces."""
_NAMED = re.compile(r"\{([^{}]*)\}")


class Phrase(msgspec.Struct, frozen=True):
    """Words for a state (or `question`), for reports of some categories; none named: for all."""

    code: str
    state: str
    texts: Mapping[str, Annotated[str, Meta(max_length=1000)]]
    categories: Annotated[tuple[Annotated[str, Meta(max_length=32)], ...], Meta(max_length=100)] = ()


def check(phrase: Phrase) -> str:
    """What is wrong with a template, in words; "" when nothing is."""
    if not CODE.fullmatch(phrase.code):
        return f"{phrase.code!r} is no code: small letters, digits and dashes, 2 to 40"
    if phrase.state not in STEPS:
        return f"state {phrase.state!r}: choose from {', '.join(STEPS)}"
    if set(phrase.texts) != {"id", "en"} or not all(text.strip() for text in phrase.texts.values()):
        return f"{phrase.code} needs words in Indonesian (id) and English (en)"
    for text in phrase.texts.values():
        if wrong := [each for each in _NAMED.findall(text) if each not in NAMES]:
            return f"{{{wrong[0]}}} is nothing that can be filled in; known are {', '.join(NAMES)}"
        if "{" in _NAMED.sub("", text) or "}" in _NAMED.sub("", text):
            return "a brace has no partner"
    return ""


@lru_cache(maxsize=1)
def shipped() -> Mapping[str, Phrase]:
    """The examples that ship, by code."""
    rows = tomllib.loads(SHIPPED.read_text("utf-8"))
    return {
        code: Phrase(code, row["state"], {"id": row["id"], "en": row["en"]}, tuple(row.get("categories", ())))
        for code, row in rows.items()
    }


def current(table: Table) -> dict[str, Phrase]:
    """The templates by code: the examples, with what admins changed, added and took out. One read."""
    found = dict(shipped())
    for code, entry in editable.read(table, KIND).entries.items():
        if entry is None:
            found.pop(code, None)
        else:
            found[code] = msgspec.convert({"code": code, **entry}, Phrase)
    return found
