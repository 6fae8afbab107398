"""A document in the form that a network takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import attrs

from cobot.messages import Json, OutgoingMessage
from cobot.text.document import Document


@attrs.frozen
class Rendered:
    """A network's own form of a document: what a channel's `session_render` returns."""

    text: str
    """What is measured, and sent as the text."""
    marks: Json = ()
    """What goes with it: JSON of the channel's own, such as a list of Telegram's entities."""
    load: float = attrs.field(default=0.0, kw_only=True, eq=False)
    """How much it takes of a limit of the network on anything but the length of the text, say
    of a number of entities: 1 is all of it, and with more it is split further."""

    @property
    def json(self) -> Json:
        """The form as it is stored in a message, for `of`."""
        return {"text": self.text, "marks": self.marks}

    @classmethod
    def of(cls, message: OutgoingMessage) -> Rendered:
        """Return the form of a message that is to be sent now, as it was rendered.

        What nobody rendered is its content, as it is.
        """
        stored = message.rendered
        if stored is None:
            return cls(message.content)
        return cls(stored["text"], stored["marks"])


Render: TypeAlias = Callable[[Document], Rendered]
"""Makes a network's form of a document. Pure; may be called in any thread."""
