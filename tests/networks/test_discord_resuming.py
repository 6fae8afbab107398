"""Sessions that outlive their connections, and those that do not."""

from __future__ import annotations

import pytest

from networks.client import Clock
from networks.discord import FakeDiscord, Room
from networks.discord.gateway import CLOSES
from networks.discord_client import BareGateway, gateway_of

GONE = (4003, 4004, 4007, 4009, 4010, 4011, 4012, 4013, 4014)


async def lose(discord: FakeDiscord) -> None:
    """Break every connection, and wait until the network knows."""
    discord.gateway.drop_all()
    await discord.wait_for(lambda: not discord.gateway.lines)


async def test_what_was_missed_is_replayed(
    gateway: BareGateway, discord: FakeDiscord, general: Room
) -> None:
    """In order, from the sequence number on; then RESUMED, and what is new."""
    await gateway.start()
    await gateway.event("GUILD_CREATE")
    general.text("one")
    await lose(discord)
    general.text("two")
    async with gateway_of(discord, url=discord.gateway.resume_url) as again:
        await again.resume(gateway)
        told = [await again.receive() for _ in range(3)]
        general.text("three")
        new = await again.receive()

        assert [one["t"] for one in told] == ["MESSAGE_CREATE", "MESSAGE_CREATE", "RESUMED"]
        assert [one["s"] for one in [*told, new]] == [3, 4, 5, 6]
        assert [one["d"]["content"] for one in [*told[:2], new]] == ["one", "two", "three"]
        assert discord.gateway.opened[-1].is_for_resuming
        assert len(discord.gateway.resumes) == 1


async def test_the_presence_comes_back(gateway: BareGateway, discord: FakeDiscord) -> None:
    """With the session; a fresh one begins online."""
    await gateway.start()
    await gateway.send(3, {"status": "idle", "activities": []})
    await discord.wait_for(lambda: discord.presence["status"] == "idle")
    await lose(discord)
    async with gateway_of(discord) as again:
        await again.resume(gateway)
        await again.event("RESUMED")
        assert discord.presence["status"] == "idle"
    async with gateway_of(discord) as fresh:
        await fresh.start()
        assert discord.presence["status"] == "online"


@pytest.mark.parametrize("code", [1000, 1001])
async def test_a_good_bye_ends_the_session(
    gateway: BareGateway, discord: FakeDiscord, code: int
) -> None:
    """And the bot is shown as offline."""
    await gateway.start()
    await gateway.socket.close(code)
    await discord.wait_for(lambda: not discord.gateway.lines)

    assert discord.gateway.close_codes == [code]
    assert discord.presence == {}
    async with gateway_of(discord) as again:
        await again.resume(gateway)
        assert (await again.op(9))["d"] is False


async def test_a_clean_close_by_the_network_keeps_it(
    gateway: BareGateway, discord: FakeDiscord
) -> None:
    """The bot repeats its code, and that is no good-bye."""
    await gateway.start()
    discord.gateway.close(1000)
    assert await gateway.closing() == 1000
    await discord.wait_for(lambda: not discord.gateway.lines)
    async with gateway_of(discord) as again:
        await again.resume(gateway)
        await again.event("RESUMED")

    assert discord.gateway.close_codes[0] is None


async def test_another_code_keeps_it(gateway: BareGateway, discord: FakeDiscord) -> None:
    """The bot means to come back."""
    await gateway.start()
    await gateway.socket.close(4000)
    async with gateway_of(discord) as again:
        await again.resume(gateway)
        assert await again.names("RESUMED") == ["RESUMED"]

    assert discord.gateway.close_codes[0] == 4000


async def test_a_session_waits_for_minutes(
    gateway: BareGateway, discord: FakeDiscord, clock: Clock
) -> None:
    """And no longer."""
    await gateway.start()
    await lose(discord)
    clock.advance(discord.gateway.session_life_s + 1)
    async with gateway_of(discord) as again:
        await again.resume(gateway)
        assert (await again.op(9))["d"] is False
        assert discord.presence == {}
        await again.identify()
        assert (await again.event("READY"))["session_id"] != gateway.ready["session_id"]


async def test_the_buffer_is_limited(
    gateway: BareGateway, discord: FakeDiscord, general: Room
) -> None:
    """What is older cannot be replayed: the session is no more."""
    discord.gateway.buffer_events = 3
    await gateway.start(intents=1 << 9)
    await lose(discord)
    for number in range(4):
        general.text(str(number))
    async with gateway_of(discord) as again:
        await again.resume(gateway)
        assert (await again.op(9))["d"] is False
    async with gateway_of(discord) as later:
        await later.resume(gateway, seq=2)
        assert len(await later.names("RESUMED")) == 4


async def test_a_sequence_number_from_the_future_closes(
    gateway: BareGateway, discord: FakeDiscord
) -> None:
    """And the session is no more."""
    await gateway.start()
    await lose(discord)
    async with gateway_of(discord) as again:
        await again.resume(gateway, seq=99)
        assert await again.closing() == 4007
    async with gateway_of(discord) as later:
        await later.resume(gateway)
        assert (await later.op(9))["d"] is False


async def test_the_token_is_checked(gateway: BareGateway, discord: FakeDiscord) -> None:
    """Also of a resume."""
    await gateway.start()
    async with gateway_of(discord) as again:
        await again.resume(gateway, token="wrong")
        assert await again.closing() == 4004


async def test_a_resume_takes_the_session_over(
    gateway: BareGateway, discord: FakeDiscord, general: Room
) -> None:
    """From a connection that only seems to stand."""
    await gateway.start()
    await gateway.event("GUILD_CREATE")
    async with gateway_of(discord) as again:
        await again.resume(gateway)
        await again.event("RESUMED")
        general.text("hello")

        assert await gateway.closing() == 4000
        assert (await again.event("MESSAGE_CREATE"))["content"] == "hello"


async def test_op_7_asks_to_reconnect(gateway: BareGateway, discord: FakeDiscord) -> None:
    """Later, or instead of a greeting."""
    await gateway.start()
    discord.gateway.reconnect()
    assert (await gateway.receive())["op"] == 7
    discord.gateway.sends_away = 1
    async with gateway_of(discord) as client:
        assert (await client.receive())["op"] == 7
    async with gateway_of(discord) as client:
        await client.resume(gateway)
        await client.event("RESUMED")


@pytest.mark.parametrize("resumable", [True, False])
async def test_op_9_ends_the_session_or_not(
    gateway: BareGateway, discord: FakeDiscord, general: Room, resumable: bool
) -> None:
    """Nothing is told on that connection any more; a new one may resume, or not."""
    await gateway.start()
    await gateway.event("GUILD_CREATE")
    discord.gateway.invalidate(resumable=resumable)
    general.text("missed")
    assert (await gateway.receive())["d"] is resumable
    async with gateway_of(discord) as again:
        await again.resume(gateway)
        if resumable:
            assert await again.names("RESUMED") == ["MESSAGE_CREATE", "RESUMED"]
        else:
            assert (await again.op(9))["d"] is False


@pytest.mark.parametrize("code", CLOSES)
async def test_every_close_code(gateway: BareGateway, discord: FakeDiscord, code: int) -> None:
    """It is sent; after some of them the session is no more."""
    await gateway.start()
    discord.gateway.close(code)
    assert await gateway.closing() == code
    async with gateway_of(discord) as again:
        await again.resume(gateway)
        answer = await again.receive()

    assert (answer["op"] == 9) == (code in GONE)


async def test_sessions_can_be_forgotten(gateway: BareGateway, discord: FakeDiscord) -> None:
    """As after a restart of the network."""
    await gateway.start()
    await lose(discord)
    discord.gateway.forget_sessions()
    async with gateway_of(discord) as again:
        await again.resume(gateway)
        assert (await again.op(9))["d"] is False


async def test_the_gateway_can_be_away(gateway: BareGateway, discord: FakeDiscord) -> None:
    """And come back at the same place."""
    await gateway.start()
    discord.gateway.refuse()
    await lose(discord)
    with pytest.raises(ConnectionError):
        async with gateway_of(discord):
            pass
    await discord.gateway.listen()
    async with gateway_of(discord) as again:
        await again.resume(gateway)
        await again.event("RESUMED")
