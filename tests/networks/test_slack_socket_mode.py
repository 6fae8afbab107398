"""Connections of Socket Mode, and what is delivered over them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from networks.slack import FakeSlack, Room
from networks.slack_client import SlackClient, SlackSocket

RETRY_S = 0.02


@pytest.fixture
def ann(slack: FakeSlack) -> Room:
    """Somebody's direct messages."""
    return slack.private_chat(slack.user("Ann"))


@pytest.fixture
async def link(app: SlackClient) -> AsyncIterator[SlackSocket]:
    """A connection."""
    link = await app.connect()
    yield link
    await link.socket.close()


def event_of(envelope: dict[str, Any]) -> str:
    """Return the id of the event in an envelope."""
    return str(envelope["payload"]["event_id"])


async def test_a_connection_begins_with_a_hello(slack: FakeSlack, app: SlackClient) -> None:
    """Which tells how many there are, and how long they live."""
    first = await app.connect()
    second = await app.connect("&debug_reconnects=true")

    assert (first.hello["type"], first.hello["num_connections"]) == ("hello", 1)
    assert second.hello["num_connections"] == 2
    assert first.hello["connection_info"]["app_id"] == slack.bot.app_id
    assert [
        link.hello["debug_info"]["approximate_connection_time"] for link in (first, second)
    ] == [18_060, 360]
    assert len(await slack.wait_for_links(2)) == 2


async def test_an_address_is_good_once(app: SlackClient) -> None:
    """And none is that was not given out."""
    url = await app.socket_url()
    async with app.sockets.ws_connect(url):
        for wrong in (url, url.split("?")[0], f"{url}0"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await app.sockets.ws_connect(wrong)
            assert refused.value.status == 403


async def test_what_is_acknowledged_is_done(
    slack: FakeSlack, link: SlackSocket, ann: Room
) -> None:
    """It is not delivered again."""
    ann.text("x")
    envelope = await link.take(is_acked=False)
    pending = slack.pending
    await link.ack(envelope)
    await link.ack(envelope)
    await slack.wait_for(lambda: len(slack.links[0].acks) == 2)

    assert (pending, slack.deliveries[0].state) == (1, "acked")
    assert (envelope["retry_attempt"], envelope["retry_reason"]) == (0, "")
    assert slack.links[0].acks == [envelope["envelope_id"]] * 2


async def test_what_is_not_acknowledged_in_time_comes_again(
    slack: FakeSlack, link: SlackSocket, ann: Room
) -> None:
    """In another envelope, so often as the network retries; then it is lost."""
    slack.timing.ack_s, slack.timing.retry_s = 0.01, (0.0, RETRY_S, RETRY_S)
    ann.text("x")
    envelopes = [await link.take(is_acked=False) for _ in range(4)]
    await slack.wait_for(lambda: slack.lost)

    assert len({event_of(envelope) for envelope in envelopes}) == 1
    assert len({envelope["envelope_id"] for envelope in envelopes}) == 4
    assert [envelope["retry_attempt"] for envelope in envelopes] == [0, 1, 2, 3]
    assert [envelope["retry_reason"] for envelope in envelopes[:2]] == ["", "timeout"]
    assert slack.lost[0].reasons == ["timeout"] * 4


async def test_a_late_acknowledgement_counts(
    slack: FakeSlack, link: SlackSocket, ann: Room
) -> None:
    """Of an attempt that was given up: nothing comes again."""
    slack.timing.ack_s, slack.timing.retry_s = 0.01, (60.0,)
    ann.text("x")
    envelope = await link.take(is_acked=False)
    await slack.wait_for(lambda: slack.deliveries[0].attempts)
    await link.ack(envelope)
    await slack.wait_for(lambda: not slack.pending)
    slack.retry_now()

    assert slack.deliveries[0].state == "acked"
    assert len(slack.links[0].envelopes) == 1


async def test_a_retry_that_crosses_its_acknowledgement_is_harmless(
    slack: FakeSlack, link: SlackSocket, ann: Room
) -> None:
    """It is done, also if the connection is lost before the second envelope is acknowledged."""
    slack.timing.ack_s, slack.timing.retry_s = 0.01, (0.0, 60.0)
    ann.text("x")
    first, _ = [await link.take(is_acked=False) for _ in range(2)]
    await link.ack(first)
    await slack.wait_for(lambda: not slack.pending)
    before = slack.deliveries[0].attempts
    slack.links[0].drop()
    await slack.wait_for(lambda: not slack.links)

    assert slack.deliveries[0].state == "acked"
    assert slack.deliveries[0].attempts == before


async def test_each_envelope_goes_to_one_connection(
    slack: FakeSlack, app: SlackClient, ann: Room
) -> None:
    """They take turns, unless a test picks another way."""
    links = [await app.connect() for _ in range(2)]
    for number in range(4):
        ann.text(str(number))
    slack.socket_mode.choose = lambda open_links: open_links[0]
    for number in range(4, 6):
        ann.text(str(number))

    counts = [len(link.envelopes) for link in slack.links]
    assert counts == [4, 2]
    texts = [(await links[0].event())["text"] for _ in range(4)]
    assert texts[-2:] == ["4", "5"]


async def test_an_acknowledgement_over_another_connection_is_none(
    slack: FakeSlack, app: SlackClient, ann: Room
) -> None:
    """It has to come where the envelope went."""
    first, second = await app.connect(), await app.connect()
    slack.socket_mode.choose = lambda open_links: open_links[0]
    ann.text("x")
    envelope = await first.take(is_acked=False)
    await second.ack(envelope)
    await slack.wait_for(lambda: slack.links[1].acks)

    assert slack.pending == 1


async def test_what_a_lost_connection_had_goes_to_another(
    slack: FakeSlack, app: SlackClient, ann: Room
) -> None:
    """At once."""
    first, second = await app.connect(), await app.connect()
    slack.socket_mode.choose = lambda open_links: open_links[0]
    ann.text("x")
    before = await first.take(is_acked=False)
    slack.links[0].drop()
    after = await second.take()

    assert event_of(before) == event_of(after)
    assert after["retry_attempt"] == 1
    assert slack.deliveries[0].reasons == ["connection_closed"]


async def test_a_lost_connection_takes_nothing_from_another(
    slack: FakeSlack, app: SlackClient, ann: Room
) -> None:
    """What it had not acknowledged in time is there already."""
    _, second = await app.connect(), await app.connect()
    slack.socket_mode.choose = lambda open_links: open_links[0]
    slack.timing.ack_s = 0.01
    ann.text("x")
    slack.socket_mode.choose = lambda open_links: open_links[-1]
    slack.timing.ack_s = 3
    await second.take(is_acked=False)
    slack.links[0].drop()
    await slack.wait_for(lambda: len(slack.links) == 1)

    assert slack.deliveries[0].reasons == ["timeout"]


async def test_what_happens_while_nobody_is_there_is_retried_and_lost(
    slack: FakeSlack, app: SlackClient, ann: Room
) -> None:
    """There is no backlog that a new connection would get."""
    slack.timing.retry_s = (0.0, RETRY_S)
    lost = ann.text("lost")
    await slack.wait_for(lambda: slack.lost)
    slack.timing.retry_s = (60.0,)
    ann.text("retried")
    link = await app.connect()
    slack.retry_now()
    event = await link.event()

    assert event["text"] == "retried"
    assert [one.payload["event"]["ts"] for one in slack.lost] == [lost.ts]
    assert slack.lost[0].reasons == ["no_connection"] * 3


# --- the end of connections ---


async def test_a_connection_is_refreshed(slack: FakeSlack, app: SlackClient, ann: Room) -> None:
    """It is told so, gets nothing new if there is another, and can still acknowledge."""
    old = await app.connect()
    ann.text("before")
    envelope = await old.take(is_acked=False)
    slack.disconnect("refresh_requested")
    goodbye = await old.socket.receive_json()
    new = await app.connect()
    for _ in range(3):
        ann.text("after")
        await new.event()
    await old.ack(envelope)
    await slack.wait_for(lambda: not slack.pending)

    assert (goodbye["type"], goodbye["reason"]) == ("disconnect", "refresh_requested")
    assert not old.socket.closed


async def test_a_connection_that_leaves_is_used_while_it_is_the_only_one(
    slack: FakeSlack, link: SlackSocket, ann: Room
) -> None:
    """Nothing is lost for the sake of order."""
    slack.disconnect("warning")
    await link.socket.receive_json()
    ann.text("x")

    assert (await link.event())["text"] == "x"


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
async def test_a_warning_is_followed_by_the_end(
    slack: FakeSlack, link: SlackSocket, reason: Any
) -> None:
    """After the time that it was given."""
    slack.timing.warning_s = 0.01
    slack.disconnect(reason)
    goodbye = await link.socket.receive_json()
    end = await link.socket.receive()

    assert goodbye["reason"] == reason
    assert (end.type, link.socket.close_code) == (aiohttp.WSMsgType.CLOSE, 1000)


async def test_a_disabled_app_is_cut_off(slack: FakeSlack, app: SlackClient) -> None:
    """At once; others that are named are not."""
    first, second = await app.connect(), await app.connect()
    slack.disconnect("link_disabled", slack.links[0])

    assert (await first.socket.receive_json())["reason"] == "link_disabled"
    assert (await first.socket.receive()).type == aiohttp.WSMsgType.CLOSE
    await slack.wait_for(lambda: len(slack.links) == 1)
    assert not second.socket.closed


async def test_the_eleventh_connection_is_one_too_many(
    slack: FakeSlack, app: SlackClient
) -> None:
    """It is told so instead of hello."""
    links = [await app.connect() for _ in range(11)]

    assert links[9].hello["num_connections"] == 10
    assert links[10].hello == {
        "type": "disconnect",
        "reason": "too_many_websockets",
        "debug_info": {"host": "fake"},
    }
    assert len(slack.links) == 10


# --- signs of life ---


async def test_the_network_pings(slack: FakeSlack, app: SlackClient) -> None:
    """And sees who answers."""
    slack.timing.ping_s = 0.01
    link = await app.connect()
    reading = asyncio.create_task(link.socket.receive())
    await slack.wait_for(lambda: slack.links[0].pongs >= 2)

    reading.cancel()


async def test_a_connection_falls_silent(slack: FakeSlack, app: SlackClient, ann: Room) -> None:
    """It stays open; what it was to get is overdue, and goes to another one."""
    slack.timing.ack_s, slack.timing.retry_s = 0.02, (60.0,)
    silent = await app.connect()
    (frozen,) = slack.links
    frozen.freeze()
    ann.text("x")
    await slack.wait_for(lambda: slack.deliveries[0].attempts)
    slack.socket_mode.choose = lambda open_links: open_links[-1]
    other = await app.connect()
    slack.retry_now()
    event = await other.event()

    assert event["text"] == "x"
    assert slack.deliveries[0].reasons == ["timeout"]
    assert (frozen.is_open, silent.socket.closed) == (True, False)


async def test_what_is_no_acknowledgement_is_kept_for_the_test(
    slack: FakeSlack, link: SlackSocket
) -> None:
    """The network makes nothing of it."""
    for text in ("hello", "[]", '{"type": "ping"}'):
        await link.socket.send_str(text)
    await link.socket.send_json({"envelope_id": "unknown"})
    await slack.wait_for(lambda: slack.links[0].acks)

    assert slack.links[0].strays == ["hello", "[]", '{"type": "ping"}']


async def test_the_network_goes_and_comes_back(
    slack: FakeSlack, app: SlackClient, ann: Room
) -> None:
    """On the same ports."""
    link = await app.connect()
    slack.refuse()
    slack.drop_all()
    ended = await link.socket.receive()
    with pytest.raises(aiohttp.ClientConnectorError):
        await app.sockets.get(slack.url)
    await slack.listen()
    again = await app.connect()
    ann.text("x")

    assert ended.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
    assert (await again.event())["text"] == "x"
