"""What the channel knows of messages and chats: for a while in memory, a little for ever."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Literal

from cobot import Context
from cobot.kit import Recent
from cobot_nostr.addresses import Chat
from cobot_nostr.directory import Directory
from cobot_nostr.wire import Place

PLACES = 20_000
"""How many messages are remembered, to know where they are when they are reacted to."""

IDS_FOR_PREVIOUS = 50
"""How many of a group's latest messages are remembered (NIP-29)."""


GROUPS = 1000
"""Of how many groups: an event may name others besides the one for which it was asked."""


class Memory:
    """Keeps facts; those that a restart must not lose are in the journal."""

    def __init__(self, context: Context, me: str, listed: Collection[str]) -> None:
        self._context = context
        self._me = me
        self._listed = frozenset(listed)
        self._places: Recent[str, Place] = Recent(PLACES)
        self._state: Recent[str, Any] = Recent(PLACES)
        self._met: Recent[str, None] = Recent(PLACES)
        self._groups: Recent[str, dict[str, str]] = Recent(GROUPS)
        self.directory: Directory | None = None
        """Who people are; set before anything is read."""

    @property
    def me(self) -> str:
        """Our public key."""
        return self._me

    def name(self, pubkey: str) -> str:
        """Return how somebody is shown."""
        assert self.directory is not None
        return self.directory.person(pubkey).name

    def is_bot(self, pubkey: str) -> bool:
        """Tell whether somebody says that they are a bot."""
        assert self.directory is not None
        return self.directory.person(pubkey).is_bot

    def is_listed(self, chat: Chat) -> bool | None:
        """Tell whether a chat stands in the settings; None: it cannot."""
        if chat.kind in ("chan", "group"):
            return chat.id in self._listed
        return None

    # Messages.

    def place(self, id_: str) -> Place | None:
        """Return where a message is; None: it is not known."""
        return self._places.get(id_)

    def note(self, id_: str, place: Place) -> None:
        """Remember where a message is."""
        if id_ not in self._places:
            self._places.put(id_, place)

    def note_in_group(self, chat: str, id_: str, author: str) -> None:
        """Remember a message that a group's relay has."""
        seen = self._groups.get(chat)
        if seen is None:
            seen = {}
            self._groups.put(chat, seen)
        seen[id_] = author
        if len(seen) > IDS_FOR_PREVIOUS:
            del seen[next(iter(seen))]

    def previous(self, chat: str) -> Sequence[str]:
        """Return beginnings of the ids of a group's latest messages that are not ours."""
        others = [id_ for id_, who in (self._groups.get(chat) or {}).items() if who != self._me]
        return [id_[:8] for id_ in others[-3:]]

    # People.

    def has_met(self, pubkey: str) -> bool:
        """Tell whether somebody has written to us privately, not long ago."""
        return pubkey in self._met

    async def is_old_fashioned(self, pubkey: str) -> bool:
        """Tell whether somebody wrote their latest private message as NIP-04."""
        kept = await self.get("form", pubkey)
        return kept is not None and kept["form"] == "nip04"

    async def note_form(self, pubkey: str, form: Literal["nip04", "nip17"], at: int) -> None:
        """Note in which form somebody has written, and when.

        After a restart messages come again, the older after the newer. Who never used the old
        form is not written down: anybody can come by with any number of keys.
        """
        self._met.put(pubkey, None)
        kept = await self.get("form", pubkey)
        if kept is None:
            is_news = form == "nip04"
        else:
            # Of two in one second the new form counts.
            is_news = kept["at"] < at or (kept["at"] == at and form == "nip17")
        if is_news:
            await self.put("form", pubkey, {"form": form, "at": at})

    # What outlives us.

    async def get(self, kind: str, name: str) -> Any:
        """Return what was kept under a name; None: nothing."""
        key = self._key(kind, name)
        if key not in self._state:
            self._state.put(key, await self._context.journal.get(key))
        return self._state.get(key)

    async def put(self, kind: str, name: str, value: Any) -> None:
        """Keep something small under a name; None removes. Free if nothing changes."""
        key = self._key(kind, name)
        if await self.get(kind, name) != value:
            await self._context.journal.put({key: value})
            self._state.put(key, value)

    def _key(self, kind: str, name: str) -> str:
        return f"nostr/{self._context.name}/{kind}/{name}"
