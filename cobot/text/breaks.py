"""Where a text may be cut: between paragraphs, lines, words, and letters as people see them."""

from __future__ import annotations

import re
import unicodedata
from typing import TypeAlias

from cobot.limits import Unit, measure

Break: TypeAlias = tuple[int, int]
"""Where a part of a text ends, and where the next begins. Only white space is between."""

_EMPTY_LINE = re.compile(r"\n[^\S\n]*\n")

_NOT_CUT_AT = frozenset("\u00a0\u202f\u2007\u2060")
"""White space that is there to hold two words together."""

_CUT_AFTER = frozenset("\u3001\u3002\uff01\uff0c\uff1a\uff1b\uff1f")
"""Languages that write without spaces are cut after these."""

_ZERO_WIDTH_JOINER = "\u200d"


def split_off(text: str, limit: int | None, unit: Unit) -> tuple[str, str]:
    """Return what of a plain text fits in a limit, and the rest; joined they are the text.

    The first may be empty, where not even one character fits.

    Args:
        text: The text.
        limit: The longest first part; None: no limit.
        unit: How it is counted.
    """
    if limit is None or measure(text, unit) <= limit:
        return text, ""
    most = _fitting(text[:limit], limit, unit) if limit > 0 else 0
    if not most:
        return "", text
    found = find_break(text, 0, most // 2, most)
    end = min(found[1], most) if found else letters_end(text, 0, most)
    return text[:end], text[end:]


def find_break(text: str, start: int, least: int, most: int) -> Break | None:
    """Return the best place to cut within a range: an empty line, a line break, a space.

    Args:
        text: What is to be cut.
        start: Where the part begins.
        least: Its earliest end.
        most: Its latest.
    """
    empty_lines = [found.start() for found in _EMPTY_LINE.finditer(text, least, most + 2)]
    if empty_lines:
        return _whole_gap(text, start, empty_lines[-1])
    line_break = text.rfind("\n", least, most + 1)
    if line_break >= 0:
        return _whole_gap(text, start, line_break)
    for place in range(min(most, len(text) - 1), max(least - 1, start), -1):
        if text[place].isspace() and text[place] not in _NOT_CUT_AT:
            return _whole_gap(text, start, place)
        if text[place - 1] in _CUT_AFTER:
            return place, place
    return None


def _whole_gap(text: str, start: int, place: int) -> Break:
    """Return the ends of the white space around a place, but keep the next line's indent."""
    stop = place
    while stop > start and text[stop - 1].isspace():
        stop -= 1
    resume = stop
    after_line_break = None
    while resume < len(text) and text[resume].isspace():
        resume += 1
        if text[resume - 1] == "\n":
            after_line_break = resume
    return stop, resume if after_line_break is None else after_line_break


def gap_before(text: str, start: int, place: int) -> Break:
    """Return where to cut so that the next part begins at a place.

    At white space just before it, so that a bracket that opens there comes along.

    Args:
        text: What is to be cut.
        start: Where the part begins.
        place: What the next part is to begin with.
    """
    for end in range(place, max(place - 3, start + 1), -1):
        if text[end - 1].isspace():
            return _whole_gap(text, start, end - 1)
    return place, place


def letters_end(text: str, start: int, most: int) -> int:
    """Return the last place where no letter with its accents, emoji or flag is cut.

    Args:
        text: What is to be cut.
        start: Where the part begins.
        most: The latest end. It is the result where a single letter is longer.
    """
    for place in range(most, start, -1):
        if not _is_inside_letter(text, start, place):
            return place
    return most


def _is_inside_letter(text: str, start: int, place: int) -> bool:
    """Tell whether a place is within what people take for one letter.

    The common cases of Unicode's grapheme clusters (https://unicode.org/reports/tr29/).
    """
    if place >= len(text):
        return False
    before, after = text[place - 1], text[place]
    if before == "\r" or before == _ZERO_WIDTH_JOINER:
        return before == _ZERO_WIDTH_JOINER or after == "\n"
    if after < "\u0300":
        return False
    if _extends(after):
        return True
    if _is_flag_half(after):
        halves = place
        while halves > start and _is_flag_half(text[halves - 1]):
            halves -= 1
        return (place - halves) % 2 == 1
    if _is_hangul(after):
        return _is_hangul(before) and _joins_hangul(before, after)
    # A sign that takes the vowel off binds two consonants of an Indian script.
    return unicodedata.combining(before) == 9


def _extends(letter: str) -> bool:
    return (
        letter in "\u200c\u200d"
        or "\U0001f3fb" <= letter <= "\U0001f3ff"  # colours of skin
        or "\U000e0020" <= letter <= "\U000e007f"  # the regions of a flag
        or unicodedata.category(letter)[0] == "M"
    )


def _is_flag_half(letter: str) -> bool:
    return "\U0001f1e6" <= letter <= "\U0001f1ff"


def _is_hangul(letter: str) -> bool:
    return "\u1100" <= letter <= "\u11ff" or "\uac00" <= letter <= "\ud7a3"


def _joins_hangul(before: str, after: str) -> bool:
    if "\u1160" <= after <= "\u11ff":  # a vowel or an end goes with what is before it
        return True
    return "\u1100" <= before <= "\u115f"  # and so does a beginning with what follows


def _fitting(window: str, limit: int, unit: Unit) -> int:
    """Return how many characters from the start are within a limit.

    Args:
        window: As many characters as could fit at most: each is one unit at least.
        limit: The limit.
        unit: How it is counted.
    """
    if measure(window, unit) <= limit:
        return len(window)
    # A character is four units at most.
    low, high = limit // 4, len(window) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if measure(window[:middle], unit) <= limit:
            low = middle
        else:
            high = middle - 1
    return low
