"""What somebody sends to report a problem: the declaration, and reading it from untrusted input.

One declaration serves three readers: the validation here, the OpenAPI document,
and whoever reads the code. Every field is judged on its own, so that one answer
names everything that is wrong. Does not know where a place is or what is stored.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_type_hints

import msgspec
from msgspec import Meta

from . import attributes
from .front.problems import Problem, Refused
from .privacy.contact import ContactError
from .privacy.contact import email as read_email
from .privacy.contact import phone as read_phone

MAX_PHOTOS = 3
MAX_ATTRIBUTES = 40
LANGUAGES = ("id", "en")


class Submission(msgspec.Struct, frozen=True, kw_only=True, rename=None):
    """A report as it is sent. Longitude and latitude in degrees, WGS 84; accuracy in metres."""

    category: Annotated[str, Meta(description="Code of a category, from GET /api/categories.", max_length=32)]
    description: Annotated[str, Meta(description="What is wrong, in words.", min_length=10, max_length=2000)]
    latitude: Annotated[float, Meta(description="Degrees north, WGS 84.", ge=-90, le=90)] | None = None
    longitude: Annotated[float, Meta(description="Degrees east, WGS 84.", ge=-180, le=180)] | None = None
    accuracy: (
        Annotated[float, Meta(description="Radius of doubt of the position, in metres.", ge=0, le=100_000)]
        | None
    ) = None
    kelurahan: (
        Annotated[
            str,
            Meta(
                description="Code of a kelurahan: without a position, where it is; with one, the answer to a doubt.",
                max_length=13,
            ),
        ]
        | None
    ) = None
    landmark: Annotated[str, Meta(description="A place nearby that everybody knows.", max_length=200)] = ""
    private: Annotated[
        bool, Meta(description="True: only officers and the holder of the follow key see it.")
    ] = False
    contact_email: Annotated[
        str, Meta(description="Never public. Erased after the report is closed.", max_length=254)
    ] = ""
    contact_phone: Annotated[
        str, Meta(description="Never public. Erased after the report is closed.", max_length=40)
    ] = ""
    contact_shared: Annotated[
        bool, Meta(description="True: the officers who handle the report may look at the contact.")
    ] = False
    contact_updates: Annotated[
        bool, Meta(description="True: the e-mail address gets a mail that asks whether it wants to be told.")
    ] = False
    language: Annotated[Literal["id", "en"], Meta(description="Language of answers and notices.")] = "id"
    attributes: Annotated[
        dict[str, tuple[str, ...]],
        Meta(description="Answers to what the category asks, by code; its definition names them."),
    ] = {}
    photo: Annotated[
        tuple[Annotated[str, Meta(max_length=6_000_000)], ...],
        Meta(
            description="Up to three: in multipart the files; in JSON each a key from POST /api/uploads, or base64.",
            max_length=MAX_PHOTOS,
        ),
    ] = ()


FIELDS = {f.name: f for f in msgspec.structs.fields(Submission)}
_DECIMAL = re.compile(r"[+-]?[0-9]{1,20}(?:[.,][0-9]{0,30})?(?:[eE][+-]?[0-9]{1,3})?|[+-]?[.,][0-9]{1,30}")
_CONTROL = re.compile(r"[^\S\n ]|[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def read(
    raw: Mapping[str, Any],
    *,
    categories: Mapping[str, Any],
    lengths: Mapping[str, tuple[int, int]] = MappingProxyType({}),
    complete: bool = False,
    placeless: bool = False,
) -> Submission:
    """The submission that `raw` (JSON values, or strings from a form) holds.

    `lengths` are (least, most) characters where a channel's own rules differ from the
    declared ones. `complete`: what the category requires must be answered. `placeless`: without
    a position or kelurahan an officer places it.
    Empty values count as absent. Raises Refused with one problem for each field that is wrong.
    """
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name in raw:
        if name not in FIELDS:
            problems.append(Problem("unknown_field", str(name)[:40]))
    for name, each in FIELDS.items():
        value = raw.get(name)
        if value is None or value in ("", [], ()) or (isinstance(value, str) and not value.strip()):
            if each.required:
                problems.append(Problem("missing", name))
            continue
        try:
            values[name] = _value(name, value, categories, lengths)
        except Refused as refused:
            problems.extend(refused.problems)
    problems = _swapped(raw, problems)
    if not placeless:
        problems.extend(_together(values, {p.field for p in problems}))
    if chosen := categories.get(values.get("category", "")):
        asked = getattr(chosen, "attributes", ())
        answers, wrong = attributes.read(asked, values.get("attributes", {}), complete=complete, strict=True)
        values["attributes"] = answers
        problems.extend(wrong)
    if problems:
        raise Refused(problems)
    return Submission(**values)


def read_numbers(raw: Mapping[str, Any], declared: type[msgspec.Struct]) -> dict[str, float]:
    """The numbers that `declared` names, from `raw`; empty ones are left out. Refused names all that are wrong."""
    values: dict[str, float] = {}
    problems: list[Problem] = []
    for each in msgspec.structs.fields(declared):
        value = raw.get(each.name)
        if value is None or value == "":
            if each.required:
                problems.append(Problem("missing", each.name))
            continue
        try:
            values[each.name] = _number(each.name, value, _limits(declared, each.name))
        except Refused as refused:
            problems.extend(refused.problems)
    if problems := _swapped(raw, problems):
        raise Refused(problems)
    return values


def _value(
    name: str, value: Any, categories: Mapping[str, Any], lengths: Mapping[str, tuple[int, int]]
) -> Any:
    meta = _limits(Submission, name)
    if name in {"latitude", "longitude", "accuracy"}:
        return _number(name, value, meta)
    readers: Mapping[str, Callable[[str, Any], Any]] = {
        "private": _yes_or_no,
        "contact_shared": _yes_or_no,
        "contact_updates": _yes_or_no,
        "attributes": _answers,
        "photo": _photos,
    }
    if reader := readers.get(name):
        return reader(name, value)
    if not isinstance(value, str):
        raise Refused([Problem("not_text", name)])
    text = clean(value)
    if name == "category":
        return _choice(name, text, tuple(categories))
    if name == "language":
        return _choice(name, text, LANGUAGES)
    least, most = lengths.get(name, (meta.min_length, meta.max_length))
    if least is not None and len(text) < least:
        raise Refused([Problem("too_short", name, {"least": least, "length": len(text)})])
    if most is not None and len(text) > most:
        raise Refused([Problem("too_long", name, {"most": most, "length": len(text)})])
    return _contact(name, text) if name.startswith("contact_") else text


def clean(text: str) -> str:
    """Text as it is kept: NFC, line ends as \\n, no control or direction characters, no space around it."""
    lines = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    # Lone surrogates can stand in JSON but not in UTF-8.
    lines = lines.encode("utf-8", "replace").decode("utf-8")
    return _CONTROL.sub(lambda m: " " if m.group().isspace() else "", lines).strip()


@lru_cache(maxsize=64)
def _limits(declared: type[msgspec.Struct], name: str) -> Meta:
    """The declared limits of a field, whether or not it may be absent."""
    hint = get_type_hints(declared, include_extras=True)[name]
    for part in (hint, *getattr(hint, "__args__", ())):
        for meta in getattr(part, "__metadata__", ()):
            if isinstance(meta, Meta):
                return meta
    raise TypeError(f"{declared.__name__}.{name} declares no limits")


def _number(name: str, value: Any, meta: Meta) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Refused([Problem("not_a_number", name, {"value": str(value)})])
    if isinstance(value, str) and not _DECIMAL.fullmatch(value.strip()):
        raise Refused([Problem("not_a_number", name, {"value": value})])
    try:
        # A comma is what an Indonesian keyboard offers for decimals.
        number = float(value.strip().replace(",", ".")) if isinstance(value, str) else float(value)
    except (ValueError, OverflowError):
        raise Refused([Problem("not_a_number", name, {"value": str(value)})]) from None
    if not math.isfinite(number):
        raise Refused([Problem("not_a_number", name, {"value": str(value)})])
    if (meta.ge is not None and number < meta.ge) or (meta.le is not None and number > meta.le):
        raise Refused([Problem("out_of_range", name, {"value": number, "least": meta.ge, "most": meta.le})])
    return number


def _yes_or_no(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else ""
    if word in {"true", "1", "on", "yes", "ya"}:
        return True
    if word in {"false", "0", "off", "no", "tidak"}:
        return False
    raise Refused([Problem("not_yes_or_no", name, {"value": str(value)})])


def _answers(name: str, value: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict) or len(value) > MAX_ATTRIBUTES:
        raise Refused([Problem("attributes_wrong", name)])
    answers: dict[str, tuple[str, ...]] = {}
    for code, given in value.items():
        many = given if isinstance(given, list | tuple) else [given]
        if not isinstance(code, str) or not all(isinstance(each, str | int | float) for each in many):
            raise Refused([Problem("attributes_wrong", name)])
        answers[code] = tuple(clean(str(each)) for each in many)
    return answers


def _photos(name: str, value: Any) -> tuple[str, ...]:
    many = [value] if isinstance(value, str) else value
    if not isinstance(many, list | tuple) or not all(isinstance(each, str) for each in many):
        raise Refused([Problem("not_text", name)])
    if len(many) > MAX_PHOTOS:
        raise Refused([Problem("photo_too_many", name, {"count": len(many), "most": MAX_PHOTOS})])
    return tuple(many)


def _choice(name: str, text: str, choices: tuple[str, ...]) -> str:
    if text not in choices:
        raise Refused([Problem("not_a_choice", name, {"value": text, "choices": ", ".join(choices)})])
    return text


def _contact(name: str, text: str) -> str:
    try:
        return read_email(text) if name == "contact_email" else read_phone(text)
    except ContactError:
        raise Refused([Problem("email_wrong" if name == "contact_email" else "phone_wrong", name)]) from None


def _swapped(raw: Mapping[str, Any], problems: list[Problem]) -> list[Problem]:
    """A latitude over 90 beside a longitude under 90 is two values in each other's place: say so instead."""
    try:
        latitude, longitude = (_number(name, raw.get(name, ""), Meta()) for name in ("latitude", "longitude"))
    except Refused:
        return problems
    if not 90 < abs(latitude) <= 180 or abs(longitude) > 90:
        return problems
    hint = Problem("position_swapped", "latitude", {"latitude": latitude, "longitude": longitude})
    return [*(p for p in problems if p.field != "latitude"), hint]


def _together(values: Mapping[str, Any], wrong: set[str]) -> list[Problem]:
    """What is wrong with fields that are right on their own."""
    if wrong & {"latitude", "longitude", "kelurahan"}:
        return []
    has = {name for name in ("latitude", "longitude") if name in values}
    if len(has) == 1:
        missing = ({"latitude", "longitude"} - has).pop()
        return [Problem("position_half", missing)]
    if not has and "kelurahan" not in values:
        return [Problem("position_missing", "latitude")]
    if not has and not values.get("landmark") and "landmark" not in wrong:
        return [Problem("landmark_missing", "landmark")]
    return []
