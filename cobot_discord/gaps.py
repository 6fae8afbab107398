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
from cobot_discord.places import DM, DM_SIGN, WRITTEN, Place, Places
from cobot_discord.snowflakes import id_at

POSITION = ""
"""The name of the cursor that says which session can be resumed, and after which event."""

CHATS_MOST = 1000
"""Chats that are asked for one guild, or for direct messages: those that spoke last."""

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
        floor = self._floor_of(guild)
        for place in inside:
            after = cursors.get(place.cursor)
            is_listed = bool({place.id, place.parent_id, place.guild_id} & {*listed})
            if place.kind not in WRITTEN:
                continue
            if after is not None:
                if is_listed or place.last > int(after):
                    known.append(Missed(place, after))
            elif floor is not None and place.last > floor:
                (known if is_listed else strangers).append(Missed(place, str(floor)))
        open_ids = {place.id for place in inside}
        for thread in places.threads_of(open_ids):
            if thread.id not in open_ids and thread.cursor in cursors:
                thread.guild_id = str(guild["id"])
                known.append(Missed(thread, cursors[thread.cursor]))
        return self._newest([*known, *_newest(strangers)[:STRANGERS_MOST]])

    def of_chat(self, place: Place, cursors: Mapping[str, str]) -> list[Missed]:
        """Return a chat to ask before anything new in it is stored."""
        after = cursors.get(place.cursor) or self.floor
        if place.guild_id not in self.pending or after is None:
            return []
        return self._newest([Missed(place, str(after))])

    def _floor_of(self, guild: Wire) -> int | None:
        joined = guild.get("joined_at")
        if self.floor is None or not joined:
            return self.floor
        # What was said before we came was not said to us.
        return max(self.floor, id_at(datetime.fromisoformat(joined)))

    def _newest(self, found: Sequence[Missed]) -> list[Missed]:
        fresh = [one for one in _newest(found) if one.place.id not in self.looked]
        return fresh[:CHATS_MOST]


def _newest(found: Sequence[Missed]) -> list[Missed]:
    return sorted(found, key=lambda one: max(one.place.last, int(one.after)), reverse=True)


def floor_before(message_id: int) -> int:
    """Return up to where everything is stored when a message just came."""
    return max(message_id - _SKEW_IDS, 0)
