"""Every setting of the product: one table of names, types, defaults and meanings.

Read once from the environment into a typed, frozen object; nothing else reads
`os.environ` (geo's own settings excepted: geo knows nothing of this package).
The operators' handbook lists these rows; a test keeps it complete.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any


class SettingsError(ValueError):
    """A setting has a value that cannot be used; the message names it and says what it takes."""


def _is(default: Any, meaning: str, *, least: int | None = None, most: int | None = None) -> Any:
    return field(default=default, metadata={"meaning": meaning, "least": least, "most": most})


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings, named as in the environment but in lower case."""

    engine: str = _is("sqlite", "`sqlite` (one machine) or `dynamodb` (deployed)")
    data_dir: str = _is(".data", "folder that holds everything `make run` writes")
    port: int = _is(8000, "port of the local server", least=1, most=65535)
    demo: bool = _is(True, "fill an empty DATA_DIR with about 600 synthetic example reports")
    site_url: str = _is("", "public address of the site, for absolute links; empty: links stay relative")
    table: str = _is("cctv-warga", "name of the DynamoDB table")
    site_bucket: str = _is("", "bucket of the public site")
    private_bucket: str = _is("", "bucket of uploads and photos before they are published")
    aws_endpoint: str = _is("", "address of a stand-in for AWS, for rehearsals; empty: AWS itself")
    categories: str = _is("", "TOML file of categories; empty: the one that ships")
    upload_secret: str = _is(
        "", "key that signs local upload addresses; empty: made once and kept in DATA_DIR"
    )
    max_photo_bytes: int = _is(
        15_000_000, "largest photo by presigned upload, in bytes", least=100_000, most=50_000_000
    )
    max_body_bytes: int = _is(
        4_500_000, "largest request body, in bytes; API Gateway carries no more", least=10_000, most=4_500_000
    )
    publish_interval_ms: int = _is(
        250, "how often the local publisher looks for changes, in milliseconds", least=10, most=60_000
    )
    tidy_interval_ms: int = _is(
        1000,
        "least time between two rewrites of front page and archives, in milliseconds",
        least=0,
        most=3_600_000,
    )
    page_wait_ms: int = _is(
        3000, "how long a plain form waits for its status page before it is sent there", least=0, most=10_000
    )
    basemap_tiles: str = _is("", "raster tile address with {z} {x} {y}; empty: outlines and names only")
    basemap_pmtiles: str = _is(
        "", "path on the site of a PMTiles file, such as /peta/jakarta.pmtiles, in place of BASEMAP_TILES"
    )
    basemap_attribution: str = _is("", "who made the basemap, shown on it; needed with a basemap")
    data_licence: str = _is(
        "",
        "under which licence the open data may be used, by its SPDX name such as CC-BY-4.0; empty: the page says none",
    )
    data_licence_url: str = _is("", "address of that licence; needed when DATA_LICENCE is set")
    outside_text: str = _is(
        "", "where to turn with a place outside Jakarta, in words: shown on the form; empty: nothing is said"
    )
    outside_url: str = _is("", "address on the web that OUTSIDE_TEXT leads to; https:// or empty")
    open311_contact: str = _is("", "who answers questions about Open311: shown in its discovery document")
    open311_key_service: str = _is("", "how to get an API key, in words or as an address: shown in discovery")
    open311_jurisdiction: str = _is(
        "", "jurisdiction_id of this instance; empty: any is taken, as there is only one"
    )
    open311_anonymous: bool = _is(True, "take service requests without an API key, as the website does")
    open311_test: bool = _is(False, "call the endpoint a test in the discovery document, not production")
    fetch_private: bool = _is(
        False, "fetch photos and call webhooks at private addresses, too; for development only"
    )
    oidc_issuer: str = _is(
        "",
        "OpenID provider where officers sign in, such as Cognito's; empty: example officers, on one machine only",
    )
    oidc_client: str = _is("", "id of the desk at that provider; its tokens must be made for it")
    agencies: str = _is("", "TOML file of agencies; empty: the examples that ship")
    limit_minutes: int = _is(
        10, "length of the window in which requests of an address are counted, in minutes", least=1, most=1440
    )
    limit_reports: int = _is(
        20,
        "reports of one address in a window before each needs a small computation; 0: no limit",
        least=0,
        most=10_000,
    )
    limit_device: int = _is(
        10, "the same for one browser, by the random key that it keeps", least=1, most=10_000
    )
    limit_hard: int = _is(
        10,
        "how many times LIMIT_REPORTS an address may send with computations before it is refused",
        least=1,
        most=1000,
    )
    limit_deeds: int = _is(
        120,
        "other requests of one kind of one address in a window, such as ratings; 0: no limit",
        least=0,
        most=100_000,
    )
    puzzle_bits: int = _is(
        16, "how hard the computation is: each bit doubles it; 16 are about 65,000 tries", least=1, most=24
    )
    puzzle_wait_s: int = _is(60, "how long who cannot compute waits instead, in seconds", least=1, most=3600)
    patience_s: int = _is(
        20, "how long the local server waits for a request, or for more of it, in seconds", least=1, most=600
    )
    cdn_token: str = _is(
        "",
        "what the CDN sends to show that it is the CDN; only then its word counts for who asks. Empty: always",
    )
    trusted_proxy: str = _is(
        "",
        "address of a reverse proxy before the local server, such as 127.0.0.1, whose X-Forwarded-For counts",
    )
    mail: str = _is(
        "", "how mail goes out: `folder`, `smtp`, `ses` or `off`; empty: `folder` on one machine, else `off`"
    )
    mail_from: str = _is(
        "", "sender of mails, such as `CCTV Warga <kabar@example.id>`; needed by smtp and ses"
    )
    smtp_host: str = _is("", "mail server, when MAIL is smtp")
    smtp_port: int = _is(587, "port of the mail server", least=1, most=65535)
    smtp_tls: str = _is("starttls", "`starttls`, `tls`, or `none` for a mail server on this machine")
    smtp_user: str = _is("", "name at the mail server; empty: without signing in")
    smtp_password: str = _is("", "password at the mail server")
    ses_configuration: str = _is("", "SES configuration set that reports bounces; empty: none")
    push_contact: str = _is(
        "", "`mailto:` or `https:` address that push services may ask; empty: no web push but into the folder"
    )
    push_hosts: str = _is(
        "fcm.googleapis.com *.push.services.mozilla.com *.notify.windows.com *.push.apple.com",
        "push services that messages are sent to; `*.` stands before any host below",
    )
    quiet_from: int = _is(21, "hour (Jakarta's) from which messages wait for the morning", least=0, most=23)
    quiet_until: int = _is(
        6, "hour (Jakarta's) at which they go out; the same as QUIET_FROM: no quiet hours", least=0, most=23
    )
    digest_hour: int = _is(7, "hour (Jakarta's) of the daily digest", least=0, most=23)
    contact_days: int = _is(90, "days after closing until contact data is erased", least=1, most=365)

    @property
    def mail_way(self) -> str:
        """How mail goes out: `folder`, `smtp`, `ses` or `off`."""
        return self.mail or ("folder" if self.engine == "sqlite" else "off")

    @property
    def push_way(self) -> str:
        """How push messages go out: `push`, `folder` or `off`."""
        if self.push_contact:
            return "push"
        return "folder" if self.mail_way == "folder" else "off"

    @property
    def data_path(self) -> Path:
        """DATA_DIR as an absolute path."""
        return Path(self.data_dir).resolve()


def names() -> list[tuple[str, str, str]]:
    """(environment name, default as written, meaning) of every setting, in order."""
    return [(f.name.upper(), _written(f.default), f.metadata["meaning"]) for f in fields(Settings)]


def read(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of `environment` (default: the process's). Empty values count as absent.

    Raises SettingsError, naming every setting that cannot be used.
    """
    env = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    wrong: list[str] = []
    for each in fields(Settings):
        text = env.get(each.name.upper(), "").strip()
        if text:
            try:
                values[each.name] = _typed(each, text)
            except ValueError as error:
                wrong.append(f"{each.name.upper()}={text!r}: {error}")
    if values.get("engine", "sqlite") not in {"sqlite", "dynamodb"}:
        wrong.append(f"ENGINE={values['engine']!r}: takes sqlite or dynamodb")
    if bool(values.get("oidc_issuer")) != bool(values.get("oidc_client")):
        wrong.append("OIDC_ISSUER and OIDC_CLIENT go together: set both, or neither")
    wrong.extend(_wrong_mail(values))
    wrong += _basemap(values)
    if bool(values.get("data_licence")) != bool(values.get("data_licence_url")):
        wrong.append("DATA_LICENCE and DATA_LICENCE_URL go together: set both, or neither")
    if values.get("data_licence_url") and not re.fullmatch(
        r"https?://[^\s\"<>]+", values["data_licence_url"]
    ):
        wrong.append(
            f"DATA_LICENCE_URL={values['data_licence_url']!r}: takes an address that begins with https://"
        )
    if values.get("outside_url") and not re.fullmatch(r"https?://[^\s\"<>]+", values["outside_url"]):
        wrong.append(f"OUTSIDE_URL={values['outside_url']!r}: takes an address that begins with https://")
    if values.get("outside_url") and not values.get("outside_text"):
        wrong.append("OUTSIDE_TEXT is missing: OUTSIDE_URL needs words to press on")
    if wrong:
        raise SettingsError("; ".join(wrong))
    return Settings(**values)


def _wrong_mail(values: Mapping[str, Any]) -> list[str]:
    """What is wrong with the settings of mail and push, together."""
    wrong = []
    mail = values.get("mail", "")
    if mail not in {"", "folder", "smtp", "ses", "off"}:
        wrong.append(f"MAIL={mail!r}: takes folder, smtp, ses or off")
    if values.get("smtp_tls", "starttls") not in {"starttls", "tls", "none"}:
        wrong.append(f"SMTP_TLS={values['smtp_tls']!r}: takes starttls, tls or none")
    needed = {"smtp": ("mail_from", "smtp_host"), "ses": ("mail_from", "site_url")}.get(mail, ())
    wrong += [f"{name.upper()} is missing: MAIL={mail} needs it" for name in needed if not values.get(name)]
    if "mail_from" in values and not re.fullmatch(
        r"([^<>\r\n]+ )?<?[^\s<>@]+@[^\s<>@]+>?", values["mail_from"]
    ):
        wrong.append("MAIL_FROM: write it like CCTV Warga <kabar@example.id>")
    contact = values.get("push_contact", "")
    if contact and not contact.startswith(("mailto:", "https://")):
        wrong.append("PUSH_CONTACT: begin it with mailto: or https://")
    return wrong


def _basemap(values: Mapping[str, Any]) -> list[str]:
    """What is wrong with the settings of the basemap."""
    tiles, pmtiles = values.get("basemap_tiles"), values.get("basemap_pmtiles")
    wrong = []
    if tiles and pmtiles:
        wrong.append("BASEMAP_TILES and BASEMAP_PMTILES: set one of them")
    if pmtiles and not re.fullmatch(r"/peta/[A-Za-z0-9_-]{1,80}\.pmtiles", pmtiles):
        wrong.append(f"BASEMAP_PMTILES={pmtiles!r}: takes a path such as /peta/jakarta.pmtiles")
    if (tiles or pmtiles) and not values.get("basemap_attribution"):
        wrong.append("BASEMAP_ATTRIBUTION is missing: a basemap must say who made it")
    return wrong


def _typed(each: Field[Any], text: str) -> Any:
    if isinstance(each.default, bool):
        if text.lower() in {"1", "true", "yes", "on"}:
            return True
        if text.lower() in {"0", "false", "no", "off"}:
            return False
        raise ValueError("takes 1 or 0")
    if isinstance(each.default, int):
        least, most = each.metadata["least"], each.metadata["most"]
        if not re.fullmatch(r"-?[0-9]+", text) or not least <= int(text) <= most:
            raise ValueError(f"takes a whole number from {least} to {most}")
        return int(text)
    return text


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value)
