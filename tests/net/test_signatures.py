from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cobot.net.signatures import is_secret, is_signed_v0, signature_v0

SECRET = "0123456789abcdef0123456789abcdef"
BODY = b'{"type":"url_verification","challenge":"abc123"}'
SIGNED_AT = datetime.fromtimestamp(1700000000, UTC)
SIGNATURE = "v0=5219fa4ea682ef76fd622ee6e20473895b648e18dbdc108b21e18e0377ed1d7a"


def is_signed(
    secret: str = SECRET,
    body: bytes = BODY,
    timestamp: str | None = "1700000000",
    signature: str | None = SIGNATURE,
    after_s: float = 0,
) -> bool:
    """Say whether it is signed, as seen so many seconds later."""
    now = SIGNED_AT + timedelta(seconds=after_s)
    return is_signed_v0(secret, body, timestamp=timestamp, signature=signature, now=now)


def test_signatures_are_those_of_the_network() -> None:
    """They were computed elsewhere, for JSON and for a form."""
    form = b"token=x&team_id=T1&text=h%C3%A9llo"
    expected = "v0=63be8f64f02045e512d0db24ab55134c376b84c3b1f619821c3301707a9f415d"

    assert signature_v0(SECRET, "1700000000", BODY) == SIGNATURE
    assert signature_v0(SECRET, "1700000000", form) == expected
    assert is_signed()


@pytest.mark.parametrize(
    "changed",
    [
        {"secret": SECRET[:-1] + "0"},
        {"body": BODY + b" "},
        {"timestamp": "1700000001"},
        {"signature": SIGNATURE.upper()},
        {"signature": SIGNATURE[3:]},
        {"signature": "v0=é"},
        {"signature": ""},
        {"signature": None},
        {"timestamp": None},
    ],
    ids=str,
)
def test_whatever_is_changed_breaks_the_signature(changed: dict[str, str | None]) -> None:
    """A signature holds for its secret, body and time, letter for letter."""
    arguments: dict[str, object] = {**changed}

    assert not is_signed(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("timestamp", ["", "-5", "1.7e9", "1700000000 ", "९", "9" * 400, "nan"])
def test_a_time_that_is_none_is_refused(timestamp: str) -> None:
    """Also where it was signed with the right secret, and without an error."""
    signature = signature_v0(SECRET, timestamp, BODY)

    assert not is_signed(timestamp=timestamp, signature=signature)


@pytest.mark.parametrize(
    ("after_s", "expected"), [(300, True), (-300, True), (300.1, False), (-300.1, False)]
)
def test_a_signature_is_good_for_a_while(after_s: float, expected: bool) -> None:
    """Five minutes either way, since clocks differ."""
    assert is_signed(after_s=after_s) is expected


def test_a_secret_that_was_forgotten_opens_no_door() -> None:
    """An empty secret matches nothing, not even its own signature."""
    signature = signature_v0("", "1700000000", BODY)

    assert not is_signed(secret="", signature=signature)
    assert not is_secret("", "")


@pytest.mark.parametrize(
    ("given", "expected"),
    [("pässword", True), ("pässwort", False), ("pass", False), ("", False), (None, False)],
)
def test_secrets_are_compared(given: str | None, expected: bool) -> None:
    """Only the secret itself is the secret, in letters of any kind."""
    assert is_secret(given, "pässword") is expected
