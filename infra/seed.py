"""Synthetic example reports: in every state, all over the city, told in plain words. Never real people's.

Shares of categories follow what Jakarta published for January 2023 (roads most, then
public order, public facilities, traffic); everything else is made up, and every
report carries `example`, so that every page labels it. The same seed gives the
same reports. They come through the one door and move by the officers' own rules.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chalicelib import desk, intake
from chalicelib.front.problems import Refused
from chalicelib.lifecycle import Move
from chalicelib.report import Office
from chalicelib.storage.files import Files
from chalicelib.storage.table import Table
from chalicelib.submission import Submission

if TYPE_CHECKING:
    from PIL import ImageDraw

COUNT = 600
WORKPLACE = "31.71.01.1001"
"""Gambir: the kelurahan of the example officers."""
DAYS = 120
SEED = 31

WEIGHTS = {
    "jalan": 2044,
    "ketertiban": 1233,
    "fasum": 930,
    "lalu_lintas": 345,
    "sampah": 800,
    "parkir": 700,
    "pohon": 450,
    "banjir": 420,
    "puing": 260,
    "kabel": 240,
    "air": 200,
    "kebisingan": 150,
    "perda": 90,
    "lain": 80,
}
WORDS: dict[str, tuple[str, ...]] = {
    "jalan": (
        "Lubang di lajur kiri, motor sering oleng kalau hujan.",
        "Aspal terkelupas di depan gang, sudah dua minggu begini.",
        "Trotoar ambles, pejalan kaki harus turun ke jalan.",
        "Tutup saluran di tengah jalan hilang, bahaya malam hari.",
    ),
    "ketertiban": (
        "Orang berkumpul sampai larut malam dan melempar petasan.",
        "Lapak menutup trotoar penuh, kursi roda tidak bisa lewat.",
        "Spanduk liar diikat di tiang lampu, sebagian hampir jatuh.",
    ),
    "fasum": (
        "Lampu jalan mati tiga tiang berurutan, gelap sekali.",
        "Bangku halte patah, pakunya menonjol keluar.",
        "Ayunan di taman bermain putus sebelah rantainya.",
        "Keramik jembatan penyeberangan lepas, licin saat hujan.",
    ),
    "lalu_lintas": (
        "Lampu merah padam sejak pagi, simpang jadi kacau.",
        "Rambu satu arah roboh, banyak yang salah masuk.",
        "Marka zebra cross sudah tidak kelihatan di depan sekolah.",
    ),
    "sampah": (
        "Tumpukan sampah di pojok pasar belum diangkut empat hari.",
        "Sampah plastik menyumbat saluran di belakang rumah warga.",
        "Kasur bekas dibuang di pinggir kali.",
    ),
    "parkir": (
        "Mobil parkir di atas trotoar setiap sore.",
        "Motor berjejer menutup jalur landai kursi roda.",
        "Truk parkir di tikungan, pandangan tertutup.",
    ),
    "pohon": (
        "Dahan besar patah dan menggantung di atas jalan.",
        "Pohon miring setelah hujan angin semalam.",
        "Daun menutupi lampu jalan, trotoar jadi gelap.",
    ),
    "banjir": (
        "Air setinggi mata kaki, belum surut sejak subuh.",
        "Genangan di pertigaan setiap kali hujan lebih dari satu jam.",
        "Saluran meluap ke jalan, airnya berbau.",
    ),
    "puing": (
        "Puing bangunan ditinggal di trotoar, hari ketiga.",
        "Pasir dan batu menutup setengah jalan gang.",
    ),
    "kabel": (
        "Kabel menjuntai setinggi kepala di depan warung.",
        "Gulungan kabel jatuh ke trotoar, orang tersandung.",
    ),
    "air": (
        "Air keran mati sejak kemarin sore, satu gang semua.",
        "Pipa bocor, air bersih mengalir ke selokan.",
    ),
    "kebisingan": ("Mesin bor dipakai sampai tengah malam tiap hari kerja.",),
    "perda": ("Bangunan menutup saluran air milik bersama.",),
    "lain": ("Kucing terjebak di saluran yang tertutup kisi besi.",),
}
LANDMARKS = (
    "depan minimarket",
    "dekat masjid",
    "seberang sekolah",
    "samping pos RW",
    "dekat halte",
    "ujung gang",
    "",
)
DONE_WORDS = (
    "Sudah dikerjakan dan diperiksa kembali. Terima kasih atas laporannya.",
    "Selesai diperbaiki hari ini.",
    "Petugas sudah membersihkan lokasi.",
)
AGENCY = Office("contoh-dinas", "Dinas terkait (contoh)")
UNIT = Office("contoh-satpel", "Satuan pelaksana kecamatan (contoh)")
REASONS = {
    "not_found": "Petugas ke lokasi dua kali dan tidak menemukan masalahnya.",
    "unclear": "Lokasinya kurang jelas, silakan lapor lagi dengan patokan.",
}

Bar = Callable[[Sequence[str], str], Iterable[str]]


@dataclass
class _Clock:
    """A clock that stands still until it is set."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


def fill(
    table: Table,
    private: Files,
    locator: intake.Locator,
    *,
    now: datetime,
    progress: Bar = lambda many, _what: many,
    count: int = COUNT,
    seed: int = SEED,
) -> list[str]:
    """Put `count` example reports of the last 120 days into the table; returns their ids."""
    rng = random.Random(seed)
    clock = _Clock(now)
    door = intake.Door(table, private, locator, clock, rng.randbytes, max_photo_bytes=1_000_000)
    officers = desk.Desk(table, clock, rng.randbytes)
    # Some kelurahan report much and many little, as everywhere; the islands least.
    busy = {
        k: rng.gammavariate(0.8, 1.0) * (0.1 if k.startswith("31.01") else 1.0)
        for k in sorted(locator.by_kode)
    }
    if WORKPLACE in busy:
        # Where the example officers sit there is something to do.
        busy[WORKPLACE] = 9.0
    # Squared, so that recent days hold more: a young service fills up.
    ages = sorted((DAYS * rng.random() ** 2 for _ in range(count)), reverse=True)
    ids: list[str] = []
    for number in progress([str(i) for i in range(count)], "example reports"):
        clock.now = now - timedelta(days=ages[int(number)], seconds=rng.randrange(60, 3600))
        accepted = _report(door, rng, busy, with_photo=rng.random() < 0.18)
        ids.append(accepted.id)
        _life(officers, rng, clock, accepted, until=now, earlier=ids[:-1])
    return ids


def _report(
    door: intake.Door, rng: random.Random, busy: Mapping[str, float], *, with_photo: bool
) -> intake.Accepted:
    while True:
        category = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        kode = rng.choices(list(busy), list(busy.values()))[0]
        middle = door.locator.by_kode[kode]
        submission = Submission(
            category=category,
            description=rng.choice(WORDS[category]),
            longitude=round(middle.longitude + rng.gauss(0, 0.004), 6),
            latitude=round(middle.latitude + rng.gauss(0, 0.004), 6),
            accuracy=float(rng.choice((5, 8, 12, 20, 35))),
            landmark=rng.choice(LANDMARKS),
        )
        files = [drawing(category, rng)] if with_photo else []
        try:
            return intake.accept(door, submission, channel="web", files=files, example=True)
        except Refused:
            # The random point fell into the sea or beyond the city: take another.
            continue


def _life(
    officers: desk.Desk,
    rng: random.Random,
    clock: _Clock,
    accepted: intake.Accepted,
    *,
    until: datetime,
    earlier: Sequence[str],
) -> None:
    """What became of one report: a walk along the lifecycle, as far as there was time for it."""
    place = accepted.place
    if place is None:
        return
    home = Office(place.kode, f"Kelurahan {place.kelurahan}")
    fate = rng.random()
    steps: list[tuple[float, Move, Office, Office | None]] = [
        (
            rng.uniform(2, 30),
            Move("coordination", "Diteruskan ke dinas yang berwenang.", office=AGENCY.code),
            home,
            AGENCY,
        ),
        (
            rng.uniform(3, 30),
            Move("disposition", "Ditugaskan ke pelaksana di lapangan.", office=UNIT.code),
            AGENCY,
            UNIT,
        ),
        (
            rng.uniform(3, 40),
            Move("in_progress", "Petugas sudah di lokasi.", percent=rng.choice((25, 50, 75))),
            UNIT,
            None,
        ),
        (rng.uniform(8, 90), Move("done", rng.choice(DONE_WORDS)), UNIT, None),
    ]
    if fate < 0.30:
        steps = [(*steps[2][:2], home, None), (*steps[3][:2], home, None)]
    elif fate < 0.34:
        reason = rng.choice(sorted(REASONS))
        steps = [(rng.uniform(5, 60), Move("rejected", REASONS[reason], reason=reason), home, None)]
    elif fate < 0.36 and earlier:
        steps = [(rng.uniform(2, 40), Move("duplicate", duplicate_of=rng.choice(earlier)), home, None)]
    # Some wait at a step: those are the open ones that are not merely young.
    stops = rng.choices((0, 1, 2, 3, 9), (6, 6, 6, 8, 74))[0]
    for hours, wish, office, to_office in steps[:stops]:
        clock.now += timedelta(hours=hours)
        if clock.now > until:
            return
        planned = (
            (clock.now + timedelta(days=rng.randrange(1, 9))).date() if wish.to == "in_progress" else None
        )
        desk.move(
            officers, accepted.id, wish, role="officer", office=office, to_office=to_office, planned=planned
        )


def drawing(category: str, rng: random.Random) -> bytes:
    """A drawn street in place of a photo, with what the category is about and the word CONTOH. JPEG."""
    from PIL import Image, ImageDraw, ImageFont

    width, height = 1200, 900
    picture = Image.new(
        "RGB", (width, height), rng.choice(((205, 226, 236), (238, 221, 196), (190, 205, 214)))
    )
    draw = ImageDraw.Draw(picture)
    left = -40
    while left < width:
        wide, tall = rng.randrange(90, 220), rng.randrange(160, 430)
        tone = rng.randrange(150, 205)
        draw.rectangle((left, 560 - tall, left + wide, 560), fill=(tone, tone - 6, tone - 16))
        left += wide + rng.randrange(0, 24)
    draw.rectangle((0, 560, width, 640), fill=(172, 165, 152))
    draw.rectangle((0, 640, width, height), fill=(96, 98, 101))
    for start in range(-60, width, 220):
        draw.polygon(
            ((start, 770), (start + 120, 770), (start + 110, 786), (start - 14, 786)), fill=(232, 226, 208)
        )
    SUBJECTS.get(category, _sign)(draw, rng.randrange(300, 800))
    draw.text(
        (width - 40, 150),  # in the sky, where no page crops it away
        "CONTOH",
        fill=(66, 68, 70),
        anchor="rs",
        font=ImageFont.load_default(54),
    )
    kept = io.BytesIO()
    picture.save(kept, "JPEG", quality=80)
    return kept.getvalue()


def _hole(draw: ImageDraw.ImageDraw, spot: int) -> None:
    draw.ellipse((spot - 150, 690, spot + 150, 800), fill=(60, 58, 56))
    draw.ellipse((spot - 120, 705, spot + 125, 790), fill=(38, 36, 34))


def _water(draw: ImageDraw.ImageDraw, spot: int) -> None:
    draw.rectangle((0, 610, 1200, 900), fill=(104, 128, 138))
    for line in range(650, 900, 46):
        draw.line((spot - 260, line, spot + 180, line), fill=(150, 172, 180), width=6)


def _bags(draw: ImageDraw.ImageDraw, spot: int) -> None:
    for step, tone in ((-110, 44), (0, 58), (95, 36), (-50, 70), (50, 52)):
        top = 590 if step in {-50, 50} else 650
        draw.ellipse((spot + step - 75, top, spot + step + 75, top + 120), fill=(tone, tone + 8, tone))


def _car(draw: ImageDraw.ImageDraw, spot: int) -> None:
    draw.rounded_rectangle((spot - 130, 520, spot + 110, 620), 50, fill=(150, 60, 52))
    draw.rounded_rectangle((spot - 220, 570, spot + 220, 660), 30, fill=(168, 68, 58))
    for wheel in (-130, 130):
        draw.ellipse((spot + wheel - 42, 622, spot + wheel + 42, 706), fill=(34, 34, 36))


def _branch(draw: ImageDraw.ImageDraw, spot: int) -> None:
    draw.line((spot - 260, 700, spot + 220, 620), fill=(92, 70, 50), width=34)
    for step in range(-200, 241, 70):
        draw.ellipse(
            (spot + step - 90, 560 - step // 6, spot + step + 70, 690 - step // 6), fill=(72, 104, 62)
        )


def _cable(draw: ImageDraw.ImageDraw, spot: int) -> None:
    draw.rectangle((spot - 330, 180, spot - 312, 640), fill=(80, 78, 74))
    draw.arc((spot - 322, -260, spot + 640, 600), 20, 182, fill=(30, 30, 32), width=7)
    draw.arc((spot - 322, -300, spot + 640, 500), 20, 182, fill=(30, 30, 32), width=5)


def _rubble(draw: ImageDraw.ImageDraw, spot: int) -> None:
    draw.polygon(
        ((spot - 230, 680), (spot - 60, 560), (spot + 40, 590), (spot + 240, 680)), fill=(158, 132, 112)
    )
    for step in range(-180, 190, 60):
        draw.rectangle((spot + step, 634, spot + step + 40, 668), fill=(132, 88, 70))


def _sign(draw: ImageDraw.ImageDraw, spot: int) -> None:
    draw.rectangle((spot - 8, 400, spot + 8, 660), fill=(88, 88, 90))
    draw.ellipse((spot - 66, 320, spot + 66, 452), fill=(188, 62, 52))
    draw.ellipse((spot - 44, 342, spot + 44, 430), fill=(244, 240, 232))


SUBJECTS = {
    "jalan": _hole,
    "banjir": _water,
    "air": _water,
    "sampah": _bags,
    "parkir": _car,
    "pohon": _branch,
    "kabel": _cable,
    "puing": _rubble,
}
