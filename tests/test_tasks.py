from __future__ import annotations

import asyncio

from fakes import ManualClock

from cobot.tasks import Tasks, within


async def test_tasks_end_with_the_block() -> None:
    """What is not done by then is cancelled."""
    clock = ManualClock()
    ended: list[str] = []

    async def work(name: str, seconds: float) -> None:
        try:
            await clock.sleep(seconds)
        finally:
            ended.append(name)

    async with Tasks() as tasks:
        tasks.add(work("long", 3600), "long")
        tasks.add(work("short", 5), "short")
        await clock.next_sleep()
        clock.advance(5)

    assert ended == ["short", "long"]


async def test_waiting_ends_with_what_is_waited_for() -> None:
    """Its result, and nothing of the time."""
    clock = ManualClock()
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(within(clock, 5, answer))
    await clock.next_sleep()
    answer.set_result("here")

    assert await waiting == "here"
    assert await within(clock, 0, answer) == "here"


async def test_waiting_ends_with_the_time() -> None:
    """What was waited for is cancelled."""
    clock = ManualClock()
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(within(clock, 5, answer))
    await clock.next_sleep()
    clock.advance(5)

    assert await waiting is None
    assert answer.cancelled()


async def test_waiting_for_a_queue_loses_nothing() -> None:
    """What comes after the time stays in it, for the next who waits."""
    clock = ManualClock()
    queue: asyncio.Queue[str] = asyncio.Queue()
    queue.put_nowait("first")
    first = await within(clock, 5, queue.get())
    waiting = asyncio.create_task(within(clock, 5, queue.get()))
    await clock.next_sleep()
    clock.advance(5)
    none = await waiting
    queue.put_nowait("second")

    assert (first, none, queue.get_nowait()) == ("first", None, "second")
