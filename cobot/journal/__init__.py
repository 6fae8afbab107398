"""The durable record of everything that came in and goes out: the protocol.

The session keeps no message of its own: receivers publish, turns claim and settle, senders
take and record. So it does not matter to the session where the record is kept, and what a
new process finds in it is what the old one would have done next.

Every method is one transaction: when it returns, all of it is stored, and when it raises,
none of it is. Cancelling a call stops the waiting and not the storing.

Two things are owned, so that nothing is done twice. A *channel* is owned by who called `own`
last; `publish`, `take`, `sent` and `not_sent` of a former owner raise `OwnershipLost`. A
*conversation* is owned through the job that was claimed from it; whatever a former owner says
of its job is answered with False and stored nowhere. Both carry a fence, a number that rises
each time, which tells a former owner from the present one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

import attrs

from cobot.messages import (
    Address,
    IncomingMessage,
    Item,
    Json,
    MessageRef,
    OutgoingMessage,
    Receipt,
)

CRASHES_MOST = 4
"""A message that was being answered each time when the process died this often is given up."""


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
    verdict: Literal["accepted", "history", "refused", "dropped"] = "accepted"
    """What was decided about it. Only what is accepted is answered; `history` is remembered
    and not answered; of what was dropped the text is not kept."""
    reason: str | None = None
    """Why it is not answered, and by whom."""
    group: str | None = None
    """Rows of one conversation and group that wait together come as one job."""
    not_before: datetime | None = None
    """When it may be answered at the earliest; of a group, the latest counts."""


OperationKind: TypeAlias = Literal["send", "edit", "delete", "react", "media"]


@attrs.frozen(kw_only=True)
class Operation:
    """Something to be done on a channel.

    A message that was split is several operations, one a part: they leave in order, and what
    becomes of one becomes of the message.
    """

    kind: OperationKind
    """What to do."""
    address: Address
    """Where; the operations of an address are done in the order of storing."""
    key: str
    """Its own key, the same in each attempt; on a channel the same key twice is one
    operation."""
    message: OutgoingMessage | None = None
    """What to send, or the new form; None for `delete` and `react`."""
    ref: MessageRef | None = None
    """The message to edit, delete or react to."""
    target: str = ""
    """In place of `ref`: the key of an earlier operation, whose message is meant."""
    emoji: str | None = None
    """For `react`; None takes our reaction off."""
    whole: str = ""
    """The key of the message's first part; empty for a message of one part."""
    part: int = 0
    """Which part of its message it is, counted from 0."""
    parts: int = 1
    """How many parts its message has."""
    require: frozenset[str] = frozenset()
    """Operations that must be native: the next best thing is not good enough."""
    conversation: str = ""
    """Whose history it belongs to; empty: its address's own conversation."""
    not_before: datetime | None = None
    """When it may leave at the earliest. What is behind it on its address waits too."""


@attrs.frozen
class Job:
    """One or several messages that one owner has claimed to answer."""

    id: int
    """The journal's number for it; rises in the order of arrival."""
    fence: int
    """Tells this claim from every other one."""
    messages: tuple[IncomingMessage, ...]
    """What to answer, in order, each with its `key` set: one, or a group."""
    conversation: str
    """The conversation, which nobody else works on meanwhile."""
    tries: int = 0
    """How often it failed before."""
    crashes: int = 0
    """How often the process died while it was being answered."""
    drafts: Mapping[str, MessageRef] = attrs.field(factory=dict)
    """What an earlier run of this turn has made visible, by its key."""
    state: Mapping[str, Json] = attrs.field(factory=dict)
    """The agent's own notes of the conversation."""


@attrs.frozen
class End:
    """The end of a turn."""

    job: Job
    """The job."""
    operations: Sequence[Operation] = ()
    """What goes out, in order."""
    state: Mapping[str, Json] | None = None
    """The agent's new notes of the conversation; None: as they were."""


@attrs.frozen
class Delivery:
    """An operation that one sender has taken. It counts as attempted from now on."""

    id: int
    """The journal's number for it; rises in the order of storing."""
    operation: Operation
    """What to do."""
    created_at: datetime
    """When it was stored; aware UTC."""
    attempts: int = 0
    """How often it failed before, waits that the network asked for not counted."""
    unknowns: int = 0
    """How many earlier attempts may have arrived."""
    refs: tuple[MessageRef, ...] = ()
    """For `edit`, `delete` and `react`: the messages meant, `target` looked up."""
    target_is_gone: bool = False
    """Whether `target` names an operation that never happened, or whose ids nobody knows."""
    prepared: Json = None
    """What `prepare` stored for all attempts."""
    is_ordered: bool = False
    """Whether it had been given up, and its owner has ordered that it be tried again."""


@attrs.frozen
class Claimed:
    """What `claim` took."""

    jobs: Sequence[Job]
    """The jobs."""
    wait_s: float | None
    """When time alone will make more of them ready, in seconds; None: it will not."""


@attrs.frozen
class Taken:
    """What `take` took."""

    deliveries: Sequence[Delivery]
    """The operations."""
    wait_s: float | None
    """When time alone will make more of them ready, in seconds; None: it will not."""


@attrs.frozen
class Ownership:
    """The right to receive and send for a channel, until somebody else owns it."""

    channel: str
    """The channel's name."""
    fence: int
    """Tells this owner from every other one."""
    cursors: Mapping[str, str]
    """How far the channel had come when it was owned."""


@attrs.frozen
class Standing:
    """How an operation stands."""

    key: str
    """Its key."""
    state: Literal["waiting", "done", "dead"]
    """`waiting` until it is done or given up."""
    is_new: bool = False
    """Whether this call has stored it; False: the key was known."""
    receipt: Receipt | None = None
    """What came of it, when it is done; of a message in parts, of all of them."""
    reason: str | None = None
    """Why it was given up, when it is dead."""


@attrs.frozen
class Backlog:
    """What still waits or runs."""

    jobs: int = 0
    """Messages that are stored and not yet answered."""
    operations: int = 0
    """Operations that are stored and not yet done."""

    def __bool__(self) -> bool:
        return bool(self.jobs or self.operations)


@attrs.frozen(kw_only=True)
class Entry:
    """One message of a conversation's history."""

    role: Literal["user", "agent"]
    """Who said it: somebody on the network, or the bot."""
    address: Address
    """Where."""
    content: str
    """The text as it is now; empty once it is deleted."""
    timestamp: datetime
    """When it was written (`user`) or stored for sending (`agent`); aware UTC."""
    ids: tuple[str, ...] = ()
    """The network's ids of it; empty while it is not sent, or where none is known."""
    sender_id: str = ""
    """Who wrote it; empty for the bot."""
    sender_name: str = ""
    """How the sender is shown to people; empty for the bot."""
    edited: bool = False
    """Whether it has been edited."""
    deleted: bool = False
    """Whether it has been deleted; its text is not kept."""
    state: str = ""
    """What became of it: `waiting`, `answered`, `unanswered`, `sent` or `dead`."""


@attrs.frozen(kw_only=True)
class DeadLetter:
    """A message that was given up: not answered, or not delivered."""

    id: int
    """Its number, for `retry_dead` and `drop_dead`."""
    kind: Literal["turn", "send"]
    """`turn`: the agent did not answer it. `send`: it was not delivered."""
    address: Address
    """Where it came from, or was going."""
    content: str
    """Its text."""
    reason: str
    """Why it was given up."""
    at: datetime
    """When; aware UTC."""


@attrs.frozen(kw_only=True)
class Happened:
    """One thing that happened, for those who must miss nothing."""

    seq: int
    """Its place: a cursor for `events`; only rises."""
    kind: Literal["received", "event", "sent", "dead"]
    """What happened."""
    item: Item | None = None
    """What came in (`received`, `event`)."""
    operation: Operation | None = None
    """What went out (`sent`), or did not (`dead`)."""
    receipt: Receipt | None = None
    """For `sent`."""
    verdict: str = ""
    """For `received`: `accepted`, `history`, `refused` or `dropped`."""
    reason: str | None = None
    """Why it was given up, refused or dropped."""


@attrs.frozen
class Step:
    """One decision about a message, as `cobot why` shows it."""

    at: datetime | None
    """When; aware UTC. None where only the order is known."""
    text: str
    """What was decided, by whom and why."""


@attrs.frozen
class Beat:
    """What an owner learns when it says that it is alive."""

    lost: frozenset[int] = frozenset()
    """Jobs that are no longer its own: to be stopped, their results are worth nothing."""


class Journal(Protocol):
    """Where messages and operations are kept."""

    @property
    def trouble(self) -> str | None:
        """What keeps it from storing just now, in a line; None if nothing does.

        Calls wait while there is trouble, and what they were to store is stored afterwards.
        """
        ...

    # Channels.

    async def own(self, channel: str) -> Ownership:
        """Become the one who receives and sends for a channel.

        Whoever owned it before may do neither any more. What that one had taken and not
        reported may have arrived; it comes again from `take`, with `unknowns` counted.
        """
        ...

    async def disown(self, ownership: Ownership) -> None:
        """Give a channel back."""
        ...

    # In.

    async def known(self, channel: str, keys: Collection[Key]) -> Collection[Key]:
        """Return those of the keys that are stored already."""
        ...

    async def publish(
        self,
        ownership: Ownership,
        rows: Sequence[Row],
        cursors: Mapping[str, str],
        *,
        operations: Sequence[Operation] = (),
        state: Mapping[str, Json] | None = None,
    ) -> Collection[Key]:
        """Store what arrived and how far the channel has come; return the keys that are new.

        Rows with a known key are passed over. An edit of a message replaces its text, in the
        queue while it waits and in the history for ever; a deletion withdraws what waits and
        leaves a mark in the history; a moved chat is renamed. Waits while too much of this
        channel is waiting.

        Args:
            ownership: Of the channel it came from.
            rows: Messages and events, in the order of arrival.
            cursors: The channel's cursors that have changed.
            operations: What is to be sent because of it.
            state: As for `put`.

        Raises:
            OwnershipLost: Somebody else owns the channel.
        """
        ...

    async def claim(self, limit: int) -> Claimed:
        """Take the heads of up to `limit` conversations that nobody works on.

        The longest waiting first. Messages that were being answered when a process died
        come a few at a time, and those that it happened to twice one at a time, so that one
        which kills its worker drags no other along; at `CRASHES_MOST` it is a dead letter.
        """
        ...

    async def settle(
        self,
        job: Job,
        operations: Sequence[Operation],
        *,
        state: Mapping[str, Json] | None = None,
    ) -> bool:
        """End a turn with what it sends; the conversation's next message may be claimed.

        Args:
            job: The job.
            operations: What goes out, in order.
            state: The agent's new notes of the conversation; None: as they were.

        Returns:
            False if the job was no longer ours; then nothing was stored.
        """
        ...

    async def settle_all(self, ends: Sequence[End]) -> Sequence[bool]:
        """End several turns at once, in one transaction; return of each what `settle` does."""
        ...

    async def fail(
        self,
        job: Job,
        reason: str,
        delay_s: float | None,
        *,
        operations: Sequence[Operation] = (),
    ) -> bool:
        """End a turn that came to nothing.

        Args:
            job: The job.
            reason: Why.
            delay_s: Seconds until it may be claimed again, the rest of its conversation
                waiting behind it; None: it is a dead letter, and the next one's turn.
            operations: What goes out all the same.

        Returns:
            False if the job was no longer ours; then nothing was stored.
        """
        ...

    async def release(self, job: Job) -> bool:
        """Give a job back, as if it had not been claimed; False if it was not ours."""
        ...

    async def draft(self, job: Job, key: str, ref: MessageRef) -> bool:
        """Note what is visible of a turn before its end; False if the job was not ours."""
        ...

    # Out.

    async def enqueue(self, operations: Sequence[Operation]) -> Sequence[Standing]:
        """Store operations that answer nothing; say how each stands, known ones too."""
        ...

    async def take(
        self, ownership: Ownership, limit: int, closed: Mapping[Address, float]
    ) -> Taken:
        """Take the next operation of up to `limit` addresses that have none under way.

        Args:
            ownership: Of the channel.
            limit: How many at most.
            closed: Addresses to pass over until a time of the clock's `monotonic()`.

        Raises:
            OwnershipLost: Somebody else owns the channel.
        """
        ...

    async def prepare(self, ownership: Ownership, delivery: Delivery, prepared: Json) -> None:
        """Store what every attempt of an operation uses."""
        ...

    async def sent(
        self, ownership: Ownership, results: Sequence[tuple[Delivery, Receipt]]
    ) -> None:
        """Record that operations were done; their addresses' next ones may be taken.

        Raises:
            OwnershipLost: Somebody else owns the channel.
        """
        ...

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
        """Record that an operation was not done, or not for certain.

        Args:
            ownership: Of the channel.
            delivery: The operation.
            reason: Why.
            not_before: When it may be taken again, what is behind it waiting too; None: it
                is a dead letter, with all other parts of its message that have not left.
            is_attempt: Whether it counts as an attempt.
            is_unknown: Whether it may have arrived all the same.

        Raises:
            OwnershipLost: Somebody else owns the channel.
        """
        ...

    async def standing(self, channel: str, key: str) -> Standing | None:
        """Return how an operation stands; None if there is none of that key."""
        ...

    async def receipt(self, ref: MessageRef) -> Receipt | None:
        """Return the receipt of the operation that made a message; None if none did."""
        ...

    # Owners.

    async def beat(self) -> Beat:
        """Say that this owner is alive; learn what it has lost."""
        ...

    async def reap(self) -> int:
        """Take from owners that were silent for too long what they held; return how much."""
        ...

    async def hold_only(self, ids: Collection[int]) -> None:
        """Give back every job that this owner holds but those with these numbers."""
        ...

    # Small state.

    async def get(self, key: str) -> Json:
        """Return what was put under a key; None if nothing was."""
        ...

    async def put(self, values: Mapping[str, Json]) -> None:
        """Keep small values by key; None removes."""
        ...

    async def rename(self, old: Address, new: Address) -> None:
        """Have everything of an address belong to another, with its conversation.

        With no thread in `old`, all threads of the chat move.
        """
        ...

    # Looking back.

    async def history(
        self, conversation: str, limit: int, *, until: int | None = None
    ) -> Sequence[Entry]:
        """Return the newest messages of a conversation, oldest first.

        What was refused or dropped is not in it.

        Args:
            conversation: The conversation's key.
            limit: How many messages at most.
            until: The number of a job: what came in after it is left out.
        """
        ...

    async def events(self, after: int, limit: int = 1000) -> Sequence[Happened]:
        """Return what happened after a place, in order; with the last one's `seq` go on."""
        ...

    async def why(
        self, channel: str, channel_id: str, message_id: str, thread_id: str | None = None
    ) -> Sequence[Step]:
        """Return every decision about a message, in order; empty if it is not known."""
        ...

    async def dead(self) -> Sequence[DeadLetter]:
        """Return all dead letters, oldest first."""
        ...

    async def retry_dead(self, id: int) -> bool:  # noqa: A002
        """Have a dead letter tried again, at the end of its line; False if there is none."""
        ...

    async def drop_dead(self, id: int) -> bool:  # noqa: A002
        """Forget a dead letter; False if there is none."""
        ...

    async def backlog(self, channels: Iterable[str] | None = None) -> Backlog:
        """Return how much waits or runs; of the operations, those of some channels only."""
        ...

    async def prune(self, now: datetime) -> int:
        """Remove what need not be kept any longer; return how many rows went."""
        ...

    async def close(self) -> None:
        """Give everything back and let go of the store."""
        ...
