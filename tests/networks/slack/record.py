"""What happened on the network, for tests to read and to wait for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import attrs

from networks.slack.calls import Call
from networks.slack.chats import Channel, Message
from networks.waiting import Waiting

EventKind: TypeAlias = Literal[
    "sent",
    "edited",
    "deleted",
    "reacted",
    "unreacted",
    "status",
    "presence",
    "ephemeral",
    "answered",
]


@attrs.frozen
class Event:
    """Something that the bot did, as people see it."""

    kind: EventKind
    channel: Channel | None = None
    message: Message | None = None
    detail: Any = None
    """The reaction's name; the status; the presence; the text before an edit; what only one
    sees; the answer to a command or a button."""


class Record(Waiting):
    """Everything that the bot asked for and did, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.events: list[Event] = []
        self.sent: list[Message] = []
        self.listeners: list[Callable[[Event], None]] = []

    def note(self, event: Event) -> None:
        """Take note of what the bot did."""
        self.events.append(event)
        if event.kind == "sent" and event.message:
            self.sent.append(event.message)
        for listener in self.listeners:
            listener(event)
        self.changed()
