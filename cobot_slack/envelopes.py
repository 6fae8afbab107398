"""What Slack hands us, and what is found in it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from cobot import kit
from cobot_slack.contents import Wire


@attrs.frozen(eq=False)  # two of them are never the same
class Envelope:
    """Something that Slack tells, until it is acknowledged."""

    kind: str
    """`events_api`, `slash_commands` or `interactive`."""
    payload: Wire
    id: str = ""
    """What is acknowledged."""
    source: Any = None
    """Where it came from, and is acknowledged."""

    @property
    def event(self) -> Wire:
        """The event in it; empty for commands and buttons."""
        event = self.payload.get("event")
        return event if isinstance(event, Mapping) else {}

    @property
    def event_id(self) -> str:
        """The same whenever it is told again; empty: it has none."""
        return str(self.payload.get("event_id") or "")

    @property
    def channel_id(self) -> str:
        """The channel whose messages it is about; empty: it is about none."""
        event = self.event
        item = event.get("item")
        inside = item.get("channel") if isinstance(item, Mapping) else None
        found = event.get("channel") or inside
        return found if isinstance(found, str) else ""


@attrs.define
class Found(kit.Found):
    """What several events hold."""

    envelopes: list[Envelope] = attrs.field(factory=list)
    """What can be acknowledged once they are stored."""
    commands: list[tuple[str, Wire]] = attrs.field(factory=list)
    """Commands and buttons that can be answered by themselves: message ids and payloads."""
    fatal: str = ""
    """Why nothing more will come; empty: it will."""
