"""Slash commands and buttons."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import ManualClock
from networks.slack import FakeSlack, Fault, Room

from cobot import DeliveryUnknown, Forbidden, Receipt
from cobot_slack import Slack
from slack.bots import bot_on, receiving, to

BUTTONS = [
    {
        "type": "actions",
        "block_id": "b1",
        "elements": [
            {
                "type": "button",
                "action_id": "ok",
                "value": "yes",
                "text": {"type": "plain_text", "text": "Fine"},
            }
        ],
    }
]


async def test_a_command_is_a_message(
    channel: Slack, network: FakeSlack, general: Room
) -> None:
    """As it was typed, acknowledged when it is stored; nothing secret is in it."""
    async with receiving(channel) as received:
        await received.ready()
        use = general.slash("/ask", "why < how?")
        message = await received.message()
        await received.store(network)

    assert (message.content, message.sender_id) == ("/ask why < how?", general.person.id)
    assert (message.mentioned, message.listed, message.direct) == (True, True, False)
    assert message.id.startswith("cmd:")
    assert use.is_acked
    assert str(use.payload["trigger_id"]) not in repr(message)
    assert use.response_url not in repr(message)


async def test_a_button_is_a_message(channel: Slack, network: FakeSlack, general: Room) -> None:
    """It names the message that it stands in, and its thread."""
    parent = general.text("plans")
    blocks = to(general, "ok?", thread_id=parent.ts, metadata={"blocks": BUTTONS})
    sent = await channel.session_send(blocks)
    assert isinstance(sent, Receipt)
    async with receiving(channel) as received:
        await received.ready()
        press = general.press(network.sent[0], "ok")
        message = await received.message()
        await received.until(network.wait_for(lambda: press.is_acked))

    assert (message.content, message.reply_to) == ("yes", sent.refs[0].id)
    assert (message.thread_id, message.mentioned) == (parent.ts, True)
    assert message.metadata["action"] == {
        "action_id": "ok",
        "block_id": "b1",
        "type": "button",
        "value": "yes",
    }
    assert press.is_acked


async def test_a_command_is_answered_where_the_bot_is_no_member(
    network: FakeSlack, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """Also by a process that was started after it was used."""
    other = network.channel("other", person=general.person, has_bot=False)
    async with bot_on(network, clock, tmp_path, general) as channel:
        async with receiving(channel) as received:
            await received.ready()
            other.slash("/ask", "why?")
            message = await received.message()
            await received.store(network)
        assert await channel.session_send(to(other, "one")) is True
    async with bot_on(network, clock, tmp_path, general) as channel:
        async with receiving(channel, received.cursors) as received:
            await received.ready()
            assert await channel.session_send(to(other, "two", reply_to=message.id)) is True
        clock.advance(1800)
        with pytest.raises(Forbidden, match="/invite"):
            await channel.session_send(to(other, "three"))

    assert [one.text for one in network.sent] == ["one", "two"]


async def test_an_answer_that_may_have_arrived_is_marked(
    channel: Slack, network: FakeSlack, general: Room
) -> None:
    """Where the bot is no member nothing can be looked up."""
    other = network.channel("other", person=general.person, has_bot=False)
    async with receiving(channel) as received:
        await received.ready()
        other.slash("/ask", "why?")
        await received.message()
        await received.store(network)
    network.fail_next("respond", Fault.LOST)
    with pytest.raises(DeliveryUnknown):
        await channel.session_send(to(other, "one", key="a-key"))
    again = await channel.session_send(to(other, "one", key="a-key", unknown=True))

    assert isinstance(again, Receipt)
    assert again.maybe_repeated is True
