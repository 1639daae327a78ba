"""Collects what the pages, the scripts and the API say, and brings both catalogues up to date.

Run by `python -m web messages` after a text changed; the Indonesian words are then
written by hand in locale/id. Needs no network and writes nothing but the catalogues.
"""

from __future__ import annotations

import io
import re
from collections.abc import Container, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from web import i18n

ROOT = Path(__file__).resolve().parent.parent
SOURCES: tuple[tuple[str, str], ...] = (
    ("web/*.py", "python"),
    ("functions/chalicelib/**/*.py", "python"),
    ("functions/chalicelib/staff/*.py", "python"),
    ("infra/issuer.py", "python"),
    ("web/templates/*.*ml", "jinja2.ext:babel_extract"),
    ("web/templates/*.txt", "jinja2.ext:babel_extract"),
    ("web/static/js/*.js", "javascript"),
)
"""Where words are, and Babel's method of finding them there."""
SCRIPTS = "web/static/js/"
_IMPORTED = re.compile(r"""(?:from|import)\s*\(?\s*"\./([\w-]+\.js)\"""")
KEYWORDS = {
    "_": None, "gettext": None, "ngettext": (1, 2), "N_": None,
    # What an operation of the API is called, where it is declared.
    "Operation": (4,), "_pair": (3,), "_file": (3,),
}  # fmt: skip
OPTIONS = {"trimmed": "true", "silent": "false", "newstyle_gettext": "true"}
PLURALS = {"id": "nplurals=1; plural=0;", "en": "nplurals=2; plural=(n != 1);"}
# A catalogue that changes only when words do: the same date whenever it is written.
WRITTEN = datetime(2026, 11, 23, tzinfo=UTC)


def extracted(root: Path = ROOT) -> Catalog:
    """Every message of the product with the files it is in, as a template without translations."""
    template = Catalog(
        project="CCTV Warga", version="1", copyright_holder="CCTV Warga", charset="utf-8",
        creation_date=WRITTEN, revision_date=WRITTEN, fuzzy=False,
    )  # fmt: skip
    for path, method in _files(root):
        with path.open("rb") as file:
            found = extract(method, file, keywords=KEYWORDS, comment_tags=("L10n:",), options=OPTIONS)
            for _line, message, comments, context in found:
                where = [(path.relative_to(root).as_posix(), 0)]
                template.add(message, None, where, auto_comments=comments, context=context)
    return template


def updated(language: str, template: Catalog) -> bytes:
    """The catalogue of a language with exactly the template's messages; old translations are kept.

    English translates itself. A message that is new to another language comes out empty.
    """
    path = i18n.catalogue(language)
    existing = Catalog(locale=language)
    if path.exists():
        with path.open("rb") as file:
            existing = read_po(file, locale=language)
    existing.update(template, no_fuzzy_matching=True, update_creation_date=False)
    existing.obsolete.clear()
    # Babel does not know that Indonesian has one form for any number.
    existing.mime_headers = [("Plural-Forms", PLURALS[language])]
    existing.last_translator = existing.language_team = existing.msgid_bugs_address = "CCTV Warga"
    existing.creation_date = existing.revision_date = WRITTEN
    existing.project, existing.version, existing.fuzzy = template.project, template.version, False
    existing.header_comment = f"# CCTV Warga: {language}"
    for message in existing:
        if language == "en" and message.id:
            message.string = message.id
        elif isinstance(message.string, tuple | list):
            message.string = tuple(message.string[: existing.num_plurals])
    text = io.BytesIO()
    write_po(text, existing, width=110, sort_by_file=True, include_lineno=False)
    return text.getvalue()


def scripts_of(entries: Iterable[str], *, root: Path = ROOT, later: Container[str] = ()) -> set[str]:
    """The names of the scripts that `entries` bring along, by what they import; those in `later` are left out."""
    found: set[str] = set()
    waiting = list(entries)
    while waiting:
        name = waiting.pop()
        if name in found or name in later:
            continue
        found.add(name)
        waiting += _IMPORTED.findall((root / SCRIPTS / name).read_text("utf-8"))
    return found


def script_messages(language: str, scripts: Container[str], root: Path = ROOT) -> dict[str, list[str]]:
    """The messages of some scripts by message id: one form, or one per plural form of the language."""
    words = i18n.translation(language)
    found: dict[str, list[str]] = {}
    for path in sorted((root / SCRIPTS).glob("*.js")):
        if path.name not in scripts:
            continue
        with path.open("rb") as file:
            for _line, message, _comments, _context in extract("javascript", file, keywords=KEYWORDS):
                if isinstance(message, tuple):
                    one, many = message[0], message[1]
                    # Indonesian has one form, English two: the same for 2 as for any number above.
                    found[one] = list(dict.fromkeys(words.ngettext(one, many, n) for n in (1, 2)))
                else:
                    found[message] = [words.gettext(message)]
    return dict(sorted(found.items()))


def update_all() -> Iterator[tuple[str, int, int]]:
    """Write every catalogue; yields language, number of messages, and how many still need words."""
    template = extracted()
    for language in i18n.LANGUAGES:
        text = updated(language, template)
        path = i18n.catalogue(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
        messages = [m for m in read_po(io.BytesIO(text)) if m.id]
        yield language, len(messages), len([m for m in messages if not _complete(m.string)])
    i18n.translation.cache_clear()


def _complete(string: object) -> bool:
    return all(string) if isinstance(string, tuple | list) else bool(string)


def _files(root: Path) -> Iterator[tuple[Path, str]]:
    for pattern, method in SOURCES:
        for path in sorted(root.glob(pattern)):
            yield path, method
