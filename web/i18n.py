"""Words in two languages: gettext catalogues, and numbers, dates and distances as people say them.

Message ids are English; the catalogues live in locale/. Babel is imported when a
number or date is first written, so that importing this module costs almost nothing.
Times are shown in Jakarta's own time, WIB (UTC+7, without summer time).
"""

from __future__ import annotations

import gettext
import io
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path

LANGUAGES = ("id", "en")
"""Indonesian is at the site's root, the others under `/<language>/`."""
LOCALES = Path(__file__).with_name("locale")
COMPILED = Path(__file__).with_name("build") / "locale"
WIB = timezone(timedelta(hours=7), "WIB")


def catalogue(language: str) -> Path:
    """The text catalogue of a language. Raises ValueError for a language that the site does not speak."""
    if language not in LANGUAGES:
        raise ValueError(f"language {language!r} is not one of {', '.join(LANGUAGES)}")
    return LOCALES / language / "LC_MESSAGES" / "messages.po"


@lru_cache(maxsize=8)
def translation(language: str) -> gettext.GNUTranslations:
    """The messages of a language: `gettext(msgid)` and `ngettext(one, many, n)`.

    Takes the compiled catalogue of `python -m web build`; when there is none, or the
    text is newer, compiles the text in memory. Raises ValueError for an unknown language.
    """
    text = catalogue(language)
    compiled = COMPILED / language / "LC_MESSAGES" / "messages.mo"
    if compiled.exists() and (not text.exists() or compiled.stat().st_mtime >= text.stat().st_mtime):
        with compiled.open("rb") as file:
            return gettext.GNUTranslations(file)
    return gettext.GNUTranslations(io.BytesIO(compile_catalogue(text)))


def compile_catalogue(text: Path) -> bytes:
    """A text catalogue in the binary form that gettext reads; fuzzy messages are left out."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    with text.open("rb") as file:
        messages = read_po(file)
    binary = io.BytesIO()
    write_mo(binary, messages)
    return binary.getvalue()


@lru_cache(maxsize=4096)
def number(value: int, language: str) -> str:
    """A whole number as read in the language: 12.345 or 12,345."""
    from babel.numbers import format_decimal

    return format_decimal(value, locale=language)


@lru_cache(maxsize=4096)
def day(moment: date | datetime, language: str) -> str:
    """A day in Jakarta: `23 November 2026`."""
    from babel.dates import format_date

    return format_date(_local(moment), "d MMMM y", locale=language)


@lru_cache(maxsize=4096)
def short_day(moment: date | datetime, language: str) -> str:
    """A day in a list: `23 Nov 2026`."""
    from babel.dates import format_date

    return format_date(_local(moment), "d MMM y", locale=language)


@lru_cache(maxsize=1024)
def period(text: str, language: str) -> str:
    """A month, quarter or year: `2026-11` is November 2026, `2026-q4` is kuartal 4 2026."""
    from babel.dates import format_date

    year, _, part = text.partition("-")
    if not part:
        return year
    if part.startswith("q"):
        return translation(language).gettext("quarter %(n)s of %(year)s") % {"n": part[1:], "year": year}
    return format_date(date(int(year), int(part), 1), "MMMM y", locale=language)


def decimal(value: float, language: str) -> str:
    """A number with one decimal place, as read in the language: 98,4 or 98.4."""
    from babel.numbers import format_decimal

    return format_decimal(value, format="0.0", locale=language)


@lru_cache(maxsize=4096)
def day_and_time(moment: datetime, language: str) -> str:
    """A moment in Jakarta: `23 November 2026, 14.05 WIB`. Raises ValueError without a time zone."""
    from babel.dates import format_time

    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone; pass an aware datetime")
    local = moment.astimezone(WIB).replace(tzinfo=None)
    # Jakarta writes 14.05, English here 14:05: both with 24 hours, as on the city's own screens.
    clock = format_time(local, "HH.mm" if language == "id" else "HH:mm", locale=language)
    return f"{day(moment, language)}, {clock} WIB"


def machine_time(moment: datetime) -> str:
    """A moment for programs, in UTC to the second: `2026-11-23T07:05:00Z` (RFC 3339)."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone; pass an aware datetime")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _local(moment: date | datetime) -> date | datetime:
    if not isinstance(moment, datetime):
        return moment
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone; pass an aware datetime")
    # Babel reads a naive moment as it stands: the conversion to WIB is done here, once.
    return moment.astimezone(WIB).replace(tzinfo=None)
