"""Messages as Discord sends them, and what is read in them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cobot import MessageEdited
from cobot_discord.snowflakes import id_at, time_of
from discord.wires import (
    ANN,
    BOT,
    DIRECT,
    GENERAL,
    GUILD,
    OTHER_BOT,
    THREAD,
    US,
    WHEN,
    message,
    one,
    read,
)


def test_a_message_of_a_guild() -> None:
    """With the name that its author has there."""
    read_ = one()

    assert (read_.id, read_.channel_id, read_.thread_id) == ("1000", GENERAL, None)
    assert (read_.sender_id, read_.sender_name, read_.sender_is_bot) == ("5", "Annie", False)
    assert (read_.content, read_.timestamp, read_.reply_to) == ("hello", WHEN, None)
    assert (read_.direct, read_.mentioned, read_.listed) == (False, False, False)
    assert read_.metadata == {
        "message_type": 0,
        "guild_id": GUILD,
        "channel_name": "general",
        "username": "ann_lee",
        "roles": ["7"],
    }


def test_a_direct_message() -> None:
    """It needs no mention, and has no guild."""
    read_ = one(channel_id=DIRECT, guild_id=None, member=None)

    assert (read_.channel_id, read_.direct, read_.mentioned) == (DIRECT, True, False)
    assert read_.sender_name == "Ann"


def test_a_direct_chat_that_nobody_told_of() -> None:
    """The first message of a person: no event comes before it."""
    (item,) = read(message(channel_id="77", guild_id=None)).items

    assert item.direct  # type: ignore[union-attr]


def test_a_message_in_a_thread_is_its_channels() -> None:
    """The thread is a part of the address."""
    read_ = one(channel_id=THREAD)

    assert (read_.channel_id, read_.thread_id) == (GENERAL, THREAD)


@pytest.mark.parametrize("listed", [(GENERAL,), (GUILD,)])
def test_what_is_listed_is_listed_with_its_threads(listed: tuple[str, ...]) -> None:
    """By the channel, or by the whole guild."""
    for channel_id in (GENERAL, THREAD):
        (item,) = read(message(channel_id=channel_id), listed=listed).items
        assert item.listed is True  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("fields", "is_mentioned"),
    [
        ({"content": "<@42> hi"}, True),
        ({"content": "hi <@!42>"}, True),
        ({"content": "hi <@5>"}, False),
        ({"content": "<@&8> hi", "mention_roles": ["8"]}, True),
        ({"content": "<@&7> hi", "mention_roles": ["7"]}, False),
        ({"type": 19, "referenced_message": {"author": US}}, True),
        ({"type": 19, "referenced_message": {"author": ANN}}, False),
        ({"type": 19, "referenced_message": None}, False),
        ({"mentions": [US]}, False),
    ],
)
def test_who_is_meant(fields: dict[str, Any], is_mentioned: bool) -> None:
    """By name, by the bot's own role, or by a reply; a ping alone says nothing."""
    assert one(**fields).mentioned is is_mentioned


def test_a_reply_of_a_bot_is_no_mention() -> None:
    """Two bots that reply to each other would never come to an end."""
    reply = {"type": 19, "referenced_message": {"author": US}, "author": OTHER_BOT}

    assert one(**reply).mentioned is False
    assert one(**reply, content="<@42> hi").mentioned is True


def test_the_address_in_front_is_no_part_of_the_text() -> None:
    """Unless there is nothing else."""
    assert one(content="<@42> hello").content == "hello"
    assert one(content=" <@!42>, hello").content == "hello"
    assert one(content="<@42> hello").metadata["raw_content"] == "<@42> hello"
    assert one(content="<@42>", mentions=[US]).content == "@lab_bot"


def test_a_reply_says_to_what() -> None:
    """Forwards and posts in other channels refer to something too, and are no replies."""
    reference = {"message_id": "999", "channel_id": GENERAL}
    replied = {"author": ANN, "content": "before"}

    assert (
        one(type=19, message_reference=reference, referenced_message=replied).reply_to == "999"
    )
    assert one(message_reference=reference).reply_to is None
    assert one(type=19, message_reference={**reference, "type": 1}).reply_to is None


def test_a_webhook_is_no_person() -> None:
    """Its name is free, so it is known by its id."""
    read_ = one(webhook_id="66", author={"id": "66", "username": "Deploys", "bot": True})

    assert (read_.sender_id, read_.sender_name) == ("webhook:66", "Deploys")
    assert read_.sender_is_bot is True


@pytest.mark.parametrize(
    "fields",
    [
        {"author": US},
        {"webhook_id": "66", "application_id": BOT.id},
        {"type": 7},
        {"type": 21},
        {"author": {**ANN, "system": True}},
        {"flags": 64, "guild_id": None},
        {"flags": 128},
    ],
)
def test_what_nobody_says_to_us_is_left_out(fields: dict[str, Any]) -> None:
    """Our own words, joins, thread starters, and what is shown to one person only."""
    assert read(message(**fields)).items == []


def test_our_own_messages_are_known_by_their_nonces() -> None:
    """So that a send whose answer was lost can be found."""
    found = read(message(author=US, nonce="k1"))
    stranger = read(message(nonce="k1"))

    assert (found.echoes, stranger.echoes) == ({"k1": "1000"}, {})


def test_a_cursor_never_goes_back() -> None:
    """The newest message of a chat, by number and not by text."""
    cursors = {GENERAL: "999"}
    assert read(message(), cursors=cursors).cursors == {GENERAL: "1000"}
    assert read(message(id="998"), cursors=cursors).cursors == {}
    assert read(message(channel_id=DIRECT, guild_id=None)).cursors == {f"@{DIRECT}": "1000"}
    assert read(message(channel_id=THREAD)).cursors == {f"{GENERAL}/{THREAD}": "1000"}


def test_an_edit_says_when() -> None:
    """Its time tells it from others; without one it is none."""
    edited = "2026-09-01T13:00:00+00:00"
    (item,) = read(message(edited_timestamp=edited), "MESSAGE_UPDATE").items

    assert isinstance(item, MessageEdited)
    assert item.message.edited_at == datetime(2026, 9, 1, 13, tzinfo=UTC)
    assert read(message(), "MESSAGE_UPDATE").items == []
    assert read({"id": "1", "channel_id": GENERAL}, "MESSAGE_UPDATE").items == []


@pytest.mark.parametrize(
    ("fields", "is_blind"),
    [
        ({"content": ""}, True),
        ({"content": "", "sticker_items": [{"id": "1", "name": "x", "format_type": 1}]}, False),
        ({"content": "", "flags": 1 << 14, "message_snapshots": []}, False),
        ({"content": "", "channel_id": DIRECT, "guild_id": None}, False),
    ],
)
def test_messages_without_anything_in_them_are_noticed(
    fields: dict[str, Any], is_blind: bool
) -> None:
    """That is how the missing intent looks, and nothing else."""
    found = read(message(**fields))

    assert found.is_blind is is_blind
    assert len(found.items) == (not is_blind)


@pytest.mark.parametrize("payload", [{}, {"id": "x"}, {"id": "1", "author": None}])
def test_what_cannot_be_read_is_noted(payload: dict[str, Any]) -> None:
    """By its number and type; nothing that somebody wrote is shown."""
    wire = {"channel_id": GENERAL, "guild_id": GUILD, "content": "secret", **payload}
    found = read(wire)

    assert found.items == []
    assert found.unread[0].startswith("event 17 (MESSAGE_CREATE): ")
    assert "secret" not in found.unread[0]
    assert found.sequence == ("s", 17)


def test_ids_tell_the_time() -> None:
    """Milliseconds since 2015; what was made at a time has an id from there on."""
    time = time_of("175928847299117063")

    assert time == datetime(2016, 4, 30, 11, 18, 25, 796_000, tzinfo=UTC)
    assert id_at(time) <= 175928847299117063 < id_at(time) + (1 << 22)
