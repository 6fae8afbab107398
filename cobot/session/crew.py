"""Taking work and doing it in a bounded number of tasks."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

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

    def __init__(self, size: int, name: str) -> None:
        self._size = size
        self._name = name
        self._awake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._is_cancelled = False  # any other cancellation is a worker's own doing

    @abstractmethod
    async def _take(self, limit: int) -> Sequence[W]:
        """Return up to so many pieces of work."""

    @abstractmethod
    async def _do(self, work: W) -> None:
        """Do one piece. What it raises is our own fault, and ends the run."""

    def wake(self) -> None:
        """Look for work."""
        self._awake.set()

    async def run(self) -> None:
        """Look for work and do it, until cancelled."""
        while True:
            await self._awake.wait()
            self._awake.clear()
            if self._failure is not None:
                raise self._failure
            for work in await self._take(self._size - len(self._tasks)):
                task = asyncio.create_task(self._do(work), name=f"{self._name}-{work.id}")
                self._tasks.add(task)
                task.add_done_callback(self._ended)

    async def cancel(self, timeout_s: float) -> int:
        """Stop what runs; return how many pieces would not be stopped in that time."""
        self._is_cancelled = True
        running: set[asyncio.Task[Any]] = {*self._tasks}
        for task in running:
            task.cancel()
        if not running:
            return 0
        _, late = await asyncio.wait(running, timeout=timeout_s)
        return len(late)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failure = self._failure or task.exception()
        self.wake()
