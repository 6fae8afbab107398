"""What we publish at one relay, and what it says to that (NIP-01, NIP-42)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import attrs

from cobot import ChannelError, Clock, Unreachable
from cobot.kit import Tasks, within
from cobot_nostr.events import Event
from cobot_nostr.verdicts import LOST, NOT_THERE, SILENT, Remedy, Verdict

KEPT = 500
"""How many events that a relay has not taken yet are kept for it."""

KEPT_S = 86_400.0
"""For how long they are, in seconds."""

AGAIN_S = 30.0
MOST_AGAIN_S = 900.0
"""After what time they are sent again, in seconds: at first, and at most."""


@attrs.define(eq=False)
class _Waiting:
    event: Event
    answer: asyncio.Future[Verdict]
    has_authenticated: bool = False


class Outbox:
    """Events on their way to one relay."""

    def __init__(
        self,
        clock: Clock,
        tasks: Tasks,
        *,
        send: Callable[[list[Any]], Awaitable[None]],
        authenticate: Callable[[], Awaitable[bool]],
    ) -> None:
        """Have nothing to send yet.

        Args:
            clock: Time.
            tasks: Who ends what this begins.
            send: Sends a message. Raises LookupError or ChannelError.
            authenticate: Says who we are; False: that has been done already.
        """
        self._clock = clock
        self._tasks = tasks
        self._send = send
        self._authenticate = authenticate
        self._waiting: dict[str, list[_Waiting]] = {}
        self._kept: dict[str, tuple[Event, float]] = {}
        self._is_working_off = False

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def wants_authentication(self) -> bool:
        """Whether an event is not taken from who has not said who they are."""
        return any(one.has_authenticated for one in self._all())

    async def publish(self, event: Event, *, wait_s: float) -> Verdict:
        """Send an event and return what the relay says to it."""
        waiting = _Waiting(event, asyncio.get_running_loop().create_future())
        self._waiting.setdefault(event.id, []).append(waiting)
        try:
            await self._send(["EVENT", event.json])
            verdict = await within(self._clock, wait_s, waiting.answer)
            return SILENT if verdict is None else verdict
        except (LookupError, Unreachable):
            return NOT_THERE
        except ChannelError:
            return LOST
        finally:
            self._waiting[event.id].remove(waiting)
            if not self._waiting[event.id]:
                del self._waiting[event.id]

    def publish_later(self, event: Event) -> None:
        """Send an event again with the next connection, for a day; nobody waits for it."""
        if len(self._kept) >= KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[event.id] = (event, self._clock.monotonic() + KEPT_S)
        if not self._is_working_off:
            self._is_working_off = True
            self._tasks.add(self._work_off())

    async def resend(self) -> None:
        """Send again what is kept, and what waits for the relay to know who we are.

        Raises:
            LookupError: There is no connection.
            ChannelError: There is none any more.
        """
        for waiting in self._all():
            if waiting.has_authenticated and not waiting.answer.done():
                await self._send(["EVENT", waiting.event.json])
        now = self._clock.monotonic()
        self._kept = {id_: kept for id_, kept in self._kept.items() if kept[1] > now}
        for event, _ in [*self._kept.values()]:
            await self._send(["EVENT", event.json])

    async def answered(self, id_: str, verdict: Verdict) -> None:
        """Take what the relay says to an event."""
        for waiting in [*self._waiting.get(id_, [])]:
            if waiting.answer.done():
                continue
            if verdict.remedy is Remedy.AUTH and not waiting.has_authenticated:
                waiting.has_authenticated = True  # it is sent again once that is done
                if not await self._authenticate():
                    await self._send(["EVENT", waiting.event.json])
            else:
                waiting.answer.set_result(verdict)
        if verdict.remedy not in (Remedy.AGAIN, Remedy.SLOWER, Remedy.AUTH):
            self._kept.pop(id_, None)

    def lose(self, verdict: Verdict, *, all_of_them: bool = True) -> None:
        """Answer what will not be answered; or only what waits for who we are."""
        for waiting in self._all():
            is_meant = all_of_them or waiting.has_authenticated
            if is_meant and not waiting.answer.done():
                waiting.answer.set_result(verdict)

    def _all(self) -> list[_Waiting]:
        return [one for several in self._waiting.values() for one in several]

    async def _work_off(self) -> None:
        wait_s = AGAIN_S
        while self._kept:
            await self._clock.sleep(wait_s)
            wait_s = min(2 * wait_s, MOST_AGAIN_S)
            with suppress(LookupError, ChannelError):  # or with the next connection
                await self.resend()
        self._is_working_off = False
