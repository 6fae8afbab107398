from __future__ import annotations

from collections import defaultdict

from fakes import ManualClock
from hypothesis import given
from hypothesis import strategies as st

from cobot.session.windows import Recent, Window

# Quarters of a second are exact in binary, so that the border of a window is one.
QUARTERS = st.integers(0, 12).map(lambda quarters: quarters / 4)


@given(
    most=st.integers(1, 4),
    seconds=st.integers(1, 8).map(float),
    steps=st.lists(st.tuples(QUARTERS, st.sampled_from("abc")), max_size=60),
)
def test_a_window_admits_what_a_full_record_would(
    most: int, seconds: float, steps: list[tuple[float, str]]
) -> None:
    """Something is admitted if in the time before it fewer than the limit were admitted."""
    clock = ManualClock()
    window = Window(most, seconds, clock)
    admitted: dict[str, list[float]] = defaultdict(list)

    for number, (pause_s, who) in enumerate(steps):
        clock.advance(pause_s)
        now = clock.monotonic()
        lately = [at for at in admitted[who] if now - at < seconds]
        is_admitted = window.admits(who, number)

        assert is_admitted is (len(lately) < most)
        if is_admitted:
            admitted[who].append(now)


@given(steps=st.lists(st.tuples(QUARTERS, st.integers(0, 20)), max_size=60))
def test_a_window_holds_those_who_did_something_lately(steps: list[tuple[float, int]]) -> None:
    """Whoever was admitted nothing within the window takes no memory."""
    clock = ManualClock()
    window = Window(2, 2.0, clock)
    latest: dict[int, float] = {}

    for number, (pause_s, who) in enumerate(steps):
        clock.advance(pause_s)
        if window.admits(who, number):
            latest[who] = clock.monotonic()

        assert len(window) == sum(clock.monotonic() - at < 2.0 for at in latest.values())


def test_the_same_thing_counts_once() -> None:
    """What is asked about again is admitted again and leaves as much room as before."""
    window = Window(2, 60.0, ManualClock())

    assert [window.admits("ann", "first") for _ in range(5)] == [True] * 5
    assert window.admits("ann", "second")
    assert window.admits("ann", "first")
    assert not window.admits("ann", "third")


def test_what_was_not_admitted_does_not_count() -> None:
    """Who goes on and on is admitted again as soon as the window has moved on."""
    clock = ManualClock()
    window = Window(1, 10.0, clock)
    answers = []
    for number in range(21):
        answers.append(window.admits("ann", number))
        clock.advance(1.0)

    assert [at for at, is_admitted in enumerate(answers) if is_admitted] == [0, 10, 20]


def test_recent_forgets_the_oldest() -> None:
    """A full set makes room for what is new."""
    recent = Recent(2)

    assert [recent.add(one) for one in ("a", "b", "a", "c")] == [True, True, False, True]
    assert [one in recent for one in ("a", "b", "c")] == [False, True, True]
