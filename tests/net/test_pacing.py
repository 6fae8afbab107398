from __future__ import annotations

import asyncio

import pytest
from fakes import ManualClock, until

from cobot.net.pacing import Pace
from cobot.net.sockets import Sockets
from net.gateways import gateway


async def test_so_many_go_at_once_and_the_next_waits() -> None:
    """The window slides: each message frees its place when its time is over."""
    clock = ManualClock()
    pace = Pace(clock, most=3, per_s=60.0)
    await pace.turn()
    clock.advance(10)
    await pace.turn()
    await pace.turn()

    fourth = asyncio.create_task(pace.turn())
    assert await clock.next_sleep() == 50.0
    clock.advance(50)
    await fourth
    fifth = asyncio.create_task(pace.turn())
    assert await clock.next_sleep() == 10.0
    clock.advance(10)
    await fifth


async def test_no_window_ever_holds_more() -> None:
    """Whenever the other side begins to count, it never counts too many."""
    clock = ManualClock()
    pace = Pace(clock, most=12, per_s=6.0, reserve=2)
    times: list[float] = []

    async def send() -> None:
        await pace.turn()
        times.append(clock.monotonic())

    sending = [asyncio.create_task(send()) for _ in range(95)]
    while len(times) < 95:
        await asyncio.sleep(0)
        if clock._waiting():
            clock.advance(0.7)
    await asyncio.gather(*sending)

    for start in times:
        assert len([time for time in times if start <= time < start + 6.0]) <= 10


async def test_urgent_ones_take_from_the_reserve() -> None:
    """A heartbeat never waits, and those that wait do not use up its place."""
    clock = ManualClock()
    pace = Pace(clock, most=3, per_s=60.0, reserve=1)
    await pace.turn()
    await pace.turn()
    waiting = asyncio.create_task(pace.turn())
    await clock.next_sleep()

    await pace.turn(urgent=True)

    clock.advance(60)
    await waiting


async def test_urgent_ones_count() -> None:
    """What did not wait is seen by the other side all the same."""
    clock = ManualClock()
    pace = Pace(clock, most=3, per_s=60.0, reserve=1)
    await pace.turn(urgent=True)
    clock.advance(20)
    await pace.turn()

    waiting = asyncio.create_task(pace.turn())
    assert await clock.next_sleep() == 40.0
    clock.advance(40)
    await waiting


async def test_who_asked_first_is_first() -> None:
    """Messages leave in the order in which they were sent, and who gives up holds up nobody."""
    clock = ManualClock()
    pace = Pace(clock, most=1, per_s=1.0)
    order: list[int] = []

    async def send(number: int) -> None:
        await pace.turn()
        order.append(number)

    sending = [asyncio.create_task(send(number)) for number in range(5)]
    await until(lambda: order)
    sending[1].cancel()
    while len(order) < 4:
        await asyncio.sleep(0)
        if clock._waiting():
            clock.advance(1)
    await asyncio.gather(*sending, return_exceptions=True)

    assert order == [0, 2, 3, 4]


@pytest.mark.parametrize("reserve", [3, -1])
def test_a_reserve_that_leaves_nothing_is_refused(reserve: int) -> None:
    """A pace at which nothing could ever be sent is a mistake."""
    with pytest.raises(ValueError, match=f"expected 0 to 2, got {reserve}"):
        Pace(ManualClock(), most=3, per_s=1.0, reserve=reserve)


async def test_a_socket_keeps_its_pace() -> None:
    """Messages wait for their turn; urgent ones overtake them."""
    clock = ManualClock()
    pace = Pace(clock, most=2, per_s=60.0, reserve=1)
    async with (
        gateway() as server,
        Sockets("pigeon", clock=clock).connect(server.url, pace=pace) as socket,
    ):
        await socket.send("first")
        second = asyncio.create_task(socket.send("second"))
        assert await clock.next_sleep() == 60
        clock.advance(10)
        await socket.send("beat", urgent=True)
        heard = [await server.heard.get(), await server.heard.get()]
        clock.advance(50)
        assert await clock.next_sleep() == 10  # the beat counts too
        clock.advance(10)
        await second

        assert [*heard, await server.heard.get()] == ["first", "beat", "second"]
