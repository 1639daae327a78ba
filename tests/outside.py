"""What a browser asks of other machines: everything that is not this one goes through a proxy that writes it down.

So nothing is missed, whoever asks: pages, workers, service workers, prefetches, fonts, the browser
itself. The proxy answers nobody: tests need no network.
"""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

OWN_HABITS = (
    "accounts.google.com", "clients2.google.com", "update.googleapis.com", "content-autofill.googleapis.com",
    "optimizationguide-pa.googleapis.com", "edgedl.me.gvt1.com", "redirector.gvt1.com", "android.clients.google.com",
    "www.google.com", "safebrowsing.googleapis.com", "mtalk.google.com",
)  # fmt: skip
"""Hosts that Chromium asks by itself, whatever page is open; no page of ours may name one."""


class Outside:
    """The proxy, and the hosts that were asked for since it was last emptied."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        outside = self

        class Refusing(socketserver.StreamRequestHandler):
            timeout = 5

            def handle(self) -> None:
                line = self.rfile.readline(4096).decode("latin-1").split()
                if len(line) >= 2:
                    host = line[1].removeprefix("http://").partition("/")[0].partition(":")[0]
                    outside.asked += [f"{line[0]} {line[1]}"] if host not in OWN_HABITS else []
                self.wfile.write(
                    b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                )

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        self.server = Server(("127.0.0.1", 0), Refusing)
        self.port = int(self.server.server_address[1])

    @property
    def flags(self) -> list[str]:
        """What Chromium is started with, so that only this machine is asked directly."""
        return [f"--proxy-server=127.0.0.1:{self.port}", "--proxy-bypass-list=127.0.0.1;localhost"]


@contextmanager
def recording() -> Iterator[Outside]:
    """The proxy while it runs."""
    outside = Outside()
    thread = threading.Thread(target=outside.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield outside
    finally:
        outside.server.shutdown()
        outside.server.server_close()
        thread.join()
