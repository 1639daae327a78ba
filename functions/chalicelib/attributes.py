"""What a category asks beyond words and a place: attributes, and reading their answers from untrusted input.

The kinds of answer are those of Open311 GeoReport v2. What is asked stands in the
categories file; nothing here knows a category or a channel.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from .front.problems import Problem

CODE = re.compile(r"[a-z][a-z0-9_]{0,31}")
TYPES = ("string", "number", "datetime", "text", "singlevaluelist", "multivaluelist")
LISTS = frozenset({"singlevaluelist", "multivaluelist"})
AUTOMATED = ("", "server_set", "hidden_field")
"""Who fills an attribute when not a person: the receiving server, or the sending program."""
LONGEST = {"string": 200, "text": 2000, "number": 40, "datetime": 40}
"""Most characters of an answer that is not chosen from a list."""
MOST_VALUES = 50
FIELD = re.compile(r"attribute\[([^\]\[]{1,32})\]\[([^\]\[]{1,32})\]")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?)?")


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer of a list: its key and its names by language."""

    key: str
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Attribute:
    """A question of a category. `variable` false: nothing is asked, the words are only shown."""

    code: str
    datatype: str
    names: Mapping[str, str]
    hints: Mapping[str, str]
    required: bool = False
    variable: bool = True
    automated: str = ""
    values: tuple[Choice, ...] = ()
    public: bool = True
    """False: answers are for officers only."""


class NotAnAttribute(ValueError):
    """A row of the categories file is no attribute; the message says which field is wrong."""


def declared(row: Any) -> Attribute:
    """The attribute that a row of the categories file declares. Raises NotAnAttribute."""
    if not isinstance(row, dict):
        raise NotAnAttribute(f"is {row!r}: it must be a table")
    known = {
        "code",
        "datatype",
        "id",
        "en",
        "hint_id",
        "hint_en",
        "required",
        "variable",
        "automated",
        "values",
        "public",
    }
    if unknown := set(row) - known:
        raise NotAnAttribute(f"has unknown fields {sorted(unknown)}; known are {', '.join(sorted(known))}")
    code, datatype = row.get("code"), row.get("datatype")
    if not isinstance(code, str) or not CODE.fullmatch(code):
        raise NotAnAttribute(f"has the code {code!r}; use lower case letters, digits and _ (at most 32)")
    if datatype not in TYPES:
        raise NotAnAttribute(f"{code} has the datatype {datatype!r}; known are {', '.join(TYPES)}")
    for name in ("id", "en"):
        if not isinstance(row.get(name), str) or not row[name].strip():
            raise NotAnAttribute(f"{code} needs a text {name!r}, not {row.get(name)!r}")
    for name in ("hint_id", "hint_en"):
        if not isinstance(row.get(name, ""), str):
            raise NotAnAttribute(f"{code} has {name} = {row[name]!r}; it must be text")
    for name in ("required", "variable", "public"):
        if not isinstance(row.get(name, False), bool):
            raise NotAnAttribute(f"{code} has {name} = {row[name]!r}; it must be true or false")
    if row.get("automated", "") not in AUTOMATED:
        raise NotAnAttribute(f"{code} has automated = {row['automated']!r}; use server_set or hidden_field")
    return Attribute(
        code,
        datatype,
        names=MappingProxyType({"id": row["id"], "en": row["en"]}),
        hints=MappingProxyType({"id": row.get("hint_id", ""), "en": row.get("hint_en", "")}),
        required=row.get("required", False),
        variable=row.get("variable", True),
        automated=row.get("automated", ""),
        values=_choices(code, datatype, row.get("values", [])),
        public=row.get("public", True),
    )


def _choices(code: str, datatype: str, rows: Any) -> tuple[Choice, ...]:
    if datatype not in LISTS:
        if rows:
            raise NotAnAttribute(f"{code} has values, but a {datatype} takes none")
        return ()
    if not isinstance(rows, list) or not rows:
        raise NotAnAttribute(f"{code} is a {datatype} and needs values")
    found: list[Choice] = []
    for row in rows:
        texts = row if isinstance(row, dict) else {}
        if set(texts) != {"key", "id", "en"} or not all(isinstance(t, str) and t for t in texts.values()):
            raise NotAnAttribute(f"{code} has the value {row!r}; each needs key, id and en")
        found.append(Choice(texts["key"], MappingProxyType({"id": texts["id"], "en": texts["en"]})))
    if len({choice.key for choice in found}) != len(found):
        raise NotAnAttribute(f"{code} has two values with one key")
    return tuple(found)


def read(
    asked: Sequence[Attribute], sent: Mapping[str, Sequence[str]], *, complete: bool, strict: bool
) -> tuple[dict[str, tuple[str, ...]], list[Problem]]:
    """(answers by code, problems) of what was `sent` for the attributes that are `asked`.

    `complete`: required ones must be answered. `strict`: codes that nobody asked are a
    problem, else they are ignored. Empty answers count as absent. The field of a
    problem is `attribute[code]`, as Open311 writes it.
    """
    answers: dict[str, tuple[str, ...]] = {}
    problems: list[Problem] = []
    for each in asked:
        field = f"attribute[{each.code}]"
        values = tuple(text.strip() for text in sent.get(each.code, ()) if text.strip())
        if not each.variable:
            continue
        if not values:
            if complete and each.required and each.automated != "server_set":
                problems.append(Problem("missing", field))
            continue
        if len(values) > (MOST_VALUES if each.datatype == "multivaluelist" else 1):
            problems.append(Problem("repeated", field, {"count": len(values)}))
            continue
        wrong = [problem for text in values if (problem := _wrong(each, field, text))]
        problems.extend(wrong[:1])
        if not wrong:
            answers[each.code] = tuple(dict.fromkeys(values))
    if strict:
        codes = {each.code for each in asked if each.variable}
        problems.extend(
            Problem("unknown_field", f"attribute[{code[:32]}]") for code in sent if code not in codes
        )
    return answers, problems


def of_form(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of our own form with its fields `attribute[category][code]` gathered for the chosen category.

    Answers to what other categories ask are left out: without scripts all questions are sent.
    """
    kept: dict[str, Any] = {}
    answers: dict[str, Any] = {}
    for name, value in values.items():
        match = FIELD.fullmatch(name)
        if match is None:
            kept[name] = value
        elif match.group(1) == values.get("category") and any(text.strip() for text in value):
            answers[match.group(2)] = [text for text in value if text.strip()]
    return {**kept, "attributes": answers} if answers else kept


def _wrong(asked: Attribute, field: str, text: str) -> Problem | None:
    if asked.datatype in LISTS:
        keys = [choice.key for choice in asked.values]
        if text in keys:
            return None
        return Problem("not_a_choice", field, {"value": text, "choices": ", ".join(keys)})
    most = LONGEST[asked.datatype]
    if len(text) > most:
        return Problem("too_long", field, {"most": most, "length": len(text)})
    if asked.datatype == "number" and not _is_number(text):
        return Problem("not_a_number", field, {"value": text})
    if asked.datatype == "datetime" and not _is_date(text):
        return Problem("not_a_date", field, {"value": text})
    return None


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _is_date(text: str) -> bool:
    if not DATE.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Answered:
    """A question that was answered: names by language, and each value with its names by language."""

    code: str
    names: Mapping[str, str]
    values: tuple[Choice, ...]
    public: bool


def answered(asked: Sequence[Attribute], answers: Mapping[str, Sequence[str]]) -> list[Answered]:
    """What was answered, in the order of the questions; what is asked no longer comes last, under its code.

    Nobody knows any more whether that was public, so it counts as not.
    """
    rows = [
        Answered(each.code, each.names, _named(answers[each.code], each.values), each.public)
        for each in asked
        if each.code in answers
    ]
    known = {each.code for each in asked}
    rows += [
        Answered(code, {"id": code, "en": code}, _named(given, ()), public=False)
        for code, given in answers.items()
        if code not in known
    ]
    return rows


def _named(keys: Sequence[str], choices: Sequence[Choice]) -> tuple[Choice, ...]:
    by_key = {choice.key: choice for choice in choices}
    return tuple(by_key.get(key) or Choice(key, {"id": key, "en": key}) for key in keys)
