"""One run of a session: its channels, its turns, and how all of it starts and stops."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from typing import Any

import attrs

from cobot.errors import ChannelError, CobotError, Remedy
from cobot.journal import Backlog, Delivery
from cobot.messages import IncomingMessage, Receipt
from cobot.plugins import Plugin
from cobot.session.channel import Channel
from cobot.session.crew import Crew
from cobot.session.fetching import Fetcher
from cobot.session.handles import Receipts
from cobot.session.means import Means
from cobot.session.retry import Verdict
from cobot.session.stopping import cancelled, close_threads, stop_in_reverse, to_the_end
from cobot.session.supervisor import start_plugin, stop_plugin
from cobot.session.turns import Turns
from cobot.session.typing_lease import TypingLeases
from cobot.session.upkeep import Upkeep

log = logging.getLogger(__name__)

LEAST_STOP_S = 1.0
"""What `cobot_stop` is given even when the time to stop is used up."""


@attrs.frozen
class Outcome:
    """How a run ended."""

    stopped: bool
    """Whether it was asked to stop; else its input had come to an end."""
    failures: int
    """Messages that were not answered, and answers that were not delivered: dead letters."""
    left: Backlog
    """What was still waiting; it is in the journal."""
    parked: tuple[str, ...]
    """Channels that had been given up."""
    abandoned: int
    """Calls of plugins that would not be cancelled and still run."""


class Run:
    """Everything that lives from the start of a session to its stop.

    Receivers publish what arrives, turns claim and settle it, senders take and record what
    goes out. All three meet in the journal and wake each other; none calls another.
    """

    def __init__(self, means: Means, agent: str, *, stop_timeout_s: float) -> None:
        self.receipts = Receipts()
        """Those who wait for something to be delivered."""
        self._means = means
        self._plugins = means.plugins
        self._journal = means.journal
        self._stop_timeout_s = stop_timeout_s
        self._stop_asked = asyncio.Event()
        self._all_started = asyncio.Event()
        self._progress = asyncio.Event()
        self._failures = 0
        self.typing = TypingLeases(
            means.plugins,
            means.capabilities,
            self._budget,
            means.clock,
            after_s=means.settings.typing_after,
        )
        """All typing that is shown."""
        self._fetcher = Fetcher(means.plugins, means.capabilities)
        self._turns = Turns(
            means.plugins,
            means.journal,
            agent,
            means.outgoing,
            self._fetcher,
            self.typing,
            means.settings,
            clock=means.clock,
            random=means.random,
            redact=means.redact,
            on_settled=self.settled,
            on_looked=self._progress.set,
            on_failed=self._turn_failed,
        )
        self._answering: asyncio.Task[None] | None = None
        self._upkeep: set[asyncio.Task[None]] = set()
        self._telling: set[asyncio.Task[None]] = set()
        self.channels: dict[str, Channel] = {
            plugin.name: Channel(
                plugin,
                means,
                on_stored=self._turns.wake,
                on_sent=self._sent,
                on_failed=self._send_failed,
                on_parked=self._parked,
            )
            for plugin in means.plugins.channels
        }
        """The channels, by name."""

    @property
    def answering(self) -> int:
        """How many turns run."""
        return self._turns.running

    def stop(self) -> None:
        """Ask the run to stop: nothing more is received, what runs is finished."""
        self._stop_asked.set()

    async def go(self, *, receive: bool) -> Outcome:
        """Run until the input has ended and all is answered, or until `stop`.

        Args:
            receive: Whether to receive and answer, and not only to send.

        Raises:
            PluginError: A plugin that is no channel could not be started.
            JournalError: The journal is broken.
        """
        started: list[Plugin] = []
        finish = False
        try:
            await self._until(self._start_all(started, receive=receive))
            if receive:
                self._answering = asyncio.create_task(self._turns.run(), name="turns")
                self._turns.wake()
            upkeep = Upkeep(
                self._journal,
                self._means.clock,
                self._turns.cancel_work,
                self._fetcher.prune,
            )
            self._upkeep = {
                asyncio.create_task(upkeep.beat(), name="beat"),
                asyncio.create_task(upkeep.prune(), name="prune"),
            }
            await self._until(self._input_ended(receive=receive))
            if not self._stop_asked.is_set():
                await self._until(self._drained())
            finish = bool(self._working_channels())
        finally:
            left, abandoned = await to_the_end(self._shut_down(started, finish=finish))
        return Outcome(
            stopped=self._stop_asked.is_set(),
            failures=self._failures,
            left=left,
            parked=tuple(
                name for name, channel in self.channels.items() if channel.supervisor.parked_by
            ),
            abandoned=abandoned,
        )

    async def _start_all(self, started: list[Plugin], *, receive: bool) -> None:
        for plugin in self._plugins.in_start_order:
            started.append(plugin)
            if plugin.is_channel:
                self.channels[plugin.name].start(self._all_started, receive=receive)
                continue
            await start_plugin(self._plugins, plugin.name)
        self._all_started.set()

    # What the parts tell each other goes through here.

    def _budget(self, channel: str) -> Any:
        found = self.channels.get(channel)
        return None if found is None else found.budget

    def settled(self, channels: Iterable[str]) -> None:
        """Note that operations were stored for channels."""
        for name in channels:
            if name in self.channels:
                self.channels[name].sender.wake()
        self._turns.wake()
        self._progress.set()

    def _turn_failed(
        self, message: IncomingMessage, error: CobotError, delay_s: float | None
    ) -> None:
        if delay_s is None:
            self._failures += 1
            log.error(
                "message %r of %s is not answered: %s", message.id, message.address, error
            )
            self._plugins.observe("session_on_failure", message=message, error=error)
        else:
            log.warning(
                "message %r of %s: %s; trying again in %.1f s",
                message.id,
                message.address,
                error,
                delay_s,
            )
        log.debug("the failure in full", exc_info=error)
        self._turns.wake()
        self._progress.set()

    def _sent(self, delivery: Delivery, receipt: Receipt) -> None:
        operation = delivery.operation
        channel = operation.address.channel_type
        if operation.message is not None:
            self._plugins.observe("session_on_send", message=operation.message, receipt=receipt)
        if not operation.whole:
            self.receipts.settle(channel, operation.key, receipt)
        elif operation.part == operation.parts - 1:
            self._tell_whole(channel, operation.whole)
        self._progress.set()

    def _tell_whole(self, channel: str, key: str) -> None:
        if self.receipts.is_expected(channel, key):
            task = asyncio.create_task(self._settle_whole(channel, key))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    async def _settle_whole(self, channel: str, key: str) -> None:
        standing = await self._journal.standing(channel, key)
        if standing is not None and standing.receipt is not None:
            self.receipts.settle(channel, key, standing.receipt)

    def _send_failed(self, delivery: Delivery, error: ChannelError, verdict: Verdict) -> None:
        operation = delivery.operation
        name, message = operation.address.channel_type, operation.message
        if verdict.parks:
            self.channels[name].supervisor.park(error)  # which logs it
        elif verdict.wait_s is None:
            self._failures += 1
            if verdict.chat_is_gone:
                self.typing.stop(operation.address)
            self.receipts.settle(name, operation.whole or operation.key, error)
            log.error("a message to %s is given up: %s", operation.address, verdict.reason)
            if message is not None:
                self._plugins.observe("session_on_failure", message=message, error=error)
        else:
            level = logging.ERROR if error.remedy is Remedy.BACK_OFF else logging.WARNING
            log.log(
                level,
                "a message to %s: %s; trying again in %.1f s",
                operation.address,
                verdict.reason,
                verdict.wait_s,
            )
            self.channels[name].sender.wake()
        log.debug("the failure in full", exc_info=error)
        self._progress.set()

    def _parked(self, channel: str, error: ChannelError) -> None:
        self.receipts.fail_channel(channel, error)
        self._progress.set()

    # How a run ends.

    async def _input_ended(self, *, receive: bool) -> None:
        """Wait until no channel will ever receive again; for ever if none receives at all."""
        receiving = [
            channel.receiving
            for channel in self.channels.values()
            if receive and channel.receiving and channel.supervisor.receives
        ]
        await (asyncio.wait(receiving) if receiving else asyncio.Event().wait())

    def _working_channels(self) -> list[str]:
        return [name for name, one in self.channels.items() if one.supervisor.parked_by is None]

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
                ours = {*self._workers(), *self._receiving(), *self._upkeep, *self._telling}
                ours -= seen
                done, _ = await asyncio.wait(
                    {waiting, stop} | ours, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done & ours:
                    seen.add(task)
                    task.result()
        finally:
            await cancelled({waiting, stop}, timeout_s=self._stop_timeout_s)
        if waiting.done() and not waiting.cancelled():
            waiting.result()

    async def _shut_down(self, started: list[Plugin], *, finish: bool) -> tuple[Backlog, int]:
        """Stop everything; return what is left and how many calls would not stop."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._stop_timeout_s

        def left_s() -> float:
            return max(deadline - loop.time(), LEAST_STOP_S)

        try:
            await cancelled(self._receiving(), timeout_s=left_s())
            in_time = finish and await self._finish(deadline, self._emptied(deadline))
            # What observers do at the end may be to send.
            await asyncio.gather(*(plugin.observer.close(left_s()) for plugin in started))
            if in_time:
                await self._finish(deadline, self._closed(deadline))
            left = await self._left(must_know=finish)
        finally:
            ours = {*self._workers(), *self._upkeep, *self._telling}
            await cancelled(ours, timeout_s=left_s())
            senders = [channel.sender for channel in self.channels.values()]
            crews: list[Crew[Any, Any]] = [self._turns, *senders]
            abandoned = await asyncio.gather(*(crew.cancel(left_s()) for crew in crews))
            await self.typing.close()
            self.receipts.fail_all()
            deaf = await stop_in_reverse(started, self._stop_plugin, left_s())
            idle_s = max(deadline - loop.time(), 0)
            await asyncio.gather(*(close_threads(plugin, idle_s) for plugin in started))
            contexts = [plugin.context for plugin in started if plugin.context is not None]
            await asyncio.gather(*(context.close() for context in contexts))
            await self._means.rendering.close(idle_s)
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

    async def _finish(self, deadline: float, work: Coroutine[Any, Any, None]) -> bool:
        """Finish what runs; return whether that was done by the deadline."""
        finished = asyncio.create_task(work)
        timeout_s = max(deadline - asyncio.get_running_loop().time(), 0)
        done, _ = await asyncio.wait(
            {finished, *self._workers()},
            timeout=timeout_s,
            return_when=asyncio.FIRST_COMPLETED,
        )
        await cancelled({finished})
        if not done:
            log.warning("not everything was finished in %g s", self._stop_timeout_s)
        for task in done & self._workers():
            task.result()  # a worker ends only if it breaks
        if finished in done:
            finished.result()
        return bool(done)

    async def _emptied(self, deadline: float) -> None:
        """Finish the turns that run, and send what can be sent.

        Messages that only wait stay in the journal, and so does what may leave only later.
        """
        self._turns.close()
        await self._turns.idle()
        halfway = (asyncio.get_running_loop().time() + deadline) / 2
        for channel in self.channels.values():
            if not channel.supervisor.started.is_set():
                continue
            try:
                async with asyncio.timeout_at(halfway):
                    await channel.sender.exhausted()
            except TimeoutError:
                # More than there is time for. A send that is cut short may have arrived, so
                # no further one is begun.
                channel.sender.close()
                await channel.sender.idle()

    async def _closed(self, deadline: float) -> None:
        """Send what has been added meanwhile, and then nothing more."""
        await self._emptied(deadline)
        for channel in self.channels.values():
            channel.sender.close()
            await channel.sender.idle()
        await asyncio.gather(*self._telling)

    def _workers(self) -> set[asyncio.Task[None]]:
        """Return the tasks that never end by themselves, as far as they were started."""
        sending = {channel.sending for channel in self.channels.values()}
        return {task for task in (self._answering, *sending) if task}

    def _receiving(self) -> set[asyncio.Task[None]]:
        return {one.receiving for one in self.channels.values() if one.receiving}

    async def _stop_plugin(self, name: str) -> None:
        if name in self.channels:
            await self.channels[name].supervisor.stop()
            await self.channels[name].let_go()
        else:
            await stop_plugin(self._plugins, name)
