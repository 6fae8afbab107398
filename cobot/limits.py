"""What a network allows and offers, as a channel declares it."""

from __future__ import annotations

from typing import Literal, TypeAlias

import attrs

Unit: TypeAlias = Literal["codepoints", "utf16", "bytes"]
"""How a network counts the length of a text."""


@attrs.frozen(kw_only=True)
class Limits:
    """The limits of a channel, or of one chat on it. None: no limit."""

    text: int | None = None
    """The longest text of one message, in `unit`; longer ones are split, never cut."""
    unit: Unit = "codepoints"
    """How `text` and `caption` are counted."""
    caption: int | None = None
    """The longest text beside media, in `unit`; the rest follows as messages of its own."""
    upload_bytes: int | None = None
    """The largest file that can be sent."""
    download_bytes: int | None = None
    """The largest file that can be fetched."""
    typing_s: float | None = None
    """How long one typing action is shown, in seconds."""
    edit_window_s: float | None = None
    """How long after sending a message can be edited, in seconds."""
    idempotency: Literal["none", "key", "same", "lookup"] = "none"
    """What keeps a repeated send from appearing twice: the message's key, sending the very
    same event again, looking it up under its key, or nothing."""
    idempotency_window_s: float | None = None
    """For how long that works, in seconds; after it, as `none`."""
    redelivery_days: float | None = None
    """How long the network goes on offering what was not confirmed, in days."""
    rate_channel: float | None = None
    """Requests per second that the network takes from the whole bot."""
    rate_address: float | None = None
    """Messages per second that the network takes for one chat."""

    def length(self, text: str) -> int:
        """Return the length of a text as this network counts it."""
        return measure(text, self.unit)


def measure(text: str, unit: Unit) -> int:
    """Return the length of a text in a unit."""
    if unit == "bytes":
        return len(text.encode())
    if unit == "utf16" and not text.isascii():
        return len(text.encode("utf-16-le")) // 2
    return len(text)
