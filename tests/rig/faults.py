"""What is done to a process that is held at a boundary, or to its network."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import attrs

from rig.control import Boundary, Held
from rig.network import Fault, Trouble
from rig.world import World

AT_LARGE = frozenset({Boundary.IN_AGENT, Boundary.BEFORE_REQUEST, Boundary.REQUEST_TAKEN})
"""Where a process may be held for good: what it waits for is an agent or a network."""


@attrs.frozen
class Scene:
    """A process that is held, and what else a fault may want to know."""

    world: World
    boundary: Boundary
    held: Held
    is_over: Callable[[], bool]
    """Whether all messages are answered already."""
    pause_s: float = 0.0
    """How many seconds a stopped process stands still at least."""


Strike: TypeAlias = Callable[[Scene], Awaitable[None]]


async def _kill(scene: Scene) -> None:
    """SIGKILL it there, and its successor at the same place."""
    world = scene.world
    await world.process.kill()
    scene.held.let_go()
    again = world.control.trap(scene.boundary)
    await world.start(scene.boundary)
    held = await world.caught(again, unless=scene.is_over)
    await world.process.kill()
    if held is not None:
        held.let_go()
    world.control.disarm()
    await world.start()


async def _stop(scene: Scene) -> None:
    """SIGSTOP it; the network gives all connections up; SIGCONT."""
    process = scene.world.process
    await process.stop()
    scene.held.let_go()
    scene.world.network.drop_all()
    if scene.pause_s:
        await asyncio.sleep(scene.pause_s)
    process.go_on()


async def _terminate(scene: Scene) -> None:
    """SIGTERM it and let it go on; start another when it has ended."""
    process = scene.world.process
    process.process.terminate()
    await process.said("SIGTERM")
    scene.held.let_go()
    await _ended_well(scene.world)
    await scene.world.start()


async def _terminate_held(scene: Scene) -> None:
    """SIGTERM it while agent or network never answer; start another when it has ended."""
    scene.world.process.process.terminate()
    await _ended_well(scene.world)
    scene.held.let_go()
    await scene.world.start()


async def _ended_well(world: World) -> None:
    code = await world.process.ended()
    if code:
        last = "\n".join(world.process.lines[-20:])
        raise AssertionError(f"asked to stop, it ended with {code}; it said\n{last}")


async def _refuse(scene: Scene) -> None:
    """The network is away until it was asked in vain."""
    network = scene.world.network
    network.refuse()
    network.drop_all()
    scene.held.let_go()
    await scene.world.guarded(scene.world.process.said("no connection"))
    await network.listen()


def _failing(trouble: Callable[[], Trouble]) -> Strike:
    async def strike(scene: Scene) -> None:
        scene.world.network.fail(trouble())
        scene.world.network.drop_all()
        scene.held.let_go()

    return strike


FAULTS: Mapping[str, Strike] = MappingProxyType(
    {
        "SIGKILL": _kill,
        "SIGSTOP": _stop,
        "SIGTERM": _terminate,
        "SIGTERM, held": _terminate_held,
        "refused": _refuse,
        "reset": _failing(lambda: Trouble(Fault.RESET, times=3)),
        "answer lost": _failing(lambda: Trouble(Fault.LOST, times=3)),
        "429": _failing(lambda: Trouble(Fault.LIMIT, times=3, retry_after_s=0.2)),
    }
)
