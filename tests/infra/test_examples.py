"""The examples on the page for developers are what the API really answers, one for every operation."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

import jsonschema
import pytest
from chalicelib.front import api, openapi

from infra import examples

HOW = "run `python -m infra examples`, and look at what changed"


@lru_cache(maxsize=1)
def asked() -> list[dict[str, Any]]:
    return examples.record()


def kept() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(examples.KEPT.read_text("utf-8"))
    return found


@pytest.mark.parametrize("operation", api.OPERATIONS, ids=lambda each: each.name)
def test_every_operation_has_an_example_that_is_what_the_api_answers(operation: Any) -> None:
    now = [each for each in asked() if each["operation"] == operation.name]
    assert now, f"add one to infra/examples.py, then {HOW}"
    assert [each for each in kept() if each["operation"] == operation.name] == now, HOW


def test_no_example_is_of_an_operation_that_is_gone() -> None:
    assert {each["operation"] for each in kept()} <= set(api.BY_NAME)


def test_an_example_that_is_whole_fits_the_schema_it_stands_beside() -> None:
    document = openapi.current()
    checked = 0
    for each in kept():
        if each["type"] != "application/json" or each["answer"].endswith("…"):
            continue
        path = api.BY_NAME[each["operation"]].path
        answer = document["paths"][path][each["method"].lower()]["responses"][str(each["status"])]
        schema = {**answer["content"]["application/json"]["schema"], "components": document["components"]}
        jsonschema.Draft202012Validator(schema).validate(json.loads(each["answer"]))
        checked += 1
    assert checked > 15


def test_examples_hold_no_token_and_no_secret_of_anybody() -> None:
    text = examples.KEPT.read_text("utf-8")
    assert "whsec_" not in text
    assert not re.search(r"eyJ[\w-]+\.eyJ", text)
