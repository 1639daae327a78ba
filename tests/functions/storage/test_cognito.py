"""Officers at Amazon Cognito, against a stand-in: invited once, shut out, let in; who refuses is named."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from chalicelib.officers.accounts import PoolBusy
from chalicelib.storage.cognito import CognitoPool

REGION = "ap-southeast-3"
SARI = "sari@kantor.example.id"


@pytest.fixture
def cognito(moto_aws: None) -> Any:
    return boto3.client("cognito-idp", region_name=REGION)


@pytest.fixture
def pool_id(cognito: Any) -> str:
    made = cognito.create_user_pool(PoolName="officers", UsernameAttributes=["email"])
    return str(made["UserPool"]["Id"])


def user(cognito: Any, pool_id: str) -> Any:
    return cognito.admin_get_user(UserPoolId=pool_id, Username=SARI)


def test_an_officer_is_invited_once_and_is_who_their_tokens_will_say(cognito: Any, pool_id: str):
    pool = CognitoPool(pool_id)
    subject = pool.invite(SARI, "Sari Rahasia")
    kept = user(cognito, pool_id)
    attributes = {each["Name"]: each["Value"] for each in kept["UserAttributes"]}
    assert (attributes["sub"], attributes["email"], attributes["email_verified"]) == (subject, SARI, "true")
    assert "Sari Rahasia" not in str(kept)
    assert pool.invite(SARI, "Sari") == subject
    assert len(cognito.list_users(UserPoolId=pool_id)["Users"]) == 1


def test_who_is_shut_out_is_disabled_until_they_are_let_in(cognito: Any, pool_id: str):
    pool = CognitoPool(pool_id)
    pool.invite(SARI, "Sari")
    pool.shut_out(SARI)
    assert user(cognito, pool_id)["Enabled"] is False
    pool.let_in(SARI)
    assert user(cognito, pool_id)["Enabled"] is True


def test_who_was_never_there_is_out_already_and_cannot_be_let_in(cognito: Any, pool_id: str):
    pool = CognitoPool(pool_id)
    pool.shut_out("nobody@kantor.example.id")
    with pytest.raises(PoolBusy):
        pool.let_in("nobody@kantor.example.id")


def test_a_pool_that_is_not_there_is_said_to_be_busy(cognito: Any):
    with pytest.raises(PoolBusy, match="ResourceNotFoundException"):
        CognitoPool(f"{REGION}_None").invite(SARI, "Sari")
