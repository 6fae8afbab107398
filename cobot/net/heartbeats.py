"""Heartbeats of networks that have their own, beside the pings of WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from random import Random
from types import TracebackType
from typing import Self

from cobot.clock import Clock
from cobot.errors import ChannelError, DeliveryUnknown
from cobot.net.closing import SocketClosed
from cobot.net.sockets import Socket

GRACE_S = 1.0
"""How long an answer that has arrived may take to be read, when all of us was held up."""


class Heartbeat:
    """Sends a message again and again for the length of a block, each to be acknowledged.

    It runs in a task of its own, waits for nobody's turn, and drops the connection when the
    last beat was not acknowledged although all that came was read.
    """

    def __init__(
        self,
        socket: Socket,
        message: Callable[[], str | bytes],
        *,
        every_s: float,
        clock: Clock,
        random: Random,
    ) -> None:
        """Send nothing yet.

        Args:
            socket: Where it is sent.
            message: Makes the message; called for each beat.
            every_s: Seconds between two of them. The first comes after a random part of it.
            clock: Time.
            random: Chance.
        """
        self._socket = socket
        self._message = message
        self._every_s = every_s
        self._clock = clock
        self._random = random
        self._is_owed = False  # nothing was acknowledged since the last regular beat
        self._task: asyncio.Task[None] | None = None

    def acknowledged(self) -> None:
        """Note that the other side acknowledged a beat."""
        self._is_owed = False

    async def beat(self) -> None:
        """Send one now, because the other side asked for it.

        Raises:
            ChannelError: As `Socket.send`.
        """
        await self._socket.send(self._message(), operation="receive", urgent=True)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])
        failure = None if self._task.cancelled() else self._task.exception()
        if failure is not None and (error is None or isinstance(error, ChannelError)):
            raise failure  # it is what ended the connection

    async def _run(self) -> None:
        try:
            # Who waits for the connection learns of its end by itself.
            with suppress(SocketClosed, DeliveryUnknown):
                await self._beat_on()
        except Exception:
            self._socket.drop("no heartbeat can be sent")
            raise

    async def _beat_on(self) -> None:
        await self._clock.sleep(self._every_s * self._random.random())
        while True:
            began = self._clock.monotonic()
            self._is_owed = True
            await self.beat()
            took_s = self._clock.monotonic() - began
            await self._clock.sleep(max(0.0, self._every_s - took_s))
            if self._is_owed:
                await self._clock.sleep(GRACE_S)
            if self._is_owed and self._socket.is_waiting:
                host = self._socket.host
                self._socket.drop(f"{host} acknowledged no heartbeat for {self._every_s:g} s")
                return
