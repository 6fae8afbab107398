"""The way in: which messages wait, who answers which, how it ended."""

from __future__ import annotations

import sqlite3
from asyncio import Future
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import attrs

from cobot.encoding import to_text
from cobot.journal import Claimed, End, Job, Operation, inbox, outbox, small_state
from cobot.journal.delivering import Delivering
from cobot.journal.inbox import Arrival, Loaded, Received
from cobot.journal.ledger import Cache, Ledger
from cobot.journal.lines import Entry, Lines
from cobot.journal.outbox import Departure
from cobot.journal.small_state import NOTES
from cobot.messages import IncomingMessage, Json, MessageRef


@attrs.define(eq=False)
class _Claim:
    fence: int
    conversation: str
    entries: Sequence[Entry]
    is_ending: bool = False  # how it ended is being stored

    @property
    def id(self) -> int:
        return self.entries[0].id

    @property
    def numbers(self) -> list[int]:
        return [entry.id for entry in self.entries]

    def go_on(self) -> None:
        """Take back that it is ending."""
        self.is_ending = False


@attrs.define(eq=False)
class _End:
    """The end of a turn, ready to be stored."""

    claim: _Claim
    numbers: Sequence[int]
    departures: Sequence[Departure]
    notes: str | None
    drafted: Collection[int]


def _settle(db: sqlite3.Connection, ends: Sequence[_End], at: float) -> Collection[int]:
    """Store the ends of turns; return which of their operations are new."""
    new = outbox.store(db, [one for end in ends for one in end.departures])
    records = [(at, *_span(end.departures), number) for end in ends for number in end.numbers]
    inbox.settle(db, records)
    for end in ends:
        if end.notes is not None:
            small_state.write(db, [(NOTES + end.claim.conversation, end.notes)])
        if end.drafted:
            inbox.delete_drafts(db, end.drafted)
    return new


def _span(departures: Sequence[Departure]) -> tuple[int | None, int | None]:
    """Return the first and the last number of what a turn sends."""
    return (departures[0].id, departures[-1].id) if departures else (None, None)


@attrs.define(eq=False)
class _Read:
    """What was read of messages when they were claimed."""

    gone: Collection[int] = ()
    loaded: Mapping[int, Loaded] = attrs.field(factory=dict)
    notes: Mapping[str, Mapping[str, Json]] = attrs.field(factory=dict)
    drafts: Mapping[int, Mapping[str, MessageRef]] = attrs.field(factory=dict)


class Answering:
    """Hands messages to those who answer them, in the order of each conversation."""

    def __init__(self, ledger: Ledger, delivering: Delivering, epoch: int) -> None:
        """Take the number of times that the file was opened, as the high part of fences."""
        self._ledger = ledger
        self._delivering = delivering
        self._lines: Lines[str] = Lines()
        self._cache: Cache[IncomingMessage] = Cache()
        self._claims: dict[int, _Claim] = {}
        self._last_fence = epoch << 32
        self.drafted: set[int] = set()
        """Messages that have drafts; of all others none need be looked for."""
        self.has_notes = False
        """Whether an agent keeps notes of any conversation."""
        self.waiting: Counter[str] = Counter()
        """How many messages wait or are being answered, by channel."""
        self.on_room: Callable[[], None] = lambda: None
        """Called when fewer wait."""

    @property
    def count(self) -> int:
        """Return how many messages wait or are being answered."""
        return self._lines.count

    # What arrives.

    def add(self, channel: str, arrivals: Sequence[Arrival], received: Received) -> None:
        """Have stored messages wait, and pass on what their events changed."""
        new = received.new
        withdrawn = {number for _, number in received.withdrawn}
        changed = {*received.changed, *withdrawn}
        for one in arrivals:
            item = one.item
            if (
                one.row.verdict != "accepted"
                or not isinstance(item, IncomingMessage)
                or one.id not in new
                or one.id in withdrawn
            ):
                continue
            due = 0.0
            if one.row.not_before is not None:
                due = self._ledger.due(one.row.not_before)
            self.restore(one.row.conversation, Entry(one.id, due, one.row.group, 0, channel))
            if not due and one.id not in changed:
                size = one.size + sum(map(len, one.blobs))
                self._cache.put(one.id, item, size)
        for conversation, number in received.withdrawn:
            self._withdraw(channel, conversation, number)
        self._cache.drop(changed)

    def restore(self, conversation: str, entry: Entry) -> None:
        """Have a message wait that is in the table already."""
        self.waiting[entry.channel] += 1
        self._lines.add(conversation, entry)

    def _withdraw(self, channel: str, conversation: str, number: int) -> None:
        before = self._lines.count
        self._lines.remove(conversation, [number])
        self._left(channel, before - self._lines.count)

    def _left(self, channel: str, count: int) -> None:
        self.waiting[channel] -= count
        self.on_room()

    # Turns.

    async def claim(self, limit: int) -> Claimed:
        """Take the heads of up to `limit` conversations that nobody works on."""
        clock = self._ledger.clock
        while True:
            taken = self._lines.take(limit, clock.monotonic())
            jobs = await self._claim(taken) if taken else []
            # All that were taken may have been deleted by their senders meanwhile.
            if jobs or not taken:
                return Claimed(jobs, self._lines.wait_s(clock.monotonic()))

    async def _claim(self, taken: Sequence[tuple[str, list[Entry]]]) -> list[Job]:
        claims = [self._new_claim(head, entries) for head, entries in taken]
        numbers = [entry.id for claim in claims for entry in claim.entries]
        messages = {number: self._cache.pop(number) for number in numbers}
        missing = [number for number, message in messages.items() if message is None]
        drafted = [number for number in numbers if number in self.drafted]
        noted = [claim.conversation for claim in claims] if self.has_notes else []
        at = self._ledger.at()
        jobs: list[Job] = []

        def work(db: sqlite3.Connection) -> _Read:
            return _Read(
                inbox.claim(db, numbers, at),
                inbox.load(db, missing),
                {one: small_state.read(db, NOTES + one) or {} for one in noted},
                {number: inbox.read_drafts(db, number) for number in drafted},
            )

        def then(read: _Read) -> None:
            jobs.extend(self._jobs(claims, messages, read))

        def unwanted(_read: _Read) -> None:
            self._submit_release([claim for job in jobs if (claim := self._held(job))])

        def failed() -> None:
            self._give_back(claims)

        await self._ledger.writer.run(
            work, then, unwanted=unwanted, failed=failed, is_loose=True
        )
        return jobs

    def _new_claim(self, head: str, entries: Sequence[Entry]) -> _Claim:
        self._last_fence += 1
        claim = _Claim(self._last_fence, head, entries)
        self._claims[claim.id] = claim
        return claim

    def _jobs(
        self,
        claims: Sequence[_Claim],
        messages: Mapping[int, IncomingMessage | None],
        read: _Read,
    ) -> list[Job]:
        jobs = []
        for claim in claims:
            numbers = claim.numbers
            if read.gone:
                numbers = [number for number in numbers if number not in read.gone]
            if not numbers:
                self._end(claim)
                continue
            tries = crashes = 0
            if read.loaded:
                loaded = [read.loaded[number] for number in numbers if number in read.loaded]
                tries = max((one.tries for one in loaded), default=0)
                crashes = max((one.crashes for one in loaded), default=0)
            drafts: dict[str, MessageRef] = {}
            for number in numbers if read.drafts else ():
                drafts.update(read.drafts.get(number, {}))
            jobs.append(
                Job(
                    claim.id,
                    claim.fence,
                    tuple([messages[one] or read.loaded[one].message for one in numbers]),
                    claim.conversation,
                    tries,
                    crashes,
                    drafts,
                    read.notes.get(claim.conversation, {}),
                )
            )
        return jobs

    async def settle(self, ends: Sequence[End]) -> Sequence[bool]:
        """End turns with what they send; say of each whether its job was ours."""
        at = self._ledger.at()
        ready: list[_End] = []
        ours = []

        def then(new: Collection[int]) -> None:
            for end in ready:
                if end.notes is not None:
                    self.has_notes = True
                if end.drafted:
                    self.drafted.difference_update(end.drafted)
                self._end(end.claim)
            self._delivering.add([one for end in ready for one in end.departures], new, at)

        def failed() -> None:
            for end in ready:
                end.claim.is_ending = False

        try:
            for end in ends:
                claim = self._held(end.job)
                ours.append(claim is not None)
                if claim is not None:
                    ready.append(self._ready(claim, end, at))
                    claim.is_ending = True
        except BaseException:
            failed()
            raise
        if ready:
            await self._ledger.writer.run(
                lambda db: _settle(db, ready, at), then, failed=failed
            )
        return ours

    def _ready(self, claim: _Claim, end: End, at: float) -> _End:
        numbers = claim.numbers
        return _End(
            claim,
            numbers,
            self._delivering.departures(end.operations, at, claim.id),
            None if end.state is None else to_text(end.state),
            self.drafted.intersection(numbers) if self.drafted else (),
        )

    async def fail(
        self,
        job: Job,
        reason: str,
        delay_s: float | None,
        operations: Sequence[Operation],
    ) -> bool:
        """End a turn that came to nothing."""
        claim = self._held(job)
        if claim is None:
            return False
        at = self._ledger.at()
        departures = self._delivering.departures(operations, at, claim.id)
        letter = self._ledger.number() if delay_s is None else 0
        due = self._ledger.clock.monotonic() + delay_s if delay_s else 0.0
        not_before = None if delay_s is None else at + delay_s
        numbers = claim.numbers

        def work(db: sqlite3.Connection) -> Collection[int]:
            new = outbox.store(db, departures)
            inbox.fail(db, numbers, reason, not_before, _span(departures))
            if delay_s is None:
                inbox.bury(db, letter, numbers, reason, at)
            return new

        def then(new: Collection[int]) -> None:
            if delay_s is None:
                self._end(claim)
            else:
                self._give_back([claim], due=due)
            self._delivering.add(departures, new, at)

        claim.is_ending = True
        await self._ledger.writer.run(work, then, failed=claim.go_on)
        return True

    async def draft(self, job: Job, key: str, ref: MessageRef) -> bool:
        """Note what is visible of a turn before its end; False if the job was not ours."""
        claim = self._held(job)
        if claim is None:
            return False
        # Of a group, each: any of its messages may be taken back by its sender.
        numbers = claim.numbers
        self.drafted.update(numbers)
        await self._ledger.writer.run(lambda db: inbox.write_draft(db, numbers, key, ref))
        return True

    async def release(self, job: Job) -> bool:
        """Give a job back, as if it had not been claimed; False if it was not ours."""
        claim = self._held(job)
        if claim is None:
            return False
        await self._release([claim])
        return True

    async def hold_only(self, ids: Collection[int]) -> None:
        """Give back every job but those with these numbers."""
        await self._release(
            [
                claim
                for number, claim in self._claims.items()
                if number not in ids and not claim.is_ending
            ]
        )

    async def release_all(self) -> frozenset[int]:
        """Give back every job; return their numbers."""
        claims = [claim for claim in self._claims.values() if not claim.is_ending]
        lost = frozenset(claim.id for claim in claims)
        await self._release(claims)
        return lost

    async def _release(self, claims: Sequence[_Claim]) -> None:
        if claims:
            await self._submit_release(claims)

    def _submit_release(self, claims: Sequence[_Claim]) -> Future[None]:
        for claim in claims:
            claim.is_ending = True
        numbers = [number for claim in claims for number in claim.numbers]
        return self._ledger.writer.submit(
            lambda db: inbox.unclaim(db, numbers), lambda _: self._give_back(claims)
        )

    def _held(self, job: Job) -> _Claim | None:
        claim = self._claims.get(job.id)
        if claim is None or claim.fence != job.fence or claim.is_ending:
            return None
        return claim

    def _end(self, claim: _Claim) -> None:
        del self._claims[claim.id]
        self._lines.done(claim.conversation, claim.entries)
        for entry in claim.entries:
            self._left(entry.channel, 1)

    def _give_back(self, claims: Sequence[_Claim], *, due: float = 0.0) -> None:
        for claim in reversed(claims):  # the first is to be in front again
            if self._claims.pop(claim.id, None) is None:
                continue  # it was claimed in vain, and has ended
            self._lines.give_back(claim.conversation, claim.entries, due=due)

    # The rest.

    def claimed(self) -> list[int]:
        """Return the numbers of all messages that are being answered."""
        return [number for claim in self._claims.values() for number in claim.numbers]

    def rename(self, renamed: Callable[[str], str]) -> None:
        """Give conversations other names."""
        self._lines.rename(renamed)
        for claim in self._claims.values():
            claim.conversation = renamed(claim.conversation)
        self._cache.clear()

    def note_state(self, keys: Iterable[str]) -> None:
        """Take notice of small state that was stored by key."""
        self.has_notes = self.has_notes or any(key.startswith(NOTES) for key in keys)
