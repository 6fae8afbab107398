"""How often a bot may send."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

import attrs

from networks.telegram.chats import Chat
from networks.telegram.errors import too_many_requests

GROUP_S = 60.0
"""The time in which a group takes its messages."""


@attrs.define(eq=False)
class Rates:
    """Limits on sending; the documentation gives about these numbers and says no more.

    Off unless switched on: most tests send quickly and mean something else.
    """

    monotonic: Callable[[], float]
    is_on: bool = False
    chat_burst: int = 3
    """Messages that one chat takes at once; then one a second."""
    group_messages: int = 20
    """Messages that one group takes a minute."""
    total_messages: int = 30
    """Messages that all chats together take a second."""
    _chats: dict[int, float] = attrs.field(factory=dict, init=False)
    # By chat: when its burst would be used up, were it filled one message a second.
    _groups: dict[int, deque[float]] = attrs.field(factory=dict, init=False)
    _total: deque[float] = attrs.field(factory=deque, init=False)

    def take(self, chat: Chat, count: int = 1) -> None:
        """Count messages that are about to be sent.

        Raises:
            ApiError: They are too many, and none of them is counted.
        """
        if not self.is_on:
            return
        now = self.monotonic()
        is_group = chat.kind in ("group", "supergroup")
        group = self._groups.setdefault(chat.id, deque())
        level = max(self._chats.get(chat.id, now), now)
        waits = [
            level + count - self.chat_burst - now,
            _wait(self._total, now, 1.0, self.total_messages, count),
            _wait(group, now, GROUP_S, self.group_messages, count) if is_group else 0.0,
        ]
        # An album is let pass as a whole when the chat is at rest: it would never fit else.
        if level == now and count > 1:
            waits[0] = 0.0
        if max(waits) > 0:
            raise too_many_requests(max(1, math.ceil(max(waits))))
        self._chats[chat.id] = level + count
        group.extend([now] * count)
        self._total.extend([now] * count)


def _wait(sent: deque[float], now: float, window_s: float, most: int, count: int) -> float:
    """Return for how many seconds a window is too full for so many more."""
    while sent and sent[0] <= now - window_s:
        sent.popleft()
    surplus = len(sent) + count - most
    if surplus <= 0:
        return 0.0
    return sent[min(surplus, len(sent)) - 1] + window_s - now if sent else window_s
