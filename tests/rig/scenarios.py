"""Runs that need more than one fault at a boundary: a deadly message, a backlog.

python tests/rig/scenarios.py --messages 20000
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from functools import partial
from pathlib import Path
from random import Random

import attrs
import click

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from rig.agent import DEADLY, answer_to
from rig.measure import memory_mb
from rig.network import MODES, Mode, Network
from rig.workload import Counts, Workload, judge
from rig.world import World

STARTS_MOST = 10


# A message that kills.


@attrs.frozen
class Deadly:
    """What came of messages that kill the process."""

    counts: Counts
    dead: set[tuple[str, str]]
    starts: int
    """How often the process was started until all was quiet."""


async def deadly(deadly_chats: int = 1, chats: int = 6, messages: int = 5) -> Deadly:
    """Have the third message of some chats kill the process each time it is answered."""
    async with World(mode="key", has_reports=False) as world:
        expected = set()
        for number in range(messages):
            for chat in range(chats):
                is_deadly = chat < deadly_chats and number == 2
                text = f"{DEADLY} {number}" if is_deadly else f"message {number}"
                world.network.post(f"chat{chat}", text)
                if not is_deadly:
                    expected.add((f"chat{chat}", answer_to(text)))
        first = world.network.first
        starts = 0
        while not expected <= first.keys():
            if starts == STARTS_MOST:
                raise AssertionError(f"{starts} starts, unanswered {expected - first.keys()}")
            starts += 1
            await world.start()
            with contextlib.suppress(AssertionError):
                await world.until(lambda: expected <= first.keys())
        dead = await world.finish()
        return Deadly(judge(world.network.posted, world.network.arrived, dead), dead, starts)


# Killed and stopped at any time.


async def killed_often(kills: int = 10, *, seed: int = 1, mode: Mode = "key") -> Counts:
    """Kill the process, or ask it to stop, again and again while it answers.

    Each time when a number of answers by chance has appeared. Few kills: a message that was
    being answered four times when the process was killed is given up.
    """
    random = Random(seed)
    async with World(mode=mode, has_reports=False) as world:
        network = world.network
        world.agent["answers"] = 2
        work = Workload(network, random, chats=10, messages=kills * 4, answers=2)
        writing = asyncio.create_task(work.run())
        try:
            for _ in range(kills):
                enough = len(network.arrived) + random.randint(1, 30)
                await world.start()
                await world.until(partial(_has_arrived, network, work, enough))
                if random.random() < 0.7:
                    await world.process.kill()
                else:
                    await world.terminate()
            await world.start()
            await world.until_settled(work)
        finally:
            writing.cancel()
        dead = await world.finish()
        return judge(network.posted, network.arrived, dead, answers=2)


def _has_arrived(network: Network, work: Workload, enough: int) -> bool:
    return len(network.arrived) >= enough or work.is_answered()


# Many that wait.


@attrs.frozen
class Waited:
    """What came of many messages that waited."""

    counts: Counts
    idle_mb: float
    """Memory of the process before the first message."""
    peak_mb: float
    """The most that any of the processes had."""
    rate: float
    """Answers a second just before the process was killed."""
    first_answer_s: float
    """From the start of its successor to the first answer of that."""
    rate_back_s: float
    """From its start to four fifths of the old rate."""


async def backlog(messages: int = 20_000, chats: int = 200) -> Waited:
    """Let messages gather in the journal, have them answered, kill the process half-way."""
    async with World(mode="key", has_reports=False, log_level="warning") as world:
        network = world.network
        world.agent["delay_s"] = 3600
        await world.start()
        await world.until(lambda: network.polls > 0)
        idle_mb = memory_mb(world.process.pid)
        for number in range(messages):
            network.post(f"chat{number % chats}", f"message {number}")
        await world.until(lambda: network.confirmed == messages)
        peaks = [memory_mb(world.process.pid, peak=True)]
        await world.process.kill()
        del world.agent["delay_s"]
        await world.start()
        await world.until(lambda: len(network.first) >= messages // 2)
        peaks.append(memory_mb(world.process.pid, peak=True))
        await world.process.kill()
        rate = _rate(network, window_s=1.0)
        answered, arrived = len(network.first), len(network.arrived)
        began = asyncio.get_running_loop().time()
        await world.start()
        await world.until(lambda: len(network.arrived) > arrived)
        first_answer_s = network.arrived[arrived].at - began
        await world.until(lambda: len(network.first) >= messages)
        peaks.append(memory_mb(world.process.pid, peak=True))
        times = [one.at for one in list(network.first.values())[answered:]]
        dead = await world.finish()
        return Waited(
            judge(network.posted, network.arrived, dead),
            idle_mb,
            max(peaks),
            rate,
            first_answer_s,
            _rate_back(times, 0.8 * rate) - began,
        )


def _rate(network: Network, window_s: float) -> float:
    """Return the answers a second in the last moments before the last one."""
    times = [one.at for one in network.first.values()]
    return sum(one > times[-1] - window_s for one in times) / window_s


def _rate_back(times: list[float], rate: float, window_s: float = 0.25) -> float:
    """Return when a window first held so many answers a second."""
    wanted = max(int(rate * window_s), 1)
    for early, late in zip(times, times[wanted - 1 :], strict=False):
        if late - early <= window_s:
            return late
    return float("inf")


# Two at once.


@attrs.frozen
class Refused:
    """What came of an attempt to start."""

    code: int
    lines: list[str]
    """What it said on standard error."""


async def two_processes(*, is_stopped: bool = False) -> tuple[Refused, int, Counts]:
    """Start a second process on a workspace; return what it said, and the first one's pid.

    Args:
        is_stopped: Whether the first one stands still meanwhile.
    """
    async with World(mode="none", has_reports=False) as world:
        network = world.network
        first = await world.start()
        await world.until(lambda: network.polls > 0)
        if is_stopped:
            await first.stop()
        second = await world.spawn("run", "-c", str(world.folder / "cobot.yml"))
        try:
            async with asyncio.timeout(30):
                code = await second.ended()
        finally:
            await second.kill()
            first.go_on()
        network.post("chat", "message")
        await world.until(lambda: len(network.first) == 1)
        dead = await world.finish()
        counts = judge(network.posted, network.arrived, dead)
        return Refused(code, second.lines), first.pid, counts


# By hand.


def _tell(name: str, counts: Counts, **figures: object) -> None:
    said = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in figures.items())
    click.echo(
        f"{name}: {counts.messages} messages, lost {counts.lost}, dead letters {counts.dead},"
        f" doubled {counts.doubled}, reordered {counts.reordered}; {said}"
    )


@click.command()
@click.option("--messages", default=20_000, show_default=True, help="How many wait.")
@click.option("--chats", default=200, show_default=True, help="Of how many chats.")
def main(*, messages: int, chats: int) -> None:
    """Play the scenarios that take figures and print them."""
    killed = asyncio.run(deadly(deadly_chats=2))
    _tell("two deadly messages", killed.counts, starts=killed.starts)
    for mode in MODES:
        often = asyncio.run(killed_often(mode=mode))
        _tell(f"killed often ({mode})", often, without_mark=often.unmarked)
    waited = asyncio.run(backlog(messages, chats))
    _tell(
        "waiting messages",
        waited.counts,
        memory_idle=f"{waited.idle_mb:.0f} MB",
        memory_peak=f"{waited.peak_mb:.0f} MB",
        answers_a_second=f"{waited.rate:.0f}",
        first_answer_after_the_kill=f"{waited.first_answer_s:.2f} s",
        old_rate_after_the_kill=f"{waited.rate_back_s:.2f} s",
    )


if __name__ == "__main__":
    main()
