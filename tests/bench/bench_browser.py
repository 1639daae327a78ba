"""The map in a real Chromium on a slow phone, with 10,000 and with a million synthetic reports, and Lighthouse.

Processor slowed four times, 1.6 Mbit/s with 150 ms there and back, nothing cached: as Lighthouse
takes a phone. A million takes five minutes more and is asked for with --million; `--data DIR` keeps
what was generated there and takes it again. Lighthouse is locked in its own folder here, so that
the product never installs it.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import statistics
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.bench_pages import browser
from tests.bench.local_server import Running, running
from tests.bench.measure import Options, Row, folder, say

BUSY = "31.71.01.1001"
SLOWER = 4
NETWORK = {"offline": False, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 90_000}
"""Milliseconds, and bytes a second: 1.6 and 0.72 Mbit/s."""
FIRST_KB, SCORES = 100.0, {"performance": 95.0, "accessibility": 100.0, "best-practices": 100.0}
LIGHTHOUSE = Path(__file__).parent / "lighthouse" / "node_modules" / ".bin" / "lighthouse"
PHONE = {"width": 390, "height": 844}
WATCH = """
window.measured = { live: 0, task: 0, change: 0 };
new PerformanceObserver((list) => {
  for (const task of list.getEntries()) measured.task = task.startTime + task.duration;
}).observe({ type: "longtask", buffered: true });
const look = () => {
  if (!measured.live && document.querySelector(".sheetmap.live")) measured.live = performance.now();
};
addEventListener("DOMContentLoaded", () => {
  new MutationObserver(() => { look(); measured.change = performance.now(); }).observe(
    document.querySelector("main"), { subtree: true, childList: true, attributes: true });
  look();
});
"""
JUMP = """(where) => {
  measured.jumped = performance.now();
  measured.change = measured.jumped;
  location.hash = where;
}"""
SETTLED = """() => performance.now() - Math.max(measured.change, measured.task) > 1200
  && !document.querySelector(".atlas [aria-busy]")"""


def rows(options: Options) -> Iterator[Row]:
    """The generator, then the map at each size, then Lighthouse on the pages of the smaller city."""
    sizes = (2_000,) if options.quick else (10_000, 1_000_000) if options.million else (10_000,)
    with browser() as found:
        for size in sizes:
            with _city(size, options) as (data, made):
                if made:
                    yield made
                with running(data, module="tests.bench.still_server", DEMO="0") as server:
                    if isinstance(found, str):
                        yield Row(f"the map in a browser, {size:,} reports", note=found)
                    else:
                        yield from _map(found, server, data, size, options.rounds(5, 2))
                    if size == sizes[0]:
                        yield from _lighthouse(server, _newest(data))
    if not options.million:
        yield Row("the same with 1,000,000 reports", note="asked for with --million: five minutes more")


@contextmanager
def _city(size: int, options: Options) -> Iterator[tuple[Path, Row | None]]:
    """A folder with the site of so many reports, and what it took to make it unless it was kept from before."""
    from tests.bench import synthetic

    kept = options.data / f"{size}" if options.data else None
    if kept and (kept / "made.json").exists():
        yield kept, Row(**json.loads((kept / "made.json").read_text("utf-8")))
        return
    with folder() as passing:
        data = kept or passing / "city"
        say(f"  making {size:,} synthetic reports")
        made = synthetic.make(data, size)
        row = {
            "what": f"generator: {size:,} synthetic reports into SQLite and files",
            "measured": (made.seconds,),
            "unit": "s",
            "budget": (180.0,),
            "note": f"{made.cpu:.0f} s of processor; {made.rows:,} rows, {made.table_mb:,.0f} MB; "
            f"{made.files:,} files, with the status pages of the {made.status_pages:,} newest",
        }
        (data / "made.json").write_text(json.dumps(row))
        yield data, Row(**row)  # type: ignore[arg-type]


def _map(found: Any, server: Running, data: Path, size: int, rounds: int) -> Iterator[Row]:
    """First view, first paint, interactive, jump to zoom 15, heap: the median of some visits."""
    visits = [_visit(found, server) for _ in range(rounds)]

    def middle(name: str) -> float:
        return statistics.median(visit[name] for visit in visits)

    at = f"{size:,} reports"
    yield Row(
        f"map, first view, {at}: everything over the wire",
        (middle("bytes"),),
        "kB",
        (FIRST_KB,),
        peers={"every point in one GeoJSON file, gzipped": (_all_points(data),)},
    )
    yield Row(
        f"map, first contentful paint, {at}",
        (middle("paint"),),
        "ms",
        note=f"processor {SLOWER} times slower",
    )
    yield Row(
        f"map, interactive, {at}",
        (middle("interactive"),),
        "ms",
        note="the map moves, and no task of more than 50 ms is under way",
    )
    yield Row(
        f"map, jump to zoom 15 in the middle of the city, {at}",
        (middle("jump"),),
        "ms",
        note=f"until pins and list stand; {middle('jump_bytes'):.1f} kB in {middle('jump_files'):.0f} files",
    )
    yield Row(f"map, JavaScript heap after that, {at}", (middle("heap"),), "MB")


def _visit(found: Any, server: Running) -> dict[str, float]:
    import geo

    where = geo.default_locator().by_kode[BUSY]
    context = found.new_context(
        viewport=PHONE, device_scale_factor=2, is_mobile=True, reduced_motion="reduce"
    )
    page = context.new_page()
    page.add_init_script(WATCH)
    devtools = context.new_cdp_session(page)
    devtools.send("Network.enable")
    devtools.send("Network.emulateNetworkConditions", NETWORK)
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    sizes: list[float] = []
    headers: dict[str, float] = {}

    def began(event: Any) -> None:
        headers[event["requestId"]] = event["response"]["encodedDataLength"]

    def ended(event: Any) -> None:
        # Bodies as they came over the wire, as everywhere in these tables.
        sizes.append(max(event["encodedDataLength"] - headers.get(event["requestId"], 0), 0) / 1000)

    devtools.on("Network.responseReceived", began)
    devtools.on("Network.loadingFinished", ended)
    page.goto(f"{server.url}/", wait_until="load")
    _until(page, "() => measured.live > 0")
    _until(page, SETTLED)
    seen = page.evaluate("""() => ({
        paint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
        interactive: Math.max(measured.live, measured.task)})""")
    first = len(sizes)
    page.evaluate(JUMP, f"#peta=15/{where.latitude:.4f}/{where.longitude:.4f}")
    _until(page, '() => document.querySelector(".atlas-map.near")')
    _until(page, SETTLED)
    jump = page.evaluate("Math.max(measured.change, measured.task) - measured.jumped")
    devtools.send("HeapProfiler.collectGarbage")
    devtools.send("Performance.enable")
    metrics = {each["name"]: each["value"] for each in devtools.send("Performance.getMetrics")["metrics"]}
    context.close()
    return {
        **seen,
        "bytes": sum(sizes[:first]),
        "jump": jump,
        "jump_bytes": sum(sizes[first:]),
        "jump_files": len(sizes) - first,
        "heap": metrics["JSHeapUsedSize"] / 1e6,
    }


def _until(page: Any, condition: str) -> None:
    """Wait for a condition; the page's own policy forbids the way that evaluates text."""
    for _ in range(1200):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise RuntimeError(f"never came true in a minute: {condition}")


def _all_points(data: Path) -> float:
    """kB gzipped of all reports as GeoJSON points: what a map weighs that sends every point."""
    size = 0
    packed = gzip.GzipFile(fileobj=_Counted(), mode="wb", compresslevel=6)
    counted: Any = packed.fileobj
    for path in sorted((data / "site" / "data" / "arsip").rglob("*.json")):
        said = json.loads(path.read_text("utf-8"))
        west, south = said["origin"]
        columns = said["columns"]
        for each, x, y, state in zip(
            columns["id"], columns["longitude"], columns["latitude"], columns["state"], strict=True
        ):
            point = {"type": "Point", "coordinates": [(west + x) / 1e5, (south + y) / 1e5]}
            facts = {"state": said["states"][state]}
            feature = {"type": "Feature", "id": each, "geometry": point, "properties": facts}
            packed.write(json.dumps(feature, separators=(",", ":")).encode() + b",")
    packed.close()
    size = counted.size
    return size / 1000


class _Counted:
    """A file that only knows how much was written to it."""

    size = 0

    def write(self, data: bytes) -> int:
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""


def _newest(data: Path) -> str:
    """The address of a status page that was published."""
    for path in sorted((data / "site" / "laporan").iterdir()):
        if path.is_dir():
            return f"/laporan/{path.name}/"
    raise RuntimeError("no status page was published")


def _lighthouse(server: Running, status: str) -> Iterator[Row]:
    """Scores on an emulated phone, page by page."""
    for name, path in (
        ("map", "/"),
        ("form", "/lapor/"),
        ("report", status),
        ("kelurahan", f"/kelurahan/{BUSY}/"),
    ):
        what = f"Lighthouse, mobile, {name}: {', '.join(SCORES)}"
        found = _scores(f"{server.url}{path}")
        if isinstance(found, str):
            yield Row(what, budget=tuple(SCORES.values()), note=found)
        else:
            yield Row(what, found, "", tuple(SCORES.values()), more_is_better=True)


def _scores(url: str) -> tuple[float, ...] | str:
    """The three scores, or why there are none."""
    if not LIGHTHOUSE.exists():
        return "Lighthouse is not installed: make bench does that"
    chromium = shutil.which("chromium") or shutil.which("google-chrome") or ""
    done = subprocess.run(
        [
            *(str(LIGHTHOUSE), url, "--output=json", "--quiet", "--throttling-method=simulate"),
            *(
                f"--only-categories={','.join(SCORES)}",
                "--chrome-flags=--headless=new --no-sandbox --disable-gpu",
            ),
        ],
        env={**os.environ, **({"CHROME_PATH": chromium} if chromium else {})},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        return f"Lighthouse failed: {done.stderr.strip()[-200:]}"
    categories = json.loads(done.stdout)["categories"]
    return tuple(float(round(100 * (categories[name]["score"] or 0))) for name in SCORES)
