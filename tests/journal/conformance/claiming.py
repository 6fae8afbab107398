"""Who answers what, and when: claim, and order."""

from __future__ import annotations

from collections import defaultdict
from random import Random

import attrs
import pytest

from cobot.journal import CRASHES_MOST, Job, Journal, Ownership
from journal.conformance.harness import (
    OWL,
    PIGEON,
    Journals,
    Suite,
    answer_all,
    claim,
    claim_one,
    row,
    texts,
)


class TestClaim(Suite):
    """The head of each ready conversation, one owner at a time."""

    async def test_a_conversation_has_one_owner_at_a_time(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """While a message is being answered, the next one of its conversation waits."""
        await journal.publish(pigeon, [row("first"), row("second")], {})
        job = await claim_one(journal)

        assert not await claim(journal)

        assert await journal.settle(job, [])
        assert texts(await claim(journal)) == ["second"]

    async def test_conversations_do_not_wait_for_one_another(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A slow answer in one chat delays none in the next."""
        await journal.publish(pigeon, [row("slow", "a"), row("behind", "a")], {})
        await claim_one(journal)
        await journal.publish(pigeon, [row("1", "b"), row("2", "b"), row("3", "c")], {})

        assert sorted(await answer_all(journal)) == ["1", "2", "3"]

    async def test_the_longest_waiting_conversation_comes_first(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Among several conversations the one that became ready first is answered first."""
        await journal.publish(pigeon, [row("1", "a"), row("2", "a"), row("3", "b")], {})
        (job,) = await claim(journal, 1)
        await journal.publish(pigeon, [row("4", "c")], {})
        assert await journal.settle(job, [])

        jobs = await claim(journal)

        assert texts([job, *jobs]) == ["1", "3", "4", "2"]

    @pytest.mark.parametrize(("limit", "expected"), [(0, 0), (1, 1), (2, 2), (9, 3)])
    async def test_no_more_than_the_limit_are_taken(
        self, journal: Journal, pigeon: Ownership, limit: int, expected: int
    ) -> None:
        """A worker is given no more jobs than it has hands for."""
        await journal.publish(pigeon, [row("1", "a"), row("2", "b"), row("3", "c")], {})

        assert len(await claim(journal, limit)) == expected
        assert len(await claim(journal)) == 3 - expected

    async def test_ids_and_fences_tell_jobs_apart(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A job's number says who came first, its fence which claim of it this is."""
        await journal.publish(pigeon, [row("1", "a"), row("2", "b")], {})
        await journal.publish(pigeon, [row("3", "c")], {})
        first = await claim(journal)
        for job in first:
            assert await journal.release(job)

        second = await claim(journal)

        assert [job.id for job in first] == sorted({job.id for job in first})
        assert {job.id for job in second} == {job.id for job in first}
        fences = {job.id: job.fence for job in first}
        assert all(job.fence > fences[job.id] for job in second)

    async def test_nothing_ready_and_nothing_due_is_no_wait(self, journal: Journal) -> None:
        """Without anything that time would make ready, there is no time to wait for."""
        claimed = await journal.claim(10)

        assert not claimed.jobs
        assert claimed.wait_s is None

    async def test_what_another_holds_is_nothing_to_wait_for(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Only the end of a turn makes the next message ready, and no clock knows when."""
        await journal.publish(pigeon, [row("first"), row("second")], {})
        await claim_one(journal)

        assert (await journal.claim(10)).wait_s is None

    async def test_conversations_of_all_channels_are_claimed(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Turns do not belong to the one who receives."""
        await journal.publish(pigeon, [row("1", "a")], {})
        await journal.publish(await journal.own(OWL), [row("2", "b")], {})

        assert texts(await claim(journal)) == ["1", "2"]

    async def test_one_conversation_may_span_chats(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Whoever decided that two chats are one conversation gets them in one line."""
        several = [row("1", "a"), row("2", "b"), row("3", "a")]
        together = [attrs.evolve(one, conversation="together") for one in several]
        await journal.publish(pigeon, together, {})

        job = await claim_one(journal)

        assert (texts([job]), job.conversation) == (["1"], "together")
        assert await journal.settle(job, [])
        assert await answer_all(journal) == ["2", "3"]


class TestOrder(Suite):
    """A thousand messages, whatever happens to the process."""

    @pytest.mark.parametrize("seed", range(3))
    async def test_order_is_kept_across_crashes(self, journals: Journals, seed: int) -> None:
        """Each of 1,000 messages is answered once and in its conversation's order."""
        random = Random(seed)
        told = _Told(await journals.open())
        await told.publish(1_000, 50)

        while await told.journal.backlog():
            await told.step(random)
            if random.random() < 0.03 and told.crashes_left:
                await told.crash(journals)

        assert told.answered == told.published
        assert not await told.journal.dead()
        assert not await claim(told.journal)

    async def test_a_reopened_store_goes_on_in_order(self, journals: Journals) -> None:
        """A stop in the middle gives everything back in its place, and counts for nothing."""
        told = _Told(await journals.open())
        await told.publish(100, 5)
        random = Random(1)
        for _ in range(20):
            await told.step(random)
            told.held.clear()
            told.journal = await journals.open()

        while await told.journal.backlog():
            await told.step(random)

        assert told.answered == told.published


class _Told:
    """Messages of several conversations, and what was answered of them."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.published: dict[str, list[str]] = defaultdict(list)
        self.answered: dict[str, list[str]] = defaultdict(list)
        self.held: list[Job] = []
        self.crashed: dict[str, int] = defaultdict(int)
        self.crashes_left = 8

    async def publish(self, messages: int, conversations: int) -> None:
        pigeon = await self.journal.own(PIGEON)
        rows = [row(str(one), f"chat {one % conversations}") for one in range(messages)]
        for at in range(0, messages, 100):
            await self.journal.publish(pigeon, rows[at : at + 100], {"": str(at)})
        for one in rows:
            self.published[one.conversation].append(one.key.id)

    async def step(self, random: Random) -> None:
        """Claim some, answer most of them, give a few back and fail a few."""
        claimed = await self.journal.claim(random.randint(1, 20))
        for job in claimed.jobs:
            (content,) = texts([job])
            assert job.crashes == self.crashed[content]
        self.held += claimed.jobs
        random.shuffle(self.held)
        for _ in range(random.randint(0, len(self.held))):
            await self._end(self.held.pop(), random.random())

    async def _end(self, job: Job, chance: float) -> None:
        if chance < 0.05:
            assert await self.journal.release(job)
        elif chance < 0.1:
            assert await self.journal.fail(job, "the agent failed", 0.0)
        else:
            assert await self.journal.settle(job, [])
            self.answered[job.conversation] += texts([job])

    async def crash(self, journals: Journals) -> None:
        """Die with what is held, but for what that would kill for good."""
        if any(self.crashed[one] + 1 == CRASHES_MOST for one in texts(self.held)):
            return
        self.crashes_left -= 1
        for content in texts(self.held):
            self.crashed[content] += 1
        self.held.clear()
        self.journal = await journals.crash()
