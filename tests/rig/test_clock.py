"""A clock that is set back an hour loses nothing, and makes nobody wait for an hour."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from importlib.metadata import EntryPoint
from random import Random

import pytest

from cobot.app import assemble
from cobot.clock import SystemClock
from cobot.config import configure
from cobot.config.document import Document
from cobot.plugins import discover
from cobot.plugins.discovery import Candidate
from cobot.session import Session
from cobot.workspace import Workspace
from rig.agent import answer_to
from rig.network import Fault, Network, Trouble
from rig.workload import judge
from rig.world import World

SOON_S = 30.0
"""Far less than the hour, far more than any wait that is asked for."""

PLUGINS = {
    name: Candidate(name, (EntryPoint(name, target, "cobot"),))
    for name, target in (
        ("rig-network", "rig.channel:RigChannel"),
        ("rig-agent", "rig.agent:RigAgent"),
    )
}


class SettableClock(SystemClock):
    """The machine's clock, but for the time of day."""

    def __init__(self) -> None:
        self._back = timedelta()

    def now(self) -> datetime:
        """Return the time of day as it was set."""
        return super().now() - self._back

    def set_back(self, back: timedelta) -> None:
        """Set the time of day back."""
        self._back += back


@asynccontextmanager
async def running(world: World, clock: SettableClock) -> AsyncIterator[Session]:
    """Run a session in this process, with a clock of ours."""
    world.write_configuration()
    file = world.folder / "cobot.yml"
    app = assemble(
        configure(Document.read(file, str(file), world.environment)),
        {**discover(), **PLUGINS},
        workspace=Workspace(world.workspace),
        clock=clock,
        random=Random(1),
    )
    app.check()
    session = app.session()
    run = asyncio.create_task(session.run())
    try:
        yield session
    finally:
        session.stop()
        await run


async def answered(network: Network, texts: Collection[tuple[str, str]]) -> None:
    """Wait until messages, by chat and text, are answered."""
    names = {(chat, answer_to(text)) for chat, text in texts}
    async with asyncio.timeout(SOON_S):
        await network.until(lambda: names <= network.first.keys())


class Warnings(logging.Handler):
    """What is said about the clock."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []
        self._heard = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line that is about the clock."""
        if "clock" in record.getMessage():
            self.lines.append(record.getMessage())
            self._heard.set()

    async def heard(self) -> None:
        """Wait until something is said."""
        async with asyncio.timeout(SOON_S):
            await self._heard.wait()


@pytest.fixture
def warnings() -> Iterator[Warnings]:
    """What cobot says about the clock, as warnings or worse."""
    handler = Warnings()
    log = logging.getLogger("cobot")
    log.addHandler(handler)
    yield handler
    log.removeHandler(handler)


def post(network: Network, text: str) -> list[tuple[str, str]]:
    """Write a text in each of some chats."""
    names = [(chat, text) for chat in ("calm", "limited", "lost")]
    for chat, _ in names:
        network.post(chat, text)
    return names


def have_sends_wait(network: Network) -> tuple[Trouble, Trouble]:
    """Have the next send of two chats fail and be tried again, one by what it was told."""
    limit = Trouble(Fault.LIMIT, 1, ("send",), {"limited"}, retry_after_s=1.0)
    return network.fail(limit), network.fail(Trouble(Fault.LOST, 1, ("send",), {"lost"}))


async def test_waits_go_on_as_if_nothing_had_happened(warnings: Warnings) -> None:
    """What waits to be tried again when the clock is set back waits no longer for it."""
    clock = SettableClock()
    async with World(mode="key", has_reports=False) as world:
        network = world.network
        async with running(world, clock):
            await answered(network, post(network, "before"))
            troubles = have_sends_wait(network)
            during = post(network, "during")
            async with asyncio.timeout(SOON_S):
                await network.until(lambda: all(one.hits for one in troubles))
            clock.set_back(timedelta(hours=1))

            await answered(network, [*during, *post(network, "after")])
            await warnings.heard()

        assert len(warnings.lines) == 1
        assert judge(network.posted, network.arrived).faults() == []


async def test_successor_does_not_wait_for_times_of_the_old_clock(warnings: Warnings) -> None:
    """A process that starts after the clock was set back sends what its predecessor left."""
    clock = SettableClock()
    async with World(mode="key", has_reports=False) as world:
        network = world.network
        async with running(world, clock):
            await answered(network, post(network, "before"))
            troubles = have_sends_wait(network)
            during = post(network, "during")
            async with asyncio.timeout(SOON_S):
                await network.until(lambda: all(one.hits for one in troubles))
        clock.set_back(timedelta(hours=1))

        async with running(world, clock):
            await answered(network, [*during, *post(network, "after")])
            await warnings.heard()

        assert len(warnings.lines) == 1
        assert judge(network.posted, network.arrived).faults() == []
