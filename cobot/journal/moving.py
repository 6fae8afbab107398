"""What the statements about chats that move do."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from cobot.journal.keys import conversation_key
from cobot.journal.rows import renamed
from cobot.journal.small_state import NOTES, after
from cobot.messages import Address

_MOVED_THREAD = """
    CASE COALESCE(to_thread, thread) WHEN :old_thread THEN :new_thread
    ELSE COALESCE(to_thread, thread) END
"""


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
    # What is over and belongs to another conversation is not looked for: it would take a walk
    # through everything that was ever said.
    below = "(conversation = :old OR (conversation >= :below AND conversation < :behind))"
    _change_address(db, "inbox", "state = 'waiting'", names)
    _change_address(db, "inbox", below, names)
    _change_address(db, "operation", f"(state <> 'waiting' AND {below})", names)
    thread = "CASE thread WHEN :old_thread THEN :new_thread ELSE thread END"
    db.execute(
        f"UPDATE operation SET chat = :new_chat, thread = {thread}, to_chat = NULL,"
        " to_thread = NULL WHERE state = 'waiting' AND channel = :channel"
        " AND chat = :old_chat AND (:all_threads OR thread = :old_thread)",
        names,
    )
    for table in ("inbox", "operation"):
        db.execute(
            f"UPDATE {table} SET conversation = :new || substr(conversation, length(:old) + 1)"
            f" WHERE {below}",
            names,
        )
    _rename_notes(db, str(names["old"]), str(names["new"]))
    db.execute(
        "INSERT INTO moved (channel, chat, thread, to_chat, to_thread)"
        " VALUES (:channel, :old_chat, :old_thread, :new_chat, :new_thread)",
        names,
    )


def _change_address(
    db: sqlite3.Connection, table: str, where: str, names: Mapping[str, object]
) -> None:
    db.execute(
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
