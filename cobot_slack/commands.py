"""Slash commands and buttons: answered where the bot is, and where it is no member.

They are acknowledged when they are stored, like everything else, and answered by messages.
Where the bot may not write, what was used can still be answered for half an hour, by an
address that came with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import attrs

from cobot import Context, OutgoingMessage
from cobot_slack.api import SlackApi
from cobot_slack.contents import Wire
from cobot_slack.errors import NOT_INSIDE, Refusal
from cobot_slack.files import is_slacks

COMMANDS = "/commands"
"""The name of the cursor that keeps addresses, so that a new process can answer."""

LIFE_S = 29 * 60.0
"""How long an address is used, in seconds: less than Slack allows."""

USES_MOST = 5
"""How often an address can be used."""

KEPT_MOST = 20
"""Addresses that are kept."""


@attrs.define(eq=False)
class Use:
    """The use of a command or a button."""

    id: str
    """The message's."""
    channel_id: str
    url: str
    """Where it is answered. It is a secret."""
    until_s: float
    """In seconds of the day's time since 1970."""
    uses: int = 0


class Commands:
    """What was used lately."""

    def __init__(self, context: Context, api: SlackApi) -> None:
        """Wait for nothing yet."""
        self._context = context
        self._api = api
        self._uses: dict[str, Use] = {}  # by id, the oldest first

    def note(self, used: Sequence[tuple[str, Wire]]) -> Mapping[str, str]:
        """Note what was used; return the cursor that keeps it."""
        until_s = self._now_s() + LIFE_S
        for message_id, payload in used:
            url = str(payload.get("response_url") or "")
            place = payload.get("channel_id") or (payload.get("channel") or {}).get("id")
            if url and place and is_slacks(url, self._api.host):
                self._uses.setdefault(message_id, Use(message_id, str(place), url, until_s))
        self._forget_old()
        kept = [
            [use.id, use.channel_id, use.url, use.until_s]
            for use in [*self._uses.values()][-KEPT_MOST:]
        ]
        return {COMMANDS: json.dumps(kept)}

    def restore(self, cursors: Mapping[str, str]) -> None:
        """Take up what an earlier process noted."""
        for message_id, channel_id, url, until_s in json.loads(cursors.get(COMMANDS) or "[]"):
            self._uses.setdefault(message_id, Use(message_id, channel_id, url, until_s))
        self._forget_old()

    async def answer(self, message: OutgoingMessage, refusal: Refusal) -> bool:
        """Answer what was used, as the bot may not write there; tell whether it could be."""
        use = self._use_for(message) if refusal.word in NOT_INSIDE else None
        if use is None:
            return False
        use.uses += 1
        failed = await self._api.respond("send", use.url, message)
        if failed is None:
            return True
        self._uses.pop(use.id, None)
        self._context.log.warning("%s cannot be answered: %s", use.id, failed.detail)
        return False

    def _use_for(self, message: OutgoingMessage) -> Use | None:
        self._forget_old()
        named = self._uses.get(message.reply_to or "")
        if named is not None:
            return named
        here = [one for one in self._uses.values() if one.channel_id == message.channel_id]
        return here[0] if here else None

    def _forget_old(self) -> None:
        now_s = self._now_s()
        for use in [*self._uses.values()]:
            if use.until_s < now_s or use.uses >= USES_MOST:
                del self._uses[use.id]

    def _now_s(self) -> float:
        return self._context.clock.now().timestamp()
