"""The commands for what is deployed: package, and what other modules of this folder do. Reads arguments only.

Each command imports what it needs when it is asked for, so that `run` stays light.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING

from infra import cost

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

STACK = frozenset({"deploy", "edge", "rollback", "destroy"})
COMMANDS = frozenset({"package", "replay", "backup", "restore", "cost", "smoke", *STACK})
REHEARSALS = frozenset({"aws", "dynamodb-local"})
"""Values of ENGINE with which `run` plays the deployed product against stand-ins."""


def add(commands: Commands) -> None:
    """Declare the commands."""
    package = commands.add_parser("package", help="build the bundle and the template that are deployed")
    package.add_argument("--stage", choices=("dev", "prod"), default="dev")
    package.add_argument("--architecture", choices=("arm64", "x86_64"), help="instead of the configured one")

    replay = commands.add_parser("replay", help="publish again what was set aside in the dead-letter queue")
    replay.add_argument("queue", help="address of the queue: the stack's output ChangesDeadLettersUrl")
    for name, text in (
        ("backup", "copy table and photos to a folder or s3://bucket; goes on where it stopped"),
        ("restore", "fill an empty instance from a backup; goes on where it stopped"),
    ):
        commands.add_parser(name, help=text).add_argument("place", help="a folder, or s3://bucket")
    for name, text in (
        ("deploy", "package, upload, show what would change, ask, change it, draw the site, try it"),
        ("edge", "the stack in us-east-1: certificate, rate rule, budget; before the first deployment"),
        ("rollback", "go back to the version that stood before"),
        ("destroy", "delete the stack after its name was typed; table and buckets stay"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--stage", choices=("dev", "prod"), required=True)
        command.add_argument("--region", required=True, help="such as ap-southeast-3")
        command.add_argument("--parameters", nargs="*", default=[], metavar="NAME=VALUE")
    smoke = commands.add_parser(
        "smoke", help="try a running instance as readers and reporters do; reads only"
    )
    smoke.add_argument("address", help="such as https://warga.example.id")
    cost.add(commands)


def main(asked: argparse.Namespace) -> int:
    """Run a command; returns its exit status."""
    from infra import backup, deploy, package, replay

    if asked.command == "package":
        return package.main(stage=asked.stage, architecture=asked.architecture)
    if asked.command == "replay":
        return replay.main(asked.queue)
    if asked.command == "cost":
        return cost.main(asked)
    if asked.command == "smoke":
        from infra import smoke

        return smoke.main(asked.address)
    if asked.command in STACK:
        return deploy.main(asked.command, stage=asked.stage, region=asked.region, words=asked.parameters)
    return backup.main(asked.command, asked.place)


def rehearse(environment: Mapping[str, str]) -> int:
    """`run` with one of the REHEARSALS; returns its exit status."""
    from infra import aws

    return aws.run(environment["ENGINE"], environment)
