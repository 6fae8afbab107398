"""The gateway: how a session begins, what it is told, and why it ends."""

from __future__ import annotations

import asyncio
import json
import zlib
from http import HTTPStatus
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from networks.client import Clock
from networks.discord import MESSAGE_CONTENT, FakeDiscord, Hall, Room
from networks.discord_client import (
    EVERYTHING,
    WITHOUT_CONTENT,
    BareGateway,
    BareRest,
    gateway_of,
)

GUILDS, GUILD_MESSAGES = 1 << 0, 1 << 9


async def test_a_session_begins(
    gateway: BareGateway, discord: FakeDiscord, general: Room
) -> None:
    """Hello, READY with stubs of guilds, and the guilds themselves."""
    general.thread("open")
    general.thread("old").archive()
    general.thread("secret", is_private=True)
    hello = await gateway.op(10)
    await gateway.identify(presence={"status": "idle", "activities": []})
    ready = await gateway.receive()
    guild = await gateway.event("GUILD_CREATE")

    assert hello["d"]["heartbeat_interval"] == 41250
    assert (ready["op"], ready["s"], ready["t"]) == (0, 1, "READY")
    told = ready["d"]
    assert told["user"]["id"] == told["application"]["id"] == discord.bot.id
    assert told["guilds"] == [{"id": guild["id"], "unavailable": True}]
    assert told["resume_gateway_url"] == discord.gateway.resume_url != discord.gateway_url
    assert [channel["name"] for channel in guild["channels"]] == ["general"]
    assert [thread["name"] for thread in guild["threads"]] == ["open"]
    assert "guild_id" not in guild["channels"][0]
    assert discord.presence == {"since": None, "activities": [], "status": "idle", "afk": False}
    assert discord.gateway.is_connected


async def test_heartbeats_are_answered(gateway: BareGateway, discord: FakeDiscord) -> None:
    """Also before a session begins; a test sees when they came."""
    await gateway.op(10)
    await gateway.send(1, None)
    assert (await gateway.receive())["op"] == 11
    await gateway.identify()
    await gateway.event("READY")
    await gateway.send(1, gateway.sequence)
    await gateway.op(11)

    assert [sequence for _, sequence in discord.gateway.beats] == [None, 1]
    assert all(0 <= when < 5 for when, _ in discord.gateway.beats)


async def test_a_zombie_gets_no_answers(gateway: BareGateway, discord: FakeDiscord) -> None:
    """When a test wants it: heartbeats are taken, and nothing says so."""
    await gateway.start()
    discord.gateway.is_acking = False
    await gateway.send(1, 1)
    await discord.wait_for(lambda: discord.gateway.beats)

    discord.push("NEXT", {})
    assert (await gateway.receive())["t"] == "NEXT"


async def test_who_does_not_beat_is_closed(discord: FakeDiscord) -> None:
    """After one and a half intervals; whoever beats stays."""
    discord.gateway.heartbeat_interval_s = 0.04
    async with gateway_of(discord) as beats, gateway_of(discord) as sleeps:
        await beats.op(10)
        closing = asyncio.create_task(sleeps.closing())
        while not closing.done():
            await beats.send(1, None)
            await beats.op(11)
            await asyncio.wait([closing], timeout=0.02)

        assert closing.result() == 4009
        assert len(discord.gateway.lines) == 1


async def test_a_heartbeat_can_be_asked_for(gateway: BareGateway, discord: FakeDiscord) -> None:
    """By op 1 of the server."""
    await gateway.start()
    discord.gateway.ask_for_beat()

    assert (await gateway.receive())["op"] == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"token": "wrong"}, 4004),
        ({"properties": None}, 4002),
        ({"intents": "all"}, 4013),
        ({"intents": 1 << 30}, 4013),
        ({"intents": MESSAGE_CONTENT}, 4014),
        ({"shard": [1, 1], "intents": 1}, 4010),
        ({"shard": "0", "intents": 1}, 4010),
    ],
)
async def test_an_identification_is_refused(
    gateway: BareGateway, discord: FakeDiscord, fields: dict[str, Any], code: int
) -> None:
    """For the token, the intents, the shard."""
    discord.world.privileged &= ~MESSAGE_CONTENT
    await gateway.op(10)
    await gateway.identify(**fields)

    assert await gateway.closing() == code
    assert len(discord.gateway.identifies) == 1


async def test_sharding_can_be_required(gateway: BareGateway, discord: FakeDiscord) -> None:
    """Of a bot that is in too many guilds."""
    discord.gateway.needs_shards = True
    await gateway.op(10)
    await gateway.identify()

    assert await gateway.closing() == 4011


@pytest.mark.parametrize("query", ["v=5&encoding=json", "encoding=json", "v=10&encoding=etf"])
async def test_the_version_is_checked(discord: FakeDiscord, query: str) -> None:
    """And the encoding."""
    async with gateway_of(discord, query=query) as client:
        assert await client.closing() == 4012


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ("{", 4002),
        ("[]", 4002),
        ('{"op": "1"}', 4002),
        (json.dumps({"op": 1, "d": None, "x": "x" * 4096}), 4002),
        ('{"op": 99}', 4001),
        ('{"op": 3, "d": {}}', 4003),
        ('{"op": 2, "d": []}', 4002),
    ],
)
async def test_a_wrong_payload_closes(gateway: BareGateway, payload: str, code: int) -> None:
    """What cannot be read, is too large, is of no known kind, or comes too early."""
    await gateway.op(10)
    await gateway.socket.send(payload)

    assert await gateway.closing() == code


async def test_a_second_identification_closes(gateway: BareGateway) -> None:
    """One is enough."""
    await gateway.start()
    await gateway.identify()

    assert await gateway.closing() == 4005


async def test_too_many_payloads_close(gateway: BareGateway, clock: Clock) -> None:
    """More than 120 in a minute."""
    await gateway.start()
    for _ in range(119):
        await gateway.send(4, {})
    clock.advance(61)
    for _ in range(121):
        await gateway.send(4, {})

    assert await gateway.closing() == 4008


async def test_a_presence_is_shown(gateway: BareGateway, discord: FakeDiscord) -> None:
    """Five times in twenty seconds; what is none closes."""
    await gateway.start()
    assert discord.presence["status"] == "online"
    for number in range(7):
        activity = {"name": "x", "type": 4, "state": str(number)}
        await gateway.send(3, {"status": "dnd", "activities": [activity]})
    await gateway.send(1, None)
    await gateway.op(11)

    assert discord.presence["activities"][0]["state"] == "4"
    shown = [event.detail["status"] for event in discord.happened("presence")]
    assert shown == ["online", *["dnd"] * 5]


@pytest.mark.parametrize(
    "presence",
    [
        {"status": "busy"},
        {"status": "dnd", "activities": [{}]},
        {"status": "dnd", "activities": 1},
        1,
    ],
)
async def test_what_is_no_presence_closes(gateway: BareGateway, presence: Any) -> None:
    """An unknown status, an activity without a name."""
    await gateway.start()
    await gateway.send(3, presence)

    assert await gateway.closing() == 4002


async def test_intents_choose_what_is_told(discord: FakeDiscord, general: Room) -> None:
    """Guilds or not, messages or not, direct or not, reactions, typing."""
    async with gateway_of(discord) as client:
        await client.start(intents=GUILDS | GUILD_MESSAGES)
        discord.dm(general.person).text("private")
        message = general.text("public")
        general.react(message, "👍")
        general.type()
        general.rename("common")

        names = await client.names("CHANNEL_UPDATE")

    assert names == ["GUILD_CREATE", "MESSAGE_CREATE", "CHANNEL_UPDATE"]


async def test_content_is_privileged(
    gateway: BareGateway, discord: FakeDiscord, general: Room
) -> None:
    """Without the intent it is empty, but for mentions, pinging replies, direct messages."""
    await gateway.start(intents=WITHOUT_CONTENT)
    own = discord.world.add_message(general.channel, discord.bot, content="own")
    general.attach(text="secret")
    general.text(f"hi {discord.bot.mention}")
    general.text("answer", reply_to=own)
    general.text("quiet answer", reply_to=own, ping=False)
    general.text("aside", reply_to=general.text("secret"))
    discord.dm().text("private")

    told = [await gateway.event("MESSAGE_CREATE") for _ in range(7)]

    assert [one["content"] for one in told] == [
        "",
        f"hi {discord.bot.mention}",
        "answer",
        *[""] * 3,
        "private",
    ]
    assert told[0]["attachments"] == []
    assert told[3]["referenced_message"]["content"] == "own"
    assert told[5]["referenced_message"]["content"] == ""


async def test_channels_that_it_cannot_see_are_not_told_of(
    gateway: BareGateway, discord: FakeDiscord, lab: Hall, general: Room
) -> None:
    """Messages there are as if they were not written; private threads as well."""
    hidden = lab.channel("hidden")
    hidden.deny("VIEW_CHANNEL")
    await gateway.start()
    hidden.text("hidden")
    general.thread("secret", is_private=True).text("hidden")
    general.text("seen")

    assert (await gateway.event("MESSAGE_CREATE"))["content"] == "seen"


async def test_starts_are_limited(
    gateway: BareGateway, discord: FakeDiscord, rest: BareRest, clock: Clock
) -> None:
    """A thousand a day: one more resets the token."""
    discord.gateway.most_identifies = 1
    fresh = await rest.ask("GET", "/gateway/bot")
    await gateway.start()
    used = await rest.ask("GET", "/gateway/bot")
    async with gateway_of(discord) as other:
        await other.op(10)
        await other.identify()
        assert await other.closing() == 4004

    assert fresh["url"] == discord.gateway_url
    assert fresh["session_start_limit"]["remaining"] == 1
    assert used["session_start_limit"] == {
        "total": 1,
        "remaining": 0,
        "reset_after": 86_400_000,
        "max_concurrency": 1,
    }
    assert await gateway.closing() == 4004
    assert (await rest.refusal("GET", "/users/@me")).status == 401


async def test_a_day_later_sessions_may_begin_again(
    gateway: BareGateway, discord: FakeDiscord, clock: Clock
) -> None:
    """The oldest start no longer counts."""
    await gateway.start()
    before = discord.gateway.session_start_limit()["remaining"]
    clock.advance(86_400)

    assert (before, discord.gateway.session_start_limit()["remaining"]) == (999, 1000)


async def test_a_shard_is_told_back(gateway: BareGateway) -> None:
    """When the bot said which it is."""
    assert (await gateway.start(shard=[0, 2]))["shard"] == [0, 2]


async def test_an_older_form_of_presence_is_taken(
    gateway: BareGateway, discord: FakeDiscord
) -> None:
    """With one game instead of activities, and nothing else."""
    await gateway.start(presence={"status": "idle", "game": {"name": "chess"}})

    assert discord.presence == {
        "since": None,
        "activities": [{"name": "chess"}],
        "status": "idle",
        "afk": False,
    }


async def test_starts_keep_apart(discord: FakeDiscord, clock: Clock) -> None:
    """By five seconds, when a test wants the rule; else the session is invalid."""
    discord.gateway.identify_every_s = 5.0
    async with gateway_of(discord) as first, gateway_of(discord) as second:
        await first.start()
        await second.op(10)
        await second.identify()
        assert (await second.op(9))["d"] is False
        clock.advance(5)
        await second.identify()
        assert await second.event("READY")


async def test_frames_may_be_large(gateway: BareGateway, discord: FakeDiscord) -> None:
    """Larger than clients take by default."""
    await gateway.start()
    discord.push("LARGE", {"filler": "x" * 5_000_000})

    assert len((await gateway.event("LARGE"))["filler"]) == 5_000_000


async def test_it_compresses(discord: FakeDiscord) -> None:
    """One stream for the whole connection, each payload with its own end."""
    url = f"{discord.gateway_url}/?v=10&encoding=json&compress=zlib-stream"
    inflate = zlib.decompressobj()
    async with connect(url, proxy=None) as socket:
        first = await socket.recv()
        await socket.send('{"op": 1, "d": null}')
        second = await socket.recv()

    assert isinstance(first, bytes)
    assert isinstance(second, bytes)
    assert second.endswith(b"\x00\x00\xff\xff")
    assert json.loads(inflate.decompress(first))["op"] == 10
    assert json.loads(inflate.decompress(second))["op"] == 11


async def test_handshakes_can_be_refused(discord: FakeDiscord) -> None:
    """With an error of HTTP; the next one is taken again."""
    discord.gateway.refuse_next(status=HTTPStatus.SERVICE_UNAVAILABLE)

    with pytest.raises(InvalidStatus) as refused:
        async with gateway_of(discord):
            pass
    async with gateway_of(discord) as client:
        await client.start()

    assert refused.value.response.status_code == 503


async def test_a_silent_server_says_nothing(discord: FakeDiscord) -> None:
    """It takes connections and does not greet; or falls silent later, and hears nothing."""
    async with gateway_of(discord) as later:
        await later.start(intents=EVERYTHING)
        discord.gateway.silence()
        discord.push("LOST", {})
        await later.send(99)
        discord.gateway.is_silent = True
        async with gateway_of(discord) as never:
            for client in (later, never):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await client.receive()
            await discord.gateway.shut_down()
