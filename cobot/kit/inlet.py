"""What has come over a connection and waits to be handed over, in order."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")

AT_ONCE = 100
"""Entries that are handed over together."""

MOST = 5000
"""Entries that wait, before no more are read."""


class Inlet(Generic[T]):
    """A queue between who reads a connection and who hands over.

    The reader calls `put`, then `room`; the other side calls `take`. What ends the reader is
    raised by `take`, once what came before is taken.
    """

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._queue: deque[T] = deque()
        self._has_more = asyncio.Event()
        self._has_room = asyncio.Event()
        self._failure: BaseException | None = None

    def clear(self) -> None:
        """Begin anew."""
        self._queue.clear()
        self._has_more.clear()
        self._failure = None

    def put(self, entry: T) -> None:
        """Add something behind what has come."""
        self._queue.append(entry)
        self._has_more.set()

    async def room(self) -> None:
        """Wait until more may be read."""
        while len(self._queue) >= MOST:
            self._has_room.clear()
            await self._has_room.wait()

    async def take(self) -> list[T]:
        """Wait for entries; return what there is, in order, and not too much at once.

        Raises:
            BaseException: What a task raised that is watched.
        """
        while not self._queue:
            if self._failure is not None:
                raise self._failure
            self._has_more.clear()
            await self._has_more.wait()
        count = min(len(self._queue), AT_ONCE)
        self._has_room.set()
        return [self._queue.popleft() for _ in range(count)]

    def watch(self, task: asyncio.Task[None]) -> asyncio.Task[None]:
        """Let `take` raise what a task raises; return the task."""
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()
            self._has_more.set()
