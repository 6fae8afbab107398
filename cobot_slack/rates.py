"""How often a method may be called. Pure; times are seconds of a monotonic clock.

Slack counts each method by itself, and tells how long to wait only when it is too late:
https://docs.slack.dev/apis/web-api/rate-limits. What one method is refused holds up no other.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping

WINDOW_S = 60.0

PER_WINDOW: Mapping[str, int] = {
    "assistant.threads.setStatus": 600,
    "chat.delete": 50,
    "chat.update": 50,
    "files.completeUploadExternal": 100,
    "reactions.add": 50,
    "reactions.remove": 20,
    "users.setPresence": 20,
}
"""Calls that a method takes in a minute, at least.

Methods that only ask are left out: Slack lets them burst, and to be told to wait costs nothing,
while to wait beforehand would hold up what was missed, and the look whether a message arrived.
"""


SPACE_S = 1.0
"""Between two calls in a chat that took no more, in seconds: what Slack asks for."""

SPACED_S = 60.0
"""For how long that is kept to, in seconds: its threads have to share what it takes."""


class Rates:
    """What was called lately, and what is closed."""

    def __init__(self) -> None:
        self._calls: dict[str, deque[float]] = {}
        self._closed: dict[tuple[str, str], float] = {}  # method and chat, until when
        self._spaced: dict[tuple[str, str], float] = {}  # and until when it is spaced

    def take(self, method: str, chat: str, now: float) -> float:
        """Count a call; return 0, or how long it has to wait and is not counted, in seconds.

        Args:
            method: Its name.
            chat: Where; empty: that does not matter.
            now: The time.
        """
        for key in ((method, ""), (method, chat)):
            until = self._closed.get(key)
            if until is not None and until > now:
                return until - now
            self._closed.pop(key, None)
        if self._spaced.get((method, chat), 0.0) > now:
            self._closed[method, chat] = now + SPACE_S
        else:
            self._spaced.pop((method, chat), None)
        most = PER_WINDOW.get(method)
        if most is None:
            return 0.0
        calls = self._calls.setdefault(method, deque())
        while calls and calls[0] <= now - WINDOW_S:
            calls.popleft()
        if len(calls) >= most:
            # Never so little that a sum of floats says it is over when it is not.
            return max(math.ceil((calls[0] + WINDOW_S - now) * 1000) / 1000, 0.001)
        calls.append(now)
        return 0.0

    def close(self, method: str, chat: str, seconds: float, now: float) -> None:
        """Let a method be called no more for so long; in one chat, or in all if it is empty."""
        self._closed[method, chat] = now + seconds
        if chat:
            self._spaced[method, chat] = now + seconds + SPACED_S
