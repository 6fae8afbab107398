"""Discord channel for cobot.

Speaks the API v10 (https://docs.discord.com/developers, read 2026-11-22): REST, and the gateway
with sessions that are resumed.
Not supported: voice, sharding, buttons and other components, interactions by webhook, group
direct messages, and being told who took all reactions off at once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import ClassVar

import attrs

from cobot import (
    Batch,
    ChannelSpec,
    Context,
    Id,
    Limits,
    Media,
    MessageRef,
    OutgoingMessage,
    Receipt,
    Secret,
    hookimpl,
)
from cobot.kit import Tasks, address, matching
from cobot.text import Document, Rendered
from cobot_discord.api import DiscordApi
from cobot_discord.commands import Commands
from cobot_discord.files import UPLOAD_BYTES
from cobot_discord.gateway import Gateway
from cobot_discord.markup import render
from cobot_discord.names import Names
from cobot_discord.offers import DiscordCommand, DiscordOption, offered
from cobot_discord.params import presence_params
from cobot_discord.receiving import Arrivals
from cobot_discord.transfers import Transfers
from cobot_discord.wire import Bot, Found

__all__ = ["Discord", "DiscordCommand", "DiscordGuild", "DiscordOption", "DiscordSettings"]

# A bot may ask 50 times a second in all, and has long been allowed 5 messages in 5 seconds in
# a channel: https://docs.discord.com/developers/topics/rate-limits. What is right is told with
# each answer, and kept to.
CHAT_RATE = 1.0
BOT_RATE = 45.0

LIMITS = Limits(
    text=2000,
    unit="codepoints",
    caption=2000,
    upload_bytes=UPLOAD_BYTES,
    typing_s=10.0,
    idempotency="key",
    # "The past few minutes", say the documents, and no more.
    idempotency_window_s=120.0,
    rate_channel=BOT_RATE,
    rate_address=CHAT_RATE,
)

_is_token = matching(
    r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+",
    "a bot's token, as MTEx.GfZ.k2b, without 'Bot' and spaces",
)
_is_id = matching(r"[1-9][0-9]*", "a number such as 1100000000000000001", is_shown=True)
_is_address = address("https://discord.com/api/v10")
_is_socket_address = address("wss://gateway.discord.gg")


@attrs.frozen
class DiscordGuild:
    """A channel in which the bot answers, and the server it is in."""

    id: Id = attrs.field(validator=_is_id)
    """The server's id."""
    channel: str | None = None
    """The channel's name or id; None: every channel of the server."""


@attrs.frozen(kw_only=True)
class DiscordSettings:
    """The section `plugins.discord`."""

    bot_token: Secret = attrs.field(validator=_is_token)
    """From the developer portal."""
    guilds: tuple[DiscordGuild, ...] = ()
    """Channels that are listed; the first is where broadcasts go."""
    commands: tuple[DiscordCommand, ...] | None = None
    """Slash commands; None: those that are registered stay as they are."""
    previews: bool = True
    """Whether pages that messages link to are shown below them."""
    base_url: str = attrs.field(default="https://discord.com/api/v10", validator=_is_address)
    """Where the API is."""
    gateway_url: str | None = attrs.field(default=None, validator=_is_socket_address)
    """Where the gateway is; None: where the API says."""


@attrs.define(eq=False)  # plugins are compared by identity and must be hashable
class Discord(ChannelSpec):
    """One bot."""

    Settings: ClassVar = DiscordSettings

    settings: DiscordSettings
    context: Context
    _api: DiscordApi = attrs.field(init=False)
    _gateway: Gateway = attrs.field(init=False)
    _transfers: Transfers = attrs.field(init=False)
    _names: Names = attrs.field(init=False)
    _commands: Commands = attrs.field(init=False)
    _bot: Bot | None = attrs.field(default=None, init=False)
    _is_blind: bool = attrs.field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        settings = self.settings
        base_url, token = settings.base_url.rstrip("/"), settings.bot_token.reveal()
        self._api = DiscordApi(
            self.context, base_url=base_url, token=token, previews=settings.previews
        )
        gateway_url = settings.gateway_url and settings.gateway_url.rstrip("/")
        self._gateway = Gateway(self.context, self._api, url=gateway_url, token=token)
        self._transfers = Transfers(self._api, self.context)
        self._names = Names(self.context.name, self._api, settings.guilds)
        self._commands = Commands(self.context, self._api)

    @hookimpl
    async def session_receive(self, cursors: Mapping[str, str]) -> AsyncIterator[Batch]:
        bot = await self._myself()
        listed = await self._names.listed()
        arrivals = Arrivals(
            self.context, self._api, self._gateway, self._commands, bot, listed, cursors
        )
        async with Tasks() as answering, aclosing(arrivals.found()) as several:
            async for found in several:
                self._tell(found)
                yield found.batch()
                # All of it is stored: a resume may leave it out.
                if found.sequence is not None:
                    self._gateway.stored(*found.sequence)
                for one in found.commands:
                    answering.add(self._commands.acknowledge(one))

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> str:
        return await self._commands.answer(message) or await self._api.send(message)

    @hookimpl
    async def session_media(self, message: OutgoingMessage) -> Receipt:
        receipt = await self._transfers.send(message)
        await self._commands.settle(message)
        return receipt

    @hookimpl
    async def session_edit(self, ref: MessageRef, message: OutgoingMessage) -> None:
        await self._api.edit(ref, message)

    @hookimpl
    async def session_delete(self, ref: MessageRef) -> None:
        await self._api.delete(ref)

    @hookimpl
    async def session_react(self, ref: MessageRef, emoji: str | None) -> None:
        await self._api.react(ref, emoji)

    @hookimpl
    async def session_typing(
        self, channel_type: str, channel_id: str, thread_id: str | None
    ) -> None:
        await self._api.type(channel_id, thread_id)

    @hookimpl
    async def session_presence(self, channel_type: str, status: str, text: str) -> None:
        await self._gateway.show(presence_params(status, text))

    @hookimpl
    async def session_fetch(
        self, channel_type: str, media: Media, path: Path, limit_bytes: int
    ) -> None:
        await self._transfers.fetch(media, path, limit_bytes)

    @hookimpl
    def session_render(self, channel_type: str, document: Document) -> Rendered:
        return render(document)

    @hookimpl
    async def session_check(self, channel_type: str) -> str:
        bot = await self._api.get_me("check")
        application = await self._api.ask("check", "GET", "/applications/@me")
        reads_all = int(application.get("flags") or 0) & (1 << 18 | 1 << 19)
        intent = "on" if reads_all else "off: switch it on in the developer portal (Bot)"
        await self._names.listed("check")
        return f"@{bot.username} (id {bot.id}), message content intent {intent}"

    @hookimpl
    def session_limits(self, channel_type: str, channel_id: str | None) -> Limits:
        return LIMITS

    @hookimpl
    async def session_default_target(self, channel_type: str) -> str | None:
        return await self._names.default()

    async def _myself(self) -> Bot:
        """Ask who we are, and offer the commands: until both was done once."""
        if self._bot is None:
            bot = await self._api.get_me()
            if self.settings.commands is not None:
                await self._commands.offer([offered(one) for one in self.settings.commands])
            self._bot = bot
        return self._bot

    def _tell(self, found: Found) -> None:
        self._api.note_sent(found.echoes)
        found.tell(self.context.log)
        if found.is_blind and not self._is_blind:
            self._is_blind = True
            self.context.log.warning(
                "messages arrive without their content, and are passed over: the bot sees only"
                " those that mention it or reply to it; switch on Message Content Intent in the"
                " developer portal (Bot, Privileged Gateway Intents)"
            )
