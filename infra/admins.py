"""The first admin, made by an operator: every other account is made at the desk. Writes one account."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from chalicelib import access, wiring
from chalicelib.report import Office, stamp

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_command(commands: Commands) -> None:
    """Declare `admin`."""
    command = commands.add_parser("admin", help="make the account of the first admin, who makes the others")
    command.add_argument("subject", help="who it is at the sign-in provider: the `sub` of their tokens")
    command.add_argument("name", help="their name, for colleagues")
    command.add_argument(
        "--boundaries", nargs="+", default=["31"], metavar="CODE", help="such as 31 or 31.71"
    )
    command.add_argument("--office", nargs=2, metavar=("CODE", "NAME"), default=["31", "DKI Jakarta"])


def main(asked: argparse.Namespace) -> int:
    """`python -m infra admin`; returns the exit status. An account that is there stays as it is."""
    table = wiring.table()
    if access.load(table, asked.subject) is not None:
        print(f"admin: {asked.subject} has an account already; change it at the desk", file=sys.stderr)
        return 1
    code, name = asked.office
    made = access.Officer(
        id=asked.subject,
        name=asked.name,
        role=access.ADMIN,
        office=Office(code, name),
        boundaries=tuple(asked.boundaries),
        created=stamp(wiring.now()),
    )
    try:
        access.save(table, made)
    except ValueError as error:
        print(f"admin: {error}", file=sys.stderr)
        return 2
    print(f"{made.name} may sign in now, as admin of {', '.join(made.boundaries)}")
    return 0
