"""Time that stands still until a test moves it."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
"""When a clock starts unless it is told otherwise."""

UPKEEP = {"beat", "prune"}
"""Tasks of a session that sleep all the time; no test waits for them."""


class ManualClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, start: datetime = START) -> None:
        """Set the clock.

        Args:
            start: The time of day; aware UTC.
        """
        self._start = start
        self._elapsed_s = 0.0
        self._numbers = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None], str]] = []
        self._fell_asleep = asyncio.Event()

    def now(self) -> datetime:
        """Return the time of day."""
        return self._start + timedelta(seconds=self._elapsed_s)

    def monotonic(self) -> float:
        """Return the seconds that the test let pass."""
        return self._elapsed_s

    async def sleep(self, delay_s: float) -> None:
        """Wait until the test has let that much time pass."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        due = self._elapsed_s + delay_s
        task = asyncio.current_task()
        name = task.get_name() if task else ""
        heapq.heappush(self._sleepers, (due, next(self._numbers), future, name))
        self._fell_asleep.set()
        await future

    async def next_sleep(self) -> float:
        """Wait until somebody sleeps; return for how long yet, the shortest.

        The upkeep of a session does not count.
        """
        while not (waiting := self._waiting()):
            self._fell_asleep.clear()
            await self._fell_asleep.wait()
        return min(waiting) - self._elapsed_s

    def _waiting(self) -> list[float]:
        return [
            due
            for due, _, future, name in self._sleepers
            if not future.done() and name not in UPKEEP
        ]

    def advance(self, seconds: float) -> None:
        """Let time pass, and wake who is due."""
        self._elapsed_s += seconds
        while self._sleepers and self._sleepers[0][0] <= self._elapsed_s:
            _, _, future, _ = heapq.heappop(self._sleepers)
            if not future.done():
                future.set_result(None)
