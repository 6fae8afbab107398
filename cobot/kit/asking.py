"""Questions that have to be answered before anything else goes on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from cobot.context import Context
from cobot.errors import RateLimited, Unreachable
from cobot.waits import backoff_s

T = TypeVar("T")

MOST_S = 30.0
"""The longest wait before a question is asked again, in seconds, if the network tells none."""

QUIET_S = 10.0
"""A wait that the network asks for, up to so many seconds, is as usual and told to nobody."""


async def insist(context: Context, ask: Callable[[], Awaitable[T]]) -> T:
    """Ask until there is an answer: what comes after it must not be stored before it.

    As for what was written while the bot was away. If it takes long, the channel counts as
    degraded.

    Args:
        context: The channel's.
        ask: Asks once. Only `Unreachable` and `RateLimited` are waited for.
    """
    failures = 0
    while True:
        try:
            return await ask()
        except (Unreachable, RateLimited) as error:
            usual_s = backoff_s(failures, context.random, most_s=MOST_S)
            wait_s = error.retry_after_s or usual_s
            failures += 1
            if wait_s > QUIET_S or not isinstance(error, RateLimited):
                context.degraded(f"{error}; asking again in {wait_s:.1f} s")
        await context.clock.sleep(wait_s)
