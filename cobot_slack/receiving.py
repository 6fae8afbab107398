"""From envelopes to what is handed over: names, and what was missed, in order."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Collection,
    Mapping,
    Sequence,
)
from functools import partial
from typing import TypeVar

import attrs

from cobot import Context, RateLimited, Unreachable
from cobot_slack.api import SlackApi
from cobot_slack.bot import Bot
from cobot_slack.commands import Commands
from cobot_slack.contents import Wire
from cobot_slack.directory import Directory
from cobot_slack.entries import AT_ONCE, GAP, Entries
from cobot_slack.envelopes import Envelope, Found
from cobot_slack.errors import Refusal
from cobot_slack.gaps import (
    FLOOR,
    Missed,
    Place,
    missed_in,
    new_in,
    strangers_of,
    threads_to_ask,
)
from cobot_slack.timestamps import ts_at
from cobot_slack.wire import Reader

T = TypeVar("T")

RETRY_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Waits before a request of ours is made again, in seconds; then the last one."""

STORED_MOST = 20_000
"""Events that are remembered by their ids: what is told again was not acknowledged in time."""


@attrs.frozen(eq=False)
class Page:
    """Messages of a channel that were missed."""

    place: Place
    messages: Sequence[Wire]
    is_last: bool
    note: str = ""
    """What the owner should know."""


@attrs.frozen(eq=False)
class Strangers:
    """Direct messages in which nothing is stored: somebody may have written there first."""

    missed: Sequence[Missed]


class Arrivals:
    """What arrives for one bot. Made anew each time that receiving begins."""

    def __init__(
        self,
        context: Context,
        api: SlackApi,
        entries: Entries,
        directory: Directory,
        commands: Commands,
        bot: Bot,
        listed: Collection[str],
        cursors: Mapping[str, str],
        newest: dict[str, str],
    ) -> None:
        """Receive nothing yet.

        Args:
            context: The channel's.
            api: Asks for what no event tells.
            entries: Have the events.
            directory: Knows names.
            commands: Keeps what can be answered by itself.
            bot: Who we are.
            listed: Ids of channels in the settings.
            cursors: As they were stored.
            newest: By channel, the newest message; kept up to date.
        """
        self._context = context
        self._api = api
        self._entries = entries
        self._directory = directory
        self._commands = commands
        self._listed = frozenset(listed)
        self._cursors = dict(cursors)
        self._reader = Reader(context.name, bot, directory.name, listed, self._cursors, newest)
        self._stored: OrderedDict[str, None] = OrderedDict()
        self._missed: dict[str, Missed] = {}  # by channel: what has to be asked for
        self._held: dict[str, list[Envelope]] = {}  # by channel: what comes after that
        self._is_listing = False  # whether it is not known yet who else may have written
        self._asking: asyncio.Task[None] | None = None
        commands.restore(self._cursors)

    async def found(self) -> AsyncGenerator[Found]:
        """Yield what there is. When control comes back, it is stored."""
        async with self._entries.connected():
            try:
                while True:
                    found = await self._next()
                    yield found
                    self._remember(found)
            finally:
                if self._asking is not None:
                    self._asking.cancel()
                    await asyncio.gather(self._asking, return_exceptions=True)

    async def _next(self) -> Found:
        found = Found()
        entries = await self._entries.take()
        await self._learn(entries)
        for entry in entries:
            if entry is GAP:
                self._begin(found)
            elif isinstance(entry, Page):
                self._read_page(found, entry)
            elif isinstance(entry, Strangers):
                self._note(found, entry)
            elif self._is_early(entry.channel_id):
                self._held.setdefault(entry.channel_id, []).append(entry)
            else:
                self._read(found, entry)
        if self._missed or self._is_listing:
            # Of channels that are not asked yet it is not known.
            found.cursors.pop(FLOOR, None)
        if found.commands:
            found.cursors |= self._commands.note(found.commands)
        return found

    async def _learn(self, entries: Sequence[object]) -> None:
        """Ask for the names that it takes to read what came."""
        ids: set[str] = set()
        for entry in entries:
            messages: Sequence[object] = ()
            if isinstance(entry, Page):
                messages = entry.messages
            elif isinstance(entry, Envelope) and entry.event_id not in self._stored:
                messages = (entry.event, entry.event.get("message"))
            for message in messages:
                if isinstance(message, Mapping) and message.get("type") in (
                    "message",
                    "app_mention",
                ):
                    ids |= self._reader.ids_in(message)
        await self._directory.learn(ids)

    def _is_early(self, channel_id: str) -> bool:
        """Tell whether something older of a channel has to be handed over first."""
        is_strange = channel_id.startswith("D") and channel_id not in self._cursors
        return channel_id in self._missed or (self._is_listing and is_strange)

    def _read(self, found: Found, envelope: Envelope) -> None:
        if envelope.event_id in self._stored:
            found.envelopes.append(envelope)  # our acknowledgement came too late
            return
        self._reader.read(found, envelope, self._context.clock.now())

    def _remember(self, found: Found) -> None:
        for envelope in found.envelopes:
            if envelope.event_id:
                self._stored[envelope.event_id] = None
        while len(self._stored) > STORED_MOST:
            self._stored.popitem(last=False)

    # What was missed.

    def _begin(self, found: Found) -> None:
        """Ask for what was missed, as there was no connection."""
        if self._asking is not None:
            self._asking.cancel()
        if FLOOR not in self._cursors:
            # Nothing was ever stored: what was said before now was not said to us.
            now = ts_at(self._context.clock.now())
            self._cursors[FLOOR] = found.cursors[FLOOR] = now
            return
        self._missed = {one.place.id: one for one in missed_in(self._cursors, self._listed)}
        self._is_listing = True
        self._asking = self._entries.watch(asyncio.create_task(self._ask(dict(self._missed))))

    async def _ask(self, missed: dict[str, Missed]) -> None:
        strangers = await self._insist(self._strangers)
        if isinstance(strangers, Refusal):
            self._context.log.debug("direct messages are not listed: %s", strangers.detail)
            strangers = []
        self._entries.put(Strangers(strangers))
        missed |= {one.place.id: one for one in strangers}
        while missed:
            # First where somebody waits already.
            channel_id = next((one for one in missed if one in self._held), next(iter(missed)))
            one = missed.pop(channel_id)
            messages = await self._insist(partial(self._messages, one))
            note = ""
            if isinstance(messages, Refusal):
                note = (
                    f"the channel {channel_id} does not tell what was written while we were"
                    f" away: {messages.detail}"
                )
                messages = []
            for start in range(0, max(len(messages), 1), AT_ONCE):
                is_last = start + AT_ONCE >= len(messages)
                part = messages[start : start + AT_ONCE]
                self._entries.put(Page(one.place, part, is_last, note))

    async def _strangers(self) -> list[Missed] | Refusal:
        """Return direct messages of people of whom nothing is stored."""
        floor = self._cursors[FLOOR]
        params = {"types": "im", "exclude_archived": "true", "limit": "1000"}
        told = await self._api.read("receive", "conversations.list", params)
        if isinstance(told, Refusal):
            return told
        ids = [str(one["id"]) for one in told.get("channels") or ()]
        return strangers_of([one for one in ids if one not in self._cursors], floor)

    async def _messages(self, missed: Missed) -> list[Wire] | Refusal:
        """Return what was written in a channel and its threads, the oldest first."""
        channel = missed.place.id
        params = {"channel": channel, "oldest": missed.oldest}
        page = await self._api.pages("receive", "conversations.history", params)
        if isinstance(page, Refusal):
            return page
        found = new_in(page, missed.after)
        for thread, after in threads_to_ask(missed, page, self._cursors).items():
            params = {"channel": channel, "ts": thread, "oldest": after}
            replies = await self._api.pages("receive", "conversations.replies", params)
            if not isinstance(replies, Refusal):
                # The message that they reply to comes with them, and is in the page.
                found += [one for one in new_in(replies, after) if one["ts"] != thread]
        return new_in(found, "0")

    def _read_page(self, found: Found, page: Page) -> None:
        if page.note:
            found.notes.append(page.note)
        for message in page.messages:
            self._reader.read_old(found, message, page.place)
        if page.is_last:
            self._missed.pop(page.place.id, None)
            for envelope in self._held.pop(page.place.id, ()):
                self._read(found, envelope)
            self._conclude(found)

    def _note(self, found: Found, strangers: Strangers) -> None:
        self._is_listing = False
        self._missed |= {one.place.id: one for one in strangers.missed}
        for channel_id in [one for one in self._held if one not in self._missed]:
            for envelope in self._held.pop(channel_id):
                self._read(found, envelope)
        self._conclude(found)

    def _conclude(self, found: Found) -> None:
        if not self._missed and not self._is_listing:
            found.cursors[FLOOR] = self._cursors[FLOOR]

    async def _insist(self, ask: Callable[[], Awaitable[T | Refusal]]) -> T | Refusal:
        """Ask until there is an answer: what comes after must not be stored before."""
        tries = 0
        while True:
            try:
                told = await ask()
                if not isinstance(told, Refusal):
                    return told
                error = told.error(self._context.name, "receive", is_repeatable=True)
                if not isinstance(error, Unreachable | RateLimited):
                    return told
            except (Unreachable, RateLimited) as failed:
                error = failed
            usual_s = RETRY_S[min(tries, len(RETRY_S) - 1)]
            wait_s = error.retry_after_s or usual_s
            tries += 1
            self._context.degraded(f"{error}; asking again in {wait_s:.1f} s")
            await self._context.clock.sleep(wait_s)
