"""The session as others see it: run it, stop it, send through it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from random import Random
from typing import Any

import attrs

from cobot.clock import Clock
from cobot.errors import ChannelError, CobotError, Rejected, UnknownChannel
from cobot.journal import Backlog, Journal
from cobot.journal.keys import random_key
from cobot.messages import IncomingMessage, OutgoingMessage, Receipt
from cobot.plugins import Plugin, Plugins
from cobot.session.receiving import Receiver
from cobot.session.sending import Sender
from cobot.session.supervisor import Supervisor, stop_plugin
from cobot.session.turns import Turns

log = logging.getLogger(__name__)

LEAST_STOP_S = 1.0
"""What `cobot_stop` is given even when the time to stop is used up."""


@attrs.frozen
class Outcome:
    """How a run ended."""

    stopped: bool
    """Whether it was asked to stop; else its input had come to an end."""
    failures: int
    """Messages that were not answered, and answers that were not delivered."""
    left: Backlog
    """What was still waiting."""
    parked: tuple[str, ...]
    """Channels that had been given up."""


class Session:
    """One agent on many channels.

    Receivers publish what arrives, turns claim and settle it, senders take and record what
    goes out. All three meet in the journal and wake each other; none calls another.
    """

    def __init__(
        self,
        plugins: Plugins,
        journal: Journal,
        agent: str,
        *,
        clock: Clock,
        random: Random,
        stop_timeout_s: float = 10.0,
    ) -> None:
        """Put a session together. It does nothing until `run`.

        Args:
            plugins: What is loaded.
            journal: Where everything is kept.
            agent: Name of the plugin that answers.
            clock: Time.
            random: Chance.
            stop_timeout_s: Seconds that a stop may take to finish what runs.
        """
        self._plugins = plugins
        self._journal = journal
        self._clock = clock
        self._random = random
        self._stop_timeout_s = stop_timeout_s
        self._stop_asked = asyncio.Event()
        self._progress = asyncio.Event()
        self._failures = 0
        self._receipts: dict[str, asyncio.Future[Receipt]] = {}  # by the operation's key
        self._turns = Turns(
            plugins, journal, agent, on_settled=self._settled, on_failed=self._turn_failed
        )
        self._senders: dict[str, Sender] = {}
        self._channels: dict[str, asyncio.Task[None]] = {}  # one for each supervisor
        self._workers: set[asyncio.Task[None]] = set()  # turns and senders; they never end
        self.supervisors: dict[str, Supervisor] = {}

    def stop(self) -> None:
        """Ask the session to stop: nothing more is received, what runs is finished."""
        self._stop_asked.set()

    async def send(self, message: OutgoingMessage) -> Receipt:
        """Deliver a message and return its receipt.

        Cancelling stops the waiting, not the sending.

        Raises:
            UnknownChannel: No channel of that name is loaded.
            ChannelError: It was not delivered.
        """
        name = message.channel_type
        if name not in self._senders:
            raise UnknownChannel(name, self._senders)
        verdict = await self._plugins.filter("session_outgoing", message)
        if verdict.dropped_by is not None:
            raise Rejected(name, "send", f"dropped by the filter of {verdict.dropped_by}")
        if verdict.refused_by is not None:
            raise Rejected(name, "send", f"the filter of {verdict.refused_by} failed")
        filtered: OutgoingMessage = verdict.message
        key = filtered.key or random_key(self._random)
        # Before the row exists: another task's waking may have it sent at once.
        receipt: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._receipts[key] = receipt
        try:
            await self._journal.enqueue([attrs.evolve(filtered, key=key)])
            self._settled([filtered.channel_type])
            return await receipt
        finally:
            del self._receipts[key]

    async def run(self) -> Outcome:
        """Run until the input has ended and all is answered, or until `stop`.

        Raises:
            PluginError: A plugin that is no channel could not be started.
        """
        started: list[Plugin] = []
        in_order = False
        try:
            for plugin in self._plugins.in_start_order:
                started.append(plugin)
                await self._start(plugin)
            self._workers.add(asyncio.create_task(self._turns.run(), name="turns"))
            self._turns.wake()
            await self._until(self._input_ended())
            if not self._stop_asked.is_set():
                await self._until(self._drained())
            in_order = True
        finally:
            left = await self._shut_down(started, finish=in_order)
        return Outcome(
            stopped=self._stop_asked.is_set(),
            failures=self._failures,
            left=left,
            parked=tuple(
                name for name, one in self.supervisors.items() if one.parked_by is not None
            ),
        )

    async def _start(self, plugin: Plugin) -> None:
        if not plugin.is_channel:
            if plugin.context is not None:
                plugin.context.attach(self, None)
            caller = self._plugins.caller(plugin.name, "cobot_start")
            if caller is not None:
                await caller()
            return
        supervisor = Supervisor(plugin, self._plugins, self._clock, self._random)
        receiver = Receiver(
            plugin.name,
            self._plugins,
            self._journal,
            on_alive=supervisor.alive,
            on_stored=self._turns.wake,
        )
        sender = Sender(
            plugin.name,
            self._plugins,
            self._journal,
            on_sent=self._sent,
            on_failed=self._send_failed,
        )
        if plugin.context is not None:
            plugin.context.attach(self, supervisor)
        self.supervisors[plugin.name] = supervisor
        self._senders[plugin.name] = sender
        self._channels[plugin.name] = asyncio.create_task(
            supervisor.run(receiver), name=f"channel-{plugin.name}"
        )
        self._workers.add(
            asyncio.create_task(
                self._send_when_started(supervisor, sender), name=f"sender-{plugin.name}"
            )
        )

    async def _send_when_started(self, supervisor: Supervisor, sender: Sender) -> None:
        await supervisor.started.wait()
        if supervisor.parked_by is not None:
            await sender.refuse(supervisor.parked_by)
        sender.wake()
        await sender.run()

    # What the parts tell each other goes through here.

    def _settled(self, channels: Iterable[str]) -> None:
        for channel in channels:
            self._senders[channel].wake()
        self._turns.wake()
        self._progress.set()

    def _turn_failed(self, message: IncomingMessage, error: CobotError) -> None:
        self._failures += 1
        log.error("message %r of %r is not answered: %s", message.id, message.address, error)
        log.debug("the failure in full", exc_info=error)
        self._plugins.observe("session_on_failure", message=message, error=error)
        self._turns.wake()
        self._progress.set()

    def _sent(self, message: OutgoingMessage, receipt: Receipt) -> None:
        waiting = self._receipts.get(message.key)
        if waiting is not None and not waiting.done():
            waiting.set_result(receipt)
        self._plugins.observe("session_on_send", message=message, receipt=receipt)
        self._progress.set()

    def _send_failed(self, message: OutgoingMessage, error: ChannelError) -> None:
        waiting = self._receipts.get(message.key)
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)
        self._failures += 1
        log.error("a message to %r is not delivered: %s", message.address, error)
        log.debug("the failure in full", exc_info=error)
        self._plugins.observe("session_on_failure", message=message, error=error)
        self._progress.set()

    # How a run ends.

    async def _input_ended(self) -> None:
        """Wait until no channel will ever receive again; for ever if none receives at all."""
        receiving = [
            self._channels[name] for name, one in self.supervisors.items() if one.receives
        ]
        await (asyncio.wait(receiving) if receiving else asyncio.Event().wait())

    async def _drained(self) -> None:
        while True:
            self._progress.clear()
            if not await self._journal.backlog():
                return
            await self._progress.wait()

    async def _until(self, work: Coroutine[Any, Any, None]) -> None:
        """Wait for something, for `stop`, or for a task of our own that breaks."""
        waiting = asyncio.create_task(work)
        stop = asyncio.create_task(self._stop_asked.wait())
        ours = {*self._workers, *self._channels.values()}
        try:
            while not waiting.done() and not stop.done():
                done, _ = await asyncio.wait(
                    {waiting, stop} | ours, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done & ours:
                    ours.discard(task)
                    task.result()
        finally:
            await _cancelled({waiting, stop})

    async def _shut_down(self, started: list[Plugin], *, finish: bool) -> Backlog:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._stop_timeout_s

        def left_s() -> float:
            return max(deadline - loop.time(), LEAST_STOP_S)

        await _cancelled(self._channels.values(), timeout_s=left_s())
        if finish:
            try:
                async with asyncio.timeout_at(deadline):
                    await self._drained()
            except TimeoutError:
                log.warning("not everything was finished in %g s", self._stop_timeout_s)
        left = await self._journal.backlog()
        await _cancelled(self._workers)
        await self._turns.cancel()
        for sender in self._senders.values():
            await sender.cancel()
        for plugin in started:
            await plugin.observer.close(left_s())
        try:
            async with asyncio.timeout(left_s()):
                await self._stop_plugins(started)
        except TimeoutError:
            log.warning("the plugins did not all stop in time")
        for plugin in started:
            for threads in (plugin.receiving, plugin.working):
                if not await threads.close(max(deadline - loop.time(), 0)):
                    log.warning("a call of plugin %r has not returned", plugin.name)
        for line in self._plugins.timings():
            log.debug("%s", line)
        return left

    async def _stop_plugins(self, started: list[Plugin]) -> None:
        supervisors = self.supervisors.values()
        await asyncio.gather(*(supervisor.stop() for supervisor in supervisors))
        for plugin in reversed(started):
            if not plugin.is_channel:
                await stop_plugin(self._plugins, plugin.name)


async def _cancelled(
    tasks: Iterable[asyncio.Task[None]] | Iterable[asyncio.Task[Any]],
    timeout_s: float | None = None,
) -> None:
    waiting = {*tasks}
    for task in waiting:
        task.cancel()
    if waiting:
        await asyncio.wait(waiting, timeout=timeout_s)
