"""Taking work and doing it in a bounded number of tasks.

A task goes on with the next piece when it has done one: most pieces are short, and a task for
each costs several microseconds. The next task starts when the one before has begun its first
piece, so pieces that do not wait are all done by one task; where pieces wait, the number of
tasks doubles with each round of the loop, until all are under way. What a piece leaves in
context variables is seen by no other: a task in which one has changed does nothing more.

What comes of the pieces is recorded together: what is done while a record is being stored is
the next record.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Coroutine, Iterable, Sequence
from contextvars import Context, copy_context
from typing import Any, Generic, Protocol, TypeVar

from cobot.clock import Clock

CANCELLED_ITSELF = "it cancelled the task that called it"
"""What is said of a plugin that cancels us, as a time limit of its own making may."""


IN_A_ROW = 16
"""How many pieces that do not wait are done before all others may run."""


class Work(Protocol):
    """Something to do, with the journal's number for it."""

    @property
    def id(self) -> int:
        """The number."""
        ...


W = TypeVar("W", bound=Work)
R = TypeVar("R")


class Crew(ABC, Generic[W, R]):
    """Looks for work when it is woken, and does up to `size` pieces at a time."""

    def __init__(self, size: int, name: str, clock: Clock) -> None:
        self._size = size
        self._name = name
        self._clock = clock
        self._awake = asyncio.Event()
        self._context: Context = copy_context()  # in which every task begins
        self._ready: deque[W] = deque()  # taken, and to be begun at once
        # With the number of what each does, None before its first piece. A piece that was
        # lost and taken again is in two.
        self._tasks: dict[asyncio.Task[None], int | None] = {}
        # Those that are about to look into what is ready.
        self._starting: set[asyncio.Task[None]] = set()
        self._results: list[R] = []  # of pieces that are done, and not yet being recorded
        self._recording: asyncio.Task[None] | None = None
        self._being_recorded = 0
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        self._is_exhausted = asyncio.Event()
        self._alarm: asyncio.Task[None] | None = None
        self._alarm_at = 0.0  # clock.monotonic()
        self._failure: BaseException | None = None
        self._is_closed = False
        self._is_ended = False
        self._is_cancelled = False  # any other cancellation is a worker's own doing

    @abstractmethod
    async def _take(self, limit: int) -> tuple[Sequence[W], float | None]:
        """Return up to so many pieces of work, and when time alone brings more, in seconds."""

    @abstractmethod
    async def _do(self, work: W) -> R | None:
        """Do one piece; return what is to be recorded of it, if anything.

        What it raises is our own fault, and ends the run.
        """

    @abstractmethod
    async def _record(self, results: Sequence[R]) -> None:
        """Record what came of some pieces. What it raises ends the run."""

    @abstractmethod
    async def _give_back(self, work: W) -> None:
        """Give back a piece that was taken and not begun."""

    @property
    def running(self) -> int:
        """How many pieces are being done, or their results recorded."""
        begun = len(self._tasks) + len(self._ready) - len(self._starting)
        return begun + len(self._results) + self._being_recorded

    def wake(self) -> None:
        """Look for work."""
        self._awake.set()

    def close(self) -> None:
        """Take nothing more; what runs goes on."""
        self._is_closed = True

    async def idle(self) -> None:
        """Wait until nothing runs."""
        await self._is_idle.wait()

    async def exhausted(self) -> None:
        """Wait until there is nothing that could be done now, and nothing runs."""
        self._is_exhausted.clear()
        self.wake()
        await self._is_exhausted.wait()

    async def run(self) -> None:
        """Look for work and do it, until cancelled."""
        looking = asyncio.create_task(self._look(), name=f"{self._name}-looking")
        try:
            await asyncio.shield(looking)
        except asyncio.CancelledError:
            # Not in the middle of taking: what was taken and not begun is given back, or it
            # would count as begun for ever.
            self._is_closed = self._is_ended = True
            self.wake()
            await asyncio.wait({looking})
            looking.exception()  # nobody needs to know any more
            raise

    async def _look(self) -> None:
        try:
            while not self._is_ended:
                await self._awake.wait()
                self._awake.clear()
                if self._failure is not None:
                    raise self._failure
                free = self._size - self.running
                if free > 0 and not self._is_closed:
                    taken, wait_s = await self._take(free)
                    await self._begin(taken)
                    self._set_alarm(wait_s)
                # Woken meanwhile: there may be more than this look has found.
                if not self.running and not self._awake.is_set():
                    self._is_exhausted.set()
        finally:
            if self._alarm is not None:
                self._alarm.cancel()

    def cancel_work(self, ids: Iterable[int]) -> None:
        """Stop pieces of work that are no longer ours."""
        lost = {*ids}
        for task, id_ in self._tasks.items():
            if id_ in lost:
                task.cancel()

    async def cancel(self, timeout_s: float) -> int:
        """Stop what runs; return how many pieces would not be stopped in that time."""
        self._is_cancelled = self._is_closed = True
        running: set[asyncio.Task[Any]] = {*self._tasks}
        for task in running:
            task.cancel()
        others = {self._recording} if self._recording is not None else set()
        if self._ready:
            others.add(asyncio.create_task(self._give_all_back(), name=self._name))
        if not running | others:
            return 0
        _, late = await asyncio.wait(running | others, timeout=timeout_s)
        return len(late & running)

    async def _give_all_back(self) -> None:
        while self._ready:
            await self._give_back(self._ready.popleft())

    async def _begin(self, taken: Sequence[W]) -> None:
        if self._is_closed:
            for work in taken:
                await self._give_back(work)
        elif taken:
            self._is_idle.clear()
            self._ready.extend(taken)
            self._start_tasks()

    def _start_tasks(self) -> None:
        # As many as there are under way: where those wait, the next ones will too.
        most = max(1, len(self._tasks) - len(self._starting))
        for _ in range(len(self._starting), min(most, len(self._ready))):
            task = self._task(self._work(), self._name)
            self._starting.add(task)
            self._tasks[task] = None
            task.add_done_callback(self._ended)

    async def _work(self) -> None:
        """Do pieces as long as there are any."""
        task = asyncio.current_task()
        assert task is not None
        self._starting.discard(task)
        done = 0
        # A task that was told to stop does nothing more: it might be told too late.
        while self._ready and not task.cancelling() and copy_context() == self._context:
            work = self._ready.popleft()
            self._tasks[task] = work.id
            self._start_tasks()
            if self._is_closed:
                await self._give_back(work)
            else:
                result = await self._do(work)
                if result is not None:
                    self._record_soon(result)
            self._tasks[task] = None
            done += 1
            if self._ready:
                self.wake()
                if done % IN_A_ROW == 0:
                    await asyncio.sleep(0)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        self._starting.discard(task)  # it was cancelled before it ran
        self._note_end(task)
        self._start_tasks()

    def _record_soon(self, result: R) -> None:
        self._results.append(result)
        if self._recording is None:
            self._recording = self._task(self._record_all(), f"{self._name}-recording")
            self._recording.add_done_callback(self._note_end)

    def _task(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        return asyncio.create_task(work, name=name, context=self._context.copy())

    async def _record_all(self) -> None:
        try:
            while self._results:
                results, self._results = self._results, []
                self._being_recorded = len(results)
                await self._record(results)
                self._being_recorded = 0
                self.wake()
        finally:
            self._being_recorded = 0
            self._recording = None

    def _note_end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._failure = self._failure or task.exception()
        if not self.running:
            self._is_idle.set()
        self.wake()

    def _set_alarm(self, wait_s: float | None) -> None:
        if wait_s is None:
            return
        at = self._clock.monotonic() + wait_s
        if self._alarm is not None and not self._alarm.done():
            if self._alarm_at <= at:
                return  # that one wakes us first, and then we look again
            self._alarm.cancel()
        self._alarm_at = at
        self._alarm = asyncio.create_task(self._ring(wait_s), name=f"{self._name}-alarm")

    async def _ring(self, wait_s: float) -> None:
        await self._clock.sleep(wait_s)
        self.wake()
