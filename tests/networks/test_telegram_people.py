"""What people do, as the bot is told of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from networks.client import BareClient, client_of
from networks.telegram import FakeTelegram, Message, Room

OPT_IN = ["message", "message_reaction", "message_reaction_count", "my_chat_member"]


async def only(bot: BareClient, kind: str = "message") -> dict[str, Any]:
    """Return what the one update that is pending is about."""
    (update,) = await bot.updates()
    payload: dict[str, Any] = update[kind]
    return payload


async def test_a_text_comes_with_its_author_and_entities(
    network: FakeTelegram, bot: BareClient
) -> None:
    """Those that the author set, and those that the network finds."""
    ann = network.private_chat(network.user("Ann", username="ann_u"))
    ann.text("🚀 bold /ask@test_bot", entities=[{"type": "bold", "offset": 3, "length": 4}])

    message = await only(bot)

    assert message["from"] == ann.person.wire()
    assert message["from"]["id"] > 2**31
    assert [(one["type"], one["offset"]) for one in message["entities"]] == [
        ("bold", 3),
        ("bot_command", 8),
    ]


async def test_a_message_in_a_topic_answers_its_beginning(
    network: FakeTelegram, bot: BareClient
) -> None:
    """Such a reply is no reply: its target is the topic itself."""
    lab = network.supergroup(forum=True)
    topic = lab.topic("Plans")
    first = lab.text("hello", thread=topic)
    lab.text("and", thread=topic, reply_to=first)
    lab.text("general")

    opened, hello, reply, general = (one["message"] for one in await bot.updates())

    assert opened["forum_topic_created"]["name"] == "Plans"
    assert hello["message_thread_id"] == hello["reply_to_message"]["message_id"] == topic.id
    assert reply["reply_to_message"]["message_id"] == first.id
    assert hello["is_topic_message"] is True
    assert "message_thread_id" not in general


async def test_a_thread_elsewhere_is_no_topic(network: FakeTelegram, bot: BareClient) -> None:
    """Replies in a plain supergroup have a thread, and are not said to be in a topic."""
    lab = network.supergroup()
    lab.text("hello", thread=7)

    message = await only(bot)

    assert (message["message_thread_id"], "is_topic_message" in message) == (7, False)


MEDIA: list[tuple[Callable[[Room], object], str, dict[str, Any]]] = [
    (lambda room: room.document(b"x", "a.txt"), "document", {"file_name": "a.txt"}),
    (lambda room: room.voice(b"x"), "voice", {"duration": 3, "mime_type": "audio/ogg"}),
    (lambda room: room.media("audio", b"x", title="T", duration=2), "audio", {"title": "T"}),
    (lambda room: room.media("video", b"x", width=4), "video", {"width": 4, "height": 0}),
    (lambda room: room.media("video_note", b"x"), "video_note", {"length": 240}),
    (lambda room: room.sticker("🔥"), "sticker", {"emoji": "🔥", "is_video": False}),
    (lambda room: room.location(1.5, 2.5), "location", {"latitude": 1.5}),
    (lambda room: room.contact("+1", "Bob"), "contact", {"first_name": "Bob"}),
]


@pytest.mark.parametrize(("send", "kind", "fields"), MEDIA)
async def test_every_kind_of_media_comes_in_its_field(
    network: FakeTelegram,
    bot: BareClient,
    send: Callable[[Room], Message],
    kind: str,
    fields: dict[str, Any],
) -> None:
    """With what is known of it."""
    message = send(network.private_chat())

    told = await only(bot)

    assert told[kind].items() >= fields.items()
    assert message.kind == kind


async def test_a_photo_comes_in_sizes_with_its_caption(
    network: FakeTelegram, bot: BareClient
) -> None:
    """The caption has entities of its own."""
    network.private_chat().photo(caption="see @ann_u")

    message = await only(bot)

    assert [one["width"] for one in message["photo"]] == [90, 1280]
    assert message["caption_entities"] == [{"type": "mention", "offset": 4, "length": 6}]


async def test_an_animation_is_also_a_document(network: FakeTelegram, bot: BareClient) -> None:
    """The same file, twice."""
    network.private_chat().media("animation", b"x", name="a.mp4")

    message = await only(bot)

    assert message["animation"]["file_id"] == message["document"]["file_id"]


async def test_an_album_comes_as_several_updates(
    network: FakeTelegram, bot: BareClient
) -> None:
    """One group, one caption."""
    album: list[dict[str, Any]] = [
        {"caption": "two"},
        {"kind": "document", "content": b"x", "name": "a.txt"},
    ]
    network.private_chat().album(album)

    messages = [update["message"] for update in await bot.updates()]

    assert len({message["media_group_id"] for message in messages}) == 1
    assert [message.get("caption") for message in messages] == ["two", None]
    assert messages[1]["document"]["file_name"] == "a.txt"


async def test_an_edit_comes_with_the_new_text(network: FakeTelegram, bot: BareClient) -> None:
    """Also when nothing changed, and for captions."""
    ann = network.private_chat()
    ann.edit(ann.text("@old_u"), "new")
    ann.edit(ann.photo(caption="old"), "@new_u")
    ann.edit(ann.text("same"), "same")

    edits = [one["edited_message"] for one in await bot.updates() if "edited_message" in one]

    assert [one.get("text") or one["caption"] for one in edits] == ["new", "@new_u", "same"]
    assert "entities" not in edits[0]
    assert edits[1]["caption_entities"][0]["type"] == "mention"
    assert all(one["edit_date"] >= one["date"] for one in edits)


async def test_a_deletion_is_told_to_nobody(network: FakeTelegram, bot: BareClient) -> None:
    """A reply to what is gone comes without it."""
    ann = network.private_chat()
    gone = ann.text("gone")
    await bot.updates(offset=-1)
    ann.delete(gone)
    ann.text("reply", reply_to=gone)

    updates = await bot.updates()

    assert [sorted(update) for update in updates] == [["message", "update_id"]] * 2
    assert "reply_to_message" not in updates[-1]["message"]


async def test_a_channel_speaks_for_itself(network: FakeTelegram, bot: BareClient) -> None:
    """Its posts and their edits are kinds of their own, without a user."""
    news = network.channel()
    news.edit(news.text("post"), "post 2")

    post, edit = await bot.updates()

    assert post["channel_post"]["sender_chat"]["id"] == news.id
    assert "from" not in post["channel_post"]
    assert edit["edited_channel_post"]["text"] == "post 2"


async def test_those_who_hide_have_a_stand_in(network: FakeTelegram, bot: BareClient) -> None:
    """An anonymous administrator speaks as the group, others as their channel."""
    lab, news = network.supergroup(), network.channel()
    lab.text("as the group", as_chat=lab)
    lab.text("as a channel", as_chat=news)

    messages = [update["message"] for update in await bot.updates()]

    assert [(one["from"]["id"], one["sender_chat"]["id"]) for one in messages] == [
        (1087968824, lab.id),
        (136817688, news.id),
    ]


async def test_a_channels_post_appears_in_its_discussion(
    network: FakeTelegram, bot: BareClient
) -> None:
    """In the name of the service's account, and told from what people write."""
    news, lab = network.channel(), network.supergroup()
    lab.forward_post(news.text("post"))

    message = (await bot.updates())[1]["message"]

    assert (message["from"]["id"], message["sender_chat"]["id"]) == (777000, news.id)
    assert message["is_automatic_forward"] is True
    assert message["forward_origin"]["message_id"] == 1


async def test_any_field_can_be_set(network: FakeTelegram, bot: BareClient) -> None:
    """For the many that have no method of their own."""
    network.supergroup().text("x", author_signature="the boss")

    assert (await only(bot))["author_signature"] == "the boss"


async def test_any_update_can_be_pushed(network: FakeTelegram, bot: BareClient) -> None:
    """As it stands, also kinds that are not known yet."""
    network.push("business_message", {"message_id": 1})
    network.push("tomorrow", {"is_new": True})

    first, second = await bot.updates()

    assert first["business_message"] == {"message_id": 1}
    assert second["tomorrow"] == {"is_new": True}


async def test_a_reaction_tells_what_was_and_what_is(
    network: FakeTelegram, bot: BareClient
) -> None:
    """Lists, to be compared; from a person, or in the name of a chat."""
    await bot.updates(allowed_updates=OPT_IN)
    ann = network.private_chat()
    message = ann.text("hello")
    ann.react(message, "👍")
    ann.react(message, "❤", "🔥")
    ann.react(message, as_chat=ann)

    told = [one["message_reaction"] for one in (await bot.updates())[1:]]

    assert [
        tuple(
            [each["emoji"] for each in one[name]] for name in ("old_reaction", "new_reaction")
        )
        for one in told
    ] == [([], ["👍"]), (["👍"], ["❤", "🔥"]), (["❤", "🔥"], [])]
    assert told[0]["user"]["id"] == ann.person.id
    assert "user" not in told[2]


async def test_reactions_in_groups_are_for_administrators(
    network: FakeTelegram, bot: BareClient
) -> None:
    """A plain member is not told, nor of counts."""
    await bot.updates(allowed_updates=OPT_IN)
    lab = network.supergroup()
    message = lab.text("hello")
    lab.react(message, "👍")
    lab.promote_bot()
    lab.react(message, "👎")
    lab.react_anonymously(message, {"👍": 2})

    kinds = [sorted(update)[0] for update in await bot.updates()]
    counts = (await bot.updates())[-1]["message_reaction_count"]["reactions"]

    assert kinds == [
        "message",
        "my_chat_member",
        "message_reaction",
        "message_reaction_count",
    ]
    assert counts == [{"type": {"type": "emoji", "emoji": "👍"}, "total_count": 2}]


async def test_the_bot_is_told_what_it_is(network: FakeTelegram, bot: BareClient) -> None:
    """What it was and what it has become, wherever that changes."""
    ann, lab = network.private_chat(), network.supergroup()
    ann.block()
    ann.unblock()
    lab.promote_bot("can_delete_messages")
    lab.restrict_bot("can_send_photos")
    lab.kick_bot()

    told = [update["my_chat_member"] for update in await bot.updates()]

    assert [
        (one["old_chat_member"]["status"], one["new_chat_member"]["status"]) for one in told
    ] == [
        ("member", "kicked"),
        ("kicked", "member"),
        ("member", "administrator"),
        ("administrator", "restricted"),
        ("restricted", "kicked"),
    ]
    assert told[2]["new_chat_member"]["can_delete_messages"] is True
    assert told[2]["new_chat_member"]["can_promote_members"] is False
    assert told[3]["new_chat_member"]["can_send_photos"] is False
    assert told[3]["new_chat_member"]["can_send_messages"] is True


async def test_a_bot_that_is_out_hears_nothing(network: FakeTelegram, bot: BareClient) -> None:
    """Until it is let in again."""
    lab = network.supergroup()
    lab.kick_bot()
    lab.text("unheard")
    lab.add_bot()
    lab.text("heard")

    texts = [one["message"]["text"] for one in await bot.updates() if "message" in one]

    assert texts == ["heard"]


async def test_service_messages_are_no_speech(network: FakeTelegram, bot: BareClient) -> None:
    """People come and go, titles change, messages are pinned."""
    lab, bob = network.supergroup(), network.user("Bob")
    lab.join(bob)
    lab.leave(bob)
    lab.rename("Lab 2")
    lab.pin(lab.text("hello"))

    messages = [update["message"] for update in await bot.updates()]

    assert messages[0]["new_chat_members"] == [bob.wire()]
    assert messages[1]["left_chat_member"] == bob.wire()
    assert messages[2]["new_chat_title"] == messages[2]["chat"]["title"] == "Lab 2"
    assert messages[4]["pinned_message"]["text"] == "hello"
    assert [message.kind for message in lab.messages] == [
        "new_chat_members",
        "left_chat_member",
        "new_chat_title",
        "text",
        "pinned_message",
    ]


async def test_members_are_told_of_to_administrators(
    network: FakeTelegram, bot: BareClient
) -> None:
    """If they have asked for it."""
    await bot.updates(allowed_updates=["chat_member"])
    lab, bob = network.supergroup(), network.user("Bob")
    lab.join(bob)
    lab.promote_bot()
    lab.leave(bob)

    member = await only(bot, "chat_member")

    assert member["new_chat_member"] == {"status": "left", "user": bob.wire()}


@pytest.fixture
async def private() -> AsyncIterator[FakeTelegram]:
    """A Telegram whose bot is in privacy mode."""
    async with FakeTelegram(privacy=True) as network:
        yield network


async def test_privacy_hides_what_is_not_meant_for_the_bot(private: FakeTelegram) -> None:
    """Commands to it, replies to it and service messages come; the rest does not."""
    lab = private.supergroup()
    async with client_of(private) as bot:
        sent = await bot.ask("sendMessage", chat_id=lab.id, text="x")
        lab.text("/after_it_spoke")
        lab.text("chat")
        lab.text("/too_late")
        lab.text("/ask@TEST_bot")
        lab.text("/ask@other_bot")
        lab.text("reply", reply_to=lab.chat.messages[sent["message_id"]])
        lab.text("inline", via_bot=private.bot.wire())
        lab.rename("Lab 2")
        lab.edit(lab.text("unseen"), "still unseen")
        private.private_chat().text("in private")
        lab.promote_bot("can_manage_chat")
        lab.text("to an administrator")

        messages = [one["message"] for one in await bot.updates() if "message" in one]
        me = await bot.ask("getMe")

    assert [message.get("text") for message in messages] == [
        "/after_it_spoke",
        "/ask@TEST_bot",
        "reply",
        "inline",
        None,
        "in private",
        "to an administrator",
    ]
    assert me["can_read_all_group_messages"] is False


async def test_a_bot_can_ask_about_chats_and_members(
    network: FakeTelegram, bot: BareClient
) -> None:
    """What it is there, and who others are."""
    lab = network.supergroup("Lab", username="the_lab")
    lab.promote_bot("can_manage_chat")

    chat = await bot.ask("getChat", chat_id="@the_lab")
    itself = await bot.ask("getChatMember", chat_id=lab.id, user_id=network.bot.id)
    other = await bot.ask("getChatMember", chat_id=lab.id, user_id=lab.person.id)

    assert (chat["id"], chat["title"]) == (lab.id, "Lab")
    assert (itself["status"], other["status"]) == ("administrator", "member")
