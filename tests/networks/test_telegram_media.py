"""Files to the network, on it, and from it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from networks.client import BareClient, Clock, Refused
from networks.telegram import FakeTelegram, FileLimits, Room
from networks.telegram.pictures import png, size

CONTENT = bytes(range(256)) + b"\r\n--boundary\r\n"
SMALL = FileLimits(
    photo_bytes=2000,
    upload_bytes=3000,
    download_bytes=2500,
    photo_url_bytes=1000,
    url_bytes=1500,
)


@pytest.fixture
def ann(network: FakeTelegram) -> Room:
    """Somebody's private chat."""
    return network.private_chat()


async def content_of(bot: BareClient, file_id: str) -> bytes:
    """Return a file as the bot can get it."""
    file = await bot.ask("getFile", file_id=file_id)
    response = await bot.download(file["file_path"])
    assert response.status_code == 200
    return response.content


@pytest.mark.parametrize(
    "kind", ["document", "video", "audio", "voice", "animation", "video_note", "sticker"]
)
async def test_an_upload_keeps_every_byte(bot: BareClient, ann: Room, kind: str) -> None:
    """It can be downloaded again, sent again by its id, but not as another kind."""
    method = f"send{kind.title().replace('_', '')}"
    files = {kind: ("päper.ogg", CONTENT)}
    sent = await bot.upload(method, files, chat_id=str(ann.id))
    file_id = sent[kind]["file_id"]

    again = await bot.ask(method, chat_id=ann.id, **{kind: file_id})

    assert sent[kind]["file_size"] == len(CONTENT)
    assert again[kind] == sent[kind]
    assert await content_of(bot, file_id) == CONTENT
    with pytest.raises(Refused, match=r"can't use file of type \w+ as Photo"):
        await bot.ask("sendPhoto", chat_id=ann.id, photo=file_id)


async def test_what_is_not_spoken_is_a_file(bot: BareClient, ann: Room) -> None:
    """A voice message needs one of a few formats; others are sent as they are."""
    sent = await bot.upload("sendVoice", {"voice": ("a.wav", b"x")}, chat_id=str(ann.id))

    assert sent["document"]["file_name"] == "a.wav"
    assert "voice" not in sent


async def test_a_photo_has_sizes_and_the_largest_is_the_file(
    bot: BareClient, ann: Room
) -> None:
    """The smaller one is another file."""
    picture = png(1280, 960)

    sent = await bot.upload("sendPhoto", {"photo": picture}, chat_id=str(ann.id))

    small, large = sent["photo"]
    assert (small["width"], small["height"]) == (90, 67)
    assert (large["width"], large["height"]) == (1280, 960)
    assert await content_of(bot, large["file_id"]) == picture
    assert size(await content_of(bot, small["file_id"])) == (90, 67)


async def test_a_document_has_its_name_and_type(bot: BareClient, ann: Room) -> None:
    """As its sender gives them; the download has another name."""
    files = {"document": ("a b.txt", b"x", "text/plain")}

    sent = await bot.upload("sendDocument", files, chat_id=str(ann.id), caption="*b*")

    assert (sent["document"]["file_name"], sent["document"]["mime_type"]) == (
        "a b.txt",
        "text/plain",
    )
    assert sent["caption"] == "*b*"
    file = await bot.ask("getFile", file_id=sent["document"]["file_id"])
    assert file["file_path"] == "documents/file_0.txt"


async def test_a_caption_has_entities_and_1024_characters(bot: BareClient, ann: Room) -> None:
    """Longer ones are refused, empty ones are none."""
    fits = await bot.upload(
        "sendDocument",
        {"document": b"x"},
        chat_id=str(ann.id),
        caption=f"<b>{'🚀' * 1024}</b>",
        parse_mode="HTML",
    )
    none = await bot.upload(
        "sendDocument", {"document": b"x"}, chat_id=str(ann.id), caption=" "
    )

    assert fits["caption_entities"] == [{"type": "bold", "offset": 0, "length": 2048}]
    assert "caption" not in none
    with pytest.raises(Refused, match="Bad Request: message caption is too long"):
        await bot.upload(
            "sendDocument", {"document": b"x"}, chat_id=str(ann.id), caption="x" * 1025
        )


@pytest.mark.parametrize(
    ("method", "field", "content", "code", "says"),
    [
        ("sendDocument", "document", b"x" * 3001, 413, "Request Entity Too Large"),
        ("sendDocument", "document", b"", 400, "file must be non-empty"),
        ("sendDocument", "other", b"x", 400, "there is no document in the request"),
        ("sendVideoNote", "other", b"x", 400, "there is no video note in the request"),
        ("sendPhoto", "photo", png() + b"x" * 2000, 400, "is too big for a photo"),
        ("sendPhoto", "photo", b"no picture", 400, "IMAGE_PROCESS_FAILED"),
        ("sendPhoto", "photo", png(9000, 1001), 400, "PHOTO_INVALID_DIMENSIONS"),
        ("sendPhoto", "photo", png(21, 1), 400, "PHOTO_INVALID_DIMENSIONS"),
    ],
)
async def test_uploads_have_their_bounds(
    network: FakeTelegram,
    bot: BareClient,
    ann: Room,
    method: str,
    field: str,
    content: bytes,
    code: int,
    says: str,
) -> None:
    """Sizes, sides and proportions."""
    network.world.files.limits = FileLimits(photo_bytes=2000, upload_bytes=3000)
    if "DIMENSIONS" in says:
        network.world.files.limits = FileLimits()

    with pytest.raises(Refused, match=says) as refused:
        await bot.upload(method, {field: content}, chat_id=str(ann.id))

    assert refused.value.code == refused.value.status == code


async def test_more_than_the_server_reads_is_too_large(bot: BareClient, ann: Room) -> None:
    """A body beyond all bounds is refused without being looked at."""
    with pytest.raises(Refused) as refused:
        await bot.upload("sendDocument", {"document": bytes(65 << 20)}, chat_id=str(ann.id))

    assert (refused.value.code, refused.value.text) == (413, "Request Entity Too Large")


async def test_a_file_at_an_address_is_fetched(
    network: FakeTelegram, bot: BareClient, ann: Room
) -> None:
    """What the test has put there."""
    pages = network.world.files.pages
    pages["https://a.test/x.png"] = (png(), "image/png")
    pages["https://a.test/x.pdf"] = (b"%PDF", "application/pdf")

    photo = await bot.ask("sendPhoto", chat_id=ann.id, photo="https://a.test/x.png")
    paper = await bot.ask("sendDocument", chat_id=ann.id, document="https://a.test/x.pdf")

    assert await content_of(bot, photo["photo"][-1]["file_id"]) == png()
    assert paper["document"]["file_name"] == "x.pdf"


@pytest.mark.parametrize(
    ("method", "field", "value", "says"),
    [
        ("sendPhoto", "photo", "https://a.test/none", "failed to get HTTP URL content"),
        ("sendPhoto", "photo", "https://a.test/page", "wrong type of the web page content"),
        ("sendPhoto", "photo", "https://a.test/big", "failed to get HTTP URL content"),
        (
            "sendDocument",
            "document",
            "https://a.test/page",
            "wrong type of the web page content",
        ),
        ("sendVideo", "video", "https://a.test/big", "failed to get HTTP URL content"),
        ("sendVideoNote", "video_note", "https://a.test/big", "wrong file identifier/HTTP URL"),
        ("sendPhoto", "photo", "nonsense", "wrong file identifier/HTTP URL specified"),
    ],
)
async def test_not_everything_at_an_address_can_be_sent(
    network: FakeTelegram,
    bot: BareClient,
    ann: Room,
    method: str,
    field: str,
    value: str,
    says: str,
) -> None:
    """What cannot be reached, has the wrong type, or is too large."""
    network.world.files.limits = SMALL
    network.world.files.pages["https://a.test/page"] = (b"<html>", "text/html")
    network.world.files.pages["https://a.test/big"] = (b"x" * 1501, "image/png")

    with pytest.raises(Refused, match=f"Bad Request: {says}"):
        await bot.ask(method, chat_id=ann.id, **{field: value})


async def test_an_album_is_several_messages_of_one_group(bot: BareClient, ann: Room) -> None:
    """Uploads are named in it, ids and addresses stand in it."""
    known = await bot.upload("sendPhoto", {"photo": png(9, 9)}, chat_id=str(ann.id))
    media = [
        {
            "type": "photo",
            "media": "attach://one",
            "caption": "_both_",
            "parse_mode": "MarkdownV2",
        },
        {"type": "photo", "media": known["photo"][-1]["file_id"]},
    ]

    sent = await bot.upload(
        "sendMediaGroup", {"one": png()}, chat_id=str(ann.id), media=json.dumps(media)
    )

    assert len({message["media_group_id"] for message in sent}) == 1
    assert [message.get("caption") for message in sent] == ["both", None]
    assert [message["photo"][-1]["width"] for message in sent] == [8, 9]


@pytest.mark.parametrize(
    ("kinds", "says"),
    [
        ([], "there are no messages to send"),
        (["photo"], "there must be at least 2 messages in an album"),
        (["photo"] * 11, "too many messages to send as an album"),
        (["photo", "document"], "Document can't be mixed with other media types"),
        (["audio", "video"], "Audio can't be mixed with other media types"),
        (["photo", "voice"], "can't parse InputMedia: type \"voice\" can't be used"),
        (["photo", "photo missing"], "can't parse InputMedia: media not found"),
    ],
)
async def test_albums_have_their_rules(
    bot: BareClient, ann: Room, kinds: list[str], says: str
) -> None:
    """Two to ten, documents among themselves, and each with its file."""
    media = [
        {"type": kind.split()[0], "media": f"attach://{'gone' if ' ' in kind else 'one'}"}
        for kind in kinds
    ]

    with pytest.raises(Refused, match=says):
        await bot.upload(
            "sendMediaGroup", {"one": png()}, chat_id=str(ann.id), media=json.dumps(media)
        )


async def test_an_album_counts_as_many_messages(
    network: FakeTelegram, bot: BareClient, ann: Room
) -> None:
    """It passes as a whole when the chat is at rest, and keeps it busy for as long."""
    network.rates.is_on = True
    media = json.dumps([{"type": "document", "media": "attach://f"}] * 10)
    album = {"chat_id": str(ann.id), "media": media}
    await bot.upload("sendMediaGroup", {"f": b"x"}, **album)

    with pytest.raises(Refused, match="retry after 8"):
        await bot.ask("sendMessage", chat_id=ann.id, text="x")
    assert len(network.sent) == 10


async def test_a_link_is_good_for_an_hour(bot: BareClient, ann: Room, clock: Clock) -> None:
    """Before it was asked for, and after an hour, there is nothing at its address."""
    file_id = ann.document(CONTENT).content["document"]["file_id"]
    early = await bot.download("documents/file_0.txt")
    file = await bot.ask("getFile", file_id=file_id)
    clock.advance(3600)
    late = await bot.download(file["file_path"])

    assert (early.status_code, late.status_code) == (404, 404)
    assert await content_of(bot, file_id) == CONTENT


async def test_a_large_file_cannot_be_downloaded(bot: BareClient, ann: Room) -> None:
    """Its size is known beforehand; the message tells it."""
    message = ann.document(b"x", size=20 * 1024 * 1024 + 1)

    with pytest.raises(Refused, match="Bad Request: file is too big"):
        await bot.ask("getFile", file_id=message.content["document"]["file_id"])


@pytest.mark.parametrize(
    ("file_id", "says"), [("", "file_id not specified"), ("x", "invalid file_id")]
)
async def test_an_unknown_file_is_refused(bot: BareClient, file_id: str, says: str) -> None:
    """An id is the network's own."""
    with pytest.raises(Refused, match=f"Bad Request: {says}"):
        await bot.ask("getFile", file_id=file_id)


@pytest.mark.parametrize(
    ("encoded", "sides"),
    [
        ("R0lGODlhAgADAIAAAAAAAP///yH5BAAAAAAALAAAAAACAAMAAAIChF8AOw==", (2, 3)),
        ("/9j/4AAQSkZJRgABAQAAAQABAAD/wAARCAADAAIDASIAAhEBAxEB", (2, 3)),
        ("UklGRiQAAABXRUJQVlA4IBgAAAAwAQCdASoCAAMAAgA0JaQAA3AA/vuUAAA=", (2, 3)),
        ("UklGRhoAAABXRUJQVlA4TA4AAAAvAYAAAAcQEf0PRET/Aw==", (2, 3)),
        ("bm9uZQ==", None),
    ],
)
def test_pictures_tell_their_size(encoded: str, sides: Any) -> None:
    """GIF, JPEG and both kinds of WebP; PNG is what the other tests send."""
    assert size(base64.b64decode(encoded)) == sides
