"""Sending: as it arrives, and what is done about refusals."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import attrs
import pytest
from fakes import ManualClock
from networks.slack import ApiError, FakeSlack, Fault, Room, page, rate_limited
from networks.web import Response

from cobot import (
    AuthFailed,
    ChannelError,
    ChatGone,
    DeliveryUnknown,
    Forbidden,
    MessageRef,
    OutgoingMessage,
    RateLimited,
    Receipt,
    Rejected,
    Unreachable,
)
from cobot_slack import Slack
from cobot_slack.api import STOP_S
from slack.bots import Reports, bot_on, marked, passing, session, to


async def _send(channel: Slack, message: OutgoingMessage) -> Receipt:
    sent = await channel.session_send(message)
    assert isinstance(sent, Receipt)
    return sent


async def test_markdown_arrives_as_mrkdwn(
    channel: Slack, network: FakeSlack, general: Room
) -> None:
    """And nobody is mentioned by what it says."""
    receipt = await _send(channel, marked(general, "**2 < 3** <!channel> [x](https://x.io)"))

    (message,) = network.sent
    assert message.text == "*2 &lt; 3* &lt;!channel&gt; <https://x.io|x>"
    assert receipt.refs == (MessageRef("slack", general.id, message.ts),)


async def test_answers_in_threads_stay_there(
    channel: Slack, network: FakeSlack, general: Room
) -> None:
    """A reply to a message begins a thread below it; all may see it, if that is wanted."""
    parent = general.text("plans")
    first = await _send(channel, to(general, thread_id=parent.ts))
    second = await _send(channel, to(general, reply_to=parent.ts))
    await _send(channel, to(general, thread_id=parent.ts, metadata={"broadcast": True}))
    await _send(channel, to(general, reply_to="cmd:0123"))

    assert [one.thread_ts for one in network.sent] == [parent.ts] * 3 + [None]
    assert network.sent[2].is_broadcast
    assert {one.refs[0].thread_id for one in (first, second)} == {parent.ts}


async def test_a_person_is_written_to_in_direct_messages(
    channel: Slack, network: FakeSlack, direct: Room
) -> None:
    """What comes back names the channel, in which the message can be changed."""
    person = OutgoingMessage("slack", direct.person.id, "hello")
    receipt = await _send(channel, person)
    await _send(channel, person)
    await channel.session_edit(receipt.refs[0], to(direct, "changed"))

    assert receipt.refs[0].channel_id == direct.id
    assert [one.text for one in network.sent] == ["changed", "hello"]
    assert len(network.calls("conversations.open")) == 1


async def test_blocks_and_previews_are_the_authors_choice(
    channel: Slack, network: FakeSlack, general: Room
) -> None:
    """Given as metadata."""
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "*hi*"}}]
    await _send(channel, to(general, "hi", metadata={"blocks": blocks, "previews": False}))

    assert network.sent[0].blocks[0]["text"] == blocks[0]["text"]
    assert network.calls("chat.postMessage")[0].params["unfurl_links"] is False


@pytest.mark.parametrize("in_thread", [False, True])
async def test_what_has_arrived_is_found_and_not_sent_again(
    channel: Slack, network: FakeSlack, general: Room, clock: ManualClock, in_thread: bool
) -> None:
    """The answer was lost; the key is looked for where the message would be."""
    parent = general.text("plans")
    thread = parent.ts if in_thread else None
    message = to(general, key="a-key", thread_id=thread, created_at=clock.now())
    await _send(channel, attrs.evolve(message, key="another"))
    network.fail_next("chat.postMessage", Fault.LOST)
    with pytest.raises(DeliveryUnknown):
        await channel.session_send(message)
    clock.advance(7200)
    again = await _send(channel, attrs.evolve(message, unknown=True))

    assert [one.ts for one in network.sent][1:] == [again.refs[0].id]
    assert again.maybe_repeated is False


async def test_what_has_not_arrived_is_sent(
    channel: Slack, network: FakeSlack, general: Room, clock: ManualClock
) -> None:
    """Though much was written meanwhile."""
    for number in range(250):
        general.text(str(number))
    message = to(general, key="a-key", created_at=clock.now() - timedelta(seconds=5))
    receipt = await _send(channel, attrs.evolve(message, unknown=True))

    assert [one.ts for one in network.sent] == [receipt.refs[0].id]
    assert len(network.calls("conversations.history")) == 2


async def test_what_cannot_be_looked_up_is_marked(
    channel: Slack, network: FakeSlack, general: Room, clock: ManualClock
) -> None:
    """The app may not read there: it is sent again, and that is said."""
    network.scopes.discard("channels:history")
    receipt = await _send(channel, to(general, key="a-key", unknown=True))

    assert receipt.maybe_repeated is True


@pytest.mark.parametrize(
    ("failure", "kind", "said"),
    [
        (ApiError("invalid_auth"), AuthFailed, "set bot_token"),
        (ApiError("channel_not_found"), ChatGone, "no such channel"),
        (ApiError("is_archived"), ChatGone, "archived"),
        (ApiError("not_in_channel"), Forbidden, "/invite"),
        (ApiError("missing_scope", needed="chat:write"), Forbidden, "scope chat:write"),
        (ApiError("restricted_action_read_only_channel"), Forbidden, "restricted"),
        (ApiError("messages_tab_disabled"), Forbidden, "Messages tab"),
        (ApiError("msg_too_long"), Rejected, "msg_too_long"),
        (ApiError("invalid_blocks", "[ERROR] no"), Rejected, r"\[ERROR\] no"),
        (ApiError("fatal_error"), DeliveryUnknown, "fatal_error"),
        (page(502), DeliveryUnknown, "502"),
        (Fault.LOST, DeliveryUnknown, "chat.postMessage|127.0.0.1"),
    ],
)
async def test_refusals_are_told_apart(
    channel: Slack,
    network: FakeSlack,
    general: Room,
    failure: ApiError,
    kind: type[ChannelError],
    said: str,
) -> None:
    """Each as what the session can do about it, with what the owner can."""
    network.fail_next("chat.postMessage", failure)
    with pytest.raises(kind, match=said) as caught:
        await channel.session_send(to(general))

    assert network.bot_token not in str(caught.value)


@pytest.mark.parametrize("is_json", [True, False])
async def test_a_limit_closes_one_channel_and_one_method(
    network: FakeSlack, general: Room, clock: ManualClock, tmp_path: Path, is_json: bool
) -> None:
    """Others are not asked to wait; this one is not even asked before its time."""
    other = network.channel("other", person=general.person)
    health = Reports()
    network.fail_next("chat.postMessage", rate_limited(5, is_json=is_json))
    async with bot_on(network, clock, tmp_path, general, health=health) as channel:
        for _ in range(2):
            with pytest.raises(RateLimited) as caught:
                await channel.session_send(to(general))
            assert (caught.value.retry_after_s, caught.value.is_wide) == (5, False)
        sent = await _send(channel, to(other))
        await channel.session_edit(sent.refs[0], to(other, "changed"))
        clock.advance(5)
        await _send(channel, to(general))

    assert len(network.calls("chat.postMessage")) == 3
    assert health.signs == [f"closed until 2026-01-01 12:00:05+00:00 for {general.id}"]


async def test_the_threads_of_a_channel_share_its_rate(
    channel: Slack, network: FakeSlack, general: Room, clock: ManualClock
) -> None:
    """It takes a message a second; to try all of them each second would be refused for ever."""
    network.rates.is_on = True
    parents = [general.text(f"plans {number}") for number in range(4)]
    async with session(channel, clock) as opened:
        await network.wait_for_links()
        sends = [
            opened.send(to(general, str(number), thread_id=parent.ts))
            for number in range(3)
            for parent in parents
        ]
        await passing(clock, asyncio.gather(*sends))

    for parent in parents:
        texts = [one.text for one in network.sent if one.thread_ts == parent.ts]
        assert texts == ["0", "1", "2"]
    refused = [one for one in network.calls("chat.postMessage") if one.error]
    assert len(refused) <= 2


async def test_a_tier_is_kept_to(
    network: FakeSlack, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """Fifty edits a minute: the next one waits, without Slack saying so."""
    network.rates.is_on = True
    async with bot_on(network, clock, tmp_path, general) as channel:
        sent = await _send(channel, to(general))
        for number in range(50):
            await channel.session_edit(sent.refs[0], to(general, str(number)))
        with pytest.raises(RateLimited) as caught:
            await channel.session_edit(sent.refs[0], to(general, "once more"))
        clock.advance(caught.value.retry_after_s or 0)
        await channel.session_edit(sent.refs[0], to(general, "once more"))

    assert {call.error for call in network.calls("chat.update")} <= {"", None}
    assert network.sent[0].text == "once more"


@pytest.mark.parametrize("word", ["internal_error", "service_unavailable"])
async def test_a_look_up_that_fails_sends_nothing(
    channel: Slack, network: FakeSlack, general: Room, clock: ManualClock, word: str
) -> None:
    """A little later it can be found, and is not doubled."""
    message = to(general, key="a-key", created_at=clock.now())
    await _send(channel, message)
    network.fail_next("conversations.history", ApiError(word))
    with pytest.raises(Unreachable):
        await channel.session_send(attrs.evolve(message, unknown=True))
    again = await _send(channel, attrs.evolve(message, unknown=True))

    assert [one.ts for one in network.sent] == [again.refs[0].id]


async def test_a_look_up_that_ends_too_early_is_marked(
    channel: Slack, network: FakeSlack, general: Room
) -> None:
    """Among more than 10,000 messages since then it may be."""
    told = {"ok": True, "messages": [], "response_metadata": {"next_cursor": "more"}}
    endless = Response(body=json.dumps(told).encode())
    network.fail_next("conversations.history", endless, times=None)
    receipt = await _send(channel, to(general, key="a-key", unknown=True))

    assert receipt.maybe_repeated is True


async def test_the_end_of_typing_holds_up_no_receipt(
    channel: Slack, network: FakeSlack, direct: Room
) -> None:
    """The message is there, and what comes after it waits."""
    direct.text("hello")
    await channel.session_typing("slack", direct.id, None)
    network.hold("assistant.threads.setStatus")
    async with asyncio.timeout(STOP_S + 1):
        await _send(channel, to(direct))

    assert len(network.calls("assistant.threads.setStatus")) == 2
