"""The session as others see it: run it, stop it, send through it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Mapping
from functools import partial
from itertools import groupby
from random import Random
from typing import Any

import attrs

from cobot.clock import Clock
from cobot.errors import (
    ChannelError,
    CobotError,
    DeliveryUnknown,
    Rejected,
    Remedy,
    Unreachable,
)
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
    abandoned: int
    """Calls of plugins that would not be cancelled and still run."""


def _receipt_to_come() -> asyncio.Future[Receipt]:
    receipt: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
    receipt.add_done_callback(_retrieved)
    return receipt


def _retrieved(receipt: asyncio.Future[Receipt]) -> None:
    # Nobody may be waiting any more; an error has been logged all the same.
    if not receipt.cancelled():
        receipt.exception()


@attrs.frozen(eq=False)
class _Waiting:
    """Somebody waits for a receipt."""

    channel_type: str
    receipt: asyncio.Future[Receipt] = attrs.field(factory=_receipt_to_come)


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
        self._all_started = asyncio.Event()
        self._progress = asyncio.Event()
        self._failures = 0
        self._is_running = False
        self._receipts: dict[str, _Waiting] = {}  # by the operation's key
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
        self._plugins.require_channel(name)
        verdict = await self._plugins.filter("session_outgoing", message)
        if verdict.dropped_by is not None:
            raise Rejected(name, "send", f"dropped by the filter of {verdict.dropped_by}")
        if verdict.refused_by is not None:
            raise Rejected(name, "send", f"the filter of {verdict.refused_by} failed")
        filtered: OutgoingMessage = verdict.message
        self._plugins.require_channel(filtered.channel_type)
        if not self._is_running:
            raise Unreachable(name, "send", "the session does not run")
        parked_by = self.supervisors[filtered.channel_type].parked_by
        if parked_by is not None:
            raise parked_by
        key = filtered.key or random_key(self._random)
        waiting = self._receipts.get(key)
        if waiting is None:
            # Before the row exists: another task's waking may have it sent at once.
            waiting = self._receipts[key] = _Waiting(filtered.channel_type)
            await self._journal.enqueue([attrs.evolve(filtered, key=key)])
            self._settled([filtered.channel_type])
        # Shielded: others may wait for the same, and it is sent whoever waits.
        return await asyncio.shield(waiting.receipt)

    async def run(self) -> Outcome:
        """Run until the input has ended and all is answered, or until `stop`.

        Raises:
            PluginError: A plugin that is no channel could not be started.
        """
        started: list[Plugin] = []
        finish = False
        self._is_running = True
        try:
            receivers = self._build_channels()
            await self._until(self._start_all(receivers, started))
            self._workers.add(asyncio.create_task(self._turns.run(), name="turns"))
            self._turns.wake()
            await self._until(self._input_ended())
            if not self._stop_asked.is_set():
                await self._until(self._drained())
            finish = self._somebody_listens()
        finally:
            left, abandoned = await self._shut_down(started, finish=finish)
        return Outcome(
            stopped=self._stop_asked.is_set(),
            failures=self._failures,
            left=left,
            parked=tuple(
                name for name, one in self.supervisors.items() if one.parked_by is not None
            ),
            abandoned=abandoned,
        )

    def _build_channels(self) -> dict[str, Receiver]:
        """Make what each channel needs, all before the first plugin starts and may send."""
        receivers = {}
        for plugin in self._plugins.channels:
            sender = Sender(
                plugin.name,
                self._plugins,
                self._journal,
                on_sent=self._sent,
                on_failed=self._send_failed,
            )
            supervisor = Supervisor(
                plugin,
                self._plugins,
                self._clock,
                self._random,
                on_parked=partial(self._parked, sender),
            )
            receivers[plugin.name] = Receiver(
                plugin.name,
                self._plugins,
                self._journal,
                on_alive=supervisor.alive,
                on_stored=self._turns.wake,
            )
            self._senders[plugin.name] = sender
            self.supervisors[plugin.name] = supervisor
        for plugin in self._plugins.in_start_order:
            if plugin.context is not None:
                plugin.context.attach(self, self.supervisors.get(plugin.name))
        return receivers

    async def _start_all(
        self, receivers: Mapping[str, Receiver], started: list[Plugin]
    ) -> None:
        for plugin in self._plugins.in_start_order:
            started.append(plugin)
            if plugin.is_channel:
                self._start_channel(plugin.name, receivers[plugin.name])
                continue
            caller = self._plugins.caller(plugin.name, "cobot_start")
            if caller is not None:
                await caller()
        self._all_started.set()

    def _start_channel(self, name: str, receiver: Receiver) -> None:
        supervisor = self.supervisors[name]
        self._channels[name] = asyncio.create_task(
            supervisor.run(receiver, self._all_started), name=f"channel-{name}"
        )
        self._workers.add(
            asyncio.create_task(
                self._send_when_started(supervisor, self._senders[name]),
                name=f"sender-{name}",
            )
        )

    async def _send_when_started(self, supervisor: Supervisor, sender: Sender) -> None:
        await supervisor.started.wait()
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
        log.error("message %r of %s is not answered: %s", message.id, message.address, error)
        log.debug("the failure in full", exc_info=error)
        self._plugins.observe("session_on_failure", message=message, error=error)
        self._turns.wake()
        self._progress.set()

    def _sent(self, message: OutgoingMessage, receipt: Receipt) -> None:
        waiting = self._receipts.pop(message.key, None)
        if waiting is not None:
            waiting.receipt.set_result(receipt)
        self._plugins.observe("session_on_send", message=message, receipt=receipt)
        self._progress.set()

    def _send_failed(self, message: OutgoingMessage, error: ChannelError) -> None:
        waiting = self._receipts.pop(message.key, None)
        if waiting is not None:
            waiting.receipt.set_exception(error)
        self._failures += 1
        if error.remedy is Remedy.PARK:
            self.supervisors[message.channel_type].park(error)  # which logs it
        else:
            log.error("a message to %s is not delivered: %s", message.address, error)
        log.debug("the failure in full", exc_info=error)
        self._plugins.observe("session_on_failure", message=message, error=error)
        self._progress.set()

    def _parked(self, sender: Sender, error: ChannelError) -> None:
        sender.park()
        for key, waiting in list(self._receipts.items()):
            if waiting.channel_type == error.channel_type:
                del self._receipts[key]
                waiting.receipt.set_exception(error)
        self._progress.set()

    # How a run ends.

    async def _input_ended(self) -> None:
        """Wait until no channel will ever receive again; for ever if none receives at all."""
        receiving = [
            self._channels[name] for name, one in self.supervisors.items() if one.receives
        ]
        await (asyncio.wait(receiving) if receiving else asyncio.Event().wait())

    def _somebody_listens(self) -> bool:
        return any(one.parked_by is None for one in self.supervisors.values())

    async def _drained(self) -> None:
        while True:
            self._progress.clear()
            # What is for a parked channel stays in the journal until the next start.
            working = [name for name, one in self.supervisors.items() if one.parked_by is None]
            if not working or not await self._journal.backlog(working):
                return
            await self._progress.wait()

    async def _until(self, work: Coroutine[Any, Any, None]) -> None:
        """Wait for something, for `stop`, or for a task of our own that breaks."""
        waiting = asyncio.create_task(work)
        stop: asyncio.Task[Any] = asyncio.create_task(self._stop_asked.wait())
        seen: set[asyncio.Task[Any]] = set()
        try:
            while not waiting.done() and not stop.done():
                # Anew each time: starting makes some of them.
                ours = {*self._workers, *self._channels.values()} - seen
                done, _ = await asyncio.wait(
                    {waiting, stop} | ours, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done & ours:
                    seen.add(task)
                    task.result()
        finally:
            await _cancelled({waiting, stop}, timeout_s=self._stop_timeout_s)
        if waiting.done() and not waiting.cancelled():
            waiting.result()

    async def _shut_down(self, started: list[Plugin], *, finish: bool) -> tuple[Backlog, int]:
        """Stop everything; return what is left and how many calls would not stop."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._stop_timeout_s

        def left_s() -> float:
            return max(deadline - loop.time(), LEAST_STOP_S)

        try:
            await _cancelled(self._channels.values(), timeout_s=left_s())
            if finish:
                await self._finish(deadline)
            # What observers do at the end may be to send.
            await asyncio.gather(*(plugin.observer.close(left_s()) for plugin in started))
            if finish:
                await self._finish(deadline)
            left = await self._left(must_know=finish)
        finally:
            self._is_running = False
            await _cancelled(self._workers, timeout_s=left_s())
            crews: list[Turns | Sender] = [self._turns, *self._senders.values()]
            abandoned = await asyncio.gather(*(crew.cancel(left_s()) for crew in crews))
            self._fail_who_waits()
            await self._stop_plugins(started, left_s())
            idle_s = max(deadline - loop.time(), 0)
            await asyncio.gather(*(_close_threads(plugin, idle_s) for plugin in started))
            for line in self._plugins.timings():
                log.debug("%s", line)
        deaf = sum(not task.done() for task in self._channels.values())
        return left, sum(abandoned) + deaf

    async def _left(self, *, must_know: bool) -> Backlog:
        try:
            return await self._journal.backlog()
        except Exception as error:
            if must_know:
                raise
            # An error is on its way out already, perhaps for the same cause.
            log.warning("the journal does not say what is left: %s", error)
            return Backlog()

    async def _finish(self, deadline: float) -> None:
        """Answer and deliver what is stored, until the deadline."""
        drained = asyncio.create_task(self._drained())
        timeout_s = max(deadline - asyncio.get_running_loop().time(), 0)
        done, _ = await asyncio.wait(
            {drained, *self._workers},
            timeout=timeout_s,
            return_when=asyncio.FIRST_COMPLETED,
        )
        await _cancelled({drained})
        if not done:
            log.warning("not everything was finished in %g s", self._stop_timeout_s)
        for task in done & self._workers:
            task.result()  # a worker ends only if it breaks
        if drained in done:
            drained.result()

    def _fail_who_waits(self) -> None:
        for waiting in self._receipts.values():
            detail = "the session stopped before the network answered"
            waiting.receipt.set_exception(DeliveryUnknown(waiting.channel_type, "send", detail))
        self._receipts.clear()

    async def _stop_plugins(self, started: list[Plugin], timeout_s: float) -> None:
        """Stop plugins in reverse order, neighbouring channels at the same time."""
        in_reverse = groupby(reversed(started), key=lambda plugin: plugin.is_channel)
        try:
            async with asyncio.timeout(timeout_s):
                for are_channels, group in in_reverse:
                    if are_channels:
                        stops = [self.supervisors[plugin.name].stop() for plugin in group]
                        await asyncio.gather(*stops)
                    else:
                        for plugin in group:
                            await stop_plugin(self._plugins, plugin.name)
        except TimeoutError:
            log.warning("the plugins did not all stop in time")


async def _close_threads(plugin: Plugin, timeout_s: float) -> None:
    for threads in (plugin.receiving, plugin.working):
        if not await threads.close(timeout_s):
            log.warning("a call of plugin %r has not returned", plugin.name)


async def _cancelled(
    tasks: Iterable[asyncio.Task[None]] | Iterable[asyncio.Task[Any]],
    timeout_s: float | None = None,
) -> None:
    waiting = {*tasks}
    for task in waiting:
        task.cancel()
    if waiting:
        await asyncio.wait(waiting, timeout=timeout_s)
