"""One channel of a session: what keeps it going, what it hands over, what it delivers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from cobot.config.settings import AccessSettings
from cobot.errors import ChannelError, PluginError
from cobot.hookspecs import Status
from cobot.journal import Delivery
from cobot.messages import Address, ChatMoved, IncomingMessage, Receipt
from cobot.plugins import Plugin
from cobot.session.access import Gate
from cobot.session.admission import Admission
from cobot.session.budget import Budget, Rates
from cobot.session.holding import Holding
from cobot.session.means import Means, channel_settings
from cobot.session.performing import Performer
from cobot.session.receiving import Receiver
from cobot.session.retry import Policy, Verdict
from cobot.session.sending import Sender
from cobot.session.supervisor import State, Supervisor

log = logging.getLogger(__name__)

ANYTHING = AccessSettings(direct="open", groups="open", mention=False, bots=True)
"""Access of a channel on which nothing is refused."""


class Channel:
    """A supervisor that receives and a sender, each in a task of its own."""

    def __init__(
        self,
        plugin: Plugin,
        means: Means,
        *,
        on_stored: Callable[[], None],
        on_sent: Callable[[Delivery, Receipt], None],
        on_failed: Callable[[Delivery, ChannelError, Verdict], None],
        on_parked: Callable[[str, ChannelError], None],
    ) -> None:
        self.name = plugin.name
        self.receiving: asyncio.Task[None] | None = None
        """Ends when nothing more will be received; None before the start."""
        self.sending: asyncio.Task[None] | None = None
        """Never ends by itself; None before the start."""
        self.budget = Budget(means.clock)
        """What it may ask of its network."""
        self._means = means
        self._settings = channel_settings(plugin)
        self._holding = Holding(plugin.name, means.journal)
        self._presence: tuple[Status, str] | None = None  # what was last asked for
        self._presence_waits = False  # before the start no hook is called
        self._showing: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None  # None before the start
        self._on_stored = on_stored
        self._on_parked = on_parked
        access = means.access.get(plugin.name, AccessSettings())
        self.gate = Gate(
            plugin.name,
            access,
            means.journal,
            means.clock,
            means.random,
            keeps_all=self._settings.history == "all",
        )
        """Who may talk."""
        # That a terminal answers who sits there need not be said.
        is_plain = access == ANYTHING
        self._loudness = logging.DEBUG if is_plain else logging.INFO
        self.supervisor = Supervisor(
            plugin,
            means.plugins,
            means.clock,
            means.random,
            on_parked=self._parked,
            on_connected=self._connected,
            on_closed=self._closed,
        )
        self._receiver = Receiver(
            plugin.name,
            means.plugins,
            means.journal,
            self._holding,
            Admission(means.plugins, self.gate, access.policy),
            self._settings,
            means.clock,
            on_alive=self.supervisor.alive,
            on_stored=self._stored,
            on_moved=self._moved,
        )
        self.sender = Sender(
            plugin.name,
            means.journal,
            Performer(
                plugin.name,
                means.plugins,
                means.journal,
                means.capabilities,
                means.rendering,
            ),
            means.capabilities,
            self.budget,
            Policy(
                means.settings.send_tries,
                means.settings.send_age,
                self._settings.resend,
                edits=means.capabilities.has(plugin.name, "edit"),
            ),
            prepares=bool(means.plugins.callers("session_prepare")),
            call_timeout_s=means.settings.call_timeout,
            clock=means.clock,
            random=means.random,
            redact=means.redact,
            holding=self._holding,
            on_moved=self._moved,
            on_sent=on_sent,
            on_failed=on_failed,
        )

    def start(self, may_receive: asyncio.Event, *, receive: bool) -> None:
        """Start the channel; it receives when all plugins have started.

        Args:
            may_receive: Set when all plugins have started.
            receive: Whether it is to receive at all.
        """
        self._loop = asyncio.get_running_loop()
        self.receiving = asyncio.create_task(
            self._receive(may_receive, receive=receive), name=f"channel-{self.name}"
        )
        self.sending = asyncio.create_task(self._send(), name=f"sender-{self.name}")

    async def let_go(self) -> None:
        """Give the channel back to the journal."""
        self._loop = None
        for task in self._showing:
            task.cancel()
        await self._holding.let_go()

    async def show(self, status: Status, text: str) -> None:
        """Show whether the bot is there, now and after each new connection.

        Raises:
            ChannelError: The network said no.
            PluginError: The plugin failed.
        """
        self._presence = status, text
        if self.supervisor.parked_by is not None:
            raise self.supervisor.parked_by
        self._presence_waits = self.supervisor.state is State.STARTING
        if not self._presence_waits and self.budget.allows_cosmetic():
            await self._means.plugins.route(
                "session_presence",
                self.name,
                channel_type=self.name,
                status=status,
                text=text,
            )

    def describe(self) -> dict[str, Any]:
        """Return how the channel is, as JSON."""
        supervisor = self.supervisor
        alive_at = supervisor.alive_at
        now = self._means.clock.monotonic()
        return {
            "state": supervisor.state.value,
            "reason": supervisor.reason,
            "alive_s": None if alive_at is None else round(now - alive_at, 3),
            "under_way": self.sender.running,
            "closed_s": round(self.budget.closed_s(), 3),
            "rate": {
                "channel": self.budget.rates.channel,
                "address": self.budget.rates.address,
            },
        }

    async def _receive(self, may_receive: asyncio.Event, *, receive: bool) -> None:
        await self.gate.open()
        log.log(self._loudness, "%s", self.gate.line())
        await self.supervisor.run(self._receiver, may_receive, receive=receive)

    async def _send(self) -> None:
        await self.supervisor.started.wait()
        if self._presence_waits:
            self._show_presence()
        self.budget.rates = await self._rates()
        await self.sender.recall_closing()
        self.sender.wake()
        await self.sender.run()

    async def _rates(self) -> Rates:
        """Return how fast it may send: as configured, else as the network allows."""
        asked = self._settings.rate
        if asked == "off":
            return Rates()
        limits = await self._means.capabilities.limits(self.name, None)
        rates = Rates(
            channel=limits.rate_channel,
            address=limits.rate_address,
            may_differ=limits.rate_address is not None,
        )
        if asked is None:
            return rates
        return Rates(
            channel=asked.channel if asked.channel is not None else rates.channel,
            address=asked.address if asked.address is not None else rates.address,
            may_differ=rates.may_differ and asked.address is None,
        )

    def _stored(self, messages: Sequence[IncomingMessage]) -> None:
        if self.sender.knows_gone:
            for message in messages:
                self.sender.reopen(message.address)
        self._on_stored()
        self.sender.wake()  # a stranger may have been given a code

    def _moved(self, moved: ChatMoved) -> None:
        self.budget.rename(moved.old, moved.new)

    def _closed(self, time: datetime, channel_id: str | None) -> None:
        # From whichever thread the channel reports.
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._close, time, channel_id)

    def _close(self, time: datetime, channel_id: str | None) -> None:
        seconds = (time - self._means.clock.now()).total_seconds()
        address = None if channel_id is None else Address(self.name, channel_id)
        self.budget.close(max(seconds, 0.0), address)

    def _parked(self, error: ChannelError) -> None:
        self.sender.close()  # what waits for a parked channel stays in the journal
        self._on_parked(self.name, error)

    def _connected(self) -> None:
        # From whichever thread the channel reports.
        if self._presence is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._show_presence)

    def _show_presence(self) -> None:
        if self._presence is not None and self.supervisor.parked_by is None:
            task = asyncio.create_task(self._show_again(*self._presence))
            self._showing.add(task)
            task.add_done_callback(self._showing.discard)

    async def _show_again(self, status: Status, text: str) -> None:
        try:
            await self.show(status, text)
        except (ChannelError, PluginError) as error:
            log.warning("%s; the presence is not shown", error)
