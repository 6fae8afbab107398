"""Slash commands: offered as the settings say, and answered by what the session sends.

The use of a command has to be acknowledged within three seconds and can be answered for a
quarter of an hour, with a token that comes with it. It is stored first, then acknowledged:
people see that an answer is to come. The answer is written over that notice. To write it
twice does no harm, and so no answer appears twice.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from cobot import ChannelError, Context, OutgoingMessage, RateLimited, Rejected
from cobot.text import Rendered
from cobot_discord.api import ANSWER, DiscordApi, place_of
from cobot_discord.contents import Wire
from cobot_discord.errors import ACKNOWLEDGED, NOT_ANSWERABLE, Refusal, WrongSettings
from cobot_discord.params import answer_params
from cobot_discord.wire import LOADING, SLASH

COMMANDS = "commands"
"""The name of the cursor that keeps tokens, so that a new process can answer."""

LIFE_S = 14 * 60.0
"""How long a command is answered with its token, in seconds: less than Discord allows."""

KEPT_MOST = 20
"""Commands that are kept in the cursor."""


@attrs.define(eq=False)
class Use:
    """The use of a command that waits for its answer."""

    id: str
    token: str
    application_id: str
    channel_id: str
    """Where it was used: the channel or thread."""
    is_direct: bool
    until: float
    """How long it is answered with its token, in seconds of `clock.monotonic()`."""
    is_unsure: bool = False
    """Whether it has to be looked at first: it may be acknowledged or answered, or not."""
    key: str | None = None
    """That of the message which answers it; None: there is none yet."""
    is_shown: bool = True
    """Whether people see that an answer is to come."""
    acknowledged: asyncio.Event = attrs.field(factory=asyncio.Event)
    """Set when that is known."""


class Commands:
    """The commands of one bot that were used and not answered yet."""

    def __init__(self, context: Context, api: DiscordApi) -> None:
        """Wait for nothing yet."""
        self._context = context
        self._api = api
        self._uses: dict[str, Use] = {}  # by id, the oldest first

    async def offer(self, commands: Sequence[Any]) -> None:
        """Have people shown these commands, and no others.

        Raises:
            WrongSettings: Discord does not take them.
        """
        application = await self._api.ask("receive", "GET", "/applications/@me")
        try:
            await self._api.offer(str(application["id"]), commands)
        except Rejected as error:
            detail = f"mend 'commands' in the settings; {error.detail}"
            raise WrongSettings(self._context.name, "receive", detail) from error

    def note(self, events: Sequence[Wire]) -> Mapping[str, str]:
        """Note that commands were used; return the cursor that keeps it."""
        until = self._context.clock.monotonic() + LIFE_S
        for event in events:
            use = Use(
                str(event["id"]),
                str(event["token"]),
                str(event["application_id"]),
                str(event["channel_id"]),
                "guild_id" not in event,
                until,
            )
            self._uses.setdefault(use.id, use)
        self._forget_old()
        kept = [
            [use.id, use.token, use.application_id, use.channel_id, use.is_direct]
            for use in [*self._uses.values()][-KEPT_MOST:]
        ]
        return {COMMANDS: json.dumps(kept)}

    def restore(self, cursor: str | None) -> None:
        """Take up what an earlier process noted."""
        # How old they are, Discord knows better: clocks differ.
        until = self._context.clock.monotonic() + LIFE_S
        try:
            kept = json.loads(cursor or "[]")
            uses = [
                Use(use_id, token, application_id, channel_id, is_direct, until, is_unsure=True)
                for use_id, token, application_id, channel_id, is_direct in kept
            ]
        except (TypeError, ValueError):
            uses = []  # another version's
        for use in uses:
            known = self._uses.setdefault(use.id, use)
            if not known.acknowledged.is_set():
                # Whether that is to come or was broken off: it is looked at.
                known.is_unsure = True
                known.acknowledged.set()
        self._forget_old()

    async def acknowledge(self, event: Wire) -> None:
        """Show that an answer is to come. It is stored by now. Too late is no error."""
        use = self._uses.get(str(event["id"]))
        if use is None or use.acknowledged.is_set():
            return
        try:
            refusal = await self._api.defer(use.id, use.token)
            use.is_shown = refusal is None or refusal.code == ACKNOWLEDGED
            if not use.is_shown:
                assert refusal is not None
                detail = refusal.message
                self._context.log.warning("a command is not acknowledged: %s", detail)
        except ChannelError as error:
            use.is_shown = use.is_unsure = not isinstance(error, RateLimited)
            self._context.log.warning("a command is not acknowledged: %s", error)
        finally:
            use.acknowledged.set()

    async def answer(self, message: OutgoingMessage) -> str | None:
        """Answer the command that a message is for; return its id, None if it is for none."""
        self._forget_old()
        use = self._use_for(message)
        if use is None:
            return None
        use.key = message.key
        await use.acknowledged.wait()
        if use.is_shown and use.is_unsure:
            use.is_shown, answered = await self._look_at(use, message)
            if answered is not None:
                return answered
        filled: Any = None
        if use.is_shown:
            filled = await self._api.call(
                "send",
                "PATCH",
                ANSWER,
                use.application_id,
                use.token,
                body=answer_params(message, previews=self._api.previews),
                is_repeatable=True,
            )
            if isinstance(filled, Refusal) and filled.code not in NOT_ANSWERABLE:
                raise filled.error(self._context.name, "send", is_repeatable=True)
        self._uses.pop(use.id, None)  # it may have become too old meanwhile
        # If it cannot be answered any more, the message is one like any other.
        return None if filled is None or isinstance(filled, Refusal) else str(filled["id"])

    async def settle(self, message: OutgoingMessage) -> None:
        """Take the notice away where a message with files answers in its place."""
        use = self._use_for(message)
        if use is None:
            return
        del self._uses[use.id]
        await use.acknowledged.wait()
        try:
            path = (use.application_id, use.token)
            await self._api.call("media", "DELETE", ANSWER, *path, is_repeatable=True)
        except ChannelError as error:
            self._context.log.debug("the notice of a command stays: %s", error)

    async def _look_at(self, use: Use, message: OutgoingMessage) -> tuple[bool, str | None]:
        """Return whether a command waits for its answer, and the id if this is the answer."""
        path = (use.application_id, use.token)
        shown = await self._api.call("send", "GET", ANSWER, *path, is_repeatable=True)
        if isinstance(shown, Refusal):
            if shown.code not in NOT_ANSWERABLE:
                raise shown.error(self._context.name, "send", is_repeatable=True)
            return False, None
        if int(shown.get("flags") or 0) & LOADING:
            return True, None
        is_same = message.unknown and shown.get("content") == Rendered.of(message).text
        if is_same:
            self._uses.pop(use.id, None)
        return False, str(shown["id"]) if is_same else None

    def _use_for(self, message: OutgoingMessage) -> Use | None:
        reply_to = message.reply_to
        if reply_to is not None:
            use = self._uses.get(reply_to.removeprefix(SLASH))
            return use if use is not None and use.key in (None, message.key) else None
        where = place_of(message)
        for use in self._uses.values():
            # Between two nothing says what is answered: it is what was asked first.
            if use.is_direct and use.channel_id == where and use.key in (None, message.key):
                return use
        return None

    def _forget_old(self) -> None:
        now = self._context.clock.monotonic()
        for use in [*self._uses.values()]:
            if use.until <= now:
                del self._uses[use.id]
