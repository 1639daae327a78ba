"""`python -m infra keys`, `webhooks` and `channels`: other systems and their secrets. A key is printed once."""

from __future__ import annotations

import argparse
import secrets
import sys
from typing import Any

from chalicelib import wiring
from chalicelib.channels import webhooks
from chalicelib.front import keys
from chalicelib.report import Office


def add_command(commands: Any) -> None:
    """The arguments of `keys`, `webhooks` and `channels`."""
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
    _add_hooks(commands)


def _add_hooks(commands: Any) -> None:
    command = commands.add_parser("webhooks", help="who is told of what happens")
    deeds = command.add_subparsers(dest="deed", required=True)
    made = deeds.add_parser("add", help="make a webhook and print its secret")
    made.add_argument("name")
    made.add_argument("url")
    made.add_argument(
        "--boundary", action="append", default=[], help="code prefix such as 31.71; may be repeated"
    )
    made.add_argument("--category", action="append", default=[], help="may be repeated")
    made.add_argument("--state", action="append", default=[], help="may be repeated")
    deeds.add_parser("list", help="all webhooks, and how many dead letters each has")
    for name, what in (
        ("rotate", "make a new secret; the old one signs along for a day"),
        ("remove", "end a webhook"),
        ("dead", "show the messages that were given up"),
        ("replay", "send them again"),
    ):
        deeds.add_parser(name, help=what).add_argument("id")
    channels = commands.add_parser("channels", help="systems that send signed reports")
    deeds = channels.add_subparsers(dest="deed", required=True)
    for name, what in (("open", "print a secret, a new one when it is open"), ("close", "take nothing more")):
        deeds.add_parser(name, help=what).add_argument("name")


def hooks(asked: argparse.Namespace, *, private: bool) -> int:
    """Run `webhooks` or `channels`; returns its exit status."""
    table, now = wiring.table(), wiring.now()
    try:
        if asked.command == "channels":
            if asked.deed == "open":
                print(
                    webhooks.open_channel(table, asked.name, now=now, random_bytes=secrets.token_bytes).text
                )
            else:
                webhooks.close_channel(table, asked.name)
        elif asked.deed == "add":
            hook = webhooks.add(
                table,
                name=asked.name,
                url=asked.url,
                boundaries=asked.boundary,
                categories=asked.category,
                states=asked.state,
                now=now,
                random_bytes=secrets.token_bytes,
                private=private,
            )
            print(f"{hook.id}\n{hook.secrets[0].text}")
        elif asked.deed == "list":
            for hook in webhooks.hooks(table):
                print(f"{hook.id}  {hook.name}: {hook.url}, {len(webhooks.dead(table, hook.id))} dead")
        elif asked.deed == "rotate":
            hook = webhooks.rotate(table, asked.id, now=now, random_bytes=secrets.token_bytes)
            print(hook.secrets[0].text)
        elif asked.deed == "remove":
            webhooks.remove(table, asked.id)
        elif asked.deed == "dead":
            for each in webhooks.dead(table, asked.id):
                print(
                    f"{each['report']}-{each['seq']}: {each['tries']} tries, {each['status']} at {each['last']}"
                )
        else:
            print(f"{webhooks.replay(table, asked.id, now=now)} messages are due again")
    except (ValueError, LookupError) as error:
        print(f"{asked.command}: {error}", file=sys.stderr)
        return 2
    return 0


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
