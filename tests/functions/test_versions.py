"""The API only grows within a version: nothing that a program relies on is taken away."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from chalicelib.front import openapi

from infra.compatible import KEPT, narrowed, relied_on

RELIED_ON: dict[str, Any] = json.loads(KEPT.read_text("utf-8"))


def test_nothing_that_programs_rely_on_was_taken_away() -> None:
    assert list(narrowed(RELIED_ON, openapi.current())) == [], "add beside it, or begin a new version"


def test_what_was_added_is_relied_on_from_now() -> None:
    said = "run `python -m infra examples`: it keeps what was added"
    assert json.loads(json.dumps(relied_on(openapi.current()))) == RELIED_ON, said


def test_the_desk_is_no_part_of_it() -> None:
    assert not [path for path in RELIED_ON["paths"] if path.startswith("/api/staff")]
    assert "/api/reports" in RELIED_ON["paths"]


def _schema(document: Any, name: str) -> Any:
    return document["components"]["schemas"][name]


def _parameter(document: Any, path: str, name: str) -> Any:
    return next(p for p in document["paths"][path]["get"]["parameters"] if p["name"] == name)


TAKEN_AWAY: dict[str, tuple[Callable[[Any], Any], str]] = {
    "an address": (lambda d: d["paths"].pop("/api/locate"), "GET /api/locate is gone"),
    "a method": (lambda d: d["paths"]["/api/reports"].pop("post"), "POST /api/reports is gone"),
    "a parameter": (
        lambda d: d["paths"]["/api/locate"]["get"].pop("parameters"),
        "GET /api/locate: the parameter latitude is gone",
    ),
    "that a parameter may be left out": (
        lambda d: _parameter(d, "/api/locate", "accuracy").update(required=True),
        "GET /api/locate: the parameter accuracy is now required",
    ),
    "a type of body": (
        lambda d: d["paths"]["/api/reports"]["post"]["requestBody"]["content"].pop("application/json"),
        "POST /api/reports no longer takes application/json",
    ),
    "a status": (
        lambda d: d["paths"]["/api/reports"]["post"]["responses"].pop("201"),
        "POST /api/reports no longer answers 201",
    ),
    "a field that is sent": (
        lambda d: _schema(d, "Submission")["properties"].pop("landmark"),
        "POST /api/reports: the field landmark is gone",
    ),
    "that a field may be left out": (
        lambda d: _schema(d, "Submission")["required"].append("landmark"),
        "POST /api/reports now needs landmark",
    ),
    "length": (
        lambda d: _schema(d, "Submission")["properties"]["description"].update(maxLength=5),
        "POST /api/reports.description: maxLength fell to 5",
    ),
    "shortness": (
        lambda d: _schema(d, "Submission")["properties"]["description"].update(minLength=500),
        "POST /api/reports.description: minLength rose to 500",
    ),
    "a choice": (
        lambda d: _schema(d, "Submission")["properties"]["language"].update(enum=["id"]),
        "POST /api/reports.language no longer takes ['en']",
    ),
    "a field that is answered": (
        lambda d: _schema(d, "Created")["properties"].pop("follow_key"),
        "POST /api/reports: 201: the field follow_key is gone",
    ),
    "that a field is always answered": (
        lambda d: _schema(d, "Created")["required"].remove("follow_key"),
        "POST /api/reports: 201 no longer always tells follow_key",
    ),
    "the type of an answer": (
        lambda d: _schema(d, "Created")["properties"]["follow_key"].update(type="integer"),
        "POST /api/reports: 201.follow_key can now be integer",
    ),
}


@pytest.mark.parametrize("what", TAKEN_AWAY)
def test_whatever_is_taken_away_is_named(what: str) -> None:
    take, words = TAKEN_AWAY[what]
    document = copy.deepcopy(RELIED_ON)
    take(document)
    assert words in list(narrowed(RELIED_ON, document))


def test_additions_take_nothing_away() -> None:
    document = copy.deepcopy(RELIED_ON)
    document["paths"]["/api/new"] = {"get": {"operationId": "new", "responses": {"200": {}}}}
    _schema(document, "Created")["properties"]["more"] = {"type": "string"}
    _schema(document, "Submission")["properties"]["more"] = {"type": "string"}
    _schema(document, "Submission")["properties"]["description"]["maxLength"] = 10_000
    document["paths"]["/api/locate"]["get"]["responses"]["503"] = {"description": "Busy."}
    assert list(narrowed(RELIED_ON, document)) == []
