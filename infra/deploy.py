"""Puts a package on AWS, back to the one before, or away: change sets that are shown and confirmed first.

Every deployment keeps its bundle and template in an artifacts bucket of its own, so that
rolling back needs nothing but that bucket. Not tried on a real account: see
infra/docs/deploy.md. Builds nothing (package.py does) and tries nothing (smoke.py does).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HISTORY = "history.json"
EDGE_REGION = "us-east-1"
"""CloudFront takes certificates and web ACLs from here only; budgets live here, too."""
EDGE_TEMPLATE = Path(__file__).resolve().parent / "edge.yaml"
EDGE_PARAMETERS = {"CertificateArn": "CertificateArn", "WebAclArn": "WebAclArn"}
"""Parameters of the main stack that the edge stack's outputs answer."""
KEPT = ("Table", "PrivateBucket", "SiteBucket", "Officers")
"""Resources that stay when the stack goes, by their retention policy."""


class DeployError(RuntimeError):
    """It cannot be done, or was refused; the message says what to do."""


@dataclass(frozen=True)
class Target:
    """Where to deploy. `cloudformation` and `s3` are boto3's clients, `ask` puts a question to the operator."""

    stage: str
    account: str
    region: str
    cloudformation: Any
    s3: Any
    ask: Callable[[str], str]
    say: Callable[[str], None] = print
    part: str = ""

    @property
    def stack(self) -> str:
        """The stack's name; buckets are named after it."""
        return f"cctv-warga-{self.stage}{self.part}"

    @property
    def artifacts(self) -> str:
        """The bucket of bundles and templates."""
        return f"{self.stack}-artifacts-{self.account}"


def deploy(target: Target, bundle: Path, template: Path, parameters: Mapping[str, str]) -> str | None:
    """Upload, show what would change, ask, do it. Returns the version; None when the operator said no.

    Raises DeployError.
    """
    _make_bucket(target)
    data = bundle.read_bytes()
    version = hashlib.sha256(data + template.read_bytes()).hexdigest()[:16]
    key = f"{version}/deployment.zip"
    target.s3.put_object(Bucket=target.artifacts, Key=key, Body=data)
    body = with_code(json.loads(template.read_text("utf-8")), target.artifacts, key)
    target.s3.put_object(Bucket=target.artifacts, Key=f"{version}/sam.json", Body=json.dumps(body).encode())
    if not _change(target, version, {"Stage": target.stage, **parameters}, _stored(target, version)):
        return None
    _remember(target, version)
    return version


def edge(target: Target, parameters: Mapping[str, str]) -> bool:
    """Make or change the stack that has to be in us-east-1. False: the operator said no, or nothing changes.

    Raises DeployError.
    """
    body = EDGE_TEMPLATE.read_text("utf-8")
    version = hashlib.sha256(body.encode()).hexdigest()[:16]
    return _change(target, version, parameters, {"TemplateBody": body})


def outputs(target: Target) -> dict[str, str]:
    """What a stack tells, by name; nothing where there is no stack."""
    if not _exists(target):
        return {}
    stack = target.cloudformation.describe_stacks(StackName=target.stack)["Stacks"][0]
    return {row["OutputKey"]: row["OutputValue"] for row in stack.get("Outputs", [])}


def with_edge(told: Mapping[str, str], parameters: Mapping[str, str]) -> dict[str, str]:
    """Parameters, with what the edge stack `told` where they say nothing else."""
    known = {name: told[output] for name, output in EDGE_PARAMETERS.items() if told.get(output)}
    return {**known, **parameters}


def environment_of(told: Mapping[str, str], region: str) -> dict[str, str]:
    """The settings with which commands on this machine work on a deployed stack, from its outputs."""
    return {
        "ENGINE": "dynamodb",
        "TABLE": told["TableName"],
        "SITE_BUCKET": told["SiteBucketName"],
        "PRIVATE_BUCKET": told["PrivateBucketName"],
        "SITE_URL": told["SiteAddress"],
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }


def rollback(target: Target) -> str | None:
    """Go back to the version before the one that stands. Returns it; None when the operator said no.

    Raises DeployError when there is none.
    """
    versions = history(target)
    if len(versions) < 2:
        raise DeployError(f"there is no earlier version of {target.stack} in {target.artifacts}")
    version = versions[-2]
    if not _change(target, version, {}, _stored(target, version)):
        return None
    _write_history(target, versions[:-1])
    return version


def destroy(target: Target) -> list[str]:
    """Delete the stack after its name was typed. Returns the names of what stays. Raises DeployError."""
    if not _exists(target):
        raise DeployError(f"there is no stack {target.stack} in {target.region}")
    typed = target.ask(
        f"Delete {target.stack} in {target.region}? Readers lose the site. Type the stack's name: "
    )
    if typed.strip() != target.stack:
        raise DeployError(f"{typed.strip()!r} is not {target.stack}: nothing was deleted")
    found = target.cloudformation.describe_stack_resources(StackName=target.stack)["StackResources"]
    stays = [row["PhysicalResourceId"] for row in found if row["LogicalResourceId"] in KEPT]
    target.cloudformation.delete_stack(StackName=target.stack)
    target.cloudformation.get_waiter("stack_delete_complete").wait(StackName=target.stack)
    return stays


def with_code(template: dict[str, Any], bucket: str, key: str) -> dict[str, Any]:
    """The template with the uploaded bundle as every function's code."""
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": key}
    return template


def parameters_of(words: Sequence[str]) -> dict[str, str]:
    """`Name=value` words as parameters. Raises DeployError for others."""
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.isalnum():
            raise DeployError(f"{word!r} is not a parameter: write Name=value")
        found[name] = value
    return found


def history(target: Target) -> list[str]:
    """The versions that were deployed, the newest last."""
    from botocore.exceptions import ClientError

    try:
        body = target.s3.get_object(Bucket=target.artifacts, Key=HISTORY)["Body"].read()
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in {"NoSuchKey", "NoSuchBucket"}:
            return []
        raise
    versions: list[str] = json.loads(body)
    return versions


def _remember(target: Target, version: str) -> None:
    versions = history(target)
    if versions[-1:] != [version]:
        _write_history(target, [*versions, version][-20:])


def _write_history(target: Target, versions: list[str]) -> None:
    target.s3.put_object(Bucket=target.artifacts, Key=HISTORY, Body=json.dumps(versions).encode())


def _make_bucket(target: Target) -> None:
    place = (
        {}
        if target.region == "us-east-1"
        else {"CreateBucketConfiguration": {"LocationConstraint": target.region}}
    )
    try:
        target.s3.create_bucket(Bucket=target.artifacts, **place)
    except target.s3.exceptions.BucketAlreadyOwnedByYou:
        return
    target.s3.put_public_access_block(
        Bucket=target.artifacts,
        PublicAccessBlockConfiguration=dict.fromkeys(
            ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
        ),
    )


def _exists(target: Target) -> bool:
    from botocore.exceptions import ClientError

    try:
        stack = target.cloudformation.describe_stacks(StackName=target.stack)["Stacks"][0]
    except ClientError:
        return False
    return bool(stack["StackStatus"] != "REVIEW_IN_PROGRESS")


def _stored(target: Target, version: str) -> dict[str, str]:
    """Where the template of a version lies."""
    host = f"{target.artifacts}.s3.{target.region}.amazonaws.com"
    return {"TemplateURL": f"https://{host}/{version}/sam.json"}


def _change(target: Target, version: str, parameters: Mapping[str, str], template: Mapping[str, str]) -> bool:
    """Make a change set, show it, ask, execute it. False: the operator said no, or nothing would change."""
    update = _exists(target)
    kept = target.cloudformation.describe_stacks(StackName=target.stack)["Stacks"][0] if update else {}
    stated: list[dict[str, Any]] = [
        {"ParameterKey": name, "ParameterValue": value} for name, value in sorted(parameters.items())
    ]
    stated += [
        {"ParameterKey": row["ParameterKey"], "UsePreviousValue": True}
        for row in kept.get("Parameters", [])
        if row["ParameterKey"] not in parameters
    ]
    name = f"v-{version}"
    target.cloudformation.create_change_set(
        StackName=target.stack,
        ChangeSetName=name,
        ChangeSetType="UPDATE" if update else "CREATE",
        **template,
        Parameters=stated,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    changes = _changes(target, name)
    if not changes:
        target.say("nothing would change")
        target.cloudformation.delete_change_set(StackName=target.stack, ChangeSetName=name)
        return False
    for line in changes:
        target.say(line)
    if target.ask(f"Change {target.stack} in {target.region} so? Type yes: ").strip() != "yes":
        target.cloudformation.delete_change_set(StackName=target.stack, ChangeSetName=name)
        return False
    target.cloudformation.execute_change_set(StackName=target.stack, ChangeSetName=name)
    done = "stack_update_complete" if update else "stack_create_complete"
    target.cloudformation.get_waiter(done).wait(StackName=target.stack)
    return True


def _changes(target: Target, name: str) -> list[str]:
    """What a change set would do, a line each. Raises DeployError when CloudFormation refuses it."""
    from botocore.exceptions import WaiterError

    # A change set that failed ends the waiting, too: its status says why.
    with contextlib.suppress(WaiterError):
        target.cloudformation.get_waiter("change_set_create_complete").wait(
            StackName=target.stack, ChangeSetName=name
        )
    told = target.cloudformation.describe_change_set(StackName=target.stack, ChangeSetName=name)
    if told["Status"] == "FAILED":
        reason = told.get("StatusReason", "")
        if "didn't contain changes" in reason or "No updates" in reason:
            return []
        target.cloudformation.delete_change_set(StackName=target.stack, ChangeSetName=name)
        raise DeployError(f"CloudFormation refuses the change: {reason}")
    lines = []
    for change in told["Changes"]:
        row = change["ResourceChange"]
        replaced = "  REPLACED: what it holds is lost" if row.get("Replacement") == "True" else ""
        lines.append(f"{row['Action']:8} {row['ResourceType']:36} {row['LogicalResourceId']}{replaced}")
    return sorted(lines)


def main(command: str, *, stage: str, region: str, words: Sequence[str]) -> int:
    """`python -m infra deploy|edge|rollback|destroy`; returns the exit status."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    from infra import package

    try:
        session = boto3.session.Session(region_name=region)
        account = session.client("sts").get_caller_identity()["Account"]
        target = Target(stage, account, region, session.client("cloudformation"), session.client("s3"), input)
        there = session.client("cloudformation", region_name=EDGE_REGION)
        beside = Target(stage, account, EDGE_REGION, there, target.s3, input, part="-edge")
        if command == "destroy":
            for name in destroy(target):
                print(f"kept: {name}")
            return 0
        if command == "edge":
            return _tell(beside, changed=edge(beside, parameters_of(words)))
        if command == "rollback":
            version = rollback(target)
        else:
            bundle, template = package.package(stage=stage)
            parameters = with_edge(outputs(beside), parameters_of(words))
            version = deploy(target, bundle, template, parameters)
    except (DeployError, package.PackageError, BotoCoreError, ClientError) as error:
        print(f"{command}: {error}", file=sys.stderr)
        return 1
    if _tell(target, changed=version is not None):
        return 1
    print(f"{target.stack} stands at version {version}")
    return finish(outputs(target), region)


def _tell(target: Target, *, changed: bool) -> int:
    """Print what a stack tells; the exit status of a command that changed it or did not."""
    if not changed:
        print("nothing was changed")
        return 1
    for name, value in sorted(outputs(target).items()):
        print(f"{name:24} {value}")
    return 0


def finish(
    told: Mapping[str, str],
    region: str,
    *,
    run: Callable[..., Any] = subprocess.run,
    look: Callable[[str], list[str]] | None = None,
) -> int:
    """Draw the whole site, then try the deployed address as readers and reporters do. Returns the exit status."""
    from infra import smoke

    print("drawing the site: assets, pages and data")
    drawn = run(
        [sys.executable, "-m", "infra", "publish", "--all"],
        env={**os.environ, **environment_of(told, region)},
        check=False,
    )
    if drawn.returncode:
        print("the site could not be drawn; mend it, then: python -m infra publish --all", file=sys.stderr)
        return 1
    found = (look or smoke.patiently)(told["SiteAddress"])
    for line in found:
        print(f"NOT RIGHT {line}", file=sys.stderr)
    print("tried: " + ("see above; make rollback brings the version before" if found else "all is well"))
    return 1 if found else 0
