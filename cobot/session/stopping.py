"""Ending what runs, within bounds and whatever it does about it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from itertools import groupby
from typing import Any, TypeVar

from cobot.plugins import Plugin

T = TypeVar("T")

log = logging.getLogger(__name__)

LETTING_GO_S = 0.1
"""How long a call may take to end when it is cancelled at a stop."""


async def stop_in_reverse(
    started: Sequence[Plugin], stop: Callable[[str], Awaitable[None]], timeout_s: float
) -> int:
    """Stop plugins in reverse order, neighbouring channels at the same time.

    One that hangs costs the others nothing but time.

    Args:
        started: The plugins, in the order of starting.
        stop: Stops one, by name.
        timeout_s: What all of them together may take, in seconds.

    Returns:
        How many would not be stopped in time.
    """
    groups = [
        list(group)
        for are_channels, several in groupby(reversed(started), lambda one: one.is_channel)
        for group in ([several] if are_channels else ([one] for one in several))
    ]
    late: set[asyncio.Task[None]] = set()
    for group in groups:
        stops = {
            asyncio.create_task(_stop(stop, one.name), name=f"stop-{one.name}") for one in group
        }
        _, hung = await asyncio.wait(stops, timeout=timeout_s / len(groups))
        for task in hung:
            log.warning("%s: the plugin did not stop in time", task.get_name())
            task.cancel()
        late |= hung
    if late:
        await asyncio.wait(late, timeout=LETTING_GO_S)
    return sum(not task.done() for task in late)


async def _stop(stop: Callable[[str], Awaitable[None]], name: str) -> None:
    await stop(name)


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Do something that a cancellation must not cut short; cancelled only afterwards."""
    task = asyncio.create_task(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
        except Exception:  # noqa: BLE001 -- raised by `result` below
            break
    if cancelled:
        task.exception()
        raise asyncio.CancelledError
    return task.result()


async def close_threads(plugin: Plugin, timeout_s: float) -> None:
    """End a plugin's threads, and say so if a call of it would not return."""
    for threads in (plugin.receiving, plugin.working, plugin.bracketing):
        if not await threads.close(timeout_s):
            log.warning("a call of plugin %r has not returned", plugin.name)


async def cancelled(
    tasks: Iterable[asyncio.Task[None]] | Iterable[asyncio.Task[Any]],
    timeout_s: float | None = None,
) -> None:
    """Cancel tasks and wait until they have ended, for so long at most."""
    waiting = {*tasks}
    for task in waiting:
        task.cancel()
    if waiting:
        await asyncio.wait(waiting, timeout=timeout_s)
