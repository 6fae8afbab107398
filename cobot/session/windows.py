"""Memory of what happened lately that does not grow: counts in a sliding window, and a set."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import TypeVar

from cobot.clock import Clock

T = TypeVar("T")


class Window:
    """Counts what each of many did lately, and says when it is too much.

    Who did nothing lately is forgotten, and what was not admitted does not count.
    """

    def __init__(self, most: int, seconds: float, clock: Clock) -> None:
        """Allow each at most `most` things in any `seconds`; `most` is 1 or more."""
        self.most = most
        self.seconds = seconds
        self._clock = clock
        # who → what → when. Both oldest first, the outer by the latest thing of each.
        self._lately: OrderedDict[Hashable, OrderedDict[Hashable, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._lately)

    def admits(self, who: Hashable, what: Hashable) -> bool:
        """Tell whether somebody may do something; if so it counts, the same thing once."""
        now = self._clock.monotonic()
        while self._lately and self._is_over(_last(_first(self._lately)), now):
            self._lately.popitem(last=False)
        done = self._lately.setdefault(who, OrderedDict())
        while done and self._is_over(_first(done), now):
            done.popitem(last=False)
        if what in done:
            return True
        if len(done) >= self.most:
            return False
        done[what] = now
        self._lately.move_to_end(who)
        return True

    def _is_over(self, at: float, now: float) -> bool:
        return now - at >= self.seconds


class Recent:
    """A set that forgets the oldest when it is full."""

    def __init__(self, most: int) -> None:
        """Remember at most `most` things."""
        self._most = most
        self._known: OrderedDict[Hashable, None] = OrderedDict()

    def __contains__(self, one: Hashable) -> bool:
        return one in self._known

    def add(self, one: Hashable) -> bool:
        """Remember something; tell whether it is new."""
        if one in self._known:
            return False
        self._known[one] = None
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        return True


def _first(ordered: OrderedDict[Hashable, T]) -> T:
    return next(iter(ordered.values()))


def _last(ordered: OrderedDict[Hashable, T]) -> T:
    return next(reversed(ordered.values()))
