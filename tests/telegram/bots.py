"""Channels that talk to a fake Telegram, and what is done with them."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import attrs
import httpx
from fakes import ManualClock, registry, session_of
from networks.telegram import FakeTelegram, Room

from cobot import Batch, Id, IncomingMessage, MessageRef, OutgoingMessage, Receipt, Secret
from cobot.config import ChannelSettings
from cobot.context import Context
from cobot.net import Http
from cobot.plugins import Plugin
from cobot.plugins.threads import ThreadPool
from cobot.session import Session
from cobot.text import parse
from cobot_telegram import Telegram, TelegramGroup, TelegramSettings
from cobot_telegram.entities import render


class Quiet(ManualClock):
    """A clock on which nobody has to wait: it moves on to when the first wakes."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, delay_s: float) -> None:
        """Let that much time pass at once."""
        self.slept.append(delay_s)
        self.advance(delay_s)


@attrs.define(eq=False)
class Reports:
    """What a channel says of its health."""

    signs: list[str] = attrs.field(factory=list)

    def alive(self) -> None:
        """Note it."""
        self.signs.append("alive")

    def connected(self) -> None:
        """Note it."""
        self.signs.append("connected")

    def degraded(self, reason: str) -> None:
        """Note it."""
        self.signs.append(reason)

    def closed_until(self, time: object, channel_id: str | None = None) -> None:
        """Note it."""
        self.signs.append(f"closed until {time}")

    def finished(self) -> None:
        """Note it."""
        self.signs.append("finished")


def context_for(
    network: FakeTelegram, clock: ManualClock, folder: Path, health: Reports | None = None
) -> Context:
    """Return the world of a channel."""
    return Context(
        name="telegram",
        log=logging.getLogger("cobot.telegram"),
        clock=clock,
        random=Random(1),
        workspace=lambda _purpose: folder,
        in_thread=ThreadPool("telegram", 2).run,
        redact=lambda text: text.replace(network.token, "***"),
        health=health,
    )


@asynccontextmanager
async def bot_on(
    network: FakeTelegram,
    clock: ManualClock,
    folder: Path,
    *groups: int,
    health: Reports | None = None,
    http: Http | None = None,
    **settings: Any,
) -> AsyncIterator[Telegram]:
    """Open a channel for the network's bot, for the length of a block.

    Args:
        network: Where the bot is.
        clock: Time.
        folder: The workspace.
        groups: Ids of chats in the settings.
        health: Gets what the channel reports.
        http: What it talks through; None: connections of its own.
        settings: Others of its settings.
    """
    context = context_for(network, clock, folder, health)
    context._http = http
    values: dict[str, Any] = {
        "bot_token": Secret(network.token),
        "base_url": network.url,
        "groups": tuple(TelegramGroup(Id(str(one)), "a group") for one in groups),
        **settings,
    }
    channel = Telegram(TelegramSettings(**values), context)
    try:
        yield channel
    finally:
        await context.close()


class Receiving:
    """What a channel hands over, batch by batch."""

    def __init__(self, iterator: AsyncIterator[Batch]) -> None:
        self._iterator = iterator

    async def batch(self) -> Batch:
        """Take the next batch; what was taken before is stored by now."""
        return await anext(self._iterator)

    async def message(self) -> IncomingMessage:
        """Take the next batch, which is one message."""
        (item,) = (await self.batch()).items
        assert isinstance(item, IncomingMessage)
        return item


@asynccontextmanager
async def receiving(
    channel: Telegram, cursors: Mapping[str, str] | None = None
) -> AsyncIterator[Receiving]:
    """Receive for the length of a block."""
    async with aclosing(channel.session_receive(cursors or {})) as iterator:  # type: ignore[type-var]
        yield Receiving(iterator)


def to(room: Room, text: str = "hello", **fields: Any) -> OutgoingMessage:
    """Return a message to a chat."""
    return OutgoingMessage("telegram", str(room.id), text, **fields)


def marked(room: Room, markdown: str, **fields: Any) -> OutgoingMessage:
    """Return a message to a chat as the session hands it over: rendered."""
    rendered = render(parse(markdown))
    return to(room, rendered.text, rendered=rendered.json, **fields)


def ref(room: Room, message_id: object) -> MessageRef:
    """Return the address of a message."""
    return MessageRef("telegram", str(room.id), str(message_id))


def ids(sent: str | Receipt) -> list[str]:
    """Return the ids that a send gave."""
    return [one.id for one in sent.refs] if isinstance(sent, Receipt) else [sent]


def session_with(
    channel: Telegram, clock: ManualClock, agent: object, **options: Any
) -> Session:
    """Return a session over the channel."""
    plugin = Plugin(
        "telegram",
        channel,
        ChannelSettings(rate="off"),
        channel.context,
        working=ThreadPool("telegram", 2),
    )
    return session_of(registry(telegram=plugin, agent=agent), clock=clock, **options)


PAGES = "https://files.test"
"""Where the internet is, for the tests that need one."""


@asynccontextmanager
async def with_web(
    network: FakeTelegram,
    clock: ManualClock,
    folder: Path,
    answer: Callable[[httpx.Request], httpx.Response],
) -> AsyncIterator[Telegram]:
    """Open a channel whose files from the internet come from a function."""
    web = httpx.MockTransport(answer)
    async with httpx.AsyncHTTPTransport() as real:

        class Routed(httpx.AsyncBaseTransport):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                carrier = web if request.url.host == "files.test" else real
                return await carrier.handle_async_request(request)

        async with bot_on(
            network, clock, folder, http=Http("telegram", transport=Routed())
        ) as channel:
            yield channel


def files_in(folder: Path) -> list[Path]:
    """Return what is in a folder."""
    return [*folder.iterdir()]
