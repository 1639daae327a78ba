"""The real local server in a process of its own, on a free port, for as long as something is measured."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.measure import ROOT, environment

START_S = 300


@dataclass(frozen=True)
class Running:
    """A server that is ready. `start_s`: how long it took to get there."""

    port: int
    pid: int
    start_s: float

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)


@contextmanager
def running(data: Path, *, module: str = "", **env: str) -> Iterator[Running]:
    """Start `python -m infra run` (or `module`) over `data`, wait until it is ready, and end it as Ctrl-C does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    begin = time.perf_counter()
    with (data / "server.log").open("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *([module] if module else ["infra", "run"])],
            cwd=ROOT,
            env=environment(DATA_DIR=str(data), PORT=str(port), **env),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            _until_ready(process, begin, data / "server.log")
            yield Running(port, process.pid, time.perf_counter() - begin)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _until_ready(process: subprocess.Popen[str], begin: float, log: Path) -> None:
    if process.stdout is None:
        raise RuntimeError("the server's output was not asked for")
    while time.perf_counter() - begin < START_S:
        line = process.stdout.readline()
        if line.startswith("ready "):
            return
        if not line and process.poll() is not None:
            break
    raise RuntimeError(f"the local server did not get ready:\n{log.read_text()[-2000:]}")


def fetch(
    connection: http.client.HTTPConnection, path: str, *, accept: str = "gzip"
) -> tuple[int, bytes, dict[str, str]]:
    """Status, body as it was sent, headers."""
    connection.request("GET", path, headers={"Accept-Encoding": accept})
    answer = connection.getresponse()
    return answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()}


def post_report(connection: http.client.HTTPConnection, body: dict[str, Any]) -> dict[str, Any]:
    """Send a report in JSON; the answer. Raises RuntimeError when it is not taken."""
    connection.request("POST", "/api/reports", json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    data = answer.read()
    if answer.status != 201:
        raise RuntimeError(f"the server answered {answer.status}: {data.decode()[:300]}")
    found: dict[str, Any] = json.loads(data)
    return found
