"""What leaves public text (NIK, phone numbers, e-mail addresses) and what must stay in it."""

from __future__ import annotations

import random
import subprocess
import sys
import unicodedata

import pytest
from chalicelib.privacy.masking import MARKER, mask
from hypothesis import assume, given, settings
from hypothesis import strategies as st

NIKS = [
    "3171012345670001",
    "3171 0123 4567 0001",
    "3171-0123-4567-0001",
    "3171.0123.4567.0001",
    "31.71.01.234567.0001",
    "31-71-01-52-07-90-0001",
    "317101 520790 0001",
    "317101 52 07 90 0001",
    "3 1 7 1 0 1 2 3 4 5 6 7 0 0 0 1",
    "3171 0123 4567\n0001",
    "31710123456700019",  # a digit too many
    "317101234567001",  # a digit lost
]
PHONES = [
    "081234567890",
    "0812-3456-7890",
    "0812 3456 7890",
    "0812.3456.7890",
    "0812 345 6789",
    "08 12 34 56 78 90",
    "0 8 1 2 3 4 5 6 7 8 9 0",
    "0812_3456_7890",
    "+6281234567890",
    "+62 812 3456 7890",
    "+62 812-3456-7890",
    "+62-812-3456-7890",
    "(+62) 812 3456 7890",
    "+62 (0)812 3456 7890",
    "+62 812.345.678",
    "6281234567890",
    "62 812 3456 7890",
    "62.812.345.678",
    "0062 812 3456 7890",
    "(021) 555 0123",
    "(021)5550123",
    "021-5550123",
    "021 5550123",
    "021/5550123",
    "0274-512.345",
    "+65 9123 4567",
    "+1 (415) 555-2671",
    "＋６２ ８１２ ３４５６ ７８９０",  # noqa: RUF001
    "٠٨١٢٣٤٥٦٧٨٩٠",
    "0812–3456–7890",  # noqa: RUF001
    "0812\u00a03456\u00a07890",
    "0\u200b8\u200b1\u200b2\u200b3\u200b4\u200b5\u200b6\u200b7\u200b8\u200b9\u200b0",
    "0812\u00ad3456\u20607890",
    "0️⃣8️⃣1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣7️⃣8️⃣9️⃣0️⃣",
    "⓪⑧①②③④⑤⑥⑦⑧⑨⓪",
]
ADDRESSES = [
    "siti@example.com",
    "Siti.Aminah+lapor@mail.jakarta.go.id",
    "o'neil_2@example.co.id",
    "siti@bücher.example.de",
    "用户@例子.公司",
    "siti＠example。com",  # noqa: RUF001
    "siti@\u200bexample.com",
    "siti @ example.com",
    "siti @gmail.com",
    "siti [at] example.com",
    "siti(at)gmail.com",
    "siti {AT} example [dot] com",
    "siti (at) example (titik) com",
]


@pytest.mark.parametrize("secret", NIKS + PHONES + ADDRESSES)
@pytest.mark.parametrize(
    "text", ["{}", "Tolong, {}, terima kasih", "RT 03 ({}).", "hubungi:{}!", "[{}]", "“{}”"]
)
def test_what_identifies_somebody_is_masked_and_its_surroundings_stay(text: str, secret: str) -> None:
    assert mask(text.format(secret)) == text.format(MARKER)


@pytest.mark.parametrize(
    "text",
    [
        "Lubang 1500 meter dari pos, 3 x 4 m, dalamnya 25 cm",
        "Harga Rp 1.500.000 sampai Rp10.500.000,00",
        "1.500.000 - 2.000.000",
        "10.500.000 - 12.500.000",
        "10.500.000 12.500.000",
        "Rp081 bukan nomor",
        "Sejak 23/11/2026, lagi 12-03-2024 13-03-2024",
        "01-12-2026 - 31-12-2026",
        "2026-11-23 10:30:15",
        "Buka 08.00 - 12.30 13.00-15.00",
        "jam 08:30 sampai 09.45",
        "B 1234 XYZ dan B 2345 ABC",
        "RT 003/RW 012 No. 45",
        "RT.003 RW.012, Blok C2 No. 8-10",
        "rumah nomor 02 - 03 - 04 - 05 - 06",
        "rumah 10 11 12 13 14 15 16 17",
        "Laporan 7K3M-9QX2, juga 7K3M9QX2 dan 1234-5678",
        "-6.175392, 106.827153",
        "-6.17539 106.8271530",
        "di -6.1753921234 saja",
        "https://maps.example/@-6.1754,106.8272,17z",
        "Kode pos 10110, 31.71.01.1001",
        "Hubungi 112 atau SMS 1708",
        "Tiang nomor 0123456",
        "pelanggan 512345678901",
        "@DKIJakarta tolong @dinas.example",
        "https://social.example/@siti.aminah/1",
        "lihat foto @ jalan, 2 @ 5000",
        "C++ 11 dan +5 cm",
        "①②③ m², ½ jalan, 10 % (10)",
        "look (at) this",
        "•••",
        "",
    ],
)
def test_other_numbers_and_signs_stay_to_the_letter(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("WA 0812-3456-7890 2 orang", f"WA {MARKER} 2 orang"),
        ("no 5 3171 0123 4567 0001 RT 5", f"no 5 {MARKER} RT 5"),
        ("telp 5550123 / 5550124 atau 5550125", f"telp {MARKER} / {MARKER} atau {MARKER}"),
        ("WA saya: 81234567890", f"WA saya: {MARKER}"),
        ("hp081234567890ya", f"hp{MARKER}ya"),
        ("https://wa.example/6281234567890", f"https://wa.example/{MARKER}"),
        ("Rp 081234567890", f"Rp {MARKER}"),
        ("siti@example.com, budi@example.com.", f"{MARKER}, {MARKER}."),
        ("<siti@example.com>", f"<{MARKER}>"),
        ("RT 03 0812-3456-7890", f"RT 03 {MARKER}"),
        ("RT 003 RW 012 021-5550123", f"RT 003 RW 012 {MARKER}"),
        ("(+6281234567890)", f"({MARKER})"),
        ("0812 345 0812-3456-7890", MARKER),
        ("08:30 telp 0812-3456-7890 Rp 1.500.000", f"08:30 telp {MARKER} Rp 1.500.000"),
    ],
)
def test_numbers_end_where_a_reader_would_end_them(text: str, public: str) -> None:
    assert mask(text) == public


def test_the_marker_hides_kind_and_length() -> None:
    assert {mask(secret) for secret in NIKS + PHONES + ADDRESSES} == {MARKER}


def test_the_rest_keeps_its_invisible_and_foreign_characters() -> None:
    assert mask("A\u200bB\u0301 ٣ ＠ 0812-3456-7890\u200b Z\u00a0") == f"A\u200bB\u0301 ٣ ＠ {MARKER} Z\u00a0"  # noqa: RUF001


# --- For all texts ------------------------------------------------------------------------------------------

BOUNDARY = st.sampled_from([" ", "\n", ", ", " (", ": ", " - ", "\u2003", "; "])
# Text as people write it, with many digits and signs between, and text as nobody does.
PEOPLE = st.text(st.sampled_from("abc RTno.,:;-/()+@0123456789\n\u200b•"), max_size=40)
TEXTS = PEOPLE | st.text(max_size=40)


@st.composite
def niks(draw: st.DrawFn) -> str:
    day = draw(st.integers(1, 31)) + draw(st.sampled_from([0, 40]))
    region = [draw(st.integers(11, 94)), draw(st.integers(1, 79)), draw(st.integers(1, 60))]
    born = [day, draw(st.integers(1, 12)), draw(st.integers(0, 99))]
    number = "".join(f"{part:02}" for part in region + born) + f"{draw(st.integers(1, 9999)):04}"
    sizes = draw(
        st.sampled_from([[16], [4] * 4, [6, 6, 4], [2, 2, 2, 6, 4], [2] * 6 + [4], [1] * 16, [8, 8]])
    )
    parts, at = [], 0
    for size in sizes:
        parts.append(number[at : at + size])
        at += size
    return draw(st.sampled_from([" ", "-", ".", " - ", "\u2009"])).join(parts)


@st.composite
def phones(draw: st.DrawFn) -> str:
    head = draw(st.sampled_from(["0", "+62", "62", "+62 ", "62-"]))
    body = "8" + draw(st.text("0123456789", min_size=9, max_size=11))
    gap = draw(st.sampled_from(["", " ", "-", ".", " - "]))
    return head + gap.join([body[:3], body[3:7], body[7:]])


@settings(max_examples=300)
@given(TEXTS, BOUNDARY, niks() | phones(), BOUNDARY, TEXTS)
def test_a_number_anywhere_in_any_text_is_masked(
    before: str, left: str, secret: str, right: str, after: str
) -> None:
    public = mask(before + left + secret + right + after)
    digits = "".join(character for character in secret if character.isdigit())
    seen = "".join(character for character in public if character.isdigit())
    around = "".join(character for character in before + after if character.isdigit())
    assert MARKER in public
    assert secret not in public
    assume(digits not in around)
    assert len(seen) <= len(around), "digits of the number are left"


@settings(max_examples=300)
@given(TEXTS, BOUNDARY, st.emails(), BOUNDARY, TEXTS)
def test_an_address_anywhere_in_any_text_is_masked(
    before: str, left: str, secret: str, right: str, after: str
) -> None:
    local, _, domain = secret.partition("@")
    assume(not local.endswith("/"))
    assume(secret not in before + after)
    public = mask(before + left + secret + right + after)
    assert MARKER in public
    assert secret not in public
    assert f"@{domain}" not in public or f"@{domain}" in before + after


HOSTILE = st.text(st.sampled_from("0123456789٣ .-_()/+@[]atdowp:,•x\u200b\u20e3⑽"), max_size=120)


@settings(max_examples=400)
@given(TEXTS | HOSTILE | st.lists(niks() | phones() | st.emails() | PEOPLE).map(" ".join))
def test_masking_twice_changes_nothing_more(text: str) -> None:
    public = mask(text)
    assert mask(public) == public


@given(st.text(max_size=200))
def test_a_text_without_digits_and_at_signs_stays(text: str) -> None:
    looks = unicodedata.normalize("NFKC", text)
    assume("@" not in looks)
    assume("at" not in looks.lower())
    assume(not any(character.isnumeric() for character in text))
    assert mask(text) == text


@settings(max_examples=300)
@given(TEXTS | HOSTILE)
def test_what_stays_was_there_in_the_same_order(text: str) -> None:
    position = 0
    for piece in mask(text).split(MARKER):
        position = text.index(piece, position) + len(piece)


@pytest.mark.parametrize(
    "hostile",
    [
        "1" * 2000,
        "0 " * 1000,
        "08 " * 667,
        "+1 " * 667,
        "a@" * 1000,
        "a@" + "a." * 999,
        "a." * 999 + "@a",
        "[at]" * 500,
        "1.1" * 667,
        "-1.11111" * 250,
        "021/5550123 " * 167,
        "+65/91234567 " * 154,
        "+6/5/9/" * 286,
        "telp " + "5550123/" * 250,
        "".join(random.Random(1).choices("0128 .-()+/x@", k=2000)),
    ],
)
def test_hostile_text_costs_in_proportion_to_its_length(hostile: str) -> None:
    """Counted in lines of Python run, not in time, also inside the library."""
    mask("+65/91234567")  # what is imported is not counted
    halves, whole = lines_run(hostile[:1000]) + lines_run(hostile[1000:]), lines_run(hostile)
    assert whole < 1.5 * halves + 5000
    assert whole < 5_000_000


def lines_run(text: str) -> int:
    lines = 0

    def count(frame: object, event: str, argument: object) -> object:
        nonlocal lines
        lines += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        mask(text)
    finally:
        sys.settrace(before)
    return lines


def test_the_library_of_numbering_plans_is_imported_only_when_it_may_find_something() -> None:
    code = (
        "import sys; from chalicelib.privacy.masking import mask;"
        "mask('RT 03, telp 0812-3456-7890, siti@example.com, NIK 3171012345670001');"
        "early = 'phonenumbers' in sys.modules; mask('+65/91234567');"
        "sys.exit(early or 'phonenumbers' not in sys.modules)"
    )
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
