"""Official clients judge the fake Telegram: for them it has to be the real one."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from typing import Any

import pytest

from networks.client import client_of
from networks.judges import CLIENTS, Client, Judge, Refusal, RegistryUnreachable, python_of
from networks.telegram import FakeTelegram, Fault, Room, page, server_error, too_many_requests
from networks.telegram.pictures import png
from networks.telegram.updates import KINDS

BOLD = {"type": "bold", "offset": 0, "length": 2}
CONTENT = bytes(range(256)) * 5 + b"\r\n--x\r\n"

pytestmark = pytest.mark.timeout(300)  # seconds; the first test of a client installs it


@pytest.fixture(scope="module", params=CLIENTS, ids=[client.name for client in CLIENTS])
def running(request: pytest.FixtureRequest) -> Iterator[Judge]:
    """An official client, in an environment of its own."""
    client: Client = request.param
    assert request.config.cache is not None
    try:
        python = python_of(client, request.config.cache.mkdir("judges"))
    except RegistryUnreachable as reason:
        pytest.skip(str(reason))
    judge = Judge(client, python)
    yield judge
    judge.close()


@pytest.fixture
async def judge(running: Judge, network: FakeTelegram) -> Judge:
    """The client of the network's bot."""
    await running.ask("connect", url=network.url, token=network.token)
    return running


@pytest.fixture
def ann(network: FakeTelegram) -> Room:
    """Somebody's private chat."""
    return network.private_chat(network.user("Ann", last_name="Lee", username="ann_u"))


def upload(content: bytes, name: str = "file.bin") -> dict[str, str]:
    """Return a file that a judge is to upload."""
    return {"upload": base64.b64encode(content).decode(), "name": name}


async def refusal(judge: Judge, command: str, **arguments: Any) -> Refusal:
    """Return how the client reports that a call failed."""
    with pytest.raises(Refusal) as refused:
        await judge.ask(command, **arguments)
    return refused.value


async def test_it_knows_who_it_is(judge: Judge, network: FakeTelegram) -> None:
    """The first call that every client makes."""
    me = await judge.ask("get_me")

    assert (me["id"], me["username"]) == (network.bot.id, "test_bot")


def everything_happens(network: FakeTelegram, ann: Room) -> list[str]:
    """Let people do all that they can; return the kinds of updates it makes."""
    ann.text("/ask 🚀 @ann_u", entities=[{"type": "bold", "offset": 5, "length": 2}])
    message = ann.text("reply", reply_to=ann.text("asked"))
    ann.photo(caption="see https://a.test/x")
    ann.document(CONTENT, "notes.txt")
    for kind in ("voice", "audio", "video", "video_note", "animation", "sticker"):
        ann.media(kind)
    ann.location(1.5, 2.5)
    ann.contact("+1", "Bob")
    ann.album([{}, {"caption": "two"}])
    ann.edit(message, "edited")
    ann.react(message, "👍")
    ann.press(message, "yes")
    ann.block()
    ann.unblock()
    kinds = ["message"] * 15 + ["edited_message", "message_reaction", "callback_query"]
    kinds += ["my_chat_member"] * 2
    return kinds + groups_happen(network)


def groups_happen(network: FakeTelegram) -> list[str]:
    """Let people do all that they can in groups; return the kinds of updates."""
    lab, news = network.supergroup(forum=True), network.channel()
    lab.promote_bot()
    topic = lab.topic("Plans")
    message = lab.text("in a topic", thread=topic)
    lab.text("hidden", as_chat=lab)
    lab.close_topic(topic)
    lab.reopen_topic(topic)
    lab.react(message, "👍", as_chat=lab)
    lab.react_anonymously(message, {"👍": 2})
    lab.join(network.user("Bob"))
    lab.pin(message)
    lab.restrict_bot("can_send_photos")
    lab.kick_bot()
    news.edit(news.text("post"), "post 2")
    network.group().upgrade()
    return [
        "my_chat_member",
        *["message"] * 5,
        "message_reaction",
        "message_reaction_count",
        "chat_member",
        *["message"] * 2,
        *["my_chat_member"] * 2,
        "channel_post",
        "edited_channel_post",
        *["message"] * 2,
    ]


async def test_it_reads_every_kind_of_update(
    judge: Judge, network: FakeTelegram, ann: Room
) -> None:
    """Its models take all that people can do, and keep what the network said."""
    await judge.ask("get_updates", allowed_updates=list(KINDS))
    kinds = everything_happens(network, ann)

    updates = await judge.ask("get_updates", limit=100)

    told = [next(key for key in update if key != "update_id") for update in updates]
    assert told == kinds
    assert updates[0]["message"]["entities"][1]["length"] == 2


async def test_what_it_confirms_does_not_come_again(
    judge: Judge, network: FakeTelegram, ann: Room
) -> None:
    """And what it does not, does."""
    ann.text("one")
    ann.text("two")

    first, second = await judge.ask("get_updates")
    again = await judge.ask("get_updates", offset=second["update_id"])

    assert [update["update_id"] for update in again] == [first["update_id"] + 1]


async def test_its_own_loop_answers_everybody(
    judge: Judge, network: FakeTelegram, ann: Room
) -> None:
    """The client polls and confirms by itself, through a failure that it survives."""
    network.fail_next("getUpdates", page(502))
    texts = [f"message {number}" for number in range(30)]
    for text in texts:
        ann.text(text)

    assert sorted(await judge.ask("echo", count=30)) == sorted(texts)
    assert sorted(message.text for message in network.sent) == sorted(texts)


async def test_it_sends_texts_with_entities(
    judge: Judge, network: FakeTelegram, ann: Room
) -> None:
    """As given, or from markup; with replies and buttons; what comes back is what appeared."""
    asked = ann.text("hello")
    keyboard = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]}

    sent = await judge.ask(
        "send_message",
        chat_id=ann.id,
        text="🚀 hi",
        entities=[BOLD],
        reply_parameters={"message_id": asked.id},
        link_preview_options={"is_disabled": True},
        reply_markup=keyboard,
    )
    marked = await judge.ask(
        "send_message", chat_id=ann.id, text="<b>hi</b>", parse_mode="HTML"
    )

    assert (sent["text"], sent["entities"]) == ("🚀 hi", [BOLD])
    assert sent["reply_to_message"]["message_id"] == asked.id
    assert sent["reply_markup"] == keyboard
    assert (marked["text"], marked["entities"]) == ("hi", [BOLD])
    assert [message.id for message in network.sent] == [
        sent["message_id"],
        marked["message_id"],
    ]


async def test_it_changes_what_it_sent(judge: Judge, network: FakeTelegram, ann: Room) -> None:
    """Edits, reactions, typing, deletions."""
    sent = await judge.ask("send_message", chat_id=ann.id, text="old")
    place = {"chat_id": ann.id, "message_id": sent["message_id"]}
    thumb = [{"type": "emoji", "emoji": "👍"}]

    edited = await judge.ask("edit_message_text", **place, text="new")
    await judge.ask("set_message_reaction", **place, reaction=thumb)
    await judge.ask("send_chat_action", chat_id=ann.id, action="typing")
    await judge.ask("delete_message", **place)
    await judge.ask("delete_messages", chat_id=ann.id, message_ids=[98, 99])

    assert edited["text"] == "new"
    assert network.sent[0].reactions == thumb
    assert [event.kind for event in network.events] == [
        "sent",
        "edited",
        "reacted",
        "action",
        "deleted",
    ]


@pytest.mark.parametrize(
    "kind", ["document", "video", "audio", "voice", "animation", "video_note", "sticker"]
)
async def test_its_uploads_keep_every_byte(
    judge: Judge, network: FakeTelegram, ann: Room, kind: str
) -> None:
    """And its downloads; the id serves to send the file again."""
    files = {kind: upload(CONTENT, "päper x.ogg")}
    sent = await judge.ask(f"send_{kind}", chat_id=ann.id, **files)
    file_id = sent[kind]["file_id"]

    again = await judge.ask(f"send_{kind}", chat_id=ann.id, **{kind: file_id})
    got = await judge.ask("download", file_id=file_id)

    assert base64.b64decode(got) == CONTENT
    assert again[kind]["file_id"] == file_id
    if kind == "document":
        assert sent[kind]["file_name"] == "päper x.ogg"


async def test_it_gets_what_people_send(judge: Judge, ann: Room) -> None:
    """The largest size of a photo is the photo."""
    picture = png(1280, 960)
    message = ann.photo(picture)

    got = await judge.ask("download", file_id=message.content["photo"][-1]["file_id"])

    assert base64.b64decode(got) == picture


async def test_it_sends_photos_and_albums(
    judge: Judge, network: FakeTelegram, ann: Room
) -> None:
    """The caption of an album is the first one's, and can be edited."""
    photo = await judge.ask("send_photo", chat_id=ann.id, photo=upload(png()), caption="one")
    media: list[dict[str, Any]] = [
        {"type": "document", "media": upload(b"1"), "caption": "two"},
        {"type": "document", "media": upload(b"2")},
    ]

    album = await judge.ask("send_media_group", chat_id=ann.id, media=media)
    edited = await judge.ask(
        "edit_message_caption", chat_id=ann.id, message_id=photo["message_id"], caption="three"
    )

    assert photo["photo"][-1]["width"] == 8
    assert [message.get("caption") for message in album] == ["two", None]
    assert len({message["media_group_id"] for message in album}) == 1
    assert edited["caption"] == "three"


async def test_it_answers_the_press_of_a_button(
    judge: Judge, network: FakeTelegram, ann: Room
) -> None:
    """Once."""
    query_id = ann.press(ann.text("x"), "yes")

    assert await judge.ask("answer_callback_query", callback_query_id=query_id) is True
    late = await refusal(judge, "answer_callback_query", callback_query_id=query_id)
    assert "query is too old" in late.text.lower()


async def test_it_is_told_to_wait(judge: Judge, network: FakeTelegram, ann: Room) -> None:
    """Its error knows how long."""
    network.fail_next("sendMessage", too_many_requests(7))

    refused = await refusal(judge, "send_message", chat_id=ann.id, text="x")

    assert refused.kind in ("TelegramRetryAfter", "RetryAfter")
    assert refused.details == {"retry_after": 7}


async def test_it_is_told_of_a_migration(judge: Judge, network: FakeTelegram) -> None:
    """Its error knows where the group has gone."""
    old = network.group()
    new = old.upgrade()

    refused = await refusal(judge, "send_message", chat_id=old.id, text="x")

    assert refused.kind in ("TelegramMigrateToChat", "ChatMigrated")
    assert refused.details == {"migrate_to": new.id}


async def test_it_is_told_of_another_poller(judge: Judge, network: FakeTelegram) -> None:
    """The older poll ends with a conflict."""
    poll = asyncio.create_task(refusal(judge, "get_updates", timeout=20))
    await network.wait_for(lambda: network.is_polled)
    async with client_of(network) as other:
        newer = asyncio.create_task(other.updates(timeout=20))
        refused = await poll
        network.private_chat().text("hello")
        await newer

    assert refused.kind in ("TelegramConflictError", "Conflict")
    assert "terminated by other getupdates request" in refused.text.lower()


async def test_it_tells_refusals_apart(judge: Judge, network: FakeTelegram, ann: Room) -> None:
    """A bad request, a chat that is shut, a token that is revoked."""
    bad = await refusal(judge, "send_message", chat_id=1, text="x")
    ann.block()
    shut = await refusal(judge, "send_message", chat_id=ann.id, text="x")
    network.revoke_token()
    revoked = await refusal(judge, "send_message", chat_id=ann.id, text="x")

    assert bad.kind in ("TelegramBadRequest", "BadRequest")
    assert "chat not found" in bad.text.lower()
    assert shut.kind in ("TelegramForbiddenError", "Forbidden")
    assert "bot was blocked by the user" in shut.text.lower()
    assert revoked.kind in ("TelegramUnauthorizedError", "InvalidToken")


@pytest.mark.parametrize(
    ("failure", "kinds"),
    [
        (server_error(), ("RestartingTelegram", "NetworkError")),
        (page(502), ("ClientDecodeError", "TelegramServerError", "NetworkError")),
        (Fault.RESET, ("TelegramNetworkError", "NetworkError")),
        (Fault.LOST, ("TelegramNetworkError", "NetworkError")),
        (Fault.CUT, ("TelegramNetworkError", "NetworkError")),
    ],
)
async def test_it_survives_a_failing_network(
    judge: Judge, network: FakeTelegram, ann: Room, failure: Any, kinds: tuple[str, ...]
) -> None:
    """It reports what it could not do, and goes on."""
    network.fail_next("sendMessage", failure)

    refused = await refusal(judge, "send_message", chat_id=ann.id, text="x")

    assert refused.kind in kinds
    assert await judge.ask("send_message", chat_id=ann.id, text="x")


async def test_it_handles_webhooks(judge: Judge, network: FakeTelegram) -> None:
    """They are set, told of, and deleted."""
    await judge.ask("set_webhook", url="https://bot.test/hook", allowed_updates=["message"])
    info = await judge.ask("get_webhook_info")
    refused = await refusal(judge, "get_updates")
    await judge.ask("delete_webhook")

    assert (info["url"], list(info["allowed_updates"])) == (
        "https://bot.test/hook",
        ["message"],
    )
    assert "webhook is active" in refused.text.lower()
    assert await judge.ask("get_updates") == []


async def test_it_asks_about_chats(judge: Judge, network: FakeTelegram) -> None:
    """And about what it is there."""
    lab = network.supergroup("Lab")
    lab.promote_bot("can_manage_chat")

    chat = await judge.ask("get_chat", chat_id=lab.id)
    member = await judge.ask("get_chat_member", chat_id=lab.id, user_id=network.bot.id)

    assert (chat["id"], chat["title"], member["status"]) == (lab.id, "Lab", "administrator")
