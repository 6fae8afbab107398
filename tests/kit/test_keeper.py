from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cobot import AuthFailed, Unreachable
from cobot.kit import Keeper
from cobot.net import Attempt
from kit.worlds import Quiet, context_of

Connect = Callable[[Keeper, Attempt], None]
BROKEN = Unreachable("pigeon", "receive", "it broke")
OVER = AuthFailed("pigeon", "receive", "nobody knows us")


def accepted(keeper: Keeper, attempt: Attempt) -> None:
    """Be accepted, and lose the connection."""
    keeper.accepted(attempt)
    raise BROKEN


def refused(_keeper: Keeper, _attempt: Attempt) -> None:
    """Find nobody there."""
    raise BROKEN


def unknown(_keeper: Keeper, _attempt: Attempt) -> None:
    """Be told that it is in vain."""
    raise OVER


async def kept(folder: Path, *connections: Connect) -> tuple[list[str], type[BaseException]]:
    """Keep a connection through all this; return what was told, and how it ended."""
    clock = Quiet()
    context, health = context_of(clock, folder)
    keeper = Keeper(context)
    keeper.begin()
    still = iter(connections)

    async def connect(attempt: Attempt) -> None:
        next(still)(keeper, attempt)

    with pytest.raises((Unreachable, AuthFailed)) as raised:
        await keeper.keep(connect)
    return health.signs, raised.type


async def test_a_connection_is_made_again_as_long_as_that_may_help(tmp_path: Path) -> None:
    """What no other connection mends ends it, and is the session's."""
    signs, error = await kept(tmp_path, accepted, accepted, unknown)

    assert signs == ["connected", "alive"] * 2
    assert error is AuthFailed


async def test_who_was_never_accepted_leaves_the_waiting_to_the_session(tmp_path: Path) -> None:
    """As with a channel that polls."""
    assert await kept(tmp_path, refused) == ([], Unreachable)


async def test_connections_that_fail_in_a_row_are_told(tmp_path: Path) -> None:
    """One that ends and comes back is as usual; what stays away is not."""
    signs, _ = await kept(tmp_path, accepted, refused, refused, accepted, unknown)

    told = [one.partition(";")[0] for one in signs]
    assert told == [
        "connected",
        "alive",
        "pigeon: receive: it broke",
        "pigeon: receive: it broke",
        "connected",
        "alive",
    ]


async def test_to_begin_anew_asks_the_session_again(tmp_path: Path) -> None:
    """Having been accepted once is good for one time of receiving."""
    context, _ = context_of(Quiet(), tmp_path)
    keeper = Keeper(context)
    still = iter((accepted, unknown, refused))

    async def connect(attempt: Attempt) -> None:
        next(still)(keeper, attempt)

    keeper.begin()
    with pytest.raises(AuthFailed):
        await keeper.keep(connect)
    keeper.begin()
    with pytest.raises(Unreachable):
        await keeper.keep(connect)
