"""The users of an Amazon Cognito pool: inviting an officer, shutting one out. The only file that calls Cognito.

Rights are no business of Cognito's: they are records of ours. boto3 is imported when the
first call is made.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from ..officers.accounts import PoolBusy
from .aws import CONNECT_S, READ_S


class CognitoPool:
    """A user pool, by id. `endpoint_url` is a stand-in for AWS, for rehearsals."""

    def __init__(self, pool: str, *, endpoint_url: str | None = None) -> None:
        self._pool = pool
        self._endpoint = endpoint_url

    @cached_property
    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        policy = Config(connect_timeout=CONNECT_S, read_timeout=READ_S, retries={"mode": "standard"})
        region = self._pool.partition("_")[0]
        return boto3.client("cognito-idp", region_name=region, endpoint_url=self._endpoint, config=policy)

    def invite(self, email: str, name: str) -> str:
        """See accounts.SignInPool. `name` stays with us: Cognito is told the address alone."""
        made = self._call(
            lambda: self._client.admin_create_user(
                UserPoolId=self._pool,
                Username=email,
                UserAttributes=[
                    {"Name": "email", "Value": email},
                    {"Name": "email_verified", "Value": "true"},
                ],
                DesiredDeliveryMediums=["EMAIL"],
            ),
            known="UsernameExistsException",
        )
        if made is None:
            found = self._call(lambda: self._client.admin_get_user(UserPoolId=self._pool, Username=email))
            return _subject(found["UserAttributes"])
        return _subject(made["User"]["Attributes"])

    def shut_out(self, email: str) -> None:
        """See accounts.SignInPool. A user who is not there is out already."""
        who = {"UserPoolId": self._pool, "Username": email}
        gone = "UserNotFoundException"
        self._call(lambda: self._client.admin_disable_user(**who), known=gone)
        self._call(lambda: self._client.admin_user_global_sign_out(**who), known=gone)

    def let_in(self, email: str) -> None:
        """See accounts.SignInPool."""
        self._call(lambda: self._client.admin_enable_user(UserPoolId=self._pool, Username=email))

    def _call(self, act: Callable[[], Any], known: str = "") -> Any:
        """The answer; None for the error that is known and means nothing bad. Raises PoolBusy."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return act()
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if known and code == known:
                return None
            raise PoolBusy(code) from None
        except BotoCoreError as error:
            raise PoolBusy(type(error).__name__) from None


def _subject(attributes: list[dict[str, str]]) -> str:
    return next(each["Value"] for each in attributes if each["Name"] == "sub")
