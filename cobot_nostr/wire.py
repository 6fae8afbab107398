"""Events to our messages. Pure: no I/O, no clock, no randomness."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Protocol

import attrs

from cobot import IncomingMessage, Item, MessageDeleted, MessageRef, ReactionChanged
from cobot_nostr.addresses import Chat
from cobot_nostr.events import DELETION, FILE, GIFT_WRAP, NIP04, REACTION, Event, expires_at
from cobot_nostr.files import media_of
from cobot_nostr.intake import Arrived
from cobot_nostr.tags import (
    PRIVATE_KINDS,
    chat_of,
    members_of,
    names_in,
    people,
    private_chat,
    readable,
    reply_in,
)

LIKE = "+"
"""A reaction without an emoji of its own."""


@attrs.frozen
class Place:
    """Where a message that we have seen is, and whose it is."""

    chat: str
    author: str
    kind: int
    emoji: str = ""
    """For a reaction: which."""
    target: str = ""
    """For a reaction: on what."""


class Facts(Protocol):
    """What is known besides an event."""

    @property
    def me(self) -> str:
        """Our public key."""
        ...

    def name(self, pubkey: str) -> str:
        """Return how somebody is shown."""
        ...

    def is_bot(self, pubkey: str) -> bool:
        """Tell whether somebody says that they are a bot."""
        ...

    def place(self, id_: str) -> Place | None:
        """Return where a message is; None: it is not known."""
        ...

    def is_listed(self, chat: Chat) -> bool | None:
        """Tell whether a chat stands in the settings; None: it cannot."""
        ...


def items_of(
    arrived: Arrived, channel_type: str, received_at: datetime, facts: Facts
) -> Iterator[Item]:
    """Yield what an event means: a message, a reaction, deletions, or nothing."""
    inner = arrived.inner
    if inner.pubkey == facts.me:
        return  # our own, from another relay or as a copy
    timestamp = min(_time(inner.created_at), received_at)
    if inner.kind == REACTION:
        yield from _reaction(arrived, channel_type, timestamp, facts)
    elif inner.kind == DELETION:
        yield from _deletions(arrived, channel_type, timestamp, facts)
    else:
        message = _message(arrived, channel_type, timestamp, facts)
        if message is not None:
            yield message


def place_of(arrived: Arrived, me: str) -> Place | None:
    """Return where what arrived is, to know it when it is reacted to, or deleted."""
    inner = arrived.inner
    if inner.kind == REACTION:
        return Place("", inner.pubkey, inner.kind, inner.content, inner.last("e") or "")
    chat = chat_of(inner, me, arrived.relay)
    return None if chat is None else Place(chat.id, inner.pubkey, inner.kind)


def _message(
    arrived: Arrived, channel_type: str, timestamp: datetime, facts: Facts
) -> IncomingMessage | None:
    inner = arrived.inner
    chat = chat_of(inner, facts.me, arrived.relay)
    if chat is None:
        return None
    answered = reply_in(inner)
    media = media_of(inner)
    # A file has no text of its own: its content is where it lies.
    content = inner.value("alt") or "" if inner.kind == FILE else inner.content
    direct = chat.kind == "dm"
    return IncomingMessage(
        inner.id,
        channel_type,
        chat.id,
        inner.pubkey,
        facts.name(inner.pubkey),
        readable(content, facts.name),
        timestamp,
        answered.parent if answered is not None else None,
        media,
        _metadata(arrived, chat, content),
        direct=direct,
        mentioned=not direct and _is_to_us(inner, facts),
        sender_is_bot=facts.is_bot(inner.pubkey),
        listed=None if chat.kind == "dm" else facts.is_listed(chat),
    )


def _is_to_us(event: Event, facts: Facts) -> bool:
    if event.kind in PRIVATE_KINDS:
        # A private room is not the public: what is said there is said to all in it.
        return True
    if facts.me in names_in(event.content):
        return True
    # That we are named in a tag says nothing: answers name everybody in the thread.
    answered = reply_in(event)
    if answered is None:
        return False
    place = facts.place(answered.parent)
    author = place.author if place is not None else answered.parent_author
    return author == facts.me


def _metadata(arrived: Arrived, chat: Chat, content: str) -> dict[str, Any]:
    inner, event = arrived.inner, arrived.event
    made: dict[str, Any] = {
        "kind": inner.kind,
        "relay": arrived.relay,
        "created_at": inner.created_at,
        "raw": content,
    }
    if event.kind == GIFT_WRAP:
        made |= {"encrypted": "nip17", "wrap_id": event.id}
    elif event.kind == NIP04:
        made["encrypted"] = "nip04"
    if chat.is_private:
        made["members"] = sorted({inner.pubkey, *people(inner)})
    else:
        made["people"] = people(inner)
    subject, expires = inner.value("subject"), expires_at(inner)
    if subject:
        made["subject"] = subject
    if expires is not None:
        made["expires_at"] = expires
    return made


def _reaction(
    arrived: Arrived, channel_type: str, timestamp: datetime, facts: Facts
) -> Iterator[Item]:
    inner = arrived.inner
    target = inner.last("e")
    if not target:
        return
    chat = _chat_of_target(arrived, target, facts)
    if chat is None:
        return
    ref = MessageRef(channel_type, chat, target)
    yield ReactionChanged(
        ref, inner.pubkey, inner.content or LIKE, True, timestamp, id=inner.id
    )


def _deletions(
    arrived: Arrived, channel_type: str, timestamp: datetime, facts: Facts
) -> Iterator[Item]:
    inner = arrived.inner
    for target in dict.fromkeys(inner.values("e")):
        place = facts.place(target)
        if place is not None and place.author != inner.pubkey:
            continue  # everybody can ask for anything to be deleted
        if place is not None and place.kind == REACTION:
            about = facts.place(place.target)
            if about is not None:
                ref = MessageRef(channel_type, about.chat, place.target)
                emoji = place.emoji or LIKE
                yield ReactionChanged(ref, inner.pubkey, emoji, False, timestamp, id=inner.id)
            continue
        chat = _chat_of_target(arrived, target, facts)
        # Among several anybody may have written what is not known any more.
        if chat is not None and (place is not None or chat.startswith("dm:")):
            ref = MessageRef(channel_type, chat, target)
            yield MessageDeleted(ref, timestamp, sender_id=inner.pubkey)


def _chat_of_target(arrived: Arrived, target: str, facts: Facts) -> str | None:
    place = facts.place(target)
    inner = arrived.inner
    if arrived.event.kind == GIFT_WRAP:
        chat = private_chat(members_of(inner, facts.me), facts.me).id
        # Who writes to us alone can mean nothing that was said elsewhere.
        return chat if place is None or place.chat == chat else None
    if place is not None:
        return None if place.chat.startswith(("dm:", "room:")) else place.chat
    group = inner.value("h")
    return Chat("group", group, arrived.relay).id if group else None


def _time(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.max.replace(tzinfo=UTC)
