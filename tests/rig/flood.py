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
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from networks.telegram.errors import too_many_requests
from networks.telegram.network import FakeTelegram

from rig.flooding import Answer, Stage, command


class OnTelegram(Stage[FakeTelegram]):
    """The fake Telegram, with private chats."""

    channel = "telegram"
    send = "sendMessage"
    refusal = too_many_requests(1)

    @property
    def section(self) -> dict[str, Any]:
        """The channel's section."""
        return {"bot_token": self._network.token, "base_url": self._network.url}

    @property
    def answers(self) -> Sequence[Answer]:
        """What the bot has sent."""
        return [Answer(str(one.chat_id), str(one.id), one.text) for one in self._network.sent]

    async def ready(self) -> None:
        """Wait for nothing: what is written is kept until somebody polls."""

    def open_chat(self) -> tuple[str, Callable[[str], object]]:
        """Open a private chat."""
        room = self._network.private_chat()
        return str(room.id), room.text

    def forget(self) -> None:
        """Do nothing: what was not confirmed is kept for a day."""


@asynccontextmanager
async def telegram() -> AsyncIterator[OnTelegram]:
    """A Telegram on which nobody has written yet."""
    async with FakeTelegram() as network:
        yield OnTelegram(network)


if __name__ == "__main__":
    command(telegram, may_double=True)()
