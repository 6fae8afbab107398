from __future__ import annotations

import asyncio
import email
import email.policy
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cobot.errors import DeliveryUnknown, Forbidden, Rejected, Unreachable
from cobot.net import Http, Part, TimeLimits, Upload, multipart, raw
from net.servers import Peer, always, answer, echo, serve

MEGABYTE = 1024 * 1024


async def read(upload: Upload) -> bytes:
    """Return all of a body, as a transport would send it."""
    await upload.open()
    body = b"".join([piece async for piece in upload])
    await upload.aclose()
    return body


def parts_of(content_type: str, body: bytes) -> list[tuple[dict[str, str], bytes]]:
    """Return the parts of a form as somebody else's parser sees them."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.message_from_bytes(head + body, policy=email.policy.HTTP)
    parts = []
    for part in message.iter_parts():
        disposition = part["Content-Disposition"]
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        parts.append(({**disposition.params, "type": part.get_content_type()}, content))
    return parts


async def pieces(*made: bytes) -> AsyncIterator[bytes]:
    """Make pieces, one after another."""
    for one in made:
        yield one


@given(
    st.lists(st.tuples(st.sampled_from(["chat", "text", "photo"]), st.binary()), max_size=5),
)
def test_a_form_says_what_was_put_in(values: list[tuple[str, bytes]]) -> None:
    """Whatever bytes the parts have, a server finds the same parts in the same order."""
    upload = multipart([Part(name, value, filename="f") for name, value in values])
    body = asyncio.run(read(upload))

    assert upload.length == len(body)
    if values:
        found = parts_of(upload.headers["Content-Type"], body)
        assert [(part["name"], content) for part, content in found] == values


async def test_a_form_names_its_files(tmp_path: Path) -> None:
    """Text, bytes, files and pieces stand side by side, each with its name and kind."""
    path = tmp_path / "loft.txt"
    path.write_bytes(b"from a file")
    upload = multipart(
        [
            Part("caption", "héllo 😀"),
            Part("photo", b"\xff\xd8", filename="a b.jpg", content_type="image/jpeg"),
            Part("document", path, filename="ü.txt"),
            Part("audio", pieces(b"one", b"", b"two"), filename="x", length=6),
        ]
    )

    body = await read(upload)

    found = parts_of(upload.headers["Content-Type"], body)
    assert [content for _, content in found] == [
        "héllo 😀".encode(),
        b"\xff\xd8",
        b"from a file",
        b"onetwo",
    ]
    assert [part.get("filename") for part, _ in found][:2] == [None, "a b.jpg"]
    assert 'filename="ü.txt"'.encode() in body
    assert [part["type"] for part, _ in found][1:3] == [
        "image/jpeg",
        "application/octet-stream",
    ]
    assert upload.length == len(body)


async def test_a_name_cannot_leave_its_place() -> None:
    """Names that people chose do not make headers or parts of their own."""
    upload = multipart(
        [Part('a"\r\nX: 1', b"x", filename='"\r\n\r\n--', content_type="a/b\r\nX: 1")]
    )

    body = await read(upload)

    assert body.count(b"\r\n") == 6
    assert b'name="a%22%0D%0AX: 1"; filename="%22%0D%0A%0D%0A--"' in body


async def test_a_file_is_uploaded_as_it_is(http: Http, tmp_path: Path) -> None:
    """Megabytes arrive byte by byte, with their length told beforehand."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(bytes(range(256)) * 4096 * 3)
    async with serve(echo) as server:
        told = await http.upload("media", server.url, raw(path, "image/jpeg"), method="PUT")

    (request,) = server.requests
    assert (request.method, request.headers["content-type"]) == ("PUT", "image/jpeg")
    assert request.headers["content-length"] == str(3 * MEGABYTE)
    assert "transfer-encoding" not in request.headers
    assert request.body == told.body == path.read_bytes()


async def test_pieces_of_unknown_length_are_sent_in_chunks(http: Http) -> None:
    """Where nobody knows the length the body is sent all the same."""
    async with serve(echo) as server:
        body = raw(pieces(b"one", b"", b"two"), "text/plain")
        told = await http.upload("media", server.url, body)

    assert told.body == b"onetwo"
    assert server.requests[0].headers["transfer-encoding"] == "chunked"
    assert "content-length" not in server.requests[0].headers


async def test_headers_of_the_caller_are_sent_with_an_upload(http: Http) -> None:
    """An upload has the caller's headers, and its own content type."""
    ready = http.headers({"Authorization": "Bird abc"})
    async with serve(echo) as server:
        await http.upload("media", server.url, multipart([Part("a", "b")]), headers=ready)

    headers = server.requests[0].headers
    assert headers["authorization"] == "Bird abc"
    assert headers["content-type"].startswith("multipart/form-data; boundary=")


async def test_a_large_file_is_never_in_memory(http: Http, tmp_path: Path) -> None:
    """However large a file is, only a piece of it is in memory."""
    path = tmp_path / "film.mp4"
    with path.open("wb") as file:
        file.truncate(64 * MEGABYTE)

    async def behave(peer: Peer) -> None:
        head = await peer.read_head()
        assert head is not None
        left = int(head[2]["content-length"])
        while left:
            left -= len(await peer.reader.read(min(left, 65536)))
        await peer.answer()

    async with serve(behave) as server:
        tracemalloc.start()
        told = await http.upload("media", server.url, raw(path, "video/mp4"))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert told.status == 200
    assert peak < 4 * MEGABYTE


@pytest.mark.parametrize("name", ["missing", "."])
async def test_what_is_no_file_is_rejected(http: Http, tmp_path: Path, name: str) -> None:
    """A file that cannot be read is never sent, and never tried again."""
    async with serve(echo) as server:
        with pytest.raises(Rejected, match="cannot be read") as caught:
            await http.upload("media", server.url, raw(tmp_path / name, "image/png"))

        assert caught.value.field == "media"
        assert server.connections == 0


async def test_a_file_that_gets_shorter_is_rejected(http: Http, tmp_path: Path) -> None:
    """What was announced and is not there any more is not sent in part."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(bytes(20 * MEGABYTE))

    async def behave(peer: Peer) -> None:
        await peer.read_head()
        with path.open("r+b") as file:
            file.truncate(10 * MEGABYTE)
        assert len(await peer.reader.read(-1)) < 20 * MEGABYTE

    async with serve(behave) as server:
        with pytest.raises(Rejected, match=rf"it ends after \d+ of {20 * MEGABYTE} bytes"):
            await http.upload("media", server.url, raw(path, "image/jpeg"))
        await server.until_open(0)


async def test_a_file_that_grows_is_sent_as_it_was(http: Http, tmp_path: Path) -> None:
    """What is written to a file meanwhile is not part of it."""
    path = tmp_path / "log.txt"
    path.write_bytes(bytes(20 * MEGABYTE))

    async def behave(peer: Peer) -> None:
        head = await peer.read_head()
        assert head is not None
        with path.open("ab") as file:
            file.write(b"new")
        body = await peer.reader.readexactly(int(head[2]["content-length"]))
        await peer.answer(body[-3:])
        assert await peer.reader.read() == b""

    async with serve(behave) as server:
        told = await http.upload("media", server.url, raw(path, "text/plain"))
        await http.aclose()

    assert told.body == bytes(3)


@pytest.mark.parametrize("made", [(b"1234567",), (b"12345", b"67"), (b"123",)])
async def test_pieces_that_are_not_as_announced_are_rejected(
    http: Http, made: tuple[bytes, ...]
) -> None:
    """Too much and too little are both a mistake of whoever makes the pieces."""
    async with serve(echo) as server:
        body = multipart([Part("file", pieces(*made), filename="x", length=6)])
        with pytest.raises(Rejected, match="cannot be read: it"):
            await http.upload("media", server.url, body)

        assert server.requests == []


async def test_one_piece_too_many_is_unknown(http: Http) -> None:
    """Who gives all that was announced and then more may have been understood before."""
    async with serve(echo) as server:
        body = raw(pieces(b"123456", b"7"), "text/plain", length=6)
        with pytest.raises(DeliveryUnknown, match="longer than 6 bytes"):
            await http.upload("media", server.url, body)


class Wrong(Exception):
    """A mistake of whoever makes the pieces."""


@pytest.mark.parametrize("error", [Wrong("mine"), Forbidden("owl", "download", "no")])
async def test_errors_of_the_maker_of_pieces_are_his_own(http: Http, error: Exception) -> None:
    """What goes wrong with making the pieces arrives as it was raised."""

    async def break_off() -> AsyncIterator[bytes]:
        yield b"one"
        raise error

    async with serve(echo) as server:
        with pytest.raises(type(error)) as caught:
            await http.upload("media", server.url, raw(break_off(), "text/plain"))

        assert caught.value is error
        await server.until_open(0)


@pytest.mark.parametrize("breaks", ["close", "reset"])
async def test_an_upload_that_breaks_half_way_is_unreachable(http: Http, breaks: str) -> None:
    """What did not arrive as a whole was not carried out."""
    closed = False

    async def endless() -> AsyncIterator[bytes]:
        nonlocal closed
        try:
            while True:
                yield bytes(65536)
        finally:
            closed = True

    async def behave(peer: Peer) -> None:
        await peer.read_head()
        await peer.reader.readexactly(MEGABYTE)
        if breaks == "reset":
            peer.reset()

    async with serve(behave) as server:
        with pytest.raises(Unreachable):
            await http.upload("media", server.url, raw(endless(), "text/plain"))

    assert closed


async def test_an_upload_that_breaks_at_the_end_is_unknown(http: Http) -> None:
    """What was sent to its end may have been carried out."""

    async def behave(peer: Peer) -> None:
        await peer.read()

    async with serve(behave) as server:
        with pytest.raises(DeliveryUnknown):
            await http.upload("media", server.url, raw(b"small", "text/plain"))


async def test_an_early_refusal_is_the_answer(http: Http) -> None:
    """A server that answers before it has read all is heard, and sending ends."""

    async def behave(peer: Peer) -> None:
        await peer.read_head()
        await peer.answer(b'{"error": "too large"}', "413 Payload Too Large")
        await peer.reader.read(-1)

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(65536)

    async with serve(behave) as server:
        told = await http.upload("media", server.url, raw(endless(), "text/plain"))

        assert (told.status, told.json()) == (413, {"error": "too large"})
        await server.until_open(0)


async def test_an_upload_that_nobody_takes_is_given_up(http: Http) -> None:
    """A server that stops reading holds nobody for ever; nothing happened."""

    async def behave(peer: Peer) -> None:
        await peer.read_head()
        await asyncio.get_running_loop().create_future()

    limits = TimeLimits(stall_s=0.1)
    async with serve(behave) as server:
        body = raw(bytes(50 * MEGABYTE), "text/plain")
        with pytest.raises(Unreachable, match=r"nothing went to .* for 0\.1 s"):
            await http.upload("media", server.url, body, limits=limits)


async def test_an_answer_that_does_not_come_is_unknown(http: Http) -> None:
    """After the whole upload silence is no proof of anything."""

    async def behave(peer: Peer) -> None:
        await peer.read()
        await peer.reader.read()

    limits = TimeLimits(stall_s=0.1)
    async with serve(behave) as server:
        with pytest.raises(DeliveryUnknown, match=r"nothing went to .* for 0\.1 s"):
            await http.upload("media", server.url, raw(b"x", "text/plain"), limits=limits)


async def test_a_slow_upload_that_goes_on_is_not_given_up(http: Http) -> None:
    """The limit is for standing still, and not for all of it."""
    limits = TimeLimits(stall_s=0.2)

    async def slowly() -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        for _ in range(6):
            ticked = loop.create_future()
            loop.call_later(0.06, ticked.set_result, None)
            await ticked
            yield b"x"

    async with serve(echo) as server:
        body = raw(slowly(), "text/plain")
        told = await http.upload("media", server.url, body, limits=limits)

    assert told.body == b"xxxxxx"


async def test_a_cancelled_upload_closes_its_source(http: Http, tmp_path: Path) -> None:
    """Whoever stops an upload leaves no file open and no connection behind."""
    path = tmp_path / "film.mp4"
    with path.open("wb") as file:
        file.truncate(64 * MEGABYTE)
    began = asyncio.Event()

    async def behave(peer: Peer) -> None:
        await peer.read_head()
        began.set()
        await peer.reader.read(-1)

    body = raw(path, "video/mp4")
    async with serve(behave) as server:
        upload = asyncio.create_task(http.upload("media", server.url, body))
        await began.wait()
        upload.cancel()
        with pytest.raises(asyncio.CancelledError):
            await upload
        await server.until_open(0)

    (section,) = body._sections
    assert section.file is not None
    assert section.file.closed


async def test_a_body_is_sent_once(http: Http) -> None:
    """A body that was sent is used up; sending it again is a mistake of the caller."""
    body = raw(pieces(b"one"), "text/plain")
    async with serve(always(answer())) as server:
        await http.upload("media", server.url, body)
        with pytest.raises(RuntimeError, match="a body can be sent once"):
            await http.upload("media", server.url, body)
