"""What the parts of a journal share: the writer, the numbers, the clock, a little memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Generic, TypeVar

import attrs

from cobot.clock import Clock
from cobot.journal.writer import Writer

CACHED_MOST = 4096
"""Messages, and operations, that are kept in memory while they wait."""

CACHED_MOST_BYTES = 16 * 1024 * 1024
"""Their texts and files together, in characters and bytes."""

V = TypeVar("V")


@attrs.define(eq=False)
class Ledger:
    """Gives numbers and times; all numbers of a journal come from one counter, on the loop.

    They are given in the order in which the writer is asked, so that what is committed later
    has the higher number: whoever reads on from a number misses nothing.
    """

    writer: Writer
    clock: Clock
    last_number: int

    def numbers(self, count: int) -> Iterator[int]:
        """Return the next numbers."""
        first = self.last_number + 1
        self.last_number += count
        return iter(range(first, first + count))

    def number(self) -> int:
        """Return the next number."""
        self.last_number += 1
        return self.last_number

    def at(self) -> float:
        """Return the time of day, as seconds since 1970."""
        return self.clock.now().timestamp()

    def due(self, not_before: datetime | None) -> float:
        """Return a time of day on the clock that only grows; 0 if it is past or None."""
        return 0.0 if not_before is None else self.due_unix(not_before.timestamp(), self.at())

    def due_unix(self, not_before: float | None, now: float) -> float:
        """Return the same for seconds since 1970, `now` being what the clock shows."""
        if not_before is None or not_before <= now:
            return 0.0
        return self.clock.monotonic() + not_before - now


class Cache(Generic[V]):
    """What was stored a moment ago and will be wanted in a moment; the table has it too.

    What is stored when it is full is not kept: those that wait longest are wanted first, and
    by the time it is the others' turn, they are read from the table.
    """

    def __init__(self) -> None:
        self._kept: dict[int, tuple[V, int]] = {}
        self._bytes = 0

    def put(self, number: int, value: V, size: int) -> None:
        """Keep a value, if there is room."""
        if len(self._kept) < CACHED_MOST and self._bytes + size <= CACHED_MOST_BYTES:
            self._kept[number] = (value, size)
            self._bytes += size

    def pop(self, number: int) -> V | None:
        """Hand a value out and keep it no longer; None if it is not there."""
        kept = self._kept.pop(number, None)
        if kept is None:
            return None
        self._bytes -= kept[1]
        return kept[0]

    def drop(self, numbers: Iterable[int]) -> None:
        """Keep values no longer, because their rows have changed."""
        for number in numbers:
            self.pop(number)

    def clear(self) -> None:
        """Keep nothing."""
        self._kept.clear()
        self._bytes = 0
