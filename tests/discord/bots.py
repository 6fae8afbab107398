"""Channels that talk to a fake Discord, and what is done with them."""

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
from networks.discord import FakeDiscord, Room

from cobot import Id, Secret
from cobot.net import Http
from cobot_discord import Discord, DiscordGuild, DiscordSettings
from cobot_discord.markup import render

__all__ = [
    "Agent",
    "Receiving",
    "Reports",
    "bot_on",
    "come_back",
    "files_in",
    "guild_of",
    "marked",
    "passing",
    "receiving",
    "ref",
    "session",
    "to",
]

_on_discord = Addressing("discord", render)
to, marked, ref = _on_discord.to, _on_discord.marked, _on_discord.ref


@asynccontextmanager
async def bot_on(
    network: FakeDiscord,
    clock: ManualClock,
    folder: Path,
    *rooms: Room,
    health: Reports | None = None,
    http: Http | None = None,
    **settings: Any,
) -> AsyncIterator[Discord]:
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
    context = context_for("discord", network.token, clock, folder, health)
    values: dict[str, Any] = {
        "bot_token": Secret(network.token),
        "base_url": network.url,
        "gateway_url": network.gateway_url,
        "guilds": tuple(guild_of(room) for room in rooms),
        **settings,
    }
    async with channel_in(context, Discord, DiscordSettings(**values), http) as channel:
        yield channel


def guild_of(room: Room) -> DiscordGuild:
    """Return a channel as the settings have it."""
    assert room.channel.guild is not None
    return DiscordGuild(Id(room.channel.guild.id), room.channel.name)


async def come_back(
    network: FakeDiscord, clock: ManualClock, connections: int, most_s: float = 60.0
) -> None:
    """Let time pass until the bot has a session on a further connection."""
    gateway = network.gateway

    def is_back() -> bool:
        return len(gateway.opened) >= connections and gateway.is_connected

    await passing(clock, network.wait_for(is_back), most_s)
