"""The journal in one SQLite file, for one process.

The file is the truth. In memory is only who waits (`lines`), and a little of what was stored
a moment ago (`Cache`); it changes after the commit that says so, never before. All methods run
on one loop, so whatever happens between two awaits happens at once.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from cobot.clock import Clock
from cobot.encoding import from_text
from cobot.errors import JournalError
from cobot.journal import (
    Backlog,
    Beat,
    Claimed,
    DeadLetter,
    Delivery,
    End,
    Entry,
    Happened,
    Job,
    Key,
    Operation,
    Ownership,
    Row,
    Standing,
    Step,
    Taken,
    inbox,
    lines,
    moving,
    outbox,
    pruning,
    rows,
    schema,
    small_state,
)
from cobot.journal.answering import Answering
from cobot.journal.delivering import Delivering
from cobot.journal.keys import conversation_key
from cobot.journal.ledger import Ledger
from cobot.journal.opening import Found, note_last_number, open_journal
from cobot.journal.reader import SqliteReader
from cobot.journal.writer import Writer
from cobot.messages import Address, Json, MessageRef, Receipt

log = logging.getLogger(__name__)

SET_BACK_S = 60.0
"""A clock that is behind by less was corrected a little, as clocks are."""


def _ignore(_trouble: str | None) -> None:
    pass


class SqliteJournal:
    """Keeps the promises of `Journal` in a file. Make it with `open`."""

    def __init__(
        self,
        found: Found,
        *,
        path: Path,
        synchronous: str,
        on_trouble: Callable[[str | None], None],
        clock: Clock,
        dedupe_days: float,
        keep_days: float | None,
        lease_s: float,
        waiting_most: int,
    ) -> None:
        """Use `open`."""
        self._path = path
        self._clock = clock
        self._dedupe_days = dedupe_days
        self._keep_days = keep_days
        self._lease_s = lease_s
        self._waiting_most = waiting_most
        self._on_trouble = on_trouble
        self._writer = Writer(
            found.db, path, on_trouble=self._note_trouble, synchronous=synchronous
        )
        self._reader = SqliteReader(path)
        self._ledger = Ledger(self._writer, clock, found.last_number)
        self._delivering = Delivering(self._ledger)
        self._answering = Answering(self._ledger, self._delivering, found.epoch)
        self._room = asyncio.Event()
        self._answering.on_room = self._room.set
        self._is_closed = False
        self._trouble: str | None = None
        self._last_beat = clock.monotonic()
        self._lost: frozenset[int] = frozenset()  # by reaping, and not yet told
        self._restore(found)

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        clock: Clock,
        synchronous: Literal["FULL", "NORMAL"] = "FULL",
        dedupe_days: float = 30,
        keep_days: float | None = None,
        lease_s: float = 15.0,
        waiting_most: int = 100_000,
        on_trouble: Callable[[str | None], None] = _ignore,
    ) -> SqliteJournal:
        """Open a file, or make it; what the last process left unfinished waits again.

        Args:
            path: The file. Only one process may have it open at a time.
            clock: The time.
            synchronous: `FULL`: what is stored survives a power cut; `NORMAL`: a killed
                process only.
            dedupe_days: How long it is remembered at least what has arrived and been sent.
            keep_days: How long texts are kept after the message is done; None: for ever.
            lease_s: After so many seconds of silence an owner loses what it holds.
            waiting_most: How many messages of a channel may wait before `publish` does.
            on_trouble: Told what is wrong with the disk, while nothing can be stored, and
                None when it works again.

        Raises:
            JournalError: The file is damaged, no journal, newer than this cobot, or cannot
                be opened.
        """
        now = clock.now().timestamp()
        found = await asyncio.to_thread(open_journal, path, synchronous, now)
        return cls(
            found,
            path=path,
            synchronous=synchronous,
            on_trouble=on_trouble,
            clock=clock,
            dedupe_days=dedupe_days,
            keep_days=keep_days,
            lease_s=lease_s,
            waiting_most=waiting_most,
        )

    def _restore(self, found: Found) -> None:
        # If the clock is behind the newest row, it was set back, and the times in the rows
        # are that much too far in the future.
        now = max(found.newest, self._ledger.at())
        if now - self._ledger.at() > SET_BACK_S:
            log.warning(
                "the clock is %.0f s behind the newest message of the journal, so it was set"
                " back; nothing waits longer for that",
                now - self._ledger.at(),
            )
        for name, fence in found.channels:
            self._delivering.channel(name).fence = fence
        for number, channel, conversation, group, not_before, crashes, place in found.messages:
            due = self._ledger.due_unix(not_before, now)
            entry = lines.Entry(number, due, group, crashes, channel, place)
            self._answering.restore(conversation, entry)
        for number, place, not_before, *address in found.operations:
            due = self._ledger.due_unix(not_before, now)
            self._delivering.restore(
                rows.address_of(*address), lines.Entry(number, due, place=place)
            )
        self._answering.drafted.update(found.drafted)
        self._answering.has_notes = found.has_notes

    @property
    def trouble(self) -> str | None:
        """What keeps it from storing just now, in a line; None if nothing does."""
        return self._trouble

    def _note_trouble(self, trouble: str | None) -> None:
        self._trouble = trouble
        self._on_trouble(trouble)

    # Channels.

    async def own(self, channel: str) -> Ownership:
        """Become the one who receives and sends for a channel."""
        self._check_open()
        owning = self._delivering.own(channel)
        self._room.set()  # a former owner that waits for room has lost it
        return await owning

    async def disown(self, ownership: Ownership) -> None:
        """Give a channel back."""
        self._check_open()
        self._delivering.disown(ownership)
        self._room.set()

    # In.

    async def known(self, channel: str, keys: Collection[Key]) -> Collection[Key]:
        """Return those of the keys that are stored already."""
        self._check_open()
        if not keys:
            return set()
        return await self._writer.run(lambda db: inbox.known(db, channel, keys), is_loose=True)

    async def publish(
        self,
        ownership: Ownership,
        rows: Sequence[Row],
        cursors: Mapping[str, str],
        *,
        operations: Sequence[Operation] = (),
        state: Mapping[str, Json] | None = None,
    ) -> Collection[Key]:
        """Store what arrived and how far the channel has come; return the keys that are new."""
        await self._wait_for_room(ownership)
        channel = ownership.channel
        at = self._ledger.at()
        arrivals = [
            inbox.arrival(number, channel, row, at)
            for number, row in zip(self._ledger.numbers(len(rows)), rows, strict=True)
        ]
        departures = self._delivering.departures(operations, at)
        values = small_state.encode(state or {})
        places = [(channel, name, value) for name, value in cursors.items()]

        def work(db: sqlite3.Connection) -> tuple[inbox.Received, Collection[int]]:
            received = inbox.store(db, channel, arrivals, at)
            if places:
                db.executemany("INSERT OR REPLACE INTO cursor VALUES (?, ?, ?)", places)
            small_state.write(db, values)
            return received, outbox.store(db, departures)

        def then(result: tuple[inbox.Received, Collection[int]]) -> None:
            received, sent = result
            self._answering.note_state(key for key, _ in values)
            self._answering.add(channel, arrivals, received)
            self._delivering.add(departures, sent, at)
            for move in received.moves:
                self._rename(move.old, move.new)

        received, _ = await self._writer.run(work, then)
        return {one.row.key for one in arrivals if one.id in received.new}

    async def _wait_for_room(self, ownership: Ownership) -> None:
        self._check_open()
        self._delivering.owned(ownership)
        waiting = self._answering.waiting
        while waiting[ownership.channel] >= self._waiting_most:
            self._room.clear()
            await self._room.wait()
            self._check_open()
            self._delivering.owned(ownership)

    async def claim(self, limit: int) -> Claimed:
        """Take the heads of up to `limit` conversations that nobody works on."""
        self._check_open()
        return await self._answering.claim(limit)

    async def settle(
        self,
        job: Job,
        operations: Sequence[Operation],
        *,
        state: Mapping[str, Json] | None = None,
    ) -> bool:
        """End a turn with what it sends; the conversation's next message may be claimed."""
        return (await self.settle_all([End(job, operations, state)]))[0]

    async def settle_all(self, ends: Sequence[End]) -> Sequence[bool]:
        """End several turns at once, in one transaction; return of each what `settle` does."""
        self._check_open()
        return await self._answering.settle(ends)

    async def fail(
        self,
        job: Job,
        reason: str,
        delay_s: float | None,
        *,
        operations: Sequence[Operation] = (),
    ) -> bool:
        """End a turn that came to nothing."""
        self._check_open()
        return await self._answering.fail(job, reason, delay_s, operations)

    async def release(self, job: Job) -> bool:
        """Give a job back, as if it had not been claimed; False if it was not ours."""
        self._check_open()
        return await self._answering.release(job)

    async def draft(self, job: Job, key: str, ref: MessageRef) -> bool:
        """Note what is visible of a turn before its end; False if the job was not ours."""
        self._check_open()
        return await self._answering.draft(job, key, ref)

    # Out.

    async def enqueue(self, operations: Sequence[Operation]) -> Sequence[Standing]:
        """Store operations that answer nothing; say how each stands, known ones too."""
        self._check_open()
        return await self._delivering.enqueue(operations)

    async def take(
        self, ownership: Ownership, limit: int, closed: Mapping[Address, float]
    ) -> Taken:
        """Take the next operation of up to `limit` addresses that have none under way."""
        self._check_open()
        return await self._delivering.take(ownership, limit, closed)

    async def prepare(self, ownership: Ownership, delivery: Delivery, prepared: Json) -> None:
        """Store what every attempt of an operation uses."""
        self._check_open()
        await self._delivering.prepare(ownership, delivery, prepared)

    async def sent(
        self, ownership: Ownership, results: Sequence[tuple[Delivery, Receipt]]
    ) -> None:
        """Record that operations were done; their addresses' next ones may be taken."""
        self._check_open()
        await self._delivering.sent(ownership, results)

    async def not_sent(
        self,
        ownership: Ownership,
        delivery: Delivery,
        reason: str,
        not_before: datetime | None,
        *,
        is_attempt: bool = True,
        is_unknown: bool = False,
    ) -> None:
        """Record that an operation was not done, or not for certain."""
        self._check_open()
        await self._delivering.not_sent(
            ownership,
            delivery,
            reason,
            not_before,
            is_attempt=is_attempt,
            is_unknown=is_unknown,
        )

    async def standing(self, channel: str, key: str) -> Standing | None:
        """Return how an operation stands; None if there is none of that key."""
        self._check_open()
        return await self._reader.read(lambda db: outbox.read_standing(db, channel, key))

    async def receipt(self, ref: MessageRef) -> Receipt | None:
        """Return the receipt of the operation that made a message; None if none did."""
        self._check_open()
        return await self._reader.receipt(ref)

    # Owners.

    async def beat(self) -> Beat:
        """Say that this owner is alive; learn what it has lost."""
        self._check_open()
        self._last_beat = self._clock.monotonic()
        lost, self._lost = self._lost, frozenset()
        return Beat(lost)

    async def reap(self) -> int:
        """Take from this owner what it held, if it was silent for too long; return how much."""
        self._check_open()
        if self._clock.monotonic() - self._last_beat <= self._lease_s:
            return 0
        channels = self._delivering.disown_all()
        self._room.set()
        lost = await self._answering.release_all()
        self._lost |= lost
        return channels + len(lost)

    async def hold_only(self, ids: Collection[int]) -> None:
        """Give back every job that this owner holds but those with these numbers."""
        self._check_open()
        await self._answering.hold_only(ids)

    # Small state.

    async def get(self, key: str) -> Json:
        """Return what was put under a key; None if nothing was."""
        self._check_open()
        return await self._writer.run(lambda db: small_state.read(db, key), is_loose=True)

    async def put(self, values: Mapping[str, Json]) -> None:
        """Keep small values by key; None removes."""
        self._check_open()
        encoded = small_state.encode(values)
        await self._writer.run(
            lambda db: small_state.write(db, encoded),
            lambda _: self._answering.note_state(key for key, _ in encoded),
        )

    async def rename(self, old: Address, new: Address) -> None:
        """Have everything of an address belong to another, with its conversation."""
        self._check_open()
        await self._writer.run(
            lambda db: moving.rename(db, old, new), lambda _: self._rename(old, new)
        )

    def _rename(self, old: Address, new: Address) -> None:
        before, after = conversation_key(old), conversation_key(new)
        self._answering.rename(lambda name: rows.renamed(name, before, after))
        self._delivering.rename(lambda address: address.moved(old, new))

    # Looking back.

    async def history(
        self, conversation: str, limit: int, *, until: int | None = None
    ) -> Sequence[Entry]:
        """Return the newest messages of a conversation, oldest first."""
        self._check_open()
        return await self._reader.history(conversation, limit, until=until)

    async def events(self, after: int, limit: int = 1000) -> Sequence[Happened]:
        """Return what happened after a place, in order; with the last one's `seq` go on."""
        self._check_open()
        return await self._reader.events(after, limit)

    async def why(
        self, channel: str, channel_id: str, message_id: str, thread_id: str | None = None
    ) -> Sequence[Step]:
        """Return every decision about a message, in order; empty if it is not known."""
        self._check_open()
        return await self._reader.why(channel, channel_id, message_id, thread_id)

    async def dead(self) -> Sequence[DeadLetter]:
        """Return all dead letters, oldest first."""
        self._check_open()
        return await self._reader.dead()

    async def retry_dead(self, id: int) -> bool:  # noqa: A002
        """Have a dead letter tried again, at the end of its line; False if there is none."""
        self._check_open()
        place = self._ledger.number()
        at = self._ledger.at()

        def work(db: sqlite3.Connection) -> tuple[str, list[tuple[Any, ...]]] | None:
            letter = _take_letter(db, id, "retried", at)
            if letter is None:
                return None
            note_last_number(db, place)
            kind, numbers = letter
            revive = inbox.revive if kind == "turn" else outbox.revive
            return kind, revive(db, numbers, place)

        def then(revived: tuple[str, list[tuple[Any, ...]]] | None) -> None:
            for values in revived[1] if revived else ():
                if len(values) == 2:
                    number, address = values
                    self._delivering.restore(address, lines.Entry(number, place=place))
                else:
                    number, channel, conversation, group = values
                    entry = lines.Entry(number, 0.0, group, 0, channel, place)
                    self._answering.restore(conversation, entry)

        return await self._writer.run(work, then) is not None

    async def drop_dead(self, id: int) -> bool:  # noqa: A002
        """Forget a dead letter; False if there is none."""
        self._check_open()
        at = self._ledger.at()

        def work(db: sqlite3.Connection) -> bool:
            letter = _take_letter(db, id, "dropped", at)
            if letter is not None:
                kind, numbers = letter
                (inbox if kind == "turn" else outbox).forget(db, numbers)
            return letter is not None

        return await self._writer.run(work)

    async def backlog(self, channels: Iterable[str] | None = None) -> Backlog:
        """Return how much waits or runs; of the operations, those of some channels only."""
        self._check_open()
        return Backlog(self._answering.count, self._delivering.count(channels))

    async def prune(self, now: datetime) -> int:
        """Remove what need not be kept any longer; return how many rows went or lost text."""
        self._check_open()
        if self._keep_days is None:
            return 0
        limits = pruning.limits(now.timestamp(), self._keep_days, self._dedupe_days)
        pruned = 0
        for table in pruning.TABLES:
            last: int | None = 0
            while last is not None:
                step = await self._writer.run(_prune_step(table, last, limits))
                pruned += step.changed
                last = step.last
        if pruned:
            last_number = self._ledger.last_number

            def work(db: sqlite3.Connection) -> None:
                pruning.prune_rest(db, limits)
                note_last_number(db, last_number)

            await self._writer.run(work)
        return pruned

    async def close(self) -> None:
        """Give everything back and let go of the file.

        What was taken to be sent and not reported stays marked: it may have arrived.
        """
        if not self._is_closed:
            self._is_closed = True
            self._room.set()  # who waits for room learns that it is closed
            claimed = self._answering.claimed()
            last_number = self._ledger.last_number

            def work(db: sqlite3.Connection) -> None:
                inbox.unclaim(db, claimed)
                note_last_number(db, last_number)
                schema.mark_closed(db)

            try:
                last = self._writer.submit(work)
            except JournalError:
                pass  # the file is damaged, which everybody was told
            else:
                # In trouble it fails, and the next process finds the marks.
                last.add_done_callback(lambda done: done.cancelled() or done.exception())
        await self._reader.close()
        await self._writer.close()

    def _check_open(self) -> None:
        if self._is_closed:
            raise JournalError(f"the journal {str(self._path)!r} is closed")


# Dead letters and pruning.


def _take_letter(
    db: sqlite3.Connection, number: int, fate: str, at: float
) -> tuple[str, list[int]] | None:
    row = db.execute(
        "UPDATE dead SET fate = ?, ended = ? WHERE id = ? AND fate = 'open'"
        " RETURNING kind, rows",
        (fate, at, number),
    ).fetchone()
    return None if row is None else (row[0], from_text(row[1]))


def _prune_step(
    table: str, after: int, limits: pruning.Limits
) -> Callable[[sqlite3.Connection], pruning.Step]:
    return lambda db: pruning.prune_step(db, table, after, limits)
