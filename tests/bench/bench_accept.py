"""What taking a report costs: processor time of a whole request, with what storage takes told apart."""

from __future__ import annotations

import base64
import dataclasses
import json
import random
import secrets
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench.measure import Options, Row, folder

ACCEPT_MS = 3.0


class Metered:
    """Passes every call on and adds up the processor time and wall time it took."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.cpu, self.wall = inner, 0.0, 0.0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        if not callable(found):
            return found

        def metered(*arguments: Any, **named: Any) -> Any:
            cpu, wall = time.thread_time(), time.perf_counter()
            try:
                return found(*arguments, **named)
            finally:
                self.cpu += time.thread_time() - cpu
                self.wall += time.perf_counter() - wall

        return metered


def rows(options: Options) -> Iterator[Row]:
    """A report in JSON, through validation, placing, masking and chaining into SQLite; without and with a photo."""
    from chalicelib.front import api
    from chalicelib.front.operation import Request

    count = options.rounds(400, 60)
    rng = random.Random(7)
    with folder() as data:
        parts, table, private = _parts(data)
        middles = list(parts.door.locator.by_kode.values())

        def request(photo: bytes | None = None) -> Request:
            middle = rng.choice(middles)
            body: dict[str, Any] = {
                "category": "jalan",
                "description": "Lubang besar di lajur kiri, sudah tiga hari dan makin dalam kalau hujan.",
                "landmark": "depan minimarket",
                "longitude": middle.longitude,
                "latitude": middle.latitude,
                "accuracy": rng.choice((5, 12, 20, 35)),
                "contact_email": f"warga{rng.randrange(10**6)}@contoh.id",
            }
            if photo:
                body["photo"] = [base64.b64encode(photo).decode()]
            headers = {"content-type": "application/json", "idempotency-key": secrets.token_hex(16)}
            return Request({}, {}, headers, json.dumps(body).encode())

        def run(photo: Callable[[], bytes] | None, times: int) -> dict[str, list[float]]:
            found: dict[str, list[float]] = {"own": [], "storage": [], "wall": [], "storage_wall": []}
            for _ in range(times):
                asked = request(photo() if photo else None)
                table.cpu = table.wall = private.cpu = private.wall = 0.0
                cpu, wall = time.thread_time(), time.perf_counter()
                answer = api.answer(parts, "create_report", asked)
                cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
                if answer.status not in {201, 400}:
                    raise RuntimeError(answer.body.decode())
                if answer.status == 400:  # the middle of a kelurahan of islands can lie in the sea
                    continue
                stored = table.cpu + private.cpu
                found["own"].append((cpu - stored) * 1000)
                found["storage"].append(stored * 1000)
                found["wall"].append(wall * 1000)
                found["storage_wall"].append((table.wall + private.wall) * 1000)
            return found

        run(None, 20)
        plain = run(None, count)
        yield Row(
            "accept, processor time per report beside storage",
            (statistics.median(plain["own"]),),
            "ms",
            (ACCEPT_MS,),
            note=f"storage adds {statistics.median(plain['storage']):.2f} ms; whole request, JSON, with contact",
        )
        yield Row(
            "accept, wall time with SQLite writing durably",
            (statistics.median(plain["wall"]),),
            "ms",
            note=f"of which storage {statistics.median(plain['storage_wall']):.1f} ms",
        )
        pictures = [picture(rng) for _ in range(4)]
        with_photo = run(lambda: rng.choice(pictures), options.rounds(16, 4))
        yield Row(
            "accept with a photo of 1200 by 1600 pixels, processor time beside storage",
            (statistics.median(with_photo["own"]),),
            "ms",
            note=f"the photo has {len(pictures[0]) // 1000} kB as sent",
        )


def _parts(data: Path) -> tuple[Any, Metered, Metered]:
    from chalicelib import categories, settings
    from chalicelib.front.operation import Parts
    from chalicelib.intake import Door
    from chalicelib.storage.folder import FolderFiles
    from chalicelib.storage.sqlite import SQLiteTable

    import geo

    def no_page() -> Any:
        raise RuntimeError("a request in JSON needs no page")

    table, private = Metered(SQLiteTable(data / "table.sqlite3")), Metered(FolderFiles(data / "private"))
    locator = geo.default_locator()
    chosen = dataclasses.replace(settings.Settings(), data_dir=str(data))
    door = Door(
        table, private, locator, lambda: datetime.now(UTC), secrets.token_bytes, chosen.max_photo_bytes
    )
    site = FolderFiles(data / "site")
    return (
        Parts(chosen, door, site, categories.load(), no_page, locator.approximate),
        table,
        private,
    )


def picture(rng: random.Random) -> bytes:
    """A JPEG as the form sends it: 1200 by 1600 pixels with much detail."""
    import io

    from PIL import Image

    small = Image.frombytes("RGB", (150, 200), rng.randbytes(150 * 200 * 3))
    kept = io.BytesIO()
    small.resize((1200, 1600), Image.Resampling.BICUBIC).save(kept, "JPEG", quality=70)
    return kept.getvalue()
