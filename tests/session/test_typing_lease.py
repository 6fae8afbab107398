from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from fakes import ManualClock, registry

from cobot import (
    Address,
    ChatGone,
    Forbidden,
    Limits,
    RateLimited,
    Unreachable,
    Unsupported,
    hookimpl,
)
from cobot.session.budget import Budget, Rates
from cobot.session.capabilities import Capabilities
from cobot.session.typing_lease import REFUSED_S, SWEEP_S, UNTOLD_S, TypingLeases

CHAT = Address("post", "chat")
THREAD = Address("post", "chat", "thread")
OTHER = Address("owl", "tree")

NEARLY = 1e-6
"""What adding up tenths of a second may be off by, in seconds."""


class Post:
    """A channel that shows typing, notes when, and may take its time or fail."""

    channel = True

    def __init__(self, clock: ManualClock, typing_s: float | None = 5.0) -> None:
        self.clock = clock
        self.typing_s = typing_s
        self.shown: list[tuple[Address, float]] = []
        self.lasts_s: float | None = 0.0  # None: for ever
        self.cancelled = 0
        self.answer: Callable[[str], Any] = lambda _chat: None

    @hookimpl
    async def session_typing(
        self, channel_type: str, channel_id: str, thread_id: str | None
    ) -> Any:
        address = Address(channel_type, channel_id, thread_id)
        self.shown.append((address, self.clock.monotonic()))
        try:
            if self.lasts_s is None:
                await asyncio.Event().wait()
            elif self.lasts_s:
                await self.clock.sleep(self.lasts_s)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return self.answer(channel_id)

    @hookimpl
    def session_limits(self, channel_type: str, channel_id: str | None) -> Limits:
        return Limits(typing_s=self.typing_s)

    def times(self, address: Address = CHAT) -> list[float]:
        """Return when typing was shown at an address, in tenths of a second."""
        return [round(at, 1) for where, at in self.shown if where == address]


class Mute:
    """A channel that shows no typing."""

    channel = True

    @hookimpl
    async def session_send(self) -> str:
        return "id"


class World:
    """Two channels, their budgets, and the typing of both."""

    def __init__(self, *, after_s: float = 0.3, typing_s: float | None = 5.0) -> None:
        self.clock = ManualClock()
        self.post = Post(self.clock, typing_s)
        self.owl = Post(self.clock, typing_s)
        plugins = registry(post=self.post, owl=self.owl, mute=Mute())
        self.budgets = {"post": Budget(self.clock), "owl": Budget(self.clock)}
        self.leases = TypingLeases(
            plugins, Capabilities(plugins), self.budgets.get, self.clock, after_s=after_s
        )

    async def passes(self, seconds: float) -> None:
        """Let time pass, a sweep at a time, and all that is due be done."""
        await settled()
        for _ in range(round(seconds / SWEEP_S)):
            self.clock.advance(SWEEP_S)
            await settled()


async def settled() -> None:
    """Let all tasks run until they wait for time or for the test."""
    for _ in range(20):
        await asyncio.sleep(0)


def typing_tasks() -> list[str]:
    """Return the names of the tasks that have to do with typing."""
    return [task.get_name() for task in asyncio.all_tasks() if "typing" in task.get_name()]


# When it is shown.


async def test_a_quick_answer_shows_no_typing() -> None:
    """What is answered within `typing_after` costs its network no request."""
    world = World()
    with world.leases.during(CHAT):
        await world.passes(0.2)
    await world.passes(10)

    assert world.post.shown == []


async def test_typing_is_shown_once_an_answer_takes_longer() -> None:
    """Not before `typing_after`, and within a sweep of it."""
    world = World(after_s=0.5)
    with world.leases.during(CHAT):
        await world.passes(2)

    ((where, at),) = world.post.shown
    assert where == CHAT
    assert 0.5 - NEARLY <= at <= 0.5 + SWEEP_S + NEARLY


async def test_typing_is_shown_in_the_thread() -> None:
    """The thread of the message is handed on."""
    world = World()
    with world.leases.during(THREAD):
        await world.passes(1)

    assert [where for where, _ in world.post.shown] == [THREAD]


async def test_shown_shows_at_once() -> None:
    """Whoever asks for typing by name does not wait for `typing_after`."""
    world = World(after_s=100)
    async with world.leases.shown(CHAT):
        await settled()

        assert world.post.times() == [0.0]


@pytest.mark.parametrize("typing_s", [1.0, 5.0, 10.0])
@pytest.mark.parametrize("lasts_s", [0.0, 0.5, 0.8])
async def test_typing_is_renewed_before_it_expires(typing_s: float, lasts_s: float) -> None:
    """From the moment that it may have been shown first, also where a request takes long."""
    world = World(typing_s=typing_s)
    world.post.lasts_s = lasts_s
    with world.leases.during(CHAT):
        await world.passes(60)
    times = [at for _, at in world.post.shown]
    gaps = [later - earlier for earlier, later in pairwise(times)]

    assert len(times) > 5
    assert all(gap < typing_s for gap in gaps)
    assert all(gap >= typing_s / 2 for gap in gaps)  # and not all the time


@pytest.mark.parametrize("typing_s", [None, 0.0])
async def test_where_a_channel_does_not_say_five_seconds_are_assumed(
    typing_s: float | None,
) -> None:
    """A channel without `typing_s` has its typing renewed now and then all the same."""
    world = World(typing_s=typing_s)
    with world.leases.during(CHAT):
        await world.passes(2 * UNTOLD_S)

    assert len(world.post.shown) in (2, 3)


async def test_two_turns_in_one_chat_show_typing_once() -> None:
    """Two people who are answered in one group at once cost no more than one."""
    world = World()
    with world.leases.during(CHAT):
        await world.passes(1)
        with world.leases.during(CHAT):
            await world.passes(3)

    assert world.post.times() == [0.3]


async def test_the_last_turn_of_a_chat_ends_its_typing() -> None:
    """While somebody is still being answered it is renewed, and then no more."""
    world = World()
    with world.leases.during(CHAT):
        with world.leases.during(CHAT):
            await world.passes(1)
        await world.passes(5)
        shown = len(world.post.shown)
    await world.passes(10)

    assert len(world.post.shown) == shown == 2


async def test_a_channel_without_typing_costs_nothing() -> None:
    """Typing becomes nothing where there is none: no task, no timer."""
    world = World()
    with world.leases.during(Address("mute", "chat")):
        assert typing_tasks() == []


# How it ends.


async def test_typing_ends_with_a_turn_that_fails() -> None:
    """Whatever ends the turn ends its typing."""
    world = World()

    async def turn() -> None:
        with world.leases.during(CHAT):
            await world.passes(1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await turn()
    await world.passes(10)

    assert len(world.post.shown) == 1
    assert typing_tasks() == []


async def test_typing_ends_with_a_turn_that_is_cancelled() -> None:
    """A stop, or a time limit, leaves no typing behind."""
    world = World()

    async def turn() -> None:
        with world.leases.during(CHAT):
            await asyncio.Event().wait()

    task = asyncio.create_task(turn())
    await world.passes(1)
    task.cancel()
    await world.passes(10)

    assert len(world.post.shown) == 1
    assert typing_tasks() == []


async def test_a_request_under_way_ends_with_the_turn() -> None:
    """Else the network would show typing after it has shown the answer."""
    world = World()
    world.post.lasts_s = 1.0
    with world.leases.during(CHAT):
        await world.passes(0.5)
        assert world.post.cancelled == 0
    await settled()

    assert world.post.cancelled == 1


async def test_when_nobody_types_nothing_runs() -> None:
    """The timer ends with the last lease, and comes back with the next."""
    world = World()
    for _ in range(2):
        with world.leases.during(CHAT):
            await world.passes(1)
            assert typing_tasks() == ["typing"]
        await world.passes(1)
        assert typing_tasks() == []

    assert len(world.post.shown) == 2


async def test_close_ends_all_typing() -> None:
    """At a stop nothing is shown any more, whoever still holds a lease."""
    world = World()
    world.post.lasts_s = None
    with world.leases.during(CHAT), world.leases.during(OTHER):
        await world.passes(1)
        await world.leases.close()

        assert typing_tasks() == []
        await world.passes(10)
    assert (len(world.post.shown), len(world.owl.shown)) == (1, 1)


# What goes wrong.


async def test_a_channel_that_hangs_delays_nobody() -> None:
    """Neither the turn, nor other chats, nor other channels wait for its typing."""
    world = World()
    world.post.lasts_s = None
    with world.leases.during(CHAT), world.leases.during(THREAD), world.leases.during(OTHER):
        await world.passes(9)

    assert world.post.times(CHAT) == world.post.times(THREAD) == [0.3]  # not called once more
    assert len(world.owl.times(OTHER)) == 3


async def test_a_channel_that_hangs_gathers_no_tasks() -> None:
    """A thousand turns on a dead network leave nothing behind."""
    world = World()
    world.post.lasts_s = None
    for _ in range(1000):
        with world.leases.during(CHAT):
            world.clock.advance(0.5)
            await settled()
    await world.passes(1)

    assert len(world.post.shown) > 100
    assert world.post.cancelled == len(world.post.shown)
    assert typing_tasks() == []


def failing(error: BaseException) -> Callable[[str], Any]:
    """Return what fails."""

    def fail(_chat: str) -> Any:
        raise error

    return fail


def cancel_this_task(_chat: str) -> None:
    """Do what a home-made time limit does."""
    task = asyncio.current_task()
    assert task is not None
    task.cancel()


@pytest.mark.parametrize(
    "answer",
    [
        failing(Unreachable("post", "typing", "no connection")),
        failing(ZeroDivisionError("division by zero")),
        failing(asyncio.CancelledError()),
        cancel_this_task,
    ],
    ids=["no connection", "a mistake", "cancelled", "cancels itself"],
)
async def test_typing_that_fails_harms_nothing_and_is_tried_again(
    answer: Callable[[str], Any],
) -> None:
    """It is only typing: the turn goes on, and so do the others' and the next time."""
    world = World()
    world.post.answer = answer
    with world.leases.during(CHAT), world.leases.during(OTHER):
        await world.passes(5)

    assert len(world.post.shown) == 2
    assert len(world.owl.shown) == 2


@pytest.mark.parametrize("cls", [ChatGone, Forbidden, Unsupported])
async def test_typing_stops_where_it_is_refused(cls: Any) -> None:
    """A chat that does not exist, or not for us, is not asked again during the turn."""
    world = World()

    def answer(chat: str) -> None:
        if chat == "chat":
            raise cls("post", "typing", "gone")

    world.post.answer = answer
    there = Address("post", "there")
    with world.leases.during(CHAT), world.leases.during(there):
        await world.passes(20)

    assert len(world.post.times(CHAT)) == 1
    assert len(world.post.times(there)) > 3


async def test_where_typing_was_refused_it_is_left_out_for_a_while() -> None:
    """Each turn would be refused anew, and networks count what they refuse."""
    world = World()
    world.post.answer = failing(Forbidden("post", "typing", "no"))
    for _ in range(3):
        with world.leases.during(CHAT):
            await world.passes(1)
    before = len(world.post.shown)
    world.post.answer = lambda _chat: None
    world.clock.advance(REFUSED_S)
    with world.leases.during(CHAT):
        await world.passes(1)

    assert (before, len(world.post.shown)) == (1, 2)


async def test_typing_can_be_stopped_where_a_send_found_the_chat_gone() -> None:
    """Whoever learns it first stops the typing of that chat and of no other."""
    world = World()
    with world.leases.during(CHAT), world.leases.during(OTHER):
        await world.passes(1)
        world.leases.stop(CHAT)
        world.leases.stop(Address("post", "where nobody types"))
        await world.passes(20)

    assert len(world.post.shown) == 1
    assert len(world.owl.shown) > 3


async def test_a_request_under_way_is_stopped_with_its_chat() -> None:
    """What is being asked for a chat that is gone need not be waited for."""
    world = World()
    world.post.lasts_s = None
    with world.leases.during(CHAT):
        await world.passes(1)
        world.leases.stop(CHAT)
        await world.passes(10)

        assert world.post.cancelled == len(world.post.shown) == 1


async def test_the_next_turn_tries_a_gone_chat_anew() -> None:
    """Somebody who writes has a chat again."""
    world = World()
    with world.leases.during(CHAT):
        await world.passes(1)
        world.leases.stop(CHAT)
    with world.leases.during(CHAT):
        await world.passes(1)

    assert len(world.post.shown) == 2


# Budget.


@pytest.mark.parametrize("scope", ["address", "channel"])
async def test_a_wait_that_typing_is_told_holds_for_all_requests(scope: str) -> None:
    """One budget: a 429 for typing closes the address, or the channel, for messages too."""
    world = World()
    error = RateLimited("post", "typing", "slower", retry_after_s=30, scope=scope)
    world.post.answer = failing(error)
    budget = world.budgets["post"]
    with world.leases.during(CHAT):
        await world.passes(0.5)
        closed_s = budget.closed_s(None if scope == "channel" else CHAT)
        world.post.answer = lambda _chat: None
        await world.passes(29)

        assert closed_s == pytest.approx(29.8)
        assert len(world.post.shown) == 1
        await world.passes(2)
        assert len(world.post.shown) == 2


async def test_typing_is_shed_while_the_channel_is_short_of_requests() -> None:
    """Messages have what there is; typing comes when there is room again."""
    world = World()
    budget = world.budgets["post"]
    budget.rates = Rates(channel=1.0)
    assert budget.room(1)[0] == 1
    budget.spend(CHAT)
    with world.leases.during(CHAT):
        await world.passes(0.8)
        assert world.post.shown == []
        await world.passes(0.5)

        assert len(world.post.shown) == 1
    assert budget.room(1)[0] == 0  # and it has cost what a request costs
