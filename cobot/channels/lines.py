"""Lines of a file descriptor, read by a thread, for the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator

BLOCK_BYTES = 65536
LINES_AHEAD = 1000
"""Lines read and not yet taken; then reading waits, so that no file fills the memory."""


class Lines:
    """Iterates over a descriptor's lines, as many at a time as are there.

    Text that is no UTF-8 comes with U+FFFD in place of what cannot be read.
    """

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        self._lines: list[str] = []  # read and not yet taken; guarded by _changed
        self._changed = threading.Condition()
        self._ended = descriptor is None
        self._arrived = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    async def __aiter__(self) -> AsyncIterator[list[str]]:
        if not self._ended:
            # A daemon: nothing can wake a thread from reading a terminal or a pipe.
            threading.Thread(target=self._read, name="console-lines", daemon=True).start()
        while True:
            with self._changed:
                lines, self._lines = self._lines, []
                ended = self._ended
                self._arrived.clear()
                self._changed.notify()
            if lines:
                yield lines
            elif ended:
                return
            else:
                await self._arrived.wait()

    def _read(self) -> None:
        # os.read and not sys.stdin: a daemon thread that holds the lock of sys.stdin's
        # buffer makes the interpreter abort at exit.
        begun: list[bytes] = []  # a line whose end has not come yet, in pieces
        try:
            while block := os.read(self._descriptor or 0, BLOCK_BYTES):
                first, *others = block.split(b"\n")
                begun.append(first)
                if others:
                    *whole, rest = others
                    self._put([b"".join(begun), *whole])
                    begun = [rest]
        except OSError:
            pass  # a terminal that is gone; what was read is still answered
        self._put([b"".join(begun)] if any(begun) else [], ended=True)

    def _put(self, raw: list[bytes], *, ended: bool = False) -> None:
        lines = [line.decode("utf-8", "replace").removesuffix("\r") for line in raw]
        with self._changed:
            self._changed.wait_for(lambda: len(self._lines) < LINES_AHEAD)
            self._lines.extend(lines)
            self._ended = ended
        # A closed loop raises: nobody listens any more.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._arrived.set)
