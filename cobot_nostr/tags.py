"""What events answer, whom they name, and where they belong (NIP-10, 17, 22, 28, 29). Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import attrs

from cobot_nostr.addresses import Chat, room
from cobot_nostr.crypto import is_pubkey, npub_of, read_bech32
from cobot_nostr.events import (
    CHANNEL_MESSAGE,
    CHAT,
    COMMENT,
    DIRECT,
    FILE,
    NIP04,
    NOTE,
    OLD_CHAT,
    Event,
    Tag,
    is_hex,
)

_REFERENCE = re.compile(
    r"(?:nostr:)?\b((?:npub|nprofile|note|nevent)1[02-9ac-hj-np-z]{20,5000})"
)
_SECRET = re.compile(r"\bnsec1[02-9ac-hj-np-z]{58}\b", re.IGNORECASE)

PRIVATE_KINDS = (DIRECT, FILE)


@attrs.frozen
class Answered:
    """What an event answers."""

    root: str
    """The id of what began it all."""
    parent: str
    """The id of what it answers; the root's where it answers that."""
    parent_author: str | None = None
    """Who wrote that, where it is said."""


def people(event: Event) -> list[str]:
    """Return whom an event names, each once."""
    return [*dict.fromkeys(one for one in event.values("p") if is_hex(one))]


def thread_of(note: Event) -> Answered | None:
    """Return what a note answers (NIP-10); None: it begins a thread."""
    marked: dict[str, Tag] = {}
    bare: list[Tag] = []
    for tag in note.tags:
        if len(tag) < 2 or tag[0] != "e" or not is_hex(tag[1]):
            continue
        marker = tag[3] if len(tag) > 3 else ""
        if marker in ("root", "reply"):
            marked[marker] = tag
        elif marker != "mention":
            bare.append(tag)
    if not marked and bare:
        # The old way goes by position: the first is the root, the last what it answers.
        marked = {"root": bare[0], "reply": bare[-1]}
    if not marked:
        return None
    root = marked.get("root", marked.get("reply"))
    parent = marked.get("reply", root)
    assert root is not None
    assert parent is not None
    return Answered(root[1], parent[1], _author(parent, 4))


def comment_on(comment: Event) -> tuple[str, Answered] | None:
    """Return the chat and what a comment answers (NIP-22); None: it says neither."""
    for name in ("E", "A", "I"):
        root = comment.value(name)
        if root:
            parent = comment.value(name.lower()) or comment.value("e") or root
            author = next((_author(tag, 3) for tag in comment.tags if tag[:1] == ("e",)), None)
            kind = comment.value("K") or ""
            return f"{kind}:{name}:{root}", Answered(root, parent, author or _first_p(comment))
    return None


def _first_p(event: Event) -> str | None:
    value = event.value("p")
    return value if is_hex(value) else None


def _author(tag: Tag, position: int) -> str | None:
    value = tag[position] if len(tag) > position else None
    return value if is_hex(value) else None


def reply_in(event: Event) -> Answered | None:
    """Return what an event answers, whatever its kind; None: nothing."""
    if event.kind == NOTE:
        return thread_of(event)
    if event.kind == COMMENT:
        found = comment_on(event)
        return found[1] if found else None
    if event.kind in (CHAT, OLD_CHAT):
        quoted = next((tag for tag in event.tags if tag[:1] == ("q",) and len(tag) > 1), None)
        return Answered(quoted[1], quoted[1], _author(quoted, 3)) if quoted else None
    if event.kind in (CHANNEL_MESSAGE, DIRECT, FILE, NIP04):
        skipped = {"mention", "root"}
        answers = [
            tag
            for tag in event.tags
            if tag[:1] == ("e",) and len(tag) > 1 and not skipped.intersection(tag[3:4])
        ]
        if event.kind == CHANNEL_MESSAGE:
            answers = [tag for tag in answers if "reply" in tag[3:4]]
        if answers:
            return Answered(answers[-1][1], answers[-1][1], _author(answers[-1], 4))
    return None


def members_of(rumor: Event, me: str) -> list[str]:
    """Return who is in the private room of a rumor, us among them, in one order."""
    named = [one for one in people(rumor) if is_pubkey(one)]
    return sorted({rumor.pubkey, me, *named})


def private_chat(members: list[str], me: str) -> Chat:
    """Return the chat of those people."""
    others = [one for one in members if one != me] or [me]
    if len(others) == 1:
        return Chat("dm", others[0])
    return Chat("room", room(members).partition(":")[2])


def chat_of(event: Event, me: str, relay: str) -> Chat | None:
    """Return where an event was written; None: nowhere that we know."""
    if event.kind == NIP04:
        return Chat("dm", event.pubkey)
    if event.kind in PRIVATE_KINDS:
        return private_chat(members_of(event, me), me)
    if event.kind == NOTE:
        answered = thread_of(event)
        return Chat("note", event.id if answered is None else answered.root)
    if event.kind == COMMENT:
        found = comment_on(event)
        return Chat("comment", found[0]) if found else None
    if event.kind == CHANNEL_MESSAGE:
        roots = [tag for tag in event.tags if tag[:1] == ("e",) and "root" in tag[3:4]]
        root = roots[0][1] if roots else event.value("e")
        return Chat("chan", root) if is_hex(root) and root else None
    group = event.value("h")
    return Chat("group", group, relay) if group else None


def names_in(text: str) -> Iterator[str]:
    """Yield the public keys that a text names."""
    for match in _REFERENCE.finditer(text):
        named = read_bech32(match[1])
        if named is not None and named.kind == "pubkey":
            yield named.hex


def readable(text: str, name: Callable[[str], str]) -> str:
    """Return a text with names in place of public keys (NIP-27)."""

    def replaced(match: re.Match[str]) -> str:
        named = read_bech32(match[1])
        if named is None or named.kind != "pubkey":
            return match[0]
        return f"@{name(named.hex)}"

    return _REFERENCE.sub(replaced, text) if "1" in text else text


def short_name(pubkey: str) -> str:
    """Return how somebody without a name is shown."""
    npub = npub_of(pubkey) if is_pubkey(pubkey) else pubkey
    return f"{npub[:9]}…{npub[-4:]}"


def has_secret(text: str) -> bool:
    """Tell whether a text has somebody's secret key in it."""
    return _SECRET.search(text) is not None
