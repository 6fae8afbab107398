"""The record of everything that came in and goes out, as the session sees it.

The session keeps no message of its own: receivers publish, turns claim and settle, senders
take and record. So it does not matter to the session where the record is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, Protocol

import attrs

from cobot.messages import IncomingMessage, Item, OutgoingMessage, Receipt


@attrs.frozen
class Key:
    """What tells one item of a channel from another; the same key twice is one item."""

    channel_id: str
    """The chat."""
    thread_id: str | None
    """The thread in the chat."""
    kind: str
    """`message`, `edit`, `delete`, `reaction` or `moved`."""
    id: str
    """The network's id of the message or event."""
    version: str = ""
    """What tells its forms apart: when it was edited, which reaction."""


@attrs.frozen
class Row:
    """An item on its way into the journal."""

    key: Key
    """What it is known by."""
    item: Item
    """The message or event."""
    conversation: str
    """The conversation it belongs to; computed once, here."""
    verdict: Literal["accepted", "refused", "dropped"] = "accepted"
    """What was decided about it; only what is accepted is answered."""
    reason: str | None = None
    """Why it is not answered, and by whom."""


@attrs.frozen
class Job:
    """A message that one worker has claimed to answer."""

    id: int
    """The journal's number for it; rises in the order of arrival."""
    message: IncomingMessage
    """The message, its `key` set."""
    conversation: str
    """The conversation, which nobody else works on meanwhile."""


@attrs.frozen
class Operation:
    """A message that goes out."""

    id: int
    """The journal's number for it; rises in the order of storing."""
    message: OutgoingMessage
    """What to send, its `key` and `created_at` set."""
    cause: int | None = None
    """The job whose answer it is, if any."""


@attrs.frozen
class Backlog:
    """What still waits or runs."""

    jobs: int = 0
    """Messages that are stored and not yet answered."""
    operations: int = 0
    """Operations that are stored and not yet done."""

    def __bool__(self) -> bool:
        return bool(self.jobs or self.operations)


class Journal(Protocol):
    """Where messages and operations are kept. Each call is one transaction."""

    async def own(self, channel: str) -> Mapping[str, str]:
        """Become the one who receives and sends for a channel; return its cursors."""
        ...

    async def known(self, channel: str, keys: Collection[Key]) -> Collection[Key]:
        """Return those of the keys that are stored already."""
        ...

    async def publish(
        self, channel: str, rows: Sequence[Row], cursors: Mapping[str, str]
    ) -> Collection[Key]:
        """Store what arrived and how far the channel has come; return the keys that are new.

        When it returns, all of it is stored. Rows with a known key are passed over.
        """
        ...

    async def claim(self, limit: int) -> Sequence[Job]:
        """Take the heads of up to `limit` conversations that nobody works on."""
        ...

    async def settle(self, job: Job, operations: Sequence[OutgoingMessage]) -> bool:
        """End a turn with what it sends; the conversation's next message may be claimed.

        Returns:
            False if the job was no longer ours; then nothing was stored.
        """
        ...

    async def fail(self, job: Job, reason: str) -> None:
        """End a turn that came to nothing."""
        ...

    async def release(self, job: Job) -> None:
        """Give a job back, as if it had not been claimed."""
        ...

    async def enqueue(self, messages: Sequence[OutgoingMessage]) -> Sequence[Operation]:
        """Store messages that answer nothing."""
        ...

    async def take(self, channel: str, limit: int) -> Sequence[Operation]:
        """Take the next operation of up to `limit` addresses that have none under way."""
        ...

    async def sent(self, operation: Operation, receipt: Receipt) -> None:
        """Record that an operation was done; its address's next one may be taken."""
        ...

    async def not_sent(self, operation: Operation, reason: str) -> None:
        """Record that an operation will not be done."""
        ...

    async def backlog(self, channels: Collection[str] | None = None) -> Backlog:
        """Return how much waits or runs; of the operations, those of some channels only."""
        ...
