"""Web push against a service that decrypts with another implementation and checks who sends."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime

import http_ece
import pytest
from chalicelib.senders import Message
from chalicelib.senders import push as webpush
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey

from ..conftest import Dice
from .conftest import Service

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
AUTH = bytes(range(16))
BROWSER = ec.derive_private_key(20261123, ec.SECP256R1())
HOSTS = ("fcm.googleapis.com", "*.push.services.mozilla.com")


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


P256DH = b64(BROWSER.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def sender(**changes: object) -> webpush.WebPush:
    made = webpush.WebPush(
        webpush.new_key(Dice()), "mailto:pengelola@warga.example", HOSTS, lambda: NOW, Dice(), private=True
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def message(to: str, **changes: object) -> Message:
    made = Message(
        id="7K3M9QX2#2#done#w",
        to=to,
        language="id",
        subject="Jalan rusak, Gambir: Selesai",
        text="",
        html="",
        short="Pekerjaan selesai. ✓",
        url="https://warga.example/laporan/7K3M9QX2/",
        p256dh=P256DH,
        auth=b64(AUTH),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def opened(body: bytes) -> dict[str, str]:
    """The body, read with another implementation of RFC 8188 and 8291."""
    plain = http_ece.decrypt(body, private_key=BROWSER, auth_secret=AUTH, version="aes128gcm")
    told: dict[str, str] = json.loads(plain)
    return told


def test_the_browser_alone_reads_what_is_sent_and_the_service_knows_who_sends(service: Service):
    by = sender()
    assert by.send(message(service.url)) == "sent"
    ((headers, body),) = service.asked
    assert opened(body) == {
        "title": "Jalan rusak, Gambir: Selesai",
        "body": "Pekerjaan selesai. ✓",
        "url": "https://warga.example/laporan/7K3M9QX2/",
        "lang": "id",
    }
    assert b"Selesai" not in body
    assert headers["content-encoding"] == "aes128gcm"
    assert int(headers["ttl"]) > 0
    assert len(headers["topic"]) == 32
    scheme, _, parameters = headers["authorization"].partition(" ")
    named = dict(part.strip().split("=", 1) for part in parameters.split(","))
    assert scheme == "vapid"
    assert named["k"] == webpush.public_key(by.key)
    point = raw(named["k"])
    key = ECKey.import_key({"kty": "EC", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])})
    token = jwt.decode(named["t"], key, algorithms=["ES256"])
    assert token.header["alg"] == "ES256"
    assert token.claims["aud"] == service.url.split("/push/")[0]
    assert token.claims["sub"] == "mailto:pengelola@warga.example"
    assert 0 < token.claims["exp"] - NOW.timestamp() <= 86_400


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, "sent"), (201, "sent"), (404, "gone"), (410, "gone"), (400, "refused"), (403, "refused"),
     (413, "refused"), (429, "later"), (500, "later"), (503, "later")],
)  # fmt: skip
def test_what_the_service_answers_decides(service: Service, status: int, outcome: str):
    service.status = status
    assert sender().send(message(service.url)) == outcome


def test_a_service_that_is_not_there_is_tried_later():
    assert sender().send(message("http://127.0.0.1:1/x")) == "later"


def test_every_message_is_encrypted_anew(service: Service):
    by = sender()
    by.send(message(service.url))
    by.send(message(service.url))
    (_, first), (_, second) = service.asked
    assert first[:16] != second[:16]
    assert first[21:86] != second[21:86]
    assert opened(first) == opened(second)


def test_the_example_of_rfc_8291():
    # Appendix A: the keys, the salt and the message that they give.
    number = int.from_bytes(raw("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big")

    def chosen(count: int) -> bytes:
        return raw("DGv6ra1nlYgDCS1FRnbzlw") if count == 16 else (number - 1).to_bytes(count, "big")

    body = webpush.encrypt(
        b"When I grow up, I want to be a watermelon",
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "BTBZMqHH6r4Tts7J_aSIgg",
        chosen,
    )
    assert b64(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK"
        "6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


@given(st.text(max_size=6000))
@settings(max_examples=30, deadline=None)
def test_every_sentence_fits_and_is_read(short: str):
    clean = short.encode("utf-8", "replace").decode()
    data = webpush.payload(message("x", short=clean))
    assert len(data) <= webpush.MOST_PAYLOAD
    body = webpush.encrypt(data, P256DH, b64(AUTH), Dice())
    assert len(body) <= 4096
    assert clean.startswith(opened(body)["body"])


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://fcm.googleapis.com/x",
        "https://evil.example/x",
        "https://fcm.googleapis.com.evil.example/x",
        "https://push.services.mozilla.com.evil/x",
        "https://evilpush.services.mozilla.com@127.0.0.1/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://fcm.googleapis.com:8443/x",
        "https://user:secret@fcm.googleapis.com/x",
        "https://fcm.googleapis.com/x\r\nHost: y",
        "file:///etc/passwd",
        "",
        "https://" + "a" * 3000,
    ],
)
def test_only_known_push_services_are_asked(endpoint: str):
    with pytest.raises(webpush.WrongSubscription):
        webpush.judge_endpoint(endpoint, HOSTS)
    assert sender(private=False).send(message(endpoint)) == "gone"


@pytest.mark.parametrize(
    "endpoint",
    ["https://fcm.googleapis.com/fcm/send/abc", "https://updates.push.services.mozilla.com/wpush/v2/x"],
)
def test_push_services_of_browsers_are_known(endpoint: str):
    webpush.judge_endpoint(endpoint, HOSTS)


@pytest.mark.parametrize(
    ("p256dh", "auth"),
    [
        ("", b64(AUTH)),
        (P256DH, ""),
        (P256DH, b64(AUTH[:15])),
        (P256DH[:-4], b64(AUTH)),
        (b64(b"\x04" + b"\x01" * 64), b64(AUTH)),
        (b64(b"\x02" + b"\x01" * 64), b64(AUTH)),
        ("ü" * 87, b64(AUTH)),
    ],
)
def test_keys_that_no_browser_gives_are_refused(p256dh: str, auth: str):
    with pytest.raises(webpush.WrongSubscription):
        webpush.judge_keys(p256dh, auth)
