"""The world of a channel, for tests of what channels share."""

from __future__ import annotations

from pathlib import Path

import attrs
from fakes import ManualClock

from cobot import Context
from cobot.testing import make_context


class Quiet(ManualClock):
    """A clock on which nobody has to wait: it moves on to when the first wakes."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, delay_s: float) -> None:
        """Let that much time pass at once."""
        self.slept.append(delay_s)
        self.advance(delay_s)


@attrs.define(eq=False)
class Reports:
    """What a channel says of its health."""

    signs: list[str] = attrs.field(factory=list)

    def alive(self) -> None:
        """Note it."""
        self.signs.append("alive")

    def connected(self) -> None:
        """Note it."""
        self.signs.append("connected")

    def degraded(self, reason: str) -> None:
        """Note it."""
        self.signs.append(reason)

    def closed_until(self, time: object, channel_id: str | None = None) -> None:
        """Note it."""
        self.signs.append(f"closed until {time}")

    def finished(self) -> None:
        """Note it."""
        self.signs.append("finished")


def context_of(clock: ManualClock, folder: Path) -> tuple[Context, Reports]:
    """Return a channel's context, and what it says of its health."""
    context = make_context("pigeon", clock=clock, workspace=folder)
    health = Reports()
    return attrs.evolve(context, health=health), health
