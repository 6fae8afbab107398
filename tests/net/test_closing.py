from __future__ import annotations

import asyncio

import pytest
from fakes import ManualClock

from cobot.net.closing import SocketClosed
from cobot.net.links import SocketOptions
from cobot.net.sockets import Sockets
from net.gateways import (
    PING,
    TEXT,
    accept,
    accepts,
    breaks_off,
    farewell,
    frame,
    gateway,
)
from net.servers import Behaviour, Peer, serve

HASTY = SocketOptions(connect_s=0.2, send_s=0.1, close_s=0.1)


def ws(server_url: str) -> str:
    """Return the address of a server as one for WebSockets."""
    return server_url.replace("http", "ws", 1)


@pytest.fixture
def clock() -> ManualClock:
    """Time that stands still."""
    return ManualClock()


@pytest.fixture
def sockets(clock: ManualClock) -> Sockets:
    """The WebSockets of a channel `pigeon`."""
    return Sockets("pigeon", clock=clock)


@pytest.mark.parametrize(
    ("sent", "code", "reason"),
    [
        (farewell(1000), 1000, ""),
        (farewell(4004, "who are you?"), 4004, "who are you?"),
        (farewell(1012, "restart"), 1012, "restart"),
        (frame(0x8, b""), None, ""),
    ],
)
async def test_a_goodbye_of_the_peer_is_told_whole(
    sockets: Sockets, sent: bytes, code: int | None, reason: str
) -> None:
    """Who closed, with which code and why, is known after all messages before it."""
    async with (
        serve(breaks_off(frame(TEXT, b"last words"), sent)) as server,
        sockets.connect(ws(server.url)) as socket,
    ):
        received = [text async for text in socket]
        with pytest.raises(SocketClosed) as caught:
            await socket.receive()

    closed = caught.value.closed
    assert received == ["last words"]
    assert (closed.by, closed.code, closed.reason) == ("peer", code, reason)
    assert socket.closed is closed
    assert str(code or "without a code") in str(caught.value)


async def test_a_reason_of_several_lines_is_one_line(sockets: Sockets) -> None:
    """What a stranger writes cannot pass for a line of our log."""
    async with (
        serve(breaks_off(farewell(4000, "a\nERROR b"))) as server,
        sockets.connect(ws(server.url)) as socket,
    ):
        with pytest.raises(SocketClosed) as caught:
            await socket.receive()

    assert str(caught.value).endswith(r"closed the connection with code 4000: 'a\nERROR b'")


async def test_our_goodbye_has_its_code(sockets: Sockets) -> None:
    """The other side learns why we go, and so does whoever still receives."""
    async with gateway() as server, sockets.connect(server.url) as socket:
        receiving = asyncio.create_task(socket.receive())
        await socket.close(4000, "resuming")
        goodbye = await server.goodbyes.get()
        with pytest.raises(SocketClosed):
            await receiving

    assert goodbye is not None
    assert (goodbye.code, goodbye.reason) == (4000, "resuming")
    assert socket.closed is not None
    assert (socket.closed.by, socket.closed.code) == ("us", 4000)


@pytest.mark.parametrize(
    ("answer", "by", "code"), [(4000, "us", 4000), (1000, "us", 4000), (4004, "peer", 4004)]
)
async def test_goodbyes_that_cross_tell_the_more_important(
    sockets: Sockets, answer: int, by: str, code: int
) -> None:
    """An answer to our goodbye is an echo, unless it has a code of the network's own."""

    async def behave(peer: Peer) -> None:
        await accept(peer)
        await peer.reader.readexactly(8)  # our goodbye
        await peer.write(farewell(answer))

    async with serve(behave) as server, sockets.connect(ws(server.url)) as socket:
        await socket.close(4000)

    assert socket.closed is not None
    assert (socket.closed.by, socket.closed.code) == (by, code)


async def test_a_block_that_ends_closes(sockets: Sockets) -> None:
    """However a block is left, the other side gets the goodbye that was asked for."""
    async with gateway() as server:
        with pytest.raises(ZeroDivisionError):
            async with sockets.connect(server.url, goodbye=4000):
                raise ZeroDivisionError
        first = await server.goodbyes.get()
        async with sockets.connect(server.url):
            pass
        second = await server.goodbyes.get()

    assert (first and first.code, second and second.code) == (4000, 1000)


BROKEN: dict[str, tuple[Behaviour, str]] = {
    "hung up": (breaks_off(), "broke"),
    "hung up in a message": (breaks_off(frame(TEXT, b"half", length=100)), "broke"),
    "hung up between fragments": (breaks_off(frame(TEXT, b"half", last=False)), "broke"),
    "hung up in a header": (breaks_off(b"\x81"), "broke"),
    "reset": (breaks_off(reset=True), "broke: Connection reset by peer"),
    "reset in a message": (
        breaks_off(frame(TEXT, b"half", length=100), reset=True),
        "broke: Connection reset by peer",
    ),
}


@pytest.mark.parametrize(("behaviour", "words"), BROKEN.values(), ids=BROKEN)
async def test_a_connection_that_breaks_has_no_code(
    sockets: Sockets, behaviour: Behaviour, words: str
) -> None:
    """Without a goodbye all we know is that it broke; half a message is none."""
    async with serve(behaviour) as server, sockets.connect(ws(server.url)) as socket:
        received = [text async for text in socket]

    assert received == []
    assert socket.closed is not None
    assert (socket.closed.by, socket.closed.code) == ("network", None)
    assert socket.closed.detail.endswith(words)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(TEXT, b"", length=2_000), 1009),
        (frame(TEXT, b"x" * 700, last=False) + frame(0, b"x" * 700), 1009),
        (frame(TEXT, b"\xff"), 1007),
        (frame(0x3, b""), 1002),
        (frame(PING, b"x" * 126), 1002),
        (b"\xff\xff\xff\xff", 1002),
    ],
    ids=["long", "long in fragments", "no UTF-8", "no such frame", "long ping", "garbage"],
)
async def test_who_breaks_the_rules_is_told(sockets: Sockets, sent: bytes, code: int) -> None:
    """A frame that must not be ends the connection with the code for it; nothing is kept."""
    options = SocketOptions(received_bytes=1_000, close_s=0.1)
    async with (
        serve(accepts(frame(TEXT, b"good"), sent)) as server,
        sockets.connect(ws(server.url), options=options) as socket,
    ):
        received = [text async for text in socket]

    assert received == ["good"]
    assert socket.closed is not None
    assert (socket.closed.by, socket.closed.code) == ("us", code)


async def test_who_never_answers_a_goodbye_is_left(sockets: Sockets) -> None:
    """A close does not take longer than its limit."""

    async def behave(peer: Peer) -> None:
        await accept(peer)
        while await peer.reader.read(100):
            pass  # nothing is answered

    async with serve(behave) as server:
        async with sockets.connect(ws(server.url), options=HASTY) as socket:
            await socket.close(4000)
        await server.until_open(0)

    assert socket.closed is not None
    assert (socket.closed.by, socket.closed.code) == ("us", 4000)


async def test_who_says_goodbye_and_does_not_hang_up_is_left(sockets: Sockets) -> None:
    """A goodbye is the end, even if the connection below stays open."""

    async def behave(peer: Peer) -> None:
        await accept(peer)
        await peer.write(farewell(1001))
        while await peer.reader.read(100):
            pass
        await asyncio.Event().wait()

    async with (
        serve(behave) as server,
        sockets.connect(ws(server.url), options=HASTY) as socket,
    ):
        received = [text async for text in socket]

    assert received == []
    assert socket.closed is not None
    assert (socket.closed.by, socket.closed.code) == ("peer", 1001)
