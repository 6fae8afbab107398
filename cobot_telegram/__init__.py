"""Telegram channel for cobot.

Speaks the Bot API 10.3 (https://core.telegram.org/bots/api, read 2026-11-22) by long polling.
Not supported: presence (bots have none), webhooks, business accounts, inline queries, and
being told of deletions, which bots are not.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
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
    Unreachable,
    hookimpl,
)
from cobot.kit import Tasks, address, matching
from cobot.text import Document, Rendered
from cobot_telegram.api import TelegramApi
from cobot_telegram.entities import render
from cobot_telegram.transfers import CAPTION_CHARS, DOWNLOAD_BYTES, UPLOAD_BYTES, Transfers
from cobot_telegram.wire import Bot, Reader

__all__ = ["Telegram", "TelegramGroup", "TelegramSettings"]

# Bots may send about one message a second to a chat, 20 a minute to a group, 30 a second in
# all: https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
CHAT_RATE = 1.0
GROUP_RATE = 20 / 60
CHANNEL_RATE = 30.0

LIMITS = Limits(
    # Telegram counts code points, as far as is known; no text has more of them than of these.
    text=4096,
    unit="utf16",
    caption=CAPTION_CHARS,
    upload_bytes=UPLOAD_BYTES,
    download_bytes=DOWNLOAD_BYTES,
    typing_s=5.0,
    redelivery_days=1.0,
    rate_channel=CHANNEL_RATE,
    rate_address=CHAT_RATE,
)
GROUP_LIMITS = attrs.evolve(LIMITS, rate_address=GROUP_RATE)

_is_token = matching(
    r"[1-9][0-9]*:[A-Za-z0-9_-]+",
    "a token of @BotFather's, as 123456:ABC-DEF, and no spaces",
)
_is_number = matching(r"-?[1-9][0-9]*", "a number such as -1001234567890", is_shown=True)
_is_address = address("https://api.telegram.org")


@attrs.frozen
class TelegramGroup:
    """A chat in which the bot answers."""

    id: Id = attrs.field(validator=_is_number)
    """Its id, as -1001234567890."""
    name: str = ""
    """What it is called, for people who read the file."""


@attrs.frozen(kw_only=True)
class TelegramSettings:
    """The section `plugins.telegram`."""

    bot_token: Secret = attrs.field(validator=_is_token)
    """From @BotFather."""
    groups: tuple[TelegramGroup, ...] = ()
    """Groups and channels that are listed; the first is where broadcasts go."""
    base_url: str = attrs.field(default="https://api.telegram.org", validator=_is_address)
    """Where the Bot API is."""
    file_url: str | None = attrs.field(default=None, validator=_is_address)
    """Where files are; None: at `{base_url}/file`."""


@attrs.define(eq=False)  # plugins are compared by identity and must be hashable
class Telegram(ChannelSpec):
    """One bot."""

    Settings: ClassVar = TelegramSettings
    renders_plain: ClassVar[bool] = False

    settings: TelegramSettings
    context: Context
    _api: TelegramApi = attrs.field(init=False)
    _transfers: Transfers = attrs.field(init=False)
    _bot: Bot | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        base_url = self.settings.base_url.rstrip("/")
        self._api = TelegramApi(
            self.context,
            base_url=base_url,
            file_url=(self.settings.file_url or f"{base_url}/file").rstrip("/"),
            token=self.settings.bot_token.reveal(),
        )
        self._transfers = Transfers(self._api, self.context)

    @hookimpl
    async def session_receive(self, cursors: Mapping[str, str]) -> AsyncIterator[Batch]:
        listed = [group.id for group in self.settings.groups]
        reader = Reader(self.context.name, await self._myself(), listed, cursors)
        offset = int(cursors[""]) if "" in cursors else None
        is_connected = False
        async with Tasks() as answering:
            while True:
                updates = await self._api.get_updates(offset)
                if not is_connected:
                    is_connected = True
                    self.context.connected()
                if not updates:
                    self.context.alive()
                    continue
                found = reader.read(updates, self.context.clock.now())
                found.tell(self.context.log)
                if "" not in found.cursors:
                    # It would come again at once, and for ever.
                    detail = "what arrived has no numbers, so it cannot be confirmed"
                    raise Unreachable(self.context.name, "receive", detail)
                yield found.batch()
                # All of it is stored: the next poll may confirm it.
                offset = int(found.cursors[""])
                for query in found.queries:
                    answering.add(self._api.answer_query(query))

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> str | Receipt:
        return await self._api.send(message)

    @hookimpl
    async def session_media(self, message: OutgoingMessage) -> Receipt:
        return await self._transfers.send(message)

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
    async def session_fetch(
        self, channel_type: str, media: Media, path: Path, limit_bytes: int
    ) -> None:
        await self._transfers.fetch(media, path, limit_bytes)

    @hookimpl
    def session_render(self, channel_type: str, document: Document) -> Rendered:
        return render(document)

    @hookimpl
    async def session_check(self, channel_type: str) -> str:
        return await self._api.check(is_in_groups=bool(self.settings.groups))

    @hookimpl
    def session_limits(self, channel_type: str, channel_id: str | None) -> Limits:
        # Groups and channels have ids below zero.
        is_group = channel_id is not None and channel_id.startswith("-")
        return GROUP_LIMITS if is_group else LIMITS

    @hookimpl
    def session_default_target(self, channel_type: str) -> str | None:
        return self.settings.groups[0].id if self.settings.groups else None

    async def _myself(self) -> Bot:
        """Ask once who we are: without our name nobody could mention us."""
        if self._bot is None:
            self._bot = await self._api.get_me()
            if self.settings.groups and not self._bot.reads_all:
                self.context.log.warning(
                    "privacy mode is on: in groups @%s gets only commands and replies to it;"
                    " to let it be mentioned, turn it off (@BotFather: /setprivacy, Disable),"
                    " then remove the bot from its groups and add it again",
                    self._bot.username,
                )
        return self._bot
