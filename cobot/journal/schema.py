"""The tables of a journal's file: made, checked, and brought up to date when it is opened."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cobot.errors import JournalError
from cobot.journal.writer import is_ruined, ruined, trouble_of

APPLICATION_ID = 0x636F626F
"""Tells our files from other SQLite databases: "cobo" in ASCII."""

QUICK_CHECK_MOST_BYTES = 32 * 1024 * 1024
"""Files up to this size are checked whole after a crash; that takes a fifth of a second."""

# In what order columns stand is no matter of taste: the text comes last, because what stands
# behind a long text has to be looked for through all of it. Texts are '' and not NULL where
# they are part of a unique key: NULL equals nothing, not even NULL. `to_chat` and `to_thread`
# are where a chat has moved to; the key stays where it came from, because ids may begin anew
# in the new chat, and what comes there is not what is known from the old one.
#
# An index costs a message 1 us, and where its key lies anywhere in it, a page of 4 KiB in each
# commit: at ten messages a commit, 4 us more. So the network's ids come first where they can:
# those of most networks rise with time, and what is new lies together.

_FIRST = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE channel (name TEXT PRIMARY KEY, fence INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE cursor (
    channel TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (channel, name)
) WITHOUT ROWID;
CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE inbox (
    id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL, chat TEXT NOT NULL, thread TEXT NOT NULL,
    kind TEXT NOT NULL, native TEXT NOT NULL, version TEXT NOT NULL,
    conversation TEXT NOT NULL,
    state TEXT NOT NULL,
    at REAL NOT NULL,
    claimed INTEGER NOT NULL DEFAULT 0,
    tries INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0,
    not_before REAL, place INTEGER, ended REAL,
    grp TEXT, reason TEXT, failure TEXT,
    first_operation INTEGER, last_operation INTEGER,
    to_chat TEXT, to_thread TEXT,
    body TEXT
);
CREATE UNIQUE INDEX inbox_key ON inbox (native, chat, kind, version, thread, channel);
CREATE INDEX inbox_conversation ON inbox (conversation);
CREATE INDEX inbox_waiting ON inbox (id) WHERE state = 'waiting';

CREATE TABLE draft (
    message INTEGER NOT NULL, key TEXT NOT NULL, ref TEXT NOT NULL,
    PRIMARY KEY (message, key)
) WITHOUT ROWID;

CREATE TABLE operation (
    id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL, chat TEXT NOT NULL, thread TEXT NOT NULL,
    key TEXT NOT NULL, kind TEXT NOT NULL,
    conversation TEXT NOT NULL,
    whole TEXT NOT NULL,
    cause INTEGER,
    state TEXT NOT NULL DEFAULT 'waiting',
    at REAL NOT NULL,
    taken INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    unknowns INTEGER NOT NULL DEFAULT 0,
    not_before REAL, place INTEGER, ended REAL,
    done INTEGER, native TEXT, reason TEXT,
    to_chat TEXT, to_thread TEXT,
    change TEXT, new_text TEXT,
    receipt TEXT, prepared TEXT, body TEXT
);
CREATE UNIQUE INDEX operation_key ON operation (key, channel);
CREATE INDEX operation_conversation ON operation (conversation);
CREATE INDEX operation_waiting ON operation (id) WHERE state = 'waiting';
CREATE INDEX operation_whole ON operation (whole, channel) WHERE whole <> '';
CREATE INDEX operation_done ON operation (done) WHERE done IS NOT NULL;
CREATE INDEX operation_made ON operation (native, chat) WHERE native IS NOT NULL;

CREATE TABLE further_ref (
    chat TEXT NOT NULL, native TEXT NOT NULL, channel TEXT NOT NULL, operation INTEGER NOT NULL,
    PRIMARY KEY (chat, native, channel)
) WITHOUT ROWID;

CREATE TABLE blob (
    owner INTEGER NOT NULL, number INTEGER NOT NULL, content BLOB NOT NULL,
    PRIMARY KEY (owner, number)
);
CREATE TABLE dead (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL, rows TEXT NOT NULL, reason TEXT NOT NULL, at REAL NOT NULL,
    fate TEXT NOT NULL DEFAULT 'open', ended REAL
);
CREATE INDEX dead_open ON dead (id) WHERE fate = 'open';
CREATE TABLE moved (
    id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL, chat TEXT NOT NULL, thread TEXT NOT NULL,
    to_chat TEXT NOT NULL, to_thread TEXT NOT NULL
);
CREATE INDEX moved_to ON moved (channel, to_chat);
"""

# A conversation's messages lie anywhere among those of all others, and so did their entries in
# its index: a page for each. In chapters of 4096 numbers the newest entries lie together, in a
# few pages. Who looks back goes through the chapters, at 2 us for one where nothing was said.
_CHAPTERS = """
DROP INDEX inbox_conversation;
CREATE INDEX inbox_conversation ON inbox (id >> 12, conversation);
DROP INDEX operation_conversation;
CREATE INDEX operation_conversation ON operation (id >> 12, conversation);
"""

STEPS: Sequence[str] = (_FIRST, _CHAPTERS)
"""What leads from each version of the tables to the next; a file without tables has 0."""


def open_file(
    path: Path, *, synchronous: str = "FULL", steps: Sequence[str] = STEPS
) -> tuple[sqlite3.Connection, bool]:
    """Open a journal's file, or make it; return it, and whether it was closed properly.

    Args:
        path: The file.
        synchronous: How commits are synced, as SQLite calls it.
        steps: What leads from each version of the tables to the next.

    Raises:
        JournalError: It is damaged, no journal, newer than this cobot, or cannot be opened.
    """
    try:
        if not path.exists():
            _make(path, steps)
        elif not path.stat().st_size:
            raise JournalError(
                f"the journal {str(path)!r} is empty; put a copy in its place, or move it and"
                " what lies beside it away to start with an empty one"
            )
        is_checked = _inspect(path, steps)
        db = connect(path)
        try:
            check_identity(db, path, steps)  # before anything of it is changed
            _configure(db, path, synchronous)
            migrate(db, path, steps)
            was_closed = _was_closed(db)
            _check(db, path, is_known_whole=was_closed or is_checked)
            db.execute("INSERT OR REPLACE INTO meta VALUES ('closed', 0)")
        except BaseException:
            db.close()
            raise
    except (sqlite3.Error, OSError) as error:
        raise refusal(path, error) from error
    return db, was_closed


def connect(path: Path, *, parameters: str = "") -> sqlite3.Connection:
    """Open a file that is there, for use in any one thread at a time."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{parameters or 'mode=rw'}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
        timeout=1.0,
    )


def check_identity(db: sqlite3.Connection, path: Path, steps: Sequence[str] = STEPS) -> int:
    """Return the version of the tables.

    Raises:
        JournalError: The file is no journal, or of a newer cobot.
    """
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise JournalError(
            f"{str(path)!r} is a database of another program and no journal; name another file,"
            " or move this one away"
        )
    if version > len(steps):
        raise JournalError(
            f"the journal {str(path)!r} has tables of version {version}, and this cobot knows"
            f" {len(steps)} at most; install the newer cobot that wrote it"
        )
    return int(version)


def migrate(db: sqlite3.Connection, path: Path, steps: Sequence[str] = STEPS) -> None:
    """Bring the tables to the newest version, one step in each transaction."""
    version = check_identity(db, path, steps)
    for number, step in enumerate(steps[version:], version + 1):
        db.execute("BEGIN IMMEDIATE")
        try:
            for statement in step.split(";\n"):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {number}")
            db.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                db.execute("ROLLBACK")
            raise


def mark_closed(db: sqlite3.Connection) -> None:
    """Note that the file is closed properly, so that the next opening need not check it."""
    db.execute("INSERT OR REPLACE INTO meta VALUES ('closed', 1)")


def refusal(path: Path, error: Exception) -> JournalError:
    """Return what to tell whoever cannot open a file."""
    if isinstance(error, sqlite3.Error):
        if is_ruined(error):
            return ruined(path, error)
        trouble = trouble_of(error)
        if trouble is not None:
            return JournalError(f"the journal {str(path)!r} cannot be opened: {trouble}")
    return JournalError(f"the journal {str(path)!r} cannot be opened: {error}")


def _make(path: Path, steps: Sequence[str]) -> None:
    """Make a file with tables; it gets its name when it is whole.

    So a file without content is never one that was just being made.
    """
    leftover = path.with_name(f"{path.name}-wal")
    if leftover.exists():
        raise JournalError(
            f"the journal {str(path)!r} is gone, and {leftover.name!r} beside it holds messages"
            " of it; put the file back, or move the other one away to start with an empty one"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    db = connect(unfinished)
    try:
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        migrate(db, path, steps)
        mark_closed(db)
    finally:
        db.close()
    unfinished.replace(path)
    # The name too must survive a power cut: what is in the file would be lost with it.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _configure(db: sqlite3.Connection, path: Path, synchronous: str) -> None:
    (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise JournalError(
            f"the journal {str(path)!r} lies on a disk that cannot share memory (a network"
            " disk?); give the bot a workspace on a local disk"
        )
    db.execute(f"PRAGMA synchronous = {synchronous}")
    db.execute("PRAGMA cache_size = -8192")  # KiB
    db.execute(f"PRAGMA journal_size_limit = {64 * 1024 * 1024}")  # bytes, after a checkpoint


def _was_closed(db: sqlite3.Connection) -> bool:
    row = db.execute("SELECT value FROM meta WHERE name = 'closed'").fetchone()
    return row is not None and bool(row[0])


def _inspect(path: Path, steps: Sequence[str]) -> bool:
    """Make sure that a file and its log go together, and change neither.

    SQLite folds the log into the file when it is closed, whatever the file is like by then:
    what is damaged must be found before that, or nothing is left to mend it with.

    Returns:
        Whether all of it was checked.

    Raises:
        JournalError: It is damaged, no journal, or newer than this cobot.
    """
    log = path.with_name(f"{path.name}-wal")
    if not log.exists() or not log.stat().st_size:
        return False
    db = connect(path, parameters="mode=ro")
    try:
        check_identity(db, path, steps)
        is_small = path.stat().st_size <= QUICK_CHECK_MOST_BYTES
        if is_small:
            _quick_check(db, path)
        return is_small
    finally:
        db.close()


def _check(db: sqlite3.Connection, path: Path, *, is_known_whole: bool) -> None:
    # Once the log is folded in, the file is all there is. Somebody who reads may prevent that.
    (is_busy, _, _) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    (page_bytes,) = db.execute("PRAGMA page_size").fetchone()
    size = path.stat().st_size
    if size < pages * page_bytes and not is_busy:
        raise ruined(path, f"{size} of {pages * page_bytes} bytes are there")
    if not is_known_whole and size <= QUICK_CHECK_MOST_BYTES:
        _quick_check(db, path)


def _quick_check(db: sqlite3.Connection, path: Path) -> None:
    (finding,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if finding != "ok":
        raise ruined(path, finding.strip().splitlines()[-1])
