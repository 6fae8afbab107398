"""How often a bot may ask."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from datetime import datetime

import attrs

from networks.discord.errors import page, too_many_requests
from networks.web import Response

INVALID = (401, 403, 429)
GUARD_S = 600.0
"""The time in which invalid requests are counted, and for which a ban lasts."""


@attrs.frozen
class Bucket:
    """So many requests in so many seconds."""

    limit: int
    per_s: float

    def hash(self, name: str) -> str:
        """Return what headers call it."""
        return hashlib.sha256(f"{name} {self}".encode()).hexdigest()[:32]


def usual() -> dict[str, Bucket]:
    """Return about what the real network has had; it publishes no numbers."""
    return {
        "create_message": Bucket(5, 5.0),
        "edit_message": Bucket(5, 5.0),
        "delete_message": Bucket(5, 1.0),
        "bulk_delete": Bucket(1, 1.0),
        "react": Bucket(1, 0.25),
        "typing": Bucket(5, 5.0),
        "": Bucket(50, 1.0),
    }


@attrs.define(eq=False)
class Rates:
    """Limits: off unless switched on, for most tests ask quickly and mean something else.

    Only the guard against invalid requests is always on. While they are off no answer has the
    headers that tell of them, as answers of the real network may lack them.
    """

    monotonic: Callable[[], float]
    now: Callable[[], datetime]
    is_on: bool = False
    buckets: dict[str, Bucket] = attrs.field(factory=usual)
    """By route, of the empty name for all others. Routes of reactions share one."""
    total: int = 50
    """Requests that all routes together take a second."""
    most_invalid: int = 10_000
    """Answers of 401, 403 and 429 in ten minutes after which the address is banned."""
    _used: dict[tuple[str, str], tuple[float, int]] = attrs.field(factory=dict, init=False)
    # By bucket and place: when the time began that is counted, and the requests in it.
    _all: deque[float] = attrs.field(factory=deque, init=False)
    _invalid: deque[float] = attrs.field(factory=deque, init=False)
    _banned_until: float = attrs.field(default=float("-inf"), init=False)

    def ban(self) -> Response | None:
        """Return the page that a banned address gets; None: it is none."""
        left = self._banned_until - self.monotonic()
        return page(429, Retry_After=str(int(left) or 1)) if left > 0 else None

    def count(self, response: Response, *, is_shared: bool) -> None:
        """Count an answer that tells of an invalid request."""
        if response.status not in INVALID or is_shared:
            return
        now = self.monotonic()
        _forget(self._invalid, now - GUARD_S)
        self._invalid.append(now)
        if len(self._invalid) >= self.most_invalid:
            self._banned_until = now + GUARD_S
            self._invalid.clear()

    def take(self, route: str, place: str, *, is_exempt: bool) -> dict[str, str]:
        """Count a request; return the headers that tell what is left.

        Args:
            route: What it does.
            place: The id of the channel, guild or webhook that it does it to.
            is_exempt: Whether the limit on all requests together does not count it.

        Raises:
            ApiError: It is one too many, and not counted.
        """
        if not self.is_on:
            return {}
        now = self.monotonic()
        if not is_exempt:
            _forget(self._all, now - 1.0)
            if len(self._all) >= self.total:
                raise too_many_requests(self._all[0] + 1.0 - now, scope="global")
        name = "react" if "react" in route else route
        bucket = self.buckets.get(name, self.buckets[""])
        began, count = self._used.get((name, place), (now, 0))
        if now >= began + bucket.per_s:
            began, count = now, 0
        wait = began + bucket.per_s - now
        if count >= bucket.limit:
            raise too_many_requests(wait, headers=self._headers(name, bucket, count, wait))
        self._used[name, place] = (began, count + 1)
        if not is_exempt:
            self._all.append(now)
        return self._headers(name, bucket, count + 1, wait)

    def _headers(self, name: str, bucket: Bucket, count: int, wait: float) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(bucket.limit),
            "X-RateLimit-Remaining": str(bucket.limit - count),
            "X-RateLimit-Reset": f"{self.now().timestamp() + wait:.3f}",
            "X-RateLimit-Reset-After": f"{wait:.3f}",
            "X-RateLimit-Bucket": bucket.hash(name),
        }


def _forget(times: deque[float], until: float) -> None:
    while times and times[0] <= until:
        times.popleft()
