"""What happened on a fake network, for tests to read and to wait for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from networks.waiting import Waiting


class Happening(Protocol):
    """Something that the bot did: a network's `Event`."""

    @property
    def kind(self) -> str:
        """What it did; `sent` is what all networks have."""

    @property
    def message(self) -> Any:
        """Which message it did it with or to; None: none."""


CallT = TypeVar("CallT")
EventT = TypeVar("EventT", bound=Happening)
MessageT = TypeVar("MessageT")


class Record(Waiting, Generic[CallT, EventT, MessageT]):
    """Everything that the bot asked for and did, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[CallT] = []
        self.events: list[EventT] = []
        self.sent: list[MessageT] = []
        self.listeners: list[Callable[[EventT], None]] = []

    def note(self, event: EventT) -> None:
        """Take note of what the bot did."""
        self.events.append(event)
        if event.kind == "sent" and event.message:
            self.sent.append(event.message)
        for listener in self.listeners:
            listener(event)
        self.changed()
