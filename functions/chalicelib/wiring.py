"""Puts the parts together: from settings to a table, files, boundaries and pages, each made once.

The only place that chooses an engine. Nothing here is made before it is needed,
so that importing costs little and needs no AWS.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import categories, settings
from .access import Gate, Keys
from .follow import Rules
from .front.operation import Parts
from .intake import Door
from .officers import accounts, agencies
from .officers.accounts import SignInPool
from .storage.files import Files
from .storage.table import Key, Table

if TYPE_CHECKING:
    from web.render import Renderer

    from .notices import Post
    from .publish import Progress, Publisher
    from .senders import Sender

INSTANCE = Key("instance", "demo")
"""Whether this instance was filled with example reports."""
UPLOADS_AT = "/_local/uploads"
"""Where the local server takes uploads that a deployed bucket would take."""


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


@lru_cache(maxsize=1)
def current() -> settings.Settings:
    """The settings of this process."""
    return settings.read()


@lru_cache(maxsize=1)
def table() -> Table:
    """The table of reports."""
    chosen = current()
    if chosen.engine == "dynamodb":
        from .storage.dynamodb import DynamoDBTable

        return DynamoDBTable(chosen.table, endpoint_url=chosen.aws_endpoint or None)
    from .storage.sqlite import SQLiteTable

    chosen.data_path.mkdir(parents=True, exist_ok=True)
    return SQLiteTable(chosen.data_path / "table.sqlite3")


@lru_cache(maxsize=2)
def files(kind: str) -> Files:
    """The public `site` or the `private` store of uploads and photos."""
    chosen = current()
    if chosen.engine == "dynamodb":
        from .storage.s3 import S3Files

        return S3Files(
            chosen.site_bucket if kind == "site" else chosen.private_bucket,
            endpoint_url=chosen.aws_endpoint or None,
        )
    from .storage.folder import FolderFiles

    return FolderFiles(chosen.data_path / kind, upload_secret=upload_secret(), upload_url=UPLOADS_AT)


def upload_secret() -> bytes:
    """The key that signs local upload addresses: the setting, or one made once and kept in DATA_DIR."""
    chosen = current()
    if chosen.upload_secret:
        return chosen.upload_secret.encode()
    kept = chosen.data_path / "upload.secret"
    kept.parent.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
    except FileExistsError:
        pass
    return kept.read_bytes()


@lru_cache(maxsize=1)
def category_table() -> Mapping[str, categories.Category]:
    """The categories of this instance."""
    chosen = current().categories
    return categories.load(Path(chosen)) if chosen else categories.load()


@lru_cache(maxsize=1)
def shipped_agencies() -> Mapping[str, agencies.Agency]:
    """The agencies of the settings file, over which admins edit at the desk."""
    chosen = current().agencies
    return agencies.load(Path(chosen)) if chosen else agencies.load()


@lru_cache(maxsize=1)
def renderer() -> Renderer:
    """What draws pages."""
    import geo
    from web.render import Renderer
    from web.views import Basemap, Licence, Outside

    locator = geo.default_locator()
    chosen = current()
    return Renderer.open(
        geo_build=geo.build_folder(),
        categories=list(category_table().values()),
        site_url=chosen.site_url,
        basemap=Basemap(chosen.basemap_tiles, chosen.basemap_attribution, pmtiles=chosen.basemap_pmtiles),
        outside=Outside(chosen.outside_text, chosen.outside_url),
        licence=Licence(chosen.data_licence, chosen.data_licence_url),
        approximate=locator.approximate,
        boundaries_version=locator.version,
        attribution=_built("manifest.json")["attribution"],
    )


def _built(name: str) -> Any:
    """A file of geo's build folder, read as JSON."""
    import geo

    return json.loads((geo.build_folder() / name).read_text("utf-8"))


_local_sign_in: list[tuple[Gate, Mapping[str, Any]]] = []


def sign_in_with(gate: Gate, where: Mapping[str, Any]) -> None:
    """Have officers sign in at a provider on this machine. For the local server, before the first request."""
    _local_sign_in[:] = [(gate, where)]
    parts.cache_clear()


def sign_in() -> tuple[Gate | None, Callable[[], Mapping[str, Any]] | None]:
    """Who checks officers' tokens, and where they get them; (None, None) when nobody can sign in."""
    chosen = current()
    if chosen.oidc_issuer:
        from .officers import provider

        keys = Keys(lambda: provider.keys(chosen.oidc_issuer), now)
        where = lru_cache(maxsize=1)(lambda: provider.sign_in(chosen.oidc_issuer, chosen.oidc_client))
        return Gate(table(), keys, chosen.oidc_issuer, chosen.oidc_client, now), where
    if _local_sign_in:
        gate, local = _local_sign_in[0]
        return gate, lambda: local
    return None, None


def sign_in_pool() -> SignInPool | None:
    """The provider's users, where it is a Cognito pool; None where accounts are records of ours alone."""
    pool = accounts.pool_of(current().oidc_issuer)
    if pool is None:
        return None
    from .storage.cognito import CognitoPool

    return CognitoPool(pool, endpoint_url=current().aws_endpoint or None)


@lru_cache(maxsize=1)
def parts() -> Parts:
    """What the API's handlers work with."""
    import geo

    locator = geo.default_locator()
    gate, where = sign_in()
    from .front.guard import Guard

    return Parts(
        settings=current(),
        guard=Guard(table(), current(), now, secrets.token_bytes),
        door=Door(
            table=table(),
            private=files("private"),
            locator=locator,
            now=now,
            random_bytes=secrets.token_bytes,
            max_photo_bytes=current().max_photo_bytes,
            offices=lambda: {
                each.code: each.office for each in agencies.current(table(), shipped_agencies()).values()
            },
        ),
        site=files("site"),
        categories=category_table(),
        renderer=renderer,
        approximate=locator.approximate,
        gate=gate,
        pool=sign_in_pool(),
        sign_in=where,
        agencies=shipped_agencies(),
    )


def publisher(*, example: bool, progress: Progress | None = None) -> Publisher:
    """What writes the site. `example`: the instance holds synthetic reports; `progress` watches a rebuild."""
    import geo

    from .publish import Publisher, silently

    return Publisher(
        table=table(),
        site=files("site"),
        private=files("private"),
        renderer=renderer(),
        locator=geo.default_locator(),
        neighbours={kode: row["neighbours"] for kode, row in _built("outlines.json")["kelurahan"].items()},
        outlines=(geo.build_folder() / "batas.json").read_bytes(),
        categories=category_table(),
        example=example,
        progress=progress or silently,
    )


@lru_cache(maxsize=1)
def post() -> Post:
    """What tells followers. Raises nothing for what is not set up: that way of telling is off then."""
    import geo
    from web.letters import Letters

    from .followers import EMAIL, PUSH, Book, made_once
    from .notices import Post
    from .senders.push import new_key

    chosen = current()
    senders: dict[str, Sender] = {}
    if mail := _mail(chosen):
        senders[EMAIL] = mail
    if chosen.push_way == "push":
        from .senders.push import WebPush

        key = made_once(table(), "vapid", lambda: new_key(secrets.token_bytes))
        hosts = chosen.push_hosts.split()
        senders[PUSH] = WebPush(
            key, chosen.push_contact, hosts, now, secrets.token_bytes, private=chosen.fetch_private
        )
    elif chosen.push_way == "folder":
        senders[PUSH] = _folder(chosen, push=True)
    return Post(
        table=table(),
        book=Book(table(), now, secrets.token_bytes),
        letters=Letters(renderer()),
        senders=senders,
        areas=geo.default_locator().by_kode,
        site_url=chosen.site_url or f"http://127.0.0.1:{chosen.port}",
        rules=rules(),
        contact_days=chosen.contact_days,
    )


def rules() -> Rules:
    """The hours of messages."""
    chosen = current()
    return Rules(chosen.quiet_from, chosen.quiet_until, chosen.digest_hour)


def _mail(chosen: settings.Settings) -> Sender | None:
    if chosen.mail_way == "smtp":
        from .senders.smtp import Smtp

        return Smtp(
            chosen.smtp_host,
            chosen.smtp_port,
            chosen.mail_from,
            now,
            tls=chosen.smtp_tls,
            user=chosen.smtp_user,
            password=chosen.smtp_password,
        )
    if chosen.mail_way == "ses":
        from .senders.ses import Ses

        return Ses(chosen.mail_from, now, chosen.ses_configuration, chosen.aws_endpoint or None)
    return _folder(chosen, push=False) if chosen.mail_way == "folder" else None


def _folder(chosen: settings.Settings, *, push: bool) -> Sender:
    from .senders.folder import Folder

    sender = chosen.mail_from or "CCTV Warga <kabar@localhost.localdomain>"
    return Folder(messages_folder(), sender, now, push=push)


def messages_folder() -> Path:
    """Where messages are kept that are not really sent."""
    return current().data_path / "messages"


@lru_cache(maxsize=1)
def deployed_publisher() -> Publisher:
    """The publisher of a function, made once for all its invocations."""
    kept = table().get(INSTANCE)
    return publisher(example=bool(kept and kept.body["example"]))
