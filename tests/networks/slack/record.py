"""What happened on the network, for tests to read and to wait for."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import attrs

from networks import record
from networks.slack.calls import Call
from networks.slack.chats import Channel, Message

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


Record: TypeAlias = record.Record[Call, Event, Message]
"""Everything that the bot asked for and did, in order."""
