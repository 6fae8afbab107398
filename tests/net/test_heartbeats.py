from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import attrs
import pytest
from fakes import ManualClock, until

from cobot.errors import Rejected
from cobot.net.heartbeats import GRACE_S, Heartbeat
from cobot.net.links import SocketOptions
from cobot.net.pacing import Pace
from cobot.net.sockets import Socket, Sockets
from net.gateways import Gateway, accept, gateway, tasks_of_ours
from net.servers import Peer, serve

FIRST_S = Random(1).random() * 40.0
"""When the first of these beats comes: a random part of the whole."""


@attrs.define(eq=False)
class Beating:
    """A connection with a heartbeat."""

    server: Gateway
    socket: Socket
    pulse: Heartbeat
    clock: ManualClock

    async def pass_s(self, seconds: float) -> None:
        """Let time pass, once the heart sleeps for so long."""
        assert await self.clock.next_sleep() == pytest.approx(seconds)
        self.clock.advance(seconds)


@asynccontextmanager
async def beating() -> AsyncIterator[Beating]:
    """Connect with a heartbeat that counts."""
    clock = ManualClock()
    numbers = iter(range(100))

    async with (
        gateway() as server,
        Sockets("pigeon", clock=clock).connect(server.url) as socket,
        Heartbeat(
            socket, lambda: str(next(numbers)), every_s=40.0, clock=clock, random=Random(1)
        ) as pulse,
    ):
        yield Beating(server, socket, pulse, clock)


async def test_the_first_beat_comes_by_chance_and_the_rest_regularly() -> None:
    """So many bots that start together do not beat together."""
    async with beating() as one:
        for number, wait_s in enumerate([FIRST_S, 40.0, 40.0]):
            await one.pass_s(wait_s)
            assert await one.server.heard.get() == str(number)
            one.pulse.acknowledged()


async def test_a_beat_without_an_answer_is_the_end() -> None:
    """A zombie, which takes beats and acknowledges none, is dropped before the next one."""
    async with beating() as one:
        receiving = asyncio.create_task(anext(one.socket, None))
        await one.pass_s(FIRST_S)
        await one.pass_s(40.0)
        await one.pass_s(GRACE_S)

        assert await receiving is None
        assert one.socket.closed is not None
        assert one.socket.closed.detail.endswith("acknowledged no heartbeat for 40 s")
        assert one.server.heard.qsize() == 1


async def test_an_answer_that_is_read_late_counts() -> None:
    """After all of us was held up, what has arrived meanwhile is read first."""
    async with beating() as one:
        receiving = asyncio.create_task(anext(one.socket, None))
        await one.pass_s(FIRST_S)
        await one.pass_s(40.0)
        assert await one.clock.next_sleep() == GRACE_S
        one.pulse.acknowledged()
        one.clock.advance(GRACE_S)
        await one.server.heard.get()
        await one.server.heard.get()

        assert one.socket.closed is None
        receiving.cancel()


async def test_who_is_busy_loses_no_connection() -> None:
    """While a message is being handled its beats go on, and nothing is called a zombie."""
    async with beating() as one:
        await one.pass_s(FIRST_S)
        for _ in range(3):  # nobody receives: an answer may lie unread
            await one.pass_s(40.0)
            await one.pass_s(GRACE_S)
        beats = [await one.server.heard.get() for _ in range(4)]

        assert beats == ["0", "1", "2", "3"]
        assert one.socket.closed is None


async def test_a_beat_can_be_asked_for() -> None:
    """It goes at once, and need not be acknowledged before the next regular one."""
    async with beating() as one:
        receiving = asyncio.create_task(anext(one.socket, None))
        await one.pass_s(FIRST_S)
        beats = [await one.server.heard.get()]
        one.pulse.acknowledged()
        await one.pulse.beat()
        await one.pass_s(40.0)
        beats += [await one.server.heard.get(), await one.server.heard.get()]

        assert beats == ["0", "1", "2"]
        receiving.cancel()


async def test_the_end_of_the_connection_ends_it() -> None:
    """Who receives learns of the end; the heart stops in silence, and no task is left."""
    async with beating() as one:
        await one.server.link.close(4000)
        assert [text async for text in one.socket] == []
        await one.pass_s(FIRST_S)
        await until(lambda: not tasks_of_ours())

    assert one.socket.closed is not None
    assert one.socket.closed.code == 4000


async def test_a_beat_that_cannot_be_made_is_an_error() -> None:
    """A mistake of the channel's ends the connection, and is not lost with it."""
    clock = ManualClock()
    sequence: dict[str, str] = {}
    async with (
        gateway() as server,
        Sockets("pigeon", clock=clock).connect(server.url) as socket,
    ):
        pulse = Heartbeat(
            socket, lambda: sequence["last"], every_s=40.0, clock=clock, random=Random(1)
        )
        receiving = asyncio.create_task(_receive_with(pulse, socket))
        clock.advance(await clock.next_sleep())
        with pytest.raises(KeyError, match="last"):
            await receiving


async def test_a_beat_that_takes_long_delays_no_other() -> None:
    """From beat to beat it is always the same time, as the other side counts it."""
    clock = ManualClock()

    def slow() -> str:
        clock.advance(5)
        return "beat"

    async with (
        gateway() as server,
        Sockets("pigeon", clock=clock).connect(server.url) as socket,
        Heartbeat(socket, slow, every_s=40.0, clock=clock, random=Random(1)),
    ):
        clock.advance(await clock.next_sleep())
        await server.heard.get()

        assert await clock.next_sleep() == 35.0


async def test_a_beat_waits_for_no_turn() -> None:
    """Where messages wait because too many were sent, the heart beats on."""
    clock = ManualClock()
    pace = Pace(clock, most=2, per_s=600.0, reserve=1)
    async with (
        gateway() as server,
        Sockets("pigeon", clock=clock).connect(server.url, pace=pace) as socket,
        Heartbeat(socket, lambda: "beat", every_s=40.0, clock=clock, random=Random(1)),
    ):
        await socket.send("all there is")
        clock.advance(await clock.next_sleep())

        assert [await server.heard.get() for _ in range(2)] == ["all there is", "beat"]


async def test_a_beat_that_is_refused_is_an_error() -> None:
    """A heart that cannot beat because of its message does not stop in silence."""
    clock = ManualClock()
    options = SocketOptions(sent_bytes=1)
    async with (
        gateway() as server,
        Sockets("pigeon", clock=clock).connect(server.url, options=options) as socket,
    ):
        pulse = Heartbeat(socket, lambda: "ab", every_s=40.0, clock=clock, random=Random(1))
        receiving = asyncio.create_task(_receive_with(pulse, socket))
        clock.advance(await clock.next_sleep())
        with pytest.raises(Rejected, match="2 bytes"):
            await receiving


async def _receive_with(pulse: Heartbeat, socket: Socket) -> None:
    async with pulse:
        await socket.receive()


async def test_a_cancelled_block_stops_it() -> None:
    """No heart beats on after its connection."""
    async with beating() as one:
        await one.clock.next_sleep()

    assert tasks_of_ours() == []


async def test_a_beat_that_nobody_takes_drops_the_connection() -> None:
    """A heart that cannot beat for want of a taker does not hang."""
    clock = ManualClock()

    async def deaf(peer: Peer) -> None:
        await accept(peer)
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    async with serve(deaf) as server:
        sockets = Sockets("pigeon", clock=clock)
        url = server.url.replace("http", "ws", 1)
        options = SocketOptions(send_s=0.1, close_s=0.1)
        async with sockets.connect(url, options=options) as socket:
            pulse = Heartbeat(
                socket, lambda: "x" * 50_000_000, every_s=1.0, clock=clock, random=Random(1)
            )
            receiving = asyncio.create_task(anext(socket, None))
            async with pulse:
                clock.advance(await clock.next_sleep())
                assert await receiving is None

    assert socket.closed is not None
    assert "took nothing from us" in socket.closed.detail
