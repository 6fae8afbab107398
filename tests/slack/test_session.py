"""Slack under a real session: what a person sees in the end."""

from __future__ import annotations

import asyncio
from pathlib import Path

from fakes import ManualClock
from networks.slack import FakeSlack, Fault, Room

from cobot import Conversation, IncomingMessage, Media
from cobot.config.settings import AccessSettings
from cobot_slack import Slack
from slack.bots import Agent, bot_on, passing, session, to


async def test_every_message_is_answered_once_and_in_order(
    channel: Slack, network: FakeSlack, clock: ManualClock
) -> None:
    """Several people at once, each in the order in which they wrote."""
    rooms = [network.private_chat(network.user(f"P{number}")) for number in range(5)]
    async with session(channel, clock):
        await network.wait_for_links()
        for number in range(10):
            for room in rooms:
                room.text(f"{number}")
        await network.wait_for_sent(50)

    for room in rooms:
        texts = [one.text for one in network.sent if one.channel is room.channel]
        assert texts == [str(number) for number in range(10)]


async def test_a_restart_goes_on_where_it_was(
    network: FakeSlack, general: Room, direct: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """What was answered before is not answered again, and what came meanwhile is."""
    file = tmp_path / "journal.db"
    network.timing.retry_s = ()
    async with (
        bot_on(network, clock, tmp_path, general) as channel,
        session(channel, clock, path=file),
    ):
        await network.wait_for_links()
        direct.text("one")
        await network.wait_for_sent()
    direct.text("two")
    async with (
        bot_on(network, clock, tmp_path, general) as channel,
        session(channel, clock, path=file),
    ):
        await network.wait_for_sent(2)

    assert [one.text for one in network.sent] == ["one", "two"]


async def test_a_long_answer_arrives_whole(
    channel: Slack, network: FakeSlack, direct: Room, clock: ManualClock
) -> None:
    """20,000 characters with fences, tables and emoji, in parts that Slack takes."""
    block = (
        "## Part {0} \U0001f600\n\nSome *text* with [a link](https://x.org/{0}) and `code`.\n\n"
        "```python\nprint({0} < 1)\n```\n\n| a | b |\n|---|---|\n| {0} | \U0001f44d |\n\n"
        "> quoted **{0}**\n\n- one\n  - two\n\n"
    )
    answer = "".join(block.format(number) for number in range(130))

    async def act(message: IncomingMessage, conversation: Conversation) -> str:
        return answer

    async with session(channel, clock, Agent(act)):
        await network.wait_for_links()
        direct.text("go")
        await network.wait_for(lambda: network.sent and "quoted *129*" in network.sent[-1].text)

    whole = "\n".join(one.text for one in network.sent)
    assert len(answer) > 20_000
    for number in range(130):
        assert f"Part {number} " in whole
        assert f"print({number} &lt; 1)" in whole
    assert {call.error for call in network.calls("chat.postMessage")} == {None}
    assert max(len(call.params["text"]) for call in network.calls("chat.postMessage")) <= 3900


async def test_every_operation_reaches_the_network(
    channel: Slack, network: FakeSlack, general: Room, clock: ManualClock
) -> None:
    """Sent, edited, deleted, reacted to, with media: natively, so nothing is degraded."""
    cat = Media.from_bytes(b"a cat", name="cat.png")
    async with session(channel, clock) as opened:
        await network.wait_for_links()
        await opened.presence("away", "busy")
        sent = await opened.send(to(general, "one"))
        edited = await opened.edit(sent.refs[0], "**two**")
        reacted = await opened.react(sent.refs[0], "👍")
        media = await passing(clock, opened.media(to(general, "see", media=[cat])))
        deleted = await opened.delete(sent.refs[0])
        await network.wait_for(lambda: network.presence == "away")

    kinds = [event.kind for event in network.events if event.kind != "presence"]
    assert kinds == ["sent", "edited", "reacted", "sent", "deleted"]
    for receipt in (sent, edited, reacted, media, deleted):
        assert receipt.degraded == ()


async def test_what_is_lost_on_the_way_is_doubled_by_nothing(
    channel: Slack, network: FakeSlack, general: Room, clock: ManualClock
) -> None:
    """The connection breaks after the message has arrived: it is found by its key."""
    network.fail_next("chat.postMessage", Fault.LOST, times=3)
    cat = Media.from_bytes(b"a cat", name="cat.png")
    async with session(channel, clock) as opened:
        await network.wait_for_links()
        receipt = await passing(clock, opened.send(to(general, "once")))
        network.fail_next("files.completeUploadExternal", Fault.LOST)
        media = await passing(clock, opened.media(to(general, "see", media=[cat])))

    assert [one.text for one in network.sent] == ["once", "see"]
    assert [receipt.maybe_repeated, media.maybe_repeated] == [False, False]


async def test_channels_are_answered_when_they_name_the_bot(
    network: FakeSlack, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """With the defaults: in listed channels, when mentioned, in a thread; no bots."""
    other = network.channel("other", person=general.person)
    builder = network.user("Builder", is_bot=True)
    access = AccessSettings(direct="open")
    async with (
        bot_on(network, clock, tmp_path, general) as channel,
        session(channel, clock, access=access),
    ):
        await network.wait_for_links()
        other.text("@lab_bot not here")
        general.text("not to us")
        general.text("@lab_bot not from you", by=builder)
        parent = general.text("@lab_bot hello")
        general.text("@lab_bot again", thread=parent)
        await network.wait_for_sent(2)
        await asyncio.sleep(0.05)

    assert {(one.text, one.thread_ts) for one in network.sent} == {
        ("hello", parent.ts),
        ("again", parent.ts),
    }
