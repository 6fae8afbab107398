from __future__ import annotations

import asyncio

import pytest
from fakes import ManualClock, until

from cobot.errors import DeliveryUnknown, Rejected, Unreachable
from cobot.net.closing import SocketClosed
from cobot.net.links import SocketOptions
from cobot.net.sockets import Sockets
from net.gateways import (
    BINARY,
    PING,
    TEXT,
    accept,
    accepts,
    breaks_off,
    farewell,
    frame,
    gateway,
    tasks_of_ours,
)
from net.servers import Peer, serve

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


async def test_messages_go_both_ways(sockets: Sockets) -> None:
    """What one side sends the other receives, as text, whatever it was made of."""
    async with gateway() as server, sockets.connect(server.url) as socket:
        await socket.send("coo")
        await socket.send(b'"\xc3\xbc"')
        heard = [await server.heard.get(), await server.heard.get()]
        await server.link.send("ä" * 100)
        await server.link.send(["in ", "pieces"])
        await server.link.send(b"binary")
        received = [await socket.receive() for _ in range(3)]

    assert heard == ["coo", '"ü"']
    assert received == ["ä" * 100, "in pieces", "binary"]


async def test_the_request_says_what_it_is_told_to(sockets: Sockets) -> None:
    """Headers and subprotocols reach the server; packing is not offered unasked."""
    headers = {"Authorization": "Bearer loft"}
    async with (
        gateway("loft.2", "loft.1") as server,
        sockets.connect(
            f"{server.url}/fly?v=10", headers=headers, subprotocols=["loft.1"]
        ) as socket,
    ):
        request = server.link.request

    assert request is not None
    assert request.path == "/fly?v=10"
    assert request.headers["Authorization"] == "Bearer loft"
    assert request.headers["User-Agent"].startswith("cobot/")
    assert "Sec-WebSocket-Extensions" not in request.headers
    assert socket.subprotocol == "loft.1"


async def test_packing_can_be_allowed(sockets: Sockets) -> None:
    """Messages may be packed where both sides can; the limit is for what is in them."""
    options = SocketOptions(compression=True, received_bytes=1000)
    async with gateway() as server, sockets.connect(server.url, options=options) as socket:
        await server.link.send("x" * 1000)
        fits = await socket.receive()
        await server.link.send("x" * 1001)
        async for _ in socket:
            pytest.fail("it is too long")

    assert len(fits) == 1000
    assert socket.closed is not None
    assert (socket.closed.by, socket.closed.code) == ("us", 1009)


async def deaf(peer: Peer) -> None:
    """Open the WebSocket, and read nothing any more."""
    await accept(peer)
    peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
    await asyncio.Event().wait()


async def test_who_takes_nothing_is_dropped(sockets: Sockets) -> None:
    """A message waits until it is taken, but not for ever; then its fate is unknown."""
    async with serve(deaf) as server, sockets.connect(ws(server.url), options=HASTY) as socket:
        with pytest.raises(DeliveryUnknown, match=r"may not have arrived.*took nothing"):
            await socket.send("x" * 50_000_000)
        with pytest.raises(SocketClosed, match="took nothing"):
            await socket.send("more")

    assert socket.closed is not None
    assert socket.closed.by == "us"


async def test_closing_does_not_wait_for_who_takes_nothing(sockets: Sockets) -> None:
    """What is still to be sent does not hold up the end."""
    options = SocketOptions(close_s=0.1)
    async with (
        serve(deaf) as server,
        sockets.connect(ws(server.url), options=options) as socket,
        asyncio.timeout(5),
    ):
        sending = asyncio.create_task(socket.send("x" * 50_000_000))
        await until(lambda: socket._link.paused)
        await socket.close()
        with pytest.raises(DeliveryUnknown):
            await sending

    assert socket.closed is not None


async def test_nothing_is_sent_on_a_closed_connection(sockets: Sockets) -> None:
    """Whoever sends too late learns that nothing happened, and with which code it ended."""
    async with (
        serve(breaks_off(farewell(4009))) as server,
        sockets.connect(ws(server.url)) as socket,
    ):
        async for _ in socket:
            pass
        with pytest.raises(SocketClosed, match="4009") as caught:
            await socket.send("coo", operation="react")

    assert caught.value.operation == "react"


async def test_what_cannot_be_sent_ends_nothing(sockets: Sockets) -> None:
    """What is too long or no Unicode is refused before it costs the connection."""
    options = SocketOptions(sent_bytes=4)
    async with gateway() as server, sockets.connect(server.url, options=options) as socket:
        with pytest.raises(Rejected, match=r"has 6 bytes, and .* takes no more than 4") as long:
            await socket.send("äöü")
        with pytest.raises(Rejected, match="half of a surrogate pair"):
            await socket.send("\ud800")
        await socket.send("coo!")
        heard = await server.heard.get()

    assert long.value.field == "text"
    assert heard == "coo!"


async def test_a_cancelled_receive_loses_nothing(sockets: Sockets) -> None:
    """Whoever gives up waiting gets the message the next time."""
    async with gateway() as server, sockets.connect(server.url) as socket:
        waiting = asyncio.create_task(socket.receive())
        await until(lambda: socket.is_waiting)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await server.link.send("coo")
        received = await socket.receive()

    assert received == "coo"


WATCHED = SocketOptions(silence_s=90.0)


async def test_silence_is_the_end(sockets: Sockets, clock: ManualClock) -> None:
    """A half-open connection, on which nothing comes and nothing fails, is dropped in time."""
    async with (
        serve(accepts()) as server,
        sockets.connect(ws(server.url), options=WATCHED) as socket,
    ):
        receiving = asyncio.create_task(socket.receive())
        await until(lambda: socket.is_waiting)
        assert await clock.next_sleep() == 90.0
        clock.advance(90)
        with pytest.raises(SocketClosed, match=r"nothing came from .* for 90 s") as caught:
            await receiving
        await server.until_open(0)

    assert (caught.value.closed.by, caught.value.closed.code) == ("us", None)


@pytest.mark.parametrize(
    "sent",
    [frame(TEXT, b"half", last=False), frame(PING, b""), frame(BINARY, b"h", length=9)],
    ids=["fragment", "ping", "part of a frame"],
)
async def test_whatever_comes_ends_a_silence(
    sockets: Sockets, clock: ManualClock, sent: bytes
) -> None:
    """Part of a large message is a sign of life, and so is a ping."""
    more = asyncio.Event()

    async def behave(peer: Peer) -> None:
        await accept(peer)
        await more.wait()
        await peer.write(sent)
        await peer.reader.read()
        await asyncio.Event().wait()

    async with (
        serve(behave) as server,
        sockets.connect(ws(server.url), options=WATCHED) as socket,
    ):
        receiving = asyncio.create_task(socket.receive())
        await until(lambda: socket.is_waiting)
        await clock.next_sleep()
        clock.advance(60)
        more.set()
        await until(lambda: socket.quiet_s == 0)
        clock.advance(30)
        await until(lambda: clock._waiting())
        assert await clock.next_sleep() == 60
        assert socket.closed is None
        clock.advance(60)
        with pytest.raises(SocketClosed):
            await receiving


async def test_what_is_not_read_is_no_silence(sockets: Sockets, clock: ManualClock) -> None:
    """Who is busy with a message for long does not lose the connection for it."""
    async with gateway() as server, sockets.connect(server.url, options=WATCHED) as socket:
        await server.link.send("first")
        await socket.receive()
        for _ in range(3):
            await clock.next_sleep()
            clock.advance(90)
        await clock.next_sleep()
        await server.link.send("second")

        assert await socket.receive() == "second"


async def test_pings_are_sent_and_their_answers_heard(
    sockets: Sockets, clock: ManualClock
) -> None:
    """With pings a quiet connection stays, as long as the other side answers."""
    options = SocketOptions(ping_s=30.0, silence_s=90.0)
    async with gateway() as server, sockets.connect(server.url, options=options) as socket:
        receiving = asyncio.create_task(socket.receive())
        for _ in range(6):
            assert await clock.next_sleep() == 30.0
            clock.advance(30)
            await until(lambda: socket.quiet_s == 0)

        assert socket.closed is None
        await server.link.send("still here")
        assert await receiving == "still here"


async def test_a_cancelled_block_leaves_nothing(sockets: Sockets) -> None:
    """Whoever is stopped in the middle says goodbye, and no task of his goes on."""
    options = SocketOptions(ping_s=30.0, silence_s=90.0)

    async def run() -> None:
        async with sockets.connect(server.url, options=options) as socket:
            async for _ in socket:
                pass

    async with gateway() as server:
        running = asyncio.create_task(run())
        await until(lambda: server.links and tasks_of_ours())
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        left = tasks_of_ours()
        goodbye = await server.goodbyes.get()

    assert left == []
    assert goodbye is not None
    assert goodbye.code == 1000


@pytest.mark.parametrize("is_open", [True, False])
async def test_cancelling_twice_ends_at_once(sockets: Sockets, is_open: bool) -> None:
    """A stop is obeyed in the middle of a handshake, and of a goodbye."""
    inside = asyncio.Event()

    async def behave(peer: Peer) -> None:
        if is_open:
            await accept(peer)
        else:
            inside.set()
        await asyncio.Event().wait()

    async def run() -> None:
        async with sockets.connect(ws(server.url), options=SocketOptions(close_s=60)) as socket:
            inside.set()
            await socket.receive()

    async with serve(behave) as server:
        running = asyncio.create_task(run())
        await inside.wait()
        for _ in range(2):
            running.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(running, 5)

        assert tasks_of_ours() == []


async def test_a_dropped_connection_says_why(sockets: Sockets) -> None:
    """Whoever breaks off says why, and the first reason stays."""
    async with gateway() as server, sockets.connect(server.url) as socket:
        receiving = asyncio.create_task(socket.receive())
        await until(lambda: socket.is_waiting)
        socket.drop("the loft burns")
        socket.drop("something else")
        with pytest.raises(SocketClosed, match="pigeon: receive: the loft burns"):
            await receiving
        assert await server.goodbyes.get() is None


async def test_an_unproven_end_is_an_error_of_the_channel(sockets: Sockets) -> None:
    """What ended is told as Unreachable, which the session answers by trying again."""
    async with serve(breaks_off()) as server, sockets.connect(ws(server.url)) as socket:
        with pytest.raises(Unreachable) as caught:
            await socket.receive()

    assert (caught.value.channel_type, caught.value.operation) == ("pigeon", "receive")
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "[::1]", "10.0.0.1"])
async def test_what_a_stranger_chose_leads_to_the_internet_only(
    sockets: Sockets, host: str
) -> None:
    """However this machine is called, it is not connected to."""
    async with gateway() as server:
        url = server.url.replace("127.0.0.1", host)
        with pytest.raises(Rejected, match="is not an address on the internet"):
            await sockets.connect(url, allow=()).__aenter__()

        assert server.links == []


async def test_what_a_stranger_chose_may_be_allowed(sockets: Sockets) -> None:
    """As for a relay in a network of one's own; the name is what the server is called by."""
    async with gateway() as server:
        url = server.url.replace("127.0.0.1", "localhost")
        async with sockets.connect(url, allow=["127.0.0.0/8", "::1/128"]) as socket:
            await socket.send("coo")
            assert await server.heard.get() == "coo"


async def test_a_name_that_nobody_knows_is_unreachable(sockets: Sockets) -> None:
    """It may be known later."""
    with pytest.raises(Unreachable, match=r"nowhere\.invalid"):
        await sockets.connect("wss://nowhere.invalid/", allow=()).__aenter__()
