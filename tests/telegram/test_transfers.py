"""Files out and in, byte by byte, over real sockets."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from fakes import ManualClock
from networks.telegram import FakeTelegram, Fault, errors, page, pictures

from cobot import (
    ChannelError,
    DeliveryUnknown,
    Forbidden,
    IncomingMessage,
    Media,
    RateLimited,
    Rejected,
    Unsupported,
)
from cobot_telegram import Telegram
from cobot_telegram.transfers import UPLOAD_BYTES
from telegram.bots import PAGES, Quiet, bot_on, files_in, marked, receiving, ref, to, with_web

PNG = pictures.png(20, 10)


def _file(network: FakeTelegram, number: int = 0) -> bytes:
    """Return the bytes of a file that was sent."""
    content = network.sent[number].content
    for kind in ("photo", "document", "video", "audio", "voice", "animation", "sticker"):
        if kind in content:
            file = content[kind][-1] if kind == "photo" else content[kind]
            stored = network.world.files.get(file["file_id"])
            assert stored is not None
            return stored.content
    raise AssertionError(content)


@pytest.mark.parametrize(
    ("media", "kind", "method"),
    [
        (Media.from_bytes(PNG, name="p.png"), "photo", "sendPhoto"),
        (Media.from_bytes(b"\0\r\n--x", name="ä \"1\".txt"), "document", "sendDocument"),
        (Media.from_bytes(b"v", name="v.mp4"), "video", "sendVideo"),
        (Media.from_bytes(b"a", name="a.mp3"), "audio", "sendAudio"),
        (Media.from_bytes(b"o", name="o.ogg"), "voice", "sendVoice"),
        (Media.from_bytes(b"g", name="g.gif"), "animation", "sendAnimation"),
    ],
)  # fmt: skip
async def test_bytes_are_uploaded_as_they_are(
    channel: Telegram, network: FakeTelegram, media: Media, kind: str, method: str
) -> None:
    """Each kind by its own method, with the caption and its formatting."""
    room = network.private_chat()
    receipt = await channel.session_media(marked(room, "see **this**", media=[media]))

    (message,) = network.sent
    assert receipt.refs == (ref(room, message.id),)
    assert message.kind == kind
    assert (message.text, message.entities[0]["type"]) == ("see this", "bold")
    assert _file(network) == media.content
    assert [call.method for call in network.requests] == [method]


async def test_a_path_is_uploaded(
    channel: Telegram, network: FakeTelegram, tmp_path: Path
) -> None:
    """Without being read into memory at once."""
    path = tmp_path / "notes.txt"
    path.write_bytes(b"n" * 700_000)
    await channel.session_media(to(network.private_chat(), "", media=[Media.from_path(path)]))

    assert _file(network) == path.read_bytes()
    assert network.sent[0].content["document"]["file_name"] == "notes.txt"
    assert "caption" not in network.calls("sendDocument")[0].params


async def test_a_missing_file_is_rejected(
    channel: Telegram, network: FakeTelegram, tmp_path: Path
) -> None:
    """It will not be there next time."""
    media = Media.from_path(tmp_path / "nothing.txt")
    with pytest.raises(Rejected):
        await channel.session_media(to(network.private_chat(), media=[media]))


async def test_a_reply_and_a_topic_are_kept(channel: Telegram, network: FakeTelegram) -> None:
    """As with texts."""
    room = network.supergroup(forum=True)
    topic = room.topic("Plans")
    question = room.text("show me", thread=topic)
    media = [Media.from_bytes(PNG, name="p.png")]
    message = to(room, media=media, reply_to=str(question.id), thread_id=str(topic.id))
    await channel.session_media(message)

    assert network.sent[0].reply_to is question
    assert network.sent[0].thread_id == topic.id


async def test_a_lost_topic_is_left_out(channel: Telegram, network: FakeTelegram) -> None:
    """Once, as with texts; the file is read a second time for it."""
    room = network.supergroup(forum=True)
    topic = room.topic("Plans")
    room.delete_topic(topic)
    media = [Media.from_bytes(PNG, name="p.png")]
    receipt = await channel.session_media(to(room, media=media, thread_id=str(topic.id)))

    assert [one.thread_id for one in receipt.refs] == [None]
    assert _file(network) == PNG


# Albums.


def _pictures(count: int) -> list[Media]:
    return [
        Media.from_bytes(PNG + bytes([number]), name=f"{number}.png") for number in range(count)
    ]


async def test_several_pictures_are_an_album(channel: Telegram, network: FakeTelegram) -> None:
    """One call, one caption, and an id for each."""
    room = network.private_chat()
    receipt = await channel.session_media(marked(room, "*three*", media=_pictures(3)))

    assert [one.id for one in receipt.refs] == [str(one.id) for one in network.sent]
    assert len({one.content["media_group_id"] for one in network.sent}) == 1
    assert [one.text for one in network.sent] == ["three", "", ""]
    assert [_file(network, number) for number in range(3)] == [
        one.content for one in _pictures(3)
    ]
    assert len(network.calls("sendMediaGroup")) == 1


async def test_what_is_no_album_is_sent_one_by_one(
    channel: Telegram, network: FakeTelegram
) -> None:
    """In order; the caption is with the first, and so is the reply."""
    room = network.group()
    question = room.text("show me")
    media = [
        *_pictures(2),
        Media.from_bytes(b"n", name="n.txt"),
        Media.from_bytes(b"o", name="o.ogg"),
    ]
    receipt = await channel.session_media(
        to(room, "all", media=media, reply_to=str(question.id))
    )

    assert [one.kind for one in network.sent] == ["photo", "photo", "document", "voice"]
    assert [one.text for one in network.sent] == ["all", "", "", ""]
    assert [one.reply_to is question for one in network.sent] == [True, True, False, False]
    assert len(receipt.refs) == 4


async def test_more_than_ten_are_several_albums(
    channel: Telegram, network: FakeTelegram
) -> None:
    """Ten is the most that Telegram takes at once."""
    receipt = await channel.session_media(to(network.private_chat(), media=_pictures(11)))

    assert len(receipt.refs) == len(network.sent) == 11
    assert [call.method for call in network.requests] == ["sendMediaGroup", "sendPhoto"]


async def test_what_is_said_beside_a_sticker_is_a_message(
    channel: Telegram, network: FakeTelegram
) -> None:
    """Stickers have no captions."""
    room = network.private_chat()
    sticker = room.sticker()
    async with receiving(channel) as receiver:
        (media,) = (await receiver.message()).media
    receipt = await channel.session_media(marked(room, "**hi**", media=[media]))

    assert [one.kind for one in network.sent] == ["sticker", "text"]
    assert network.sent[1].entities[0]["type"] == "bold"
    assert len(receipt.refs) == 2
    assert sticker.content["sticker"]["file_id"] == media.remote["file_id"]  # type: ignore[index]


async def test_the_rest_waits_for_its_turn(network: FakeTelegram, tmp_path: Path) -> None:
    """What is sent is sent: to begin anew would show it twice."""
    clock = Quiet()
    network.world.clock = clock
    room = network.private_chat()
    media = [Media.from_bytes(b"n", name="n.txt"), *_pictures(1)]
    network.fail_next("sendPhoto", errors.too_many_requests(3))
    async with bot_on(network, clock, tmp_path) as channel:
        receipt = await channel.session_media(to(room, media=media))

    assert clock.slept == [3]
    assert len(receipt.refs) == len(network.sent) == 2


@pytest.mark.parametrize(
    ("failure", "expected", "wait_s"),
    [
        (errors.too_many_requests(30), DeliveryUnknown, 30),
        (errors.server_error(), DeliveryUnknown, None),
        (errors.forbidden("bot was blocked by the user"), Forbidden, None),
        (errors.bad_request("not enough rights to send photos to the chat"), Rejected, None),
    ],
    ids=repr,
)
async def test_half_of_it_is_told_as_half(
    channel: Telegram,
    network: FakeTelegram,
    failure: errors.ApiError,
    expected: type[ChannelError],
    wait_s: float | None,
) -> None:
    """Nobody may take it for nothing or for all, nor send it again if that is in vain."""
    media = [Media.from_bytes(b"n", name="n.txt"), *_pictures(1)]
    network.fail_next("sendPhoto", failure)
    with pytest.raises(expected, match="1 of 2 messages arrived") as caught:
        await channel.session_media(to(network.private_chat(), media=media))

    assert caught.value.retry_after_s == wait_s


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (errors.too_many_requests(3), RateLimited),
        (errors.forbidden("bot was blocked by the user"), Forbidden),
        (errors.ApiError(413, "Request Entity Too Large"), Unsupported),
        (page(413), Unsupported),
        (errors.bad_request("not enough rights to send photos to the chat"), Unsupported),
        (page(502), DeliveryUnknown),
        (Fault.LOST, DeliveryUnknown),
    ],
    ids=repr,
)
async def test_the_first_failure_is_told_as_it_is(
    channel: Telegram, network: FakeTelegram, failure: object, expected: type[ChannelError]
) -> None:
    """Where nothing is sent yet, the session decides; a text may do in its place."""
    network.fail_next("sendPhoto", failure)  # type: ignore[arg-type]
    with pytest.raises(expected):
        await channel.session_media(to(network.private_chat(), media=_pictures(1)))


async def test_words_that_fail_are_told_as_half(
    channel: Telegram, network: FakeTelegram
) -> None:
    """The sticker arrived, and what was to be said beside it did not."""
    room = network.private_chat()
    room.sticker()
    async with receiving(channel) as receiver:
        media = (await receiver.message()).media
    network.fail_next("sendMessage", errors.server_error())
    with pytest.raises(DeliveryUnknown, match="1 of 2 messages arrived"):
        await channel.session_media(to(room, "hi", media=media))


async def test_words_for_a_lost_topic_follow_the_sticker(
    channel: Telegram, network: FakeTelegram
) -> None:
    """Both go to the chat, each when its own topic is not found."""
    room = network.supergroup(forum=True)
    topic = room.topic("Plans")
    room.sticker()
    async with receiving(channel) as receiver:
        (item,) = (await receiver.batch()).items
    assert isinstance(item, IncomingMessage)
    room.delete_topic(topic)
    receipt = await channel.session_media(
        to(room, "hi", media=item.media, thread_id=str(topic.id))
    )

    assert [one.thread_id for one in receipt.refs] == [None, None]
    assert [one.kind for one in network.sent] == ["sticker", "text"]


# Photos that are none.


async def test_what_telegram_takes_for_no_photo_is_a_document(
    channel: Telegram, network: FakeTelegram
) -> None:
    """A picture that is broken, too long or too large can still be sent as a file."""
    room = network.private_chat()
    broken = Media.from_bytes(b"no picture", name="p.png")
    await channel.session_media(to(room, "see", media=[broken]))

    assert (network.sent[0].kind, network.sent[0].text) == ("document", "see")
    assert _file(network) == b"no picture"


async def test_an_album_with_no_photo_in_it_is_sent_as_documents(
    channel: Telegram, network: FakeTelegram
) -> None:
    """All photos of it; what cannot be in one album with them is on its own."""
    room = network.private_chat()
    media = [
        Media.from_bytes(b"no picture", name="p.png"),
        Media.from_bytes(PNG, name="q.png"),
        Media.from_bytes(b"v", name="v.mp4"),
    ]
    receipt = await channel.session_media(to(room, "see", media=media))

    assert [one.kind for one in network.sent] == ["document", "document", "video"]
    assert [one.text for one in network.sent] == ["see", "", ""]
    assert len(receipt.refs) == 3


async def test_a_file_that_is_too_large_is_not_tried(
    channel: Telegram, network: FakeTelegram, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its size is known beforehand; a text goes in its place."""
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(UPLOAD_BYTES + 1)
    with pytest.raises(Unsupported, match=r"large\.bin"):
        await channel.session_media(to(network.private_chat(), media=[Media.from_path(path)]))

    assert network.requests == []
    assert "large.bin" in caplog.text


# Files from elsewhere.


async def test_what_came_in_goes_out_by_its_id(
    channel: Telegram, network: FakeTelegram
) -> None:
    """Nothing is downloaded, and nothing uploaded."""
    room = network.private_chat()
    room.photo(PNG)
    async with receiving(channel) as receiver:
        media = (await receiver.message()).media
    await channel.session_media(to(room, "again", media=media))

    (call,) = network.calls("sendPhoto")
    assert call.files == {}
    assert _file(network) == PNG


async def test_what_is_of_another_bot_becomes_a_text(
    channel: Telegram, network: FakeTelegram
) -> None:
    """An id is good for one bot, and a file of another network for none."""
    room = network.private_chat()
    foreign = Media.from_remote({"kind": "photo", "file_id": "nope"}, name="p.png")
    other = Media.from_remote({"url_private": "x"}, name="p.png")
    for media in (foreign, other):
        with pytest.raises(Unsupported):
            await channel.session_media(to(room, media=[media]))


async def test_telegram_gets_a_file_from_its_address(
    channel: Telegram, network: FakeTelegram
) -> None:
    """Where it takes it from there, it does not go through us."""
    network.world.files.pages[f"{PAGES}/p.png"] = (PNG, "image/png")
    media = Media.from_url(f"{PAGES}/p.png", name="p.png")
    await channel.session_media(to(network.private_chat(), media=[media]))

    assert _file(network) == PNG
    assert network.calls("sendPhoto")[0].params["photo"] == f"{PAGES}/p.png"


async def test_what_telegram_does_not_get_we_get(
    network: FakeTelegram, clock: ManualClock, tmp_path: Path
) -> None:
    """A picture that it refuses, and a text that it never takes from an address."""
    room = network.private_chat()
    media = [
        Media.from_url(f"{PAGES}/p.png", name="p.png"),
        Media.from_url(f"{PAGES}/n.txt", name="n.txt"),
    ]

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=PNG if "png" in str(request.url) else b"notes")

    async with with_web(network, clock, tmp_path, answer) as channel:
        await channel.session_media(to(room, "see", media=media))

    assert [_file(network, 0), _file(network, 1)] == [PNG, b"notes"]
    assert [len(network.calls(one)) for one in ("sendPhoto", "sendDocument")] == [2, 1]
    assert files_in(tmp_path) == []


async def test_an_album_from_addresses_is_uploaded_as_a_whole(
    network: FakeTelegram, clock: ManualClock, tmp_path: Path
) -> None:
    """What Telegram does not get of it, and what it would."""
    media = [Media.from_url(f"{PAGES}/{number}.png", name="p.png") for number in range(2)]
    async with with_web(
        network, clock, tmp_path, lambda _request: httpx.Response(200, content=PNG)
    ) as channel:
        receipt = await channel.session_media(to(network.private_chat(), media=media))

    assert len(receipt.refs) == 2
    assert len(network.calls("sendMediaGroup")) == 2


@pytest.mark.parametrize("url", [f"{PAGES}/p.png", "http://127.0.0.1:9/p.png"])
async def test_what_nobody_gets_stays_a_link(
    network: FakeTelegram, clock: ManualClock, tmp_path: Path, url: str
) -> None:
    """The server does not give it, or it is no address on the internet: people can try."""
    media = Media.from_url(url, name="p.png")
    async with with_web(
        network, clock, tmp_path, lambda _request: httpx.Response(404)
    ) as channel:
        with pytest.raises(Unsupported):
            await channel.session_media(to(network.private_chat(), media=[media]))
