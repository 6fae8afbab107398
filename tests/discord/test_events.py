"""Edits, deletions, reactions, and where all of it happens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fakes import ManualClock
from networks.discord import MESSAGE_CONTENT, FakeDiscord, Hall, Room

from cobot import MessageDeleted, MessageEdited, ReactionChanged
from cobot_discord import Discord
from discord.bots import bot_on, receiving


async def test_edits_are_told_and_what_only_looks_like_them_is_not(
    channel: Discord, general: Room
) -> None:
    """A link that is shown, or a pin, changes a message without an edit."""
    async with receiving(channel) as received:
        await received.ready()
        written = general.text("one")
        await received.message()
        general.resolve_link(written)
        general.pin(written)
        general.edit(written, "two")
        edited = await received.item()

    assert isinstance(edited, MessageEdited)
    assert (edited.message.id, edited.message.content) == (written.id, "two")
    assert edited.message.edited_at == written.edited


async def test_deletions_are_told_one_by_one(channel: Discord, general: Room) -> None:
    """Also those of moderators, who delete many at once."""
    async with receiving(channel) as received:
        await received.ready()
        written = [general.text(f"{number}") for number in range(3)]
        count = 0
        while count < 3:
            count += len((await received.batch()).items)
        general.delete(written[0])
        general.delete(*written[1:])
        items = [*(await received.batch()).items]
        while len(items) < 3:
            items += (await received.batch()).items

    assert all(isinstance(item, MessageDeleted) for item in items)
    assert [item.ref.id for item in items] == [one.id for one in written]  # type: ignore[union-attr]


async def test_reactions_are_told_but_our_own(
    channel: Discord, network: FakeDiscord, lab: Hall, general: Room
) -> None:
    """Put on and taken off, of signs and of the server's own."""
    async with receiving(channel) as received:
        await received.ready()
        written, party = general.text("one"), lab.emoji("party")
        await received.message()
        general.react(written, "👀", by=network.bot)
        general.react(written, "👍")
        general.react(written, party)
        general.unreact(written, "👍")
        items = [*(await received.batch()).items]
        while len(items) < 3:
            items += (await received.batch()).items

    assert all(isinstance(item, ReactionChanged) for item in items)
    assert [(item.emoji, item.added) for item in items] == [  # type: ignore[union-attr]
        ("👍", True),
        (f"party:{party.id}", True),
        ("👍", False),
    ]
    assert {item.sender_id for item in items} == {lab.person.id}  # type: ignore[union-attr]
    assert len({item.id for item in items}) == 3  # type: ignore[union-attr]


async def test_threads_and_posts_are_parts_of_their_channels(
    network: FakeDiscord, lab: Hall, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """Listed with them, whether they are old, new or unknown to us."""
    forum = lab.forum("questions")
    old = general.thread("old")
    old.archive()
    async with (
        bot_on(network, clock, tmp_path, general, forum) as channel,
        receiving(channel) as received,
    ):
        await received.ready()
        new = general.thread("new", general.text("start"))
        post = forum.forum_post("how?", "tell me")
        found: dict[str, Any] = {}
        for room in (old, new):
            room.text(f"in {room.channel.name}")
        while len(found) < 4:
            for item in (await received.batch()).items:
                found[item.content] = item  # type: ignore[union-attr]

    where = {text: (one.channel_id, one.thread_id) for text, one in found.items()}
    assert where == {
        "start": (general.id, None),
        "in old": (general.id, old.id),
        "in new": (general.id, new.id),
        "tell me": (forum.id, post.id),
    }
    assert all(one.listed for one in found.values())


async def test_a_thread_that_nobody_told_of_is_asked_for(
    network: FakeDiscord, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """As after a kill: the session goes on, and what is where is not told again."""
    thread = general.thread("plans")
    async with (
        bot_on(network, clock, tmp_path, general) as channel,
        receiving(channel) as received,
    ):
        await received.ready()
        network.drop_all()
        for number in range(2):
            thread.text(f"{number}")
        async with (
            bot_on(network, clock, tmp_path, general) as other,
            receiving(other, received.cursors) as again,
        ):
            items = [*(await again.batch()).items]
            while len(items) < 2:
                items += (await again.batch()).items

    assert [item.thread_id for item in items] == [thread.id, thread.id]  # type: ignore[union-attr]
    assert [call.args["channel"] for call in network.calls("get_channel")] == [thread.id]


async def test_messages_without_content_are_explained_once(
    network: FakeDiscord,
    general: Room,
    clock: ManualClock,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Discord leaves it out without an error; what mentions the bot has it."""
    async with (
        bot_on(network, clock, tmp_path, general) as channel,
        receiving(channel) as received,
    ):
        await received.ready()
        (only,) = network.gateway.sessions.values()
        only.intents &= ~MESSAGE_CONTENT
        for text in ("one", "two", f"{network.bot.mention} three"):
            general.text(text)
        message = await received.message()

    assert message.content == "three"
    assert caplog.text.count("switch on Message Content Intent") == 1
