"""Logs and metrics of the deployed functions: one JSON object a line, without personal data.

Metrics go in CloudWatch's embedded metric format through the same stream. An exception
is logged as its type and its frames: messages can hold what a citizen wrote. Written
here because a library for it adds a seventh of the import budget.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import time
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import PurePath
from types import TracebackType
from typing import Any

NAMESPACE = "CCTVWarga"
REQUEST_HEADER = "X-Request-Id"
EDGE_HEADER = "x-amz-cf-id"
request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request or invocation that this thread works on."""
TRACE = "trace"
"""Under this name a report's record keeps the id of the request that changed it last; it is in no public file."""
_ASKED = re.compile(r"[A-Za-z0-9_=-]{8,64}")
_FRAMES = 12


class Lines(logging.Formatter):
    """Log records as JSON lines."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "function": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
            "request_id": request_id.get(),
        }
        if found := getattr(record, TRACE, ""):
            line[TRACE] = found
        if record.exc_info and record.exc_info[0]:
            line["exception"] = record.exc_info[0].__name__
            line["frames"] = _frames(record.exc_info[2])
        return json.dumps({name: value for name, value in line.items() if value != ""}, ensure_ascii=False)


def id_of(headers: Mapping[str, str], given: str) -> str:
    """The id of a request: the browser's own, else the CDN's, else the one that API Gateway gave it."""
    for name in (REQUEST_HEADER.lower(), EDGE_HEADER):
        if _ASKED.fullmatch(headers.get(name, "")):
            return headers[name]
    return given


def trace() -> dict[str, str]:
    """What a changed record keeps, so that whoever publishes the change can say whose it was."""
    return {TRACE: request_id.get()} if request_id.get() else {}


def deployed() -> bool:
    """Whether this process is a Lambda function."""
    return bool(os.environ.get("AWS_LAMBDA_FUNCTION_NAME"))


def setup() -> None:
    """Log JSON lines to standard output. Called once by a deployed function; local runs log as they like."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(Lines())
    root = logging.getLogger()
    # Lambda's own handler would write every line a second time.
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)


def metric(name: str, value: float, unit: str = "Count") -> None:
    """Count something in the embedded metric format; nowhere but in a deployed function."""
    if deployed():
        print(embedded(name, value, unit, at_ms=int(time.time() * 1000)), flush=True)  # noqa: T201


def embedded(name: str, value: float, unit: str, *, at_ms: int) -> str:
    """A metric as CloudWatch reads it from a log, `at_ms` milliseconds since 1970."""
    stage = os.environ.get("STAGE", "")
    declared = {"Namespace": NAMESPACE, "Dimensions": [["Stage"]], "Metrics": [{"Name": name, "Unit": unit}]}
    return json.dumps(
        {
            "_aws": {"Timestamp": at_ms, "CloudWatchMetrics": [declared]},
            "Stage": stage,
            "request_id": request_id.get(),
            name: value,
        }
    )


def _frames(traceback: TracebackType | None) -> list[str]:
    """Where it happened, innermost last: file, line and function, never a value."""
    found: list[str] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        found.append(f"{PurePath(code.co_filename).name}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    return found[-_FRAMES:]
