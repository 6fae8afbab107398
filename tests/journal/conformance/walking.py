"""Whatever senders do, in whatever order."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from random import Random

import pytest

from cobot import Receipt
from cobot.journal import Delivery, Journal, Ownership
from journal.conformance.harness import PIGEON, Journals, Suite, send


class TestSenders(Suite):
    """A long walk of senders that fail, lose their channel and die."""

    @pytest.mark.parametrize("seed", range(5))
    async def test_each_address_gets_everything_once_in_order_with_the_right_marks(
        self, journals: Journals, seed: int
    ) -> None:
        """What was stored is sent in order or given up, and each mark is as it happened."""
        walk = _Walk(journals, Random(seed))
        await walk.begin()

        for _ in range(250):
            await walk.step()
        await walk.finish()

        assert walk.done == walk.stored
        assert not await walk.journal.backlog()
        assert {one.content for one in await walk.journal.dead()} == walk.given_up


class _Walk:
    """A sender, and what must be so of each operation."""

    journal: Journal
    ownership: Ownership

    def __init__(self, journals: Journals, random: Random) -> None:
        self._journals = journals
        self._random = random
        self._numbers = 0
        self._held: list[Delivery] = []
        self._marks: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
        self.stored: dict[str, list[str]] = defaultdict(list)
        self.done: dict[str, list[str]] = defaultdict(list)
        self.given_up: set[str] = set()

    async def begin(self) -> None:
        self.journal = await self._journals.open()
        self.ownership = await self.journal.own(PIGEON)

    async def step(self) -> None:
        chance = self._random.random()
        if chance < 0.3:
            await self._store()
        elif chance < 0.6:
            await self._take()
        elif chance < 0.96:
            await self._report()
        else:
            await self._lose()

    async def finish(self) -> None:
        while await self.journal.backlog():
            self._journals.clock.advance(10)
            await self._take()
            while self._held:
                await self._report()

    async def _store(self) -> None:
        operations = []
        for _ in range(self._random.randint(1, 4)):
            self._numbers += 1
            chat = self._random.choice("abc")
            operations.append(send(str(self._numbers), chat))
            self.stored[chat].append(str(self._numbers))
        await self.journal.enqueue(operations)

    async def _take(self) -> None:
        limit = self._random.randint(0, 3)
        deliveries = (await self.journal.take(self.ownership, limit, {})).deliveries
        assert len(deliveries) <= limit
        for one in deliveries:
            chat = one.operation.address.channel_id
            # The next one of its address, and marked with what befell it.
            assert one.operation.key == self.stored[chat][len(self.done[chat])]
            assert (one.attempts, one.unknowns) == self._marks[one.operation.key]
        self._held += deliveries
        chats = [one.operation.address for one in self._held]
        assert len(chats) == len(set(chats))

    async def _report(self) -> None:
        if not self._held:
            return
        one = self._held.pop(self._random.randrange(len(self._held)))
        chat, key = one.operation.address.channel_id, one.operation.key
        chance = self._random.random()
        if chance < 0.5:
            await self.journal.sent(self.ownership, [(one, Receipt())])
            self.done[chat].append(key)
        elif chance < 0.6:
            await self.journal.not_sent(self.ownership, one, "gone", None)
            self.done[chat].append(key)
            self.given_up.add(key)
        else:
            await self._fail(one)

    async def _fail(self, one: Delivery) -> None:
        is_attempt, is_unknown = self._random.random() < 0.5, self._random.random() < 0.5
        delay = timedelta(seconds=self._random.choice([0, 5]))
        await self.journal.not_sent(
            self.ownership,
            one,
            "again",
            self._journals.clock.now() + delay,
            is_attempt=is_attempt,
            is_unknown=is_unknown,
        )
        attempts, unknowns = self._marks[one.operation.key]
        self._marks[one.operation.key] = (attempts + is_attempt, unknowns + is_unknown)

    async def _lose(self) -> None:
        """Die, stop, or have another own the channel; what is held may have arrived."""
        how = self._random.choice(["crash", "open", "own"])
        if how == "crash":
            self.journal = await self._journals.crash()
        elif how == "open":
            self.journal = await self._journals.open()
        self.ownership = await self.journal.own(PIGEON)
        for one in self._held:
            attempts, unknowns = self._marks[one.operation.key]
            self._marks[one.operation.key] = (attempts, unknowns + 1)
        self._held.clear()
