"""What the page for other systems shows can be copied: its receiver, its mapping and its calls work."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import HTTPServer
from pathlib import Path
from typing import Any

import pytest
from chalicelib import lifecycle
from chalicelib.channels import bulk, open311_model, webhooks
from chalicelib.front.operation import Parts
from chalicelib.report import written_id

from tests.functions.channels.conftest import Caller
from tests.functions.conftest import Clock, Dice

PAGE = (Path(__file__).resolve().parents[3] / "infra" / "docs" / "open311.md").read_text("utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def test_the_receiver_on_the_page_knows_genuine_messages():
    page: dict[str, Any] = {}
    exec(block("python"), page)
    secret, data = webhooks.new_secret(Dice()), b'{"id": "x"}'
    now = datetime.fromtimestamp(time.time(), UTC)
    headers = webhooks.signed([webhooks.new_secret(Dice(seed="other")), secret], "x", data, now)
    assert page["genuine"](secret.text, headers, data)
    assert not page["genuine"](secret.text, headers, data + b" ")
    assert not page["genuine"](secret.text, {**headers, "Webhook-Timestamp": "1000"}, data)


def test_the_receiver_on_the_page_takes_what_is_sent_and_nothing_else(
    parts: Parts, filed: Callable[..., str], clock: Clock, capsys: pytest.CaptureFixture[str]
):
    page: dict[str, Any] = {"__name__": "receiver"}
    exec(block("python"), page)
    page["Receiver"].log_message = lambda *_: None
    server = HTTPServer(("127.0.0.1", 0), page["Receiver"])
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    table, url = parts.door.table, f"http://127.0.0.1:{server.server_port}/"
    clock.now = datetime.now(UTC)
    hook = webhooks.add(table, name="Coba", url=url, now=clock(), random_bytes=Dice(), private=True)
    page["SECRET"] = hook.secrets[0].text
    number = written_id(filed())

    def deliver() -> dict[str, int]:
        webhooks.enqueue(table, table.changes("page", 500).changes, clock())
        return webhooks.deliver(table, parts.categories, webhooks.sender(private=True), now=clock())

    try:
        assert deliver() == {"sent": 1, "later": 0, "dead": 0}
        assert capsys.readouterr().out == f"report.received {number} waiting\n"
        page["SECRET"] = webhooks.new_secret(Dice(seed="other")).text
        filed()
        assert deliver() == {"sent": 0, "later": 1, "dead": 0}, "a forged message is refused"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_message_on_the_page_becomes_a_report(parts: Parts, caller: Caller, clock: Clock):
    table, data = parts.door.table, block("json").encode()
    secret = webhooks.open_channel(table, "rt-siaga", now=clock(), random_bytes=Dice(seed="kunci"))
    answers = []
    for _ in range(2):
        signed = webhooks.signed([secret], "pesan-1", data, clock())
        headers = {"content-type": "application/json", **{n.lower(): v for n, v in signed.items()}}
        answers.append(caller.call("POST", "/api/channels/rt-siaga", headers=headers, body=data))
    assert [got.status for got in answers] == [201, 200]
    first, second = (json.loads(got.body) for got in answers)
    assert (first["id"], first["repeated"], second["repeated"]) == (second["id"], False, True)


def test_the_mapping_on_the_page_can_be_used():
    plan = bulk.read_mapping(block("toml"))
    assert (plan.source, plan.fields["id"], plan.states["SELESAI"]) == ("crm", "tiket", "done")
    fields = PAGE.partition("\nFields: ")[2].partition(". Without")[0]
    assert re.split(r",\s+", fields) == list(bulk.FIELDS)


def test_the_states_on_the_page_are_the_words_that_are_said():
    for state in lifecycle.STATES.values():
        assert f"| {state.code} | {state.open311} | {open311_model.UPDATE_STATUS[state.code]}" in PAGE


def test_the_limits_on_the_page_are_those_of_the_code(caller: Caller):
    from chalicelib.channels import open311_reading as reading
    from chalicelib.channels import open311_sending as sending

    assert f"A list spans {reading.DAYS} days and holds {reading.MOST:,} entries at most" in PAGE
    assert f"holds {reading.EXTENDED_PAGE} requests a page" in PAGE
    assert f"within {sending.PHOTO_SECONDS} seconds" in PAGE
    assert f"{sending.LONGEST['description'][1]:,} characters" in PAGE
    for path in re.findall(r"`GET ([a-z]+)\.xml`", PAGE):
        assert caller.get(f"{path}.json").status == 200
        assert isinstance(json.loads(caller.get(f"{path}.json").body), list)
