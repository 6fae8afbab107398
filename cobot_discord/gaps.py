"""What was missed while no session was there: which chats to ask, and since when. Pure.

A session that cannot be resumed leaves a gap. What was written in it is asked for, chat by
chat, from the newest message that is stored of each. Of chats of which none is, what is newer
than all that is stored is new.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import attrs

from cobot_discord.contents import Wire
from cobot_discord.places import DM, DM_SIGN, THREADED, WRITTEN, Place, Places
from cobot_discord.snowflakes import id_at, time_of

POSITION = ""
"""The name of the cursor that says which session can be resumed, and after which event."""

CHATS_MOST = 1000
"""Chats that are asked at once of one guild, or of direct ones: those that spoke last. All
others are asked when something new comes from them."""

STRANGERS_MOST = 100
"""Of these, chats in which nothing is stored and that are not in the settings."""

SKEW = timedelta(seconds=60)
"""Events of several chats may come in another order than they happened."""

_SKEW_IDS = int(SKEW.total_seconds() * 1000) << 22


@attrs.frozen
class Position:
    """Up to where everything is stored."""

    bot_id: str
    session_id: str
    url: str
    """Where the session is resumed."""
    sequence: int
    """The last event of it that is stored."""
    floor: int
    """An id: what was written before it is stored, whichever chat it is in."""

    @classmethod
    def of(cls, text: str | None) -> Position | None:
        """Read a cursor; None: there is none, or it cannot be read."""
        try:
            told = json.loads(text or "null")
            return cls(
                str(told["bot"]),
                str(told["session"]),
                str(told["url"]),
                int(told["seq"]),
                int(told["floor"]),
            )
        except (LookupError, TypeError, ValueError):
            return None

    def text(self) -> str:
        """Return it as a cursor."""
        told = {
            "bot": self.bot_id,
            "session": self.session_id,
            "url": self.url,
            "seq": self.sequence,
            "floor": self.floor,
        }
        return json.dumps(told, separators=(",", ":"))


@attrs.frozen
class Missed:
    """A chat to ask."""

    place: Place
    after: str
    """The id of the last message that is stored."""


@attrs.frozen
class Archive:
    """A channel of which the threads are to be found that were closed meanwhile."""

    place: Place
    floor: int
    """As in Position; but for nothing from before the bot came."""
    before: str | None = None
    """Only those that were closed before this time; None: all."""

    def found(self, page: Wire, cursors: Mapping[str, str]) -> tuple[list[Missed], str | None]:
        """Read a page of closed threads, the last closed first.

        Args:
            page: As Discord tells of it.
            cursors: The newest message that is stored, by chat.

        Returns:
            Threads to ask, and before when others were closed; None: there are none left.
        """
        threads, missed = page["threads"], []
        for one in threads:
            thread = Place.of(one, self.place.guild_id)
            after = int(cursors.get(thread.cursor) or self.floor)
            if thread.last > after:
                missed.append(Missed(thread, str(after)))
        if not threads or not page.get("has_more"):
            return missed, None
        last = str(threads[-1]["thread_metadata"]["archive_timestamp"])
        # Who writes into a closed thread opens it: what was closed long ago is stored.
        is_all = last == self.before or datetime.fromisoformat(last) < time_of(str(self.floor))
        return missed, None if is_all else last


@attrs.define
class Gap:
    """What is not known to be stored, since a session began anew."""

    floor: int | None
    """As in Position; None: nothing was ever stored, so nothing was missed."""
    pending: set[str]
    """Guilds of which Discord has not told yet what is in them."""
    looked: set[str] = attrs.field(factory=set)
    """Channels and threads that were asked."""
    newest: int = 0
    """The newest message in the guilds that were told of."""

    def of_direct(self, cursors: Mapping[str, str]) -> list[Missed]:
        """Return direct chats to ask. Discord does not list them; we know who wrote before."""
        found = [
            Missed(Place(name[1:], DM), after)
            for name, after in cursors.items()
            if name.startswith(DM_SIGN)
        ]
        return self._newest(found)

    def of_guild(
        self,
        guild: Wire,
        inside: Sequence[Place],
        places: Places,
        cursors: Mapping[str, str],
        listed: Collection[str],
    ) -> list[Missed]:
        """Return chats of a guild to ask.

        Args:
            guild: As Discord tells of it.
            inside: Its channels, and threads that are open.
            places: Where else messages were: in threads that are closed by now.
            cursors: The newest message that is stored, by chat.
            listed: Channels in the settings, and whole guilds.
        """
        known: list[Missed] = []
        strangers: list[Missed] = []
        joined, floor = _joined(guild), self._floor_of(guild)
        for place in inside:
            told = cursors.get(place.cursor)
            is_listed = place.is_listed(listed)
            if place.kind not in WRITTEN:
                continue
            if told is not None:
                after = max(int(told), joined)
                if is_listed or place.last > after:
                    known.append(Missed(place, str(after)))
            elif floor is not None and place.last > floor:
                (known if is_listed else strangers).append(Missed(place, str(floor)))
        open_ids = {place.id for place in inside}
        for thread in places.threads_of(open_ids):
            if thread.id not in open_ids and thread.cursor in cursors:
                thread.guild_id = str(guild["id"])
                after = max(int(cursors[thread.cursor]), joined)
                known.append(Missed(thread, str(after)))
        return self._newest([*known, *_newest(strangers)[:STRANGERS_MOST]])

    def of_archives(
        self, guild: Wire, inside: Sequence[Place], listed: Collection[str]
    ) -> list[Archive]:
        """Return channels in which threads may have been opened and closed again.

        Those in the settings, and those that spoke: to open a thread mostly leaves a message.

        Args:
            guild: As Discord tells of it.
            inside: Its channels, and threads that are open.
            listed: Channels in the settings, and whole guilds.
        """
        floor = self._floor_of(guild)
        if floor is None:
            return []
        return [
            Archive(place, floor)
            for place in inside
            if place.kind in THREADED and (place.last > floor or place.is_listed(listed))
        ]

    def of_chat(self, place: Place, cursors: Mapping[str, str]) -> list[Missed]:
        """Return a chat to ask before anything new in it is stored."""
        after = cursors.get(place.cursor) or self.floor
        if place.guild_id not in self.pending or after is None:
            return []
        return self._newest([Missed(place, str(after))])

    def _floor_of(self, guild: Wire) -> int | None:
        return None if self.floor is None else max(self.floor, _joined(guild))

    def _newest(self, found: Sequence[Missed]) -> list[Missed]:
        return [one for one in _newest(found) if one.place.id not in self.looked]


def _joined(guild: Wire) -> int:
    """Return when we came, as an id: what was said before was not said to us."""
    joined = guild.get("joined_at")
    return id_at(datetime.fromisoformat(joined)) if joined else 0


def _newest(found: Sequence[Missed]) -> list[Missed]:
    return sorted(found, key=lambda one: max(one.place.last, int(one.after)), reverse=True)


def floor_before(message_id: int) -> int:
    """Return up to where everything is stored when a message just came."""
    return max(message_id - _SKEW_IDS, 0)
