"""Edits, reactions, moves, buttons out of Telegram's updates, and updates of any shape."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cobot import ChatMoved, IncomingMessage, MessageEdited, ReactionChanged
from cobot_telegram.wire import UPDATES, Reader
from telegram.updates import (
    ANN,
    BOT,
    CHANNEL,
    DATE,
    GROUP,
    NOW,
    PRIVATE,
    US,
    WHEN,
    Wire,
    entity,
    message,
    read,
    update,
)

# Changes.


def _edited(number: int, **fields: Any) -> MessageEdited:
    (item,) = read(update("edited_message", message(**fields), number)).items
    assert isinstance(item, MessageEdited)
    return item


def test_an_edit_has_the_new_form_and_its_time() -> None:
    """An edit is an event with the id of the message that it changes."""
    edited = _edited(900_000_007, text="new", edit_date=DATE + 60)

    assert (edited.message.id, edited.message.content) == ("41", "new")
    assert edited.message.timestamp == WHEN
    assert edited.message.edited_at == WHEN + timedelta(seconds=60, microseconds=7)


def test_two_edits_in_one_second_are_two() -> None:
    """Telegram tells whole seconds; the second edit is not taken for the first come again."""
    first = _edited(900_000_001, text="one", edit_date=DATE).message.edited_at
    second = _edited(900_000_002, text="two", edit_date=DATE).message.edited_at
    again = _edited(900_000_002, text="two", edit_date=DATE).message.edited_at

    assert first is not None
    assert second is not None
    assert first < second == again


def test_an_edited_post_is_an_edit() -> None:
    """Channels edit, too."""
    post = message(CHANNEL, text="new", edit_date=DATE + 1, **{"from": None})
    (item,) = read(update("edited_channel_post", post)).items

    assert isinstance(item, MessageEdited)


def _reactions(
    old: list[Wire], new: list[Wire], number: int = 1, **fields: Any
) -> list[ReactionChanged]:
    change = {
        "chat": GROUP,
        "message_id": 41,
        "date": DATE,
        "old_reaction": old,
        "new_reaction": new,
        "user": ANN,
        **fields,
    }
    items = read(update("message_reaction", change, number)).items
    return [item for item in items if isinstance(item, ReactionChanged)]


def _emoji(emoji: str) -> Wire:
    return {"type": "emoji", "emoji": emoji}


def test_reactions_are_told_by_what_changed() -> None:
    """Telegram tells all that there are before and after; we tell the difference."""
    changed = _reactions([_emoji("👍"), _emoji("🔥")], [_emoji("🔥"), _emoji("❤")])

    assert [(one.emoji, one.added) for one in changed] == [("👍", False), ("❤", True)]
    assert {one.sender_id for one in changed} == {"5000000001"}
    assert len({one.id for one in changed}) == 2


def test_a_reaction_that_is_put_on_again_is_another() -> None:
    """Within one second, too; and the same update come again is the same reaction."""
    first, second, again = (_reactions([], [_emoji("👍")], number) for number in (1, 3, 3))

    assert first[0].id != second[0].id == again[0].id


def test_reactions_that_are_no_emoji_have_a_name() -> None:
    """A custom emoji goes by its id, and a paid one by its kind."""
    custom = {"type": "custom_emoji", "custom_emoji_id": "5368324170671202286"}
    changed = _reactions([], [custom, {"type": "paid"}])

    assert [one.emoji for one in changed] == ["5368324170671202286", "paid"]


def test_a_reaction_in_the_name_of_a_chat_is_the_chats() -> None:
    """Anonymous administrators react as the chat."""
    (changed,) = _reactions([], [_emoji("👍")], user=None, actor_chat=GROUP)

    assert changed.sender_id == "-1001234567890"


def test_a_reaction_to_what_has_no_handle_is_passed_over() -> None:
    """The id 0 is that of many messages."""
    assert _reactions([], [_emoji("👍")], message_id=0) == []


def test_both_messages_about_a_new_id_say_the_same() -> None:
    """A group that becomes a supergroup says so in the old chat and in the new."""
    old = {"id": -42, "type": "group", "title": "Lab"}
    found = read(
        update("message", message(old, migrate_to_chat_id=GROUP["id"]), 1),
        update("message", message(GROUP, migrate_from_chat_id=-42), 2),
    )
    first, second = found.items

    assert isinstance(first, ChatMoved)
    assert first == second
    assert (first.old.channel_id, first.new.channel_id) == ("-42", "-1001234567890")


def test_a_listed_group_stays_listed_under_its_new_id() -> None:
    """Also after a restart: a cursor keeps which group a supergroup was."""
    moved = update("message", message(GROUP, migrate_from_chat_id=-42), 1)
    found = read(moved, update("message", message(text="hi"), 2), listed=("-42",))
    again = read(
        update("message", message(text="hi"), 3), listed=("-42",), cursors=found.cursors
    )
    unlisted = read(update("message", message(text="hi"), 3), cursors=found.cursors)

    assert getattr(found.items[-1], "listed", None) is True
    assert found.notes == [
        "the group -42 has become a supergroup: in groups, write its new id -1001234567890"
    ]
    assert getattr(again.items[0], "listed", None) is True
    assert getattr(unlisted.items[0], "listed", None) is False


# Buttons.


def _press(**fields: Any) -> Wire:
    shown = message(text="which?", message_thread_id=7, is_topic_message=True, **{"from": US})
    query = {"id": "99", "from": ANN, "message": shown, "chat_instance": "-3", "data": "yes:7"}
    wire = {**query, **fields}
    return update(
        "callback_query", {name: one for name, one in wire.items() if one is not None}
    )


def test_the_press_of_a_button_is_a_message() -> None:
    """Its data is what the person says; it replies to the message with the button."""
    found = read(_press())
    (item,) = found.items

    assert isinstance(item, IncomingMessage)
    assert (item.id, item.content, item.reply_to) == ("cb:99", "yes:7", "41")
    assert (item.sender_id, item.thread_id, item.timestamp) == ("5000000001", "7", NOW)
    assert item.mentioned
    assert found.queries == ["99"]


def test_a_button_below_an_old_message_still_works() -> None:
    """Of an old message only chat and id are told."""
    found = read(_press(message={"chat": PRIVATE, "message_id": 41, "date": 0}))
    (item,) = found.items

    assert isinstance(item, IncomingMessage)
    assert (item.direct, item.timestamp) == (True, NOW)


@pytest.mark.parametrize(
    "fields", [{"message": None, "inline_message_id": "x"}, {"data": None}]
)
def test_a_button_that_says_nothing_is_answered_all_the_same(fields: Wire) -> None:
    """Or it looks busy for ever."""
    found = read(_press(**fields))

    assert (found.items, found.queries) == ([], ["99"])


# Where the bot is.


def _member(chat: Wire, old: str, new: str) -> list[str]:
    change = {
        "chat": chat,
        "from": ANN,
        "date": DATE,
        "old_chat_member": {"status": old, "user": US},
        "new_chat_member": {"status": new, "user": US},
    }
    return read(update("my_chat_member", change)).notes


def test_the_owner_is_told_where_the_bot_is() -> None:
    """With the chat's id, which is what the settings take."""
    assert _member(GROUP, "left", "member") == [
        "the bot is now 'member' in 'Lab' (-1001234567890); it was 'left'"
    ]
    assert _member(PRIVATE, "member", "kicked") == ["somebody (5000000001) has blocked the bot"]
    assert _member(PRIVATE, "kicked", "member") == [
        "somebody (5000000001) has unblocked the bot"
    ]
    assert _member(GROUP, "member", "member") == []


def test_every_kind_that_is_asked_for_is_read() -> None:
    """Nothing is asked for in vain, and reactions are asked for, which come to nobody else."""
    assert "message_reaction" in UPDATES
    assert len(set(UPDATES)) == 7


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
SAMPLES: list[Wire] = [
    message(text="hi @lab_bot", entities=[entity("mention", "hi @lab_bot", "@lab_bot")]),
    message(photo=[{"file_id": "A", "file_unique_id": "a", "file_size": 1}], caption="x"),
    message(rich_message={"blocks": [{"type": "list", "items": [{"blocks": []}]}]}),
    message(text="hi", message_thread_id=7, is_topic_message=True, reply_to_message=message()),
    message(poll={"question": "?", "options": [{"text": "a"}]}),
    {
        "chat": GROUP,
        "message_id": 1,
        "user": ANN,
        "date": 1,
        "old_reaction": [],
        "new_reaction": [{"type": "emoji", "emoji": "x"}],
    },
    {"id": "9", "from": ANN, "data": "x", "message": message(text="which?")},
    {
        "chat": GROUP,
        "old_chat_member": {"status": "left"},
        "new_chat_member": {"status": "member"},
    },
]


def _spoiled(value: Any, data: st.DataObject) -> Any:
    """Return a value with something in it replaced by something else, or left out."""
    if data.draw(st.integers(0, 9)) == 0:
        return data.draw(JUNK)
    if isinstance(value, dict):
        kept = {key: one for key, one in value.items() if data.draw(st.integers(0, 19))}
        return {key: _spoiled(one, data) for key, one in kept.items()}
    if isinstance(value, list):
        return [_spoiled(one, data) for one in value]
    return value


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_shape_of_an_update_holds_anything_up(data: st.DataObject) -> None:
    """Whatever Telegram sends next year: the cursor moves, and the rest arrives."""
    kind = data.draw(st.sampled_from(UPDATES))
    spoiled = _spoiled(data.draw(st.sampled_from(SAMPLES)), data)
    found = read(update(kind, spoiled, 1), update("message", message(text="after"), 2))

    assert found.cursors[""] == "3"
    assert getattr(found.items[-1], "content", None) == "after"


def test_half_a_surrogate_pair_loses_no_message() -> None:
    """JSON can carry what is no Unicode; the message arrives with a sign in its place."""
    text = "a\ud800 @lab_bot"
    mention = {"type": "mention", "offset": 3, "length": 8}
    found = Reader("telegram", BOT).read(
        [update("message", message(text=text, entities=[mention]))], NOW
    )
    (item,) = found.items

    assert isinstance(item, IncomingMessage)
    assert item.content == "a\ufffd @lab_bot"
    assert item.mentioned
