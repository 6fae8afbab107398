"""Where things are: guilds, channels and threads, as far as Discord has told. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from cobot_discord.contents import Wire

TEXT, DM, VOICE, ANNOUNCEMENT, STAGE, FORUM, MEDIA = 0, 1, 2, 5, 13, 15, 16
THREADS = (10, 11, 12)
WRITTEN = (TEXT, VOICE, ANNOUNCEMENT, STAGE, *THREADS)
"""Kinds of channels in which messages are."""
THREADED = (TEXT, ANNOUNCEMENT, FORUM, MEDIA)
"""Kinds of channels in which threads are."""
NAMED = (TEXT, ANNOUNCEMENT, VOICE, FORUM, MEDIA)
"""Kinds of channels that settings may name."""

DM_SIGN = "@"
"""What the name of a direct chat's cursor begins with."""

_ID = re.compile(r"\d{17,20}")


@attrs.define
class Place:
    """A channel or thread."""

    id: str
    kind: int
    name: str = ""
    guild_id: str = ""
    parent_id: str | None = None
    """Of a thread: its channel."""
    last: int = 0
    """The id of the newest message there, as it was told when we connected."""

    @classmethod
    def of(cls, channel: Wire, guild_id: str = "") -> Place:
        """Read a channel object."""
        kind = int(channel["type"])
        parent = channel.get("parent_id") if kind in THREADS else None
        return cls(
            str(channel["id"]),
            kind,
            str(channel.get("name") or ""),
            str(channel.get("guild_id") or guild_id),
            None if parent is None else str(parent),
            int(channel.get("last_message_id") or 0),
        )

    def is_listed(self, listed: Collection[str]) -> bool:
        """Tell whether it is in the settings, by the ids of channels and of whole guilds."""
        return any(one in listed for one in (self.id, self.parent_id, self.guild_id))

    @property
    def cursor(self) -> str:
        """The name of its cursor."""
        if self.kind == DM:
            return f"{DM_SIGN}{self.id}"
        return self.id if self.parent_id is None else f"{self.parent_id}/{self.id}"


class Places:
    """What is known."""

    def __init__(self, bot_id: str, cursors: Iterable[str] = ()) -> None:
        """Begin with what the names of cursors say.

        Args:
            bot_id: Who we are.
            cursors: Their names, as they were stored.
        """
        self._bot_id = bot_id
        self._places: dict[str, Place] = {}
        self._roles: dict[str, tuple[str, bool]] = {}  # their names, and which are the bot's
        for name in cursors:
            place = _place_of_cursor(name)
            if place is not None:
                self._places[place.id] = place

    def get(self, channel_id: str) -> Place | None:
        """Return a channel or thread, if it is known."""
        return self._places.get(channel_id)

    def add(self, place: Place) -> None:
        """Note a channel or thread."""
        self._places[place.id] = place

    def add_guild(self, guild: Wire) -> list[Place]:
        """Note what is in a guild; return its channels and open threads."""
        guild_id = str(guild["id"])
        wires = [*(guild.get("channels") or ()), *(guild.get("threads") or ())]
        places = [Place.of(one, guild_id) for one in wires]
        for place in places:
            self.add(place)
        for role in guild.get("roles") or ():
            self.add_role(role)
        return places

    def add_role(self, role: Wire) -> None:
        """Note a role."""
        bot_id = str((role.get("tags") or {}).get("bot_id") or "")
        self._roles[str(role["id"])] = str(role.get("name") or ""), bot_id == self._bot_id

    def remove(self, channel_id: str) -> None:
        """Forget a channel or thread."""
        self._places.pop(channel_id, None)

    def knows_roles(self, role_ids: Iterable[str]) -> bool:
        """Tell whether all of some roles are known."""
        return all(str(one) in self._roles for one in role_ids)

    def is_ours(self, role_id: str) -> bool:
        """Tell whether a role is the bot's own: to mention it is to mention the bot."""
        return self._roles.get(role_id, ("", False))[1]

    def name(self, sign: str, thing_id: str) -> str | None:
        """Return the name of a channel (`#`) or role (`@&`), if it is known."""
        if sign == "@&":
            role = self._roles.get(thing_id)
            return None if role is None else role[0].removeprefix("@")
        place = self._places.get(thing_id)
        return (place.name or None) if place is not None else None

    def threads_of(self, channels: Collection[str]) -> Iterator[Place]:
        """Yield the known threads of some channels."""
        for place in self._places.values():
            if place.parent_id in channels:
                yield place


def _place_of_cursor(name: str) -> Place | None:
    if name.startswith(DM_SIGN):
        return Place(name[1:], DM)
    parent, _, thread = name.partition("/")
    if not parent.isdecimal():
        return None
    if thread:
        return Place(thread, THREADS[1], parent_id=parent)
    return Place(parent, TEXT)


def resolve(wanted: str, channels: Sequence[Mapping[str, Any]]) -> tuple[str | None, list[str]]:
    """Return the id of the channel that is meant, and what there is if it is not clear.

    Args:
        wanted: A name, with `#` or without, or an id.
        channels: The guild's.

    Returns:
        The id, and no candidates; or None, and those that would be meant by their ids, or
        all if none is.
    """
    name = wanted.strip().removeprefix("#")
    named = [one for one in channels if one.get("type") in NAMED]
    if _ID.fullmatch(name):
        found = [one for one in named if str(one["id"]) == name]
    else:
        found = [one for one in named if one.get("name") == name]
        if not found:
            found = [one for one in named if _folded(str(one.get("name"))) == _folded(name)]
    if len(found) == 1:
        return str(found[0]["id"]), []
    if found:
        return None, [f"#{one['name']} ({one['id']})" for one in found]
    return None, [f"#{one['name']}" for one in named]


def _folded(name: str) -> str:
    from unicodedata import normalize  # only where a name is not found as it stands

    return re.sub(r"[\s-]+", "-", normalize("NFC", name)).casefold()
