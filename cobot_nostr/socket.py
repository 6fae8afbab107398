"""One relay's WebSocket, made anew whenever it breaks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from random import Random

from cobot import ChannelError, Clock
from cobot.kit import first_line
from cobot.net import Backoff, Socket, SocketOptions, Sockets

OPTIONS = SocketOptions(
    ping_s=25.0,  # relays drop who is idle
    silence_s=90.0,
    close_s=1.0,
    # What is too large for an event is refused without breaking the connection.
    received_bytes=4 * 1024 * 1024,
)

WAITS = Backoff(first_s=1.0, most_s=300.0, steady_s=60.0)


class RelaySocket:
    """A connection to one relay, dialled again for as long as this runs."""

    def __init__(
        self,
        url: str,
        sockets: Sockets,
        clock: Clock,
        random: Random,
        log: logging.Logger,
        *,
        on_open: Callable[[], Awaitable[None]],
        on_frame: Callable[[str], Awaitable[None]],
        on_close: Callable[[str], Awaitable[None]],
        allow: Collection[str] | None = None,
    ) -> None:
        """Connect to nothing yet.

        Args:
            url: The relay.
            sockets: Opens the connections.
            clock: Time.
            random: Chance, for waiting.
            log: The channel's.
            on_open: Called with each connection, before its first frame.
            on_frame: Called with each frame, one after the other: while it waits, the relay
                waits.
            on_close: Called with a reason when there is no connection any more, or none yet.
            allow: Networks that are dialled besides the internet; None: wherever it leads.
        """
        self.url = url
        self._sockets = sockets
        self._clock = clock
        self._random = random
        self._log = log
        self._on_open = on_open
        self._on_frame = on_frame
        self._on_close = on_close
        self._allow = allow
        self._socket: Socket | None = None
        self._task: asyncio.Task[None] | None = None
        self._kicked = asyncio.Event()
        self._failures = 0

    @property
    def is_open(self) -> bool:
        """Whether there is a connection."""
        return self._socket is not None

    def start(self) -> None:
        """Begin to dial. Idempotent."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"relay {self.url}")

    async def stop(self) -> None:
        """Close the connection, and dial no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    def kick(self) -> None:
        """Dial now, if it is being waited."""
        self._kicked.set()

    async def send(self, text: str) -> None:
        """Send a frame.

        Raises:
            ChannelError: There is no connection, or not any more.
            LookupError: There is none yet.
        """
        if self._socket is None:
            raise LookupError(self.url)
        await self._socket.send(text)

    def drop(self, reason: str) -> None:
        """Break the present connection off, and dial anew."""
        if self._socket is not None:
            self._socket.drop(reason)

    async def _run(self) -> None:
        while True:
            began = self._clock.monotonic()
            reason = await self._hold()
            if self._clock.monotonic() - began > WAITS.steady_s:
                self._failures = 0
            self._failures += 1
            await self._on_close(reason)
            await self._wait(WAITS.wait_s(self._failures, self._random))

    async def _hold(self) -> str:
        """Hold one connection for as long as it lasts; return why it ended."""
        try:
            async with self._sockets.connect(
                self.url, options=OPTIONS, allow=self._allow
            ) as socket:
                self._socket = socket
                try:
                    await self._on_open()
                    async for text in socket:
                        await self._on_frame(text)
                finally:
                    self._socket = None
                return "the connection ended" if socket.closed is None else socket.closed.detail
        except ChannelError as error:
            return error.detail
        except Exception as error:  # noqa: BLE001 -- by what a stranger has sent
            # Our mistake; but it must not make us deaf for ever.
            self._log.error("relay %s: reading it failed", self.url, exc_info=error)
            return f"a mistake of ours: {first_line(error)}"

    async def _wait(self, seconds: float) -> None:
        self._kicked.clear()
        waits = [
            asyncio.ensure_future(self._clock.sleep(seconds)),
            asyncio.ensure_future(self._kicked.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()
            await asyncio.wait(waits)
