from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from networks.client import BareClient, Clock, client_of
from networks.telegram import FakeTelegram


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
async def network(clock: Clock) -> AsyncIterator[FakeTelegram]:
    """A Telegram on which nobody has written yet."""
    async with FakeTelegram(clock=clock) as network:
        yield network


@pytest.fixture
async def bot(network: FakeTelegram) -> AsyncIterator[BareClient]:
    """A client of the network's bot."""
    async with client_of(network) as client:
        yield client
