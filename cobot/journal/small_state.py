"""What the statements about small values by key do, an agent's notes among them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

from cobot.encoding import from_text, to_text
from cobot.messages import Json

NOTES = "agent/"
"""In front of a conversation, the key under which the agent's notes of it are kept."""


def encode(values: Mapping[str, Json]) -> list[tuple[str, str | None]]:
    """Make small values ready to be stored."""
    return [(key, None if value is None else to_text(value)) for key, value in values.items()]


def write(db: sqlite3.Connection, values: Iterable[tuple[str, str | None]]) -> None:
    """Store small values by key; None removes."""
    for key, value in values:
        if value is None:
            db.execute("DELETE FROM state WHERE key = ?", (key,))
        else:
            db.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (key, value))


def read(db: sqlite3.Connection, key: str) -> Json:
    """Return a small value; None if there is none."""
    row = db.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
    return None if row is None else from_text(row[0])


def has_notes(db: sqlite3.Connection) -> bool:
    """Return whether there are an agent's notes of any conversation."""
    found = db.execute(
        "SELECT 1 FROM state WHERE key >= ? AND key < ? LIMIT 1", (NOTES, after(NOTES))
    )
    return found.fetchone() is not None


def after(prefix: str) -> str:
    """Return the first text behind all that begin with a prefix, which ends with a slash."""
    assert prefix.endswith("/")
    return f"{prefix[:-1]}0"
