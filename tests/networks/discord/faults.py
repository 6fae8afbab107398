"""What goes wrong between a bot and the network, at a test's command."""

from __future__ import annotations

from collections.abc import Callable, Collection
from enum import Enum
from typing import TypeAlias

import attrs

from networks.discord.calls import Call
from networks.discord.errors import ApiError
from networks.web import Exchange, Response


class Fault(Enum):
    """How a connection fails."""

    RESET = "reset before the body is read; nothing happened"
    LOST = "done, and reset before the answer"
    CUT = "done, and ended in the middle of the answer"
    HANG = "read, not done, and never answered"
    SILENT = "done, and never answered"


@attrs.frozen
class Slow:
    """Done at once, answered late."""

    seconds: float


@attrs.define(eq=False)
class Gate:
    """Calls wait at it until a test opens it."""

    is_before: bool = False
    """Whether calls wait before they are done. Else they are done, and their answers wait."""
    waiting: list[Call] = attrs.field(factory=list)
    """Calls that wait now."""
    trouble: Trouble | None = None
    _go_on: list[tuple[Call, object]] = attrs.field(factory=list)

    def hold(self, call: Call, go_on: object) -> None:
        """Keep a call."""
        self.waiting.append(call)
        self._go_on.append((call, go_on))

    def open(self, count: int | None = None) -> None:
        """Let calls go on, the oldest first, and hold no new ones.

        Args:
            count: Only so many, and the gate holds on. None: all.
        """
        if count is None and self.trouble:
            self.trouble.end()
        let_go = self._go_on[:count]
        del self._go_on[:count]
        for call, go_on in let_go:
            self.waiting.remove(call)
            assert callable(go_on)
            go_on()


Failure: TypeAlias = Fault | Slow | Gate | ApiError | Response
"""An `ApiError` or a `Response` (see `errors.page`) is answered, and nothing is done."""


@attrs.define(eq=False, kw_only=True)
class Trouble:
    """A failure that stands until it has hit often enough, or is ended."""

    failure: Failure
    routes: Collection[str] | None
    """Their names; None: all."""
    times: int | None
    """How many calls it hits; None: all."""
    channel_id: str | None = None
    """The channel whose calls it hits; None: all."""
    chance: Callable[[], bool] | None = None
    """Whether it hits this time; None: always."""
    hits: int = 0

    @property
    def is_over(self) -> bool:
        """Whether nothing is hit any more."""
        return self.times is not None and self.hits >= self.times

    def end(self) -> None:
        """Let calls pass again."""
        self.times = self.hits

    def hit(self, route: str, channel_id: str | None) -> bool:
        """Tell whether a call is hit, and count it."""
        is_hit = (
            not self.is_over
            and (self.routes is None or route in self.routes)
            and (self.channel_id is None or self.channel_id == channel_id)
            and (self.chance is None or self.chance())
        )
        self.hits += is_hit
        return is_hit


class Troubles:
    """All failures that stand."""

    def __init__(self) -> None:
        self._troubles: list[Trouble] = []

    def add(self, trouble: Trouble) -> Trouble:
        """Let a failure stand."""
        self._troubles.append(trouble)
        return trouble

    def is_reset(self, route: str, channel_id: str | None) -> bool:
        """Tell whether a call is reset before it is read."""
        return any(
            one.failure is Fault.RESET and one.hit(route, channel_id) for one in self._troubles
        )

    def of(self, call: Call) -> Failure | None:
        """Return the failure that hits a call that was read, the oldest that stands."""
        if not self._troubles:
            return None
        self._troubles = [one for one in self._troubles if not one.is_over]
        for one in self._troubles:
            if one.failure is not Fault.RESET and one.hit(call.route, call.channel_id):
                return one.failure
        return None


def withhold(fault: Fault, exchange: Exchange, response: Response) -> None:
    """Do to an answer what a fault does to it."""
    if fault is Fault.LOST:
        exchange.reset()
    elif fault is Fault.CUT:
        exchange.cut(response)
