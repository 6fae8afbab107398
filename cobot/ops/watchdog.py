"""Says so when something blocks the event loop, and what.

While the loop is blocked nothing is received, answered or stopped, and the loop itself
cannot tell. So a thread asks it, every now and then, whether it still turns.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import traceback

log = logging.getLogger(__name__)

INTERVAL_S = 5.0
"""How long the loop may keep silent; also how often it is asked."""


class Watchdog:
    """Watches the loop it is started in."""

    def __init__(self, interval_s: float = INTERVAL_S) -> None:
        self._interval_s = interval_s
        self._ended = threading.Event()

    def start(self) -> None:
        """Begin to watch; call it in the loop's thread."""
        watched = asyncio.get_running_loop(), threading.get_ident()
        # A daemon: it must not keep alive a process whose loop never ends.
        threading.Thread(target=self._watch, args=watched, name="watchdog", daemon=True).start()

    def stop(self) -> None:
        """End watching."""
        self._ended.set()

    def _watch(self, loop: asyncio.AbstractEventLoop, thread: int) -> None:
        while not self._ended.wait(self._interval_s):
            turned = threading.Event()
            try:
                loop.call_soon_threadsafe(turned.set)
            except RuntimeError:
                return  # the loop is closed
            if turned.wait(self._interval_s) or self._ended.is_set():
                continue
            frame = sys._current_frames().get(thread)
            where = traceback.extract_stack(frame)[-1] if frame else None
            log.warning(
                "the event loop has been blocked for %g s%s; what blocks belongs in a plain"
                " def hook, or in context.in_thread",
                self._interval_s,
                f" at {where.filename}:{where.lineno} in {where.name}" if where else "",
            )
            turned.wait()
            if not self._ended.is_set():
                log.warning("the event loop turns again")
