"""Open311 GeoReport v2, line by line of the specification and of what its strongest client needs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import jsonschema
import pytest
from chalicelib import desk, intake, lifecycle, records
from chalicelib.channels import open311_reading, open311_sending
from chalicelib.front.operation import Parts
from chalicelib.report import Office
from chalicelib.storage.sqlite import SQLiteTable
from chalicelib.storage.table import Add, Busy, Write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geo.facts import read_facts
from tests.functions.channels.conftest import FORM, GOOD, Caller, Photos, errors, parsed
from tests.functions.conftest import CIDENG, GAMBIR, Clock

# Schemas written from the specification (GeoReport v2), not from our declarations.
TEXT = {"type": "string"}
DATE = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$"}
MAYBE = {"type": ["string", "null"]}
REQUESTS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": [
            "service_request_id", "status", "status_notes", "service_name", "service_code", "description",
            "agency_responsible", "service_notice", "requested_datetime", "updated_datetime", "address",
            "address_id", "zipcode", "lat", "long", "media_url",
        ],
        "properties": {
            "service_request_id": TEXT,
            "status": {"enum": ["open", "closed"]},
            "status_notes": MAYBE,
            "service_name": TEXT,
            "service_code": TEXT,
            "description": MAYBE,
            "agency_responsible": MAYBE,
            "service_notice": MAYBE,
            "requested_datetime": DATE,
            "updated_datetime": DATE,
            "expected_datetime": DATE,
            "address": MAYBE,
            "address_id": MAYBE,
            "zipcode": MAYBE,
            "lat": {"type": ["number", "null"]},
            "long": {"type": ["number", "null"]},
            "media_url": MAYBE,
        },
    },
}  # fmt: skip
SERVICES = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["service_code", "service_name", "description", "metadata", "type", "keywords", "group"],
        "properties": {
            "service_code": TEXT,
            "service_name": TEXT,
            "description": TEXT,
            "metadata": {"type": "boolean"},
            "type": {"enum": ["realtime", "batch", "blackbox"]},
            "keywords": {"type": "string", "pattern": "^([^,]+(,[^,]+)*)?$"},
            "group": TEXT,
        },
    },
}
DEFINITION = {
    "type": "object",
    "required": ["service_code", "attributes"],
    "properties": {
        "service_code": TEXT,
        "attributes": {
            "type": "array",
            "items": {
                "type": "object",
                "required": [
                    "variable", "code", "datatype", "required", "datatype_description", "order", "description"
                ],
                "properties": {
                    "variable": {"type": "boolean"},
                    "code": TEXT,
                    "datatype": {
                        "enum": ["string", "number", "datetime", "text", "singlevaluelist", "multivaluelist"]
                    },
                    "required": {"type": "boolean"},
                    "datatype_description": MAYBE,
                    "order": {"type": "integer", "minimum": 1},
                    "description": TEXT,
                    "values": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["key", "name"],
                            "properties": {"key": TEXT, "name": TEXT},
                        },
                    },
                },
            },
        },
    },
}  # fmt: skip
DISCOVERY = {
    "type": "object",
    "required": ["changeset", "contact", "key_service", "endpoints"],
    "properties": {
        "changeset": DATE,
        "contact": TEXT,
        "key_service": TEXT,
        "endpoints": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["specification", "url", "changeset", "type", "formats"],
                "properties": {
                    "specification": {"const": "http://wiki.open311.org/GeoReport_v2"},
                    "url": TEXT,
                    "changeset": DATE,
                    "type": {"enum": ["production", "test"]},
                    "formats": {"type": "array", "items": {"enum": ["text/xml", "application/json"]}},
                },
            },
        },
    },
}
UPDATES = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["update_id", "service_request_id", "status", "updated_datetime", "description"],
        "properties": {
            "update_id": TEXT,
            "service_request_id": TEXT,
            "status": {
                "enum": [
                    "open", "in_progress", "investigating", "planned", "action_scheduled", "fixed", "closed",
                    "no_further_action", "duplicate", "not_councils_responsibility", "internal_referral",
                    "unchanged",
                ]
            },
            "updated_datetime": DATE,
            "description": TEXT,
            "media_url": TEXT,
        },
    },
}  # fmt: skip


def fits(value: Any, schema: dict[str, Any]) -> Any:
    jsonschema.Draft202012Validator(schema).validate(value)
    return value


def texts(root: Any, path: str) -> list[str]:
    return [element.text or "" for element in root.findall(path)]


def officers(parts: Parts) -> desk.Desk:
    return desk.Desk(parts.door.table, parts.door.now, parts.door.random_bytes)


def move(parts: Parts, report_id: str, wish: lifecycle.Move, **more: Any) -> None:
    desk.move(officers(parts), report_id, wish, role="officer", office=Office("dinas", "Dinas"), **more)


# Discovery, services, definitions.


def test_discovery_names_the_endpoint_and_both_formats(with_settings: Callable[..., Caller]):
    caller = with_settings(open311_contact="halo@kota.test", open311_key_service="Tulis ke halo@kota.test")
    for path in ("/open311/discovery", "/open311/v2/discovery"):
        got = fits(json.loads(caller.call("GET", f"{path}.json").body), DISCOVERY)
        assert (got["contact"], got["key_service"]) == ("halo@kota.test", "Tulis ke halo@kota.test")
        assert got["endpoints"][0]["url"] == "http://lapor.test/open311/v2"
        assert got["endpoints"][0]["type"] == "production"
        root = parsed(caller.call("GET", f"{path}.xml"))
        assert root.tag == "discovery"
        assert texts(root, "endpoints/endpoint/formats/format") == ["text/xml", "application/json"]
        assert texts(root, "endpoints/endpoint/url") == ["http://lapor.test/open311/v2"]


def test_discovery_says_test_and_the_site_s_own_address_where_they_are_set(
    with_settings: Callable[..., Caller],
):
    caller = with_settings(open311_test=True, site_url="https://warga.test/")
    endpoint = json.loads(caller.call("GET", "/open311/discovery.json").body)["endpoints"][0]
    assert (endpoint["type"], endpoint["url"]) == ("test", "https://warga.test/open311/v2")


def test_services_are_the_categories_with_unique_codes_and_names(caller: Caller):
    got = fits(caller.json("services.json"), SERVICES)
    assert [each["service_code"] for each in got] == ["jalan", "lampu", "sampah"]
    assert len({each["service_name"] for each in got}) == 3
    assert (got[0]["group"], got[0]["keywords"], got[0]["metadata"]) == ("Jalan", "lubang,pothole", False)
    assert [each["metadata"] for each in got] == [False, True, False]
    root = caller.xml("services.xml")
    assert root.tag == "services"
    assert texts(root, "service/service_code") == ["jalan", "lampu", "sampah"]
    assert texts(root, "service/metadata") == ["false", "true", "false"]
    assert texts(root, "service/type") == ["realtime"] * 3
    assert texts(root, "service/group") == ["Jalan", "", ""]


def test_services_are_in_the_language_that_was_asked(caller: Caller):
    assert caller.json("services.json", language="en")[0]["service_name"] == "Damaged road"
    got = caller.call("GET", "/open311/v2/services.json", headers={"accept-language": "en"})
    assert json.loads(got.body)[0]["service_name"] == "Damaged road"
    assert got.headers["Vary"] == "Accept-Language"


def test_a_definition_names_every_attribute_with_its_values(caller: Caller):
    got = fits(caller.json("services/lampu.json"), DEFINITION)
    rows = {row["code"]: row for row in got["attributes"]}
    assert [row["order"] for row in got["attributes"]] == list(range(1, 9))
    assert (rows["tiang"]["required"], rows["jumlah"]["required"]) == (True, False)
    assert rows["warna"]["values"] == [{"key": "putih", "name": "Putih"}, {"key": "kuning", "name": "Kuning"}]
    assert "values" not in rows["tiang"]
    assert (rows["cerita"]["description"], rows["cerita"]["datatype_description"]) == ("Ceritakan", "Bebas")
    assert (rows["catatan"]["variable"], rows["tiang"]["variable"]) == (False, True)
    assert rows["nomor_luar"]["automated"] == "hidden_field"
    root = caller.xml("services/lampu.xml")
    assert root.tag == "service_definition"
    assert texts(root, "service_code") == ["lampu"]
    assert texts(root, "attributes/attribute/code") == list(rows)
    assert texts(root, "attributes/attribute/values/value/key") == ["putih", "kuning", "mati", "kedip"]
    assert texts(root, "attributes/attribute/values/value/name")[0] == "Putih"
    assert texts(root, "attributes/attribute/automated") == ["hidden_field"]


def test_a_service_that_asks_nothing_has_an_empty_definition(caller: Caller):
    assert caller.json("services/jalan.json") == {"service_code": "jalan", "attributes": []}
    assert len(caller.xml("services/jalan.xml").findall("attributes/attribute")) == 0


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("services/banjir.xml", "service_unknown"),
        ("services/banjir.json", "service_unknown"),
        ("services/jalan", "format_unknown"),
        ("services/jalan.yaml", "format_unknown"),
        ("requests/7K3M9QX2.json", "report_unknown"),
        ("requests/7K3M9QX2.xml", "report_unknown"),
        ("requests/%00.xml", "report_unknown"),
        ("requests/.json", "report_unknown"),
        ("tokens/7K3M9QX2.xml", "report_unknown"),
        ("tokens/x.json", "report_unknown"),
    ],
)
def test_what_is_not_there_is_a_404_in_the_asked_format(caller: Caller, path: str, code: str):
    got = caller.get(path)
    assert got.status == 404
    assert [problem for problem, _ in errors(got)] == [code]
    assert got.headers["Content-Type"].startswith(
        "application/json" if path.endswith(".json") else "text/xml"
    )


# Sending reports.


def test_a_report_is_sent_and_read_back_in_both_formats(caller: Caller, clock: Clock):
    got = caller.post("requests.xml", GOOD)
    assert (got.status, got.headers["Content-Type"]) == (201, "text/xml; charset=utf-8")
    root = parsed(got)
    assert root.tag == "service_requests"
    (report_id,) = texts(root, "request/service_request_id")
    (row,) = fits(caller.json(f"requests/{report_id}.json"), REQUESTS)
    assert row["service_request_id"] == report_id
    assert (row["status"], row["service_code"], row["service_name"]) == ("open", "jalan", "Jalan rusak")
    assert (row["lat"], row["long"]) == (-6.17, 106.83)
    assert row["requested_datetime"] == row["updated_datetime"] == "2026-11-23T02:00:00Z"
    assert (row["agency_responsible"], row["address_id"]) == ("Kelurahan Gambir", GAMBIR)
    assert row["address"] == "Kelurahan Gambir, Kecamatan Gambir, Jakarta Pusat"
    assert "expected_datetime" not in row, "an empty date is left out"
    (request,) = caller.xml(f"requests/{report_id}.xml").findall("request")
    assert request.findtext("lat") == "-6.17"
    assert request.findtext("requested_datetime") == "2026-11-23T02:00:00Z"
    assert request.find("expected_datetime") is None
    assert request.find("media_url") is not None
    stored = records.load(caller.parts.door.table, report_id)
    assert stored is not None
    assert stored[0].channel == "open311"


def test_a_token_leads_to_its_request(caller: Caller, filed: Callable[..., str]):
    report_id = filed()
    assert caller.json(f"tokens/{report_id}.json") == [{"service_request_id": report_id, "token": report_id}]
    root = caller.xml(f"tokens/{report_id}.xml")
    assert (root.tag, texts(root, "request/token")) == ("service_requests", [report_id])


def test_attributes_are_kept_bound_masked_and_returned(caller: Caller, filed: Callable[..., str]):
    report_id = filed(
        service_code="lampu",
        **{
            "attribute[tiang]": "GB-17",
            "attribute[jumlah]": "3",
            "attribute[sejak]": "2026-11-20T10:00:00+07:00",
            "attribute[cerita]": "Telepon saya 0812-3456-7890.",
            "attribute[warna]": "kuning",
            "attribute[gejala]": ["mati", "kedip"],
            "attribute[asing]": "nobody asked",
            "attribute[catatan]": "shown only",
        },
    )
    (row,) = fits(caller.json(f"requests/{report_id}.json", extensions="true"), REQUESTS)
    found = {each["code"]: [value["key"] for value in each["values"]] for each in row["attributes"]}
    assert found == {
        "tiang": ["GB-17"],
        "jumlah": ["3"],
        "sejak": ["2026-11-20T10:00:00+07:00"],
        "cerita": ["Telepon saya •••."],
        "warna": ["kuning"],
        "gejala": ["mati", "kedip"],
    }
    names = [value["name"] for each in row["attributes"] for value in each["values"]]
    assert {"Kuning", "Mati", "Berkedip"} <= set(names)
    root = caller.xml(f"requests/{report_id}.xml", extensions="true")
    assert texts(root, "request/attributes/attribute/values/value/key")[-2:] == ["mati", "kedip"]
    stored = records.load(caller.parts.door.table, report_id)
    assert stored is not None
    assert "0812-3456-7890" in stored[0].original["attributes"]
    event = records.history(caller.parts.door.table, report_id)[0]
    assert "attributes" in event.commitments
    assert "attributes_original" in event.commitments
    assert "0812" not in str(event.words)


@pytest.mark.parametrize("form", ["xml", "json"])
def test_everything_that_is_wrong_is_named_at_once(caller: Caller, form: str):
    got = caller.post(
        f"requests.{form}",
        {
            "service_code": "lampu",
            "lat": "north",
            "long": "200",
            "description": "x" * 4001,
            "email": "nobody",
            "phone": "12",
            "attribute[jumlah]": "many",
            "attribute[sejak]": "yesterday",
            "attribute[warna]": ["putih", "kuning"],
            "attribute[gejala]": "panas",
            "attribute[cerita]": "y" * 2001,
        },
    )
    assert got.status == 400
    assert set(errors(got)) == {
        ("not_a_number", "lat"),
        ("out_of_range", "long"),
        ("too_long", "description"),
        ("email_wrong", "email"),
        ("phone_wrong", "phone"),
        ("missing", "attribute[tiang]"),
        ("not_a_number", "attribute[jumlah]"),
        ("not_a_date", "attribute[sejak]"),
        ("repeated", "attribute[warna]"),
        ("not_a_choice", "attribute[gejala]"),
        ("too_long", "attribute[cerita]"),
    }


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"service_code": ""}, ("missing", "service_code")),
        ({"service_code": "banjir"}, ("service_unknown", "service_code")),
        ({"lat": ""}, ("position_half", "lat")),
        ({"long": ""}, ("position_half", "long")),
        ({"lat": "", "long": ""}, ("address_missing", "lat")),
        ({"lat": "106.83", "long": "-6.17"}, ("position_swapped", "lat")),
        ({"lat": "-6.9", "long": "107.6"}, ("outside_jakarta", "latitude")),
        ({"lat": "", "long": "", "address_id": "31.99.99.9999"}, ("kelurahan_unknown", "address_id")),
        ({"media_url": ["http://a.test/1.jpg"] * 4}, ("photo_too_many", "media_url")),
        ({"media_url": "ftp://a.test/1.jpg"}, ("media_address", "media_url")),
    ],
)
def test_a_request_that_cannot_be_taken_says_why(
    caller: Caller, changes: dict[str, Any], problem: tuple[str, str]
):
    got = caller.post("requests.xml", {**GOOD, **changes})
    assert got.status == 400
    assert [(code, field.replace("latitude", "lat")) for code, field in errors(got)] == [
        (problem[0], problem[1].replace("latitude", "lat"))
    ]
    assert records.requested(caller.parts.door.table, ["all"], "2026-01-01", "2027-01-01", most=10) == []


def test_errors_are_in_the_asker_s_language(caller: Caller):
    got = caller.post("requests.json", {}, headers={"accept-language": "en"})
    assert "Where is it?" in json.loads(got.body)[0]["description"]
    got = caller.post("requests.json", {})
    assert "Di mana" in json.loads(got.body)[0]["description"]


@pytest.mark.parametrize("length", [1, 4000])
def test_a_description_has_up_to_4000_characters(filed: Callable[..., str], caller: Caller, length: int):
    report_id = filed(description="x" * length)
    assert len(caller.json(f"requests/{report_id}.json")[0]["description"]) == length


def test_without_a_description_the_service_s_name_stands_for_it(filed: Callable[..., str], caller: Caller):
    report_id = filed(description="")
    assert caller.json(f"requests/{report_id}.json")[0]["description"] == "Jalan rusak"


def test_line_ends_of_a_form_become_plain_ones_and_what_xml_cannot_hold_goes(
    filed: Callable[..., str], caller: Caller
):
    report_id = filed(description="Satu\r\nDua <b>&amp; \x00\x0b\ufffe ]]> tiga")
    (request,) = caller.xml(f"requests/{report_id}.xml").findall("request")
    assert (request.findtext("description") or "").startswith("Satu\nDua <b>&amp; ")
    assert (request.findtext("description") or "").endswith("]]> tiga")


def test_an_address_id_is_a_kelurahan(filed: Callable[..., str], caller: Caller):
    report_id = filed(lat="", long="", address_id=CIDENG)
    (row,) = caller.json(f"requests/{report_id}.json")
    assert (row["address_id"], row["lat"], row["long"]) == (CIDENG, -6.17, 106.81)


@pytest.mark.parametrize(
    ("address", "kode"),
    [
        ("Jl. Kyai Tapa 1, Kel. Cideng, Jakarta Pusat", CIDENG),
        ("depan pasar, kelurahan GAMBIR", GAMBIR),
        ("Jalan Gambir Raya 5, Bekasi", None),
        ("di depan rumah", None),
    ],
)
def test_an_address_alone_is_placed_where_it_names_a_kelurahan_and_else_waits_for_an_officer(
    filed: Callable[..., str], caller: Caller, address: str, kode: str | None
):
    report_id = filed(lat="", long="", address_string=address)
    (row,) = fits(caller.json(f"requests/{report_id}.json"), REQUESTS)
    assert row["address_id"] == kode
    assert row["address"].startswith(address)
    if kode is None:
        assert (row["lat"], row["long"]) == (None, None)
        (request,) = caller.xml(f"requests/{report_id}.xml").findall("request")
        assert request.find("lat") is not None
        assert request.findtext("lat") == ""
        waiting = [item.key.sort for item in records.every(caller.parts.door.table, "list#public#open#-")]
        assert [sort.endswith(report_id) for sort in waiting] == [True]


def test_every_kelurahan_is_found_in_an_address_that_names_it():
    by_kode = read_facts()
    for kode, row in by_kode.items():
        kota = row.kota.removeprefix("Kota Administrasi ")
        address = f"Jl. Mawar 1 RT.03/RW.05, Kel. {row.kelurahan}, Kec. {row.kecamatan}, {kota} 10110"
        found = open311_sending.kelurahan_in(address, by_kode)
        assert found is not None
        assert found.kode == kode


def test_a_phone_number_is_read_as_people_write_it_and_contact_stays_apart(
    filed: Callable[..., str], caller: Caller
):
    report_id = filed(
        phone="+62 812-0000-0000", email="Ani@Contoh.id", first_name="Ani", last_name="Rahasia",
        device_id="d-1", account_id="a-1",
    )  # fmt: skip
    contact = caller.parts.door.table.get(records.contact_key(report_id))
    assert contact is not None
    assert contact.body["phone"] == "+6281200000000"
    for form in ("json", "xml"):
        body = caller.get(f"requests/{report_id}.{form}", extensions="true").body.decode()
        assert not [secret for secret in ("Rahasia", "contoh.id", "812000", "d-1", "a-1") if secret in body]


def test_unknown_parameters_are_ignored_and_empty_ones_are_absent(filed: Callable[..., str], caller: Caller):
    assert filed(service_key="x", requested_by="y", email="", phone="", media_url="", address_string="")
    assert len(caller.json("requests.json", status="", service_code="", page="", start_date="", foo="1")) == 1


def multipart(fields: list[tuple[str, str]], files: dict[str, bytes]) -> tuple[bytes, dict[str, str]]:
    parts = [
        f'--batas\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields
    ]
    for name, data in files.items():
        head = f'--batas\r\nContent-Disposition: form-data; name="{name}"; filename="{name}.jpeg"\r\n'
        parts.append(head.encode() + b"Content-Type: image/jpeg\r\n\r\n" + data + b"\r\n")
    return b"".join(parts) + b"--batas--\r\n", {"content-type": "multipart/form-data; boundary=batas"}


def test_photos_come_as_files_in_multipart(caller: Caller, photo: Callable[..., bytes], site: Any):
    body, headers = multipart(list(GOOD.items()), {"photo1": photo(), "photo2": photo((9, 9, 9))})
    got = caller.call("POST", "/open311/v2/requests.json", body=body, headers=headers)
    assert got.status == 201, got.body
    (made,) = json.loads(got.body)
    (row,) = caller.json(f"requests/{made['service_request_id']}.json", extensions="true")
    assert len(row["extended_attributes"]["photos"]) == 2
    assert row["media_url"] == row["extended_attributes"]["photos"][0]
    path = row["media_url"].removeprefix("http://lapor.test/")
    assert caller.parts.door.private.get(path) is not None, "the very path that is published"
    assert path.endswith(".jpg")


def test_photos_are_fetched_from_media_urls(
    with_settings: Callable[..., Caller], photo: Callable[..., bytes], photos: Photos
):
    caller = with_settings(fetch_private=True)
    photos.answers["/1.jpg"] = (200, {"Content-Type": "image/jpeg"}, photo())
    photos.answers["/2"] = (302, {"Location": "/3.png"}, b"")
    photos.answers["/3.png"] = (200, {"Content-Type": "image/png; x=1"}, photo((1, 2, 3)))
    urls = [f"{photos.url}/1.jpg", f"{photos.url}/2"]
    got = caller.post("requests.json", {**GOOD, "media_url": urls})
    assert got.status == 201, got.body
    (made,) = json.loads(got.body)
    (row,) = caller.json(f"requests/{made['service_request_id']}.json", extensions="true")
    assert len(row["extended_attributes"]["photos"]) == 2


def test_every_media_url_that_cannot_be_had_is_named(
    with_settings: Callable[..., Caller], photos: Photos, photo: Callable[..., bytes]
):
    caller = with_settings(fetch_private=True)
    photos.answers["/page"] = (200, {"Content-Type": "text/html"}, b"<html>")
    photos.answers["/big"] = (200, {"Content-Type": "image/jpeg"}, b"x" * 2_000_001)
    urls = [f"{photos.url}/{name}" for name in ("page", "big", "gone")]
    got = caller.post("requests.xml", {**GOOD, "media_url": urls})
    assert [code for code, _ in errors(got)] == ["media_not_image", "media_too_large", "media_unreachable"]
    photos.answers["/broken"] = (200, {"Content-Type": "image/jpeg"}, photo()[:200])
    got = caller.post("requests.xml", {**GOOD, "media_url": f"{photos.url}/broken"})
    assert [code for code, _ in errors(got)] == ["photo_broken"]


def test_nothing_is_fetched_from_our_own_network(caller: Caller, photos: Photos):
    for url in (f"{photos.url}/1.jpg", "http://localhost/1.jpg", "http://169.254.169.254/latest/meta-data"):
        got = caller.post("requests.json", {**GOOD, "media_url": url})
        assert errors(got) == [("media_address", "media_url")]
    assert photos.asked == []


def test_no_photo_is_fetched_for_a_request_that_is_wrong_anyway(
    with_settings: Callable[..., Caller], photos: Photos
):
    got = with_settings(fetch_private=True).post(
        "requests.json", {**GOOD, "service_code": "banjir", "media_url": f"{photos.url}/1.jpg"}
    )
    assert (got.status, photos.asked) == (400, [])


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        (b"%ff=1", FORM, "body_unreadable"),
        (b"{}", "application/json", "content_type"),
        (b"", "", "content_type"),
        (b"--x", "multipart/form-data; boundary=batas", "body_unreadable"),
        (b"x" * 5_000_000, FORM, "body_too_large"),
        (b"&".join(b"a%d=1" % n for n in range(150)), FORM, "body_unreadable"),
    ],
)
def test_a_body_that_cannot_be_read_is_a_400(caller: Caller, body: bytes, content_type: str, code: str):
    for path in ("requests.xml", "servicerequestupdates.json"):
        got = caller.call("POST", f"/open311/v2/{path}", body=body, headers={"content-type": content_type})
        assert (got.status, errors(got)[0][0]) == (400, code)


def test_the_same_idempotency_key_files_one_request(caller: Caller):
    headers = {"idempotency-key": "kirim-0001"}
    first, second = (caller.post("requests.json", GOOD, headers=headers) for _ in range(2))
    assert (first.status, second.status) == (201, 200)
    assert first.body == second.body
    assert errors(caller.post("requests.json", GOOD, headers={"idempotency-key": "?"})) == [
        ("idempotency_key", "Idempotency-Key")
    ]


def test_the_follow_key_is_told_once_to_who_asks_for_extensions(caller: Caller):
    (made,) = json.loads(caller.post("requests.json", {**GOOD, "extensions": "true"}).body)
    stored = records.load(caller.parts.door.table, made["service_request_id"])
    assert stored is not None
    assert intake.follow_hash(made["follow_key"]) == stored[0].follow_hash
    assert made["status_url"] == f"http://lapor.test/laporan/{made['service_request_id']}/"
    (plain,) = json.loads(caller.post("requests.json", GOOD).body)
    assert set(plain) == {"service_request_id", "service_notice", "account_id"}


# Keys.


def test_a_bad_key_is_a_403_in_the_asked_format(caller: Caller, key: Callable[..., str]):
    for form in ("xml", "json"):
        got = caller.post(f"requests.{form}", {**GOOD, "api_key": "wrong"})
        assert (got.status, errors(got)) == (403, [("api_key_wrong", "api_key")])
        got = caller.post(f"requests.{form}", {**GOOD, "api_key": key(rights=["update"])})
        assert (got.status, errors(got)) == (403, [("api_key_right", "api_key")])


def test_a_key_is_needed_where_it_is_set_and_reading_never_needs_one(
    with_settings: Callable[..., Caller], key: Callable[..., str]
):
    caller = with_settings(open311_anonymous=False)
    got = caller.post("requests.xml", {**GOOD, "api_key": ""})
    assert (got.status, errors(got)) == (403, [("api_key_missing", "api_key")])
    assert caller.post("requests.xml", {**GOOD, "api_key": key()}).status == 201
    asked = caller.post("requests.json", GOOD, query={"api_key": key()})
    assert asked.status == 201, "the key may stand in the query"
    assert len(caller.json("requests.json", api_key="wrong")) == 2


def test_a_key_that_asks_too_often_is_told_when_to_come_back(caller: Caller, key: Callable[..., str]):
    text = key(per_minute=1)
    assert caller.post("requests.xml", {**GOOD, "api_key": text}).status == 201
    got = caller.post("requests.xml", {**GOOD, "api_key": text})
    assert (got.status, errors(got)) == (429, [("rate", "api_key")])
    assert 1 <= int(got.headers["Retry-After"]) <= 60


def test_another_jurisdiction_is_not_here(with_settings: Callable[..., Caller]):
    caller = with_settings(open311_jurisdiction="jakarta.go.id")
    assert caller.get("services.xml", jurisdiction_id="bogor").status == 404
    assert caller.get("services.xml", jurisdiction_id="jakarta.go.id").status == 200
    assert caller.get("services.xml").status == 200
    got = caller.post("requests.xml", {**GOOD, "jurisdiction_id": "bogor"})
    assert (got.status, errors(got)) == (404, [("jurisdiction_unknown", "jurisdiction_id")])


def test_jurisdiction_is_ignored_where_there_is_only_one(caller: Caller, filed: Callable[..., str]):
    assert filed(jurisdiction_id="anything")
    assert len(caller.json("requests.json", jurisdiction_id="anything")) == 1


# Lists.


def test_requests_are_listed_newest_first(caller: Caller, filed: Callable[..., str], clock: Clock):
    ids = []
    for _ in range(3):
        ids.append(filed())
        clock.later(hours=1)
    assert [row["service_request_id"] for row in fits(caller.json("requests.json"), REQUESTS)] == ids[::-1]
    root = caller.xml("requests.xml")
    assert (root.tag, texts(root, "request/service_request_id")) == ("service_requests", ids[::-1])


def test_an_empty_list_is_an_empty_root(caller: Caller):
    assert caller.get("requests.json").body == b"[]"
    assert parsed(caller.get("requests.xml")).tag == "service_requests"
    assert caller.get("servicerequestupdates.json").body == b"[]"
    assert len(caller.xml("servicerequestupdates.xml")) == 0


def test_ids_override_everything_else_and_however_many_there_are(
    caller: Caller, filed: Callable[..., str], clock: Clock
):
    first = filed()
    clock.later(days=200)
    second = filed()
    ids = [*(f"{n:08d}" for n in range(990)), first.lower(), f"{second[:4]}-{second[4:]}", "no id"]
    got = caller.json(
        "requests.json", service_request_id=",".join(ids), service_code="sampah", status="closed"
    )
    assert [row["service_request_id"] for row in got] == [second, first]
    repeated = caller.json("requests.json", service_request_id=[first, second])
    assert len(repeated) == 2, "the parameter may be repeated"
    many = caller.get("requests.xml", service_request_id=",".join(f"{n:08d}" for n in range(1001)))
    assert (many.status, errors(many)) == (400, [("too_many_ids", "service_request_id")])


def test_services_and_states_are_comma_lists(caller: Caller, filed: Callable[..., str], parts: Parts):
    road, rubbish, done = filed(), filed(service_code="sampah"), filed()
    move(parts, done, lifecycle.Move("done", "Sudah ditambal."))

    def listed(**query: str) -> set[str]:
        return {row["service_request_id"] for row in caller.json("requests.json", **query)}

    assert listed() == {road, rubbish, done}
    assert listed(status="open") == {road, rubbish}
    assert listed(status="closed") == {done}
    assert listed(status="open, closed") == listed(status="OPEN,CLOSED") == {road, rubbish, done}
    assert listed(service_code="jalan") == {road, done}
    assert listed(service_code="jalan,sampah") == {road, rubbish, done}
    assert listed(service_code="jalan,sampah,lampu") == {road, rubbish, done}
    assert listed(service_code="jalan", status="open") == {road}
    assert listed(service_code="unknown") == set()
    move(parts, done, lifecycle.Move("waiting", "Rusak lagi."))
    assert listed(status="closed") == set()
    assert listed(service_code="jalan", status="open") == {road, done}


def test_a_window_holds_what_was_requested_in_it_both_ends_included(
    caller: Caller, filed: Callable[..., str], clock: Clock
):
    clock.now = datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC)
    ids = []
    for _ in range(3):
        ids.append(filed())
        clock.later(seconds=1)

    def listed(start: str, end: str) -> list[str]:
        rows = caller.json("requests.json", start_date=start, end_date=end)
        return [row["service_request_id"] for row in rows]

    assert listed("2026-10-31T23:59:59Z", "2026-11-01T00:00:01Z") == ids[::-1]
    assert listed("2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z") == [ids[1]]
    assert listed("2026-11-01T07:00:00+07:00", "2026-11-01T07:00:00.500+07:00") == [ids[1]]
    assert listed("2026-11-01T07:00:01 07:00", "2026-11-02T00:00:00Z") == [ids[2]], (
        "a plus that became a space"
    )
    assert listed("2026-11-01T00:00:02Z", "2026-11-02T00:00:00Z") == []


def test_what_an_hourly_client_sees_was_updated_inside_the_hour_it_asked(
    caller: Caller, filed: Callable[..., str], clock: Clock
):
    clock.later(microseconds=999_999)
    report_id = filed()
    clock.later(minutes=30)
    start, end = (clock() + timedelta(minutes=m) for m in (-60, 0))
    (row,) = caller.json(
        "requests.json", start_date=f"{start:%Y-%m-%dT%H:%M:%SZ}", end_date=f"{end:%Y-%m-%dT%H:%M:%SZ}"
    )
    assert row["service_request_id"] == report_id
    assert start <= datetime.fromisoformat(row["updated_datetime"]) <= end


def test_by_default_the_last_90_days_are_listed_and_one_date_means_90_days_from_it(
    caller: Caller, filed: Callable[..., str], clock: Clock
):
    old = filed()
    clock.later(days=80)
    middle = filed()
    clock.later(days=11)
    new = filed()

    def listed(**query: str) -> list[str]:
        return [row["service_request_id"] for row in caller.json("requests.json", **query)]

    assert listed() == [new, middle]
    assert listed(start_date="2026-11-23T00:00:00Z") == [middle, old]
    assert listed(end_date="2026-11-24T00:00:00Z") == [old]
    long = {"start_date": "2020-01-01T00:00:00Z", "end_date": "2027-03-01T00:00:00Z"}
    assert listed(**long) == [new, middle], "of a longer time the last 90 days"


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"start_date": "2026-11-23"}, ("not_a_date", "start_date")),
        ({"start_date": "2026-11-23T10:00:00"}, ("not_a_date", "start_date")),
        ({"end_date": "2026-11-23T10:00:00+0700"}, ("not_a_date", "end_date")),
        ({"end_date": "2026-13-23T10:00:00Z"}, ("not_a_date", "end_date")),
        ({"start_date": "0001-01-01T00:00:00+07:00"}, ("not_a_date", "start_date")),
        (
            {"start_date": "2026-11-24T00:00:00Z", "end_date": "2026-11-23T00:00:00Z"},
            ("window_reversed", "start_date"),
        ),
        ({"page": "0"}, ("out_of_range", "page")),
        ({"page": "-1"}, ("not_a_number", "page")),
        ({"page_size": "1001"}, ("out_of_range", "page_size")),
        ({"page_size": "ten"}, ("not_a_number", "page_size")),
    ],
)
def test_a_list_that_cannot_be_asked_says_why(
    caller: Caller, query: dict[str, str], problem: tuple[str, str]
):
    for path in ("requests.xml", "requests.json", "servicerequestupdates.xml"):
        got = caller.get(path, **query)
        assert (got.status, errors(got)) == (400, [problem])


def test_a_state_that_open311_does_not_know_is_refused(caller: Caller):
    assert errors(caller.get("requests.xml", status="open,fixed")) == [("not_a_choice", "status")]


@pytest.mark.parametrize("date", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_the_ends_of_the_calendar_are_dates_too(caller: Caller, date: str):
    for name in ("start_date", "end_date"):
        assert caller.json("requests.json", **{name: date}) == []


def test_pages_divide_the_list(caller: Caller, filed: Callable[..., str], clock: Clock):
    ids = []
    for _ in range(5):
        ids.append(filed())
        clock.later(days=12)

    def listed(**query: str) -> list[str]:
        return [row["service_request_id"] for row in caller.json("requests.json", **query)]

    newest = ids[::-1]
    assert [listed(page=str(n), page_size="2") for n in (1, 2, 3, 4)] == [
        newest[:2],
        newest[2:4],
        newest[4:],
        [],
    ]
    assert listed(page="1000", page_size="1000") == []
    assert listed(service_request_id=",".join(ids), page="2", page_size="3") == newest[3:]


def fill(parts: Parts, clock: Clock, count: int, days: int) -> None:
    """Many reports over some days, written at once."""
    from chalicelib.submission import Submission

    sent = Submission(category="jalan", description="Lubang besar.", latitude=-6.17, longitude=106.83)
    place, longitude, latitude = intake.decide_place(sent, parts.door.locator)
    writes: list[Write] = []
    for n in range(count):
        report, event = intake.begin(
            sent,
            report_id=intake.new_id(parts.door.random_bytes),
            channel="web",
            place=place,
            position=(longitude, latitude),
            photos=[],
            follow="",
            salts=["0" * 32] * intake.SALTS,
            now=clock() - timedelta(days=days) + timedelta(seconds=n),
        )
        writes += [w for w in records.creation_writes(report, event) if not isinstance(w, Add)]
        if len(writes) > 18 or n == count - 1:
            parts.door.table.transact(writes)
            writes = []


class Counting:
    """The table, with its reads counted."""

    def __init__(self, table: SQLiteTable) -> None:
        self._table = table
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._table, name)
        if name in {"get", "get_many", "query"}:
            self.calls.append(name)
        return found


def test_a_thousand_requests_of_90_days_are_one_page_of_work(parts: Parts, clock: Clock, table: SQLiteTable):
    fill(parts, clock, 700, 3)
    fill(parts, clock, 400, 80)
    counting = Counting(table)
    caller = Caller(replace(parts, door=replace(parts.door, table=counting)))  # type: ignore[arg-type]
    months, phases = 4, 2
    queries: dict[str, dict[str, str]] = {
        "all": {},
        "state": {"status": "open"},
        "service": {"service_code": "jalan"},
    }
    for which, query in queries.items():
        assert len(caller.json("requests.json", **query)) == 1000
        assert counting.calls.count("query") <= months * (phases if which == "service" else 1)
        assert counting.calls.count("get_many") == 2, "all heads, and the newest event of each"
        assert counting.calls.count("get") == 0
        counting.calls.clear()
        assert len(caller.json("requests.json", page_size="10", **query)) == 10
        assert counting.calls.count("query") <= phases
        counting.calls.clear()


def test_with_extensions_state_attributes_and_history_are_told(
    caller: Caller, filed: Callable[..., str], parts: Parts
):
    report_id = filed()
    move(parts, report_id, lifecycle.Move("in_progress", "Sedang dikerjakan.", percent=40))
    (row,) = fits(caller.json(f"requests/{report_id}.json", extensions="true"), REQUESTS)
    more = row["extended_attributes"]
    assert (more["state"], more["state_name"], more["percent"]) == ("in_progress", "Proses", 40)
    assert (more["kelurahan"], more["status_url"]) == ("Gambir", f"http://lapor.test/laporan/{report_id}/")
    assert [(note["type"], note["summary"]) for note in row["notes"]] == [
        ("received", ""),
        ("moved", "Sedang dikerjakan."),
    ]
    assert row["status_notes"] == "Sedang dikerjakan."
    (listed,) = caller.json("requests.json", extensions="true")
    assert listed == row
    root = caller.xml("requests.xml", extensions="true")
    assert texts(root, "request/notes/note/summary") == ["", "Sedang dikerjakan."]
    assert "notes" not in caller.json("requests.json")[0]


def test_the_planned_day_is_the_expected_time(caller: Caller, filed: Callable[..., str], parts: Parts):
    report_id = filed()
    day = datetime(2026, 11, 30, tzinfo=UTC).date()
    move(parts, report_id, lifecycle.Move("in_progress"), planned=day)
    (row,) = fits(caller.json(f"requests/{report_id}.json"), REQUESTS)
    assert row["expected_datetime"] == "2026-11-30T16:59:59Z", "the end of that day in Jakarta"


def test_a_private_report_is_nowhere(caller: Caller, parts: Parts):
    from chalicelib.submission import Submission

    sent = Submission(
        category="jalan", description="Rahasia besar.", latitude=-6.17, longitude=106.83, private=True
    )
    report_id = intake.accept(parts.door, sent, channel="web").id
    move(parts, report_id, lifecycle.Move("in_progress", "Dikerjakan."))
    assert caller.json("requests.json") == []
    assert caller.json("requests.json", service_request_id=report_id) == []
    assert caller.json("servicerequestupdates.json") == []
    assert caller.json("servicerequestupdates.json", service_request_id=report_id) == []
    for path in (f"requests/{report_id}.xml", f"tokens/{report_id}.xml"):
        assert caller.get(path).status == 404


def test_reading_is_allowed_from_every_site_and_answers_not_changed(
    caller: Caller, filed: Callable[..., str]
):
    filed()
    got = caller.get("requests.json")
    assert got.headers["Access-Control-Allow-Origin"] == "*"
    again = caller.call("GET", "/open311/v2/requests.json", headers={"if-none-match": got.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    filed()
    again = caller.call("GET", "/open311/v2/requests.json", headers={"if-none-match": got.headers["ETag"]})
    assert again.status == 200


def test_a_host_that_is_none_makes_no_addresses(caller: Caller, filed: Callable[..., str]):
    got = caller.call("GET", "/open311/discovery.json", headers={"host": "evil.test/\r\n<x>"})
    assert json.loads(got.body)["endpoints"][0]["url"] == "/open311/v2"


def test_a_busy_table_is_said_in_the_asked_format(parts: Parts, monkeypatch: pytest.MonkeyPatch):
    def busy(*_args: object, **_more: object) -> None:
        raise Busy("throttled")

    monkeypatch.setattr(parts.door.table, "query", busy)
    got = Caller(parts).get("requests.xml")
    assert (got.status, errors(got)) == (503, [("busy", "")])
    assert got.headers["Retry-After"] == "60"


# Anything at all.

ANY_TEXT = st.text(max_size=40) | st.sampled_from(
    [
        "",
        "0",
        "-1",
        "1",
        "1000",
        "999999999",
        "open",
        "closed",
        "jalan",
        "lampu",
        "true",
        "2026-11-23T00:00:00Z",
    ]
)
READ = {
    "jurisdiction_id", "service_code", "service_request_id", "start_date", "end_date", "status", "page", "page_size",
    "extensions", "language", "api_key",
}  # fmt: skip
SENT = {
    *GOOD, "address_string", "address_id", "email", "device_id", "account_id", "first_name", "last_name", "phone",
    "attribute[tiang]", "attribute[gejala]", "attribute[]", "api_key", "jurisdiction_id", "extensions", "media_url",
    "service_request_id", "update_id", "status", "updated_datetime", "reason", "duplicate_of",
}  # fmt: skip
SHARED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SHARED
@given(
    path=st.sampled_from(["requests", "servicerequestupdates", "services"]),
    form=st.sampled_from(["xml", "json"]),
    query=st.dictionaries(st.sampled_from(sorted(READ)), ANY_TEXT),
)
def test_whatever_is_asked_is_answered_in_the_asked_format(
    caller: Caller, path: str, form: str, query: dict[str, str]
):
    got = caller.get(f"{path}.{form}", **query)
    assert got.status in {200, 400, 404}
    if got.status != 200:
        errors(got)
    elif form == "xml":
        parsed(got)
    else:
        assert isinstance(json.loads(got.body), list)


@SHARED
@given(
    path=st.sampled_from(["requests", "servicerequestupdates"]),
    form=st.sampled_from(["xml", "json"]),
    fields=st.dictionaries(st.sampled_from(sorted(SENT)) | st.text(max_size=20), ANY_TEXT, max_size=12),
    good=st.booleans(),
)
def test_whatever_is_sent_is_taken_or_refused_in_the_asked_format(
    caller: Caller, path: str, form: str, fields: dict[str, str], good: bool
):
    data = urlencode({**(GOOD if good else {}), **fields}, errors="replace").encode()
    got = caller.call("POST", f"/open311/v2/{path}.{form}", body=data, headers={"content-type": FORM})
    assert got.status in {200, 201, 400, 403, 404}
    if got.status >= 400:
        errors(got)
    elif form == "xml":
        parsed(got)


@SHARED
@given(
    place=st.sampled_from(["requests", "tokens", "services"]),
    name=st.text(alphabet=st.characters(exclude_characters="/", exclude_categories=["Cs"]), max_size=30),
    form=st.sampled_from(["xml", "json", "txt", ""]),
)
def test_whatever_is_named_is_found_or_not(caller: Caller, place: str, name: str, form: str):
    got = caller.get(f"{place}/{name}.{form}")
    assert got.status in {200, 404}
    if got.status == 404:
        errors(got)


@given(st.text(max_size=60))
def test_reading_a_date_never_fails(text: str):
    found = open311_reading.read_date(text)
    assert found is None or found.tzinfo is not None


@given(st.text(max_size=200))
def test_what_stands_in_a_document_can_be_read_from_it(text: str):
    from chalicelib.channels import open311_xml
    from defusedxml.ElementTree import fromstring

    document = open311_xml.document("errors", [{"description": text}])
    found = fromstring(document).findtext("error/description") or ""
    expected = "".join(
        c
        for c in text
        if c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c >= "\U00010000"
    )
    assert found == expected
