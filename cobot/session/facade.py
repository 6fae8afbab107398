"""The session as others see it: run it, stop it, send through it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from itertools import groupby
from random import Random
from typing import Any, TypeVar

import attrs

from cobot.clock import Clock
from cobot.errors import (
    ChannelError,
    CobotError,
    DeliveryUnknown,
    PluginError,
    Rejected,
    Remedy,
    Unreachable,
)
from cobot.journal import Backlog, Journal
from cobot.journal.keys import random_key
from cobot.messages import IncomingMessage, OutgoingMessage, Receipt
from cobot.plugins import Plugin, Plugins
from cobot.session.channel import Channel
from cobot.session.crew import Crew
from cobot.session.receipts import Receipts
from cobot.session.sending import check_outgoing
from cobot.session.supervisor import Supervisor, start_plugin, stop_plugin
from cobot.session.turns import Turns

T = TypeVar("T")

log = logging.getLogger(__name__)

LETTING_GO_S = 0.1
"""How long a call may take to end when it is cancelled at a stop."""

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
        self._has_run = False
        self._loop: asyncio.AbstractEventLoop | None = None  # None: it does not run
        self._receipts = Receipts()
        self._turns = Turns(
            plugins, journal, agent, on_settled=self._settled, on_failed=self._turn_failed
        )
        self._answering: asyncio.Task[None] | None = None
        self._channels: dict[str, Channel] = {}

    @property
    def supervisors(self) -> dict[str, Supervisor]:
        """How each channel is, by name; empty before `run`."""
        return {name: channel.supervisor for name, channel in self._channels.items()}

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
        if self._loop is None:
            raise Unreachable(name, "send", "the session does not run")
        if self._loop is not asyncio.get_running_loop():
            raise PluginError("Session.send belongs to the session's event loop; call it there")
        self._plugins.require_channel(name)
        verdict = await self._plugins.filter("session_outgoing", message)
        if verdict.dropped_by is not None:
            raise Rejected(name, "send", f"dropped by the filter of {verdict.dropped_by}")
        if verdict.refused_by is not None:
            raise Rejected(name, "send", f"the filter of {verdict.refused_by} failed")
        filtered: OutgoingMessage = verdict.message
        check_outgoing(self._plugins, filtered)
        channel = self._channels.get(filtered.channel_type)
        if channel is None or self._loop is None:
            raise Unreachable(name, "send", "the channel does not run in this session")
        if channel.supervisor.parked_by is not None:
            raise channel.supervisor.parked_by
        key = filtered.key or random_key(self._random)
        receipt = self._receipts.expected(filtered.channel_type, key)
        if receipt is None:
            receipt = self._receipts.expect(filtered.channel_type, key)
            try:
                await self._journal.enqueue([attrs.evolve(filtered, key=key)])
            except BaseException:
                # Others may wait for the same key by now, and nobody else would tell them.
                detail = "nobody knows whether it was stored"
                unknown = DeliveryUnknown(filtered.channel_type, "send", detail)
                self._receipts.settle(filtered.channel_type, key, unknown)
                raise
            self._settled([filtered.channel_type])
        # Shielded: who gives up waiting must not spoil it for the others.
        return await asyncio.shield(receipt)

    async def run(self) -> Outcome:
        """Run until the input has ended and all is answered, or until `stop`.

        Raises:
            PluginError: A plugin that is no channel could not be started.
        """
        if self._has_run:
            raise CobotError("a session runs once; make a new one to run again")
        self._has_run = True
        self._loop = asyncio.get_running_loop()
        started: list[Plugin] = []
        finish = False
        try:
            self._build_channels()
            await self._until(self._start_all(started))
            self._answering = asyncio.create_task(self._turns.run(), name="turns")
            self._turns.wake()
            await self._until(self._input_ended())
            if not self._stop_asked.is_set():
                await self._until(self._drained())
            finish = bool(self._working_channels())
        finally:
            left, abandoned = await _to_the_end(self._shut_down(started, finish=finish))
        return Outcome(
            stopped=self._stop_asked.is_set(),
            failures=self._failures,
            left=left,
            parked=tuple(
                name for name, channel in self._channels.items() if channel.supervisor.parked_by
            ),
            abandoned=abandoned,
        )

    def _build_channels(self) -> None:
        """Make all channels, before the first plugin starts and may send."""
        for plugin in self._plugins.channels:
            self._channels[plugin.name] = Channel(
                plugin,
                self._plugins,
                self._journal,
                clock=self._clock,
                random=self._random,
                on_stored=self._turns.wake,
                on_sent=self._sent,
                on_failed=self._send_failed,
                on_parked=self._parked,
            )
        for plugin in self._plugins.in_start_order:
            if plugin.context is not None:
                plugin.context.attach(self, self.supervisors.get(plugin.name))

    async def _start_all(self, started: list[Plugin]) -> None:
        for plugin in self._plugins.in_start_order:
            started.append(plugin)
            if plugin.is_channel:
                self._channels[plugin.name].start(self._all_started)
                continue
            await start_plugin(self._plugins, plugin.name)
        self._all_started.set()

    # What the parts tell each other goes through here.

    def _settled(self, channels: Iterable[str]) -> None:
        for name in channels:
            if name in self._channels:
                self._channels[name].sender.wake()
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
        self._receipts.settle(message.channel_type, message.key, receipt)
        self._plugins.observe("session_on_send", message=message, receipt=receipt)
        self._progress.set()

    def _send_failed(self, message: OutgoingMessage, error: ChannelError) -> None:
        self._receipts.settle(message.channel_type, message.key, error)
        self._failures += 1
        if error.remedy is Remedy.PARK:
            self._channels[message.channel_type].supervisor.park(error)  # which logs it
        else:
            log.error("a message to %s is not delivered: %s", message.address, error)
        log.debug("the failure in full", exc_info=error)
        self._plugins.observe("session_on_failure", message=message, error=error)
        self._progress.set()

    def _parked(self, channel: str, error: ChannelError) -> None:
        self._receipts.fail_channel(channel, error)
        self._progress.set()

    # How a run ends.

    async def _input_ended(self) -> None:
        """Wait until no channel will ever receive again; for ever if none receives at all."""
        receiving = [
            channel.receiving
            for channel in self._channels.values()
            if channel.receiving and channel.supervisor.receives
        ]
        await (asyncio.wait(receiving) if receiving else asyncio.Event().wait())

    def _working_channels(self) -> list[str]:
        return [
            name for name, one in self._channels.items() if one.supervisor.parked_by is None
        ]

    async def _drained(self) -> None:
        while True:
            self._progress.clear()
            # What is for a parked channel stays in the journal until the next start.
            working = self._working_channels()
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
                ours = {*self._workers(), *self._receiving()} - seen
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
            await _cancelled(self._receiving(), timeout_s=left_s())
            in_time = finish and await self._finish(deadline)
            # What observers do at the end may be to send.
            await asyncio.gather(*(plugin.observer.close(left_s()) for plugin in started))
            if in_time:
                await self._finish(deadline)
            left = await self._left(must_know=finish)
        finally:
            self._loop = None
            await _cancelled(self._workers(), timeout_s=left_s())
            senders = [channel.sender for channel in self._channels.values()]
            crews: list[Crew[Any]] = [self._turns, *senders]
            abandoned = await asyncio.gather(*(crew.cancel(left_s()) for crew in crews))
            self._receipts.fail_all()
            deaf = await self._stop_plugins(started, left_s())
            idle_s = max(deadline - loop.time(), 0)
            await asyncio.gather(*(_close_threads(plugin, idle_s) for plugin in started))
            for line in self._plugins.timings():
                log.debug("%s", line)
        deaf += sum(not task.done() for task in self._receiving())
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

    async def _finish(self, deadline: float) -> bool:
        """Answer and deliver what is stored; return whether that was done by the deadline."""
        drained = asyncio.create_task(self._drained())
        timeout_s = max(deadline - asyncio.get_running_loop().time(), 0)
        done, _ = await asyncio.wait(
            {drained, *self._workers()},
            timeout=timeout_s,
            return_when=asyncio.FIRST_COMPLETED,
        )
        await _cancelled({drained})
        if not done:
            log.warning("not everything was finished in %g s", self._stop_timeout_s)
        for task in done & self._workers():
            task.result()  # a worker ends only if it breaks
        if drained in done:
            drained.result()
        return bool(done)

    def _workers(self) -> set[asyncio.Task[None]]:
        """Return the tasks that never end by themselves, as far as they were started."""
        sending = {channel.sending for channel in self._channels.values()}
        return {task for task in (self._answering, *sending) if task}

    def _receiving(self) -> set[asyncio.Task[None]]:
        return {one.receiving for one in self._channels.values() if one.receiving}

    async def _stop_plugins(self, started: list[Plugin], timeout_s: float) -> int:
        """Stop plugins in reverse order, neighbouring channels at the same time.

        One that hangs costs the others nothing but time.

        Returns:
            How many would not be stopped in time.
        """
        groups = [
            list(group)
            for are_channels, several in groupby(reversed(started), lambda one: one.is_channel)
            for group in ([several] if are_channels else ([one] for one in several))
        ]
        late: set[asyncio.Task[None]] = set()
        for group in groups:
            stops = {
                asyncio.create_task(self._stop_plugin(one.name), name=f"stop-{one.name}")
                for one in group
            }
            _, hung = await asyncio.wait(stops, timeout=timeout_s / len(groups))
            for task in hung:
                log.warning("%s: the plugin did not stop in time", task.get_name())
                task.cancel()
            late |= hung
        if late:
            await asyncio.wait(late, timeout=LETTING_GO_S)
        return sum(not task.done() for task in late)

    async def _stop_plugin(self, name: str) -> None:
        if name in self._channels:
            await self._channels[name].supervisor.stop()
        else:
            await stop_plugin(self._plugins, name)


async def _to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Do something that a cancellation must not cut short; cancelled only afterwards."""
    task = asyncio.create_task(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
        except Exception:  # noqa: BLE001 -- raised by `result` below
            break
    if cancelled:
        task.exception()
        raise asyncio.CancelledError
    return task.result()


async def _close_threads(plugin: Plugin, timeout_s: float) -> None:
    for threads in (plugin.receiving, plugin.working, plugin.bracketing):
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
