"""A document in Slack's mrkdwn. Pure.

https://docs.slack.dev/messaging/formatting-message-text. It has no headings, no tables, no
quotes in quotes, and no sign that makes another one plain.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from cobot import OutgoingMessage
from cobot.text import Document, Kind, Rendered, Writer, before_lines, between, flatten

_NOT_IN: Mapping[Kind, tuple[Kind, ...]] = {"quote": ("quote",), "bold": ("heading",)}

BREAK = "\u200b"
"""Shown as nothing: keeps apart what would be taken for a sign."""

_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_ADDRESS = re.compile(r"(https?://[^\s<>]+)", re.IGNORECASE)
_LINKED = re.compile(r"(https?://|mailto:|tel:)[^\s|]+", re.ASCII | re.IGNORECASE)
_SIGNS = re.compile(r"(?<![^\W_])[*_~`](?=\S)")
"""Signs that can begin something: those inside of a word do not."""
_QUOTED = re.compile(r"^(\s*)(?=>)", re.MULTILINE)
_BOLD = between("*")


def render(document: Document) -> Rendered:
    """Return a document as text with signs that say how it looks."""
    text = document.bare_text
    if text is not None:
        return Rendered(escape(text))
    return Rendered(flatten(document).drop(_NOT_IN).write(_WRITERS, escape))


def escape(text: str) -> str:
    """Return what Slack shows as that very text, addresses as links; nobody is mentioned."""
    if "://" not in text:
        return _plain(text)
    pieces = _ADDRESS.split(text)
    pieces[::2] = map(_plain, pieces[::2])
    pieces[1::2] = map(_entities, pieces[1::2])
    return "".join(pieces)


def text_of(message: OutgoingMessage) -> str:
    """Return the text of a message as it is sent; what nobody rendered is plain."""
    if message.rendered is None:
        return escape(message.content)
    return Rendered.of(message).text


def _plain(text: str) -> str:
    text = _SIGNS.sub(rf"\g<0>{BREAK}", text)
    if ">" in text:
        text = _QUOTED.sub(rf"\1{BREAK}", text)
    return _entities(text)


def _entities(text: str) -> str:
    return text.translate(_ENTITIES)


def _code(inner: str, _: str) -> str:
    if "`" in inner or not inner.strip():
        return escape(inner)  # nothing can be code that has the sign for code in it
    return f"`{_entities(inner)}`"


def _pre(inner: str, _: str) -> str:
    # A block of code ends with the first three backticks.
    inner = re.sub(r"`(?=``)", f"`{BREAK}", inner)
    if inner.endswith("`"):
        inner += BREAK
    return f"```\n{_entities(inner)}\n```"


def _link(inner: str, address: str) -> str:
    if inner in (_entities(address), _entities(address.removeprefix("mailto:"))):
        return inner
    if not _LINKED.fullmatch(address):
        return f"{inner} ({escape(address.removeprefix('mailto:'))})"
    label = inner.replace("|", "\u2502").replace("\n", " ")
    return f"<{_entities(address)}|{label}>"


def _heading(inner: str, _: str) -> str:
    return _BOLD(inner, "")


_WRITERS: Mapping[Kind, Writer] = {
    "bold": _BOLD,
    "italic": between("_"),
    "strike": between("~"),
    "code": _code,
    "pre": _pre,
    "heading": _heading,
    "link": _link,
    "quote": before_lines(">"),
}
