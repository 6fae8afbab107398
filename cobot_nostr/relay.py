"""One relay: its connection, and who we are to it (NIP-01, NIP-42)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime
from random import Random
from typing import Any

from cobot import ChannelError, Clock
from cobot.kit import Tasks, within
from cobot.net import Sockets
from cobot_nostr.crypto import Signer
from cobot_nostr.events import AUTH, Draft, Event, Filter, Refused, dumps, read_json
from cobot_nostr.feed import Feed, Found, Subscription
from cobot_nostr.outbox import Outbox
from cobot_nostr.socket import RelaySocket
from cobot_nostr.verdicts import LOST, NOT_THERE, Remedy, Verdict, read_verdict

ANSWER_S = 10.0
"""How long a relay may take to answer an event, in seconds."""

SILENT_S = 90.0
"""After how many seconds without an answer a relay is given up."""

AWAY_S = 600.0
"""For how long a relay that is not there is reckoned with, in seconds."""

AUTH_AGAIN_S = 60.0
"""After what time we say again who we are to a relay that could not take it, in seconds."""

PROBE = "alive"

YIELD_EVERY = 200
"""After how many frames others get their turn, in the middle of a flood."""


class Relay:
    """One relay, dialled for as long as it is used."""

    def __init__(
        self,
        url: str,
        signer: Signer,
        sockets: Sockets,
        clock: Clock,
        random: Random,
        log: logging.Logger,
        *,
        is_ours: bool,
        on_change: Callable[[Relay], None],
        allow: Collection[str] | None = None,
    ) -> None:
        """Connect to nothing yet.

        Args:
            url: The relay.
            signer: Who we are.
            sockets: Opens connections.
            clock: Time.
            random: Chance.
            log: The channel's.
            is_ours: Whether it may always know who we are: it stands in our settings.
            on_change: Called when it comes, goes, or has given all it had.
            allow: Networks that are dialled besides the internet; None: wherever it leads.
        """
        self.url = url
        self.is_ours = is_ours
        self.reason = "not dialled yet"
        """Why there is no connection."""
        self.used_at = clock.monotonic()
        """When something was last wanted of it."""
        self.heard_at: datetime | None = None
        """When it last said something; everything before has been handed over."""
        self._signer = signer
        self._clock = clock
        self._log = log
        self._on_change = on_change
        self._tasks = Tasks()
        self._challenge: str | None = None
        self._auth_id: str | None = None
        self._is_authenticated = False
        self._auth_at: float | None = None
        self._there_at = clock.monotonic()
        self._settled = asyncio.Event()  # dialled: connected, or failed
        self._frames = 0
        self._frame_at = clock.monotonic()
        self._socket = RelaySocket(
            url,
            sockets,
            clock,
            random,
            log,
            on_open=self._opened,
            on_frame=self._frame,
            on_close=self._closed,
            allow=allow,
        )
        self.feed = Feed(
            url,
            clock,
            log,
            self._tasks,
            send=self._try_to_send,
            authenticate=self._authenticate,
            on_change=lambda: on_change(self),
        )
        """What is wanted of it."""
        self.outbox = Outbox(
            clock, self._tasks, send=self._send, authenticate=self._authenticate
        )
        """What is published there."""

    @property
    def is_open(self) -> bool:
        """Whether there is a connection."""
        return self._socket.is_open

    @property
    def is_live(self) -> bool:
        """Whether all that we want of it has come so far, and comes on.

        Not while it does not know yet who we are: it may be leaving out what is private.
        """
        if self._auth_at is not None and self._clock.monotonic() - self._auth_at < SILENT_S:
            return False
        return self.is_open and self.feed.is_live

    @property
    def is_expected(self) -> bool:
        """Whether it is not there, but was a while ago, or may come in a moment."""
        return not self.is_open and self._clock.monotonic() - self._there_at < AWAY_S

    @property
    def is_used(self) -> bool:
        """Whether something is wanted of it, or waits for its answer."""
        return bool(self.feed or self.outbox)

    def start(self) -> None:
        """Begin to dial."""
        self._socket.start()

    async def stop(self) -> None:
        """Close the connection."""
        await self._socket.stop()  # first: what comes begins tasks
        await self._tasks.stop()
        self.outbox.lose(NOT_THERE)

    async def subscribe(self, subscription: Subscription) -> None:
        """Want something of it, from now on and on each connection."""
        self.start()
        await self.feed.add(subscription)

    async def query(
        self,
        filters: Sequence[Filter],
        on_event: Callable[[Any], Event | None],
        *,
        wait_s: float,
    ) -> Found:
        """Ask once for what it has stored; return what came in time, or nothing."""
        if not await self.connected(wait_s):
            return Found()
        return await self.feed.query(filters, on_event, wait_s=wait_s)

    async def publish(self, event: Event, *, wait_s: float = ANSWER_S) -> Verdict:
        """Send an event and return what the relay says to it."""
        if not await self.connected(wait_s):
            return NOT_THERE
        return await self.outbox.publish(event, wait_s=wait_s)

    async def connected(self, wait_s: float) -> bool:
        """Wait until a dial has succeeded or failed; tell which."""
        self.used_at = self._clock.monotonic()
        if not self.is_open:
            self._settled.clear()
            self.start()
            self._socket.kick()
            await within(self._clock, wait_s, self._settled.wait())
        return self.is_open

    async def probe(self) -> None:
        """Ask for nothing, so that the answer proves that all before it has come.

        A relay that has said nothing for long although it was asked is given up: its
        connection may be open, and nobody there.
        """
        if not self.is_open:
            return
        if self._clock.monotonic() - self._frame_at > SILENT_S:
            self._socket.drop(f"it said nothing for {SILENT_S:g} s, although it was asked")
            return
        await self._try_to_send(["REQ", PROBE, {"ids": ["0" * 64], "limit": 1}])

    # What it says.

    async def _opened(self) -> None:
        self._challenge, self._auth_id, self._auth_at = None, None, None
        self._is_authenticated = False
        self.reason = ""
        self._frame_at = self._clock.monotonic()
        self._settled.set()
        self._log.debug("relay %s: connected", self.url)
        await self.feed.ask_all(is_new=True)
        await self.outbox.resend()
        self._on_change(self)

    async def _closed(self, reason: str) -> None:
        if not self.reason:
            self._there_at = self._clock.monotonic()
            self._log.info("relay %s: %s", self.url, reason)
        self.reason = reason
        self.outbox.lose(LOST)
        self._settled.set()
        await self.feed.pause()
        self._on_change(self)

    async def _frame(self, frame: str) -> None:
        self._frames += 1
        self._frame_at = self._clock.monotonic()
        if self._frames % YIELD_EVERY == 0:
            await asyncio.sleep(0)
        try:
            message = read_json(frame)
        except Refused as refused:
            self._log.debug("relay %s: a frame was refused: %s", self.url, refused)
        else:
            await self._take(message)
        self.heard_at = self._clock.now()

    async def _take(self, message: Any) -> None:
        match message:
            case ["EVENT", str(name), event, *_]:
                await self.feed.take(name, event)
            case ["EOSE", str(name), *hints]:
                is_all = bool(hints) and "finish" in _strings(hints[0])
                await self.feed.stored(name, is_all=is_all)
            case ["OK", str(id_), bool(accepted), *text] if id_ == self._auth_id:
                await self._authenticated(read_verdict(*text[:1] or [""], accepted=accepted))
            case ["OK", str(id_), bool(accepted), *text]:
                verdict = read_verdict(*text[:1] or [""], accepted=accepted)
                await self.outbox.answered(id_, verdict)
            case ["CLOSED", str(name), *text]:
                await self.feed.refused(name, read_verdict(*text[:1] or [""]))
            case ["AUTH", str(challenge), *_]:
                self._challenge, self._is_authenticated, self._auth_id = challenge, False, None
                # To others it is told only if they take nothing else.
                if self.is_ours or self.outbox.wants_authentication:
                    await self._authenticate()
            case ["NOTICE", str(text), *_]:
                self._log.debug("relay %s says: %r", self.url, text[:200])

    # Who we are.

    async def _authenticate(self) -> bool:
        """Say who we are, at once or when the relay asks; False: it knows already."""
        if self._is_authenticated:
            return False
        if self._challenge is not None and self._auth_id is None:
            tags = (("relay", self.url), ("challenge", self._challenge))
            now = int(self._clock.now().timestamp())
            event = self._signer.sign(Draft(kind=AUTH, tags=tags), now)
            self._auth_id = event.id
            self._auth_at = self._clock.monotonic()
            await self._send(["AUTH", event.json])
        return True

    async def _authenticate_later(self, challenge: str | None) -> None:
        await self._clock.sleep(AUTH_AGAIN_S)
        if self.is_open and self._challenge == challenge:
            self._auth_id = None
            with suppress(LookupError, ChannelError):
                await self._authenticate()

    async def _authenticated(self, verdict: Verdict) -> None:
        if verdict.remedy in (Remedy.AGAIN, Remedy.SLOWER):
            self._log.info("relay %s: cannot take us now: %s", self.url, verdict.text)
            self._tasks.add(self._authenticate_later(self._challenge))
            return
        self._auth_at = None
        self._is_authenticated = verdict.is_done
        if verdict.is_done:
            # Also what it has not refused: some leave private messages out silently.
            await self.feed.ask_all(is_new=False)
            await self.outbox.resend()
            return
        self._log.warning("relay %s: does not take us: %s", self.url, verdict.text)
        self.feed.give_up()
        self.outbox.lose(Verdict(Remedy.FORBIDDEN, verdict.text), all_of_them=False)
        self._on_change(self)

    async def _send(self, message: list[Any]) -> None:
        await self._socket.send(dumps(message))

    async def _try_to_send(self, message: list[Any]) -> None:
        # With the next connection it is asked for anyway.
        with suppress(LookupError, ChannelError):
            await self._send(message)


def _strings(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
