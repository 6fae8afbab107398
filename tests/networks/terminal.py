"""A fake network that a person starts by hand: lines typed, lines shown."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
import signal
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, Protocol

STDIN = 0


class Person(Protocol):
    """Does what lines say."""

    is_over: bool

    def do(self, line: str) -> None:
        """Do what a line says."""


def say(line: str) -> None:
    """Show a line."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def read_lines(found: Callable[[str | None], None]) -> None:
    """Hand over standard input line by line, and None at its end.

    It is read from the descriptor: a thread that waits in `sys.stdin` would keep its lock when
    the program ends.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    while data := os.read(STDIN, 65536):
        *lines, rest = (rest + decoder.decode(data)).split("\n")
        for line in lines:
            found(line)
    if rest:
        found(rest)
    found(None)


@contextlib.asynccontextmanager
async def typed_lines() -> AsyncIterator[asyncio.Queue[str | None]]:
    """Provide what is typed, and `/quit` when the program is told to end."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, lines.put_nowait, "/quit")

    def found(line: str | None) -> None:
        with contextlib.suppress(RuntimeError):  # the person has had enough
            loop.call_soon_threadsafe(lines.put_nowait, line)

    threading.Thread(target=read_lines, args=(found,), daemon=True).start()
    try:
        yield lines
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


async def talk(person: Person, lines: asyncio.Queue[str | None]) -> None:
    """Let a person do what is typed, until it is enough.

    The end of a pipe is not: the bot may still be at it. The end of a terminal's input is.
    """
    while not person.is_over:
        line = await lines.get()
        if line is not None:
            person.do(line)
        elif os.isatty(STDIN):
            return


def run(name: str, serve: Callable[[Path], Coroutine[Any, Any, None]], where: str = "") -> None:
    """Run a network until its person stops it.

    Args:
        name: The network's.
        serve: Serves; gets a folder for files, which is removed if it stays empty.
        where: The words for where it listens, such as ` on port 8081`.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"fake-{name}-"))
    try:
        asyncio.run(serve(folder))
    except OSError as error:
        sys.exit(f"cannot listen{where}: {error.strerror}")
    finally:
        if not any(folder.iterdir()):
            folder.rmdir()
