"""What a channel found in what its network told, on its way to the session."""

from __future__ import annotations

import logging

import attrs

from cobot.messages import Batch, Item

UNREADABLE = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    OSError,  # a time that no calendar has
    RecursionError,
)
"""What reading something can raise whose shape we do not know. It is passed over: it would come
again, and for ever."""


@attrs.define
class Found:
    """What several events hold. Channels add fields of their own."""

    items: list[Item] = attrs.field(factory=list)
    """Messages and events, in order."""
    cursors: dict[str, str] = attrs.field(factory=dict)
    """How far we have come with them."""
    notes: list[str] = attrs.field(factory=list)
    """What the owner of the bot should know."""
    unread: list[str] = attrs.field(factory=list)
    """What could not be read, without anything that somebody wrote."""

    def batch(self) -> Batch:
        """Return what is handed over."""
        return Batch(self.items, self.cursors)

    def tell(self, log: logging.Logger) -> None:
        """Tell the owner what there is to know."""
        for note in self.notes:
            log.info("%s", note)
        for what in self.unread:
            log.warning("%s cannot be read; it is passed over", what)
