"""The updates extension: what happened is told in words that clients know; what clients send is done once."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from chalicelib import desk, intake, lifecycle, records
from chalicelib.channels import open311_updates
from chalicelib.front.operation import Parts
from chalicelib.report import Office, broken_at
from hypothesis import given
from hypothesis import strategies as st

from tests.functions.channels.conftest import Caller, Photos, errors, parsed
from tests.functions.channels.test_open311 import UPDATES, fits, move, multipart, texts
from tests.functions.conftest import CIDENG, Clock

PATH = "servicerequestupdates"


def state(parts: Parts, report_id: str) -> str:
    found = records.load(parts.door.table, report_id)
    assert found is not None
    return found[0].state


@pytest.fixture
def send(caller: Caller, filed: Callable[..., str], key: Callable[..., str]) -> Callable[..., Any]:
    """Sends an update of a fresh report (or of `service_request_id`), as an officer's client unless told otherwise."""
    api_key = key()
    counter = iter(range(1000))

    def make(form: str = "json", **fields: str) -> Any:
        sent = {
            "service_request_id": fields.get("service_request_id") or filed(),
            "update_id": f"u-{next(counter)}",
            "api_key": api_key,
            "updated_datetime": "2026-11-23T02:00:00Z",
        }
        return caller.post(f"{PATH}.{form}", {**sent, **fields})

    return make


# What happened, told.


@pytest.mark.parametrize(
    ("wish", "word"),
    [
        (lifecycle.Move("coordination", office="dinas"), "investigating"),
        (lifecycle.Move("disposition", office="dinas"), "action_scheduled"),
        (lifecycle.Move("in_progress", percent=10), "in_progress"),
        (lifecycle.Move("done", "Selesai."), "fixed"),
        (lifecycle.Move("rejected", "Tidak ada.", reason="not_found"), "no_further_action"),
        (
            lifecycle.Move("rejected", "Bukan kami.", reason="outside_authority"),
            "not_councils_responsibility",
        ),
        (lifecycle.Move("duplicate", duplicate_of="7K3M9QX2"), "duplicate"),
    ],
)
def test_every_move_is_an_update_in_a_word_that_clients_know(
    caller: Caller, filed: Callable[..., str], parts: Parts, wish: lifecycle.Move, word: str
):
    report_id = filed()
    move(parts, report_id, wish)
    (row,) = fits(caller.json(f"{PATH}.json"), UPDATES)
    assert (row["service_request_id"], row["status"]) == (report_id, word)
    assert (row["update_id"], row["external_status_code"]) == (f"{report_id}-2", wish.to)
    assert row["description"] == wish.text
    root = caller.xml(f"{PATH}.xml")
    assert root.tag == "service_request_updates"
    assert texts(root, "request_update/update_id") == [f"{report_id}-2"]
    assert texts(root, "request_update/status") == [word]


def test_updates_come_oldest_first_by_the_time_they_happened_both_ends_included(
    caller: Caller, filed: Callable[..., str], parts: Parts, clock: Clock
):
    report_id = filed()
    for step in range(3):
        clock.later(days=20)
        move(parts, report_id, lifecycle.Move("in_progress", f"Langkah {step}"))

    def told(**query: str) -> list[str]:
        return [row["description"] for row in fits(caller.json(f"{PATH}.json", **query), UPDATES)]

    everything = ["Langkah 0", "Langkah 1", "Langkah 2"]
    assert told() == everything
    exact = f"{clock() - timedelta(days=20):%Y-%m-%dT%H:%M:%SZ}"
    assert told(start_date=exact, end_date=exact) == ["Langkah 1"]
    assert told(page="2", page_size="2") == ["Langkah 2"]
    assert told(service_request_id=report_id) == everything
    assert told(service_request_id=report_id, page="2", page_size="2") == ["Langkah 2"]
    assert told(service_request_id="00000000") == []
    clock.later(days=51)
    assert told() == everything[1:], "the last 90 days"


def test_a_note_changes_nothing_and_what_says_nothing_is_not_told(
    caller: Caller, filed: Callable[..., str], parts: Parts
):
    report_id = filed()
    officers = desk.Desk(parts.door.table, parts.door.now, parts.door.random_bytes)
    by = desk.By("o1", "Officer", "officer", Office("dinas", "Dinas"))
    desk.act(officers, report_id, by, desk.looked_draft(office=by.office))
    desk.note(officers, report_id, "Menunggu cuaca.", office=by.office)
    (row,) = caller.json(f"{PATH}.json")
    assert (row["status"], row["description"]) == ("unchanged", "Menunggu cuaca.")


# What others send.


@pytest.mark.parametrize(
    ("status", "more", "to"),
    [
        ("IN_PROGRESS", {}, "in_progress"),
        ("In progress", {}, "in_progress"),
        ("INVESTIGATING", {}, "coordination"),
        ("PLANNED", {}, "disposition"),
        ("action_scheduled", {}, "disposition"),
        ("FIXED", {}, "done"),
        ("CLOSED", {}, "done"),
        ("NO_FURTHER_ACTION", {}, "rejected"),
        ("not_councils_responsibility", {}, "rejected"),
        ("rejected", {"reason": "unclear"}, "rejected"),
        ("OPEN", {}, "waiting"),
        ("REOPEN", {}, "waiting"),
        ("unchanged", {}, "waiting"),
        ("", {}, "waiting"),
    ],
)
@pytest.mark.parametrize("form", ["xml", "json"])
def test_an_officers_update_moves_the_report_as_officers_do(
    send: Callable[..., Any],
    filed: Callable[..., str],
    parts: Parts,
    form: str,
    status: str,
    more: dict[str, str],
    to: str,
):
    report_id = filed()
    got = send(form, service_request_id=report_id, status=status, description="Kata petugas.", **more)
    assert got.status == 201, got.body
    made = (
        texts(parsed(got), "request_update/update_id")[0]
        if form == "xml"
        else json.loads(got.body)[0]["update_id"]
    )
    assert made == f"{report_id}-2"
    assert state(parts, report_id) == to
    history = records.history(parts.door.table, report_id)
    assert broken_at(history) is None
    assert history[1].words["text"].text == "Kata petugas."
    assert history[1].office == Office("dinas", "Dinas Bina Marga")


def test_an_update_shows_up_under_the_id_that_was_answered(
    caller: Caller, send: Callable[..., Any], filed: Callable[..., str]
):
    report_id = filed()
    (made,) = json.loads(send(service_request_id=report_id, status="FIXED", description="Beres.").body)
    (row,) = caller.json(f"{PATH}.json")
    assert (row["update_id"], row["status"], row["description"]) == (made["update_id"], "fixed", "Beres.")


def test_a_duplicate_names_the_other_request(
    send: Callable[..., Any], filed: Callable[..., str], parts: Parts
):
    first, second = filed(), filed()
    for wrong in ({}, {"duplicate_of": "00000000"}, {"duplicate_of": "?"}, {"duplicate_of": second}):
        got = send(service_request_id=second, status="duplicate", **wrong)
        assert (got.status, errors(got)) == (400, [("move_duplicate", "duplicate_of")])
    written = f"{first[:4]}-{first[4:]}".lower()
    assert send(service_request_id=second, status="duplicate", duplicate_of=written).status == 201
    assert state(parts, second) == "duplicate"


def test_what_was_done_is_opened_again_with_a_reason(
    send: Callable[..., Any], filed: Callable[..., str], parts: Parts
):
    report_id = filed()
    move(parts, report_id, lifecycle.Move("done", "Selesai."))
    got = send(service_request_id=report_id, status="REOPEN")
    assert errors(got) == [("move_text_missing", "description")]
    assert send(service_request_id=report_id, status="OPEN", description="Belum.").status == 201
    assert state(parts, report_id) == "waiting"


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        ("IN_PROGRESS", None),
        ("FIXED", None),
        ("PLANNED", ("move_not_allowed", "status")),
        ("DUPLICATE", ("move_not_allowed", "status")),
    ],
)
def test_a_done_report_moves_only_where_officers_may_move_it(
    send: Callable[..., Any],
    filed: Callable[..., str],
    parts: Parts,
    status: str,
    problem: tuple[str, str] | None,
):
    report_id, other = filed(), filed()
    move(parts, report_id, lifecycle.Move("done", "Selesai."))
    got = send(service_request_id=report_id, status=status, description="Kata.", duplicate_of=other)
    assert (got.status, None if got.status == 201 else errors(got)[0]) == (400 if problem else 201, problem)


def test_everything_wrong_with_an_update_is_named_at_once(caller: Caller, key: Callable[..., str]):
    got = caller.post(
        f"{PATH}.xml",
        {
            "api_key": key(),
            "status": "eaten",
            "updated_datetime": "yesterday",
            "description": "x" * 4001,
            "reason": "mood",
        },
    )
    assert got.status == 400
    assert set(errors(got)) == {
        ("missing", "service_request_id"),
        ("missing", "update_id"),
        ("not_a_choice", "status"),
        ("not_a_date", "updated_datetime"),
        ("too_long", "description"),
        ("not_a_choice", "reason"),
    }


def test_a_note_without_words_is_refused(send: Callable[..., Any]):
    got = send(status="unchanged")
    assert (got.status, errors(got)) == (400, [("move_text_missing", "description")])


def test_a_refusal_needs_a_reason_and_an_unknown_request_is_a_404(send: Callable[..., Any]):
    assert errors(send(status="rejected", description="Tidak.")) == [("missing", "reason")]
    got = send(service_request_id="00000000", description="Kata.")
    assert (got.status, errors(got)) == (404, [("report_unknown", "service_request_id")])


@pytest.mark.parametrize("api_key", ["", "wrong"])
def test_an_update_needs_a_key(send: Callable[..., Any], api_key: str):
    got = send("xml", api_key=api_key, description="Kata.")
    assert got.status == 403
    assert errors(got) == [("api_key_wrong" if api_key else "api_key_missing", "api_key")]


def test_a_key_without_the_right_or_the_place_is_refused(
    send: Callable[..., Any], key: Callable[..., str], filed: Callable[..., str], parts: Parts
):
    report_id = filed()
    for changes, code in (
        ({"rights": ["report"]}, "api_key_right"),
        ({"boundaries": [CIDENG]}, "api_key_place"),
        ({"boundaries": []}, "api_key_place"),
    ):
        got = send(service_request_id=report_id, status="FIXED", description="Kata.", api_key=key(**changes))
        assert (got.status, errors(got)) == (403, [(code, "api_key")])
    assert state(parts, report_id) == "waiting"


def test_the_same_update_is_done_once_and_another_under_its_id_is_refused(
    send: Callable[..., Any], filed: Callable[..., str], parts: Parts
):
    report_id = filed()
    update = {"service_request_id": report_id, "update_id": "sama", "description": "Kata."}
    first, again = send(**update), send(**update)
    assert (first.status, again.status, first.body == again.body) == (201, 200, True)
    other = send(**{**update, "description": "Kata lain."})
    assert (other.status, errors(other)) == (400, [("update_reused", "update_id")])
    assert len(records.history(parts.door.table, report_id)) == 2


def test_an_update_id_belongs_to_its_client(
    send: Callable[..., Any], filed: Callable[..., str], key: Callable[..., str], parts: Parts
):
    report_id = filed()
    update = {"service_request_id": report_id, "update_id": "sama", "description": "Kata."}
    assert send(**update).status == send(**update, api_key=key(name="Lain")).status == 201
    assert len(records.history(parts.door.table, report_id)) == 3


def test_the_same_update_sent_ten_times_at_once_is_done_once(
    send: Callable[..., Any], filed: Callable[..., str], parts: Parts
):
    report_id = filed()
    answers: list[tuple[int, bytes]] = []
    start = threading.Barrier(10)

    def ask() -> None:
        start.wait()
        got = send(service_request_id=report_id, update_id="sama", status="IN_PROGRESS", description="Kata.")
        answers.append((got.status, got.body))

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(status for status, _ in answers) == [200] * 9 + [201]
    assert len({body for _, body in answers}) == 1
    assert len(records.history(parts.door.table, report_id)) == 2


def test_a_reporters_client_writes_notes_and_opens_again_what_it_filed(
    caller: Caller, send: Callable[..., Any], key: Callable[..., str], parts: Parts, filed: Callable[..., str],
    clock: Clock,
):  # fmt: skip
    client = key(role="reporter", office=None)
    mine, others = filed(api_key=client), filed()
    assert (
        send(service_request_id=mine, status="FIXED", description="Sudah bagus.", api_key=client).status
        == 201
    )
    assert state(parts, mine) == "waiting", "a reporter closes nothing"
    assert records.history(parts.door.table, mine)[1].office is None
    for report_id in (mine, others):
        move(parts, report_id, lifecycle.Move("done", "Selesai."))
    again = {"status": "OPEN", "description": "Rusak lagi.", "api_key": client}
    got = send(service_request_id=others, **again)
    assert (got.status, errors(got)) == (403, [("api_key_right", "api_key")])
    clock.later(days=13)
    assert send(service_request_id=mine, **again).status == 201
    assert state(parts, mine) == "waiting"
    move(parts, mine, lifecycle.Move("done", "Selesai."))
    clock.later(days=15)
    got = send(service_request_id=mine, **again)
    assert (got.status, errors(got)) == (400, [("move_too_late", "status")])


def test_photos_of_an_update_are_the_photos_after(
    caller: Caller,
    filed: Callable[..., str],
    parts: Parts,
    photos: Photos,
    photo: Callable[..., bytes],
    key: Callable[..., str],
):
    caller = Caller(replace(parts, settings=replace(parts.settings, fetch_private=True)))
    photos.answers["/sesudah.jpg"] = (200, {"Content-Type": "image/jpeg"}, photo())
    report_id = filed()
    fields = {
        "api_key": key(), "service_request_id": report_id, "update_id": "u1", "status": "FIXED",
        "description": "Sudah ditambal.", "media_url": f"{photos.url}/sesudah.jpg",
    }  # fmt: skip
    for expected in (201, 200):
        assert caller.post("servicerequestupdates.json", fields).status == expected
    assert photos.asked == ["/sesudah.jpg"], "the same update fetches nothing again"
    event = records.history(parts.door.table, report_id)[-1]
    (shown,) = event.photos
    stored = parts.door.private.get(intake.photo_paths(report_id, shown)[0])
    assert stored is not None
    assert b"RahasiaKamera" not in stored.data
    (told,) = caller.json("servicerequestupdates.json", service_request_id=report_id)
    assert told["media_url"].endswith(f"{shown.sha256}.jpg") or shown.sha256[:8] in told["media_url"]


def test_a_photo_alone_is_a_note_and_files_are_taken_too(
    caller: Caller,
    filed: Callable[..., str],
    parts: Parts,
    photo: Callable[..., bytes],
    key: Callable[..., str],
):
    report_id = filed()
    fields = {"api_key": key(), "service_request_id": report_id, "update_id": "u1", "status": "unchanged"}
    body, headers = multipart(list(fields.items()), {"photo1": photo()})
    got = caller.call("POST", "/open311/v2/servicerequestupdates.xml", headers=headers, body=body)
    assert got.status == 201, got.body
    event = records.history(parts.door.table, report_id)[-1]
    assert (event.kind, len(event.photos), event.words) == ("noted", 1, {})


def test_a_photo_that_cannot_be_had_leaves_the_report_as_it_was(
    filed: Callable[..., str], parts: Parts, photos: Photos, key: Callable[..., str]
):
    caller = Caller(replace(parts, settings=replace(parts.settings, fetch_private=True)))
    report_id = filed()
    fields = {
        "api_key": key(), "service_request_id": report_id, "update_id": "u1", "status": "FIXED",
        "description": "Sudah.", "media_url": f"{photos.url}/none.jpg",
    }  # fmt: skip
    got = caller.post("servicerequestupdates.json", fields)
    assert (got.status, errors(got)) == (400, [("media_unreachable", "media_url")])
    assert state(parts, report_id) == "waiting"


def test_nothing_is_fetched_for_an_update_that_may_not_be_done(
    filed: Callable[..., str], parts: Parts, photos: Photos, key: Callable[..., str]
):
    caller = Caller(replace(parts, settings=replace(parts.settings, fetch_private=True)))
    fields = {
        "api_key": key(boundaries=["31.75"], office=Office("lain", "Lain")), "service_request_id": filed(),
        "update_id": "u1", "status": "FIXED", "description": "Sudah.", "media_url": f"{photos.url}/a.jpg",
    }  # fmt: skip
    assert caller.post("servicerequestupdates.json", fields).status == 403
    assert photos.asked == []


def test_personal_data_of_an_update_is_not_kept(
    send: Callable[..., Any], filed: Callable[..., str], parts: Parts
):
    report_id = filed()
    send(
        service_request_id=report_id, description="Hubungi 0812-3456-7890.", first_name="Ani", last_name="Rahasia",
        email="ani@contoh.id", phone="+62 812",
    )  # fmt: skip
    kept = str([item.body for item in records.every(parts.door.table, f"report#{report_id}")])
    assert not [secret for secret in ("Rahasia", "ani@contoh.id", "3456") if secret in kept]


@given(st.text(max_size=30) | st.sampled_from(sorted(open311_updates.TARGETS)), st.text(max_size=20))
def test_reading_an_update_takes_it_or_names_what_is_wrong(status: str, text: str):
    from chalicelib.front.problems import Refused

    fields = {"service_request_id": ["7K3M9QX2"], "update_id": [text], "status": [status]}
    try:
        found = open311_updates.read(fields)
    except Refused as refused:
        assert all(problem.message("en") for problem in refused.problems)
    else:
        assert found.target in {"", *lifecycle.STATES}
