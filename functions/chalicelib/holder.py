"""What the holder of a report's follow key may do: rate, open again, add words or photos, answer a question.

Each deed is one event, decided on the report as it is at that moment; when somebody
else changes the report meanwhile it is decided anew. Knows no account and no request.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from . import lifecycle, records
from .front.problems import Problem, Refused
from .intake import Door, Made, follow_hash, made_photos, photo_paths
from .privacy import masking
from .report import Event, Report, Words, applied, moment, sealed, stamp, unanswered
from .storage.table import ConditionFailed

RATINGS = ("satisfied", "unsatisfied")
WHY_NOT = ("not_fixed", "poor_work", "too_slow", "not_told", "wrong_reason", "other")
"""Why somebody is not satisfied; the words people read are translated from these codes."""
RATEABLE = frozenset({"done", "rejected"})
MAX_WORDS = 1000
MAX_ADDITIONS = 20
"""So often a reporter may add to a report."""
ROUNDS = 20


def holds_key(report: Report | None, follow_key: str) -> bool:
    """Whether a key, however it was typed, is the report's."""
    kept = report.follow_hash if report else ""
    return 0 < len(follow_key) <= 64 and hmac.compare_digest(follow_hash(follow_key), kept)


def opened(door: Door, report_id: str, follow_key: str) -> tuple[Report, int]:
    """The report and its version. Raises Refused (403 key_wrong), also where there is no such report at all."""
    found = records.load(door.table, report_id)
    if found is None or not holds_key(found[0], follow_key):
        raise Refused([Problem("key_wrong", "follow_key")], 403)
    return found


def rate(
    door: Door, report_id: str, follow_key: str, rating: str, *, reasons: Sequence[str] = (), text: str = ""
) -> Report:
    """Say once, after it was closed, whether that is satisfying; if not, why. Raises Refused."""
    problems = []
    if rating not in RATINGS:
        problems.append(
            Problem("not_a_choice", "rating", {"value": rating[:40], "choices": ", ".join(RATINGS)})
        )
    for reason in reasons:
        if reason not in WHY_NOT:
            values = {"value": reason[:40], "choices": ", ".join(WHY_NOT)}
            problems.append(Problem("not_a_choice", "reasons", values))
    if rating == "unsatisfied" and not reasons:
        problems.append(Problem("missing", "reasons"))
    problems += _too_long(text)
    if problems:
        raise Refused(problems)
    why = tuple(code for code in WHY_NOT if code in reasons) if rating == "unsatisfied" else ()

    def decide(before: Report, now: datetime) -> Event:
        if before.state not in RATEABLE:
            raise Refused([Problem("rate_not_closed", "rating")], 409)
        if before.rating is not None:
            raise Refused([Problem("rated_already", "rating")], 409)
        return _event(door, before, now, kind="rated", rating=rating, reasons=why, text=text)

    return _do(door, report_id, follow_key, decide)


def reopen(
    door: Door,
    report_id: str,
    follow_key: str,
    text: str,
    *,
    files: Sequence[bytes] = (),
    sent: Sequence[str] = (),
) -> Report:
    """Open a report again within lifecycle.REOPEN_DAYS days of done, with a reason in words. Raises Refused."""
    if problems := _too_long(text) or ([] if text.strip() else [Problem("missing", "text")]):
        raise Refused(problems)

    def allowed(before: Report, now: datetime) -> None:
        closed_at = moment(before.closed) if before.closed else None
        wish = lifecycle.Move("waiting", text)
        try:
            lifecycle.check(
                before.state, wish, role=lifecycle.REPORTER, now=now, closed_at=closed_at, report_id=before.id
            )
        except lifecycle.MoveRefused as refused:
            late = refused.code == "too_late"
            values = {"days": lifecycle.REOPEN_DAYS}
            raise Refused(
                [Problem("reopen_too_late" if late else "reopen_not_done", "", values)], 409
            ) from None

    def decide(before: Report, now: datetime, photos: Sequence[Made] = ()) -> Event:
        allowed(before, now)
        return _event(
            door,
            before,
            now,
            kind="moved",
            from_state=before.state,
            to_state="waiting",
            text=text,
            photos=photos,
        )

    return _with_photos(door, report_id, follow_key, files, sent, allowed=allowed, decide=decide)


def add(
    door: Door,
    report_id: str,
    follow_key: str,
    text: str = "",
    *,
    files: Sequence[bytes] = (),
    sent: Sequence[str] = (),
) -> Report:
    """Add words or photos, or both. Raises Refused."""
    if problems := _too_long(text):
        raise Refused(problems)
    if not text.strip() and not files and not sent:
        raise Refused([Problem("addition_empty", "text")])

    def allowed(before: Report, _now: datetime) -> None:
        _few_enough(records.history(door.table, before.id))

    def decide(before: Report, now: datetime, photos: Sequence[Made] = ()) -> Event:
        allowed(before, now)
        return _event(door, before, now, kind="noted", text=text, photos=photos)

    return _with_photos(door, report_id, follow_key, files, sent, allowed=allowed, decide=decide)


def answer(
    door: Door,
    report_id: str,
    follow_key: str,
    about: int,
    text: str = "",
    *,
    files: Sequence[bytes] = (),
    sent: Sequence[str] = (),
) -> Report:
    """Answer an officer's question, once, in words or with a photo. `about` is the question's seq. Raises Refused."""
    if problems := _too_long(text):
        raise Refused(problems)
    if not text.strip() and not files and not sent:
        raise Refused([Problem("addition_empty", "text")])

    def allowed(before: Report, _now: datetime) -> None:
        history = records.history(door.table, before.id)
        if about not in {question.seq for question in unanswered(history)}:
            raise Refused([Problem("question_closed", "about")], 409)
        _few_enough(history)

    def decide(before: Report, now: datetime, photos: Sequence[Made] = ()) -> Event:
        allowed(before, now)
        return _event(door, before, now, kind="answered", about=about, text=text, photos=photos)

    return _with_photos(door, report_id, follow_key, files, sent, allowed=allowed, decide=decide)


def _few_enough(history: Sequence[Event]) -> None:
    if (
        sum(event.kind in {"noted", "answered"} and event.office is None for event in history)
        >= MAX_ADDITIONS
    ):
        raise Refused([Problem("additions_too_many", "", {"most": MAX_ADDITIONS})], 409)


def reopen_until(report: Report) -> datetime | None:
    """Until when the reporter may open a report again; None when that is not possible at all."""
    if report.state != "done" or report.closed is None:
        return None
    return moment(report.closed) + timedelta(days=lifecycle.REOPEN_DAYS)


def _too_long(text: str) -> list[Problem]:
    if len(text) <= MAX_WORDS:
        return []
    return [Problem("too_long", "text", {"most": MAX_WORDS, "length": len(text)})]


def _with_photos(
    door: Door,
    report_id: str,
    follow_key: str,
    files: Sequence[bytes],
    sent: Sequence[str],
    *,
    allowed: Callable[[Report, datetime], None],
    decide: Callable[[Report, datetime, Sequence[Made]], Event],
) -> Report:
    """A deed with photos: they are made only for who may do it, and kept only when it was done."""
    before, _ = opened(door, report_id, follow_key)
    allowed(before, door.now())
    photos, uploads = made_photos(door, sent, files)
    for made in photos:
        image, thumb = photo_paths(report_id, made.photo)
        door.private.put(image, made.processed.image)
        door.private.put(thumb, made.processed.thumb)
    after = _do(door, report_id, follow_key, lambda report, now: decide(report, now, photos))
    for path in uploads:
        door.private.delete(path)
    return after


def _do(door: Door, report_id: str, follow_key: str, decide: Callable[[Report, datetime], Event]) -> Report:
    for _ in range(ROUNDS):
        before, version = opened(door, report_id, follow_key)
        event = decide(before, door.now())
        after = applied(before, event)
        try:
            door.table.transact(records.succession_writes(before, after, event, version=version))
        except ConditionFailed:
            continue  # somebody else was faster: decide anew on what is there now
        return after
    raise Refused([Problem("busy")], 503)


def _event(
    door: Door,
    before: Report,
    now: datetime,
    *,
    kind: str,
    text: str,
    photos: Sequence[Made] = (),
    from_state: str | None = None,
    to_state: str | None = None,
    rating: str | None = None,
    reasons: tuple[str, ...] = (),
    about: int | None = None,
) -> Event:
    masked = masking.mask(text.strip())
    return sealed(
        Event(
            report=before.id,
            seq=before.seq + 1,
            at=stamp(max(now, moment(before.updated))),
            kind=kind,
            from_state=from_state,
            to_state=to_state,
            rating=rating,
            reasons=reasons,
            about=about,
            photos=tuple(made.photo for made in photos),
            example=before.example,
            words={"text": Words(door.random_bytes(16).hex(), masked)} if masked else {},
        ),
        before.head,
    )
