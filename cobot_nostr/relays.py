"""All relays that we talk to: ours, and for a while those of others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from random import Random
from typing import Any

from cobot import ChannelError, Clock, Unreachable
from cobot.kit import Tasks, within
from cobot.net import Http, Sockets
from cobot_nostr.addresses import may_be_dialled
from cobot_nostr.crypto import Signer
from cobot_nostr.events import Event, Filter
from cobot_nostr.feed import Found
from cobot_nostr.pages import PAGE
from cobot_nostr.relay import Relay
from cobot_nostr.verdicts import NOT_THERE, Remedy, Verdict

MOST_FOREIGN = 20
"""How many relays of others may be connected at a time."""

IDLE_S = 300.0
"""After how many seconds without use a relay of others is let go."""

ROUND_S = 25.0
"""How often it is looked after all of them, in seconds."""

LATE_S = 1.0
"""How long the others are waited for when enough relays have an event, in seconds."""

LEAST_MESSAGE_BYTES = 16_384
"""What a relay says that it takes less than is not believed."""


class Relays:
    """Keeps relays connected, and does with several of them what is done with one."""

    def __init__(
        self,
        name: str,
        ours: Sequence[str],
        signer: Signer,
        sockets: Sockets,
        http: Callable[[], Http],
        clock: Clock,
        random: Random,
        log: logging.Logger,
        *,
        named: Collection[str] = (),
        private: bool,
        on_change: Callable[[], None],
    ) -> None:
        """Connect to nothing yet.

        Args:
            name: The channel's, for errors.
            ours: The relays of the settings, in one form.
            signer: Who we are.
            sockets: Opens connections.
            http: Asks relays for their limits.
            clock: Time.
            random: Chance.
            log: The channel's.
            named: Relays that the settings name besides, as those of groups.
            private: Whether lists of others may name relays in private networks.
            on_change: Called when a relay comes, goes, or has given all it had.
        """
        self.ours = tuple(ours)
        """Addresses of the relays of the settings."""
        self.message_bytes: int | None = None
        """The largest message that all of ours take, as far as they say."""
        self._known = frozenset({*ours, *named})
        self._name = name
        self._signer = signer
        self._sockets = sockets
        self._http = http
        self._clock = clock
        self._random = random
        self._log = log
        self._private = private
        self._on_change = on_change
        self._relays: dict[str, Relay] = {}
        self._asked_for_limits: set[str] = set()
        self._tasks = Tasks()

    def start(self) -> None:
        """Dial ours."""
        for url in self.ours:
            self.get(url).start()
        self._tasks.add(self._look_after(), "nostr relays")

    async def stop(self) -> None:
        """Let all of them go."""
        await self._tasks.stop()
        relays, self._relays = [*self._relays.values()], {}
        await asyncio.gather(*(relay.stop() for relay in relays))

    def __iter__(self) -> Iterator[Relay]:
        return iter([*self._relays.values()])

    def get(self, url: str) -> Relay:
        """Return a relay; it is dialled when it is used."""
        relay = self._relays.get(url)
        if relay is None:
            is_ours = url in self._known
            relay = Relay(
                url,
                self._signer,
                self._sockets,
                self._clock,
                self._random,
                self._log,
                is_ours=is_ours,
                on_change=self._changed,
                allow=None if is_ours or self._private else (),
            )
            self._relays[url] = relay
        return relay

    def usable(self, urls: Collection[str]) -> list[str]:
        """Return those of some addresses that we go to."""
        return [url for url in urls if may_be_dialled(url, self._known, private=self._private)]

    async def connected(self, wait_s: float, *, all_of_them: bool = False) -> None:
        """Wait until one of ours is there, or all; or until it is clear that they are not."""
        relays = [self.get(url) for url in self.ours]
        if all_of_them or not any(relay.is_open for relay in relays):
            await asyncio.gather(*(relay.connected(wait_s) for relay in relays))

    async def publish(
        self, event: Event, urls: Collection[str], need: int
    ) -> Mapping[str, Verdict]:
        """Send an event to several relays at once; return what each said.

        Ends when all have answered, or soon after so many have it. Those that have not are
        sent it again later.
        """
        relays = [self.get(url) for url in dict.fromkeys(urls)]
        verdicts: dict[str, Verdict] = {}
        enough = asyncio.Event()

        async def one(relay: Relay) -> None:
            verdicts[relay.url] = await relay.publish(event)
            if sum(verdict.is_done for verdict in verdicts.values()) >= need:
                enough.set()

        async def all_of_them() -> None:
            await asyncio.gather(*map(one, relays))

        work = asyncio.ensure_future(all_of_them())
        waits = asyncio.ensure_future(enough.wait())
        try:
            await asyncio.wait({work, waits}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                await within(self._clock, LATE_S, work)
        finally:
            for task in (work, waits):
                task.cancel()
            await asyncio.wait({work, waits})
        for relay in relays:
            verdict = verdicts.setdefault(relay.url, NOT_THERE)
            if verdict.remedy in (Remedy.AGAIN, Remedy.SLOWER) and enough.is_set():
                relay.outbox.publish_later(event)
        return verdicts

    async def query(
        self,
        filters: Sequence[Filter],
        on_event: Callable[[Any], Event | None],
        *,
        wait_s: float,
        urls: Collection[str] | None = None,
    ) -> Found:
        """Ask several relays once; return what all of them have.

        Args:
            filters: For what.
            on_event: Checks an event.
            wait_s: How long to wait for the slowest, in seconds.
            urls: Which relays; None: those of ours that are connected.

        Returns:
            All there is only if all have answered, and none of ours is missing.

        Raises:
            Unreachable: None of them is there.
        """
        if urls is None:
            ours = [self.get(url) for url in self.ours]
            relays = [relay for relay in ours if relay.is_open]
            is_missing = any(relay.is_expected for relay in ours)
        else:
            relays = [self.get(url) for url in urls]
            is_missing = False
        found = await asyncio.gather(
            *(relay.query(filters, on_event, wait_s=wait_s) for relay in relays)
        )
        if not any(relay.is_open for relay in relays):
            raise Unreachable(self._name, "receive", "no relay is there to be asked")
        events = [event for one in found for event in one.events]
        return Found(events, not is_missing and all(one.is_all for one in found))

    def _changed(self, relay: Relay) -> None:
        if relay.is_open and relay.is_ours and relay.url not in self._asked_for_limits:
            self._asked_for_limits.add(relay.url)
            self._tasks.add(self._ask_for_limits(relay))
        self._on_change()

    async def _ask_for_limits(self, relay: Relay) -> None:
        """Read what a relay says of itself (NIP-11): hints, never the truth."""
        url = relay.url.replace("ws", "http", 1)
        accept = {"Accept": "application/nostr+json"}
        try:
            answer = await self._http().call("receive", url, headers=accept, repeatable=True)
            told = answer.json()
        except (ChannelError, ValueError):
            return
        limits = told.get("limitation") if isinstance(told, dict) else None
        if not isinstance(limits, dict):
            return
        most, size = limits.get("max_limit"), limits.get("max_message_length")
        if type(most) is int and most > 0:
            relay.feed.page_limit = min(PAGE, most)
        if type(size) is int and size >= LEAST_MESSAGE_BYTES:
            self.message_bytes = min(self.message_bytes or size, size)

    async def _look_after(self) -> None:
        while True:
            await self._clock.sleep(ROUND_S)
            now = self._clock.monotonic()
            foreign = [relay for relay in self if not relay.is_ours and not relay.is_used]
            foreign.sort(key=lambda one: one.used_at)
            surplus = len(foreign) - MOST_FOREIGN
            for number, relay in enumerate(foreign):
                if number < surplus or now - relay.used_at > IDLE_S:
                    del self._relays[relay.url]
                    await relay.stop()
            await asyncio.gather(*(relay.probe() for relay in self if relay.is_used))
