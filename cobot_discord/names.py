"""The channels in the settings: which ones their names mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from cobot import ChannelError, ChatGone
from cobot_discord.api import DiscordApi
from cobot_discord.errors import WrongSettings
from cobot_discord.places import FORUM, MEDIA, resolve


class Named(Protocol):
    """A guild in the settings, and its channel."""

    @property
    def id(self) -> str:
        """The guild's id."""

    @property
    def channel(self) -> str | None:
        """The channel's name or id; None: all of them."""


class Names:
    """Asks once what names mean: to rename a channel later changes nothing."""

    def __init__(self, name: str, api: DiscordApi, guilds: Sequence[Named]) -> None:
        """Ask nothing yet.

        Args:
            name: The section's name.
            api: Knows.
            guilds: What is asked for.
        """
        self._name = name
        self._api = api
        self._guilds = guilds
        self._found: list[str] | None = None
        self._default: str | None = None

    async def listed(self, operation: str = "receive") -> Sequence[str]:
        """Return the ids of the channels, and of guilds that are listed as a whole.

        Raises:
            WrongSettings: A name means nothing, or several channels.
        """
        if self._found is None:
            self._found = [await self._one(guild, operation) for guild in self._guilds]
        return self._found

    async def default(self) -> str | None:
        """Return the first channel in which the bot can simply write."""
        await self.listed("send")
        return self._default

    async def _one(self, guild: Named, operation: str) -> str:
        if guild.channel is None and operation != "check":
            return guild.id
        try:
            channels = await self._api.ask(operation, "GET", "/guilds/{}/channels", guild.id)
        except ChatGone as error:
            raise await self._no_guild(guild, operation, error) from error
        if guild.channel is None:
            return guild.id
        channel_id, candidates = resolve(guild.channel, channels)
        if channel_id is None:
            shown = ", ".join(candidates) or "none that the bot can see"
            many = len(candidates) > 1 and candidates[0].endswith(")")
            what = "several channels are called" if many else "there is no channel"
            hint = "write its id instead" if many else "there are"
            detail = f"{what} {guild.channel!r} in the server {guild.id}; {hint}: {shown}"
            raise WrongSettings(self._name, operation, detail)
        kinds = {str(one["id"]): one["type"] for one in channels}
        if self._default is None and kinds[channel_id] not in (FORUM, MEDIA):
            self._default = channel_id
        return channel_id

    async def _no_guild(
        self, guild: Named, operation: str, error: ChannelError
    ) -> WrongSettings:
        known = await self._api.ask(operation, "GET", "/users/@me/guilds")
        shown = ", ".join(f"{one['id']} ({one['name']})" for one in known) or "none"
        detail = (
            f"the bot is not in the server {guild.id}: invite it (developer portal, OAuth2), or"
            f" mend the id; it is in: {shown}; {error.detail}"
        )
        return WrongSettings(self._name, operation, detail)
