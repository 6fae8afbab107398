"""Socket Mode: connections over which Slack tells what happens, and how they are kept.

https://docs.slack.dev/apis/events-api/using-socket-mode. Each envelope goes over one of the
connections, and is acknowledged over that one. A connection that is to be renewed is left
when the next one is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from cobot import AuthFailed, ChannelError, Context, TokenInUse, Unreachable
from cobot.kit import Keeper
from cobot.net import (
    Attempt,
    Socket,
    SocketClosed,
    SocketOptions,
    dumps,
    loads,
)
from cobot_slack.entries import GAP, Entries
from cobot_slack.envelopes import Envelope

OPTIONS = SocketOptions(
    ping_s=10.0,
    silence_s=30.0,
    received_bytes=16 * 1024 * 1024,
)

ENVELOPES = ("events_api", "interactive", "slash_commands")
RENEWALS = ("warning", "refresh_requested")

LEAVE_S = 10.0
"""How long a connection is kept that has a successor, in seconds: for acknowledgements."""

AGAIN_S = 2.0
"""How long to wait before a successor is tried again, in seconds: the old one has about ten."""

BEAT_S = 20.0
"""How often it is looked whether connections live, in seconds."""

HELLO_S = 10.0
"""How long to wait for the greeting, in seconds of the loop."""


class Line:
    """A connection, from the moment that it is asked for."""

    def __init__(self) -> None:
        self.socket: Socket | None = None
        self.is_settled = asyncio.Event()
        """Set when Slack has greeted us, or it is known that it does not."""
        self.is_leaving = asyncio.Event()
        """Set when Slack wants us to connect anew, or the connection has ended."""
        self.is_accepted = False
        self.task: asyncio.Task[None] | None = None

    async def acknowledge(self, envelope_id: str) -> None:
        """Say that an envelope is stored. If it does not arrive, it is told again."""
        if self.socket is not None:
            with suppress(ChannelError):
                await self.socket.send(dumps({"envelope_id": envelope_id}))

    def postpone(self) -> None:
        """Do nothing: what is not acknowledged comes again, and nobody waits for it."""


class SocketMode(Entries):
    """The connections of one app."""

    def __init__(
        self, context: Context, url: Callable[[], Awaitable[str]], *, connections: int = 1
    ) -> None:
        """Connect to nothing yet.

        Args:
            context: The channel's.
            url: Asks for an address that is good for one connection.
            connections: How many there are, but for the moments in which one is renewed.
        """
        super().__init__()
        self._context = context
        self._url = url
        self._connections = connections
        self.is_ordered = connections == 1
        self._open: set[Line] = set()
        self._lines: set[asyncio.Task[None]] = set()
        self._keeper = Keeper(context)
        self._is_accepted = asyncio.Event()  # since this connecting began
        self._has_warned = False

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Stay connected for the length of a block."""
        self.clear()
        self._keeper.begin()
        self._is_accepted.clear()
        keepers = [
            self.watch(
                asyncio.create_task(self._keep(number), name=f"slack-{self._context.name}")
            )
            for number in range(self._connections)
        ]
        keepers.append(self.watch(asyncio.create_task(self._beat())))
        try:
            yield
        finally:
            for one in keepers:
                one.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)
            lines = [*self._lines]
            for one in lines:
                one.cancel()
            await asyncio.gather(*lines, return_exceptions=True)
            self._open.clear()

    # Connecting.

    async def _keep(self, number: int) -> None:
        """Keep one connection, for ever."""
        if number:
            # Slack gives few addresses at once: what it refuses to this one is to end no other.
            await self._is_accepted.wait()
        await self._keeper.keep(self._follow)

    async def _follow(self, attempt: Attempt) -> None:
        """Be connected, and go over to the next connection when Slack wants it."""
        line = self._start(attempt)
        while True:
            assert line.task is not None
            await line.is_leaving.wait()
            if line.task.done() or not line.is_accepted:
                await line.task
                raise Unreachable(self._context.name, "receive", "the connection ended")
            self._context.log.debug("Slack renews the connection")
            successor = await self._successor(line, attempt)
            self._retire(line)
            line = successor

    async def _successor(self, line: Line, attempt: Attempt) -> Line:
        """Connect anew, and try again while the old connection lasts: nothing is lost yet."""
        assert line.task is not None
        while True:
            successor = self._start(attempt)
            assert successor.task is not None
            await successor.is_settled.wait()
            if successor.is_accepted:
                return successor
            await asyncio.wait([successor.task])
            error = successor.task.exception()
            told_s = error.retry_after_s if isinstance(error, ChannelError) else None
            pause = asyncio.ensure_future(self._context.clock.sleep(told_s or AGAIN_S))
            try:
                await asyncio.wait([line.task, pause], return_when=asyncio.FIRST_COMPLETED)
            finally:
                pause.cancel()
            if line.task.done() or isinstance(error, AuthFailed):
                await asyncio.wait([line.task])
                await successor.task

    def _start(self, attempt: Attempt) -> Line:
        line = Line()
        line.task = asyncio.create_task(self._run(line, attempt))
        self._lines.add(line.task)
        line.task.add_done_callback(self._forget)
        return line

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._lines.discard(task)
        if not task.cancelled():
            task.exception()  # who waits for it is told; else nobody has to know

    def _retire(self, line: Line) -> None:
        """Let a connection go that has a successor, in a while."""
        task = line.task
        assert task is not None

        async def leave() -> None:
            try:
                await self._context.clock.sleep(LEAVE_S)
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

        leaving = asyncio.create_task(leave())
        self._lines.add(leaving)
        leaving.add_done_callback(self._lines.discard)
        task.add_done_callback(lambda _: leaving.cancel())

    # One connection.

    async def _run(self, line: Line, attempt: Attempt) -> None:
        try:
            url = await self._url()
            async with self._context.sockets.connect(url, options=OPTIONS) as socket:
                line.socket = socket
                async with asyncio.timeout(HELLO_S):
                    first = loads(await socket.receive())
                self._greeted(line, first, attempt)
                async for text in socket:
                    await self._read(line, text)
            closed = socket.closed
            assert closed is not None
            raise SocketClosed(self._context.name, "receive", closed)
        except TimeoutError:
            detail = f"Slack did not greet us within {HELLO_S:g} s"
            raise Unreachable(self._context.name, "receive", detail) from None
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            detail = f"Slack said what nobody understands: {type(error).__name__}"
            raise Unreachable(self._context.name, "receive", detail) from error
        finally:
            self._open.discard(line)
            line.socket = None
            line.is_settled.set()
            line.is_leaving.set()

    def _greeted(self, line: Line, frame: Any, attempt: Attempt) -> None:
        if frame["type"] == "disconnect":
            raise self._end_of(str(frame.get("reason")))
        if frame["type"] != "hello":
            raise ValueError(frame["type"])
        if not self._open:
            self.put(GAP)
        self._open.add(line)
        line.is_accepted = True
        line.is_settled.set()
        self._is_accepted.set()
        self._keeper.accepted(attempt)
        others = int(frame.get("num_connections") or 1) - len(self._open)
        if others > 0 and not self._has_warned:
            self._has_warned = True
            self._context.log.warning(
                "%d more connections of this app are open: if another program uses it, each"
                " gets only a part of what happens; give this one an app of its own",
                others,
            )

    async def _read(self, line: Line, text: str) -> None:
        self._context.alive()
        frame = loads(text)
        kind = frame["type"]
        if kind in ENVELOPES:
            payload = frame.get("payload")
            # Without one it is nothing, and would come again if it were not acknowledged.
            told = payload if isinstance(payload, Mapping) else {}
            self.put(Envelope(kind, told, str(frame["envelope_id"]), line))
        elif kind == "disconnect":
            reason = str(frame.get("reason"))
            if reason not in RENEWALS:
                raise self._end_of(reason)
            line.is_leaving.set()
        await self.room()

    def _end_of(self, reason: str) -> ChannelError:
        """Return what it means that Slack ends a connection."""
        name = self._context.name
        if reason == "link_disabled":
            detail = "Socket Mode is switched off: switch it on in the app's settings"
            return AuthFailed(name, "receive", detail)
        if reason == "too_many_websockets":
            detail = "the app has ten connections already: stop other programs that use it"
            return TokenInUse(name, "receive", detail, retry_after_s=30.0)
        return Unreachable(name, "receive", f"Slack ended the connection: {reason}")

    async def _beat(self) -> None:
        """Report that connections live, also if nothing happens on them."""
        while True:
            await self._context.clock.sleep(BEAT_S)
            sockets = [line.socket for line in self._open if line.socket is not None]
            if any(socket.quiet_s < BEAT_S for socket in sockets):
                self._context.alive()
