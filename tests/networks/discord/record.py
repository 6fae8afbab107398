"""What happened on the network, for tests to read and to wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import attrs

from networks.discord.calls import Call
from networks.discord.entities import Channel, Message

EventKind: TypeAlias = Literal[
    "sent",
    "edited",
    "deleted",
    "reacted",
    "unreacted",
    "typing",
    "thread",
    "presence",
    "answered",
]


@attrs.frozen
class Event:
    """Something that the bot did, as people see it."""

    kind: EventKind
    channel: Channel | None
    """None: its presence."""
    message: Message | None = None
    detail: Any = None
    """The reaction's emoji; the presence; the text before an edit; the answer's type."""


class Record:
    """Everything that the bot asked for and did, in order."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.events: list[Event] = []
        self.sent: list[Message] = []
        self.listeners: list[Callable[[Event], None]] = []
        self._waiting: list[tuple[Callable[[], object], asyncio.Future[Any]]] = []
        self._is_checking = False

    def note(self, event: Event) -> None:
        """Take note of what the bot did."""
        self.events.append(event)
        if event.kind == "sent" and event.message:
            self.sent.append(event.message)
        for listener in self.listeners:
            listener(event)
        self.changed()

    def changed(self) -> None:
        """Look, when the loop comes to it, whether something has come that is waited for."""
        if self._waiting and not self._is_checking:
            self._is_checking = True
            asyncio.get_running_loop().call_soon(self._check)

    def _check(self) -> None:
        self._is_checking = False
        still = []
        for condition, future in self._waiting:
            if future.done():
                continue
            try:
                value = condition()
            except Exception as error:  # noqa: BLE001 - it belongs to the one who waits
                future.set_exception(error)
                continue
            if value:
                future.set_result(value)
            else:
                still.append((condition, future))
        self._waiting = still

    async def wait_for(self, condition: Callable[[], object], timeout_s: float) -> Any:
        """Wait until a condition holds; return what it returned.

        Raises:
            TimeoutError: It did not come to hold in that time.
        """
        if value := condition():
            return value
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((condition, future))
        async with asyncio.timeout(timeout_s):
            return await future
