"""The network as the channel uses it: relays, people, files, put together."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path

import attrs

from cobot import Batch, ChannelError, Context, Media, Rejected, Status, Unreachable
from cobot.kit import Tasks
from cobot.net import Sockets
from cobot_nostr.blossom import Blossom
from cobot_nostr.compose import PRESENCE_S
from cobot_nostr.crypto import Signer
from cobot_nostr.delivery import Delivery
from cobot_nostr.directory import Directory
from cobot_nostr.intake import Intake
from cobot_nostr.memory import Memory
from cobot_nostr.receiving import Receiving, Wanted
from cobot_nostr.relays import Relays
from cobot_nostr.sending import Sending
from cobot_nostr.uploads import Uploads

TEXT_BYTES = 13_500
"""The longest text of one message: wrapped twice it still fits what most relays take."""

SWELL = 5.4
"""How much larger than its text a wrapped message is, at most: where each of its characters is
escaped."""

RENEW_S = PRESENCE_S * 2 / 3
"""How often a status is published anew, in seconds."""


@attrs.frozen(kw_only=True)
class Options:
    """What the settings say, taken apart."""

    signer: Signer
    relays: Sequence[str]
    blossom: Sequence[str]
    profile: Mapping[str, str]
    wanted: Wanted
    private_relays: bool = False
    inbox_fallback: bool = False


class NostrApi:
    """One identity on Nostr."""

    def __init__(self, context: Context, options: Options) -> None:
        """Connect to nothing yet."""
        self._context = context
        self._options = options
        self._signer = signer = options.signer
        self._intake = Intake(signer, context.clock, context.log)
        self.memory = Memory(context, signer.pubkey, [one.id for one in options.wanted.chats])
        """What is known of messages and chats."""
        self.relays = Relays(
            context.name,
            options.relays,
            signer,
            Sockets(context.name, clock=context.clock),
            lambda: context.http,
            context.clock,
            context.random,
            context.log,
            named=[chat.relay for chat in options.wanted.chats if chat.relay],
            private=options.private_relays,
            on_change=self._changed,
        )
        """The relays."""
        self._directory = Directory(
            signer, self.relays, self._intake, context.clock, context.log
        )
        self.memory.directory = self._directory
        self._tasks = Tasks()
        self._blossom = Blossom(options.blossom, signer, context)
        self.sending = Sending(
            context,
            signer,
            self.relays,
            self._intake,
            self.memory,
            Uploads(self._blossom, context),
            Delivery(
                context.name,
                self.relays,
                self._directory,
                self.memory,
                self._tasks,
                context.log,
                inbox_fallback=options.inbox_fallback,
            ),
        )
        """Messages on their way out."""
        self._open = 0
        self._status: tuple[Status, str] | None = None
        self._shown_at = 0.0
        self._showing = asyncio.Lock()

    @property
    def refused(self) -> Counter[str]:
        """How many events were refused since the start, by reason."""
        return self._intake.refused

    @property
    def text_bytes(self) -> int:
        """The longest text that our relays take in one message, as far as they say."""
        most = self.relays.message_bytes
        return TEXT_BYTES if most is None else min(TEXT_BYTES, int(most / SWELL))

    def start(self) -> None:
        """Begin to dial."""
        self.relays.start()
        self._tasks.add(self._renew_status(), "nostr status")

    async def stop(self) -> None:
        """Close all connections."""
        await self._tasks.stop()
        await self.relays.stop()

    async def receive(self, cursors: Mapping[str, str]) -> AsyncGenerator[Batch, None]:
        """Yield what arrives, from the cursors on.

        Raises:
            AuthFailed: No relay will ever give us anything.
        """
        # Whatever was handed over before and not stored counts as unknown again.
        self._intake.start_anew()
        receiving = Receiving(
            self._context,
            self.relays,
            self._intake,
            self.memory,
            self._directory,
            self._options.wanted,
            cursors,
        )
        self._tasks.add(self._directory.announce(self._options.profile), "nostr lists")
        async with aclosing(receiving.batches()) as batches:
            async for batch in batches:
                yield batch

    async def show(self, status: Status, text: str) -> None:
        """Publish our status, unless it has just been shown."""
        async with self._showing:  # one after the other, or relays keep the wrong one
            now = self._context.clock.monotonic()
            if self._status == (status, text) and now - self._shown_at < RENEW_S:
                return
            await self.sending.show(status, text)
            self._status, self._shown_at = (status, text), now

    async def fetch(self, media: Media, path: Path, limit_bytes: int) -> None:
        """Get a file that came with a message."""
        if media.remote is None or "url" not in media.remote:
            detail = f"{media.name!r} did not come through Nostr"
            raise Rejected(self._context.name, "fetch", detail, field="media")
        await self._blossom.download(media.remote, path, limit_bytes)

    async def check(self) -> str:
        """Dial every relay; return who we are and which of them are there.

        Raises:
            Unreachable: None is.
        """
        there: list[str] = []
        missing: list[str] = []
        try:
            for url in self.relays.ours:
                relay = self.relays.get(url)
                is_there = await relay.connected(15.0)
                (there if is_there else missing).append(url)
        finally:
            await self.relays.stop()
        if not there:
            detail = f"no relay is there: {', '.join(missing)}"
            raise Unreachable(self._context.name, "check", detail)
        absent = f"; not there: {', '.join(missing)}" if missing else ""
        return f"{self._signer.npub} on {', '.join(there)}{absent}"

    def _changed(self) -> None:
        relays = [self.relays.get(url) for url in self.relays.ours]
        is_open = sum(relay.is_open for relay in relays)
        if is_open and not self._open:
            self._context.connected()
        if not is_open:
            reasons = "; ".join(f"{one.url}: {one.reason}" for one in relays)
            self._context.degraded(f"no relay is there; {reasons}")
        self._open = is_open

    async def _renew_status(self) -> None:
        while True:
            await self._context.clock.sleep(RENEW_S)
            async with self._showing:  # or a newer one would be followed by the old one
                if self._status is None or self._status[0] == "offline":
                    continue
                try:
                    await self.sending.show(*self._status)
                except ChannelError as error:
                    self._context.log.debug("the status was not renewed: %s", error)
                else:
                    self._shown_at = self._context.clock.monotonic()
