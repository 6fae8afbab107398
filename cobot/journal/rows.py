"""What the statements about messages and about operations have in common."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime

from cobot.journal.codec import Blobs
from cobot.messages import Address

LAST = 2**63 - 1
"""The highest number that a row can have."""


def unix(time: datetime | None) -> float | None:
    """Return a time as a table has it: seconds since 1970."""
    return None if time is None else time.timestamp()


def from_unix(seconds: float) -> datetime:
    """Return the time, aware UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def address_of(channel: str, chat: str, thread: str) -> Address:
    """Return an address from its columns."""
    return Address(channel, chat, thread or None)


def insert_new(
    db: sqlite3.Connection, table: str, statement: str, records: Sequence[tuple[object, ...]]
) -> Collection[int]:
    """Insert records whose first value is their number; return the numbers of the new ones.

    The statement passes over what is known, and the numbers of a call rise one by one.
    """
    if not records:
        return ()
    first, last = records[0][0], records[-1][0]
    assert isinstance(first, int)
    assert isinstance(last, int)
    if db.executemany(statement, records).rowcount == len(records):
        return range(first, last + 1)
    found = db.execute(
        f"SELECT id FROM {table} WHERE id BETWEEN ? AND ?",
        (first, last),
    )
    return {number for (number,) in found}


def insert_blobs(db: sqlite3.Connection, owner: int, blobs: Blobs) -> None:
    """Store the bytes of a row's media."""
    db.executemany(
        "INSERT OR REPLACE INTO blob VALUES (?, ?, ?)",
        [(owner, number, content) for number, content in enumerate(blobs)],
    )


def read_blobs(db: sqlite3.Connection, owner: int) -> Blobs:
    """Return the bytes of a row's media."""
    found = db.execute("SELECT content FROM blob WHERE owner = ? ORDER BY number", (owner,))
    return [content for (content,) in found]


def delete_blobs(db: sqlite3.Connection, owners: Iterable[int]) -> None:
    """Remove the bytes of rows' media."""
    db.executemany("DELETE FROM blob WHERE owner = ?", [(owner,) for owner in owners])


def origins(db: sqlite3.Connection, channel: str, chat: str) -> list[str]:
    """Return a chat and those that have moved to it."""
    found = [chat]
    for one in found:  # grows as it is walked through
        rows = db.execute(
            "SELECT chat FROM moved WHERE channel = ? AND to_chat = ?", (channel, one)
        )
        found += [origin for (origin,) in rows if origin not in found]
    return found


def chapters(db: sqlite3.Connection, table: str, until: int = LAST) -> range:
    """Return the chapters that a table's rows up to a number are in, the newest first.

    An index by conversation has them in front: `id >> 12 = ? AND conversation = ?` uses it.
    """
    first, last = db.execute(
        f"SELECT (SELECT min(id) FROM {table}), (SELECT max(id) FROM {table})"
    ).fetchone()
    if first is None:
        return range(0)
    return range(min(last, until) >> 12, (first >> 12) - 1, -1)


def renamed(conversation: str, old: str, new: str) -> str:
    """Return what a conversation is called once `old`, with all below it, is called `new`."""
    if conversation == old or conversation.startswith(f"{old}/"):
        return new + conversation[len(old) :]
    return conversation
