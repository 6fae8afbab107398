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
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from networks.discord import FakeDiscord, too_many_requests

from rig.flooding import GUARD_S, Answer, Stage, command


class OnDiscord(Stage[FakeDiscord]):
    """The fake Discord, with direct chats."""

    channel = "discord"
    send = "create_message"
    refusal = too_many_requests(1)

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


@asynccontextmanager
async def discord() -> AsyncIterator[OnDiscord]:
    """A Discord on which nobody has written yet."""
    async with FakeDiscord() as network:
        yield OnDiscord(network)


if __name__ == "__main__":
    command(discord, may_double=False)()
