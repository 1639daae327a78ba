"""What photo.process promises: clean, upright, bounded JPEGs out of anything, or a refusal with a code.

Pictures are drawn here; metadata is written both by Pillow and by hand, so that nothing depends on Pillow
understanding it.
"""

from __future__ import annotations

import hashlib
import struct
import subprocess
import sys
import zlib
from functools import cache
from io import BytesIO

import pytest
from chalicelib.photos.photo import MAX_PIXELS, PhotoCode, PhotoError, ProcessedPhoto, process
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageCms, ImageFile, PngImagePlugin

SECRET = b"Bu-Siti-Rahasia-6.1754"
# Degrees, minutes and seconds as rationals, the way a phone writes where it stood.
LATITUDE = struct.pack(">6I", 6, 1, 10, 1, 314159, 10_000)
LONGITUDE = struct.pack(">6I", 106, 1, 49, 1, 271828, 10_000)
# Long enough that coded pixels don't spell them by chance; which segments there are is checked apart.
TRACES = [SECRET, LATITUDE, LONGITUDE, b"xmpmeta", b"Photoshop", b"ICC_PROFILE", b"<html><script>"]


def drawn(size: tuple[int, int] = (96, 64), mode: str = "RGB") -> Image.Image:
    """Four corners to tell apart (red, green, blue, white) and a slope between them."""
    image = Image.new("RGB", (2, 2))
    image.putdata([(220, 20, 20), (20, 200, 20), (20, 20, 220), (250, 250, 250)])
    return image.resize(size, Image.Resampling.NEAREST).convert(mode)


def saved(image: Image.Image, format: str = "JPEG", **options: object) -> bytes:
    out = BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def opened(photo: ProcessedPhoto) -> Image.Image:
    image = Image.open(BytesIO(photo.image))
    image.load()
    return image


def corners(image: Image.Image) -> str:
    """The corners' colours by their letters, clockwise from top left."""
    width, height = image.size
    at = [(3, 3), (width - 4, 3), (width - 4, height - 4), (3, height - 4)]
    names = {
        (True, False, False): "r",
        (False, True, False): "g",
        (False, False, True): "b",
        (True,) * 3: "w",
    }
    return "".join(names[tuple(value > 128 for value in image.convert("RGB").getpixel(xy))] for xy in at)


def exif(orientation: int = 1, order: str = ">") -> bytes:
    """An EXIF block by hand: orientation, an artist's name, and a GPS directory."""
    mark = b"MM\0*" if order == ">" else b"II*\0"
    pack = lambda pattern, *values: struct.pack(order + pattern, *values)  # noqa: E731
    first = 8
    gps = first + 2 + 3 * 12 + 4
    data = gps + 2 + 4 * 12 + 4
    entries = [
        pack("HHIH2x", 0x0112, 3, 1, orientation),
        pack("HHII", 0x013B, 2, len(SECRET), data + 48),
        pack("HHII", 0x8825, 4, 1, gps),
    ]
    places = [
        pack("HHI", 1, 2, 2) + b"S\0\0\0",
        pack("HHII", 2, 5, 3, data),
        pack("HHI", 3, 2, 2) + b"E\0\0\0",
        pack("HHII", 4, 5, 3, data + 24),
    ]
    tiff = mark + pack("I", first)
    tiff += pack("H", 3) + b"".join(entries) + pack("I", 0)
    tiff += pack("H", 4) + b"".join(places) + pack("I", 0)
    return b"Exif\0\0" + tiff + LATITUDE + LONGITUDE + SECRET


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunks(png: bytes, *chunks: bytes) -> bytes:
    return png[:33] + b"".join(chunks) + png[33:]


def with_riff(webp: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    tail = b"".join(k + struct.pack("<I", len(b)) + b + b"\0" * (len(b) % 2) for k, b in chunks)
    return webp[:4] + struct.pack("<I", len(webp) - 8 + len(tail)) + webp[8:] + tail


def jpeg_markers(jpeg: bytes) -> list[int]:
    """Markers up to the end of the image, which has to be the end of the file."""
    position, found = 2, [0xD8]
    while True:
        assert jpeg[position] == 0xFF
        marker = jpeg[position + 1]
        found.append(marker)
        if marker == 0xD9:
            assert position + 2 == len(jpeg), "something follows the end of the image"
            return found
        position += 2 + int.from_bytes(jpeg[position + 2 : position + 4])
        if marker == 0xDA:
            while jpeg[position] != 0xFF or jpeg[position + 1] in (0, *range(0xD0, 0xD8)):
                position += 1


def assert_clean(photo: ProcessedPhoto) -> None:
    """Only what makes a picture is in image and thumbnail, and their figures are true."""
    for jpeg in (photo.image, photo.thumb):
        assert set(jpeg_markers(jpeg)) <= {0xD8, 0xE0, 0xDB, 0xC2, 0xC4, 0xDA, 0xD9}
        assert jpeg[2:4] == b"\xff\xe0"
        assert jpeg[4:6] == b"\0\x10", "JFIF's own sixteen bytes and no more"
        for trace in TRACES:
            assert trace not in jpeg
    image, thumb = opened(photo), Image.open(BytesIO(photo.thumb))
    assert image.mode == thumb.mode == "RGB"
    assert image.info.keys() <= {
        "jfif",
        "jfif_version",
        "jfif_unit",
        "jfif_density",
        "progressive",
        "progression",
    }
    assert image.size == (photo.width, photo.height)
    assert thumb.size == (photo.thumb_width, photo.thumb_height)
    assert max(image.size) <= 2048
    assert max(thumb.size) <= 320
    assert photo.sha256 == hashlib.sha256(photo.image).hexdigest()


def refused(data: bytes, **options: int) -> PhotoCode:
    with pytest.raises(PhotoError) as caught:
        process(data, **options)
    assert caught.value.detail
    return caught.value.code


# --- Nothing but pixels -----------------------------------------------------------------------------


def test_a_jpeg_loses_everything_that_pillow_can_attach() -> None:
    tags = Image.Exif()
    tags[0x013B] = SECRET.decode()
    tags.get_ifd(0x8825).update({1: "S", 2: (6.0, 10.0, 31.4159), 3: "E", 4: (106.0, 49.0, 27.1828)})
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = saved(
        drawn(), exif=tags, xmp=b"<x:xmpmeta>" + SECRET, icc_profile=profile, comment=SECRET, dpi=(300, 300)
    )
    assert data.count(SECRET) >= 3
    assert_clean(process(data))


def test_a_jpeg_loses_segments_written_by_hand() -> None:
    data = with_segments(
        saved(drawn()),
        segment(0xE1, exif()),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>" + SECRET),
        segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + SECRET),
        segment(0xE2, b"MPF\0" + SECRET),
        segment(0xED, b"Photoshop 3.0\08BIM\x04\x04\0\0" + struct.pack(">I", len(SECRET)) + SECRET),
        segment(0xEB, SECRET),
        segment(0xFE, b"\0\0" + SECRET),
    )
    assert data.count(SECRET) == 7
    assert_clean(process(data))


def test_a_segment_between_scans_goes_too() -> None:
    data = saved(drawn(), progressive=True)
    scan = data.index(b"\xff\xda", data.index(b"\xff\xda") + 2)
    photo = process(data[:scan] + segment(0xE1, exif()) + segment(0xFE, SECRET) + data[scan:])
    assert_clean(photo)
    assert photo == process(data)


def test_a_png_loses_its_texts_and_exif() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", SECRET.decode())
    info.add_text("Packed", SECRET.decode() * 3, zip=True)
    info.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta>" + SECRET.decode())
    data = with_chunks(
        saved(drawn(), "PNG", pnginfo=info), chunk(b"eXIf", exif()[6:]), chunk(b"tEXt", b"GPS\0" + SECRET)
    )
    assert data.count(SECRET) >= 4
    photo = process(data)
    assert_clean(photo)
    assert photo.format == "PNG"


@pytest.mark.parametrize("lossless", [False, True])
def test_a_webp_loses_its_exif_and_xmp(lossless: bool) -> None:
    data = saved(drawn(), "WEBP", exif=exif(), xmp=b"<x:xmpmeta>" + SECRET, lossless=lossless)
    data = with_riff(data, (b"XMP ", SECRET), (b"CCTV", SECRET))
    assert data.count(SECRET) == 4
    photo = process(data)
    assert_clean(photo)
    assert photo.format == "WEBP"


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_a_page_hidden_behind_the_picture_is_gone(format: str) -> None:
    data = saved(drawn(), format)
    photo = process(data + b"<html><script>" + SECRET + b"</script>")
    assert_clean(photo)
    assert photo == process(data)


def test_a_second_picture_in_the_file_is_gone() -> None:
    one, other = drawn(), Image.new("RGB", (96, 64), "black")
    photo = process(saved(one, "MPO", save_all=True, append_images=[other]))
    assert_clean(photo)
    assert corners(opened(photo)) == "rgwb"


# --- Upright ------------------------------------------------------------------------------------------

TURNED = {1: "rgwb", 2: "grbw", 3: "wbrg", 4: "bwgr", 5: "rbwg", 6: "brgw", 7: "wgrb", 8: "gwbr"}


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_ends_upright(orientation: int, order: str) -> None:
    photo = process(with_segments(saved(drawn()), segment(0xE1, exif(orientation, order))))
    assert (photo.width, photo.height) == ((64, 96) if orientation >= 5 else (96, 64))
    assert corners(opened(photo)) == TURNED[orientation]
    assert corners(Image.open(BytesIO(photo.thumb))) == TURNED[orientation]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_found_in_png_and_webp(orientation: int) -> None:
    png = with_chunks(saved(drawn(), "PNG"), chunk(b"eXIf", exif(orientation)[6:]))
    webp = saved(drawn(), "WEBP", lossless=True, exif=exif(orientation))
    assert corners(opened(process(png))) == corners(opened(process(webp))) == TURNED[orientation]


def test_the_table_of_orientations_is_what_pillow_does() -> None:
    from PIL import ImageOps

    for orientation, expected in TURNED.items():
        data = with_segments(saved(drawn()), segment(0xE1, exif(orientation)))
        assert corners(ImageOps.exif_transpose(Image.open(BytesIO(data)))) == expected


@pytest.mark.parametrize(
    "block", [b"", b"MM\0*", b"MM\0*\xff\xff\xff\xff", exif()[6:40], exif(9)[6:], b"II*\0" * 9]
)
def test_a_broken_exif_block_leaves_the_photo_as_it_is(block: bytes) -> None:
    photo = process(with_segments(saved(drawn()), segment(0xE1, b"Exif\0\0" + block)))
    assert corners(opened(photo)) == TURNED[1]


# --- Sizes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "result", "thumb"),
    [
        ((4000, 3000), (2000, 1500), (320, 240)),
        ((3000, 4000), (1500, 2000), (240, 320)),
        ((2500, 1000), (2048, 819), (320, 128)),
        ((2048, 40), (2048, 40), (320, 6)),
        ((5000, 32), (2048, 13), (320, 2)),
        ((300, 200), (300, 200), (300, 200)),
        ((32, 32), (32, 32), (32, 32)),
    ],
)
def test_large_photos_shrink_and_small_ones_stay(
    size: tuple[int, int], result: tuple[int, int], thumb: tuple[int, int]
) -> None:
    photo = process(saved(drawn(size)))
    assert (photo.width, photo.height) == result
    assert (photo.thumb_width, photo.thumb_height) == thumb
    assert_clean(photo)
    if min(result) > 8:
        assert corners(opened(photo)) == "rgwb"


def test_other_sizes_are_a_parameter() -> None:
    photo = process(saved(drawn((1000, 500))), max_side=400, thumb_side=100)
    assert (photo.width, photo.height, photo.thumb_width, photo.thumb_height) == (400, 200, 100, 50)


def test_the_result_is_progressive_and_the_same_every_time() -> None:
    data = saved(drawn((900, 700)), "PNG")
    assert process(data) == process(data)
    assert 0xC2 in jpeg_markers(process(data).image)


# --- Kinds of pictures ----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "L", "P", "1"])
@pytest.mark.parametrize("size", [(96, 64), (2600, 400)])
def test_every_mode_of_a_png_becomes_a_clean_jpeg(mode: str, size: tuple[int, int]) -> None:
    photo = process(saved(drawn(size, mode), "PNG"))
    assert_clean(photo)
    if mode in ("RGB", "RGBA", "P"):
        assert corners(opened(photo)) == "rgwb"


@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_what_was_transparent_becomes_white(format: str) -> None:
    image = drawn(mode="RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size).point(lambda value: 255 * (value > 128)))
    result = opened(process(saved(image, format, lossless=True)))
    assert corners(result) == "wwwb"


def test_half_transparent_mixes_with_white() -> None:
    result = opened(process(saved(Image.new("RGBA", (64, 64), (0, 0, 0, 128)), "PNG")))
    assert all(abs(value - 127) <= 2 for value in result.getpixel((32, 32)))


@pytest.mark.parametrize("mode", ["P", "L", "RGB"])
def test_a_colour_declared_transparent_becomes_white(mode: str) -> None:
    image = Image.new("RGB", (64, 64), (10, 10, 10))
    image = image.quantize(4) if mode == "P" else image.convert(mode)
    key = {"P": image.getpixel((0, 0)), "L": 10, "RGB": (10, 10, 10)}[mode]
    result = opened(process(saved(image, "PNG", transparency=key)))
    assert min(result.getpixel((32, 32))) >= 253


def deep_png(kind: int, row: bytes, *before: bytes) -> bytes:
    """Forty equal rows of forty pixels with 16 bits per sample."""
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 40, 40, 16, kind, 0, 0, 0))
    packed = zlib.compress((b"\0" + row) * 40)
    return png + b"".join(before) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def test_grey_of_sixteen_bits_keeps_its_shades() -> None:
    result = opened(process(deep_png(0, b"\x20\xff" * 20 + b"\x80\x01" * 20)))
    assert abs(result.getpixel((5, 20))[0] - 0x20) <= 2
    assert abs(result.getpixel((35, 20))[0] - 0x80) <= 2


@pytest.mark.parametrize(("kind", "samples"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_sixteen_bits_per_sample_of_every_kind(kind: int, samples: int) -> None:
    colour = b"\x90\x12" * samples
    photo = process(deep_png(kind, colour * 40, *([chunk(b"tRNS", colour)] if kind in (0, 2) else [])))
    assert_clean(photo)
    shade = 0x90 if kind in (0, 2) else 255 - (255 - 0x90) * 0x90 // 255
    assert all(abs(value - shade) <= 2 for value in opened(photo).getpixel((20, 20)))


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_print_jpegs_become_rgb(mode: str) -> None:
    photo = process(saved(drawn((3000, 2000), mode)))
    assert_clean(photo)
    if mode == "CMYK":
        assert corners(opened(photo)) == "rgwb"


@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_of_an_animation_the_first_frame_is_taken(format: str) -> None:
    later = [Image.new("RGB", (96, 64), colour) for colour in ("black", "white", "black")]
    data = saved(drawn(), format, save_all=True, append_images=later, duration=100, lossless=True)
    photo = process(data)
    assert_clean(photo)
    assert corners(opened(photo)) == "rgwb"


def test_colours_of_a_profile_are_turned_into_srgb() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    swapped = bytearray(lab.tobytes())
    # A profile with red's and green's primaries exchanged: a photo in it must come out exchanged.
    red, green = swapped.index(b"rXYZ", 128), swapped.index(b"gXYZ", 128)
    swapped[red : red + 4], swapped[green : green + 4] = b"gXYZ", b"rXYZ"
    for format in ("JPEG", "PNG", "WEBP"):
        data = saved(drawn(), format, icc_profile=bytes(swapped))
        photo = process(data)
        assert_clean(photo)
        assert corners(opened(photo)) == "grwb"
        plain = process(saved(drawn(), format, icc_profile=lab.tobytes()))
        difference = ImageChops.difference(opened(plain), opened(process(saved(drawn(), format))))
        assert max(high for _, high in difference.getextrema()) <= 6


@pytest.mark.parametrize("profile", [b"\0", SECRET * 20, b"acsp" * 64])
def test_a_broken_profile_does_not_cost_the_photo(profile: bytes) -> None:
    for format in ("JPEG", "PNG", "WEBP"):
        photo = process(saved(drawn(), format, icc_profile=profile))
        assert_clean(photo)
        assert corners(opened(photo)) == "rgwb"


def test_a_profile_of_another_colour_space_is_passed_over() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert_clean(process(saved(drawn(mode="L"), icc_profile=profile)))


# --- Refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"GIF89a" + bytes(50),
        b"BM" + bytes(50),
        b"II*\0" + bytes(50),
        b"%PDF-1.7",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"RIFF\x10\0\0\0WAVEfmt ",
        b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf",
        b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",
    ],
)
def test_other_files_are_not_photos(data: bytes) -> None:
    assert refused(data) is PhotoCode.NOT_A_PHOTO


@pytest.mark.parametrize(
    "data",
    [
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99),
        b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(99),
        b"\0\0\0\x14ftypmsf1\0\0\0\0hevc" + bytes(99),
    ],
)
def test_an_iphones_own_format_has_a_code_of_its_own(data: bytes) -> None:
    assert refused(data) is PhotoCode.HEIC


@pytest.mark.parametrize("format", ["GIF", "BMP", "TIFF", "ICO", "PPM"])
def test_formats_that_pillow_could_read_are_refused(format: str) -> None:
    assert refused(saved(drawn(), format)) is PhotoCode.NOT_A_PHOTO


def test_the_first_bytes_decide_and_no_other_decoder_is_tried() -> None:
    gif = saved(drawn(), "GIF")
    assert refused(b"\xff\xd8\xff\xe0" + gif) is PhotoCode.BROKEN
    assert refused(b"\x89PNG\r\n\x1a\n" + saved(drawn())) is PhotoCode.BROKEN
    assert refused(b"RIFF" + struct.pack("<I", len(gif) + 4) + b"WEBP" + gif) is PhotoCode.BROKEN


def test_more_bytes_than_allowed_are_refused_unread() -> None:
    data = saved(drawn())
    assert refused(data, max_bytes=len(data) - 1) is PhotoCode.TOO_LARGE
    assert process(data, max_bytes=len(data)).width == 96


@pytest.mark.parametrize("size", [(31, 400), (400, 31), (1, 1)])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_specks_are_too_small(format: str, size: tuple[int, int]) -> None:
    assert refused(saved(drawn(size), format)) is PhotoCode.TOO_SMALL


def png_bomb(width: int, height: int) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(9999))) + chunk(b"IEND", b"")


def jpeg_of(width: int, height: int, *, progressive: bool) -> bytes:
    """A small JPEG that says it has another size."""
    data = bytearray(saved(drawn(), progressive=progressive))
    at = data.index(b"\xff\xc2" if progressive else b"\xff\xc0")
    struct.pack_into(">HH", data, at + 5, height, width)
    return bytes(data)


def webp_of(width: int, height: int) -> bytes:
    data = bytearray(saved(drawn(), "WEBP", exif=exif()))
    data[24:30] = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return bytes(data)


@pytest.mark.parametrize(
    "bomb",
    [
        png_bomb(50_000, 50_000),
        png_bomb(0x7FFFFFFF, 0x7FFFFFFF),
        png_bomb(4001, 4000),
        jpeg_of(65_000, 65_000, progressive=True),
        jpeg_of(4001, 4000, progressive=True),
        webp_of(16_383, 16_383),
        webp_of(1 << 24, 1 << 24),
        webp_of(3001, 3000),
    ],
)
def test_bombs_are_refused_by_their_header(bomb: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def decoded(self: object, *_: object) -> None:
        raise AssertionError("a decoder saw the bomb")

    monkeypatch.setattr(ImageFile.ImageFile, "__init__", decoded)
    assert refused(bomb) is PhotoCode.TOO_MANY_PIXELS


def test_the_limits_are_on_pixels_not_on_sides() -> None:
    assert MAX_PIXELS["JPEG", False] == 50_000_000
    assert process(saved(Image.new("RGB", (60_000, 100)))).width == 2048


def test_a_tiny_jpeg_that_claims_to_be_huge_is_broken_before_decoding() -> None:
    assert refused(jpeg_of(8000, 6000, progressive=False)) is PhotoCode.BROKEN


def test_thousands_of_scans_or_parts_are_refused() -> None:
    data = saved(drawn(), progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    assert refused(data[:-2] + scan * 100 + data[-2:]) is PhotoCode.BROKEN
    assert refused(with_segments(data, *[segment(0xFE, b"")] * 5_000)) is PhotoCode.BROKEN
    png = saved(drawn(), "PNG")
    assert refused(with_chunks(png, chunk(b"teXt", b"") * 100_001)) is PhotoCode.BROKEN
    webp = saved(drawn(), "WEBP")
    assert refused(with_riff(webp, *[(b"CCTV", b"")] * 1_001)) is PhotoCode.BROKEN


def test_text_and_profile_bombs_in_a_png_never_unfold() -> None:
    packed = zlib.compress(bytes(50_000_000), 9)
    text = chunk(b"zTXt", b"Comment\0\0" + packed)
    profile = chunk(b"iCCP", b"sRGB\0\0" + packed)
    photo = process(with_chunks(saved(drawn(), "PNG"), text, profile))
    assert photo == process(saved(drawn(), "PNG"))


@pytest.mark.parametrize("precision_and_process", [(12, 0xC1), (8, 0xC9), (8, 0xC3)])
def test_jpeg_variants_of_no_camera_are_refused(precision_and_process: tuple[int, int]) -> None:
    precision, kind = precision_and_process
    data = bytearray(saved(drawn()))
    at = data.index(b"\xff\xc0")
    data[at + 1], data[at + 4] = kind, precision
    assert refused(bytes(data)) is PhotoCode.BROKEN


def test_a_png_with_one_damaged_bit_is_broken() -> None:
    data = bytearray(saved(drawn(), "PNG"))
    data[data.index(b"IDAT") + 20] ^= 1
    assert refused(bytes(data)) is PhotoCode.BROKEN


def test_pillows_process_wide_switches_have_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert process(saved(drawn((400, 300)))).width == 400


def test_processing_leaves_pillows_switches_alone() -> None:
    before = (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)
    process(saved(drawn()))
    assert before == (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)


def test_importing_the_module_does_not_import_pillow() -> None:
    code = "import sys; import chalicelib.photos.photo; sys.exit('PIL' in sys.modules)"
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0


# --- Anything at all ----------------------------------------------------------------------------------


@cache
def samples() -> dict[str, bytes]:
    noisy = Image.effect_noise((72, 48), 80).convert("RGB")
    tags = {"exif": exif(6), "xmp": SECRET}
    frames = {"save_all": True, "append_images": [drawn((72, 48))]}
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return {
        "baseline": saved(noisy, **tags, comment=SECRET, icc_profile=profile),
        "progressive": saved(noisy, progressive=True, restart_marker_blocks=2, **tags),
        "cmyk": saved(noisy.convert("CMYK")),
        "mpo": saved(noisy, "MPO", **frames),
        "png": with_chunks(saved(noisy, "PNG", icc_profile=profile), chunk(b"eXIf", exif(3)[6:])),
        "palette": saved(noisy.convert("P"), "PNG", transparency=bytes(range(200))),
        "apng": saved(noisy, "PNG", **frames),
        "webp": saved(noisy, "WEBP", **tags, icc_profile=profile),
        "lossless": saved(noisy.convert("RGBA"), "WEBP", lossless=True),
        "awebp": saved(noisy, "WEBP", **tags, **frames),
    }


KINDS = list(samples())


def clean_or_refused(data: bytes) -> None:
    try:
        photo = process(data)
    except PhotoError as error:
        assert error.code in PhotoCode
    else:
        assert_clean(photo)


@pytest.mark.parametrize("kind", KINDS)
def test_samples_are_fine_as_they_are(kind: str) -> None:
    assert_clean(process(samples()[kind]))


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_cut_short_anywhere_is_refused(kind: str) -> None:
    data = samples()[kind]
    end = data.index(b"\xff\xd9\xff\xd8") if kind == "mpo" else len(data)
    for length in {*range(40), *range(40, end, 97), end - 1, end - 3}:
        assert refused(data[:length]) in (PhotoCode.BROKEN, PhotoCode.NOT_A_PHOTO)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damage_gives_a_clean_photo_or_a_refusal(kind: str, data: st.DataObject) -> None:
    original = samples()[kind]
    damaged = bytearray(original)
    # Half of the damage goes to the headers, where it bites.
    places = st.integers(0, 120) | st.integers(0, len(original) - 1)
    for at, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=12)):
        damaged[at] = value
    cut = data.draw(st.none() | st.integers(0, len(original)))
    clean_or_refused(bytes(damaged[:cut]))


@settings(max_examples=60, deadline=None)
@given(kind=st.sampled_from(["png", "palette", "apng"]), data=st.data())
def test_damage_under_a_correct_checksum_gives_a_clean_photo_or_a_refusal(
    kind: str, data: st.DataObject
) -> None:
    """Checksums would hide the decoder from random damage: here they are made right again."""
    original, parts, position = samples()[kind], [], 8
    while position < len(original):
        length = int.from_bytes(original[position : position + 4])
        parts.append(
            (original[position + 4 : position + 8], bytearray(original[position + 8 : position + 8 + length]))
        )
        position += 12 + length
    for _ in range(data.draw(st.integers(1, 4))):
        body = data.draw(st.sampled_from([body for _, body in parts if body]))
        body[data.draw(st.integers(0, min(len(body), 60) - 1))] = data.draw(st.integers(0, 255))
    clean_or_refused(original[:8] + b"".join(chunk(kind, bytes(body)) for kind, body in parts))


@settings(max_examples=100, deadline=None)
@given(
    head=st.sampled_from(
        [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\xff\0\0\0WEBP", b"\0\0\0\x18ftyp"]
    ),
    tail=st.binary(max_size=300),
)
def test_noise_is_refused(head: bytes, tail: bytes) -> None:
    refused(head + tail)
