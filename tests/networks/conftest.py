from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from networks.client import BareClient, Clock, client_of
from networks.discord import FakeDiscord, Hall, Room
from networks.discord_client import BareGateway, BareRest, gateway_of, rest_of
from networks.slack import FakeSlack
from networks.slack_client import SlackClient, slack_client_of
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


@pytest.fixture
async def discord(clock: Clock) -> AsyncIterator[FakeDiscord]:
    """A Discord on which nobody has written yet."""
    async with FakeDiscord(clock=clock) as network:
        yield network


@pytest.fixture
async def rest(discord: FakeDiscord) -> AsyncIterator[BareRest]:
    """A client of the requests of Discord's bot."""
    async with rest_of(discord) as client:
        yield client


@pytest.fixture
async def gateway(discord: FakeDiscord) -> AsyncIterator[BareGateway]:
    """A connection of Discord's bot to the gateway, just open."""
    async with gateway_of(discord) as client:
        yield client


@pytest.fixture
def lab(discord: FakeDiscord) -> Hall:
    """A guild, and Ann in it."""
    return discord.guild("Lab", person=discord.user("Ann"))


@pytest.fixture
def general(lab: Hall) -> Room:
    """The guild's channel."""
    return lab.channel("general")


@pytest.fixture
async def slack(clock: Clock) -> AsyncIterator[FakeSlack]:
    """A Slack on which nobody has written yet."""
    async with FakeSlack(clock=clock) as network:
        yield network


@pytest.fixture
async def app(slack: FakeSlack) -> AsyncIterator[SlackClient]:
    """A client of Slack's app."""
    async with slack_client_of(slack) as client:
        yield client
