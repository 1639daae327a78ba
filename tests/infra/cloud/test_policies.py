"""Each function may do what its duty needs, on resources that are named, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra import package

FOLDER = package.ROOT / "functions" / ".chalice"
CONFIG = json.loads((FOLDER / "config.json").read_text("utf-8"))
FILES = {name: f["iam_policy_file"] for name, f in CONFIG["lambda_functions"].items()}
ROLES = {
    "api_handler": "APIHandler",
    "publisher": "Publisher",
    "retention": "Retention",
    "photo": "Photo",
    "every_minute": "EveryMinute",
    "messenger": "Messenger",
    "notifier": "Notifier",
    "daily": "Daily",
}


def statements(name: str) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads((FOLDER / FILES[name]).read_text("utf-8"))["Statement"]
    return loaded


def resources(statement: dict[str, Any]) -> Iterator[str]:
    for resource in statement["Resource"]:
        yield json.dumps(resource)


def test_every_function_has_a_policy_file_of_its_own_and_no_file_is_left_over() -> None:
    assert len(set(FILES.values())) == len(FILES)
    assert set(FILES.values()) == {path.name for path in FOLDER.glob("policy-*.json")}
    assert CONFIG["autogen_policy"] is False


@pytest.mark.parametrize("name", FILES)
def test_a_policy_names_its_actions_and_its_resources(name: str) -> None:
    for statement in statements(name):
        assert statement["Effect"] == "Allow"
        assert isinstance(statement["Action"], list)
        assert isinstance(statement["Resource"], list)
        for action in statement["Action"]:
            assert "*" not in action
        for resource in resources(statement):
            # A star may stand for the files below a folder of a bucket that is named, and for nothing else.
            assert resource.count("*") == (1 if resource.endswith('/*"}') else 0), resource
            named = (
                "s3:::${AWS::StackName}-",
                ":identity/${MailIdentity}",
                ":configuration-set/${SesConfiguration}",
            )
            assert "Fn::GetAtt" in resource or any(each in resource for each in named)


@pytest.mark.parametrize("name", FILES)
def test_the_template_gives_each_function_exactly_its_policy(name: str, template: dict[str, Any]) -> None:
    function = template["Resources"][ROLES[name]]["Properties"]
    role = template["Resources"][function["Role"]["Fn::GetAtt"][0]]["Properties"]
    (policy,) = role["Policies"]
    assert policy["PolicyDocument"]["Statement"] == statements(name)
    assert "ManagedPolicyArns" not in role
    shared = [
        n
        for n, r in template["Resources"].items()
        if r["Type"] == "AWS::Serverless::Function" and r["Properties"]["Role"] == function["Role"]
    ]
    assert shared == [ROLES[name]]


def test_only_the_door_and_the_keeper_of_time_limits_can_read_contacts() -> None:
    can = set()
    for name in FILES:
        for statement in statements(name):
            if "dynamodb:GetItem" in statement["Action"] or "dynamodb:Query" in statement["Action"]:
                keys = (
                    statement.get("Condition", {})
                    .get("ForAllValues:StringLike", {})
                    .get("dynamodb:LeadingKeys")
                )
                if keys is None or any(key in {"*", "contact#*"} for key in keys):
                    can.add(name)
    assert can == {"api_handler", "retention", "notifier"}


def test_only_the_door_and_the_notifier_know_followers() -> None:
    def reads(statement: dict[str, Any]) -> bool:
        condition = statement.get("Condition", {}).get("ForAllValues:StringLike", {})
        keys = condition.get("dynamodb:LeadingKeys", ["follower#*"])
        return "dynamodb:GetItem" in statement["Action"] and "follower#*" in keys

    assert {name for name in FILES if any(map(reads, statements(name)))} == {"api_handler", "notifier"}


def test_nothing_can_delete_a_report_and_only_the_door_reads_uploads_for_good() -> None:
    for name in set(FILES) - {"api_handler", "every_minute", "messenger", "notifier"}:
        assert not any("dynamodb:DeleteItem" in s["Action"] for s in statements(name)), name
    (unmark,) = [s for s in statements("every_minute") if "dynamodb:DeleteItem" in s["Action"]]
    assert unmark["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"] == ["dirty", "cards"]
    (settle,) = [s for s in statements("messenger") if "dynamodb:DeleteItem" in s["Action"]]
    assert settle["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"] == [
        "webhooks#due",
        "webhooks#dead#*",
    ]
    (sent,) = [s for s in statements("notifier") if "dynamodb:DeleteItem" in s["Action"]]
    families = {
        key.partition("#")[0] for key in sent["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    }
    assert families == {"follower", "followers", "address", "digest", "notices"}


def test_the_publisher_cannot_write_what_is_under_the_private_bucket() -> None:
    for name in ("publisher", "every_minute", "daily"):
        for statement in statements(name):
            writes = {"s3:PutObject", "s3:DeleteObject"} & set(statement["Action"])
            assert not (writes and any("-private-" in resource for resource in resources(statement)))


def test_only_the_notifier_can_send_mail_and_only_as_the_verified_sender() -> None:
    for name in FILES:
        mails = [s for s in statements(name) if any(action.startswith("ses:") for action in s["Action"])]
        assert bool(mails) == (name == "notifier")
