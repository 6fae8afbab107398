"""Tasks that end together, and waiting by the clock that is passed in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from cobot.clock import Clock

T = TypeVar("T")


class Tasks:
    """Tasks that somebody owns. As a block: they are ended when it is left."""

    def __init__(self) -> None:
        """Have none yet."""
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    def add(self, work: Coroutine[Any, Any, Any], name: str = "") -> None:
        """Begin something. What it raises is a mistake of ours and reaches the loop."""
        task = asyncio.create_task(work, name=name or None)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """End them all."""
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


async def within(clock: Clock, seconds: float, awaitable: Awaitable[T]) -> T | None:
    """Wait for something, but only for so long; None: it did not come."""
    work = asyncio.ensure_future(awaitable)
    if work.done():
        return work.result()
    alarm = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({work, alarm}, return_when=asyncio.FIRST_COMPLETED)
        return work.result() if work.done() else None
    finally:
        alarm.cancel()
        work.cancel()
        await asyncio.wait({work, alarm})
