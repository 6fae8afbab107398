"""How often a method may be called."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

import attrs

from networks.slack.errors import RateLimited

WINDOW_S = 60.0
PER_MINUTE = {1: 1, 2: 20, 3: 50, 4: 100}
"""By tier; the real network lets a few more pass."""


@attrs.define(eq=False)
class Rates:
    """Limits on calls, each method's of its own.

    Off unless switched on: most tests call quickly and mean something else.
    """

    monotonic: Callable[[], float]
    is_on: bool = False
    per_minute: dict[int, int] = attrs.field(factory=lambda: dict(PER_MINUTE))
    channel_burst: int = 3
    """Messages that one channel takes at once; then one a second."""
    _calls: dict[str, deque[float]] = attrs.field(factory=dict, init=False)
    _channels: dict[str, float] = attrs.field(factory=dict, init=False)
    # By channel: when its burst would be used up, were it filled one message a second.

    def take(self, method: str, tier: int | None) -> None:
        """Count a call.

        Raises:
            RateLimited: It is one too many, and is not counted.
        """
        if not self.is_on or tier is None:
            return
        now = self.monotonic()
        calls = self._calls.setdefault(method, deque())
        while calls and calls[0] <= now - WINDOW_S:
            calls.popleft()
        if len(calls) >= self.per_minute[tier]:
            raise RateLimited(max(1, math.ceil(calls[0] + WINDOW_S - now)))
        calls.append(now)

    def take_message(self, channel_id: str) -> None:
        """Count a message that is about to be posted.

        Raises:
            RateLimited: It is one too many, and is not counted.
        """
        if not self.is_on:
            return
        now = self.monotonic()
        level = max(self._channels.get(channel_id, now), now)
        wait_s = level + 1 - self.channel_burst - now
        if wait_s > 0:
            raise RateLimited(max(1, math.ceil(wait_s)))
        self._channels[channel_id] = level + 1
