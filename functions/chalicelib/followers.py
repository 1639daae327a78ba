"""Who follows what: addresses, what they asked for, and the tokens that stand for them in links.

An address (e-mail, or a browser's push endpoint) lies in a partition of its own; the index of
follows holds none. Nobody is a follower before who reads that mailbox said yes. Whoever ends the
last follow is erased at once. Sends nothing: confirmations go through the outbox like all else.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from .follow import REPORT, Row, Target, partitions
from .front.limits import Limit, take
from .front.problems import Problem, Refused
from .report import moment, stamp
from .storage.table import WRITES, ConditionFailed, Delete, Expect, Expectation, Item, Key, Put, Table, Write

EMAIL, PUSH = "email", "push"
MOST_FOLLOWS = 20
"""Confirmed follows of one address."""
MOST_PENDING = 6
"""Follows of one address that wait for its yes."""
PER_HOUR = 3
"""Confirmation mails that one address gets within an hour, whoever asks."""
PER_MINUTE = 60
"""Wishes to follow that the whole service takes in a minute."""
CONFIRM_HOURS = 48
KEEP_DAYS = 365
"""So long a follow lasts unless it is extended."""
ROUNDS = 50
_TOKEN = re.compile(r"([0-9a-f]{24})-([a-z][0-9_]{0,99})-([a-z2-7]{26})")
_SCOPE = re.compile(r"m|[cu]\d{1,6}(_\d{1,6})*")


class Follow(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is followed. `number` names it within its follower; stamps `created`, `confirmed`, `ends`."""

    number: int
    target: Target
    rhythm: str
    created: str
    ends: str
    confirmed: str = ""
    role: str = ""


class Follower(msgspec.Struct, frozen=True, omit_defaults=True):
    """An address and what it follows. `p256dh` and `auth` are a push subscription's keys, base64url."""

    id: str
    channel: str
    address: str
    language: str
    follows: tuple[Follow, ...] = ()
    last: int = 0
    p256dh: str = ""
    auth: str = ""

    def follow(self, number: int) -> Follow | None:
        """The follow with this number, confirmed or not."""
        return next((each for each in self.follows if each.number == number), None)

    @property
    def confirmed(self) -> tuple[Follow, ...]:
        """What it really follows."""
        return tuple(each for each in self.follows if each.confirmed)


@dataclass(frozen=True)
class Book:
    """The list of followers. `random_bytes` must be fit for secrets; `now` is aware."""

    table: Table
    now: Callable[[], datetime]
    random_bytes: Callable[[int], bytes]

    # Tokens.

    def secret(self) -> bytes:
        """The key behind tokens and hashes of addresses."""
        return made_once(self.table, "follow", lambda: self.random_bytes(32))

    def token(self, follower: str, scope: str) -> str:
        """What a link carries: `m` manages all, `c3` confirms follow 3, `u1_4` ends follows 1 and 4."""
        return f"{follower}-{scope}-{self._seal(f'{follower}-{scope}')}"

    def read_token(self, token: str) -> tuple[str, str, tuple[int, ...]] | None:
        """(follower, `m`, `c` or `u`, numbers) of a token that was made here; None for any other text."""
        match = _TOKEN.fullmatch(token)
        if match is None or not _SCOPE.fullmatch(match[2]):
            return None
        if not hmac.compare_digest(match[3], self._seal(f"{match[1]}-{match[2]}")):
            return None
        numbers = tuple(int(text) for text in match[2][1:].split("_") if text)
        return match[1], match[2][0], numbers

    def _seal(self, text: str) -> str:
        digest = hmac.digest(self.secret(), f"follow\n{text}".encode(), "sha256")
        return base64.b32encode(digest)[:26].decode().lower()

    def _hash(self, channel: str, address: str) -> str:
        known = address.lower() if channel == EMAIL else address
        return hmac.digest(self.secret(), f"{channel}\n{known}".encode(), "sha256").hex()[:40]

    # Following.

    def ask(
        self,
        channel: str,
        address: str,
        target: Target,
        *,
        rhythm: str,
        language: str,
        role: str = "",
        p256dh: str = "",
        auth: str = "",
        also: Callable[[Follower, Follow], Sequence[Write]] = lambda _who, _follow: (),
    ) -> tuple[Follower, Follow]:
        """Take the wish of an address to follow. By mail it waits for the yes; a push subscription is one.

        `also` are writes that must happen with it. The answer does not depend on whether the address is
        known. Raises Refused: 429 for too many wishes, 409 when a browser follows enough already.
        """
        now = self.now()
        digest = self._hash(channel, address)
        hourly = Limit(PER_HOUR if channel == EMAIL else MOST_FOLLOWS, 3600)
        for who, limit in (("follow", Limit(PER_MINUTE)), (f"follow-{digest}", hourly)):
            taken = take(self.table, who, limit, now=now)
            if not taken.allowed:
                raise Refused([Problem("follow_too_often", "", {"seconds": taken.reset_s})], 429)
        for _ in range(ROUNDS):
            follower, item, pointer = self._known(digest)
            if follower is None:
                identity = self.random_bytes(12).hex()
                follower = Follower(identity, channel, address, language, p256dh=p256dh, auth=auth)
            kept = _alive(follower.follows, now)
            same = next((f for f in kept if f.target == target and f.confirmed), None)
            if same and channel == PUSH and same.rhythm == rhythm:
                return follower, same
            pending = [f for f in kept if not f.confirmed]
            confirmed = [f for f in kept if f.confirmed and not (channel == PUSH and f is same)]
            if channel == PUSH and len(confirmed) >= MOST_FOLLOWS:
                raise Refused([Problem("follow_too_many", "", {"most": MOST_FOLLOWS})], 409)
            number = follower.last + 1
            sure = stamp(now) if channel == PUSH else ""
            ends = now + (timedelta(days=KEEP_DAYS) if sure else timedelta(hours=CONFIRM_HOURS))
            wish = Follow(number, target, rhythm, stamp(now), stamp(ends), sure, role)
            # The oldest unanswered wish gives way: so nobody can block an address with wishes.
            pending = pending[-(MOST_PENDING - 1) :]
            changes = {
                "follows": tuple(sorted((*confirmed, *pending, wish), key=lambda f: f.number)),
                "last": number,
                "p256dh": p256dh,
                "auth": auth,
            }
            after = msgspec.structs.replace(follower, **changes)
            try:
                found = pointer.version if pointer else Expect.ABSENT
                self._save(item, follower, after, digest, pointed=found, also=also(after, wish))
            except ConditionFailed:
                continue
            return after, wish
        raise Refused([Problem("busy")], 503)

    def load(self, follower_id: str) -> Follower | None:
        """A follower with the follows that have not ended; None when there is none."""
        item = self.table.get(who_key(follower_id))
        if item is None:
            return None
        found = msgspec.convert(item.body["who"], Follower)
        kept = _alive(found.follows, self.now())
        return msgspec.structs.replace(found, follows=kept) if kept else None

    def confirm(self, follower_id: str, number: int) -> Follower | None:
        """Say yes to a wish; safe to repeat. None when it is gone. Raises Refused (409) beyond MOST_FOLLOWS."""

        def change(who: Follower, now: datetime) -> Follower | None:
            wish = who.follow(number)
            if wish is None:
                return None
            if wish.confirmed:
                return who
            others = tuple(f for f in who.follows if f.target != wish.target)
            if len([f for f in others if f.confirmed]) >= MOST_FOLLOWS:
                raise Refused([Problem("follow_too_many", "", {"most": MOST_FOLLOWS})], 409)
            sure = msgspec.structs.replace(
                wish, confirmed=stamp(now), ends=stamp(now + timedelta(days=KEEP_DAYS))
            )
            follows = tuple(sorted((*others, sure), key=lambda f: f.number))
            return msgspec.structs.replace(who, follows=follows)

        return self._change(follower_id, change)

    def end(self, follower_id: str, numbers: Sequence[int] | None = None) -> Follower | None:
        """End some follows, or all with None; who follows nothing more is erased. Safe to repeat. What is left."""

        def change(who: Follower, _now: datetime) -> Follower:
            left = () if numbers is None else tuple(f for f in who.follows if f.number not in numbers)
            return msgspec.structs.replace(who, follows=left)

        return self._change(follower_id, change)

    def alter(
        self, follower_id: str, number: int, *, rhythm: str | None = None, extend: bool = False
    ) -> Follower | None:
        """Change how often a confirmed follow tells, or let it last KEEP_DAYS from now. None when it is gone."""

        def change(who: Follower, now: datetime) -> Follower | None:
            before = who.follow(number)
            if before is None or not before.confirmed:
                return None
            ends = stamp(now + timedelta(days=KEEP_DAYS)) if extend else before.ends
            after = msgspec.structs.replace(before, rhythm=rhythm or before.rhythm, ends=ends)
            follows = tuple(after if f.number == number else f for f in who.follows)
            return msgspec.structs.replace(who, follows=follows)

        return self._change(follower_id, change)

    def speak(self, follower_id: str, language: str) -> Follower | None:
        """Change the language of a follower's messages."""
        return self._change(follower_id, lambda who, _now: msgspec.structs.replace(who, language=language))

    def limit_report(self, follower_id: str, report_id: str, ends: datetime | None) -> None:
        """Let the follows of a report end with it, or with `ends` None last on as if it had never closed."""

        def change(who: Follower, _now: datetime) -> Follower:
            follows = tuple(
                msgspec.structs.replace(
                    f, ends=stamp(ends or moment(f.confirmed) + timedelta(days=KEEP_DAYS))
                )
                if f.confirmed and f.target.kind == REPORT and f.target.report == report_id
                else f
                for f in who.follows
            )
            return msgspec.structs.replace(who, follows=follows)

        self._change(follower_id, change)

    # How.

    def _change(
        self, follower_id: str, change: Callable[[Follower, datetime], Follower | None]
    ) -> Follower | None:
        for _ in range(ROUNDS):
            item = self.table.get(who_key(follower_id))
            if item is None:
                return None
            before = msgspec.convert(item.body["who"], Follower)
            alive = msgspec.structs.replace(before, follows=_alive(before.follows, self.now()))
            after = change(alive, self.now())
            if after is None:
                return None
            if after != before:
                try:
                    self._save(item, before, after, item.body["hash"])
                except ConditionFailed:
                    continue
            return after if after.follows else None
        raise Refused([Problem("busy")], 503)

    def _known(self, digest: str) -> tuple[Follower | None, Item | None, Item | None]:
        """The follower at an address, its item, and the item that leads there."""
        pointer = self.table.get(address_key(digest))
        item = self.table.get(who_key(pointer.body["id"])) if pointer else None
        return (msgspec.convert(item.body["who"], Follower) if item else None), item, pointer

    def _save(
        self,
        item: Item | None,
        before: Follower,
        after: Follower,
        digest: str,
        *,
        pointed: Expectation = Expect.ANY,
        also: Sequence[Write] = (),
    ) -> None:
        """Write a follower with the rows of the index that changed; one that follows nothing is erased."""
        old, new = _rows(before) if item else {}, _rows(after)
        writes: list[Write] = [
            *also,
            *(
                Put(key, msgspec.to_builtins(row), expires=expires)
                for key, (row, expires) in new.items()
                if old.get(key) != (row, expires)
            ),
        ]
        if after.follows:
            expires = max(_seconds(f.ends) for f in after.follows)
            body = {"who": msgspec.to_builtins(after), "hash": digest}
            writes.append(Put(who_key(after.id), body, item.version if item else Expect.ABSENT, expires))
            writes.append(Put(address_key(digest), {"id": after.id}, pointed, expires))
        elif item:
            writes += [Delete(item.key, item.version), Delete(address_key(digest))]
        gone: list[Write] = [Delete(key) for key in old if key not in new]
        room = WRITES - len(writes)
        self.table.transact([*writes, *gone[:room]])
        # A row that outlives its follow for a moment tells nobody anything: who sends looks at the follower.
        for start in range(room, len(gone), WRITES):
            self.table.transact(gone[start : start + WRITES])


def _rows(follower: Follower) -> dict[Key, tuple[Row, int]]:
    """The rows of the index that a follower's confirmed follows have, with their ends."""
    found = {}
    for each in follower.confirmed:
        target = each.target
        row = Row(
            each.confirmed,
            each.rhythm,
            each.role,
            target.category,
            target.longitude,
            target.latitude,
            target.radius_m,
        )
        for partition in partitions(target):
            found[Key(partition, f"{follower.id}#{each.number:06d}")] = (row, _seconds(each.ends))
    return found


def made_once(table: Table, name: str, make: Callable[[], bytes]) -> bytes:
    """A key of the service's own: made when it is first needed, and kept in the table from then on."""
    key = Key("secrets", name)
    for _ in range(ROUNDS):
        if item := table.get(key):
            return bytes.fromhex(item.body["key"])
        try:
            table.transact([Put(key, {"key": make().hex()}, Expect.ABSENT)])
        except ConditionFailed:
            continue  # another worker made it at the same moment: theirs it is
    raise RuntimeError(f"the key {name} could be neither read nor made")


def who_key(follower_id: str) -> Key:
    return Key(f"follower#{follower_id}", "who")


def address_key(digest: str) -> Key:
    return Key(f"address#{digest}", "follower")


def _alive(follows: Sequence[Follow], now: datetime) -> tuple[Follow, ...]:
    at = stamp(now)
    return tuple(each for each in follows if each.ends > at)


def _seconds(text: str) -> int:
    return int(moment(text).timestamp())
