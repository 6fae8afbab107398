"""From events to what is handed over: finding places, and what was missed, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence

import attrs

from cobot import Context
from cobot.kit import UNREADABLE, insist
from cobot_discord.api import PAGE, DiscordApi
from cobot_discord.commands import COMMANDS, Commands
from cobot_discord.contents import Wire
from cobot_discord.errors import Refusal
from cobot_discord.gaps import (
    CHATS_MOST,
    POSITION,
    Archive,
    Gap,
    Missed,
    Position,
    floor_before,
)
from cobot_discord.gateway import Gateway, Session
from cobot_discord.places import TEXT, WRITTEN, Place, Places
from cobot_discord.snowflakes import id_at
from cobot_discord.wire import Bot, Dispatch, Found, Reader, unread


class Arrivals:
    """What arrives for one bot. Made anew each time that receiving begins."""

    def __init__(
        self,
        context: Context,
        api: DiscordApi,
        gateway: Gateway,
        commands: Commands,
        bot: Bot,
        listed: Collection[str],
        cursors: Mapping[str, str],
    ) -> None:
        """Receive nothing yet.

        Args:
            context: The channel's.
            api: Asks for what no event tells.
            gateway: Has the events.
            commands: Keeps what waits to be answered.
            bot: Who we are.
            listed: Ids of channels in the settings, and of whole guilds.
            cursors: As they were stored.
        """
        self._context = context
        self._api = api
        self._gateway = gateway
        self._commands = commands
        self._bot = bot
        self._listed = frozenset(listed)
        self._cursors = dict(cursors)
        self._places = Places(bot.id, self._cursors)
        self._reader = Reader(context.name, bot, self._places, self._listed, self._cursors)
        position = Position.of(self._cursors.get(POSITION))
        self._position = position if position and position.bot_id == bot.id else None
        self._floor = None if self._position is None else self._position.floor
        self._gap: Gap | None = None
        self._outages: set[str] = set()  # guilds of which nothing is told for the moment
        self._missed: deque[Missed | Archive] = deque()
        self._later: dict[str, Missed] = {}  # chats to ask once something new comes from them
        self._read_early: set[Dispatch] = set()
        self._guilds: set[str] = set()  # those whose roles were asked for
        commands.restore(self._cursors.get(COMMANDS))

    async def found(self) -> AsyncGenerator[Found]:
        """Yield what there is. When control comes back, it is stored."""
        async with self._gateway.connected(self._session()):
            while True:
                found = Found()
                for dispatch in await self._gateway.take():
                    try:
                        await self._prepare(dispatch)
                    except UNREADABLE as error:
                        # Passed over: it would come again, and for ever.
                        found.unread.append(unread(dispatch, error))
                        found.sequence = dispatch.session, dispatch.sequence
                        continue
                    while self._missed:
                        if found.sequence is not None:
                            yield self._complete(found)
                            found = Found()
                        yield self._complete(await self._next_page())
                    self._read(found, dispatch)
                    self._conclude(dispatch)
                yield self._complete(found)

    def _session(self) -> Session | None:
        """Return the session that was left, by a process that may have been killed."""
        at = self._position
        if at is None:
            return None
        return Session(at.session_id, at.url, at.sequence, at.sequence, is_old=True)

    # One event.

    async def _prepare(self, dispatch: Dispatch) -> None:
        """Find where it happened, and what has to be asked for before it is read."""
        data = dispatch.data
        if dispatch.name == "READY":
            pending = {str(guild["id"]) for guild in data.get("guilds") or ()}
            self._gap = Gap(self._floor, pending)
            self._ask_for(self._gap.of_direct(self._cursors))
        elif dispatch.name == "GUILD_CREATE" and not data.get("unavailable"):
            inside = self._places.add_guild(data)
            # Without a gap it is one that comes back after an outage, or a new one.
            gap = self._gap or Gap(self._floor, {str(data["id"])})
            chats = gap.of_guild(data, inside, self._places, self._cursors, self._listed)
            self._ask_for(chats)
            self._missed.extend(gap.of_archives(data, inside, self._listed))
        elif dispatch.name.startswith("MESSAGE_"):
            await self._prepare_message(data)

    async def _prepare_message(self, data: Wire) -> None:
        late = self._later.pop(str(data["channel_id"]), None)
        if late is not None:
            self._missed.append(late)
        if "guild_id" in data:
            guild_id = str(data["guild_id"])
            place = self._reader.place_of(data)
            if place is None:
                place = await self._look_up(str(data["channel_id"]), guild_id)
            if not self._places.knows_roles(data.get("mention_roles") or ()):
                await self._look_up_roles(guild_id)
            if self._gap is not None:
                self._missed.extend(self._gap.of_chat(place, self._cursors))

    def _ask_for(self, missed: Sequence[Missed]) -> None:
        """Have chats asked: the first ones now, too many others when they speak."""
        self._missed.extend(missed[:CHATS_MOST])
        self._later |= {one.place.id: one for one in missed[CHATS_MOST:]}

    async def _look_up(self, channel_id: str, guild_id: str) -> Place:
        channel = await insist(self._context, lambda: self._api.channel(channel_id))
        if isinstance(channel, Refusal):
            place = Place(channel_id, TEXT, guild_id=guild_id)
        else:
            place = Place.of(channel, guild_id)
        self._places.add(place)
        return place

    async def _look_up_roles(self, guild_id: str) -> None:
        """Ask for the roles of a guild, once: one of them may be the bot's own."""
        if guild_id in self._guilds:
            return
        guild = await insist(self._context, lambda: self._api.guild(guild_id))
        self._guilds.add(guild_id)
        if not isinstance(guild, Refusal):
            self._places.add_guild(guild)

    def _read(self, found: Found, dispatch: Dispatch) -> None:
        if dispatch in self._read_early:
            self._read_early.remove(dispatch)
            found.sequence = dispatch.session, dispatch.sequence
            return
        if dispatch in self._gateway.commands:
            self._gateway.commands.remove(dispatch)
        self._reader.read(found, dispatch, self._context.clock.now())

    def _conclude(self, dispatch: Dispatch) -> None:
        """Note what is known by now to have nothing missing."""
        gap, data = self._gap, dispatch.data
        if dispatch.name in ("GUILD_CREATE", "GUILD_DELETE"):
            guild_id, is_there = str(data["id"]), not data.get("unavailable")
            (self._outages.discard if is_there else self._outages.add)(guild_id)
            if gap is not None and is_there:
                gap.pending.discard(guild_id)
                inside = [*(data.get("channels") or ()), *(data.get("threads") or ())]
                last = [int(one.get("last_message_id") or 0) for one in inside]
                gap.newest = max([gap.newest, *last])
        if gap is not None and not gap.pending:
            self._gap = None
            if self._floor is None:
                # It begins here; what is in archives is not told.
                self._floor = floor_before(id_at(self._context.clock.now()))
            self._floor = max(self._floor, gap.newest)

    # What was missed.

    async def _next_page(self) -> Found:
        """Return the next messages of the next chat in which some were missed."""
        missed, found = self._missed[0], Found()
        if isinstance(missed, Archive):
            await self._look_into(missed, found)
        else:
            await self._ask(missed, found)
        # Who used a command meanwhile does not wait that long.
        while self._gateway.commands:
            command = self._gateway.commands.popleft()
            self._read_early.add(command)
            self._reader.read(found, command, self._context.clock.now())
        found.sequence = None
        return found

    async def _look_into(self, archive: Archive, found: Found) -> None:
        """Find the next threads that were closed while we were away."""
        place, api = archive.place, self._api
        page = await insist(self._context, lambda: api.closed_threads(place.id, archive.before))
        self._missed.popleft()
        if isinstance(page, Refusal):
            self._tell_refused(place, page)
            return
        try:
            missed, before = archive.found(page, self._cursors)
        except UNREADABLE as error:
            found.unread.append(f"the archive of {place.id}: {type(error).__name__}")
            return
        for one in missed:
            self._places.add(one.place)
        self._missed.extendleft(reversed(missed))
        if before is not None:
            self._missed.append(attrs.evolve(archive, before=before))

    async def _ask(self, missed: Missed, found: Found) -> None:
        """Add the next messages of a chat."""
        place, api = missed.place, self._api
        page = await insist(self._context, lambda: api.messages_after(place.id, missed.after))
        if isinstance(page, Refusal):
            self._tell_refused(place, page)
            page = []
        is_said = place.is_listed(self._listed) and place.kind in WRITTEN
        if not page and place.last > int(missed.after) and is_said:
            found.notes.append(
                f"#{place.name or place.id} does not tell what was written while we were away;"
                " if it was not deleted, give the bot Read Message History there"
            )
        for message in page:
            self._reader.read_old(found, message, place)
        if len(page) < PAGE:
            self._missed.popleft()
            if self._gap is not None:
                self._gap.looked.add(place.id)
        else:
            self._missed[0] = Missed(place, str(page[-1]["id"]))

    def _tell_refused(self, place: Place, refusal: Refusal) -> None:
        self._context.log.info(
            "what was missed in %s is not told: %s", place.id, refusal.message
        )

    # What is handed over.

    def _complete(self, found: Found) -> Found:
        """Add up to where everything is stored with it."""
        if found.commands:
            found.cursors |= self._commands.note(found.commands)
        ids = [int(one) for name, one in found.cursors.items() if name != COMMANDS]
        if ids and self._gap is None and not self._outages:
            self._floor = max(self._floor or 0, floor_before(max(ids)))
        session = self._gateway.session
        if self._gap is None and found.sequence is not None and session is not None:
            session_id, sequence = found.sequence
            if session_id == session.id:
                floor = self._floor or 0
                at = Position(self._bot.id, session_id, session.url, sequence, floor)
                found.cursors[POSITION] = at.text()
        return found
