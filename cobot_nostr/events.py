"""Events as they are on the network: their shape, kinds, filters. Pure.

Everything that comes from a relay is a stranger's until it has been through `read_event` and
its signature has been verified. The shape comes first: what is not exactly as NIP-01 writes it
is refused before any library sees it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import attrs

PROFILE: Final = 0
NOTE: Final = 1
NIP04: Final = 4
DELETION: Final = 5
REACTION: Final = 7
CHAT: Final = 9
OLD_CHAT: Final = 12
SEAL: Final = 13
DIRECT: Final = 14
FILE: Final = 15
CHANNEL_MESSAGE: Final = 42
EDIT: Final = 1010
GIFT_WRAP: Final = 1059
COMMENT: Final = 1111
RELAY_LIST: Final = 10002
INBOX_LIST: Final = 10050
AUTH: Final = 22242
BLOSSOM: Final = 24242
STATUS: Final = 30315
GROUP: Final = 39000

EVENT_BYTES: Final = 256 * 1024
"""The largest event that is looked at; relays take 64 to 128 KiB."""

MOST_TAGS: Final = 5000
LATEST: Final = 2**53
FUTURE_S: Final = 600
"""How far ahead of our clock an event may be dated, in seconds."""

_HEX32 = re.compile(r"[0-9a-f]{64}")
_HEX64 = re.compile(r"[0-9a-f]{128}")

Tag: TypeAlias = tuple[str, ...]
Filter: TypeAlias = Mapping[str, Any]


class Refused(ValueError):
    """Something that came from a relay is not what it says it is. `reason` is counted."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@attrs.frozen(kw_only=True)
class Event:
    """An event; a rumor if `sig` is empty."""

    id: str
    """SHA-256 of what it says, in hex."""
    pubkey: str
    """Who made it, in hex."""
    created_at: int
    """When, as its author says: Unix seconds."""
    kind: int
    tags: tuple[Tag, ...] = ()
    content: str = ""
    sig: str = ""
    """Signature of `id`, in hex."""

    @property
    def json(self) -> dict[str, Any]:
        """The event as it goes over the wire."""
        made: dict[str, Any] = {
            "id": self.id,
            "pubkey": self.pubkey,
            "created_at": self.created_at,
            "kind": self.kind,
            "tags": [list(tag) for tag in self.tags],
            "content": self.content,
        }
        return made | {"sig": self.sig} if self.sig else made

    def values(self, name: str) -> Iterator[str]:
        """Yield the first value of each tag of a name."""
        for tag in self.tags:
            if len(tag) > 1 and tag[0] == name:
                yield tag[1]

    def value(self, name: str) -> str | None:
        """Return the first value of the first tag of a name."""
        return next(self.values(name), None)

    def last(self, name: str) -> str | None:
        """Return the first value of the last tag of a name."""
        values = [*self.values(name)]
        return values[-1] if values else None


@attrs.frozen(kw_only=True)
class Draft:
    """What is going to be an event."""

    kind: int
    tags: tuple[Tag, ...] = ()
    content: str = ""


def is_hex(value: object) -> bool:
    """Tell whether a value is 32 bytes in lower-case hex: an id or a public key."""
    return isinstance(value, str) and _HEX32.fullmatch(value) is not None


def read_json(text: str | bytes) -> Any:
    """Return a JSON value, strictly.

    Raises:
        Refused: It is none, is nested too deeply, or has one key twice.
    """
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except RecursionError:
        raise Refused("deep") from None
    except ValueError as error:
        raise error if isinstance(error, Refused) else Refused("json") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise Refused("keys")
    return made


def _no_constant(_name: str) -> Any:
    raise Refused("json")


def dumps(value: object) -> str:
    """Return JSON as ids are made of: no spaces, no escapes that can be left out."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def read_event(value: object) -> Event:
    """Return an event from its JSON. Its id and signature are not verified by this.

    Raises:
        Refused: It has not the shape of one.
    """
    event = _read(value)
    if not event.id or not _HEX64.fullmatch(event.sig):
        raise Refused("shape")
    return event


def read_rumor(value: object) -> Event:
    """Return an event without a signature; its `id` is empty where it has none.

    Raises:
        Refused: It has not the shape of one.
    """
    return attrs.evolve(_read(value), sig="")


def _read(value: object) -> Event:
    if not isinstance(value, dict):
        raise Refused("shape")
    get = value.get
    id_, sig, content = get("id", ""), get("sig", ""), get("content")
    tags: Any = get("tags")
    kind, created_at = get("kind"), get("created_at")
    if not (
        (id_ == "" or is_hex(id_))
        and isinstance(sig, str)
        and is_hex(get("pubkey"))
        # Not isinstance: True is an int to it.
        and type(kind) is int
        and 0 <= kind < 2**16
        and type(created_at) is int
        and 0 <= created_at < LATEST
        and isinstance(content, str)
        and _are_tags(tags)
    ):
        raise Refused("shape")
    _measure(content, tags)
    return Event(
        id=id_,
        pubkey=value["pubkey"],
        created_at=created_at,
        kind=kind,
        tags=tuple(map(tuple, tags)),
        content=content,
        sig=sig,
    )


def _are_tags(tags: object) -> bool:
    return (
        isinstance(tags, list)
        and len(tags) <= MOST_TAGS
        # No library takes a tag without a name.
        and all(
            isinstance(tag, list) and tag and all(isinstance(part, str) for part in tag)
            for tag in tags
        )
    )


def _measure(content: str, tags: list[list[str]]) -> None:
    size = 0
    try:
        size += len(content.encode())
        for tag in tags:
            size += sum(len(part.encode()) + 3 for part in tag)
    except UnicodeEncodeError:  # half of a surrogate pair
        raise Refused("unicode") from None
    if size > EVENT_BYTES:
        raise Refused("size")


def matches(event: Event, filters: Iterable[Filter]) -> bool:
    """Tell whether an event is one that was asked for; times and counts apart."""
    return any(_matches(event, one) for one in filters)


def _matches(event: Event, wanted: Filter) -> bool:
    if "ids" in wanted and event.id not in wanted["ids"]:
        return False
    if "kinds" in wanted and event.kind not in wanted["kinds"]:
        return False
    if "authors" in wanted and event.pubkey not in wanted["authors"]:
        return False
    return all(
        any(value in wanted[key] for value in event.values(key[1:]))
        for key in wanted
        if key.startswith("#")
    )


def expires_at(event: Event) -> int | None:
    """Return when an event is no longer meant to be seen (NIP-40), in Unix seconds."""
    value = event.value("expiration") or ""
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 16 else None


def newest(events: Iterable[Event], now_s: float) -> Event | None:
    """Return the version of a replaceable event that counts; one from the future never does."""
    valid = [one for one in events if one.created_at <= now_s + FUTURE_S]
    # Of two in one second the lower id wins (NIP-01).
    return min(valid, key=lambda one: (-one.created_at, one.id), default=None)


def tagged(name: str, values: Sequence[str]) -> tuple[Tag, ...]:
    """Return a tag of a name for each value."""
    return tuple((name, value) for value in values)
