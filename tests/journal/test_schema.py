"""Opening a journal's file: new, old, newer, somebody else's, damaged."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from cobot.errors import JournalError
from cobot.journal.schema import APPLICATION_ID, STEPS, mark_closed, open_file

FIRST = "CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER);\nCREATE TABLE a (x)"
SECOND = "ALTER TABLE a ADD COLUMN y;\nUPDATE a SET y = x || '!'"


def close(db: sqlite3.Connection) -> None:
    """Close a file as its owner does."""
    mark_closed(db)
    db.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a journal that is closed and has a row."""
    path = tmp_path / "journal.db"
    db, _ = open_file(path)
    db.executemany("INSERT INTO state VALUES (?, ?)", [(f"{n}", "x" * 500) for n in range(99)])
    close(db)
    return path


def test_a_new_file_is_private_and_has_the_newest_tables(tmp_path: Path) -> None:
    """Nobody else may read what people write to the bot."""
    path = tmp_path / "new" / "journal.db"

    db, was_closed = open_file(path)

    assert was_closed
    assert path.stat().st_mode & 0o077 == 0
    assert db.execute("PRAGMA user_version").fetchone() == (len(STEPS),)
    assert db.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert db.execute("PRAGMA synchronous").fetchone() == (2,)
    db.close()


def test_whether_it_was_closed_is_told(path: Path) -> None:
    """Only a file that was left as it was need be looked through."""
    db, was_closed = open_file(path)
    assert was_closed
    db.close()

    db, was_closed = open_file(path)
    assert not was_closed
    db.close()


def test_synchronous_is_as_asked(path: Path) -> None:
    """Who prefers speed to surviving a power cut may."""
    db, _ = open_file(path, synchronous="NORMAL")

    assert db.execute("PRAGMA synchronous").fetchone() == (1,)
    db.close()


def test_an_older_file_is_brought_forward(tmp_path: Path) -> None:
    """What an earlier version has stored is there in the tables of this one."""
    path = tmp_path / "journal.db"
    db, _ = open_file(path, steps=(FIRST,))
    db.execute("INSERT INTO a VALUES ('kept')")
    close(db)

    db, was_closed = open_file(path, steps=(FIRST, SECOND))

    assert was_closed
    assert db.execute("SELECT x, y FROM a").fetchall() == [("kept", "kept!")]
    assert db.execute("PRAGMA user_version").fetchone() == (2,)
    db.close()


def test_a_step_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """Half a migration is none: the earlier version can go on."""
    path = tmp_path / "journal.db"
    db, _ = open_file(path, steps=(FIRST,))
    db.execute("INSERT INTO a VALUES ('kept')")
    close(db)

    with pytest.raises(JournalError, match=r"journal\.db' cannot be opened: .*nowhere"):
        open_file(path, steps=(FIRST, f"{SECOND};\nINSERT INTO nowhere VALUES (1)"))

    db, _ = open_file(path, steps=(FIRST,))
    assert db.execute("SELECT * FROM a").fetchall() == [("kept",)]
    db.close()


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    """An older cobot does not touch what it does not understand."""
    path = tmp_path / "journal.db"
    db, _ = open_file(path, steps=(FIRST, SECOND))
    close(db)

    with pytest.raises(JournalError, match="tables of version 2, and this cobot knows 1"):
        open_file(path, steps=(FIRST,))


def test_the_database_of_another_program_is_refused(tmp_path: Path) -> None:
    """It is left alone."""
    path = tmp_path / "browser.db"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE bookmarks (url)")
    db.close()
    before = path.read_bytes()

    with pytest.raises(JournalError, match="database of another program"):
        open_file(path)

    assert path.read_bytes() == before


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    """A file of anything else is named, with what to do."""
    path = tmp_path / "journal.db"
    path.write_text("this is a letter to my aunt " * 100)

    with pytest.raises(JournalError, match=r"journal\.db' is damaged .*move it away"):
        open_file(path)


@pytest.mark.parametrize("kept", [0, 99, 1000, 4096, 20_000, -1])
def test_a_truncated_file_is_refused(path: Path, kept: int) -> None:
    """Wherever it was cut off, one line says so; it is not taken for an empty one."""
    content = path.read_bytes()
    path.write_bytes(content[:kept])

    with pytest.raises(JournalError, match=r"is (damaged|empty)") as caught:
        open_file(path)

    assert "\n" not in str(caught.value)
    assert path.read_bytes() == content[:kept]


def test_damage_inside_is_found_after_a_crash(path: Path) -> None:
    """A file that was not closed is looked through before it is used."""
    open_file(path)[0].close()  # not marked as closed
    content = bytearray(path.read_bytes())
    content[-5000:-1000] = b"\xff" * 4000
    path.write_bytes(content)

    with pytest.raises(JournalError, match="is damaged"):
        open_file(path)


def test_a_log_without_its_file_is_not_lost(path: Path) -> None:
    """Messages in the log of a file that is gone are not thrown away by starting anew."""
    log = path.with_name("journal.db-wal")
    log.write_bytes(b"messages")
    path.unlink()

    with pytest.raises(JournalError, match=r"journal\.db-wal.* holds messages"):
        open_file(path)

    assert log.read_bytes() == b"messages"
    assert not path.exists()


def test_a_file_that_was_being_made_when_the_process_died_is_made_anew(tmp_path: Path) -> None:
    """A file gets its name when it is whole."""
    (tmp_path / "journal.db.new").write_bytes(b"half")

    db, _ = open_file(tmp_path / "journal.db")

    assert db.execute("SELECT count(*) FROM inbox").fetchone() == (0,)
    db.close()


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    """What the system says is passed on with the path."""
    with pytest.raises(JournalError, match="cannot be opened"):
        open_file(tmp_path)
