"""A message as an e-mail: plain text and HTML, with the headers that let people leave with one click.

RFC 5322, 2045 (alternative parts), 3834 (sent by a machine), 2369 and 8058 (unsubscribing).
Sends nothing; an address or subject with a line break makes no mail at all.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from . import Message

# Python would fold a long address into an encoded word, which no mail program reads in List-Unsubscribe.
POLICY = SMTP.clone(max_line_length=990)


def as_mail(message: Message, *, sender: str, now: datetime) -> EmailMessage:
    """The mail. `sender` is as in a header: `CCTV Warga <kabar@example.org>`.

    Raises ValueError for an address that no header can hold; its message names none.
    """
    name, address = parseaddr(sender)
    mail = EmailMessage(policy=POLICY)
    try:
        mail["From"] = Address(name, addr_spec=address)
        mail["To"] = Address("", addr_spec=message.to)
        mail["Subject"] = " ".join(message.subject.split())
    except (MessageError, ValueError, IndexError, AttributeError):
        raise ValueError("an address cannot stand in a mail's header") from None
    host = address.rpartition("@")[2]
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{hashlib.sha256(message.id.encode()).hexdigest()[:40]}@{host}>"
    mail["Auto-Submitted"] = "auto-generated"
    if message.unsubscribe:
        mail["List-Id"] = f"CCTV Warga <kabar.{host}>"
        mail["List-Unsubscribe"] = f"<{message.unsubscribe}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(message.text, cte="quoted-printable")
    mail.add_alternative(message.html, subtype="html", cte="quoted-printable")
    # After the content: setting that takes headers of this family away.
    mail["Content-Language"] = message.language
    return mail
