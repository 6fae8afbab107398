from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from itertools import pairwise
from typing import Any

import attrs
import pytest
from fakes import ManualClock, until

from cobot.session.crew import IN_A_ROW, Crew


@attrs.frozen
class Piece:
    """A piece of work."""

    id: int


class Workers(Crew[Piece, int]):
    """A crew whose work lies in a list, and is done when the test says so."""

    def __init__(self, size: int = 10) -> None:
        self.clock = ManualClock()
        super().__init__(size, "work", self.clock)
        self.waiting: list[Piece] = []
        self.wait_s: float | None = None  # until time alone brings more
        self.limits: list[int] = []  # how much each look asked for
        self.looking = asyncio.Event()
        self.may_take = asyncio.Event()
        self.may_take.set()
        self.begun: list[int] = []
        self.cancelled: list[int] = []
        self.given_back: list[int] = []
        self.is_stubborn = False
        self.done: defaultdict[int, asyncio.Event] = defaultdict(asyncio.Event)
        self.errors: dict[int, BaseException] = {}  # what pieces raise when they are done
        self.recorded: list[list[int]] = []
        self.may_record = asyncio.Event()
        self.may_record.set()

    async def _take(self, limit: int) -> tuple[Sequence[Piece], float | None]:
        self.limits.append(limit)
        # Like a journal: what is taken is decided at once, and told some time later.
        taken, self.waiting = self.waiting[:limit], self.waiting[limit:]
        wait_s = self.wait_s
        self.looking.set()
        await self.may_take.wait()
        return taken, wait_s

    async def _do(self, work: Piece) -> int:
        self.begun.append(work.id)
        while not self.done[work.id].is_set():
            try:
                await self.done[work.id].wait()
            except asyncio.CancelledError:
                self.cancelled.append(work.id)
                if not self.is_stubborn:
                    raise
        if work.id in self.errors:
            raise self.errors[work.id]
        return work.id

    async def _record(self, results: Sequence[int]) -> None:
        self.recorded.append([*results])
        await self.may_record.wait()

    async def _give_back(self, work: Piece) -> None:
        self.given_back.append(work.id)

    def add(self, *ids: int) -> None:
        """Have work wait, and say so."""
        self.waiting += map(Piece, ids)
        self.wake()


async def settled() -> None:
    """Let all tasks run until they wait for time or for the test."""
    for _ in range(10):
        await asyncio.sleep(0)


@asynccontextmanager
async def running(crew: Workers) -> AsyncIterator[asyncio.Task[None]]:
    """Run a crew for the length of a test."""
    task = asyncio.create_task(crew.run())
    async with asyncio.timeout(5):
        await settled()
        yield task
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        crew.is_stubborn = False
        assert await crew.cancel(1) == 0


# Looking for work.


async def test_nothing_is_taken_before_it_is_woken() -> None:
    """Whoever stores work says so; nobody asks the journal over and over."""
    crew = Workers()
    crew.waiting = [Piece(1)]
    async with running(crew):
        assert crew.limits == []
        crew.wake()
        await settled()

        assert crew.begun == [1]


async def test_no_more_is_taken_than_there_are_hands() -> None:
    """What is too much stays where it is, and is taken one by one as hands come free."""
    crew = Workers(size=2)
    async with running(crew):
        crew.add(1, 2, 3, 4)
        await settled()
        assert (crew.begun, crew.running) == ([1, 2], 2)
        assert crew.waiting == [Piece(3), Piece(4)]

        crew.wake()
        await settled()
        assert crew.begun == [1, 2]

        crew.done[2].set()
        await settled()
        assert (crew.begun, crew.running) == ([1, 2, 3], 2)
    assert crew.limits == [2, 1]


async def test_work_that_is_stored_during_a_look_is_found() -> None:
    """Being woken while it looks makes it look once more."""
    crew = Workers()
    async with running(crew):
        crew.may_take.clear()
        crew.wake()
        await crew.looking.wait()
        crew.add(1)
        crew.may_take.set()
        await settled()

        assert crew.begun == [1]


# Time.


async def test_it_looks_again_when_time_brings_work() -> None:
    """A wait that the journal names is kept to, and ends by itself."""
    crew = Workers()
    crew.wait_s = 5.0
    async with running(crew):
        crew.wake()
        assert await crew.clock.next_sleep() == 5.0
        crew.waiting = [Piece(1)]
        crew.wait_s = None
        crew.clock.advance(4.9)
        await settled()
        assert crew.begun == []
        crew.clock.advance(0.1)
        await settled()

        assert crew.begun == [1]


@pytest.mark.parametrize(("first", "second"), [(5.0, 2.0), (2.0, 5.0)])
async def test_the_earliest_of_two_times_wakes_it(first: float, second: float) -> None:
    """A shorter wait takes the place of a longer one, and a longer one takes no place."""
    crew = Workers()
    async with running(crew):
        for crew.wait_s in (first, second):
            crew.wake()
            await settled()
        crew.wait_s = None
        looked = len(crew.limits)
        crew.clock.advance(2.0)
        await settled()

        assert len(crew.limits) == looked + 1


async def test_the_later_time_is_not_forgotten_for_the_earlier() -> None:
    """After each look the journal says again how long to wait, and that is done."""
    crew = Workers()
    async with running(crew):
        crew.wait_s = 2.0
        crew.wake()
        await settled()
        crew.wait_s = 3.0
        crew.clock.advance(2.0)
        await settled()
        assert await crew.clock.next_sleep() == 3.0
        looked = len(crew.limits)
        crew.clock.advance(3.0)
        await settled()

        assert len(crew.limits) == looked + 1


async def test_many_looks_leave_one_timer() -> None:
    """A busy crew has not a timer for each look."""
    crew = Workers()
    async with running(crew):
        for number in range(100):
            crew.wait_s = 100.0 - number
            crew.wake()
            await settled()
        alarms = [one for one in asyncio.all_tasks() if one.get_name() == "work-alarm"]

        assert len(alarms) == 1
    await settled()
    assert all(one.done() for one in alarms)


# Tasks, and what is recorded.


class Quick(Workers):
    """A crew whose work is done at once."""

    def __init__(self) -> None:
        super().__init__(1000)
        self.tasks: set[asyncio.Task[Any] | None] = set()

    async def _do(self, work: Piece) -> int:
        self.begun.append(work.id)
        self.tasks.add(asyncio.current_task())
        return work.id


async def test_pieces_that_do_not_wait_need_no_task_each() -> None:
    """A task goes on with the next piece; they are begun in the order in which they came."""
    crew = Quick()
    async with running(crew):
        crew.add(*range(100))
        await until(lambda: len(crew.begun) == 100)

    assert crew.begun == [*range(100)]
    assert len(crew.tasks) <= 10


async def test_pieces_that_do_not_wait_let_others_run() -> None:
    """A hundred quick answers are no reason to keep the loop from everybody else."""
    crew = Quick()
    begun = [0]
    async with running(crew):
        crew.add(*range(100))
        while len(crew.begun) < 100:
            await asyncio.sleep(0)
            begun.append(len(crew.begun))

    assert max(later - earlier for earlier, later in pairwise(begun)) <= 4 * IN_A_ROW


async def test_no_piece_sees_what_another_left_in_its_context() -> None:
    """What an agent keeps in context variables for one person is not there for the next."""
    variable: ContextVar[int] = ContextVar("variable", default=0)

    class Leaving(Quick):
        def __init__(self) -> None:
            super().__init__()
            self.seen: set[int] = set()

        async def _do(self, work: Piece) -> int:
            self.seen.add(variable.get())
            variable.set(work.id)
            return await super()._do(work)

        async def _record(self, results: Sequence[int]) -> None:
            self.seen.add(variable.get())

    crew = Leaving()
    async with running(crew):
        crew.add(*range(1, 20))
        await until(lambda: len(crew.begun) == 19)
        await crew.idle()

    assert crew.seen == {0}


async def test_pieces_that_wait_are_all_under_way_at_once() -> None:
    """None waits until another has been answered."""
    crew = Workers(size=1000)
    async with running(crew):
        crew.add(*range(100))
        await until(lambda: len(crew.begun) == 100)

        assert crew.running == 100
        assert crew.recorded == []


async def test_what_is_done_while_a_record_is_stored_is_the_next_record() -> None:
    """A busy crew asks its journal once for many; until then their pieces count as running."""
    crew = Workers()
    crew.may_record.clear()
    async with running(crew):
        crew.add(1, 2, 3)
        await settled()
        for id_ in (1, 2, 3):
            crew.done[id_].set()
            await settled()
        assert (crew.recorded, crew.running) == ([[1]], 3)
        crew.may_record.set()
        await settled()

        assert (crew.recorded, crew.running) == ([[1], [2, 3]], 0)


async def test_idle_waits_for_what_is_being_recorded() -> None:
    """A piece is over when it is known for ever what came of it."""
    crew = Workers()
    crew.may_record.clear()
    async with running(crew):
        crew.add(1)
        crew.done[1].set()
        await settled()
        idle = asyncio.create_task(crew.idle())
        await settled()
        assert not idle.done()
        crew.may_record.set()
        await idle

    assert crew.recorded == [[1]]


async def test_a_record_is_not_cut_short_by_cancel() -> None:
    """What was done must not be forgotten for a stop; a store that hangs is left in time."""
    crew = Workers()
    crew.may_record.clear()
    async with running(crew):
        crew.add(1)
        crew.done[1].set()
        await settled()
        assert await crew.cancel(0) == 0
        crew.may_record.set()
        await crew.idle()

    assert crew.recorded == [[1]]


async def test_what_was_taken_and_not_begun_is_given_back() -> None:
    """A stop comes between taking and beginning: nothing stays taken."""
    crew = Workers()
    async with running(crew):
        crew.add(*range(8))
        await until(lambda: crew.begun)
        begun = len(crew.begun)
        assert begun < 8

        assert await crew.cancel(1) == 0

    assert sorted(crew.begun + crew.given_back) == [*range(8)]
    assert len(crew.begun) == begun


async def test_a_record_that_fails_ends_the_run() -> None:
    """A journal that cannot store what was done is no reason to go on."""

    class Broken(Workers):
        async def _record(self, results: Sequence[int]) -> None:
            raise OSError("the disk is gone")

    crew = Broken()
    async with running(crew) as task:
        crew.add(1)
        crew.done[1].set()
        with pytest.raises(OSError, match="the disk is gone"):
            await task


# Ending.


async def test_a_closed_crew_finishes_and_takes_nothing_more() -> None:
    """What runs goes on; `idle` waits for it and for nothing that waits."""
    crew = Workers()
    async with running(crew):
        crew.add(1)
        await settled()
        crew.close()
        crew.add(2)
        idle = asyncio.create_task(crew.idle())
        await settled()
        assert not idle.done()
        crew.done[1].set()
        await idle

    assert (crew.begun, crew.waiting) == ([1], [Piece(2)])


async def test_what_was_being_taken_when_it_was_closed_is_given_back() -> None:
    """Nothing is begun after `close`, and nothing stays taken."""
    crew = Workers()
    async with running(crew):
        crew.may_take.clear()
        crew.add(1, 2)
        await crew.looking.wait()
        crew.close()
        crew.may_take.set()
        await settled()

    assert (crew.begun, crew.given_back) == ([], [1, 2])


async def test_what_was_being_taken_when_it_was_cancelled_is_given_back() -> None:
    """A stop in the middle of a look loses nothing: what is taken is not begun."""
    crew = Workers()
    task = asyncio.create_task(crew.run())
    crew.may_take.clear()
    crew.add(1)
    await crew.looking.wait()
    task.cancel()
    await settled()
    crew.may_take.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert (crew.begun, crew.given_back) == ([], [1])


async def test_a_look_that_hangs_can_be_left() -> None:
    """Who has no more time cancels once more, and is not held up."""
    crew = Workers()
    task = asyncio.create_task(crew.run())
    crew.may_take.clear()
    crew.add(1)
    await crew.looking.wait()
    for _ in range(2):
        task.cancel()
        await settled()

    assert task.cancelled()
    crew.may_take.set()
    await settled()
    assert crew.given_back == [1]


async def test_exhausted_waits_for_all_that_can_be_done_now() -> None:
    """Also for what was waiting unseen, and for what that leads to; not for time."""
    crew = Workers(size=1)
    crew.wait_s = 300.0
    async with running(crew):
        crew.waiting = [Piece(1), Piece(2)]
        exhausted = asyncio.create_task(crew.exhausted())
        await settled()
        crew.done[1].set()
        await settled()
        assert not exhausted.done()
        crew.done[2].set()
        await exhausted

    assert crew.begun == [1, 2]


async def test_exhausted_does_not_trust_a_look_that_began_before() -> None:
    """What was stored while it looked is done too, though that look did not see it."""
    crew = Workers()
    async with running(crew):
        crew.may_take.clear()
        crew.wake()
        await crew.looking.wait()
        crew.waiting = [Piece(1)]
        exhausted = asyncio.create_task(crew.exhausted())
        await settled()
        crew.may_take.set()
        await settled()
        assert not exhausted.done()
        crew.done[1].set()
        await exhausted

    assert crew.begun == [1]


async def test_a_closed_crew_is_exhausted_when_it_is_idle() -> None:
    """What it will not take any more need not be waited for."""
    crew = Workers()
    async with running(crew):
        crew.close()
        crew.add(1)
        await crew.exhausted()

    assert crew.begun == []


# Cancelling.


async def test_cancel_stops_what_runs() -> None:
    """At the end of the time to stop, what still runs is cancelled."""
    crew = Workers()
    async with running(crew):
        crew.add(1, 2)
        await settled()

        assert await crew.cancel(1) == 0
        assert sorted(crew.cancelled) == [1, 2]
        assert crew.running == 0


async def test_cancel_tells_how_many_would_not_stop() -> None:
    """Work that ignores it is counted and left behind in time."""
    crew = Workers()
    crew.is_stubborn = True
    async with running(crew):
        crew.add(1, 2)
        await settled()

        assert await crew.cancel(0) == 2
        crew.done[1].set()
        crew.done[2].set()


async def test_work_that_is_no_longer_ours_is_stopped_alone() -> None:
    """The others go on, and numbers that nobody knows harm nothing."""
    crew = Workers()
    async with running(crew):
        crew.add(1, 2)
        await settled()
        crew.cancel_work([2, 99])
        await settled()

        assert (crew.cancelled, crew.running) == ([2], 1)


async def test_work_that_comes_back_while_its_first_run_ends_is_counted_by_itself() -> None:
    """A job that was lost and claimed again has two tasks for a while, and two ends."""
    crew = Workers()
    crew.is_stubborn = True
    async with running(crew):
        crew.add(1)
        await settled()
        crew.cancel_work([1])
        crew.add(1)
        await settled()
        assert (crew.begun, crew.running) == ([1, 1], 2)
        crew.done[1].set()
        await crew.idle()

        assert crew.running == 0
        crew.add(2)
        await settled()
        assert crew.begun == [1, 1, 2]


# What goes wrong.


async def test_work_that_fails_ends_the_run() -> None:
    """What a piece of work raises is our own mistake, and not swallowed."""
    crew = Workers()
    crew.errors[1] = ZeroDivisionError("division by zero")
    async with running(crew) as task:
        crew.add(1)
        await settled()
        crew.done[1].set()
        with pytest.raises(ZeroDivisionError):
            await task


async def test_the_first_of_several_failures_is_told() -> None:
    """What came first is the cause."""
    crew = Workers()
    async with running(crew) as task:
        crew.add(1, 2)
        await settled()
        for id_, name in ((1, "first"), (2, "second")):
            crew.errors[id_] = KeyError(name)
            crew.done[id_].set()
        with pytest.raises(KeyError, match="first"):
            await task


async def test_a_journal_that_fails_to_give_work_ends_the_run() -> None:
    """What `_take` raises is not swallowed."""

    class Broken(Workers):
        async def _take(self, limit: int) -> tuple[Sequence[Piece], float | None]:
            raise OSError("the disk is gone")

    crew = Broken()
    async with running(crew) as task:
        crew.wake()
        with pytest.raises(OSError, match="the disk is gone"):
            await task


async def test_work_that_was_cancelled_is_no_failure() -> None:
    """Losing a piece of work does not end the run: its hands take the next."""
    crew = Workers(size=1)
    async with running(crew) as task:
        crew.add(1, 2)
        await settled()
        crew.cancel_work([1])
        await settled()

        assert not task.done()
        assert crew.begun == [1, 2]
