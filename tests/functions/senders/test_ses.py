"""Mail through SES, on moto: what is handed over, and what its answers mean."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from chalicelib.senders.ses import Ses
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ses import ses_backends

from .test_mail import FROM, MESSAGE, NOW

REGION = "ap-southeast-3"


@pytest.fixture
def ses(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ses]:
    for name, value in {
        "ACCESS_KEY_ID": "testing",
        "SECRET_ACCESS_KEY": "testing",
        "DEFAULT_REGION": REGION,
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with mock_aws():
        yield Ses(FROM, lambda: NOW)


def test_a_mail_is_handed_to_ses_with_its_headers(ses: Ses):
    boto3.client("ses", region_name=REGION).verify_domain_identity(Domain="warga.example")
    assert ses.send(MESSAGE) == "sent"
    (sent,) = ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in str(sent.raw_data)
    assert "ani@contoh.id" in str(sent.destinations)


def test_a_sender_that_is_not_verified_is_no_fault_of_the_followers(ses: Ses):
    assert ses.send(MESSAGE) in {"refused", "later"}


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (ClientError({"Error": {"Code": "TooManyRequestsException"}}, "SendEmail"), "later"),
        (ClientError({"Error": {"Code": "SendingPausedException"}}, "SendEmail"), "later"),
        (ClientError({"Error": {"Code": "MessageRejected"}}, "SendEmail"), "refused"),
        (EndpointConnectionError(endpoint_url="https://x"), "later"),
        (ReadTimeoutError(endpoint_url="https://x"), "unclear"),
    ],
    ids=["throttled", "paused", "rejected", "unreachable", "no answer"],
)
def test_what_ses_answers_decides(ses: Ses, monkeypatch: pytest.MonkeyPatch, fault: Exception, outcome: str):
    def fail(**_: Any) -> None:
        raise fault

    monkeypatch.setattr(ses._client, "send_email", fail)
    assert ses.send(MESSAGE) == outcome


def test_ses_is_asked_once(ses: Ses):
    # Another try of the SDK after a lost answer would be a second mail.
    assert ses._client.meta.config.retries["total_max_attempts"] == 1
