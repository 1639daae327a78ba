"""The commands for what is deployed: package, and what other modules of this folder do. Reads arguments only.

Each command imports what it needs when it is asked for, so that `run` stays light.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

COMMANDS = frozenset({"package"})
REHEARSALS = frozenset({"aws", "dynamodb-local"})
"""Values of ENGINE with which `run` plays the deployed product against stand-ins."""


def add(commands: Commands) -> None:
    """Declare the commands."""
    package = commands.add_parser("package", help="build the bundle and the template that are deployed")
    package.add_argument("--stage", choices=("dev", "prod"), default="dev")
    package.add_argument("--architecture", choices=("arm64", "x86_64"), help="instead of the configured one")


def main(asked: argparse.Namespace) -> int:
    """Run a command; returns its exit status."""
    from infra import package

    return package.main(stage=asked.stage, architecture=asked.architecture)


def rehearse(environment: Mapping[str, str]) -> int:
    """`run` with one of the REHEARSALS; returns its exit status."""
    from infra import aws

    return aws.run(environment["ENGINE"], environment)
