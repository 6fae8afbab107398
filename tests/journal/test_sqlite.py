"""The SQLite journal does what every journal must do."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cobot.journal import Journal
from cobot.journal.sqlite import SqliteJournal
from journal.conformance import *  # noqa: F403 -- the suite; pytest collects what is here
from journal.conformance.harness import (
    DEDUPE_DAYS,
    KEEP_DAYS,
    LEASE_S,
    WAITING_MOST,
    ShiftedClock,
)


class SqliteJournals:
    """A journal in a file of its own."""

    def __init__(self, folder: Path) -> None:
        self.clock = ShiftedClock()
        self._folder = folder
        self._lives = 0
        self._opened: list[Journal] = []

    async def open(self) -> Journal:
        """Close the journal, if one is open, and open its file again."""
        if self._opened:
            await self._opened.pop().close()
        return await self._open()

    async def crash(self) -> Journal:
        """Leave the journal as it is, and open what a killed process would have left.

        The writer's thread cannot be killed. So the file and its log are copied as they are
        on disk, without what only an orderly end writes, and the copy is opened.
        """
        former = self._path
        self._lives += 1
        self._path.parent.mkdir()
        # A reader keeps the log from being folded into the file while both are copied. The
        # copying is another process's: to close a file drops all locks that its process has
        # on it, and SQLite's are among them.
        with sqlite3.connect(f"file:{former}?mode=ro", uri=True) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            files = [former, former.with_name(f"{former.name}-wal")]
            copying = await asyncio.create_subprocess_exec(
                "cp", *(str(one) for one in files), str(self._path.parent)
            )
            assert await copying.wait() == 0
        reader.close()
        return await self._open()

    async def close(self) -> None:
        """Close every journal, also those that were left as they were."""
        for journal in self._opened:
            await journal.close()

    @property
    def _path(self) -> Path:
        return self._folder / f"life {self._lives}" / "journal.db"

    async def _open(self) -> Journal:
        self._path.parent.mkdir(exist_ok=True)
        journal: Journal = await SqliteJournal.open(
            self._path,
            clock=self.clock,
            synchronous="NORMAL",  # a killed process is all that is played here
            dedupe_days=DEDUPE_DAYS,
            keep_days=KEEP_DAYS,
            lease_s=LEASE_S,
            waiting_most=WAITING_MOST,
        )
        self._opened.append(journal)
        return journal


@pytest.fixture
async def journals(tmp_path: Path) -> AsyncIterator[SqliteJournals]:
    """Return who opens an empty journal, and closes it in the end."""
    journals = SqliteJournals(tmp_path)
    yield journals
    await journals.close()
