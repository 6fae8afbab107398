"""Writers of markup, and escapes for what is none: what `Flat.write` takes."""

from __future__ import annotations

import re
from collections.abc import Callable

from cobot.text.marks import Writer

_MAIL = "mailto:"

_UNSAFE_IN_LINK = str.maketrans(
    {character: f"%{ord(character):02X}" for character in ' ()<>\\"\n\t|[]`*'}
)

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s<>]+")


def between(opening: str, closing: str | None = None) -> Writer:
    """Return a writer that puts signs around text, as in `**bold**`.

    White space at the ends stays outside: with it inside, no Markdown takes the signs for
    what they are.

    Args:
        opening: What comes before.
        closing: What comes after; None: the same.
    """
    closing = opening if closing is None else closing

    def write(inner: str, _: str) -> str:
        core = inner.strip()
        if not core:
            return inner
        start = inner.index(core)
        return inner[:start] + opening + core + closing + inner[start + len(core) :]

    return write


def before_lines(prefix: str) -> Writer:
    """Return a writer that begins each line with a prefix, as in `> quote`."""

    def write(inner: str, _: str) -> str:
        return prefix + inner.replace("\n", "\n" + prefix)

    return write


def backticks(inner: str, _: str) -> str:
    """Write `code` as Markdown does, between as many backticks as it takes."""
    ticks = "`" * (_longest_run(inner) + 1) if "`" in inner else "`"
    # Markdown takes one space off each end, where there is one at both.
    pad = " " if inner[:1] == "`" or inner[-1:] == "`" else ""
    if inner[:1] == inner[-1:] == " " and inner.strip():
        pad = " "
    return ticks + pad + inner + pad + ticks


def fenced(inner: str, language: str) -> str:
    """Write `pre` as Markdown does, between fences of as many backticks as it takes."""
    ticks = "`" * max(_longest_run(inner) + 1, 3)
    return f"{ticks}{language}\n{inner}\n{ticks}"


def _longest_run(text: str) -> int:
    longest = run = 0
    for character in text:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    return longest


def inline_link(inner: str, address: str) -> str:
    """Write `link` as Markdown does: `[text](address)`, or the address if that is all."""
    if _is_address(inner, address):
        return inner
    return f"[{inner}]({address.translate(_UNSAFE_IN_LINK)})"


def text_and_address(inner: str, address: str) -> str:
    """Write `link` for people to read: `text (address)`, or the address if that is all."""
    if _is_address(inner, address):
        return inner
    return f"{inner} ({address.removeprefix(_MAIL)})"


def _is_address(inner: str, address: str) -> bool:
    return inner in (address, address.removeprefix(_MAIL))


def backslashed(characters: str) -> Callable[[str], str]:
    """Return an escape that puts a backslash before each of some characters."""
    table = str.maketrans({character: "\\" + character for character in characters})
    return lambda text: text.translate(table)


def sparing_addresses(escape: Callable[[str], str]) -> Callable[[str], str]:
    """Return an escape that leaves addresses as they are.

    Where a network makes a link of an address in a text, it would take a backslash in it for
    a part of it.
    """

    def sparing(text: str) -> str:
        if "://" not in text:
            return escape(text)
        pieces = []
        at = 0
        for found in _ADDRESS.finditer(text):
            pieces += [escape(text[at : found.start()]), found.group()]
            at = found.end()
        return "".join([*pieces, escape(text[at:])])

    return sparing
