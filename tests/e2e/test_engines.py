"""The core of the journeys on every engine: one machine, the rehearsal of AWS, and DynamoDB Local.

The same tests as elsewhere in this folder, on a town of each engine: a report with photo and
scripts, one without scripts, an officer's work from waiting to done, and what readers find.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from infra import dynamodb_local
from tests import running

from .conftest import Town
from .test_desk import (
    test_two_offices_take_a_report_from_waiting_to_done_and_the_public_reads_each_step as _desk,
)
from .test_following import test_a_private_report_opens_with_its_key_and_takes_more_words as _private
from .test_following import test_me_too_counts_a_browser_once as _me_too
from .test_plain import test_the_plain_form_with_a_photo_ends_on_the_status_page as _plain
from .test_reporting import test_a_position_a_photo_and_words_become_a_page_that_everyone_sees as _scripted

pytestmark = [pytest.mark.journey, pytest.mark.browser]

test_a_report_with_scripts = _scripted
test_a_report_without_scripts = _plain
test_an_officers_work = _desk
test_a_private_report = _private
test_me_too = _me_too


@pytest.fixture(scope="module", params=["sqlite", "aws", "dynamodb-local"])
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A server of each engine, without examples: a stand-in takes minutes for those."""
    engine = request.param
    if engine == "dynamodb-local":
        try:
            dynamodb_local.find()
        except dynamodb_local.Missing as missing:
            if os.environ.get("REQUIRE_ALL") == "1":
                pytest.fail(f"REQUIRE_ALL=1, and yet: {missing}")
            pytest.skip(str(missing))
    folder = tmp_path_factory.mktemp(engine) / "data"
    # Drawing the empty site takes a stand-in for S3 a while.
    server = running.start(folder, patience=5 * running.PATIENCE_S, ENGINE=engine)
    yield Town(server, {})
    server.kill()
