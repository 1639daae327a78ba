"""Example reports: labelled, in every state, the same for the same seed, and moved by the officers' own rules."""

from __future__ import annotations

import io
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from chalicelib import lifecycle, records
from chalicelib.privacy import masking
from chalicelib.report import Report, broken_at, moment
from chalicelib.storage.folder import FolderFiles
from chalicelib.storage.sqlite import SQLiteTable
from PIL import Image

import geo
from infra import seed

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
COUNT = 80


def filled(
    folder: Path, count: int = COUNT, chance: int = seed.SEED
) -> tuple[SQLiteTable, FolderFiles, list[str]]:
    table = SQLiteTable(folder / "table.sqlite3", now=NOW.timestamp)
    private = FolderFiles(folder / "private", durable=False)
    ids = seed.fill(table, private, geo.default_locator(), now=NOW, count=count, seed=chance)
    return table, private, ids


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> tuple[SQLiteTable, FolderFiles, list[Report]]:
    table, private, ids = filled(tmp_path_factory.mktemp("seed"))
    reports = [found[0] for report_id in ids if (found := records.load(table, report_id))]
    assert len(reports) == len(set(ids)) == COUNT
    return table, private, reports


Examples = tuple[SQLiteTable, FolderFiles, list[Report]]


def test_every_example_says_that_it_is_one(examples: Examples):
    table, _, reports = examples
    assert all(it.example for it in reports)
    for it in reports:
        assert all(event.example for event in records.history(table, it.id))


def test_examples_have_whole_histories_that_the_lifecycle_allows(examples: Examples):
    table, _, reports = examples
    for it in reports:
        history = records.history(table, it.id)
        assert broken_at(history) is None
        assert [event.at for event in history] == sorted(event.at for event in history)
        for event in history[1:]:
            assert event.to_state in lifecycle.MOVES[event.from_state or ""]


def test_examples_are_in_many_states_places_and_categories(examples: Examples):
    _, _, reports = examples
    states = Counter(it.state for it in reports)
    assert states["done"] > COUNT / 5
    assert {"waiting", "in_progress", "done"} <= set(states)
    assert len({it.category for it in reports}) >= 6
    assert len({it.place.kode for it in reports if it.place}) >= COUNT / 5
    assert any(it.photos for it in reports)


def test_no_example_is_from_the_future_or_older_than_told(examples: Examples):
    _, _, reports = examples
    for it in reports:
        assert NOW - timedelta(days=seed.DAYS, hours=1) <= moment(it.created) <= moment(it.updated) <= NOW


def test_examples_hold_nothing_that_must_be_masked(examples: Examples):
    _, _, reports = examples
    for it in reports:
        assert masking.mask(it.description) == it.description
        assert it.original == {}


def test_counts_agree_with_the_examples(examples: Examples):
    table, _, reports = examples
    expected = Counter((it.place.kode, it.state) for it in reports if it.place)
    counted = {(kode, s): n for kode, row in records.counts(table).items() for s, n in row.items()}
    assert counted == dict(expected)


def test_the_same_seed_gives_the_same_reports_and_another_gives_others(tmp_path: Path):
    def told(folder: str, chance: int) -> list[tuple[str, str, str]]:
        (tmp_path / folder).mkdir()
        table, _, ids = filled(tmp_path / folder, 6, chance)
        found = [records.load(table, report_id) for report_id in ids]
        table.close()
        return [(it[0].id, it[0].description, it[0].head) for it in found if it]

    first = told("a", 1)
    assert told("b", 1) == first
    assert told("c", 2) != first


def test_drawings_are_photos_and_differ():
    rng = random.Random(4)
    drawings = [seed.drawing(category, rng) for category in ("jalan", "banjir", "sampah")]
    assert len(set(drawings)) == 3
    for data in drawings:
        picture = Image.open(io.BytesIO(data))
        assert (picture.format, picture.width > picture.height) == ("JPEG", True)


def test_there_are_words_for_every_category_and_all_are_long_enough():
    for category, sentences in seed.WORDS.items():
        assert sentences, category
        assert all(10 <= len(sentence) <= 2000 for sentence in sentences)
