"""How much a channel may ask of its network, and what it may not ask just now.

All times are `clock.monotonic()`: a wall clock that is set back closes nothing.
"""

from __future__ import annotations

import attrs

from cobot.clock import Clock
from cobot.messages import Address

BURST_S = 1.0
"""How much of a channel's rate may be used at once after a pause, in seconds of it."""

ADDRESS_BURST = 3
"""Messages that an address at rest takes at once, before its rate counts: an answer is often
two or three, and networks that count by the second let short bursts pass."""

COSMETIC_SHARE = 0.5
"""Typing and presence are shed unless so much of the channel's burst is left."""

CLOSED_MOST = 10_000
"""Addresses remembered as closed before those whose time has passed are forgotten."""


@attrs.frozen(kw_only=True)
class Rates:
    """Requests per second; None: no limit."""

    channel: float | None = None
    """For the whole channel."""
    address: float | None = None
    """For one address."""
    may_differ: bool = False
    """Whether a chat may have another, as its own limits say."""


class Budget:
    """One for each channel, for every request of it."""

    def __init__(self, clock: Clock) -> None:
        self.rates = Rates()
        """What it keeps to."""
        self.closed: dict[Address, float] = {}
        """Addresses that may be sent to again only at a time."""
        self._used: dict[Address, float] = {}  # when each has its whole burst again
        self._channel_closed_until = 0.0
        self._clock = clock
        self._tokens = 1.0
        self._counted_at = clock.monotonic()

    def room(self, wanted: int) -> tuple[int, float | None]:
        """Return how many requests may be made, and when more may be, in seconds."""
        now = self._clock.monotonic()
        if self._channel_closed_until > now:
            return 0, self._channel_closed_until - now
        rate = self.rates.channel
        if rate is None:
            return wanted, None
        self._count(now, rate)
        if self._tokens >= 1:
            return min(wanted, int(self._tokens)), 1 / rate
        return 0, (1 - self._tokens) / rate

    def spend(self, address: Address, address_rate: float | None = None) -> None:
        """Note that a request is made for an address.

        Args:
            address: Which.
            address_rate: Its own rate, in place of that of all addresses.
        """
        if self.rates.channel is not None:
            self._tokens -= 1
        rate = self.rates.address if address_rate is None else address_rate
        if rate is not None:
            now = self._clock.monotonic()
            used = max(self._used.get(address, now), now) + 1 / rate
            self._used[address] = used
            wait_s = used - (ADDRESS_BURST - 1) / rate - now
            if wait_s > 0:
                self.close(wait_s, address)
            if len(self._used) > CLOSED_MOST:
                self._used = {one: at for one, at in self._used.items() if at > now}

    def allows_cosmetic(self, address: Address | None = None) -> bool:
        """Tell whether there is room for a request that may be left out; if so, spend it."""
        now = self._clock.monotonic()
        if self._channel_closed_until > now:
            return False
        if address is not None and self.closed.get(address, now) > now:
            return False
        rate = self.rates.channel
        if rate is None:
            return True
        self._count(now, rate)
        if self._tokens < max(1.0, self._burst(rate) * COSMETIC_SHARE):
            return False
        self._tokens -= 1
        return True

    def close(self, seconds: float, address: Address | None = None) -> None:
        """Make no request for so long, for one address or, with None, at all."""
        now = self._clock.monotonic()
        if address is None:
            self._channel_closed_until = max(self._channel_closed_until, now + seconds)
            return
        self.closed[address] = max(self.closed.get(address, 0.0), now + seconds)
        if len(self.closed) > CLOSED_MOST:
            self.closed = {one: until for one, until in self.closed.items() if until > now}

    def closed_s(self, address: Address | None = None) -> float:
        """Return for how long no request is made yet, in seconds."""
        until = self._channel_closed_until if address is None else self.closed.get(address, 0)
        return max(until - self._clock.monotonic(), 0.0)

    def rename(self, old: Address, new: Address) -> None:
        """Have what is closed for one address be closed for another.

        With no thread in `old`, all threads of the chat move.
        """
        for times in (self.closed, self._used):
            for address, until in [*times.items()]:
                moved = address.moved(old, new)
                if moved != address:
                    del times[address]
                    times[moved] = max(times.get(moved, until), until)

    def _burst(self, rate: float) -> float:
        return max(1.0, rate * BURST_S)

    def _count(self, now: float, rate: float) -> None:
        grown = self._tokens + (now - self._counted_at) * rate
        self._tokens = min(self._burst(rate), grown)
        self._counted_at = now
