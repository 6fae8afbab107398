"""Time, as something that is handed in: tests bring their own."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the session and the plugins know of time."""

    def now(self) -> datetime:
        """Return the time of day; aware UTC. It can be set back."""
        ...

    def monotonic(self) -> float:
        """Return seconds that only grow, for measuring."""
        ...

    async def sleep(self, delay_s: float) -> None:
        """Wait for that many seconds."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the time of day; aware UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds since some moment in the past."""
        return time.monotonic()

    async def sleep(self, delay_s: float) -> None:
        """Wait for that many seconds."""
        await asyncio.sleep(delay_s)
