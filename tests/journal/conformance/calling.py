"""Callers that are cancelled, clocks that are set back, stores that are closed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import pytest
from fakes import START

from cobot import Receipt
from cobot.journal import Backlog, Journal, Ownership
from journal.conformance.harness import (
    LEASE_S,
    PATIENCE_S,
    PIGEON,
    Journals,
    Suite,
    answer_all,
    claim,
    claim_one,
    claim_within_reason,
    conversation,
    receipt,
    ref,
    row,
    send,
    send_all,
    settle_with,
    take,
    take_one,
    take_within_reason,
    texts,
)

HOUR_S = 3600.0

TURNS = range(8)
"""How often the loop goes round before a caller is cancelled; the store may answer by then."""


async def cancel_after(turns: int, call: Awaitable[Any]) -> bool:
    """Cancel a call after some turns of the loop; return whether it had not ended before."""
    task = asyncio.ensure_future(call)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    return task.cancelled()


@pytest.mark.parametrize("turns", TURNS)
class TestCancelled(Suite):
    """Cancelling stops the waiting and not the storing; what nobody got is given back."""

    async def test_a_cancelled_claim_gives_back(
        self, journal: Journal, pigeon: Ownership, turns: int
    ) -> None:
        """A job that nobody received is claimed by the next, as if it were the first time."""
        await journal.publish(pigeon, [row("1"), row("2")], {})

        if await cancel_after(turns, journal.claim(10)):
            (job,) = await claim_within_reason(journal)

            assert (texts([job]), job.tries, job.crashes) == (["1"], 0, 0)
            assert await journal.settle(job, [])
            assert await answer_all(journal) == ["2"]

    async def test_a_cancelled_take_gives_back(
        self, journal: Journal, pigeon: Ownership, turns: int
    ) -> None:
        """A message that nobody received was not sent, and is not marked as if it had been."""
        await journal.enqueue([send("1"), send("2")])

        if await cancel_after(turns, journal.take(pigeon, 10, {})):
            (delivery,) = await take_within_reason(journal, pigeon)

            assert (texts([delivery]), delivery.attempts, delivery.unknowns) == (["1"], 0, 0)
            await journal.sent(pigeon, [(delivery, Receipt())])
            assert await send_all(journal, pigeon) == ["2"]

    async def test_a_cancelled_take_leaves_the_next_owner_alone(
        self, journal: Journal, pigeon: Ownership, turns: int
    ) -> None:
        """A channel that is started again at once sends what its last take asked for, once."""
        await journal.enqueue([send("1"), send("2")])
        taking = asyncio.ensure_future(journal.take(pigeon, 10, {}))
        for _ in range(turns):
            await asyncio.sleep(0)
        taking.cancel()

        owner = await journal.own(PIGEON)
        (delivery,) = await take_within_reason(journal, owner)

        assert texts([delivery]) == ["1"]
        for _ in range(5):
            assert not await take(journal, owner)
        await journal.sent(owner, [(delivery, Receipt())])
        assert await send_all(journal, owner) == ["2"]

    async def test_a_cancelled_publish_is_stored_or_not_but_never_half(
        self, journals: Journals, journal: Journal, pigeon: Ownership, turns: int
    ) -> None:
        """Rows, cursors, operations and state of one batch are there together or not at all."""
        rows = [row(str(number), f"chat {number}") for number in range(5)]
        await cancel_after(
            turns,
            journal.publish(pigeon, rows, {"": "5"}, operations=[send("x")], state={"s": 1}),
        )
        journal = await journals.open()  # what was under way has ended

        known = len(await journal.known(PIGEON, [one.key for one in rows]))
        pigeon = await journal.own(PIGEON)
        found = (known, pigeon.cursors, await send_all(journal, pigeon), await journal.get("s"))

        assert found in [(5, {"": "5"}, ["x"], 1), (0, {}, [], None)]

    async def test_a_cancelled_settle_is_stored_or_not_but_never_half(
        self, journals: Journals, journal: Journal, pigeon: Ownership, turns: int
    ) -> None:
        """A turn has ended with its answer and notes, or it has not ended."""
        await journal.publish(pigeon, [row("1"), row("2")], {})
        job = await claim_one(journal)
        await cancel_after(turns, journal.settle(job, [send("answer")], state={"n": 1}))
        journal = await journals.open()

        again = await claim_one(journal)
        sent = await send_all(journal, await journal.own(PIGEON))

        assert (texts([again]), sent, again.state) in [
            (["2"], ["answer"], {"n": 1}),
            (["1"], [], {}),
        ]

    async def test_a_cancelled_own_locks_nobody_out(self, journal: Journal, turns: int) -> None:
        """A channel whose start was cancelled can be owned by the next."""
        await cancel_after(turns, journal.own(PIGEON))

        assert await journal.publish(await journal.own(PIGEON), [row("1")], {})


class Bell:
    """Wakes those who found nothing to do."""

    def __init__(self) -> None:
        self.rung = 0
        self._again = asyncio.Event()

    def ring(self) -> None:
        """Say that there may be something to do."""
        self.rung += 1
        self._again.set()
        self._again = asyncio.Event()

    async def rings_after(self, heard: int) -> None:
        """Wait until it has rung more often than that."""
        while self.rung == heard:
            await self._again.wait()


class TestManyCallers(Suite):
    """Everybody calls at the same time."""

    async def test_each_message_is_claimed_by_one_of_many_workers(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Workers that ask together never get the same conversation."""
        rows = [row(str(number), f"chat {number % 20}") for number in range(100)]
        await journal.publish(pigeon, rows, {})

        claims = await asyncio.gather(*(journal.claim(3) for _ in range(10)))

        owned = [job.conversation for claimed in claims for job in claimed.jobs]
        assert len(owned) == len(set(owned)) == 20

    async def test_a_turn_that_ends_twice_at_once_ends_once(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Of several who say how a turn ended, one is heard."""
        await journal.publish(pigeon, [row("1"), row("2")], {})
        job = await claim_one(journal)

        heard = await asyncio.gather(
            journal.settle(job, [send("answer")]),
            journal.fail(job, "boom", None),
            journal.release(job),
            journal.settle(job, [send("again")]),
        )

        assert list(heard) == [True, False, False, False]
        assert await send_all(journal, pigeon) == ["answer"]
        assert await answer_all(journal) == ["2"]

    async def test_a_send_that_ends_twice_at_once_ends_once(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Of several who say what came of an operation, the first is heard."""
        await journal.enqueue([send("1"), send("2")])
        delivery = await take_one(journal, pigeon)

        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(
                journal.sent(pigeon, [(delivery, receipt("made"))]),
                journal.not_sent(pigeon, delivery, "late", None),
                journal.sent(pigeon, [(delivery, receipt("again"))]),
            )

        assert [one.kind for one in await journal.events(0)] == ["sent"]
        assert await journal.receipt(ref("made")) == receipt("made")
        assert await send_all(journal, pigeon) == ["2"]

    async def test_the_same_rows_from_two_are_new_to_one(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Two connections that hand over the same messages store them once."""
        rows = [row(str(number), f"chat {number}") for number in range(5)]

        several = await asyncio.gather(*(journal.publish(pigeon, rows, {}) for _ in range(3)))

        assert sorted(map(len, several)) == [0, 0, 5]
        assert await journal.backlog() == Backlog(jobs=5)

    async def test_everything_at_once_ends_well(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Receivers, workers and senders at the same time answer everything once, in order."""
        done: dict[str, list[str]] = {}
        bell = Bell()

        def left() -> int:
            return 200 - sum(map(len, done.values()))

        async def receive() -> None:
            for number in range(0, 200, 4):
                rows = [row(str(one), f"chat {one % 7}") for one in range(number, number + 4)]
                await journal.publish(pigeon, rows, {"": str(number)})
                bell.ring()

        async def answer() -> None:
            while left():
                heard = bell.rung
                jobs = await claim(journal, 3)
                for job in jobs:
                    (asked,) = job.messages
                    assert await journal.settle(job, [send(asked.content, asked.channel_id)])
                    bell.ring()
                if not jobs:
                    await bell.rings_after(heard)

        async def deliver() -> None:
            while left():
                heard = bell.rung
                taken = await take(journal, pigeon, 3)
                for one in taken:
                    await journal.sent(pigeon, [(one, Receipt())])
                    chat = one.operation.address.channel_id
                    done.setdefault(chat, []).extend(texts([one]))
                    bell.ring()
                if not taken:
                    await bell.rings_after(heard)

        async with asyncio.timeout(60):
            await asyncio.gather(receive(), *(answer() for _ in range(3)), deliver(), deliver())

        assert done == {
            f"chat {chat}": [str(one) for one in range(chat, 200, 7)] for chat in range(7)
        }
        assert not await journal.backlog()


class TestClockSetBack(Suite):
    """The time of day is not to be trusted for how long something takes."""

    async def test_a_failed_turn_comes_again_after_its_delay(
        self, journals: Journals, journal: Journal, pigeon: Ownership
    ) -> None:
        """Five seconds are five seconds, though the clock was set back an hour meanwhile."""
        await journal.publish(pigeon, [row("bad")], {})
        await journal.fail(await claim_one(journal), "boom", 5.0)

        journals.clock.set_back(HOUR_S)

        claimed = await journal.claim(10)
        assert not claimed.jobs
        assert claimed.wait_s == pytest.approx(5.0)
        journals.clock.advance(5.0)
        assert texts(await claim(journal)) == ["bad"]

    async def test_a_failed_send_comes_again_after_its_delay(
        self, journals: Journals, journal: Journal, pigeon: Ownership
    ) -> None:
        """A retry is not an hour late because a clock was set."""
        await journal.enqueue([send("one")])
        delivery = await take_one(journal, pigeon)
        later = START + timedelta(seconds=5)
        await journal.not_sent(pigeon, delivery, "no connection", later)

        journals.clock.set_back(HOUR_S)

        taken = await journal.take(pigeon, 10, {})
        assert not taken.deliveries
        assert taken.wait_s == pytest.approx(5.0)
        journals.clock.advance(5.0)
        assert texts(await take(journal, pigeon)) == ["one"]

    async def test_what_came_before_and_after_keeps_its_order(
        self, journals: Journals, journal: Journal, pigeon: Ownership
    ) -> None:
        """Order is that of arrival, whatever the times say."""
        await journal.publish(pigeon, [row("1")], {})
        await journal.enqueue([send("one")])
        journals.clock.set_back(HOUR_S)
        await journal.publish(pigeon, [row("2")], {})
        await journal.enqueue([send("two")])

        assert await answer_all(journal) == ["1", "2"]
        assert await send_all(journal, pigeon) == ["one", "two"]
        assert [one.content for one in await journal.history(conversation(), 10)][-1] == "two"

    async def test_order_is_kept_over_a_crash_too(self, journals: Journals) -> None:
        """The next process, whose clock is an hour behind, answers and sends in order."""
        journal = await journals.open()
        await journal.publish(await journal.own(PIGEON), [row("1"), row("2")], {})
        await settle_with(journal, send("one"))
        journals.clock.set_back(HOUR_S)

        journal = await journals.crash()
        pigeon = await journal.own(PIGEON)
        await journal.publish(pigeon, [row("3")], {})
        await settle_with(journal, send("two"))

        assert await answer_all(journal) == ["3"]
        assert await send_all(journal, pigeon) == ["one", "two"]

    @pytest.mark.parametrize("end", ["open", "crash"])
    async def test_the_next_process_waits_no_longer_either(
        self, journals: Journals, end: str
    ) -> None:
        """A delay of five seconds is no hour for who starts with a clock that was set back."""
        journal = await journals.open()
        pigeon = await journal.own(PIGEON)
        await journal.publish(pigeon, [row("bad")], {})
        await journal.fail(await claim_one(journal), "boom", 5.0)
        await journal.enqueue([send("one")])
        later = journals.clock.now() + timedelta(seconds=5)
        await journal.not_sent(pigeon, await take_one(journal, pigeon), "again", later)
        journals.clock.set_back(HOUR_S)

        journal = await (journals.open() if end == "open" else journals.crash())
        pigeon = await journal.own(PIGEON)
        journals.clock.advance(5.0)

        assert texts(await claim(journal)) == ["bad"]
        assert texts(await take(journal, pigeon)) == ["one"]

    async def test_nobody_is_taken_for_silent(
        self, journals: Journals, journal: Journal, pigeon: Ownership
    ) -> None:
        """A clock that was set is no lost sign of life, and hides none."""
        await journal.publish(pigeon, [row("1")], {})
        job = await claim_one(journal)
        await journal.beat()
        journals.clock.set_back(HOUR_S)
        assert await journal.reap() == 0
        journals.clock.set_back(-2 * HOUR_S)
        assert await journal.reap() == 0
        assert await journal.settle(job, [])
        await journal.publish(pigeon, [row("2")], {})
        await claim_one(journal)

        journals.clock.set_back(2 * HOUR_S)
        journals.clock.advance(LEASE_S + 1)

        assert await journal.reap() > 0


class TestReopen(Suite):
    """A store that is closed and opened again."""

    async def test_everything_is_kept(self, journals: Journals) -> None:
        """What waits, what is known, what was said and what was noted are as they were."""
        journal = await journals.open()
        pigeon = await journal.own(PIGEON)
        await journal.publish(pigeon, [row("1"), row("2"), row("bad", "other")], {"": "3"})
        first, bad = await claim(journal)
        await journal.settle(first, [send("one"), send("two")], state={"n": 1})
        await journal.fail(bad, "boom", None)
        await journal.put({"key": "value"})
        before = await _everything(journal)

        journal = await journals.open()

        assert await _everything(journal) == before
        assert (await journal.own(PIGEON)).cursors == {"": "3"}
        job = await claim_one(journal)
        assert (texts([job]), job.state) == (["2"], {"n": 1})

    async def test_ids_go_on_rising(self, journals: Journals) -> None:
        """No number is given twice, also not after a reopening of an empty queue."""
        journal = await journals.open()
        numbers: list[tuple[int, int, int]] = []
        for name in ("1", "2", "3"):
            pigeon = await journal.own(PIGEON)
            await journal.publish(pigeon, [row(name)], {})
            job = await claim_one(journal)
            await journal.settle(job, [send(name)])
            delivery = await take_one(journal, pigeon)
            await journal.sent(pigeon, [(delivery, Receipt())])
            numbers.append((job.id, delivery.id, (await journal.events(0))[-1].seq))
            journal = await (journals.crash() if name == "2" else journals.open())

        for column in zip(*numbers, strict=True):
            assert list(column) == sorted(set(column))


async def _everything(journal: Journal) -> list[object]:
    """Return all that can be looked at without changing anything."""
    return [
        await journal.backlog(),
        list(await journal.dead()),
        list(await journal.events(0)),
        list(await journal.history(conversation(), 10)),
        list(await journal.why(PIGEON, "chat", "1")),
        await journal.standing(PIGEON, "one"),
        await journal.get("key"),
        set(await journal.known(PIGEON, [row("1").key, row("2").key, row("3").key])),
    ]
