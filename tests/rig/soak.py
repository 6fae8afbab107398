"""Soak: the process under steady load and chance faults; what grows?

    python tests/rig/soak.py --minutes 10

Before it, many messages are answered, so that the caches are full: what is kept for them is
bounded, and no growth. Then samples memory, open files and tasks of the process, and prints
their slopes. Counts as the kill rig does.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from random import Random

import attrs
import click

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from rig.measure import memory_mb, open_files, slope
from rig.network import Fault, Trouble
from rig.workload import Counts, judge
from rig.world import World

CHATS = 50
FILL = 20_000
"""Messages before the load; the journal's cache holds the pages of half as many."""
WARM_UP = 0.05
"""The share of the time that is cut off at the beginning."""
EVERY_S = 2.0
"""Seconds between two samples."""
FAULT_EVERY_S = 5.0
"""Seconds between two faults, on average."""


@attrs.frozen
class Sample:
    """What was seen of the process at one time."""

    at: float
    """Seconds since the load began."""
    memory_mb: float
    files: int
    tasks: int


@attrs.frozen
class Soaked:
    """What came of a soak."""

    samples: list[Sample]
    counts: Counts
    faults: int
    """How many faults there were."""


async def soak(minutes: float, rate: float, seed: int, *, fill: int = FILL) -> Soaked:
    """Run a soak.

    Args:
        minutes: How long.
        rate: Messages a second.
        seed: What chance begins with.
        fill: Messages before the load.
    """
    random = Random(seed)
    seconds = minutes * 60
    samples: list[Sample] = []
    faults = [0]
    async with World(mode="key", has_reports=False, log_level="warning") as world:
        await world.start()
        for number in range(fill):
            world.network.post(f"chat{number % CHATS}", f"first {number}")
        await world.until(lambda: len(world.network.first) >= fill)
        tasks = [
            asyncio.create_task(_write(world, rate, random)),
            asyncio.create_task(_disturb(world, random, faults)),
            asyncio.create_task(_sample(world, samples)),
        ]
        try:
            done, _ = await asyncio.wait(
                tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            world.process.go_on()
            world.network.forgive()
            await world.network.listen()
        for task in done:
            task.result()
        first, posted = world.network.first, world.network.posted
        count = len({(one.chat, one.text) for one in posted})
        await world.until(lambda: len(first) >= count)
        dead = await world.finish()
        return Soaked(samples, judge(posted, world.network.arrived, dead), faults[0])


async def _write(world: World, rate: float, random: Random) -> None:
    number = 0
    while True:
        await asyncio.sleep(random.expovariate(rate))
        number += 1
        world.network.post(f"chat{random.randrange(CHATS)}", f"message {number}")


async def _disturb(world: World, random: Random, faults: list[int]) -> None:
    network, process = world.network, world.process
    while True:
        await asyncio.sleep(random.expovariate(1 / FAULT_EVERY_S))
        faults[0] += 1
        times = random.randint(1, 3)
        kind = random.choice(["429", "reset", "lost", "dropped", "refused", "stopped"])
        if kind == "429":
            chat = f"chat{random.randrange(CHATS)}"
            network.fail(
                Trouble(Fault.LIMIT, times, ("send",), {chat}, retry_after_s=random.random())
            )
        elif kind == "lost":
            network.fail(Trouble(Fault.LOST, times))
        elif kind == "reset":
            # Fewer: the process waits longer after each, and the waits would be all it does.
            network.fail(Trouble(Fault.RESET, 1))
        elif kind == "dropped":
            network.drop_all()
        elif kind == "refused":
            network.refuse()
            await asyncio.sleep(random.random())
            await network.listen()
        else:
            await process.stop()
            await asyncio.sleep(random.random())
            process.go_on()


async def _sample(world: World, samples: list[Sample]) -> None:
    began = asyncio.get_running_loop().time()
    while True:
        await asyncio.sleep(EVERY_S)
        samples.append(
            Sample(
                asyncio.get_running_loop().time() - began,
                memory_mb(world.process.pid),
                open_files(world.process.pid),
                int(world.network.reported.get("tasks", 0)),
            )
        )


def table(soaked: Soaked) -> str:
    """Return the slopes as Markdown."""
    cut = soaked.samples[-1].at * WARM_UP
    kept = [one for one in soaked.samples if one.at >= cut]
    lines = ["| | first | last | least | most | slope per hour |", "| --- |" + " ---: |" * 5]
    series = {
        "memory, MB": [(one.at, one.memory_mb) for one in kept],
        "open files": [(one.at, float(one.files)) for one in kept],
        "tasks": [(one.at, float(one.tasks)) for one in kept],
    }
    for name, points in series.items():
        values = [value for _, value in points]
        cells = (values[0], values[-1], min(values), max(values), slope(points) * 3600)
        lines.append(f"| {name} | {' | '.join(f'{cell:.1f}' for cell in cells)} |")
    return "\n".join(lines)


@click.command()
@click.option("--minutes", default=10.0, show_default=True, help="How long.")
@click.option("--rate", default=20.0, show_default=True, help="Messages a second.")
@click.option("--seed", default=1, show_default=True, help="What chance begins with.")
@click.option("--fill", default=FILL, show_default=True, help="Messages before the load.")
def main(*, minutes: float, rate: float, seed: int, fill: int) -> None:
    """Run a soak and print its table; exits with 1 if a message was lost or doubled."""
    soaked = asyncio.run(soak(minutes, rate, seed, fill=fill))
    click.echo(table(soaked))
    counts = soaked.counts
    click.echo(
        f"\n{minutes:g} minutes, {counts.messages} messages, {soaked.faults} faults:"
        f" lost {counts.lost}, dead letters {counts.dead}, doubled {counts.doubled},"
        f" reordered {counts.reordered}"
    )
    sys.exit(1 if counts.faults() else 0)


if __name__ == "__main__":
    main()
