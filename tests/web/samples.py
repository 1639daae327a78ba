"""Synthetic views for the tests of the web room, and a small made-up city.

No real polygon is needed: the made-up city has the three files of a geo build, with
squares for kelurahan.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from chalicelib import attributes
from chalicelib.attributes import Attribute

from web import build as web_build
from web.views import (
    Counts,
    EventView,
    KelurahanRow,
    KelurahanView,
    PhotoView,
    PlaceView,
    ReportSummary,
    ReportView,
)
from web.vocabulary import STATES

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SENTENCES = (
    "Lubang besar di lajur kiri dekat halte, sudah dua motor jatuh.",
    "Sampah menumpuk tiga hari di depan pasar, baunya sampai ke sekolah.",
    "Kabel menjuntai setinggi kepala orang di depan warung nasi.",
    "Lampu jalan mati dari perempatan sampai jembatan.",
    "Air mati sejak kemarin pagi di seluruh gang.",
    "Dahan pohon patah dan tersangkut di atas trotoar.",
    "Puing bangunan menutup trotoar antara dua mal.",
    "Genangan setinggi mata kaki setiap hujan, saluran tersumbat.",
)


@dataclass(frozen=True)
class SampleCategory:
    code: str
    names: dict[str, str]
    hints: dict[str, str]
    icon: str
    keywords: tuple[str, ...] = ()
    nearby_m: int = 50
    emergency: bool = False
    attributes: tuple[Attribute, ...] = ()


def sample_categories() -> list[SampleCategory]:
    import tomllib

    rows = tomllib.loads(web_build.CATEGORIES.read_text("utf-8"))
    return [
        SampleCategory(
            code,
            {"id": row["id"], "en": row["en"]},
            {"id": row["hint_id"], "en": row["hint_en"]},
            row["icon"],
            tuple(row.get("keywords", ())),
            row.get("nearby_m", 50),
            row.get("emergency", False),
            tuple(attributes.declared(each) for each in row.get("attributes", ())),
        )
        for code, row in rows.items()
    ]


PLACE = PlaceView("31.71.01.1001", "Gambir", "Gambir", "Kota Administrasi Jakarta Pusat", "inside")


def sample_id(rng: random.Random) -> str:
    return "".join(rng.choice(ALPHABET) for _ in range(8))


def sample_summary(
    rng: random.Random, state: str, longitude: float, latitude: float, **changes: Any
) -> ReportSummary:
    created = NOW - timedelta(minutes=rng.randrange(60, 60 * 24 * 40))
    words = rng.choice(SENTENCES) + " " + rng.choice(SENTENCES)
    facts: dict[str, Any] = {
        "id": sample_id(rng),
        "category": rng.choice([c.code for c in sample_categories()[:10]]),
        "state": state,
        # A number makes every text its own, as people's are: sizes are not flattered by repetition.
        "description": f"{words[: rng.randrange(60, 130)]} {rng.randrange(10**6)}",
        "longitude": longitude + rng.uniform(-0.006, 0.006),
        "latitude": latitude + rng.uniform(-0.006, 0.006),
        "created": created,
        "updated": created + timedelta(hours=rng.randrange(1, 40)),
        "thumb_url": "/foto/" + sample_id(rng) + "-kecil.jpg" if rng.random() < 0.7 else None,
        "example": True,
    }
    return ReportSummary(**(facts | changes))


def sample_reports(
    rng: random.Random, amount: int, longitude: float = 106.8272, latitude: float = -6.1754, **changes: Any
) -> tuple[ReportSummary, ...]:
    states = [
        *["waiting"] * 3,
        "coordination",
        "disposition",
        "in_progress",
        "in_progress",
        *["done"] * 5,
        "rejected",
    ]
    made = [sample_summary(rng, rng.choice(states), longitude, latitude, **changes) for _ in range(amount)]
    return tuple(sorted(made, key=lambda r: (STATES[r.state].closed, -r.created.timestamp())))


def counted(reports: Sequence[ReportSummary]) -> Counts:
    return Counts({state: n for state in STATES if (n := sum(1 for r in reports if r.state == state))})


def sample_kelurahan(amount: int, seed: int = 1, **changes: Any) -> KelurahanView:
    reports = sample_reports(random.Random(seed), amount, **changes)
    return KelurahanView(
        PLACE.kode,
        PLACE.kelurahan,
        PLACE.kecamatan,
        PLACE.kota,
        counted(reports),
        reports,
        (("31.71.01.1002", "Kebon Kelapa"), ("31.71.01.1003", "Petojo Utara")),
    )


def sample_photo(name: str) -> PhotoView:
    return PhotoView(f"/foto/{name}.jpg", f"/foto/{name}-kecil.jpg", 1200, 900)


def sample_report(state: str = "in_progress", **changes: Any) -> ReportView:
    steps = {
        "waiting": [],
        "in_progress": [
            ("coordination", "waiting"),
            ("disposition", "coordination"),
            ("in_progress", "disposition"),
        ],
        "done": [("disposition", "waiting"), ("in_progress", "disposition"), ("done", "in_progress")],
        "rejected": [("rejected", "waiting")],
        "duplicate": [("duplicate", "waiting")],
    }[state]
    created = datetime(2026, 11, 20, 2, 15, tzinfo=UTC)
    events = [EventView(1, created, "received", "", "", None, "waiting", "", None, None, None, "a1" * 32)]
    texts = {
        "coordination": "Kami periksa bersama, saluran ini dipakai dua instansi.",
        "disposition": "",
        "in_progress": "Petugas sudah di lokasi, penambalan dimulai malam ini supaya tidak macet.",
        "done": "Lubang sudah ditambal dan marka dicat ulang.",
        "rejected": "Sudah kami cari dua kali di lokasi, tidak ditemukan.",
        "duplicate": "",
    }
    offices = {
        "coordination": "Kelurahan Gambir",
        "disposition": "Kelurahan Gambir",
        "in_progress": "Suku Dinas (contoh)",
        "done": "Suku Dinas (contoh)",
    }
    for seq, (to, start) in enumerate(steps, start=2):
        events.append(
            EventView(
                seq,
                created + timedelta(hours=9 * (seq - 1)),
                "moved",
                offices.get(to, "Kelurahan Gambir"),
                "Suku Dinas (contoh)" if to == "disposition" else "",
                start,
                to,
                texts[to],
                "not_found" if to == "rejected" else None,
                50 if to == "in_progress" else None,
                date(2026, 11, 25) if to == "in_progress" else None,
                f"{seq}c" * 32,
                photos=(sample_photo("sesudah"),) if to == "done" else (),
            )
        )
    facts: dict[str, Any] = {
        "id": "7K3M9QX2",
        "category": "jalan",
        "state": state,
        "description": "Lubang besar di lajur kiri dekat halte, sudah dua motor jatuh.\nMakin lebar setelah hujan.",
        "landmark": "Depan halte, seberang kantor pos",
        "place": PLACE,
        "longitude": 106.8272,
        "latitude": -6.1754,
        "accuracy_m": 12.0,
        "channel": "web",
        "created": created,
        "updated": events[-1].at,
        "percent": 50 if state == "in_progress" else None,
        "planned": date(2026, 11, 25) if state == "in_progress" else None,
        "photos": (sample_photo("lubang"),),
        "events": tuple(events),
        "duplicate_of": "2B4D6F8H" if state == "duplicate" else None,
        "example": True,
    }
    return ReportView(**(facts | changes))


def made_up_city(folder: Path) -> list[KelurahanRow]:
    """Writes the files of a geo build for a city of 8 by 33 squares and 3 islands; returns its rows."""
    rng = random.Random(7)
    shapes, outlines, batas, rows = [], {}, [], []
    for n in range(267):
        islands = n >= 264
        kode = f"31.{'01' if islands else f'{71 + n % 5}'}.{n // 25 + 1:02}.{1001 + n}"
        column, line = n % 16, n // 16
        x, y = (n - 264) * 60, 20
        if not islands:
            x, y = column * 60, line * 60
        kota = "Kabupaten Administrasi Kepulauan Seribu" if islands else f"Kota Administrasi Jakarta {n % 5}"
        shapes.append(
            {
                "kode": kode,
                "sheet": "islands" if islands else "mainland",
                "d": f"M{x} {y}l60 0 0 60-60 0z",
                "label": [x + 30, y + 30],
            }
        )
        outlines[kode] = {
            "viewBox": [0, 0, 400, 400],
            "bounds": [106.8, -6.2, 106.85, -6.15],
            "d": "M4 4l392 0 0 392-392 0z",
            "neighbours": [],
        }
        west, north = 10680000 + x * 30, -607000 - y * 30
        batas.append(
            {
                "kode": kode,
                "kelurahan": f"Kelurahan {n}",
                "kecamatan": f"Kecamatan {n // 25}",
                "kota": kota,
                "label": [west / 1e5, north / 1e5],
                "polygons": [[[west, north, 1800, 0, 0, -1800, -1800, 0]]],
            }
        )
        amount = rng.choice([0, 0, 1, 2, 3, 5, 8, 13, 40])
        counts = Counts({"waiting": amount, "in_progress": amount // 3, "done": amount * 4} if amount else {})
        rows.append(KelurahanRow(kode, f"Kelurahan {n}", f"Kecamatan {n // 25}", kota, counts))
    outlines[PLACE.kode] = next(iter(outlines.values()))
    base = {"version": "abc123", "approximate": True, "attribution": "made up"}
    sheets = {
        "mainland": {"viewBox": [0, 0, 960, 1020], "bounds": [106.8, -6.376, 107.088, -6.07]},
        "islands": {"viewBox": [0, 0, 200, 100], "bounds": [106.4, -6.0, 106.8, -5.2]},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "shapes.json").write_text(json.dumps(base | {"sheets": sheets, "shapes": shapes}))
    (folder / "outlines.json").write_text(json.dumps(base | {"kelurahan": outlines}))
    (folder / "batas.json").write_text(json.dumps(base | {"scale": 100000, "kelurahan": batas}))
    return sorted(rows, key=lambda row: row.kode)
