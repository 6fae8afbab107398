"""What the statements about incoming messages do: store, change, hand out, end, rename."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import attrs

from cobot.encoding import to_text
from cobot.journal import Key, Row, moving
from cobot.journal.codec import (
    Blobs,
    decode_item,
    decode_ref,
    encode_item,
    encode_ref,
    without_text,
)
from cobot.journal.keys import message_key
from cobot.journal.rows import (
    address_of,
    delete_blobs,
    insert_blobs,
    insert_new,
    origins,
    read_blobs,
    unix,
)
from cobot.messages import (
    Address,
    ChatMoved,
    IncomingMessage,
    Item,
    MessageDeleted,
    MessageEdited,
    MessageRef,
)

WITHDRAWN = "deleted by its sender before it was answered"

_INSERT = """
INSERT INTO inbox (
    id, channel, chat, thread, kind, native, version, conversation, state, at, not_before,
    grp, reason, body
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""


@attrs.define(eq=False)
class Arrival:
    """A row, ready to be stored."""

    id: int
    row: Row
    item: Item
    """What is stored: with a key, and without the text if it was dropped."""
    record: tuple[object, ...]
    blobs: Blobs
    size: int
    """Characters of its text."""


def arrival(number: int, channel: str, row: Row, at: float) -> Arrival:
    """Make a row ready to be stored."""
    key, item, verdict = row.key, row.item, row.verdict
    if isinstance(item, IncomingMessage) and not item.key:
        item = attrs.evolve(item, key=message_key(channel, key))
    if verdict == "dropped":
        item = without_text(item)
    body, blobs = encode_item(key, item)
    state: str = verdict
    if verdict == "accepted":
        state = "waiting" if isinstance(item, IncomingMessage) else "event"
    record = (
        number,
        channel,
        key.channel_id,
        key.thread_id or "",
        key.kind,
        key.id,
        key.version,
        row.conversation,
        state,
        at,
        unix(row.not_before),
        row.group,
        row.reason,
        body,
    )
    return Arrival(number, row, item, record, blobs, len(body))


@attrs.define(eq=False)
class Received:
    """What storing rows has changed."""

    new: Collection[int]
    """The numbers of those that were not known."""
    changed: list[int] = attrs.field(factory=list)
    """Earlier messages that have another text now."""
    withdrawn: list[tuple[str, int]] = attrs.field(factory=list)
    """Those that need not be answered any more, with their conversations."""
    moves: list[ChatMoved] = attrs.field(factory=list)
    """Chats that have another address now."""


def known(db: sqlite3.Connection, channel: str, keys: Iterable[Key]) -> set[Key]:
    """Return those of the keys that are stored."""
    statement = (
        "SELECT 1 FROM inbox WHERE chat = ? AND native = ? AND kind = ? AND version = ?"
        " AND thread = ? AND channel = ?"
    )
    return {
        key
        for key in keys
        if db.execute(
            statement,
            (key.channel_id, key.id, key.kind, key.version, key.thread_id or "", channel),
        ).fetchone()
    }


def store(
    db: sqlite3.Connection, channel: str, arrivals: Sequence[Arrival], at: float
) -> Received:
    """Store rows, passing over known ones, and apply what they say of earlier messages."""
    received = Received(insert_new(db, "inbox", _INSERT, [one.record for one in arrivals]))
    for one in arrivals:
        if one.blobs and one.id in received.new:
            insert_blobs(db, one.id, one.blobs)
        item = one.item
        if isinstance(item, IncomingMessage) or one.id not in received.new:
            continue
        if one.row.verdict not in ("accepted", "history"):
            continue
        if isinstance(item, MessageEdited):
            _edit(db, item.message, received)
        elif isinstance(item, MessageDeleted):
            _delete(db, item.ref, received, at)
        elif isinstance(item, ChatMoved):
            moving.rename(db, item.old, item.new)
            received.moves.append(item)
    return received


# Edits and deletions.


@attrs.define(eq=False)
class _Found:
    id: int
    address: Address
    native: str
    conversation: str
    state: str
    is_claimed: bool
    is_deleted: bool
    body: str | None

    def item(self, kind: str, blobs: Blobs = ()) -> Item:
        assert self.body is not None
        return decode_item(kind, self.address, self.native, self.body, blobs)

    def write(self, db: sqlite3.Connection, kind: str, item: Item) -> None:
        address = self.address
        key = Key(address.channel_id, address.thread_id, kind, self.native)
        body, blobs = encode_item(key, item)
        db.execute("UPDATE inbox SET body = ? WHERE id = ?", (body, self.id))
        delete_blobs(db, [self.id])
        insert_blobs(db, self.id, blobs)


def _find(db: sqlite3.Connection, ref: MessageRef, kind: str) -> list[_Found]:
    """Return the rows of one kind that are about a message, moved there ones too."""
    for chat in origins(db, ref.channel_type, ref.channel_id):
        rows = db.execute(
            "SELECT id, channel, chat, thread, native, conversation, state, claimed, deleted,"
            " body FROM inbox"
            " WHERE chat = ? AND native = ? AND kind = ? AND thread = ? AND channel = ?",
            (chat, ref.id, kind, ref.thread_id or "", ref.channel_type),
        ).fetchall()
        if rows:
            return [
                _Found(number, address_of(*address), native, conversation, *flags, body)
                for number, *address, native, conversation, a, b, c, body in rows
                for flags in [(a, bool(b), bool(c))]
            ]
    return []


def _edit(db: sqlite3.Connection, new: IncomingMessage, received: Received) -> None:
    for found in _find(db, new.ref, "message"):
        if found.body is None or found.is_deleted or found.state == "dropped":
            continue
        old = found.item("message")
        assert isinstance(old, IncomingMessage)
        assert new.edited_at is not None
        if old.edited_at is not None and old.edited_at > new.edited_at:
            continue  # an earlier form that comes late
        form = attrs.evolve(
            old,
            content=new.content,
            media=new.media,
            metadata=new.metadata,
            edited_at=new.edited_at,
        )
        found.write(db, "message", form)
        received.changed.append(found.id)


def _delete(
    db: sqlite3.Connection, ref: MessageRef, received: Received | None, at: float
) -> None:
    for kind in ("message", "edit"):
        for found in _find(db, ref, kind):
            if found.body is not None:
                found.write(db, kind, without_text(found.item(kind)))
            db.execute("UPDATE inbox SET deleted = 1 WHERE id = ?", (found.id,))
            if received is None:
                continue
            received.changed.append(found.id)
            if found.state == "waiting" and not found.is_claimed:
                withdraw(db, [found.id], at)
                received.withdrawn.append((found.conversation, found.id))


def delete_text(db: sqlite3.Connection, ref: MessageRef, at: float) -> None:
    """Mark a message that we have deleted on its network; its text is not kept."""
    _delete(db, ref, None, at)


def withdraw(db: sqlite3.Connection, numbers: Iterable[int], at: float) -> None:
    """Have messages that their senders took back not answered."""
    db.executemany(
        "UPDATE inbox SET state = 'withdrawn', claimed = 0, reason = ?, ended = ? WHERE id = ?",
        [(WITHDRAWN, at, number) for number in numbers],
    )


# Turns.


@attrs.define(eq=False)
class Loaded:
    """A message that waits, read from its row."""

    message: IncomingMessage
    tries: int
    crashes: int


def claim(db: sqlite3.Connection, numbers: Sequence[int], at: float) -> Collection[int]:
    """Mark messages as being answered; return which of them are not to be answered any more."""
    records = [(number,) for number in numbers]
    marked = db.executemany(
        "UPDATE inbox SET claimed = 1 WHERE id = ? AND state = 'waiting' AND deleted = 0",
        records,
    ).rowcount
    if marked == len(records):
        return ()
    select = "SELECT state, deleted FROM inbox WHERE id = ?"
    gone: set[int] = set()
    for record in records:
        state, is_deleted = db.execute(select, record).fetchone() or ("", 0)
        if state == "waiting" and is_deleted:
            withdraw(db, record, at)
        if state != "waiting" or is_deleted:
            gone.update(record)
    return gone


def load(db: sqlite3.Connection, numbers: Iterable[int]) -> dict[int, Loaded]:
    """Read messages that wait."""
    loaded = {}
    for number in numbers:
        row = db.execute(
            "SELECT channel, COALESCE(to_chat, chat), COALESCE(to_thread, thread), native,"
            " body, tries, crashes FROM inbox WHERE id = ?",
            (number,),
        ).fetchone()
        if row is None or row[4] is None:
            continue
        channel, chat, thread, native, body, tries, crashes = row
        address = address_of(channel, chat, thread)
        item = decode_item("message", address, native, body, read_blobs(db, number))
        assert isinstance(item, IncomingMessage)
        loaded[number] = Loaded(item, tries, crashes)
    return loaded


def unclaim(db: sqlite3.Connection, numbers: Iterable[int]) -> None:
    """Take the mark off messages that are not being answered any more."""
    db.executemany(
        "UPDATE inbox SET claimed = 0 WHERE id = ?", [(number,) for number in numbers]
    )


def settle(db: sqlite3.Connection, records: Sequence[tuple[object, ...]]) -> None:
    """Note that messages were answered; records are when, by which operations, its number."""
    db.executemany(
        "UPDATE inbox SET state = 'answered', claimed = 0, ended = ?,"
        " first_operation = COALESCE(first_operation, ?),"
        " last_operation = COALESCE(?, last_operation) WHERE id = ? AND state = 'waiting'",
        records,
    )


def fail(
    db: sqlite3.Connection,
    numbers: Sequence[int],
    reason: str,
    not_before: float | None,
    operations: tuple[int | None, int | None],
) -> None:
    """Note that messages were not answered and wait again, and what is sent all the same."""
    db.executemany(
        "UPDATE inbox SET claimed = 0, tries = tries + 1, failure = ?, not_before = ?,"
        " first_operation = COALESCE(first_operation, ?),"
        " last_operation = COALESCE(?, last_operation) WHERE id = ? AND state = 'waiting'",
        [(reason, not_before, *operations, number) for number in numbers],
    )


def bury(
    db: sqlite3.Connection, letter: int, numbers: Sequence[int], reason: str, at: float
) -> None:
    """Make messages one dead letter."""
    db.executemany(
        "UPDATE inbox SET state = 'dead', claimed = 0, ended = ?"
        " WHERE id = ? AND state = 'waiting'",
        [(at, number) for number in numbers],
    )
    db.execute(
        "INSERT INTO dead (id, kind, rows, reason, at) VALUES (?, 'turn', ?, ?, ?)",
        (letter, to_text(numbers), reason, at),
    )


def write_draft(
    db: sqlite3.Connection, numbers: Sequence[int], key: str, ref: MessageRef
) -> None:
    """Note what is visible of messages' turn."""
    db.executemany(
        "INSERT OR REPLACE INTO draft VALUES (?, ?, ?)",
        [(number, key, encode_ref(ref)) for number in numbers],
    )


def read_drafts(db: sqlite3.Connection, number: int) -> dict[str, MessageRef]:
    """Return what is visible of a message's turn, by key."""
    rows = db.execute("SELECT key, ref FROM draft WHERE message = ?", (number,))
    return {key: decode_ref(ref) for key, ref in rows}


def delete_drafts(db: sqlite3.Connection, numbers: Iterable[int]) -> None:
    """Forget what was visible of turns that are over."""
    db.executemany("DELETE FROM draft WHERE message = ?", [(number,) for number in numbers])


# Opening.


def find_waiting(db: sqlite3.Connection) -> list[tuple[Any, ...]]:
    """Return what waits, in order.

    Of each: id, channel, conversation, group, not_before, crashes, place.
    """
    return db.execute(
        "SELECT id, channel, conversation, grp, not_before, crashes, COALESCE(place, id)"
        " FROM inbox WHERE state = 'waiting' ORDER BY COALESCE(place, id), id"
    ).fetchall()


def note_crashes(db: sqlite3.Connection, at: float) -> None:
    """Count a crash for what was being answered when the last process died."""
    db.execute(
        "UPDATE inbox SET claimed = 0, crashes = crashes + 1"
        " WHERE state = 'waiting' AND claimed = 1"
    )
    gone = db.execute("SELECT id FROM inbox WHERE state = 'waiting' AND deleted = 1").fetchall()
    withdraw(db, [number for (number,) in gone], at)


def find_killers(db: sqlite3.Connection, most: int) -> list[list[int]]:
    """Return what has seen so many crashes, groups together."""
    rows = db.execute(
        "SELECT id, conversation, grp FROM inbox WHERE state = 'waiting' AND crashes >= ?"
        " ORDER BY id",
        (most,),
    )
    found: dict[object, list[int]] = {}
    for number, conversation, group in rows:
        key = number if group is None else (conversation, group)
        found.setdefault(key, []).append(number)
    return list(found.values())


def revive(db: sqlite3.Connection, numbers: Sequence[int], place: int) -> list[tuple[Any, ...]]:
    """Have given up messages wait again, as if they were new, at a place in their line.

    Returns:
        Of each: id, channel, conversation, group.
    """
    db.executemany(
        "UPDATE inbox SET state = 'waiting', tries = 0, crashes = 0, not_before = NULL,"
        " place = ?, ended = NULL, failure = NULL WHERE id = ? AND state = 'dead'",
        [(place, number) for number in numbers],
    )
    select = (
        "SELECT id, channel, conversation, grp FROM inbox WHERE id = ? AND state = 'waiting'"
    )
    return [row for number in numbers for row in db.execute(select, (number,))]


def forget(db: sqlite3.Connection, numbers: Sequence[int]) -> None:
    """Let go of given up messages: they may be pruned."""
    db.executemany(
        "UPDATE inbox SET state = 'forgotten' WHERE id = ?", [(one,) for one in numbers]
    )
