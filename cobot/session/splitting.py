"""Cutting plain text into parts that a network takes, without losing a character."""

from __future__ import annotations

import re

from cobot.limits import Unit, measure

_BREAKS = (re.compile(r"\n\s*\n"), re.compile(r"\n"), re.compile(r"\s+"))
"""Where a text is cut, best first: between paragraphs, lines, words. A word longer than a
whole part is cut anywhere."""


def split(text: str, limit: int | None, unit: Unit) -> list[str]:
    """Return the parts of a text, each within a limit; joined they are the text.

    Parts of nothing but white space are left out: no network takes them. A character that
    is longer than the limit is a part of its own.

    Args:
        text: The text.
        limit: The longest part; None: no limit.
        unit: How it is counted.
    """
    if limit is None or measure(text, unit) <= limit:
        return [text]
    parts = []
    start = 0
    while start < len(text):
        end = _end(text, start, limit, unit)
        parts.append(text[start:end])
        start = end
    return [part for part in parts if part.strip()] or [text[:1]]


def split_off(text: str, limit: int | None, unit: Unit) -> tuple[str, str]:
    """Return what of a text fits in one part, and the rest; joined they are the text.

    The first may be empty, where not even one character fits.

    Args:
        text: The text.
        limit: The longest first part; None: no limit.
        unit: How it is counted.
    """
    if limit is None or measure(text, unit) <= limit:
        return text, ""
    end = _end(text, 0, limit, unit)
    if measure(text[:end], unit) > limit:
        return "", text
    return text[:end], text[end:]


def _end(text: str, start: int, limit: int, unit: Unit) -> int:
    """Return where the part that begins at `start` ends."""
    end = start + _fitting(text[start : start + max(limit, 1)], limit, unit)
    return end if end == len(text) else _cut(text, start, end)


def _fitting(window: str, limit: int, unit: Unit) -> int:
    """Return how many characters from the start are within the limit; at least one.

    Args:
        window: As many characters as could fit at most: each is one unit at least.
        limit: The longest part.
        unit: How it is counted.
    """
    if measure(window, unit) <= limit:
        return len(window)
    # A character is four units at most.
    low, high = max(limit // 4, 1), len(window) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if measure(window[:middle], unit) <= limit:
            low = middle
        else:
            high = middle - 1
    return low


def _cut(text: str, start: int, end: int) -> int:
    """Return where to cut: after the last good break in the second half of what fits."""
    for pattern in _BREAKS:
        breaks = pattern.finditer(text, start + (end - start) // 2, end)
        ends = [found.end() for found in breaks]
        if ends:
            return ends[-1]
    return end
