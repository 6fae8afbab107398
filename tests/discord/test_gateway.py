"""The connection to the gateway: how it is kept, and what follows when it ends."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest
from fakes import ManualClock
from networks.discord import FakeDiscord, Room

from cobot_discord import Discord
from cobot_discord.gateway import INTENTS
from discord.bots import Reports, bot_on, come_back, passing, receiving


def has_beaten(network: FakeDiscord, count: int) -> bool:
    """Tell whether so many heartbeats came."""
    return len(network.gateway.beats) >= count


async def test_a_session_begins_with_what_is_wanted(
    channel: Discord, network: FakeDiscord, clock: ManualClock
) -> None:
    """The intents of a bot that reads messages, and no presence that nobody asked for."""
    async with receiving(channel) as received:
        await received.ready()

    (identity,) = network.gateway.identifies
    assert identity["intents"] == INTENTS == 46593
    assert "presence" not in identity
    assert network.gateway.opened[0].query == {"v": "10", "encoding": "json"}


async def test_heartbeats_go_on_whatever_happens_to_messages(
    channel: Discord, network: FakeDiscord, general: Room, clock: ManualClock
) -> None:
    """The first after a random part of the interval; each names the last event stored."""
    async with receiving(channel) as received:
        await received.ready()
        general.text("never stored")
        await received.batch()
        first_s = await clock.next_sleep()
        for count in range(1, 4):
            clock.advance(first_s if count == 1 else 41.25)
            await network.wait_for(partial(has_beaten, network, count))
            await asyncio.sleep(0.01)  # the answer comes

    # READY and the guild are stored, and the message is not.
    assert 0 < first_s < 41.25
    assert {sequence for _, sequence in network.gateway.beats} == {2}
    assert len(network.gateway.opened) == 1


async def test_a_beat_that_is_asked_for_comes_at_once(
    channel: Discord, network: FakeDiscord
) -> None:
    """Without any time passing."""
    async with receiving(channel) as received:
        await received.ready()
        network.gateway.ask_for_beat()

        await network.wait_for(lambda: network.gateway.beats)


async def test_a_connection_without_answers_is_given_up(
    channel: Discord, network: FakeDiscord, general: Room, clock: ManualClock
) -> None:
    """It looks open and is dead: it is broken off, and the session goes on elsewhere."""
    async with receiving(channel) as received:
        await received.ready()
        network.gateway.is_acking = False
        waiting = asyncio.ensure_future(received.message())
        await passing(clock, network.wait_for(lambda: network.gateway.beats), 50)
        await passing(clock, network.wait_for(lambda: not network.gateway.lines), 50)
        network.gateway.is_acking = True
        general.text("meanwhile")

        message = await passing(clock, waiting)

    assert message.content == "meanwhile"
    assert network.gateway.close_codes[0] not in (1000, 1001)
    assert len(network.gateway.resumes) == 1


async def test_a_session_goes_on_where_it_is_told_to(
    channel: Discord, network: FakeDiscord, general: Room, clock: ManualClock
) -> None:
    """Asked to come back, it does at the session's own address, and misses nothing."""
    async with receiving(channel) as received:
        await received.ready()
        waiting = asyncio.ensure_future(received.message())
        network.gateway.reconnect()
        await network.wait_for(lambda: not network.gateway.lines)
        general.text("meanwhile")

        message = await passing(clock, waiting)

    assert message.content == "meanwhile"
    assert network.gateway.close_codes[0] == 4000
    assert network.gateway.opened[1].is_for_resuming
    assert len(network.gateway.identifies) == 1


async def test_only_what_is_stored_is_named_when_resuming(
    channel: Discord, network: FakeDiscord, general: Room, clock: ManualClock
) -> None:
    """What a crash could still lose, the network is asked to tell again."""
    async with receiving(channel) as received:
        await received.ready()
        general.text("one")
        await received.batch()
        general.text("two")
        network.drop_all()
        await come_back(network, clock, 2)
        assert network.gateway.resumes[-1]["seq"] == 2
        second = await received.message()
        network.drop_all()
        await come_back(network, clock, 3)
        general.text("three")
        third = await received.message()

    # "one" is stored by then, "two" is not: it comes once all the same, for it was waiting.
    assert [second.content, third.content] == ["two", "three"]
    assert network.gateway.resumes[-1]["seq"] == 3


async def test_presence_outlives_the_session(
    channel: Discord, network: FakeDiscord, clock: ManualClock
) -> None:
    """It is part of the next session from its beginning, and not sent twice."""
    async with receiving(channel) as received:
        await received.ready()
        await channel.session_presence("discord", "away", "at lunch")
        await channel.session_presence("discord", "away", "at lunch")
        await network.wait_for(lambda: network.presence.get("status") == "idle")
        network.gateway.close(4009)
        await come_back(network, clock, 2)
        await channel.session_presence("discord", "away", "at lunch")
        shown = network.presence
        sent = [line.received_ops.count(3) for line in network.gateway.opened]

    assert shown["activities"][0]["state"] == "at lunch"
    assert network.gateway.identifies[1]["presence"]["status"] == "idle"
    assert sent == [1, 0]


async def test_presences_are_shown_as_often_as_allowed(
    channel: Discord, network: FakeDiscord, clock: ManualClock
) -> None:
    """Of what comes too quickly, the last is shown in the end."""
    async with receiving(channel) as received:
        await received.ready()
        shows = [
            channel.session_presence("discord", "online", f"{number}") for number in range(8)
        ]
        await passing(clock, asyncio.gather(*shows))
        await network.wait_for(lambda: network.presence["activities"][0]["state"] == "7")
        sent = network.gateway.opened[0].received_ops.count(3)

    assert sent <= 6


async def test_large_events_arrive(
    channel: Discord, network: FakeDiscord, general: Room
) -> None:
    """A guild can have megabytes."""
    async with receiving(channel) as received:
        await received.ready()
        network.push("GUILD_UPDATE", {"id": "1", "description": "x" * 3_000_000})
        general.text("after it")

        assert (await received.message()).content == "after it"


async def test_who_leaves_looks_gone_and_can_come_back(
    network: FakeDiscord, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """Nobody sees a bot that is not there, and what happens meanwhile is told after all."""
    direct = network.dm()
    async with (
        bot_on(network, clock, tmp_path, general) as channel,
        receiving(channel) as received,
    ):
        await received.ready()
    await network.wait_for(lambda: not network.gateway.lines)
    assert network.gateway.close_codes == [4000]
    assert network.presence["status"] == "invisible"

    direct.text("hello, stranger")
    async with (
        bot_on(network, clock, tmp_path, general) as channel,
        receiving(channel, received.cursors) as again,
    ):
        message = await again.message()
        await network.wait_for(lambda: network.presence["status"] == "online")

    assert message.content == "hello, stranger"
    assert len(network.gateway.identifies) == 1


@pytest.mark.parametrize(
    ("own", "told", "used"),
    [
        (None, "wss://gateway-us-east1-b.discord.gg", "wss://gateway-us-east1-b.discord.gg"),
        (None, "wss://discord.gg/", "wss://discord.gg"),
        (None, "wss://evil.test", "wss://gateway.discord.gg"),
        (None, "wss://evildiscord.gg", "wss://gateway.discord.gg"),
        (None, "ws://gateway.discord.gg", "wss://gateway.discord.gg"),
        (None, "", "wss://gateway.discord.gg"),
        ("ws://127.0.0.1:1", "ws://127.0.0.1:2", "ws://127.0.0.1:2"),
        ("ws://127.0.0.1:1", "wss://gateway.discord.gg", "ws://127.0.0.1:1"),
    ],
)
async def test_the_token_is_told_nobody_else(
    network: FakeDiscord, clock: ManualClock, tmp_path: Path, own: str, told: str, used: str
) -> None:
    """A session that is said to go on somewhere else goes on where we know the way."""
    async with bot_on(network, clock, tmp_path, gateway_url=own) as channel:
        assert channel._gateway._trusted(told) == used


async def test_a_session_goes_on_elsewhere_if_nobody_is_there(
    channel: Discord, network: FakeDiscord, clock: ManualClock
) -> None:
    """Its own address is the better one, and not the only one."""
    async with receiving(channel) as received:
        await received.ready()
        network.gateway._servers[1].close()
        network.drop_all()
        await come_back(network, clock, 2)

    assert not network.gateway.opened[1].is_for_resuming
    assert len(network.gateway.resumes) == 1


async def test_signs_of_life_are_reported(
    network: FakeDiscord, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """Connections, answers to heartbeats, and what does not come back."""
    health = Reports()
    async with (
        bot_on(network, clock, tmp_path, general, health=health) as channel,
        receiving(channel) as received,
    ):
        await received.ready()
        assert health.signs == ["connected", "alive"]
        waiting: asyncio.Future[object] = asyncio.ensure_future(received.batch())
        await passing(clock, network.wait_for(lambda: network.gateway.beats), 50)
        await network.wait_for(lambda: len(health.signs) > 2)
        assert health.signs[2] == "alive"
        network.refuse()
        network.drop_all()
        await passing(clock, asyncio.sleep(0.2))
        waiting.cancel()
        await asyncio.wait([waiting])

    assert "connecting again in" in health.signs[-1]


async def test_what_cannot_be_read_is_no_end(
    channel: Discord, network: FakeDiscord, general: Room, caplog: pytest.LogCaptureFixture
) -> None:
    """An event of an unknown shape is passed over, and said without its content."""
    async with receiving(channel) as received:
        await received.ready()
        network.push(
            "MESSAGE_CREATE", {"id": "1", "channel_id": general.id, "content": "secret"}
        )
        network.push("GUILD_CREATE", {"id": "1", "channels": [{"id": "secret"}]})
        network.push("MESSAGE_DELETE", {"id": "1", "guild_id": "secret"})
        general.text("after it")
        message = await received.message()

    assert message.content == "after it"
    for name in ("MESSAGE_CREATE", "GUILD_CREATE", "MESSAGE_DELETE"):
        assert f"({name}): KeyError cannot be read" in caplog.text
    assert "secret" not in caplog.text
