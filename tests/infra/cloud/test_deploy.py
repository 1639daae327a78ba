"""Deploying shows, asks, and does only what was confirmed. Against a stand-in: that AWS accepts it, only AWS shows."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from chalicelib import settings
from moto import mock_aws

from infra import deploy, package

REGION = "ap-southeast-3"


class Stacks:
    """CloudFormation as far as deploying talks to it: stacks with change sets, and a note of every call."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.stack: dict[str, Any] | None = None
        self.asked: dict[str, Any] = {}
        self.changes: list[dict[str, Any]] = [
            {
                "ResourceChange": {
                    "Action": "Modify",
                    "ResourceType": "AWS::DynamoDB::Table",
                    "LogicalResourceId": "Table",
                    "Replacement": "True",
                }
            }
        ]
        self.refuses = ""

    def describe_stacks(self, **_asked: Any) -> dict[str, Any]:
        from botocore.exceptions import ClientError

        if self.stack is None:
            raise ClientError(
                {"Error": {"Code": "ValidationError", "Message": "does not exist"}}, "DescribeStacks"
            )
        return {"Stacks": [self.stack]}

    def create_change_set(self, **asked: Any) -> None:
        self.calls.append("create_change_set")
        self.asked = asked

    def describe_change_set(self, **_asked: Any) -> dict[str, Any]:
        if self.refuses:
            return {"Status": "FAILED", "StatusReason": self.refuses}
        return {"Status": "CREATE_COMPLETE", "Changes": self.changes}

    def delete_change_set(self, **_asked: Any) -> None:
        self.calls.append("delete_change_set")

    def execute_change_set(self, **_asked: Any) -> None:
        self.calls.append("execute_change_set")
        kept = {row["ParameterKey"]: row.get("ParameterValue", "kept") for row in self.asked["Parameters"]}
        rows = [{"ParameterKey": name, "ParameterValue": value} for name, value in kept.items()]
        self.stack = {"StackStatus": "CREATE_COMPLETE", "Parameters": rows, "Outputs": []}

    def describe_stack_resources(self, **_asked: Any) -> dict[str, Any]:
        rows = [("Table", "t-1"), ("Publisher", "p-1"), ("SiteBucket", "s-1")]
        return {"StackResources": [{"LogicalResourceId": a, "PhysicalResourceId": b} for a, b in rows]}

    def delete_stack(self, **_asked: Any) -> None:
        self.calls.append("delete_stack")
        self.stack = None

    def get_waiter(self, _name: str) -> Any:
        class Done:
            def wait(self, **_asked: Any) -> None:
                return

        return Done()


class Operator:
    """Answers questions and hears what is said."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.heard: list[str] = []

    def ask(self, question: str) -> str:
        self.heard.append(question)
        return self.answers.pop(0)


@pytest.fixture
def place(tmp_path: Path) -> Any:
    import boto3

    with mock_aws():
        stacks = Stacks()
        s3 = boto3.client("s3", region_name=REGION)

        def at(operator: Operator) -> deploy.Target:
            return deploy.Target(
                "dev", "123456789012", REGION, stacks, s3, operator.ask, operator.heard.append
            )

        yield stacks, at


def packages(folder: Path, text: str) -> tuple[Path, Path]:
    bundle, template = folder / f"{text}.zip", folder / f"{text}.json"
    bundle.write_bytes(text.encode())
    function = {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": "./deployment.zip"}}
    template.write_text(json.dumps({"Resources": {"F": function, "Table": {"Type": "AWS::DynamoDB::Table"}}}))
    return bundle, template


def test_a_deployment_is_shown_and_happens_only_after_yes(place: Any, tmp_path: Path) -> None:
    stacks, at = place
    no = Operator("no")
    assert deploy.deploy(at(no), *packages(tmp_path, "one"), {}) is None
    assert "execute_change_set" not in stacks.calls
    assert any("REPLACED" in line for line in no.heard)
    assert deploy.history(at(no)) == []
    version = deploy.deploy(at(Operator("yes")), *packages(tmp_path, "one"), {"LogDays": "7"})
    assert "execute_change_set" in stacks.calls
    assert deploy.history(at(no)) == [version]
    assert stacks.asked["ChangeSetType"] == "CREATE"
    assert f"/{version}/sam.json" in stacks.asked["TemplateURL"]


def test_an_update_keeps_the_parameters_that_are_not_named(place: Any, tmp_path: Path) -> None:
    stacks, at = place
    deploy.deploy(at(Operator("yes")), *packages(tmp_path, "one"), {"LogDays": "7"})
    deploy.deploy(at(Operator("yes")), *packages(tmp_path, "two"), {"AlarmEmail": "a@example.id"})
    assert stacks.asked["ChangeSetType"] == "UPDATE"
    assert {"ParameterKey": "LogDays", "UsePreviousValue": True} in stacks.asked["Parameters"]


def test_every_function_gets_the_uploaded_bundle(place: Any, tmp_path: Path) -> None:
    _, at = place
    target = at(Operator("yes"))
    version = deploy.deploy(target, *packages(tmp_path, "one"), {})
    kept = json.loads(target.s3.get_object(Bucket=target.artifacts, Key=f"{version}/sam.json")["Body"].read())
    code = kept["Resources"]["F"]["Properties"]["CodeUri"]
    assert target.s3.get_object(Bucket=code["Bucket"], Key=code["Key"])["Body"].read() == b"one"
    blocked = target.s3.get_public_access_block(Bucket=target.artifacts)["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {True}


def test_rolling_back_brings_the_version_before_and_needs_one(place: Any, tmp_path: Path) -> None:
    stacks, at = place
    with pytest.raises(deploy.DeployError, match="no earlier version"):
        deploy.rollback(at(Operator()))
    first = deploy.deploy(at(Operator("yes")), *packages(tmp_path, "one"), {})
    deploy.deploy(at(Operator("yes")), *packages(tmp_path, "two"), {})
    assert deploy.rollback(at(Operator("yes"))) == first
    assert f"/{first}/sam.json" in stacks.asked["TemplateURL"]
    assert deploy.history(at(Operator())) == [first]


def test_nothing_to_change_is_said_and_a_refusal_is_told_in_cloudformations_words(
    place: Any, tmp_path: Path
) -> None:
    stacks, at = place
    stacks.refuses = "The submitted information didn't contain changes."
    operator = Operator()
    assert deploy.deploy(at(operator), *packages(tmp_path, "one"), {}) is None
    assert "nothing would change" in operator.heard
    stacks.refuses = "Parameter LogDays must be one of"
    with pytest.raises(deploy.DeployError, match="LogDays must be one of"):
        deploy.deploy(at(Operator()), *packages(tmp_path, "one"), {})


def test_destroying_needs_the_stacks_name_typed_and_names_what_stays(place: Any, tmp_path: Path) -> None:
    stacks, at = place
    with pytest.raises(deploy.DeployError, match="there is no stack"):
        deploy.destroy(at(Operator()))
    deploy.deploy(at(Operator("yes")), *packages(tmp_path, "one"), {})
    for typed in ("yes", "", "cctv-warga-prod"):
        with pytest.raises(deploy.DeployError, match="nothing was deleted"):
            deploy.destroy(at(Operator(typed)))
    assert "delete_stack" not in stacks.calls
    assert deploy.destroy(at(Operator("cctv-warga-dev"))) == ["t-1", "s-1"]


def test_what_stays_is_what_the_template_retains(template: dict[str, Any]) -> None:
    retained = {name for name, r in template["Resources"].items() if r.get("DeletionPolicy") == "Retain"}
    assert retained == set(deploy.KEPT)


def test_a_word_that_is_no_parameter_is_refused() -> None:
    assert deploy.parameters_of(["A=1", "B=x=y"]) == {"A": "1", "B": "x=y"}
    with pytest.raises(deploy.DeployError, match="write Name=value"):
        deploy.parameters_of(["SiteDomain"])


# What is in us-east-1, and the end of a deployment.


def beside(target: deploy.Target) -> deploy.Target:
    return dataclasses.replace(target, region=deploy.EDGE_REGION, part="-edge")


def test_the_edge_stack_is_shown_and_made_after_yes_from_its_own_template(place: Any) -> None:
    stacks, at = place
    assert deploy.edge(beside(at(Operator("no"))), {"SiteDomain": "warga.example.id"}) is False
    assert "execute_change_set" not in stacks.calls
    operator = Operator("yes")
    assert deploy.edge(beside(at(operator)), {"SiteDomain": "warga.example.id"}) is True
    assert stacks.asked["StackName"] == "cctv-warga-dev-edge"
    assert stacks.asked["TemplateBody"] == deploy.EDGE_TEMPLATE.read_text("utf-8")
    assert "us-east-1" in operator.heard[-1]


def test_a_deployment_takes_what_the_edge_stack_tells_unless_told_otherwise() -> None:
    told = {"CertificateArn": "arn:cert", "WebAclArn": ""}
    assert deploy.with_edge(told, {"SiteDomain": "w.id"}) == {
        "CertificateArn": "arn:cert",
        "SiteDomain": "w.id",
    }
    assert deploy.with_edge(told, {"CertificateArn": "arn:mine"}) == {"CertificateArn": "arn:mine"}
    assert deploy.with_edge({}, {}) == {}
    edge = package.read_template(deploy.EDGE_TEMPLATE)
    main = package.read_template(package.ROOT / "template.yaml")
    assert set(deploy.EDGE_PARAMETERS.values()) <= set(edge["Outputs"])
    assert set(deploy.EDGE_PARAMETERS) <= set(main["Parameters"])


TOLD = {
    "TableName": "t",
    "SiteBucketName": "site",
    "PrivateBucketName": "private",
    "SiteAddress": "https://warga.example.id",
}


def test_after_a_deployment_the_site_is_drawn_from_the_stacks_table_and_tried(
    template: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert set(TOLD) <= set(template["Outputs"])
    ran: list[tuple[list[str], dict[str, str]]] = []

    def run(words: list[str], *, env: dict[str, str], check: bool) -> Any:
        ran.append((words, env))
        return subprocess.CompletedProcess(words, 0)

    assert deploy.finish(TOLD, REGION, run=run, look=lambda address: []) == 0
    ((words, environment),) = ran
    assert words[1:] == ["-m", "infra", "publish", "--all"]
    chosen = settings.read(environment)
    assert (chosen.engine, chosen.table, chosen.site_bucket, chosen.private_bucket, chosen.site_url) == (
        "dynamodb",
        "t",
        "site",
        "private",
        "https://warga.example.id",
    )
    assert environment["AWS_REGION"] == REGION
    assert deploy.finish(TOLD, REGION, run=run, look=lambda address: ["/: status 500"]) == 1
    assert "make rollback" in capsys.readouterr().out


def test_a_site_that_could_not_be_drawn_is_not_tried(capsys: pytest.CaptureFixture[str]) -> None:
    def run(words: list[str], **_more: Any) -> Any:
        return subprocess.CompletedProcess(words, 1)

    assert deploy.finish(TOLD, REGION, run=run, look=lambda address: pytest.fail("tried")) == 1
    assert "publish --all" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:Tried to parse:UserWarning")
def test_a_change_set_is_made_and_executed_against_a_stand_in_for_cloudformation() -> None:
    import boto3

    with mock_aws():
        target = deploy.Target(
            "dev",
            "123456789012",
            deploy.EDGE_REGION,
            boto3.client("cloudformation", region_name=deploy.EDGE_REGION),
            boto3.client("s3", region_name=deploy.EDGE_REGION),
            lambda question: "yes",
            lambda line: None,
            part="-edge",
        )
        # moto knows neither web ACLs nor certificates nor budgets: what is in the stack is held by cfn-lint alone.
        assert deploy.edge(target, {"MonthlyBudgetUSD": "80"})
        (stack,) = target.cloudformation.describe_stacks(StackName="cctv-warga-dev-edge")["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        with pytest.raises(deploy.DeployError, match="nothing was deleted"):
            deploy.destroy(dataclasses.replace(target, ask=lambda question: "cctv-warga-dev"))
