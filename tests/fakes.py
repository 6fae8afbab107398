"""What the tests put in place of time, networks and agents."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import attrs

from cobot import Batch, ChannelSpec, Conversation, IncomingMessage, OutgoingMessage, hookimpl
from cobot.config import ChannelSettings, PluginSettings
from cobot.context import Context
from cobot.journal.memory import MemoryJournal
from cobot.plugins import Plugin, Plugins
from cobot.plugins.threads import ThreadPool
from cobot.session import Session

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


class ManualClock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self._elapsed_s = 0.0
        self._numbers = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._fell_asleep = asyncio.Event()

    def now(self) -> datetime:
        """Return the time of day."""
        return START + timedelta(seconds=self._elapsed_s)

    def monotonic(self) -> float:
        """Return the seconds that the test let pass."""
        return self._elapsed_s

    async def sleep(self, delay_s: float) -> None:
        """Wait until the test has let that much time pass."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        due = self._elapsed_s + delay_s
        heapq.heappush(self._sleepers, (due, next(self._numbers), future))
        self._fell_asleep.set()
        await future

    async def next_sleep(self) -> float:
        """Wait until somebody sleeps; return for how long yet, the shortest."""
        while not (waiting := [one for one in self._sleepers if not one[2].done()]):
            self._fell_asleep.clear()
            await self._fell_asleep.wait()
        return min(waiting)[0] - self._elapsed_s

    def advance(self, seconds: float) -> None:
        """Let time pass, and wake who is due."""
        self._elapsed_s += seconds
        while self._sleepers and self._sleepers[0][0] <= self._elapsed_s:
            _, _, future = heapq.heappop(self._sleepers)
            if not future.done():
                future.set_result(None)


def incoming(content: str = "hello", **fields: Any) -> IncomingMessage:
    """Return a message with ids that no test cares about, but for those it names."""
    values: dict[str, Any] = {
        "id": content,
        "channel_type": "",
        "channel_id": "chat",
        "sender_id": "person",
        "sender_name": "A Person",
        "content": content,
        "timestamp": START,
    }
    return IncomingMessage(**{**values, **fields})


@attrs.define(eq=False)
class FakeChannel(ChannelSpec):
    """A channel whose network is a queue: tests put batches in, and `None` to disconnect."""

    sent: list[OutgoingMessage] = attrs.field(factory=list)
    cursors: list[dict[str, str]] = attrs.field(factory=list)  # as each connection got them
    acked: list[Batch] = attrs.field(factory=list)  # control came back after these
    network: asyncio.Queue[Batch | Exception | None] = attrs.field(factory=asyncio.Queue)
    closed: int = 0  # how often `finally` ran
    context: Context | None = None
    _is_ending: bool = False

    @hookimpl
    async def session_receive(self, cursors: Mapping[str, str]) -> AsyncIterator[Batch]:
        self.cursors.append(dict(cursors))
        try:
            while (item := await self.network.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                yield item
                self.acked.append(item)
            if self._is_ending and self.context is not None:
                self.context.finished()
        finally:
            self.closed += 1

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> str:
        self.sent.append(message)
        return f"sent-{len(self.sent)}"

    def hand(self, *messages: IncomingMessage, **cursors: str) -> None:
        """Have messages arrive in one batch."""
        self.network.put_nowait(Batch(messages, cursors))

    def end(self) -> None:
        """Have the channel report that nothing more will arrive."""
        self._is_ending = True
        if self.context is not None:  # it is heard only once the session runs
            self.context.finished()
        self.network.put_nowait(None)

    @property
    def texts(self) -> list[str]:
        """What was sent, the texts alone."""
        return [message.content for message in self.sent]


class EchoAgent:
    """Answers with the same text, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[IncomingMessage] = []

    @hookimpl
    async def agent_reply(self, message: IncomingMessage, conversation: Conversation) -> str:
        self.asked.append(message)
        return message.content


def plugin(
    name: str,
    instance: Any,
    *,
    settings: PluginSettings | None = None,
    clock: Any = None,
    workspace: Path = Path(),
) -> Plugin:
    """Return a plugin built by hand, with a context of its own."""
    threads = ThreadPool(name, 8)
    context = Context(
        name=name,
        log=logging.getLogger(f"cobot.{name}"),
        clock=clock or ManualClock(),
        random=Random(1),
        workspace=lambda _purpose: workspace,
        in_thread=threads.run,
    )
    if hasattr(instance, "context"):
        instance.context = context
    return Plugin(name, instance, settings or ChannelSettings(), context, working=threads)


def registry(**instances: Any) -> Plugins:
    """Return plugins that are registered under the names they are given."""
    plugins = Plugins()
    plugins.register(*(plugin(name, instance) for name, instance in instances.items()))
    return plugins


def session_of(
    plugins: Plugins, *, agent: str = "agent", clock: Any = None, stop_timeout_s: float = 5.0
) -> Session:
    """Return a session over plugins, on a journal in memory."""
    clock = clock or ManualClock()
    return Session(
        plugins,
        MemoryJournal(clock),
        agent,
        clock=clock,
        random=Random(1),
        stop_timeout_s=stop_timeout_s,
    )
