"""How long requests may take."""

from __future__ import annotations

from typing import Any

import attrs


@attrs.frozen
class TimeLimits:
    """How long a request may take. None: for ever."""

    connect_s: float = 10.0
    """Until there is a connection, including the wait for a free one, in seconds."""
    stall_s: float | None = None
    """The longest time in which no piece of a body goes either way, in seconds."""
    total_s: float | None = None
    """All of it, in seconds."""
    extensions: dict[str, Any] = attrs.field(init=False, repr=False, eq=False)
    """What the transport is told: connecting, which nobody else can tell apart."""

    @extensions.default
    def _extensions(self) -> dict[str, Any]:
        # Never longer than the others: what runs out first says whether anything was sent.
        connect_s = min(self.connect_s, *filter(None, (self.stall_s, self.total_s, 1e9)))
        timeout = {"connect": connect_s, "pool": connect_s, "read": None, "write": None}
        return {"timeout": timeout}


CALL = TimeLimits(total_s=30.0)
"""For small requests."""

TRANSFER = TimeLimits(stall_s=60.0)
"""For files to and from the network that a channel belongs to."""

FETCH = TimeLimits(stall_s=20.0, total_s=120.0)
"""For files from anywhere."""
