"""Mail through Amazon SES (API v2), as it is deployed. boto3 is imported when the first mail is sent.

The SDK tries once: its own retries could send twice. Bounces and complaints are SES's suppression
list's business (infra/docs/operators.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from . import Message, Outcome
from .mail import as_mail

if TYPE_CHECKING:
    from types_boto3_sesv2.client import SESV2Client

LATER = frozenset(
    {
        "AccountSuspendedException",
        "InternalServiceErrorException",
        "LimitExceededException",
        "MailFromDomainNotVerifiedException",
        "SendingPausedException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""SES took nothing, and may another time."""


@dataclass(frozen=True)
class Ses:
    """`configuration` names the set that reports bounces, if there is one."""

    sender: str
    now: Callable[[], datetime]
    configuration: str = ""
    endpoint_url: str | None = None

    def send(self, message: Message) -> Outcome:
        """Hand it to SES."""
        from botocore.exceptions import ClientError, ConnectionError, EndpointConnectionError

        try:
            mail = as_mail(message, sender=self.sender, now=self.now())
        except ValueError:
            return "refused"
        more = {"ConfigurationSetName": self.configuration} if self.configuration else {}
        try:
            self._client.send_email(
                FromEmailAddress=self.sender,
                Destination={"ToAddresses": [message.to]},
                Content={"Raw": {"Data": mail.as_bytes()}},
                **more,  # type: ignore[arg-type]
            )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            return "later" if code in LATER else "refused"
        except EndpointConnectionError:
            return "later"
        except (ConnectionError, OSError):
            return "unclear"
        return "sent"

    @cached_property
    def _client(self) -> SESV2Client:
        import boto3
        from botocore.config import Config

        once = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20)
        return boto3.client("sesv2", config=once, endpoint_url=self.endpoint_url)
