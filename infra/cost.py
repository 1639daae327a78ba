"""What a month costs on AWS, by line: from what the product does and a table of prices with their date.

`python -m infra cost --reports 15000 --views 2000000`. A model, not a bill: prices and
estimates are in cost.toml, to be checked there; what can be counted is counted by a test.
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

DATA = Path(__file__).with_name("cost.toml")
PAGE = Path(__file__).with_name("docs") / "cost.md"
MINUTES = 60 * 24 * 30


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the bill: what it is for, how much of what, and US dollars a month."""

    what: str
    quantity: str
    dollars: float


def load(path: Path = DATA) -> dict[str, Any]:
    """Prices and quantities. Raises ValueError for a file that lacks a part."""
    data = tomllib.loads(path.read_text("utf-8"))
    for part in ("prices", "counted", "estimated", "fixed", "sizes"):
        if part not in data:
            raise ValueError(f"{path.name} lacks [{part}]")
    return data


def bill(data: Mapping[str, Any], *, reports: int, views: int) -> list[Line]:
    """The lines of a month with so many new reports and page views. Raises ValueError for negative numbers."""
    if reports < 0 or views < 0:
        raise ValueError(f"reports {reports} and views {views} must not be negative")
    price, counted, guess, fixed = (data[name] for name in ("prices", "counted", "estimated", "fixed"))
    changes = reports * (1 + guess["moves_per_report"])
    kept = reports * guess["months_kept"]
    calls = reports * guess["api_calls_per_report"]
    invocations = calls + changes * counted["publish_invocations"] + 2 * MINUTES + 30
    gb_seconds = (
        calls * guess["api_ms"]
        + changes * guess["publish_ms"]
        + changes * guess["retention_ms"] * 0.25
        + MINUTES * guess["tidy_ms"]
        + MINUTES * guess["messenger_ms"] * 0.25
        + kept * guess["check_ms_per_report_month"] * 0.5
    ) / 1000
    # A move writes about as much as half a new report.
    writes = reports * counted["report_write_units"] * (1 + guess["moves_per_report"] / 2)
    writes += changes * counted["publish_write_units"]
    reads = reports * counted["report_read_units"] + changes * counted["publish_read_units"]
    reads += MINUTES * (counted["tidy_read_units"] + counted["messenger_read_units"])
    table_gb = kept * guess["report_bytes"] / 1e9
    photos = reports * guess["photos_per_report"]
    # Photos lie in the private bucket and on the site.
    files_gb = kept * (guess["published_bytes"] + 2 * guess["photos_per_report"] * guess["photo_bytes"]) / 1e9
    file_writes = changes * counted["published_file_writes"] + 4 * photos
    requests = views * guess["view_requests"] + calls
    cdn_gb = views * guess["view_bytes"] / 1e9
    return [
        Line("Functions, time", f"{gb_seconds:,.0f} GB-s", gb_seconds * price["lambda_gb_second"]),
        Line("Functions, calls", f"{invocations:,.0f}", invocations / 1e6 * price["lambda_million_requests"]),
        Line("API requests", f"{calls:,.0f}", calls / 1e6 * price["api_million_requests"]),
        Line("Table, writes", f"{writes:,.0f} units", writes / 1e6 * price["table_million_writes"]),
        Line("Table, reads", f"{reads:,.0f} units", reads / 1e6 * price["table_million_reads"]),
        Line(
            "Table, kept",
            f"{table_gb:,.2f} GB",
            table_gb * (price["table_gb_month"] + price["table_recovery_gb_month"]),
        ),
        Line("Files, kept", f"{files_gb:,.1f} GB", files_gb * price["files_gb_month"]),
        Line("Files, writes", f"{file_writes:,.0f}", file_writes / 1e3 * price["files_thousand_writes"]),
        Line(
            "Files, reads by the CDN",
            f"{requests * guess['cache_misses']:,.0f}",
            requests * guess["cache_misses"] / 1e3 * price["files_thousand_reads"],
        ),
        Line("CDN, bytes", f"{cdn_gb:,.1f} GB", cdn_gb * price["cdn_gb"]),
        Line(
            "CDN, requests",
            f"{requests:,.0f}",
            requests / 1e4 * price["cdn_ten_thousand_requests"]
            + requests / 1e6 * price["cdn_million_functions"],
        ),
        Line(
            "Logs",
            f"{invocations * guess['log_bytes_per_invocation'] / 1e9:,.2f} GB",
            invocations * guess["log_bytes_per_invocation"] / 1e9 * price["logs_gb"],
        ),
        Line(
            "Alarms and metrics",
            f"{fixed['alarms']} and {fixed['metrics']}",
            fixed["alarms"] * price["alarm_month"] + fixed["metrics"] * price["metric_month"],
        ),
    ]


def table(data: Mapping[str, Any], lines: list[Line]) -> str:
    """The bill as a Markdown table, beside the smallest server and database that are always on."""
    price = data["prices"]
    total = sum(line.dollars for line in lines)
    always = price["server_month"] + price["database_month"]
    rows = [f"| {line.what} | {line.quantity} | {line.dollars:,.2f} |" for line in lines]
    return "\n".join(
        [
            "| what | a month | US$ |",
            "| --- | ---: | ---: |",
            *rows,
            f"| **together** | | **{total:,.2f}** |",
            f"| beside it: one small server and database, always on, without CDN | | {always:,.2f} |",
        ]
    )


def page(data: Mapping[str, Any]) -> str:
    """The page with the three sizes."""
    price = data["prices"]
    parts = [
        "# What it costs\n",
        f"Made by `python -m infra cost --page`. List prices of {price['region']} as known in {price['date']}, without "
        "free tiers, and **not checked since**: they and the estimates stand in `infra/cost.toml`, to be checked and "
        "changed by the operator. What the product does for each report is counted by a test.\n",
    ]
    for name, size in data["sizes"].items():
        parts.append(f"## {name}\n{size['reports']:,} reports and {size['views']:,} page views a month.\n")
        parts.append(table(data, bill(data, **size)) + "\n")
    parts.append(
        "The small server is the cheapest pair that stays on: one machine in one zone. What grows with readers is "
        "bytes and requests of the CDN; functions and table follow the reports.\n"
    )
    return "\n".join(parts)


def add(commands: Commands) -> None:
    """Declare the command."""
    command = commands.add_parser("cost", help="what a month costs on AWS, by line")
    command.add_argument("--reports", type=int, default=15_000, help="new reports a month")
    command.add_argument("--views", type=int, default=2_000_000, help="page views a month")
    command.add_argument("--page", action="store_true", help="write infra/docs/cost.md with three sizes")


def main(asked: argparse.Namespace) -> int:
    """`python -m infra cost`; returns the exit status."""
    data = load()
    if asked.page:
        PAGE.write_text(page(data), "utf-8")
        return 0
    try:
        lines = bill(data, reports=asked.reports, views=asked.views)
    except ValueError as error:
        print(f"cost: {error}")
        return 2
    price = data["prices"]
    print(f"List prices of {price['region']}, {price['date']}, to be checked: infra/cost.toml\n")
    print(table(data, lines))
    return 0
