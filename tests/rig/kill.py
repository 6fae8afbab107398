"""The kill rig: every boundary, every fault, every kind of network; counts what became of all.

    python tests/rig/kill.py --seed 1 --rounds 1
    python tests/rig/kill.py --boundary settle --fault SIGKILL --mode none

Each run is a world of its own: a network, a workspace, and the real process. Some people
write; at the n-th passing of a boundary the process is held there and struck; all must be
answered. Prints a table, and what it takes to repeat each run that found something.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import attrs
import click

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from rig.control import Boundary
from rig.faults import AT_LARGE, FAULTS, Scene
from rig.network import MODES, Mode
from rig.workload import Counts, Workload, judge
from rig.world import World

ANSWERS = 2
"""Messages that each answer has."""

ONCE_A_BATCH = frozenset(
    {Boundary.RECEIVED, Boundary.PUBLISHED, Boundary.HANDED_BACK, Boundary.CONFIRMED}
)
"""Boundaries that are passed once for many messages."""


@attrs.frozen
class Cell:
    """One run: where, what, on what kind of network, and from which seed."""

    boundary: Boundary
    fault: str
    mode: Mode
    seed: str = "0"

    def __str__(self) -> str:
        return f"{self.boundary.value} / {self.fault} / {self.mode} / seed {self.seed}"

    @property
    def is_possible(self) -> bool:
        """Whether the fault makes sense there."""
        return self.fault != "SIGTERM, held" or self.boundary in AT_LARGE


@attrs.frozen
class Result:
    """What came of one run."""

    counts: Counts
    complaint: str = ""
    """Why it did not come to its end."""

    def faults(self, cell: Cell) -> list[str]:
        """Return the names of the counts that break a rule."""
        # Where the network offers nothing, what may have arrived is repeated once, and given
        # up when that may have arrived too.
        is_helpless = cell.mode == "none"
        return self.counts.faults(may_double=is_helpless, may_die=is_helpless)


async def run_cell(cell: Cell, *, pause_s: float = 0.0) -> Result:
    """Run one cell to its end and count.

    Args:
        cell: Which.
        pause_s: How many seconds a stopped process stands still at least.
    """
    random = Random(str(cell))
    stop_timeout_s = 1.0 if cell.fault == "SIGTERM, held" else 10.0
    complaint = ""
    async with World(mode=cell.mode, stop_timeout_s=stop_timeout_s) as world:
        world.agent["answers"] = ANSWERS
        work = Workload(world.network, random, answers=ANSWERS)
        writing = asyncio.create_task(work.run())
        try:
            await _strike(cell, world, work, random, pause_s)
            await world.until_settled(work)
        except AssertionError as error:
            complaint = str(error)
        finally:
            writing.cancel()
        world.control.disarm()
        try:
            dead = await world.finish()
        except AssertionError as error:
            complaint, dead = f"{complaint}\n{error}", set()
        network = world.network
        counts = judge(network.posted, network.arrived, dead, answers=ANSWERS)
    return Result(attrs.evolve(counts, failed=int(bool(complaint))), complaint)


async def _strike(
    cell: Cell, world: World, work: Workload, random: Random, pause_s: float
) -> None:
    nth = random.randint(1, 2 if cell.boundary in ONCE_A_BATCH else work.size // 2)
    trap = world.control.trap(cell.boundary, nth)
    await world.start(cell.boundary)
    held = await world.caught(trap, unless=work.is_answered)
    if held is None:
        raise AssertionError(f"the boundary was not passed {nth} times")
    scene = Scene(world, cell.boundary, held, work.is_answered, pause_s)
    await FAULTS[cell.fault](scene)


def cells(
    seed: int, rounds: int, boundary: str = "", fault: str = "", mode: str = ""
) -> Iterator[Cell]:
    """Yield the cells of some rounds, those whose names have these words in them."""
    for number in range(rounds):
        for one in Boundary:
            for name in FAULTS:
                for kind in MODES:
                    cell = Cell(one, name, kind, f"{seed}.{number}")
                    if (
                        cell.is_possible
                        and boundary in one.value
                        and fault in name
                        and mode in kind
                    ):
                        yield cell


async def run_all(
    wanted: Sequence[Cell], jobs: int, minutes: float, pause_s: float
) -> dict[Cell, Result]:
    """Run cells, several at a time, for as long as there is time."""
    deadline = time.monotonic() + minutes * 60
    left = iter(wanted)
    results: dict[Cell, Result] = {}

    async def work() -> None:
        for cell in left:
            if time.monotonic() > deadline:
                return
            result = results[cell] = await run_cell(cell, pause_s=pause_s)
            faults = result.faults(cell)
            if faults:
                click.echo(f"{cell}: {', '.join(faults)}", err=True)
                click.echo("\n".join(result.complaint.splitlines()[-15:]), err=True)
            if len(results) % 20 == 0:
                click.echo(f"{len(results)} of {len(wanted)} runs", err=True)

    await asyncio.gather(*(work() for _ in range(jobs)))
    return results


def table(results: dict[Cell, Result]) -> str:
    """Return the counts as Markdown, a row for each boundary and fault."""
    rows: dict[tuple[str, str], dict[str, Counts]] = {
        (boundary.value, fault): {} for boundary in Boundary for fault in FAULTS
    }
    all_of_it: dict[str, Counts] = {}
    for cell, result in results.items():
        for row in (rows[cell.boundary.value, cell.fault], all_of_it):
            row[cell.mode] = row.get(cell.mode, Counts(runs=0)) + result.counts
    doubled = [f"doubled ({mode})" for mode in MODES]
    head = [
        *("boundary", "fault", "runs", "messages", "lost", "dead letters"),
        *(*doubled, "doubled without mark", "reordered"),
    ]
    lines = [head, ["---"] * 2 + ["---:"] * (len(head) - 2)]
    for (boundary, fault), by_mode in [*rows.items(), (("**all**", ""), all_of_it)]:
        total = sum(by_mode.values(), Counts(runs=0))
        if not total.runs:
            continue
        lines.append(
            [
                *(boundary, fault, str(total.runs), str(total.messages)),
                *(str(total.lost), str(total.dead)),
                *(str(by_mode[mode].doubled) if mode in by_mode else "" for mode in MODES),
                *(str(total.unmarked), str(total.reordered)),
            ]
        )
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


@click.command()
@click.option("--seed", default=1, show_default=True, help="What chance begins with.")
@click.option("--rounds", default=1, show_default=True, help="How often each cell is run.")
@click.option("--boundary", default="", help="Only boundaries with these words in them.")
@click.option("--fault", default="", help="Only faults with these words in them.")
@click.option("--mode", default="", help="Only this kind of network: none, key, lookup.")
@click.option("--jobs", default=2, show_default=True, help="Runs at the same time.")
@click.option("--minutes", default=60.0, show_default=True, help="Begin no run after that.")
@click.option(
    "--pause", default=0.0, show_default=True, help="Seconds that a stopped process stands."
)
def main(
    *,
    seed: int,
    rounds: int,
    boundary: str,
    fault: str,
    mode: str,
    jobs: int,
    minutes: float,
    pause: float,
) -> None:
    """Run the rig and print the table; exits with 1 if a rule is broken."""
    wanted = [*cells(seed, rounds, boundary, fault, mode)]
    began = time.monotonic()
    results = asyncio.run(run_all(wanted, jobs, minutes, pause))
    click.echo(table(results))
    took = (time.monotonic() - began) / 60
    click.echo(f"\nseed {seed}; {len(results)} of {len(wanted)} runs in {took:.1f} minutes")
    broken = [cell for cell, result in results.items() if result.faults(cell)]
    sys.exit(1 if broken or len(results) < len(wanted) else 0)


if __name__ == "__main__":
    main()
