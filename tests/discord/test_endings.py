"""How connections to the gateway end, and what follows."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from fakes import ManualClock
from networks.discord import MESSAGE_CONTENT, FakeDiscord, Room

from cobot import AuthFailed, Unreachable
from cobot_discord import Discord
from discord.bots import bot_on, come_back, passing, receiving


@pytest.mark.parametrize("code", [4000, 4001, 4002, 4008, 1000, 1001])
async def test_after_these_codes_the_session_goes_on(
    channel: Discord, network: FakeDiscord, clock: ManualClock, code: int
) -> None:
    """An unknown error, a fault of ours, too many messages, a clean end."""
    async with receiving(channel) as received:
        await received.ready()
        network.gateway.close(code)
        await come_back(network, clock, 2)

    assert len(network.gateway.resumes) == 1
    assert len(network.gateway.identifies) == 1


@pytest.mark.parametrize("code", [4003, 4005, 4007, 4009])
async def test_after_these_codes_a_new_session_begins(
    channel: Discord, network: FakeDiscord, clock: ManualClock, code: int
) -> None:
    """The old one is not even tried."""
    async with receiving(channel) as received:
        await received.ready()
        network.gateway.close(code)
        await come_back(network, clock, 2)

    assert network.gateway.resumes == []
    assert len(network.gateway.identifies) == 2


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (4004, "set bot_token"),
        (4010, "shard"),
        (4011, "too many servers"),
        (4012, "update cobot-discord"),
        (4013, "update cobot-discord"),
        (4014, "Message Content Intent"),
    ],
)
async def test_after_these_codes_it_is_over(
    channel: Discord, network: FakeDiscord, code: int, said: str
) -> None:
    """Nothing gets better by trying again; the error says what to do."""
    async with receiving(channel) as received:
        await received.ready()
        network.gateway.close(code)
        with pytest.raises(AuthFailed, match=said):
            await received.batch()


async def test_a_missing_intent_is_named(
    network: FakeDiscord, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """It is switched on in the portal, says the error."""
    network.world.privileged &= ~MESSAGE_CONTENT
    async with bot_on(network, clock, tmp_path, general) as channel, receiving(channel) as one:
        with pytest.raises(AuthFailed, match="Message Content Intent"):
            await one.batch()


async def test_three_faults_of_ours_in_a_row_are_too_many(
    channel: Discord, network: FakeDiscord, clock: ManualClock
) -> None:
    """It would go on for ever, and cost a session each time."""
    async with receiving(channel) as received:
        await received.ready()
        failing = asyncio.ensure_future(received.batch())
        for count in range(1, 4):
            network.gateway.close(4002)
            if count < 3:
                await come_back(network, clock, count + 1)
        with pytest.raises(AuthFailed, match="fault of cobot-discord's"):
            await failing


async def test_an_invalid_session_begins_anew_after_a_while(
    channel: Discord, network: FakeDiscord, clock: ManualClock
) -> None:
    """Not at once: many bots come back at the same time."""
    async with receiving(channel) as received:
        await received.ready()
        before_s = clock.monotonic()
        network.gateway.invalidate()
        await come_back(network, clock, 2)

    assert 1 <= clock.monotonic() - before_s <= 6
    assert network.gateway.resumes == []
    assert len(network.gateway.identifies) == 2


async def test_an_interrupted_session_goes_on(
    channel: Discord, network: FakeDiscord, clock: ManualClock
) -> None:
    """Invalid for the moment, and it may be resumed."""
    async with receiving(channel) as received:
        await received.ready()
        network.gateway.invalidate(resumable=True)
        await come_back(network, clock, 2)

    assert len(network.gateway.resumes) == 1
    assert len(network.gateway.identifies) == 1


async def test_resuming_in_vain_comes_to_an_end(
    channel: Discord, network: FakeDiscord, clock: ManualClock
) -> None:
    """After three attempts a new session begins."""
    async with receiving(channel) as received:
        await received.ready()
        network.gateway.sends_away = 3
        network.drop_all()
        await come_back(network, clock, 5)

    assert network.gateway.resumes == []
    assert len(network.gateway.identifies) == 2


async def test_no_more_sessions_than_allowed_begin(
    channel: Discord, network: FakeDiscord
) -> None:
    """One more, and Discord would reset the token: it is waited for as long as it says."""
    network.gateway.most_identifies = 0
    async with receiving(channel) as received:
        with pytest.raises(Unreachable, match="no session may begin any more today") as caught:
            await received.batch()

    assert caught.value.retry_after_s == 5
    assert network.gateway.opened == []


async def test_a_handshake_that_fails_at_first_is_the_sessions_to_wait_for(
    channel: Discord, network: FakeDiscord
) -> None:
    """As with any channel that is not connected yet."""
    network.gateway.refuse_next()
    async with receiving(channel) as received:
        with pytest.raises(Unreachable, match="502"):
            await received.batch()


async def test_what_is_no_payload_ends_only_the_connection(
    channel: Discord, network: FakeDiscord, general: Room, clock: ManualClock
) -> None:
    """The session goes on, on another one."""
    async with receiving(channel) as received:
        await received.ready()
        waiting = asyncio.ensure_future(received.message())
        network.gateway.lines[0].send("{")
        await network.wait_for(lambda: not network.gateway.lines)
        general.text("after it")

        assert (await passing(clock, waiting)).content == "after it"
