"""The WebSocket server of the fake networks."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from networks.sockets import Opcode, Socket, SocketServer, accept_key, frame
from networks.web import Head, Response

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = (
    "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
GUARD_S = 5.0


class Echo:
    """A server that says what it hears."""

    def __init__(self) -> None:
        self.sockets: list[Socket] = []
        self.heads: list[Head] = []
        self.happened: asyncio.Queue[str] = asyncio.Queue()
        self.server = SocketServer(self.opened, admit=self.admit, message_bytes=200_000)

    def admit(self, head: Head) -> Response | None:
        """Refuse one path."""
        return Response(403) if head.path == "/secret" else None

    def opened(self, socket: Socket, head: Head) -> None:
        """Take a connection up."""
        socket.on_text = socket.send
        socket.on_pong = lambda: self.happened.put_nowait("pong")
        socket.on_gone = lambda: self.happened.put_nowait("gone")
        self.sockets.append(socket)
        self.heads.append(head)


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    """A server that listens."""
    echo = Echo()
    await echo.server.listen()
    yield echo
    await echo.server.close()


@pytest.fixture
async def client(echo: Echo) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A connection of a client that is not ours."""
    url = f"ws://127.0.0.1:{echo.server.port}/path?x=1"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as client:
        yield client


class Raw:
    """A client that sends bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def talk(self, sent: bytes) -> bytes:
        """Send bytes; return all that comes until the server ends, or a whole frame."""
        self.writer.write(sent)
        async with asyncio.timeout(GUARD_S):
            head = await self.reader.readexactly(2)
            return head + await self.reader.readexactly(head[1])


@pytest.fixture
async def raw(echo: Echo) -> AsyncIterator[Raw]:
    """A connection that is upgraded, byte by byte from there."""
    reader, writer = await asyncio.open_connection("127.0.0.1", echo.server.port)
    writer.write(UPGRADE.encode())
    await reader.readuntil(b"\r\n\r\n")
    yield Raw(reader, writer)
    writer.close()


def masked(opcode: int, payload: bytes, *, is_last: bool = True) -> bytes:
    """Return a short frame as clients send it."""
    mask = b"\x01\x02\x03\x04"
    hidden = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    return bytes([(0x80 if is_last else 0) | opcode, 0x80 | len(payload)]) + mask + hidden


def test_the_key_is_answered_as_in_the_rfc() -> None:
    """With the example of its section 1.3."""
    assert accept_key(KEY) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536, 150_000])
async def test_messages_of_every_size_come_back(
    client: aiohttp.ClientWebSocketResponse, size: int
) -> None:
    """The length of a frame is written in three ways."""
    text = os.urandom(size).hex()[:size]
    await client.send_str(text)

    assert await client.receive_str() == text


async def test_the_request_is_handed_over(
    client: aiohttp.ClientWebSocketResponse, echo: Echo
) -> None:
    """With its path and query."""
    assert (echo.heads[0].path, echo.heads[0].query) == ("/path", "x=1")


async def test_a_path_can_be_refused(echo: Echo) -> None:
    """By an answer in plain HTTP."""
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(f"ws://127.0.0.1:{echo.server.port}/secret")

    assert refused.value.status == 403


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 426),
        (UPGRADE.replace(": 13", ": 8"), 400),
        (UPGRADE.replace("Sec-WebSocket-Key", "X-Key"), 400),
        ("nonsense\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nX: " + "x" * 70_000, 431),
    ],
)
async def test_what_is_no_upgrade_is_refused(
    echo: Echo, request_text: str, status: int
) -> None:
    """And the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", echo.server.port)
    writer.write(request_text.encode())
    answer = await reader.read()
    writer.close()

    assert answer.startswith(f"HTTP/1.1 {status} ".encode())


async def test_pings_are_answered(raw: Raw) -> None:
    """With what they carry."""
    assert await raw.talk(masked(Opcode.PING, b"abc")) == frame(Opcode.PONG, b"abc")


async def test_its_own_pings_are_noticed_when_answered(
    client: aiohttp.ClientWebSocketResponse, echo: Echo
) -> None:
    """The client's library answers while it reads."""
    echo.sockets[0].ping(b"x")
    echo.sockets[0].send("go on")
    await client.receive_str()

    assert await asyncio.wait_for(echo.happened.get(), GUARD_S) == "pong"


async def test_fragments_are_put_together(raw: Raw) -> None:
    """Also around a ping."""
    parts = masked(Opcode.TEXT, b"he", is_last=False) + masked(Opcode.PING, b"")
    first = await raw.talk(parts + masked(Opcode.CONTINUATION, b"llo"))

    assert first == frame(Opcode.PONG, b"")
    assert await raw.talk(b"") == frame(Opcode.TEXT, b"hello")


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(Opcode.TEXT, b"not masked"), 1002),
        (masked(0x40 | Opcode.TEXT, b"x"), 1002),
        (masked(5, b"x"), 1002),
        (masked(Opcode.TEXT, b"\xff"), 1007),
        (bytes([0x81, 0xFF]) + (200_001).to_bytes(8, "big"), 1009),
    ],
)
async def test_a_breach_of_the_protocol_closes(raw: Raw, sent: bytes, code: int) -> None:
    """With the code that says which."""
    answer = await raw.talk(sent)

    assert answer[0] == 0x80 | Opcode.CLOSE
    assert int.from_bytes(answer[2:4], "big") == code


async def test_the_client_closes(client: aiohttp.ClientWebSocketResponse, echo: Echo) -> None:
    """Its code is kept, and nothing can be sent any more."""
    await client.close(code=4001)
    happened = await asyncio.wait_for(echo.happened.get(), GUARD_S)

    assert (happened, echo.sockets[0].close_code) == ("gone", 4001)
    assert not echo.sockets[0].is_open


async def test_a_close_may_say_nothing(raw: Raw, echo: Echo) -> None:
    """It is answered by one that says nothing either."""
    assert await raw.talk(masked(Opcode.CLOSE, b"")) == frame(Opcode.CLOSE, b"")
    assert await asyncio.wait_for(echo.happened.get(), GUARD_S) == "gone"
    assert echo.sockets[0].close_code is None


async def test_a_request_may_come_in_pieces(echo: Echo) -> None:
    """And what follows it with its end."""
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    _, protocol = await loop.connect_accepted_socket(lambda: Socket(echo.server), theirs)
    text = UPGRADE.encode()
    protocol.data_received(text[:40])
    before = len(echo.sockets)
    protocol.data_received(text[40:] + masked(Opcode.TEXT, b"hi"))
    answer = await loop.sock_recv(ours, 4096)
    ours.close()

    assert (before, len(echo.sockets)) == (0, 1)
    assert answer.endswith(b"\r\n\r\n" + frame(Opcode.TEXT, b"hi"))


async def test_the_server_closes(client: aiohttp.ClientWebSocketResponse, echo: Echo) -> None:
    """The client is told the code; its answer ends the connection."""
    echo.sockets[0].close(1012, "restart")
    message = await client.receive()

    assert (message.type, client.close_code) == (aiohttp.WSMsgType.CLOSE, 1012)
    assert await asyncio.wait_for(echo.happened.get(), GUARD_S) == "gone"


async def test_a_reset_is_no_close(client: aiohttp.ClientWebSocketResponse, echo: Echo) -> None:
    """The client sees an end that nobody announced."""
    echo.sockets[0].reset()
    message = await client.receive()

    assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
    assert client.close_code == 1006


async def test_a_frozen_connection_says_and_hears_nothing(
    client: aiohttp.ClientWebSocketResponse, echo: Echo
) -> None:
    """Though it is open."""
    heard: list[Any] = []
    (socket,) = echo.sockets
    socket.on_text = heard.append
    socket.freeze()
    socket.send("unheard")
    await client.send_str("unread")

    with pytest.raises(TimeoutError):
        await client.receive(timeout=0.05)
    assert (heard, socket.is_open) == ([], True)


async def test_binary_messages_can_be_sent(
    client: aiohttp.ClientWebSocketResponse, echo: Echo
) -> None:
    """For clients that have to leave them alone."""
    echo.sockets[0].send_bytes(b"\x00\xff")

    assert await client.receive_bytes() == b"\x00\xff"


async def test_it_refuses_and_listens_again(echo: Echo) -> None:
    """On the same port."""
    url = f"ws://127.0.0.1:{echo.server.port}"
    echo.server.refuse()
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.ws_connect(url)
        await echo.server.listen()
        async with session.ws_connect(url) as client:
            await client.send_str("x")
            assert await client.receive_str() == "x"
