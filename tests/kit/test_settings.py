from __future__ import annotations

import attrs
import pytest

from cobot import Secret
from cobot.kit import address, between, matching


@attrs.frozen
class Settings:
    """A section of a channel's."""

    token: Secret | None = attrs.field(
        default=None, validator=matching("[a-z]{3}", "three letters", is_shown=True)
    )
    loft: str = attrs.field(default="loft", validator=matching("[a-z]+", "letters"))
    ring: str = attrs.field(default="7", validator=matching("[0-9]", "a digit", is_shown=True))
    url: str | None = attrs.field(default=None, validator=address("https://loft.example"))
    socket: str | None = attrs.field(default=None, validator=address("wss://loft.example"))
    port: int = attrs.field(default=3000, validator=between(0, 65535, "a port"))
    birds: int = attrs.field(default=1, validator=between(1, 10))


def test_what_is_right_passes() -> None:
    """And so does what is not there."""
    Settings(token=Secret("abc"), url="http://127.0.0.1:8080/api", socket="ws://[::1]:9")
    Settings(token=None, url=None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"token": Secret("ABC")}, "expected three letters"),
        ({"token": Secret("abc\n")}, "expected three letters"),
        ({"loft": "9"}, "expected letters"),
        ({"ring": "10"}, "expected a digit, got '10'"),
        ({"url": "loft.example"}, "expected an address such as https://loft.example"),
        ({"url": "https:///x"}, "expected an address such as https://loft.example"),
        ({"url": "wss://loft.example"}, "expected an address such as https://loft.example"),
        ({"socket": "https://x"}, "expected an address such as wss://loft.example"),
        ({"port": 65536}, "expected a port from 0 to 65535, got 65536"),
        ({"birds": 0}, "expected a number from 1 to 10, got 0"),
    ],
)
def test_what_is_wrong_is_told_in_words(value: dict[str, object], expected: str) -> None:
    """What was there is shown only where that was asked for, and never of a secret."""
    with pytest.raises(ValueError, match="expected") as raised:
        Settings(**value)  # type: ignore[arg-type]

    assert str(raised.value) == expected
