"""The picture that goes along when a report is shared: its photo, its place on the outline, what and where it is.

Draws with Pillow, imported when the first card is drawn. Shows facts only, never the words of
a report; the same view gives the same bytes on the same Pillow. Stores nothing.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from web.maps import Maps
from web.vocabulary import kota_name, written_id

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

SIZE = (1200, 630)
"""Pixels, as Open Graph's readers show it: 1.91 to 1."""
HALF = 600
QUALITY = 80
DRAWING = 1
"""Goes up when the drawing changes, so that cards are drawn anew."""
PAPER, INK, SOFT, ACCENT, SEA, LAND, RED = (
    "#f9f5ec", "#1d2528", "#586165", "#0e5468", "#e9eeea", "#cfdfda", "#b4271d",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CardView:
    """What a card shows. Longitude and latitude in degrees, WGS 84; None when only the kelurahan is known."""

    report: str
    category: str
    """Its name in Indonesian."""
    kode: str
    kelurahan: str
    kecamatan: str
    kota: str
    longitude: float | None
    latitude: float | None
    photo: str
    """Where the first photo lies, "" when there is none."""
    example: bool


def path(view: CardView, boundaries: str) -> str:
    """Where the card lies: its name changes with what it shows, so that it is drawn once and kept for long."""
    facts = [str(each) for each in (DRAWING, boundaries, *_facts(view))]
    digest = hashlib.sha256("\n".join(facts).encode()).hexdigest()
    return f"foto/{view.report}/kartu-{digest[:16]}.jpg"


def _facts(view: CardView) -> tuple[Any, ...]:
    return tuple(getattr(view, name) for name in CardView.__slots__)


def draw(view: CardView, photo: bytes | None, maps: Maps, font: Path) -> bytes:
    """The card as JPEG. `photo` is a JPEG of ours; without one the map has its place. `font` is the site's own."""
    from PIL import Image, ImageDraw

    card = Image.new("RGB", SIZE, PAPER)
    pen = ImageDraw.Draw(card)
    if photo:
        card.paste(_cropped(photo, (HALF, SIZE[1])), (0, 0))
        pen.rectangle((HALF, 450, *SIZE), fill=SEA)
        _map(card, view, maps, (HALF + 60, 466, 480, 148))
    else:
        pen.rectangle((0, 0, HALF, SIZE[1]), fill=SEA)
        _map(card, view, maps, (40, 40, HALF - 80, SIZE[1] - 80))
    faces = {name: _face(font, size, weight) for name, size, weight in FACES}
    words = _Writer(pen, HALF + 60, SIZE[0] - HALF - 110)
    y = words.block(56, "CCTV Warga", faces["brand"], ACCENT)
    y = words.block(y + 34, view.category, faces["title"], INK, most=2)
    y = words.block(y + 10, f"{view.kelurahan}, {kota_name(view.kota)}", faces["text"], INK, most=2)
    number = written_id(view.report)
    words.block(y + 12, f"{number} · contoh" if view.example else number, faces["text"], SOFT)
    kept = io.BytesIO()
    card.save(kept, "JPEG", quality=QUALITY, optimize=True, progressive=True, subsampling="4:2:0")
    return kept.getvalue()


FACES: Sequence[tuple[str, int, int]] = (("brand", 30, 700), ("title", 58, 800), ("text", 34, 500))
"""Name, size in pixels, and weight of the faces."""


def _face(font: Path, size: int, weight: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    from PIL import ImageFont

    try:
        face = ImageFont.truetype(str(font), size)
        face.set_variation_by_axes([weight])
    except OSError:
        # A FreeType without WOFF2: a plainer letter is better than no picture.
        return ImageFont.load_default(size)
    return face


def _cropped(photo: bytes, size: tuple[int, int]) -> Image.Image:
    """The middle of a photo, filling `size`."""
    from PIL import Image, ImageOps
    from PIL.JpegImagePlugin import JpegImageFile

    picture = JpegImageFile(io.BytesIO(photo))
    picture.draft("RGB", (size[0], size[1]))
    return ImageOps.fit(picture.convert("RGB"), size, Image.Resampling.LANCZOS)


def _map(card: Image.Image, view: CardView, maps: Maps, box: tuple[int, int, int, int]) -> None:
    """The kelurahan's outline inside `box` (left, top, width, height), with the pin; drawn large and made small."""
    from PIL import Image, ImageDraw

    found = maps.rings(view.kode)
    if found is None:
        return
    frame, rings = found
    fine = 2
    left, top, width, height = box
    scale = min(width / frame.width, height / frame.height) * fine
    sheet = card.crop((left, top, left + width, top + height)).resize((width * fine, height * fine))
    pen = ImageDraw.Draw(sheet)
    dx, dy = (width * fine - frame.width * scale) / 2, (height * fine - frame.height * scale) / 2
    for ring in rings:
        points = [(dx + x * scale, dy + y * scale) for x, y in ring]
        pen.polygon(points, fill=LAND)
        pen.line([*points, points[0]], fill=ACCENT, width=3 * fine, joint="curve")
    if view.longitude is not None and view.latitude is not None:
        x, y = frame.place(view.longitude, view.latitude)
        _pin(pen, dx + x * scale, dy + y * scale, 15.0 * fine)
    card.paste(sheet.resize((width, height), Image.Resampling.LANCZOS), (left, top))


def _pin(pen: ImageDraw.ImageDraw, x: float, y: float, r: float) -> None:
    """A pin whose point is at (x, y)."""
    top = y - 2.2 * r
    pen.polygon([(x, y), (x - 0.86 * r, top + 0.5 * r), (x + 0.86 * r, top + 0.5 * r)], fill=RED)
    pen.ellipse((x - r, top - r, x + r, top + r), fill=RED)
    pen.ellipse((x - 0.4 * r, top - 0.4 * r, x + 0.4 * r, top + 0.4 * r), fill=PAPER)


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes words from a left edge within a width, in pixels."""

    pen: ImageDraw.ImageDraw
    left: int
    width: int

    def block(self, y: int, text: str, face: Any, fill: str, *, most: int = 1) -> int:
        """Words in at most `most` lines, the last cut with an ellipsis; returns where the next may begin."""
        lines: list[str] = []
        for word in text.split():
            tried = f"{lines[-1]} {word}" if lines else word
            if lines and (len(lines) > most or self.pen.textlength(tried, font=face) <= self.width):
                lines[-1] = tried
            else:
                lines.append(word)
        if len(lines) > most:
            lines = [*lines[: most - 1], f"{lines[most - 1]} …"]
        for line in lines:
            self.pen.text((self.left, y), line, font=face, fill=fill)
            y += int(face.size * 1.3)
        return y


def font_of(build: Path, manifest: Mapping[str, Any]) -> Path:
    """The site's own face among the built assets."""
    return build / str(manifest["assets"]["font.woff2"])
