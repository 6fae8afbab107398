"""A terminal's two ends as pipes."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TextIO

from cobot.testing import Arrival, Network

READ_BYTES = 1 << 20


class Terminal(Network):
    """Standard input and output of this process, for as long as a check lasts."""

    channel: ClassVar[type | str] = "console"
    cannot: ClassVar[Mapping[str, str]] = {
        "what is printed is printed": "edit delete react typing presence media reply",
        "who types a line types no other thing": (
            "person_edits person_deletes person_reacts person_sends bot_writes"
        ),
        "a pipe hands over once": "confirmed redeliver",
        "there is no way back to a pipe that has broken": "goes_down",
    }
    leaves: ClassVar[Mapping[str, str]] = {
        "nothing can wake a thread from reading a terminal": "console-lines"
    }

    def __init__(self) -> None:
        self.chat, self.person = "console", "local"
        self._printed = b""
        self._mine: list[int] = []
        self._kept: tuple[TextIO, TextIO] | None = None

    async def start(self) -> Mapping[str, Any]:
        """Put pipes in the place of the terminal."""
        typed, type_ = os.pipe()
        printed, print_ = os.pipe()
        os.set_blocking(printed, False)
        self._mine = [type_, printed]
        self._kept = sys.stdin, sys.stdout
        sys.stdin = os.fdopen(typed, encoding="utf-8")
        sys.stdout = os.fdopen(print_, "w", encoding="utf-8")
        return {}

    async def stop(self) -> None:
        """Put the terminal back in its place."""
        assert self._kept is not None
        pipes = sys.stdin, sys.stdout
        sys.stdin, sys.stdout = self._kept
        for number in self._mine:
            os.close(number)
        for one in pipes:
            one.close()

    async def person_writes(self, text: str) -> None:
        """Type a line."""
        os.write(self._mine[0], f"{text}\n".encode())

    def arrived(self) -> Sequence[Arrival]:
        """Return the lines that were printed."""
        with contextlib.suppress(BlockingIOError):
            self._printed += os.read(self._mine[1], READ_BYTES)
        *lines, _ = self._printed.split(b"\n")
        return [Arrival(kind="send", text=line.decode()) for line in lines]
