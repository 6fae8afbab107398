"""The agent that is a program of yours: `agent: {command: [program, argument, ...]}`.

One process for each turn, without a shell: standard input is one JSON object, standard output
the reply, standard error goes to the log.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
import signal
import sys
import textwrap
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, NoReturn, cast

import attrs
from attrs import validators

from cobot.clock import Clock
from cobot.context import Context
from cobot.errors import ConfigError, HookFailed, Problem
from cobot.hookspecs import Conversation, hookimpl
from cobot.journal import Entry
from cobot.messages import IncomingMessage

OUTPUT_BYTES = 1024 * 1024
"""The longest reply; no network takes as much, and no person reads it."""

LINE_BYTES = 4096
"""Where a line of standard error is cut in two."""

SAID_CHARS = 300
"""How much of the last such line an error quotes."""

GRACE_S = 0.5
"""How long a program may take to end after SIGTERM, and what it has started to finish after
the program itself. Less than the second that the session gives a turn which it has cancelled.
"""


@attrs.frozen(kw_only=True)
class CommandSettings:
    """Which program, and how it is run."""

    words: tuple[str, ...]
    """The program and its arguments. A relative path starts at the working directory."""
    timeout: float | None = attrs.field(
        default=None, validator=validators.optional(validators.gt(0))
    )
    """The most seconds that it may run; None: as long as the session's `agent_timeout`."""
    history: int = attrs.field(
        default=20, validator=validators.and_(validators.ge(0), validators.le(10_000))
    )
    """How many earlier messages of the conversation it gets at most."""
    at_once: int = attrs.field(
        default=16, validator=validators.and_(validators.ge(1), validators.le(1000))
    )
    """How many processes run at the same time; further turns wait."""


class Command:
    """Runs a program for each message; what it prints is the reply, nothing is silence."""

    Settings = CommandSettings
    shorthand: ClassVar[str] = "words"
    usage: ClassVar[str] = '{command: [program, argument]}, or --agent "command:WORDS"'

    def __init__(self, settings: CommandSettings, context: Context) -> None:
        """Find the program.

        Raises:
            ConfigError: There is none that can be run. The text says what is there instead.
        """
        self._words = (_find(settings.words), *settings.words[1:])
        self._settings = settings
        self._context = context
        self.at_once = settings.at_once
        """How many turns it takes: a session that knows gives it no more."""
        self._free = asyncio.Semaphore(settings.at_once)

    @hookimpl
    async def agent_reply(
        self, message: IncomingMessage, conversation: Conversation
    ) -> str | None:
        async with self._free:
            given = await self._given(message, conversation)
            process = await self._started()
            is_late = False
            try:
                process.give(given)
                is_late = not await process.finished_within(self._settings.timeout)
            finally:
                await process.end()
        if is_late:
            limit_s = self._settings.timeout
            self._fail(f"gave no answer within {limit_s:g} s, and was ended")
        return self._reply(process)

    async def _given(self, message: IncomingMessage, conversation: Conversation) -> bytes:
        limit = self._settings.history
        # One more: the message itself is in there too.
        history = await conversation.history(limit + 1) if limit else ()
        value = {
            "message": _message(message),
            "conversation": {"key": conversation.key},
            "history": _history(history)[-limit:] if limit else [],
        }
        # ASCII, which a program reads in any locale; a line, for those that read lines.
        return json.dumps(value).encode("ascii") + b"\n"

    async def _started(self) -> _Process:
        loop = asyncio.get_running_loop()
        process = _Process(self._context)
        starting = loop.create_task(
            loop.subprocess_exec(lambda: process, *self._words, start_new_session=True)
        )
        try:
            # Shielded: cancelled in the middle it would leave what the program has started.
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            with suppress(OSError):
                await starting
                await process.end()
            raise
        except OSError as error:
            self._fail(f"cannot be started: {_why_not_started(self._words[0], error)}")
        return process

    def _reply(self, process: _Process) -> str | None:
        if process.said_too_much:
            self._fail(f"wrote more than {OUTPUT_BYTES:,} bytes, and was ended")
        if process.code != 0:
            said = process.last_line or "it said nothing on standard error"
            self._fail(f"{_ended(process.code)}: {said}")
        try:
            text = process.output.decode()
        except UnicodeDecodeError as error:
            where = f"the byte 0x{error.object[error.start]:02x} at {error.start}"
            self._fail(f"wrote what is no UTF-8 text: {where}")
        text = text.rstrip("\r\n")
        return text if text.strip() else None

    def _fail(self, detail: str) -> NoReturn:
        detail = f"the program {self._settings.words[0]!r} {detail}"
        raise HookFailed(self._context.name, "agent_reply", detail)


class _Process(asyncio.SubprocessProtocol):
    """One running program: what it has written, and its end with all that it has started.

    Not asyncio's own `Process`: that one notices the end of a program only when everybody
    who has its output has ended too.
    """

    transport: asyncio.SubprocessTransport

    def __init__(self, context: Context) -> None:
        self._clock: Clock = context.clock
        self._log = context.log
        loop = asyncio.get_running_loop()
        self._finished: asyncio.Future[None] = loop.create_future()  # no reason to go on
        self._closed: asyncio.Future[None] = loop.create_future()  # reaped, all pipes shut
        self._has_exited = False
        self._is_over = False  # nobody wants to hear more
        self._error_line = bytearray()
        self.output = bytearray()
        self.said_too_much = False
        self.last_line = ""

    @property
    def code(self) -> int:
        """The exit code; negative for the number of the signal that ended it."""
        code = self.transport.get_returncode()
        return -signal.SIGKILL if code is None else code

    def give(self, given: bytes) -> None:
        """Give it its standard input. Whether it reads that is its own affair."""
        pipe = self._pipe(0)
        pipe.write(given)
        pipe.write_eof()

    async def finished_within(self, limit_s: float | None) -> bool:
        """Wait until it has ended, or has said too much; False if it took too long."""
        if limit_s is None:
            await asyncio.shield(self._finished)
            return True
        return await self._within(self._finished, limit_s)

    async def end(self) -> None:
        """End it and all that it has started, the hard way if need be; nothing is left."""
        try:
            if not self._has_exited:
                self._signal(signal.SIGTERM)
            await self._within(self._closed, GRACE_S)
        finally:
            # Also when we are cancelled once more, and when the program has ended: what it
            # has started may go on. No other process gets this number so soon.
            self._signal(signal.SIGKILL)
            self._is_over = True
            self._close()
            if not await self._within(self._closed, GRACE_S):
                self._log.warning("process %d cannot be ended", self.transport.get_pid())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # No isinstance: transports of uvloop are of no class of asyncio's.
        self.transport = cast(asyncio.SubprocessTransport, transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 2:
            self._hear(data)
        elif not self.said_too_much:
            self.output += data
            if len(self.output) > OUTPUT_BYTES:
                self.said_too_much = True
                self._finish()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == 2 and self._error_line:
            self._hear(b"\n")

    def process_exited(self) -> None:
        self._has_exited = True
        self._finish()
        self._close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._closed.done():
            self._closed.set_result(None)

    def _finish(self) -> None:
        if not self._finished.done():
            self._finished.set_result(None)

    def _close(self) -> None:
        # Before its exit was noticed the transport would reap it under its watcher's nose.
        if self._is_over and self._has_exited:
            unread = self._pipe(0)
            if unread.get_write_buffer_size():
                unread.abort()  # `close` would wait for somebody to read it
            self.transport.close()

    def _hear(self, data: bytes) -> None:
        self._error_line += data
        *lines, rest = self._error_line.split(b"\n")
        while len(rest) > LINE_BYTES:
            lines.append(rest[:LINE_BYTES])
            rest = rest[LINE_BYTES:]
        self._error_line = rest
        for line in lines:
            text = _printable(line.decode(errors="replace").rstrip())
            if text:
                self._log.debug("process %d: %s", self.transport.get_pid(), text)
                # Between words: half a secret would not be known as one.
                self.last_line = textwrap.shorten(text, SAID_CHARS, placeholder=" ...")

    def _pipe(self, fd: int) -> asyncio.WriteTransport:
        return cast(asyncio.WriteTransport, self.transport.get_pipe_transport(fd))

    def _signal(self, number: int) -> None:
        # A group that has ended is no group; macOS says that its leader is not ours then.
        with suppress(ProcessLookupError, PermissionError):
            if sys.platform == "win32":
                self.transport.kill()
            else:
                os.killpg(self.transport.get_pid(), number)

    async def _within(self, future: asyncio.Future[None], limit_s: float) -> bool:
        if future.done():
            return True
        sleeping = asyncio.ensure_future(self._clock.sleep(limit_s))
        try:
            await asyncio.wait((future, sleeping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
        return future.done()


def _message(message: IncomingMessage) -> dict[str, Any]:
    return {
        "id": message.id,
        "channel_type": message.channel_type,
        "channel_id": message.channel_id,
        "thread_id": message.thread_id,
        "sender_id": message.sender_id,
        "sender_name": message.sender_name,
        "content": message.content,
        "timestamp": message.timestamp.isoformat(),
        "reply_to": message.reply_to,
        "direct": message.direct,
        "mentioned": message.mentioned,
        "key": message.key,
        "media": [
            {
                "name": media.name,
                "content_type": media.content_type,
                "size_bytes": media.size_bytes,
            }
            for media in message.media
        ],
    }


def _history(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return what was said before: not the message itself, nor those that wait behind it."""
    return [
        {
            "role": entry.role,
            "content": entry.content,
            "sender_name": entry.sender_name,
            "timestamp": entry.timestamp.isoformat(),
            "ids": list(entry.ids),
        }
        for entry in entries
        if not entry.deleted and (entry.role, entry.state) != ("user", "waiting")
    ]


def _find(words: Sequence[str]) -> str:
    """Return the program's path, absolute: the working directory may change."""
    if not words or not words[0]:
        raise _wrong("names no program; write {command: [program, argument]}")
    try:
        encoded = [os.fsencode(word) for word in words]
    except UnicodeEncodeError as error:
        raise _wrong(f"has a character that no program can be given: {error.reason}") from None
    if any(b"\0" in word for word in encoded):
        raise _wrong("has a NUL character, which no program can be given")
    name = words[0]
    found = shutil.which(name)
    if found is not None:
        return str(Path(found).absolute())
    try:
        raise _wrong(_why_not_found(name))
    except OSError as error:
        raise _wrong(f"{name!r} cannot be looked for: {error.strerror}") from None


def _why_not_found(name: str) -> str:
    path = Path(name)
    if path.name == name:
        hint = f"write ./{name} for the file here" if path.exists() else "install it"
        return f"no program called {name!r} is in $PATH; {hint}, or write its path"
    if path.is_dir():
        return f"{name!r} is a folder, no program"
    if path.exists():
        hint = f"chmod +x it, or name what runs it: [python3, {name}]"
        return f"{name!r} is not executable; {hint}"
    return f"there is no program {name!r} (looked for {str(path.absolute())!r})"


def _why_not_started(path: str, error: OSError) -> str:
    said = error.strerror or str(error)
    if error.errno == errno.ENOENT and Path(path).exists():
        return f"{said}: what its first line names to run it is missing"
    if error.errno == errno.ENOEXEC:
        return f"{said}; a script begins with a line such as #!/bin/sh"
    return said


def _ended(code: int) -> str:
    if code >= 0:
        return f"exited with {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def _wrong(detail: str) -> ConfigError:
    return ConfigError(Problem("", detail))
