"""Keeping one channel going: starting it, calling its receiver again, waiting, parking."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from random import Random

from cobot.clock import Clock
from cobot.errors import ChannelError, HookFailed, PluginError, Remedy
from cobot.plugins import Plugin, Plugins
from cobot.session.crew import CANCELLED_ITSELF
from cobot.session.receiving import Receiver
from cobot.waits import backoff_s

log = logging.getLogger(__name__)

SLOW_START_S = 10.0
"""After which time a start is said to be slow."""


class State(Enum):
    """What a channel is doing."""

    STARTING = "starting"
    RUNNING = "running"
    DEGRADED = "degraded"
    PARKED = "parked"
    STOPPED = "stopped"


class Supervisor:
    """Runs one channel from its start to its stop. Its `Health` methods suit any thread."""

    def __init__(
        self,
        plugin: Plugin,
        plugins: Plugins,
        clock: Clock,
        random: Random,
        *,
        on_parked: Callable[[ChannelError], None],
        on_connected: Callable[[], None],
        on_closed: Callable[[datetime, str | None], None],
    ) -> None:
        self.plugin = plugin
        self.state = State.STARTING
        self.reason = ""
        self.parked_by: ChannelError | None = None
        self.alive_at: float | None = None  # clock.monotonic() of the last sign of life
        self.started = asyncio.Event()  # cobot_start is done, or the channel is parked
        self._plugins = plugins
        self._clock = clock
        self._random = random
        self._on_parked = on_parked
        self._on_connected = on_connected
        self._on_closed = on_closed
        self._failures = 0  # since the last sign of life
        self._has_finished = False
        self._is_open = False  # cobot_start was called, and cobot_stop not yet
        self._parked = asyncio.Event()
        self._is_cancelled = False  # by us; a plugin may cancel its task too

    @property
    def name(self) -> str:
        """The channel's name."""
        return self.plugin.name

    @property
    def receives(self) -> bool:
        """Whether the channel has a receiver at all."""
        return self._plugins.caller(self.name, "session_receive") is not None

    def alive(self) -> None:
        """Note an inbound sign of life."""
        self.alive_at = self._clock.monotonic()
        self._failures = 0
        if self.state is State.DEGRADED:
            self.state, self.reason = State.RUNNING, ""
            log.info("channel %r works again", self.name)

    def connected(self) -> None:
        """Note a connection. It is no proof that anything arrives."""
        log.debug("channel %r is connected", self.name)
        self._on_connected()

    def closed_until(self, time: datetime, channel_id: str | None = None) -> None:
        """Note that the network takes no request until a time, for one chat or at all."""
        self._on_closed(time, channel_id)

    def degraded(self, reason: str) -> None:
        """Note that the channel works in part only."""
        if self.state not in (State.RUNNING, State.DEGRADED):
            return
        if (self.state, self.reason) != (State.DEGRADED, reason):
            log.warning("channel %r: %s", self.name, reason)
        self.state, self.reason = State.DEGRADED, reason

    def finished(self) -> None:
        """Note that nothing more will arrive."""
        self._has_finished = True

    def park(self, error: ChannelError) -> None:
        """Give the channel up until the next start."""
        if self.parked_by is not None:
            return
        self.state, self.reason, self.parked_by = State.PARKED, str(error), error
        log.error("%s; the channel is parked until the next start", error)
        self.started.set()
        self._parked.set()
        self._on_parked(error)

    async def run(
        self, receiver: Receiver, may_receive: asyncio.Event, *, receive: bool = True
    ) -> None:
        """Start the channel and receive, until it has finished, is parked, or is cancelled.

        Args:
            receiver: Stores what the channel hands over.
            may_receive: Set when all plugins have started.
            receive: Whether to receive at all; else it is only there to send.
        """
        work = asyncio.create_task(
            self._work(receiver, may_receive, receive=receive), name=f"receive-{self.name}"
        )
        parked = asyncio.create_task(self._parked.wait(), name=f"parked-{self.name}")
        try:
            await asyncio.wait({work, parked}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._is_cancelled = True
            for task in (work, parked):
                task.cancel()
            await asyncio.wait({work, parked})
        if not work.cancelled():
            work.result()

    async def stop(self) -> None:
        """Let the channel close what it opened."""
        if self._is_open:
            self._is_open = False
            await stop_plugin(self._plugins, self.name)
        if self.parked_by is None:
            self.state = State.STOPPED

    async def _work(
        self, receiver: Receiver, may_receive: asyncio.Event, *, receive: bool
    ) -> None:
        try:
            await self._start()
            self.state = State.RUNNING
            self.started.set()
            log.debug("channel %r is running", self.name)
            await may_receive.wait()
            if receive and self.receives:
                await self._receive(receiver)
                self.state = State.STOPPED
            else:
                await asyncio.Event().wait()
        except ChannelError as error:
            self.park(error)

    async def _start(self) -> None:
        while True:
            self._is_open = True
            try:
                await start_plugin(self._plugins, self.name)
            except (ChannelError, PluginError) as error:
                await self.stop()
                self.state = State.STARTING
                await self._wait_after(error)
            else:
                return

    async def _receive(self, receiver: Receiver) -> None:
        while not self._has_finished:
            caller = self._plugins.caller(self.name, "session_receive")
            if caller is None:
                return
            try:
                again_at_once = await receiver.run(caller)
            except (ChannelError, PluginError) as error:
                await self._wait_after(error)
            except asyncio.CancelledError:
                if self._is_cancelled:
                    raise
                failure = HookFailed(self.name, "session_receive", CANCELLED_ITSELF)
                await self._wait_after(failure)
            else:
                if not again_at_once and not self._has_finished:
                    await self._clock.sleep(self.plugin.poll_interval_s)

    async def _wait_after(self, error: ChannelError | PluginError) -> None:
        if self._is_cancelled:
            # It failed in letting go: the stop goes on, and nothing is tried again.
            log.warning("%s", error)
            raise asyncio.CancelledError
        remedy = error.remedy if isinstance(error, ChannelError) else Remedy.RETRY
        if remedy is Remedy.PARK:
            raise error
        if isinstance(error, ChannelError) and error.retry_after_s is not None:
            wait_s = error.retry_after_s
        else:
            wait_s = backoff_s(self._failures, self._random)
            self._failures += 1
        level = logging.ERROR if remedy is Remedy.BACK_OFF else logging.WARNING
        log.log(level, "%s; trying again in %.1f s", error, wait_s)
        log.debug("the failure in full", exc_info=error)
        self.reason = str(error)
        if self.state is not State.STARTING:
            self.state = State.DEGRADED
        await self._clock.sleep(wait_s)


async def start_plugin(plugins: Plugins, name: str) -> None:
    """Call a plugin's `cobot_start`, and say so if that takes long.

    Raises:
        ChannelError: As the plugin raised it.
        HookFailed: The plugin failed.
    """
    caller = plugins.caller(name, "cobot_start")
    if caller is None:
        return
    tell = asyncio.get_running_loop().call_later(
        SLOW_START_S, log.warning, "plugin %r: cobot_start has not returned yet", name
    )
    try:
        await caller()
    finally:
        tell.cancel()


async def stop_plugin(plugins: Plugins, name: str) -> None:
    """Call a plugin's `cobot_stop`; a failure is logged and stops nothing else."""
    caller = plugins.caller(name, "cobot_stop")
    if caller is None:
        return
    try:
        await caller()
    except (ChannelError, PluginError) as error:
        log.warning("%s", error)
        log.debug("the failure in full", exc_info=error)
