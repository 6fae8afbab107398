"""What is wanted of one relay: subscriptions, page by page, and what ends them (NIP-01)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import attrs

from cobot import Clock
from cobot.kit import Tasks, within
from cobot_nostr.events import Event, Filter
from cobot_nostr.pages import PAGE, Pages
from cobot_nostr.verdicts import Remedy, Verdict

STORED_S = 30.0
"""How long a relay may be silent about what it has stored; then what came is handed over."""

MOST_STORED_S = 300.0
"""The same for a relay that goes on and on, a little at a time."""

STORED_BYTES = 32 * 1024 * 1024
"""How much of what a relay has stored may wait for the rest, to be put in order."""

RETRY_S = 30.0
MOST_RETRY_S = 900.0
"""How long to wait until a subscription that a relay ended is asked for again, in seconds."""


@attrs.define(eq=False)
class Subscription:
    """Something that is wanted of a relay for as long as we run."""

    name: str
    """Its id there."""
    filters: Callable[[], Sequence[Filter]]
    """Makes the filters anew for each connection: their `since` moves on."""
    on_event: Callable[[Any], Event | None]
    """Checks an event; returns it, or None if it is known or refused."""
    on_batch: Callable[[Sequence[Event]], Awaitable[None]]
    """Takes events that are new, those that were stored oldest first."""
    is_query: bool = False
    """Whether it is asked for once, and not in pages."""
    is_live: bool = attrs.field(default=False, init=False)
    """Whether everything that the relay had stored has come."""
    is_dead: bool = attrs.field(default=False, init=False)
    """Whether the relay will never give it to us."""
    releases: int = attrs.field(default=0, init=False)
    """How often it is in the middle of `on_batch` with what was stored."""
    stored: list[Event] = attrs.field(factory=list, init=False)
    """What has come and waits for the rest, so that it can be put in order."""
    stored_bytes: int = attrs.field(default=0, init=False)
    """How much that is."""
    pages: Pages = attrs.field(factory=lambda: Pages((), PAGE), init=False)
    refusals: int = attrs.field(default=0, init=False)
    round: int = attrs.field(default=0, init=False)
    """Counts how often it was asked for."""

    @property
    def page(self) -> str:
        """The id of what is being read: the subscription's, or of one of its pages."""
        number = self.pages.number
        return f"{self.name}/{number}" if number else self.name


@attrs.frozen
class Found:
    """What came of a question."""

    events: Sequence[Event] = ()
    is_all: bool = False
    """Whether who was asked has said that there is no more."""


class Feed:
    """The subscriptions at one relay."""

    def __init__(
        self,
        url: str,
        clock: Clock,
        log: logging.Logger,
        tasks: Tasks,
        *,
        send: Callable[[list[Any]], Awaitable[None]],
        authenticate: Callable[[], Awaitable[bool]],
        on_change: Callable[[], None],
    ) -> None:
        """Want nothing yet.

        Args:
            url: The relay's, for the log.
            clock: Time.
            log: The channel's.
            tasks: Who ends what this begins.
            send: Sends a message; drops it where there is no connection.
            authenticate: Says who we are; False: that has been done already.
            on_change: Called when all that was stored has come, or never will.
        """
        self.page_limit = PAGE
        """How many events are asked for at once."""
        self._url = url
        self._clock = clock
        self._log = log
        self._tasks = tasks
        self._send = send
        self._authenticate = authenticate
        self._on_change = on_change
        self._subscriptions: dict[str, Subscription] = {}
        self._queries = 0

    def __len__(self) -> int:
        return len(self._subscriptions)

    @property
    def is_live(self) -> bool:
        """Whether all that is wanted has come so far, and comes on; not if a part is dead:
        once the relay gives it to us, it is asked for from when it last did."""
        wanted = [one for one in self._subscriptions.values() if not one.is_query]
        return bool(wanted) and all(one.is_live for one in wanted)

    @property
    def is_deaf(self) -> bool:
        """Whether the relay will never give us anything of what is wanted."""
        wanted = self._subscriptions.values()
        return bool(wanted) and all(one.is_dead for one in wanted)

    @property
    def has_undelivered(self) -> bool:
        """Whether it is in the middle of handing over what the relay had stored."""
        return any(one.releases for one in self._subscriptions.values())

    async def add(self, subscription: Subscription) -> None:
        """Want something from now on."""
        self._subscriptions[subscription.name] = subscription
        await self._ask(subscription)

    async def remove(self, name: str) -> None:
        """Want something no more."""
        if self._subscriptions.pop(name, None) is not None:
            await self._send(["CLOSE", name])

    async def query(
        self,
        filters: Sequence[Filter],
        on_event: Callable[[Any], Event | None],
        *,
        wait_s: float,
    ) -> Found:
        """Ask once for what is stored; return what came in time."""
        self._queries += 1
        found: list[Event] = []
        done = asyncio.Event()

        async def take(events: Sequence[Event]) -> None:
            found.extend(events)
            done.set()

        name = f"q{self._queries}"
        asked = Subscription(name, lambda: filters, on_event, take, is_query=True)
        try:
            await self.add(asked)
            await within(self._clock, wait_s, done.wait())
            return Found(found or asked.stored, asked.is_live and not asked.is_dead)
        finally:
            await self.remove(name)

    async def ask_all(self, *, is_new: bool) -> None:
        """Ask for everything: on a new connection, or as somebody else."""
        for subscription in [*self._subscriptions.values()]:
            if is_new:
                subscription.is_dead, subscription.refusals = False, 0
            if is_new or not subscription.is_query:
                await self._ask(subscription)

    async def pause(self) -> None:
        """Hand over what has come, since the connection has ended."""
        for subscription in [*self._subscriptions.values()]:
            subscription.is_live = False
            await self._release(subscription)

    def give_up(self) -> None:
        """Note that the relay does not take us."""
        for subscription in self._subscriptions.values():
            subscription.is_dead = not subscription.is_live

    # What the relay says.

    async def take(self, name: str, value: Any) -> None:
        """Take an event."""
        subscription = self._subscriptions.get(name.partition("/")[0])
        if subscription is None:
            return
        if name == subscription.page:
            subscription.pages.count(value)
        event = subscription.on_event(value)
        if event is None:
            return
        if subscription.is_live:
            await subscription.on_batch([event])
            return
        subscription.stored.append(event)
        subscription.stored_bytes += _size(event)
        if subscription.stored_bytes > STORED_BYTES:
            await self._release(subscription)  # rather out of order than out of memory

    async def stored(self, name: str, *, is_all: bool) -> None:
        """Take the end of what was stored: ask for what is older, or hand over."""
        subscription = self._subscriptions.get(name.partition("/")[0])
        if subscription is None or subscription.is_live or name != subscription.page:
            return
        if name != subscription.name:
            await self._send(["CLOSE", name])
        pages = subscription.pages
        filters = None if is_all or subscription.is_query else pages.following()
        if filters is None:
            await self._hand_over(subscription)
        else:
            await self._send(["REQ", subscription.page, *filters])

    async def refused(self, name: str, verdict: Verdict) -> None:
        """Take the end of a subscription: it is dead, unless something is done."""
        subscription = self._subscriptions.get(name.partition("/")[0])
        if subscription is None:
            return
        is_page = name != subscription.name
        if is_page and (subscription.is_live or name != subscription.page):
            return  # we have closed it ourselves, and some say so
        subscription.is_live = False
        if subscription.is_query:
            subscription.is_dead = True
            await self._hand_over(subscription)  # who asks once has no time
            return
        # Once we have said who we are, everything is asked for again; but some relays refuse
        # for that reason and never ask who we are.
        is_known = verdict.remedy is not Remedy.AUTH or not await self._authenticate()
        if is_known and verdict.remedy in (Remedy.NEVER, Remedy.FORBIDDEN, Remedy.AUTH):
            subscription.is_dead = True
            self._log.warning(
                "relay %s: gives us nothing of %s: %s", self._url, name, verdict.text
            )
            self._on_change()
            return
        subscription.refusals += 1
        wait_s = min(RETRY_S * 2 ** (subscription.refusals - 1), MOST_RETRY_S)
        self._tasks.add(self._ask_later(subscription, subscription.round, wait_s))

    async def _ask(self, subscription: Subscription) -> None:
        # What has come so far stays: perhaps it does not come again.
        asked = subscription.filters()
        subscription.is_live = False
        subscription.pages = Pages(asked, self.page_limit)
        subscription.round += 1
        if not subscription.is_query:
            self._tasks.add(self._stop_waiting(subscription, subscription.round))
        await self._send(["REQ", subscription.name, *asked])

    async def _ask_later(self, subscription: Subscription, number: int, wait_s: float) -> None:
        await self._clock.sleep(wait_s)
        is_wanted = self._subscriptions.get(subscription.name) is subscription
        if is_wanted and subscription.round == number and not subscription.is_dead:
            await self._ask(subscription)

    async def _stop_waiting(self, subscription: Subscription, number: int) -> None:
        """Hand over what came from a relay that never says that it was all."""
        began = self._clock.monotonic()
        while True:
            seen = len(subscription.stored)
            await self._clock.sleep(STORED_S)
            is_wanted = self._subscriptions.get(subscription.name) is subscription
            if subscription.is_live or not is_wanted or subscription.round != number:
                return
            is_late = self._clock.monotonic() - began > MOST_STORED_S
            if subscription.stored and (is_late or len(subscription.stored) == seen):
                name = subscription.name
                self._log.warning("relay %s: never says that %s is all", self._url, name)
                await self._release(subscription)

    async def _release(self, subscription: Subscription) -> None:
        """Hand over what was stored, oldest first."""
        events, subscription.stored = subscription.stored, []
        subscription.stored_bytes = 0
        subscription.releases += 1
        try:
            if events or subscription.is_query:
                await subscription.on_batch(sorted(events, key=lambda one: one.created_at))
        finally:
            subscription.releases -= 1

    async def _hand_over(self, subscription: Subscription) -> None:
        await self._release(subscription)
        subscription.is_live = True
        subscription.refusals = 0
        self._on_change()


def _size(event: Event) -> int:
    return len(event.content) + 100 * (10 + len(event.tags))  # about
