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
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from networks.slack import FakeSlack
from networks.slack.errors import RateLimited

from rig.flooding import GUARD_S, Answer, Stage, command


class OnSlack(Stage[FakeSlack]):
    """The fake Slack, with direct chats."""

    channel = "slack"
    send = "chat.postMessage"
    refusal = RateLimited(1)

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


@asynccontextmanager
async def slack() -> AsyncIterator[OnSlack]:
    """A Slack on which nobody has written yet."""
    async with FakeSlack() as network:
        yield OnSlack(network)


if __name__ == "__main__":
    command(slack, may_double=False)()
