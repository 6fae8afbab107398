"""The session as others see it: run it, stop it, send through it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from random import Random
from types import TracebackType
from typing import Self

import attrs

from cobot.clock import Clock
from cobot.config.settings import AccessSettings, SessionSettings
from cobot.errors import CobotError, PluginError, Unreachable
from cobot.hookspecs import Status
from cobot.journal import Journal
from cobot.journal.keys import operation_key, random_key
from cobot.messages import Address, Json, MessageRef, OutgoingMessage, Receipt
from cobot.plugins import Plugins
from cobot.session.access import Gate, pair
from cobot.session.handles import Handle
from cobot.session.means import Means, channel_settings
from cobot.session.outbox import Outbox
from cobot.session.outgoing import Wish
from cobot.session.run import Outcome, Run
from cobot.session.supervisor import Supervisor

OpenJournal = Callable[[], AbstractAsyncContextManager[Journal]]


@attrs.frozen(kw_only=True)
class Options:
    """What a session is told of the configuration."""

    settings: SessionSettings = attrs.field(factory=SessionSettings)
    """The section `plugins.session`."""
    access: Mapping[str, AccessSettings] = attrs.field(factory=dict)
    """Who may talk, by channel; a channel that is missing has the defaults."""
    stop_timeout_s: float = 10.0
    """Seconds that a stop may take to finish what runs."""
    redact: Callable[[str], str] = str
    """Takes secrets out of the reasons that the journal keeps."""


class Session:
    """One agent on many channels.

    It is an asynchronous context manager: the journal is open inside. `run` does all that
    `cobot run` does but for signals, the log and the control socket.
    """

    def __init__(
        self,
        plugins: Plugins,
        open_journal: OpenJournal,
        agent: str,
        *,
        clock: Clock,
        random: Random,
        options: Options | None = None,
    ) -> None:
        """Put a session together. It does nothing until it is entered.

        Args:
            plugins: What is loaded.
            open_journal: Opens the journal, and closes it at the end.
            agent: Name of the plugin that answers.
            clock: Time.
            random: Chance.
            options: What the configuration says.
        """
        self._plugins = plugins
        self._open_journal = open_journal
        self._agent = agent
        self._clock = clock
        self._random = random
        self._options = options or Options()
        self._opened: AbstractAsyncContextManager[Journal] | None = None
        self._means: Means | None = None  # None: not entered
        self._run: Run | None = None
        self._is_over = False
        self._stop_asked = False
        self._loop: asyncio.AbstractEventLoop | None = None  # None: it does not run
        self._outbox: Outbox | None = None

    async def __aenter__(self) -> Self:
        """Open the journal.

        Raises:
            JournalError: It cannot be opened, or somebody else has it.
        """
        if self._opened is not None:
            raise CobotError("a session is entered once; make a new one")
        opened = self._open_journal()
        journal = await opened.__aenter__()
        self._opened = opened
        self._means = Means(
            self._plugins,
            journal,
            self._options.settings,
            self._options.access,
            self._clock,
            self._random,
            self._options.redact,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the journal."""
        assert self._opened is not None
        self._means = None
        await self._opened.__aexit__(kind, error, trace)

    @property
    def journal(self) -> Journal:
        """The journal, while the session is entered."""
        return self._entered().journal

    @property
    def supervisors(self) -> dict[str, Supervisor]:
        """How each channel is, by name; empty before `run`."""
        channels = {} if self._run is None else self._run.channels
        return {name: channel.supervisor for name, channel in channels.items()}

    async def run(self, *, receive: bool = True) -> Outcome:
        """Run until the input has ended and all is answered, or until `stop`.

        Args:
            receive: Whether to receive and answer; False: only what is sent goes out.

        Raises:
            PluginError: A plugin that is no channel could not be started.
            JournalError: The journal cannot be opened, or broke.
        """
        if self._opened is None:
            async with self:
                return await self.run(receive=receive)
        if self._run is not None:
            raise CobotError("a session runs once; make a new one to run again")
        means = self._entered()
        self._run = Run(means, self._agent, stop_timeout_s=self._options.stop_timeout_s)
        self._outbox = Outbox(means, self._run)
        if self._stop_asked:
            self._run.stop()
        for plugin in self._plugins.in_start_order:
            if plugin.context is not None:
                health = self.supervisors.get(plugin.name)
                plugin.context.attach(self, means.journal, health)
        self._loop = asyncio.get_running_loop()
        try:
            return await self._run.go(receive=receive)
        finally:
            self._loop = None
            self._is_over = True
            self._outbox.close()

    def stop(self) -> None:
        """Ask the session to stop: nothing more is received, what runs is finished."""
        self._stop_asked = True
        if self._run is not None:
            self._run.stop()

    # Operations. Each is stored before anything is sent.

    async def send(
        self,
        message: OutgoingMessage,
        *,
        key: str | None = None,
        require: Collection[str] = (),
    ) -> Receipt:
        """Deliver a message and return its receipt.

        A message with media goes out with them, its content as caption. Cancelling ends the
        waiting, not the sending.

        Args:
            message: What to send, and where.
            key: The same key twice is one message, also after a restart.
            require: Operations that must be native; what would be degraded is not done.

        Raises:
            UnknownChannel: No channel of that name is loaded.
            Unsupported: Something required is not native.
            ChannelError: It was given up, or the channel is parked.
        """
        return await self._begin(Wish.of_message(message), key, require).receipt()

    def enqueue(
        self,
        message: OutgoingMessage,
        *,
        key: str | None = None,
        not_before: datetime | None = None,
    ) -> Handle:
        """Begin to deliver a message; it is durable after `await handle.stored()`.

        Args:
            message: What to send, and where.
            key: The same key twice is one message, also after a restart.
            not_before: When it may leave; what is stored later for its address waits too.
        """
        return self._begin(Wish.of_message(message), key, (), not_before)

    async def edit(
        self,
        ref: MessageRef,
        content: str,
        *,
        key: str | None = None,
        require: Collection[str] = (),
    ) -> Receipt:
        """Give an own message a new text; where that cannot be, send it anew."""
        wish = Wish.of_change("edit", ref, ref.address, content=content)
        return await self._begin(wish, key, require).receipt()

    async def delete(
        self, ref: MessageRef, *, key: str | None = None, require: Collection[str] = ()
    ) -> Receipt:
        """Delete a message; where that cannot be, edit it to say so."""
        wish = Wish.of_change("delete", ref, ref.address)
        return await self._begin(wish, key, require).receipt()

    async def react(
        self,
        ref: MessageRef,
        emoji: str | None,
        *,
        key: str | None = None,
        require: Collection[str] = (),
    ) -> Receipt:
        """Put a reaction on a message; None takes ours off."""
        wish = Wish.of_change("react", ref, ref.address, emoji=emoji)
        return await self._begin(wish, key, require).receipt()

    async def media(
        self,
        message: OutgoingMessage,
        *,
        key: str | None = None,
        require: Collection[str] = (),
    ) -> Receipt:
        """Deliver a message with media, its content as caption."""
        if not message.media:
            raise ValueError("the message has no media; Session.send sends text")
        return await self.send(message, key=key, require=require)

    async def broadcast(
        self, text: str, *, exclude: Collection[str] = (), key: str | None = None
    ) -> dict[str, Receipt | CobotError]:
        """Send a text to each channel's default chat; return what came of it, by channel.

        Channels that have no default chat are left out.

        Args:
            text: What to send; Markdown.
            exclude: Channels to leave out.
            key: The same key twice is one broadcast.
        """
        for name in exclude:
            self._plugins.require_channel(name)
        key = key or random_key(self._random)
        targets: dict[str, str] = {}
        for plugin in self._plugins.channels:
            target = await self._target(plugin.name)
            if target is not None and plugin.name not in exclude:
                targets[plugin.name] = target
        # The key belongs to the broadcast; each channel's own follows from it.
        sends = [
            self.send(OutgoingMessage(name, target, text), key=_key_for(key, name))
            for name, target in targets.items()
        ]
        results = await asyncio.gather(*sends, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, CobotError):
                raise result
        return dict(zip(targets, results, strict=True))  # type: ignore[arg-type]

    async def presence(
        self, status: Status, text: str = "", channel_type: str | None = None
    ) -> None:
        """Show whether the bot is there, on one channel or on all that can.

        It is shown again after each reconnect.

        Raises:
            UnknownChannel: No channel of that name is loaded.
            Unsupported: The channel that was named has no presence.
            ChannelError: The network of the channel that was named said no.
        """
        run = self._running("presence", channel_type or "session")
        if channel_type is not None:
            self._plugins.require_channel(channel_type)
            self._entered().capabilities.require(channel_type, ["presence"])
            await run.channels[channel_type].show(status, text)
            return
        able = [
            channel
            for name, channel in run.channels.items()
            if self._entered().capabilities.has(name, "presence")
        ]
        await asyncio.gather(
            *(channel.show(status, text) for channel in able), return_exceptions=True
        )

    @asynccontextmanager
    async def typing(
        self, channel_type: str, channel_id: str, thread_id: str | None = None
    ) -> AsyncIterator[None]:
        """Show typing while the block lasts, where the channel can."""
        self._plugins.require_channel(channel_type)
        run = self._running("typing", channel_type)
        async with run.typing.shown(Address(channel_type, channel_id, thread_id)):
            yield

    # For those who operate it.

    async def pair(self, code: str) -> str:
        """Let in the person who was given a code; say in one line who that is.

        Raises:
            CobotError: Nobody has this code, it has expired, or it would change nothing.
        """
        return await pair(code, await self._gates())

    async def retry_dead(self, id: int) -> bool:  # noqa: A002
        """Have a dead letter tried again; False if there is none of that number."""
        done = await self.journal.retry_dead(id)
        if self._run is not None:
            self._run.settled(self._run.channels)
        return done

    async def drop_dead(self, id: int) -> bool:  # noqa: A002
        """Forget a dead letter; False if there is none of that number."""
        return await self.journal.drop_dead(id)

    async def status(self) -> dict[str, Json]:
        """Return how the session is, as JSON."""
        means, run = self._entered(), self._run
        channels: dict[str, Json] = {}
        for name, channel in ({} if run is None else run.channels).items():
            waiting = await means.journal.backlog([name])
            channels[name] = {**channel.describe(), "waiting": waiting.operations}
        total = await means.journal.backlog()
        return {
            "channels": channels,
            "agent": self._agent,
            "waiting": {"messages": total.jobs, "operations": total.operations},
            "answering": 0 if run is None else run.answering,
            "trouble": means.journal.trouble,
            "tasks": len(asyncio.all_tasks()),
        }

    # What all of it rests on.

    def _begin(
        self,
        wish: Wish,
        key: str | None,
        require: Collection[str],
        not_before: datetime | None = None,
    ) -> Handle:
        self._running("send", wish.address.channel_type)
        if self._loop is not asyncio.get_running_loop():
            raise PluginError("Session.send belongs to the session's event loop; call it there")
        assert self._outbox is not None
        return self._outbox.begin(wish, key, require, not_before)

    async def _target(self, channel: str) -> str | None:
        """Return the chat that a broadcast on a channel goes to."""
        configured = channel_settings(self._plugins[channel]).default
        if configured is not None:
            return configured
        done = await self._plugins.route(
            "session_default_target", channel, channel_type=channel
        )
        return None if done is None or done[1] is None else str(done[1])

    async def _gates(self) -> Mapping[str, Gate]:
        """Return every channel's gate, opened; those of the run if there is one."""
        if self._run is not None and not self._is_over:
            return {name: channel.gate for name, channel in self._run.channels.items()}
        means = self._entered()
        gates = {
            plugin.name: Gate(
                plugin.name,
                means.access.get(plugin.name, AccessSettings()),
                means.journal,
                means.clock,
                means.random,
            )
            for plugin in self._plugins.channels
        }
        for gate in gates.values():
            await gate.open()
        return gates

    def _entered(self) -> Means:
        if self._means is None:
            raise CobotError("the session is not open; use it inside 'async with session:'")
        return self._means

    def _running(self, operation: str, channel: str) -> Run:
        if self._run is None or self._loop is None:
            raise Unreachable(channel, operation, "the session does not run")
        return self._run


def _key_for(key: str, channel: str) -> str:
    return operation_key(f"{key}/{channel}", 0)
