"""Pages of other sites read what anybody may read, and whoever has an answer already is not sent it again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import app
import pytest
from chalicelib import intake, sharing
from chalicelib.front import api
from chalicelib.front.operation import Parts, Request
from hypothesis import given
from hypothesis import strategies as st

SHARED = [each for each in api.OPERATIONS if each.shared]


@given(st.binary(max_size=40), st.text(max_size=200))
def test_only_a_header_that_names_the_tag_or_everything_is_answered_with_304(data: bytes, header: str):
    current = sharing.tag(data)
    bare = current.removeprefix("W/")
    for known in (current, bare, f'"other", {current}', "*", f" {bare} "):
        status, headers, body = sharing.conditional(known, 200, {"Content-Type": "text/plain"}, data)
        assert (status, body, headers) == (304, b"", {"ETag": current})
    if bare not in header and header.strip() != "*":
        assert sharing.conditional(header, 200, {}, data)[0] == 200


@pytest.mark.parametrize("kept", ["no-store", "private, no-store", "private, max-age=5"])
def test_what_may_not_be_kept_gets_no_tag(kept: str):
    status, headers, body = sharing.conditional("*", 200, {"Cache-Control": kept}, b"secret")
    assert (status, headers, body) == (200, {"Cache-Control": kept}, b"secret")


@pytest.mark.parametrize("status", [201, 303, 400, 404, 503])
def test_only_what_was_found_gets_a_tag(status: int):
    assert sharing.conditional("*", status, {}, b"x") == (status, {}, b"x")


def test_whatever_other_sites_may_read_needs_no_officer_no_cookie_and_no_secret():
    for each in SHARED:
        assert not each.path.startswith(("/api/staff", "/api/channels")), each.name
        assert each.method == "GET" or each.path.startswith("/open311/"), each.name
    assert {each.name for each in api.OPERATIONS if each.path.startswith("/open311/")} <= {
        each.name for each in SHARED
    }
    assert {"get_report", "locate", "list_categories", "openapi", "health"} <= {each.name for each in SHARED}


def test_every_answer_of_a_shared_operation_may_be_read_and_of_no_other_one(
    parts: Parts, filed: Callable[..., str]
):
    own = {"show_own", "show_receipt", "find_report"}
    for each in api.OPERATIONS:
        if each.method != "GET" or each.name in own:
            continue
        got = api.answer(parts, each.name, Request({"report_id": "7K3M9QX2"}, {}, {}))
        assert (got.headers.get("Access-Control-Allow-Origin") == "*") is each.shared, each.name
        assert "Access-Control-Allow-Credentials" not in got.headers


def test_a_report_is_read_again_only_when_it_changed(parts: Parts, filed: Callable[..., str]):
    asked = Request({"report_id": filed()})
    first = api.answer(parts, "get_report", asked)
    again = api.answer(parts, "get_report", replace(asked, headers={"if-none-match": first.headers["ETag"]}))
    assert (first.status, again.status, again.body) == (200, 304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Cache-Control"] == first.headers["Cache-Control"]


def test_a_private_report_is_given_no_tag(parts: Parts, door: intake.Door):
    from chalicelib.submission import Submission

    sent = Submission(
        category="jalan", description="Lubang besar.", latitude=-6.17, longitude=106.83, private=True
    )
    made = intake.accept(door, sent, channel="web")
    asked = Request({"report_id": made.id}, headers={"follow-key": made.follow_key, "if-none-match": "*"})
    got = api.answer(parts, "get_report", asked)
    assert (got.status, "ETag" in got.headers) == (200, False)


def test_the_routes_answer_preflight_requests_exactly_where_answers_are_shared():
    for each in api.OPERATIONS:
        route = app.app.routes[each.path][each.method]
        assert (route.cors is not None) is each.shared, each.name
        if route.cors:
            said = route.cors.get_access_control_headers()
            assert said["Access-Control-Allow-Origin"] == "*"
            assert set(sharing.ASK_HEADERS) <= set(said["Access-Control-Allow-Headers"].split(","))
            assert "Access-Control-Allow-Credentials" not in said


def test_the_headers_of_a_refused_preflight_and_of_errors_are_json(parts: Parts):
    got = api.answer(parts, "get_report", Request({"report_id": "x"}))
    assert (got.status, json.loads(got.body)["errors"][0]["code"]) == (400, "report_id")
    assert got.headers["Access-Control-Allow-Origin"] == "*"
