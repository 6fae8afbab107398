from __future__ import annotations

import asyncio

import pytest

from cobot import Unreachable
from cobot.kit import Inlet
from cobot.kit.inlet import AT_ONCE, MOST


async def test_what_has_come_is_taken_together_and_in_order() -> None:
    """Not too much at once: it becomes one transaction."""
    inlet: Inlet[int] = Inlet()
    for number in range(AT_ONCE + 5):
        inlet.put(number)

    assert await inlet.take() == [*range(AT_ONCE)]
    assert await inlet.take() == [*range(AT_ONCE, AT_ONCE + 5)]


async def test_who_takes_waits_for_what_comes() -> None:
    """And is woken by the first of it."""
    inlet: Inlet[str] = Inlet()
    taking = asyncio.create_task(inlet.take())
    await asyncio.sleep(0)
    inlet.put("coo")

    assert await taking == ["coo"]


async def test_nothing_more_is_read_while_too_much_waits() -> None:
    """Until some of it is taken."""
    inlet: Inlet[int] = Inlet()
    await inlet.room()
    for number in range(MOST):
        inlet.put(number)
    reading = asyncio.create_task(inlet.room())
    await asyncio.sleep(0)
    was_waiting = not reading.done()
    await inlet.take()
    await reading

    assert was_waiting


async def test_what_ends_the_reader_is_raised_after_what_came_before() -> None:
    """Nothing that has come is lost for it."""
    inlet: Inlet[str] = Inlet()

    async def read() -> None:
        inlet.put("the last")
        raise Unreachable("pigeon", "receive", "the loft is closed")

    await asyncio.wait([inlet.watch(asyncio.create_task(read()))])

    assert await inlet.take() == ["the last"]
    with pytest.raises(Unreachable, match="closed"):
        await inlet.take()
    inlet.clear()
    inlet.put("anew")
    assert await inlet.take() == ["anew"]


async def test_a_reader_that_is_stopped_is_no_failure() -> None:
    """Whoever stops it knows."""
    inlet: Inlet[str] = Inlet()
    reader = inlet.watch(asyncio.create_task(asyncio.sleep(3600)))
    reader.cancel()
    await asyncio.wait([reader])
    inlet.put("coo")

    assert await inlet.take() == ["coo"]
