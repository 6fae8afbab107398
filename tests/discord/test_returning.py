"""What was missed where nothing is stored yet, and sessions that cannot go on."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from fakes import ManualClock
from networks.discord import FakeDiscord, Hall, Room, page

from cobot_discord import Discord
from cobot_discord.gaps import CHATS_MOST
from discord.bots import Reports, bot_on, come_back, passing, receiving
from discord.test_missed import go_away, life, texts, until_read


async def test_what_was_said_in_threads_before_the_bot_came_was_not_said_to_it(
    network: FakeDiscord, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """They may have been newer than all that was in channels."""
    general.text("long ago")
    thread = general.thread("plans")
    clock.advance(3600)
    thread.text("before the bot")
    async with life(network, clock, tmp_path, general) as received:
        await received.ready()
    await go_away(network)
    thread.text("missed")
    async with life(network, clock, tmp_path, general, cursors=received.cursors) as again:
        assert texts(await again.batch()) == ["missed"]


async def test_threads_that_came_and_went_meanwhile_are_asked(
    network: FakeDiscord, lab: Hall, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """Opened, written in and closed while nobody was there; and old ones, woken for a while."""
    forum, quiet = lab.forum(), lab.channel("quiet")
    old = general.thread("old")
    old.text("before the bot")
    old.archive()
    clock.advance(3600)
    async with life(network, clock, tmp_path, general, forum) as received:
        await received.ready()
    await go_away(network)
    clock.advance(3600)
    opened, post = general.thread("new"), forum.forum_post("help", "in a post")
    opened.text("in a new thread")
    old.text("in an old one")
    for room in (opened, post, old):
        room.archive()
    async with life(
        network, clock, tmp_path, general, forum, cursors=received.cursors
    ) as again:
        waiting = asyncio.ensure_future(until_read(again, "now"))
        await network.wait_for_bot()
        general.text("now")
        found = await waiting

    assert sorted(found) == ["in a new thread", "in a post", "in an old one", "now"]
    asked = {call.channel_id for call in network.calls("list_archived_threads")}
    assert asked == {general.id, forum.id}
    assert quiet.id not in asked


async def test_archives_are_read_back_to_when_the_bot_was_there(
    network: FakeDiscord, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """More than a page of threads, and none that was closed before."""
    for number in range(120):
        general.thread(f"before-{number}").archive()
    async with life(network, clock, tmp_path, general) as received:
        await received.ready()
    await go_away(network)
    clock.advance(3600)
    for number in range(120):
        thread = general.thread(f"thread-{number}")
        thread.text(f"{number}")
        clock.advance(1)
        thread.archive()
    async with life(network, clock, tmp_path, general, cursors=received.cursors) as again:
        found: list[str] = []
        while len(found) < 120:
            found += texts(await again.batch())

    assert sorted(found, key=int) == [f"{number}" for number in range(120)]
    assert len(network.calls("list_archived_threads")) == 2


async def test_an_outage_of_one_server_hides_nothing_in_it(
    channel: Discord, network: FakeDiscord, general: Room, lab: Hall, clock: ManualClock
) -> None:
    """Not even where nobody had written before, while other servers went on."""
    other = network.guild("Other").channel("elsewhere")
    async with receiving(channel) as received:
        await received.ready()
        lab.fail()
        general.post("in the outage", is_told=False)
        clock.advance(70)
        other.text("elsewhere")
        assert texts(await received.batch()) == ["elsewhere"]
        lab.recover()

        assert texts(await received.batch()) == ["in the outage"]


async def test_what_was_said_while_the_bot_was_no_member_was_not_said_to_it(
    channel: Discord, network: FakeDiscord, general: Room, lab: Hall, clock: ManualClock
) -> None:
    """Whoever throws it out and lets it in again does not expect an answer to all of that."""
    async with receiving(channel) as received:
        await received.ready()
        general.text("before")
        await received.batch()
        lab.kick_bot()
        general.post("without the bot", is_told=False)
        clock.advance(2)
        lab.invite_bot()
        general.text("after")

        assert texts(await received.batch()) == ["after"]


async def test_a_session_with_a_number_that_never_was_is_given_up_at_once(
    network: FakeDiscord, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """A new one begins, and the session of cobot's does not have to wait and ask again."""
    async with life(network, clock, tmp_path, general) as received:
        await received.ready()
    general.text("missed")
    position = json.loads(received.cursors[""])
    cursors = {"": json.dumps({**position, "seq": position["seq"] + 100})}
    async with life(network, clock, tmp_path, general, cursors=cursors) as again:
        assert texts(await again.batch()) == ["missed"]

    assert len(network.gateway.resumes) == 1
    assert len(network.gateway.identifies) == 2


async def test_a_session_goes_on_whatever_number_says_so(
    channel: Discord, network: FakeDiscord, clock: ManualClock
) -> None:
    """Which number the event has that ends what is told again, nobody promises."""
    async with receiving(channel) as received:
        await received.ready()
        for count in range(2, 6):
            (session,) = network.gateway.sessions.values()
            session.sequence -= count > 2  # RESUMED has the number that it had before
            network.drop_all()
            await come_back(network, clock, count)
        await channel.session_presence("discord", "away", "at lunch")
        await network.wait_for(lambda: network.presence.get("status") == "idle")

    assert len(network.gateway.identifies) == 1


async def test_a_long_wait_for_what_was_missed_is_told(
    network: FakeDiscord, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """Nothing new is handed over meanwhile: the owner has to know why."""
    health = Reports()
    async with life(network, clock, tmp_path, general) as received:
        await received.ready()
    await go_away(network)
    general.text("missed")
    network.fail_next("list_messages", page(429, Retry_After="600"))
    async with (
        bot_on(network, clock, tmp_path, general, health=health) as channel,
        receiving(channel, received.cursors) as again,
    ):
        waiting = asyncio.ensure_future(again.batch())
        await passing(clock, network.wait_for(lambda: network.calls("list_messages")))
        await asyncio.sleep(0.02)
        waiting.cancel()
        await asyncio.wait([waiting])

    assert "asking again in 600.0 s" in health.signs[-1]


async def test_a_forum_that_keeps_its_archive_to_itself_is_named(
    network: FakeDiscord,
    lab: Hall,
    clock: ManualClock,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The owner has to know what is missing there."""
    caplog.set_level("INFO")
    forum, direct = lab.forum(), network.dm()
    async with life(network, clock, tmp_path, forum) as received:
        await received.ready()
        direct.text("one")
        await received.batch()
    await go_away(network)
    forum.deny("READ_MESSAGE_HISTORY")
    direct.text("two")
    async with life(network, clock, tmp_path, forum, cursors=received.cursors) as again:
        assert texts(await again.batch()) == ["two"]
        await again.ready()

    assert f"what was missed in {forum.id} is not told: Missing Permissions" in caplog.text


async def test_too_many_chats_are_asked_when_they_speak(
    network: FakeDiscord, clock: ManualClock, tmp_path: Path
) -> None:
    """Nobody waits for thousands of them, and none is forgotten."""
    direct = network.dm()
    async with life(network, clock, tmp_path) as received:
        await received.ready()
        direct.text("before")
        await received.batch()
    await go_away(network)
    direct.text("missed")
    newer = {f"@{number}": str(1 << 62) for number in range(CHATS_MOST)}
    cursors = {**received.cursors, **newer}
    async with life(network, clock, tmp_path, cursors=cursors) as again:
        await again.ready()
        assert direct.id not in [one.channel_id for one in network.calls("list_messages")]
        direct.text("after")

        assert await until_read(again, "after") == ["missed", "after"]
