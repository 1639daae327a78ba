"""The smoke test of an instance: nothing is wrong with a right one, and whatever is taken away is named."""

from __future__ import annotations

import dataclasses
import http.client

import pytest

from infra import smoke
from infra.smoke import Reply
from tests.running import Running


def test_a_running_instance_is_right(server: Running, capsys: pytest.CaptureFixture[str]):
    assert smoke.look(server.url) == []
    assert smoke.main(server.url) == 0
    assert "all is well" in capsys.readouterr().out


def test_an_address_where_nothing_answers_is_not_right(capsys: pytest.CaptureFixture[str]):
    assert smoke.main("http://127.0.0.1:9/") == 1
    assert "/api/health: no answer" in capsys.readouterr().err


@pytest.mark.parametrize("path", smoke.CHECKS)
@pytest.mark.parametrize("wrong", [Reply(500, {}, b""), Reply(200, {}, b"{}"), Reply(200, {}, b"<p>")])
def test_whatever_is_wrong_is_named(server: Running, path: str, wrong: Reply):
    def ask(address: str) -> Reply:
        return wrong if address == server.url + path else smoke.get(address)

    found = smoke.look(server.url, ask)
    assert found
    assert all(line.startswith((path, "assets", "/:")) for line in found)


def test_headers_and_assets_are_looked_at(server: Running):
    def without(*names: str) -> list[str]:
        def ask(address: str) -> Reply:
            got = smoke.get(address)
            return dataclasses.replace(got, headers={n: v for n, v in got.headers.items() if n not in names})

        return smoke.look(server.url, ask)

    assert any("content-security-policy" in line for line in without("content-security-policy"))
    assert any("/aset/" in line for line in without("cache-control"))


def test_a_deployed_address_must_insist_on_encryption(server: Running):
    def ask(address: str) -> Reply:
        return smoke.get(address.replace("https://warga.example.id", server.url))

    assert all("encryption" in line for line in smoke.look("https://warga.example.id", ask))
    assert smoke.look("https://warga.example.id", ask)


def test_a_new_distribution_is_waited_for(server: Running):
    tries: list[str] = []

    def ask(address: str) -> Reply:
        tries.append(address)
        if len(tries) < 20:
            raise http.client.RemoteDisconnected
        return smoke.get(address)

    assert smoke.patiently(server.url, ask=ask, seconds=1.0) == []
    assert smoke.patiently("http://127.0.0.1:9", seconds=0.05) != []
