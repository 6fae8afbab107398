"""Telegram in a flood: thousands of messages, a real process, kills at random moments.

    python tests/rig/flood.py --messages 5000 --chats 1000
    python tests/rig/flood.py --kills 5 --agent-ms 200 --send-ms 50
    python tests/rig/flood.py --messages 500 --chats 100 --limited 0.05

Counts what was lost, answered twice, and answered in the wrong order, and whether each answer
that came twice is marked in the journal as one that may have been repeated.
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

from networks.faults import Trouble
from networks.telegram.errors import too_many_requests
from networks.telegram.network import FakeTelegram

from rig.flooding import Answer, Flood, Stage, command, limiting, losing

SEND = frozenset({"sendmessage"})


class OnTelegram(Stage):
    """The fake Telegram, with private chats."""

    channel = "telegram"

    def __init__(self, network: FakeTelegram) -> None:
        self._network = network
        self._limiting: Trouble | None = None

    @property
    def section(self) -> dict[str, Any]:
        """The channel's section."""
        return {"bot_token": self._network.token, "base_url": self._network.url}

    @property
    def answers(self) -> Sequence[Answer]:
        """What the bot has sent."""
        return [Answer(str(one.chat_id), str(one.id), one.text) for one in self._network.sent]

    @property
    def refused(self) -> int:
        """How many sends were refused."""
        return self._limiting.hits if self._limiting else 0

    def trouble(self, flood: Flood, random: Random) -> None:
        """Let sends be slow, be refused, or their answers be lost."""
        if flood.send_s:
            self._network.slow_down("sendMessage", flood.send_s)
        self._limiting = limiting(too_many_requests(1), SEND, flood, random)
        for one in (self._limiting, losing(SEND, flood, random)):
            self._network.troubles.add(one)

    async def ready(self) -> None:
        """Wait for nothing: what is written is kept until somebody polls."""

    def open_chat(self) -> tuple[str, Callable[[str], object]]:
        """Open a private chat."""
        room = self._network.private_chat()
        return str(room.id), room.text

    def forget(self) -> None:
        """Do nothing: what was not confirmed is kept for a day."""

    def drop_all(self) -> None:
        """Reset all connections."""
        self._network.drop_all()


@asynccontextmanager
async def telegram() -> AsyncIterator[Stage]:
    """A Telegram on which nobody has written yet."""
    async with FakeTelegram() as network:
        yield OnTelegram(network)


if __name__ == "__main__":
    command(telegram, may_double=True)()
