"""Names what drew the site: when any of it changes, the whole site is drawn anew. Draws nothing itself."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path

from chalicelib import settings

import geo

ROOT = Path(__file__).resolve().parent.parent
DRAWS = (
    "web/*.py",
    "web/templates/**/*",
    "web/locale/**/*.po",
    "web/build/manifest.json",
    "functions/chalicelib/public.py",
    "functions/chalicelib/publish.py",
    "functions/chalicelib/publishing/areas.py",
    "functions/chalicelib/publishing/recaps.py",
    "functions/chalicelib/stats.py",
    "functions/chalicelib/records.py",
    "functions/chalicelib/lifecycle.py",
    "functions/chalicelib/categories.toml",
)
SHOWN = (
    "site_url",
    "categories",
    "basemap_tiles",
    "basemap_pmtiles",
    "basemap_attribution",
    "data_licence",
    "data_licence_url",
)


def of_site(chosen: settings.Settings, *, example: bool) -> str:
    """A short hash over all that decides how pages look: code, templates, words, boundaries, settings."""
    digest = hashlib.sha256(geo.default_locator().version.encode())
    digest.update(repr((example, [asdict(chosen)[name] for name in SHOWN])).encode())
    for pattern in DRAWS:
        for path in sorted(ROOT.glob(pattern)):
            if path.is_file():
                digest.update(path.relative_to(ROOT).as_posix().encode())
                digest.update(path.read_bytes())
    if chosen.categories:
        digest.update(Path(chosen.categories).read_bytes())
    return digest.hexdigest()[:16]
