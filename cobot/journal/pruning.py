"""Removing what need not be kept, in steps so small that nobody has to wait."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import attrs

from cobot.journal.rows import delete_blobs

STEP_ROWS = 500
"""How many rows one transaction looks at."""

DAY_S = 86_400.0

TABLES = ("inbox", "operation")

_KEPT = ("waiting", "dead")  # not decided yet, however old


@attrs.frozen
class Limits:
    """Times, as seconds since 1970: what is older goes."""

    text: float
    """Of texts."""
    row: float
    """Of all that is known of a message."""


@attrs.frozen
class Step:
    """What one step has done."""

    changed: int
    """How many rows were removed, or lost their text."""
    last: int | None
    """Where to go on; None: nothing older is left."""


def limits(now: float, keep_days: float, dedupe_days: float) -> Limits:
    """Return what may go."""
    return Limits(now - keep_days * DAY_S, now - max(keep_days, dedupe_days) * DAY_S)


def prune_step(db: sqlite3.Connection, table: str, after: int, limits: Limits) -> Step:
    """Look at the next rows of a table, oldest first."""
    rows = db.execute(
        f"SELECT id, at, COALESCE(ended, at), state, body IS NULL FROM {table}"
        " WHERE id > ? ORDER BY id LIMIT ?",
        (after, STEP_ROWS),
    ).fetchall()
    gone, silent = [], []
    for number, at, age, state, is_silent in rows:
        if at >= limits.text:
            break
        if state in _KEPT:
            continue
        if age < limits.row:
            gone.append(number)
        elif age < limits.text and not is_silent:
            silent.append(number)
    _remove(db, table, gone)
    _silence(db, table, silent)
    is_end = len(rows) < STEP_ROWS or rows[-1][1] >= limits.text
    return Step(len(gone) + len(silent), None if is_end else rows[-1][0])


def prune_rest(db: sqlite3.Connection, limits: Limits) -> None:
    """Remove what belonged to rows that are gone."""
    db.execute("DELETE FROM further_ref WHERE operation NOT IN (SELECT id FROM operation)")
    db.execute("DELETE FROM dead WHERE fate <> 'open' AND ended < ?", (limits.row,))


def _remove(db: sqlite3.Connection, table: str, numbers: Sequence[int]) -> None:
    records = [(number,) for number in numbers]
    db.executemany(f"DELETE FROM {table} WHERE id = ?", records)
    if table == "inbox":
        db.executemany("DELETE FROM draft WHERE message = ?", records)
    delete_blobs(db, numbers)


def _silence(db: sqlite3.Connection, table: str, numbers: Sequence[int]) -> None:
    own = ", new_text = NULL" if table == "operation" else ""
    db.executemany(
        f"UPDATE {table} SET body = NULL{own} WHERE id = ?",
        [(number,) for number in numbers],
    )
    delete_blobs(db, numbers)
