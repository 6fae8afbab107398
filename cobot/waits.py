"""How long to wait before something that failed is tried again. Pure."""

from __future__ import annotations

from random import Random

FIRST_S = 1.0
MOST_S = 60.0


def backoff_s(
    failures: int, random: Random, *, first_s: float = FIRST_S, most_s: float = MOST_S
) -> float:
    """Return a wait, in seconds: it doubles each time, and chance takes off up to half.

    Args:
        failures: How often in a row it failed before this time: 0 at first.
        random: Chance.
        first_s: The first wait, in seconds, before chance.
        most_s: The longest, in seconds.
    """
    longest = min(first_s * 2.0 ** min(failures, 32), most_s)
    return longest * (1 - random.random() / 2)
