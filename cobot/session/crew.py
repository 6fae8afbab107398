"""Taking work and doing it in a bounded number of tasks."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from cobot.clock import Clock

CANCELLED_ITSELF = "it cancelled the task that called it"
"""What is said of a plugin that cancels us, as a time limit of its own making may."""


class Work(Protocol):
    """Something to do, with the journal's number for it."""

    @property
    def id(self) -> int:
        """The number."""
        ...


W = TypeVar("W", bound=Work)


class Crew(ABC, Generic[W]):
    """Looks for work when it is woken, and does up to `size` pieces at a time."""

    def __init__(self, size: int, name: str, clock: Clock) -> None:
        self._size = size
        self._name = name
        self._clock = clock
        self._awake = asyncio.Event()
        # With the work's number; a piece that was lost and taken again has two.
        self._tasks: dict[asyncio.Task[None], int] = {}
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
    async def _do(self, work: W) -> None:
        """Do one piece. What it raises is our own fault, and ends the run."""

    @abstractmethod
    async def _give_back(self, work: W) -> None:
        """Give back a piece that was taken and not begun."""

    @property
    def running(self) -> int:
        """How many pieces are being done."""
        return len(self._tasks)

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
                free = self._size - len(self._tasks)
                if free > 0 and not self._is_closed:
                    taken, wait_s = await self._take(free)
                    await self._begin(taken)
                    self._set_alarm(wait_s)
                # Woken meanwhile: there may be more than this look has found.
                if not self._tasks and not self._awake.is_set():
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
        if not running:
            return 0
        _, late = await asyncio.wait(running, timeout=timeout_s)
        return len(late)

    async def _begin(self, taken: Sequence[W]) -> None:
        for work in taken:
            if self._is_closed:
                await self._give_back(work)
                continue
            task = asyncio.create_task(self._do(work), name=f"{self._name}-{work.id}")
            self._tasks[task] = work.id
            self._is_idle.clear()
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        if not self._tasks:
            self._is_idle.set()
        if not task.cancelled() and task.exception() is not None:
            self._failure = self._failure or task.exception()
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
