"""Printing what strangers wrote: nothing in it may command the terminal, or hold a secret."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from datetime import datetime

from cobot.messages import Json
from cobot.ops.orders import with_texts

COMMANDING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's categories of characters that are obeyed, not shown: escape sequences, and what
turns the direction of a line or breaks it."""

JOINERS = "\u200c\u200d"
"""Two of them belong to ordinary words and emoji, and do nothing else."""

TIME_CHARS = 19
"""How long a time is as `moment` writes it."""


def printable(text: str) -> str:
    """Return a text on one line, with `\\n` and the like in place of what commands."""
    if text.isprintable():
        return text
    return "".join(
        ascii(one)[1:-1]
        if unicodedata.category(one) in COMMANDING and one not in JOINERS
        else one
        for one in text
    )


def paragraph(text: str, indent: str) -> str:
    """Return a text printable, each of its lines but the first indented."""
    return f"\n{indent}".join(printable(line) for line in text.split("\n"))


def as_json(value: Json, redact: Callable[[str], str]) -> str:
    """Return JSON for a program, its texts without secrets."""
    # ASCII, so that it is harmless on a terminal too; JSON itself leaves DEL as it is.
    return json.dumps(with_texts(value, redact), indent=2).replace("\x7f", "\\u007f")


def moment(when: datetime | None) -> str:
    """Return a time as people read it, in the zone of this machine."""
    return "" if when is None else when.astimezone().strftime("%Y-%m-%d %H:%M:%S")
