"""Who is alive, what the silent lose, and how much there is to do."""

from __future__ import annotations

from datetime import timedelta

from fakes import START

from cobot.journal import Backlog, Journal, Ownership
from journal.conformance.harness import (
    LEASE_S,
    OWL,
    PIGEON,
    Journals,
    Suite,
    answer_all,
    claim,
    claim_one,
    give_up,
    row,
    send,
    settle_with,
    take,
    take_one,
    texts,
)

DAY_S = 86_400.0


class TestOwners(Suite):
    """Who is alive, and what the silent lose."""

    async def test_who_beats_loses_nothing(
        self, journals: Journals, journal: Journal, pigeon: Ownership
    ) -> None:
        """A sign of life now and then is enough to keep everything."""
        await journal.publish(pigeon, [row("1")], {})
        job = await claim_one(journal)
        for _ in range(5):
            journals.clock.advance(LEASE_S * 0.6)
            assert not (await journal.beat()).lost
            assert await journal.reap() == 0

        assert await journal.settle(job, [send("answer")])
        assert texts(await take(journal, pigeon)) == ["answer"]

    async def test_who_was_silent_learns_what_it_lost(
        self, journals: Journals, journal: Journal, pigeon: Ownership
    ) -> None:
        """A worker that was stopped for a while is told which of its turns are void."""
        await journal.publish(pigeon, [row("1", "a"), row("2", "b")], {})
        jobs = await claim(journal)
        journals.clock.advance(LEASE_S + 1)
        assert await journal.reap() > 0

        beat = await journal.beat()

        assert beat.lost == {job.id for job in jobs}
        assert not (await journal.beat()).lost

    async def test_after_a_reap_work_goes_on(
        self, journals: Journals, journal: Journal, pigeon: Ownership
    ) -> None:
        """What was taken from the silent is done by whoever comes next, once."""
        await journal.publish(pigeon, [row("1")], {})
        await claim_one(journal)
        await journal.enqueue([send("maybe")])
        await take_one(journal, pigeon)
        journals.clock.advance(LEASE_S + 1)
        await journal.reap()
        await journal.beat()

        assert await answer_all(journal) == ["1"]
        delivery = await take_one(journal, await journal.own(PIGEON))
        assert (texts([delivery]), delivery.unknowns) == (["maybe"], 1)

    async def test_nothing_held_is_nothing_to_take(
        self, journals: Journals, journal: Journal
    ) -> None:
        """Of an owner that held nothing there is nothing to reap."""
        journals.clock.advance(LEASE_S + 1)

        assert await journal.reap() == 0

    async def test_hold_only_gives_back_the_rest(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """What a worker does not know it holds would be stuck; so it says what it does hold."""
        await journal.publish(pigeon, [row(chat, chat) for chat in "abc"], {})
        kept, *others = await claim(journal)

        await journal.hold_only([kept.id])

        assert texts(await claim(journal)) == ["b", "c"]
        assert await journal.settle(kept, [])
        assert not await journal.settle(others[0], [])

    async def test_hold_only_costs_neither_try_nor_crash(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A job that nobody worked on has failed nobody."""
        await journal.publish(pigeon, [row("1")], {})
        await claim_one(journal)
        await journal.hold_only([])

        job = await claim_one(journal)

        assert (job.tries, job.crashes) == (0, 0)


class TestBacklog(Suite):
    """How much waits or runs."""

    async def test_nothing_is_done_before_it_is_done(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """What runs counts as well as what waits."""
        await journal.publish(pigeon, [row("1"), row("2")], {})
        await settle_with(journal, send("answer"))
        delivery = await take_one(journal, pigeon)
        await claim_one(journal)

        assert await journal.backlog() == Backlog(jobs=1, operations=1)

        later = START + timedelta(days=1)
        await journal.not_sent(pigeon, delivery, "again", later)
        assert await journal.backlog() == Backlog(jobs=1, operations=1)

    async def test_dead_letters_do_not_count(self, journal: Journal, pigeon: Ownership) -> None:
        """Nobody works on what was given up."""
        await journal.publish(pigeon, [row("1")], {})
        await give_up(journal)
        await journal.enqueue([send("lost")])
        await journal.not_sent(pigeon, await take_one(journal, pigeon), "gone", None)

        assert not await journal.backlog()

    async def test_operations_of_some_channels_may_be_counted(self, journal: Journal) -> None:
        """A channel that is parked holds up no end."""
        await journal.enqueue([send("1"), send("2"), send("3", channel=OWL)])

        assert await journal.backlog([PIGEON]) == Backlog(operations=2)
        assert await journal.backlog([OWL]) == Backlog(operations=1)
        assert await journal.backlog(iter([PIGEON, OWL])) == Backlog(operations=3)
        assert await journal.backlog([]) == Backlog()
        assert await journal.backlog() == Backlog(operations=3)

    async def test_members_of_a_group_count_each(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """It is messages that wait, not jobs."""
        await journal.publish(pigeon, [row("1", group="x"), row("2", group="x")], {})

        assert await journal.backlog() == Backlog(jobs=2)

    async def test_it_survives_a_crash(self, journals: Journals) -> None:
        """The next process knows how much there is to do."""
        journal = await journals.open()
        await journal.publish(await journal.own(PIGEON), [row("1"), row("2")], {})
        await settle_with(journal, send("answer"))

        journal = await journals.crash()

        assert await journal.backlog() == Backlog(jobs=1, operations=1)
