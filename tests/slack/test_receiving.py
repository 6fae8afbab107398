"""What people do on the network, as the channel hands it over."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes import ManualClock
from networks.slack import ApiError, FakeSlack, Room

from cobot import AuthFailed, IncomingMessage, MessageDeleted, MessageEdited, ReactionChanged
from cobot_slack import Slack
from cobot_slack.gaps import threads_in
from slack.bots import bot_on, receiving, to


async def test_a_direct_message_is_told_whole(
    channel: Slack, network: FakeSlack, direct: Room
) -> None:
    """Who, where, when, and by which name."""
    async with receiving(channel) as received:
        await received.ready()
        written = direct.text("1 < 2 & see https://x.io/?a=1&b=2 👍")
        message = await received.message()

    assert message == IncomingMessage(
        written.ts,
        "slack",
        direct.id,
        direct.person.id,
        "Ann",
        "1 < 2 & see https://x.io/?a=1&b=2 👍",
        datetime.fromtimestamp(float(written.ts), UTC),
        direct=True,
        listed=False,
    )
    assert message.metadata["channel_kind"] == "im"
    assert received.cursors[direct.id] == f"{written.ts}/im"


async def test_a_mention_arrives_once(
    channel: Slack, network: FakeSlack, general: Room
) -> None:
    """Slack tells it twice, as a message and as a mention: both are one message."""
    async with receiving(channel) as received:
        await received.ready()
        general.text("@lab_bot what time is it?")
        general.text("and you, @Ann, in #general?")
        items: list[object] = []
        while not items or getattr(items[-1], "content", "") != "and you, @Ann, in #general?":
            items += (await received.batch()).items

    messages = [one for one in items if isinstance(one, IncomingMessage)]
    assert {one.content for one in messages[:-1]} == {"what time is it?"}
    assert len({(one.address, one.id) for one in messages}) == 2
    assert [one.mentioned for one in (messages[0], messages[-1])] == [True, False]
    assert messages[0].listed is True
    assert f"<@{network.bot.id}>" in str(messages[0].metadata["raw_content"])


async def test_replies_belong_to_their_thread(
    channel: Slack, network: FakeSlack, general: Room
) -> None:
    """Also those that the whole channel sees; below a message of ours they are for us."""
    sent = await channel.session_send(to(general))
    assert not isinstance(sent, bool)
    async with receiving(channel) as received:
        await received.ready()
        parent = general.text("plans")
        first = await received.message()
        general.text("a reply", thread=parent)
        reply = await received.message()
        general.text("for all", thread=parent, is_broadcast=True)
        broadcast = await received.message()
        general.text("to you", thread=sent.refs[0].id)
        ours = await received.message()

    assert (first.thread_id, reply.thread_id, broadcast.thread_id) == (
        None,
        parent.ts,
        parent.ts,
    )
    assert (reply.mentioned, ours.mentioned) == (False, True)
    assert threads_in(received.cursors, general.id)[parent.ts] == broadcast.id
    assert received.cursors[general.id] == f"{broadcast.id}/channel"


async def test_edits_are_told_and_unfurled_links_are_not(
    channel: Slack, network: FakeSlack, general: Room
) -> None:
    """Both are changes of the message, as Slack sees it."""
    async with receiving(channel) as received:
        await received.ready()
        message = general.text("see https://x.io")
        await received.message()
        general.unfurl(message)
        general.edit(message, "see you")
        edited = await received.item()

    assert isinstance(edited, MessageEdited)
    assert (edited.message.id, edited.message.content) == (message.ts, "see you")
    assert edited.message.edited_at is not None


async def test_deletions_are_told_with_their_author(
    channel: Slack, network: FakeSlack, general: Room
) -> None:
    """A message that has replies stays as an empty place, and is deleted all the same."""
    async with receiving(channel) as received:
        await received.ready()
        parent = general.text("plans")
        await received.message()
        reply = general.text("a reply", thread=parent)
        await received.message()
        general.delete(parent)
        first = await received.item()
        general.delete(reply)
        second = await received.item()

    assert isinstance(first, MessageDeleted)
    assert isinstance(second, MessageDeleted)
    assert (first.ref.id, first.sender_id) == (parent.ts, general.person.id)
    assert (second.ref.id, second.ref.thread_id) == (reply.ts, parent.ts)


async def test_reactions_are_told_as_emoji(
    channel: Slack, network: FakeSlack, general: Room
) -> None:
    """With the thread of their message, which Slack leaves out."""
    async with receiving(channel) as received:
        await received.ready()
        parent = general.text("plans")
        await received.message()
        reply = general.text("a reply", thread=parent)
        await received.message()
        general.react(reply, "👍")
        added = await received.item()
        general.unreact(reply, "👍")
        removed = await received.item()

    assert isinstance(added, ReactionChanged)
    assert isinstance(removed, ReactionChanged)
    assert (added.emoji, added.added, removed.added) == ("👍", True, False)
    assert (added.ref.id, added.ref.thread_id) == (reply.ts, parent.ts)
    assert added.id != removed.id


async def test_bots_are_told_apart_from_people_and_from_us(
    channel: Slack, network: FakeSlack, general: Room
) -> None:
    """Old integrations are no users; our own messages come back and are left out."""
    other = network.user("Builder", is_bot=True)
    async with receiving(channel) as received:
        await received.ready()
        await channel.session_send(to(general))
        general.text("done", by=other)
        bot = await received.message()
        general.webhook("built")
        hook = await received.message()
        general.notice("channel_topic", "set the topic")
        general.me("waves")
        person = await received.message()

    assert [one.sender_is_bot for one in (bot, hook, person)] == [True, True, False]
    assert (hook.sender_id, hook.sender_name) == ("B0WEBHOOK1", "Build")
    assert person.content == "waves"


async def test_files_come_with_or_without_a_text(
    channel: Slack, network: FakeSlack, direct: Room
) -> None:
    """Of those that were deleted there is nothing; links to elsewhere are addresses."""
    async with receiving(channel) as received:
        await received.ready()
        direct.file(b"abc", "a.txt")
        first = await received.message()
        direct.files(
            [
                {"name": "doc", "mode": "external", "external_url": "https://docs.test/1"},
                {"name": "gone.txt", "mode": "tombstone"},
            ],
            text="see",
        )
        second = await received.message()

    assert first.content == ""
    assert [(one.name, one.size_bytes) for one in first.media] == [("a.txt", 3)]
    assert [(one.name, one.url) for one in second.media] == [("doc", "https://docs.test/1")]


async def test_names_are_asked_for_once(
    channel: Slack, network: FakeSlack, general: Room
) -> None:
    """Without an answer the id stands in for the name."""
    bob = network.user("Bob")
    network.fail_next("users.info", ApiError("user_not_found"))
    async with receiving(channel) as received:
        await received.ready()
        general.text("one")
        first = await received.message()
        general.text("two", by=bob)
        second = await received.message()
        general.text("three", by=bob)
        third = await received.message()

    assert [one.sender_name for one in (first, second, third)] == [
        general.person.id,
        "Bob",
        "Bob",
    ]
    assert len(network.calls("users.info")) == 2


async def test_what_cannot_be_read_keeps_nothing_back(
    channel: Slack, network: FakeSlack, general: Room
) -> None:
    """It is acknowledged, said in the log, and the next one comes."""
    async with receiving(channel) as received:
        await received.ready()
        network.push({"type": "message", "channel": general.id, "ts": "never", "text": "x"})
        network.push({"type": "reaction_added", "user": "U1", "item": 7})
        general.text("after it")
        message = await received.message()
        general.text("last")
        await received.message()
        await network.wait_for(lambda: network.pending == 1)

    assert message.content == "after it"


async def test_a_message_that_slack_doubles_is_one(
    channel: Slack, network: FakeSlack, general: Room
) -> None:
    """Sent once by its author, and told with two timestamps."""
    async with receiving(channel) as received:
        await received.ready()
        general.text("once", client_msg_id="a-gesture")
        general.text("once", client_msg_id="a-gesture")
        general.text("other")
        contents: list[str] = []
        while "other" not in contents:
            contents += [one.content for one in (await received.batch()).items]  # type: ignore[union-attr]

    assert contents == ["once", "other"]


async def test_an_app_that_is_taken_out_stops(
    network: FakeSlack, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """After what came before is stored."""
    async with (
        bot_on(network, clock, tmp_path, general) as channel,
        receiving(channel) as received,
    ):
        await received.ready()
        network.push({"type": "app_uninstalled"})
        await received.next()
        with pytest.raises(AuthFailed, match="taken out of the workspace"):
            await received.next()


async def test_names_that_do_not_come_hold_up_nothing(
    channel: Slack, network: FakeSlack, general: Room
) -> None:
    """All has to be acknowledged within three seconds, and people go by their ids meanwhile."""
    people = [network.user(f"P{number}") for number in range(3)]
    network.hold("users.info")
    async with receiving(channel) as received:
        await received.ready()
        async with asyncio.timeout(2):
            for person in people:
                general.text("hello", by=person)
                assert (await received.message()).sender_name == person.id


async def test_names_are_asked_for_together(channel: Slack, network: FakeSlack) -> None:
    """One after the other, those of many new people would take too long."""
    people = [network.user(f"P{number}") for number in range(8)]
    gate = network.hold("users.info")
    learning = asyncio.ensure_future(channel._directory.learn(one.id for one in people))
    await network.wait_for(lambda: len(gate.waiting) == len(people))
    gate.open()
    await learning

    names = [channel._directory.name("@", one.id) for one in people]
    assert names == [f"P{number}" for number in range(8)]


async def test_an_envelope_without_a_payload_ends_nothing(
    channel: Slack, network: FakeSlack, direct: Room
) -> None:
    """It is acknowledged, or it would come again."""
    async with receiving(channel) as received:
        await received.ready()
        strange = network.outbox.add("events_api", None)  # type: ignore[arg-type]
        direct.text("after it")
        message = await received.message()
        direct.text("last")
        await received.message()

    assert message.content == "after it"
    assert strange.state == "acked"
