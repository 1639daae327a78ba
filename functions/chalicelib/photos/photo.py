"""A photo as it was sent, made fit to be public: a clean JPEG and a thumbnail, or a refusal.

The result is built from pixels alone, so no EXIF, GPS, XMP, IPTC, comment, colour profile or
appended data can survive. Bytes in, bytes out: no storage, no words for people (see PhotoCode),
and nothing done about faces or number plates in the picture.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from .photo_container import PhotoCode, PhotoError, Picture, read

if TYPE_CHECKING:  # Pillow is imported only when there is a photo
    from PIL import Image, ImageFile

__all__ = ["PhotoCode", "PhotoError", "ProcessedPhoto", "process"]


# Most pixels by format and by whether decoding needs memory for all of them (Picture.whole). A baseline
# JPEG, what cameras write, is shrunk while it is decoded: 50 megapixels take 15 MB. The others take 7 to 12
# bytes per pixel, WebP 17: each stays under 200 MB at its limit.
MAX_PIXELS = {
    ("JPEG", False): 50_000_000,
    ("JPEG", True): 16_000_000,
    ("PNG", True): 16_000_000,
    ("WEBP", True): 9_000_000,
}
MIN_SIDE = 32  # pixels; less shows nothing: tracking pixels, icons
QUALITY, THUMB_QUALITY = 80, 72  # as libjpeg counts


@dataclass(frozen=True, slots=True)
class ProcessedPhoto:
    """A photo that may be published: progressive JPEG in sRGB, upright, pixels and nothing else."""

    image: bytes
    thumb: bytes
    width: int
    height: int
    thumb_width: int
    thumb_height: int
    sha256: str  # of `image`, in hexadecimal
    format: str  # what came in: "JPEG", "PNG" or "WEBP"


def process(
    data: bytes, *, max_bytes: int = 15_000_000, max_side: int = 2048, thumb_side: int = 320
) -> ProcessedPhoto:
    """The photo in `data`, upright, at most `max_side` pixels on its longest side, and clean.

    Transparency becomes white, an animation its first frame, any colour space sRGB. The same bytes
    give the same result on the same Pillow. Raises PhotoError; sizes are checked in the header,
    before anything is decoded.
    """
    if len(data) > max_bytes:
        raise PhotoError(PhotoCode.TOO_LARGE, f"{len(data)} bytes; at most {max_bytes} are taken")
    picture = read(data)
    _check_size(picture)
    image = _decode(picture, max_side)
    if picture.deep and image.mode.startswith("I"):
        image = _eight_bit(image)
    image = _fit(_plain(image), max_side)
    image = _upright(_srgb(_flat(image), picture.profile), picture.orientation)
    thumb = _fit(image, thumb_side)
    encoded = _encode(image, QUALITY)
    return ProcessedPhoto(
        image=encoded,
        thumb=_encode(thumb, THUMB_QUALITY),
        width=image.width,
        height=image.height,
        thumb_width=thumb.width,
        thumb_height=thumb.height,
        sha256=hashlib.sha256(encoded).hexdigest(),
        format=picture.format,
    )


def _check_size(picture: Picture) -> None:
    width, height = picture.width, picture.height
    most = MAX_PIXELS[picture.format, picture.whole]
    if width * height > most:
        raise PhotoError(
            PhotoCode.TOO_MANY_PIXELS, f"{width} by {height} pixels; at most {most} in this kind of file"
        )
    if min(width, height) < MIN_SIDE:
        raise PhotoError(PhotoCode.TOO_SMALL, f"{width} by {height} pixels; at least {MIN_SIDE} on each side")


def _decode(picture: Picture, max_side: int) -> Image.Image:
    """Pixels, with the one decoder that belongs to the file's first bytes.

    Pillow's decoders are called directly, not through Image.open: no other decoder can be tried, and
    no process-wide limit or warning has a say.
    """
    from PIL.JpegImagePlugin import JpegImageFile
    from PIL.PngImagePlugin import PngImageFile
    from PIL.WebPImagePlugin import WebPImageFile

    decoders: dict[str, type[ImageFile.ImageFile]] = {
        "JPEG": JpegImageFile,
        "PNG": PngImageFile,
        "WEBP": WebPImageFile,
    }
    try:
        image = decoders[picture.format](BytesIO(picture.stream))
        if image.size != (picture.width, picture.height):
            raise ValueError(f"the decoder finds {image.size}, the header says otherwise")
        if scale := _jpeg_scale(picture, max_side):
            image.draft(None, (picture.width // scale, picture.height // scale))
        image.load()
    except MemoryError:
        raise
    except Exception as error:  # a decoder may raise anything at all on hostile bytes
        raise PhotoError(PhotoCode.BROKEN, f"{picture.format} can't be decoded: {error!r}") from error
    return image


def _jpeg_scale(picture: Picture, max_side: int) -> int:
    """The most libjpeg may shrink while decoding (by 2, 4 or 8), or 0.

    A result up to 8 % short of `max_side` is let pass: it turns the usual 4000 and 8000 pixels into 2000
    in a quarter of the time and memory.
    """
    if picture.format != "JPEG":
        return 0
    longest, shortest = max(picture.width, picture.height), min(picture.width, picture.height)
    return next((by for by in (8, 4, 2) if longest // by >= 0.92 * max_side and shortest >= 2 * by), 0)


def _eight_bit(image: Image.Image) -> Image.Image:
    """16-bit grey as 8-bit grey by its high bytes (Pillow's own conversion has clipped instead)."""
    from PIL import Image

    order = 0 if image.mode == "I;16B" else 1
    return Image.frombytes("L", image.size, image.tobytes()[order::2])


def _plain(image: Image.Image) -> Image.Image:
    """A mode that can be resized smoothly: palettes, single bits and key colours spelt out."""
    if "transparency" in image.info:
        return image.convert("RGBA")
    return image.convert({"1": "L", "P": "RGB"}[image.mode]) if image.mode in ("1", "P") else image


def _fit(image: Image.Image, side: int) -> Image.Image:
    """The picture with at most `side` pixels on its longest side; never larger than it was."""
    from PIL.Image import Resampling

    longest = max(image.size)
    if longest <= side:
        return image
    width, height = (max(1, round(length * side / longest)) for length in image.size)
    return image.resize((width, height), Resampling.LANCZOS, reducing_gap=3.0)


def _flat(image: Image.Image) -> Image.Image:
    """Without transparency, on white."""
    from PIL import Image

    if image.mode not in ("LA", "RGBA"):
        return image
    base = image.mode.removesuffix("A")
    flat = Image.new(base, image.size, "white")
    flat.paste(image.convert(base), mask=image.getchannel("A"))
    return flat


def _srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """As RGB in sRGB. A profile that is broken or of another colour space is passed over."""
    if profile is not None:
        from PIL import ImageCms

        space = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}.get(image.mode)
        try:
            source = ImageCms.getOpenProfile(BytesIO(profile))
            if source.profile.xcolor_space.strip() == space:
                target = ImageCms.createProfile("sRGB")
                converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
                return converted or image.convert("RGB")
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass  # colours a little off are better than a report without its photo
    return image.convert("RGB")


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image.transpose(turns[orientation]) if orientation in turns else image


def _encode(image: Image.Image, quality: int) -> bytes:
    """Progressive JPEG of the pixels alone: a new image, so that nothing attached to the old one follows."""
    from PIL import Image

    bare = Image.new("RGB", image.size)
    bare.paste(image)
    out = BytesIO()
    bare.save(out, "JPEG", quality=quality, progressive=True, optimize=True, subsampling="4:2:0")
    return out.getvalue()
