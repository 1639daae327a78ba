"""What a newer description of the API takes away from an older one: programs that were written for it rely on it.

Compares two OpenAPI documents. What is sent may only be allowed more, what is answered
may only hold more; addresses, parameters and statuses stay. The officers' desk is left
out: it moves with its own API.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

KEPT = Path(__file__).resolve().parent.parent / "tests" / "functions" / "api-v1.json"
"""The description that programs may rely on."""
OWN = ("/api/staff/", "/api/admin/")
"""Addresses that only our own desk calls."""
LOWER, UPPER = (
    ("minLength", "minimum", "minItems", "exclusiveMinimum"),
    ("maxLength", "maximum", "maxItems", "exclusiveMaximum"),
)
Schema = Mapping[str, Any]


def relied_on(document: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a description that others rely on, with the schemas that it names."""
    paths = {path: each for path, each in document["paths"].items() if not path.startswith(OWN)}
    schemas, named, fresh = document["components"]["schemas"], set[str](), _named(paths)
    while fresh:
        named |= fresh
        fresh = set().union(*(_named(schemas[name]) for name in fresh)) - named
    kept = {name: each for name, each in schemas.items() if name in named}
    return {**document, "paths": paths, "components": {"schemas": kept}}


def _named(part: Any) -> set[str]:
    """The schemas that a part of a document refers to."""
    if isinstance(part, Mapping):
        here = {part["$ref"].rpartition("/")[2]} if isinstance(part.get("$ref"), str) else set()
        return here.union(*(_named(each) for each in part.values()))
    if isinstance(part, list):
        return set().union(*map(_named, part))
    return set()


def narrowed(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Each thing that `new` takes away from `old`, in words."""
    for path, methods in old["paths"].items():
        for method, before in methods.items():
            where = f"{method.upper()} {path}"
            after = new["paths"].get(path, {}).get(method)
            if after is None:
                yield f"{where} is gone"
                continue
            yield from _parameters(where, before, after, old, new)
            yield from _sent(where, before, after, old, new)
            yield from _answered(where, before, after, old, new)


def _parameters(where: str, before: Schema, after: Schema, old: Schema, new: Schema) -> Iterator[str]:
    had = {(p["in"], p["name"]): p for p in before.get("parameters", ())}
    has = {(p["in"], p["name"]): p for p in after.get("parameters", ())}
    for key, each in had.items():
        name = f"{where}: the parameter {key[1]}"
        if key not in has:
            yield f"{name} is gone"
            continue
        if has[key].get("required") and not each.get("required"):
            yield f"{name} is now required"
        yield from _takes_less(name, each["schema"], has[key]["schema"], old, new)
    for key, each in has.items():
        if key not in had and each.get("required"):
            yield f"{where}: the parameter {key[1]} is new and required"


def _sent(where: str, before: Schema, after: Schema, old: Schema, new: Schema) -> Iterator[str]:
    had = before.get("requestBody", {}).get("content", {})
    has = after.get("requestBody", {}).get("content", {})
    if has and not had:
        yield f"{where} now needs a body"
    for kind, each in had.items():
        if kind not in has:
            yield f"{where} no longer takes {kind}"
        else:
            yield from _takes_less(where, each["schema"], has[kind]["schema"], old, new)


def _answered(where: str, before: Schema, after: Schema, old: Schema, new: Schema) -> Iterator[str]:
    for status, each in before["responses"].items():
        if status not in after["responses"]:
            yield f"{where} no longer answers {status}"
            continue
        has = after["responses"][status].get("content", {})
        for kind, shape in each.get("content", {}).items():
            if kind not in has:
                yield f"{where}: {status} is no longer {kind}"
            else:
                yield from _tells_less(f"{where}: {status}", shape["schema"], has[kind]["schema"], old, new)


def _kinds(schema: Schema, document: Schema) -> tuple[Schema, set[str]]:
    """(the schema behind references, the types it may have)."""
    if "$ref" in schema:
        return _kinds(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
    if "anyOf" in schema:
        found = [_kinds(each, document) for each in schema["anyOf"]]
        kinds = set().union(*(kinds for _, kinds in found))
        said = next((each for each, kinds in found if kinds != {"null"}), schema)
        return said, kinds
    kind = schema.get("type", [])
    return schema, {kind} if isinstance(kind, str) else set(kind)


def _takes_less(where: str, before: Schema, after: Schema, old: Schema, new: Schema) -> Iterator[str]:
    """What used to be accepted and is not any more."""
    (had, kinds), (has, now) = _kinds(before, old), _kinds(after, new)
    if now and kinds - now - ({"integer"} if "number" in now else set()):
        yield f"{where} takes no {', '.join(sorted(kinds - now))} any more"
    for word in LOWER:
        if has.get(word, had.get(word)) != had.get(word) and has[word] > had.get(word, float("-inf")):
            yield f"{where}: {word} rose to {has[word]}"
    for word in UPPER:
        if has.get(word, had.get(word)) != had.get(word) and has[word] < had.get(word, float("inf")):
            yield f"{where}: {word} fell to {has[word]}"
    if "enum" in has and set(had.get("enum", ())) - set(has["enum"]):
        yield f"{where} no longer takes {sorted(set(map(str, had['enum'])) - set(map(str, has['enum'])))}"
    if "pattern" in has and has["pattern"] != had.get("pattern"):
        yield f"{where} must now look like {has['pattern']}"
    if fresh := set(has.get("required", ())) - set(had.get("required", ())):
        yield f"{where} now needs {', '.join(sorted(fresh))}"
    for name, each in had.get("properties", {}).items():
        if name not in has.get("properties", {}):
            yield f"{where}: the field {name} is gone"
        else:
            yield from _takes_less(f"{where}.{name}", each, has["properties"][name], old, new)
    if "items" in had and "items" in has:
        yield from _takes_less(f"{where}[]", had["items"], has["items"], old, new)


def _tells_less(where: str, before: Schema, after: Schema, old: Schema, new: Schema) -> Iterator[str]:
    """What used to be answered and is not any more."""
    (had, kinds), (has, now) = _kinds(before, old), _kinds(after, new)
    if kinds and now - kinds - ({"integer"} if "number" in kinds else set()):
        yield f"{where} can now be {', '.join(sorted(now - kinds))}"
    if lost := set(had.get("required", ())) - set(has.get("required", ())):
        yield f"{where} no longer always tells {', '.join(sorted(lost))}"
    for name, each in had.get("properties", {}).items():
        if name not in has.get("properties", {}):
            yield f"{where}: the field {name} is gone"
        else:
            yield from _tells_less(f"{where}.{name}", each, has["properties"][name], old, new)
    if "items" in had and "items" in has:
        yield from _tells_less(f"{where}[]", had["items"], has["items"], old, new)
