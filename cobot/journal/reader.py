"""Looking back: history, events, the story of one message, dead letters.

It has a connection and a thread of its own, so that nobody who looks back delays a commit.
Each call is one short read: no transaction is left open that would keep the file from being
tidied up. The command line uses the same, beside the owner of the file or without one.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from cobot.errors import JournalError
from cobot.journal import Backlog, DeadLetter, Entry, Happened, Step, lookback
from cobot.journal.outbox import read_receipt
from cobot.journal.schema import check_identity, connect, refusal
from cobot.messages import MessageRef, Receipt

T = TypeVar("T")


class SqliteReader:
    """Reads a journal's file, and changes nothing in it."""

    def __init__(self, path: Path) -> None:
        """Name the file; it is opened when something is read."""
        self._path = path
        self._db: sqlite3.Connection | None = None
        self._is_closed = False
        self._thread = ThreadPoolExecutor(1, "cobot-journal-reader")

    async def history(
        self, conversation: str, limit: int, *, until: int | None = None
    ) -> Sequence[Entry]:
        """Return the newest messages of a conversation, oldest first."""
        return await self.read(lambda db: lookback.read_history(db, conversation, limit, until))

    async def events(self, after: int, limit: int = 1000) -> Sequence[Happened]:
        """Return what happened after a place, in order; with the last one's `seq` go on."""
        return await self.read(lambda db: lookback.read_events(db, after, limit))

    async def why(
        self, channel: str, channel_id: str, message_id: str, thread_id: str | None = None
    ) -> Sequence[Step]:
        """Return every decision about a message, in order; empty if it is not known."""
        ref = MessageRef(channel, channel_id, message_id, thread_id)
        return await self.read(lambda db: lookback.read_why(db, ref))

    async def dead(self) -> Sequence[DeadLetter]:
        """Return all dead letters, oldest first."""
        return await self.read(lookback.read_dead)

    async def receipt(self, ref: MessageRef) -> Receipt | None:
        """Return the receipt of the operation that made a message; None if none did."""
        return await self.read(lambda db: read_receipt(db, ref))

    async def backlog(self) -> Backlog:
        """Return how much waits to be answered and to be sent."""
        return await self.read(lookback.read_backlog)

    async def read(self, what: Callable[[sqlite3.Connection], T]) -> T:
        """Run something that reads, in one transaction.

        Raises:
            JournalError: There is no such file, it is no journal, or it cannot be read.
        """
        if self._is_closed:
            raise JournalError(f"the journal {str(self._path)!r} is closed")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._read, what)

    async def close(self) -> None:
        """Let go of the file; what is being read is read to its end."""
        if self._is_closed:
            return
        self._is_closed = True
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._close)
        self._thread.shutdown(wait=False)

    def _read(self, what: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if self._db is None:
                self._db = _open(self._path)
            self._db.execute("BEGIN")
            try:
                return what(self._db)
            finally:
                self._db.execute("ROLLBACK")
        except (sqlite3.Error, OSError) as error:
            raise refusal(self._path, error) from error

    def _close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None


async def open_reader(path: Path) -> SqliteReader:
    """Open a journal's file for reading, whether or not another process owns it.

    Raises:
        JournalError: There is no such file, it is no journal, or it cannot be read.
    """
    reader = SqliteReader(path)
    try:
        await reader.read(lambda db: None)
    except JournalError:
        await reader.close()
        raise
    return reader


def _open(path: Path) -> sqlite3.Connection:
    if not path.exists():
        raise JournalError(
            f"there is no journal {str(path)!r}; `cobot run` makes one, and --workspace names"
            " the folder it is looked for in"
        )
    db = connect(path, parameters="mode=ro")
    try:
        check_identity(db, path)
    except sqlite3.OperationalError as error:
        db.close()
        # Even a reader has to write to the file's companions, to say that it is reading. In a
        # folder where it may not, and with nothing in the companions, the file is all there is.
        companion = path.with_name(f"{path.name}-wal")
        if error.sqlite_errorcode & 0xFF not in (
            sqlite3.SQLITE_CANTOPEN,
            sqlite3.SQLITE_READONLY,
        ):
            raise
        if companion.exists() and companion.stat().st_size:
            raise JournalError(
                f"the journal {str(path)!r} cannot be read from a folder that cannot be written"
                " to while its owner runs, or after it was killed; ask as the bot's own user"
            ) from error
        db = connect(path, parameters="mode=ro&immutable=1")
        check_identity(db, path)
    except BaseException:
        db.close()
        raise
    return db
