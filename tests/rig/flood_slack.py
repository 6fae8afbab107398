"""Slack in a flood: thousands of messages, a real process, kills at random moments.

    python tests/rig/flood_slack.py --messages 5000 --chats 1000
    python tests/rig/flood_slack.py --kills 5 --agent-ms 200 --send-ms 50
    python tests/rig/flood_slack.py --messages 500 --chats 100 --limited 0.05 --losses 3
    python tests/rig/flood_slack.py --http --kills 5

People write before, while and after it is down. After a kill Slack tells again what was not
acknowledged, or forgets it, and then what was missed is asked for. Counts what was lost,
answered twice, and answered in the wrong order.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from networks.slack import FakeSlack
from networks.slack.errors import RateLimited

from rig.flooding import GUARD_S, LULL_S, Answer, Stage, command


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


class OnSlackByHttp(OnSlack):
    """The fake Slack that posts what happens, signed."""

    def __init__(self, network: FakeSlack) -> None:
        super().__init__(network)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]

    @property
    def section(self) -> dict[str, Any]:
        """The channel's section."""
        section = {**super().section, "signing_secret": self._network.signing_secret}
        del section["app_token"]
        return {**section, "port": self._port}

    async def ready(self) -> None:
        """Wait until the bot listens: what is written before is posted in vain."""
        url = f"http://127.0.0.1:{self._port}/slack/events"
        async with asyncio.timeout(GUARD_S):
            while True:
                poster = self._network.poster
                ask = poster.verify if poster else partial(self._network.post_events_to, url)
                if await ask():
                    return
                await asyncio.sleep(LULL_S)


@asynccontextmanager
async def slack() -> AsyncIterator[OnSlack]:
    """A Slack on which nobody has written yet."""
    async with FakeSlack() as network:
        yield OnSlack(network)


@asynccontextmanager
async def slack_by_http() -> AsyncIterator[OnSlack]:
    """One that posts events in place of Socket Mode."""
    async with FakeSlack() as network:
        yield OnSlackByHttp(network)


if __name__ == "__main__":
    is_by_http = "--http" in sys.argv
    words = [word for word in sys.argv[1:] if word != "--http"]
    command(slack_by_http if is_by_http else slack, may_double=False)(words)
