"""Slash commands: offered, acknowledged, answered."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from fakes import ManualClock
from networks.discord import FakeDiscord, Fault, Hall, Room

from cobot import Media, Unreachable
from cobot_discord import Discord, DiscordCommand, DiscordOption
from discord.bots import Agent, bot_on, receiving, session, to

ASK = DiscordCommand(
    name="ask",
    description="Ask the bot",
    options=(DiscordOption(name="question", description="What", required=True),),
)


async def test_commands_are_offered_as_the_settings_say(
    network: FakeDiscord, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """These and no others; without the key nothing is changed."""
    async with (
        bot_on(network, clock, tmp_path, general, commands=(ASK,)) as channel,
        receiving(channel) as received,
    ):
        await received.ready()
    offered = network.commands[:]
    async with (
        bot_on(network, clock, tmp_path, general) as channel,
        receiving(channel) as received,
    ):
        await received.ready()
    kept = network.commands[:]
    async with (
        bot_on(network, clock, tmp_path, general, commands=()) as channel,
        receiving(channel) as received,
    ):
        await received.ready()

    assert [one["name"] for one in offered] == ["ask"]
    assert offered[0]["options"][0]["type"] == 3
    assert kept == offered
    assert network.commands == []


async def test_a_command_is_a_message(
    channel: Discord, network: FakeDiscord, lab: Hall, general: Room
) -> None:
    """As it would be typed, from who used it, and meant for the bot."""
    async with receiving(channel) as received:
        await received.ready()
        used = general.use("ask", {"question": "why?", "loud": True})
        message = await received.message()

    assert message.id == f"slash:{used.id}"
    assert message.content == "/ask question: why? loud: true"
    assert (message.sender_id, message.sender_name) == (lab.person.id, "Ann")
    assert (message.direct, message.mentioned, message.listed) == (False, True, True)
    assert message.metadata["interaction"]["command"] == "ask"
    assert used.token not in str(message)


async def test_it_is_acknowledged_once_it_is_stored(
    channel: Discord, network: FakeDiscord, general: Room
) -> None:
    """Not before: until then a crash could lose it."""
    async with receiving(channel) as received:
        await received.ready()
        used = general.use("ask")
        await received.message()
        await asyncio.sleep(0.02)
        assert used.kind is None
        waiting = asyncio.ensure_future(received.batch())
        await network.wait_for(lambda: used.kind == 5)
        general.text("after it")
        await waiting


async def test_the_answer_takes_the_place_of_the_notice(
    channel: Discord, network: FakeDiscord, general: Room, clock: ManualClock
) -> None:
    """In a guild and in a direct chat; what else is said comes after it."""
    direct = network.dm()

    async def act(message: object, conversation: object) -> str:
        return "well, **why**"

    async with session(channel, clock, Agent(act)):
        await network.wait_for_bot()
        uses = [general.use("ask"), direct.use("ask")]
        await network.wait_for_sent(2)
        general.text("and you?")
        await network.wait_for_sent(3)

    for used in uses:
        assert used.original is not None
        assert (used.original.content, used.original.flags) == ("well, **why**", 0)
        assert [one.id for one in used.messages] == [used.original.id]
    assert network.sent[2].kind == 19


async def test_an_answer_whose_fate_is_unknown_appears_once(
    channel: Discord, network: FakeDiscord, general: Room
) -> None:
    """To write it over the notice again does no harm."""
    async with receiving(channel) as received:
        await received.ready()
        used = general.use("ask")
        message = await received.message()
        waiting = asyncio.ensure_future(received.batch())
        await network.wait_for(lambda: used.kind == 5)
        answer = to(general, "because", reply_to=message.id, key="k1")
        network.fail_next("edit_answer", Fault.LOST, times=2)
        with pytest.raises(Unreachable):
            await channel.session_send(answer)
        second = await channel.session_send(
            to(general, "and so on", reply_to=message.id, key="k2")
        )
        first = await channel.session_send(answer)
        waiting.cancel()
        await asyncio.wait([waiting])

    assert used.original is not None
    assert (first, used.original.content) == (used.original.id, "because")
    assert [one.content for one in general.messages] == ["because", "and so on"]
    assert second == network.sent[-1].id


async def test_a_new_process_answers_what_an_old_one_took(
    network: FakeDiscord, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """The notice is filled, and what is there already is not written over."""
    async with (
        bot_on(network, clock, tmp_path, general) as channel,
        receiving(channel) as received,
    ):
        await received.ready()
        used, other = general.use("ask"), general.use("ask")
        first = await received.batch()
        while len(first.items) < 2:
            first.items += (await received.batch()).items  # type: ignore[misc]
        waiting = asyncio.ensure_future(received.batch())
        await network.wait_for(lambda: used.kind == 5 and other.kind == 5)
        await channel.session_send(to(general, "one", reply_to=f"slash:{other.id}", key="k0"))
        waiting.cancel()
        await asyncio.wait([waiting])
    async with (
        bot_on(network, clock, tmp_path, general) as channel,
        receiving(channel, received.cursors) as again,
    ):
        await again.ready()
        general.text("x")
        await again.batch()
        await channel.session_send(to(general, "two", reply_to=f"slash:{used.id}", key="k1"))
        await channel.session_send(to(general, "more", reply_to=f"slash:{other.id}", key="k2"))

    assert used.original is not None
    assert other.original is not None
    assert (used.original.content, other.original.content) == ("two", "one")
    assert [one.content for one in general.messages][-1] == "more"


async def test_what_is_too_late_is_a_message(
    channel: Discord, network: FakeDiscord, general: Room, clock: ManualClock
) -> None:
    """The token lives for a quarter of an hour, the answer may take longer."""
    async with receiving(channel) as received:
        await received.ready()
        used = general.use("ask")
        message = await received.message()
        waiting = asyncio.ensure_future(received.batch())
        await network.wait_for(lambda: used.kind == 5)
        clock.advance(901)
        await channel.session_send(to(general, "at last", reply_to=message.id, key="k"))
        waiting.cancel()
        await asyncio.wait([waiting])

    assert used.original is not None
    assert used.original.content == ""
    assert network.sent[-1].content == "at last"


async def test_a_command_that_cannot_be_acknowledged_is_answered_all_the_same(
    channel: Discord, network: FakeDiscord, general: Room, clock: ManualClock
) -> None:
    """As an ordinary message: it came too late, or the API was away."""
    async with receiving(channel) as received:
        await received.ready()
        general.use("ask")
        message = await received.message()
        clock.advance(4)
        waiting = asyncio.ensure_future(received.batch())
        await network.wait_for(lambda: network.calls("answer"))
        await channel.session_send(to(general, "well", reply_to=message.id, key="k"))
        waiting.cancel()
        await asyncio.wait([waiting])

    assert [one.content for one in network.sent] == ["well"]


async def test_files_take_the_notice_away(
    channel: Discord, network: FakeDiscord, general: Room
) -> None:
    """They are a message of their own."""
    async with receiving(channel) as received:
        await received.ready()
        used = general.use("ask")
        message = await received.message()
        waiting = asyncio.ensure_future(received.batch())
        await network.wait_for(lambda: used.kind == 5)
        media = [Media.from_bytes(b"a cat", name="cat.png")]
        await channel.session_media(to(general, "see", reply_to=message.id, media=media))
        waiting.cancel()
        await asyncio.wait([waiting])

    assert used.original is not None
    assert used.original.is_deleted
    assert [one.content for one in general.messages] == ["see"]


async def test_an_answer_waits_for_the_acknowledgement(
    channel: Discord, network: FakeDiscord, general: Room
) -> None:
    """An agent may be quicker than the network."""
    async with receiving(channel) as received:
        await received.ready()
        gate = network.hold("answer", is_before=True)
        used = general.use("ask")
        message = await received.message()
        waiting = asyncio.ensure_future(received.batch())
        await network.wait_for(lambda: gate.waiting)
        answer = to(general, "because", reply_to=message.id, key="k")
        sending = asyncio.ensure_future(channel.session_send(answer))
        await asyncio.sleep(0.02)
        assert not sending.done()
        gate.open()
        await sending
        waiting.cancel()
        await asyncio.wait([waiting])

    assert used.original is not None
    assert [one.content for one in general.messages] == ["because"]
