"""The cost model counts what the product does, and its page says what the command says."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from chalicelib import wiring
from moto import mock_aws

from infra import aws, cost
from infra.triggers import Context, Rules, passes

KB = 1024


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Units that calls to AWS are billed by, as they are made."""
    from botocore.client import BaseClient

    for name, value in aws.environment("").items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_DYNAMODB_STREAMS"):
        monkeypatch.delenv(name)
    units: Counter[str] = Counter()
    genuine = BaseClient._make_api_call

    def call(self: Any, operation: str, arguments: dict[str, Any]) -> Any:
        answer = genuine(self, operation, arguments)
        if operation == "TransactWriteItems":
            for item in arguments["TransactItems"]:
                units["writes"] += 2 * math.ceil(len(json.dumps(item)) / KB)
        elif operation in {"GetItem", "Query", "BatchGetItem"}:
            size = len(json.dumps({k: v for k, v in answer.items() if k in {"Item", "Items", "Responses"}}))
            units["reads"] += math.ceil(size / (4 * KB))
        elif operation == "PutObject":
            units["files"] += 1
        return answer

    cleared = (
        wiring.current,
        wiring.table,
        wiring.files,
        wiring.parts,
        wiring.deployed_publisher,
        wiring.renderer,
    )
    for made in cleared:
        made.cache_clear()
    with mock_aws():
        monkeypatch.setattr(BaseClient, "_make_api_call", call)
        yield units
    for made in cleared:
        made.cache_clear()


def test_the_model_is_fed_with_what_the_handlers_really_do(counted: Counter[str]) -> None:
    import app

    functions = aws.Functions(aws.create(), pause=lambda tries: None)
    body = {
        "category": "jalan",
        "description": "Lubang besar di tengah jalan " * 8,
        "latitude": -6.1754,
        "longitude": 106.8272,
    }
    event = {
        "resource": "/api/reports",
        "path": "/api/reports",
        "httpMethod": "POST",
        "isBase64Encoded": False,
        "headers": {"content-type": "application/json"},
        "multiValueHeaders": {"content-type": ["application/json"]},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "body": json.dumps(body),
        "requestContext": {
            "resourcePath": "/api/reports",
            "httpMethod": "POST",
            "requestId": "r",
            # Somebody from outside: counted by the limits, which costs a write.
            "identity": {"sourceIp": "203.0.113.9"},
        },
    }
    found: dict[str, float] = {}
    # The first report of an instance is not the usual one: count the third.
    for _ in range(3):
        counted.clear()
        assert app.app(event, None)["statusCode"] == 201
        found |= {"report_write_units": counted["writes"], "report_read_units": counted["reads"]}
        counted.clear()
        rules = Rules.of("Publisher")
        records = [r for _, rows in functions.stream.read() for r in rows if passes(rules.patterns, r)]
        app.publisher({"Records": records}, Context("publisher"))
        functions.every_minute()
        found |= {
            "published_file_writes": counted["files"],
            "publish_read_units": counted["reads"],
            "publish_write_units": counted["writes"],
        }
    counted.clear()
    functions.every_minute()
    found["tidy_read_units"] = max(counted["reads"], 1)
    counted.clear()
    functions.messenger()
    found["messenger_read_units"] = max(counted["reads"], 1)
    stated = cost.load()["counted"]
    wrong = {n: (u, stated[n]) for n, u in found.items() if not u <= stated[n] <= max(2 * u, u + 8)}
    assert wrong == {}, f"counted, stated: {wrong}"


def test_the_page_is_what_the_data_says() -> None:
    assert cost.PAGE.read_text("utf-8") == cost.page(cost.load())


def test_more_costs_more_and_nothing_costs_only_what_stands_still() -> None:
    data = cost.load()

    def total(reports: int, views: int) -> float:
        return sum(line.dollars for line in cost.bill(data, reports=reports, views=views))

    assert (
        0
        < total(0, 0)
        < total(50, 0)
        < total(50, 5000)
        < total(15_000, 2_000_000)
        < total(150_000, 50_000_000)
    )
    with pytest.raises(ValueError, match="negative"):
        cost.bill(data, reports=-1, views=0)


def test_every_price_has_a_date_and_the_output_says_that_they_are_to_be_checked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    import argparse

    data = cost.load()
    assert len(data["prices"]["date"]) == 7
    assert cost.main(argparse.Namespace(page=False, reports=10, views=10)) == 0
    shown = capsys.readouterr().out
    assert data["prices"]["date"] in shown
    assert "to be checked" in shown


def test_a_kelurahan_alone_costs_less_than_a_server_that_is_always_on() -> None:
    data = cost.load()
    always = data["prices"]["server_month"] + data["prices"]["database_month"]
    assert sum(line.dollars for line in cost.bill(data, **data["sizes"]["A kelurahan alone"])) < always


def test_the_model_counts_the_alarms_that_the_template_has(template: dict[str, Any]) -> None:
    alarms = [r for r in template["Resources"].values() if r["Type"] == "AWS::CloudWatch::Alarm"]
    assert cost.load()["fixed"]["alarms"] == len(alarms)
