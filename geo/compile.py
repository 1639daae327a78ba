"""Source to build folder: cleans the coverage and writes every file that is compiled from it.

kelurahan.index     what `geo.locate` answers from (geo/index.py)
batas.json, shapes.json, outlines.json      what the web draws (geo/outlines.py)
repairs.csv         kode, area before and after cleaning in m2, change in percent
manifest.json       {"version", "approximate", "source", "attribution", "built_from": {file: sha256}, "recipe",
                    "kelurahan", "vertices", "edges",
                    "repair": {"overlaps", "overlap_m2", "slivers", "sliver_m2", "made_valid": [kode, ...]},
                    "files": {name: {"bytes", "sha256"}}}
The same input gives the same bytes: nothing here reads a clock.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# shapely carries no types.
# mypy: disallow-untyped-calls=False
import shapely

from geo import index, outlines
from geo.coverage import Coverage

INDEX = "kelurahan.index"


def compile_all(
    coverage: Coverage, folder: Path, built_from: Mapping[str, str], recipe: str = ""
) -> dict[str, Any]:
    """Write everything that is compiled from `coverage` into `folder`; returns the manifest.

    `built_from` names the source files with their SHA-256, `recipe` the code and settings that made this of them
    (geo.recipe). The manifest is written last: a folder with a
    manifest is complete.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").unlink(missing_ok=True)
    compiled = index.build(coverage.kelurahan, coverage.rings(), approximate=coverage.approximate)
    index.write(compiled, folder / INDEX)
    version = compiled.version
    _write(folder / "batas.json", _json(outlines.batas(coverage, version)))
    _write(folder / "shapes.json", _json(outlines.shapes(coverage, version)))
    _write(folder / "outlines.json", _json(outlines.outlines(coverage, version)))
    table = "kode,before_m2,after_m2,change_percent\n" + "".join(
        f"{kode},{before:.1f},{after:.1f},{change:.4f}\n"
        for kode, before, after, change in coverage.repair.changes()
    )
    _write(folder / "repairs.csv", table)
    names = (INDEX, "batas.json", "shapes.json", "outlines.json", "repairs.csv")
    repair = coverage.repair
    manifest = {
        "version": version,
        "approximate": coverage.approximate,
        "source": coverage.source,
        "attribution": coverage.attribution,
        "built_from": dict(sorted(built_from.items())),
        "recipe": recipe,
        "kelurahan": len(coverage.kelurahan),
        "vertices": int(shapely.get_num_coordinates(list(coverage.areas)).sum()),
        "edges": len(compiled.edges) // 5,
        "repair": {
            "overlaps": repair.overlaps,
            "overlap_m2": round(repair.overlap_m2, 1),
            "slivers": repair.slivers,
            "sliver_m2": round(repair.sliver_m2, 1),
            "made_valid": list(repair.invalid),
        },
        "files": {
            name: {
                "bytes": (folder / name).stat().st_size,
                "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest(),
            }
            for name in names
        },
    }
    _write(folder / "manifest.json", json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
    return manifest


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _write(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8", newline="\n")
    part.replace(path)
