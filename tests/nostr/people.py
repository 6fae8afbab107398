"""A person on Nostr, with a connection of their own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random
from typing import Any, TypeVar

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from cobot import Clock
from cobot_nostr.crypto import Signer
from cobot_nostr.events import AUTH, DIRECT, INBOX_LIST, Draft, Event, read_event
from cobot_nostr.wraps import unwrap, wrap

T = TypeVar("T")

WAIT_S = 5.0


class Person:
    """Writes, and reads all that reaches them."""

    def __init__(self, url: str, clock: Clock, *, signer: Signer | None = None) -> None:
        """Connect to nothing yet."""
        self.url = url
        self.signer = signer or Signer.generate()
        self.clock = clock
        self.events: list[Event] = []
        """All events that came, as they were published."""
        self.rumors: list[Event] = []
        """What was in those that were for them."""
        self.random = Random(7)
        self._connection: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._changed = asyncio.Condition()
        self._answers: dict[str, tuple[bool, str]] = {}
        self._auth_id = ""
        self._listed_at = 0

    @property
    def id(self) -> str:
        """Their public key."""
        return self.signer.pubkey

    @property
    def now(self) -> int:
        """The time, in Unix seconds."""
        return int(self.clock.now().timestamp())

    async def __aenter__(self) -> Person:
        self._connection = await connect(self.url)
        self._reader = asyncio.create_task(self._read(self._connection))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._connection is not None
        assert self._reader is not None
        self._reader.cancel()
        await self._connection.close()
        with suppress(asyncio.CancelledError):
            await self._reader

    async def watch(self, *filters: dict[str, Any]) -> None:
        """Read all wraps for them, and what else is asked for."""
        await self._send("REQ", "watch", {"kinds": [1059], "#p": [self.id]}, *filters)

    async def publish(self, event: Event) -> tuple[bool, str]:
        """Publish an event; return what the relay says."""
        self._answers.pop(event.id, None)
        await self._send("EVENT", event.json)
        return await self.until(lambda: self._answers.get(event.id))

    async def say(self, draft: Draft, *, at: int | None = None) -> Event:
        """Publish a draft; return the event."""
        event = self.signer.sign(draft, self.now if at is None else at)
        accepted, text = await self.publish(event)
        assert accepted, text
        return event

    async def announce(self, *urls: str) -> None:
        """Say where private messages for them go."""
        accepted, text = await self.publish(self.inbox_list(*urls))
        assert accepted, text

    def inbox_list(self, *urls: str) -> Event:
        """Return where private messages for them go."""
        tags = tuple(("relay", url) for url in urls)
        # Later than the last one, or relays refuse it.
        self._listed_at = max(self.now, self._listed_at + 1)
        return self.signer.sign(Draft(kind=INBOX_LIST, tags=tags), self._listed_at)

    def rumor_to(self, receiver: str, text: str) -> Event:
        """Return a private message that is in no envelope yet."""
        draft = Draft(kind=DIRECT, tags=(("p", receiver),), content=text)
        return self.signer.rumor(draft, self.now)

    async def publish_until_taken(self, event: Event) -> None:
        """Publish an event on a relay that first wants to know who does."""
        while True:
            accepted, text = await self.publish(event)
            if accepted:
                return
            assert text.startswith("auth-required"), text
            await self.until(lambda: self._answers.get(self._auth_id))

    async def whisper(
        self,
        to: str | Sequence[str],
        text: str = "",
        *,
        draft: Draft | None = None,
        at: int | None = None,
        wrapped_at: int | None = None,
    ) -> Event:
        """Write privately; return the rumor."""
        receivers = [to] if isinstance(to, str) else [*to]
        tags = tuple(("p", one) for one in receivers)
        draft = draft or Draft(kind=DIRECT, tags=tags, content=text)
        rumor = self.signer.rumor(draft, self.now if at is None else at)
        for receiver in receivers:
            accepted, said = await self.publish(self.wrapped(rumor, receiver, wrapped_at))
            assert accepted, said
        return rumor

    def wrapped(self, rumor: Event, receiver: str, at: int | None = None) -> Event:
        """Return a rumor in its envelopes, dated back by chance or to a time."""
        if at is not None:
            return wrap(self.signer, rumor, receiver, at + 1, None)
        return wrap(self.signer, rumor, receiver, self.now, self.random)

    async def until(self, condition: Callable[[], T | None]) -> T:
        """Wait for something that a frame brings; return it."""
        async with asyncio.timeout(WAIT_S), self._changed:
            while not (value := condition()):
                await self._changed.wait()
            return value

    async def rumor(self, **fields: Any) -> Event:
        """Wait for something private; return it."""
        return await self.until(lambda: _first(self.rumors, fields))

    async def event(self, **fields: Any) -> Event:
        """Wait for an event; return it."""
        return await self.until(lambda: _first(self.events, fields))

    async def _send(self, *message: Any) -> None:
        assert self._connection is not None
        await self._connection.send(json.dumps(message))

    async def _read(self, connection: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            async for frame in connection:
                await self._take(json.loads(frame))
                async with self._changed:
                    self._changed.notify_all()

    async def _take(self, message: list[Any]) -> None:
        match message:
            case ["EVENT", _, event]:
                read = read_event(event)
                self.events.append(read)
                if self.id in read.values("p") and read.kind == 1059:
                    self.rumors.append(unwrap(self.signer, read))
            case ["OK", id_, accepted, text]:
                self._answers[id_] = (accepted, text)
                if id_ == self._auth_id:
                    await self.watch()
            case ["AUTH", challenge]:
                tags = (("relay", self.url), ("challenge", challenge))
                event = self.signer.sign(Draft(kind=AUTH, tags=tags), self.now)
                self._auth_id = event.id
                await self._send("AUTH", event.json)


def _first(events: Sequence[Event], fields: dict[str, Any]) -> Event | None:
    return next(
        (
            one
            for one in events
            if all(getattr(one, name) == value for name, value in fields.items())
        ),
        None,
    )
