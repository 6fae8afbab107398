"""What a message says, in words: text, caption, and what is no file and no text. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

Wire: TypeAlias = Mapping[str, Any]
"""An object of the Bot API, as JSON has it."""


def words_of(message: Wire) -> str:
    """Return what a message with no `text` says; empty for files without a caption."""
    if "rich_message" in message:
        return rich_text(message["rich_message"])
    caption = message.get("caption")
    if caption:
        return str(caption)
    # The specific one first: a venue brings its location along for old clients.
    for kind, describe in _DESCRIBE.items():
        if kind in message:
            return describe(message[kind])
    return ""


def rich_text(rich: Wire) -> str:
    """Return a rich message as plain text, its blocks a blank line apart."""
    return "\n\n".join(filter(None, map(_block, rich["blocks"])))


def blocks_in(rich: Wire) -> Iterator[Wire]:
    """Yield all blocks of a rich message, those in other blocks too."""
    for block in rich["blocks"]:
        yield block
        yield from blocks_in({"blocks": block.get("blocks") or ()})
        for item in block.get("items") or ():
            yield from blocks_in(item)


def _block(block: Wire) -> str:
    # By what a block holds and not by its type, so that new ones are read too.
    if block.get("type") == "thinking":
        return ""
    pieces = [_inline(block.get("summary")), _inline(block.get("text"))]
    pieces.append(str(block.get("expression") or ""))
    pieces += map(_block, block.get("blocks") or ())
    pieces += map(_item, block.get("items") or ())
    pieces += map(_row, block.get("cells") or ())
    caption = block.get("caption")
    if isinstance(caption, Mapping) and "credit" in caption:
        pieces += [_inline(caption.get("text")), _inline(caption["credit"])]
    else:
        pieces.append(_inline(caption))
    pieces.append(_inline(block.get("credit")))
    return "\n".join(filter(None, pieces))


def _item(item: Wire) -> str:
    label = str(item.get("label") or "•")
    if item.get("has_checkbox"):
        label = "[x]" if item.get("is_checked") else "[ ]"
    words = "\n".join(filter(None, map(_block, item.get("blocks") or ())))
    return f"{label} {words}"


def _row(row: list[Wire]) -> str:
    return " | ".join(_inline(cell.get("text")) for cell in row)


def _inline(text: Any) -> str:
    if text is None:
        return ""
    if isinstance(text, str):
        return text
    if isinstance(text, list):
        return "".join(map(_inline, text))
    for name in ("text", "expression", "alternative_text", "button"):
        if name in text:
            return _inline(text[name])
    return ""


def _location(location: Wire) -> str:
    return f"location: {location['latitude']}, {location['longitude']}"


def _venue(venue: Wire) -> str:
    place = venue["location"]
    where = f"{place['latitude']}, {place['longitude']}"
    return f"venue: {venue['title']}, {venue['address']} ({where})"


def _contact(contact: Wire) -> str:
    name = f"{contact['first_name']} {contact.get('last_name') or ''}".strip()
    return f"contact: {name}, {contact['phone_number']}"


def _poll(poll: Wire) -> str:
    options = [f"- {option['text']}" for option in poll["options"]]
    return "\n".join([f"poll: {poll['question']}", *options])


def _checklist(checklist: Wire) -> str:
    tasks = [
        f"[{'x' if task.get('completion_date') else ' '}] {task['text']}"
        for task in checklist["tasks"]
    ]
    return "\n".join([f"checklist: {checklist['title']}", *tasks])


def _dice(dice: Wire) -> str:
    return f"{dice['emoji']} {dice['value']}"


def _sticker(sticker: Wire) -> str:
    return str(sticker.get("emoji") or "")


def _game(game: Wire) -> str:
    return f"game: {game['title']}"


def _story(_story: Wire) -> str:
    return "story"


_DESCRIBE: Mapping[str, Callable[[Wire], str]] = {
    "sticker": _sticker,
    "venue": _venue,
    "location": _location,
    "contact": _contact,
    "poll": _poll,
    "checklist": _checklist,
    "dice": _dice,
    "game": _game,
    "story": _story,
}

WORDS = frozenset({"text", "rich_message", *_DESCRIBE})
"""Fields that make a message something that somebody says, besides those of files."""
