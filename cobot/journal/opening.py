"""Opening the journal: putting right what a killed process left, reading who waits."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import attrs

from cobot.journal import CRASHES_MOST, inbox, outbox, schema, small_state


@attrs.define(eq=False)
class Found:
    """What was in a file when it was opened."""

    db: sqlite3.Connection
    epoch: int
    last_number: int
    newest: float
    channels: list[tuple[str, int]]
    messages: list[tuple[Any, ...]]
    operations: list[tuple[Any, ...]]
    drafted: list[int]
    has_notes: bool


def open_journal(path: Path, synchronous: str, now: float) -> Found:
    """Open a file and put right what a killed process has left."""
    db, _ = schema.open_file(path, synchronous=synchronous)
    try:
        db.execute("BEGIN IMMEDIATE")
        last_number = _last_number(db)
        inbox.note_crashes(db, now)
        outbox.note_all_unknown(db)
        reason = f"the process died {CRASHES_MOST} times while it was being answered"
        for numbers in inbox.find_killers(db, CRASHES_MOST):
            last_number += 1
            inbox.bury(db, last_number, numbers, reason, now)
        epoch = _meta(db, "epoch") + 1
        db.execute("INSERT OR REPLACE INTO meta VALUES ('epoch', ?)", (epoch,))
        found = Found(
            db,
            epoch,
            last_number,
            _newest(db),
            db.execute("SELECT name, fence FROM channel").fetchall(),
            inbox.find_waiting(db),
            outbox.find_waiting(db),
            [number for (number,) in db.execute("SELECT DISTINCT message FROM draft")],
            small_state.has_notes(db),
        )
        db.execute("COMMIT")
    except sqlite3.Error as error:
        db.close()
        raise schema.refusal(path, error) from error
    return found


def _last_number(db: sqlite3.Connection) -> int:
    """Return the highest number ever given, also to what was removed since."""
    (highest,) = db.execute(
        "SELECT max(coalesce((SELECT max(id) FROM inbox), 0),"
        " coalesce((SELECT max(id) FROM operation), 0),"
        " coalesce((SELECT max(done) FROM operation WHERE done IS NOT NULL), 0),"
        " coalesce((SELECT max(id) FROM dead), 0))"
    ).fetchone()
    return max(int(highest), _meta(db, "last_number"))


def note_last_number(db: sqlite3.Connection, number: int) -> None:
    """Note how far the numbers have come, before rows that bear the highest may go."""
    db.execute("INSERT OR REPLACE INTO meta VALUES ('last_number', ?)", (number,))


def _meta(db: sqlite3.Connection, name: str) -> int:
    row = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return 0 if row is None else int(row[0])


def _newest(db: sqlite3.Connection) -> float:
    """Return the time of the newest row, or 0."""
    times = [
        db.execute(f"SELECT at FROM {table} ORDER BY id DESC LIMIT 1").fetchone()
        for table in ("inbox", "operation")
    ]
    return max((row[0] for row in times if row is not None), default=0.0)
