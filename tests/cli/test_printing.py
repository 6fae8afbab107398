from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from cobot.cli.printing import TIME_CHARS, as_json, moment, paragraph, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("naïve 日本語 \u00a0 🎉", "naïve 日本語 \u00a0 🎉"),
        ("👩\u200d🚀 \u0645\u06cc\u200c", "👩\u200d🚀 \u0645\u06cc\u200c"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\r\n\tb\x7f\0", "a\\r\\n\\tb\\x7f\\x00"),
        ("\x9b31m", "\\x9b31m"),
        ("abc\u202edef\u2066", "abc\\u202edef\\u2066"),
        ("one\u2028two", "one\\u2028two"),
        ("\udc80", "\\udc80"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_commands_a_terminal_is_shown_and_words_are_kept(text: str, shown: str) -> None:
    """Escape sequences, control characters and what turns a line around are written out."""
    assert printable(text) == shown


def test_a_paragraph_keeps_its_lines_under_each_other() -> None:
    """Only the line end is obeyed."""
    assert paragraph("one\ntwo\x1b\n", "    ") == "one\n    two\\x1b\n    "


def test_json_is_harmless_and_free_of_secrets() -> None:
    """It says the same to a program, and nothing to a terminal."""
    value = {"text": ["\x1b\x7f\x9bü", "the token s3cret"], "count": 1, "none": None}

    text = as_json(value, lambda one: one.replace("s3cret", "***"))

    assert json.loads(text) == {
        "text": ["\x1b\x7f\x9bü", "the token ***"],
        "count": 1,
        "none": None,
    }
    assert text.replace("\n", "").isprintable()
    assert text.isascii()


def test_a_time_has_always_the_same_length() -> None:
    """So that lines stand under each other."""
    assert len(moment(datetime(2026, 1, 1, tzinfo=UTC))) == TIME_CHARS
    assert moment(None) == ""
