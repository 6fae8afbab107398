"""The queue between the session and one plugin that observes."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any

from cobot.errors import HookFailed
from cobot.plugins.calling import Caller

log = logging.getLogger(__name__)

QUEUE_LENGTH = 1000
"""Calls that may wait for one plugin; what comes on top is dropped and counted."""

LETTING_GO_S = 0.1
"""How long a call may take to end when it is cancelled at a stop."""

TIME_LIMIT_S = 10.0
"""How long one call may take."""


class Observer:
    """Calls one plugin's observing hooks, one after the other, in a task of its own."""

    def __init__(
        self,
        plugin_name: str,
        *,
        queue_length: int = QUEUE_LENGTH,
        time_limit_s: float = TIME_LIMIT_S,
    ) -> None:
        self.dropped = 0
        self._plugin_name = plugin_name
        self._queue_length = queue_length
        self._time_limit_s = time_limit_s
        self._waiting: deque[tuple[Caller, dict[str, Any]]] = deque()
        self._task: asyncio.Task[None] | None = None

    def put(self, caller: Caller, arguments: dict[str, Any]) -> None:
        """Queue a call, or drop it if too many wait."""
        if len(self._waiting) >= self._queue_length:
            if self.dropped == 0:
                log.warning(
                    "plugin %r observes too slowly: %d calls wait, more are dropped",
                    self._plugin_name,
                    self._queue_length,
                )
            self.dropped += 1
            return
        self._waiting.append((caller, arguments))
        # No task while there is nothing to do, so that an idle session has none.
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(
                self._work(), name=f"observe-{self._plugin_name}"
            )

    async def close(self, timeout_s: float) -> None:
        """Let it finish what waits, for at most that long, and say what it missed."""
        task = self._task
        if task is not None:
            _, late = await asyncio.wait([task], timeout=timeout_s)
            if late:
                self.dropped += len(self._waiting)
                self._waiting.clear()
                task.cancel()
                # A little time to let go; who ignores it is left behind.
                await asyncio.wait([task], timeout=LETTING_GO_S)
        if self.dropped:
            log.warning("plugin %r missed %d observations", self._plugin_name, self.dropped)

    async def _work(self) -> None:
        while self._waiting:
            caller, arguments = self._waiting.popleft()
            await self._call(caller, arguments)

    async def _call(self, caller: Caller, arguments: dict[str, Any]) -> None:
        try:
            await caller(self._time_limit_s, **arguments)
        except HookFailed as error:
            log.warning("%s", error)
            log.debug("the failure in full", exc_info=error)
