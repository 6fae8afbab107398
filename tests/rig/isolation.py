"""Isolation: what trouble in one place does to the latency of everybody else.

    python tests/rig/isolation.py

Some people write at a steady rate, and the time from their message to its answer is taken,
with and without a disturbance, in pairs. Prints the 99th percentiles and the median of the
pairs' ratios; the goal is 1.5 at most. The network takes its time for each message, as
networks do.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import attrs
import click

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from rig.agent import SLOW, answer_to
from rig.measure import percentile
from rig.network import Fault, Network, Trouble
from rig.world import World

OTHERS = 8
"""How many chats are measured."""
WARM_UP_S = 1.0
OTHER = "other"
"""The second channel."""


@attrs.frozen
class Load:
    """What the others do."""

    seconds: float
    """How long they write."""
    rate: float
    """Messages a second."""
    send_s: float
    """Seconds that the networks take for each message."""


@attrs.frozen
class Scene:
    """Two networks and a process between them."""

    world: World
    other: Network


Disturb: TypeAlias = Callable[[Scene], Coroutine[Any, Any, None]]


async def _flood_wait(scene: Scene) -> None:
    network = scene.world.network
    limit = Trouble(Fault.LIMIT, calls=("send",), chats={"limited"}, retry_after_s=300)
    network.fail(limit)
    for number in range(200):
        network.post("limited", f"message {number}")
    await network.until(lambda: limit.hits > 0)


async def _flooding(scene: Scene) -> None:
    network = scene.world.network
    for number in range(400):
        network.post("flooding", f"{SLOW} {number}")
    await network.until(lambda: network.confirmed >= 400)


async def _on_other(scene: Scene) -> None:
    for number in range(200):
        scene.other.post(f"chat{number % 50}", f"message {number}")


async def _dead(scene: Scene) -> None:
    hang = scene.other.fail(Trouble(Fault.HANG, calls=("send",)))
    await _on_other(scene)
    await scene.other.until(lambda: hang.hits > 0 and scene.other.confirmed >= 200)
    scene.other.refuse()
    scene.other.drop_all()


async def _hanging(scene: Scene) -> None:
    hang = scene.other.fail(Trouble(Fault.HANG, calls=("send",)))
    await _on_other(scene)
    await scene.other.until(lambda: hang.hits >= 50)


DISTURBANCES: Mapping[str, Disturb] = MappingProxyType(
    {
        "one address under a 300 s flood wait": _flood_wait,
        "one conversation floods 400 messages into a 1 s agent": _flooding,
        "one dead channel": _dead,
        "one channel that hangs in send": _hanging,
    }
)


async def latency(disturb: Disturb | None, load: Load) -> float:
    """Return the 99th percentile of the others' latency in one run, in seconds."""
    async with Network("key") as other, World(mode="key", has_reports=False) as world:
        section = {
            "plugin": "rig-network",
            "port": other.port,
            "token": "token",
            "mode": "key",
            "control": world.control.port,
        }
        world.sections[OTHER] = section
        world.network.delay_s = other.delay_s = load.send_s
        await world.start()
        await world.until(lambda: world.network.polls > 0)
        await world.guarded(other.until(lambda: other.polls > 0))
        if disturb is not None:
            await world.guarded(disturb(Scene(world, other)))
        names = await _write(world.network, load.seconds + WARM_UP_S, load.rate)
        await world.until(lambda: all(name in world.network.first for name in names[-OTHERS:]))
        warm = names[int(WARM_UP_S * load.rate) :]
        posted = {(one.chat, answer_to(one.text)): one.at for one in world.network.posted}
        first = world.network.first
        await world.until(lambda: all(name in first for name in warm))
        return percentile([first[name].at - posted[name] for name in warm], 0.99)


async def _write(network: Network, seconds: float, rate: float) -> list[tuple[str, str]]:
    """Write at a steady rate; return chat and text of the answers to come."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    names = []
    for number in range(int(seconds * rate)):
        await asyncio.sleep(began + number / rate - loop.time())
        chat, text = f"other{number % OTHERS}", f"message {number}"
        network.post(chat, text)
        names.append((chat, answer_to(text)))
    return names


async def compare(name: str, pairs: int, load: Load) -> float:
    """Measure pairs of runs, print them, return the median of their ratios."""
    ratios = []
    for number in range(pairs):
        order: list[Disturb | None] = [None, DISTURBANCES[name]]
        if number % 2:
            order.reverse()
        taken = {one: await latency(one, load) for one in order}
        calm, disturbed = taken[None], taken[DISTURBANCES[name]]
        ratios.append(disturbed / calm)
        said = f"{calm * 1000:.1f} ms, disturbed {disturbed * 1000:.1f} ms"
        click.echo(f"{name}: {said}, ratio {ratios[-1]:.2f}", err=True)
    return statistics.median(ratios)


@click.command()
@click.option("--pairs", default=5, show_default=True, help="Runs with and without.")
@click.option("--seconds", default=8.0, show_default=True, help="Seconds of each run.")
@click.option("--rate", default=60.0, show_default=True, help="Messages a second.")
@click.option("--send-ms", default=50.0, show_default=True, help="What a send takes.")
@click.option("--only", default="", help="Only disturbances with these words in them.")
def main(*, pairs: int, seconds: float, rate: float, send_ms: float, only: str) -> None:
    """Measure all disturbances and print the table."""
    load = Load(seconds, rate, send_ms / 1000)
    click.echo("| disturbance | 99th percentile of the others, median ratio |")
    click.echo("| --- | ---: |")
    for name in DISTURBANCES:
        if only in name:
            ratio = asyncio.run(compare(name, pairs, load))
            click.echo(f"| {name} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
