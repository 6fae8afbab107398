"""A document as Telegram shows it: a text and entities, which say how ranges of it look. Pure.

Entities and not a markup: there is nothing to escape, and nothing that could be unbalanced.
core.telegram.org/bots/api#messageentity
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs

from cobot.text import Document, Flat, Kind, Mark, Rendered, flatten

MOST_ENTITIES = 100
"""What is more in one message is dropped without a word; seen by users, not documented."""

_TYPES: Mapping[Kind, str] = {
    "bold": "bold",
    "heading": "bold",
    "italic": "italic",
    "strike": "strikethrough",
    "code": "code",
    "pre": "pre",
    "quote": "blockquote",
    "link": "text_link",
}

# Code holds nothing and is in nothing but quotes, quotes are not in one another, and links
# hold no code: there the link is worth more.
_NOT_IN: Mapping[Kind, tuple[Kind, ...]] = {
    "quote": ("quote",),
    "code": ("link",),
    "bold": ("heading",),
}
_STYLES: tuple[Kind, ...] = ("heading", "bold", "italic", "strike")
_CODE: tuple[Kind, ...] = ("code", "pre")

_LINKED = re.compile(r"(?:https?|tg)://\S+", re.ASCII | re.IGNORECASE)
"""Addresses that can be behind a text. Others are dropped, and the address with them."""

_FOUND = re.compile(r"://|www\.|[@#]\w|(?<![\w/])/[a-z]|\$[A-Z]")
"""About what Telegram makes entities of by itself; they count, too."""


def render(document: Document) -> Rendered:
    """Return a document as text, with entities as marks."""
    flat = flatten(document)
    if not flat.marks:
        return Rendered(flat.text)
    flat = _spelled_out(flat).drop(_NOT_IN).cut(_STYLES, _CODE)
    entities = [_entity(mark) for mark in flat.marks_in("utf16") if mark.kind in _TYPES]
    if not entities:
        return Rendered(flat.text)
    count = len(entities) + sum(1 for _ in _FOUND.finditer(flat.text))
    return Rendered(flat.text, entities, load=count / MOST_ENTITIES)


def _entity(mark: Mark) -> dict[str, Any]:
    entity: dict[str, Any] = {
        "type": _TYPES[mark.kind],
        "offset": mark.start,
        "length": mark.end - mark.start,
    }
    if mark.value and mark.kind == "link":
        entity["url"] = mark.value
    elif mark.value and mark.kind == "pre":
        entity["language"] = mark.value
    return entity


def _spelled_out(flat: Flat) -> Flat:
    """Write the addresses of links into the text that cannot be behind it."""
    added: list[tuple[int, str]] = []
    marks: list[Mark] = []
    for mark in flat.marks:
        if mark.kind != "link" or _LINKED.fullmatch(mark.value):
            marks.append(mark)
            continue
        address = mark.value.removeprefix("mailto:")
        if flat.text[mark.start : mark.end] not in (address, mark.value):
            added.append((mark.end, f" ({address})"))
    if len(marks) == len(flat.marks):
        return flat
    added.sort(key=lambda one: one[0])
    pieces, at = [], 0
    for place, words in added:
        pieces += [flat.text[at:place], words]
        at = place
    pieces.append(flat.text[at:])
    moved = (
        attrs.evolve(
            mark,
            # What is added where a mark ends is not in it, and before one that begins there.
            start=mark.start + sum(len(words) for place, words in added if place <= mark.start),
            end=mark.end + sum(len(words) for place, words in added if place < mark.end),
        )
        for mark in marks
    )
    return Flat("".join(pieces), tuple(moved))
