"""Tells whether a build folder is still what building again would give. Imports nothing heavy, builds nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
MAKES = ("compile.py", "coverage.py", "facts.py", "index.py", "outlines.py", "plane.py", "data/kelurahan.csv")
"""What decides the content of a build, beside its sources."""


def recipe(settings: Sequence[str] = ()) -> str:
    """A short name for the code, the libraries and the settings that turn sources into a build."""
    digest = hashlib.sha256(json.dumps([version("shapely"), version("numpy"), *settings]).encode())
    for name in MAKES:
        digest.update((HERE / name).read_bytes())
    return digest.hexdigest()[:16]


def is_current(folder: Path, built_from: Mapping[str, str], made_by: str) -> bool:
    """Whether `folder` holds a whole build of these sources (file: SHA-256), made by this recipe."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        files = manifest["files"]
        same = manifest["built_from"] == dict(sorted(built_from.items())) and manifest["recipe"] == made_by
        return same and all((folder / name).stat().st_size == files[name]["bytes"] for name in files)
    except (OSError, ValueError, KeyError, TypeError):
        return False
