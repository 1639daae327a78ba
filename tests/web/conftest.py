"""A renderer on the made-up city, and what it is made from, once for all tests of the web room."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.web.samples import made_up_city, sample_categories
from tests.web.stubbed import page, site, stub  # noqa: F401 - fixtures
from web import build as web_build
from web.render import Renderer
from web.views import HomeView, KelurahanRow

REAL = web_build.ROOT / "geo" / "build"


@pytest.fixture(scope="session")
def built() -> Path:
    """web/build/, brought up to date when node_modules is there; skips when neither is."""
    try:
        web_build.build()
    except web_build.BuildError as error:
        if not (web_build.BUILD / "manifest.json").exists():
            pytest.skip(f"assets are not built: {error}")
    return web_build.BUILD


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[KelurahanRow]]:
    folder = tmp_path_factory.mktemp("geo-build")
    return folder, made_up_city(folder)


@pytest.fixture(scope="session")
def home_view(city: tuple[Path, list[KelurahanRow]]) -> HomeView:
    return HomeView(tuple(city[1]), example=True)


@pytest.fixture(scope="session")
def true_renderer(built: Path) -> Renderer:
    """On the real outlines, where bytes are counted; skips where they are not built."""
    if not (REAL / "batas.json").exists():
        pytest.skip("the real outlines are not built: python -m geo build")
    return Renderer.open(
        geo_build=REAL,
        categories=sample_categories(),
        site_url="https://warga.example",
        approximate=True,
        boundaries_version="abc123abc123",
        attribution="cahyadsn/wilayah_boundaries, MIT",
        web_build=built,
    )


@pytest.fixture(scope="session")
def renderer(built: Path, city: tuple[Path, list[KelurahanRow]]) -> Renderer:
    return Renderer.open(
        geo_build=city[0],
        categories=sample_categories(),
        site_url="https://warga.example",
        approximate=True,
        boundaries_version="abc123",
        attribution="made up",
        web_build=built,
    )
