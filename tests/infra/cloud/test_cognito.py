"""Officers' sign-in as deployed, as far as a stand-in for Cognito goes: its real tokens through the real gate.

moto plays the pool: invitation, password, tokens, public keys. It has no sign-in page, so the way
of a browser there (authorize, code, PKCE) is tried against the local provider only.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.request import urlopen

import pytest
from chalicelib import access
from chalicelib.front.problems import Refused
from chalicelib.report import Office
from chalicelib.storage.cognito import CognitoPool
from chalicelib.storage.sqlite import SQLiteTable

from infra import aws, package

PASSWORD = f"Aa1-{secrets.token_hex(12)}"
MAIL = "petugas@example.id"


@dataclass
class Pool:
    """A pool made as template.yaml says, and the desk's client of it."""

    cognito: Any
    address: str
    id: str
    client: str

    @property
    def issuer(self) -> str:
        return f"https://cognito-idp.{aws.REGION}.amazonaws.com/{self.id}"

    def tokens(self) -> dict[str, str]:
        """What somebody gets who signs in with the password."""
        answer = self.cognito.initiate_auth(
            ClientId=self.client,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": MAIL, "PASSWORD": PASSWORD},
        )
        found: dict[str, str] = answer["AuthenticationResult"]
        return found

    def keys(self) -> str:
        """The public keys, as the provider hands them out."""
        with urlopen(f"{self.address}/{self.id}/.well-known/jwks.json", timeout=10) as answer:
            return str(answer.read().decode())


@pytest.fixture(scope="module")
def stand_in() -> Iterator[str]:
    with aws.moto_server() as address:
        yield address


@pytest.fixture
def pool(stand_in: str, monkeypatch: pytest.MonkeyPatch) -> Pool:
    for name, value in aws.environment(stand_in).items():
        monkeypatch.setenv(name, value)
    cognito = aws.client("cognito-idp")
    stated = package.read_template(package.ROOT / "template.yaml")["Resources"]["Officers"]["Properties"]
    made = cognito.create_user_pool(
        PoolName="officers",
        AdminCreateUserConfig=stated["AdminCreateUserConfig"],
        UsernameAttributes=stated["UsernameAttributes"],
        Policies=stated["Policies"],
    )["UserPool"]["Id"]
    client = cognito.create_user_pool_client(
        UserPoolId=made, ClientName="desk", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
    )
    return Pool(cognito, stand_in, made, client["UserPoolClient"]["ClientId"])


def gate(pool: Pool, table: SQLiteTable) -> access.Gate:
    from chalicelib import wiring

    return access.Gate(table, access.Keys(pool.keys, wiring.now), pool.issuer, pool.client, wiring.now)


@pytest.fixture
def officer(pool: Pool, table: SQLiteTable) -> access.Officer:
    """Invited through the product's own way, with a password as after the first sign-in."""
    subject = CognitoPool(pool.id).invite(MAIL, "Ibu Sari")
    pool.cognito.admin_set_user_password(UserPoolId=pool.id, Username=MAIL, Password=PASSWORD, Permanent=True)
    office = Office("31.71.01.1001", "Kelurahan Gambir")
    made = access.Officer(
        id=subject, name="Ibu Sari", role="officer", office=office, boundaries=("31.71.01.1001",)
    )
    access.save(table, made)
    return made


@pytest.fixture
def table(tmp_path: Any) -> Iterator[SQLiteTable]:
    made = SQLiteTable(tmp_path / "table.sqlite3")
    yield made
    made.close()


def test_an_invited_officer_signs_in_and_the_gate_knows_her(
    pool: Pool, table: SQLiteTable, officer: access.Officer
) -> None:
    token = pool.tokens()["AccessToken"]
    assert gate(pool, table).officer(f"Bearer {token}") == officer


def test_an_identity_token_opens_nothing(pool: Pool, table: SQLiteTable, officer: access.Officer) -> None:
    with pytest.raises(Refused) as refused:
        gate(pool, table).officer(f"Bearer {pool.tokens()['IdToken']}")
    assert refused.value.status == 401


def test_a_token_of_another_client_or_pool_opens_nothing(
    pool: Pool, table: SQLiteTable, officer: access.Officer
) -> None:
    token = pool.tokens()["AccessToken"]
    for changed in ({"audience": "another-client"}, {"issuer": pool.issuer + "x"}):
        from dataclasses import replace

        with pytest.raises(Refused) as refused:
            replace(gate(pool, table), **changed).officer(f"Bearer {token}")
        assert refused.value.status == 401


def test_who_is_in_the_pool_and_no_officer_here_is_told_so(pool: Pool, table: SQLiteTable) -> None:
    CognitoPool(pool.id).invite(MAIL, "Somebody")
    pool.cognito.admin_set_user_password(UserPoolId=pool.id, Username=MAIL, Password=PASSWORD, Permanent=True)
    with pytest.raises(Refused) as refused:
        gate(pool, table).officer(f"Bearer {pool.tokens()['AccessToken']}")
    assert refused.value.status == 403


def test_who_was_shut_out_gets_no_token_any_more_until_let_in(
    pool: Pool, table: SQLiteTable, officer: access.Officer
) -> None:
    CognitoPool(pool.id).shut_out(MAIL)
    with pytest.raises(pool.cognito.exceptions.NotAuthorizedException):
        pool.tokens()
    CognitoPool(pool.id).let_in(MAIL)
    assert pool.tokens()["AccessToken"]
