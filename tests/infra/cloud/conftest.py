"""The bundle and its template, built once for a whole test run; and no credentials but invented ones."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

from infra import package

ARCHITECTURE = "x86_64"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
REGION = "ap-southeast-3"


@pytest.fixture(autouse=True)
def _no_real_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def lacking(why: str) -> NoReturn:
    """Skip for a reason; where nothing may be lacking, fail."""
    if os.environ.get("REQUIRE_ALL") == "1":
        pytest.fail(f"REQUIRE_ALL=1, and: {why}")
    pytest.skip(why)


@pytest.fixture
def node() -> str:
    """Where Node is, which runs the CDN's functions here."""
    return shutil.which("node") or lacking("there is no node to run the CDN's functions with")


@pytest.fixture(scope="session")
def packaged(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The folder with deployment.zip and sam.json, for this machine's Python and architecture.

    Whichever worker comes first builds it; the others wait and use it.
    """
    base = tmp_path_factory.getbasetemp()
    shared = (base if worker_id == "master" else base.parent) / "packaged"
    with shared.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        why = shared.with_suffix(".lacking")
        if why.exists():
            lacking(why.read_text("utf-8"))
        if not (shared / package.TEMPLATE).exists():
            try:
                package.package(shared, architecture=ARCHITECTURE, python=PYTHON)
            except package.PackageError as error:
                # Only what needs the registry may be lacking; everything else is a fault.
                if not any(
                    word in str(error) for word in ("error sending request", "dns error", "Connection")
                ):
                    raise
                why.write_text(f"the libraries of the bundle could not be had: {error}", "utf-8")
                lacking(why.read_text("utf-8"))
    return shared


@pytest.fixture(scope="session")
def template(packaged: Path) -> dict[str, Any]:
    return package.read_template(packaged / package.TEMPLATE)
