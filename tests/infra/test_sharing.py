"""Pages of other sites ask before they read: the server answers where answers are shared, and refuses elsewhere."""

from __future__ import annotations

import pytest

from tests.running import Running, ask

PREFLIGHT = {
    "Origin": "https://koran.test",
    "Access-Control-Request-Method": "GET",
    "Access-Control-Request-Headers": "if-none-match",
}


@pytest.mark.parametrize("path", ["/api/locate", "/api/reports/7K3M9QX2", "/open311/v2/requests.json"])
def test_a_preflight_request_is_answered_where_answers_are_shared(server: Running, path: str) -> None:
    got = ask(server.url + path, method="OPTIONS", headers=PREFLIGHT)
    assert got.status in {200, 204}
    assert got.headers["access-control-allow-origin"] == "*"
    assert "GET" in got.headers["access-control-allow-methods"].split(",")
    assert "If-None-Match" in got.headers["access-control-allow-headers"].split(",")
    assert "access-control-allow-credentials" not in got.headers


@pytest.mark.parametrize("path", ["/api/staff/me", "/api/reports", "/api/reports/7K3M9QX2/page", "/"])
def test_a_preflight_request_is_refused_everywhere_else(server: Running, path: str) -> None:
    got = ask(server.url + path, method="OPTIONS", headers=PREFLIGHT)
    assert got.status == 405
    assert "access-control-allow-origin" not in got.headers


def test_over_the_wire_an_answer_is_sent_once(server: Running) -> None:
    first = server.get("/api/openapi.json")
    again = ask(f"{server.url}/api/openapi.json", headers={"If-None-Match": first.headers["etag"]})
    assert (first.status, again.status, again.body) == (200, 304, b"")
    assert first.headers["access-control-allow-origin"] == "*"
