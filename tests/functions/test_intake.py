"""accept(): what it takes is never lost and never doubled; what it refuses gets a reason."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from chalicelib import intake, records
from chalicelib.front.problems import Refused
from chalicelib.report import broken_at, read_id
from chalicelib.storage.table import Busy, Key
from chalicelib.submission import Submission

from .conftest import CIDENG, GAMBIR, Clock, Dice


def submission(**changes: Any) -> Submission:
    good = {
        "category": "jalan",
        "description": "Lubang besar di lajur kiri.",
        "latitude": -6.17,
        "longitude": 106.83,
    }
    return Submission(**{**good, **changes})


def codes(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [problem.code for problem in refused.value.problems]


def test_an_accepted_report_is_there_with_its_history_and_in_its_kelurahans_list(door: intake.Door):
    accepted = intake.accept(door, submission(), channel="web")
    assert read_id(accepted.id) == accepted.id
    assert accepted.place is not None
    assert (accepted.place.kode, accepted.place.method) == (GAMBIR, "inside")
    loaded = records.load(door.table, accepted.id)
    assert loaded is not None
    it, version = loaded
    assert (it.state, it.channel, version) == ("waiting", "web", 1)
    assert it.office is not None
    assert it.office.name == "Kelurahan Gambir"
    history = records.history(door.table, accepted.id)
    assert [event.kind for event in history] == ["received"]
    assert broken_at(history) is None
    assert history[0].hash == it.head
    assert [row.id for row in records.newest(door.table, GAMBIR)] == [accepted.id]
    assert records.counts(door.table) == {GAMBIR: {"waiting": 1}}


def test_the_follow_key_is_kept_only_as_a_hash(door: intake.Door, tmp_path: Any):
    accepted = intake.accept(door, submission(), channel="web", key="a-key-of-the-client")
    bare = accepted.follow_key.replace("-", "")
    assert len(bare) == 16
    door.table.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("table*"))
    assert bare.encode() not in stored
    assert accepted.follow_key.encode() not in stored
    assert b"a-key-of-the-client" not in stored
    assert intake.follow_hash(accepted.follow_key.lower()).encode() in stored


def test_public_words_are_masked_and_the_original_stays_with_the_officers(door: intake.Door):
    text = "Hubungi Budi di 0812-3456-7890 atau budi@contoh.id, NIK 3171234567890123."
    accepted = intake.accept(door, submission(description=text), channel="web")
    loaded = records.load(door.table, accepted.id)
    assert loaded is not None
    it, _ = loaded
    for secret in ("0812", "7890", "budi@contoh.id", "3171234567890123"):
        assert secret not in it.description
    assert it.original["description"] == text
    event = records.history(door.table, accepted.id)[0]
    assert event.words["description"].text == it.description
    assert "description_original" in event.commitments
    assert "description_original" not in event.words


def test_contact_lies_apart_from_the_report(door: intake.Door):
    accepted = intake.accept(
        door, submission(contact_email="ani@contoh.id", contact_phone="+6281234567890"), channel="web"
    )
    contact = door.table.get(records.contact_key(accepted.id))
    assert contact is not None
    assert contact.body == {"email": "ani@contoh.id", "phone": "+6281234567890"}
    others = [
        *records.every(door.table, f"report#{accepted.id}"),
        *records.every(door.table, f"list#public#open#{GAMBIR}"),
    ]
    assert "ani@contoh.id" not in str([item.body for item in others])


def test_a_private_report_is_in_no_public_list(door: intake.Door):
    intake.accept(door, submission(private=True), channel="web")
    assert records.newest(door.table, GAMBIR) == []
    assert records.counts(door.table) == {}
    assert len(list(records.every(door.table, f"list#private#open#{GAMBIR}"))) == 1


def test_the_same_key_gives_the_same_report_for_seven_days(door: intake.Door, clock: Clock):
    first = intake.accept(door, submission(), channel="web", key="key-00000001")
    clock.later(days=6, hours=23)
    again = intake.accept(door, submission(), channel="web", key="key-00000001")
    assert (again.id, again.follow_key, again.place) == (first.id, first.follow_key, first.place)
    assert (first.repeated, again.repeated) == (False, True)
    clock.later(hours=2)
    assert intake.accept(door, submission(), channel="web", key="key-00000001").id != first.id


def test_a_key_that_was_used_for_another_report_is_refused(door: intake.Door):
    intake.accept(door, submission(), channel="web", key="key-00000001")
    with pytest.raises(Refused) as refused:
        intake.accept(door, submission(description="Sesuatu yang lain."), channel="web", key="key-00000001")
    assert (codes(refused), refused.value.status) == (["idempotency_reused"], 422)


def test_twenty_at_once_with_one_key_make_one_report(door: intake.Door, photo: Callable[..., bytes]):
    data = photo()
    answers: list[intake.Accepted] = []
    start = threading.Barrier(20)

    def send() -> None:
        start.wait()
        answers.append(intake.accept(door, submission(), channel="web", files=[data], key="key-00000001"))

    threads = [threading.Thread(target=send) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 20
    assert len({(answer.id, answer.follow_key) for answer in answers}) == 1
    assert records.counts(door.table) == {GAMBIR: {"waiting": 1}}
    assert len(list(door.private.list("foto/"))) == 2, "photos of those that lost are removed"


def test_a_taken_id_is_drawn_again(door: intake.Door, dice: Dice):
    dice.forced = [b"\1" * 5]
    first = intake.accept(door, submission(), channel="web")
    dice.forced = [b"\1" * 5]
    second = intake.accept(door, submission(), channel="web")
    assert first.id != second.id
    assert records.counts(door.table) == {GAMBIR: {"waiting": 2}}


def test_outside_jakarta_is_refused_where_one_can_ask_and_queued_where_one_cannot(door: intake.Door):
    far = submission(latitude=-6.9, longitude=107.6)
    with pytest.raises(Refused) as refused:
        intake.accept(door, far, channel="web")
    assert codes(refused) == ["outside_jakarta"]
    accepted = intake.accept(door, far, channel="email", may_ask=False)
    assert accepted.place is None
    assert [
        item.key.sort.endswith(accepted.id) for item in records.every(door.table, "list#public#open#-")
    ] == [True]
    assert records.counts(door.table) == {}


def test_a_kelurahan_and_a_landmark_stand_in_for_a_pin(door: intake.Door):
    accepted = intake.accept(
        door,
        submission(latitude=None, longitude=None, kelurahan=CIDENG, landmark="depan pasar"),
        channel="web",
    )
    assert accepted.place is not None
    assert (accepted.place.kode, accepted.place.method, accepted.place.doubtful) == (CIDENG, "chosen", False)


def test_a_doubt_is_kept_and_the_reporters_answer_decides_it(door: intake.Door):
    near = {"longitude": 106.8202, "accuracy": 60.0}
    doubtful = intake.accept(door, submission(**near), channel="web").place
    assert doubtful is not None
    assert (doubtful.kode, doubtful.runner_up, doubtful.probability, doubtful.doubtful) == (
        GAMBIR,
        CIDENG,
        0.6,
        True,
    )
    decided = intake.accept(door, submission(**near, kelurahan=CIDENG), channel="web").place
    assert decided is not None
    assert (decided.kode, decided.runner_up, decided.method, decided.doubtful) == (
        CIDENG,
        GAMBIR,
        "confirmed",
        False,
    )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"kelurahan": "31.99.99.9999"}, "kelurahan_unknown"),
        ({"kelurahan": CIDENG}, "kelurahan_mismatch"),
        ({"photo": ("upload:" + "a" * 32,)}, "upload_unknown"),
        ({"photo": ("not base64!",)}, "photo_not_a_photo"),
    ],
)
def test_what_cannot_be_placed_or_shown_is_refused(door: intake.Door, changes: dict[str, Any], code: str):
    with pytest.raises(Refused) as refused:
        intake.accept(door, submission(**changes), channel="web")
    assert codes(refused) == [code]
    assert records.counts(door.table) == {}


def test_photos_are_made_anew_and_every_bad_one_is_named(door: intake.Door, photo: Callable[..., bytes]):
    accepted = intake.accept(door, submission(), channel="web", files=[photo(), photo((9, 9, 9))])
    loaded = records.load(door.table, accepted.id)
    assert loaded is not None
    assert len(loaded[0].photos) == 2
    for path in door.private.list(f"foto/{accepted.id}/"):
        stored = door.private.get(path)
        assert stored is not None
        assert b"RahasiaKamera" not in stored.data
        assert b"Exif" not in stored.data
    with pytest.raises(Refused) as refused:
        intake.accept(door, submission(), channel="web", files=[photo(), b"GIF89a...", photo()[:300]])
    assert [(p.code, p.values["number"]) for p in refused.value.problems] == [
        ("photo_not_a_photo", 2),
        ("photo_broken", 3),
    ]
    assert [p for p in door.private.list("foto/") if accepted.id not in p] == []


def test_an_upload_becomes_a_photo_and_then_goes(door: intake.Door, photo: Callable[..., bytes]):
    name = "0123456789abcdef" * 2
    door.private.put(intake.upload_path(name), photo())
    accepted = intake.accept(door, submission(photo=(f"upload:{name}",)), channel="web")
    assert door.private.get(intake.upload_path(name)) is None
    assert len(list(door.private.list(f"foto/{accepted.id}/"))) == 2


def test_a_busy_table_is_said_and_nothing_is_half_written(door: intake.Door, monkeypatch: pytest.MonkeyPatch):
    def busy(_writes: object) -> None:
        raise Busy("the table is throttled")

    with monkeypatch.context() as patched:
        patched.setattr(door.table, "transact", busy)
        with pytest.raises(Refused) as refused:
            intake.accept(door, submission(), channel="web", key="key-00000001")
    assert (codes(refused), refused.value.status) == (["busy"], 503)
    assert intake.accept(door, submission(), channel="web", key="key-00000001").repeated is False


def test_one_report_is_at_most_twelve_writes(door: intake.Door, monkeypatch: pytest.MonkeyPatch):
    seen: list[int] = []
    transact = door.table.transact
    monkeypatch.setattr(
        door.table, "transact", lambda writes: (seen.append(len(writes)), transact(writes))[1]
    )
    intake.accept(door, submission(contact_email="ani@contoh.id"), channel="web", key="key-00000001")
    assert seen == [12], "six of its own, three for Open311, the recap, the day's seal, the officers' queue"
    assert door.table.get(Key("counts", GAMBIR)) is not None
