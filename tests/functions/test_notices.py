"""The outbox: each follower is told once, in their language, of what is public, when it is day."""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from chalicelib import desk, follow, notices, records
from chalicelib.followers import EMAIL, PUSH, Book, Follow, Follower
from chalicelib.front.problems import Refused
from chalicelib.senders import Message, Outcome
from chalicelib.storage.table import Change
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from web import i18n
from web.letters import SENTENCES, Letters

from .conftest import Dice
from .newsroom import AGENCY, GAMBIR, OFFICE, SITE, Newsroom, opened, renderer

ANI, BUDI = "ani@contoh.id", "budi@example.org"
HERE = follow.Target("area", area=GAMBIR)


@dataclass
class Box:
    """A sender that keeps what it is given and answers as it is told."""

    outcomes: list[Outcome] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    def send(self, message: Message) -> Outcome:
        self.messages.append(message)
        return self.outcomes.pop(0) if self.outcomes else "sent"

    def subjects(self, to: str = "") -> list[str]:
        return [m.subject for m in self.messages if not to or m.to == to]


@dataclass
class Mailroom:
    """A newsroom, followers, and what was sent to them."""

    news: Newsroom
    book: Book
    post: notices.Post
    box: Box
    push: Box
    changes: list[Change] = field(default_factory=list)

    def now(self) -> datetime:
        return self.news.clock()

    def follow(
        self,
        address: str,
        target: follow.Target = HERE,
        *,
        rhythm: str = "now",
        language: str = "id",
        **more: Any,
    ) -> tuple[Follower, Follow]:
        """Ask, and say yes."""
        who, wish = self.book.ask(EMAIL, address, target, rhythm=rhythm, language=language, **more)
        self.book.confirm(who.id, wish.number)
        self.news.clock.later(seconds=1)
        return who, wish

    def run(self, *, again: int = 0) -> dict[str, int]:
        """Tell what changed, `again` times more, and send what is due."""
        while True:
            batch = self.news.table.changes("notices", 100)
            if not batch.changes:
                break
            self.changes += batch.changes
            notices.tell(self.news.table, batch.changes, self.now(), self.post.rules)
            self.news.table.acknowledge("notices", batch)
        for _ in range(again):
            notices.tell(self.news.table, self.changes, self.now(), self.post.rules)
        done: dict[str, int] = {}
        while some := notices.deliver(self.post, self.now()):
            done |= some
        return done

    def at(self, hour: int, *, days: int = 0) -> None:
        """Move the clock to an hour of Jakarta's, `days` after today."""
        local = self.now() + timedelta(hours=7)
        moved = local.replace(hour=hour, minute=0, second=0, microsecond=0) + timedelta(days=days)
        self.news.clock.now = moved - timedelta(hours=7)

    @property
    def partitions(self) -> list[str]:
        with self.news.table._connection() as connection:
            rows = connection.execute("SELECT partition, sort FROM items").fetchall()
        return [f"{partition} {sort}" for partition, sort in rows]


def made(folder: Path) -> Iterator[Mailroom]:
    with opened(folder) as news:
        news.drain()
        book = Book(news.table, news.clock, Dice(seed="book"))
        box, push = Box(), Box()
        post = notices.Post(
            news.table,
            book,
            Letters(renderer()),
            {EMAIL: box, PUSH: push},
            news.door.locator.by_kode,
            SITE,
            follow.Rules(),
            contact_days=90,
        )
        yield Mailroom(news, book, post, box, push)


@pytest.fixture
def mailroom(tmp_path: Path) -> Iterator[Mailroom]:
    yield from made(tmp_path)


def links(message: Message) -> list[str]:
    return re.findall(r"https?://\S+", message.text)


# Saying yes.


def test_nobody_is_told_before_they_said_yes(mailroom: Mailroom):
    who, wish = mailroom.book.ask(EMAIL, ANI, HERE, rhythm="now", language="id", also=notices.confirmation)
    mailroom.news.send()
    mailroom.run()
    (asked,) = mailroom.box.messages
    assert asked.subject == "Mohon konfirmasi: ikuti kelurahan Gambir"
    assert not asked.unsubscribe
    (yes,) = links(asked)
    assert yes == f"{SITE}/api/follow/{mailroom.book.token(who.id, f'c{wish.number}')}"
    mailroom.book.confirm(who.id, wish.number)
    mailroom.news.clock.later(seconds=1)
    mailroom.news.send()
    mailroom.run()
    assert mailroom.box.subjects()[1:] == [mailroom.box.messages[1].subject]
    assert "laporan baru" in mailroom.box.messages[1].subject


def test_a_yes_is_asked_for_at_night_too(mailroom: Mailroom):
    mailroom.at(23)
    mailroom.book.ask(EMAIL, ANI, HERE, rhythm="now", language="id", also=notices.confirmation)
    mailroom.run()
    assert len(mailroom.box.messages) == 1


def test_a_wish_without_a_yes_is_gone_after_two_days(mailroom: Mailroom):
    who, wish = mailroom.book.ask(EMAIL, ANI, HERE, rhythm="now", language="id")
    mailroom.news.clock.later(hours=49)
    assert mailroom.book.confirm(who.id, wish.number) is None
    mailroom.news.table.sweep(mailroom.now().timestamp())
    assert not [name for name in mailroom.partitions if name.startswith(("follower#", "address#"))]


# What is told.


def test_followers_of_an_area_hear_what_comes_in_and_what_becomes_of_it(mailroom: Mailroom):
    mailroom.follow(ANI)
    sent = mailroom.news.send()
    mailroom.news.move(sent.id, "disposition", to_office=AGENCY)
    mailroom.news.move(sent.id, "done")
    mailroom.run()
    assert [re.sub(r" \(.*", "", s) for s in mailroom.box.subjects()] == [
        "Jalan rusak, Gambir: laporan baru",
        "Jalan rusak, Gambir: Selesai",
    ]
    first = mailroom.box.messages[0]
    assert "Lubang besar di lajur kiri." in first.text
    assert "Anda menerima ini karena mengikuti: kelurahan Gambir." in first.text
    assert f"{SITE}/laporan/{sent.id}/" in links(first)


def test_followers_of_a_report_hear_each_step(mailroom: Mailroom):
    sent = mailroom.news.send()
    mailroom.follow(BUDI, follow.Target("report", report=sent.id), language="en")
    mailroom.news.move(sent.id, "disposition", to_office=AGENCY)
    mailroom.news.do(sent.id, desk.say_draft("asked", "Di sisi mana?", office=OFFICE, salt="s"))
    mailroom.run()
    handed, asked = mailroom.box.messages
    assert "The report was handed on to Dinas Contoh." in handed.text
    assert "Di sisi mana?" in asked.text
    assert f"{SITE}/en/laporan/{sent.id}/" in links(asked)


@pytest.mark.parametrize(
    "target",
    [
        follow.Target("area", area=GAMBIR[:8]),
        follow.Target("area", area="31", category="jalan"),
        follow.Target("area", area=GAMBIR, category="jalan"),
        follow.Target("circle", longitude=0, latitude=0, radius_m=300),
    ],
    ids=["kecamatan", "category", "category in kelurahan", "circle"],
)
def test_everything_that_can_be_followed_tells(mailroom: Mailroom, target: follow.Target):
    middle = mailroom.news.door.locator.by_kode[GAMBIR]
    if target.kind == "circle":
        target = follow.Target(
            "circle", longitude=middle.longitude + 0.001, latitude=middle.latitude, radius_m=300
        )
    mailroom.follow(ANI, target)
    mailroom.news.send()
    mailroom.news.send(category="banjir", longitude=middle.longitude - 0.003)
    mailroom.run()
    assert len(mailroom.box.messages) == (2 if target.area == GAMBIR[:8] else 1)


def test_one_message_for_many_follows_of_one_address(mailroom: Mailroom):
    mailroom.follow(ANI)
    who, _ = mailroom.follow(ANI, follow.Target("area", area="31", category="jalan"))
    mailroom.news.send()
    mailroom.run()
    (message,) = mailroom.box.messages
    assert "kelurahan Gambir; Jalan rusak di seluruh Jakarta" in message.text
    assert message.unsubscribe == f"{SITE}/api/follow/{mailroom.book.token(who.id, 'u1_2')}"


def test_what_is_not_public_any_more_is_not_sent(mailroom: Mailroom):
    from chalicelib.privacy import erasing

    sent = mailroom.news.send()
    mailroom.follow(ANI, follow.Target("report", report=sent.id))
    mailroom.at(23)
    mailroom.news.do(sent.id, desk.say_draft("noted", "Pak Udin tahu.", office=OFFICE, salt="s"))
    mailroom.run()
    erasing.erase_words(mailroom.news.table, sent.id, 2, office=OFFICE, now=mailroom.news.clock)
    mailroom.at(6, days=1)
    mailroom.run()
    (message,) = mailroom.box.messages
    assert "Udin" not in message.text + message.html + message.short


def test_of_a_private_report_its_reporter_alone_is_told_and_only_the_number(mailroom: Mailroom):
    mailroom.follow(BUDI)
    sent = mailroom.news.send(
        private=True, description="Rahasia sekali ini.", contact_email=ANI, contact_updates=True
    )
    mailroom.run()
    asked = mailroom.box.messages[-1]
    found = mailroom.book.read_token(links(asked)[-1].rpartition("/")[2])
    assert found
    mailroom.book.confirm(found[0], found[2][0])
    mailroom.news.clock.later(seconds=1)
    mailroom.news.move(sent.id, "done", text="Sudah beres semua.")
    mailroom.run()
    assert mailroom.box.subjects(BUDI) == []
    told = mailroom.box.messages[-1]
    assert told.to == ANI
    for secret in ("Rahasia", "beres", "Gambir", "Jalan"):
        assert secret not in told.text + told.subject + told.short


# Reporters.


def test_a_reporter_is_asked_once_and_then_hears_of_hand_overs_questions_and_the_end(mailroom: Mailroom):
    sent = mailroom.news.send(contact_email=ANI, contact_updates=True, language="en")
    mailroom.run(again=3)
    (asked,) = mailroom.box.messages
    assert asked.subject.startswith("Please confirm: follow report ")
    who, _, numbers = mailroom.book.read_token(links(asked)[0].rpartition("/")[2]) or ("", "", (0,))
    mailroom.book.confirm(who, numbers[0])
    mailroom.news.clock.later(seconds=1)
    mailroom.news.move(sent.id, "disposition", to_office=AGENCY)
    mailroom.news.do(sent.id, desk.say_draft("asked", "Sejak kapan?", office=OFFICE, salt="s"))
    mailroom.news.move(sent.id, "done")
    mailroom.run(again=2)
    handed, question, done = mailroom.box.messages[1:]
    assert "handed on to Dinas Contoh" in handed.text
    assert "Open the report with your key to answer." in question.text
    assert "whether you are satisfied" in done.text
    assert f"{SITE}/api/reports/{sent.id}/page?language=en" in links(done)


def test_a_contact_that_did_not_ask_for_news_is_not_written_to(mailroom: Mailroom):
    mailroom.news.send(contact_email=ANI)
    mailroom.news.send(contact_phone="081234567890", contact_updates=True)
    mailroom.run()
    assert mailroom.box.messages == []


def test_follows_of_a_report_end_90_days_after_it_and_live_on_when_it_is_reopened(mailroom: Mailroom):
    sent = mailroom.news.send()
    who, _ = mailroom.follow(ANI, follow.Target("report", report=sent.id))
    mailroom.news.move(sent.id, "done")
    mailroom.run()
    (kept,) = (mailroom.book.load(who.id) or who).follows
    assert kept.ends[:10] == (mailroom.now() + timedelta(days=90)).date().isoformat()
    mailroom.news.move(sent.id, "in_progress", text="Belum.")
    mailroom.run()
    (kept,) = (mailroom.book.load(who.id) or who).follows
    assert kept.ends[:10] == (mailroom.now() + timedelta(days=365)).date().isoformat()
    mailroom.news.move(sent.id, "done")
    mailroom.run()
    mailroom.news.clock.later(days=91)
    assert mailroom.book.load(who.id) is None
    mailroom.news.table.sweep(mailroom.now().timestamp())
    assert not [n for n in mailroom.partitions if n.startswith(("follower#", "followers#", "address#"))]


# Planned days.


def test_an_honest_word_once_when_a_planned_day_slips(mailroom: Mailroom):
    sent = mailroom.news.send()
    mailroom.follow(ANI, follow.Target("report", report=sent.id))
    plan = desk.move_draft(
        desk.lifecycle.Move("in_progress", percent=20),
        role="officer",
        office=OFFICE,
        salt="s",
        planned=date(2026, 11, 24),
    )
    mailroom.news.do(sent.id, plan)
    mailroom.run()
    mailroom.at(23, days=1)
    mailroom.run()
    assert not any("terlambat" in s for s in mailroom.box.subjects())
    mailroom.news.drain()
    assert "Tanggal itu sudah lewat" not in mailroom.news.read(f"laporan/{sent.id}/index.html")
    mailroom.at(8, days=1)
    for _ in range(3):
        mailroom.run(again=2)
    assert [s for s in mailroom.box.subjects() if "terlambat" in s] == [mailroom.box.messages[-1].subject]
    assert "24 November 2026" in mailroom.box.messages[-1].text
    mailroom.news.drain()
    assert "Tanggal itu sudah lewat" in mailroom.news.read(f"laporan/{sent.id}/index.html")
    mailroom.news.move(sent.id, "done")
    mailroom.news.drain()
    assert "Tanggal itu sudah lewat" not in mailroom.news.read(f"laporan/{sent.id}/index.html")


def test_a_plan_that_was_kept_or_moved_is_not_called_late(mailroom: Mailroom):
    kept, moved = mailroom.news.send(), mailroom.news.send()
    for each in (kept, moved):
        mailroom.follow(ANI, follow.Target("report", report=each.id))
        for day in (24, 26) if each is moved else (24,):
            wish = desk.lifecycle.Move("in_progress", percent=20)
            plan = desk.move_draft(wish, role="officer", office=OFFICE, salt="s", planned=date(2026, 11, day))
            mailroom.news.do(each.id, plan)
    mailroom.news.move(kept.id, "done")
    mailroom.run()
    mailroom.at(9, days=2)
    mailroom.run()
    assert not any("terlambat" in s for s in mailroom.box.subjects())


# When.


def test_at_night_messages_wait_for_the_morning(mailroom: Mailroom):
    mailroom.follow(ANI)
    mailroom.at(22)
    mailroom.news.send()
    mailroom.run()
    mailroom.at(5, days=1)
    mailroom.run()
    assert mailroom.box.messages == []
    mailroom.at(6)
    mailroom.run()
    assert len(mailroom.box.messages) == 1


def test_what_became_due_before_the_night_waits_too(mailroom: Mailroom):
    mailroom.follow(ANI)
    mailroom.at(20)
    mailroom.news.send()
    batch = mailroom.news.table.changes("notices", 100)
    notices.tell(mailroom.news.table, batch.changes, mailroom.now(), mailroom.post.rules)
    mailroom.at(22)
    assert notices.deliver(mailroom.post, mailroom.now()) == {"held": 1}
    mailroom.at(6, days=1)
    assert notices.deliver(mailroom.post, mailroom.now()) == {"sent": 1}


def test_a_digest_tells_a_day_in_one_message_and_nothing_when_nothing_happened(mailroom: Mailroom):
    who, _ = mailroom.follow(ANI, rhythm="daily")
    for _ in range(3):
        mailroom.news.send()
    mailroom.run(again=2)
    assert mailroom.box.messages == []
    mailroom.at(7, days=1)
    mailroom.run(again=2)
    (digest,) = mailroom.box.messages
    assert digest.subject == "Jakarta hari ini: 3 kabar"
    assert digest.text.count("* Jalan rusak, Gambir") == 3
    assert digest.unsubscribe == f"{SITE}/api/follow/{mailroom.book.token(who.id, 'u1')}"
    mailroom.at(7, days=1)
    mailroom.run(again=2)
    assert len(mailroom.box.messages) == 1
    assert not [name for name in mailroom.partitions if name.startswith("digest#")]


def test_what_happens_while_a_digest_goes_out_is_in_the_next(mailroom: Mailroom):
    mailroom.follow(ANI, rhythm="daily")
    mailroom.news.send()
    mailroom.run()
    early = mailroom.now()
    sent = mailroom.news.send(description="Yang kedua, terlambat.")
    mailroom.at(7, days=1)
    notices.deliver(mailroom.post, mailroom.now())
    late = [c for c in mailroom.news.table.changes("notices", 100).changes if sent.id in c.key.partition]
    # A worker with a slow clock still thinks of the digest that has just gone out.
    notices.tell(mailroom.news.table, late, early, mailroom.post.rules)
    assert len(mailroom.box.messages) == 1
    mailroom.at(7, days=1)
    mailroom.run(again=1)
    assert len(mailroom.box.messages) == 2
    assert mailroom.box.messages[1].text.count("* Jalan rusak") == 1


def test_each_is_told_in_their_language(mailroom: Mailroom):
    mailroom.follow(ANI)
    mailroom.follow(BUDI, language="en")
    mailroom.news.send()
    mailroom.run()
    assert "laporan baru" in mailroom.box.subjects(ANI)[0]
    assert "new report" in mailroom.box.subjects(BUDI)[0]


# Never twice.


@given(st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nobody_is_told_twice_whatever_comes_again_in_whatever_order(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
):
    for mailroom in made(tmp_path_factory.mktemp("n")):
        sent = mailroom.news.send()
        mailroom.follow(ANI, rhythm=data.draw(st.sampled_from(["now", "daily"])))
        mailroom.follow(BUDI, follow.Target("report", report=sent.id), rhythm="now")
        mailroom.follow(BUDI, rhythm="daily")
        moves = data.draw(st.lists(st.sampled_from(["done", "in_progress"]), min_size=1, unique=True))
        for state in sorted(moves):
            mailroom.news.move(sent.id, state, text="Kata.")
        changes = mailroom.news.table.changes("notices", 200).changes
        for _ in range(data.draw(st.integers(1, 4))):
            again = data.draw(st.permutations(changes))
            part = again[: data.draw(st.integers(0, len(again)))]
            notices.tell(mailroom.news.table, part, mailroom.now(), mailroom.post.rules)
            notices.deliver(mailroom.post, mailroom.now())
        notices.tell(mailroom.news.table, changes, mailroom.now(), mailroom.post.rules)
        mailroom.at(7, days=1)
        notices.deliver(mailroom.post, mailroom.now())
        ids = [message.id for message in mailroom.box.messages]
        assert len(ids) == len(set(ids))
        told = [event for m in mailroom.box.messages for event in _lines(m)]
        assert len(told) == len(set(told)), told
        # And nobody is forgotten.
        assert {to for to, *_ in told} == ({ANI, BUDI} if "done" in moves else {BUDI})


def _lines(message: Message) -> list[tuple[str, str]]:
    """What a message tells: (to, sentence), as often as it tells it."""
    known = [i18n.translation("id").gettext(text) for text in SENTENCES.values()]
    return [(message.to, text) for text in known for _ in range(message.text.count(text))]


def test_two_workers_at_once_send_each_notice_once(mailroom: Mailroom):
    for n in range(8):
        mailroom.follow(f"warga{n}@contoh.id")
    for _ in range(3):
        mailroom.news.send()
    changes = mailroom.news.table.changes("notices", 200).changes
    shuffled = [random.Random(n).sample(changes, len(changes)) for n in range(4)]

    def worker(mine: Sequence[Change]) -> None:
        for change in mine:
            notices.tell(mailroom.news.table, [change], mailroom.now(), mailroom.post.rules)
        notices.deliver(mailroom.post, mailroom.now())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(worker, shuffled))
    notices.deliver(mailroom.post, mailroom.now())
    ids = [message.id for message in mailroom.box.messages]
    assert len(ids) == len(set(ids)) == 24


def test_what_a_dying_worker_may_have_sent_is_not_sent_again(mailroom: Mailroom):
    mailroom.follow(ANI)
    mailroom.news.send()
    batch = mailroom.news.table.changes("notices", 100)
    notices.tell(mailroom.news.table, batch.changes, mailroom.now(), mailroom.post.rules)

    class Killed(BaseException):
        pass

    class Dying:
        def send(self, message: Message) -> Outcome:
            raise Killed

    with pytest.raises(Killed):
        notices.deliver(replace(mailroom.post, senders={EMAIL: Dying()}), mailroom.now())
    assert notices.deliver(mailroom.post, mailroom.now()) == {}
    mailroom.news.clock.later(minutes=16)
    assert notices.deliver(mailroom.post, mailroom.now()) == {"unclear": 1}
    assert mailroom.box.messages == []
    assert not [name for name in mailroom.partitions if name.startswith("notices#")]


def test_what_could_not_be_handed_over_is_tried_again_and_given_up_in_the_end(mailroom: Mailroom):
    mailroom.follow(ANI)
    mailroom.news.send()
    mailroom.box.outcomes = ["later", "later"]
    mailroom.run()
    for _ in range(2):
        mailroom.news.clock.later(hours=1)
        mailroom.run()
    assert len(mailroom.box.messages) == 3
    assert len({message.id for message in mailroom.box.messages}) == 1
    mailroom.at(9, days=1)
    mailroom.news.send()
    mailroom.box.outcomes = ["later"] * 20
    for _ in range(20):
        mailroom.run()
        mailroom.news.clock.later(hours=13)
    assert len(mailroom.box.messages) == 3 + 1 + len(notices.DELAYS_S)
    assert not [name for name in mailroom.partitions if name.startswith("notices#")]


def test_one_bad_notice_holds_up_no_other_and_names_no_address_in_the_log(
    mailroom: Mailroom, caplog: pytest.LogCaptureFixture
):
    mailroom.follow(ANI)
    mailroom.follow(BUDI)
    mailroom.news.send()

    class Broken:
        def __init__(self) -> None:
            self.sent: list[str] = []

        def send(self, message: Message) -> Outcome:
            if message.to == ANI:
                raise RuntimeError(f"cannot write to {message.to}")
            self.sent.append(message.to)
            return "sent"

    broken = Broken()
    with caplog.at_level(logging.DEBUG):
        mailroom = replace(mailroom, post=replace(mailroom.post, senders={EMAIL: broken}))
        mailroom.run()
    assert broken.sent == [BUDI]
    assert ANI not in caplog.text
    assert "RuntimeError" in caplog.text


# Ending.


def test_who_ends_the_last_follow_is_erased_at_once_and_told_nothing_more(mailroom: Mailroom):
    who, wish = mailroom.follow(ANI, rhythm="daily")
    _, second = mailroom.follow(
        ANI, follow.Target("circle", category="banjir", longitude=106.83, latitude=-6.17, radius_m=2000)
    )
    mailroom.news.send()
    mailroom.run()
    assert mailroom.book.end(who.id, [wish.number]) is not None
    assert mailroom.book.end(who.id, [second.number]) is None
    assert not [n for n in mailroom.partitions if n.startswith(("follower#", "followers#", "address#"))]
    mailroom.at(7, days=1)
    mailroom.run()
    assert mailroom.box.messages == []


def test_a_dead_address_is_erased(mailroom: Mailroom):
    mailroom.follow(ANI)
    mailroom.book.ask(PUSH, "https://push.example/x", HERE, rhythm="now", language="id", p256dh="k", auth="a")
    mailroom.news.clock.later(seconds=1)
    mailroom.news.send()
    mailroom.push.outcomes = ["gone"]
    mailroom.run()
    assert len(mailroom.push.messages) == 1
    mailroom.news.send()
    mailroom.run()
    assert len(mailroom.push.messages) == 1
    assert len(mailroom.box.messages) == 2
    assert len([n for n in mailroom.partitions if n.startswith("follower#")]) == 1


def test_twenty_circles_end_in_one_go(mailroom: Mailroom):
    for n in range(20):
        mailroom.news.clock.later(hours=1)
        target = follow.Target("circle", longitude=106.8 + n / 500, latitude=-6.2, radius_m=2000)
        who, _ = mailroom.follow(ANI, target)
    mailroom.book.end(who.id)
    assert not [n for n in mailroom.partitions if n.startswith(("follower#", "followers#", "address#"))]


# Bounds.


def test_an_address_is_written_to_three_times_an_hour_whoever_asks(mailroom: Mailroom):
    for n in range(3):
        target = follow.Target("area", area=GAMBIR, category=["jalan", "banjir", "sampah"][n])
        mailroom.book.ask(EMAIL, ANI, target, rhythm="now", language="id", also=notices.confirmation)
    for spelled in (ANI, ANI.upper()):
        with pytest.raises(Refused) as refused:
            mailroom.book.ask(EMAIL, spelled, HERE, rhythm="now", language="id")
        assert refused.value.status == 429
    mailroom.run()
    assert len(mailroom.box.messages) == 3
    mailroom.news.clock.later(hours=1)
    mailroom.book.ask(EMAIL, ANI, HERE, rhythm="now", language="id")


def test_an_address_follows_twenty_things_and_wishes_do_not_pile_up(mailroom: Mailroom):
    who_id = ""
    for n in range(20):
        mailroom.news.clock.later(hours=1)
        who, _ = mailroom.follow(ANI, follow.Target("report", report=f"{n:08d}"))
        who_id = who.id
    mailroom.news.clock.later(hours=1)
    _, wish = mailroom.book.ask(EMAIL, ANI, HERE, rhythm="now", language="id")
    with pytest.raises(Refused) as refused:
        mailroom.book.confirm(who_id, wish.number)
    assert refused.value.status == 409
    for n in range(12):
        mailroom.news.clock.later(hours=1)
        mailroom.book.ask(
            EMAIL, ANI, follow.Target("report", report=f"1{n:07d}"), rhythm="now", language="id"
        )
    kept = mailroom.book.load(who_id)
    assert kept
    assert len(kept.follows) - len(kept.confirmed) <= 6


def test_asking_again_for_the_same_replaces_it(mailroom: Mailroom):
    mailroom.follow(ANI, rhythm="daily")
    who, _ = mailroom.follow(ANI, rhythm="now")
    kept = mailroom.book.load(who.id)
    assert kept
    assert [(f.target, f.rhythm) for f in kept.follows] == [(HERE, "now")]
    mailroom.news.send()
    mailroom.run()
    assert len(mailroom.box.messages) == 1


def test_many_who_ask_at_once_for_one_address_make_one_follower(mailroom: Mailroom):
    def ask(n: int) -> str:
        try:
            target = follow.Target("report", report=f"{n:08d}")
            return mailroom.book.ask(EMAIL, ANI, target, rhythm="now", language="id")[0].id
        except Refused:
            return ""

    with ThreadPoolExecutor(6) as pool:
        found = {each for each in pool.map(ask, range(6)) if each}
    assert len(found) == 1
    assert len([n for n in mailroom.partitions if n.startswith("follower#")]) == 1


# What must not leak.


def test_no_address_stands_in_a_link_a_key_or_a_log(mailroom: Mailroom, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.DEBUG):
        mailroom.follow(ANI)
        mailroom.news.send(contact_email=ANI, contact_updates=True)
        mailroom.run()
    assert len(mailroom.box.messages) == 2
    for message in mailroom.box.messages:
        assert not any("ani" in link.lower() for link in links(message))
        assert ANI not in repr(message)
        assert ANI not in message.text + message.html
    assert not any("contoh.id" in name for name in mailroom.partitions)
    assert ANI not in caplog.text
    mailroom.news.drain()
    for path in mailroom.news.site.list(""):
        stored = mailroom.news.site.get(path)
        assert stored is None or ANI.encode() not in stored.data


@given(st.text(max_size=200) | st.from_regex(r"[0-9a-f]{24}-(m|c1|u1_2)-[a-z2-7]{26}", fullmatch=True))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_made_up_token_opens_anything(mailroom: Mailroom, token: str):
    assert mailroom.book.read_token(token) is None


def test_a_changed_token_opens_nothing(mailroom: Mailroom):
    who, _ = mailroom.follow(ANI)
    good = mailroom.book.token(who.id, "u1")
    assert mailroom.book.read_token(good) == (who.id, "u", (1,))
    for place in range(len(good)):
        other = "a" if good[place] != "a" else "b"
        assert mailroom.book.read_token(good[:place] + other + good[place + 1 :]) is None


def test_a_change_reads_only_its_followers(mailroom: Mailroom):
    mailroom.follow(ANI, follow.Target("area", area="31.71.07.1001"))
    mailroom.follow(BUDI)
    asked: list[str] = []
    table = mailroom.news.table

    class Watched:
        def __getattr__(self, name: str) -> Any:
            return getattr(table, name)

        def query(self, partition: str, **more: Any) -> Any:
            asked.append(partition)
            return table.query(partition, **more)

    sent = mailroom.news.send()
    changes = [c for c in table.changes("notices", 200).changes if c.key == records.event_key(sent.id, 1)]
    assert notices.tell(Watched(), changes, mailroom.now(), mailroom.post.rules) == 1  # type: ignore[arg-type]
    assert len(asked) <= 9
    assert all(partition.startswith("followers#") for partition in asked)
    assert datetime(2026, 1, 1, tzinfo=UTC) < mailroom.now()
