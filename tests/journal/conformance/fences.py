"""Every way in which a former owner is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

import pytest

from cobot.errors import OwnershipLost
from cobot.journal import Delivery, Job, Journal, Ownership
from journal.conformance.harness import (
    LEASE_S,
    PIGEON,
    Journals,
    Suite,
    claim,
    claim_one,
    receipt,
    ref,
    row,
    send,
    take,
    take_one,
    texts,
)

LoseJob: TypeAlias = Callable[[Journals, Journal, Job], Awaitable[Journal]]
LoseChannel: TypeAlias = Callable[[Journals, Journal, Ownership], Awaitable[Journal]]


# Ways to lose a job. Each returns the journal that is open afterwards.


async def settled(_journals: Journals, journal: Journal, job: Job) -> Journal:
    """End its turn."""
    assert await journal.settle(job, [])
    return journal


async def failed(_journals: Journals, journal: Journal, job: Job) -> Journal:
    """Fail it, to be tried again at once."""
    assert await journal.fail(job, "boom", 0.0)
    return journal


async def given_up(_journals: Journals, journal: Journal, job: Job) -> Journal:
    """Make it a dead letter."""
    assert await journal.fail(job, "boom", None)
    return journal


async def released(_journals: Journals, journal: Journal, job: Job) -> Journal:
    """Give it back."""
    assert await journal.release(job)
    return journal


async def claimed_again(_journals: Journals, journal: Journal, job: Job) -> Journal:
    """Give it back and claim it anew."""
    assert await journal.release(job)
    await claim_one(journal)
    return journal


async def not_held(_journals: Journals, journal: Journal, _job: Job) -> Journal:
    """Say that nothing is held."""
    await journal.hold_only([])
    return journal


async def reaped(journals: Journals, journal: Journal, _job: Job) -> Journal:
    """Be silent for too long."""
    journals.clock.advance(LEASE_S + 1)
    assert await journal.reap()
    return journal


async def reaped_and_claimed_again(journals: Journals, journal: Journal, _job: Job) -> Journal:
    """Be silent for too long, and let another claim it."""
    journals.clock.advance(LEASE_S + 1)
    assert await journal.reap()
    await claim_one(journal)
    return journal


async def crashed(journals: Journals, _journal: Journal, _job: Job) -> Journal:
    """Die."""
    return await journals.crash()


async def crashed_and_claimed_again(
    journals: Journals, _journal: Journal, _job: Job
) -> Journal:
    """Die, and let another claim it."""
    journal = await journals.crash()
    await claim_one(journal)
    return journal


async def reopened(journals: Journals, _journal: Journal, _job: Job) -> Journal:
    """Close the store and open it again."""
    return await journals.open()


WAYS_TO_LOSE_A_JOB = [
    settled,
    failed,
    given_up,
    released,
    claimed_again,
    not_held,
    reaped,
    reaped_and_claimed_again,
    crashed,
    crashed_and_claimed_again,
    reopened,
]


async def say_settle(journal: Journal, job: Job) -> bool:
    """End the turn."""
    return await journal.settle(job, [send("late")], state={"late": True})


async def say_fail(journal: Journal, job: Job) -> bool:
    """Fail it."""
    return await journal.fail(job, "late", 60.0, operations=[send("late")])


async def say_give_up(journal: Journal, job: Job) -> bool:
    """Make it a dead letter."""
    return await journal.fail(job, "late", None, operations=[send("late")])


async def say_release(journal: Journal, job: Job) -> bool:
    """Give it back."""
    return await journal.release(job)


async def say_draft(journal: Journal, job: Job) -> bool:
    """Show something of it."""
    return await journal.draft(job, "late", ref("late"))


class TestLostJobs(Suite):
    """What a former owner says of its job is answered with False and stored nowhere."""

    @pytest.mark.parametrize(
        "say",
        [say_settle, say_fail, say_give_up, say_release, say_draft],
        ids=lambda f: f.__name__,
    )
    @pytest.mark.parametrize("lose", WAYS_TO_LOSE_A_JOB, ids=lambda f: f.__name__)
    async def test_a_former_owner_is_told_so_and_changes_nothing(
        self,
        journals: Journals,
        lose: LoseJob,
        say: Callable[[Journal, Job], Awaitable[bool]],
    ) -> None:
        """Whoever has lost a job can neither end it nor send for it: it would be done twice."""
        journal = await journals.open()
        await journal.publish(await journal.own(PIGEON), [row("first"), row("second")], {})
        job = await claim_one(journal)
        journal = await lose(journals, journal, job)
        before = await _what_there_is(journal)

        assert await say(journal, job) is False

        assert await _what_there_is(journal) == before

    async def test_the_present_owner_is_not_disturbed(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """The second claim of a job counts, whatever the first one's owner says meanwhile."""
        await journal.publish(pigeon, [row("hello")], {})
        former = await claim_one(journal)
        await journal.release(former)
        present = await claim_one(journal)
        for say in (say_settle, say_fail, say_give_up, say_release, say_draft):
            assert await say(journal, former) is False

        assert await journal.settle(present, [send("answer")])
        assert texts(await take(journal, pigeon)) == ["answer"]
        assert not await journal.dead()


async def _what_there_is(journal: Journal) -> tuple[object, ...]:
    """Return what a late word could have changed; claims nothing that was not ready."""
    jobs = await claim(journal)
    seen = [
        (texts([job]), job.tries, job.crashes, dict(job.drafts), dict(job.state))
        for job in jobs
    ]
    for job in jobs:
        await journal.release(job)
    return (
        seen,
        await journal.backlog(),
        await journal.standing(PIGEON, "late"),
        await journal.dead(),
        [one.kind for one in await journal.events(0)],
    )


# Ways to lose a channel.


async def owned_by_another(
    _journals: Journals, journal: Journal, _ownership: Ownership
) -> Journal:
    """Let another own it."""
    await journal.own(PIGEON)
    return journal


async def disowned(_journals: Journals, journal: Journal, ownership: Ownership) -> Journal:
    """Give it back."""
    await journal.disown(ownership)
    return journal


async def silent(journals: Journals, journal: Journal, _ownership: Ownership) -> Journal:
    """Be silent for too long."""
    journals.clock.advance(LEASE_S + 1)
    assert await journal.reap()
    return journal


async def closed(journals: Journals, _journal: Journal, _ownership: Ownership) -> Journal:
    """Close the store and open it again."""
    return await journals.open()


async def closed_and_owned(
    journals: Journals, _journal: Journal, _ownership: Ownership
) -> Journal:
    """Close the store, and let another own it."""
    journal = await journals.open()
    await journal.own(PIGEON)
    return journal


async def killed(journals: Journals, _journal: Journal, _ownership: Ownership) -> Journal:
    """Die."""
    return await journals.crash()


async def killed_and_owned(
    journals: Journals, _journal: Journal, _ownership: Ownership
) -> Journal:
    """Die, and let another own it."""
    journal = await journals.crash()
    await journal.own(PIGEON)
    return journal


WAYS_TO_LOSE_A_CHANNEL = [
    owned_by_another,
    disowned,
    silent,
    closed,
    closed_and_owned,
    killed,
    killed_and_owned,
]


async def do_publish(journal: Journal, ownership: Ownership, _taken: Delivery) -> None:
    """Receive."""
    await journal.publish(
        ownership, [row("late")], {"": "9"}, operations=[send("late")], state={"late": 1}
    )


async def do_publish_nothing(journal: Journal, ownership: Ownership, _taken: Delivery) -> None:
    """Move a cursor."""
    await journal.publish(ownership, [], {"": "9"})


async def do_take(journal: Journal, ownership: Ownership, _taken: Delivery) -> None:
    """Take what is to be sent."""
    await journal.take(ownership, 10, {})


async def do_sent(journal: Journal, ownership: Ownership, taken: Delivery) -> None:
    """Record a delivery."""
    await journal.sent(ownership, [(taken, receipt("late"))])


async def do_not_sent(journal: Journal, ownership: Ownership, taken: Delivery) -> None:
    """Record a failure for good."""
    await journal.not_sent(ownership, taken, "late", None)


async def do_prepare(journal: Journal, ownership: Ownership, taken: Delivery) -> None:
    """Store what attempts share."""
    await journal.prepare(ownership, taken, {"late": True})


class TestLostChannels(Suite):
    """Who does not own a channel any more neither receives nor sends for it."""

    @pytest.mark.parametrize(
        "act",
        [do_publish, do_publish_nothing, do_take, do_sent, do_not_sent, do_prepare],
        ids=lambda f: f.__name__,
    )
    @pytest.mark.parametrize("lose", WAYS_TO_LOSE_A_CHANNEL, ids=lambda f: f.__name__)
    async def test_a_former_owner_is_refused_and_changes_nothing(
        self,
        journals: Journals,
        lose: LoseChannel,
        act: Callable[[Journal, Ownership, Delivery], Awaitable[None]],
    ) -> None:
        """Two senders of one account would send everything twice."""
        journal = await journals.open()
        former = await journal.own(PIGEON)
        await journal.publish(former, [], {"": "1"})
        await journal.enqueue([send("one"), send("two")])
        taken = await take_one(journal, former)
        journal = await lose(journals, journal, former)

        with pytest.raises(OwnershipLost, match=PIGEON):
            await act(journal, former, taken)

        present = await journal.own(PIGEON)
        assert present.cursors == {"": "1"}
        again = await take_one(journal, present)
        assert (texts([again]), again.prepared) == (["one"], None)
        assert await journal.standing(PIGEON, "late") is None
        assert not await journal.known(PIGEON, [row("late").key])
        assert await journal.get("late") is None
        assert not await journal.dead()

    async def test_fences_rise(self, journals: Journals) -> None:
        """Each owner has a higher number than the one before, in this process or the next."""
        journal = await journals.open()
        fences = [(await journal.own(PIGEON)).fence, (await journal.own(PIGEON)).fence]
        journal = await journals.open()
        fences.append((await journal.own(PIGEON)).fence)
        journal = await journals.crash()
        fences.append((await journal.own(PIGEON)).fence)

        assert fences == sorted(set(fences))

    async def test_channels_are_owned_apart(self, journal: Journal, pigeon: Ownership) -> None:
        """Owning one channel takes nothing from who owns another."""
        await journal.own("owl")

        assert await journal.publish(pigeon, [row("hello")], {})

    async def test_disowning_late_takes_nothing_from_the_present_owner(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A former owner that gives back what it lost long ago disturbs nobody."""
        present = await journal.own(PIGEON)

        await journal.disown(pigeon)

        assert await journal.publish(present, [row("hello")], {})
