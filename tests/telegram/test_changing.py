"""Edits, deletions and reactions, over real sockets, with all that goes wrong."""

from __future__ import annotations

import asyncio
import re

import pytest
from networks.client import client_of
from networks.telegram import FakeTelegram, Fault, Room, errors, pictures
from networks.telegram.methods.changing import REACTIONS as FAKES_REACTIONS

from cobot import (
    Forbidden,
    MessageNotFound,
    Rejected,
    Unreachable,
    Unsupported,
)
from cobot_telegram import Telegram
from cobot_telegram.params import REACTIONS
from telegram.bots import marked, ref, to

# Edits.


async def test_a_text_is_edited(channel: Telegram, network: FakeTelegram) -> None:
    """With entities, like what is sent."""
    room = network.private_chat()
    sent = await channel.session_send(to(room, "one"))
    await channel.session_edit(ref(room, sent), marked(room, "**two**"))

    (message,) = network.sent
    assert (message.text, message.entities[0]["type"]) == ("two", "bold")


async def test_an_edit_that_changes_nothing_is_done(
    channel: Telegram, network: FakeTelegram
) -> None:
    """Telegram calls it an error."""
    room = network.private_chat()
    sent = await channel.session_send(to(room, "one"))
    await channel.session_edit(ref(room, sent), to(room, "one"))

    assert network.calls("editMessageText")[0].status == 400


async def test_a_caption_is_edited(channel: Telegram, network: FakeTelegram) -> None:
    """What has a caption is remembered from the first refusal on."""
    room = network.private_chat()
    photo = await _photo(network, room)
    for caption in ("one", "two", "two"):
        await channel.session_edit(ref(room, photo), marked(room, f"*{caption}*"))

    assert len(network.calls("editMessageText")) == 1
    assert len(network.calls("editMessageCaption")) == 3
    assert network.sent[0].text == "two"


async def test_what_can_have_no_caption_is_not_edited(
    channel: Telegram, network: FakeTelegram
) -> None:
    """The session sends a new message then; so it does where a caption would be too long."""
    room = network.private_chat()
    photo = await _photo(network, room)
    with pytest.raises(Unsupported):
        await channel.session_edit(ref(room, photo), to(room, "x" * 1025))
    network.fail_next("editMessageCaption", errors.bad_request(_NO_CAPTION))
    with pytest.raises(Unsupported):
        await channel.session_edit(ref(room, photo), to(room, "x"))


_NO_CAPTION = "there is no caption in the message to edit"


async def test_an_edit_of_what_is_gone_says_so(
    channel: Telegram, network: FakeTelegram
) -> None:
    """Neither a text nor a caption: there is no such message."""
    room = network.private_chat()
    with pytest.raises(MessageNotFound):
        await channel.session_edit(ref(room, 77), to(room, "x"))


async def test_a_message_of_somebody_else_is_not_edited(
    channel: Telegram, network: FakeTelegram
) -> None:
    """The session does the next best thing."""
    room = network.private_chat()
    theirs = room.text("hi")
    with pytest.raises(Unsupported):
        await channel.session_edit(ref(room, theirs.id), to(room, "x"))


@pytest.mark.parametrize("failure", [Fault.LOST, errors.server_error()], ids=repr)
async def test_an_edit_may_be_repeated(
    channel: Telegram, network: FakeTelegram, failure: object
) -> None:
    """Twice the same edit is one edit, so an answer that got lost is no riddle."""
    room = network.private_chat()
    sent = await channel.session_send(to(room, "one"))
    network.fail_next("editMessageText", failure)  # type: ignore[arg-type]
    try:
        await channel.session_edit(ref(room, sent), to(room, "two"))
    except Unreachable:
        await channel.session_edit(ref(room, sent), to(room, "two"))

    assert network.sent[0].text == "two"


async def test_many_captions_are_forgotten_in_time(
    channel: Telegram, network: FakeTelegram
) -> None:
    """What is remembered has an end; the oldest goes, and is found out anew."""
    room = network.private_chat()
    photo = await _photo(network, room)
    await channel.session_edit(ref(room, photo), to(room, "one"))
    trouble = network.fail_next(
        ("editMessageText", "editMessageCaption"), errors.bad_request(_NO_TEXT), times=None
    )
    for number in range(1000, 2000):
        with pytest.raises(Rejected):
            await channel.session_edit(ref(room, number), to(room, "x"))
    trouble.end()
    before = len(network.calls("editMessageText"))
    await channel.session_edit(ref(room, photo), to(room, "two"))

    assert len(network.calls("editMessageText")) == before + 1
    assert network.sent[0].text == "two"


_NO_TEXT = "there is no text in the message to edit"


async def _photo(network: FakeTelegram, room: Room) -> int:
    async with client_of(network) as client:
        files = {"photo": ("p.png", pictures.png(10, 10), "image/png")}
        sent = await client.upload("sendPhoto", files, chat_id=str(room.id))
    return int(sent["message_id"])


# Deletions.


async def test_a_message_is_deleted_once(channel: Telegram, network: FakeTelegram) -> None:
    """What is gone already is as good as deleted."""
    room = network.private_chat()
    sent = await channel.session_send(to(room))
    await channel.session_delete(ref(room, sent))
    await channel.session_delete(ref(room, sent))

    assert network.sent[0].is_deleted
    assert [call.status for call in network.calls("deleteMessage")] == [200, 400]


async def test_an_old_message_is_not_deleted(channel: Telegram, network: FakeTelegram) -> None:
    """After two days Telegram lets nothing go; the session edits it instead."""
    room = network.group()
    sent = await channel.session_send(to(room))
    network.sent[0].date -= 49 * 3600
    with pytest.raises(Unsupported, match="can't be deleted"):
        await channel.session_delete(ref(room, sent))


# Reactions.


async def test_a_reaction_is_put_on_and_taken_off(
    channel: Telegram, network: FakeTelegram
) -> None:
    """One at a time: the next takes the place of the one before."""
    room = network.private_chat()
    message = room.text("hi")
    seen = []
    for emoji in ("👍", "❤️", "👎🏽", None):
        await channel.session_react(ref(room, message.id), emoji)
        seen.append([one["emoji"] for one in message.reactions])

    assert seen == [["👍"], ["❤"], ["👎"], []]


async def test_a_reaction_that_bots_do_not_have_is_not_tried(
    channel: Telegram, network: FakeTelegram
) -> None:
    """The session leaves it out, and says so."""
    room = network.private_chat()
    message = room.text("hi")
    with pytest.raises(Unsupported, match="no reaction"):
        await channel.session_react(ref(room, message.id), "✅")

    assert network.calls("setMessageReaction") == []


async def test_a_chat_may_allow_fewer_reactions(
    channel: Telegram, network: FakeTelegram
) -> None:
    """What it does not allow is left out like what there is not."""
    room = network.supergroup()
    room.narrow_reactions("👍")
    message = room.text("hi")
    with pytest.raises(Unsupported, match="REACTION_INVALID"):
        await channel.session_react(ref(room, message.id), "🔥")


async def test_a_custom_emoji_goes_by_its_id(channel: Telegram, network: FakeTelegram) -> None:
    """As a reaction of somebody's is told."""
    room = network.private_chat()
    message = room.text("hi")
    network.fail_next("setMessageReaction", errors.bad_request("REACTION_INVALID"))
    with pytest.raises(Unsupported):
        await channel.session_react(ref(room, message.id), "5368324170671202286")

    assert network.calls("setMessageReaction")[0].params["reaction"] == [
        {"type": "custom_emoji", "custom_emoji_id": "5368324170671202286"}
    ]


async def test_a_reaction_to_what_is_gone_says_so(
    channel: Telegram, network: FakeTelegram
) -> None:
    """There is nothing to react to."""
    room = network.private_chat()
    with pytest.raises(MessageNotFound):
        await channel.session_react(ref(room, 77), "👍")


def test_the_reactions_are_those_of_telegram() -> None:
    """All of them, and without the sign for "in colour"."""
    assert REACTIONS == FAKES_REACTIONS
    assert not any("\ufe0f" in one for one in REACTIONS)


@pytest.mark.parametrize("message_id", ["cb:99", "0", "x"])
async def test_what_is_no_message_is_not_asked_for(
    channel: Telegram, network: FakeTelegram, message_id: str
) -> None:
    """The press of a button cannot be edited, deleted or reacted to."""
    room = network.private_chat()
    one = ref(room, message_id)
    for work in (
        channel.session_edit(one, to(room)),
        channel.session_delete(one),
        channel.session_react(one, "👍"),
    ):
        with pytest.raises(Unsupported):
            await work

    assert network.requests == []


async def test_a_blocked_bot_is_told(channel: Telegram, network: FakeTelegram) -> None:
    """The error is the one for which the session stops what goes to the chat."""
    room = network.private_chat()
    room.block()
    with pytest.raises(Forbidden, match="blocked"):
        await channel.session_send(to(room))


async def test_many_chats_are_written_to_at_once(
    channel: Telegram, network: FakeTelegram
) -> None:
    """A chat that is slow keeps no other waiting."""
    slow, other = network.private_chat(), network.private_chat()
    gate = network.hold("sendMessage", chat=slow)
    waiting = asyncio.create_task(channel.session_send(to(slow)))
    await network.wait_for(lambda: gate.waiting)
    await channel.session_send(to(other))
    assert not waiting.done()
    gate.open()

    assert re.fullmatch(r"\d+", str(await waiting))
