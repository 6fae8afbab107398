from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from random import Random

import attrs
import pytest
from fakes import ManualClock, until

from cobot.errors import AuthFailed, ChannelError, RateLimited, Unreachable
from cobot.net.links import SocketOptions
from cobot.net.reconnecting import Attempt, Attempts, Backoff
from cobot.net.sockets import Sockets
from net.gateways import breaks_off, farewell, tasks_of_ours
from net.servers import serve


class Middling(Random):
    """Chance that takes off a quarter of each wait."""

    def random(self) -> float:
        """Return what lies in the middle."""
        return 0.5


class Never(Random):
    """Chance that takes off nothing."""

    def random(self) -> float:
        """Return the least."""
        return 0.0


@attrs.define(eq=False)
class Waits:
    """A loop that connects again and again, and the waits between."""

    outcome: Callable[[Attempt, ManualClock], None]
    backoff: Backoff = attrs.field(factory=Backoff)
    clock: ManualClock = attrs.field(factory=ManualClock)
    told: list[tuple[str, float]] = attrs.field(factory=list)
    attempts: int = 0

    async def run(self) -> None:
        """Connect for ever."""
        attempts = Attempts(
            self.clock, Never(), self.backoff, on_wait=lambda *what: self.told.append(what)
        )
        async for attempt in attempts:
            self.attempts += 1
            with attempt:
                self.outcome(attempt, self.clock)

    async def first(self, number: int) -> list[float]:
        """Return so many first waits."""
        running = asyncio.create_task(self.run())
        waits = []
        for _ in range(number):
            waits.append(await self.clock.next_sleep())
            self.clock.advance(waits[-1])
        await self.clock.next_sleep()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return waits


def fail(attempt: Attempt, clock: ManualClock) -> None:
    """Find nobody."""
    raise Unreachable("pigeon", "receive", "nobody there")


async def test_waits_double_up_to_the_longest() -> None:
    """The longer nobody answers, the less often is tried, but it is always tried again."""
    waits = Waits(fail, Backoff(first_s=1, most_s=10))

    assert await waits.first(6) == [1, 2, 4, 8, 10, 10]
    assert waits.told[0] == ("pigeon: receive: nobody there", 1)


def test_chance_takes_off_up_to_half() -> None:
    """So those that were cut off together do not come back together."""
    random = Random(1)
    waits = [Backoff(first_s=1, most_s=60).wait_s(4, random) for _ in range(1000)]

    assert 4 <= min(waits) < 4.1
    assert 7.9 < max(waits) <= 8
    assert Backoff().wait_s(4, Middling()) == 6
    assert Backoff().wait_s(1_000_000, Never()) == 60


async def test_a_connection_that_ends_is_waited_after() -> None:
    """However well it went, nothing is tried again at once: that could spin."""

    def end(attempt: Attempt, clock: ManualClock) -> None:
        attempt.proved()
        clock.advance(3600)

    waits = Waits(end)

    assert await waits.first(3) == [1, 1, 1]
    assert waits.told[0] == ("the connection ended", 1)


async def test_only_a_steady_connection_begins_anew() -> None:
    """To be connected proves nothing, nor does to be accepted and thrown out soon."""
    held = iter([(False, 3600.0), (True, 29.0), (True, 5.0), (True, 30.0), (False, 0.0)])

    def end(attempt: Attempt, clock: ManualClock) -> None:
        is_proved, seconds = next(held, (False, 0.0))
        if is_proved:
            attempt.proved()
        clock.advance(seconds)
        fail(attempt, clock)

    assert await Waits(end).first(5) == [1, 2, 4, 1, 2]


async def test_what_the_network_says_is_waited() -> None:
    """Where the other side says how long, it is exactly so long; and never no time at all."""
    told = iter([300.0, 0.5, 0.0])

    def refuse(attempt: Attempt, clock: ManualClock) -> None:
        raise RateLimited("pigeon", "receive", "too many", retry_after_s=next(told, 0.0))

    assert await Waits(refuse).first(3) == [300, 0.5, 4]


@pytest.mark.parametrize(
    "error", [AuthFailed("pigeon", "receive", "who are you?"), ZeroDivisionError()]
)
async def test_what_another_connection_would_not_mend_ends_it(error: Exception) -> None:
    """Bad credentials and mistakes go on to the caller at once."""

    def refuse(attempt: Attempt, clock: ManualClock) -> None:
        raise error

    waits = Waits(refuse)
    with pytest.raises(type(error)):
        await waits.run()

    assert waits.attempts == 1


async def test_a_server_that_throws_us_out_is_not_hammered() -> None:
    """Over a real socket: each connection is closed, its code told, and no task is left."""
    clock = ManualClock()
    sockets = Sockets("pigeon", clock=clock)
    codes: list[int | None] = []
    waits: list[float] = []

    def more_than(number: int) -> bool:
        return len(waits) > number

    async def run(url: str) -> None:
        attempts = Attempts(clock, Never(), on_wait=lambda _, wait_s: waits.append(wait_s))
        async for attempt in attempts:
            with attempt:
                options = SocketOptions(ping_s=500, silence_s=900)
                async with sockets.connect(url, options=options) as socket:
                    attempt.proved()
                    async for _ in socket:
                        pass
                    assert socket.closed is not None
                    codes.append(socket.closed.code)

    async with serve(breaks_off(farewell(4000))) as server:
        running = asyncio.create_task(run(server.url.replace("http", "ws", 1)))
        for number in range(3):
            await until(partial(more_than, number))
            clock.advance(waits[-1])
        await until(partial(more_than, 3))
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        left = tasks_of_ours()

    assert waits == [1, 2, 4, 8]
    assert codes == [4000] * 4
    assert left == []


async def test_an_attempt_tells_what_ended_it() -> None:
    """Whoever drives the loop can look at the last error."""
    attempt = Attempt(clock=ManualClock())
    with attempt:
        raise Unreachable("pigeon", "receive", "nobody there")

    assert isinstance(attempt.error, ChannelError)
    assert attempt.held_s() == 0
