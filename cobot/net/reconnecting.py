"""Connecting again and again: when, and after what."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from types import TracebackType
from typing import Self

import attrs

from cobot.clock import Clock
from cobot.errors import ChannelError, Remedy
from cobot.waits import FIRST_S, MOST_S, backoff_s

_IN_VAIN = (Remedy.PARK, Remedy.DEAD_LETTER, Remedy.DEGRADE)
"""What another connection would not change."""


@attrs.frozen
class Backoff:
    """Waits that double from the first to the longest; chance takes off up to half."""

    first_s: float = FIRST_S
    """The first wait, in seconds."""
    most_s: float = MOST_S
    """The longest, in seconds."""
    steady_s: float = 30.0
    """How long a connection has to hold, once it proved itself, for the waits to begin anew."""

    def wait_s(self, failures: int, random: Random) -> float:
        """Return how long to wait after so many failures in a row, in seconds."""
        return backoff_s(failures - 1, random, first_s=self.first_s, most_s=self.most_s)


@attrs.define(eq=False)
class Attempt:
    """One connection, from the attempt to its end: `with` it."""

    _clock: Clock = attrs.field(alias="clock")
    error: ChannelError | None = attrs.field(default=None, init=False)
    """What ended it; None: the block came to its end."""
    _proved_at: float | None = attrs.field(default=None, init=False)

    def proved(self) -> None:
        """Note that the connection works: the other side accepted us."""
        if self._proved_at is None:
            self._proved_at = self._clock.monotonic()

    def held_s(self) -> float:
        """Return for how long it has worked, in seconds; 0: it never did."""
        return 0.0 if self._proved_at is None else self._clock.monotonic() - self._proved_at

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if isinstance(error, ChannelError) and error.remedy not in _IN_VAIN:
            self.error = error
            return True
        return False


class Attempts:
    """Attempts to be connected, with waits between them, for ever.

        async for attempt in Attempts(clock, random):
            with attempt:
                async with sockets.connect(url) as socket:
                    await greet(socket)
                    attempt.proved()
                    async for text in socket:
                        ...

    An error that another connection may mend ends the attempt and not the loop; any other
    goes on to the caller. There is always a wait, also after a connection that was good.
    """

    def __init__(
        self,
        clock: Clock,
        random: Random,
        backoff: Backoff | None = None,
        *,
        on_wait: Callable[[str, float], None] | None = None,
    ) -> None:
        """Attempt nothing yet.

        Args:
            clock: Time.
            random: Chance.
            backoff: How long to wait.
            on_wait: Called before each wait with the reason and its length in seconds.
        """
        self._clock = clock
        self._random = random
        self._backoff = backoff or Backoff()
        self._on_wait = on_wait
        self.failures = 0
        """How many in a row before this attempt."""
        self._last: Attempt | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Attempt:
        if self._last is not None:
            wait_s = self._wait_s(self._last)
            if self._on_wait is not None:
                error = self._last.error
                self._on_wait("the connection ended" if error is None else str(error), wait_s)
            await self._clock.sleep(wait_s)
        self._last = Attempt(self._clock)
        return self._last

    def _wait_s(self, last: Attempt) -> float:
        if last.held_s() >= self._backoff.steady_s:
            self.failures = 0
        self.failures += 1
        wait_s = self._backoff.wait_s(self.failures, self._random)
        # As long as the other side says, unless that is no time at all: that could spin.
        told_s = None if last.error is None else last.error.retry_after_s
        return told_s or wait_s
