"""Takes identity numbers (NIK), phone numbers and e-mail addresses out of text that becomes public.

For slips of people who mean well: names, addresses and numbers spelt in words stay. In doubt a number is
taken out; prices, dates, times, coordinates, plates, RT/RW and report ids are not in doubt. The original
stays with the officers; nothing is stored here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

# Reads the same in every language, and tells neither what stood there nor how long it was.
MARKER = "•••"

REGION = "ID"  # where a number without a country code belongs
NIK_DIGITS = 16
# No count, price, meter or plate in a report has so many digits in one piece, so that a NIK with a digit
# lost or doubled goes too.
LONG_NUMBER = 13
MOST_DIGITS = 17  # E.164's 15 after the 00 that is dialled for +

Span = tuple[int, int]  # half-open, in the normalised text


def mask(text: str) -> str:
    """The text with MARKER for each NIK (plain or in groups), phone number and e-mail address.

    Everything else stays to the letter. Digits of any script and full-width or invisible characters don't hide
    a number. `mask(mask(text)) == mask(text)`; the work grows in proportion to the text.
    """
    while (masked := _once(text)) != text:
        text = masked  # what became visible by masking its neighbour; every round leaves fewer digits
    return text


def _once(text: str) -> str:
    if not any(character.isnumeric() or character in _AT_SIGNS for character in text):
        return text
    plain, origins = _normalised(text)
    spans = [*_addresses(plain), *_numbers(plain)]
    spans += _international(plain, spans)
    result, done = [], 0
    for start, end in _merged(spans):
        first, last = origins[start], origins[end - 1] + 1
        while last < len(text) and unicodedata.category(text[last]) in _INVISIBLE:
            last += 1  # marks on the last digit go with it
        result += [text[done:first], MARKER]
        done = last
    return "".join([*result, text[done:]])


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


# --- Seeing through the ways characters can be written -------------------------------------------------

_INVISIBLE = {"Cf", "Mn", "Me"}  # zero-width and direction marks, accents, keycaps
_SPACES = "\u115f\u1160\u3164\uffa0\u2800"  # fillers that are no spaces to Unicode but look like one
_SAME = {"−": "-", "。": ".", "｡": ".", "․": ".", **dict.fromkeys(_SPACES, " ")}  # noqa: RUF001
_AT_SIGNS = "@＠﹫[({<［（｛＜"  # noqa: RUF001 - brackets for [at]


def _normalised(text: str) -> tuple[str, list[int]]:
    """The text as it looks (ASCII digits, dashes and spaces; nothing invisible), and where each character was."""
    plain: list[str] = []
    origins: list[int] = []
    for index, character in enumerate(text):
        seen = character if "!" <= character <= "~" else _as_seen(character)
        plain.append(seen)
        origins += [index] * len(seen)
    return "".join(plain), origins


def _as_seen(character: str) -> str:
    if character.isspace():
        return " "
    category = unicodedata.category(character)
    if category in _INVISIBLE or category == "Cc":
        return ""
    if character in _SAME:
        return _SAME[character]
    if category == "Pd":
        return "-"
    digit = unicodedata.digit(character, None)
    if digit is not None:
        return str(digit)
    compatible = unicodedata.normalize("NFKC", character)
    return compatible if len(compatible) <= 4 else character  # one character can unfold into eighteen


# --- E-mail addresses -----------------------------------------------------------------------------------

_AT = re.compile(r"( {0,2})(@|[\[({<] ?at ?[\])}>])( {0,2})", re.IGNORECASE)
_LOCAL_END = re.compile(r"[\s<>()\[\],;:\"\\@•“”„‘«»]")  # noqa: RUF001 - quotes before an address
_LABEL = r"[^\s<>()\[\]{}.,;:\"'’”\\/@!?|=&#%*+•…]+"  # noqa: RUF001 - quotes after an address
_DOT = r"(?:\.| ?[\[({<] ?(?:dot|titik) ?[\])}>] ?)"
_DOMAIN = re.compile(rf"({_LABEL})((?:{_DOT}{_LABEL})+)", re.IGNORECASE)
_DOMAIN_PART = re.compile(rf"{_DOT}({_LABEL})", re.IGNORECASE)
# With "siti @gmail.com" an address is meant; with "thanks @dinas.example" an account is addressed.
_PROVIDERS = re.compile(
    r"(?:gmail|googlemail|yahoo|ymail|rocketmail|hotmail|outlook|live|icloud|proton)", re.I
)


def _addresses(plain: str) -> Iterator[Span]:
    for at in _AT.finditer(plain):
        start = at.start()
        while start > 0 and not _LOCAL_END.match(plain[start - 1]):
            start -= 1
        domain = _DOMAIN.match(plain, at.end())
        if domain is None or start == at.start() or plain[at.start() - 1] == "/":
            continue  # https://example.com/@name is no address
        alone = at[2] == "@" and at[1] and not at[3]
        if alone and not _PROVIDERS.match(domain[1]):
            continue
        ends = [
            part.end() for part in _DOMAIN_PART.finditer(plain, domain.end(1), domain.end()) if _top(part[1])
        ]
        if ends:
            yield start, ends[-1]


def _top(label: str) -> bool:
    """Whether a domain can end with it: no number, not one letter."""
    return len(label) >= 2 and any(character.isalpha() for character in label)


# --- NIK and Indonesian phone numbers ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Group:
    """Digits without a gap, and what stands between them and the digits before, if that may join them."""

    start: int
    end: int
    digits: str
    gap: str | None  # None: nothing before belongs to it


_DIGITS = re.compile(r"\d+")
_GAP = re.compile(r"[ .\-_()]{1,3}")
_MONTH, _DAY, _YEAR = r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])", r"(?:19|20)\d\d"
# Numbers that mean something else. Their digits never count, unless in a piece of LONG_NUMBER.
_HARMLESS = re.compile(
    "|".join(
        [
            rf"(?<!\d)(?<!\d[-./])(?:{_DAY}([-./]){_MONTH}\1{_YEAR}|{_YEAR}([-./]){_MONTH}\2{_DAY})(?!\d|[-./]\d)",
            r"(?<![\d.:])(?:[01]?\d|2[0-4])(?:\.[0-5]\d|(?::[0-5]\d){1,2})(?!\d|[.:]\d)",  # 08.30, 08:30:15
            r"\b(?:rp|idr)\.? ?(?!62[ .\-]?8)[1-9]\d{0,11}(?:[.,]\d{1,3}){0,5}(?!\d|[.,]\d)",
            # 1.500.000, but neither the rest of "+62 812.345.678" nor "62.812.345.678"
            r"(?<![\d.,+])(?<!\d[- )])(?<!\) )(?!62\.8)[1-9]\d{0,2}(?:\.\d{3}){1,3}(?!\d|\.\d|-\d)",
            r"(?<![\d.])-?\d{1,3}\.\d{3,}[,; ] {0,2}-?\d{1,3}\.\d{3,}(?!\d|\.\d)",  # a position
            r"(?<![\d.\- ])-\d{1,2}\.\d{3,}(?!\d|\.\d)",
        ]
    ),
    re.IGNORECASE | re.ASCII,
)
_CALLED = re.compile(
    r"\b(?:telp?|tlp|telf|telepon|telpon|phone|hp|handphone|ponsel|mobile|wa|whatsapp|kontak|contact|hubungi|call|"
    r"sms|fax|faks)\b[^\d•]{0,16}$",
    re.IGNORECASE,
)
_PLUS = re.compile(r"\+ ?\(?$")
_NEXT_IN_LIST = re.compile(r" {0,2}(?:[/,;&]|atau|or|dan|and) {0,2}", re.IGNORECASE)
_TOO_SHORT_A_PREFIX = re.compile(r"0[1-79]|00\d")  # rather RT 03: area codes have three digits and more
_SEPARATED_PREFIX = re.compile(r"(?:00)?62|0\d{2,3}")


def _numbers(plain: str) -> Iterator[Span]:
    last = -1  # where the last phone number ended: others of a list follow it
    for chain in _chains(plain):
        for group in chain:
            if len(group.digits) >= LONG_NUMBER:
                yield group.start, group.end
        yield from _identities(chain)
        for at, group in enumerate(chain):  # also inside a number found: two may stand without a gap
            start = group.start
            called = _CALLED.search(plain, max(0, start - 32), start) is not None
            called = called or (
                0 <= last <= start and _NEXT_IN_LIST.fullmatch(plain, last, start) is not None
            )
            plus = _PLUS.search(plain, max(0, start - 4), start)
            length = _phone(chain[at : at + MOST_DIGITS], plus=plus is not None, called=called)
            if length:
                last = chain[at + length - 1].end
                first = plus.start() if plus else start
                # "(021) 555" and "(+62) 812" lose their brackets; "(081234567890)" keeps them.
                unopened = plain.count(")", first, last) > plain.count("(", first, last)
                yield first - (unopened and plain[first - 1 : first] == "("), last


def _chains(plain: str) -> Iterator[list[_Group]]:
    """Groups of digits that may be one number, in order; harmless numbers are left out and part chains."""
    harmless = [match.span() for match in _HARMLESS.finditer(plain)]
    chain: list[_Group] = []
    for match in _DIGITS.finditer(plain):
        start, end = match.span()
        while harmless and harmless[0][1] <= start:
            harmless.pop(0)
        if harmless and harmless[0][0] <= start and len(match[0]) < LONG_NUMBER:
            gap = None
            if chain:
                yield chain
            chain = []
            continue
        between = plain[chain[-1].end : start] if chain else ""
        after_area_code = between == "/" and re.fullmatch(r"0[2-9]\d{1,2}", chain[-1].digits)
        gap = between if _GAP.fullmatch(between) or after_area_code else None
        if gap is None and chain:
            yield chain
            chain = []
        chain.append(_Group(start, end, match[0], gap))
    if chain:
        yield chain


def _identities(chain: list[_Group]) -> Iterator[Span]:
    """Every sixteen digits in whole groups that can be a NIK."""
    for first in range(len(chain)):
        total = 0
        for last in range(first, min(first + NIK_DIGITS, len(chain))):
            total += len(chain[last].digits)
            if total >= NIK_DIGITS:
                if total == NIK_DIGITS and _can_be_nik([group.digits for group in chain[first : last + 1]]):
                    yield chain[first].start, chain[last].end
                break


def _can_be_nik(groups: list[str]) -> bool:
    """A NIK is region (6), date of birth (6, women's day plus 40) and serial (4).

    Groups of four or more, or single digits, go without a look at the date: nothing else is written so.
    """
    longest = max(map(len, groups))
    if longest >= 4 or longest == 1:
        return True
    number = "".join(groups)
    day, month = int(number[6:8]), int(number[8:10])
    return number[0] != "0" and 1 <= day % 40 <= 31 and day <= 71 and 1 <= month <= 12


def _phone(groups: list[_Group], *, plus: bool, called: bool) -> int:
    """How many of the groups, from the first, make a phone number; 0 when none do.

    A number starts with a plus, 62 or 0 (trunk prefix), or comes after a word such as HP or telp. It has the
    lengths of the Indonesian numbering plan and of E.164. From ten digits on it goes on only over separators
    that it already has: in "0812-3456-7890 2 orang" the 2 isn't part of it.
    """
    digits, kinds, count = groups[0].digits, set[str](), 1
    if _TOO_SHORT_A_PREFIX.fullmatch(digits) and not plus:
        return 0
    least, most = _lengths("".join(group.digits for group in groups[:6]), plus=plus, called=called)
    for group in groups[1:]:
        kind = (group.gap or "").strip() or " "
        if len(digits) + len(group.digits) > most or (len(digits) >= 10 and kind not in kinds):
            break
        if not _SEPARATED_PREFIX.fullmatch(digits):
            kinds.add(kind)
        digits += group.digits
        count += 1
    if not least <= len(digits) <= most:
        return 0
    # "02 - 03 - 04 - 05 - 06" are houses; a mobile number may come in pairs.
    spelt = (
        digits.startswith(("08", "628")) or plus or max(len(group.digits) for group in groups[:count]) >= 3
    )
    return count if spelt else 0


def _lengths(digits: str, *, plus: bool, called: bool) -> tuple[int, int]:
    """Least and most digits of a number that begins so; (1, 0) when no number does."""
    if plus:
        return 8, 15
    if re.match(r"00[1-9]", digits):
        return 10, MOST_DIGITS
    if re.match(r"0[2-9]", digits):
        return 9, 13
    if re.match(r"628|62[2-9]\d{8}", digits):
        return 10, 15
    return (7, 13) if called else (1, 0)


# --- Other numbers, by the library that knows the world's numbering plans ----------------------------------

_CANDIDATE = re.compile(r"(?:\+|\(?0)[\d ()./x-]{7,}")


def _international(plain: str, known: list[Span]) -> list[Span]:
    """What phonenumbers finds beside the spans already known."""
    letters = list(plain)
    for start, end in known:
        letters[start:end] = MARKER[0] * (end - start)
    for harmless in _HARMLESS.finditer(plain):
        letters[harmless.start() : harmless.end()] = MARKER[0] * (harmless.end() - harmless.start())
    rest = "".join(letters)
    if not _CANDIDATE.search(rest):
        return []
    import phonenumbers  # imported only when there is something it could find

    found = phonenumbers.PhoneNumberMatcher(rest, REGION, max_tries=50)
    return [(match.start, match.end) for match in found if match.raw_string.startswith(("+", "0", "("))]
