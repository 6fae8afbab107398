"""A fault in a channel is found by the check that is meant for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import pytest

from cobot.testing import ChannelContract, ContractBroken, Network
from testing.faulty import (
    CONFIRMED,
    OTHERS,
    PLANTED,
    TIMES,
    Blocks,
    CannotReceive,
    ConfirmsEarly,
    DoesAllOfIt,
    NeverStarts,
    NeverStops,
    NotBuilt,
    Unmarked,
)
from testing.loft import Loft
from testing.pigeon import Pigeon

CHECKS = [name for name in vars(ChannelContract) if name.startswith("test_")]


def broken(channel: type[Pigeon], checks: Iterable[str] = CHECKS) -> dict[str, str]:
    """Run checks on a channel; return what those say that fail."""

    class Faulty(Loft):
        channel: ClassVar[type | str]

    Faulty.channel = channel

    class Contract(ChannelContract):
        limit_s = 0.8

        def make(self) -> Network:
            return Faulty()

    said = {}
    for name in checks:
        try:
            getattr(Contract(), name)()
        except ContractBroken as error:
            said[name] = str(error)
    return said


@pytest.mark.parametrize("channel", PLANTED, ids=lambda one: one.__name__)
def test_fault_is_found_by_the_check_that_is_meant_for_it(channel: type[Pigeon]) -> None:
    """Of the checks that planted faults are meant for, each fault fails its own alone."""
    assert list(broken(channel, sorted({*PLANTED.values()}))) == [PLANTED[channel]]


def test_planted_faults_fail_no_other_check() -> None:
    """All planted faults together leave every check alone that none is meant for."""
    others = [name for name in CHECKS if name not in PLANTED.values()]

    assert len(others) > 15
    assert broken(DoesAllOfIt, others) == {}


@pytest.mark.parametrize("channel", OTHERS, ids=lambda one: one.__name__)
def test_fault_is_found_by_its_check(channel: type[Pigeon]) -> None:
    """Other faults fail the check that looks for them."""
    said = broken(channel, [OTHERS[channel]])

    assert list(said) == [OTHERS[channel]]


def test_failure_says_the_rule_what_is_so_and_what_to_do() -> None:
    """A failure is one sentence: what must be, what is instead, and the remedy."""
    said = broken(ConfirmsEarly, [CONFIRMED])

    assert said[CONFIRMED] == (
        "A message is confirmed to the network only when it is stored, but message 'letter-1'"
        " was confirmed while it was being stored: a crash loses it; confirm after the yield"
        " has returned, or at the next call of session_receive"
    )


def test_failure_shows_what_the_session_said() -> None:
    """What the session warned of meanwhile stands below the sentence."""
    said = broken(CannotReceive, [TIMES])

    assert "The session said:" in said[TIMES]
    assert "no pigeon today" in said[TIMES]


def test_block_is_named_with_its_place() -> None:
    """What blocks the event loop is interrupted, and its file and line are told."""
    said = broken(Blocks, [OTHERS[Blocks]])[OTHERS[Blocks]]

    assert said.startswith("A channel never blocks the event loop")
    assert "faulty.py:" in said


@pytest.mark.parametrize(
    ("channel", "expected"),
    [
        (NeverStarts, "cobot_start has not returned"),
        (NotBuilt, "no post today"),
        (Unmarked, "its session_edit has no marker"),
        (NeverStops, "What is cancelled ends"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_channel_that_does_not_even_run_is_told_so(
    channel: type[Pigeon], expected: str
) -> None:
    """What keeps a channel from being built, started or stopped is said by any check."""
    assert expected in broken(channel, [TIMES])[TIMES]
