"""Asks the advisories of PyPI and npm about every locked dependency: `make audit`, and once a day in `make lint`.

A known hole fails; a service that cannot be asked does not, since the network is not our code:
it is said, and asked again the next day. What was looked at and does not concern us stands
in requirements/accepted.toml, with a reason and a day. Changes nothing.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements/dev.lock", "requirements/node.lock", "package-lock.json")
ACCEPTED = ROOT / "requirements" / "accepted.toml"
STAMP = ROOT / ".cache" / "advisories.json"
SECONDS = 90
"""A service that does not answer within this is not there."""

Run = Callable[[Sequence[str]], tuple[str, str]]
"""Runs a command and gives what it wrote to standard output and standard error."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A known hole: its id, the package with its version, and where it is mended."""

    id: str
    package: str
    mended: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a service answered: holes, or why it could not be asked."""

    service: str
    holes: tuple[Hole, ...] = ()
    lacking: str = ""


def python(run: Run) -> Asked:
    """Ask PyPI about the Python locks."""
    service = "PyPI's advisories"
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--format",
        "json",
        "--progress-spinner",
        "off",
        "--timeout",
        "10",
    ]
    command += ["--require-hashes", "--disable-pip"]
    for lock in LOCKS:
        if lock.endswith(".lock"):
            command += ["-r", str(ROOT / lock)]
    said, errors = run(command)
    try:
        rows: list[dict[str, Any]] = json.loads(said)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return Asked(service, lacking=_last(errors) or "no answer that can be read")
    judged = [row for row in rows if "vulns" in row]
    if not judged:
        return Asked(
            service, lacking="it knows none of the packages: the registry here passes no advisories on"
        )
    holes = (
        Hole(hole["id"], f"{row['name']} {row['version']}", ", ".join(hole.get("fix_versions", ())))
        for row in judged
        for hole in row["vulns"]
    )
    return Asked(service, tuple(holes))


def node(run: Run) -> Asked:
    """Ask npm about package-lock.json."""
    service = "npm's advisories"
    said, errors = run(["npm", "audit", "--json", "--prefix", str(ROOT)])
    try:
        report = json.loads(said)
        found = report["vulnerabilities"]
    except (ValueError, KeyError, TypeError):
        return Asked(service, lacking=_last(errors) or "no answer that can be read")
    holes = (
        Hole(str(via["url"]).rpartition("/")[2], f"{name} {row.get('range', '')}".strip(), _mended(row))
        for name, row in found.items()
        for via in row["via"]
        if isinstance(via, dict)
    )
    return Asked(service, tuple(holes))


def _mended(row: dict[str, Any]) -> str:
    fix = row.get("fixAvailable")
    return f"{fix['name']} {fix['version']}" if isinstance(fix, dict) else "a newer version" if fix else ""


def _last(errors: str) -> str:
    """The line of standard error that says most about why."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    telling = [line for line in lines if "error" in line.lower() or "405" in line or "timed out" in line]
    return (telling or lines or [""])[0][:200]


def accepted(path: Path, today: date) -> set[str]:
    """Ids that somebody looked at and let pass until a day that has not come."""
    rows = tomllib.loads(path.read_text("utf-8"))["accepted"]
    return {row["id"] for row in rows if row["why"] and row["until"] >= today}


def verdict(answers: Sequence[Asked], passed: set[str]) -> tuple[int, list[str]]:
    """(exit status, lines to print): 1 when there is a hole that nobody accepted."""
    lines: list[str] = []
    status = 0
    for asked in answers:
        if asked.lacking:
            lines.append(f"not audited: {asked.service} could not be asked ({asked.lacking})")
        for hole in asked.holes:
            if hole.id in passed:
                continue
            status = 1
            lines.append(
                f"KNOWN HOLE {hole.id} in {hole.package}; mended in: {hole.mended or 'no version yet'}"
            )
        if not asked.lacking and not any(hole.id not in passed for hole in asked.holes):
            lines.append(f"{asked.service}: no known hole")
    return status, lines


def fingerprint(today: date) -> str:
    """Of the locks and the day: the same question need not be asked twice, nor a service that is not there."""
    digest = hashlib.sha256(today.isoformat().encode())
    for path in [*(ROOT / lock for lock in LOCKS), ACCEPTED]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def command(words: Sequence[str]) -> tuple[str, str]:
    """Run a command for at most SECONDS."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False, cwd=ROOT)
    except subprocess.TimeoutExpired:
        return "", f"error: no answer within {SECONDS} seconds"
    except OSError as error:
        return "", f"error: {words[0]} cannot be run ({error.strerror})"
    return done.stdout, done.stderr


def main(
    arguments: Sequence[str], *, run: Run = command, stamp: Path = STAMP, now: datetime | None = None
) -> int:
    """`python -m infra.advisories [--daily]`; returns the exit status. Daily: quiet where today's answer is known."""
    today = (now or datetime.now(UTC)).date()
    asked_for = fingerprint(today)
    if "--daily" in arguments and stamp.is_file() and stamp.read_text("utf-8") == asked_for:
        return 0
    answers = (python(run), node(run))
    status, lines = verdict(answers, accepted(ACCEPTED, today))
    for line in lines:
        print(line, file=sys.stderr)
    if status == 0:
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(asked_for, "utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
