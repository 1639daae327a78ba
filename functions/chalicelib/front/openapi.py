"""The OpenAPI 3.1 document, made from the declarations that validate requests. Describes; decides nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, get_args, get_origin

import msgspec

from ..report import ID_ALPHABET

if TYPE_CHECKING:
    from .operation import Operation

VERSION = "1"
REF = "#/components/schemas/{name}"
REPORT_ID = {
    "name": "report_id",
    "in": "path",
    "required": True,
    "description": "A report's number, with or without the dash.",
    "schema": {"type": "string", "pattern": f"^[{ID_ALPHABET}]{{8}}$"},
}
STATUS = {
    200: "Found.",
    201: "Accepted.",
    202: "Taken; a mail asks for the yes.",
    303: "Continue at Location.",
    304: "Not changed since the ETag in If-None-Match.",
    400: "Something in the request is wrong; every error is named.",
    403: "The key does not open this.",
    401: "Sign in first.",
    404: "There is nothing like that.",
    409: "Not possible as the report is now.",
    413: "Too large.",
    415: "Not a content type that is read here.",
    422: "The Idempotency-Key belongs to a different report.",
    429: "Too many requests; try again after Retry-After seconds.",
    503: "Too busy just now; try again after Retry-After seconds.",
}


def document(operations: Sequence[Operation]) -> bytes:
    """The document as JSON, in the order of the declarations."""
    from .operation import PAGE

    structs = {
        part for o in operations for answer in o.answers.values() for part in answer if _has_schema(part)
    }
    structs |= {operation.takes for operation in operations if operation.takes}
    ordered = sorted(structs, key=str)
    schemas, components = msgspec.json.schema_components(ordered, ref_template=REF)
    by_struct = dict(zip(ordered, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = {
            "operationId": operation.name,
            "summary": operation.summary,
            **_parameters(operation),
            **_request_body(operation, by_struct),
            "responses": {
                str(status): _answer(status, parts, by_struct, PAGE)
                for status, parts in operation.answers.items()
            },
        }
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "CCTV Warga",
                "version": VERSION,
                "description": "Report what is wrong in the street in Jakarta, and follow what becomes of it. "
                "Messages are in Indonesian, or in English when Accept-Language or `language` asks for it.",
                "license": {"name": "MIT", "identifier": "MIT"},
            },
            "servers": [{"url": "/"}],
            "paths": paths,
            "components": {"schemas": components},
        }
    )


def current() -> dict[str, Any]:
    """The document of today's API, as data."""
    from .api import OPERATIONS

    found: dict[str, Any] = msgspec.json.decode(document(OPERATIONS))
    return found


def _has_schema(part: Any) -> bool:
    """Whether a declared answer is a struct, or a list of one."""
    if get_origin(part) is list:
        return _has_schema(get_args(part)[0])
    return isinstance(part, type) and issubclass(part, msgspec.Struct)


def _parameters(operation: Operation) -> dict[str, Any]:
    found: list[dict[str, Any]] = [REPORT_ID] if re.search(r"\{report_id\}", operation.path) else []
    found += [
        {"name": name, "in": "path", "required": True, "schema": dict(schema)}
        for name, schema in operation.places.items()
    ]
    if operation.query:
        _, queries = msgspec.json.schema_components([operation.query])
        schema = queries[operation.query.__name__]
        found += [
            {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": declared}
            for name, declared in schema["properties"].items()
        ]
    found += [
        {
            "name": name,
            "in": "header",
            "required": False,
            "description": meaning,
            "schema": {"type": "string"},
        }
        for name, meaning in operation.headers.items()
    ]
    return {"parameters": found} if found else {}


def _request_body(operation: Operation, by_struct: dict[Any, Any]) -> dict[str, Any]:
    if operation.takes is None:
        return {}
    content = {kind: {"schema": by_struct[operation.takes]} for kind in operation.content_types}
    return {"requestBody": {"required": True, "content": content}}


def _answer(status: int, parts: Sequence[Any], by_struct: dict[Any, Any], page: str) -> dict[str, Any]:
    from .operation import SVG, XML

    content: dict[str, Any] = {}
    for part in parts:
        if part == page:
            content["text/html"] = {"schema": {"type": "string"}}
        elif part in (SVG, XML):
            content[part] = {"schema": {"type": "string"}}
        elif part is dict:
            content["application/json"] = {"schema": {"type": "object"}}
        elif part is not None:
            content["application/json"] = {"schema": by_struct[part]}
    return {"description": STATUS[status], **({"content": content} if content else {})}
