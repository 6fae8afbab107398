"""What the network does to a text before it takes it: cleaning, trimming, entities."""

from __future__ import annotations

import re
from typing import Any

from networks.telegram.chats import Wire
from networks.telegram.errors import bad_request

RAW_BYTES = 32 * 1024
"""More is refused before it is parsed."""
KEPT_BYTES = 35_000
"""What is longer is cut, silently."""
MAX_ENTITIES = 100
"""More are dropped, silently."""

ENTITY_TYPES = {
    "bold",
    "italic",
    "underline",
    "strikethrough",
    "spoiler",
    "blockquote",
    "expandable_blockquote",
    "code",
    "pre",
    "text_link",
    "text_mention",
    "custom_emoji",
    "date_time",
}
"""Those that a sender sets. The others the network finds by itself."""

FOUND_TYPES = (
    ("url", r"(?:https?|ftp|tg)://[^\s<>\"']+[^\s<>\"'.,:;!?)\]]"),
    ("email", r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[a-zA-Z]{2,}"),
    ("mention", r"(?<![\w@])@[a-zA-Z]\w{2,31}\b"),
    ("bot_command", r"(?<![\w/])/[a-zA-Z0-9_]{1,64}(?:@\w{3,32})?\b(?!/)"),
    ("hashtag", r"(?<![\w#])#\w*[^\W\d]\w*"),
    ("cashtag", r"(?<![\w$])\$[A-Z]{1,8}\b"),
    ("url", r"(?<![\w@.])(?:[a-zA-Z0-9-]+\.)+(?:com|net|org|io|dev|ru|de)\b(?:/[^\s<>\"']*)?"),
)

_FOUND = re.compile("|".join(f"(?P<f{i}>{regex})" for i, (_, regex) in enumerate(FOUND_TYPES)))
_MAY_FIND = re.compile(r"[@#/$.]")

# Control characters become spaces; carriage returns, marks of writing direction and three
# combining lines go. Line feeds stay.
_SPACES = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f]")
_GONE = re.compile("[\r\u2028-\u202e\u0333\u033f\u030a]")
_UNCLEAN = re.compile("[\x00-\x09\x0b-\x1f\u2028-\u202e\u0333\u033f\u030a]")


def units(text: str) -> int:
    """Return a text's length in UTF-16 code units, in which entities are measured."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, offset: int, length: int) -> str:
    """Return the part of a text that an entity covers."""
    raw = text.encode("utf-16-le")
    return raw[2 * offset : 2 * (offset + length)].decode("utf-16-le")


def check_raw(text: str) -> None:
    """Refuse what is refused before it is parsed."""
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raise bad_request("strings must be encoded in UTF-8") from None
    if len(raw) > RAW_BYTES:
        raise bad_request("text is too long")


def entities_of(value: Any) -> list[Wire]:
    """Read the parameter `entities`; what is no list counts as none.

    Raises:
        ApiError: An entity lacks a field.
    """
    entities = []
    for item in value if isinstance(value, list) else ():
        if not isinstance(item, dict):
            raise bad_request("can't parse MessageEntity: expected an Object")
        for name in ("offset", "length", "type"):
            if name not in item:
                raise bad_request(f"can't parse MessageEntity: can't find field \"{name}\"")
        if item["type"] in ENTITY_TYPES:
            entities.append(
                {**item, "offset": int(item["offset"]), "length": int(item["length"])}
            )
    return entities


def fix(text: str, entities: list[Wire], *, may_be_empty: bool) -> tuple[str, list[Wire]]:
    """Return a text and its entities as they are stored and shown.

    Args:
        text: As it was sent.
        entities: In UTF-16 code units of it.
        may_be_empty: Whether a text of which nothing is left is accepted.

    Raises:
        ApiError: Nothing is left, or an entity does not fit.
    """
    check_raw(text)
    if entities:
        _check_borders(text, entities)
    if entities or _UNCLEAN.search(text):
        text, entities = _clean(text, entities)
    text, entities = _trim(text, entities)
    if not text and not may_be_empty:
        raise bad_request("text must be non-empty")
    if len(text) * 4 > KEPT_BYTES:
        text = text.encode()[:KEPT_BYTES].decode(errors="ignore")
        entities = [one for one in entities if one["offset"] + one["length"] <= units(text)]
    entities = sorted(
        (*entities, *find(text, entities)), key=lambda one: (one["offset"], -one["length"])
    )
    return text, entities[:MAX_ENTITIES]


def find(text: str, given: list[Wire] | None = None) -> list[Wire]:
    """Return the entities that the network finds by itself: links, mentions, commands ...

    Args:
        text: What is searched.
        given: Entities into which none of them reaches.
    """
    if not _MAY_FIND.search(text):
        return []
    closed = [
        (one["offset"], one["offset"] + one["length"])
        for one in given or ()
        if one["type"] in ("code", "pre", "text_link", "text_mention", "custom_emoji")
    ]
    found = []
    for match in _FOUND.finditer(text):
        offset = units(text[: match.start()])
        end = offset + units(match[0])
        if all(end <= start or stop <= offset for start, stop in closed):
            kind = FOUND_TYPES[int((match.lastgroup or "f0")[1:])][0]
            found.append({"type": kind, "offset": offset, "length": end - offset})
    return found


def _check_borders(text: str, entities: list[Wire]) -> None:
    borders: dict[int, int] = {}  # UTF-16 offset -> byte offset
    offset = size = 0
    for character in text:
        borders[offset] = size
        offset += 2 if character > "\uffff" else 1
        size += len(character.encode())
    borders[offset] = size
    for entity in entities:
        start, length = entity["offset"], entity["length"]
        if start < 0 or start > 1_000_000:
            raise bad_request(f"receive an entity with incorrect offset {start}")
        if length < 0 or length > 1_000_000:
            raise bad_request(f"receive an entity with incorrect length {length}")
        if start > offset:
            raise bad_request(
                f"entity begins after the end of the text at UTF-16 offset {start}"
            )
        if start + length > offset:
            raise bad_request(
                f"entity beginning at UTF-16 offset {start} ends after the end of the text at "
                f"UTF-16 offset {start + length}"
            )
        if start not in borders:
            raise bad_request(
                "entity begins in a middle of a UTF-16 symbol at byte offset "
                f"{borders[start + 1]}"
            )
        if start + length not in borders:
            raise bad_request(
                f"entity beginning at UTF-16 offset {start} ends in a middle of a UTF-16 "
                f"symbol at byte offset {borders[start + length + 1]}"
            )


def _clean(text: str, entities: list[Wire]) -> tuple[str, list[Wire]]:
    gone = [units(text[: match.start()]) for match in _GONE.finditer(text)]

    def moved(offset: int) -> int:
        return offset - sum(1 for place in gone if place < offset)

    if gone:
        entities = [
            {
                **one,
                "offset": moved(one["offset"]),
                "length": moved(one["offset"] + one["length"]) - moved(one["offset"]),
            }
            for one in entities
        ]
    text = _SPACES.sub(" ", _GONE.sub("", text))
    return text, [one for one in entities if one["length"] > 0]


def _trim(text: str, entities: list[Wire]) -> tuple[str, list[Wire]]:
    """Trim the end, and the beginning up to the first entity."""
    text = text.rstrip(" \n")
    if not entities:
        return text.lstrip(" \n"), []
    end = units(text)
    kept = [
        {**one, "length": min(one["length"], end - one["offset"])}
        for one in entities
        if one["offset"] < end
    ]
    first = min((one["offset"] for one in kept), default=end)
    leading = min(len(text) - len(text.lstrip(" \n")), first)
    return text[leading:], [{**one, "offset": one["offset"] - leading} for one in kept]
