"""Names of people and channels, which events tell by id: asked for once, kept for hours."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from cobot import Context
from cobot.kit import Recent
from cobot_slack.api import SlackApi
from cobot_slack.contents import Wire
from cobot_slack.errors import Refusal

KEPT_S = 6 * 3600.0
"""How long a name is kept, in seconds."""

UNKNOWN_S = 600.0
"""How long it is kept that there is none to be had."""

PATIENCE_S = 1.0
"""How long names are waited for, all in all, in seconds of the loop.

What comes in just after that began waits for it, then for names of its own and until it is
stored, and is to be acknowledged within three seconds.
"""

REST_S = 30.0
"""How long none are asked for after they did not come in time, in seconds."""

TOGETHER = 10
"""Names that are asked for at the same time."""

MOST = 20_000
"""Names that are kept."""


class Directory:
    """What is known of people and channels."""

    def __init__(self, context: Context, api: SlackApi) -> None:
        """Know nobody yet."""
        self._context = context
        self._api = api
        self._names: Recent[str, tuple[str | None, float]] = Recent(MOST)  # until when
        self._rests_until = 0.0  # in seconds of the monotonic clock

    def name(self, sign: str, thing_id: str) -> str | None:
        """Return a name as it is known; None: it is not.

        Args:
            sign: `@` for a person, `#` for a channel.
            thing_id: Whose.
        """
        known = self._names.get(thing_id)
        return None if known is None else known[0]

    async def learn(self, ids: Iterable[str]) -> None:
        """Ask for names that are not known, or no longer. Without an answer they stay so."""
        now = self._context.clock.monotonic()
        unknown = [one for one in sorted({*ids}) if not self._is_fresh(one, now)]
        if not unknown or now < self._rests_until:
            return
        together = asyncio.Semaphore(TOGETHER)
        tasks = [asyncio.create_task(self._learn(one, together)) for one in unknown]
        try:
            await asyncio.wait(tasks, timeout=PATIENCE_S)
        finally:
            for one in tasks:
                one.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if any(one.cancelled() or one.exception() is not None for one in tasks):
            # They go by their ids for now: each question more would take as long.
            self._context.log.debug("names do not come in time")
            self._rests_until = self._context.clock.monotonic() + REST_S

    def _is_fresh(self, thing_id: str, now: float) -> bool:
        known = self._names.get(thing_id)
        return known is not None and known[1] > now

    async def _learn(self, thing_id: str, together: asyncio.Semaphore) -> None:
        async with together:
            name = await self._ask(thing_id)
        known = self._names.get(thing_id)
        if name is None and known is not None:
            name = known[0]
        kept_s = UNKNOWN_S if name is None else KEPT_S
        self._names.put(thing_id, (name, self._context.clock.monotonic() + kept_s))

    async def _ask(self, thing_id: str) -> str | None:
        is_channel = thing_id[:1] in ("C", "G")
        method, what = (
            ("conversations.info", "channel") if is_channel else ("users.info", "user")
        )
        told = await self._api.read("receive", method, {what: thing_id})
        if isinstance(told, Refusal):
            self._context.log.debug("no name for %s: %s", thing_id, told.detail)
            return None
        return str(told["channel"].get("name") or "") if is_channel else name_of(told["user"])


def name_of(user: Wire) -> str:
    """Return how a person is shown."""
    profile = user.get("profile") or {}
    shown = profile.get("display_name") or profile.get("real_name") or user.get("real_name")
    return str(shown or user.get("name") or user["id"])
