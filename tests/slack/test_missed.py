"""What was written while the bot was away."""

from __future__ import annotations

import asyncio
from pathlib import Path

from fakes import ManualClock
from networks.slack import ApiError, FakeSlack, Room, rate_limited

from cobot import IncomingMessage
from cobot_slack import Slack
from slack.bots import Receiving, bot_on, passing, receiving


async def _texts(received: Receiving, last: str) -> list[str]:
    found: list[str] = []
    while last not in found:
        items = (await received.batch()).items
        found += [one.content for one in items if isinstance(one, IncomingMessage)]
    return found


async def test_what_was_missed_comes_first_and_in_order(
    channel: Slack, network: FakeSlack, general: Room, direct: Room
) -> None:
    """In channels and direct messages, also where nobody had written before."""
    async with receiving(channel) as received:
        await received.ready()
        general.text("seen")
        await received.message()
        await received.store(network)
    cursors = received.cursors
    network.timing.retry_s = ()
    for number in range(3):
        general.text(f"channel {number}")
    direct.text("direct")
    async with receiving(channel, cursors) as received:
        texts = await _texts(received, "direct")
        general.text("new")
        texts += await _texts(received, "new")

    in_channel = [one for one in texts if one.startswith("channel")]
    assert in_channel == ["channel 0", "channel 1", "channel 2"]
    assert "seen" not in texts
    assert texts[-1] == "new"


async def test_replies_in_threads_are_found(
    channel: Slack, network: FakeSlack, general: Room
) -> None:
    """Below messages that were seen before, and below those that were missed, too."""
    async with receiving(channel) as received:
        await received.ready()
        parent = general.text("plans")
        await received.message()
        await received.store(network)
    network.timing.retry_s = ()
    general.text("late reply", thread=parent)
    other = general.text("other plans")
    general.text("other reply", thread=other)
    async with receiving(channel, received.cursors) as received:
        texts = await _texts(received, "other reply")
        again = received.cursors

    assert texts == ["late reply", "other plans", "other reply"]
    assert f"{general.id}/{parent.ts}" in again


async def test_several_pages_are_read(
    channel: Slack, network: FakeSlack, general: Room
) -> None:
    """The newest comes first from Slack, and the oldest first from us."""
    async with receiving(channel) as received:
        await received.ready()
        general.text("seen")
        await received.message()
        await received.store(network)
    network.timing.retry_s = ()
    for number in range(450):
        general.text(str(number))
    async with receiving(channel, received.cursors) as received:
        texts = await _texts(received, "449")

    assert texts == [str(number) for number in range(450)]


async def test_what_is_new_waits_for_what_was_missed(
    channel: Slack, network: FakeSlack, general: Room, clock: ManualClock
) -> None:
    """In its own channel; others are not held up."""
    lab = network.channel("lab", person=general.person)
    async with receiving(channel) as received:
        await received.ready()
        general.text("seen")
        await received.message()
        lab.text("seen")
        await received.message()
        await received.store(network)
    network.timing.retry_s = ()
    general.text("missed")
    gate = network.hold("conversations.history", chat=general)
    async with receiving(channel, received.cursors) as received:
        waiting = asyncio.ensure_future(received.message())
        await network.wait_for_links()
        await network.wait_for(lambda: network.calls("conversations.history"))
        general.text("new")
        lab.text("elsewhere")
        first = await waiting
        gate.open()
        texts = await _texts(received, "new")

    assert first.content == "elsewhere"
    assert texts == ["missed", "new"]


async def test_a_limit_is_waited_for(
    network: FakeSlack, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """As long as Slack says."""
    async with bot_on(network, clock, tmp_path, general) as channel:
        async with receiving(channel) as received:
            await received.ready()
            general.text("seen")
            await received.message()
            await received.store(network)
        network.timing.retry_s = ()
        general.text("missed")
        network.fail_next("conversations.history", rate_limited(9))
        before = clock.monotonic()
        async with receiving(channel, received.cursors) as received:
            message = await passing(clock, received.message())

    assert message.content == "missed"
    assert clock.monotonic() - before >= 9


async def test_a_channel_that_tells_nothing_holds_up_nothing(
    channel: Slack, network: FakeSlack, general: Room
) -> None:
    """The bot may have been removed from it."""
    async with receiving(channel) as received:
        await received.ready()
        general.text("seen")
        await received.message()
        await received.store(network)
    network.fail_next("conversations.history", ApiError("not_in_channel"))
    async with receiving(channel, received.cursors) as received:
        waiting = asyncio.ensure_future(received.message())
        await network.wait_for_links()
        general.text("new")
        message = await waiting

    assert message.content == "new"
