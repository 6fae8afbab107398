"""What happened on the network, for tests to read and to wait for."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import attrs

from networks import record
from networks.telegram.calls import Call
from networks.telegram.chats import Chat, Message

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


Record: TypeAlias = record.Record[Call, Event, Message]
"""Everything that the bot asked for and did, in order."""
