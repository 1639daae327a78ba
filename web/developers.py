"""The page for developers: the API's own description as people read it, with examples that were really asked.

Made from the OpenAPI document and the recorded examples alone; knows no operation by
name. Summaries are translated; what describes single fields stays in English.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from web import i18n
from web.render import Renderer

EXAMPLES = Path(__file__).resolve().parent / "api-examples.json"
DEEP = 4
"""Levels of fields within fields that are listed; examples show the rest."""


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for "mark, translate later"
    """Mark a message for translation without translating it yet."""
    return message


GROUPS = (
    ("laporan", N_("Reports"), re.compile(r"/api/(?!channels|staff|admin)")),
    ("open311", N_("Open311"), re.compile(r"/open311/")),
    ("masuk", N_("Signed messages from other systems"), re.compile(r"/api/channels")),
    ("petugas", N_("For officers who are signed in"), re.compile(r"/api/(staff|admin)")),
)
"""The page's sections: anchor, heading, and which addresses stand there."""


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter or a field: `kind` is its type in a word or two, `said` its limits and meaning in English."""

    name: str
    kind: str
    required: bool
    said: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """An operation on the page. `statuses` are (status, meaning in English), `examples` (request, answer)."""

    name: str
    method: str
    path: str
    summary: str
    fields: tuple[Field, ...]
    sends: tuple[str, ...]
    statuses: tuple[tuple[str, str], ...]
    examples: tuple[tuple[str, str], ...]


def page(
    renderer: Renderer,
    language: str,
    document: Mapping[str, Any],
    examples: Sequence[Mapping[str, Any]] | None = None,
) -> str:
    """The page in a language (`id` or `en`) from an OpenAPI document; `examples` are the kept ones unless named."""
    kept = json.loads(EXAMPLES.read_text("utf-8")) if examples is None else examples
    # Translated here: what comes out of a template's own gettext is not escaped any more.
    said = i18n.translation(language).gettext
    found = [replace(each, summary=said(each.summary)) for each in operations(document, kept)]
    groups = [
        (anchor, said(heading), [each for each in found if which.match(each.path)])
        for anchor, heading, which in GROUPS
    ]
    return renderer._page(
        "developers.html",
        language,
        "/pengembang/",
        groups=[group for group in groups if group[2]],
        version=document["info"]["version"],
    )


def operations(document: Mapping[str, Any], examples: Sequence[Mapping[str, Any]]) -> Iterator[Shown]:
    """Every operation of a document, in its order."""
    for path, methods in document["paths"].items():
        for method, each in methods.items():
            name = each["operationId"]
            content = each.get("requestBody", {}).get("content", {})
            schema = next((shape.get("schema") for shape in content.values()), None)
            fields = [_parameter(p, document) for p in each.get("parameters", ())]
            fields += _fields(schema, document) if schema else []
            yield Shown(
                name,
                method.upper(),
                path,
                each["summary"],
                tuple(fields),
                tuple(content),
                tuple((status, answer["description"]) for status, answer in each["responses"].items()),
                tuple((_request(e), _answer(e)) for e in examples if e["operation"] == name),
            )


def _request(example: Mapping[str, Any]) -> str:
    lines = [f"{example['method']} {example['target']}"]
    lines += [f"{name}: {value}" for name, value in example["headers"].items()]
    sent = example["body"]
    if sent.startswith("{"):
        sent = json.dumps(json.loads(sent), ensure_ascii=False, indent=2)
    return "\n".join([*lines, *(["", sent] if sent else [])])


def _answer(example: Mapping[str, Any]) -> str:
    lines = [f"{example['status']} {example['type']}".strip()]
    lines += [f"Location: {example['location']}"] if example["location"] else []
    return "\n".join([*lines, *(["", example["answer"]] if example["answer"] else [])])


def _parameter(parameter: Mapping[str, Any], document: Mapping[str, Any]) -> Field:
    schema = parameter["schema"]
    said = parameter.get("description") or schema.get("description", "")
    kind, limits = _kind(schema, document)
    return Field(
        parameter["name"], kind, parameter.get("required", False), _said(said, limits), parameter["in"]
    )


def _fields(schema: Mapping[str, Any], document: Mapping[str, Any], within: str = "") -> list[Field]:
    """The fields of an object, and those of objects in it, one below the other."""
    whole = _resolved(schema, document)
    needed = set(whole.get("required", ()))
    found: list[Field] = []
    for name, each in whole.get("properties", {}).items():
        kind, limits = _kind(each, document)
        said = _said(each.get("description", ""), limits)
        found.append(Field(f"{within}{name}", kind, name in needed, said, "body"))
        inner = _resolved(each, document)
        if "properties" in inner and within.count(".") < DEEP:
            found += _fields(inner, document, f"{within}{name}.")
    return found


def _resolved(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema behind its reference; of several, the first that says something."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _resolved(document["components"]["schemas"][name], document)
    for each in schema.get("anyOf", ()):
        if each.get("type") != "null":
            return _resolved(each, document)
    return schema


def _kind(schema: Mapping[str, Any], document: Mapping[str, Any]) -> tuple[str, list[str]]:
    """(type in a word, limits) of a value."""
    whole = _resolved(schema, document)
    kind = whole.get("type", "")
    limits: list[str] = []
    if kind == "array":
        inner, more = _kind(whole.get("items", {}), document)
        limits += more
        kind = f"list of {inner}" if inner else "list"
    elif isinstance(kind, list):
        kind = " or ".join(kind)
    if "enum" in whole:
        limits.append("one of " + ", ".join(str(each) for each in whole["enum"] if each is not None))
    for word, text in (
        ("minLength", "at least {} characters"), ("maxLength", "at most {} characters"), ("minimum", "from {}"),
        ("maximum", "to {}"), ("minItems", "at least {}"), ("maxItems", "at most {}"),
    ):  # fmt: skip
        if word in whole:
            limits.append(text.format(whole[word]))
    return kind or ("string" if "enum" in whole else "any"), limits


def _said(meaning: str, limits: Sequence[str]) -> str:
    return " ".join(filter(None, [meaning, f"({'; '.join(limits)})" if limits else ""]))
