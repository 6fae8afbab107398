"""Where a bot may send, and what the network says when it may not."""

from __future__ import annotations

from typing import Any

import pytest

from networks.client import BareClient, Clock, Refused
from networks.telegram import FakeTelegram


async def test_a_text_appears_in_its_chat(network: FakeTelegram, bot: BareClient) -> None:
    """The answer is the message as it appears, and the test sees the same."""
    ann = network.private_chat(network.user("Ann", last_name="Lee", username="ann_u"))

    answer = await bot.ask("sendMessage", chat_id=ann.id, text="hello")

    (message,) = network.sent
    assert answer == message.wire()
    assert (answer["text"], answer["from"]["is_bot"]) == ("hello", True)
    assert answer["chat"] == {
        "id": ann.id,
        "type": "private",
        "first_name": "Ann",
        "last_name": "Lee",
        "username": "ann_u",
    }


async def test_message_ids_count_by_chat_only_in_supergroups_and_channels(
    network: FakeTelegram, bot: BareClient
) -> None:
    """Private chats and groups share one count."""
    rooms = [
        network.private_chat(),
        network.group(),
        network.supergroup(),
        network.channel(),
        network.private_chat(network.user("Bob")),
    ]

    ids = [
        (await bot.ask("sendMessage", chat_id=room.id, text="x"))["message_id"]
        for room in rooms
    ]

    assert ids == [1, 2, 1, 1, 3]


async def test_a_bot_never_gets_its_own_messages(
    network: FakeTelegram, bot: BareClient
) -> None:
    """What it sends is not an update."""
    for room in (network.private_chat(), network.group(), network.channel()):
        await bot.ask("sendMessage", chat_id=room.id, text="x")

    assert await bot.updates() == []


async def test_a_post_in_a_channel_has_no_author(
    network: FakeTelegram, bot: BareClient
) -> None:
    """The channel speaks, and no user."""
    news = network.channel()

    post = await bot.ask("sendMessage", chat_id=news.id, text="x")

    assert "from" not in post
    assert post["sender_chat"]["id"] == news.id


async def test_a_public_chat_has_a_name(network: FakeTelegram, bot: BareClient) -> None:
    """It can be named instead of its id, in any case."""
    lab = network.supergroup(username="the_lab")

    answer = await bot.ask("sendMessage", chat_id="@THE_lab", text="x")

    assert answer["chat"]["id"] == lab.id


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "message text is empty"),
        (" \n ", "text must be non-empty"),
        ("\u202e\r", "text must be non-empty"),
        ("x" * 4097, "message is too long"),
        ("🚀" * 4097, "message is too long"),
        ("x" * 32_769, "text is too long"),
    ],
)
async def test_a_text_has_its_bounds(
    network: FakeTelegram, bot: BareClient, text: str, says: str
) -> None:
    """Not empty, at most 4096 characters, at most 32 kB before it is looked at."""
    ann = network.private_chat()

    assert await bot.refusal("sendMessage", chat_id=ann.id, text=text) == (
        400,
        f"Bad Request: {says}",
    )


@pytest.mark.parametrize("text", ["x" * 4096, "🚀" * 4096, f"  {'é' * 4096}\n\n"])
async def test_a_text_is_measured_in_code_points_when_it_is_trimmed(
    network: FakeTelegram, bot: BareClient, text: str
) -> None:
    """An emoji that takes two units of UTF-16 counts once."""
    ann = network.private_chat()

    answer = await bot.ask("sendMessage", chat_id=ann.id, text=text)

    assert answer["text"] == text.strip()


async def test_markup_does_not_count(network: FakeTelegram, bot: BareClient) -> None:
    """The text is measured after its markup has become entities."""
    ann = network.private_chat()
    text = f"<b>{'x' * 4096}</b>"

    answer = await bot.ask("sendMessage", chat_id=ann.id, text=text, parse_mode="HTML")

    assert answer["entities"] == [{"type": "bold", "offset": 0, "length": 4096}]


async def test_a_person_is_mentioned_by_id_if_the_network_knows_them(
    network: FakeTelegram, bot: BareClient
) -> None:
    """The entity comes back with the whole person; without one it is dropped."""
    ann = network.private_chat(network.user("Ann"))
    send = {"chat_id": ann.id, "text": "Ann Bob"}
    given = [
        {"type": "text_mention", "offset": 0, "length": 3, "user": {"id": ann.person.id}},
        {"type": "text_mention", "offset": 4, "length": 3, "user": {"id": 1}},
    ]

    answer = await bot.ask("sendMessage", **send, entities=given)
    none = await bot.ask("sendMessage", **send, entities="{not json")

    assert answer["entities"] == [{**given[0], "user": ann.person.wire()}]
    assert "entities" not in none


async def test_a_reply_shows_what_it_answers(network: FakeTelegram, bot: BareClient) -> None:
    """One level of it: the answered message's own target is not told again."""
    ann = network.private_chat()
    first = ann.text("first")
    second = ann.text("second", reply_to=first)

    answer = await bot.ask(
        "sendMessage",
        chat_id=ann.id,
        text="x",
        reply_parameters={"message_id": second.id, "quote": "eco"},
    )

    assert answer["reply_to_message"]["text"] == "second"
    assert "reply_to_message" not in answer["reply_to_message"]
    assert answer["quote"] == {"text": "eco", "position": 1, "is_manual": True}


@pytest.mark.parametrize(
    "reply",
    [
        {"reply_parameters": {"message_id": 99}},
        {"reply_to_message_id": 99},
    ],
)
async def test_a_reply_to_nothing_is_refused_unless_that_is_allowed(
    network: FakeTelegram, bot: BareClient, reply: dict[str, Any]
) -> None:
    """Allowed, the message appears without what it answers; the old parameter works too."""
    ann = network.private_chat()
    send = {"chat_id": ann.id, "text": "x"}
    refused = await bot.refusal("sendMessage", **send, **reply)
    if "reply_parameters" in reply:
        reply["reply_parameters"]["allow_sending_without_reply"] = True
    else:
        reply["allow_sending_without_reply"] = True

    answer = await bot.ask("sendMessage", **send, **reply)

    assert refused == (400, "Bad Request: message to be replied not found")
    assert "reply_to_message" not in answer


async def test_a_quote_has_to_be_in_the_message(network: FakeTelegram, bot: BareClient) -> None:
    """Exactly."""
    ann = network.private_chat()
    reply = {"message_id": ann.text("hello").id, "quote": "hullo"}

    assert await bot.refusal(
        "sendMessage", chat_id=ann.id, text="x", reply_parameters=reply
    ) == (400, "Bad Request: QUOTE_TEXT_INVALID")


async def test_a_reply_to_another_chat_is_external(
    network: FakeTelegram, bot: BareClient
) -> None:
    """It stands in a field of its own."""
    ann, lab = network.private_chat(), network.supergroup()
    reply = {"message_id": lab.text("hello").id, "chat_id": lab.id}

    answer = await bot.ask("sendMessage", chat_id=ann.id, text="x", reply_parameters=reply)

    assert answer["external_reply"]["chat"]["id"] == lab.id
    assert "reply_to_message" not in answer


async def test_a_topic_is_its_first_message(network: FakeTelegram, bot: BareClient) -> None:
    """What stands in it answers that message, if it answers no other."""
    lab = network.supergroup(forum=True)
    topic = lab.topic("Plans")

    answer = await bot.ask("sendMessage", chat_id=lab.id, text="x", message_thread_id=topic.id)

    assert answer["message_thread_id"] == answer["reply_to_message"]["message_id"] == topic.id
    assert answer["is_topic_message"] is True


async def test_a_reply_follows_its_target_into_the_topic(
    network: FakeTelegram, bot: BareClient
) -> None:
    """The topic need not be named then."""
    lab = network.supergroup(forum=True)
    topic = lab.topic("Plans")
    asked = lab.text("hello", thread=topic)

    answer = await bot.ask(
        "sendMessage", chat_id=lab.id, text="x", reply_parameters={"message_id": asked.id}
    )

    assert answer["message_thread_id"] == topic.id


async def test_topics_that_are_not_there_are_refused(
    network: FakeTelegram, bot: BareClient
) -> None:
    """Unknown ones, deleted ones, and the general one, which has to be left out."""
    lab = network.supergroup(forum=True)
    topic = lab.topic("Plans")
    lab.delete_topic(topic)

    for thread_id in (1, 99, topic.id):
        assert await bot.refusal(
            "sendMessage", chat_id=lab.id, text="x", message_thread_id=thread_id
        ) == (400, "Bad Request: message thread not found")
    assert await bot.ask("sendMessage", chat_id=lab.id, text="x")


async def test_a_closed_topic_takes_only_what_its_managers_write(
    network: FakeTelegram, bot: BareClient
) -> None:
    """The refusal is the raw word of the inner server."""
    lab = network.supergroup(forum=True)
    topic = lab.topic("Plans")
    send = {"chat_id": lab.id, "text": "x", "message_thread_id": topic.id}
    lab.close_topic(topic)
    closed = await bot.refusal("sendMessage", **send)
    lab.promote_bot("can_manage_topics")
    await bot.ask("sendMessage", **send)
    lab.add_bot()
    lab.reopen_topic(topic)

    assert closed == (400, "Bad Request: TOPIC_CLOSED")
    assert await bot.ask("sendMessage", **send)


async def test_a_topic_elsewhere_is_ignored_or_unknown(
    network: FakeTelegram, bot: BareClient
) -> None:
    """Ignored in a supergroup without topics, an error in a private chat."""
    lab, ann = network.supergroup(), network.private_chat()
    send = {"text": "x", "message_thread_id": 7}

    answer = await bot.ask("sendMessage", chat_id=lab.id, **send)

    assert "message_thread_id" not in answer
    assert await bot.refusal("sendMessage", chat_id=ann.id, **send) == (
        400,
        "Bad Request: message thread not found",
    )


async def test_what_else_is_asked_for_shows_in_the_message(
    network: FakeTelegram, bot: BareClient
) -> None:
    """Previews, buttons and protection."""
    ann = network.private_chat()
    keyboard = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y" * 64}]]}

    answer = await bot.ask(
        "sendMessage",
        chat_id=ann.id,
        text="x",
        link_preview_options={"is_disabled": True},
        reply_markup=keyboard,
        protect_content=True,
    )

    assert answer["link_preview_options"] == {"is_disabled": True}
    assert answer["reply_markup"] == keyboard
    assert answer["has_protected_content"] is True


async def test_a_buttons_data_has_64_bytes(network: FakeTelegram, bot: BareClient) -> None:
    """Bytes, not characters."""
    ann = network.private_chat()
    keyboard = {"inline_keyboard": [[{"text": "Yes", "callback_data": "é" * 33}]]}

    assert await bot.refusal(
        "sendMessage", chat_id=ann.id, text="x", reply_markup=keyboard
    ) == (400, "Bad Request: BUTTON_DATA_INVALID")


async def test_what_the_bot_does_meanwhile_is_seen(
    network: FakeTelegram, bot: BareClient
) -> None:
    """Typing is an event in private chats and groups, and nothing in channels."""
    rooms = [network.private_chat(), network.supergroup(), network.channel()]
    for room in rooms:
        assert await bot.ask("sendChatAction", chat_id=room.id, action="typing")

    seen = [(event.kind, event.chat, event.detail) for event in network.events]

    assert seen == [("action", room.chat, "typing") for room in rooms[:2]]
    assert await bot.refusal("sendChatAction", chat_id=rooms[0].id, action="flying") == (
        400,
        "Bad Request: wrong parameter action in request",
    )


async def test_a_draft_is_shown_only_in_private_chats(
    network: FakeTelegram, bot: BareClient
) -> None:
    """It is no message, needs a number, and may be empty."""
    ann, lab = network.private_chat(), network.supergroup()
    for text in ("", "hel", "hello"):
        await bot.ask("sendMessageDraft", chat_id=ann.id, draft_id=1, text=text)

    assert [event.detail["text"] for event in network.events] == ["", "hel", "hello"]
    assert network.sent == []
    for wrong in ({"chat_id": lab.id, "draft_id": 1}, {"chat_id": ann.id, "draft_id": 0}):
        assert (await bot.refusal("sendMessageDraft", **wrong, text="x"))[0] == 400


async def test_rates_are_limited_when_they_are_switched_on(
    network: FakeTelegram, bot: BareClient, clock: Clock
) -> None:
    """A chat takes a short burst, then one message a second."""
    network.rates.is_on = True
    ann = network.private_chat()
    for _ in range(3):
        await bot.ask("sendMessage", chat_id=ann.id, text="x")
    with pytest.raises(Refused) as refused:
        await bot.ask("sendMessage", chat_id=ann.id, text="x")
    clock.advance(1)
    await bot.ask("sendMessage", chat_id=ann.id, text="x")

    assert (refused.value.code, refused.value.text) == (429, "Too Many Requests: retry after 1")
    assert refused.value.parameters == {"retry_after": 1}
    assert refused.value.headers["retry-after"] == "1"
    assert len(network.sent) == 4


async def test_a_group_takes_twenty_messages_a_minute(
    network: FakeTelegram, bot: BareClient, clock: Clock
) -> None:
    """The wait is until the first of them is a minute old."""
    network.rates.is_on = True
    lab = network.supergroup()
    for _ in range(20):
        await bot.ask("sendMessage", chat_id=lab.id, text="x")
        clock.advance(1)

    with pytest.raises(Refused) as refused:
        await bot.ask("sendMessage", chat_id=lab.id, text="x")
    clock.advance(40)

    assert refused.value.parameters == {"retry_after": 40}
    assert await bot.ask("sendMessage", chat_id=lab.id, text="x")


async def test_all_chats_together_take_thirty_messages_a_second(
    network: FakeTelegram, bot: BareClient, clock: Clock
) -> None:
    """However many chats there are."""
    network.rates.is_on = True
    rooms = [network.private_chat(network.user(str(number))) for number in range(31)]
    for room in rooms[:30]:
        await bot.ask("sendMessage", chat_id=room.id, text="x")

    with pytest.raises(Refused, match="retry after 1"):
        await bot.ask("sendMessage", chat_id=rooms[30].id, text="x")
    clock.advance(1)

    assert await bot.ask("sendMessage", chat_id=rooms[30].id, text="x")
