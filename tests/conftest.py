"""Rules for every test: with REQUIRE_ALL=1 nothing may be skipped, so what is missing on the machine is an error."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

OPTIONAL = ("polygons", "browser", "dynamodb_local")
"""Markers of tests that need what not every machine has."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the skip of an optional test into a failure where everything is required."""
    report = yield
    wanted = os.environ.get("REQUIRE_ALL") == "1" and any(item.get_closest_marker(m) for m in OPTIONAL)
    if wanted and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"REQUIRE_ALL=1, and yet: {reason}"
    return report
