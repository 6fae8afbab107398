"""Console channel: the terminal that cobot runs in, or a pipe.

On a terminal it shows a prompt with a history. Otherwise it is a filter: each line of
standard input is a message and each reply goes to standard output; the end of input ends
the run after the last reply. Lines with nothing but white space are passed over.
Not supported: editing, deleting and reactions. What is printed is printed.
"""

from __future__ import annotations

import errno
import getpass
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from typing import ClassVar

import attrs

from cobot.channels.lines import Lines
from cobot.context import Context
from cobot.errors import ChannelError, Remedy
from cobot.hookspecs import ChannelSpec, hookimpl
from cobot.messages import Batch, IncomingMessage, OutgoingMessage

CHANNEL_ID = "console"
SENDER_ID = "local"


@attrs.frozen
class ConsoleSettings:
    """The section `plugins.console`."""

    prompt: str = "> "
    """What stands before the line that a person types."""


@attrs.define(eq=False)
class Console(ChannelSpec):
    """The one chat of the terminal."""

    Settings: ClassVar = ConsoleSettings

    settings: ConsoleSettings
    context: Context

    @hookimpl
    async def session_receive(self, cursors: Mapping[str, str]) -> AsyncIterator[Batch]:
        lines = self._typed() if _is_terminal() else self._piped()
        async for several in lines:
            yield Batch([self._message(line) for line in several if line.strip()])

    @hookimpl
    def session_send(self, message: OutgoingMessage) -> bool:
        # Plain def, so in a thread: a pipe whose reader is slow blocks whoever writes.
        try:
            _print(message.content)
        except OSError as error:
            _give_up_stdout()
            detail = f"standard output takes no more: {error.strerror}"
            raise OutputGone(self.context.name, "send", detail) from error
        return True

    async def _piped(self) -> AsyncIterator[list[str]]:
        async for several in Lines(None if sys.stdin is None else sys.stdin.fileno()):
            yield several
        self.context.finished()

    async def _typed(self) -> AsyncIterator[list[str]]:
        # A quarter of the start-up time, and a pipe does without.
        from prompt_toolkit import PromptSession
        from prompt_toolkit.patch_stdout import patch_stdout

        from cobot.channels.history import open_history

        prompt: PromptSession[str] = PromptSession(
            history=open_history(self.context.log), enable_suspend=True
        )
        with patch_stdout():  # so that replies and log lines go above the prompt
            while True:
                try:
                    line = await prompt.prompt_async(self.settings.prompt, handle_sigint=False)
                except EOFError:
                    self.context.finished()
                    return
                except KeyboardInterrupt:
                    # The terminal gives Ctrl-C to the prompt as a key. Whoever waits for
                    # the signal, be it the command line or a program around us, decides.
                    signal.raise_signal(signal.SIGINT)
                    return
                yield [line]

    def _message(self, line: str) -> IncomingMessage:
        return IncomingMessage(
            # Random, so that two runs on one journal never take each other's for repeated.
            id=f"{self.context.random.getrandbits(64):016x}",
            channel_type=self.context.name,
            channel_id=CHANNEL_ID,
            sender_id=SENDER_ID,
            sender_name=_user_name(),
            content=line,
            timestamp=self.context.clock.now(),
            direct=True,
            listed=True,
        )


class OutputGone(ChannelError):
    """Nobody reads standard output any more: the console can do nothing more."""

    remedy = Remedy.PARK


def _is_terminal() -> bool:
    return bool(sys.stdin and sys.stdin.isatty() and sys.stdout and sys.stdout.isatty())


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no entry in the password file, as in many containers
        return "you"


def _print(text: str) -> None:
    if sys.stdout is None:
        raise OSError(errno.EBADF, "it is closed")
    encoding = sys.stdout.encoding or "utf-8"
    printable = text.encode(encoding, "replace").decode(encoding)
    print(printable, flush=True)  # noqa: T201 -- this is where a console prints


def _give_up_stdout() -> None:
    if sys.stdout is None:
        return
    # Else the interpreter tries once more to write what is left, at exit, and complains.
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
