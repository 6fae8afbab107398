"""Channels that talk to a fake Slack, and what is done with them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import attrs
from fakes import EchoAgent, ManualClock, registry, running, session_of
from networks.slack import FakeSlack, Room

from cobot import (
    Batch,
    Conversation,
    Id,
    IncomingMessage,
    MessageRef,
    OutgoingMessage,
    Receipt,
    Secret,
    hookimpl,
)
from cobot.config import ChannelSettings
from cobot.config.settings import SessionSettings
from cobot.context import Context
from cobot.net import Http
from cobot.plugins import Plugin
from cobot.plugins.threads import ThreadPool
from cobot.session import Session
from cobot.text import parse
from cobot_slack import Slack, SlackChannel, SlackSettings
from cobot_slack.markup import render


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
        self.signs.append(f"closed until {time} for {channel_id}")

    def finished(self) -> None:
        """Note it."""
        self.signs.append("finished")


def context_for(
    network: FakeSlack, clock: ManualClock, folder: Path, health: Reports | None = None
) -> Context:
    """Return the world of a channel."""
    return Context(
        name="slack",
        log=logging.getLogger("cobot.slack"),
        clock=clock,
        random=Random(1),
        workspace=lambda _purpose: folder,
        in_thread=ThreadPool("slack", 2).run,
        redact=lambda text: text.replace(network.bot_token, "***"),
        health=health,
    )


@asynccontextmanager
async def bot_on(
    network: FakeSlack,
    clock: ManualClock,
    folder: Path,
    *rooms: Room,
    health: Reports | None = None,
    http: Http | None = None,
    **settings: Any,
) -> AsyncIterator[Slack]:
    """Open a channel for the network's bot, for the length of a block.

    Args:
        network: Where the bot is.
        clock: Time.
        folder: The workspace.
        rooms: Channels in the settings.
        health: Gets what the channel reports.
        http: What it talks through; None: connections of its own.
        settings: Others of its settings.
    """
    context = context_for(network, clock, folder, health)
    context._http = http
    values: dict[str, Any] = {
        "bot_token": Secret(network.bot_token),
        "app_token": Secret(network.app_token),
        "base_url": network.url,
        "channels": tuple(SlackChannel(Id(room.id)) for room in rooms),
        **settings,
    }
    channel = Slack(SlackSettings(**values), context)
    try:
        yield channel
    finally:
        await context.close()


class Receiving:
    """What a channel hands over, batch by batch."""

    def __init__(self, iterator: AsyncIterator[Batch]) -> None:
        self._iterator = iterator
        self.cursors: dict[str, str] = {}
        """As a journal has them by now."""

    async def next(self) -> Batch:
        """Take the next batch; what was taken before is stored."""
        async with asyncio.timeout(5):
            batch = await anext(self._iterator)
        self.cursors.update(batch.cursors)
        return batch

    async def batch(self) -> Batch:
        """Take the next batch with something in it."""
        while not (batch := await self.next()).items:
            pass
        return batch

    async def item(self) -> Any:
        """Take the next batch, which is one message or event."""
        (item,) = (await self.batch()).items
        return item

    async def message(self) -> IncomingMessage:
        """Take the next batch, which is one message."""
        item = await self.item()
        assert isinstance(item, IncomingMessage)
        return item

    async def store(self, network: FakeSlack) -> None:
        """Have all stored and acknowledged that came; nothing can be taken after it."""
        await self.until(network.wait_for(lambda: not network.pending))

    async def until(self, work: Awaitable[Any]) -> None:
        """Wait for what comes next while something else happens; nothing comes after it."""
        waiting = asyncio.ensure_future(self.next())
        try:
            await work
        finally:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

    async def ready(self) -> None:
        """Go on until a connection is there and all that was missed is handed over."""
        while "" not in self.cursors:
            assert not (await self.next()).items


@asynccontextmanager
async def receiving(
    channel: Slack, cursors: Mapping[str, str] | None = None
) -> AsyncIterator[Receiving]:
    """Receive for the length of a block."""
    async with aclosing(channel.session_receive(cursors or {})) as iterator:  # type: ignore[type-var]
        yield Receiving(iterator)


def to(room: Room, text: str = "hello", **fields: Any) -> OutgoingMessage:
    """Return a message to a channel."""
    return OutgoingMessage("slack", room.id, text, **fields)


def marked(room: Room, markdown: str, **fields: Any) -> OutgoingMessage:
    """Return a message to a channel as the session hands it over: rendered."""
    rendered = render(parse(markdown))
    return to(room, rendered.text, rendered=rendered.json, **fields)


def ref(room: Room, message_id: object) -> MessageRef:
    """Return the address of a message."""
    return MessageRef("slack", room.id, str(message_id))


def ids(sent: str | Receipt) -> list[str]:
    """Return the ids that a send gave."""
    return [one.id for one in sent.refs] if isinstance(sent, Receipt) else [sent]


async def passing(clock: ManualClock, work: Awaitable[Any], most_s: float = 60.0) -> Any:
    """Let time pass for as long as something takes, in small steps; return its result.

    Args:
        clock: The clock.
        work: What takes time.
        most_s: How much time may pass at most.
    """
    task = asyncio.ensure_future(work)
    step_s = 0.25
    for _ in range(int(most_s / step_s)):
        await asyncio.wait([task], timeout=0.005)
        if task.done():
            break
        clock.advance(step_s)
    async with asyncio.timeout(5):
        return await task


Act = Callable[[IncomingMessage, Conversation], Awaitable[str | None]]


@attrs.define(eq=False)
class Agent:
    """Does what a test wants."""

    act: Act
    folder: Path = Path()

    @hookimpl
    def workspace_path(self, purpose: str) -> Path:
        return self.folder

    @hookimpl
    async def agent_reply(
        self, message: IncomingMessage, conversation: Conversation
    ) -> str | None:
        return await self.act(message, conversation)


def session_with(channel: Slack, clock: ManualClock, agent: object, **options: Any) -> Session:
    """Return a session over the channel."""
    plugin = Plugin(
        "slack",
        channel,
        ChannelSettings(rate="off"),
        channel.context,
        working=ThreadPool("slack", 2),
    )
    return session_of(registry(slack=plugin, agent=agent), clock=clock, **options)


@asynccontextmanager
async def session(
    channel: Slack, clock: ManualClock, agent: object = None, **options: Any
) -> AsyncIterator[Session]:
    """Run a session with the channel for the length of a block."""
    options.setdefault("settings", SessionSettings(typing_after=1000))
    async with running(session_with(channel, clock, agent or EchoAgent(), **options)) as opened:
        yield opened


def files_in(folder: Path) -> list[Path]:
    """Return what is in a folder."""
    return [*folder.iterdir()]
