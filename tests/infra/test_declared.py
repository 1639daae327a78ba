"""Requests that nobody thought of: the server answers each as its description declares, and never with a fault."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from chalicelib import categories
from chalicelib.front import api, cookies
from chalicelib.front.openapi import document
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

import geo
from tests.running import Running

DECLARED = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
REFUSED = [unsupported_method, negative_data_rejection]
ACCEPTS = st.sampled_from(["*/*", "application/json", "text/html,*/*;q=0.8"])
# What is drawn depends on the test alone, so that every run asks the same.
QUICK = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
MIDDLES = sorted((row.longitude, row.latitude) for row in geo.default_locator().by_kode.values())

schema = schemathesis.openapi.from_dict(json.loads(document(api.OPERATIONS)))


@pytest.fixture(scope="module")
def known(server: Running) -> dict[str, str]:
    """A report that is there, and one that is private: the answers to both."""
    longitude, latitude = MIDDLES[-1]
    report = {
        "category": "jalan",
        "description": "Lubang besar.",
        "longitude": longitude,
        "latitude": latitude,
    }
    answered: dict[str, str] = server.post("/api/reports", report).json
    return answered


@schema.parametrize()
@QUICK
def test_every_answer_is_one_that_was_declared(case: schemathesis.Case, server: Running) -> None:
    case.call_and_validate(base_url=server.url, checks=[*DECLARED, *REFUSED])


def test_reports_that_are_nearly_right_are_taken_or_refused_as_declared(server: Running) -> None:
    @given(
        case=schema["/api/reports"]["POST"].as_strategy(),
        category=st.sampled_from(sorted(categories.load())),
        place=st.sampled_from(MIDDLES),
        description=st.text(min_size=8, max_size=80),
        accept=ACCEPTS,
    )
    @QUICK
    def send(
        case: schemathesis.Case, category: str, place: tuple[float, float], description: str, accept: str
    ) -> None:
        if isinstance(case.body, dict):
            right = {
                "category": category,
                "description": description,
                "longitude": place[0],
                "latitude": place[1],
            }
            doubtful = {"kelurahan", "photo", "accuracy", "contact_email", "contact_phone", "attributes"}
            case.body = {name: v for name, v in case.body.items() if name not in doubtful} | right
        case.headers = {"Accept": accept}
        got = case.call(base_url=server.url, allow_redirects=False)
        case.validate_response(got, checks=DECLARED)

    send()


@pytest.mark.parametrize(
    ("status", "accept", "changes"),
    [
        (201, "application/json", {}),
        (303, "text/html", {}),
        (400, "application/json", {"category": "tidak-ada"}),
        (400, "text/html", {"description": "pendek"}),
    ],
)
def test_each_kind_of_answer_to_a_report_is_as_declared(
    status: int, accept: str, changes: dict[str, str], server: Running
) -> None:
    longitude, latitude = MIDDLES[0]
    right = {"category": sorted(categories.load())[0], "description": "Lubang besar di jalan."}
    case = schema["/api/reports"]["POST"].Case(
        body={**right, "longitude": str(longitude), "latitude": str(latitude), **changes},
        media_type="application/x-www-form-urlencoded",
        headers={"Accept": accept},
    )
    got = case.call(base_url=server.url, allow_redirects=False)
    assert got.status_code == status
    case.validate_response(got, checks=DECLARED)


@pytest.mark.parametrize("path", ["/api/reports/{report_id}", "/api/reports/{report_id}/receipt"])
def test_what_is_asked_about_a_report_that_is_there_is_answered_as_declared(
    path: str, server: Running, known: dict[str, str]
) -> None:
    @given(
        case=schema[path]["GET"].as_strategy(), accept=ACCEPTS, cookie=st.sampled_from(["follow_key", "id"])
    )
    @QUICK
    def ask(case: schemathesis.Case, accept: str, cookie: str) -> None:
        case.path_parameters = {"report_id": known["id"]}
        sent = f"{cookies.KEY}_{known['id']}={known[cookie]}"
        case.headers = {**dict(case.headers or {}), "Accept": accept, "Cookie": sent}
        case.call_and_validate(base_url=server.url, checks=DECLARED)

    ask()


@given(
    case=schema["/api/find"]["GET"].as_strategy(),
    accept=ACCEPTS,
    written=st.sampled_from(["id", "number", "none"]),
)
@QUICK
def test_finding_is_answered_as_declared(
    case: schemathesis.Case, accept: str, written: str, server: Running, known: dict[str, str]
) -> None:
    if written in known:
        case.query = {**dict(case.query or {}), "id": known[written]}
    case.headers = {**dict(case.headers or {}), "Accept": accept}
    case.call_and_validate(base_url=server.url, checks=DECLARED, allow_redirects=False)


def test_the_server_hands_out_the_description_that_it_is_held_against(server: Running):
    assert server.get("/api/openapi.json").json == json.loads(document(api.OPERATIONS))


def test_every_message_of_a_refusal_is_filled_in(server: Running):
    def told(value: dict[str, Any]) -> list[str]:
        return [error["message"] for error in server.post("/api/reports", value).json["errors"]]

    wrong: dict[str, Any] = dict.fromkeys(
        ("category", "description", "landmark", "contact_email", "language"), 3
    )
    for message in [
        *told({}),
        *told(wrong),
        *told({"latitude": 200, "private": "x", "photo": 3, "kelurahan": "x"}),
    ]:
        assert message.strip()
        assert not re.search(r"%\(|None|\{\}", message), message


def test_nothing_failed_behind_the_answers(server: Running):
    assert "Traceback" not in Path(server.data_dir.with_suffix(".log")).read_text()
