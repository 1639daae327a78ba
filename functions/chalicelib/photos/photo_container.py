"""Reads the files that photos arrive in (JPEG, PNG, WebP) and takes out the bare picture.

Answers size, orientation and colour profile, and hands on only the parts that a decoder needs:
EXIF, GPS, XMP, IPTC, comments, previews, animation and anything appended end here, before a
decoder sees the file. Decodes no pixels and knows no policy on size; photo.py does.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class PhotoCode(StrEnum):
    """Why a photo was refused. The words for people are looked up by these codes elsewhere."""

    NOT_A_PHOTO = "not_a_photo"  # not a JPEG, PNG or WebP file
    HEIC = "heic"  # an iPhone's own format: worth advice of its own
    TOO_LARGE = "too_large"  # more bytes than allowed
    TOO_MANY_PIXELS = "too_many_pixels"  # width times height is more than allowed
    TOO_SMALL = "too_small"  # nothing could be seen on it
    BROKEN = "broken"  # cut short, damaged, or in a variant no camera writes


class PhotoError(ValueError):
    """A photo was refused: `code` for programs and translations, `detail` for operators' logs."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = PhotoCode(code)
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture without anything around it. Sizes in pixels, before `orientation` is applied."""

    format: str  # "JPEG", "PNG" or "WEBP", as Pillow names them
    stream: bytes  # a complete file of that format with only what decoding needs
    width: int
    height: int
    orientation: int  # EXIF's 1 to 8; 1 when the file says nothing usable
    profile: bytes | None  # ICC profile
    whole: bool  # decoding needs memory for every pixel: it can't be shrunk on the way
    deep: bool  # 16 bits per sample


# More parts than any camera or editor writes; a hostile file has millions and costs us the time.
MAX_JPEG_SEGMENTS = 4_096
MAX_JPEG_SCANS = 64
MAX_PNG_CHUNKS = 100_000
MAX_WEBP_CHUNKS = 1_000
# Profiles of cameras and phones have 0.5 to 4 kB, those of printers up to 2 MB.
MAX_PROFILE_BYTES = 4_000_000

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_HEIF_BRANDS = {b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}


def read(data: bytes) -> Picture:
    """The bare picture in a JPEG, PNG or WebP file, told apart by its first bytes alone.

    Raises PhotoError: `not_a_photo`, `heic` or `broken`.
    """
    if data.startswith(b"\xff\xd8\xff"):
        return _read_jpeg(data)
    if data.startswith(_PNG_SIGNATURE):
        return _read_png(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _read_webp(data)
    if data[4:8] == b"ftyp":
        brands = {data[8:12]} | {data[i : i + 4] for i in range(16, min(data[3], 128), 4)}
        if not brands & _AVIF_BRANDS and brands & (_HEIC_BRANDS | _HEIF_BRANDS):
            raise PhotoError(PhotoCode.HEIC, f"a HEIF file of brand {data[8:12]!r}; needed JPEG, PNG or WebP")
    raise PhotoError(
        PhotoCode.NOT_A_PHOTO, f"begins with {data[:12]!r}; needed the first bytes of JPEG, PNG or WebP"
    )


def _broken(detail: str) -> PhotoError:
    return PhotoError(PhotoCode.BROKEN, detail)


# --- JPEG: ITU-T T.81, annex B; JFIF; Adobe's APP14; ICC.1 annex B.4 for profiles -------------------

_EOI, _SOS, _DHT, _DAC, _DQT, _DRI = 0xD9, 0xDA, 0xC4, 0xCC, 0xDB, 0xDD
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
_SEQUENTIAL, _PROGRESSIVE = (0xC0, 0xC1), 0xC2
_FRAMES = set(range(0xC0, 0xD0)) - {_DHT, 0xC8, _DAC}
# What a decoder needs: tables, frame and scans; and two application segments that tell colour spaces.
_DECODING = _FRAMES | {_DHT, _DQT, _DRI, _SOS}
_DECODING_APPS = {_APP0: b"JFIF\0", _APP14: b"Adobe"}
# The end of entropy-coded data: any marker but a stuffed zero, a restart, or padding.
_NEXT_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


def _read_jpeg(data: bytes) -> Picture:
    frame: tuple[int, int, int, int] | None = None  # kind, precision, height, width
    scans = coded = 0
    orientation = 1
    profile: dict[int, bytes] = {}
    kept = [b"\xff\xd8"]
    for marker, start, end in _jpeg_segments(data):
        body = data[start + 2 : start + int.from_bytes(data[start : start + 2])]
        if marker in _FRAMES:
            if frame is not None or len(body) < 6:
                raise _broken("JPEG with a second or a cut frame header")
            frame = (marker, *struct.unpack_from(">BHH", body))
        elif marker == _SOS:
            scans += 1
            coded += end - start - len(body)
        elif marker == _APP1 and body.startswith(b"Exif\0\0") and orientation == 1:
            orientation = _orientation(body)
        elif marker == _APP2 and body.startswith(b"ICC_PROFILE\0") and len(body) > 14:
            profile[body[12]] = body[14:]
        if marker in _DECODING or (marker in _DECODING_APPS and body.startswith(_DECODING_APPS[marker])):
            kept.append(data[start - 2 : end])
    if frame is None or not 0 < scans <= MAX_JPEG_SCANS:
        raise _broken(f"JPEG with {scans} scans of a frame {frame}; at most {MAX_JPEG_SCANS} are taken")
    kept.append(b"\xff\xd9")
    kind, precision, height, width = frame
    if kind not in (*_SEQUENTIAL, _PROGRESSIVE) or precision != 8:
        raise _broken(f"JPEG of process {kind:02x}, {precision} bits; cameras write baseline or progressive")
    # A block of 8 by 8 pixels takes two Huffman codes of one bit or more: less is a file cut short
    # and closed again, or a bomb.
    if kind in _SEQUENTIAL and coded * 4 < -(-width // 8) * -(-height // 8):
        raise _broken(f"JPEG of {width} by {height} pixels has only {coded} bytes for them")
    return Picture(
        format="JPEG",
        stream=b"".join(kept),
        width=width,
        height=height,
        orientation=orientation,
        profile=_bounded(b"".join(profile[number] for number in sorted(profile))),
        whole=kind == _PROGRESSIVE or scans > 1,
        deep=False,
    )


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Each segment up to the end of the image: marker, start (after the marker), end (with coded data)."""
    position = 2
    for _ in range(MAX_JPEG_SEGMENTS):
        marker, start = _jpeg_marker(data, position)
        if marker == _EOI:
            return
        length = int.from_bytes(data[start : start + 2])
        position = start + length
        if length < 2 or position > len(data):
            raise _broken(f"JPEG segment {marker:02x} at byte {start} is cut short")
        if marker == _SOS:
            found = _NEXT_MARKER.search(data, position)
            if found is None:
                raise _broken(f"JPEG scan at byte {start} has no end")
            position = found.start()
        yield marker, start, position
    raise _broken(f"JPEG of more than {MAX_JPEG_SEGMENTS} segments")


def _jpeg_marker(data: bytes, position: int) -> tuple[int, int]:
    """The marker at `position` and where its segment starts; 0xFF may be repeated as padding."""
    start = position
    while data[position : position + 1] == b"\xff":
        position += 1
    if position == start or position >= len(data) or data[position] < 0xC0:
        raise _broken(f"JPEG without a marker at byte {start}: cut short or damaged")
    return data[position], position + 1


# --- PNG: W3C Portable Network Graphics, third edition -----------------------------------------------

_PNG_KEPT = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}


def _read_png(data: bytes) -> Picture:
    if data[8:16] != b"\0\0\0\x0dIHDR":
        raise _broken("PNG that doesn't begin with its header")
    width, height, depth = struct.unpack_from(">IIB", data.ljust(33, b"\0"), 16)
    orientation = 1
    profile: bytes | None = None
    kept = [_PNG_SIGNATURE]
    position = len(_PNG_SIGNATURE)
    for _ in range(MAX_PNG_CHUNKS):
        length = int.from_bytes(data[position : position + 4])
        kind = data[position + 4 : position + 8]
        end = position + 12 + length
        if len(kind) < 4 or end > len(data):
            raise _broken(f"PNG cut short in the chunk {kind!r} at byte {position}")
        body = memoryview(data)[position + 8 : end - 4]
        if kind in _PNG_KEPT:
            if zlib.crc32(body, zlib.crc32(kind)) != int.from_bytes(data[end - 4 : end]):
                raise _broken(f"PNG with a damaged chunk {kind!r} at byte {position}")
            # The one transparent colour of a 16-bit picture is in 16 bits; the picture leaves in 8.
            if kind != b"tRNS" or depth != 16:
                kept.append(data[position:end])
        elif kind[0] & 0x20 == 0:
            raise _broken(f"PNG needs the unknown chunk {kind!r}")
        elif kind == b"eXIf":
            orientation = _orientation(bytes(body))
        elif kind == b"iCCP":
            profile = _png_profile(bytes(body))
        position = end
        if kind == b"IEND":
            break
    else:
        raise _broken(f"PNG of more than {MAX_PNG_CHUNKS} chunks")
    return Picture(
        format="PNG",
        stream=b"".join(kept),
        width=width,
        height=height,
        orientation=orientation,
        profile=profile,
        whole=True,
        deep=depth == 16,
    )


def _png_profile(body: bytes) -> bytes | None:
    _, _, packed = body.partition(b"\0")
    try:
        return _bounded(zlib.decompressobj().decompress(packed[1:], MAX_PROFILE_BYTES + 1))
    except zlib.error:
        return None


# --- WebP: RFC 9649 -----------------------------------------------------------------------------------

_WEBP_KEPT = {b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF"}
_VP8X_METADATA = 0x20 | 0x08 | 0x04  # the flags of ICC profile, EXIF and XMP


def _read_webp(data: bytes) -> Picture:
    end_of_file = 8 + int.from_bytes(data[4:8], "little")
    if end_of_file > len(data):
        raise _broken(f"WebP of {len(data)} bytes that should have {end_of_file}")
    size: tuple[int, int] | None = None
    orientation = 1
    profile: bytes | None = None
    kept: list[bytes] = []
    seen: set[bytes] = set()
    position = 12
    for _ in range(MAX_WEBP_CHUNKS):
        if position + 8 > end_of_file:
            break
        kind = data[position : position + 4]
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        end = position + 8 + length + length % 2
        if end - length % 2 > end_of_file:
            raise _broken(f"WebP cut short in the chunk {kind!r} at byte {position}")
        body = data[position + 8 : position + 8 + length]
        # Of an animation the first frame is enough: the same kind a second time is left out.
        if kind in _WEBP_KEPT and kind not in seen:
            size = size or _webp_size(kind, body)
            if kind == b"VP8X":
                body = bytes([body[0] & ~_VP8X_METADATA]) + body[1:]
            kept.append(kind + length.to_bytes(4, "little") + body + b"\0" * (length % 2))
        elif kind == b"EXIF":
            orientation = _orientation(body)
        elif kind == b"ICCP":
            profile = _bounded(body)
        seen.add(kind)
        position = end
    else:
        raise _broken(f"WebP of more than {MAX_WEBP_CHUNKS} chunks")
    if size is None:
        raise _broken("WebP without a picture in it")
    payload = b"WEBP" + b"".join(kept)
    return Picture(
        format="WEBP",
        stream=b"RIFF" + len(payload).to_bytes(4, "little") + payload,
        width=size[0],
        height=size[1],
        orientation=orientation,
        profile=profile,
        whole=True,
        deep=False,
    )


def _webp_size(kind: bytes, body: bytes) -> tuple[int, int]:
    """Width and height that the first chunk gives, as libwebp will find them."""
    if kind == b"VP8X" and len(body) >= 10:
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a" and len(body) >= 10:
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L" and body[:1] == b"\x2f" and len(body) >= 5:
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    raise _broken(f"WebP that begins with an unreadable chunk {kind!r}")


# --- What the formats share ----------------------------------------------------------------------------


def _bounded(profile: bytes) -> bytes | None:
    return profile if 0 < len(profile) <= MAX_PROFILE_BYTES else None


def _orientation(exif: bytes) -> int:
    """Tag 0x0112 of the first directory (TIFF 6.0, section 8); 1, upright, when it can't be read.

    A broken EXIF block is no reason to refuse a photo: nothing else of it is used.
    """
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        (directory,) = struct.unpack_from(order + "I", tiff, 4)
        (entries,) = struct.unpack_from(order + "H", tiff, directory)
        for entry in range(directory + 2, directory + 2 + 12 * entries, 12):
            tag, kind = struct.unpack_from(order + "HH", tiff, entry)
            if tag == 0x0112:
                (value,) = struct.unpack_from(order + ("I" if kind == 4 else "H"), tiff, entry + 8)
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1
