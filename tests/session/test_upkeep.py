"""What a running session does every now and then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from fakes import ManualClock

from cobot.journal import Beat
from cobot.session.upkeep import BEAT_S, PRUNE_S, Upkeep


class Clock(ManualClock):
    """A clock whose time of day can be set."""

    ahead = timedelta()

    def now(self) -> datetime:
        """Return the time of day, as it was set."""
        return super().now() + self.ahead


class Notes:
    """A journal that only notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.lost: frozenset[int] = frozenset()

    async def beat(self) -> Beat:
        """Note it, and tell once what was lost."""
        self.asked.append("beat")
        lost, self.lost = self.lost, frozenset()
        return Beat(lost)

    async def reap(self) -> int:
        """Note it."""
        self.asked.append("reap")
        return 0

    async def prune(self, now: datetime) -> int:
        """Note it."""
        self.asked.append(f"prune {now:%H:%M}")
        return 0

    async def prune_files(self, now: datetime) -> int:
        """Note it, and fail once."""
        self.asked.append(f"files {now:%H:%M}")
        if self.asked.count(self.asked[-1]) == len(self.asked) - 1:
            raise PermissionError("read-only")
        return 0


async def rounds(work: Any, clock: Clock, *before_each: Callable[[], None]) -> None:
    """Let some work go round once, and once more after each of some changes."""
    task = asyncio.create_task(work, name="work")
    async with asyncio.timeout(5):
        length = await clock.next_sleep()
        for change in before_each:
            change()
            clock.advance(length)
            length = await clock.next_sleep()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def nothing() -> None:
    """Change nothing."""


async def test_we_say_that_we_are_alive_within_the_lease() -> None:
    """The journal hears of us several times before it would think that we are gone."""
    clock, notes = Clock(), Notes()

    await rounds(Upkeep(notes, clock, list, notes.prune_files).beat(), clock, nothing)  # type: ignore[arg-type]

    assert notes.asked == ["beat", "reap"] * 2
    assert clock.monotonic() == BEAT_S


async def test_turns_that_were_taken_over_are_stopped() -> None:
    """What another process does now is worth nothing here."""
    clock, notes, stopped = Clock(), Notes(), set[int]()
    notes.lost = frozenset({1, 2})

    await rounds(Upkeep(notes, clock, stopped.update, notes.prune_files).beat(), clock)  # type: ignore[arg-type]

    assert stopped == {1, 2}


@pytest.mark.parametrize(
    ("seconds", "said"), [(-3600, ["the clock was set back by 3600 s"]), (-5, []), (3600, [])]
)
async def test_a_clock_that_was_set_back_is_told_once(
    seconds: int, said: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """The owner learns why times in the log go backwards; small corrections are no news."""
    clock, notes = Clock(), Notes()

    def turn() -> None:
        clock.ahead = timedelta(seconds=seconds)

    upkeep = Upkeep(notes, clock, list, notes.prune_files)  # type: ignore[arg-type]
    await rounds(upkeep.beat(), clock, turn, nothing)

    assert [one.getMessage().split(";")[0] for one in caplog.records] == said


async def test_what_is_old_is_removed_at_the_start_and_then_every_hour() -> None:
    """A bot that is restarted daily is cleaned up too; files that stay stop nothing."""
    clock, notes = Clock(), Notes()

    await rounds(Upkeep(notes, clock, list, notes.prune_files).prune(), clock, nothing)  # type: ignore[arg-type]

    assert notes.asked == ["prune 12:00", "files 12:00", "prune 13:00", "files 13:00"]
    assert PRUNE_S == 3600
