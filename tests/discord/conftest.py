from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fakes import ManualClock
from networks.discord import FakeDiscord, Hall, Room

from cobot_discord import Discord
from discord.bots import bot_on


@pytest.fixture
def clock() -> ManualClock:
    """Time of the network and of the channel."""
    return ManualClock()


@pytest.fixture
async def network(clock: ManualClock) -> AsyncIterator[FakeDiscord]:
    """A Discord on which nobody has written yet."""
    async with FakeDiscord(username="lab_bot", clock=clock) as network:
        yield network


@pytest.fixture
def lab(network: FakeDiscord) -> Hall:
    """A guild, and Ann in it."""
    return network.guild("Lab", person=network.user("Ann"))


@pytest.fixture
def general(lab: Hall) -> Room:
    """The guild's channel."""
    return lab.channel("general")


@pytest.fixture
async def channel(
    network: FakeDiscord, general: Room, clock: ManualClock, tmp_path: Path
) -> AsyncIterator[Discord]:
    """The network's bot as a channel."""
    async with bot_on(network, clock, tmp_path, general) as channel:
        yield channel
