from __future__ import annotations

import asyncio

import pytest

from cobot.deadlines import Deadlines


async def forever() -> None:
    """Wait for what never comes."""
    await asyncio.get_running_loop().create_future()


async def test_what_takes_too_long_is_left() -> None:
    """When the time is over the block is left, and the task is as if nothing had been."""
    with Deadlines().within(0.01) as deadline:
        await forever()

    assert deadline.is_over
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_what_is_quick_enough_is_not_disturbed() -> None:
    """Within the time nothing happens."""
    with Deadlines().within(10) as deadline:
        await asyncio.sleep(0)

    assert not deadline.is_over


async def test_without_a_limit_there_is_none() -> None:
    """None is no limit, and costs no timer."""
    with Deadlines().within(None) as deadline:
        deadline.renew()
        await asyncio.sleep(0)

    assert not deadline.is_over


async def test_an_exception_passes() -> None:
    """What goes wrong inside is not hidden by the limit."""
    with pytest.raises(ZeroDivisionError), Deadlines().within(10):
        raise ZeroDivisionError


async def test_somebody_elses_cancelling_passes() -> None:
    """A task that is cancelled stays cancelled."""

    async def limited() -> None:
        with Deadlines().within(10):
            await forever()

    task = asyncio.create_task(limited())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancelled_by_both_is_cancelled() -> None:
    """When a limit and somebody else cancel at once, the task is cancelled."""

    async def limited() -> None:
        with Deadlines().within(10) as deadline:
            deadline.run_out()
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await forever()

    task = asyncio.create_task(limited())
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(("outer_s", "inner_s"), [(0.01, 10), (10, 0.01), (0.01, 0.01)])
async def test_limits_may_stand_in_each_other(outer_s: float, inner_s: float) -> None:
    """The shorter limit leaves its own block, wherever it stands."""
    deadlines = Deadlines()
    went_on = False
    with deadlines.within(outer_s) as outer:
        with deadlines.within(inner_s) as inner:
            await forever()
        went_on = True
        if not outer.is_over:
            await asyncio.sleep(0)

    assert (outer.is_over, inner.is_over) in [(outer_s < 1, inner_s < 1)]
    assert went_on == (outer_s > 1)


async def test_each_runs_out_in_its_turn() -> None:
    """One timer serves all of a kind, and none is left earlier or later than it should."""
    deadlines = Deadlines()
    loop = asyncio.get_running_loop()

    async def limited() -> float:
        began = loop.time()
        with deadlines.within(0.05):
            await forever()
        return loop.time() - began

    tasks = [asyncio.create_task(limited())]
    with deadlines.within(0.02):
        await forever()
    tasks.append(asyncio.create_task(limited()))
    times = await asyncio.gather(*tasks)

    assert all(0.049 <= one < 0.5 for one in times)


async def test_progress_gives_new_time() -> None:
    """A limit that is renewed runs out when there was no progress for so long."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    with Deadlines().within(0.05) as deadline:
        for _ in range(3):
            with Deadlines().within(0.03):
                await forever()
            deadline.renew()
        await forever()

    assert deadline.is_over
    assert loop.time() - began >= 0.14


async def test_closing_takes_the_timers_back() -> None:
    """What is closed wakes nobody."""
    deadlines = Deadlines()
    with deadlines.within(100):
        pass
    deadlines.close()

    timers = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
    assert all(timer.cancelled() for timer in timers)


async def test_limits_that_are_not_used_any_more_are_forgotten() -> None:
    """A limit that differs each time does not add up."""
    deadlines = Deadlines()
    for number in range(1, 20):
        with deadlines.within(number / 10_000):
            await forever()

    assert deadlines._queues == {}
