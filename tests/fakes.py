"""What the tests put in place of time, networks and agents."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import attrs

from cobot import Batch, ChannelSpec, Conversation, IncomingMessage, OutgoingMessage, hookimpl
from cobot.config import ChannelSettings, PluginSettings
from cobot.config.settings import AccessSettings, SessionSettings
from cobot.context import Context
from cobot.journal import Journal
from cobot.journal.sqlite import SqliteJournal
from cobot.plugins import Plugin, Plugins
from cobot.plugins.threads import ThreadPool
from cobot.session import ANYTHING, Options, Session
from cobot.session.facade import OpenJournal
from cobot.testing.clock import START as START
from cobot.testing.clock import ManualClock as ManualClock

ONE_TRY = SessionSettings(agent_tries=1, failure_text="", send_tries=1, send_age=0)
"""Most tests are about what follows when all tries are used up."""


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
    """Return plugins that are registered under the names they are given.

    An instance may be a plugin built by hand, as `plugin` makes it.
    """
    plugins = Plugins()
    plugins.register(
        *(
            one if isinstance(one, Plugin) else plugin(name, one)
            for name, one in instances.items()
        )
    )
    return plugins


class JournalAround:
    """A journal around another one: a test overrides what it wants to go differently."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    def __getattr__(self, name: str) -> Any:
        return getattr(self.journal, name)


def journal_file(
    clock: Any,
    around: Callable[[Journal], Any] = lambda journal: journal,
    path: Path | None = None,
) -> OpenJournal:
    """Return what opens a journal.

    Args:
        clock: Time.
        around: Makes the session's journal of the real one, such as a `JournalAround`.
        path: The file; None: one in a folder of its own, which goes when it is closed.
    """

    @asynccontextmanager
    async def opened() -> AsyncIterator[Journal]:
        with tempfile.TemporaryDirectory(prefix="cobot-test-") as folder:
            file = path or Path(folder) / "journal.db"
            journal = await SqliteJournal.open(file, clock=clock, synchronous="NORMAL")
            try:
                yield around(journal)
            finally:
                await journal.close()

    return opened


def session_of(
    plugins: Plugins,
    *,
    agent: str = "agent",
    clock: Any = None,
    stop_timeout_s: float = 5.0,
    settings: SessionSettings | None = None,
    around: Callable[[Journal], Any] = lambda journal: journal,
    path: Path | None = None,
    access: AccessSettings = ANYTHING,
    redact: Callable[[str], str] = str,
) -> Session:
    """Return a session over plugins.

    Args:
        plugins: What is loaded.
        agent: Who answers.
        clock: Time.
        stop_timeout_s: What a stop may take.
        settings: The section `plugins.session`; None: one try for all.
        around: As for `journal_file`.
        path: As for `journal_file`.
        access: Who may talk, on every channel.
        redact: Takes secrets out of what the journal keeps.
    """
    clock = clock or ManualClock()
    options = Options(
        settings=settings or ONE_TRY,
        access={plugin.name: access for plugin in plugins.channels},
        stop_timeout_s=stop_timeout_s,
        redact=redact,
    )
    opens = journal_file(clock, around, path)
    return Session(plugins, opens, agent, clock=clock, random=Random(1), options=options)


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that nobody tells of."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0)


@asynccontextmanager
async def running(session: Session) -> AsyncIterator[Session]:
    """Run a session for the length of a block, with all its channels."""
    async with asyncio.timeout(10), session:
        run = asyncio.create_task(session.run())
        await until(lambda: session.supervisors or run.done())
        try:
            yield session
        finally:
            session.stop()
            await run


@attrs.define(eq=False)
class Net(FakeChannel):
    """A channel whose network fails as often as it is told."""

    failures: deque[Exception] = attrs.field(factory=deque)
    """What the next attempts raise; then all is well."""
    tried: list[OutgoingMessage] = attrs.field(factory=list)
    """Every attempt."""

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> str:
        self.tried.append(message)
        if self.failures:
            raise self.failures.popleft()
        return await super().session_send(message)
