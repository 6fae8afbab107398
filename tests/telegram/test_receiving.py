"""What arrives, over real sockets: polls, confirmations, and all that goes wrong with them."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from fakes import ManualClock, until
from networks.telegram import FakeTelegram, page
from networks.web import Response

from cobot import (
    ChatMoved,
    IncomingMessage,
    MessageEdited,
    ReactionChanged,
    Unreachable,
)
from cobot_telegram import Telegram
from cobot_telegram.wire import UPDATES
from telegram.bots import Reports, bot_on, receiving


async def test_a_message_arrives(channel: Telegram, network: FakeTelegram) -> None:
    """What a person writes is handed over, with the cursor behind it."""
    network.private_chat().text("hello")
    async with receiving(channel) as receiver:
        batch = await receiver.batch()

    (message,) = batch.items
    assert isinstance(message, IncomingMessage)
    assert (message.content, message.direct) == ("hello", True)
    assert batch.cursors == {"": "900000002"}


async def test_one_answer_is_one_batch(channel: Telegram, network: FakeTelegram) -> None:
    """What came together is handed over together, in order."""
    room = network.private_chat()
    for number in range(5):
        room.text(f"{number}")
    async with receiving(channel) as receiver:
        batch = await receiver.batch()

    texts = [one.content for one in batch.items if isinstance(one, IncomingMessage)]
    assert texts == ["0", "1", "2", "3", "4"]


async def test_nothing_is_confirmed_before_it_is_stored(
    channel: Telegram, network: FakeTelegram
) -> None:
    """The poll that confirms is made when control is back, and not before."""
    room = network.private_chat()
    room.text("one")
    async with receiving(channel) as receiver:
        await receiver.batch()
        room.text("two")
        before, pending = [*network.poll_offsets], network.pending
        await receiver.batch()

    assert (before, pending) == ([None], 2)
    assert network.poll_offsets == [None, 900_000_002]
    assert network.pending == 1


async def test_what_was_not_stored_comes_again(
    channel: Telegram, network: FakeTelegram
) -> None:
    """Whoever begins anew with the old cursors gets it all once more."""
    network.private_chat().text("one")
    async with receiving(channel) as receiver:
        first = await receiver.batch()
    async with receiving(channel) as receiver:
        second = await receiver.batch()

    assert first == second


async def test_the_stored_cursor_confirms(channel: Telegram, network: FakeTelegram) -> None:
    """After a stop the first poll goes on behind what was stored."""
    room = network.private_chat()
    room.text("one")
    async with receiving(channel) as receiver:
        stored = (await receiver.batch()).cursors
    room.text("two")
    async with receiving(channel, stored) as receiver:
        message = await receiver.message()

    assert message.content == "two"


async def test_numbers_that_begin_anew_lose_nothing(
    channel: Telegram, network: FakeTelegram
) -> None:
    """After a quiet week updates have lower numbers than the cursor."""
    room = network.private_chat()
    network.world.updates.jump(1_000)
    room.text("after the holidays")
    async with receiving(channel, {"": "900000002"}) as receiver:
        batch = await receiver.batch()
        room.text("next")
        await receiver.batch()

    assert batch.cursors == {"": "1001"}
    assert network.poll_offsets == [900_000_002, 1001]


async def test_each_poll_names_all_that_is_wanted(
    channel: Telegram, network: FakeTelegram
) -> None:
    """The server remembers the last list, perhaps another program's, without reactions."""
    network.private_chat().text("hi")
    async with receiving(channel) as receiver:
        await receiver.batch()

    (poll,) = network.calls("getUpdates")
    assert poll.params["allowed_updates"] == [*UPDATES]
    assert poll.params["timeout"] == 50


async def test_who_we_are_is_asked_once(channel: Telegram, network: FakeTelegram) -> None:
    """Before the first poll: without our name nobody could mention us."""
    room = network.private_chat()
    for _ in range(2):
        room.text("hi")
        async with receiving(channel) as receiver:
            await receiver.batch()

    assert [call.method for call in network.requests] == ["getMe", "getUpdates", "getUpdates"]


async def test_a_failed_start_loses_nothing(channel: Telegram, network: FakeTelegram) -> None:
    """Where we are not told who we are, nothing is polled, and next time all is there."""
    network.private_chat().text("hi")
    network.fail_next("getMe", page(502))
    async with receiving(channel) as receiver:
        with pytest.raises(Unreachable):
            await receiver.batch()
    async with receiving(channel) as receiver:
        message = await receiver.message()

    assert message.content == "hi"


async def test_life_is_reported(
    network: FakeTelegram, clock: ManualClock, tmp_path: Path
) -> None:
    """A connection once, and each answer without updates as a sign of life."""
    reports = Reports()
    network.fail_next("getUpdates", Response(body=b'{"ok":true,"result":[]}'), times=2)
    network.private_chat().text("hi")
    async with (
        bot_on(network, clock, tmp_path, health=reports) as channel,
        receiving(channel) as receiver,
    ):
        await receiver.batch()

    assert reports.signs == ["connected", "alive", "alive"]


async def test_a_stop_leaves_no_poll_and_no_task(
    channel: Telegram, network: FakeTelegram
) -> None:
    """Cancelled in the middle of a poll, it goes without a trace."""
    before = asyncio.all_tasks()
    async with receiving(channel) as receiver:
        poll = asyncio.create_task(receiver.batch())
        await network.wait_for(lambda: network.is_polled)
        poll.cancel()
        await asyncio.gather(poll, return_exceptions=True)
    await until(lambda: not network.is_polled)

    assert {task for task in asyncio.all_tasks() - before if "telegram" in repr(task)} == set()


# Everything that people do.


async def test_edits_and_reactions_arrive(channel: Telegram, network: FakeTelegram) -> None:
    """As events, in the order in which they happened."""
    room = network.private_chat()
    written = room.text("one")
    async with receiving(channel) as receiver:
        await receiver.batch()  # only now does the network know that we want reactions
        room.edit(written, "two")
        room.react(written, "👍")
        edited, reacted = (await receiver.batch()).items

    assert isinstance(edited, MessageEdited)
    assert edited.message.content == "two"
    assert isinstance(reacted, ReactionChanged)
    assert (reacted.emoji, reacted.added, reacted.ref.id) == ("👍", True, str(written.id))


async def test_an_upgraded_group_moves(
    network: FakeTelegram, clock: ManualClock, tmp_path: Path
) -> None:
    """Both service messages lead to one move, and the chat stays listed."""
    room = network.group()
    new = room.upgrade()
    new.text("hi")
    async with (
        bot_on(network, clock, tmp_path, room.id) as channel,
        receiving(channel) as receiver,
    ):
        batch = await receiver.batch()

    *moves, message = batch.items
    assert isinstance(message, IncomingMessage)
    assert message.listed
    assert {type(move) for move in moves} == {ChatMoved}
    assert len({*map(str, moves)}) == 1
    assert batch.cursors[f"moved/{new.id}"] == str(room.id)


async def test_an_album_is_told_to_be_one(channel: Telegram, network: FakeTelegram) -> None:
    """Its parts are messages that share a group; the caption is on the first."""
    network.private_chat().album([{"caption": "two pictures"}, {}])
    async with receiving(channel) as receiver:
        first, second = (await receiver.batch()).items

    assert isinstance(first, IncomingMessage)
    assert isinstance(second, IncomingMessage)
    assert first.group == second.group is not None
    assert (first.content, second.content) == ("two pictures", "")


async def test_topics_replies_and_mentions(channel: Telegram, network: FakeTelegram) -> None:
    """In a forum: the topic is the thread, and its beginning is replied to by nobody."""
    room = network.supergroup(forum=True)
    topic = room.topic("Plans")
    room.text("in the topic", thread=topic)
    room.text("in general, @LAB_BOT")
    async with receiving(channel) as receiver:
        in_topic, in_general = (await receiver.batch()).items

    assert isinstance(in_topic, IncomingMessage)
    assert isinstance(in_general, IncomingMessage)
    assert (in_topic.thread_id, in_topic.reply_to) == (str(topic.id), None)
    assert not in_topic.mentioned
    assert (in_general.thread_id, in_general.mentioned) == (None, True)


async def test_a_pressed_button_is_answered(channel: Telegram, network: FakeTelegram) -> None:
    """It looks busy no longer once what it says is stored."""
    room = network.private_chat()
    query = room.press(room.text("which?"), "yes")
    async with receiving(channel) as receiver:
        batch = await receiver.batch()
        answered_early = network.calls("answerCallbackQuery")
        room.text("next")
        await receiver.batch()
        await network.wait_for(lambda: network.calls("answerCallbackQuery"))

    assert answered_early == []
    assert [one.id for one in batch.items if isinstance(one, IncomingMessage)][-1] == (
        f"cb:{query}"
    )
    (call,) = network.calls("answerCallbackQuery")
    assert call.params["callback_query_id"] == query


async def test_a_button_pressed_too_long_ago_stops_nothing(
    channel: Telegram, network: FakeTelegram
) -> None:
    """That an answer comes too late is no error."""
    room = network.private_chat()
    room.press(room.text("which?"), "yes")
    network.world.queries.clear()
    async with receiving(channel) as receiver:
        await receiver.batch()
        room.text("next")
        message = await receiver.message()
        await network.wait_for(
            lambda: [call for call in network.calls("answerCallbackQuery") if call.status]
        )

    assert message.content == "next"


async def test_a_stop_does_not_wait_for_buttons(
    channel: Telegram, network: FakeTelegram
) -> None:
    """What only looks better is given up."""
    room = network.private_chat()
    room.press(room.text("which?"), "yes")
    network.hold("answerCallbackQuery", is_before=True)
    async with receiving(channel) as receiver:
        await receiver.batch()
        room.text("next")
        await receiver.batch()

    assert not [task for task in asyncio.all_tasks() if "answer_query" in repr(task)]


async def test_privacy_mode_is_spoken_of(
    clock: ManualClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Where groups are listed and the bot does not get what is written there, once."""
    async with FakeTelegram(username="lab_bot", clock=clock, privacy=True) as network:
        room = network.group()
        network.private_chat().text("hi")
        async with bot_on(network, clock, tmp_path, room.id) as channel:
            for _ in range(2):
                async with receiving(channel) as receiver:
                    await receiver.batch()
        without_groups = caplog.text.count("/setprivacy")
        async with bot_on(network, clock, tmp_path) as channel, receiving(channel) as receiver:
            await receiver.batch()

    assert without_groups == 1
    assert caplog.text.count("/setprivacy") == 1


async def test_the_owner_is_told_where_the_bot_was_added(
    channel: Telegram, network: FakeTelegram, caplog: pytest.LogCaptureFixture
) -> None:
    """With the id that the settings take."""
    caplog.set_level(logging.INFO)
    room = network.supergroup("Lab")
    room.promote_bot()
    async with receiving(channel) as receiver:
        batch = await receiver.next()

    assert batch.items == ()
    assert f"'administrator' in 'Lab' ({room.id})" in caplog.text
