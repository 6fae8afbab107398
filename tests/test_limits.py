from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cobot import Limits
from cobot.limits import Unit, measure


@pytest.mark.parametrize(
    ("text", "codepoints", "utf16", "bytes_"),
    [
        ("", 0, 0, 0),
        ("hello", 5, 5, 5),
        ("é", 1, 1, 2),  # one letter
        ("e\u0301", 2, 2, 3),  # the same letter, its accent apart
        ("€", 1, 1, 3),
        ("😀", 1, 2, 4),
        ("👩‍🚀", 3, 5, 11),  # two pictures and what joins them
    ],
)
def test_a_text_is_as_long_as_its_network_counts(
    text: str, codepoints: int, utf16: int, bytes_: int
) -> None:
    """Each unit counts what it names, whatever a person would call a character."""
    counted = [Limits(unit=unit).length(text) for unit in ("codepoints", "utf16", "bytes")]

    assert counted == [codepoints, utf16, bytes_]


@given(
    first=st.text(), second=st.text(), unit=st.sampled_from(["codepoints", "utf16", "bytes"])
)
def test_lengths_add_up(first: str, second: str, unit: Unit) -> None:
    """Two texts together are as long as both of them."""
    assert measure(first + second, unit) == measure(first, unit) + measure(second, unit)


def test_a_channel_that_says_nothing_has_no_limits() -> None:
    """What is not declared is no limit, and promises nothing about repeated sends."""
    limits = Limits()

    assert limits.text is limits.caption is limits.rate_channel is limits.rate_address is None
    assert limits.unit == "codepoints"
    assert limits.idempotency == "none"
