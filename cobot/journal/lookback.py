"""What the statements of those who look back do: history, events, dead letters, why."""

from __future__ import annotations

import heapq
import itertools
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Literal

from cobot.encoding import from_text
from cobot.journal import Backlog, DeadLetter, Entry, Happened, Operation, Step
from cobot.journal.codec import decode_item, decode_operation, operation_text
from cobot.journal.outbox import ADDRESS, find_maker, receipt_of
from cobot.journal.rows import LAST, address_of, chapters, from_unix, origins, read_blobs
from cobot.messages import Address, IncomingMessage, MessageRef, Receipt

_NOT_ACCEPTED = ("history", "refused", "dropped")

# History.


def read_history(
    db: sqlite3.Connection, conversation: str, limit: int, until: int | None = None
) -> list[Entry]:
    """Return the newest messages of a conversation, oldest first.

    Of what was said to us only up to a message's number, if one is named.
    """
    if limit <= 0:
        return []
    both = heapq.merge(
        _said_to_us(db, conversation, LAST if until is None else until),
        _said_by_us(db, conversation),
        key=lambda one: -one[0],
    )
    newest = [entry for _, entry in itertools.islice(both, limit)]
    return newest[::-1]


def _said_to_us(
    db: sqlite3.Connection, conversation: str, until: int
) -> Iterator[tuple[int, Entry]]:
    rows = (
        row
        for chapter in chapters(db, "inbox", until)
        for row in db.execute(
            f"SELECT id, native, state, deleted, body, {ADDRESS} FROM inbox"
            " WHERE id >> 12 = ? AND conversation = ? AND kind = 'message'"
            " AND state NOT IN ('refused', 'dropped') AND body IS NOT NULL AND id <= ?"
            " ORDER BY id DESC",
            (chapter, conversation, until),
        )
    )
    states = {"waiting": "waiting", "answered": "answered", "dead": "dead", "forgotten": "dead"}
    for number, native, state, is_deleted, body, *columns in rows:
        address = address_of(*columns)
        message = decode_item("message", address, native, body)
        assert isinstance(message, IncomingMessage)
        yield (
            number,
            Entry(
                role="user",
                address=address,
                content=message.content,
                timestamp=message.timestamp,
                ids=(native,),
                sender_id=message.sender_id,
                sender_name=message.sender_name,
                edited=message.edited_at is not None,
                deleted=bool(is_deleted),
                state=states.get(state, "unanswered"),
            ),
        )


def _said_by_us(db: sqlite3.Connection, conversation: str) -> Iterator[tuple[int, Entry]]:
    """Return our messages, the newest first, with the number of each one's first part."""
    rows = (
        row
        for chapter in chapters(db, "operation")
        for row in db.execute(
            "SELECT id, key, whole, state, at, native, receipt, change, new_text, body,"
            f" {ADDRESS} FROM operation"
            " WHERE id >> 12 = ? AND conversation = ? AND body IS NOT NULL"
            " AND (kind IN ('send', 'media') OR native IS NOT NULL) ORDER BY id DESC",
            (chapter, conversation),
        )
    )
    # The parts of a message are stored together, so they stand together.
    for _, group in itertools.groupby(rows, key=lambda row: row[2] or row[1]):
        parts = list(group)[::-1]
        yield parts[0][0], _our_entry(parts)


def _our_entry(parts: Sequence[tuple[Any, ...]]) -> Entry:
    states = {part[3] for part in parts}
    changes = {part[7] for part in parts}
    ids: list[str] = []
    texts = []
    for _, _, _, _, _, native, receipt, change, new_text, body, *columns in parts:
        made = receipt_of(native, receipt, address_of(*columns)) if native else Receipt()
        ids += [ref.id for ref in made.refs]
        texts.append(operation_text(body) if change is None else new_text)
    state = "sent" if states == {"done"} else "waiting"
    return Entry(
        role="agent",
        address=address_of(*parts[0][10:]),
        content="\n".join(text for text in texts if text),
        timestamp=from_unix(parts[0][4]),
        ids=tuple(ids),
        edited="edited" in changes,
        deleted=changes == {"deleted"},
        state="dead" if states & {"dead", "forgotten"} else state,
    )


# Events.


def read_events(db: sqlite3.Connection, after: int, limit: int) -> list[Happened]:
    """Return what happened after a place, in order."""
    several = (
        _received(db, after, limit),
        _sent(db, after, limit),
        _given_up(db, after, limit),
    )
    merged = heapq.merge(*several, key=lambda one: one.seq)
    return list(itertools.islice(merged, max(0, limit)))


def _received(db: sqlite3.Connection, after: int, limit: int) -> Iterator[Happened]:
    rows = db.execute(
        f"SELECT id, kind, native, state, reason, body, {ADDRESS} FROM inbox"
        " WHERE id > ? AND body IS NOT NULL ORDER BY id LIMIT ?",
        (after, limit),
    )
    for number, kind, native, state, reason, body, *columns in rows:
        item = decode_item(
            kind, address_of(*columns), native, body, _blobs_of(db, number, body)
        )
        verdict = state if state in _NOT_ACCEPTED else "accepted"
        yield Happened(
            seq=number,
            kind="received" if kind == "message" else "event",
            item=item,
            verdict=verdict,
            reason=reason,
        )


def _sent(db: sqlite3.Connection, after: int, limit: int) -> Iterator[Happened]:
    rows = db.execute(
        f"SELECT done, id, native, receipt, {ADDRESS} FROM operation"
        " WHERE done > ? AND body IS NOT NULL ORDER BY done LIMIT ?",
        (after, limit),
    )
    for seq, number, native, receipt, *columns in rows:
        address = address_of(*columns)
        yield Happened(
            seq=seq,
            kind="sent",
            operation=_operation(db, number),
            receipt=receipt_of(native, receipt, address),
        )


def _given_up(db: sqlite3.Connection, after: int, limit: int) -> Iterator[Happened]:
    rows = db.execute(
        "SELECT id, kind, rows, reason FROM dead WHERE id > ? ORDER BY id LIMIT ?",
        (after, limit),
    )
    for seq, kind, numbers, reason in rows:
        (first, *_) = from_text(numbers)
        yield Happened(
            seq=seq,
            kind="dead",
            item=_message(db, first) if kind == "turn" else None,
            operation=_operation(db, first) if kind == "send" else None,
            reason=reason,
        )


def _blobs_of(db: sqlite3.Connection, number: int, body: str) -> Sequence[bytes]:
    return read_blobs(db, number) if '"blob":' in body else ()


def _message(db: sqlite3.Connection, number: int) -> IncomingMessage | None:
    row = db.execute(
        f"SELECT native, body, {ADDRESS} FROM inbox WHERE id = ?",
        (number,),
    ).fetchone()
    if row is None or row[1] is None:
        return None
    native, body, *columns = row
    blobs = _blobs_of(db, number, body)
    item = decode_item("message", address_of(*columns), native, body, blobs)
    assert isinstance(item, IncomingMessage)
    return item


def _operation(db: sqlite3.Connection, number: int) -> Operation | None:
    row = db.execute(
        f"SELECT kind, key, whole, conversation, not_before, body, {ADDRESS}"
        " FROM operation WHERE id = ?",
        (number,),
    ).fetchone()
    if row is None or row[5] is None:
        return None
    kind, key, whole, conversation, not_before, body, *columns = row
    return decode_operation(
        kind,
        address_of(*columns),
        key,
        body,
        whole=whole,
        conversation=conversation,
        not_before=None if not_before is None else from_unix(not_before),
        blobs=_blobs_of(db, number, body),
    )


# Dead letters, and what waits.


def read_dead(db: sqlite3.Connection) -> list[DeadLetter]:
    """Return all dead letters, oldest first."""
    rows = db.execute(
        "SELECT id, kind, rows, reason, at FROM dead WHERE fate = 'open' ORDER BY id"
    ).fetchall()
    return [
        _letter(db, number, kind, from_text(numbers), reason, from_unix(at))
        for number, kind, numbers, reason, at in rows
    ]


def _letter(
    db: sqlite3.Connection,
    number: int,
    kind: Literal["turn", "send"],
    rows: Sequence[int],
    reason: str,
    at: datetime,
) -> DeadLetter:
    contents = []
    table = "inbox" if kind == "turn" else "operation"
    address: Address | None = None
    for row in rows:
        found = db.execute(
            f"SELECT body, {ADDRESS} FROM {table} WHERE id = ?",
            (row,),
        ).fetchone()
        if found is None:
            continue
        body, *columns = found
        address = address or address_of(*columns)
        contents.append(operation_text(body) if body is not None else "")
    assert address is not None
    return DeadLetter(
        id=number,
        kind=kind,
        address=address,
        content="\n".join(filter(None, contents)),
        reason=reason,
        at=at,
    )


def read_backlog(db: sqlite3.Connection) -> Backlog:
    """Return how much waits to be answered and to be sent."""
    (jobs,) = db.execute(
        "SELECT count(*) FROM inbox WHERE state = 'waiting' AND deleted = 0"
    ).fetchone()
    (operations,) = db.execute(
        "SELECT count(*) FROM operation WHERE state = 'waiting'"
    ).fetchone()
    return Backlog(jobs, operations)


# Why.


def read_why(db: sqlite3.Connection, ref: MessageRef) -> list[Step]:
    """Return every decision about a message, in order: one that came in, or one of ours."""
    steps: list[Step] = []
    for chat in origins(db, ref.channel_type, ref.channel_id):
        rows = db.execute(
            "SELECT id FROM inbox WHERE chat = ? AND native = ? AND kind = 'message'"
            " AND thread = ? AND channel = ?",
            (chat, ref.id, ref.thread_id or "", ref.channel_type),
        ).fetchall()
        for (number,) in rows:
            steps += _why_answered(db, number, chat, ref)
        if steps:
            return steps
    maker = find_maker(db, ref)
    return [] if maker is None else _why_sent(db, maker)


def _why_answered(
    db: sqlite3.Connection, number: int, chat: str, ref: MessageRef
) -> list[Step]:
    (state, reason, at, conversation, claimed, tries, crashes, failure, *rest) = db.execute(
        "SELECT state, reason, at, conversation, claimed, tries, crashes, failure, not_before,"
        " ended, grp, to_chat, first_operation, last_operation FROM inbox WHERE id = ?",
        (number,),
    ).fetchone()
    not_before, ended, group, to_chat, first, last = rest
    steps = [Step(from_unix(at), f"received; conversation {conversation}")]
    because = f": {reason}" if reason else ""
    if state in _NOT_ACCEPTED:
        how = {"history": "kept as history only, not answered"}.get(state, state)
        steps.append(Step(from_unix(at), f"{how}{because}"))
        return steps + _changes(db, chat, ref)
    steps.append(Step(from_unix(at), "accepted" + (f" in group {group}" if group else "")))
    steps += _changes(db, chat, ref)
    if to_chat is not None:
        steps.append(Step(None, f"its chat moved to {to_chat}"))
    if crashes:
        steps.append(Step(None, f"the process died {_times(crashes)} while it was answered"))
    if tries:
        steps.append(Step(None, f"the agent failed {_times(tries)}, the last time: {failure}"))
    steps += _fates(db, "turn", number)
    if state == "waiting":
        due = f", not before {from_unix(not_before)}" if not_before is not None else ""
        steps.append(Step(None, "being answered" if claimed else f"waits to be answered{due}"))
    elif state == "withdrawn":
        steps.append(Step(from_unix(ended), f"not answered{because}"))
    elif state == "answered":
        steps.append(Step(from_unix(ended), "answered"))
    operations = db.execute(
        "SELECT id FROM operation WHERE id BETWEEN ? AND ? AND cause = ?", (first, last, number)
    ).fetchall()
    return steps + [step for (one,) in operations for step in _why_sent(db, one)]


def _why_sent(db: sqlite3.Connection, number: int) -> list[Step]:
    (kind, key, at, state, attempts, unknowns, not_before, reason, ended, *rest) = db.execute(
        "SELECT kind, key, at, state, attempts, unknowns, not_before, reason, ended, taken,"
        f" change, native, receipt, {ADDRESS} FROM operation WHERE id = ?",
        (number,),
    ).fetchone()
    taken, change, native, receipt_text, *columns = rest
    address = address_of(*columns)
    what = f"{kind} {key}"
    steps = [Step(from_unix(at), f"{what}: stored for {address}")]
    if attempts:
        steps.append(Step(None, f"{what}: failed {_times(attempts)}, the last time: {reason}"))
    elif reason and state != "dead":
        steps.append(Step(None, f"{what}: held back, the last time: {reason}"))
    if unknowns:
        steps.append(Step(None, f"{what}: may have arrived {_times(unknowns)} unconfirmed"))
    steps += [Step(one.at, f"{what}: {one.text}") for one in _fates(db, "send", number)]
    if state == "done":
        receipt = receipt_of(native, receipt_text, address)
        ids = ", ".join(ref.id for ref in receipt.refs)
        degraded = f" ({', '.join(receipt.degraded)})" if receipt.degraded else ""
        repeated = ", perhaps twice" if receipt.maybe_repeated else ""
        as_ids = f" as {ids}" if ids else ""
        steps.append(Step(from_unix(ended), f"{what}: done{as_ids}{degraded}{repeated}"))
    elif state == "waiting":
        due = f", not before {from_unix(not_before)}" if not_before is not None else ""
        steps.append(Step(None, f"{what}: {'under way' if taken else f'waits{due}'}"))
    if change is not None:
        steps.append(Step(None, f"{what}: {change} since"))
    return steps


def _changes(db: sqlite3.Connection, chat: str, ref: MessageRef) -> list[Step]:
    """Return what came later about a message."""
    names = {"edit": "edited by its sender", "delete": "deleted", "reaction": "reacted to"}
    rows = db.execute(
        "SELECT kind, at, state, reason FROM inbox WHERE chat = ? AND native = ?"
        " AND kind <> 'message' AND thread = ? AND channel = ? ORDER BY id",
        (chat, ref.id, ref.thread_id or "", ref.channel_type),
    )
    steps = []
    for kind, at, state, reason in rows:
        passed = f", {state}" if state in _NOT_ACCEPTED else ""
        because = f": {reason}" if reason else ""
        steps.append(Step(from_unix(at), f"{names.get(kind, kind)}{passed}{because}"))
    return steps


def _fates(db: sqlite3.Connection, kind: str, number: int) -> list[Step]:
    """Return when a row was given up, and what the owner decided then."""
    decisions = {"retried": "tried again by the owner", "dropped": "dropped by the owner"}
    steps = []
    for numbers, reason, at, fate, ended in db.execute(
        "SELECT rows, reason, at, fate, ended FROM dead WHERE kind = ? ORDER BY id", (kind,)
    ):
        if number in from_text(numbers):
            steps.append(Step(from_unix(at), f"given up: {reason}"))
            if fate in decisions:
                steps.append(Step(from_unix(ended), decisions[fate]))
    return steps


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
