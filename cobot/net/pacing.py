"""How often may be sent where the other side counts."""

from __future__ import annotations

import asyncio
from collections import deque

from cobot.clock import Clock


class Pace:
    """So many messages in so many seconds, whenever these begin; in the order of asking.

    One for each connection, as servers count.
    """

    def __init__(self, clock: Clock, *, most: int, per_s: float, reserve: int = 0) -> None:
        """Allow all of it at once.

        Args:
            clock: Time.
            most: How many messages may be sent.
            per_s: In how many seconds.
            reserve: How many of them are kept for urgent ones.
        """
        if not 0 <= reserve < most:
            raise ValueError(f"reserve: expected 0 to {most - 1}, got {reserve}")
        self._clock = clock
        self._free = most - reserve
        self._per_s = per_s
        self._sent: deque[float] = deque(maxlen=most)  # when, the oldest first
        self._queue = asyncio.Lock()  # it is fair: who asked first is served first

    async def turn(self, *, urgent: bool = False) -> None:
        """Wait until a message may be sent, and count it.

        Args:
            urgent: Whether it does not wait, and takes from the reserve if need be.
        """
        if not urgent:
            async with self._queue:
                while (wait_s := self._wait_s()) > 0:
                    await self._clock.sleep(wait_s)
                self._count()
        else:
            self._count()

    def _count(self) -> None:
        self._sent.append(self._clock.monotonic())

    def _wait_s(self) -> float:
        if len(self._sent) < self._free:
            return 0.0
        return self._sent[-self._free] + self._per_s - self._clock.monotonic()
