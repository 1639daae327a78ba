"""Commands of the web room: `python -m web build` and `python -m web messages`.

`build` makes the assets that pages link to; `messages` collects all words into the
catalogues under locale/. Neither publishes anything.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from web.build import CATEGORIES, BuildError, build


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m web", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("build", help="bundle scripts, styles, icons and catalogues into web/build/")
    make.add_argument("--categories", type=Path, default=CATEGORIES, help="categories whose icons are needed")
    make.add_argument("--force", action="store_true", help="build even when nothing changed")
    commands.add_parser("messages", help="extract all words and update the catalogues")
    options = parser.parse_args(arguments)
    if options.command == "build":
        try:
            fresh = build(categories=options.categories, force=options.force)
        except BuildError as error:
            print(f"web build: {error}", file=sys.stderr)
            return 1
        if fresh:
            print("web build: done")
        return 0
    from web.messages import update_all

    for language, total, missing in update_all():
        print(f"{language}: {total} messages, {missing} without words")
    return 0


if __name__ == "__main__":
    sys.exit(main())
