"""Channels that talk to a fake Slack, and what is done with them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from channel_bots import (
    Addressing,
    Agent,
    Receiving,
    Reports,
    channel_in,
    context_for,
    files_in,
    passing,
    receiving,
    session,
)
from fakes import ManualClock
from networks.slack import FakeSlack, Room

from cobot import Id, Secret
from cobot.net import Http
from cobot_slack import Slack, SlackChannel, SlackSettings
from cobot_slack.markup import render

__all__ = [
    "Agent",
    "Receiving",
    "Reports",
    "bot_on",
    "files_in",
    "marked",
    "passing",
    "receiving",
    "ref",
    "session",
    "to",
]

_on_slack = Addressing("slack", render)
to, marked, ref = _on_slack.to, _on_slack.marked, _on_slack.ref


@asynccontextmanager
async def bot_on(
    network: FakeSlack,
    clock: ManualClock,
    folder: Path,
    *rooms: Room,
    health: Reports | None = None,
    http: Http | None = None,
    **settings: Any,
) -> AsyncIterator[Slack]:
    """Open a channel for the network's bot, for the length of a block.

    Args:
        network: Where the bot is.
        clock: Time.
        folder: The workspace.
        rooms: Channels in the settings.
        health: Gets what the channel reports.
        http: What it talks through; None: connections of its own.
        settings: Others of its settings.
    """
    context = context_for("slack", network.bot_token, clock, folder, health)
    values: dict[str, Any] = {
        "bot_token": Secret(network.bot_token),
        "app_token": Secret(network.app_token),
        "base_url": network.url,
        "channels": tuple(SlackChannel(Id(room.id)) for room in rooms),
        **settings,
    }
    async with channel_in(context, Slack, SlackSettings(**values), http) as channel:
        yield channel
