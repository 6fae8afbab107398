from __future__ import annotations

import asyncio
import gzip
import tracemalloc
from pathlib import Path

import pytest

from cobot.errors import Rejected, Unreachable
from cobot.net import Http, TimeLimits
from net.servers import Peer, always, answer, hang, left_in, once, serve
from net.test_failures import BROKEN

MEGABYTE = 1024 * 1024
PICTURE = bytes(range(256)) * 4096


async def test_a_file_arrives_as_it_is(http: Http, tmp_path: Path) -> None:
    """What is downloaded is what was there, in the file and nowhere else."""
    path = tmp_path / "photo.jpg"
    async with serve(always(answer(PICTURE, kind="image/jpeg"))) as server:
        told = await http.download(
            "media", f"{server.url}/file", most_bytes=MEGABYTE, path=path
        )

    assert (told.status, told.body) == (200, b"")
    assert told.headers["Content-Type"] == "image/jpeg"
    assert path.read_bytes() == PICTURE
    assert left_in(tmp_path) == [path.name]


async def test_without_a_path_it_is_in_the_answer(http: Http) -> None:
    """A small file needs no place on the disk."""
    headers = {"Authorization": "Bird abc"}
    async with serve(always(answer(PICTURE))) as server:
        told = await http.download("media", server.url, most_bytes=MEGABYTE, headers=headers)

    assert told.body == PICTURE
    assert server.requests[0].headers["authorization"] == "Bird abc"
    assert server.requests[0].method == "GET"


@pytest.mark.parametrize("size", [0, 1, 256 * 1024, 256 * 1024 + 1])
async def test_files_of_any_size_arrive(http: Http, tmp_path: Path, size: int) -> None:
    """Also an empty file is a file, and the last piece is not forgotten."""
    path = tmp_path / "file"
    async with serve(always(answer(bytes(size)))) as server:
        await http.download("media", server.url, most_bytes=size, path=path)

    assert path.stat().st_size == size


WAYS = {
    "announced": answer(bytes(1001)),
    "in chunks": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n"
        + bytes(1001)
        + b"\r\n0\r\n\r\n"
    ),
    "until the end": b"HTTP/1.1 200 OK\r\n\r\n" + bytes(1001),
    "packed": answer(gzip.compress(bytes(1001)), content_encoding="gzip"),
}


@pytest.mark.parametrize("wire", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("to_file", [True, False])
async def test_what_is_too_large_is_rejected(
    http: Http, tmp_path: Path, wire: bytes, to_file: bool
) -> None:
    """One byte too many is too many, however it comes; nothing of it is left."""
    path = tmp_path / "file" if to_file else None
    async with serve(once(wire)) as server:
        with pytest.raises(Rejected, match="too large") as caught:
            await http.download("media", server.url, most_bytes=1000, path=path)
        await server.until_open(0)

    assert caught.value.field == "media"
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("wire", WAYS.values(), ids=WAYS)
async def test_what_just_fits_is_taken(http: Http, tmp_path: Path, wire: bytes) -> None:
    """The limit itself is allowed."""
    path = tmp_path / "file"
    async with serve(once(wire)) as server:
        await http.download("media", server.url, most_bytes=1001, path=path)

    assert path.read_bytes() == bytes(1001)


async def test_a_large_file_is_never_in_memory(http: Http, tmp_path: Path) -> None:
    """However large a file is, only a piece of it is in memory."""

    async def behave(peer: Peer) -> None:
        await peer.read()
        await peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 * MEGABYTE))
        piece = bytes(65536)
        for _ in range(1024):
            await peer.write(piece)

    path = tmp_path / "film.mp4"
    async with serve(behave) as server:
        tracemalloc.start()
        await http.download("media", server.url, most_bytes=64 * MEGABYTE, path=path)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert path.stat().st_size == 64 * MEGABYTE
    assert peak < 4 * MEGABYTE


@pytest.mark.parametrize("status", ["404 Not Found", "302 Found", "502 Bad Gateway"])
async def test_what_is_said_instead_of_a_file_is_the_answer(
    http: Http, tmp_path: Path, status: str
) -> None:
    """A refusal is told as such and put into no file; nothing is followed."""
    path = tmp_path / "file"
    page = answer(b'{"no": 1}', status, location="http://127.0.0.1:1/")
    async with serve(always(page)) as server:
        told = await http.download("media", server.url, most_bytes=3, path=path)

    assert (f"{told.status}", told.json()) == (status[:3], {"no": 1})
    assert left_in(tmp_path) == []


async def test_a_long_refusal_is_cut(http: Http) -> None:
    """Who says no at great length is heard in part."""

    async def behave(peer: Peer) -> None:
        await peer.read()
        await peer.write(b"HTTP/1.1 500 No\r\n\r\n")
        while True:
            await peer.write(bytes(65536))

    async with serve(behave) as server:
        told = await http.download("media", server.url, most_bytes=3)
        await server.until_open(0)

    assert told.status == 500
    assert len(told.body) < 100_000


IN_THE_BODY = {name: one for name, one in BROKEN.items() if "body" in name or "chunk" in name}


@pytest.mark.parametrize("name", IN_THE_BODY)
async def test_a_broken_download_is_unreachable(http: Http, tmp_path: Path, name: str) -> None:
    """Half a file is no file, and getting it again harms nobody."""
    async with serve(IN_THE_BODY[name]) as server:
        with pytest.raises(Unreachable, match="pigeon: media: "):
            await http.download("media", server.url, most_bytes=100, path=tmp_path / "file")

    assert left_in(tmp_path) == []


async def test_a_download_that_stands_still_is_given_up(http: Http, tmp_path: Path) -> None:
    """A server that stops in the middle holds nobody for ever."""

    async def behave(peer: Peer) -> None:
        await peer.read()
        await peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")
        await peer.reader.read()

    limits = TimeLimits(stall_s=0.1)
    async with serve(behave) as server:
        with pytest.raises(Unreachable, match=r"for 0\.1 s"):
            await http.download(
                "media", server.url, most_bytes=9, path=tmp_path / "file", limits=limits
            )

    assert left_in(tmp_path) == []


@pytest.mark.parametrize("kind", ["folder is missing", "is a folder"])
async def test_what_cannot_be_written_is_said(http: Http, tmp_path: Path, kind: str) -> None:
    """Our own disk's trouble is told as that, and leaves nothing behind."""
    path = tmp_path / "missing" / "file" if kind == "folder is missing" else tmp_path / "folder"
    if kind == "is a folder":
        path.mkdir()
        (path / "full").touch()
    async with serve(always(answer(PICTURE))) as server:
        with pytest.raises(Unreachable, match="what came cannot be written: "):
            await http.download("media", server.url, most_bytes=MEGABYTE, path=path)

    assert [name for name in left_in(tmp_path) if name.startswith(".")] == []


async def test_a_cancelled_download_leaves_nothing_behind(http: Http, tmp_path: Path) -> None:
    """Whoever stops a download finds no file of it."""
    began = asyncio.Event()

    async def behave(peer: Peer) -> None:
        await peer.read()
        await peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n", bytes(999_999))
        began.set()
        await peer.reader.read()

    async with serve(behave) as server:
        download = asyncio.create_task(
            http.download("media", server.url, most_bytes=10 * MEGABYTE, path=tmp_path / "file")
        )
        await began.wait()
        download.cancel()
        with pytest.raises(asyncio.CancelledError):
            await download
        await server.until_open(0)

    assert left_in(tmp_path) == []


async def test_neither_polls_nor_downloads_take_a_sends_place() -> None:
    """With as many polls and downloads as there may be, a send still leaves at once."""

    async def behave(peer: Peer) -> None:
        request = await peer.read()
        if request is not None and request.target == "/send":
            await peer.answer()
        await peer.reader.read()

    async with serve(behave) as server, Http("pigeon", connections=1) as http:
        waiting = [
            asyncio.create_task(http.poll("receive", f"{server.url}/poll", wait_s=50)),
            asyncio.create_task(http.download("media", f"{server.url}/f", most_bytes=1)),
        ]
        await server.until_open(2)
        told = await http.call("send", f"{server.url}/send", {})
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    assert told.status == 200


async def test_a_silent_server_is_left_after_the_total_time(http: Http) -> None:
    """A limit on all of it counts for downloads too."""
    async with serve(hang) as server:
        with pytest.raises(Unreachable, match=r"no answer from .* within 0\.05 s"):
            await http.download(
                "media", server.url, most_bytes=1, limits=TimeLimits(stall_s=9, total_s=0.05)
            )
