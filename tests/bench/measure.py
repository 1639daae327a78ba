"""What benchmarks share: a row of the report, percentiles, and processes whose peak memory is read.

Measures and formats; holds no budget and asserts nothing.
"""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
Figures = tuple[float, ...]


@dataclass(frozen=True)
class Row:
    """One line of the report. `measured` and `budget` go together, figure by figure, in `unit`.

    A peer is figures in the same unit, or a sentence that says why there are none. An empty
    `measured` means that nothing was measured; `note` then says what is lacking.
    """

    what: str
    measured: Figures = ()
    unit: str = ""
    budget: Figures = ()
    more_is_better: bool = False
    peers: Mapping[str, Figures | str] = field(default_factory=dict)
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether every figure is within its budget; None without a budget or a figure."""
        if not self.measured or not self.budget:
            return None
        pairs = zip(self.measured, self.budget, strict=False)
        return all(got >= wanted if self.more_is_better else got <= wanted for got, wanted in pairs)

    def ratio(self, peer: Figures) -> float:
        """How many times better we are than a peer, by the first figure."""
        ours, theirs = self.measured[0], peer[0]
        return ours / theirs if self.more_is_better else theirs / ours

    def as_json(self) -> dict[str, Any]:
        """The row for `--json`."""
        return {
            "what": self.what,
            "measured": list(self.measured),
            "unit": self.unit,
            "budget": list(self.budget),
            "met": self.met,
            "peers": {name: p if isinstance(p, str) else list(p) for name, p in self.peers.items()},
            "note": self.note,
        }


@dataclass(frozen=True)
class Options:
    """How a group should measure: `quick` takes fewer rounds, and says nothing precise.

    `million`: also what takes a million reports; `data`: where generated reports are kept for the next time.
    """

    quick: bool = False
    million: bool = False
    data: Path | None = None

    def rounds(self, usual: int, quick: int) -> int:
        return quick if self.quick else usual


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def p50_p99(values: Sequence[float]) -> Figures:
    return percentile(values, 0.5), percentile(values, 0.99)


def from_text(what: str, budget: str, measured: str, peers: Mapping[str, str]) -> Row:
    """A row of bench_locate, whose figures are text such as `0.47 / 4.30 µs` or `8.10 M points/s`."""
    figures, unit = _figures(measured)
    wanted, _ = _figures(budget)
    words = not wanted and budget not in {"", "-"}
    note = f"budget: {budget}; measured: {measured}" if words else ""
    return Row(
        what,
        figures,
        unit.partition(",")[0],
        wanted,
        more_is_better=unit.endswith("/s"),
        peers={name: _figures(text)[0] or text for name, text in peers.items()},
        note=note,
    )


def _figures(text: str) -> tuple[Figures, str]:
    match = re.match(r"[\d.]+(?: / [\d.]+)*", text)
    if not match:
        return (), ""
    return tuple(float(part) for part in match.group().split(" / ")), text[match.end() :].strip()


def table(rows: Sequence[Row]) -> str:
    """The report as a table in Markdown, its columns aligned."""
    lines = [("what", "budget", "measured", "met")]
    for row in rows:
        met = {True: "yes", False: "**no**", None: ""}[row.met]
        measured = _written(row.measured, row.unit) if row.measured else "not measured"
        lines.append((row.what, _written(row.budget, row.unit), measured, met))
        if row.note:
            lines.append((f"· {row.note}", "", "", ""))
        for name, peer in row.peers.items():
            if isinstance(peer, str):
                lines.append((f"· {name}", "", peer, ""))
            else:
                lines.append((f"· {name}", "", _written(peer, row.unit), f"{row.ratio(peer):.1f} times"))
    widths = [max(len(line[i]) for line in lines) for i in range(4)]
    lines.insert(1, tuple("-" * width for width in widths))  # type: ignore[arg-type]
    return "\n".join(
        f"| {' | '.join(c.ljust(w) for c, w in zip(line, widths, strict=True))} |" for line in lines
    )


def _written(figures: Figures, unit: str) -> str:
    return f"{' / '.join(_number(f) for f in figures)} {unit}".strip() if figures else ""


def _number(value: float) -> str:
    if value == int(value) and abs(value) < 1e6:
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def environment(**more: str) -> dict[str, str]:
    """The environment for a process of ours: our folders on the path, none of our settings but `more`."""
    from chalicelib import settings

    ours = {name for name, _, _ in settings.names()}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return {**kept, "PYTHONPATH": _path(), "PYTHONDONTWRITEBYTECODE": "", **more}


def _path() -> str:
    given = os.environ.get("PYTHONPATH", "")
    return os.pathsep.join(filter(None, [str(ROOT / "functions"), str(ROOT), given]))


def child(program: str, *arguments: str, **env: str) -> dict[str, Any]:
    """Run a program in a new Python and read the JSON object it prints.

    The program finds `peak()` defined: its peak memory in MB so far.
    """
    done = subprocess.run(
        [sys.executable, "-c", PEAK + program, *arguments],
        cwd=ROOT,
        env=environment(**env),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"a measured process failed:\n{done.stderr.strip()}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


PEAK = """
def peak():
    # ru_maxrss would start with what the parent had: the kernel's own high-water mark starts anew.
    import pathlib, re, resource, sys
    status = pathlib.Path('/proc/self/status')
    if status.exists():
        return int(re.search(r'VmHWM:\\s+(\\d+)', status.read_text()).group(1)) / 1000
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1e6 if sys.platform == 'darwin' else 1e3)
"""


def peak_of(pid: int) -> float | None:
    """Peak memory of a running process in MB; None where the system does not tell."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return None
    match = re.search(r"VmHWM:\s+(\d+)", status.read_text())
    return int(match.group(1)) / 1000 if match else None


@contextmanager
def folder() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        yield Path(name)


def say(text: str) -> None:
    """Tell whoever waits what is being measured."""
    print(text, file=sys.stderr, flush=True)


Group = Callable[[Options], Iterator[Row]]
