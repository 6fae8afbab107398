"""What a test does with any fake network: look at it, wait for it, break it.

Its people, chats and API are the network's own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeAlias, TypeVar

from networks.faults import Failure, Fault, Gate, Slow, Trouble, Troubles
from networks.record import CallT, EventT, MessageT, Record
from networks.web import Server

WAIT_S = 10.0

Names: TypeAlias = str | tuple[str, ...] | None
"""The name of a call, or several; None: any."""


class Place(Protocol):
    """Where people write: a network's `Room`."""

    @property
    def id(self) -> Hashable:
        """As calls name it."""


class Network(ABC, Generic[CallT, EventT, MessageT]):
    """A fake network, open for the length of a block."""

    troubles: Troubles
    """All that goes wrong now."""
    _server: Server

    @property
    @abstractmethod
    def record(self) -> Record[CallT, EventT, MessageT]:
        """What the bot asked for and did."""

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
        if self._server.crash and error is None:
            raise RuntimeError("the fake network itself failed") from self._server.crash

    # --- what the bot did ---

    @property
    def sent(self) -> list[MessageT]:
        """What the bot sent, in order, as it is now: edited, deleted, reacted to."""
        return self.record.sent

    @property
    def events(self) -> list[EventT]:
        """All that the bot did, in order: sent, edited, deleted, reacted ..."""
        return self.record.events

    @property
    def requests(self) -> list[CallT]:
        """Every request of the bot, in order, also those that failed."""
        return self.record.calls

    async def wait_for(self, condition: Callable[[], object], timeout_s: float = WAIT_S) -> Any:
        """Wait until a condition holds; return what it returned.

        It is looked at after each request, and each thing that the bot does or is told.

        Raises:
            TimeoutError: It did not come to hold in that time.
        """
        return await self.record.wait_for(condition, timeout_s)

    async def wait_for_sent(self, count: int = 1, timeout_s: float = WAIT_S) -> list[MessageT]:
        """Wait until the bot has sent so many messages; return all that it sent.

        Raises:
            TimeoutError: It has not, in that time.
        """
        await self.wait_for(lambda: len(self.sent) >= count, timeout_s)
        return self.sent

    # --- what goes wrong ---

    def slow_down(self, names: Names, seconds: float) -> Trouble:
        """Let the answers to calls come late, until the trouble is ended."""
        return self._fail(names, Slow(seconds))

    def _fail(
        self,
        names: Names,
        failure: Failure,
        times: int | None = None,
        place: Place | None = None,
    ) -> Trouble:
        several = (names,) if isinstance(names, str) else names
        lower = None if several is None else frozenset(name.lower() for name in several)
        where = place.id if place else None
        return self.troubles.add(
            Trouble(failure=failure, methods=lower, times=times, place=where)
        )

    def _hold(self, names: Names, is_before: bool, place: Place | None) -> Gate:
        gate = Gate(is_before)
        gate.trouble = self._fail(names, gate, place=place)
        return gate

    @abstractmethod
    async def listen(self) -> None:
        """Accept connections; after `refuse` on the same ports as before."""

    def refuse(self) -> None:
        """Accept no connections any more; those that are open stay."""
        self._server.refuse()

    def drop_all(self) -> None:
        """Reset every open connection."""
        self._server.drop_all()

    async def close(self) -> None:
        """Refuse, drop, and wait until the loop has let go of the sockets."""
        await self._server.close()


class MethodCall(Protocol):
    """A call of a method."""

    @property
    def method(self) -> str:
        """Its name."""


MethodCallT = TypeVar("MethodCallT", bound=MethodCall)


class MethodNetwork(Network[MethodCallT, EventT, MessageT]):
    """A network whose API is methods: to which chat a call is, its body says."""

    def calls(self, method: str) -> list[MethodCallT]:
        """Return the requests of one method, in order."""
        return [one for one in self.requests if one.method == method]

    def fail_next(
        self,
        method: Names,
        failure: Failure,
        *,
        times: int | None = 1,
        chat: Place | None = None,
    ) -> Trouble:
        """Let the next calls fail.

        Args:
            method: Its name, or several; also the names of what has no method, such as
                `download`; None: any.
            failure: How: an `ApiError`, an answer such as `errors.page(502)`, a `Fault`.
            times: How many calls; None: all until the trouble is ended.
            chat: Only calls to this chat.

        Raises:
            ValueError: It cannot be: a reset happens before the chat is known.
        """
        if failure is Fault.RESET and chat is not None:
            raise ValueError("a reset happens before the chat is known; use Fault.LOST")
        return self._fail(method, failure, times, chat)

    def hold(
        self, method: Names, *, is_before: bool = False, chat: Place | None = None
    ) -> Gate:
        """Let calls wait until the gate that is returned is opened.

        Args:
            method: As for `fail_next`.
            is_before: Whether they are done only then. Else they are done, and their answers
                wait.
            chat: Only calls to this chat.
        """
        return self._hold(method, is_before, chat)
