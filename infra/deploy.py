"""Puts a package on AWS, back to the one before, or away: change sets that are shown and confirmed first.

Every deployment keeps its bundle and template in an artifacts bucket of its own, so that
rolling back needs nothing but that bucket. Not tried on a real account: see
infra/docs/deploy.md. Builds nothing: package.py does.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HISTORY = "history.json"
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

    @property
    def stack(self) -> str:
        """The stack's name; buckets are named after it."""
        return f"cctv-warga-{self.stage}"

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
    if not _change(target, version, {"Stage": target.stage, **parameters}):
        return None
    _remember(target, version)
    return version


def rollback(target: Target) -> str | None:
    """Go back to the version before the one that stands. Returns it; None when the operator said no.

    Raises DeployError when there is none.
    """
    versions = history(target)
    if len(versions) < 2:
        raise DeployError(f"there is no earlier version of {target.stack} in {target.artifacts}")
    version = versions[-2]
    if not _change(target, version, {}):
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


def _change(target: Target, version: str, parameters: Mapping[str, str]) -> bool:
    """Make a change set of a stored version, show it, ask, execute it. False: the operator said no, or no change."""
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
    host = "amazonaws.com"
    target.cloudformation.create_change_set(
        StackName=target.stack,
        ChangeSetName=name,
        ChangeSetType="UPDATE" if update else "CREATE",
        TemplateURL=f"https://{target.artifacts}.s3.{target.region}.{host}/{version}/sam.json",
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
    """`python -m infra deploy|rollback|destroy`; returns the exit status."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    from infra import package

    try:
        session = boto3.session.Session(region_name=region)
        account = session.client("sts").get_caller_identity()["Account"]
        target = Target(stage, account, region, session.client("cloudformation"), session.client("s3"), input)
        if command == "destroy":
            for name in destroy(target):
                print(f"kept: {name}")
            return 0
        if command == "rollback":
            version = rollback(target)
        else:
            bundle, template = package.package(stage=stage)
            version = deploy(target, bundle, template, parameters_of(words))
    except (DeployError, package.PackageError, BotoCoreError, ClientError) as error:
        print(f"{command}: {error}", file=sys.stderr)
        return 1
    if version is None:
        print("nothing was changed")
        return 1
    outputs = target.cloudformation.describe_stacks(StackName=target.stack)["Stacks"][0].get("Outputs", [])
    for row in sorted(outputs, key=lambda row: str(row["OutputKey"])):
        print(f"{row['OutputKey']:24} {row['OutputValue']}")
    print(
        f"{target.stack} stands at version {version}; now draw the site: see 'Draw the site' in the handbook"
    )
    return 0
