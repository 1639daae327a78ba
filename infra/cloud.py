"""The commands for what is deployed: package, and what other modules of this folder do. Reads arguments only.

Each command imports what it needs when it is asked for, so that `run` stays light.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from infra import cost

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

STACK = frozenset({"deploy", "edge", "rollback", "destroy"})
COMMANDS = frozenset(
    {"package", "replay", "backup", "restore", "cost", "smoke", "migrate", "relocate", *STACK}
)
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
    commands.add_parser("migrate", help="write the rows that follow from reports anew; safe to repeat")
    relocate = commands.add_parser(
        "relocate", help="which reports belong elsewhere by the boundaries in use now"
    )
    relocate.add_argument("--move", action="store_true", help="move them, with an event each")
    cost.add(commands)


def main(asked: argparse.Namespace) -> int:
    """Run a command; returns its exit status."""
    from infra import backup, deploy, migrate, package, relocate, replay, smoke

    if asked.command in STACK:
        return deploy.main(asked.command, stage=asked.stage, region=asked.region, words=asked.parameters)
    deeds: dict[str, Callable[[], int]] = {
        "package": lambda: package.main(stage=asked.stage, architecture=asked.architecture),
        "replay": lambda: replay.main(asked.queue),
        "cost": lambda: cost.main(asked),
        "smoke": lambda: smoke.main(asked.address),
        "migrate": migrate.main,
        "relocate": lambda: relocate.main(move=asked.move),
        "backup": lambda: backup.main("backup", asked.place),
        "restore": lambda: backup.main("restore", asked.place),
    }
    return deeds[asked.command]()


def rehearse(environment: Mapping[str, str]) -> int:
    """`run` with one of the REHEARSALS; returns its exit status."""
    from infra import aws

    return aws.run(environment["ENGINE"], environment)
