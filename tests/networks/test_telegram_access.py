"""Chats that are open to a bot, and those that are not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from networks.client import BareClient, Refused
from networks.telegram import FakeTelegram, Room
from networks.telegram.pictures import png


@pytest.mark.parametrize("chat_id", [1, -5, "@nobody", "nonsense"])
async def test_an_unknown_chat_is_not_found(bot: BareClient, chat_id: object) -> None:
    """Whether it is nobody's, or only the bot has never met it, is not told."""
    refused = await bot.refusal("sendMessage", chat_id=chat_id, text="x")

    assert refused == (400, "Bad Request: chat not found")


async def test_a_chat_has_to_be_named(bot: BareClient) -> None:
    """A call without it says so."""
    assert await bot.refusal("sendMessage", text="x") == (
        400,
        "Bad Request: chat_id is empty",
    )


async def test_a_bot_cannot_speak_first(network: FakeTelegram, bot: BareClient) -> None:
    """Not to a stranger, nor to somebody whom it has seen in a group only."""
    ann = network.private_chat(is_started=False)
    before = await bot.refusal("sendMessage", chat_id=ann.id, text="x")
    network.group().text("hello", by=ann.person)
    seen = await bot.refusal("sendMessage", chat_id=ann.id, text="x")
    ann.text("/start")

    assert before == (400, "Bad Request: chat not found")
    assert seen == (403, "Forbidden: bot can't initiate conversation with a user")
    assert await bot.ask("sendMessage", chat_id=ann.id, text="x")


def blocked(network: FakeTelegram) -> Room:
    """A private chat whose person has blocked the bot."""
    room = network.private_chat()
    room.block()
    return room


def deactivated(network: FakeTelegram) -> Room:
    """A private chat whose person has deleted their account."""
    room = network.private_chat()
    room.person.is_deactivated = True
    return room


def of_a_bot(network: FakeTelegram) -> Room:
    """A private chat with another bot."""
    return network.private_chat(network.user("Other", is_bot=True))


def kicked(open_room: str) -> Callable[[FakeTelegram], Room]:
    """Return what opens a chat from which the bot was thrown out."""

    def opened(network: FakeTelegram) -> Room:
        room: Room = getattr(network, open_room)()
        room.kick_bot()
        return room

    return opened


def removed(open_room: str) -> Callable[[FakeTelegram], Room]:
    """Return what opens a chat that the bot has left."""

    def opened(network: FakeTelegram) -> Room:
        room: Room = getattr(network, open_room)()
        room.remove_bot()
        return room

    return opened


def dissolved(network: FakeTelegram) -> Room:
    """A group that is no more."""
    room = network.group()
    room.dissolve()
    return room


SHUT = [
    (blocked, "bot was blocked by the user"),
    (deactivated, "user is deactivated"),
    (of_a_bot, "the bot can't send messages to the bot"),
    (kicked("group"), "bot was kicked from the group chat"),
    (kicked("supergroup"), "bot was kicked from the supergroup chat"),
    (kicked("channel"), "bot was kicked from the channel chat"),
    (removed("group"), "bot is not a member of the group chat"),
    (removed("supergroup"), "bot is not a member of the supergroup chat"),
    (removed("channel"), "bot is not a member of the channel chat"),
    (dissolved, "the group chat was deleted"),
]


@pytest.mark.parametrize(("open_room", "text"), SHUT)
async def test_a_chat_that_is_shut_is_forbidden(
    network: FakeTelegram,
    bot: BareClient,
    open_room: Callable[[FakeTelegram], Room],
    text: str,
) -> None:
    """A 403 says which of the many ways it is shut, to texts, files and typing."""
    room = open_room(network)

    assert await bot.refusal("sendMessage", chat_id=room.id, text="x") == (
        403,
        f"Forbidden: {text}",
    )
    assert await bot.refusal("sendChatAction", chat_id=room.id, action="typing") == (
        403,
        f"Forbidden: {text}",
    )
    with pytest.raises(Refused, match=text):
        await bot.upload("sendDocument", {"document": b"x"}, chat_id=str(room.id))
    assert network.sent == []


async def test_a_group_that_became_a_supergroup_tells_its_new_id(
    network: FakeTelegram, bot: BareClient
) -> None:
    """Both chats get a service message, and a send to the old one the new id."""
    old = network.group("Lab")
    new = old.upgrade()
    with pytest.raises(Refused) as refused:
        await bot.ask("sendMessage", chat_id=old.id, text="x")
    messages = [update["message"] for update in await bot.updates()]

    assert refused.value.text == ("Bad Request: group chat was upgraded to a supergroup chat")
    assert refused.value.parameters == {"migrate_to_chat_id": new.id}
    assert [(one["chat"]["id"], one.get("migrate_to_chat_id")) for one in messages] == [
        (old.id, new.id),
        (new.id, None),
    ]
    assert messages[1]["migrate_from_chat_id"] == old.id
    assert await bot.ask("sendMessage", chat_id=new.id, text="x")


async def test_a_restricted_bot_may_send_what_is_left_to_it(
    network: FakeTelegram, bot: BareClient
) -> None:
    """The right that is missing is named."""
    lab = network.supergroup()
    lab.restrict_bot("can_send_photos")
    await bot.ask("sendMessage", chat_id=lab.id, text="x")
    with pytest.raises(Refused, match="not enough rights to send photos to the chat"):
        await bot.upload("sendPhoto", {"photo": png()}, chat_id=str(lab.id))
    lab.restrict_bot()

    assert await bot.refusal("sendMessage", chat_id=lab.id, text="x") == (
        400,
        "Bad Request: not enough rights to send text messages to the chat",
    )


async def test_a_bot_posts_in_a_channel_only_as_administrator(
    network: FakeTelegram, bot: BareClient
) -> None:
    """And only with the right to post."""
    news = network.channel()
    news.promote_bot("can_delete_messages")

    assert await bot.refusal("sendMessage", chat_id=news.id, text="x") == (
        400,
        "Bad Request: need administrator rights in the channel chat",
    )


@pytest.mark.parametrize(
    ("method", "params", "says"),
    [
        ("sendMessage", {"text": "x", "reply_parameters": "{"}, "reply parameters JSON object"),
        ("sendMessage", {"text": "x", "reply_markup": "[]"}, "Object expected as reply markup"),
        ("setMessageReaction", {"reaction": "{}"}, "an Array expected as reaction types"),
        ("sendMediaGroup", {"media": "nonsense"}, "can't parse media JSON object"),
    ],
)
async def test_a_parameter_that_is_json_has_to_be_it(
    network: FakeTelegram, bot: BareClient, method: str, params: dict[str, str], says: str
) -> None:
    """The refusal names which one is not."""
    with pytest.raises(Refused, match=says):
        await bot.ask(method, chat_id=network.private_chat().id, **params)


async def test_a_body_that_cannot_be_read_is_a_bad_request(bot: BareClient) -> None:
    """JSON that is none."""
    headers = {"content-type": "application/json"}

    response = await bot.http.post(bot.url("getMe"), content=b"{", headers=headers)

    assert (response.status_code, response.json()["error_code"]) == (400, 400)


async def test_a_group_that_moved_can_still_be_read(
    network: FakeTelegram, bot: BareClient
) -> None:
    """Only what would write there is refused; a public chat can be read from outside."""
    old, lab = network.group(), network.supergroup(username="the_lab")
    message = old.text("x")
    old.upgrade()
    lab.remove_bot()

    assert (await bot.ask("getChat", chat_id=old.id))["id"] == old.id
    assert await bot.ask("setMessageReaction", chat_id=old.id, message_id=message.id)
    assert (await bot.ask("getChat", chat_id=lab.id))["id"] == lab.id
