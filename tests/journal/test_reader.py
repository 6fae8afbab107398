"""Looking into a journal's file beside its owner, or without one."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from fakes import ManualClock

from cobot.errors import JournalError
from cobot.journal import Backlog
from cobot.journal.reader import open_reader
from cobot.journal.sqlite import SqliteJournal
from journal.conformance.harness import PIGEON, conversation, row, send, texts


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the journal is."""
    return tmp_path / "journal.db"


def content(path: Path) -> bytes | None:
    """Return what is in a file; None if there is none."""
    return path.read_bytes() if path.exists() else None


async def opened(path: Path) -> SqliteJournal:
    """Return a journal in which somebody has written and an answer waits."""
    journal = await SqliteJournal.open(path, clock=ManualClock())
    await journal.publish(await journal.own(PIGEON), [row("1"), row("2")], {})
    (job,) = (await journal.claim(1)).jobs
    await journal.settle(job, [send("answer")])
    return journal


async def test_it_sees_what_the_owner_has_stored(path: Path) -> None:
    """Beside a running owner, each read sees everything that was stored before it."""
    journal = await opened(path)
    reader = await open_reader(path)
    assert texts(await reader.history(conversation(), 10)) == ["1", "2", "answer"]
    assert await reader.backlog() == Backlog(1, 1)

    await journal.enqueue([send("more")])

    assert texts(await reader.history(conversation(), 10)) == ["1", "2", "answer", "more"]
    await reader.close()
    await journal.close()


async def test_it_holds_nothing_that_the_owner_needs(path: Path) -> None:
    """Between two reads the owner can fold all of its log into the file."""
    journal = await opened(path)
    reader = await open_reader(path)
    await reader.history(conversation(), 10)
    await journal.put({"key": "value"})

    with sqlite3.connect(path) as other:
        busy, left, folded = other.execute("PRAGMA wal_checkpoint").fetchone()
    other.close()

    assert not busy
    assert left == folded
    await reader.close()
    await journal.close()


async def test_a_closed_journal_can_be_read(path: Path) -> None:
    """Nobody has to run for the history to be read."""
    await (await opened(path)).close()
    assert not content(path.with_name("journal.db-wal"))
    before = content(path)

    reader = await open_reader(path)

    assert texts(await reader.history(conversation(), 10)) == ["1", "2", "answer"]
    assert len(await reader.events(0)) == 2
    assert await reader.why(PIGEON, "chat", "1")
    assert await reader.dead() == []
    await reader.close()
    assert content(path) == before


async def test_what_a_killed_owner_left_can_be_read(tmp_path: Path, path: Path) -> None:
    """What is in the log only is read too, and is still there for the next owner."""
    journal = await opened(path)
    left = tmp_path / "left"
    left.mkdir()
    for name in ("journal.db", "journal.db-wal"):
        shutil.copy(tmp_path / name, left)

    reader = await open_reader(left / "journal.db")
    assert texts(await reader.history(conversation(), 10)) == ["1", "2", "answer"]
    await reader.close()

    heir = await SqliteJournal.open(left / "journal.db", clock=ManualClock())
    assert await heir.backlog() == Backlog(1, 1)
    await heir.close()
    await journal.close()


async def test_without_a_file_it_says_so(path: Path) -> None:
    """Looking makes no file."""
    with pytest.raises(JournalError, match=r"there is no journal .*journal\.db"):
        await open_reader(path)

    assert content(path) is None


async def test_what_is_no_journal_is_refused(path: Path) -> None:
    """A file of something else is named."""
    shutil.copy(__file__, path)

    with pytest.raises(JournalError, match=r"journal\.db' is damaged"):
        await open_reader(path)


async def test_it_cannot_write(path: Path) -> None:
    """Whoever looks changes nothing, not even by mistake."""
    await (await opened(path)).close()
    reader = await open_reader(path)

    with pytest.raises(JournalError, match="read-only"):
        await reader.read(lambda db: db.execute("DELETE FROM inbox"))
    await reader.close()
