"""The writing thread: groups, bad requests, disk trouble."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path

import attrs
import pytest

from cobot.errors import JournalError
from cobot.journal.writer import Writer

PATIENCE_S = 20.0


class Rig:
    """A writer on a small database, and what it says."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # Trouble is made on the writer's own connection, by means that SQLite has for it.
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("CREATE TABLE note (text UNIQUE)")
        self.said: asyncio.Queue[str | None] = asyncio.Queue()
        self.writer = Writer(self.db, path, on_trouble=self.said.put_nowait, retry_s=0.005)

    async def notes(self) -> list[str]:
        """Return what is stored."""
        return await self.writer.run(
            lambda db: [text for (text,) in db.execute("SELECT text FROM note ORDER BY rowid")]
        )

    async def hears(self) -> str | None:
        """Return what the writer says next."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.said.get()

    def fill_disk(self) -> None:
        """Let the file grow no further."""
        (pages,) = self.db.execute("PRAGMA page_count").fetchone()
        self.db.execute(f"PRAGMA max_page_count = {pages}")

    def free_disk(self) -> None:
        """Let it grow again."""
        self.db.execute("PRAGMA max_page_count = 100000")


@attrs.frozen
class Note:
    """Work that stores a text."""

    text: str

    def __call__(self, db: sqlite3.Connection) -> str:
        """Store it."""
        db.execute("INSERT INTO note VALUES (?)", (self.text,))
        return self.text


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """Return a writer that is closed in the end."""
    rig = Rig(tmp_path / "notes.db")
    yield rig
    await rig.writer.close()


async def test_what_was_done_is_told_on_the_loop_in_order(rig: Rig) -> None:
    """Who asked first is told first, and everybody after the commit."""
    told: list[str] = []
    futures = [rig.writer.submit(Note(text), told.append) for text in "abc"]

    assert await asyncio.gather(*futures) == ["a", "b", "c"]
    assert told == ["a", "b", "c"]
    assert await rig.notes() == ["a", "b", "c"]


async def test_what_is_asked_for_together_is_one_transaction(rig: Rig) -> None:
    """One sync serves all who ask in one round of the loop, also tasks that they start."""
    seen: list[int] = []

    async def ask(text: str) -> None:
        def work(db: sqlite3.Connection) -> None:
            seen.append(db.total_changes if not seen else seen[0])
            db.execute("INSERT INTO note VALUES (?)", (text,))

        await rig.writer.run(work)

    commits = 0

    def count(statement: str) -> None:
        nonlocal commits
        commits += statement.startswith("COMMIT")

    rig.db.set_trace_callback(count)
    await asyncio.gather(*(ask(str(number)) for number in range(50)))

    assert commits == 1


async def test_a_bad_request_spoils_no_other(rig: Rig) -> None:
    """Who asked for what cannot be is told so; those beside it get what they asked for."""
    rig.writer.submit(Note("known"))
    failed: list[str] = []
    told: list[str] = []
    futures = [
        rig.writer.submit(Note(text), told.append, failed=partial(failed.append, text))
        for text in ("a", "known", "b")
    ]

    results = await asyncio.gather(*futures, return_exceptions=True)

    assert [results[0], results[2]] == ["a", "b"]
    assert isinstance(results[1], sqlite3.IntegrityError)
    assert (told, failed) == (["a", "b"], ["known"])
    assert await rig.notes() == ["known", "a", "b"]


async def test_a_request_is_stored_whole_or_not_at_all(rig: Rig) -> None:
    """What a request did before it failed is not there afterwards."""

    def work(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO note VALUES ('half')")
        raise ValueError("the other half is missing")

    with pytest.raises(ValueError, match="other half"):
        await rig.writer.run(work)

    assert await rig.notes() == []


async def test_neighbours_of_a_kind_are_done_at_once(rig: Rig) -> None:
    """Work with a common function is handed to it together, and each gets its own result."""
    sizes: list[int] = []

    def together(db: sqlite3.Connection, notes: Sequence[Note]) -> list[str]:
        sizes.append(len(notes))
        return [one(db).upper() for one in notes]

    futures = [
        rig.writer.submit(Note("a"), together=together),
        rig.writer.submit(Note("b"), together=together),
        rig.writer.submit(Note("between")),
        rig.writer.submit(Note("c"), together=together),
    ]

    assert await asyncio.gather(*futures) == ["A", "B", "between", "C"]
    assert sizes == [2, 1]
    assert await rig.notes() == ["a", "b", "between", "c"]


async def test_cancelling_stops_the_waiting_and_not_the_storing(rig: Rig) -> None:
    """What nobody waits for is stored and told all the same, and then called unwanted."""
    told: list[str] = []
    unwanted: list[str] = []
    future = rig.writer.submit(Note("a"), told.append, unwanted=unwanted.append)

    future.cancel()

    assert await rig.notes() == ["a"]
    assert (told, unwanted) == (["a"], ["a"])


async def test_a_full_disk_is_waited_for(rig: Rig) -> None:
    """Nobody is told that it failed; one line says what to do, and one that it is over."""
    rig.fill_disk()
    big = "x" * 100_000
    storing = asyncio.ensure_future(rig.writer.run(Note(big)))

    line = await rig.hears()
    assert line is not None
    assert str(rig.path) in line
    assert "the disk is full; free some space" in line
    assert not storing.done()

    later = rig.writer.submit(Note("later"))
    rig.free_disk()
    assert await rig.hears() is None
    assert await storing == big
    assert await later == "later"
    assert rig.said.empty()


async def test_a_read_only_disk_is_told_from_a_full_one(rig: Rig) -> None:
    """What to do about it is another thing."""
    rig.db.execute("PRAGMA query_only = ON")
    storing = asyncio.ensure_future(rig.writer.run(Note("a")))

    line = await rig.hears()
    assert line is not None
    assert "it is read-only" in line

    rig.db.execute("PRAGMA query_only = OFF")
    assert await storing == "a"
    assert await rig.hears() is None


async def test_another_writer_is_waited_for(rig: Rig) -> None:
    """A file that somebody else is writing to is named as that."""
    rig.db.execute("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(rig.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    storing = asyncio.ensure_future(rig.writer.run(Note("a")))

    line = await rig.hears()
    assert line is not None
    assert "another program is writing to it" in line

    other.execute("ROLLBACK")
    other.close()
    assert await storing == "a"


async def test_closing_in_trouble_fails_what_waits(tmp_path: Path) -> None:
    """A stop does not hang on a full disk, and who waits learns that nothing was stored."""
    rig = Rig(tmp_path / "notes.db")
    rig.fill_disk()
    storing = asyncio.ensure_future(rig.writer.run(Note("x" * 100_000)))
    assert await rig.hears()

    async with asyncio.timeout(PATIENCE_S):
        await rig.writer.close()

    with pytest.raises(JournalError, match="the disk is full"):
        await storing


async def test_closing_stores_what_was_asked_for_before(tmp_path: Path) -> None:
    """The last words are kept."""
    rig = Rig(tmp_path / "notes.db")
    future = rig.writer.submit(Note("a"))

    await rig.writer.close()

    assert await future == "a"
    with pytest.raises(JournalError, match=r"notes\.db' is closed"):
        await rig.writer.run(Note("b"))


async def test_a_damaged_file_is_final(tmp_path: Path) -> None:
    """Nothing is tried again: every call says which file and how to go on."""
    rig = Rig(tmp_path / "notes.db")

    def work(_db: sqlite3.Connection) -> None:
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error

    for asked in (work, Note("a")):
        with pytest.raises(JournalError, match=r"notes\.db' is damaged.*\.recover"):
            await rig.writer.run(asked)
    await rig.writer.close()


@pytest.mark.parametrize("is_loose", [True, False])
async def test_loose_requests_alone_are_not_synced(rig: Rig, is_loose: bool) -> None:
    """A commit of nothing but loose requests survives a kill; with any other it is synced."""
    levels: list[int] = []

    def work(db: sqlite3.Connection) -> None:
        levels.append(db.execute("PRAGMA synchronous").fetchone()[0])

    rig.writer.submit(work, is_loose=True)
    await rig.writer.run(work, is_loose=is_loose)

    assert levels == [1, 1] if is_loose else [2, 2]
