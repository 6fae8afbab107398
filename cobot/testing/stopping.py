"""The check of what a stop leaves behind."""

from __future__ import annotations

import asyncio
import os
import stat
import threading
from pathlib import Path

from cobot.testing.bench import Bench
from cobot.testing.broken import ContractBroken
from cobot.testing.receiving import TEXT
from cobot.testing.running import TICK_S
from cobot.testing.sending import ANSWER

LETTING_GO_S = 2.0
"""How long what was let go may still be there; of the machine's time."""

DESCRIPTORS = Path("/dev/fd")
"""Where Linux and macOS show a process its open files."""

LOOP_S_OWN = "asyncio_"
"""How threads of the loop's own executor are called; they end with the loop."""


async def nothing_left(bench: Bench) -> None:
    """Compare the tasks, threads and sockets after a run with those before."""
    before = _there()
    async with bench.running() as bot:
        await bench.send(bot, await bench.message(bot, ANSWER))
        if bench.network.why_not("receive") is None:
            await bench.network.person_writes(TEXT)
            await bot.question(TEXT)
        outcome = await bot.stop()
    if outcome.abandoned:
        raise ContractBroken(
            "A stop ends every call",
            f"{outcome.abandoned} calls of the channel's hooks still ran after it",
            "let them end when they are cancelled, or soon if they are plain def",
        )
    may_stay = {name for names in bench.network.leaves.values() for name in names.split()}
    deadline = asyncio.get_running_loop().time() + min(LETTING_GO_S, bench.limit_s)
    while left := _new(before, may_stay):
        if asyncio.get_running_loop().time() > deadline:
            raise ContractBroken(
                "A stop leaves no task, thread or socket behind",
                f"there is {', '.join(left)}",
                "end in cobot_stop, and wait for, what cobot_start and the hooks have begun",
            )
        await asyncio.sleep(TICK_S)


def _new(before: dict[tuple[str, int], str], may_stay: set[str]) -> list[str]:
    now = _there()
    return sorted(
        what
        for one, what in now.items()
        if one not in before and what not in {f"the thread {name!r}" for name in may_stay}
    )


def _there() -> dict[tuple[str, int], str]:
    """Return what is there, by its kind and what tells it from others of its kind."""
    tasks = {
        ("task", id(task)): f"the task {task.get_name()!r} in {_place(task)}"
        for task in asyncio.all_tasks()
    }
    threads = {
        ("thread", id(thread)): f"the thread {thread.name!r}"
        for thread in threading.enumerate()
        if not thread.name.startswith(LOOP_S_OWN)
    }
    return {**tasks, **threads, **_sockets()}


def _place(task: asyncio.Task[object]) -> str:
    name = getattr(task.get_coro(), "__qualname__", "a coroutine")
    stack = task.get_stack(limit=1)
    where = f" at {stack[0].f_code.co_filename}:{stack[0].f_lineno}" if stack else ""
    return f"{name}{where}"


def _sockets() -> dict[tuple[str, int], str]:
    if not DESCRIPTORS.is_dir():
        return {}
    found = {}
    for name in os.listdir(DESCRIPTORS):  # noqa: PTH208 -- its own descriptor is gone by then
        try:
            described = os.fstat(int(name))
        except OSError:
            continue
        if stat.S_ISSOCK(described.st_mode):
            found["socket", described.st_ino] = f"an open socket (descriptor {name})"
    return found
