"""Rig journal: the real one, which reports when it is about to store and when it has."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from cobot import Context, hookimpl
from cobot.config.settings import NoSettings
from cobot.journal import Delivery, End, Journal, Key, Ownership, Row
from cobot.messages import Json, Receipt
from cobot.ops.sqlite import SCHEME as SQLITE
from cobot.ops.sqlite import Sqlite
from rig.control import Boundary, ControlSettings, Reporter

SCHEME = "rig:"


class RigJournal:
    """Opens the journal for `rig:`, which is a file of the workspace as for `sqlite:`."""

    Settings = ControlSettings
    priority: ClassVar[int] = 20

    def __init__(self, settings: ControlSettings, context: Context) -> None:
        self._context = context
        self._reporter = Reporter(settings)

    @hookimpl
    async def open_journal(self, url: str, settings: Mapping[str, Json]) -> Any:
        if not url.startswith(SCHEME):
            return None
        built_in = Sqlite(NoSettings(), self._context)
        journal = await built_in.open_journal(SQLITE, settings)
        assert journal is not None
        return ReportingJournal(journal, self._reporter)


class ReportingJournal:
    """Passes everything on, and reports the boundaries that the journal is at."""

    def __init__(self, journal: Journal, reporter: Reporter) -> None:
        self._journal = journal
        self._reporter = reporter

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def publish(
        self,
        ownership: Ownership,
        rows: Sequence[Row],
        cursors: Mapping[str, str],
        **rest: Any,
    ) -> Collection[Key]:
        """Store what arrived; report afterwards."""
        new = await self._journal.publish(ownership, rows, cursors, **rest)
        await self._reporter.reached(Boundary.PUBLISHED)
        return new

    async def settle_all(self, ends: Sequence[End]) -> Sequence[bool]:
        """End turns; report before and afterwards, for each of them."""
        await self._reached(Boundary.BEFORE_SETTLE, len(ends))
        ours = await self._journal.settle_all(ends)
        await self._reached(Boundary.SETTLED, len(ends))
        return ours

    async def sent(
        self, ownership: Ownership, results: Sequence[tuple[Delivery, Receipt]]
    ) -> None:
        """Record what was sent; report before and afterwards, for each message."""
        await self._reached(Boundary.BEFORE_RECEIPT, len(results))
        await self._journal.sent(ownership, results)
        await self._reached(Boundary.RECEIPT, len(results))

    async def _reached(self, boundary: Boundary, times: int) -> None:
        for _ in range(times):
            await self._reporter.reached(boundary)
