"""Web Push: a message encrypted for one browser, handed to the push service that the browser chose.

RFC 8030 (the protocol), 8291 and 8188 (encryption, aes128gcm), 8292 (VAPID: who sends). Only push
services that the operator trusts are asked, over https and on public addresses; what is sent can
be read by the browser alone. Knows no follower.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from ..channels import fetch
from . import Message, Outcome

TTL_S = 86_400
"""So long the push service keeps a message for a browser that is off: older news are no news."""
RECORD = 4096
MOST_PAYLOAD = 3000
"""Bytes of JSON, well below the 3,993 that every push service takes (RFC 8291, 4)."""
TOKEN_S = 12 * 3600
SECONDS = 15
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class WrongSubscription(ValueError):
    """No browser gives such a subscription."""


@dataclass(frozen=True)
class WebPush:
    """`key` is the VAPID key's private number (32 bytes), `contact` a mailto: or https: address of the operator."""

    key: bytes = field(repr=False)
    contact: str
    hosts: Sequence[str]
    now: Callable[[], datetime]
    random_bytes: Callable[[int], bytes]
    private: bool = False

    def send(self, message: Message) -> Outcome:
        """Encrypt it and hand it to the push service. 404 and 410 mean that the subscription is no more."""
        try:
            judge_endpoint(message.to, self.hosts, private=self.private)
            body = encrypt(payload(message), message.p256dh, message.auth, self.random_bytes)
        except WrongSubscription:
            return "gone"
        # Of messages with one topic the push service keeps the newest: the same one twice shows once.
        topic = base64.urlsafe_b64encode(hashlib.sha256(message.id.encode()).digest()[:24]).decode()
        headers = {
            "Authorization": f"vapid t={self._token(message.to)}, k={public_key(self.key)}",
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(TTL_S),
            "Topic": topic,
            "Urgency": "normal",
        }
        try:
            got = fetch.fetch(
                message.to,
                max_bytes=10_000,
                seconds=SECONDS,
                private=self.private,
                method="POST",
                body=body,
                headers=headers,
            )
        except fetch.FetchError as error:
            return "gone" if error.code == "address" else "later"
        if 200 <= got.status < 300:
            return "sent"
        if got.status in {404, 410}:
            return "gone"
        return "later" if got.status == 429 or got.status >= 500 else "refused"

    def _token(self, endpoint: str) -> str:
        from joserfc import jwt
        from joserfc.jwk import ECKey

        parts = urlsplit(endpoint)
        claims = {
            "aud": f"{parts.scheme}://{parts.netloc}",
            "exp": int(self.now().timestamp()) + TOKEN_S,
            "sub": self.contact,
        }
        point = _public(self.key)
        key = ECKey.import_key(
            {
                "kty": "EC",
                "crv": "P-256",
                "d": _b64(self.key),
                "x": _b64(point[1:33]),
                "y": _b64(point[33:]),
            }
        )
        return str(jwt.encode({"typ": "JWT", "alg": "ES256"}, claims, key, algorithms=["ES256"]))


def new_key(random_bytes: Callable[[int], bytes]) -> bytes:
    """A private number for P-256, 32 bytes."""
    number = int.from_bytes(random_bytes(40), "big") % (P256_ORDER - 1) + 1
    return number.to_bytes(32, "big")


def public_key(key: bytes) -> str:
    """The public point that browsers subscribe with: uncompressed, base64url without padding."""
    return _b64(_public(key))


def payload(message: Message) -> bytes:
    """What the browser's service worker shows, as JSON; the sentence is shortened until it fits."""
    body = message.short
    while True:
        told = {"title": message.subject, "body": body, "url": message.url, "lang": message.language}
        data = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
        if len(data) <= MOST_PAYLOAD or not body:
            return data
        body = body[: len(body) // 2]


def judge_endpoint(endpoint: str, hosts: Sequence[str], *, private: bool = False) -> None:
    """Raises WrongSubscription unless `endpoint` is an https address of one of `hosts` (`*.` before any below).

    `private`: any host, for development.
    """
    try:
        parts = fetch.judged(endpoint, private=private)
    except fetch.FetchError:
        raise WrongSubscription("the endpoint is no address of a push service") from None
    host = (parts.hostname or "").lower()
    known = any(host == each or (each.startswith("*.") and host.endswith(each[1:])) for each in hosts)
    if not private and (parts.scheme != "https" or not known):
        raise WrongSubscription("the endpoint is of no push service that is trusted here")


def judge_keys(p256dh: str, auth: str) -> None:
    """Raises WrongSubscription unless these are keys that a browser gives: a point of P-256, and 16 bytes."""
    from cryptography.hazmat.primitives.asymmetric import ec

    secret, point = _raw(auth), _raw(p256dh)
    if len(secret) != 16 or len(point) != 65:
        raise WrongSubscription("the keys do not have the length they must have")
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError:
        raise WrongSubscription("the key is no point of the curve") from None


def encrypt(data: bytes, p256dh: str, auth: str, random_bytes: Callable[[int], bytes]) -> bytes:
    """One record of aes128gcm for the holder of the browser's keys. Raises WrongSubscription."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    judge_keys(p256dh, auth)
    theirs = _raw(p256dh)
    salt = random_bytes(16)
    once = ec.derive_private_key(int.from_bytes(new_key(random_bytes), "big"), ec.SECP256R1())
    ours = _point(once.public_key())
    shared = once.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs))

    def derived(length: int, salt: bytes, info: bytes, secret: bytes) -> bytes:
        return HKDF(hashes.SHA256(), length, salt, info).derive(secret)

    secret = derived(32, _raw(auth), b"WebPush: info\0" + theirs + ours, shared)
    key = derived(16, salt, b"Content-Encoding: aes128gcm\0", secret)
    nonce = derived(12, salt, b"Content-Encoding: nonce\0", secret)
    # 2 marks the last record (RFC 8188, 2).
    sealed = AESGCM(key).encrypt(nonce, data + b"\x02", None)
    return salt + RECORD.to_bytes(4, "big") + bytes([len(ours)]) + ours + sealed


def _public(key: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ec

    return _point(ec.derive_private_key(int.from_bytes(key, "big"), ec.SECP256R1()).public_key())


def _point(key: object) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    assert isinstance(key, EllipticCurvePublicKey)  # noqa: S101 (for the type checker)
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _raw(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        raise WrongSubscription("a key is not base64url") from None
