"""How long and how much the local server listens before it answers: slow senders, many headers, our words for refusals.

waitress has a limit for silence and none for a trickle: a sender of one byte a second would hold a
connection for ever. Here every request has a time to arrive in, longer the more of it came. What
waitress itself refuses is said as the API says it. Knows no path.
"""

from __future__ import annotations

import time
from typing import Any

from chalicelib.front import operation
from chalicelib.front.problems import Problem, preferred
from waitress.channel import HTTPChannel
from waitress.task import ErrorTask

HEADER_BYTES = 32_768
"""Most bytes of a request's head: eight times what a browser sends with every cookie of ours."""
BYTES_A_SECOND = 4_000
"""A body that comes at least so fast is given the time it needs: a photo over a bad line is welcome."""
CONNECTIONS = 500
PROBLEMS = {413: "body_too_large", 431: "head_too_large"}


class OwnWords(ErrorTask):
    """What waitress refuses before the product sees it, said as every other refusal."""

    def execute(self) -> None:
        request: Any = self.request
        fault = request.error
        problem = Problem(PROBLEMS.get(fault.code, "request_unreadable"))
        headers = getattr(request, "headers", {})
        body = operation.errors((problem,), preferred(headers.get("ACCEPT_LANGUAGE", "")))
        self.status = f"{fault.code} {fault.reason}"
        said = {"Content-Type": operation.JSON_TYPE, "Cache-Control": "no-store", **operation.SECURITY}
        self.response_headers = [*self.response_headers, *said.items()]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


def channel(patience_s: int) -> type[HTTPChannel]:
    """The kind of connection for a server that waits `patience_s` seconds for a head, and longer for a body."""

    class Patient(HTTPChannel):
        """A connection that is closed when its request does not arrive in time."""

        error_task_class = OwnWords
        begun = 0.0
        came = 0

        def received(self, data: bytes) -> Any:
            if self.request is None:
                self.begun, self.came = time.monotonic(), 0
            self.came += len(data)
            got = super().received(data)
            if self.request is not None and self.late():
                self.will_close = True
            return got

        def late(self) -> bool:
            """Whether the request at hand took longer than it may, for as much of it as came."""
            earned = self.came / BYTES_A_SECOND if self.request and self.request.headers_finished else 0
            return time.monotonic() - self.begun > patience_s + earned

    return Patient
