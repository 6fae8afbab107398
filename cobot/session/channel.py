"""One channel of a session: what keeps it going, what it hands over, what it delivers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

from cobot.clock import Clock
from cobot.errors import ChannelError
from cobot.journal import Journal
from cobot.messages import OutgoingMessage, Receipt
from cobot.plugins import Plugin, Plugins
from cobot.session.receiving import Receiver
from cobot.session.sending import Sender
from cobot.session.supervisor import Supervisor


class Channel:
    """A supervisor that receives and a sender, each in a task of its own."""

    def __init__(
        self,
        plugin: Plugin,
        plugins: Plugins,
        journal: Journal,
        *,
        clock: Clock,
        random: Random,
        on_stored: Callable[[], None],
        on_sent: Callable[[OutgoingMessage, Receipt], None],
        on_failed: Callable[[OutgoingMessage, ChannelError], None],
        on_parked: Callable[[str, ChannelError], None],
    ) -> None:
        self.sender = Sender(
            plugin.name, plugins, journal, on_sent=on_sent, on_failed=on_failed
        )

        def parked(error: ChannelError) -> None:
            self.sender.park()
            on_parked(plugin.name, error)

        self.supervisor = Supervisor(plugin, plugins, clock, random, on_parked=parked)
        self._receiver = Receiver(
            plugin.name,
            plugins,
            journal,
            on_alive=self.supervisor.alive,
            on_stored=on_stored,
        )
        self.receiving: asyncio.Task[None] | None = None
        """Ends when nothing more will be received; None before the start."""
        self.sending: asyncio.Task[None] | None = None
        """Never ends by itself; None before the start."""

    def start(self, may_receive: asyncio.Event) -> None:
        """Start the channel; it receives when all plugins have started."""
        name = self.supervisor.name
        self.receiving = asyncio.create_task(
            self.supervisor.run(self._receiver, may_receive), name=f"channel-{name}"
        )
        self.sending = asyncio.create_task(self._send(), name=f"sender-{name}")

    async def _send(self) -> None:
        await self.supervisor.started.wait()
        self.sender.wake()
        await self.sender.run()
