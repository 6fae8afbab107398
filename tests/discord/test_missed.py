"""What was written while the bot was away, for however long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fakes import ManualClock
from networks.discord import FakeDiscord, Hall, Room, page
from networks.discord.errors import unauthorized

from cobot import AuthFailed, Batch, IncomingMessage, MessageEdited
from cobot_discord import Discord
from discord.bots import Receiving, bot_on, passing, receiving


def texts(*batches: Batch) -> list[str]:
    """Return what messages in batches say."""
    return [
        item.content
        for batch in batches
        for item in batch.items
        if isinstance(item, IncomingMessage)
    ]


async def until_read(received: Receiving, last: str) -> list[str]:
    """Take batches up to the one that has a text; return all texts."""
    found: list[str] = []
    while not found or found[-1] != last:
        found += texts(await received.batch())
    return found


@asynccontextmanager
async def life(
    network: FakeDiscord,
    clock: ManualClock,
    folder: Path,
    *rooms: Room,
    cursors: dict[str, str] | None = None,
) -> AsyncIterator[Receiving]:
    """Receive in a process of its own, for the length of a block."""
    async with (
        bot_on(network, clock, folder, *rooms) as channel,
        receiving(channel, cursors) as received,
    ):
        yield received


async def go_away(network: FakeDiscord) -> None:
    """Let the session be lost, and its bot with it."""
    network.gateway.forget_sessions()
    await network.wait_for(lambda: not network.gateway.lines)


async def test_nothing_is_asked_for_at_the_very_first(
    channel: Discord, network: FakeDiscord, general: Room
) -> None:
    """What was said before the bot came was not said to it."""
    general.text("long ago")
    async with receiving(channel) as received:
        await received.ready()
        general.text("now")
        message = await received.message()

    assert message.content == "now"
    assert network.calls("list_messages") == []


async def test_a_restart_goes_on_with_the_session(
    network: FakeDiscord, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """A process that is killed says no goodbye: everything since is told, edits as well."""
    async with bot_on(network, clock, tmp_path, general) as channel:
        received = channel.session_receive({})
        cursors: dict[str, str] = {}
        while "" not in cursors:
            cursors.update((await anext(received)).cursors)
        written = general.text("one")
        assert texts(await anext(received)) == ["one"]
        # It is handed over, and never stored.
        network.drop_all()
        general.edit(written, "one, mended")
        async with (
            bot_on(network, clock, tmp_path, general) as other,
            receiving(other, cursors) as again,
        ):
            items = [*(await again.batch()).items]
            while len(items) < 2:
                items += (await again.batch()).items
        await received.aclose()  # type: ignore[attr-defined]

    first, second = items
    assert isinstance(first, IncomingMessage)
    assert isinstance(second, MessageEdited)
    assert (first.content, second.message.content) == ("one", "one, mended")
    assert len(network.gateway.identifies) == 1


async def test_what_was_written_without_a_session_is_asked_for(
    network: FakeDiscord, lab: Hall, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """In channels, threads and direct chats, more than a page of it, in order and once."""
    other, direct = lab.channel("other"), network.dm()
    thread = general.thread("plans")
    async with life(network, clock, tmp_path, general) as received:
        await received.ready()
        for room in (general, direct, thread):
            room.text("before")
        await until_read(received, "before")
        while len(received.cursors) < 4:
            await received.batch()
    await go_away(network)
    for number in range(230):
        general.text(f"{number}")
    other.text("new there")
    direct.text("hello?")
    thread.text("in a thread")
    thread.archive()
    async with life(network, clock, tmp_path, general, cursors=received.cursors) as again:
        batches: list[Batch] = []
        while len(texts(*batches)) < 233:
            batches.append(await again.batch())
        general.text("now")
        last = await again.message()

    items = [item for batch in batches for item in batch.items]
    assert all(isinstance(item, IncomingMessage) for item in items)
    by_chat: dict[tuple[str, str | None], list[str]] = {}
    for item in items:
        assert isinstance(item, IncomingMessage)
        by_chat.setdefault((item.channel_id, item.thread_id), []).append(item.content)
    assert by_chat == {
        (general.id, None): [f"{number}" for number in range(230)],
        (other.id, None): ["new there"],
        (direct.id, None): ["hello?"],
        (general.id, thread.id): ["in a thread"],
    }
    assert [item.direct for item in items if item.content == "hello?"] == [True]  # type: ignore[union-attr]
    assert last.content == "now"


async def test_what_is_new_waits_for_what_was_missed(
    channel: Discord, network: FakeDiscord, general: Room, clock: ManualClock
) -> None:
    """While the API is down nothing overtakes, and nobody is lost."""
    async with receiving(channel) as received:
        await received.ready()
        general.text("one")
        await received.batch()
        waiting = asyncio.ensure_future(until_read(received, "three"))
        await asyncio.sleep(0.02)
        network.fail_next("list_messages", page(502), times=3)
        network.refuse()
        network.gateway.close(4009)
        await network.wait_for(lambda: not network.gateway.lines)
        general.text("two")
        await network.listen()
        await passing(clock, network.wait_for_bot())
        general.text("three")

        assert await passing(clock, waiting) == ["two", "three"]
    assert len(network.calls("list_messages")) == 4


async def test_a_kill_in_the_middle_of_it_loses_nothing(
    network: FakeDiscord, lab: Hall, clock: ManualClock, tmp_path: Path
) -> None:
    """Which chats were asked already is kept with what they said."""
    rooms = [lab.channel(f"room-{number}") for number in range(4)]
    async with life(network, clock, tmp_path, *rooms) as received:
        await received.ready()
    await go_away(network)
    for room in rooms:
        room.text(f"missed in {room.channel.name}")
    found = []
    for _ in rooms:
        # One chat's messages are stored each time, then it is killed.
        async with life(network, clock, tmp_path, *rooms, cursors=received.cursors) as again:
            batch = await again.batch()
            found += texts(batch)
            assert "" not in again.cursors
        received.cursors.update(batch.cursors)
        await go_away(network)

    assert sorted(found) == [f"missed in room-{number}" for number in range(4)]


async def test_a_channel_that_keeps_its_history_to_itself_is_named(
    network: FakeDiscord,
    general: Room,
    clock: ManualClock,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An empty answer is no error at Discord's: the owner has to know."""
    caplog.set_level("INFO")
    async with life(network, clock, tmp_path, general) as received:
        await received.ready()
        general.text("one")
        await received.batch()
    await go_away(network)
    general.text("two")
    general.deny("READ_MESSAGE_HISTORY")
    async with life(network, clock, tmp_path, general, cursors=received.cursors) as again:
        waiting = asyncio.ensure_future(again.batch())
        await network.wait_for_bot()
        general.text("three")
        assert texts(await waiting) == ["three"]

    assert "give the bot Read Message History" in caplog.text


async def test_a_chat_that_is_gone_keeps_back_nothing(
    network: FakeDiscord, general: Room, lab: Hall, clock: ManualClock, tmp_path: Path
) -> None:
    """A person who left, a channel that was hidden: all others are asked."""
    direct, hidden = network.dm(), lab.channel("hidden")
    async with life(network, clock, tmp_path, general) as received:
        await received.ready()
        direct.text("one")
        hidden.text("one")
        while len(received.cursors) < 3:
            await received.batch()
    await go_away(network)
    direct.channel.is_deleted = True
    hidden.text("two")
    hidden.deny("VIEW_CHANNEL")
    general.text("two")
    async with life(network, clock, tmp_path, general, cursors=received.cursors) as again:
        assert texts(await again.batch()) == ["two"]


async def test_who_uses_a_command_meanwhile_is_answered_in_time(
    network: FakeDiscord, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """It does not wait behind hundreds of messages, and is handed over once."""
    async with life(network, clock, tmp_path, general) as received:
        await received.ready()
        general.text("before")
        await received.batch()
    await go_away(network)
    for number in range(250):
        general.text(f"{number}")
    async with life(network, clock, tmp_path, general, cursors=received.cursors) as again:
        first = await again.batch()
        general.use("ask")
        await asyncio.sleep(0.02)
        second = await again.batch()
        third = await again.batch()
        network.gateway.ask_for_beat()
        await network.wait_for(lambda: network.gateway.beats)
        assert network.gateway.beats[-1][1] == 1
        general.text("end")
        rest = await until_read(again, "end")

    assert (len(first.items), len(second.items), len(third.items)) == (100, 101, 50)
    assert "/ask" in texts(second)
    assert "/ask" not in rest


async def test_a_guild_that_comes_back_is_asked(
    channel: Discord, network: FakeDiscord, lab: Hall, general: Room
) -> None:
    """During an outage of Discord's nothing of it is told."""
    async with receiving(channel) as received:
        await received.ready()
        general.text("before")
        await received.batch()
        lab.fail()
        for session in network.gateway.sessions.values():
            session.intents &= ~(1 << 9)
        general.text("in the outage")
        for session in network.gateway.sessions.values():
            session.intents |= 1 << 9
        lab.recover()

        assert texts(await received.batch()) == ["in the outage"]


async def test_a_token_that_is_gone_is_no_empty_history(
    network: FakeDiscord, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """Nothing counts as asked for when nobody was allowed to ask."""
    async with life(network, clock, tmp_path, general) as received:
        await received.ready()
        general.text("one")
        await received.batch()
    await go_away(network)
    general.text("two")
    network.fail_next("list_messages", unauthorized())
    async with life(network, clock, tmp_path, general, cursors=received.cursors) as again:
        with pytest.raises(AuthFailed):
            await again.batch()


async def test_a_session_of_another_bot_is_not_resumed(
    network: FakeDiscord, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """As after a new token in the settings: Discord would take it for a wrong one."""
    async with life(network, clock, tmp_path, general) as received:
        await received.ready()
    position = received.cursors[""].replace(network.bot.id, "77")
    async with life(network, clock, tmp_path, general, cursors={"": position}) as again:
        waiting = asyncio.ensure_future(again.batch())
        await network.wait_for_bot()
        general.text("one")
        assert texts(await waiting) == ["one"]

    assert network.gateway.resumes == []
    assert len(network.gateway.identifies) == 2


async def test_a_guild_that_is_told_of_late_loses_nothing(
    network: FakeDiscord, lab: Hall, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """What is new there comes after what was missed; until then no session is kept."""
    async with life(network, clock, tmp_path, general) as received:
        await received.ready()
        general.text("one")
        await received.batch()
    await go_away(network)
    network.guild("Another").channel("general")
    general.text("two")
    lab.guild.is_available = False
    async with life(network, clock, tmp_path, general, cursors=received.cursors) as again:
        waiting = asyncio.ensure_future(until_read(again, "three"))
        await network.wait_for_bot()
        general.text("three")
        assert await waiting == ["two", "three"]
        before = again.cursors.get("")
        lab.recover()
        general.text("four")
        # What was asked for may come as an event, too: the journal knows it by its id.
        assert set(await until_read(again, "four")) <= {"three", "four"}

    assert before is None
    assert "" in again.cursors


async def test_roles_are_asked_for_where_a_session_goes_on(
    network: FakeDiscord, lab: Hall, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """They are told when it begins, and to mention the bot's is to mention the bot."""
    crew, other = lab.role("crew", is_mentionable=True), lab.role("other", is_mentionable=True)
    async with life(network, clock, tmp_path, general) as received:
        await received.ready()
    for role in (crew, other):
        general.text(f"<@&{role.id}> hello")
    async with life(network, clock, tmp_path, general, cursors=received.cursors) as again:
        found = texts(await again.batch())
        while len(found) < 2:
            found += texts(await again.batch())

    assert found == ["@crew hello", "@other hello"]
    assert len(network.calls("get_guild")) == 1
