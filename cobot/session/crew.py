"""A bounded number of tasks that do one kind of work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

CANCELLED_ITSELF = "it cancelled the task that called it"
"""What is said of a plugin that cancels us, as a time limit of its own making may."""


class Crew:
    """Runs up to `size` coroutines at a time and keeps the first unexpected failure."""

    def __init__(self, size: int, on_free: Callable[[], None]) -> None:
        self._size = size
        self._on_free = on_free
        self._tasks: set[asyncio.Task[None]] = set()
        self.failure: BaseException | None = None
        self.is_cancelled = False
        """Whether `cancel` was called; any other cancellation is a worker's own doing."""

    @property
    def free(self) -> int:
        """How many more may start now."""
        return self._size - len(self._tasks)

    def start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Start one; the caller has looked at `free`."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def cancel(self, timeout_s: float) -> int:
        """Cancel all; return how many have not ended in that time."""
        self.is_cancelled = True
        running = {*self._tasks}
        for task in running:
            task.cancel()
        if not running:
            return 0
        _, late = await asyncio.wait(running, timeout=timeout_s)
        return len(late)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.failure = self.failure or task.exception()
        self._on_free()
