"""Slash commands: offered, acknowledged, answered."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes import ManualClock
from networks.discord import (
    FakeDiscord,
    Fault,
    Hall,
    Room,
    page,
    server_error,
    too_many_requests,
)
from networks.discord.errors import invalid
from networks.discord.rates import Bucket

from cobot import Media, RateLimited, Unreachable
from cobot_discord import Discord, DiscordCommand, DiscordOption
from cobot_discord.errors import WrongSettings
from discord.bots import Agent, Receiving, bot_on, receiving, session, to

ASK = DiscordCommand(
    name="ask",
    description="Ask the bot",
    options=(DiscordOption(name="question", description="What", required=True),),
)


async def go_on(received: Receiving) -> None:
    """Store all that comes."""
    while True:
        await received.batch()


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


async def test_commands_are_offered_until_they_are(
    network: FakeDiscord, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """What fails at first is tried again when receiving begins again."""
    trouble = network.fail_next("replace_commands", page(502), times=None)
    async with bot_on(network, clock, tmp_path, general, commands=(ASK,)) as channel:
        with pytest.raises(Unreachable):
            async with receiving(channel) as received:
                await received.ready()
        trouble.end()
        async with receiving(channel) as received:
            await received.ready()
        async with receiving(channel, received.cursors):
            pass

    assert [one["name"] for one in network.commands] == ["ask"]
    assert len([call for call in network.calls("replace_commands") if call.status == 200]) == 1


async def test_commands_that_discord_does_not_take_are_wrong_settings(
    network: FakeDiscord, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """They do not get better by themselves: the owner is told what is wrong with them."""
    refused = invalid("0.options.1", "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", "Required")
    network.fail_next("replace_commands", refused)
    async with bot_on(network, clock, tmp_path, general, commands=(ASK,)) as channel:
        with pytest.raises(WrongSettings, match="OPTIONS_REQUIRED_INVALID"):
            async with receiving(channel) as received:
                await received.ready()


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


async def test_a_notice_that_may_be_there_is_filled(
    channel: Discord, network: FakeDiscord, general: Room
) -> None:
    """The acknowledgement was done, and its answer lost: else the notice would stay."""
    network.fail_next("answer", Fault.LOST, times=None)
    async with receiving(channel) as received:
        await received.ready()
        used = general.use("ask")
        message = await received.message()
        waiting = asyncio.ensure_future(received.batch())
        await channel.session_send(to(general, "because", reply_to=message.id, key="k"))
        waiting.cancel()
        await asyncio.wait([waiting])

    assert used.original is not None
    assert [one.content for one in general.messages] == ["because"]


async def test_a_command_is_looked_at_until_that_is_possible(
    network: FakeDiscord, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """What an old process did with it cannot be told from an error."""
    async with (
        bot_on(network, clock, tmp_path, general) as channel,
        receiving(channel) as received,
    ):
        await received.ready()
        used = general.use("ask")
        message = await received.message()
        waiting = asyncio.ensure_future(received.batch())
        await network.wait_for(lambda: used.kind == 5)
        waiting.cancel()
        await asyncio.wait([waiting])
    async with (
        bot_on(network, clock, tmp_path, general) as channel,
        receiving(channel, received.cursors) as again,
    ):
        await again.ready()
        trouble = network.fail_next("get_answer", server_error(500), times=None)
        answer = to(general, "because", reply_to=message.id, key="k")
        with pytest.raises(Unreachable):
            await channel.session_send(answer)
        trouble.end()
        await channel.session_send(answer)

    assert [one.content for one in general.messages] == ["because"]


async def test_a_command_may_get_too_old_while_it_is_answered(
    channel: Discord, network: FakeDiscord, general: Room, clock: ManualClock
) -> None:
    """What is written counts, however late the network says so."""
    async with receiving(channel) as received:
        await received.ready()
        used = general.use("ask")
        message = await received.message()
        waiting = asyncio.ensure_future(received.batch())
        await network.wait_for(lambda: used.kind == 5)
        gate = network.hold("edit_answer")
        answer = to(general, "because", reply_to=message.id, key="k")
        sending = asyncio.ensure_future(channel.session_send(answer))
        await network.wait_for(lambda: gate.waiting)
        clock.advance(15 * 60)
        await channel.session_send(to(general, "something else", key="k2"))
        gate.open()
        sent = await sending
        waiting.cancel()
        await asyncio.wait([waiting])

    assert used.original is not None
    assert sent == used.original.id


async def test_each_command_has_limits_of_its_own(
    channel: Discord, network: FakeDiscord, general: Room, clock: ManualClock
) -> None:
    """Many people may use commands at once, in several chats or in one."""
    network.rates.buckets["edit_answer"] = Bucket(5, 2.0)
    network.rates.is_on = True
    async with receiving(channel) as received:
        await received.ready()
        uses = [general.use("ask") for _ in range(8)]
        waiting = asyncio.ensure_future(go_on(received))
        await network.wait_for(lambda: all(one.kind == 5 for one in uses))
        for number, used in enumerate(uses):
            answer = to(general, f"{number}", reply_to=f"slash:{used.id}", key=f"k{number}")
            await channel.session_send(answer)
        waiting.cancel()
        await asyncio.wait([waiting])

    assert {call.status for call in network.calls("edit_answer")} == {200}


async def test_commands_are_acknowledged_while_all_else_waits(
    channel: Discord, network: FakeDiscord, general: Room, clock: ManualClock
) -> None:
    """The limit on all requests together does not count them, and three seconds are short."""
    network.fail_next("create_message", too_many_requests(3, scope="global"))
    async with receiving(channel) as received:
        await received.ready()
        with pytest.raises(RateLimited):
            await channel.session_send(to(general))
        used = general.use("ask")
        waiting = asyncio.ensure_future(go_on(received))
        await network.wait_for(lambda: used.kind == 5)
        waiting.cancel()
        await asyncio.wait([waiting])

    assert len(network.calls("create_message")) == 1


async def test_notes_of_commands_that_cannot_be_read_are_none(
    channel: Discord, network: FakeDiscord, general: Room
) -> None:
    """As another version may have written them: receiving goes on."""
    async with receiving(channel, {"commands": '[["1", "a token"]]'}) as received:
        await received.ready()
        general.use("ask")

        assert (await received.message()).content == "/ask"


async def test_clocks_that_are_wrong_delay_nobody(
    network: FakeDiscord, general: Room, tmp_path: Path
) -> None:
    """How old a command is, is counted from when it came."""
    ahead = ManualClock(datetime(2026, 1, 1, 13, 0, tzinfo=UTC))
    async with (
        bot_on(network, ahead, tmp_path, general) as channel,
        receiving(channel) as received,
    ):
        await received.ready()
        used = general.use("ask")
        message = await received.message()
        waiting = asyncio.ensure_future(go_on(received))
        await network.wait_for(lambda: used.kind == 5)
        await channel.session_send(to(general, "because", reply_to=message.id, key="k"))
        waiting.cancel()
        await asyncio.wait([waiting])

    assert [one.content for one in general.messages] == ["because"]
