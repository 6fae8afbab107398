"""Texts, edits, deletions, reactions, typing: over real sockets, with all that goes wrong."""

from __future__ import annotations

import pytest
from networks.telegram import FakeTelegram, Fault, errors, page
from networks.web import Response

from cobot import (
    ChannelError,
    ChatGone,
    ChatMoved,
    DeliveryUnknown,
    Forbidden,
    RateLimited,
    Receipt,
    Rejected,
    Unreachable,
)
from cobot_telegram import Telegram
from telegram.bots import marked, ref, to


async def test_a_text_is_sent(channel: Telegram, network: FakeTelegram) -> None:
    """Its id comes back; previews are left to Telegram, and no markup is asked for."""
    room = network.private_chat()
    sent = await channel.session_send(to(room, "hello *you*"))

    (message,) = network.sent
    assert sent == str(message.id)
    assert (message.text, message.entities) == ("hello *you*", [])
    (call,) = network.calls("sendMessage")
    assert call.params == {"chat_id": str(room.id), "text": "hello *you*"}


async def test_formatting_is_sent_as_entities(channel: Telegram, network: FakeTelegram) -> None:
    """As they were rendered when the message was stored."""
    room = network.private_chat()
    await channel.session_send(marked(room, "\U0001f600 **bold** `x`"))

    (message,) = network.sent
    assert message.text == "\U0001f600 bold x"
    assert message.entities == [
        {"type": "bold", "offset": 3, "length": 4},
        {"type": "code", "offset": 8, "length": 1},
    ]


async def test_a_reply_points_at_its_message(channel: Telegram, network: FakeTelegram) -> None:
    """And arrives also when that message is gone."""
    room = network.group()
    question = room.text("question")
    await channel.session_send(to(room, reply_to=str(question.id)))
    room.delete(question)
    await channel.session_send(to(room, reply_to=str(question.id)))

    first, second = network.sent
    assert first.reply_to is question
    assert second.reply_to is None
    assert len(network.calls("sendMessage")) == 2


async def test_the_press_of_a_button_is_not_replied_to(
    channel: Telegram, network: FakeTelegram
) -> None:
    """It is no message; what answers it is sent without a reply."""
    room = network.group()
    await channel.session_send(to(room, reply_to="cb:99"))

    assert "reply_parameters" not in network.calls("sendMessage")[0].params


async def test_a_topic_is_written_in(channel: Telegram, network: FakeTelegram) -> None:
    """With its id, and in the general one without any: there an id is refused."""
    room = network.supergroup(forum=True)
    topic = room.topic("Plans")
    await channel.session_send(to(room, "in it", thread_id=str(topic.id)))
    await channel.session_send(to(room, "in general", thread_id="1"))
    await channel.session_send(to(room, "in general"))

    assert [message.thread_id for message in network.sent] == [topic.id, None, None]
    assert len(network.calls("sendMessage")) == 3


async def test_what_is_for_a_lost_topic_goes_to_the_chat(
    channel: Telegram, network: FakeTelegram
) -> None:
    """Once without the topic; the receipt says where it is."""
    room = network.supergroup(forum=True)
    topic = room.topic("Plans")
    room.delete_topic(topic)
    sent = await channel.session_send(to(room, thread_id=str(topic.id)))

    (message,) = network.sent
    assert isinstance(sent, Receipt)
    assert sent.refs == (ref(room, message.id),)
    assert len(network.calls("sendMessage")) == 2


async def test_a_reply_that_is_refused_is_sent_without(
    channel: Telegram, network: FakeTelegram
) -> None:
    """Where a server does not know how to send it all the same."""
    room = network.private_chat()
    refusal = errors.bad_request("message to be replied not found")
    network.fail_next("sendMessage", refusal)
    await channel.session_send(to(room, reply_to="5"))

    first, second = network.calls("sendMessage")
    assert "reply_parameters" in first.params
    assert "reply_parameters" not in second.params


async def test_nothing_is_tried_for_ever(channel: Telegram, network: FakeTelegram) -> None:
    """Topic and reply are left out once each; what is refused then is an error."""
    room = network.private_chat()
    network.fail_next("sendMessage", errors.bad_request("message thread not found"), times=None)
    with pytest.raises(Rejected, match="thread not found"):
        await channel.session_send(to(room, reply_to="5", thread_id="7"))

    assert len(network.calls("sendMessage")) == 2


async def test_a_message_without_an_id_has_no_handle(
    channel: Telegram, network: FakeTelegram
) -> None:
    """Telegram gives 0 to what it will send later: it is delivered, and cannot be edited."""
    room = network.private_chat()
    network.world._last_message_id = -1
    sent = await channel.session_send(to(room))

    assert sent == Receipt()


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (Fault.RESET, DeliveryUnknown),
        (Fault.LOST, DeliveryUnknown),
        (Fault.CUT, DeliveryUnknown),
        (page(502), DeliveryUnknown),
        (errors.server_error(), DeliveryUnknown),
        (page(413), Rejected),
        (page(429), RateLimited),
        (page(400), Unreachable),
        (errors.too_many_requests(5), RateLimited),
        (errors.forbidden("bot was blocked by the user"), Forbidden),
        (errors.bad_request("chat not found"), ChatGone),
        (errors.bad_request("can't parse entities: no end"), Rejected),
    ],
    ids=repr,
)
async def test_a_send_that_fails_is_tried_no_second_time(
    channel: Telegram, network: FakeTelegram, failure: object, expected: type[ChannelError]
) -> None:
    """What may have arrived is the session's to judge: there is no key at Telegram."""
    room = network.private_chat()
    network.fail_next("sendMessage", failure)  # type: ignore[arg-type]
    with pytest.raises(expected) as caught:
        await channel.session_send(to(room))

    assert network.token not in str(caught.value)
    assert len(network.sent) <= 1


async def test_no_connection_means_that_nothing_was_sent(
    channel: Telegram, network: FakeTelegram
) -> None:
    """Then it can be sent again without fear."""
    room = network.private_chat()
    network.refuse()
    with pytest.raises(Unreachable):
        await channel.session_send(to(room))


async def test_a_group_that_moved_says_where_to(
    channel: Telegram, network: FakeTelegram
) -> None:
    """The session sends it once more, to the new address."""
    room = network.group()
    new = room.upgrade()
    with pytest.raises(ChatMoved) as caught:
        await channel.session_send(to(room))

    assert caught.value.new.channel_id == str(new.id)


@pytest.mark.parametrize("result", ["true", "[]", '{"chat":{}}', '"x"'])
async def test_an_answer_without_a_message_is_a_riddle(
    channel: Telegram, network: FakeTelegram, result: str
) -> None:
    """Telegram says that it was sent, and not which message it is."""
    body = f'{{"ok":true,"result":{result}}}'.encode()
    network.fail_next("sendMessage", Response(body=body))
    with pytest.raises(DeliveryUnknown):
        await channel.session_send(to(network.private_chat()))


# Typing.


async def test_typing_is_shown(channel: Telegram, network: FakeTelegram) -> None:
    """In the topic, too, but for the general one."""
    room = network.supergroup(forum=True)
    await channel.session_typing("telegram", str(room.id), "7")
    await channel.session_typing("telegram", str(room.id), "1")
    await channel.session_typing("telegram", str(room.id), None)

    calls = network.calls("sendChatAction")
    assert [call.params.get("message_thread_id") for call in calls] == ["7", None, None]
    assert {call.params["action"] for call in calls} == {"typing"}
    assert len(network.events) == 3


async def test_typing_in_a_group_that_moved_moves_nothing(
    channel: Telegram, network: FakeTelegram
) -> None:
    """It is only shown nowhere: what is sent finds out where the group is."""
    room = network.group()
    room.upgrade()
    with pytest.raises(Rejected, match="upgraded"):
        await channel.session_typing("telegram", str(room.id), None)
