"""What happened on the network, for tests to read and to wait for."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import attrs

from networks import record
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


Record: TypeAlias = record.Record[Call, Event, Message]
"""Everything that the bot asked for and did, in order."""
