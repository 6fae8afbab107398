"""Text on the network: escaped, with mentions, links and emoji in a form of their own."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from networks.slack.emoji import with_names, without_names

_URL = re.compile(r"https?://[^\s<>|]*[^\s<>|.,;:!?'\")\]]")
_TOKEN = re.compile(r"<([^<>\n]+)>")
_IS_TOKEN = re.compile(
    r"@[UW][A-Z0-9]+|#C[A-Z0-9]+|![a-z]+(\^.*)?|(https?://|mailto:|tel:)\S+", re.DOTALL
)
_ENTITY = re.compile(r"&(?!(?:amp|lt|gt);)")


def escape(text: str) -> str:
    """Return plain text as the network writes it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    """Return what escaped text says."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _with_links(escaped: str) -> str:
    return _URL.sub(lambda match: f"<{match[0]}>", escaped)


def written(text: str, mentioned: Callable[[str], str | None]) -> str:
    """Return what a person typed, as the network writes it.

    Args:
        text: As it was typed.
        mentioned: Returns the token of a word such as `@Ann` or `#lab`; None: it is a word.
    """

    def token(match: re.Match[str]) -> str:
        return mentioned(match[0]) or match[0]

    return with_names(re.sub(r"(?<![\w<&])[@#][\w.-]*\w", token, _with_links(escape(text))))


def posted(text: str) -> str:
    """Return the text of a call, as the network stores it.

    Tokens stay; what is no token is escaped; bare addresses become links.
    """
    out, at = [], 0
    for match in _TOKEN.finditer(text):
        if not _IS_TOKEN.fullmatch(match[1].partition("|")[0]):
            continue
        out += [_plain(text[at : match.start()]), match[0]]
        at = match.end()
    return "".join([*out, _plain(text[at:])])


def _plain(part: str) -> str:
    part = _ENTITY.sub("&amp;", part).replace("<", "&lt;").replace(">", "&gt;")
    return with_names(_with_links(part))


def shown(text: str) -> str:
    """Return stored text as people read it: labels for links, emoji for names."""

    def label(match: re.Match[str]) -> str:
        target, bar, words = match[1].partition("|")
        if bar and words:
            return words
        return f"@{target[1:]}" if target.startswith("!") else target

    return without_names(unescape(_TOKEN.sub(label, text)))


def elements(text: str) -> list[dict[str, Any]]:
    """Return stored text as the elements of a section of rich text."""
    found: list[dict[str, Any]] = []
    at = 0
    for match in _TOKEN.finditer(text):
        if match.start() > at:
            found.append({"type": "text", "text": shown(text[at : match.start()])})
        found.append(_element(match[1]))
        at = match.end()
    if text[at:]:
        found.append({"type": "text", "text": shown(text[at:])})
    return found


def _element(token: str) -> dict[str, Any]:
    target, _, label = token.partition("|")
    if target.startswith("@"):
        return {"type": "user", "user_id": target[1:]}
    if target.startswith("#"):
        return {"type": "channel", "channel_id": target[1:]}
    if target.startswith("!"):
        return {"type": "broadcast", "range": target[1:].partition("^")[0]}
    return {"type": "link", "url": unescape(target)} | ({"text": label} if label else {})


def rich_text(text: str, block_id: str) -> list[dict[str, Any]]:
    """Return the block that the network makes of a text."""
    if not text:
        return []
    section = {"type": "rich_text_section", "elements": elements(text)}
    return [{"type": "rich_text", "block_id": block_id, "elements": [section]}]
