"""What all tests share: with REQUIRE_ALL=1 nothing may be skipped, and one Chromium serves every test of a process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.outside import Outside, recording

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FLAGS = [
    # Letters are drawn the same whatever the machine is set to.
    "--font-render-hinting=none",
    "--disable-lcd-text",
    "--force-color-profile=srgb",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
OPTIONAL = ("polygons", "browser", "dynamodb_local")
"""Markers of tests that need what not every machine has."""


# A slow machine is no finding: no property is judged by the clock.
settings.register_profile("product", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("product")


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


@pytest.fixture(scope="session")
def outside() -> Iterator[Outside]:
    """Every request of the browser to another machine, written down."""
    with recording() as found:
        yield found


@pytest.fixture(scope="session")
def chromium(outside: Outside) -> Iterator[Browser]:
    """Debian's Chromium through Playwright: one for the process, since Playwright cannot be started twice in one."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not path:
        pytest.skip("no Chromium on this machine: install it, or name it with CHROMIUM=path")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Without a sandbox: tests may run as root in a container, and open nothing but this machine's own pages.
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *outside.flags])
        yield browser
        browser.close()
