"""Files that came in, byte by byte, over real sockets."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from fakes import ManualClock
from networks.telegram import FakeTelegram, Fault, FileLimits, errors, page

from cobot import (
    ChannelError,
    Media,
    Rejected,
    Unreachable,
)
from cobot_telegram import Telegram
from cobot_telegram.transfers import DOWNLOAD_BYTES
from telegram.bots import PAGES, files_in, receiving, with_web


async def _media_in(channel: Telegram) -> Media:
    async with receiving(channel) as receiver:
        (media,) = (await receiver.message()).media
    return media


async def _fetch(channel: Telegram, media: Media, path: Path, limit: int = 10**9) -> None:
    await channel.session_fetch("telegram", media, path, limit)


async def test_a_file_is_fetched_byte_by_byte(
    channel: Telegram, network: FakeTelegram, tmp_path: Path
) -> None:
    """Whatever is in it."""
    content = bytes(range(256)) * 5000
    network.private_chat().document(content, name="data.bin")
    path = tmp_path / "file"
    await _fetch(channel, await _media_in(channel), path)

    assert path.read_bytes() == content


@pytest.mark.parametrize("limit", [10**9, 10_000])
async def test_a_file_that_is_too_large_is_not_asked_for(
    channel: Telegram, network: FakeTelegram, tmp_path: Path, limit: int
) -> None:
    """More than Telegram gives, or than is wanted: its size is known beforehand."""
    size = DOWNLOAD_BYTES + 1 if limit == 10**9 else 10_001
    network.private_chat().document(b"x", size=size)
    media = await _media_in(channel)
    with pytest.raises(Rejected) as caught:
        await _fetch(channel, media, tmp_path / "file", limit)

    assert caught.value.field == "media"
    assert network.calls("getFile") == []


async def test_a_file_whose_size_was_not_told_is_refused_in_time(
    channel: Telegram, network: FakeTelegram, tmp_path: Path
) -> None:
    """By Telegram, when it is asked for."""
    network.world.files.limits = FileLimits(download_bytes=10)
    network.private_chat().document(b"x" * 11)
    media = await _media_in(channel)
    untold = Media.from_remote(media.remote or {}, name="n.txt")
    with pytest.raises(Rejected, match="file is too big"):
        await _fetch(channel, untold, tmp_path / "file")


@pytest.mark.parametrize(
    ("method", "failure", "expected"),
    [
        ("getFile", errors.bad_request("invalid file_id"), Rejected),
        ("getFile", errors.server_error(), Unreachable),
        ("download", errors.ApiError(404, "Not Found"), Rejected),
        ("download", page(502), Unreachable),
        ("download", Fault.CUT, Unreachable),
    ],
    ids=repr,
)
async def test_a_file_that_does_not_come_leaves_nothing(
    channel: Telegram,
    network: FakeTelegram,
    tmp_path: Path,
    method: str,
    failure: object,
    expected: type[ChannelError],
) -> None:
    """The error says whether it is worth another try, and shows no address."""
    network.private_chat().document(b"x" * 100)
    media = await _media_in(channel)
    network.fail_next(method, failure, times=None)  # type: ignore[arg-type]
    with pytest.raises(expected) as caught:
        await _fetch(channel, media, tmp_path / "file")

    assert network.token not in str(caught.value)
    assert files_in(tmp_path) == []


async def test_a_file_of_nobodys_is_rejected(channel: Telegram, tmp_path: Path) -> None:
    """What did not come through Telegram cannot be had there."""
    with pytest.raises(Rejected):
        await _fetch(channel, Media.from_remote({}, name="x"), tmp_path / "file")


async def test_a_server_that_names_a_path_is_not_followed(
    channel: Telegram, network: FakeTelegram, tmp_path: Path
) -> None:
    """A server with --local tells where the file is on its own disk."""
    network.private_chat().document(b"x")
    media = await _media_in(channel)
    stored = network.world.files.get(str((media.remote or {})["file_id"]))
    assert stored is not None
    object.__setattr__(stored, "path", "/etc/passwd")
    with pytest.raises(Rejected, match="--local"):
        await _fetch(channel, media, tmp_path / "file")


async def test_an_odd_way_to_a_file_is_gone(
    channel: Telegram, network: FakeTelegram, tmp_path: Path
) -> None:
    """Signs that mean something in an address are escaped in it."""
    network.private_chat().document(b"x")
    media = await _media_in(channel)
    stored = network.world.files.get(str((media.remote or {})["file_id"]))
    assert stored is not None
    object.__setattr__(stored, "path", "documents/a b#1?.txt")
    with pytest.raises(Rejected):
        await _fetch(channel, media, tmp_path / "file")

    assert network.calls("download")[0].params["path"] == "documents/a b#1?.txt"


async def test_a_file_on_the_web_is_fetched(
    network: FakeTelegram, clock: ManualClock, tmp_path: Path
) -> None:
    """Media from an address go the same way as to any channel."""
    media = Media.from_url(f"{PAGES}/n.txt", name="n.txt")
    async with with_web(
        network, clock, tmp_path, lambda _request: httpx.Response(200, content=b"notes")
    ) as channel:
        await _fetch(channel, media, tmp_path / "file")

    assert (tmp_path / "file").read_bytes() == b"notes"
