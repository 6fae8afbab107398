"""Receiving: what we want of relays, and handing it over so that nothing is missed.

A private message's envelope is dated up to two days back, so a relay is asked for three days
more than since when we know everything (NIP-17). That moment is one cursor per relay: how long
the relay has given us all it has, by our clock and never by an event's date. It moves also when
nothing comes, for a relay is asked every now and then whether that was all.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import attrs

from cobot import AuthFailed, Batch, Context, Item, Unreachable
from cobot.kit import Recent, Tasks, within
from cobot_nostr.addresses import Chat
from cobot_nostr.directory import Directory
from cobot_nostr.events import (
    CHANNEL_MESSAGE,
    CHAT,
    COMMENT,
    DELETION,
    FUTURE_S,
    GIFT_WRAP,
    NIP04,
    NOTE,
    OLD_CHAT,
    REACTION,
    Event,
    Filter,
    is_hex,
)
from cobot_nostr.feed import Subscription
from cobot_nostr.intake import OLDEST_S, Arrived, Intake
from cobot_nostr.memory import Memory
from cobot_nostr.relay import Relay
from cobot_nostr.relays import Relays
from cobot_nostr.tags import members_of, names_in, reply_in
from cobot_nostr.wire import items_of, place_of

WRAP_OVERLAP_S = 3 * 86_400
"""How much further back than the cursor wraps are asked for: two days, and one for clocks."""

OVERLAP_S = 15 * 60
"""The same for what is dated truly, more or less."""

WAITING = 1000
"""How many events may wait to be handed over; then relays wait."""

BEAT_S = 60.0
"""How often cursors move when nothing comes, in seconds."""

YIELD_EVERY = 20
"""After how many opened events others get their turn, when many come at once."""

LOOK_UP_S = 2.0
"""How long to look for messages that an event is about, in seconds."""

MOST_LOOKED_UP = 100
"""How many of them are asked for at once."""

MOST_AUTHORS = 200
"""Of how many people in open threads deletions are asked for."""

DELETIONS = "deletions"


@attrs.frozen(kw_only=True)
class Wanted:
    """What is wanted besides private messages and mentions."""

    chats: Sequence[Chat] = ()
    """Groups and public chats."""
    nip04: bool = True
    """Whether private messages in the old form are read."""


class Receiving:
    """One run of receiving, from its cursors on."""

    def __init__(
        self,
        context: Context,
        relays: Relays,
        intake: Intake,
        memory: Memory,
        directory: Directory,
        wanted: Wanted,
        cursors: Mapping[str, str],
    ) -> None:
        self._context = context
        self._clock = context.clock
        self._relays = relays
        self._intake = intake
        self._memory = memory
        self._directory = directory
        self._wanted = wanted
        self._began_at = self._clock.now().timestamp()
        self._known_until = {
            url: int(cursor) for url, cursor in cursors.items() if _is_time(cursor)
        }
        self._unstored: set[str] = set()
        # Bounded by who puts in: what a relay had stored is in memory anyway, and a relay that
        # waits for room in the middle of it answers no questions about what is in it.
        self._queue: asyncio.Queue[Arrived] = asyncio.Queue()
        self._has_room = asyncio.Event()
        self._authors: Recent[str, None] = Recent(MOST_AUTHORS)
        self._asked_authors: tuple[str, ...] = ()
        self._subscriptions: list[tuple[Relay, Subscription]] = []
        self._tasks = Tasks()
        self._is_over = False

    async def batches(self) -> AsyncGenerator[Batch, None]:
        """Subscribe, and yield what comes.

        Raises:
            AuthFailed: No relay will ever give us anything.
        """
        try:
            await self._subscribe()
            while True:
                arrived = await self._next()
                if arrived:
                    await self._get_to_know(arrived)
                    # What else came meanwhile is not in it, and so is not in the cursors.
                    yield Batch(await self._items(arrived), {})
                cursors = self._cursors()
                if cursors:
                    yield Batch((), cursors)
                self._check_for_deafness()
        finally:
            # Relays that wait for room are let go, or they would wait for ever.
            self._is_over = True
            self._has_room.set()
            await self._tasks.stop()
            for relay, subscription in self._subscriptions:
                await relay.feed.remove(subscription.name)

    # What is wanted.

    async def _subscribe(self) -> None:
        me = self._memory.me
        for url in self._relays.ours:
            relay = self._relays.get(url)
            # By themselves: some relays leave private messages out of mixed questions.
            await self._want(relay, "wraps", WRAP_OVERLAP_S, {"kinds": [GIFT_WRAP], "#p": [me]})
            if self._wanted.nip04:
                await self._want(relay, "nip04", OVERLAP_S, {"kinds": [NIP04], "#p": [me]})
            kinds = [NOTE, REACTION, COMMENT]
            await self._want(relay, "mentions", OVERLAP_S, {"kinds": kinds, "#p": [me]})
            await self._want(relay, DELETIONS, OVERLAP_S, {"kinds": [DELETION], "#p": [me]})
        chans = [chat.value for chat in self._wanted.chats if chat.kind == "chan"]
        if chans:
            for url in self._relays.ours:
                asked = {"kinds": [CHANNEL_MESSAGE], "#e": chans}
                await self._want(self._relays.get(url), "chats", OVERLAP_S, asked)
        groups: dict[str, list[str]] = {}
        for chat in self._wanted.chats:
            if chat.kind == "group":
                groups.setdefault(chat.relay, []).append(chat.value)
        for url, ids in groups.items():
            kinds = [CHAT, OLD_CHAT, REACTION, DELETION]
            asked = {"kinds": kinds, "#h": ids}
            await self._want(self._relays.get(url), "groups", OVERLAP_S, asked)
        self._tasks.add(self._follow_authors(), "nostr deletions")

    async def _want(self, relay: Relay, name: str, overlap_s: float, asked: Filter) -> None:
        if relay.url not in self._known_until:
            self._known_until[relay.url] = int(self._began_at)
            self._unstored.add(relay.url)

        def filters() -> Sequence[Filter]:
            known = self._known(relay.url)
            # What is older would be refused anyway.
            oldest = self._clock.now().timestamp() - OLDEST_S - WRAP_OVERLAP_S
            since = max(0, int(max(known - overlap_s, oldest)))
            made: list[Filter] = [{**asked, "since": since}]
            if name == DELETIONS and self._asked_authors:
                authors = [*self._asked_authors]
                made.append({"kinds": [DELETION], "authors": authors, "since": since})
            return made

        async def take(events: Sequence[Event]) -> None:
            opened: list[Arrived] = []
            for number, event in enumerate(events):
                arrived = self._intake.opened(event, relay.url)
                if arrived is not None:
                    opened.append(arrived)
                if number % YIELD_EVERY == YIELD_EVERY - 1:
                    await asyncio.sleep(0)
            # By when it was written: envelopes are dated by chance.
            for arrived in sorted(opened, key=lambda one: one.inner.created_at):
                if not self._is_over:
                    self._queue.put_nowait(arrived)
            while self._queue.qsize() > WAITING and not self._is_over:
                self._has_room.clear()
                await self._has_room.wait()

        subscription = Subscription(name, filters, self._intake.checked(filters), take)
        self._subscriptions.append((relay, subscription))
        await relay.subscribe(subscription)

    async def _follow_authors(self) -> None:
        """Ask for the deletions of those who wrote lately: few name us in theirs."""
        while True:
            await self._clock.sleep(BEAT_S)
            authors = tuple(self._authors)
            if authors == self._asked_authors:
                continue
            self._asked_authors = authors
            for relay, subscription in self._subscriptions:
                if subscription.name == DELETIONS:
                    await relay.subscribe(subscription)

    # What comes.

    async def _next(self) -> list[Arrived]:
        first = await within(self._clock, BEAT_S, self._queue.get())
        if first is None:
            return []
        arrived = [first]
        while not self._queue.empty():
            arrived.append(self._queue.get_nowait())
        self._has_room.set()
        return arrived

    async def _items(self, arrived: Sequence[Arrived]) -> list[Item]:
        received_at = self._clock.now()
        items: list[Item] = []
        for one in arrived:
            inner = one.inner
            place = place_of(one, self._memory.me)
            if place is not None:
                self._memory.note(inner.id, place)
                if place.chat.startswith("group:"):
                    self._memory.note_in_group(place.chat, inner.id, inner.pubkey)
                await self._note_chat(one, place.chat)
            items += items_of(one, self._context.name, received_at, self._memory)
        return items

    async def _note_chat(self, arrived: Arrived, chat: str) -> None:
        inner, me = arrived.inner, self._memory.me
        if inner.pubkey == me:
            return
        if chat.startswith("room:"):
            await self._memory.put("room", chat, members_of(inner, me))
        elif chat.startswith("dm:"):
            at = min(inner.created_at, int(self._clock.now().timestamp()))
            form: Literal["nip04", "nip17"] = "nip04" if inner.kind == NIP04 else "nip17"
            await self._memory.note_form(inner.pubkey, form, at)
        else:
            self._authors.put(inner.pubkey, None)

    async def _get_to_know(self, arrived: Sequence[Arrived]) -> None:
        """Look up who wrote, and what it is about, as far as that takes no time to speak of."""
        named: dict[str, None] = {}
        about: dict[str, None] = {}
        for one in arrived:
            inner = one.inner
            if inner.pubkey == self._memory.me:
                continue
            named[inner.pubkey] = None
            named.update(dict.fromkeys(names_in(inner.content)))
            if one.event.kind in (GIFT_WRAP, NIP04):
                continue
            answered = reply_in(inner)
            target = inner.last("e") if inner.kind == REACTION else None
            if answered is not None and answered.parent_author is None:
                target = answered.parent
            if is_hex(target) and target and self._memory.place(target) is None:
                about[target] = None
        await asyncio.gather(self._directory.learn(named), self._look_up([*about]))

    async def _look_up(self, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), MOST_LOOKED_UP):
            asked: dict[str, Any] = {"ids": [*ids[start : start + MOST_LOOKED_UP]]}
            try:
                found = await self._relays.query(
                    [asked], self._intake.verified([asked]), wait_s=LOOK_UP_S
                )
            except Unreachable:
                return
            for event in found.events:
                place = place_of(Arrived(event=event, inner=event, relay=""), self._memory.me)
                if place is not None and event.kind not in (GIFT_WRAP, NIP04):
                    self._memory.note(event.id, place)

    # How far we are.

    def _cursors(self) -> dict[str, str]:
        """Return until when we know everything, for each relay for which that has grown.

        Only while nothing waits anywhere: an event that one relay is just handing over counts
        as known when another has it too.
        """
        relays = {relay.url: relay for relay, _ in self._subscriptions}
        if not self._queue.empty() or any(one.feed.has_undelivered for one in relays.values()):
            return {}
        cursors = {}
        for url, relay in relays.items():
            if not relay.is_live or relay.heard_at is None:
                continue
            until = int(relay.heard_at.timestamp())
            if until > self._known(url):
                self._known_until[url] = until
                cursors[url] = str(until)
        if cursors:
            # Also from when on the others owe us everything, though they were never there.
            owed = {url: str(self._known_until[url]) for url in self._unstored}
            cursors = {**owed, **cursors}
            self._unstored.clear()
        return cursors

    def _known(self, url: str) -> int:
        """Return until when we know what a relay has, in Unix seconds."""
        known = self._known_until[url]
        # From a clock that was wrong: it says nothing, and would keep us deaf until then.
        return known if known <= self._clock.now().timestamp() + FUTURE_S else 0

    def _check_for_deafness(self) -> None:
        relays = [self._relays.get(url) for url in self._relays.ours]
        if all(relay.feed.is_deaf for relay in relays):
            detail = "no relay gives us private messages with this key"
            raise AuthFailed(self._context.name, "receive", detail)


def _is_time(cursor: str) -> bool:
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 16):
        return False
    try:
        datetime.fromtimestamp(int(cursor), UTC)
    except (OverflowError, ValueError, OSError):
        return False
    return True
