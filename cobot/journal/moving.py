"""What the statements about chats that move do."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from cobot.journal.keys import conversation_key
from cobot.journal.rows import chapters, renamed
from cobot.journal.small_state import NOTES, after
from cobot.messages import Address

_MOVED_THREAD = """
    CASE COALESCE(to_thread, thread) WHEN :old_thread THEN :new_thread
    ELSE COALESCE(to_thread, thread) END
"""

# One, and those below it. Apart, since SQLite would not use the index for both at once.
_CONVERSATIONS = ("conversation = :old", "conversation >= :below AND conversation < :behind")


def rename(db: sqlite3.Connection, old: Address, new: Address) -> None:
    """Have what belongs to an address, and to its conversation, belong to another."""
    if old == new:
        return
    names = {
        "channel": old.channel_type,
        "old_chat": old.channel_id,
        "new_chat": new.channel_id,
        "old_thread": old.thread_id or "",
        "new_thread": new.thread_id or "",
        "all_threads": old.thread_id is None,
        "old": conversation_key(old),
        "new": conversation_key(new),
    }
    names |= {"below": f"{names['old']}/", "behind": after(f"{names['old']}/")}
    _change_address(db, "inbox", "state = 'waiting'", [names])
    thread = "CASE thread WHEN :old_thread THEN :new_thread ELSE thread END"
    db.execute(
        f"UPDATE operation SET chat = :new_chat, thread = {thread}, to_chat = NULL,"
        " to_thread = NULL WHERE state = 'waiting' AND channel = :channel"
        " AND chat = :old_chat AND (:all_threads OR thread = :old_thread)",
        names,
    )
    # What is over and belongs to another conversation is not looked for: it would take a walk
    # through everything that was ever said.
    for table, where in (("inbox", "TRUE"), ("operation", "state <> 'waiting'")):
        rows = [{**names, "id": number} for number in _belonging(db, table, names)]
        _change_address(db, table, f"id = :id AND {where}", rows)
        db.executemany(
            f"UPDATE {table} SET conversation = :new || substr(conversation, length(:old) + 1)"
            " WHERE id = :id",
            rows,
        )
    _rename_notes(db, str(names["old"]), str(names["new"]))
    db.execute(
        "INSERT INTO moved (channel, chat, thread, to_chat, to_thread)"
        " VALUES (:channel, :old_chat, :old_thread, :new_chat, :new_thread)",
        names,
    )


def _belonging(db: sqlite3.Connection, table: str, names: Mapping[str, object]) -> list[int]:
    """Return the rows of a conversation and of those below it."""
    return [
        number
        for chapter in chapters(db, table)
        for which in _CONVERSATIONS
        for (number,) in db.execute(
            f"SELECT id FROM {table} WHERE id >> 12 = :chapter AND {which}",
            {**names, "chapter": chapter},
        )
    ]


def _change_address(
    db: sqlite3.Connection, table: str, where: str, names: Sequence[Mapping[str, object]]
) -> None:
    db.executemany(
        f"UPDATE {table} SET to_thread = {_MOVED_THREAD}, to_chat = :new_chat"
        f" WHERE {where} AND channel = :channel AND COALESCE(to_chat, chat) = :old_chat"
        " AND (:all_threads OR COALESCE(to_thread, thread) = :old_thread)",
        names,
    )


def _rename_notes(db: sqlite3.Connection, old: str, new: str) -> None:
    old, new = NOTES + old, NOTES + new
    found = db.execute(
        "DELETE FROM state WHERE key = ? OR (key >= ? AND key < ?) RETURNING key, value",
        (old, f"{old}/", after(f"{old}/")),
    ).fetchall()
    # Where the new conversation has notes already, they are the newer ones.
    db.executemany(
        "INSERT OR IGNORE INTO state VALUES (?, ?)",
        [(renamed(key, old, new), value) for key, value in found],
    )
