"""From envelopes to what is handed over: names, and what was missed, in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence

from cobot import Context
from cobot.kit import Recent
from cobot_slack.api import SlackApi
from cobot_slack.asking import Asking, Page, Strangers
from cobot_slack.bot import Bot
from cobot_slack.commands import Commands
from cobot_slack.directory import Directory
from cobot_slack.entries import GAP, Entries
from cobot_slack.envelopes import Envelope, Found
from cobot_slack.gaps import CHANNELS_MOST, FLOOR, STRANGERS_MOST, Missed, missed_in
from cobot_slack.timestamps import ts_at
from cobot_slack.wire import Reader

STORED_MOST = 20_000
"""Events that are remembered by their ids: what is told again was not acknowledged in time."""

HELD_MOST = 1000
"""Events of a channel that wait for what was missed there. Of more the oldest are let go: what
is asked for has their messages, and Slack tells what was not acknowledged again."""


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
        self._stored: Recent[str, None] = Recent(STORED_MOST)
        self._missed: dict[str, Missed] = {}  # by channel: what is being asked for
        self._later: dict[str, Missed] = {}  # and what is when something new comes from there
        self._held: dict[str, deque[Envelope]] = {}  # by channel: what comes after that
        self._is_listing = False  # whether it is not known yet who else may have written
        self._floor = ""  # that of the gap which is being asked for
        self._asking: Asking | None = None
        self._task: asyncio.Task[None] | None = None
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
                if self._task is not None:
                    self._task.cancel()
                    await asyncio.gather(self._task, return_exceptions=True)

    async def _next(self) -> Found:
        found = Found()
        entries = await self._entries.take()
        await self._learn(entries)
        for entry in entries:
            if entry is GAP:
                self._begin(found)
            elif isinstance(entry, Page | Strangers):
                if entry.asking is not self._asking:
                    continue  # there was a gap since: it is asked for again
                if isinstance(entry, Page):
                    self._read_page(found, entry)
                else:
                    self._note(found, entry)
            else:
                self._take(found, entry)
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

    def _take(self, found: Found, envelope: Envelope) -> None:
        channel_id = envelope.channel_id
        self._ask_late(channel_id)
        if self._is_early(channel_id):
            held = self._held.setdefault(channel_id, deque(maxlen=HELD_MOST))
            held.append(envelope)
            envelope.source.postpone()
        else:
            self._read(found, envelope)

    def _ask_late(self, channel_id: str) -> None:
        """Ask a channel that had not spoken for so long that it was left out."""
        late = self._later.pop(channel_id, None)
        if late is not None and self._asking is not None:
            self._missed[channel_id] = late
            self._asking.also(late)

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
                self._stored.put(envelope.event_id, None)

    # What was missed.

    def _begin(self, found: Found) -> None:
        """Ask for what was missed, as there was no connection."""
        if self._task is not None:
            self._task.cancel()
        if FLOOR not in self._cursors:
            # Nothing was ever stored: what was said before now was not said to us.
            now = ts_at(self._context.clock.now())
            self._cursors[FLOOR] = found.cursors[FLOOR] = now
            return
        if self._missed or self._is_listing:
            # What the gap before this one hid is not known yet, whatever came since.
            self._cursors[FLOOR] = self._floor
        self._floor = self._cursors[FLOOR]
        missed = missed_in(self._cursors, self._listed, is_ordered=self._entries.is_ordered)
        self._missed = _by_channel(missed[:CHANNELS_MOST])
        self._later = _by_channel(missed[CHANNELS_MOST:])
        self._is_listing = True
        self._asking = Asking(
            self._context, self._api, self._entries, self._cursors, self._floor, self._held
        )
        asking = self._asking.run([*self._missed.values()])
        self._task = self._entries.watch(asyncio.create_task(asking))

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
        self._missed |= _by_channel(strangers.missed[:STRANGERS_MOST])
        self._later |= _by_channel(strangers.missed[STRANGERS_MOST:])
        for channel_id in self._held:
            self._ask_late(channel_id)
        for channel_id in [one for one in self._held if one not in self._missed]:
            for envelope in self._held.pop(channel_id):
                self._read(found, envelope)
        self._conclude(found)

    def _conclude(self, found: Found) -> None:
        if not self._missed and not self._is_listing:
            found.cursors[FLOOR] = self._cursors[FLOOR]


def _by_channel(missed: Sequence[Missed]) -> dict[str, Missed]:
    return {one.place.id: one for one in missed}
