"""`python -m infra keys`: API keys of other systems. A key is printed once, when it is made."""

from __future__ import annotations

import argparse
import secrets
import sys
from typing import Any

from chalicelib import keys, wiring
from chalicelib.report import Office


def add_command(commands: Any) -> None:
    """The arguments of `keys`."""
    command = commands.add_parser("keys", help="API keys of other systems")
    deeds = command.add_subparsers(dest="deed", required=True)
    made = deeds.add_parser("add", help="make a key and print it, this once")
    made.add_argument("name", help="who holds it")
    made.add_argument(
        "--right", action="append", choices=keys.RIGHTS, help="may be repeated; default: report"
    )
    made.add_argument("--role", choices=keys.ROLES, default="reporter", help="what its updates may do")
    made.add_argument(
        "--office", nargs=2, metavar=("CODE", "NAME"), help="the office an officer's key acts for"
    )
    made.add_argument(
        "--boundary", action="append", default=[], help="code prefix such as 31.71; may be repeated"
    )
    made.add_argument("--per-minute", type=int, default=60, help="most requests a minute")
    deeds.add_parser("list", help="all keys, without their secrets")
    ended = deeds.add_parser("revoke", help="end a key for good")
    ended.add_argument("id", help="the id that `keys list` shows")


def main(asked: argparse.Namespace) -> int:
    """Run the command; returns its exit status."""
    table = wiring.table()
    try:
        if asked.deed == "add":
            client, text = keys.add(
                table,
                name=asked.name,
                rights=asked.right or ["report"],
                role=asked.role,
                office=Office(*asked.office) if asked.office else None,
                boundaries=asked.boundary,
                per_minute=asked.per_minute,
                now=wiring.now(),
                random_bytes=secrets.token_bytes,
            )
            print(f"{line(client)}\n{text}\nThis key is not shown again.")
        elif asked.deed == "revoke":
            print(line(keys.revoke(table, asked.id, now=wiring.now())))
        else:
            for client in keys.clients(table):
                print(line(client))
    except (ValueError, LookupError) as error:
        print(f"keys: {error}", file=sys.stderr)
        return 2
    return 0


def line(client: keys.Client) -> str:
    """A client in a line."""
    office = f" for {client.office.name} ({client.office.code})" if client.office else ""
    within = f" within {', '.join(client.boundaries)}" if client.boundaries else ""
    ended = f", revoked {client.revoked}" if client.revoked else ""
    return (
        f"{client.id}  {client.name}: {', '.join(client.rights)} as {client.role}{office}{within}, "
        f"{client.per_minute} a minute, since {client.created}{ended}"
    )
