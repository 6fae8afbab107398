"""Making events: each another one, and each later than the last in its chat."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

from cobot import Clock
from cobot.kit import Recent
from cobot_nostr.crypto import Signer
from cobot_nostr.events import Draft, Event

AHEAD_S = 60
"""How far ahead of the clock events are dated at most, in seconds. Relays take 15 minutes."""

_Make: TypeAlias = Callable[[Draft, int], Event]


class Mint:
    """Dates, signs, and remembers what it has made.

    Events have no order but their time, in whole seconds: parts of one text would be shown in
    any order, and the same text twice in a second would be the same event, and lost.
    """

    def __init__(self, signer: Signer, clock: Clock) -> None:
        self._signer = signer
        self._clock = clock
        self._made: Recent[str, None] = Recent(10_000)
        self._last: Recent[str, int] = Recent(10_000)

    def event(self, draft: Draft, chat: str, wanted: datetime | None = None) -> Event:
        """Make an event for a chat, dated as wanted, or now, and after what was made before."""
        return self._sole(self._signer.sign, draft, self._at(chat, wanted), chat)

    def rumor(self, draft: Draft, chat: str, wanted: datetime | None = None) -> Event:
        """Make an event that nobody signs, in the same way."""
        return self._sole(self._signer.rumor, draft, self._at(chat, wanted), chat)

    def _at(self, chat: str, wanted: datetime | None) -> int:
        now = self._clock.now()
        at = int((wanted or now).timestamp())
        last = self._last.get(chat)
        if last is None:
            # What came before a restart is not known: later than it is now, at any rate.
            return max(at, int(now.timestamp()))
        return max(at, min(last + 1, int(now.timestamp()) + AHEAD_S))

    def _sole(self, make: _Make, draft: Draft, at: int, chat: str) -> Event:
        event = make(draft, at)
        while event.id in self._made:
            at += 1
            event = make(draft, at)
        self._made.put(event.id, None)
        self._last.put(chat, at)
        return event
