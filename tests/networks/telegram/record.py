"""What happened on the network, for tests to read and to wait for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import attrs

from networks.telegram.calls import Call
from networks.telegram.chats import Chat, Message
from networks.waiting import Waiting

EventKind: TypeAlias = Literal[
    "sent", "edited", "deleted", "reacted", "action", "draft", "answered"
]


@attrs.frozen
class Event:
    """Something that the bot did to a chat, as its people see it."""

    kind: EventKind
    chat: Chat | None
    """None: the answer to a button."""
    message: Message | None = None
    detail: Any = None
    """The action's name; the reaction; the draft's text; the text before an edit."""


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
