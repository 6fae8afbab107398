"""Our messages to events that are not signed yet. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import attrs

from cobot_nostr.addresses import Chat
from cobot_nostr.events import (
    CHANNEL_MESSAGE,
    CHAT,
    COMMENT,
    DELETION,
    DIRECT,
    EDIT,
    NIP04,
    NOTE,
    REACTION,
    STATUS,
    Draft,
    Event,
    Tag,
    is_hex,
    tagged,
)
from cobot_nostr.tags import names_in, people

PRESENCE_S = 900
"""How long a status is shown, in seconds; it is renewed before."""

REMOVE_OTHERS = 9005
"""In a group, what its admins delete other people's messages with (NIP-29)."""

_KEPT = "\n\t"


@attrs.frozen(kw_only=True)
class Target:
    """A message that one of ours is about, as far as it is known."""

    id: str
    author: str | None = None
    kind: int | None = None
    people: Sequence[str] = ()
    """Whom it names."""

    @classmethod
    def of(cls, event: Event) -> Target:
        """Return an event as the target of another."""
        return cls(id=event.id, author=event.pubkey, kind=event.kind, people=people(event))


def cleaned(text: str) -> str:
    """Return a text without control characters: clients do not agree on how they are signed."""
    if text.isprintable():
        return text
    return "".join(
        one for one in text if one in _KEPT or not (one < " " or "\x7f" <= one <= "\x9f")
    )


def public(
    chat: Chat,
    text: str,
    me: str,
    *,
    root: Target | None = None,
    parent: Target | None = None,
    relay: str = "",
    previous: Collection[str] = (),
    more: Iterable[Tag] = (),
) -> Draft:
    """Return a public message, or one for a group.

    Args:
        chat: Where.
        text: What it says.
        me: Our public key.
        root: What the chat is about.
        parent: What it answers; None: the root itself, or nothing.
        relay: Where others find both.
        previous: For a group, beginnings of ids that were seen there.
        more: Further tags.
    """
    text = cleaned(text)
    tags: list[Tag] = []
    if chat.kind == "note":
        root = root or Target(id=chat.value)
        tags += _note_tags(root, parent, relay)
        kind = NOTE
    elif chat.kind == "comment":
        tags += _comment_tags(chat.value, root, parent, relay)
        kind = COMMENT
    elif chat.kind == "chan":
        tags.append(("e", chat.value, relay, "root"))
        if parent is not None:
            tags.append(("e", parent.id, relay, "reply"))
        kind = CHANNEL_MESSAGE
    elif chat.kind == "group":
        tags.append(("h", chat.value))
        if parent is not None:
            tags.append(
                ("q", parent.id, chat.relay, *([parent.author] if parent.author else ()))
            )
        if previous:
            tags.append(("previous", *previous))
        kind = CHAT
    else:
        kind = NOTE
    named = [*_involved(parent or root), *names_in(text)]
    tags += tagged("p", [one for one in dict.fromkeys(named) if one != me])
    return Draft(kind=kind, tags=(*_each_once(tags), *more), content=text)


def _involved(target: Target | None) -> list[str]:
    if target is None:
        return []
    return [*([target.author] if target.author else []), *target.people]


def _each_once(tags: Iterable[Tag]) -> tuple[Tag, ...]:
    return tuple(dict.fromkeys(tags))


def _note_tags(root: Target, parent: Target | None, relay: str) -> list[Tag]:
    tags = [_marked(root, relay, "root")]
    if parent is not None and parent.id != root.id:
        tags.append(_marked(parent, relay, "reply"))
    return tags


def _marked(target: Target, relay: str, marker: str) -> Tag:
    tag = ("e", target.id, relay, marker)
    return (*tag, target.author) if target.author else tag


def _comment_tags(
    value: str, root: Target | None, parent: Target | None, relay: str
) -> list[Tag]:
    kind, name, about = value.split(":", 2)
    author = [root.author] if root is not None and root.author else []
    tags: list[Tag] = [(name, about, relay, *author), ("K", kind)]
    tags += tagged("P", author)
    if parent is not None and parent.id != about:
        parent_author = [parent.author] if parent.author else []
        tags.append(("e", parent.id, relay, *parent_author))
        tags.append(("k", str(COMMENT if parent.kind is None else parent.kind)))
    else:
        tags += [(name.lower(), about, relay, *author), ("k", kind)]
    return tags


def private(
    text: str, others: Sequence[str], parent: str | None, more: Iterable[Tag] = ()
) -> Draft:
    """Return a private message (NIP-17) to those who are in the room besides us."""
    tags = [*tagged("p", others)]
    if parent is not None and is_hex(parent):
        tags.append(("e", parent))
    return Draft(kind=DIRECT, tags=(*tags, *more), content=cleaned(text))


def old_private(peer: str, encrypted: str, parent: str | None) -> Draft:
    """Return a private message in the old form (NIP-04)."""
    tags = [("p", peer)]
    if parent is not None and is_hex(parent):
        tags.append(("e", parent))
    return Draft(kind=NIP04, tags=tuple(tags), content=encrypted)


def reaction(target: Target, emoji: str, more: Iterable[Tag] = ()) -> Draft:
    """Return a reaction (NIP-25)."""
    tags: list[Tag] = [("e", target.id)]
    tags += tagged("p", [target.author] if target.author else [])
    if target.kind is not None:
        tags.append(("k", str(target.kind)))
    return Draft(kind=REACTION, tags=(*tags, *more), content=emoji)


def deletion(target: Target, more: Iterable[Tag] = ()) -> Draft:
    """Return the request to delete one of our events (NIP-09)."""
    tags: list[Tag] = [("e", target.id)]
    if target.kind is not None:
        tags.append(("k", str(target.kind)))
    return Draft(kind=DELETION, tags=(*tags, *more))


def removal(target: Target, group: str) -> Draft:
    """Return an admin's deletion of somebody's message in a group (NIP-29)."""
    return Draft(kind=REMOVE_OTHERS, tags=(("h", group), ("e", target.id)))


def edit(target: Target, text: str) -> Draft:
    """Return a new text for one of our notes (kind 1010, which no NIP describes)."""
    return Draft(kind=EDIT, tags=(("e", target.id),), content=cleaned(text))


def status(shown: str, text: str, now_s: int) -> Draft:
    """Return a status (NIP-38); `offline` clears it."""
    content = "" if shown == "offline" else cleaned(text) or shown
    tags: list[Tag] = [("d", "general")]
    if content:
        tags.append(("expiration", str(now_s + PRESENCE_S)))
    return Draft(kind=STATUS, tags=tuple(tags), content=content)
