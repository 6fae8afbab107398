"""Keeping a connection, and what the owner of the bot is told of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cobot.context import Context
from cobot.net import Attempt, Attempts


class Keeper:
    """Keeps the connections of one channel, over which events come."""

    def __init__(self, context: Context) -> None:
        """Keep none yet."""
        self._context = context
        self._is_settled = False
        self._failures = 0  # connections in a row that were not accepted

    def begin(self) -> None:
        """Begin anew: until the network accepts us, what fails is for the session to judge."""
        self._is_settled = False

    async def keep(self, connect: Callable[[Attempt], Awaitable[None]]) -> None:
        """Keep one connection, for ever: connect again whenever it ends.

        Args:
            connect: Connects, calls `accepted`, and returns or raises when it is over.

        Raises:
            ChannelError: The network does not accept us, and never has since `begin`; or no
                other connection may mend it.
        """
        context = self._context
        async for attempt in Attempts(context.clock, context.random, on_wait=self._waiting):
            with attempt:
                await connect(attempt)
            if attempt.error is not None and not self._is_settled:
                raise attempt.error  # the session waits, as with any channel

    def accepted(self, attempt: Attempt) -> None:
        """Note that the network has accepted a connection."""
        attempt.proved()
        self._is_settled = True
        self._failures = 0
        self._context.connected()
        self._context.alive()

    def _waiting(self, reason: str, wait_s: float) -> None:
        told = f"{reason}; connecting again in {wait_s:.1f} s"
        if self._failures:
            self._context.degraded(told)
        else:
            self._context.log.info("%s", told)  # as every few hours
        self._failures += 1
