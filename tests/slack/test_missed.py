"""What was written while the bot was away."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

import pytest
from fakes import ManualClock
from networks.slack import ApiError, FakeSlack, Room, rate_limited
from networks.web import Response

from cobot import AuthFailed, IncomingMessage
from cobot_slack import Slack
from cobot_slack.asking import Page
from cobot_slack.gaps import CHANNELS_MOST, FLOOR, THREADS_KEPT, threads_cursor, threads_in
from cobot_slack.history import PAGES_MOST
from slack.bots import Receiving, bot_on, passing, receiving

NEVER_ENDS = Response(
    body=json.dumps(
        {"ok": True, "messages": [], "response_metadata": {"next_cursor": "more"}}
    ).encode()
)


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
    assert parent.ts in threads_in(again, general.id)


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


@pytest.mark.parametrize("failure", [rate_limited(9), ApiError("internal_error")])
async def test_a_thread_that_is_not_told_at_once_is_asked_again(
    network: FakeSlack,
    general: Room,
    clock: ManualClock,
    tmp_path: Path,
    failure: ApiError | Response,
) -> None:
    """Its replies are missing nowhere else."""
    async with bot_on(network, clock, tmp_path, general) as channel:
        async with receiving(channel) as received:
            await received.ready()
            parent = general.text("plans")
            await received.message()
            await received.store(network)
        network.timing.retry_s = ()
        general.text("late reply", thread=parent)
        network.fail_next("conversations.replies", failure)
        async with receiving(channel, received.cursors) as received:
            message = await passing(clock, received.message())

    assert message.content == "late reply"


async def test_a_channel_that_fails_holds_up_no_other(
    network: FakeSlack, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """It is asked again, and again, and its messages wait."""
    lab = network.channel("lab", person=general.person)
    async with bot_on(network, clock, tmp_path, general) as channel:
        async with receiving(channel) as received:
            await received.ready()
            for room in (lab, general):
                room.text("seen")
                await received.message()
            await received.store(network)
        network.timing.retry_s = ()
        for room in (lab, general):
            room.text(f"missed in {room.channel.name}")
        trouble = network.fail_next(
            "conversations.history", ApiError("internal_error"), times=None, chat=general
        )
        async with receiving(channel, received.cursors) as received:
            waiting = asyncio.ensure_future(received.message())
            await network.wait_for(lambda: trouble.hits)
            general.text("new")
            first = await passing(clock, waiting)
            trouble.end()
            texts = await passing(clock, _texts(received, "new"))

    assert first.content == "missed in lab"
    assert texts == ["missed in general", "new"]


async def test_what_comes_meanwhile_hides_nothing(
    network: FakeSlack, general: Room, direct: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """Neither from this question, nor from that after the next break."""
    lab = network.channel("lab", person=general.person)
    async with bot_on(network, clock, tmp_path, general) as channel:
        async with receiving(channel) as received:
            await received.ready()
            lab.text("seen")
            await received.message()
            await received.store(network)
        network.timing.retry_s = ()
        direct.text("from nobody that is known")
        clock.advance(120)
        network.fail_next("conversations.list", rate_limited(9))
        async with receiving(channel, received.cursors) as received:
            waiting = asyncio.ensure_future(received.message())
            await network.wait_for(lambda: network.calls("conversations.list"))
            lab.text("new")
            first = await waiting
            waiting = asyncio.ensure_future(received.message())
            network.links[0].drop()
            await network.wait_for(lambda: not network.links)
            second = await passing(clock, waiting)

    assert [one.content for one in (first, second)] == ["new", "from nobody that is known"]


async def test_what_is_left_out_is_told(
    channel: Slack, network: FakeSlack, general: Room, caplog: pytest.LogCaptureFixture
) -> None:
    """Slack has more pages than anybody waits for."""
    async with receiving(channel) as received:
        await received.ready()
        general.text("seen")
        await received.message()
        await received.store(network)
    network.fail_next("conversations.history", NEVER_ENDS, times=None)
    with caplog.at_level(logging.INFO):
        async with receiving(channel, received.cursors) as received:
            await received.next()
            while f"more was written in the channel {general.id}" not in caplog.text:
                await received.next()

    assert len(network.calls("conversations.history")) % PAGES_MOST == 0


async def test_threads_are_remembered_up_to_a_number(
    channel: Slack, network: FakeSlack, general: Room
) -> None:
    """Of each channel the latest; what the journal keeps does not grow with each thread."""
    async with receiving(channel) as received:
        await received.ready()
        parents = [general.text(f"plans {number}") for number in range(THREADS_KEPT + 10)]
        for parent in parents:
            general.text("a reply", thread=parent)
        last = general.text("last")
        await _texts(received, "last")

    assert {*received.cursors} == {FLOOR, general.id, threads_cursor(general.id)}
    kept = threads_in(received.cursors, general.id)
    assert [*kept] == [one.ts for one in parents[10:]]
    assert received.cursors[general.id] == f"{last.ts}/channel"


async def test_an_answer_from_before_another_gap_does_not_count(
    network: FakeSlack, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """What was written in that gap is not in it, and is handed over before what is new."""
    async with bot_on(network, clock, tmp_path, general) as channel:
        async with receiving(channel) as received:
            await received.ready()
            general.text("seen")
            await received.message()
            await received.store(network)
        network.timing.retry_s = ()
        general.text("missed")
        gate = network.hold("conversations.history", chat=general)
        async with receiving(channel, received.cursors) as received:
            await received.next()
            await network.wait_for(lambda: gate.waiting)
            network.links[0].drop()
            await network.wait_for(lambda: not network.links)
            general.text("missed then")
            await passing(clock, network.wait_for_links())
            general.text("new")
            gate.open()
            queue = channel._entries._queue
            while not any(isinstance(one, Page) for one in queue):  # noqa: ASYNC110 -- nobody tells
                await asyncio.sleep(0)
            texts = await _texts(received, "new")

    assert texts == ["missed", "missed then", "new"]


async def test_a_channel_that_is_left_out_is_asked_when_it_speaks(
    channel: Slack, network: FakeSlack
) -> None:
    """Of very many those that spoke last are asked at once; none is answered out of order."""
    rooms = [network.private_chat() for _ in range(CHANNELS_MOST + 2)]
    seen = [room.text("seen") for room in rooms]
    cursors = {room.id: f"{message.ts}/im" for room, message in zip(rooms, seen, strict=True)}
    quiet, talkative = rooms[:2]

    def asked() -> set[str]:
        return {one.params["channel"] for one in network.calls("conversations.history")}

    for room in (quiet, talkative, rooms[-1]):
        room.text(f"missed in {room.id}")
    async with receiving(channel, {FLOOR: seen[-1].ts, **cursors}) as received:
        texts = await _texts(received, f"missed in {rooms[-1].id}")
        await network.wait_for(lambda: len(asked()) == CHANNELS_MOST)
        talkative.text("new")
        texts += await _texts(received, "new")

    assert texts[-2:] == [f"missed in {talkative.id}", "new"]
    assert f"missed in {quiet.id}" not in texts
    assert asked() == {room.id for room in rooms} - {quiet.id}


async def test_a_token_that_is_revoked_hides_nothing(
    channel: Slack, network: FakeSlack, direct: Room
) -> None:
    """What was missed is not taken for told: it is asked for once there is a token again."""
    seen = direct.text("seen")
    cursors = {FLOOR: seen.ts, direct.id: f"{seen.ts}/im"}
    network.fail_next("conversations.history", ApiError("token_revoked"))
    async with receiving(channel, cursors) as received:
        with pytest.raises(AuthFailed):
            await received.batch()

    assert received.cursors.get(FLOOR, seen.ts) == seen.ts
