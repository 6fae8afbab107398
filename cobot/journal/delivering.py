"""The way out: which operations wait, who has taken which, what came of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime

import attrs

from cobot.encoding import to_text
from cobot.errors import OwnershipLost
from cobot.journal import Delivery, Operation, Ownership, Standing, Taken, outbox
from cobot.journal.ledger import Cache, Ledger
from cobot.journal.lines import Entry, Lines
from cobot.journal.outbox import Departure
from cobot.journal.rows import from_unix
from cobot.messages import Address, Json, Receipt


@attrs.define(eq=False)
class _UnderWay:
    head: Address
    entry: Entry
    is_reported: bool = False  # what came of it is being stored


@attrs.define(eq=False)
class Channel:
    """What is known of one channel."""

    name: str
    fence: int = 0
    """Of the present owner, or of the last one."""
    is_owned: bool = False
    lines: Lines[Address] = attrs.field(factory=Lines)
    under_way: dict[int, _UnderWay] = attrs.field(factory=dict)


class Delivering:
    """Hands operations to the owners of their channels, in the order of each address."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._channels: dict[str, Channel] = {}
        self._cache: Cache[tuple[Operation, datetime]] = Cache()

    # Owners.

    def channel(self, name: str) -> Channel:
        """Return what is known of a channel."""
        channel = self._channels.get(name)
        if channel is None:
            channel = self._channels[name] = Channel(name)
        return channel

    def owned(self, ownership: Ownership) -> Channel:
        """Return the channel of an owner.

        Raises:
            OwnershipLost: Somebody else owns it.
        """
        channel = self.channel(ownership.channel)
        if not channel.is_owned or channel.fence != ownership.fence:
            raise OwnershipLost(ownership.channel)
        return channel

    async def own(self, name: str) -> Ownership:
        """Become the one who receives and sends for a channel."""
        channel = self.channel(name)
        # At once, and not with the commit: from here on a former owner is refused.
        channel.fence += 1
        channel.is_owned = True
        fence = channel.fence
        left = list(channel.under_way.values())

        def work(db: sqlite3.Connection) -> dict[str, str]:
            db.execute("INSERT OR REPLACE INTO channel VALUES (?, ?)", (name, fence))
            outbox.note_unknown(db, [one.entry.id for one in left])
            return dict(db.execute("SELECT name, value FROM cursor WHERE channel = ?", (name,)))

        def then(_cursors: dict[str, str]) -> None:
            self._give_back(channel, left)

        cursors = await self._ledger.writer.run(work, then)
        return Ownership(name, fence, cursors)

    def disown(self, ownership: Ownership) -> None:
        """Give a channel back; a former owner has nothing to give."""
        channel = self.channel(ownership.channel)
        if channel.fence == ownership.fence:
            channel.is_owned = False

    def disown_all(self) -> int:
        """Take all channels from their owner; return how many there were."""
        owned = [channel for channel in self._channels.values() if channel.is_owned]
        for channel in owned:
            channel.is_owned = False
        return len(owned)

    # Storing.

    def departures(
        self, operations: Sequence[Operation], at: float, cause: int | None = None
    ) -> list[Departure]:
        """Make operations ready to be stored."""
        if not operations:
            return []
        numbers = self._ledger.numbers(len(operations))
        return [
            outbox.departure(number, operation, at, cause)
            for number, operation in zip(numbers, operations, strict=True)
        ]

    def add(self, departures: Sequence[Departure], new: Collection[int], at: float) -> None:
        """Have stored operations wait."""
        if not departures:
            return
        created_at = from_unix(at)
        for one in departures:
            if one.id not in new:
                continue
            operation = one.operation
            due = 0.0
            if operation.not_before is not None:
                due = self._ledger.due(operation.not_before)
            lines = self.channel(operation.address.channel_type).lines
            lines.add(operation.address, Entry(one.id, due))
            if not due:
                size = one.size + sum(map(len, one.blobs))
                self._cache.put(one.id, (operation, created_at), size)

    def restore(self, address: Address, entry: Entry) -> None:
        """Have an operation wait that is in the table already."""
        self.channel(address.channel_type).lines.add(address, entry)

    async def enqueue(self, operations: Sequence[Operation]) -> Sequence[Standing]:
        """Store operations that answer nothing; say how each stands, known ones too."""
        if not operations:
            return []
        at = self._ledger.at()
        departures = self.departures(operations, at)

        def work(db: sqlite3.Connection) -> tuple[Collection[int], list[Standing]]:
            new = outbox.store(db, departures)
            return new, [_standing(db, one, new) for one in departures]

        def then(result: tuple[Collection[int], list[Standing]]) -> None:
            self.add(departures, result[0], at)

        return (await self._ledger.writer.run(work, then))[1]

    # Taking.

    async def take(
        self, ownership: Ownership, limit: int, closed: Mapping[Address, float]
    ) -> Taken:
        """Take the next operation of up to `limit` addresses that have none under way."""
        channel = self.owned(ownership)
        now = self._ledger.clock.monotonic()
        taken = channel.lines.take(limit, now, closed)
        wait_s = channel.lines.wait_s(now)
        if not taken:
            return Taken((), wait_s)
        numbers = []
        under_way = []
        ready: dict[int, Delivery] = {}  # those that nothing has to be read for
        for head, (entry,) in taken:
            number = entry.id
            numbers.append(number)
            under_way.append(_UnderWay(head, entry))
            channel.under_way[number] = under_way[-1]
            cached = self._cache.pop(number)
            if cached is not None:
                ready[number] = Delivery(number, *cached)

        def work(db: sqlite3.Connection) -> list[Delivery]:
            outbox.mark_taken(db, numbers)
            return [
                outbox.with_refs(db, ready.get(number) or outbox.load(db, number))
                for number in numbers
            ]

        def unwanted(_deliveries: list[Delivery]) -> None:
            self._untake(channel, under_way)

        def failed() -> None:
            self._give_back(channel, under_way)

        deliveries = await self._ledger.writer.run(work, unwanted=unwanted, failed=failed)
        return Taken(deliveries, wait_s)

    def _untake(self, channel: Channel, several: Sequence[_UnderWay]) -> None:
        """Have operations wait that nobody got."""
        numbers = [one.entry.id for one in several]
        self._ledger.writer.submit(
            lambda db: outbox.unmark_taken(db, numbers),
            lambda _: self._give_back(channel, several),
        )

    def _give_back(self, channel: Channel, several: Sequence[_UnderWay]) -> None:
        for one in reversed(several):  # the first is to be in front again
            # Meanwhile somebody else may have become the owner, and may have taken it.
            if channel.under_way.get(one.entry.id) is one:
                del channel.under_way[one.entry.id]
                channel.lines.give_back(one.head, [one.entry])

    # Recording.

    async def prepare(self, ownership: Ownership, delivery: Delivery, prepared: Json) -> None:
        """Store what every attempt of an operation uses."""
        self.owned(ownership)
        text = None if prepared is None else to_text(prepared)
        await self._ledger.writer.run(
            lambda db: db.execute(
                "UPDATE operation SET prepared = ? WHERE id = ?", (text, delivery.id)
            )
        )

    async def sent(
        self, ownership: Ownership, results: Sequence[tuple[Delivery, Receipt]]
    ) -> None:
        """Record that operations were done; their addresses' next ones may be taken."""
        channel = self.owned(ownership)
        done = [
            outbox.Result(delivery.id, self._ledger.number(), delivery, receipt)
            for delivery, receipt in results
            if self._report(channel, delivery)
        ]
        if not done:
            return
        at = self._ledger.at()

        def then(_: None) -> None:
            for one in done:
                under_way = channel.under_way.pop(one.id)
                channel.lines.done(under_way.head, (under_way.entry,))

        def failed() -> None:
            for one in done:
                channel.under_way[one.id].is_reported = False

        await self._ledger.writer.run(
            lambda db: outbox.record_sent(db, done, at), then, failed=failed
        )

    async def not_sent(
        self,
        ownership: Ownership,
        delivery: Delivery,
        reason: str,
        not_before: datetime | None,
        *,
        is_attempt: bool,
        is_unknown: bool,
    ) -> None:
        """Record that an operation was not done, or not for certain."""
        channel = self.owned(ownership)
        if not self._report(channel, delivery):
            return
        number = delivery.id
        at = self._ledger.at()
        letter = self._ledger.number() if not_before is None else 0
        due = self._ledger.due(not_before)
        time = None if not_before is None else not_before.timestamp()

        def work(db: sqlite3.Connection) -> list[tuple[int, Address]]:
            outbox.record_failure(db, number, reason, time, (is_attempt, is_unknown))
            if not_before is not None:
                return []
            return outbox.bury(db, letter, number, delivery.operation, reason, at)

        def then(parts: list[tuple[int, Address]]) -> None:
            under_way = channel.under_way.pop(number)
            if not_before is not None:
                channel.lines.give_back(under_way.head, [under_way.entry], due=due)
                return
            for part, address in parts:
                channel.lines.remove(address, [part])
                self._cache.pop(part)
            channel.lines.done(under_way.head, [under_way.entry])

        def failed() -> None:
            channel.under_way[number].is_reported = False

        await self._ledger.writer.run(work, then, failed=failed)

    def _report(self, channel: Channel, delivery: Delivery) -> bool:
        """Note that an operation's end is being stored; False if it has been told before."""
        under_way = channel.under_way.get(delivery.id)
        if under_way is None or under_way.is_reported:
            return False
        under_way.is_reported = True
        return True

    # The rest.

    def count(self, channels: Iterable[str] | None) -> int:
        """Return how many operations wait or are under way."""
        names = self._channels if channels is None else set(channels) & self._channels.keys()
        return sum(self._channels[name].lines.count for name in names)

    def rename(self, renamed: Callable[[Address], Address]) -> None:
        """Give addresses other names."""
        for channel in self._channels.values():
            channel.lines.rename(renamed)
            for under_way in channel.under_way.values():
                under_way.head = renamed(under_way.head)
        self._cache.clear()


def _standing(db: sqlite3.Connection, one: Departure, new: Collection[int]) -> Standing:
    operation = one.operation
    if one.id in new:
        return Standing(operation.key, "waiting", is_new=True)
    standing = outbox.read_standing(db, operation.address.channel_type, operation.key)
    assert standing is not None  # that key is why it was not stored
    return standing
