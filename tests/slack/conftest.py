from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fakes import ManualClock
from networks.slack import FakeSlack, Room

from cobot_slack import Slack
from slack.bots import bot_on


@pytest.fixture
def clock() -> ManualClock:
    """Time of the network and of the channel."""
    return ManualClock()


@pytest.fixture
async def network(clock: ManualClock) -> AsyncIterator[FakeSlack]:
    """A Slack on which nobody has written yet."""
    async with FakeSlack(name="lab_bot", clock=clock) as network:
        yield network


@pytest.fixture
def general(network: FakeSlack) -> Room:
    """A public channel, with Ann and the bot in it."""
    return network.channel("general", person=network.user("Ann"))


@pytest.fixture
def direct(network: FakeSlack, general: Room) -> Room:
    """Ann's direct messages."""
    return network.private_chat(general.person)


@pytest.fixture
async def channel(
    network: FakeSlack, general: Room, clock: ManualClock, tmp_path: Path
) -> AsyncIterator[Slack]:
    """The network's bot as a channel."""
    async with bot_on(network, clock, tmp_path, general) as channel:
        yield channel
