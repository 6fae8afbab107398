"""A document in Discord's Markdown. Pure.

What is told of it: https://support.discord.com/hc/articles/210298617. It has no tables, no
pictures and no quotes in quotes, and a backslash before any sign makes it plain.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from cobot.text import (
    Document,
    Kind,
    Rendered,
    Writer,
    backslashed,
    backticks,
    before_lines,
    between,
    flatten,
    inline_link,
    sparing_addresses,
    text_and_address,
)

DEEPEST_HEADING = 3
"""Deeper ones are bold."""

_NOT_IN: Mapping[Kind, tuple[Kind, ...]] = {"quote": ("quote",), "bold": ("heading",)}

_BREAK = "\u200b"
"""Shown as nothing: keeps apart what would end a block of code."""

_LINKED = re.compile(r"https?://\S+", re.ASCII | re.IGNORECASE)
"""Addresses that can be behind a text."""

_BOLD = between("**")
_LANGUAGE = re.compile(r"[A-Za-z0-9_+\-.#]+")

_MEANT = re.compile(r"(<a?:\w{2,32}:\d+>|</[^:<>\n]+:\d+>)")
"""A server's own emoji, and commands: there may be signs in their names."""

_SIGNS = backslashed("\\*_~`|")
_AT_LINE = re.compile(r"^(\s*)(>|#{1,3}(?=\s)|-#?(?=\s)|\d+(?=\.\s))", re.MULTILINE)
_IN_BRACKETS = re.compile(r"\[(?=[^\]\n]*\]\()")


def render(document: Document) -> Rendered:
    """Return a document as text with signs that say how it looks."""
    text = document.bare_text
    if text is not None:
        return Rendered(escape(text))
    flat = flatten(document, bullets=("-",)).drop(_NOT_IN)
    return Rendered(flat.write(_WRITERS, escape))


def _plain(text: str) -> str:
    pieces = _MEANT.split(text) if "<" in text else [text]
    pieces[::2] = map(_SIGNS, pieces[::2])
    text = _IN_BRACKETS.sub(r"\\[", "".join(pieces))
    return _AT_LINE.sub(_line, text)


def _line(match: re.Match[str]) -> str:
    space, sign = match.groups()
    return f"{space}{sign}\\" if sign.isdecimal() else f"{space}\\{sign}"


escape = sparing_addresses(_plain)
"""Makes of a text what Discord shows as that very text, addresses as links."""


def _heading(inner: str, level: str) -> str:
    if int(level) > DEEPEST_HEADING:
        return _BOLD(inner, "")
    return f"{'#' * int(level)} {inner}"


def _pre(inner: str, language: str) -> str:
    # A block of code ends with the first three backticks, however many began it.
    inner = re.sub(r"`(?=``)", f"`{_BREAK}", inner)
    if inner.endswith("`"):
        inner += _BREAK
    language = language if _LANGUAGE.fullmatch(language) else ""
    return f"```{language}\n{inner}\n```"


def _link(inner: str, address: str) -> str:
    written = inline_link if _LINKED.fullmatch(address) else text_and_address
    return written(inner, address)


_WRITERS: Mapping[Kind, Writer] = {
    "bold": _BOLD,
    "italic": between("*"),
    "strike": between("~~"),
    "code": backticks,
    "pre": _pre,
    "heading": _heading,
    "link": _link,
    "quote": before_lines("> "),
}
