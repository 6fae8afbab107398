"""A journal that forgets everything when the process ends."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Collection, Mapping, Sequence
from typing import Generic, TypeVar

import attrs

from cobot.clock import Clock
from cobot.journal import Backlog, Job, Key, Operation, Row
from cobot.journal.keys import operation_key
from cobot.messages import Address, IncomingMessage, OutgoingMessage, Receipt

KEYS_KEPT = 100_000
"""Keys remembered for each channel; a network redelivers only what is recent."""

ROWS_KEPT = 10_000
"""Messages and operations that may wait; `publish` waits for room, and so do receivers."""

H = TypeVar("H")
V = TypeVar("V")


class _Lines(Generic[H, V]):
    """Queues by head: each in order, one value of each under way at a time."""

    def __init__(self) -> None:
        # A head is in `_waiting` while values wait behind it or one is under way.
        self._waiting: dict[H, deque[V]] = {}
        self._ready: deque[H] = deque()  # longest waiting first; none is under way
        self.count = 0  # values waiting or under way

    def add(self, head: H, value: V) -> None:
        line = self._waiting.get(head)
        if line is None:
            line = self._waiting[head] = deque()
            self._ready.append(head)
        line.append(value)
        self.count += 1

    def take(self, limit: int) -> list[V]:
        taken: list[V] = []
        while self._ready and len(taken) < limit:
            taken.append(self._waiting[self._ready.popleft()].popleft())
        return taken

    def done(self, head: H) -> None:
        self.count -= 1
        if self._waiting[head]:
            self._ready.append(head)
        else:
            del self._waiting[head]

    def give_back(self, head: H, value: V) -> None:
        self._waiting[head].appendleft(value)
        self._ready.appendleft(head)


@attrs.define(eq=False)
class _Channel:
    """What is kept for one channel."""

    cursors: dict[str, str] = attrs.field(factory=dict)
    keys: OrderedDict[Key, None] = attrs.field(factory=OrderedDict)  # oldest first
    operations: _Lines[Address, Operation] = attrs.field(factory=_Lines)


class MemoryJournal:
    """Keeps the promises of `Journal` for as long as the process lives."""

    def __init__(
        self, clock: Clock, *, rows_kept: int = ROWS_KEPT, keys_kept: int = KEYS_KEPT
    ) -> None:
        self._clock = clock
        self._rows_kept = rows_kept
        self._keys_kept = keys_kept
        self._channels: dict[str, _Channel] = {}
        self._jobs: _Lines[str, Job] = _Lines()
        self._claimed: dict[int, Job] = {}
        self._last_id = 0
        self._room = asyncio.Event()

    async def own(self, channel: str) -> Mapping[str, str]:
        """Return the channel's cursors."""
        return dict(self._channel(channel).cursors)

    async def known(self, channel: str, keys: Collection[Key]) -> Collection[Key]:
        """Return those of the keys that are stored already."""
        stored = self._channel(channel).keys
        return {key for key in keys if key in stored}

    async def publish(
        self, channel: str, rows: Sequence[Row], cursors: Mapping[str, str]
    ) -> Collection[Key]:
        """Store what arrived; wait while too many messages wait already."""
        while self._count() >= self._rows_kept:
            self._room.clear()
            await self._room.wait()
        kept = self._channel(channel)
        new = set()
        for row in rows:
            if row.key in kept.keys:
                continue
            kept.keys[row.key] = None
            new.add(row.key)
            if row.verdict == "accepted" and isinstance(row.item, IncomingMessage):
                self._jobs.add(row.conversation, Job(self._id(), row.item, row.conversation))
        while len(kept.keys) > self._keys_kept:
            kept.keys.popitem(last=False)
        kept.cursors.update(cursors)
        return new

    async def claim(self, limit: int) -> Sequence[Job]:
        """Take the heads of conversations that nobody works on."""
        jobs = self._jobs.take(limit)
        self._claimed.update((job.id, job) for job in jobs)
        return jobs

    async def settle(self, job: Job, operations: Sequence[OutgoingMessage]) -> bool:
        """End a turn with what it sends."""
        if self._claimed.pop(job.id, None) is None:
            return False
        for index, message in enumerate(operations):
            self._store(message, operation_key(job.message.key, index), job.id)
        self._end(job)
        return True

    async def fail(self, job: Job, reason: str) -> None:
        """End a turn that came to nothing."""
        if self._claimed.pop(job.id, None) is not None:
            self._end(job)

    async def release(self, job: Job) -> None:
        """Give a job back, as if it had not been claimed."""
        if self._claimed.pop(job.id, None) is not None:
            self._jobs.give_back(job.conversation, job)

    async def enqueue(self, messages: Sequence[OutgoingMessage]) -> Sequence[Operation]:
        """Store messages that answer nothing."""
        return [self._store(message, message.key, None) for message in messages]

    async def take(self, channel: str, limit: int) -> Sequence[Operation]:
        """Take the next operation of addresses that have none under way."""
        return self._channel(channel).operations.take(limit)

    async def sent(self, operation: Operation, receipt: Receipt) -> None:
        """Record that an operation was done."""
        self._done(operation)

    async def not_sent(self, operation: Operation, reason: str) -> None:
        """Record that an operation will not be done."""
        self._done(operation)

    async def backlog(self, channels: Collection[str] | None = None) -> Backlog:
        """Return how much waits or runs; of the operations, those of some channels only."""
        operations = sum(
            channel.operations.count
            for name, channel in self._channels.items()
            if channels is None or name in channels
        )
        return Backlog(self._jobs.count, operations)

    def _channel(self, name: str) -> _Channel:
        channel = self._channels.get(name)
        if channel is None:
            channel = self._channels[name] = _Channel()
        return channel

    def _id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _store(self, message: OutgoingMessage, key: str, cause: int | None) -> Operation:
        stamped = attrs.evolve(message, key=key, created_at=self._clock.now())
        operation = Operation(self._id(), stamped, cause)
        self._channel(message.channel_type).operations.add(stamped.address, operation)
        return operation

    def _end(self, job: Job) -> None:
        self._jobs.done(job.conversation)
        self._room.set()

    def _done(self, operation: Operation) -> None:
        message = operation.message
        self._channel(message.channel_type).operations.done(message.address)
        self._room.set()

    def _count(self) -> int:
        operations = sum(channel.operations.count for channel in self._channels.values())
        return self._jobs.count + operations
