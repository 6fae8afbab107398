"""The built-in journal, with a view of what is stored and a hand on when."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

import attrs

from cobot.config.settings import NoSettings
from cobot.context import Context
from cobot.hookspecs import hookimpl
from cobot.journal import Journal, Key, Ownership, Row
from cobot.journal.sqlite import SqliteJournal
from cobot.messages import Json

SCHEME = "watched:"
"""The address of such a journal in a configuration."""

FILE_NAME = "journal.db"


class WatchedJournal:
    """Passes everything on to a journal, and stores what arrives only when it may."""

    def __init__(self, journal: Journal) -> None:
        """Watch a journal."""
        self.stored: list[Row] = []
        """What has arrived and is durable, in order; each once."""
        self.handed: list[Row] = []
        """What the channel has handed over, in order, also what was known or is held."""
        self.holding = 0
        """How many hand-overs wait to be stored."""
        self._journal = journal
        self._may_store = asyncio.Event()
        self._may_store.set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    def hold(self) -> None:
        """Store nothing more that arrives, until `let_go`."""
        self._may_store.clear()

    def let_go(self) -> None:
        """Store what arrives, and what was held."""
        self._may_store.set()

    async def publish(
        self, ownership: Ownership, rows: Sequence[Row], cursors: Mapping[str, str], **rest: Any
    ) -> Collection[Key]:
        """Store what arrived, as soon as it may be. Cancelled before, nothing is stored."""
        self.handed += rows
        if rows:
            self.holding += 1
            try:
                await self._may_store.wait()
            finally:
                self.holding -= 1
        new = await self._journal.publish(ownership, rows, cursors, **rest)
        self.stored += [row for row in rows if row.key in new]
        return new


@attrs.define(eq=False)
class WatchedJournals:
    """Opens a watched journal in a file of the workspace."""

    Settings: ClassVar = NoSettings
    priority: ClassVar = 20

    settings: NoSettings
    context: Context
    opened: WatchedJournal | None = attrs.field(default=None, init=False)

    @hookimpl
    async def open_journal(self, url: str, settings: Mapping[str, Json]) -> Any:
        if not url.startswith(SCHEME):
            return None
        self.opened = WatchedJournal(
            await SqliteJournal.open(
                self.context.workspace("journal") / FILE_NAME,
                clock=self.context.clock,
                # What a power failure would lose is not what is tested here.
                synchronous="NORMAL",
            )
        )
        return self.opened
