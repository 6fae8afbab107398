"""How often Discord lets us ask: what its answers say of it, and what has been asked. Pure.

https://docs.discord.com/developers/topics/rate-limits. Nothing is known before the first
answer: limits differ from bot to bot and change without notice, so only headers count.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Literal, TypeAlias

import attrs

GUARD_S = 600.0
"""In how many seconds invalid requests are counted."""

INVALID_MOST = 9_000
"""After so many of them we keep quiet: after 10,000 the address is banned."""

BUCKETS_MOST = 10_000
"""Buckets that are remembered, before those that are full again are forgotten."""

_INVALID = (401, 403, 429)

Scope: TypeAlias = Literal["address", "channel"]


@attrs.define
class _Bucket:
    left: int
    resets_at: float


class Rates:
    """What may be asked, by a clock that is told with each call."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._names: dict[str, str] = {}  # what a route's bucket is called; it may change
        self._buckets: dict[tuple[str, str], _Bucket] = {}
        self._closed_until = 0.0
        self._banned_until = 0.0
        self._invalid: deque[float] = deque()

    def begin(
        self, route: str, place: str, now: float, *, is_exempt: bool = False
    ) -> tuple[float, Scope] | None:
        """Count a request; return None if it may be made, else for how long not, and what.

        Args:
            route: Method and path, without ids.
            place: The channel, guild or webhook that the path names; empty: none.
            now: The time, in seconds.
            is_exempt: Whether the limit on all requests together does not count it.
        """
        until = self._banned_until if is_exempt else self._closed_until
        if until > now:
            return until - now, "channel"
        bucket = self._buckets.get((self._names.get(route, route), place))
        if bucket is None:
            return None
        if bucket.resets_at <= now:
            # Full again; how much that is, the next answer says.
            del self._buckets[self._names.get(route, route), place]
            return None
        if bucket.left <= 0:
            return bucket.resets_at - now, "address"
        bucket.left -= 1
        return None

    def end(
        self, route: str, place: str, status: int, headers: Mapping[str, str], now: float
    ) -> float | None:
        """Read the headers of an answer; return for how long its bucket is empty, if it is.

        Args:
            route: As for `begin`.
            place: As for `begin`.
            status: The answer's.
            headers: The answer's; names in any case.
            now: The time, in seconds.
        """
        if status in _INVALID and headers.get("X-RateLimit-Scope") != "shared":
            self._count_invalid(now)
        left = _number(headers.get("X-RateLimit-Remaining"))
        after_s = _number(headers.get("X-RateLimit-Reset-After"))
        if left is None or after_s is None:
            return None
        name = headers.get("X-RateLimit-Bucket") or route
        self._names[route] = name
        key = (name, place)
        known = self._buckets.get(key)
        if known is not None and known.resets_at > now:
            # Answers overtake each other: of what is under way the smaller number is right.
            left = min(left, known.left)
        self._buckets[key] = _Bucket(int(left), now + after_s)
        if len(self._buckets) > BUCKETS_MOST:
            kept = {one: it for one, it in self._buckets.items() if it.resets_at > now}
            self._buckets = kept
        return after_s if left < 1 else None

    def close(self, seconds: float, now: float, *, is_ban: bool = False) -> None:
        """Let nothing be asked for so long; but for a ban, what is exempt may be."""
        self._closed_until = max(self._closed_until, now + seconds)
        if is_ban:
            self._banned_until = self._closed_until

    def _count_invalid(self, now: float) -> None:
        while self._invalid and self._invalid[0] <= now - GUARD_S:
            self._invalid.popleft()
        self._invalid.append(now)
        if len(self._invalid) >= INVALID_MOST:
            self.close(self._invalid[0] + GUARD_S - now, now, is_ban=True)


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else max(float(text), 0.0)
    except ValueError:
        return None
