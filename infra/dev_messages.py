"""`/_dev/messages/`: what `make run` would have sent, newest first, to read and to click.

For the local server alone, and only while messages go into the folder. Shows a mail's headers and
plain text with its links; every message also as it was made.
"""

from __future__ import annotations

import json
import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html import escape
from pathlib import Path

AT = "/_dev/messages"
HEADERS = ("From", "To", "Subject", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post")
_NAME = re.compile(r"\d{8}T\d{12}\.(?:eml|json)")
_LINK = re.compile(r"https?://[^\s<>\"]+")

Answer = tuple[int, list[tuple[str, str]], bytes]


def answer(folder: Path, path: str) -> Answer:
    """The list, one message, or with `raw/` before its name the message as it was made."""
    asked = path.removeprefix(f"{AT}/")
    raw = asked.startswith("raw/")
    name = asked.removeprefix("raw/").rstrip("/")
    if not name:
        return _page("Messages", _list(folder))
    file = folder / name
    if not _NAME.fullmatch(name) or not file.is_file():
        return _page("No such message", "<p>There is no such message.</p>", 404)
    data = file.read_bytes()
    if raw:
        return 200, [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")], data
    return _page("Message", _mail(data) if name.endswith(".eml") else _push(data))


def _list(folder: Path) -> str:
    files = sorted((each for each in folder.glob("2*") if _NAME.fullmatch(each.name)), reverse=True)
    rows = "".join(f'<li><a href="{AT}/{file.name}">{_title(file)}</a></li>' for file in files)
    return f"<ol>{rows}</ol>" if rows else "<p>Nothing was sent yet.</p>"


def _title(file: Path) -> str:
    data = file.read_bytes()
    if file.suffix == ".json":
        return escape(f"push: {json.loads(data)['title']}")
    mail = _parsed(data)
    return escape(f"{mail['To']}: {mail['Subject']}")


def _mail(data: bytes) -> str:
    mail = _parsed(data)
    heads = "".join(
        f"<dt>{name}</dt><dd>{_linked(str(mail[name]))}</dd>" for name in HEADERS if mail[name] is not None
    )
    part = mail.get_body(("plain",))
    text = part.get_content() if part else ""
    return f'<dl>{heads}</dl><pre class="shell">{_linked(text)}</pre>'


def _push(data: bytes) -> str:
    return f"<pre>{_linked(json.dumps(json.loads(data), ensure_ascii=False, indent=1))}</pre>"


def _parsed(data: bytes) -> EmailMessage:
    mail = message_from_bytes(data, policy=default)
    assert isinstance(mail, EmailMessage)  # noqa: S101 (the policy makes it one)
    return mail


def _linked(text: str) -> str:
    return _LINK.sub(lambda found: f'<a href="{found[0]}">{found[0]}</a>', escape(text))


def _page(title: str, content: str, status: int = 200) -> Answer:
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f'<h1>{title}</h1><p><a href="{AT}/">All messages</a></p>{content}</html>'
    )
    said = [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store")]
    return status, said, page.encode()
