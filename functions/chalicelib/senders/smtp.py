"""Mail through an SMTP server that the operator names: one connection for each message.

What the server says decides the outcome (RFC 5321): 4xx is worth another try, 5xx is not. When the
connection breaks after the message was handed over, nobody knows, and it is not sent again.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from . import Message, Outcome
from .mail import as_mail

SECONDS = 20


@dataclass(frozen=True)
class Smtp:
    """`tls`: `starttls`, `tls` from the first byte, or `none` for a server on this machine."""

    host: str
    port: int
    sender: str
    now: Callable[[], datetime]
    tls: str = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)

    def send(self, message: Message) -> Outcome:
        """Hand it to the server."""
        try:
            mail = as_mail(message, sender=self.sender, now=self.now())
        except ValueError:
            return "refused"
        handed = False
        try:
            with self._connected() as server:
                server.ehlo_or_helo_if_needed()
                code, _ = server.mail(_address(self.sender))
                if code != 250:
                    return _judged(code, "later")
                code, said = server.rcpt(message.to)
                if code not in {250, 251}:
                    # 5.1.x is about the address (RFC 3463); other refusals are about us, and may pass.
                    return _judged(code, "gone" if b"5.1." in said[:10] else "refused")
                handed = True
                code, _ = server.data(mail.as_bytes())
                return "sent" if code == 250 else _judged(code, "refused")
        except smtplib.SMTPDataError as error:
            return _judged(error.smtp_code, "refused")
        except (OSError, smtplib.SMTPException):
            return "unclear" if handed else "later"

    def _connected(self) -> smtplib.SMTP:
        if self.tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, timeout=SECONDS, context=ssl.create_default_context()
            )
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=SECONDS)
        try:
            if self.tls == "starttls":
                server.starttls(context=ssl.create_default_context())
            if self.user:
                server.login(self.user, self.password)
        except BaseException:
            server.close()
            raise
        return server


def _judged(code: int, for_good: Outcome) -> Outcome:
    return "later" if code < 500 else for_good


def _address(sender: str) -> str:
    from email.utils import parseaddr

    return parseaddr(sender)[1]
