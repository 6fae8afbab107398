"""What waits to be handed over, however it has come."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

AT_ONCE = 100
"""Entries that are handed over together."""

QUEUE_MOST = 5000
"""Entries that wait, before no more are read."""

GAP = object()
"""An entry: there was no connection, and now there is one."""


class Entries:
    """Envelopes and what else has its place between them, in order."""

    def __init__(self) -> None:
        self._queue: deque[Any] = deque()
        self._has_more = asyncio.Event()
        self._has_room = asyncio.Event()
        self._failure: BaseException | None = None

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Let envelopes come for the length of a block."""
        raise NotImplementedError
        yield

    async def take(self) -> list[Any]:
        """Wait for entries; return what there is, in order.

        Raises:
            ChannelError: There is no connection yet, or there will be none.
        """
        while not self._queue:
            if self._failure is not None:
                raise self._failure
            self._has_more.clear()
            await self._has_more.wait()
        count = min(len(self._queue), AT_ONCE)
        self._has_room.set()
        return [self._queue.popleft() for _ in range(count)]

    async def room(self) -> None:
        """Wait until more may be read."""
        while len(self._queue) >= QUEUE_MOST:
            self._has_room.clear()
            await self._has_room.wait()

    def clear(self) -> None:
        """Begin anew."""
        self._queue.clear()
        self._has_more.clear()
        self._failure = None

    def put(self, entry: object) -> None:
        """Add something behind what has come."""
        self._queue.append(entry)
        self._has_more.set()

    def watch(self, task: asyncio.Task[None]) -> asyncio.Task[None]:
        """Let `take` raise what a task raises; return the task."""
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()
            self._has_more.set()
