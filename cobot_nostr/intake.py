"""What relays hand us: checked, opened, and each thing once however many relays have it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from cobot import Clock
from cobot.kit import Recent
from cobot_nostr.crypto import Signer, Undecryptable, verify
from cobot_nostr.events import (
    FUTURE_S,
    GIFT_WRAP,
    NIP04,
    Event,
    Filter,
    Refused,
    expires_at,
    matches,
    read_event,
)
from cobot_nostr.wraps import unwrap

REMEMBERED = 200_000
"""How many ids are remembered, to look at nothing twice."""

OLDEST_S = 28 * 86_400
"""How old a message may be by its own account, in seconds. Anybody can repeat an old event for
ever, and the journal knows what it has seen for 30 days."""

CROWD = 100
"""An event that names more people than this is meant for none of them."""

LOGGED_EVERY = 1000
"""After how many refusals they are told of again."""


@attrs.frozen(kw_only=True)
class Arrived:
    """Something that is what it says it is."""

    event: Event
    """As it was on the relay."""
    inner: Event
    """What it is about: the rumor of a wrap, else the event itself, decrypted."""
    relay: str
    """Who had it first."""


class Intake:
    """Checks what comes. Refusing costs no more than looking, and delays nobody."""

    def __init__(self, signer: Signer, clock: Clock, log: logging.Logger) -> None:
        self.refused: Counter[str] = Counter()
        """How much was refused, by reason."""
        self._signer = signer
        self._clock = clock
        self._log = log
        self._seen: Recent[str, None] = Recent(REMEMBERED)
        self._rumors: Recent[str, None] = Recent(REMEMBERED)

    def start_anew(self) -> None:
        """Forget what was seen: what was not stored has to be handed over once more."""
        self._seen = Recent(REMEMBERED)
        self._rumors = Recent(REMEMBERED)

    def checked(self, filters: Callable[[], Sequence[Filter]]) -> Callable[[Any], Event | None]:
        """Return what checks the events of one subscription: None for what is known."""

        def check(value: Any) -> Event | None:
            try:
                event = self._check(value, filters())
            except Refused as refused:
                self._count(refused)
                return None
            return event

        return check

    def verified(self, filters: Sequence[Filter]) -> Callable[[Any], Event | None]:
        """Return what checks the events of a question, known or not."""

        def check(value: Any) -> Event | None:
            try:
                event = read_event(value)
                self._verify(event, filters)
            except Refused as refused:
                self._count(refused)
                return None
            return event

        return check

    def opened(self, event: Event, relay: str) -> Arrived | None:
        """Return what an event is about; None: nothing that is new or meant for us.

        Only from now on it is known: a relay that holds back what it has given us by half must
        not keep out what others give us whole.
        """
        if event.id in self._seen:
            return None
        self._seen.put(event.id, None)
        try:
            inner = self._open(event)
        except Refused as refused:
            self._count(refused)
            return None
        now = self._clock.now().timestamp()
        expires = expires_at(inner)
        if expires is not None and expires <= now:
            self.refused["expired"] += 1
            return None
        if inner.created_at < now - OLDEST_S:
            self._count(Refused("old"))
            return None
        # The same rumor comes in several wraps when it was sent again.
        if inner is not event:
            if inner.id in self._rumors:
                return None
            self._rumors.put(inner.id, None)
        return Arrived(event=event, inner=inner, relay=relay)

    def _check(self, value: Any, filters: Sequence[Filter]) -> Event | None:
        # Shape, known, id, signature, filter: the cheap before the dear, and nothing counts
        # as known before it is verified, or a forgery with a real id would keep the real one
        # out.
        event = read_event(value)
        if event.id in self._seen:
            return None
        self._verify(event, filters)
        return event

    def _verify(self, event: Event, filters: Sequence[Filter]) -> None:
        if event.created_at > self._clock.now().timestamp() + FUTURE_S:
            raise Refused("future")
        fault = verify(event)
        if fault:
            raise Refused(fault)
        if not matches(event, filters):
            raise Refused("unasked")

    def _open(self, event: Event) -> Event:
        if event.kind == GIFT_WRAP:
            return self._without_crowd(unwrap(self._signer, event))
        if event.kind == NIP04:
            try:
                content = self._signer.decrypt_nip04(event.pubkey, event.content)
            except Undecryptable:
                raise Refused("undecryptable") from None
            return attrs.evolve(event, content=content)
        return self._without_crowd(event)

    def _without_crowd(self, event: Event) -> Event:
        if sum(1 for _ in event.values("p")) > CROWD:
            raise Refused("crowd")
        return event

    def _count(self, refused: Refused) -> None:
        self.refused[refused.reason] += 1
        total = self.refused.total()
        if total == 1 or total % LOGGED_EVERY == 0:
            reasons = ", ".join(f"{count} {reason}" for reason, count in self.refused.items())
            self._log.warning("refused events so far: %s", reasons)
