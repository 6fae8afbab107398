"""Edits, deletions, reactions, and buttons."""

from __future__ import annotations

from typing import Any

import pytest

from networks.client import BareClient, Clock, Refused
from networks.telegram import FakeTelegram, Room
from networks.telegram.methods.changing import REACTIONS
from networks.telegram.pictures import png

HOURS_48_S = 48 * 3600


@pytest.fixture
def ann(network: FakeTelegram) -> Room:
    """Somebody's private chat."""
    return network.private_chat()


async def say(bot: BareClient, room: Room, text: str = "hello", **params: Any) -> int:
    """Send a text; return its id."""
    sent = await bot.ask("sendMessage", chat_id=room.id, text=text, **params)
    return int(sent["message_id"])


async def refusal(bot: BareClient, method: str, **params: Any) -> str:
    """Return the words with which a call is refused as a bad request."""
    with pytest.raises(Refused) as refused:
        await bot.ask(method, **params)
    assert refused.value.code == 400
    return refused.value.text.removeprefix("Bad Request: ")


async def test_an_edit_changes_the_message(
    network: FakeTelegram, bot: BareClient, ann: Room, clock: Clock
) -> None:
    """It has the new text, the new entities only, no buttons any more, and a date."""
    keyboard = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]}
    params = {"chat_id": ann.id, "message_id": await say(bot, ann, reply_markup=keyboard)}
    clock.advance(60)

    answer = await bot.ask("editMessageText", **params, text="<b>new</b>", parse_mode="HTML")

    (message,) = network.sent
    assert (message.text, message.entities) == (
        "new",
        [{"type": "bold", "offset": 0, "length": 3}],
    )
    assert answer["edit_date"] == answer["date"] + 60
    assert "reply_markup" not in answer
    assert [event.kind for event in network.events] == ["sent", "edited"]
    assert network.events[-1].detail == "hello"


async def test_an_edit_that_changes_nothing_is_refused(bot: BareClient, ann: Room) -> None:
    """A bot may take it for success."""
    params = {"chat_id": ann.id, "message_id": await say(bot, ann)}

    assert await refusal(bot, "editMessageText", **params, text=" hello ") == (
        "message is not modified: specified new message content and reply markup are exactly "
        "the same as a current content and reply markup of the message"
    )


async def test_only_own_texts_can_be_edited(bot: BareClient, ann: Room) -> None:
    """Not other people's, not what is not there, not what has no text."""
    theirs = ann.text("hello")
    photo = await bot.upload("sendPhoto", {"photo": png()}, chat_id=str(ann.id))
    edit = {"chat_id": ann.id, "text": "new"}

    says = [
        await refusal(bot, "editMessageText", message_id=message_id, **edit)
        for message_id in (theirs.id, 99, photo["message_id"])
    ]

    assert says == [
        "message can't be edited",
        "message to edit not found",
        "there is no text in the message to edit",
    ]


async def test_an_edit_has_the_bounds_of_a_message(bot: BareClient, ann: Room) -> None:
    """Empty and long texts are refused alike."""
    params = {"chat_id": ann.id, "message_id": await say(bot, ann)}

    assert await refusal(bot, "editMessageText", **params, text="") == "message text is empty"
    assert (
        await refusal(bot, "editMessageText", **params, text="x" * 4097)
        == "message is too long"
    )


async def test_a_caption_is_edited_by_itself(bot: BareClient, ann: Room) -> None:
    """The file stays; a text has no caption."""
    photo = await bot.upload("sendPhoto", {"photo": png()}, chat_id=str(ann.id), caption="old")
    edit = {"chat_id": ann.id, "caption": "new"}

    answer = await bot.ask("editMessageCaption", message_id=photo["message_id"], **edit)

    assert (answer["caption"], answer["photo"]) == ("new", photo["photo"])
    assert (
        await refusal(bot, "editMessageCaption", message_id=await say(bot, ann), **edit)
        == "there is no caption in the message to edit"
    )


async def test_media_are_edited_by_themselves(bot: BareClient, ann: Room) -> None:
    """Another file, of another kind, with another caption."""
    photo = await bot.upload("sendPhoto", {"photo": png()}, chat_id=str(ann.id))
    params = {"chat_id": str(ann.id), "message_id": str(photo["message_id"])}
    media = '{"type": "document", "media": "attach://f", "caption": "new"}'

    answer = await bot.upload("editMessageMedia", {"f": b"x"}, **params, media=media)

    assert (answer["caption"], answer["document"]["file_size"]) == ("new", 1)
    assert "photo" not in answer


async def test_buttons_are_edited_by_themselves(bot: BareClient, ann: Room) -> None:
    """The text stays."""
    keyboard = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]}
    params = {"chat_id": ann.id, "message_id": await say(bot, ann)}

    answer = await bot.ask("editMessageReplyMarkup", **params, reply_markup=keyboard)

    assert (answer["text"], answer["reply_markup"]) == ("hello", keyboard)


async def test_a_deleted_message_is_gone(
    network: FakeTelegram, bot: BareClient, ann: Room
) -> None:
    """For edits, reactions, replies and a second deletion."""
    params = {"chat_id": ann.id, "message_id": await say(bot, ann)}
    assert await bot.ask("deleteMessage", **params) is True

    assert network.sent[0].is_deleted
    assert await refusal(bot, "deleteMessage", **params) == "message to delete not found"
    assert await refusal(bot, "editMessageText", **params, text="x") == (
        "message to edit not found"
    )
    assert await refusal(bot, "setMessageReaction", **params) == "message to react not found"


async def test_in_private_chats_either_side_is_deleted(bot: BareClient, ann: Room) -> None:
    """A bot may delete what a person wrote to it."""
    assert await bot.ask("deleteMessage", chat_id=ann.id, message_id=ann.text("x").id)
    assert ann.messages == []


@pytest.mark.parametrize("kind", ["group", "supergroup"])
async def test_in_groups_an_administrator_deletes(
    network: FakeTelegram, bot: BareClient, kind: str
) -> None:
    """A plain member deletes only what it wrote itself."""
    room: Room = getattr(network, kind)()
    theirs = {"chat_id": room.id, "message_id": room.text("x").id}
    refused = await refusal(bot, "deleteMessage", **theirs)
    await bot.ask("deleteMessage", chat_id=room.id, message_id=await say(bot, room))
    room.promote_bot("can_delete_messages")

    assert refused == "message can't be deleted"
    assert await bot.ask("deleteMessage", **theirs)


async def test_in_channels_who_posts_deletes(network: FakeTelegram, bot: BareClient) -> None:
    """Its own posts; others' with the right to delete."""
    news = network.channel()
    news.promote_bot("can_post_messages")
    theirs = news.text("x")

    assert await bot.ask("deleteMessage", chat_id=news.id, message_id=await say(bot, news))
    assert (
        await refusal(bot, "deleteMessage", chat_id=news.id, message_id=theirs.id)
        == "message can't be deleted"
    )


async def test_after_two_days_nothing_is_deleted(
    bot: BareClient, ann: Room, clock: Clock
) -> None:
    """Edits have no such limit."""
    params = {"chat_id": ann.id, "message_id": await say(bot, ann)}
    clock.advance(HOURS_48_S + 1)

    assert (
        await refusal(bot, "deleteMessage", **params) == "message can't be deleted for everyone"
    )
    assert await bot.ask("editMessageText", **params, text="new")


async def test_several_are_deleted_at_once(
    network: FakeTelegram, bot: BareClient, ann: Room
) -> None:
    """What is not there is skipped; at most a hundred."""
    ids = [await say(bot, ann), 99, await say(bot, ann)]

    assert await bot.ask("deleteMessages", chat_id=ann.id, message_ids=ids)

    assert [message.is_deleted for message in network.sent] == [True, True]
    for wrong, says in (
        ([], "message identifiers are not specified"),
        ([*range(1, 102)], "too many message identifiers specified"),
    ):
        assert await refusal(bot, "deleteMessages", chat_id=ann.id, message_ids=wrong) == says


async def test_a_reaction_replaces_the_one_before(
    network: FakeTelegram, bot: BareClient, ann: Room
) -> None:
    """None takes it back."""
    message = ann.text("hello")
    params = {"chat_id": ann.id, "message_id": message.id}
    for emoji in ("👍", "❤"):
        wanted = [{"type": "emoji", "emoji": emoji}]
        assert await bot.ask("setMessageReaction", **params, reaction=wanted)
        assert message.reactions == wanted

    await bot.ask("setMessageReaction", **params)

    assert message.reactions == []
    assert [event.kind for event in network.events] == ["reacted"] * 3


async def test_a_reaction_to_an_album_goes_to_its_first_part(
    bot: BareClient, ann: Room
) -> None:
    """The first that was not deleted."""
    first, second, third = ann.album([{}, {}, {}])
    ann.delete(first)
    wanted = [{"type": "emoji", "emoji": "👍"}]

    await bot.ask("setMessageReaction", chat_id=ann.id, message_id=third.id, reaction=wanted)

    assert (second.reactions, third.reactions) == (wanted, [])


@pytest.mark.parametrize(
    ("emoji", "says"),
    [
        (["✅"], "REACTION_INVALID"),
        (["❤\ufe0f"], "REACTION_INVALID"),
        (["👍", "❤"], "REACTIONS_TOO_MANY"),
    ],
)
async def test_reactions_have_their_rules(
    bot: BareClient, ann: Room, emoji: list[str], says: str
) -> None:
    """One, out of a list, spelled as there."""
    wanted = [{"type": "emoji", "emoji": one} for one in emoji]

    assert (
        await refusal(
            bot,
            "setMessageReaction",
            chat_id=ann.id,
            message_id=ann.text("x").id,
            reaction=wanted,
        )
        == says
    )


async def test_paid_reactions_are_not_for_bots(bot: BareClient, ann: Room) -> None:
    """Nor are kinds that are none."""
    params = {"chat_id": ann.id, "message_id": ann.text("x").id}

    assert (
        await refusal(bot, "setMessageReaction", **params, reaction=[{"type": "paid"}])
        == "can't parse ReactionType: invalid reaction type specified"
    )


async def test_a_chat_may_allow_fewer_reactions(network: FakeTelegram, bot: BareClient) -> None:
    """It tells which when it is asked."""
    lab = network.supergroup()
    lab.narrow_reactions("🔥")
    params = {"chat_id": lab.id, "message_id": lab.text("x").id}
    thumb, fire = ([{"type": "emoji", "emoji": one}] for one in "👍🔥")

    assert await refusal(bot, "setMessageReaction", **params, reaction=thumb) == (
        "REACTION_INVALID"
    )
    assert await bot.ask("setMessageReaction", **params, reaction=fire)
    assert (await bot.ask("getChat", chat_id=lab.id))["available_reactions"] == fire


async def test_a_custom_reaction_has_to_be_there_already(bot: BareClient, ann: Room) -> None:
    """The bot may repeat what a person has put there, and no more."""
    message = ann.text("x")
    custom = [{"type": "custom_emoji", "custom_emoji_id": "5"}]
    params = {"chat_id": ann.id, "message_id": message.id, "reaction": custom}
    refused = await refusal(bot, "setMessageReaction", **params)
    message.given[ann.person.id] = custom

    assert refused == "REACTION_INVALID"
    assert await bot.ask("setMessageReaction", **params)


def test_there_are_seventy_three_reactions() -> None:
    """None of them with the selector U+FE0F."""
    assert len(REACTIONS) == 73
    assert not any("\ufe0f" in emoji for emoji in REACTIONS)


async def test_a_press_is_answered_in_time(
    network: FakeTelegram, bot: BareClient, ann: Room, clock: Clock
) -> None:
    """Once, and within two and a half minutes."""
    message_id = await say(bot, ann)
    message = ann.chat.messages[message_id]
    first, second = ann.press(message, "yes"), ann.press(message, "no")
    updates = await bot.updates()
    await bot.ask("answerCallbackQuery", callback_query_id=first, text="fine")
    clock.advance(150)

    query = updates[0]["callback_query"]
    assert (query["id"], query["data"], query["message"]["message_id"]) == (
        first,
        "yes",
        message_id,
    )
    assert network.events[-1].kind == "answered"
    for query_id in (first, second, "x"):
        assert await refusal(bot, "answerCallbackQuery", callback_query_id=query_id) == (
            "query is too old and response timeout expired or query ID is invalid"
        )


async def test_a_press_below_a_message_that_is_gone_shows_only_its_id(
    bot: BareClient, ann: Room
) -> None:
    """Its date is zero: that is how it is told."""
    message = ann.chat.messages[await say(bot, ann)]
    ann.delete(message)
    ann.press(message, "yes")

    (update,) = await bot.updates()

    shown = update["callback_query"]["message"]
    assert (shown["date"], shown["message_id"], "text" in shown) == (0, message.id, False)
