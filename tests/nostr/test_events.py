"""Events: their shape, what was asked for, which version counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cobot_nostr.crypto import Signer, rumor_id, verify
from cobot_nostr.events import (
    FUTURE_S,
    Draft,
    Event,
    Filter,
    Refused,
    dumps,
    expires_at,
    matches,
    newest,
    read_event,
    read_json,
)

ALICE = Signer.parse("1" * 64)


def _event(**changes: object) -> Event:
    fields: dict[str, object] = {
        "id": "0" * 64,
        "pubkey": ALICE.pubkey,
        "created_at": 1000,
        "kind": 1,
    }
    return Event(**{**fields, **changes})  # type: ignore[arg-type]


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=50))
def test_any_text_is_signed_and_verified_as_it_is(text: str) -> None:
    """What is read back from JSON is the event that was signed, whatever it says."""
    event = ALICE.sign(Draft(kind=1, tags=(("t", text),), content=text), 1_700_000_000)
    read = read_event(read_json(dumps(event.json)))

    assert read == event
    assert verify(read) is None


def test_known_event_has_the_id_that_everybody_gives_it() -> None:
    """The id is the hash of the event's JSON, without spaces or escapes (NIP-01)."""
    import hashlib

    tags = [["e", "aa", ""], ["emoji", "\U0001f99c/<&>\u2028"]]
    written = [0, ALICE.pubkey, 1_700_000_000, 14, tags, 'say "hi"\n\\o/']
    expected = hashlib.sha256(dumps(written).encode()).hexdigest()
    rumor = _event(
        created_at=1_700_000_000,
        kind=14,
        tags=tuple(map(tuple, tags)),
        content='say "hi"\n\\o/',
    )

    assert rumor_id(rumor) == expected


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"kinds": [1]}, True),
        ({"kinds": [2]}, False),
        ({"authors": [ALICE.pubkey], "kinds": [1]}, True),
        ({"authors": ["f" * 64]}, False),
        ({"ids": ["0" * 64]}, True),
        ({"ids": ["1" * 64]}, False),
        ({"#p": ["bob"]}, True),
        ({"#p": ["carol"]}, False),
        ({"#p": ["bob"], "#h": ["x"]}, False),
        ({}, True),
    ],
)
def test_filter_is_kept_to(wanted: Filter, expected: bool) -> None:
    """What a relay sends is compared with what was asked for: every key must fit."""
    event = _event(tags=(("p", "dave"), ("p", "bob"), ("alone",)))

    assert matches(event, [wanted]) is expected


def test_newest_version_counts_and_one_from_the_future_never() -> None:
    """A list dated ahead would otherwise keep all later ones out."""
    old, new = _event(created_at=1000, id="b" * 64), _event(created_at=2000, id="c" * 64)
    same = _event(created_at=2000, id="a" * 64)
    future = _event(created_at=2000 + FUTURE_S + 1)

    assert newest([old, new, same, future], 2000) == same
    assert newest([future], 2000) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1700000000", 1_700_000_000), ("soon", None), ("-1", None), ("", None), ("9" * 99, None)],
)
def test_expiration_is_read_or_left(text: str, expected: int | None) -> None:
    """An expiration that is no number is none."""
    assert expires_at(_event(tags=(("expiration", text),))) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000 + "]" * 100_000, "deep"),
        ('{"a":1,"a":2}', "keys"),
        ("NaN", "json"),
        ("[1", "json"),
        ("9" * 5000, "json"),
    ],
)
def test_json_that_is_none_is_refused(text: str, reason: str) -> None:
    """Strictly: Python's own reader would take some of it."""
    with pytest.raises(Refused, match=reason):
        read_json(text)


def test_secret_key_is_shown_nowhere() -> None:
    """Neither a signer nor the error about a bad key has the key in it."""
    from cobot_nostr.crypto import BadKey

    nsec = ALICE.nsec()

    assert nsec not in repr(ALICE) + str(ALICE)
    assert "1" * 64 not in repr(ALICE) + str(ALICE)
    with pytest.raises(BadKey) as caught:
        Signer.parse(nsec[:-1])
    assert nsec[:-1] not in str(caught.value)
    assert caught.value.__context__ is None
