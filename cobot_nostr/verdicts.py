"""What relays say to events and subscriptions, and what is to be done about it. Pure."""

from __future__ import annotations

from enum import Enum

import attrs


class Remedy(Enum):
    """What is to be done about an answer."""

    DONE = "it has it"
    AUTH = "authenticate, then send it again"
    SLOWER = "wait, longer each time, and send it again"
    AGAIN = "send it again"
    NEVER = "it will never take this"
    FORBIDDEN = "it will never take this from us"
    STALE = "there is a newer version, or it was deleted"


_REMEDIES = {
    "duplicate": Remedy.DONE,
    "auth-required": Remedy.AUTH,
    "rate-limited": Remedy.SLOWER,
    "error": Remedy.AGAIN,
    "invalid": Remedy.NEVER,
    "unsupported": Remedy.NEVER,
    "bad req": Remedy.NEVER,
    "pow": Remedy.NEVER,
    "blocked": Remedy.FORBIDDEN,
    "restricted": Remedy.FORBIDDEN,
    "mute": Remedy.FORBIDDEN,
    "replaced": Remedy.STALE,
    "deleted": Remedy.STALE,
}

TEXT_CHARS = 200


@attrs.frozen
class Verdict:
    """What one relay said to one event, or to a subscription."""

    remedy: Remedy
    text: str = ""
    """In the relay's words, shortened: a stranger's text."""
    was_sent: bool = True
    """Whether it can have arrived."""

    @property
    def is_done(self) -> bool:
        """Whether the relay has the event."""
        return self.remedy is Remedy.DONE


SILENT = Verdict(Remedy.AGAIN, "no answer in time")
LOST = Verdict(Remedy.AGAIN, "the connection broke before the answer")
NOT_THERE = Verdict(Remedy.AGAIN, "not connected", was_sent=False)


def read_verdict(text: object, *, accepted: bool = False) -> Verdict:
    """Return what a relay means by the end of an OK or a CLOSED."""
    words = text if isinstance(text, str) else ""
    said = "".join(one if one.isprintable() else " " for one in words[:TEXT_CHARS])
    prefix = said.partition(":")[0].strip().lower()
    if accepted:
        # `pow:` and others may come with what was accepted.
        return Verdict(Remedy.DONE, said)
    return Verdict(_REMEDIES.get(prefix, Remedy.AGAIN), said)
