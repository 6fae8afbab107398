"""What a running session does every now and then, besides its work."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime

from cobot.clock import Clock
from cobot.errors import PluginError
from cobot.journal import Journal

log = logging.getLogger(__name__)

BEAT_S = 2.5
"""How often the journal is told that we are alive, a sixth of its usual lease."""

PRUNE_S = 3600.0
"""How often what need not be kept is removed."""

SET_BACK_S = 60.0
"""A clock that goes back by less is corrected a little, as clocks are."""


class Upkeep:
    """Keeps what we own, removes what is old, and watches the clock."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        on_lost: Callable[[Iterable[int]], None],
        prune_files: Callable[[datetime], Awaitable[int]],
    ) -> None:
        """Do nothing yet.

        Args:
            journal: The journal.
            clock: Time.
            on_lost: Told the numbers of jobs that another process has taken over.
            prune_files: Removes files that were fetched long before a time.
        """
        self._journal = journal
        self._clock = clock
        self._on_lost = on_lost
        self._prune_files = prune_files

    async def beat(self) -> None:
        """Say again and again that we are alive, until cancelled."""
        offset = self._offset()
        while True:
            lost = (await self._journal.beat()).lost
            if lost:
                log.warning("%d turns were taken over by another process", len(lost))
                self._on_lost(lost)
            await self._journal.reap()
            await self._clock.sleep(BEAT_S)
            offset = self._watch(offset)

    async def prune(self) -> None:
        """Remove again and again what need not be kept, until cancelled."""
        while True:
            await self._journal.prune(self._clock.now())
            try:
                await self._prune_files(self._clock.now())
            except (OSError, PluginError) as error:
                log.warning("files that were fetched long ago are kept: %s", error)
            await self._clock.sleep(PRUNE_S)

    def _watch(self, offset: float) -> float:
        now = self._offset()
        if now < offset - SET_BACK_S:
            log.warning(
                "the clock was set back by %.0f s; nothing waits longer for that", offset - now
            )
        return now

    def _offset(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()
