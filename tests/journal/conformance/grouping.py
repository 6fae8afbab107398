"""Rows that come as one job, and rows that come later."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fakes import START

from cobot.journal import Journal, Ownership
from journal.conformance.harness import (
    PIGEON,
    Journals,
    Suite,
    answer_all,
    claim,
    claim_one,
    row,
    texts,
)


class TestGroups(Suite):
    """Rows that come as one job, and rows that come later."""

    async def test_a_group_is_one_job_in_the_order_of_arrival(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """An album of three pictures is answered once."""
        await journal.publish(
            pigeon, [row("one", group="album"), row("two", group="album")], {}
        )
        await journal.publish(pigeon, [row("three", group="album"), row("later")], {})

        job = await claim_one(journal)

        assert texts([job]) == ["one", "two", "three"]
        assert await journal.settle(job, [])
        assert texts(await claim(journal)) == ["later"]

    async def test_groups_of_two_conversations_stay_apart(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """The name of a group counts within its conversation."""
        await journal.publish(
            pigeon, [row("one", "a", group="album"), row("two", "b", group="album")], {}
        )

        jobs = await claim(journal)

        assert [texts([job]) for job in jobs] == [["one"], ["two"]]

    async def test_two_groups_of_a_conversation_are_two_jobs(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """One album after another is two questions."""
        await journal.publish(pigeon, [row("one", group="x"), row("two", group="y")], {})

        job = await claim_one(journal)

        assert texts([job]) == ["one"]
        assert await journal.settle(job, [])
        assert texts(await claim(journal)) == ["two"]

    async def test_the_latest_not_before_of_a_group_counts(
        self, journals: Journals, journal: Journal, pigeon: Ownership
    ) -> None:
        """Each further picture gives the album more time to become whole."""
        for name, seconds in (("one", 1), ("two", 2)):
            later = START + timedelta(seconds=seconds)
            await journal.publish(pigeon, [row(name, group="album", not_before=later)], {})
        journals.clock.advance(1.5)

        claimed = await journal.claim(10)

        assert not claimed.jobs
        assert claimed.wait_s == pytest.approx(0.5)
        journals.clock.advance(0.5)
        assert texts(await claim(journal)) == ["one", "two"]

    async def test_what_is_behind_a_later_one_waits_too(
        self, journals: Journals, journal: Journal, pigeon: Ownership
    ) -> None:
        """A message does not overtake one of its own conversation that is not yet due."""
        later = START + timedelta(seconds=3)
        await journal.publish(
            pigeon, [row("late", not_before=later), row("next"), row("other", "other")], {}
        )

        claimed = await journal.claim(10)

        assert texts(claimed.jobs) == ["other"]
        assert claimed.wait_s == pytest.approx(3)
        journals.clock.advance(3)
        assert await answer_all(journal) == ["late", "next"]

    async def test_a_part_that_comes_late_is_a_job_of_its_own(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """What comes when its group is being answered is not lost, and waits for its end."""
        await journal.publish(pigeon, [row("one", group="album")], {})
        job = await claim_one(journal)
        await journal.publish(pigeon, [row("two", group="album")], {})

        assert not await claim(journal)
        assert await journal.settle(job, [])
        assert texts(await claim(journal)) == ["two"]

    async def test_a_group_comes_whole_after_a_crash(self, journals: Journals) -> None:
        """Killed while an album is answered, the next run is asked all of it again."""
        journal = await journals.open()
        rows = [row(name, group="album") for name in ("one", "two")]
        await journal.publish(await journal.own(PIGEON), rows, {})
        await claim_one(journal)

        journal = await journals.crash()
        job = await claim_one(journal)

        assert texts([job]) == ["one", "two"]
        assert await journal.settle(job, [])
        assert not await journal.backlog()

    async def test_not_before_survives_a_crash(self, journals: Journals) -> None:
        """What is not yet due is not due because a process died."""
        journal = await journals.open()
        later = journals.clock.now() + timedelta(seconds=3600)
        await journal.publish(await journal.own(PIGEON), [row("late", not_before=later)], {})

        journal = await journals.crash()
        claimed = await journal.claim(10)

        assert not claimed.jobs
        assert claimed.wait_s == pytest.approx((later - journals.clock.now()).total_seconds())
        journals.clock.advance(claimed.wait_s or 0.0)
        assert texts(await claim(journal)) == ["late"]
