"""Slack channel for cobot.

Speaks the Web API (https://docs.slack.dev, read 2026-11-22) and Socket Mode, with several
connections if need be.
Not supported: streams of text, ephemeral messages, modals, shortcuts, app home, link unfurling,
installations in several workspaces (OAuth).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar, Literal

import attrs

from cobot import (
    AuthFailed,
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
    Unsupported,
    hookimpl,
)
from cobot.kit import address, between, matching
from cobot.text import Document, Rendered
from cobot_slack.api import SlackApi
from cobot_slack.bot import Bot, missing_scopes
from cobot_slack.commands import Commands
from cobot_slack.directory import Directory
from cobot_slack.entries import Entries
from cobot_slack.errors import Refusal
from cobot_slack.events_api import EventsApi
from cobot_slack.files import UPLOAD_BYTES
from cobot_slack.markup import render
from cobot_slack.receiving import Arrivals
from cobot_slack.socket_mode import SocketMode
from cobot_slack.transfers import Transfers

__all__ = ["Slack", "SlackChannel", "SlackSettings"]

# One message a second in a channel, several hundred a minute in all:
# https://docs.slack.dev/apis/web-api/rate-limits. Each method has limits of its own besides.
CHANNEL_RATE = 1.0
BOT_RATE = 5.0

LIMITS = Limits(
    # Slack takes 4,000 characters, and makes several messages of more or refuses it.
    text=3900,
    unit="utf16",
    caption=3900,
    upload_bytes=UPLOAD_BYTES,
    typing_s=90.0,
    idempotency="lookup",
    rate_channel=BOT_RATE,
    rate_address=CHANNEL_RATE,
)


_is_bot_token = matching(r"xox[a-z]-[A-Za-z0-9.-]+", "a bot's token, which begins with xoxb-")
_is_app_token = matching(r"xapp-[A-Za-z0-9-]+", "an app-level token, which begins with xapp-")
_is_signing_secret = matching(
    r"[0-9a-f]{16,}", "the signing secret: 32 digits and letters from a to f"
)
_is_address = address("https://slack.com/api")
_is_channel = matching(
    r"[CDG][A-Z0-9]+",
    "a channel's id such as C0123456789 (at the end of its details)",
    is_shown=True,
)
_is_path = matching(r"/[^\s?#]*", "a path such as /slack/events", is_shown=True)


@attrs.frozen
class SlackChannel:
    """A channel in which the bot answers."""

    id: Id = attrs.field(validator=_is_channel)
    """The channel's id."""


@attrs.frozen(kw_only=True)
class SlackSettings:
    """The section `plugins.slack`."""

    bot_token: Secret = attrs.field(validator=_is_bot_token)
    """From the app's settings: OAuth & Permissions."""
    app_token: Secret | None = attrs.field(default=None, validator=_is_app_token)
    """From Basic Information, App-Level Tokens; for Socket Mode."""
    signing_secret: Secret | None = attrs.field(default=None, validator=_is_signing_secret)
    """From Basic Information; for events by HTTP."""
    channels: tuple[SlackChannel, ...] = ()
    """Channels that are listed; the first is where broadcasts go."""
    connections: int = attrs.field(default=1, validator=between(1, 10))
    """How many connections of Socket Mode there are."""
    host: str = "127.0.0.1"
    """Where events by HTTP are waited for: behind a proxy that speaks TLS."""
    port: int = attrs.field(default=3000, validator=between(0, 65535, "a port"))
    """On which port; only if there is no `app_token`."""
    path: str = attrs.field(default="/slack/events", validator=_is_path)
    """On which path: events, commands and buttons."""
    base_url: str = attrs.field(default="https://slack.com/api", validator=_is_address)
    """Where the API is."""


@attrs.define(eq=False)  # plugins are compared by identity and must be hashable
class Slack(ChannelSpec):
    """One app, in one workspace."""

    Settings: ClassVar = SlackSettings

    settings: SlackSettings
    context: Context
    _api: SlackApi = attrs.field(init=False)
    _entries: Entries = attrs.field(init=False)
    _transfers: Transfers = attrs.field(init=False)
    _directory: Directory = attrs.field(init=False)
    _commands: Commands = attrs.field(init=False)
    _bot: Bot | None = attrs.field(default=None, init=False)
    _newest: dict[str, str] = attrs.field(factory=dict, init=False)  # messages, by channel

    def __attrs_post_init__(self) -> None:
        settings = self.settings
        self._api = SlackApi(
            self.context,
            base_url=settings.base_url.rstrip("/"),
            bot_token=settings.bot_token.reveal(),
            app_token=settings.app_token and settings.app_token.reveal(),
        )
        self._entries = self._way()
        self._transfers = Transfers(self._api, self.context)
        self._directory = Directory(self.context, self._api)
        self._commands = Commands(self.context, self._api)

    @hookimpl
    async def session_receive(self, cursors: Mapping[str, str]) -> AsyncIterator[Batch]:
        settings = self.settings
        if settings.app_token is None and settings.signing_secret is None:
            detail = "set app_token (Socket Mode) or signing_secret (HTTP), or nothing arrives"
            raise AuthFailed(self.context.name, "receive", detail)
        bot = await self._myself()
        arrivals = Arrivals(
            self.context,
            self._api,
            self._entries,
            self._directory,
            self._commands,
            bot,
            [one.id for one in settings.channels],
            cursors,
            self._newest,
        )
        async with aclosing(arrivals.found()) as several:
            async for found in several:
                found.tell(self.context.log)
                yield found.batch()
                # All of it is stored: Slack may forget it.
                for envelope in found.envelopes:
                    await envelope.source.acknowledge(envelope.id)
                if found.fatal:
                    raise AuthFailed(self.context.name, "receive", found.fatal)

    @hookimpl
    async def session_prepare(self, message: OutgoingMessage) -> Any:
        if not message.media:
            return None
        try:
            return await self._transfers.prepare(message)
        except Unsupported:
            return None  # `session_media` says so again, and a link goes in its place

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> Receipt | Literal[True]:
        sent = await self._api.send(message)
        if isinstance(sent, Refusal):
            if not await self._commands.answer(message, sent):
                raise sent.error(self.context.name, "send")
            # Such an answer cannot be looked up, whether or not it has arrived before.
            return Receipt(maybe_repeated=True) if message.unknown else True
        if message.thread_id is None:
            await self._api.stop_typing(message.channel_id)
        return sent

    @hookimpl
    async def session_media(self, message: OutgoingMessage) -> Receipt:
        receipt = await self._transfers.send(message)
        if message.thread_id is None:
            await self._api.stop_typing(message.channel_id)
        return receipt

    @hookimpl
    async def session_edit(self, ref: MessageRef, message: OutgoingMessage) -> None:
        await self._api.edit(ref, message)

    @hookimpl
    async def session_delete(self, ref: MessageRef) -> None:
        await self._api.delete(ref)

    @hookimpl
    async def session_react(self, ref: MessageRef, emoji: str | None) -> None:
        bot = await self._myself("react") if emoji is None else None
        await self._api.react(ref, emoji, bot)

    @hookimpl
    async def session_typing(
        self, channel_type: str, channel_id: str, thread_id: str | None
    ) -> None:
        await self._api.type(channel_id, thread_id, self._newest.get(channel_id))

    @hookimpl
    async def session_presence(self, channel_type: str, status: str, text: str) -> None:
        await self._api.be(status)

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
        bot = await self._api.who("check")
        if self.settings.app_token is None:
            is_http = self.settings.signing_secret is not None
            socket = f"HTTP on port {self.settings.port}" if is_http else "nothing is received"
        else:
            await self._api.socket_url("check")
            socket = "Socket Mode on"
        missing = missing_scopes(bot.scopes)
        scopes = f"scopes missing: {', '.join(missing)}" if missing else "all scopes"
        return f"@{bot.name} (id {bot.id}) in {bot.team}, {socket}, {scopes}"

    @hookimpl
    def session_limits(self, channel_type: str, channel_id: str | None) -> Limits:
        return LIMITS

    @hookimpl
    def session_default_target(self, channel_type: str) -> str | None:
        return self.settings.channels[0].id if self.settings.channels else None

    def _way(self) -> Entries:
        """Return how envelopes come: over Socket Mode if there is a token for it."""
        settings = self.settings
        if settings.app_token is None and settings.signing_secret is not None:
            secret = settings.signing_secret.reveal()
            host, port, path = settings.host, settings.port, settings.path
            return EventsApi(self.context, secret=secret, host=host, port=port, path=path)
        return SocketMode(self.context, self._api.socket_url, connections=settings.connections)

    async def _myself(self, operation: str = "receive") -> Bot:
        """Ask once who we are: without our id nobody could mention us."""
        if self._bot is None:
            self._bot = await self._api.who(operation)
            missing = missing_scopes(self._bot.scopes)
            if missing:
                self.context.log.warning(
                    "the app lacks scopes, and what needs them will not work: %s; add them"
                    " (OAuth & Permissions) and install the app again",
                    ", ".join(missing),
                )
        return self._bot
