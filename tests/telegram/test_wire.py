"""Messages and events out of Telegram's updates."""

from __future__ import annotations

from typing import Any

import pytest

from cobot import IncomingMessage
from telegram.updates import (
    ANN,
    BOT,
    CHANNEL,
    DATE,
    GROUP,
    PRIVATE,
    US,
    WHEN,
    Wire,
    entity,
    message,
    one,
    read,
    update,
)


def test_a_text_becomes_a_message() -> None:
    """Ids are text, the time is aware UTC, and the name is the one people see."""
    read_one = one(PRIVATE, text="hello")

    assert read_one == IncomingMessage(
        "41",
        "telegram",
        "5000000001",
        "5000000001",
        "Ann Lee",
        "hello",
        WHEN,
        direct=True,
        listed=False,
    )
    assert read_one.metadata == {
        "update_id": 900_001,
        "chat_type": "private",
        "username": "ann_lee",
        "language": "en",
    }


def test_a_group_is_no_direct_chat() -> None:
    """Only a private chat is between the person and the bot alone."""
    read_one = one(text="hello")

    assert not read_one.direct
    assert read_one.metadata["chat_title"] == "Lab"


@pytest.mark.parametrize(
    ("who", "name"),
    [
        ({"first_name": "Ann", "last_name": ""}, "Ann"),
        ({"first_name": "", "username": "ann"}, "ann"),
        ({"first_name": ""}, "7"),
    ],
)
def test_who_has_no_name_is_shown_by_what_there_is(who: Wire, name: str) -> None:
    """First and last name, else the username, else the id."""
    assert one(text="hi", **{"from": {"id": 7, "is_bot": False, **who}}).sender_name == name


def test_a_chat_in_the_settings_is_listed() -> None:
    """The channel says itself which chats stand in its settings."""
    found = read(update("message", message(text="hi")), listed=("-1001234567890",))

    assert [item.listed for item in found.items if isinstance(item, IncomingMessage)] == [True]


def test_another_bot_is_told_from_a_person() -> None:
    """What a bot says is marked, so that the session can leave it out."""
    assert one(text="hi", **{"from": {**ANN, "is_bot": True}}).sender_is_bot
    assert not one(text="hi").sender_is_bot


# Who speaks.

ANONYMOUS = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnon"}
AS_CHANNEL = {"id": 136817688, "is_bot": True, "first_name": "Channel"}


@pytest.mark.parametrize(
    ("fields", "sender_id", "name"),
    [
        ({"from": ANONYMOUS, "sender_chat": GROUP}, "-1001234567890", "Lab"),
        ({"from": AS_CHANNEL, "sender_chat": CHANNEL}, "-100777", "News"),
        ({"from": None, "sender_chat": CHANNEL}, "-100777", "News"),
        ({"from": None}, "-1001234567890", "Lab"),
        ({"from": ANONYMOUS}, "-1001234567890", "Lab"),
    ],
)
def test_who_writes_as_a_chat_is_that_chat(fields: Wire, sender_id: str, name: str) -> None:
    """A stand-in account is shared by everybody: allowing it would allow them all."""
    read_one = one(text="hi", **fields)

    assert (read_one.sender_id, read_one.sender_name) == (sender_id, name)
    assert not read_one.sender_is_bot


def test_a_channel_post_has_no_person() -> None:
    """A post without `from` is read, with the channel as its sender."""
    post = message(CHANNEL, text="post", sender_chat=CHANNEL, **{"from": None})
    (item,) = read(update("channel_post", post)).items

    assert isinstance(item, IncomingMessage)
    assert (item.channel_id, item.sender_id) == ("-100777", "-100777")


# What is left out.


@pytest.mark.parametrize(
    "fields",
    [
        {"new_chat_members": [ANN]},
        {"left_chat_member": ANN},
        {"new_chat_title": "Lab 2"},
        {"pinned_message": {"message_id": 1, "date": 0, "chat": GROUP, "text": "old"}},
        {"forum_topic_created": {"name": "Plans"}},
        {"a_kind_of_next_year": {}},
        {"text": "a post", "is_automatic_forward": True, "sender_chat": CHANNEL},
        {"text": "for one person only", "message_id": 0},
        {"text": "of an account", "business_connection_id": "b"},
        {"text": "our own", "from": US},
        {
            "text": "/ask@other_bot x",
            "entities": [entity("bot_command", "/ask@other_bot", "/ask@other_bot")],
        },
    ],
    ids=lambda fields: next(iter(fields)) if "text" not in fields else fields["text"],
)
def test_what_nobody_said_to_us_is_left_out(fields: Wire) -> None:
    """Service messages, copies of posts, what has no handle, and commands for others."""
    found = read(update("message", message(**fields)))

    assert found.items == []
    assert found.cursors == {"": "900002"}
    assert found.unread == []


@pytest.mark.parametrize(
    "kind", ["business_message", "guest_message", "poll", "chat_member", "kind_of_next_year"]
)
def test_other_kinds_of_updates_are_passed_over(kind: str) -> None:
    """What is not ours, or not known, moves the cursor and nothing else."""
    found = read(update(kind, message(text="hi")))

    assert (found.items, found.unread, found.cursors) == ([], [], {"": "900002"})


@pytest.mark.parametrize(
    "broken",
    [
        {"message": {"message_id": 1, "text": "TOP SECRET"}},
        {"message": {"message_id": 1, "text": "TOP SECRET", "chat": 5, "date": DATE}},
        {"message": message(text="TOP SECRET", date=1e300)},
        {"message": message(text=["TOP SECRET"])},
        {"message": message(text="TOP SECRET", entities=[{"type": "mention"}])},
        {"message": "TOP SECRET"},
        {"message_reaction": {"chat": GROUP, "message_id": 3, "secret": "TOP SECRET"}},
        {"callback_query": ["TOP SECRET"]},
        {"my_chat_member": {"chat": "TOP SECRET"}},
    ],
)
def test_what_cannot_be_read_keeps_nothing_back(broken: Wire) -> None:
    """One update of an unknown shape is named without what it says, and the rest arrives."""
    found = read(
        update("message", message(text="before"), 1),
        {"update_id": 2, **broken},
        update("message", message(text="after", message_id=42), 3),
    )

    assert [item.content for item in found.items if isinstance(item, IncomingMessage)] == [
        "before",
        "after",
    ]
    assert found.cursors[""] == "4"
    assert len(found.unread) == 1
    assert "2" in found.unread[0]
    assert "SECRET" not in found.unread[0]


@pytest.mark.parametrize("odd", [None, 7, "x", {}, {"update_id": "5"}])
def test_what_is_no_update_is_passed_over(odd: Any) -> None:
    """What has no number is left out and moves no cursor."""
    found = read(odd)

    assert (found.items, found.cursors, len(found.unread)) == ([], {}, 1)


def test_the_cursor_follows_numbers_that_jump_down() -> None:
    """After a quiet week numbers begin anew, lower: the last counts, not the highest."""
    found = read(update("message", message(text="new"), 17))

    assert found.cursors == {"": "18"}


# Topics, replies, mentions.


def test_a_topic_is_the_thread() -> None:
    """What is written in a topic has its id as the thread."""
    read_one = one(text="hi", message_thread_id=7, is_topic_message=True)

    assert read_one.thread_id == "7"


def test_a_thread_of_replies_is_no_topic() -> None:
    """Without topics a thread id stands for replies, which stay at the address of the chat."""
    root = message(message_id=7, text="question", **{"from": US})
    read_one = one(text="hi", message_thread_id=7, reply_to_message=root)

    assert (read_one.thread_id, read_one.reply_to, read_one.mentioned) == (None, "7", True)


def test_a_message_in_a_topic_does_not_reply_to_its_beginning() -> None:
    """Telegram lets all of a topic reply to its root; that is no reply, and no mention."""
    root = message(message_id=7, forum_topic_created={"name": "x"}, **{"from": US})
    read_one = one(text="hi", message_thread_id=7, is_topic_message=True, reply_to_message=root)

    assert read_one.reply_to is None
    assert not read_one.mentioned


def test_a_reply_within_a_topic_is_one() -> None:
    """A reply to another message of the topic is a reply."""
    before = message(message_id=39, text="an answer", **{"from": US})
    read_one = one(
        text="hi", message_thread_id=7, is_topic_message=True, reply_to_message=before
    )

    assert (read_one.reply_to, read_one.mentioned) == ("39", True)


def test_a_reply_to_a_message_without_a_handle_is_none() -> None:
    """Nothing can be done with the id 0, so it is not handed over."""
    before = message(message_id=0, text="ephemeral", **{"from": US})

    assert one(text="hi", reply_to_message=before).reply_to is None


def _mention(text: str, part: str, kind: str = "mention", **fields: Any) -> bool:
    return one(text=text, entities=[entity(kind, text, part, **fields)]).mentioned


@pytest.mark.parametrize(
    ("text", "part", "kind", "is_mentioned"),
    [
        ("@lab_bot hi", "@lab_bot", "mention", True),
        ("hi @LAB_Bot", "@LAB_Bot", "mention", True),
        ("\U0001f600\U0001f600 é @lab_bot", "@lab_bot", "mention", True),
        ("@lab_bot2 hi", "@lab_bot2", "mention", False),
        ("@other hi", "@other", "mention", False),
        ("/ask@lab_bot hi", "/ask@lab_bot", "bot_command", True),
        ("\U0001f600 /ask@Lab_Bot", "/ask@Lab_Bot", "bot_command", True),
        ("/ask hi", "/ask", "bot_command", False),
        ("see @lab_bot", "see", "bold", False),
    ],
)
def test_the_bot_is_mentioned_by_its_name(
    text: str, part: str, kind: str, is_mentioned: bool
) -> None:
    """By its whole username in any case, where Telegram says that there is one."""
    assert _mention(text, part, kind) is is_mentioned


def test_the_bot_is_mentioned_without_a_username() -> None:
    """A mention by id counts, and one of somebody else does not."""
    assert _mention("dear bot", "bot", "text_mention", user={"id": BOT.id})
    assert not _mention("dear Ann", "Ann", "text_mention", user={"id": ANN["id"]})


def test_a_caption_can_mention_the_bot() -> None:
    """Entities of captions count like those of texts."""
    caption = "what is this, @lab_bot?"
    read_one = one(
        photo=[{"file_id": "A"}],
        caption=caption,
        caption_entities=[entity("mention", caption, "@lab_bot")],
    )

    assert read_one.mentioned
    assert read_one.metadata["entities"][0]["type"] == "mention"


def test_a_reply_to_somebody_else_is_no_mention() -> None:
    """Only what replies to us names us."""
    before = message(message_id=39, text="hi")

    assert not one(text="hi", reply_to_message=before).mentioned


def test_a_command_for_another_bot_is_heard_in_a_private_chat() -> None:
    """Between two there is nobody else whom it could be for."""
    text = "/start@other_bot"

    assert one(PRIVATE, text=text, entities=[entity("bot_command", text, text)]).content == text


def test_a_command_for_another_bot_may_be_formatted() -> None:
    """The command need not be the first of what begins there."""
    text = "/ask@other_bot x"
    entities = [entity("bold", text, text), entity("bot_command", text, "/ask@other_bot")]

    assert read(update("message", message(text=text, entities=entities))).items == []


def test_a_command_further_on_is_not_what_a_message_is_for() -> None:
    """Only the beginning of a message says for whom it is."""
    text = "@lab_bot, what does /ask@other_bot do?"
    entities = [
        entity("mention", text, "@lab_bot"),
        entity("bot_command", text, "/ask@other_bot"),
    ]

    assert one(text=text, entities=entities).mentioned


def test_quotes_and_forwards_are_told() -> None:
    """What was quoted and where a message comes from is in the metadata."""
    quote = {"text": "this", "position": 0}
    origin = {"type": "hidden_user", "sender_user_name": "Bob", "date": DATE}
    read_one = one(text="hi", quote=quote, forward_origin=origin)

    assert read_one.metadata["quote"] == quote
    assert read_one.metadata["forward"] == origin
