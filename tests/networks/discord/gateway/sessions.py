"""Sessions: what a bot was told, and may be told again after its connection broke."""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING

import attrs

from networks.discord.entities import Wire

if TYPE_CHECKING:
    from networks.discord.gateway.line import Line

DISPATCH = 0


@attrs.define(eq=False, kw_only=True)
class Session:
    """A bot that has identified itself."""

    id: str
    intents: int
    line: Line | None
    """Its connection; None: it broke."""
    buffer: deque[tuple[int, str]]
    """What it was told last: sequence numbers and payloads."""
    sequence: int = 0
    lost_at: float | None = None
    """When its connection broke, in seconds of the monotonic clock."""
    presence: Wire = attrs.field(factory=dict)

    def tell(self, name: str, payload: Wire) -> None:
        """Tell it of something, now or when it comes back."""
        self.sequence += 1
        told = {"op": DISPATCH, "t": name, "s": self.sequence, "d": payload}
        text = json.dumps(told)  # as it is now: the objects inside may change
        self.buffer.append((self.sequence, text))
        if self.line:
            self.line.send_json(text)

    def missed(self, since: int) -> list[str] | None:
        """Return what it was told after a sequence number; None: that is too long ago."""
        first = self.buffer[0][0] if self.buffer else self.sequence + 1
        if since < first - 1:
            return None
        return [text for sequence, text in self.buffer if sequence > since]
