"""An end to what would never end: whatever blocks the event loop is interrupted."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
import traceback
from types import FrameType, TracebackType
from typing import Any, Self

from cobot.testing.broken import ContractBroken

LOOK_S = 0.02
"""How often a loop that is asked whether it turns is looked at."""


class Watch:
    """Interrupts the main thread where the loop does not turn, or does not close.

    Where there are no such signals (Windows), and in other threads, it does nothing.
    """

    def __init__(self, limit_s: float, *, whole_s: float) -> None:
        """Watch nothing yet.

        Args:
            limit_s: How long the loop may stand still, in seconds.
            whole_s: How long all may take, in seconds.
        """
        self.loop: asyncio.AbstractEventLoop | None = None
        """The loop that is watched; None: not yet."""
        self.is_closing = False
        """Whether all is done and the loop is being closed, tasks that are left included."""
        self._limit_s = limit_s
        self._until = time.monotonic() + whole_s
        self._ended = threading.Event()
        self._main = threading.get_ident()
        self._number = getattr(signal, "SIGUSR2", None)
        self._before: Any = None
        self._broken: ContractBroken | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        in_main = threading.current_thread() is threading.main_thread()
        if self._number is not None and in_main:
            self._before = signal.signal(self._number, self._interrupt)
            self._thread = threading.Thread(target=self._look, name="watch", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        if self._thread is not None and self._number is not None:
            self._thread.join()
            signal.signal(self._number, self._before)
        if self._broken is not None and error is not self._broken:
            # It was raised in the channel, where the session took it for the channel's own.
            raise self._broken from error

    def _look(self) -> None:
        was_closing = False
        while not self._ended.wait(self._limit_s):
            if self.loop is None:
                continue
            is_late = time.monotonic() > self._until
            if was_closing or is_late or not self._turns(self.loop):
                if self._ended.is_set() or self._number is None:
                    return
                signal.pthread_kill(self._main, self._number)
            was_closing = self.is_closing

    def _turns(self, loop: asyncio.AbstractEventLoop) -> bool:
        turned = threading.Event()
        try:
            loop.call_soon_threadsafe(turned.set)
        except RuntimeError:
            return True  # it is closed
        left_s = self._limit_s
        while left_s > 0 and not turned.wait(LOOK_S) and not self._ended.is_set():
            left_s -= LOOK_S
        return turned.is_set() or self._ended.is_set()

    def _interrupt(self, _number: int, frame: FrameType | None) -> None:
        if self.is_closing or time.monotonic() > self._until:
            self._broken = ContractBroken(
                "What is cancelled ends",
                "something goes on all the same",
                "let nothing catch CancelledError and go on",
            )
        else:
            where = traceback.extract_stack(frame)[-1] if frame else None
            place = f"{where.filename}:{where.lineno} in {where.name}" if where else "a place"
            self._broken = ContractBroken(
                "A channel never blocks the event loop",
                f"it was blocked for {self._limit_s:g} s at {place}",
                "write a plain def hook for what blocks, or use context.in_thread",
            )
        raise self._broken
