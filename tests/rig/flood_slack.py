"""Slack in a flood: thousands of messages, a real process, kills at random moments.

    python tests/rig/flood_slack.py --messages 5000 --chats 1000
    python tests/rig/flood_slack.py --kills 5 --agent-ms 200 --send-ms 50
    python tests/rig/flood_slack.py --messages 500 --chats 100 --limited 0.05 --losses 3

People write before, while and after it is down. After a kill Slack tells again what was not
acknowledged, or forgets it, and then what was missed is asked for. Counts what was lost,
answered twice, and answered in the wrong order.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from networks.slack import FakeSlack, Trouble
from networks.slack.errors import RateLimited

from rig.flooding import GUARD_S, Answer, Flood, Stage, command, limiting, losing

SEND = frozenset({"chat.postmessage"})


class OnSlack(Stage):
    """The fake Slack, with direct chats."""

    channel = "slack"

    def __init__(self, network: FakeSlack) -> None:
        self._network = network
        self._limiting: Trouble | None = None

    @property
    def section(self) -> dict[str, Any]:
        """The channel's section."""
        return {
            "bot_token": self._network.bot_token,
            "app_token": self._network.app_token,
            "base_url": self._network.url,
        }

    @property
    def answers(self) -> Sequence[Answer]:
        """What the bot has sent."""
        return [Answer(one.channel.id, one.ts, one.text) for one in self._network.sent]

    @property
    def refused(self) -> int:
        """How many sends were refused."""
        return self._limiting.hits if self._limiting else 0

    def trouble(self, flood: Flood, random: Random) -> None:
        """Let sends be slow, be refused, or their answers be lost."""
        if flood.send_s:
            self._network.slow_down("chat.postMessage", flood.send_s)
        self._limiting = limiting(RateLimited(1), SEND, flood, random)
        for one in (self._limiting, losing(SEND, flood, random)):
            self._network.troubles.add(one)

    async def ready(self) -> None:
        """Wait for the bot's connection: what is written before is not told it."""
        await self._network.wait_for_links(timeout_s=GUARD_S)

    def open_chat(self) -> tuple[str, Callable[[str], object]]:
        """Open a direct chat."""
        room = self._network.private_chat()
        return room.id, room.text

    def forget(self) -> None:
        """Tell nothing again that the bot has not acknowledged."""
        for one in self._network.deliveries:
            self._network.outbox.failed(one, "forgotten", is_final=True)

    def drop_all(self) -> None:
        """Reset all connections."""
        self._network.drop_all()


@asynccontextmanager
async def slack() -> AsyncIterator[Stage]:
    """A Slack on which nobody has written yet."""
    async with FakeSlack() as network:
        yield OnSlack(network)


if __name__ == "__main__":
    command(slack, may_double=False)()
