"""What a server answered."""

from __future__ import annotations

import math
from email.utils import parsedate_to_datetime
from typing import Any

import attrs
import httpx

from cobot import encoding
from cobot.errors import ChannelError
from cobot.net.calls import Call
from cobot.net.failures import Failure

SHOWN_CHARS = 120
"""How much of an answer that is no JSON is shown."""

SEARCHED_BYTES = 4096
"""How much of it is looked at."""


@attrs.frozen(repr=False)
class Answer:
    """A status, headers, and a body that was read to its end."""

    status: int
    """The status, as 200."""
    headers: httpx.Headers
    """The headers; names in any case."""
    body: bytes
    """The body; empty if it went into a file."""
    _call: Call = attrs.field(alias="call")

    def json(self) -> Any:
        """Return what the body says as JSON.

        Raises:
            Unreachable: It is no JSON, and the request was refused (4xx) or can be repeated.
            DeliveryUnknown: It is no JSON, as when a server between us and the network
                says that it is overloaded.
        """
        try:
            return encoding.loads(self.body)
        except ValueError:
            pass
        raise self.not_understood("no JSON")

    def not_understood(self, what: str) -> ChannelError:
        """Return an error that shows how the answer begins.

        Args:
            what: What it is instead of what was expected, as `no JSON`.
        """
        kind = self.headers.get("Content-Type", "")
        detail = f"{self._call.host} answered {self.status} and {what}"
        if kind:
            detail += f" ({kind})"
        words = self._call.shown(self.body[:SEARCHED_BYTES].decode(errors="replace")).split()
        if len(self.body) > SEARCHED_BYTES:
            del words[-1:]  # it may be the first half of a secret
        if words:
            detail += f": {' '.join(words)[:SHOWN_CHARS]}"
        return self._call.error(Failure(detail, is_harmless=400 <= self.status < 500))

    @property
    def retry_after_s(self) -> float | None:
        """What `Retry-After` says, in seconds; None if there is none that can be read."""
        told = self.headers.get("Retry-After")
        if told is None:
            return None
        try:
            seconds = float(told)
        except ValueError:
            return self._seconds_until(told)
        return seconds if 0 <= seconds < math.inf else None

    def _seconds_until(self, told: str) -> float | None:
        # By the server's own clock, which it tells with each answer: ours may be wrong.
        try:
            until = parsedate_to_datetime(told)
            now = parsedate_to_datetime(self.headers.get("Date", ""))
            return max(0.0, (until - now).total_seconds())
        except (TypeError, ValueError):
            return None

    def __repr__(self) -> str:
        # Neither headers nor body: addresses and tickets come in both.
        return f"<Answer {self.status}, {len(self.body)} bytes>"
