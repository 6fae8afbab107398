"""Discord under a real session: what a person sees in the end."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest
from fakes import ManualClock, until
from networks.discord import FakeDiscord, Fault, Hall, Room, page, too_many_requests

from cobot import Conversation, Id, IncomingMessage, Media
from cobot.config.settings import AccessSettings, SessionSettings
from cobot.session.supervisor import State
from cobot_discord import Discord, DiscordGuild
from discord.bots import Agent, bot_on, passing, session, to


async def test_every_message_is_answered_once_and_in_order(
    channel: Discord, network: FakeDiscord, clock: ManualClock
) -> None:
    """Several chats at once, each in the order in which it was written."""
    rooms = [network.dm() for _ in range(5)]
    async with session(channel, clock):
        await network.wait_for_bot()
        for number in range(10):
            for room in rooms:
                room.text(f"{number}")
        await network.wait_for_sent(50)

    for room in rooms:
        texts = [one.content for one in network.sent if one.channel is room.channel]
        assert texts == [str(number) for number in range(10)]


async def test_a_restart_goes_on_where_it_was(
    network: FakeDiscord, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """What was answered before is not answered again, and what came meanwhile is."""
    file = tmp_path / "journal.db"
    async with (
        bot_on(network, clock, tmp_path, general) as channel,
        session(channel, clock, path=file),
    ):
        await network.wait_for_bot()
        general.text("one")
        await network.wait_for_sent()
    general.text("two")
    async with (
        bot_on(network, clock, tmp_path, general) as channel,
        session(channel, clock, path=file),
    ):
        await network.wait_for_sent(2)

    assert [one.content for one in network.sent] == ["one", "two"]


async def test_a_long_answer_arrives_whole(
    channel: Discord, network: FakeDiscord, clock: ManualClock
) -> None:
    """20,000 characters with fences, tables and emoji, in parts that Discord takes."""
    block = (
        "## Part {0} \U0001f600\n\nSome *text* with [a link](https://x.org/{0}) and `code`.\n\n"
        "```python\nprint({0})\n```\n\n| a | b |\n|---|---|\n| {0} | \U0001f44d |\n\n"
        "> quoted **{0}**\n\n- one\n  - two\n\n"
    )
    answer = "".join(block.format(number) for number in range(130))

    async def act(message: IncomingMessage, conversation: Conversation) -> str:
        return answer

    async with session(channel, clock, Agent(act)):
        await network.wait_for_bot()
        network.dm().text("go")
        await network.wait_for(
            lambda: network.sent and "quoted **129**" in network.sent[-1].content
        )

    whole = "\n".join(one.content for one in network.sent)
    assert len(answer) > 20_000
    for number in range(130):
        assert f"Part {number} " in whole
        assert f"print({number})" in whole
    assert {call.status for call in network.calls("create_message")} == {200}
    assert len({one.nonce for one in network.sent}) == len(network.sent)


async def test_every_operation_reaches_the_network(
    channel: Discord, network: FakeDiscord, general: Room, clock: ManualClock
) -> None:
    """Sent, edited, deleted, reacted to, with media: natively, so nothing is degraded."""
    cat = Media.from_bytes(b"a cat", name="cat.png")
    async with session(channel, clock) as opened:
        await network.wait_for_bot()
        await opened.presence("away", "busy")
        sent = await opened.send(to(general, "one"))
        edited = await opened.edit(sent.refs[0], "**two**")
        reacted = await opened.react(sent.refs[0], "👍")
        media = await opened.media(to(general, "see", media=[cat]))
        deleted = await opened.delete(sent.refs[0])
        await network.wait_for(lambda: network.presence.get("status") == "idle")

    kinds = [event.kind for event in network.events if event.kind != "presence"]
    assert kinds == ["sent", "edited", "reacted", "sent", "deleted"]
    for receipt in (sent, edited, reacted, media, deleted):
        assert receipt.degraded == ()


async def test_a_message_without_an_answer_is_doubled_by_nothing(
    channel: Discord, network: FakeDiscord, general: Room, clock: ManualClock
) -> None:
    """The connection breaks in the middle of a send, again and again."""
    network.fail_next("create_message", Fault.LOST, times=3)
    async with session(channel, clock) as opened:
        await network.wait_for_bot()
        sending = asyncio.ensure_future(opened.send(to(general, "once")))
        receipt = await passing(clock, sending)

    assert [one.content for one in network.sent] == ["once"]
    assert receipt.maybe_repeated is False


async def test_groups_are_answered_when_they_name_the_bot(
    network: FakeDiscord, lab: Hall, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """With the defaults: in listed channels, when mentioned or replied to; no bots."""
    other = lab.channel("other")
    thread = general.thread("plans")
    access = AccessSettings(direct="open")
    async with (
        bot_on(network, clock, tmp_path, general) as channel,
        session(channel, clock, access=access),
    ):
        await network.wait_for_bot()
        mention = network.bot.mention
        other.text(f"{mention} not here")
        general.text("not to us")
        general.webhook(f"{mention} not from you")
        general.text(f"{mention} hello")
        answer = (await network.wait_for_sent())[0]
        general.text("and again", reply_to=answer)
        thread.text(f"{mention} in a thread")
        network.dm().text("direct")
        await network.wait_for_sent(4)

    assert sorted(one.content for one in network.sent) == [
        "and again",
        "direct",
        "hello",
        "in a thread",
    ]
    assert {one.content: one.channel for one in network.sent}["in a thread"] is thread.channel
    assert answer.reply_to is not None


async def test_a_wait_is_kept_to_and_is_the_chats_own(
    channel: Discord, network: FakeDiscord, clock: ManualClock
) -> None:
    """After 429 that chat waits as long as it was told, and another one does not."""
    waits, other = network.dm(), network.dm()
    network.fail_next("create_message", too_many_requests(5), room=waits)
    async with session(channel, clock):
        await network.wait_for_bot()
        waits.text("one")
        await network.wait_for(lambda: network.calls("create_message"))
        other.text("two")
        await network.wait_for_sent()
        clock.advance(4.9)
        other.text("three")
        await network.wait_for_sent(2)
        clock.advance(0.2)
        await network.wait_for_sent(3)

    assert [one.content for one in network.sent] == ["two", "three", "one"]


async def test_a_flood_keeps_to_the_limits(
    channel: Discord, network: FakeDiscord, general: Room, clock: ManualClock
) -> None:
    """Twenty messages to one channel: none is refused, all arrive in order."""
    network.rates.is_on = True
    async with session(channel, clock) as opened:
        await network.wait_for_bot()
        sends = [opened.send(to(general, f"{number}")) for number in range(20)]
        await passing(clock, asyncio.gather(*sends))

    assert [one.content for one in network.sent] == [f"{number}" for number in range(20)]
    assert {call.status for call in network.calls("create_message")} == {200}


async def test_a_revoked_token_parks(
    channel: Discord, network: FakeDiscord, clock: ManualClock
) -> None:
    """It does not get better by itself; the state says what to do."""
    async with session(channel, clock) as opened:
        await network.wait_for_bot()
        network.revoke_token()
        supervisor = opened.supervisors["discord"]
        await until(lambda: supervisor.state is State.PARKED)

    assert "developer portal" in supervisor.reason
    assert network.token not in supervisor.reason


async def test_a_wrong_name_parks(
    network: FakeDiscord, lab: Hall, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """Until the settings are mended; the state shows what there is."""
    guilds = (DiscordGuild(Id(lab.id), "genral"),)
    async with (
        bot_on(network, clock, tmp_path, guilds=guilds) as channel,
        session(channel, clock) as opened,
    ):
        supervisor = opened.supervisors["discord"]
        await until(lambda: supervisor.state is State.PARKED)

    assert "there are: #general" in supervisor.reason


async def test_typing_is_shown_while_the_agent_thinks(
    channel: Discord, network: FakeDiscord, clock: ManualClock
) -> None:
    """Again before it fades, and no more once the answer is there."""
    may_answer = asyncio.Event()

    async def act(message: IncomingMessage, conversation: Conversation) -> str:
        await may_answer.wait()
        return "done"

    async with session(channel, clock, Agent(act), settings=SessionSettings()):
        await network.wait_for_bot()
        network.dm().text("hi")
        await passing(clock, network.wait_for(lambda: len(network.calls("typing")) >= 3))
        may_answer.set()
        await network.wait_for_sent()

    shown = network.calls("typing")
    kinds = [event.kind for event in network.events if event.kind != "presence"]
    assert kinds == ["typing"] * len(shown) + ["sent"]
    assert max(b.at - a.at for a, b in pairwise(shown)) < 10


@pytest.mark.parametrize("is_lost", [False, True], ids=["session kept", "session lost"])
async def test_what_is_written_during_a_break_is_answered(
    channel: Discord, network: FakeDiscord, general: Room, clock: ManualClock, is_lost: bool
) -> None:
    """However long it is: once, in order, and before what is new."""
    direct = network.dm()
    async with session(channel, clock):
        await network.wait_for_bot()
        for room in (general, direct):
            room.text("before")
        await network.wait_for_sent(2)
        network.refuse()
        network.drop_all()
        if is_lost:
            network.gateway.forget_sessions()
        for room in (general, direct):
            room.text("one")
            room.text("two")
        await passing(clock, asyncio.sleep(0.1))
        await network.listen()
        await passing(clock, network.wait_for_bot())
        for room in (general, direct):
            room.text("after")
        await passing(clock, network.wait_for_sent(8))

    for room in (general, direct):
        texts = [one.content for one in network.sent if one.channel is room.channel]
        assert texts == ["before", "one", "two", "after"]
    assert len(network.gateway.identifies) == 1 + is_lost


async def test_pages_in_place_of_answers_are_waited_out(
    channel: Discord, network: FakeDiscord, clock: ManualClock
) -> None:
    """Of what stands before the API, when a session begins and when something is sent."""
    network.fail_next("get_gateway_bot", page(502))
    network.gateway.refuse_next()
    async with session(channel, clock):
        await passing(clock, network.wait_for_bot())
        network.fail_next("create_message", page(502), times=2)
        network.dm().text("hi")
        await passing(clock, network.wait_for_sent())

    assert [one.content for one in network.sent] == ["hi"]


async def test_signs_that_are_escaped_count(
    channel: Discord, network: FakeDiscord, general: Room, clock: ManualClock
) -> None:
    """A text is split by what is sent, not by what is seen."""
    async with session(channel, clock) as opened:
        await opened.send(to(general, "_" * 3000, format="plain"))

    assert "".join(one.content for one in network.sent) == "\\_" * 3000
    assert [len(one.content) for one in network.sent] == [2000, 2000, 2000]
