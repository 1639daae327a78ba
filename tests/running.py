"""Starts the product as people start it, `python -m infra run`, and talks to it over HTTP.

For tests that need the whole of it in a process of its own, which can be stopped and
killed. Decides nothing about what is right: that is the tests' business.
"""

from __future__ import annotations

import http.client
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 120.0
"""So long a test waits for what should take moments, before it says that it did not happen."""
SETTINGS = ("PORT", "DATA_DIR", "DEMO", "ENGINE", "SITE_URL", "BASEMAP_TILES", "CATEGORIES", "UPLOAD_SECRET")
"""Settings that the tester's own environment must not decide."""


@dataclass(frozen=True)
class Reply:
    """An answer: header names in lower case, repeated ones joined."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def codes(self) -> list[str]:
        """The codes of an error answer."""
        return [error["code"] for error in self.json["errors"]]


def ask(
    url: str, *, method: str = "GET", body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> Reply:
    """One request on a connection of its own; follows no redirect."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE_S)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body=body, headers=dict(headers or {}))
        got = connection.getresponse()
        return Reply(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())
    finally:
        connection.close()


def eventually(look: Callable[[], Any], what: str, *, pause: float = 0.05) -> Any:
    """What `look` finds as soon as it finds something; fails when it never does."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(pause)
    raise AssertionError(f"never came: {what}")


def free_port() -> int:
    """A port of this machine that nothing listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def surroundings(**settings: str) -> dict[str, str]:
    """The environment of a child process: the tester's own without its settings, and `settings`."""
    kept = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    return {**kept, "PYTHONUNBUFFERED": "1", **settings}


def command(**settings: str) -> subprocess.Popen[str]:
    """The server as a process of its own, in a process group of its own."""
    diary = Path(settings["DATA_DIR"]).with_suffix(".log")
    with diary.open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "infra", "run"],
            cwd=ROOT,
            env=surroundings(**settings),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )


def python(code: str, *arguments: str) -> subprocess.Popen[str]:
    """A process of its own that runs `code` beside the functions, with what it prints at once in a pipe."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "functions"), "PYTHONUNBUFFERED": "1"},
    )


@dataclass
class Running:
    """A server that said it is ready."""

    process: subprocess.Popen[str]
    port: int
    data_dir: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def diary(self) -> str:
        """What it wrote to standard error."""
        return self.data_dir.with_suffix(".log").read_text()

    def get(self, path: str, **headers: str) -> Reply:
        return ask(
            self.url + path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )

    def post(self, path: str, value: Any, **headers: str) -> Reply:
        """Send a value as JSON."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return ask(
            self.url + path,
            method="POST",
            body=json.dumps(value).encode(),
            headers={"Content-Type": "application/json", **named},
        )

    def stop(self, with_signal: int = signal.SIGTERM) -> int:
        """End it in an orderly way; returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        status = self.process.wait(PATIENCE_S)
        self._close()
        return status

    def kill(self) -> None:
        """SIGKILL to it and everything it started."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE_S)
        self._close()

    def _close(self) -> None:
        if self.process.stdout:
            self.process.stdout.close()


def start(data_dir: Path, *, patience: float = PATIENCE_S, **settings: str) -> Running:
    """Start the server and wait until it says that it is ready. No example reports unless DEMO=1."""
    for _ in range(5):
        port = free_port()
        process = command(**{"PORT": str(port), "DATA_DIR": str(data_dir), "DEMO": "0", **settings})
        line = _first_line(process, patience)
        if line == f"ready http://127.0.0.1:{port}/":
            return Running(process, port, data_dir)
        status = process.wait(PATIENCE_S)
        said = data_dir.with_suffix(".log").read_text()
        # Somebody else took the port between finding and using it.
        if status != 2 or "cannot be used" not in said:
            raise AssertionError(f"it said {line!r} and ended with {status}:\n{said}")
    raise AssertionError("five free ports in a row were taken")


def _first_line(process: subprocess.Popen[str], patience: float) -> str:
    assert process.stdout is not None
    with selectors.DefaultSelector() as watch:
        watch.register(process.stdout, selectors.EVENT_READ)
        if not watch.select(patience):
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise AssertionError("it never said that it is ready")
    return process.stdout.readline().rstrip("\n")
