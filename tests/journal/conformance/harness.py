"""What the suite is given, and what its tests are written with."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import pytest
from fakes import ManualClock, incoming

from cobot import (
    Address,
    ChatMoved,
    IncomingMessage,
    MessageDeleted,
    MessageEdited,
    MessageRef,
    OutgoingMessage,
    ReactionChanged,
    Receipt,
)
from cobot.journal import Delivery, Entry, Job, Journal, Key, Operation, Ownership, Row
from cobot.journal.keys import conversation_key, message_key

PIGEON = "pigeon"
OWL = "owl"

# What the journals under test are opened with.
DEDUPE_DAYS = 30.0
KEEP_DAYS = 7.0
LEASE_S = 15.0
WAITING_MOST = 1_200
"""Rows of one channel that wait, above which `publish` is held back."""

PATIENCE_S = 20.0
"""How long a test waits for what must come; only a failing one waits as long."""


class ShiftedClock(ManualClock):
    """A clock whose time of day can be set, as an owner or a time server does it."""

    def __init__(self) -> None:
        super().__init__()
        self._shift = timedelta()

    def now(self) -> datetime:
        """Return the time of day."""
        return super().now() + self._shift

    def set_back(self, seconds: float) -> None:
        """Set the time of day back; `monotonic` does not notice."""
        self._shift -= timedelta(seconds=seconds)


class Journals(Protocol):
    """The store under test, and who opens it. Each test gets an empty one."""

    clock: ShiftedClock
    """The journal's clock."""

    async def open(self) -> Journal:
        """Close the journal, if one is open, and open the store again."""
        ...

    async def crash(self) -> Journal:
        """Drop the journal as `kill -9` would, and open the store again.

        What the dead owner held is free when this returns; a store that learns of a death by
        silence alone has its lease pass and is reaped here.
        """
        ...


class Suite:
    """What all classes of the suite share."""

    @pytest.fixture
    async def journal(self, journals: Journals) -> Journal:
        """Return an open, empty journal."""
        return await journals.open()

    @pytest.fixture
    async def pigeon(self, journal: Journal) -> Ownership:
        """Return the ownership of a channel."""
        return await journal.own(PIGEON)


# Rows.


def conversation(chat: str = "chat", thread: str | None = None) -> str:
    """Return the conversation that a chat is by itself."""
    return conversation_key(Address(PIGEON, chat, thread))


def message(
    text: str, chat: str = "chat", *, thread: str | None = None, **fields: Any
) -> IncomingMessage:
    """Return a message as the session hands it to the journal; its text is its id."""
    name = fields.pop("id", text)
    key = message_key(PIGEON, Key(chat, thread, "message", name))
    return incoming(
        text,
        id=name,
        channel_type=PIGEON,
        channel_id=chat,
        thread_id=thread,
        key=key,
        **fields,
    )


def row(
    text: str,
    chat: str = "chat",
    *,
    thread: str | None = None,
    id: str | None = None,  # noqa: A002
    **fields: Any,
) -> Row:
    """Return a message on its way in; its text is its id."""
    item = message(text, chat, thread=thread, id=id or text)
    key = Key(chat, thread, "message", item.id)
    return Row(key, item, conversation(chat, thread), **fields)


def edit(name: str, text: str, edited_at: datetime, chat: str = "chat") -> Row:
    """Return a new form of the message with that id."""
    item = message(text, chat, id=name, edited_at=edited_at)
    key = Key(chat, None, "edit", name, edited_at.isoformat())
    return Row(key, MessageEdited(item), conversation(chat))


def deletion(name: str, timestamp: datetime, chat: str = "chat") -> Row:
    """Return the deletion of the message with that id."""
    item = MessageDeleted(MessageRef(PIGEON, chat, name), timestamp)
    return Row(Key(chat, None, "delete", name), item, conversation(chat))


def reaction(name: str, emoji: str, timestamp: datetime, chat: str = "chat") -> Row:
    """Return a reaction to the message with that id."""
    item = ReactionChanged(MessageRef(PIGEON, chat, name), "person", emoji, True, timestamp)
    return Row(Key(chat, None, "reaction", name, emoji), item, conversation(chat))


def move(old: str, new: str) -> Row:
    """Return the news that a chat has another id."""
    item = ChatMoved(Address(PIGEON, old), Address(PIGEON, new))
    return Row(Key(old, None, "moved", new), item, conversation(new))


# Operations.


def send(
    text: str,
    chat: str = "chat",
    *,
    channel: str = PIGEON,
    thread: str | None = None,
    key: str | None = None,
    **fields: Any,
) -> Operation:
    """Return a message on its way out; its text is its key."""
    key = re.sub("[^A-Za-z0-9-]", "-", text) if key is None else key
    content = OutgoingMessage(channel, chat, text, thread_id=thread, key=key)
    address = Address(channel, chat, thread)
    return Operation(kind="send", address=address, key=key, message=content, **fields)


def parts(*texts: str, chat: str = "chat") -> list[Operation]:
    """Return one message in parts."""
    first = send(texts[0], chat).key
    return [
        send(text, chat, whole=first, part=number, parts=len(texts))
        for number, text in enumerate(texts)
    ]


def own_edit(text: str, *, key: str = "edit", chat: str = "chat", **fields: Any) -> Operation:
    """Return an edit of a message that we sent: of `ref=`, or of `target=`."""
    content = OutgoingMessage(PIGEON, chat, text, key=key)
    address = Address(PIGEON, chat)
    return Operation(kind="edit", address=address, key=key, message=content, **fields)


def own_delete(*, key: str = "delete", chat: str = "chat", **fields: Any) -> Operation:
    """Return the deletion of a message that we sent: of `ref=`, or of `target=`."""
    return Operation(kind="delete", address=Address(PIGEON, chat), key=key, **fields)


def ref(name: str, chat: str = "chat") -> MessageRef:
    """Return the address of one message."""
    return MessageRef(PIGEON, chat, name)


def receipt(*names: str, chat: str = "chat") -> Receipt:
    """Return what a network says that made messages of these ids."""
    return Receipt(tuple(ref(name, chat) for name in names))


# Reading and acting.


def texts(several: Sequence[Job] | Sequence[Delivery] | Sequence[Entry]) -> list[str]:
    """Return what they say; of a group, all of its messages."""
    found: list[str] = []
    for one in several:
        if isinstance(one, Job):
            found += [message.content for message in one.messages]
        elif isinstance(one, Delivery):
            found.append(one.operation.message.content if one.operation.message else "")
        else:
            found.append(one.content)
    return found


async def claim(journal: Journal, limit: int = 10) -> Sequence[Job]:
    """Claim what is ready."""
    return (await journal.claim(limit)).jobs


async def claim_one(journal: Journal) -> Job:
    """Claim the only job that is ready."""
    (job,) = await claim(journal)
    return job


async def take(journal: Journal, ownership: Ownership, limit: int = 10) -> Sequence[Delivery]:
    """Take what is ready."""
    return (await journal.take(ownership, limit, {})).deliveries


async def take_one(journal: Journal, ownership: Ownership) -> Delivery:
    """Take the only operation that is ready."""
    (delivery,) = await take(journal, ownership)
    return delivery


async def answer_all(journal: Journal) -> list[str]:
    """Answer what is ready with nothing, and what becomes ready by it; return the texts."""
    answered: list[str] = []
    while jobs := await claim(journal):
        for job in jobs:
            assert await journal.settle(job, [])
        answered += texts(jobs)
    return answered


async def send_all(journal: Journal, ownership: Ownership) -> list[str]:
    """Send what is ready, and what becomes ready by it; return the texts.

    The network's id of each message is its key with `id-` in front.
    """
    sent: list[str] = []
    while deliveries := await take(journal, ownership):
        for one in deliveries:
            made = receipt(f"id-{one.operation.key}", chat=one.operation.address.channel_id)
            await journal.sent(ownership, [(one, made)])
        sent += texts(deliveries)
    return sent


async def give_up(journal: Journal, reason: str = "the agent failed") -> None:
    """Claim the only job that is ready and make it a dead letter."""
    assert await journal.fail(await claim_one(journal), reason, None)


async def settle_with(journal: Journal, *operations: Operation) -> None:
    """Claim the only job that is ready and answer it."""
    assert await journal.settle(await claim_one(journal), operations)


async def claim_within_reason(journal: Journal) -> Sequence[Job]:
    """Claim until something is ready: what was given back may be back a moment later."""
    async with asyncio.timeout(PATIENCE_S):
        while not (jobs := await claim(journal)):  # noqa: ASYNC110 -- nobody tells when
            await asyncio.sleep(0)
    return jobs


async def take_within_reason(journal: Journal, ownership: Ownership) -> Sequence[Delivery]:
    """Take until something is ready: what was given back may be back a moment later."""
    async with asyncio.timeout(PATIENCE_S):
        while not (deliveries := await take(journal, ownership)):  # noqa: ASYNC110 -- as above
            await asyncio.sleep(0)
    return deliveries
