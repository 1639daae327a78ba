"""Servers in processes of their own: one that tests share, and as many fresh ones as a test needs."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import running


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DATA_DIR whose site is drawn and that holds no report, so that copies of it start at once."""
    folder = tmp_path_factory.mktemp("prepared") / "data"
    server = running.start(folder)
    assert server.stop() == 0
    return folder


@pytest.fixture
def data_dir(prepared: Path, tmp_path: Path) -> Path:
    """A DATA_DIR of the test's own."""
    return Path(shutil.copytree(prepared, tmp_path / "data"))


@pytest.fixture
def start() -> Iterator[Callable[..., running.Running]]:
    """Starts servers as `running.start` does; none outlives the test."""
    started: list[running.Running] = []

    def begin(data_dir: Path, **settings: str) -> running.Running:
        server = running.start(data_dir, **settings)
        started.append(server)
        return server

    yield begin
    for server in started:
        server.kill()


@pytest.fixture(scope="session")
def server(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[running.Running]:
    """A server that many tests ask and none stops."""
    folder = tmp_path_factory.mktemp("shared") / "data"
    shutil.copytree(prepared, folder)
    begun = running.start(folder)
    yield begun
    begun.kill()
