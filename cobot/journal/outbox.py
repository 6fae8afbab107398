"""What the statements about operations do: store, hand out, record, give up."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import attrs

from cobot.encoding import from_text, to_text
from cobot.journal import Delivery, Operation, Standing
from cobot.journal.codec import (
    Blobs,
    decode_operation,
    decode_receipt,
    encode_operation,
    encode_receipt,
)
from cobot.journal.inbox import delete_text
from cobot.journal.keys import conversation_key
from cobot.journal.rows import (
    address_of,
    delete_blobs,
    from_unix,
    insert_blobs,
    insert_new,
    origins,
    read_blobs,
    unix,
)
from cobot.messages import Address, Degradation, Json, MessageRef, Receipt

_INSERT = """
INSERT INTO operation (
    id, channel, chat, thread, key, kind, conversation, whole, cause, at, not_before, body
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""

# Where it went; for what has moved since, where that is now.
ADDRESS = "channel, COALESCE(to_chat, chat), COALESCE(to_thread, thread)"

# The parts of a message. That it is not empty lets SQLite use the index, which says so too.
_WHOLE = "whole = ? AND whole <> '' AND channel = ?"


@attrs.define(eq=False)
class Departure:
    """An operation, ready to be stored."""

    id: int
    operation: Operation
    record: tuple[object, ...]
    blobs: Blobs
    size: int
    """Characters of its text."""


def departure(number: int, operation: Operation, at: float, cause: int | None) -> Departure:
    """Make an operation ready to be stored; `cause` is the message that it answers."""
    body, blobs = encode_operation(operation)
    address = operation.address
    record = (
        number,
        address.channel_type,
        address.channel_id,
        address.thread_id or "",
        operation.key,
        operation.kind,
        operation.conversation or conversation_key(address),
        operation.whole,
        cause,
        at,
        unix(operation.not_before),
        body,
    )
    return Departure(number, operation, record, blobs, len(body))


def store(db: sqlite3.Connection, departures: Sequence[Departure]) -> Collection[int]:
    """Store operations, passing over known keys; return the numbers of the new ones."""
    new = insert_new(db, "operation", _INSERT, [one.record for one in departures])
    for one in departures:
        if one.blobs and one.id in new:
            insert_blobs(db, one.id, one.blobs)
    return new


# Taking.


def mark_taken(db: sqlite3.Connection, numbers: Iterable[int]) -> None:
    """Mark operations as being attempted."""
    db.executemany(
        "UPDATE operation SET taken = 1 WHERE id = ?", [(number,) for number in numbers]
    )


def unmark_taken(db: sqlite3.Connection, numbers: Iterable[int]) -> None:
    """Take the mark off operations that nobody attempts."""
    db.executemany(
        "UPDATE operation SET taken = 0 WHERE id = ?", [(number,) for number in numbers]
    )


def note_unknown(db: sqlite3.Connection, numbers: Iterable[int]) -> None:
    """Have operations wait again whose sender is gone: they may have arrived."""
    db.executemany(
        "UPDATE operation SET taken = 0, unknowns = unknowns + 1"
        " WHERE id = ? AND taken = 1 AND state = 'waiting'",
        [(number,) for number in numbers],
    )


def note_all_unknown(db: sqlite3.Connection) -> None:
    """Do so for all that the last process had taken."""
    db.execute(
        "UPDATE operation SET taken = 0, unknowns = unknowns + 1"
        " WHERE state = 'waiting' AND taken = 1"
    )


def load(db: sqlite3.Connection, number: int) -> Delivery:
    """Read an operation that waits; its target is not yet looked up."""
    channel, chat, thread, key, kind, conversation, whole, at, not_before, *rest = db.execute(
        "SELECT channel, chat, thread, key, kind, conversation, whole, at, not_before,"
        " attempts, unknowns, place, prepared, body FROM operation WHERE id = ?",
        (number,),
    ).fetchone()
    attempts, unknowns, place, prepared, body = rest
    operation = decode_operation(
        kind,
        address_of(channel, chat, thread),
        key,
        body,
        whole=whole,
        conversation=conversation,
        not_before=None if not_before is None else from_unix(not_before),
        blobs=read_blobs(db, number),
    )
    return Delivery(
        number,
        operation,
        from_unix(at),
        attempts,
        unknowns,
        prepared=None if prepared is None else from_text(prepared),
        is_ordered=place is not None,
    )


def with_refs(db: sqlite3.Connection, delivery: Delivery) -> Delivery:
    """Add the messages that an operation is about."""
    operation = delivery.operation
    if operation.ref is not None:
        return attrs.evolve(delivery, refs=(operation.ref,))
    if not operation.target:
        return delivery
    standing = read_standing(db, operation.address.channel_type, operation.target)
    refs = standing.receipt.refs if standing and standing.receipt is not None else ()
    return attrs.evolve(delivery, refs=refs, target_is_gone=not refs)


# Recording.


@attrs.define(eq=False)
class Result:
    """What came of an operation, ready to be stored."""

    id: int
    done: int
    """Its place among the events."""
    delivery: Delivery
    receipt: Receipt


def record_sent(db: sqlite3.Connection, results: Sequence[Result], at: float) -> None:
    """Note that operations were done, and what that changed."""
    records = []
    for one in results:
        operation, refs = one.delivery.operation, one.receipt.refs
        made = refs if refs and _has_made(one.delivery, one.receipt) else ()
        native = made[0].id if made else None
        is_plain = _is_plain(one.receipt, native, operation.address)
        text = None if is_plain else encode_receipt(one.receipt, operation.address)
        records.append((one.done, at, native, text, one.id))
        if len(made) > 1:
            db.executemany(
                "INSERT OR REPLACE INTO further_ref VALUES (?, ?, ?, ?)",
                [(ref.channel_id, ref.id, ref.channel_type, one.id) for ref in made[1:]],
            )
        if operation.message is not None and operation.message.media:
            # It need not be sent again, and nobody looks back at the bytes.
            delete_blobs(db, [one.id])
        if operation.kind in ("edit", "delete"):
            _apply(db, one, at)
    db.executemany(
        "UPDATE operation SET state = 'done', taken = 0, done = ?, ended = ?, native = ?,"
        " receipt = ?, prepared = NULL WHERE id = ?",
        records,
    )


def _has_made(delivery: Delivery, receipt: Receipt) -> bool:
    """Return whether an operation has made new messages."""
    operation = delivery.operation
    if operation.kind in ("send", "media"):
        return True
    if operation.kind != "edit":
        return False
    if "edit->send" in receipt.degraded or operation.part >= len(delivery.refs):
        return True
    return bool(operation.part) and not set(receipt.refs) <= set(delivery.refs)


def _apply(db: sqlite3.Connection, result: Result, at: float) -> None:
    """Change what history shows of the messages that were edited or deleted."""
    operation, refs = result.delivery.operation, result.delivery.refs
    degraded = result.receipt.degraded
    if operation.kind == "delete":
        if "delete->nothing" not in degraded:
            for ref in refs:
                if not _change(db, ref, "deleted", ""):
                    delete_text(db, ref, at)
        return
    if "edit->nothing" in degraded or _has_made(result.delivery, result.receipt):
        return
    assert operation.message is not None
    _change(db, refs[operation.part], "edited", operation.message.content)
    if operation.part == operation.parts - 1:
        for ref in refs[operation.parts :]:
            _change(db, ref, "deleted", "")


def _change(db: sqlite3.Connection, ref: MessageRef, change: str, text: str) -> bool:
    number = find_maker(db, ref)
    if number is None:
        return False
    if change == "deleted":
        row = db.execute("SELECT body FROM operation WHERE id = ?", (number,)).fetchone()
        if row[0] is not None:
            body = {**from_text(row[0]), "text": ""}
            body.pop("rendered", None)
            db.execute("UPDATE operation SET body = ? WHERE id = ?", (to_text(body), number))
    db.execute(
        "UPDATE operation SET change = ?, new_text = ? WHERE id = ?", (change, text, number)
    )
    return True


def record_failure(
    db: sqlite3.Connection,
    number: int,
    reason: str,
    not_before: float | None,
    counts: tuple[int, int],
) -> None:
    """Note that an operation was not done; `counts` are added to attempts and unknowns."""
    db.execute(
        "UPDATE operation SET taken = 0, reason = ?, not_before = ?, attempts = attempts + ?,"
        " unknowns = unknowns + ? WHERE id = ?",
        (reason, not_before, *counts, number),
    )


def bury(
    db: sqlite3.Connection,
    letter: int,
    number: int,
    operation: Operation,
    reason: str,
    at: float,
) -> list[tuple[int, Address]]:
    """Make an operation a dead letter, with all parts of its message that have not left.

    Returns:
        The parts, with their addresses.
    """
    statement = f"SELECT id, {ADDRESS} FROM operation WHERE state = 'waiting' AND "
    if operation.whole:
        rows = db.execute(
            f"{statement} {_WHOLE} ORDER BY COALESCE(place, id), id",
            (operation.whole, operation.address.channel_type),
        )
    else:
        rows = db.execute(f"{statement} id = ?", (number,))
    parts = [(one, address_of(*address)) for one, *address in rows]
    db.executemany(
        "UPDATE operation SET state = 'dead', taken = 0, reason = ?, ended = ? WHERE id = ?",
        [(reason, at, one) for one, _ in parts],
    )
    db.execute(
        "INSERT INTO dead (id, kind, rows, reason, at) VALUES (?, 'send', ?, ?, ?)",
        (letter, to_text([one for one, _ in parts]), reason, at),
    )
    return parts


# Standings and receipts.


def read_standing(db: sqlite3.Connection, channel: str, key: str) -> Standing | None:
    """Return how an operation stands; of a message in parts, all of it."""
    statement = f"SELECT state, reason, whole, native, receipt, {ADDRESS} FROM operation WHERE "
    row = db.execute(f"{statement} key = ? AND channel = ?", (key, channel)).fetchone()
    if row is None:
        return None
    parts = [row]
    if row[2]:
        parts = db.execute(
            f"{statement} {_WHOLE} ORDER BY id",
            (row[2], channel),
        ).fetchall()
    states = {part[0] for part in parts}
    if states & {"dead", "forgotten"}:
        reason = next(part[1] for part in parts if part[0] in ("dead", "forgotten"))
        return Standing(key, "dead", reason=reason)
    if states == {"done"}:
        return Standing(key, "done", receipt=_joined(parts))
    return Standing(key, "waiting")


def find_maker(db: sqlite3.Connection, ref: MessageRef) -> int | None:
    """Return the operation that made a message."""
    for chat in origins(db, ref.channel_type, ref.channel_id):
        values = (chat, ref.id, ref.channel_type)
        found = db.execute(
            "SELECT id FROM operation WHERE chat = ? AND native = ? AND channel = ?"
            " ORDER BY id DESC",
            values,
        ).fetchone()
        found = (
            found
            or db.execute(
                "SELECT operation FROM further_ref"
                " WHERE chat = ? AND native = ? AND channel = ?",
                values,
            ).fetchone()
        )
        if found:
            return int(found[0])
    return None


def read_receipt(db: sqlite3.Connection, ref: MessageRef) -> Receipt | None:
    """Return the receipt of the operation that made a message, with all parts that are done."""
    number = find_maker(db, ref)
    if number is None:
        return None
    statement = f"SELECT state, reason, whole, native, receipt, {ADDRESS} FROM operation WHERE "
    row = db.execute(f"{statement} id = ?", (number,)).fetchone()
    parts = [row]
    if row[2]:
        parts = db.execute(
            f"{statement} {_WHOLE} AND state = 'done' ORDER BY id",
            (row[2], ref.channel_type),
        ).fetchall()
    return _joined(parts)


def receipt_of(native: str | None, text: str | None, address: Address) -> Receipt:
    """Return the receipt of a row."""
    if text is not None:
        return decode_receipt(text, address)
    if native is None:
        return Receipt()
    ref = MessageRef(address.channel_type, address.channel_id, native, address.thread_id)
    return Receipt((ref,))


def _is_plain(receipt: Receipt, native: str | None, address: Address) -> bool:
    """Return whether a receipt says no more than the id, which has a column of its own."""
    if receipt.degraded or receipt.maybe_repeated or receipt.metadata:
        return False
    if native is None:
        return not receipt.refs
    ref = receipt.refs[0]
    return (
        len(receipt.refs) == 1
        and ref.channel_id == address.channel_id
        and ref.thread_id == address.thread_id
        and ref.channel_type == address.channel_type
    )


def _joined(parts: Sequence[tuple[Any, ...]]) -> Receipt:
    receipts = [
        receipt_of(native, text, address_of(*address))
        for _, _, _, native, text, *address in parts
    ]
    if len(receipts) == 1:
        return receipts[0]
    degraded: list[Degradation] = []
    metadata: dict[str, Json] = {}
    for one in receipts:
        degraded += [how for how in one.degraded if how not in degraded]
        metadata.update(one.metadata)
    return Receipt(
        [ref for one in receipts for ref in one.refs],
        degraded,
        any(one.maybe_repeated for one in receipts),
        metadata,
    )


# Opening, and what the owner decides.


def find_waiting(db: sqlite3.Connection) -> list[tuple[Any, ...]]:
    """Return what waits, in order: id, place, not_before, and the address's columns."""
    return db.execute(
        "SELECT id, COALESCE(place, id), not_before, channel, chat, thread FROM operation"
        " WHERE state = 'waiting' ORDER BY COALESCE(place, id), id"
    ).fetchall()


def revive(
    db: sqlite3.Connection, numbers: Sequence[int], place: int
) -> list[tuple[int, Address]]:
    """Have given up operations wait again, at a place in their line.

    That they may have arrived is not forgotten: it is looked up, or the next one is marked.
    """
    revived = []
    for number in numbers:
        row = db.execute(f"SELECT {ADDRESS} FROM operation WHERE id = ?", (number,)).fetchone()
        if row is None:
            continue
        db.execute(
            "UPDATE operation SET state = 'waiting', attempts = 0, not_before = NULL,"
            " unknowns = MIN(unknowns, 1), place = ?, ended = NULL,"
            " chat = COALESCE(to_chat, chat),"
            " thread = COALESCE(to_thread, thread), to_chat = NULL, to_thread = NULL"
            " WHERE id = ? AND state = 'dead'",
            (place, number),
        )
        revived.append((number, address_of(*row)))
    return revived


def forget(db: sqlite3.Connection, numbers: Sequence[int]) -> None:
    """Let go of given up operations: they may be pruned."""
    db.executemany(
        "UPDATE operation SET state = 'forgotten' WHERE id = ?", [(one,) for one in numbers]
    )
