"""What goes wrong between a client and a fake network, at a test's command.

It knows no network's calls: what a call is and how it is refused is the network's own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from enum import Enum
from typing import Any, Protocol, TypeAlias

import attrs

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


class Refusal(Protocol):
    """A network's error."""

    def response(self) -> Response:
        """Return the answer."""
        ...


@attrs.define(eq=False)
class Gate:
    """Calls wait at it until a test opens it."""

    is_before: bool = False
    """Whether calls wait before they are done. Else they are done, and their answers wait."""
    trouble: Trouble | None = None
    _held: list[tuple[Any, Callable[[], object]]] = attrs.field(factory=list, init=False)

    @property
    def waiting(self) -> list[Any]:
        """The calls that wait now."""
        return [call for call, _ in self._held]

    def hold(self, call: object, go_on: Callable[[], object]) -> None:
        """Keep a call."""
        self._held.append((call, go_on))

    def open(self, count: int | None = None) -> None:
        """Let calls go on, the oldest first, and hold no new ones.

        Args:
            count: Only so many, and the gate holds on. None: all.
        """
        if count is None and self.trouble:
            self.trouble.end()
        let_go = self._held[:count]
        del self._held[:count]
        for _, go_on in let_go:
            go_on()


Failure: TypeAlias = Fault | Slow | Gate | Refusal | Response
"""A `Refusal` or a `Response` is answered, and nothing is done."""


@attrs.define(eq=False, kw_only=True)
class Trouble:
    """A failure that stands until it has hit often enough, or is ended."""

    failure: Failure
    methods: Collection[str] | None
    """What it hits, in lower case: methods, or names of routes; None: all."""
    times: int | None
    """How many calls it hits; None: all."""
    place: Hashable | None = None
    """The chat whose calls it hits; None: all."""
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

    def hit(self, method: str, place: Hashable | None) -> bool:
        """Tell whether a call is hit, and count it."""
        is_hit = (
            not self.is_over
            and (self.methods is None or method.lower() in self.methods)
            and (self.place is None or self.place == place)
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

    def clear(self) -> None:
        """Let nothing stand any more."""
        self._troubles.clear()

    def is_reset(self, method: str, place: Hashable | None = None) -> bool:
        """Tell whether a call is reset before it is read."""
        return any(
            one.failure is Fault.RESET and one.hit(method, place) for one in self._troubles
        )

    def of(self, method: str, place: Hashable | None) -> Failure | None:
        """Return the failure that hits a call that was read, the oldest that stands."""
        if not self._troubles:
            return None
        self._troubles = [one for one in self._troubles if not one.is_over]
        for one in self._troubles:
            if one.failure is not Fault.RESET and one.hit(method, place):
                return one.failure
        return None


def withhold(fault: Fault, exchange: Exchange, response: Response) -> None:
    """Do to an answer what a fault does to it."""
    if fault is Fault.LOST:
        exchange.reset()
    elif fault is Fault.CUT:
        exchange.cut(response)
