"""Channels that talk to fake networks, and what is done with them: what they have in common."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, Protocol, TypeVar

import attrs
from fakes import EchoAgent, ManualClock, registry, running, session_of

from cobot import (
    Batch,
    Conversation,
    IncomingMessage,
    MessageRef,
    OutgoingMessage,
    hookimpl,
)
from cobot.config import ChannelSettings
from cobot.config.settings import SessionSettings
from cobot.context import Context
from cobot.net import Http
from cobot.plugins import Plugin
from cobot.plugins.threads import ThreadPool
from cobot.session import Session
from cobot.text import Document, Rendered, parse

GUARD_S = 5.0
"""A batch that takes longer does not come."""

SettingsT = TypeVar("SettingsT")
ChannelT = TypeVar("ChannelT")


# --- a channel ---


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
        self.signs.append(f"closed until {time} for {channel_id}")

    def finished(self) -> None:
        """Note it."""
        self.signs.append("finished")


def context_for(
    name: str, token: str, clock: ManualClock, folder: Path, health: Reports | None = None
) -> Context:
    """Return the world of a channel.

    Args:
        name: The channel's.
        token: What is taken out of logs.
        clock: Time.
        folder: The workspace.
        health: Gets what the channel reports.
    """
    return Context(
        name=name,
        log=logging.getLogger(f"cobot.{name}"),
        clock=clock,
        random=Random(1),
        workspace=lambda _purpose: folder,
        in_thread=ThreadPool(name, 2).run,
        redact=lambda text: text.replace(token, "***"),
        health=health,
    )


@asynccontextmanager
async def channel_in(
    context: Context,
    kind: Callable[[SettingsT, Context], ChannelT],
    settings: SettingsT,
    http: Http | None = None,
) -> AsyncIterator[ChannelT]:
    """Open a channel for the length of a block.

    Args:
        context: Its world.
        kind: Its class.
        settings: Its settings.
        http: What it talks through; None: connections of its own.
    """
    context._http = http
    try:
        yield kind(settings, context)
    finally:
        await context.close()


def command_line(
    channel: str, folder: Path, section: str, *command: str
) -> subprocess.CompletedProcess[str]:
    """Run `cobot` for a channel.

    Args:
        channel: Its name.
        folder: Where the settings are put.
        section: The channel's, in YAML, indented by four.
        command: What is run.
    """
    file = folder / "cobot.yml"
    file.write_text(f"access: {{direct: open}}\nplugins:\n  {channel}:\n{section}")
    return subprocess.run(
        [sys.executable, "-P", "-m", "cobot", *command, "-c", str(file)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# --- what it receives ---


class Receiver(Protocol):
    """A channel that receives."""

    def session_receive(self, cursors: Mapping[str, str]) -> AsyncIterator[Batch]:
        """Hand over what comes."""


class Pending(Protocol):
    """A network that knows what the bot has not acknowledged."""

    @property
    def pending(self) -> int:
        """How much that is."""

    async def wait_for(self, condition: Callable[[], object]) -> Any:
        """Wait until a condition holds."""


class Receiving:
    """What a channel hands over, batch by batch."""

    def __init__(self, iterator: AsyncIterator[Batch]) -> None:
        self._iterator = iterator
        self.cursors: dict[str, str] = {}
        """As a journal has them by now."""

    async def next(self) -> Batch:
        """Take the next batch; what was taken before is stored."""
        async with asyncio.timeout(GUARD_S):
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

    async def store(self, network: Pending) -> None:
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
    channel: Receiver, cursors: Mapping[str, str] | None = None
) -> AsyncIterator[Receiving]:
    """Receive for the length of a block."""
    async with aclosing(channel.session_receive(cursors or {})) as iterator:  # type: ignore[type-var]
        yield Receiving(iterator)


# --- what it sends ---


class Place(Protocol):
    """Where people write: a network's `Room`."""

    @property
    def id(self) -> object:
        """As the network names it."""


@attrs.frozen
class Addressing:
    """Messages of one channel, and where they go."""

    channel_type: str
    render: Callable[[Document], Rendered]

    def to(self, room: Place, text: str = "hello", **fields: Any) -> OutgoingMessage:
        """Return a message to a chat."""
        return OutgoingMessage(self.channel_type, str(room.id), text, **fields)

    def marked(self, room: Place, markdown: str, **fields: Any) -> OutgoingMessage:
        """Return a message to a chat as the session hands it over: rendered."""
        rendered = self.render(parse(markdown))
        return self.to(room, rendered.text, rendered=rendered.json, **fields)

    def ref(self, room: Place, message_id: object) -> MessageRef:
        """Return the address of a message."""
        return MessageRef(self.channel_type, str(room.id), str(message_id))


# --- under a session ---


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
    async with asyncio.timeout(GUARD_S):
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


class InContext(Protocol):
    """A channel."""

    context: Context


def session_with(
    channel: InContext, clock: ManualClock, agent: object, **options: Any
) -> Session:
    """Return a session over the channel."""
    name = channel.context.name
    plugin = Plugin(
        name,
        channel,
        ChannelSettings(rate="off"),
        channel.context,
        working=ThreadPool(name, 2),
    )
    return session_of(registry(**{name: plugin}, agent=agent), clock=clock, **options)


@asynccontextmanager
async def session(
    channel: InContext, clock: ManualClock, agent: object = None, **options: Any
) -> AsyncIterator[Session]:
    """Run a session with the channel for the length of a block."""
    options.setdefault("settings", SessionSettings(typing_after=1000))
    async with running(session_with(channel, clock, agent or EchoAgent(), **options)) as opened:
        yield opened


def files_in(folder: Path) -> list[Path]:
    """Return what is in a folder."""
    return [*folder.iterdir()]
