"""The plain facts of Jakarta's 267 kelurahan: code, names, centroid, postal code.

Read from `geo/data/kelurahan.csv`, which is committed. Holds no boundary: those are
fetched and compiled (`geo.fetch`, `geo.coverage`, `geo.index`).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).parent / "data"
FACTS = DATA / "kelurahan.csv"


@dataclass(frozen=True, slots=True)
class Kelurahan:
    """One kelurahan. Longitude and latitude of its centroid in degrees, WGS 84."""

    kode: str
    """Kepmendagri code, e.g. `31.71.01.1001`; its prefixes name kecamatan, kota and province."""
    kelurahan: str
    kecamatan: str
    kota: str
    longitude: float
    latitude: float
    kode_pos: str


def read_facts(path: Path = FACTS) -> dict[str, Kelurahan]:
    """The kelurahan of `path` by code, in the order of their codes.

    Raises ValueError, naming the line, for a row that is no kelurahan or a code that comes twice.
    """
    facts: dict[str, Kelurahan] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            line = len(facts) + 2
            try:
                fact = Kelurahan(
                    row["kode"],
                    row["kelurahan"],
                    row["kecamatan"],
                    row["kota"],
                    float(row["longitude"]),
                    float(row["latitude"]),
                    row["kode_pos"],
                )
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(
                    f"{path.name}, line {line}: not a kelurahan ({error!r}); columns must be "
                    "kode,kelurahan,kecamatan,kota,longitude,latitude,kode_pos"
                ) from error
            if fact.kode in facts:
                raise ValueError(f"{path.name}, line {line}: code {fact.kode} comes twice; remove one row")
            facts[fact.kode] = fact
    return dict(sorted(facts.items()))
