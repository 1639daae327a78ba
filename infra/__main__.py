"""Commands for operators: run, publish, import, admin, keys, incident, verify, erase. Reads arguments only."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "functions"))

from chalicelib import settings

from infra import admins, basemap, cloud, examples, importing, incident, partners


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns its exit status."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    parser = argparse.ArgumentParser(prog="python -m infra", description="Run and mend CCTV Warga.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="serve everything on this machine")
    publish = commands.add_parser("publish", help="rebuild the site from the table")
    publish.add_argument("--all", action="store_true", required=True, help="every page and file")
    cloud.add(commands)
    importing.add_command(commands)
    partners.add_command(commands)
    admins.add_command(commands)
    incident.add_command(commands)
    examples.add_command(commands)
    basemap.add_command(commands)
    commands.add_parser(
        "verify", help="check every history, published file and day's root; 1 when one is broken"
    )
    vapid = commands.add_parser(
        "vapid", help="show the public key of push messages; makes the pair when missing"
    )
    vapid.add_argument("--renew", action="store_true", help="make a new pair: browsers must subscribe anew")
    recount = commands.add_parser("recount", help="count all reports anew; 1 when a kept counter differs")
    recount.add_argument(
        "--mend", action="store_true", help="set the counters right; take nothing in meanwhile"
    )
    erase = commands.add_parser(
        "erase", help="remove the words of one event, for personal data in public text"
    )
    erase.add_argument("report", help="the report's number, such as 7K3M-9QX2")
    erase.add_argument("event", type=int, help="the event's number, from 1")
    asked = parser.parse_args(arguments)
    if asked.command == "examples":
        return examples.main(asked)
    if asked.command in cloud.COMMANDS:
        return cloud.main(asked)
    if asked.command == "run" and os.environ.get("ENGINE") in cloud.REHEARSALS:
        return cloud.rehearse(os.environ)
    try:
        chosen = settings.read()
    except settings.SettingsError as error:
        print(f"settings: {error}", file=sys.stderr)
        return 2

    from infra import checks, following, local

    deeds: dict[str, Callable[[], int]] = {
        "run": lambda: local.run(chosen),
        "basemap": lambda: basemap.main(asked),
        "admin": lambda: admins.main(asked),
        "import": lambda: importing.main(asked, chosen),
        "keys": lambda: partners.main(asked),
        "webhooks": lambda: partners.hooks(asked, private=chosen.fetch_private),
        "channels": lambda: partners.hooks(asked, private=chosen.fetch_private),
        "incident": lambda: incident.main(asked),
        "vapid": lambda: checks.vapid(renew=asked.renew),
        "verify": checks.verify,
        "recount": lambda: checks.count_again(mend=asked.mend),
        "erase": lambda: checks.erase(asked.report, asked.event),
    }
    if deed := deeds.get(asked.command):
        return deed()
    following.rebuild(chosen)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
