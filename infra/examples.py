"""`python -m infra examples`: asks every operation of the API once, in a made-up city, and keeps what it answered.

The page for developers shows these; a test asks again and compares. What was added to
the API since is kept, too, as what others rely on.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import re
from pathlib import Path
from typing import Any

from chalicelib.channels import webhooks
from chalicelib.front import api, keys, openapi
from chalicelib.report import Office

from infra import compatible
from infra.example_city import CIDENG, World, world

KEPT = Path(__file__).resolve().parent.parent / "web" / "api-examples.json"
"""Where the examples are kept, so that the bundle carries them."""
BROWSER = {
    "push_endpoint": "https://contoh.push.services.mozilla.com/kotak/1",
    "push_p256dh": base64.urlsafe_b64encode(
        bytes.fromhex(
            "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
            "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
        )
    )
    .decode()
    .rstrip("="),
    "push_auth": "Y29udG9oLWNvbnRvaC0xMg",
}
"""A browser's push subscription. Its key is the curve's own generator, which nobody uses."""


def record() -> list[dict[str, Any]]:
    """Every example, in the order of the API's declarations."""
    with world() as it:
        _citizens(it)
        _other_systems(it)
        _officers(it)
        order = {operation.name: number for number, operation in enumerate(api.OPERATIONS)}
        return sorted(it.examples, key=lambda each: order[each["operation"]])


def _citizens(it: World) -> None:
    it.ask("list_categories")
    it.ask("locate", query={"latitude": "-6.17", "longitude": "106.83", "accuracy": "20"})
    it.ask("create_upload", json_={"content_type": "image/jpeg"})
    made = it.data(
        "create_report",
        headers={"Idempotency-Key": "contoh-0001"},
        json_={
            "category": "jalan",
            "description": "Lubang besar di lajur kiri, depan halte.",
            "latitude": -6.17,
            "longitude": 106.83,
            "accuracy": 12,
            "language": "id",
        },
    )
    number, key = {"report_id": made["id"]}, made["follow_key"]
    it.clock.later(minutes=5)
    it.ask("get_report", path=number)
    it.ask("find_report", query={"id": made["number"]})
    cookie = {"Cookie": f"kunci_{made['id']}={key}"}
    it.ask("show_receipt", path=number, headers=cookie)
    it.ask("open_own", path=number, form={"follow_key": key})
    it.ask("show_own", path=number, headers=cookie)
    it.ask("add_support", path=number, json_={"device": "b3f1c9d27a5e4f60"})
    it.ask(
        "give_feedback",
        path=number,
        json_={"follow_key": key, "action": "add", "text": "Malam hari tidak terlihat sama sekali."},
    )
    it.ask("show_qr", path=number, headers=cookie)
    it.ask("push_key")
    it.ask("follow_report", path=number, json_=BROWSER)
    followed = it.data(
        "create_follow", json_={"area": CIDENG, "category": "lampu", "rhythm": "daily", **BROWSER}
    )
    link = {"token": followed["manage"].rpartition("/")[2]}
    it.ask("show_follow", path=link)
    it.ask("change_follow", path=link, json_={"action": "end", "number": "1"})
    it.ask("health")
    it.ask("openapi")


def _other_systems(it: World) -> None:
    table, now, dice = it.parts.door.table, it.clock(), it.parts.door.random_bytes
    _, text = keys.add(
        table, name="Dinas Bina Marga", rights=keys.RIGHTS, role="officer",
        office=Office("contoh-jalan", "Dinas jalan (contoh)"), boundaries=("31",), now=now, random_bytes=dice,
    )  # fmt: skip
    for form in ("xml", "json"):
        it.ask(f"open311_discovery_{form}")
        it.ask(f"open311_v2_discovery_{form}")
        it.ask(f"open311_services_{form}", query={"language": "en"})
        sent = {
            "service_code": "lampu", "lat": "-6.17", "long": "106.81", "attribute[tiang]": "GMB-17",
            "attribute[gejala]": "mati", "description": "Lampu mati sejak dua malam.",
        }  # fmt: skip
        made = it.ask(f"open311_create_request_{form}", form=sent)
        found = re.search(r'<service_request_id>(\w+)<|"service_request_id":"(\w+)"', made.body.decode())
        number = "".join(found.groups("")) if found else ""
        if form == "xml":
            it.ask("open311_definition", path={"service_file": "lampu.xml"})
            it.ask("open311_show_token", path={"token_file": f"{number}.xml"})
            it.ask("open311_show_request", path={"request_file": f"{number}.xml"})
        it.clock.later(minutes=10)
        it.ask(
            f"open311_create_update_{form}",
            form={
                "api_key": text, "service_request_id": number, "update_id": f"tugas-{form}", "status": "IN_PROGRESS",
                "description": "Petugas berangkat.",
            },
        )  # fmt: skip
        window = {"start_date": "2026-11-23T00:00:00Z", "end_date": "2026-11-24T00:00:00Z"}
        it.ask(f"open311_list_requests_{form}", query={**window, "service_code": "lampu", "status": "open"})
        it.ask(f"open311_list_updates_{form}", query=window)
    secret = webhooks.open_channel(table, "rt-siaga", now=now, random_bytes=dice)
    message = {"id": "RT-77", "category": "jalan", "description": "Trotoar ambles dekat sekolah.",
               "latitude": -6.171, "longitude": 106.831}  # fmt: skip
    data = json.dumps(message, ensure_ascii=False).encode()
    headers = webhooks.signed((secret,), "pesan-1", data, it.clock())
    it.ask("receive_message", path={"channel": "rt-siaga"}, headers=headers, json_=message)


def _officers(it: World) -> None:
    home, admin = "contoh-petugas-gambir", "contoh-admin"
    it.ask("staff_sign_in")
    it.ask("staff_me", officer=home)
    private = it.data(
        "create_report",
        json_={
            "category": "jalan", "description": "Got tersumbat di belakang rumah.", "latitude": -6.17,
            "longitude": 106.83, "private": True, "contact_email": "warga@warga.example", "contact_shared": True,
            "photo": [_photo()],
        },
        shown=False,
    )  # fmt: skip
    number = {"report_id": private["id"]}
    wish = {"states": ["waiting"]}
    it.ask("staff_queue", officer=home, json_=wish)
    it.ask("staff_save_view", officer=home, json_={"name": "Menunggu", "wish": wish})
    it.ask("staff_views", officer=home)
    seen = it.data("staff_report", officer=home, path=number)
    it.ask("staff_contact", officer=home, path=number, json_={})
    sha256 = seen["report"]["photos"][0]["sha256"]
    it.ask("staff_photo", officer=home, path=number, query={"sha256": sha256})
    seq = it.data("staff_report", officer=home, path=number, shown=False)["seq"]
    it.ask(
        "staff_act",
        officer=home,
        path=number,
        headers={"Idempotency-Key": "contoh-0002"},
        json_={"action": "take", "seen": seq, "text": "Kami periksa besok pagi."},
    )
    _desk_rules(it, admin)
    made = it.data(
        "staff_make_client", officer=admin, json_={"name": "Peta RW", "rights": ["report"], "boundaries": ["31.71.01"]}
    )  # fmt: skip
    it.ask("staff_clients", officer=admin)
    it.ask(
        "staff_change_client", officer=admin, path={"client": made["client"]["id"]}, json_={"per_minute": 10}
    )


def _desk_rules(it: World, admin: str) -> None:
    kept = it.data("staff_agencies", officer=admin)
    agency = {
        "code": "contoh-taman", "names": {"id": "Dinas taman (contoh)", "en": "Parks agency (example)"},
        "categories": ["lampu"],
    }  # fmt: skip
    it.ask("staff_edit_agencies", officer=admin, json_={"seen": kept["version"], "agency": agency})
    rule = {
        "code": "lampu",
        "name": "Lampu ke dinas jalan",
        "agency": "contoh-jalan",
        "categories": ["lampu"],
    }
    kept = it.data("staff_routing", officer=admin)
    it.ask("staff_try_routing", officer=admin, json_={"rule": rule})
    it.ask("staff_edit_routing", officer=admin, json_={"seen": kept["version"], "rule": rule})
    phrase = {
        "code": "jadwal", "state": "in_progress",
        "texts": {"id": "Kami kerjakan minggu ini.", "en": "We do it this week."},
    }  # fmt: skip
    kept = it.data("staff_phrases", officer=admin)
    it.ask("staff_edit_phrases", officer=admin, json_={"seen": kept["version"], "phrase": phrase})
    it.ask("staff_officers", officer=admin)
    it.ask(
        "staff_edit_officer",
        officer=admin,
        json_={
            "name": "Contoh Baru", "role": "officer", "office": CIDENG, "boundaries": [CIDENG],
            "email": "baru@warga.example",
        },
    )  # fmt: skip


def _photo() -> str:
    from PIL import Image

    kept = io.BytesIO()
    Image.new("RGB", (320, 240), (120, 90, 60)).save(kept, "JPEG")
    return base64.b64encode(kept.getvalue()).decode()


def encoded(examples: list[dict[str, Any]]) -> str:
    """The file of the examples."""
    return json.dumps(examples, ensure_ascii=False, indent=1) + "\n"


def add_command(commands: Any) -> None:
    """The arguments of `examples`."""
    commands.add_parser("examples", help="ask every operation of the API anew, for the page for developers")


def main(_asked: argparse.Namespace) -> int:
    """Write the examples, and what was added to the API to what others rely on; returns the exit status."""
    examples = record()
    KEPT.write_text(encoded(examples), "utf-8")
    print(f"{KEPT.name} has {len(examples)} examples")
    today = compatible.relied_on(openapi.current())
    if compatible.KEPT.exists():
        lost = list(compatible.narrowed(json.loads(compatible.KEPT.read_text("utf-8")), today))
        if lost:
            print("\n".join(["not kept: the API only grows within a version, and", *lost]))
            return 1
    compatible.KEPT.write_text(json.dumps(today, ensure_ascii=False, sort_keys=True) + "\n", "utf-8")
    return 0
