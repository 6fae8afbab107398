"""Files, out and in."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest
from fakes import ManualClock
from networks.discord import FakeDiscord, Fault, Room
from networks.discord.errors import ApiError, too_large

from cobot import DeliveryUnknown, Media, Rejected, Unsupported
from cobot.net import Http
from cobot_discord import Discord
from cobot_discord.files import UPLOAD_BYTES
from discord.bots import bot_on, files_in, receiving, to


async def test_files_arrive_with_their_caption(
    channel: Discord, network: FakeDiscord, general: Room, tmp_path: Path
) -> None:
    """From memory and from a path, in one message, with the reply and the key."""
    file = tmp_path / "plan.txt"
    file.write_bytes(b"the plan")
    media = [Media.from_bytes(b"a cat", name="cat.png"), Media.from_path(file)]
    asked = general.text("show me")
    message = to(general, "see", media=media, reply_to=asked.id, key="k")
    receipt = await channel.session_media(message)

    (sent,) = network.sent
    assert [one.id for one in receipt.refs] == [sent.id]
    assert (sent.content, sent.reply_to, sent.nonce) == ("see", asked, "k")
    assert [(one.filename, one.content) for one in sent.attachments] == [
        ("cat.png", b"a cat"),
        ("plan.txt", b"the plan"),
    ]


async def test_more_than_ten_files_are_several_messages(
    channel: Discord, network: FakeDiscord, general: Room
) -> None:
    """In order, what is said with the first; a repetition makes none twice."""
    media = [Media.from_bytes(b"%d" % one, name=f"{one}.txt") for one in range(12)]
    message = to(general, "all of them", media=media, key="k")
    network.fail_next("create_message", Fault.LOST)
    with pytest.raises(DeliveryUnknown):
        await channel.session_media(message)
    receipt = await channel.session_media(message)

    assert [one.id for one in network.sent] == [one.id for one in receipt.refs]
    assert [len(one.attachments) for one in network.sent] == [10, 2]
    assert [one.content for one in network.sent] == ["all of them", ""]
    assert [one.filename for sent in network.sent for one in sent.attachments] == [
        f"{one}.txt" for one in range(12)
    ]


async def test_files_that_have_arrived_are_not_sent_again(
    channel: Discord, network: FakeDiscord, general: Room, clock: ManualClock
) -> None:
    """The gateway told of them: that is known for longer than Discord keeps a key."""
    media = [Media.from_bytes(b"%d" % one, name=f"{one}.txt") for one in range(12)]
    message = to(general, "see", media=media, key="k")
    async with receiving(channel) as received:
        await received.ready()
        network.fail_next("create_message", Fault.LOST)
        with pytest.raises(DeliveryUnknown):
            await channel.session_media(message)
        general.text("after it")
        await received.message()
        clock.advance(3600)
        receipt = await channel.session_media(attrs.evolve(message, unknown=True))

    assert [one.id for one in network.sent] == [one.id for one in receipt.refs]
    assert [len(one.attachments) for one in network.sent] == [10, 2]


async def test_files_that_are_refused_behind_others_are_given_up(
    channel: Discord, network: FakeDiscord, general: Room
) -> None:
    """To try again would be in vain, and show the first ones twice some day."""
    media = [Media.from_bytes(b"%d" % one, name=f"{one}.txt") for one in range(12)]
    gate = network.hold("create_message")
    sending = asyncio.ensure_future(
        channel.session_media(to(general, "see", media=media, key="k"))
    )
    await network.wait_for(lambda: gate.waiting)
    network.fail_next("create_message", ApiError(400, 200000, "Blocked"))
    gate.open()
    with pytest.raises(Rejected, match="1 of 2 messages arrived"):
        await sending


async def test_what_is_too_large_is_not_even_tried(
    channel: Discord, network: FakeDiscord, general: Room, tmp_path: Path
) -> None:
    """A link or a text goes in its place."""
    file = tmp_path / "film.mp4"
    with file.open("wb") as opened:
        opened.truncate(UPLOAD_BYTES + 1)
    with pytest.raises(Unsupported, match="Discord takes"):
        await channel.session_media(to(general, media=[Media.from_path(file)]))

    assert network.requests == []


async def test_a_large_file_is_streamed(
    channel: Discord, network: FakeDiscord, general: Room, tmp_path: Path
) -> None:
    """Up to the limit."""
    file = tmp_path / "film.mp4"
    with file.open("wb") as opened:
        opened.truncate(UPLOAD_BYTES)
    await channel.session_media(to(general, media=[Media.from_path(file)]))

    assert network.sent[0].attachments[0].size == UPLOAD_BYTES


async def test_refused_files_give_way(
    channel: Discord, network: FakeDiscord, general: Room
) -> None:
    """Too large for this server, or no right to attach files: what is said can arrive."""
    message = to(general, "see", media=[Media.from_bytes(b"a cat", name="cat.png")])
    network.fail_next("create_message", too_large())
    with pytest.raises(Unsupported):
        await channel.session_media(message)
    general.deny("ATTACH_FILES")
    with pytest.raises(Unsupported):
        await channel.session_media(message)


async def test_media_of_another_network_cannot_be_sent(
    channel: Discord, network: FakeDiscord, general: Room
) -> None:
    """Nobody here knows what its id means."""
    foreign = Media.from_remote({"file_id": "x"}, name="plan.pdf")
    with pytest.raises(Unsupported, match="another network"):
        await channel.session_media(to(general, media=[foreign]))


async def test_a_file_that_came_can_be_read_and_sent_on(
    channel: Discord, network: FakeDiscord, general: Room, tmp_path: Path
) -> None:
    """Byte by byte, and without our token."""
    async with receiving(channel) as received:
        await received.ready()
        general.attach(b"the plan", "plan.txt", text="see")
        message = await received.message()
    (media,) = message.media
    path = tmp_path / "here"
    await channel.session_fetch("discord", media, path, 100)
    await channel.session_media(to(general, media=[media]))

    assert (message.content, media.name, media.size_bytes) == ("see", "plan.txt", 8)
    assert path.read_bytes() == b"the plan"
    assert network.sent[0].attachments[0].content == b"the plan"
    assert all("authorization" not in call.headers for call in network.calls("download"))


async def test_an_address_that_has_expired_is_asked_for_again(
    channel: Discord, network: FakeDiscord, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """The message is still there, and has a new one."""
    async with receiving(channel) as received:
        await received.ready()
        general.attach(b"the plan", "plan.txt")
        (media,) = (await received.message()).media
    clock.advance(25 * 3600)
    path = tmp_path / "here"
    await channel.session_fetch("discord", media, path, 100)

    assert path.read_bytes() == b"the plan"
    assert len(network.calls("download")) == 2


@pytest.mark.parametrize(
    ("remote", "size", "said"),
    [
        ({"attachment_id": "1", "url": "https://evil.test/x"}, 1, "did not come through"),
        ({"attachment_id": "1", "url": "http://cdn.discordapp.com/x"}, 1, "did not come"),
        ({"file_id": "x"}, 1, "did not come through"),
        ({"attachment_id": "1", "url": "https://cdn.discordapp.com/x"}, 101, "at most 100"),
    ],
)
async def test_what_is_not_discords_is_not_fetched(
    channel: Discord, tmp_path: Path, remote: dict[str, Any], size: int, said: str
) -> None:
    """Only from where its files are, and only as much as is wanted."""
    media = Media.from_remote(remote, name="x", size_bytes=size)
    with pytest.raises(Rejected, match=said):
        await channel.session_fetch("discord", media, tmp_path / "x", 100)


async def test_files_of_the_internet_are_fetched_and_uploaded(
    network: FakeDiscord, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """Discord takes no addresses; where it fails, people can follow the link."""

    def answer(request: httpx.Request) -> httpx.Response:
        is_there = request.url.path == "/cat.png"
        return httpx.Response(200 if is_there else 404, content=b"a cat")

    web = httpx.MockTransport(answer)
    async with httpx.AsyncHTTPTransport() as real:

        class Routed(httpx.AsyncBaseTransport):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                carrier = web if request.url.host == "files.test" else real
                return await carrier.handle_async_request(request)

        http = Http("discord", transport=Routed())
        async with bot_on(network, clock, tmp_path, general, http=http) as channel:
            cat = Media.from_url("https://files.test/cat.png", name="cat.png")
            await channel.session_media(to(general, media=[cat]))
            dog = Media.from_url("https://files.test/dog.png", name="dog.png")
            with pytest.raises(Unsupported, match="404"):
                await channel.session_media(to(general, media=[dog]))

    assert [one.content for one in network.sent[0].attachments] == [b"a cat"]
    assert files_in(tmp_path) == []
