from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from fakes import ManualClock
from hypothesis import given
from hypothesis import strategies as st

from cobot import Address
from cobot.session.budget import ADDRESS_BURST, CLOSED_MOST, Budget, Rates

CHAT = Address("post", "chat")
OTHER = Address("post", "other")


def budget_of(clock: ManualClock, channel: float | None = None, **rates: Any) -> Budget:
    """Return a budget whose clock has run for a while."""
    clock.advance(100)
    budget = Budget(clock)
    budget.rates = Rates(channel=channel, **rates)
    clock.advance(100)
    return budget


def spend_all(budget: Budget, wanted: int = 1000) -> int:
    """Make as many requests as there is room for; return how many."""
    room, _ = budget.room(wanted)
    for number in range(room):
        budget.spend(Address("post", str(number)))
    return room


# How fast.


def test_without_rates_there_is_always_room() -> None:
    """A channel that declares no rate is not slowed down."""
    budget = budget_of(ManualClock())

    assert budget.room(256) == (256, None)
    assert spend_all(budget) == 1000
    assert budget.room(256) == (256, None)
    assert budget.closed == {}


@given(
    rate=st.integers(1, 40), steps=st.lists(st.tuples(st.integers(0, 16), st.integers(0, 99)))
)
def test_no_more_leaves_than_a_burst_and_the_rate(
    rate: int, steps: list[tuple[int, int]]
) -> None:
    """In any time, the requests are those of the time at the rate and one second's burst."""
    clock = ManualClock()
    budget = budget_of(clock, float(rate))
    sent = 0
    began = clock.monotonic()

    for sixteenths, wanted in steps:
        clock.advance(sixteenths / 16)
        sent += spend_all(budget, wanted)

        assert sent <= rate + (clock.monotonic() - began) * rate


@pytest.mark.parametrize("rate", [0.25, 1.0, 8.0])
def test_whoever_waits_as_told_sends_at_the_rate(rate: float) -> None:
    """The time that is named is right: then there is room, and none is given away."""
    clock = ManualClock()
    budget = budget_of(clock, rate)
    sent = spend_all(budget)
    began = clock.monotonic()

    while clock.monotonic() - began < 64:
        room, wait_s = budget.room(1000)
        assert room == 0
        assert wait_s is not None
        clock.advance(wait_s)
        room = spend_all(budget)
        assert room == 1
        sent += room

    assert sent == max(rate, 1) + 64 * rate


def test_after_a_pause_a_second_of_the_rate_leaves_at_once() -> None:
    """A short burst is answered at once, and a long silence saves up no more."""
    assert spend_all(budget_of(ManualClock(), 30.0)) == 30
    assert spend_all(budget_of(ManualClock(), 0.5)) == 1


def test_when_only_part_fits_it_says_when_more_does() -> None:
    """Who wants more than there is room for is told when to ask again."""
    assert budget_of(ManualClock(), 4.0).room(10) == (4, 0.25)


def test_an_address_is_closed_between_its_messages() -> None:
    """One chat's rate is kept for that chat and makes no other wait."""
    clock = ManualClock()
    budget = budget_of(clock, address=4.0)
    for _ in range(ADDRESS_BURST):
        budget.spend(CHAT)

    assert budget.closed == {CHAT: clock.monotonic() + 0.25}
    assert budget.closed_s(CHAT) == 0.25
    assert budget.closed_s(OTHER) == 0
    assert budget.room(10) == (10, None)
    clock.advance(0.25)
    assert budget.closed_s(CHAT) == 0


def test_an_address_at_rest_takes_a_few_messages_at_once() -> None:
    """An answer of three messages arrives as one; over time the rate is kept all the same."""
    clock = ManualClock()
    budget = budget_of(clock, address=2.0)
    sent = 0
    for _ in range(40):
        while not budget.closed_s(CHAT):
            budget.spend(CHAT)
            sent += 1
        clock.advance(0.25)

    assert sent == ADDRESS_BURST + 39 // 2


def test_an_address_may_have_a_rate_of_its_own() -> None:
    """A group that takes less than other chats is sent to more slowly."""
    clock = ManualClock()
    budget = budget_of(clock, address=2.0)
    for _ in range(ADDRESS_BURST):
        budget.spend(CHAT, 0.5)
        budget.spend(OTHER)

    assert (budget.closed_s(CHAT), budget.closed_s(OTHER)) == (2.0, 0.5)


# What the network closed.


def test_a_closed_channel_has_no_room_until_the_time_named() -> None:
    """A 429 for the whole channel holds everything, exactly so long."""
    clock = ManualClock()
    budget = budget_of(clock)
    budget.close(300)
    clock.advance(299.5)

    assert budget.room(10) == (0, 0.5)
    clock.advance(0.5)
    assert budget.room(10) == (10, None)


def test_a_closed_address_leaves_the_others_open() -> None:
    """A flood wait for one chat is that chat's alone."""
    clock = ManualClock()
    budget = budget_of(clock)
    budget.close(300, CHAT)

    assert budget.closed == {CHAT: clock.monotonic() + 300}
    assert budget.room(10) == (10, None)
    assert budget.closed_s() == 0
    assert budget.allows_cosmetic(OTHER)


@pytest.mark.parametrize("address", [None, CHAT])
def test_a_shorter_wait_does_not_open_what_is_closed_for_longer(
    address: Address | None,
) -> None:
    """An answer that was under way does not undo the 429 that came before it."""
    clock = ManualClock()
    budget = budget_of(clock)
    budget.close(300, address)
    budget.close(5, address)

    assert budget.closed_s(address) == 300


class Stopwatch(ManualClock):
    """A clock that nobody may ask for the time of day, since that can be set back."""

    def now(self) -> datetime:
        """Fail."""
        raise AssertionError("the time of day was asked for")


def test_closed_times_do_not_depend_on_the_time_of_day() -> None:
    """Setting the wall clock back an hour closes nothing for an hour."""
    clock = Stopwatch()
    budget = budget_of(clock, 1.0, address=1.0)
    budget.close(5)
    budget.close(5, CHAT)
    budget.spend(CHAT)
    clock.advance(5)

    assert budget.room(1) == (1, 1.0)
    assert budget.closed_s() == budget.closed_s(CHAT) == 0


def test_addresses_whose_time_has_passed_are_forgotten() -> None:
    """A bot that writes to a million chats does not remember each for ever."""
    clock = ManualClock()
    budget = budget_of(clock, address=1000.0)
    for number in range(CLOSED_MOST + 500):
        for _ in range(ADDRESS_BURST):
            budget.spend(Address("post", str(number)))
        clock.advance(0.01)

    assert len(budget.closed) <= CLOSED_MOST
    assert len(budget._used) <= CLOSED_MOST


# A chat that moved.


def test_a_moved_chat_stays_closed() -> None:
    """What the network closed is closed under the new id too, in all its threads."""
    clock = ManualClock()
    budget = budget_of(clock)
    budget.close(30, CHAT)
    budget.close(20, Address("post", "chat", "thread"))
    budget.close(10, OTHER)
    budget.rename(CHAT, Address("post", "new"))

    assert budget.closed_s(Address("post", "new")) == 30
    assert budget.closed_s(Address("post", "new", "thread")) == 20
    assert budget.closed_s(OTHER) == 10
    assert budget.closed_s(CHAT) == 0


def test_a_moved_thread_takes_its_own_time_along() -> None:
    """Only the thread that moved moves, and the longer of two times holds."""
    budget = budget_of(ManualClock())
    thread, elsewhere = Address("post", "chat", "1"), Address("post", "chat", "2")
    budget.close(30, elsewhere)
    budget.close(20, thread)
    budget.close(10, CHAT)
    budget.rename(thread, elsewhere)

    assert budget.closed_s(elsewhere) == 30
    assert budget.closed_s(thread) == 0
    assert budget.closed_s(CHAT) == 10


# Typing and presence.


def test_cosmetic_calls_are_shed_when_room_is_short() -> None:
    """What may be left out stops first, and messages have the rest."""
    budget = budget_of(ManualClock(), 10.0)
    shown = sum(budget.allows_cosmetic(CHAT) for _ in range(100))

    assert 0 < shown < 10
    assert spend_all(budget) == 10 - shown


def test_cosmetic_calls_take_part_in_the_rate() -> None:
    """Each of them is a request like any other."""
    budget = budget_of(ManualClock(), 10.0)
    assert budget.allows_cosmetic()
    assert budget.room(100)[0] == 9


def test_after_a_burst_of_messages_cosmetic_calls_wait_for_room() -> None:
    """Typing comes back when the channel is no longer busy."""
    clock = ManualClock()
    budget = budget_of(clock, 8.0)
    spend_all(budget)
    assert not budget.allows_cosmetic(CHAT)
    clock.advance(0.25)
    assert not budget.allows_cosmetic(CHAT)
    clock.advance(0.5)

    assert budget.allows_cosmetic(CHAT)


@pytest.mark.parametrize("closed", [None, CHAT])
def test_nothing_cosmetic_is_asked_for_where_it_is_closed(closed: Address | None) -> None:
    """A channel or chat under a flood wait is left alone by typing too."""
    clock = ManualClock()
    budget = budget_of(clock)
    budget.close(5, closed)

    assert not budget.allows_cosmetic(CHAT)
    assert budget.allows_cosmetic(OTHER) is (closed is CHAT)
    clock.advance(5)
    assert budget.allows_cosmetic(CHAT)


def test_without_rates_cosmetic_calls_are_always_allowed() -> None:
    """No limit means no shedding."""
    budget = budget_of(ManualClock())

    assert all(budget.allows_cosmetic(CHAT) for _ in range(1000))
