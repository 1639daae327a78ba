"""`python -m infra incident`: tell readers that something is wrong with the service, and that it is over.

Reads arguments and prints; what an incident is stands in chalicelib/publishing/incidents.py. The page
`/status/` shows it within a minute.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from chalicelib import wiring
from chalicelib.publishing import incidents


def add_command(commands: Any) -> None:
    """The arguments of `incident`."""
    command = commands.add_parser("incident", help="tell on /status/ that something is wrong, or over")
    deeds = command.add_subparsers(dest="deed", required=True)
    for name, what in (
        ("open", "something is wrong"),
        ("update", "what is known by now"),
        ("close", "it is over"),
    ):
        deed = deeds.add_parser(name, help=what)
        if name != "open":
            deed.add_argument("number", type=int, help="the number that `incident list` shows")
        deed.add_argument("id", metavar="TEXT_ID", help="what to say, in Indonesian")
        deed.add_argument("en", metavar="TEXT_EN", help="the same in English")
    deeds.add_parser("list", help="all that is published, those that go on first")


def main(asked: argparse.Namespace) -> int:
    """Do it and print the incident. Returns 1 when it cannot be done."""
    table = wiring.table()
    try:
        if asked.deed == "list":
            told = incidents.newest(table)
        elif asked.deed == "open":
            told = (incidents.opened(table, wiring.now(), asked.id, asked.en),)
        else:
            close = asked.deed == "close"
            told = (incidents.added(table, wiring.now(), asked.number, asked.id, asked.en, close=close),)
    except incidents.IncidentError as error:
        print(error, file=sys.stderr)
        return 1
    for each in told:
        print(f"{each.number}  {'closed' if each.closed else 'open'}  since {each.entries[0].at}")
        for entry in each.entries:
            print(f"   {entry.at}  {entry.id} / {entry.en}")
    return 0
