"""`make bench`: every budget beside what was measured here, met or not, and peers beside ours.

Prints a table; never fails because something is slow. What a machine lacks is said in the row.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "functions"))

from tests.bench import (
    bench_accept,
    bench_browser,
    bench_pages,
    bench_publish,
    bench_server,
    bench_start,
    bench_where,
)
from tests.bench.measure import Group, Options, Row, say, table

GROUPS: dict[str, Group] = {
    "locate": bench_where.rows,
    "start": bench_start.rows,
    "accept": bench_accept.rows,
    "publish": bench_publish.rows,
    "pages": bench_pages.rows,
    "browser": bench_browser.rows,
    "server": bench_server.rows,
}


def main(arguments: list[str] | None = None) -> int:
    """Measure the groups that were asked for; 0 unless one of them could not run."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds: a look, not a figure to quote")
    parser.add_argument("--only", action="append", choices=GROUPS, metavar="NAME", help=", ".join(GROUPS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there as well")
    parser.add_argument("--million", action="store_true", help="the browser also at 1,000,000 reports")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="keep generated reports there, and take them again"
    )
    asked = parser.parse_args(arguments)
    options = Options(asked.quick, asked.million, asked.data)
    about = machine()
    rows: list[Row] = []
    failed = False
    for name in asked.only or GROUPS:
        say(f"measuring {name}")
        try:
            for row in GROUPS[name](options):
                rows.append(row)
                say(f"  {row.what}")
        except Exception:
            # The other groups still have something to say.
            failed = True
            traceback.print_exc()
            rows.append(Row(f"the rest of {name}", note="stopped by an error, see above"))
    print(f"{about['when']}, {about['cores']} cores, {about['system']}, Python {about['python']}")
    print(f"{busy(about)}\n")
    print(table(rows))
    missed = [row.what for row in rows if row.met is False]
    print(f"\n{sum(row.met is True for row in rows)} budgets met, {len(missed)} not.")
    for what in missed:
        print(f"  not met: {what}")
    if asked.json:
        found = {"machine": about, "quick": asked.quick, "rows": [row.as_json() for row in rows]}
        asked.json.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return 1 if failed else 0


def busy(about: Mapping[str, Any]) -> str:
    """How much else was running: what waits for a processor is not slow by itself."""
    load, cores = about["load"], about["cores"]
    if load is None:
        return "this system does not tell how busy it was"
    if load < cores / 2:
        return f"load {load:.1f} before it began: a quiet machine"
    return f"load {load:.1f} before it began: others were at work, times are longer than on a quiet machine"


def machine() -> dict[str, Any]:
    """Where and when this was measured, and how busy it was."""
    return {
        "when": f"{datetime.now(UTC):%Y-%m-%d}",
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


if __name__ == "__main__":
    sys.exit(main())
