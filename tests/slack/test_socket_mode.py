"""Connections of Socket Mode: how they are kept, and when what they tell is acknowledged."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from fakes import ManualClock
from networks.slack import ApiError, FakeSlack, Room, rate_limited

from cobot import AuthFailed, RateLimited, Unreachable
from cobot_slack import Slack
from slack.bots import Reports, bot_on, passing, receiving


async def test_nothing_is_acknowledged_before_it_is_stored(
    channel: Slack, network: FakeSlack, direct: Room
) -> None:
    """Stored is what was handed over when the next is asked for."""
    async with receiving(channel) as received:
        await received.ready()
        direct.text("one")
        await received.message()
        direct.text("two")
        await asyncio.sleep(0.01)
        before = [one.state for one in network.deliveries]
        await received.message()
        await network.wait_for(lambda: network.deliveries[0].state == "acked")

    assert before == ["pending", "pending"]


async def test_what_is_told_again_is_acknowledged_and_not_read_again(
    channel: Slack, network: FakeSlack, direct: Room
) -> None:
    """Our acknowledgement came too late, or was lost."""
    async with receiving(channel) as received:
        await received.ready()
        direct.text("one")
        await received.message()
        direct.text("two")
        await received.message()
        network.repeat(network.deliveries[0])
        again = await received.next()
        direct.text("three")
        await received.message()
        await network.wait_for(lambda: network.pending == 1)

    assert again.items == ()


async def test_a_connection_is_renewed_without_a_gap(
    channel: Slack, network: FakeSlack, direct: Room, clock: ManualClock
) -> None:
    """The next one is there before the old one goes, and each gets its acknowledgements."""
    async with receiving(channel) as received:
        await received.ready()
        direct.text("before")
        await received.message()
        asked = len(network.calls("conversations.history"))
        waiting = asyncio.ensure_future(received.message())
        network.disconnect("refresh_requested")
        await network.wait_for_links(2)
        direct.text("after")
        message = await waiting
        left = network.wait_for(lambda: len(network.links) == 1 and not network.pending)
        await received.until(passing(clock, left))

    assert message.content == "after"
    assert [len(link.acks) for link in network.socket_mode.links] == [1, 1]
    assert len(network.calls("conversations.history")) == asked


async def test_a_successor_that_is_refused_is_tried_again_in_time(
    channel: Slack, network: FakeSlack, direct: Room, clock: ManualClock
) -> None:
    """While the old connection lasts there is no gap."""
    async with receiving(channel) as received:
        await received.ready()
        direct.text("before")
        await received.message()
        asked = len(network.calls("conversations.history"))
        waiting = asyncio.ensure_future(received.message())
        network.fail_next("apps.connections.open", ApiError("internal_error"))
        network.disconnect("refresh_requested")
        await passing(clock, network.wait_for_links(2))
        direct.text("after")
        message = await waiting

    assert message.content == "after"
    assert len(network.calls("conversations.history")) == asked


async def test_a_connection_that_breaks_is_made_anew(
    channel: Slack, network: FakeSlack, direct: Room, clock: ManualClock
) -> None:
    """What was told nobody meanwhile is asked for."""
    async with receiving(channel) as received:
        await received.ready()
        direct.text("one")
        await received.message()
        waiting = asyncio.ensure_future(received.message())
        await network.wait_for(lambda: not network.pending)
        network.links[0].drop()
        await network.wait_for(lambda: not network.links)
        direct.text("two")
        message = await passing(clock, waiting)

    assert message.content == "two"
    assert len(network.socket_mode.links) == 2


async def test_a_silent_connection_is_given_up(
    channel: Slack, network: FakeSlack, direct: Room, clock: ManualClock
) -> None:
    """It looks open and is dead: nothing comes, not even an answer to our pings."""
    async with receiving(channel) as received:
        await received.ready()
        direct.text("one")
        await received.message()
        waiting = asyncio.ensure_future(received.message())
        network.links[0].freeze()
        direct.text("two")
        message = await passing(clock, waiting, 120)

    assert message.content == "two"
    assert len(network.socket_mode.links) == 2


async def test_there_may_be_several_connections(
    network: FakeSlack, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """Each message goes over one of them; if one breaks, nothing is missing."""
    async with (
        bot_on(network, clock, tmp_path, general, connections=2) as channel,
        receiving(channel) as received,
    ):
        await received.ready()
        first, _ = await network.wait_for_links(2)
        for number in range(4):
            general.text(str(number))
            await received.message()
        first.drop()
        await network.wait_for(lambda: len(network.links) == 1)
        general.text("last")
        message = await received.message()

    assert message.content == "last"
    assert [len(link.envelopes) >= 2 for link in network.socket_mode.links[:2]] == [True, True]


async def test_a_limit_on_the_second_connection_ends_not_the_first(
    network: FakeSlack, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """Slack gives an address a minute, and lets a few more pass."""
    trouble = network.fail_next("apps.connections.open", rate_limited(9))
    trouble.chance = iter([False, True]).__next__
    async with (
        bot_on(network, clock, tmp_path, general, connections=2) as channel,
        receiving(channel) as received,
    ):
        await received.ready()
        await network.wait_for(lambda: trouble.hits)
        general.text("meanwhile")
        message = await received.message()
        before = len(network.links)
        await received.until(passing(clock, network.wait_for_links(2)))

    assert (message.content, before) == ("meanwhile", 1)


async def test_another_program_that_takes_a_part_is_told_of(
    channel: Slack, network: FakeSlack, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Else the bot seems to overlook every other message."""
    async with receiving(channel) as received:
        await received.ready()
        async with (
            bot_on(network, clock, Path(), signing_secret=None) as other,
            receiving(other) as also,
        ):
            with caplog.at_level(logging.WARNING):
                await also.ready()

    assert "1 more connections of this app are open" in caplog.text


@pytest.mark.parametrize(
    ("reason", "kind", "said"),
    [
        ("link_disabled", AuthFailed, "Socket Mode is switched off"),
        ("too_many_websockets", None, "ten connections"),
    ],
)
async def test_reasons_for_an_end_are_told(
    network: FakeSlack,
    general: Room,
    clock: ManualClock,
    tmp_path: Path,
    reason: str,
    kind: type[Exception] | None,
    said: str,
) -> None:
    """Only the owner can switch Socket Mode on; other programs may end by themselves."""
    health = Reports()
    async with (
        bot_on(network, clock, tmp_path, general, health=health) as channel,
        receiving(channel) as received,
    ):
        await received.ready()
        network.disconnect(reason)  # type: ignore[arg-type]
        if kind is not None:
            with pytest.raises(kind, match=said):
                await passing(clock, received.next())
        else:
            back = network.wait_for(lambda: len(network.socket_mode.links) == 2)
            await received.until(passing(clock, back))

    assert "connected" in health.signs


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (ApiError("invalid_auth"), AuthFailed),
        (ApiError("internal_error"), Unreachable),
        (rate_limited(7), RateLimited),
    ],
)
async def test_a_refused_beginning_is_told_to_the_session(
    channel: Slack, network: FakeSlack, failure: ApiError, kind: type[Exception]
) -> None:
    """It says what to do, and waits."""
    network.fail_next("apps.connections.open", failure)
    async with receiving(channel) as received:
        with pytest.raises(kind):
            await received.ready()


async def test_a_stop_leaves_no_connection(channel: Slack, network: FakeSlack) -> None:
    """Nor a task that goes on."""
    async with receiving(channel) as received:
        await received.ready()
    await network.wait_for(lambda: not network.links)

    names = {task.get_name() for task in asyncio.all_tasks()}
    assert not any(name.startswith("slack-") for name in names)
