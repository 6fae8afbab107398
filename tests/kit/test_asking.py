from __future__ import annotations

from pathlib import Path

import pytest

from cobot import Rejected
from cobot.errors import ChannelError, RateLimited, Unreachable
from cobot.kit import insist
from kit.worlds import Quiet, context_of


class Loft:
    """Answers after so many failures."""

    def __init__(self, *failures: ChannelError) -> None:
        self.failures = [*failures]

    async def ask(self) -> str:
        """Say how many birds there are."""
        if self.failures:
            raise self.failures.pop(0)
        return "seven birds"


async def test_a_question_is_asked_until_there_is_an_answer(tmp_path: Path) -> None:
    """As long as the network says, and else a little longer each time; health tells why."""
    clock = Quiet()
    context, health = context_of(clock, tmp_path)
    down = Unreachable("pigeon", "receive", "nobody there")
    loft = Loft(down, RateLimited("pigeon", "receive", "slow", retry_after_s=7), *[down] * 8)

    assert await insist(context, loft.ask) == "seven birds"
    first, told, *others = clock.slept
    assert 0.5 <= first <= 1
    assert told == 7
    assert others[0] < others[-1] <= 30
    assert health.signs[0] == f"pigeon: receive: nobody there; asking again in {first:.1f} s"
    assert len(health.signs) == 9  # a short wait that it asks for is as usual


async def test_what_no_waiting_mends_is_raised(tmp_path: Path) -> None:
    """Asked once, and not again."""
    clock = Quiet()
    context, _ = context_of(clock, tmp_path)

    with pytest.raises(Rejected):
        await insist(context, Loft(Rejected("pigeon", "receive", "no")).ask)
    assert clock.slept == []
