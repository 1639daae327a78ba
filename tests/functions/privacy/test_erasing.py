"""Erasing: personal data goes for good, in time, and the chain that proves the history stays whole."""

from __future__ import annotations

import pytest
from chalicelib import audit, categories, desk, intake, proof, public, publish, records
from chalicelib.lifecycle import Move
from chalicelib.privacy import erasing
from chalicelib.report import Office, commitment
from chalicelib.storage.folder import FolderFiles
from chalicelib.storage.sqlite import SQLiteTable
from chalicelib.submission import Submission

from infra import chores

from ..conftest import CIDENG, GAMBIR, Clock, Dice, TwoKelurahan

HERE = Office(GAMBIR, "Kelurahan Gambir")


@pytest.fixture
def publisher(door: intake.Door, site: FolderFiles) -> publish.Publisher:
    """A publisher that draws no pages: chores need none."""
    return publish.Publisher(
        table=door.table,
        site=site,
        private=door.private,
        renderer=None,  # type: ignore[arg-type]
        locator=TwoKelurahan(),
        neighbours={},
        outlines=b"{}",
        categories=categories.load(),
    )


@pytest.fixture
def told(door: intake.Door, clock: Clock, dice: Dice) -> str:
    submission = Submission(
        category="jalan",
        description="Bapak Slamet Riyadi menaruh pasir di jalan, hubungi 0812-3456-7890.",
        landmark="Rumah Slamet",
        longitude=106.83,
        latitude=-6.17,
        contact_email="rahasia@contoh.id",
    )
    return intake.accept(door, submission, channel="web").id


def whole(table: SQLiteTable, site: FolderFiles, report_id: str) -> None:
    it, _ = records.load(table, report_id)
    document = public.document(public.report(it, records.history(table, report_id), categories.load()))
    site.put(f"laporan/{report_id}.json", document)
    found = audit.findings(
        table,
        site,
        [GAMBIR, CIDENG],
        lambda it, events: public.document(public.report(it, events, categories.load())),
        lambda many, _what: many,
    )
    assert list(found) == []


def everything(table: SQLiteTable, report_id: str) -> str:
    kept = [*records.every(table, f"report#{report_id}"), *records.every(table, f"list#public#open#{GAMBIR}")]
    return repr([item.body for item in kept])


def test_erased_words_are_nowhere_any_more_and_the_chain_is_whole(
    table: SQLiteTable, site: FolderFiles, told: str, clock: Clock
):
    before = [event.hash for event in records.history(table, told)]
    assert "Slamet" in everything(table, told)
    it = erasing.erase_words(table, told, 1, office=HERE, now=clock)
    assert "Slamet" not in everything(table, told)
    assert "3456" not in everything(table, told), "nor as they were written, masked in public"
    history = records.history(table, told)
    assert [event.hash for event in history][:1] == before
    assert (history[1].kind, history[1].about, history[1].reason) == ("erased", 1, "personal_data")
    assert set(history[0].words) == {"position"}, "where it is stays"
    assert proof.check(it, history) is None
    whole(table, site, told)


def test_words_of_a_later_event_can_be_erased_and_those_of_others_stay(
    table: SQLiteTable, site: FolderFiles, told: str, clock: Clock, dice: Dice
):
    officers = desk.Desk(table, clock, dice)
    desk.move(officers, told, Move("in_progress", "Ditangani Pak Joko."), role="officer", office=HERE)
    erasing.erase_words(table, told, 2, office=HERE, now=clock)
    assert "Joko" not in everything(table, told)
    assert "Slamet" in records.load(table, told)[0].description
    whole(table, site, told)


def test_who_kept_the_words_can_still_show_that_they_were_said(table: SQLiteTable, told: str, clock: Clock):
    first = records.history(table, told)[0]
    words = first.words["landmark"]
    erasing.erase_words(table, told, 1, office=HERE, now=clock)
    kept = records.history(table, told)[0].commitments["landmark"]
    assert kept == commitment(words.salt, words.text)


@pytest.mark.parametrize("seq", [0, 2, 99])
def test_what_has_no_words_cannot_be_erased(table: SQLiteTable, told: str, clock: Clock, seq: int):
    with pytest.raises(erasing.NothingThere, match=str(seq)):
        erasing.erase_words(table, told, seq, office=HERE, now=clock)
    with pytest.raises(desk.Unknown):
        erasing.erase_words(table, "ZZZZZZZZ", 1, office=HERE, now=clock)


def test_erasing_twice_says_that_nothing_is_left(table: SQLiteTable, told: str, clock: Clock):
    erasing.erase_words(table, told, 1, office=HERE, now=clock)
    with pytest.raises(erasing.NothingThere):
        erasing.erase_words(table, told, 1, office=HERE, now=clock)


def test_contact_data_ends_ninety_days_after_closing_and_the_chain_stays_whole(
    table: SQLiteTable,
    site: FolderFiles,
    told: str,
    clock: Clock,
    dice: Dice,
    publisher: publish.Publisher,
):
    chores.once(publisher, clock(), contact_days=90)
    clock.later(days=200)
    chores.once(publisher, clock(), contact_days=90)
    contact = records.contact_key(told)
    assert table.get(contact) is not None, "an open report keeps it"
    officers = desk.Desk(table, clock, dice)
    desk.move(officers, told, Move("done", "Selesai."), role="officer", office=HERE)
    chores.once(publisher, clock(), contact_days=90)
    clock.later(days=89, hours=23)
    chores.once(publisher, clock(), contact_days=90)
    assert table.get(contact) is not None
    clock.later(hours=2)
    assert table.get(contact) is None, "from then on nobody can read it, swept or not"
    chores.once(publisher, clock(), contact_days=90)
    assert "rahasia" not in repr(table.get(contact))
    whole(table, site, told)


def test_a_report_opened_again_keeps_its_contact(
    table: SQLiteTable, told: str, clock: Clock, dice: Dice, publisher: publish.Publisher
):
    officers = desk.Desk(table, clock, dice)
    desk.move(officers, told, Move("done", "Selesai."), role="officer", office=HERE)
    chores.once(publisher, clock(), contact_days=90)
    clock.later(days=10)
    desk.move(officers, told, Move("waiting", "Masih rusak."), role="officer", office=HERE)
    chores.once(publisher, clock(), contact_days=90)
    clock.later(days=100)
    assert table.get(records.contact_key(told)) is not None
