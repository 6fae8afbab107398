from __future__ import annotations

from cobot.recent import Recent


def test_what_was_put_in_first_is_forgotten_first() -> None:
    """However often it was looked at."""
    recent: Recent[str, int] = Recent(2)
    recent.put("one", 1)
    recent.put("two", 2)
    recent.get("one")
    recent.put("three", 3)

    assert [*recent] == ["two", "three"]
    assert (recent.get("one"), recent.get("three"), len(recent)) == (None, 3, 2)


def test_what_is_put_in_once_more_pushes_nothing_out() -> None:
    """It has the new value, and its old place."""
    recent: Recent[str, int] = Recent(2)
    recent.put("one", 1)
    recent.put("two", 2)
    recent.put("one", 11)
    recent.put("three", 3)

    assert "one" not in recent
    assert [*recent] == ["two", "three"]


def test_what_is_taken_out_is_gone() -> None:
    """And what is not there is None."""
    recent: Recent[str, int] = Recent(2)
    recent.put("one", 1)

    assert (recent.pop("one"), recent.pop("one")) == (1, None)
    assert "one" not in recent
