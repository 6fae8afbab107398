from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fakes import ManualClock
from networks.telegram import FakeTelegram

from cobot_telegram import Telegram
from telegram.bots import bot_on


@pytest.fixture
def clock() -> ManualClock:
    """Time of the network and of the channel."""
    return ManualClock()


@pytest.fixture
async def network(clock: ManualClock) -> AsyncIterator[FakeTelegram]:
    """A Telegram on which nobody has written yet."""
    async with FakeTelegram(username="lab_bot", clock=clock) as network:
        yield network


@pytest.fixture
async def channel(
    network: FakeTelegram, clock: ManualClock, tmp_path: Path
) -> AsyncIterator[Telegram]:
    """The network's bot as a channel."""
    async with bot_on(network, clock, tmp_path) as channel:
        yield channel
