"""Names of people and channels, which events tell by id: asked for once, kept for hours."""

from __future__ import annotations

from collections.abc import Iterable

from cobot import ChannelError, Context
from cobot.net import TimeLimits
from cobot_slack.api import SlackApi
from cobot_slack.contents import Wire
from cobot_slack.errors import Refusal

KEPT_S = 6 * 3600.0
"""How long a name is kept, in seconds."""

UNKNOWN_S = 600.0
"""How long it is kept that there is none to be had."""

PATIENCE = TimeLimits(total_s=2.0)
"""What waits for a name is to be acknowledged within three seconds."""

MOST = 20_000
"""Names that are kept."""


class Directory:
    """What is known of people and channels."""

    def __init__(self, context: Context, api: SlackApi) -> None:
        """Know nobody yet."""
        self._context = context
        self._api = api
        self._names: dict[str, tuple[str | None, float]] = {}  # by id: the name, until when

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
        for thing_id in sorted({*ids}):
            known = self._names.get(thing_id)
            if known is not None and known[1] > now:
                continue
            try:
                name = await self._ask(thing_id)
            except ChannelError as error:
                # Another question would take as long: they go by their ids for now.
                self._context.log.debug("no name for %s: %s", thing_id, error)
                return
            if name is None and known is not None:
                name = known[0]
            if len(self._names) >= MOST:
                del self._names[next(iter(self._names))]
            kept_s = UNKNOWN_S if name is None else KEPT_S
            self._names[thing_id] = name, now + kept_s

    async def _ask(self, thing_id: str) -> str | None:
        is_channel = thing_id[:1] in ("C", "G")
        method, what = (
            ("conversations.info", "channel") if is_channel else ("users.info", "user")
        )
        told = await self._api.read("receive", method, {what: thing_id}, limits=PATIENCE)
        if isinstance(told, Refusal):
            self._context.log.debug("no name for %s: %s", thing_id, told.detail)
            return None
        return str(told["channel"].get("name") or "") if is_channel else name_of(told["user"])


def name_of(user: Wire) -> str:
    """Return how a person is shown."""
    profile = user.get("profile") or {}
    shown = profile.get("display_name") or profile.get("real_name") or user.get("real_name")
    return str(shown or user.get("name") or user["id"])
