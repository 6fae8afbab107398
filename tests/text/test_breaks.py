from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cobot.limits import Unit, measure
from cobot.text import Document, parts, split_off
from text.strategies import SOME, TEXTS, UNITS


def split(text: str, limit: int, unit: Unit = "codepoints") -> list[str]:
    """Return the parts of a plain text."""
    return [part.text for part in parts(Document.plain(text), None, limit, unit)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one two.\n\nthree\nfour five", ["one two.", "three\nfour five"]),
        ("one two.\n \nthree\n\nfour five", ["one two.\n \nthree", "four five"]),
        ("first line\nsecond line", ["first line", "second line"]),
        ("  code:\n    indented", ["  code:", "    indented"]),
        ("some words in one line", ["some words in", "one line"]),
        ("held together by\u00a0nobreak", ["held together", "by\u00a0nobreak"]),
        ("a" * 30, ["a" * 16, "a" * 14]),
        ("a\n\n" + "b" * 20, ["a\n\n" + "b" * 13, "b" * 7]),  # else it were a short part
        (
            "日本語の文章です。次の文章はここにある",
            ["日本語の文章です。", "次の文章はここにある"],
        ),
    ],
)
def test_a_text_is_cut_between_paragraphs_else_lines_else_words(
    text: str, expected: list[str]
) -> None:
    """The best break in the second half of a part is taken, and a long word is cut."""
    assert split(text, 16) == expected


@pytest.mark.parametrize(
    "letter",
    [
        "e\u0301\u0323",
        "👩\u200d👩\u200d👧",
        "👍🏽",
        "🇩🇪",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "1\ufe0f\u20e3",
        "각",
        "\u1112\u1161\u11ab",
        "क\u094dष",
        "\r\n",
    ],
)
@pytest.mark.parametrize("unit", ["codepoints", "utf16", "bytes"])
def test_what_people_see_as_one_letter_is_not_cut(letter: str, unit: Unit) -> None:
    """Accents, joined emoji and flags stay whole where they fit into a part."""
    limit = 2 * measure(letter, unit) + 1

    cut = split(f"x{letter * 5}y", limit, unit)

    assert all(part.strip("xy").replace(letter, "") == "" for part in cut)
    assert all(measure(part, unit) <= limit for part in cut)


def test_a_letter_that_does_not_fit_is_cut_all_the_same() -> None:
    """A thousand accents on one letter are not worth a lost message."""
    text = "e" + "\u0301" * 1_000

    assert "".join(split(text, 100)) == text
    assert len(split(text, 100)) == 11


def test_addresses_are_kept_whole() -> None:
    """An address in a text moves to the next part, with a bracket before it."""
    text = "see it here (https://example.org/a-long-one) and go on"

    assert split(text, 34) == ["see it here", "(https://example.org/a-long-one)", "and go on"]


def test_a_part_may_end_with_an_address() -> None:
    """Only an address that would be cut moves."""
    assert split("see\nhttps://example.org/a\nand on", 30) == [
        "see\nhttps://example.org/a",
        "and on",
    ]


@SOME
@given(text=TEXTS, limit=st.integers(-5, 40), unit=UNITS)
@example(text="a" + " " * 30 + "b", limit=10, unit="codepoints")
@example(text="\u0301" * 9, limit=1, unit="bytes")
def test_what_is_split_off_and_the_rest_are_the_text(text: str, limit: int, unit: Unit) -> None:
    """Nothing is lost between the first and the rest, and the first fits."""
    first, rest = split_off(text, limit, unit)

    assert first + rest == text
    assert measure(first, unit) <= max(limit, 0)
    assert not rest or first or measure(rest[0], unit) > limit


@SOME
@given(text=TEXTS, unit=UNITS)
def test_without_a_limit_nothing_is_split_off(text: str, unit: Unit) -> None:
    """Without a limit the first is all of the text."""
    assert split_off(text, None, unit) == (text, "")
    assert split_off(text, measure(text, unit), unit) == (text, "")
