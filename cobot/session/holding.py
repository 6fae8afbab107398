"""The right to receive and send for one channel, taken again when it was lost."""

from __future__ import annotations

import asyncio

from cobot.journal import Journal, Ownership

OWN_AGAIN_S = 1.0
"""After which time a channel that was taken from us is owned again."""


class Holding:
    """One for each channel; its receiver and its sender share it."""

    def __init__(self, channel: str, journal: Journal) -> None:
        self._channel = channel
        self._journal = journal
        self._ownership: Ownership | None = None
        self._lock = asyncio.Lock()

    async def ownership(self) -> Ownership:
        """Return the right, which the first call asks the journal for."""
        if self._ownership is None:
            async with self._lock:
                if self._ownership is None:
                    self._ownership = await self._journal.own(self._channel)
        return self._ownership

    def lost(self, ownership: Ownership) -> None:
        """Note that a right is worth nothing any more; the next call asks for a new one."""
        if ownership is self._ownership:  # else it has been asked for already
            self._ownership = None

    async def let_go(self) -> None:
        """Give it back."""
        if self._ownership is not None:
            ownership, self._ownership = self._ownership, None
            await self._journal.disown(ownership)
