"""Discord in a flood: thousands of messages, a real process, kills at random moments.

    python tests/rig/flood_discord.py --messages 5000 --chats 1000
    python tests/rig/flood_discord.py --kills 5 --agent-ms 200 --send-ms 50
    python tests/rig/flood_discord.py --messages 500 --chats 100 --limited 0.05 --losses 3

People write before, while and after it is down. After a kill the session goes on, or is lost,
and then what was missed is asked for. Counts what was lost, answered twice, and answered in the
wrong order.
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

from networks.discord import FakeDiscord, Trouble, too_many_requests

from rig.flooding import GUARD_S, Answer, Flood, Stage, command, limiting, losing

SEND = frozenset({"create_message"})


class OnDiscord(Stage):
    """The fake Discord, with direct chats."""

    channel = "discord"

    def __init__(self, network: FakeDiscord) -> None:
        self._network = network
        self._limiting: Trouble | None = None

    @property
    def section(self) -> dict[str, Any]:
        """The channel's section."""
        return {
            "bot_token": self._network.token,
            "base_url": self._network.url,
            "gateway_url": self._network.gateway_url,
        }

    @property
    def answers(self) -> Sequence[Answer]:
        """What the bot has sent."""
        return [Answer(one.channel.id, one.id, one.content) for one in self._network.sent]

    @property
    def refused(self) -> int:
        """How many sends were refused."""
        return self._limiting.hits if self._limiting else 0

    def trouble(self, flood: Flood, random: Random) -> None:
        """Let sends be slow, be refused, or their answers be lost."""
        if flood.send_s:
            self._network.slow_down("create_message", flood.send_s)
        self._limiting = limiting(too_many_requests(1), SEND, flood, random)
        for one in (self._limiting, losing(SEND, flood, random)):
            self._network.troubles.add(one)

    async def ready(self) -> None:
        """Wait for the bot's session: what is written before is not told it."""
        await self._network.wait_for_bot(GUARD_S)

    def open_chat(self) -> tuple[str, Callable[[str], object]]:
        """Open a direct chat."""
        room = self._network.dm()
        return room.id, room.text

    def forget(self) -> None:
        """Forget the bot's session."""
        self._network.gateway.forget_sessions()

    def drop_all(self) -> None:
        """Reset all connections."""
        self._network.drop_all()


@asynccontextmanager
async def discord() -> AsyncIterator[Stage]:
    """A Discord on which nobody has written yet."""
    async with FakeDiscord() as network:
        yield OnDiscord(network)


if __name__ == "__main__":
    command(discord, may_double=False)()
