"""The description of the API: valid OpenAPI 3.1, and the same limits as the declarations that validate."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import msgspec
import openapi_spec_validator
import pytest
from chalicelib import categories, submission
from chalicelib.front import api
from chalicelib.front.openapi import document
from chalicelib.front.problems import Refused
from chalicelib.submission import Submission
from hypothesis import given, settings
from hypothesis import strategies as st

DESCRIBED: dict[str, Any] = json.loads(document(api.OPERATIONS))
METHODS = {"get", "post", "put", "patch", "delete"}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DESCRIBED["paths"].items():
        for method, described in methods.items():
            yield path, method, described


def judge(name: str, value: Any) -> bool:
    """Whether a value fits a schema of the document."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": DESCRIBED["components"]}
    return jsonschema.Draft202012Validator(schema).is_valid(value)


def test_the_description_is_valid_openapi():
    openapi_spec_validator.validate(DESCRIBED)
    assert DESCRIBED["openapi"].startswith("3.1")


def test_every_operation_is_described_with_all_its_answers():
    described = {(method.upper(), path): each for path, method, each in operations()}
    assert set(described) == {(each.method, each.path) for each in api.OPERATIONS}
    for operation in api.OPERATIONS:
        found = described[operation.method, operation.path]
        assert found["operationId"] == operation.name
        assert found["summary"] == operation.summary
        assert {int(status) for status in found["responses"]} == set(operation.answers)


def test_names_of_operations_are_unique_and_methods_are_real():
    names = [each["operationId"] for _, _, each in operations()]
    assert len(names) == len(set(names))
    assert {method for _, method, _ in operations()} <= METHODS


def test_every_parameter_of_a_path_is_described():
    for path, _, each in operations():
        in_path = {p["name"] for p in each.get("parameters", ()) if p["in"] == "path"}
        assert in_path == set(re.findall(r"\{(\w+)\}", path))


def test_every_reference_leads_somewhere_and_every_schema_is_used():
    text = json.dumps(DESCRIBED)
    referred = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert referred == set(DESCRIBED["components"]["schemas"])


def test_pages_and_data_are_told_apart():
    for operation in api.OPERATIONS:
        for status, parts in operation.answers.items():
            answer = DESCRIBED["paths"][operation.path][operation.method.lower()]["responses"][str(status)]
            # What is written down by its media type is no JSON: pages, XML.
            expected = {
                part if isinstance(part, str) else "application/json" for part in parts if part is not None
            }
            assert set(answer.get("content", {})) == expected
            assert answer["description"]


def test_every_field_of_a_report_is_explained():
    fields = DESCRIBED["components"]["schemas"]["Submission"]["properties"]
    assert set(fields) == set(submission.FIELDS)
    for name, field in fields.items():
        described = field.get("description") or " ".join(
            part.get("description", "") for part in field.get("anyOf", ())
        )
        assert described.strip(), name


def test_the_document_is_the_same_bytes_every_time():
    assert document(api.OPERATIONS) == document(api.OPERATIONS)


def test_nothing_private_is_part_of_a_public_report():
    public_fields = set(DESCRIBED["components"]["schemas"]["PublicReport"]["properties"])
    assert not public_fields & {"follow_key", "follow_hash", "contact", "original", "private", "language"}


@given(
    st.fixed_dictionaries(
        {
            "category": st.sampled_from(sorted(categories.load())),
            "description": st.text(min_size=0, max_size=30),
        },
        optional={
            "latitude": st.one_of(st.none(), st.floats(-100, 100), st.integers(-100, 100)),
            "longitude": st.one_of(st.none(), st.floats(-190, 190), st.integers(-190, 190)),
            "accuracy": st.one_of(st.none(), st.floats(-1, 200_000)),
            "landmark": st.text(max_size=20),
            "private": st.booleans(),
            "language": st.sampled_from(["id", "en"]),
        },
    )
)
@settings(max_examples=200)
def test_what_validation_takes_the_description_takes(value: dict[str, Any]):
    try:
        read = submission.read(value, categories=categories.load())
    except Refused:
        return
    assert judge("Submission", json.loads(msgspec.json.encode(read)))
    if value["description"] == read.description:
        assert judge("Submission", value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("description", "x" * 9),
        ("description", "x" * 2001),
        ("latitude", 90.5),
        ("longitude", -180.5),
        ("accuracy", -1),
        ("language", "fr"),
        ("private", "perhaps"),
        ("landmark", "x" * 201),
        ("photo", ["a", "b", "c", "d"]),
        ("contact_email", "x" * 255),
    ],
)
def test_what_the_description_refuses_validation_refuses(field: str, value: Any):
    good: dict[str, Any] = {
        "category": "jalan",
        "description": "Lubang besar.",
        "latitude": -6.2,
        "longitude": 106.8,
    }
    assert judge("Submission", good)
    submission.read(good, categories=categories.load())
    assert not judge("Submission", {**good, field: value})
    with pytest.raises(Refused):
        submission.read({**good, field: value}, categories=categories.load())


def test_the_declared_submission_is_the_one_that_is_made():
    assert api.BY_NAME["create_report"].takes is Submission
