from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cobot.limits import Unit, measure
from cobot.session.splitting import split, split_off

UNITS = st.sampled_from(["codepoints", "utf16", "bytes"])
LIMITS = st.integers(1, 40)

# Letters, what can be cut at, and what is counted or drawn in strange ways.
TEXTS = st.text() | st.text("ab \n\r\t\u00a0\u2028é\u0301\u200d😀👩🏽") | st.text("😀\u0301")


def fits(part: str, limit: int, unit: Unit) -> bool:
    """Tell whether a network takes a part: a longer single character cannot be helped."""
    return measure(part, unit) <= limit or len(part) == 1


def blanks_between(text: str, parts: list[str]) -> list[str]:
    """Return what was left out of a text before each part and after the last."""
    left_out = []
    at = 0
    for part in parts:
        found = text.index(part, at)
        left_out.append(text[at:found])
        at = found + len(part)
    return [*left_out, text[at:]]


@given(text=TEXTS, limit=LIMITS, unit=UNITS)
@example(text="\u0301" * 9, limit=1, unit="bytes")
@example(text="😀" * 9, limit=1, unit="utf16")
@example(text=" " * 9 + "a", limit=1, unit="codepoints")
def test_every_part_is_within_the_limit(text: str, limit: int, unit: Unit) -> None:
    """No part is longer than the network takes, as the network counts."""
    assert all(fits(part, limit, unit) for part in split(text, limit, unit))


@given(text=TEXTS, limit=LIMITS, unit=UNITS)
@example(text="a \n\n \n\n \n\n b", limit=2, unit="codepoints")
@example(text="\u0301" * 9, limit=2, unit="bytes")
def test_joined_parts_are_the_text(text: str, limit: int, unit: Unit) -> None:
    """Every character is in one part, in order, but for parts of nothing but white space."""
    parts = split(text, limit, unit)

    if text.strip():
        assert not "".join(blanks_between(text, parts)).strip()
        assert all(part.strip() for part in parts)
    else:
        assert len(parts) == 1
        assert text.startswith(parts[0])


@given(text=st.text(st.characters(exclude_categories=["Z", "C"])), limit=LIMITS, unit=UNITS)
def test_a_text_without_white_space_is_kept_whole(text: str, limit: int, unit: Unit) -> None:
    """Joined, the parts are the very text where there is nothing to leave out."""
    assert "".join(split(text, limit, unit)) == text


@given(text=st.text("a😀é", min_size=1), limit=st.integers(2, 9))
def test_no_character_of_two_utf16_units_is_cut(text: str, limit: int) -> None:
    """Both halves of a pair are in the same part: each part alone is valid UTF-16."""
    for part in split(text, limit, "utf16"):
        assert part.encode("utf-16-le").decode("utf-16-le") == part
        assert measure(part, "utf16") <= limit


@pytest.mark.parametrize("limit", [0, -1, 1])
@pytest.mark.parametrize("unit", ["codepoints", "utf16", "bytes"])
def test_a_limit_that_is_too_small_for_anything_gives_single_characters(
    limit: int, unit: Unit
) -> None:
    """A limit that nothing fits in is somebody's mistake, and ends in no endless loop."""
    assert split("a€😀", limit, unit) == ["a", "€", "😀"]


@given(text=TEXTS, unit=UNITS)
def test_without_a_limit_nothing_is_cut(text: str, unit: Unit) -> None:
    """Without a limit, and where all of it fits, a text is one part as it is."""
    assert split(text, None, unit) == [text]
    assert split(text, max(measure(text, unit), 1), unit) == [text]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("one two.\n\nthree\nfour five", ["one two.\n\n", "three\nfour five"]),
        ("first line\nsecond line", ["first line\n", "second line"]),
        ("some words in one line", ["some words in ", "one line"]),
        ("a" * 30, ["a" * 16, "a" * 14]),
        ("a\n\n" + "b" * 20, ["a\n\n" + "b" * 13, "b" * 7]),  # else it were a short part
    ],
)
def test_a_text_is_cut_between_paragraphs_else_lines_else_words(
    text: str, parts: list[str]
) -> None:
    """The best break in the second half of a part is taken, and a long word is cut."""
    assert split(text, 16, "codepoints") == parts


def test_a_long_text_is_split_in_one_walk() -> None:
    """A megabyte is measured once and not once for each part; else this would take minutes."""
    text = "wörter " * 300_000
    parts = split(text, 20, "utf16")

    assert "".join(parts) == text
    assert len(parts) > 100_000


# The text beside media.


@given(text=TEXTS, limit=st.integers(0, 40), unit=UNITS)
def test_what_is_split_off_and_the_rest_are_the_text(text: str, limit: int, unit: Unit) -> None:
    """Nothing is lost between a caption and what follows it, and the caption fits."""
    first, rest = split_off(text, limit, unit)

    assert first + rest == text
    assert measure(first, unit) <= limit
    assert not rest or first or measure(rest[0], unit) > limit


@given(text=TEXTS, unit=UNITS)
def test_without_a_limit_nothing_is_split_off(text: str, unit: Unit) -> None:
    """A caption without a limit is all of the text."""
    assert split_off(text, None, unit) == (text, "")


def test_a_letter_may_lose_its_accent_only_inside_a_long_word() -> None:
    """Where there is a word to cut at, a combining mark stays with its letter."""
    text = "e\u0301 " * 20

    for part in split(text, 10, "bytes"):
        assert not unicodedata.combining(part[0])
