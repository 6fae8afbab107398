"""Events, commands and buttons that come by HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fakes import ManualClock
from networks.slack import FakeSlack, Room

from cobot import IncomingMessage, Secret
from cobot.net import Http, raw, signature_v0
from cobot_slack import Slack
from cobot_slack.events_api import EventsApi
from cobot_slack.gaps import FLOOR
from slack.bots import Receiving, bot_on, receiving


@pytest.fixture
async def http_channel(
    network: FakeSlack, general: Room, clock: ManualClock, tmp_path: Path
) -> AsyncIterator[Slack]:
    """The bot as a channel that is posted to."""
    settings: dict[str, Any] = {
        "app_token": None,
        "signing_secret": Secret(network.signing_secret),
        "port": 0,
    }
    async with bot_on(network, clock, tmp_path, general, **settings) as channel:
        yield channel


async def _url(channel: Slack, received: Receiving, network: FakeSlack) -> str:
    await received.ready()
    entries = channel._entries
    assert isinstance(entries, EventsApi)
    assert await network.post_events_to(entries.url)
    return entries.url


async def test_what_is_posted_is_handed_over_and_then_answered(
    http_channel: Slack, network: FakeSlack, direct: Room
) -> None:
    """Not before it is stored; commands and buttons come the same way."""
    async with receiving(http_channel) as received:
        await _url(http_channel, received, network)
        direct.text("hello")
        message = await received.message()
        before = network.pending
        direct.slash("/ask", "why?")
        command = await received.message()
        await received.store(network)

    assert (message.content, command.content, before) == ("hello", "/ask why?", 1)
    assert {one.state for one in network.deliveries} == {"acked"}


async def test_what_is_not_stored_in_time_comes_again(
    http_channel: Slack, network: FakeSlack, direct: Room, clock: ManualClock
) -> None:
    """A retry is a message like any other, and the same one."""
    async with receiving(http_channel) as received:
        await _url(http_channel, received, network)
        network.timing.retry_s = (0.0, 60.0)
        direct.text("hello")
        first = await received.message()
        clock.advance(3)
        await network.wait_for(lambda: network.deliveries[0].attempts)
        again = await received.next()
        await received.store(network)

    assert network.deliveries[0].state == "acked"
    assert [one.id for one in again.items if isinstance(one, IncomingMessage)] in (
        [],
        [first.id],
    )


async def test_what_waits_for_what_was_missed_holds_up_no_other_post(
    http_channel: Slack, network: FakeSlack, general: Room, direct: Room
) -> None:
    """It is to come again; it is handed over once, in its place."""
    async with receiving(http_channel) as received:
        await _url(http_channel, received, network)
        general.text("seen")
        await received.message()
        await received.store(network)
    gate = network.hold("conversations.history", chat=general)
    network.timing.retry_s = (0.0, 60.0)
    async with receiving(http_channel, received.cursors) as received:
        await received.next()
        entries = http_channel._entries
        assert isinstance(entries, EventsApi)
        assert await network.post_events_to(entries.url)
        await network.wait_for(lambda: gate.waiting)
        early = general.text("new")
        waiting = asyncio.ensure_future(received.message())
        await network.wait_for(lambda: network.deliveries[-1].attempts)
        direct.text("elsewhere")
        first = await waiting
        gate.open()
        later = [
            one for one in (await received.batch()).items if isinstance(one, IncomingMessage)
        ]

    # By HTTP a stored message is no proof of what is older: a little is asked for once more.
    assert first.content == "elsewhere"
    assert [one.content for one in later] == ["seen", "new"]
    assert later[-1].id == early.ts


@pytest.mark.parametrize(
    ("secret", "age_s", "body", "status"),
    [
        (None, 0, '{"type": "url_verification", "challenge": "abc"}', 200),
        ("f" * 32, 0, '{"type": "url_verification", "challenge": "abc"}', 401),
        (None, 301, '{"type": "url_verification", "challenge": "abc"}', 401),
        (None, -301, '{"type": "url_verification", "challenge": "abc"}', 401),
        (None, 0, "[]", 400),
        (None, 0, "{", 400),
    ],
)
async def test_only_slack_is_listened_to(
    http_channel: Slack,
    network: FakeSlack,
    clock: ManualClock,
    secret: str | None,
    age_s: int,
    body: str,
    status: int,
) -> None:
    """Signed with the secret, and within five minutes."""
    async with receiving(http_channel) as received, Http("slack") as http:
        url = await _url(http_channel, received, network)
        timestamp = str(int(clock.now().timestamp()) - age_s)
        signature = signature_v0(secret or network.signing_secret, timestamp, body.encode())
        headers = {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signature}
        # The client writes JSON its own way, which would not be what was signed.
        answer = await http.upload(
            "send", url, raw(body.encode(), "application/json"), headers=headers
        )

    assert answer.status == status
    assert answer.body == (b"abc" if status == 200 else b"")


async def test_what_was_overtaken_is_asked_for(
    http_channel: Slack, network: FakeSlack, direct: Room
) -> None:
    """Its post failed, a newer message was stored, and the bot was away until Slack gave up."""
    network.timing.retry_s = ()
    direct.text("overtaken")
    stored = direct.text("stored")
    cursors = {FLOOR: stored.ts, direct.id: f"{stored.ts}/im"}
    async with receiving(http_channel, cursors) as received:
        items = (await received.batch()).items

    texts = [one.content for one in items if isinstance(one, IncomingMessage)]
    assert texts == ["overtaken", "stored"]  # the journal knows what comes twice
