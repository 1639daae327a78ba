"""Synthetic example reports: in every state, all over the city, told in plain words. Never real people's.

Shares of categories follow what Jakarta published for January 2023 (roads most, then
public order, public facilities, traffic); everything else is made up, and every
report carries `example`, so that every page labels it. The same seed gives the
same reports. They come through the one door and move by the officers' own rules.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib import desk, intake
from chalicelib.lifecycle import Move
from chalicelib.problems import Refused
from chalicelib.report import Office
from chalicelib.storage.files import Files
from chalicelib.storage.table import Table
from chalicelib.submission import Submission

COUNT = 600
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
    # Squared, so that recent days hold more: a young service fills up.
    ages = sorted((DAYS * rng.random() ** 2 for _ in range(count)), reverse=True)
    ids: list[str] = []
    for number in progress([str(i) for i in range(count)], "example reports"):
        clock.now = now - timedelta(days=ages[int(number)], seconds=rng.randrange(60, 3600))
        accepted = _report(door, rng, with_photo=rng.random() < 0.18)
        ids.append(accepted.id)
        _life(officers, rng, clock, accepted, until=now, earlier=ids[:-1])
    return ids


def _report(door: intake.Door, rng: random.Random, *, with_photo: bool) -> intake.Accepted:
    codes = list(WEIGHTS)
    while True:
        category = rng.choices(codes, [WEIGHTS[code] for code in codes])[0]
        kode = rng.choice(
            [k for k in door.locator.by_kode if not k.startswith("31.01") or rng.random() < 0.1]
        )
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
    """A drawn picture in place of a photo: a street, a sky and the word CONTOH. JPEG."""
    from PIL import Image, ImageDraw, ImageFont

    width, height = 1200, 900
    sky = rng.choice(((205, 226, 236), (238, 221, 196), (190, 205, 214)))
    picture = Image.new("RGB", (width, height), sky)
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
    spot, across = rng.randrange(250, 950), rng.randrange(90, 170)
    accent = {"banjir": (92, 124, 140), "sampah": (74, 92, 60), "pohon": (72, 104, 62)}.get(
        category, (52, 50, 48)
    )
    draw.ellipse((spot - across, 690, spot + across, 690 + across), fill=accent)
    draw.text(
        (width - 30, height - 24),
        "CONTOH",
        fill=(255, 255, 255),
        anchor="rs",
        font=ImageFont.load_default(54),
    )
    kept = io.BytesIO()
    picture.save(kept, "JPEG", quality=80)
    return kept.getvalue()
