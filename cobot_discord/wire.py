"""Discord's events to our messages and events. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

import attrs

from cobot import (
    IncomingMessage,
    MessageDeleted,
    MessageEdited,
    MessageRef,
    ReactionChanged,
    kit,
)
from cobot_discord.contents import (
    HAS_SNAPSHOT,
    Wire,
    command_words,
    without_address,
    words_of,
)
from cobot_discord.details import REPLY, emoji_of, metadata_of, name_of, replied_to, where_of
from cobot_discord.files import media_of
from cobot_discord.places import DM, THREADS, Place, Places
from cobot_discord.snowflakes import time_of

SAID = (0, 19, 20, 23)
"""Types of messages that somebody says: texts, replies, answers to commands."""

EPHEMERAL = 1 << 6
LOADING = 1 << 7

COMMAND = 2
"""The type of an interaction that is the use of a command."""

SLASH = "slash:"
"""What the id of a message begins with that is the use of a command."""

WEBHOOK = "webhook:"
"""What the id of a sender begins with that is a webhook: its name and picture are free."""


@attrs.frozen
class Bot:
    """Who we are, as `/users/@me` says."""

    id: str
    username: str

    @classmethod
    def of(cls, user: Wire) -> Bot:
        """Read a user object."""
        return cls(str(user["id"]), str(user.get("username") or ""))


@attrs.frozen(eq=False)  # two of them are never the same
class Dispatch:
    """An event of the gateway's."""

    name: str
    """As MESSAGE_CREATE."""
    data: Wire
    """What it tells."""
    sequence: int
    """Its number in its session."""
    session: str
    """The session's id."""


@attrs.define
class Found(kit.Found):
    """What several events hold."""

    commands: list[Wire] = attrs.field(factory=list)
    """Uses of commands that wait to be answered."""
    echoes: dict[str, str] = attrs.field(factory=dict)
    """Of our own messages: their ids, by nonce."""
    is_blind: bool = False
    """Whether there was a message whose content is kept from us."""
    sequence: tuple[str, int] | None = None
    """The session and the number of the last event in it."""


class Reader:
    """Reads what arrives for one bot."""

    def __init__(
        self,
        channel_type: str,
        bot: Bot,
        places: Places,
        listed: Collection[str] = (),
        cursors: dict[str, str] | None = None,
    ) -> None:
        """Read for a bot.

        Args:
            channel_type: The section's name.
            bot: Who we are.
            places: Where things are; it learns from what is read.
            listed: Ids of the channels in the settings, and of whole guilds.
            cursors: As they were stored; they are kept up to date.
        """
        self._channel_type = channel_type
        self._bot = bot
        self._places = places
        self._listed = frozenset(listed)
        self._cursors = {} if cursors is None else cursors
        self._read: Mapping[str, Callable[[Found, Dispatch, datetime], None]] = {
            "MESSAGE_CREATE": self._created,
            "MESSAGE_UPDATE": self._updated,
            "MESSAGE_DELETE": self._deleted,
            "MESSAGE_DELETE_BULK": self._deleted,
            "MESSAGE_REACTION_ADD": self._reacted,
            "MESSAGE_REACTION_REMOVE": self._reacted,
            "INTERACTION_CREATE": self._used,
            "CHANNEL_CREATE": self._opened,
            "CHANNEL_UPDATE": self._opened,
            "CHANNEL_DELETE": self._closed,
            "THREAD_CREATE": self._opened,
            "THREAD_UPDATE": self._opened,
            "THREAD_DELETE": self._closed,
            "THREAD_LIST_SYNC": self._listed_threads,
            "GUILD_DELETE": self._left,
            "GUILD_ROLE_CREATE": self._role,
            "GUILD_ROLE_UPDATE": self._role,
        }

    def read(self, found: Found, dispatch: Dispatch, now: datetime) -> None:
        """Add what an event holds. What cannot be read is left out, and keeps back nothing.

        Args:
            found: Gets what there is.
            dispatch: The event.
            now: When it came, for what has no time of its own.
        """
        read = self._read.get(dispatch.name)
        if read is not None:
            try:
                read(found, dispatch, now)
            except kit.UNREADABLE as error:
                found.unread.append(unread(dispatch, error))
        found.sequence = dispatch.session, dispatch.sequence

    def read_old(self, found: Found, message: Wire, place: Place) -> None:
        """Add a message that was asked for, and not told by an event.

        Args:
            found: Gets what there is.
            message: The message.
            place: Where it was written.
        """
        try:
            self._message(found, message, place)
        except kit.UNREADABLE as error:
            found.unread.append(f"message {message.get('id')}: {type(error).__name__}")

    def place_of(self, event: Wire) -> Place | None:
        """Return where something happened; None: that has to be asked for."""
        channel_id, kind = str(event["channel_id"]), event.get("channel_type")
        place = self._places.get(channel_id)
        if place is not None:
            if not place.guild_id:
                place.guild_id = str(event.get("guild_id") or "")
            return place
        if "guild_id" not in event:
            place = Place(channel_id, DM)
        elif kind is not None and kind not in THREADS:
            place = Place(channel_id, int(kind), guild_id=str(event["guild_id"]))
        else:
            return None
        self._places.add(place)
        return place

    def _place(self, event: Wire) -> Place:
        place = self.place_of(event)
        if place is None:
            raise LookupError("nobody knows this channel")
        return place

    # Messages.

    def _created(self, found: Found, dispatch: Dispatch, now: datetime) -> None:
        message = dispatch.data
        if int(message.get("flags") or 0) & EPHEMERAL:
            return  # shown to one person for a while: it has the looks of a direct message
        place = self._place(message)
        self._message(found, message, place)

    def _message(self, found: Found, message: Wire, place: Place) -> None:
        message_id = str(message["id"])
        if int(message_id) > int(self._cursors.get(place.cursor) or 0):
            self._cursors[place.cursor] = found.cursors[place.cursor] = message_id
        if message["author"]["id"] == self._bot.id:
            nonce = message.get("nonce")
            if nonce is not None:
                found.echoes[str(nonce)] = message_id
            return
        read = self._incoming(message, place)
        if read is None:
            return
        if self._is_kept_back(message, place):
            found.is_blind = True
            return
        found.items.append(read)

    def _updated(self, found: Found, dispatch: Dispatch, now: datetime) -> None:
        message = dispatch.data
        edited = message.get("edited_timestamp")
        # Without it a link was resolved, or the message pinned, and nothing edited. With the
        # same as before it is the same edit, which the journal knows.
        if not edited or "author" not in message or "content" not in message:
            return
        place = self._place(message)
        if message["author"]["id"] == self._bot.id or self._is_kept_back(message, place):
            return
        read = self._incoming(message, place)
        if read is not None:
            found.items.append(MessageEdited(attrs.evolve(read, edited_at=_time(edited))))

    def _incoming(self, message: Wire, place: Place) -> IncomingMessage | None:
        """Return a message; None for what nobody said, or not to us."""
        author, webhook_id = message["author"], message.get("webhook_id")
        flags = int(message.get("flags") or 0)
        if message["type"] not in SAID or author.get("system") or flags & (LOADING | EPHEMERAL):
            return None
        if webhook_id is not None and message.get("application_id") == self._bot.id:
            return None  # our own answer to a command
        raw = str(message.get("content") or "")
        addressed = without_address(raw, self._bot.id)
        content = words_of({**message, "content": addressed}, self._places.name)
        is_bot = bool(author.get("bot")) or webhook_id is not None
        chat_id, thread_id = _chat_of(place)
        is_direct = place.kind == DM
        return IncomingMessage(
            str(message["id"]),
            self._channel_type,
            chat_id,
            author["id"] if webhook_id is None else f"{WEBHOOK}{webhook_id}",
            name_of(author, message.get("member") if webhook_id is None else None),
            content,
            _time(message["timestamp"]),
            replied_to(message),
            media_of(message),
            metadata_of(message, place, raw if raw != content else None),
            thread_id=thread_id,
            direct=is_direct,
            mentioned=not is_direct and self._is_mentioned(message, raw, is_bot=is_bot),
            sender_is_bot=is_bot,
            listed=place.is_listed(self._listed),
        )

    def _is_mentioned(self, message: Wire, content: str, *, is_bot: bool) -> bool:
        if f"<@{self._bot.id}>" in content or f"<@!{self._bot.id}>" in content:
            return True
        roles = [str(role) for role in message.get("mention_roles") or ()]
        if any(self._places.is_ours(role) and f"<@&{role}>" in content for role in roles):
            return True
        # Two bots that reply to each other would never come to an end.
        replied = {} if is_bot else message.get("referenced_message") or {}
        return bool(replied) and replied["author"]["id"] == self._bot.id

    def _is_kept_back(self, message: Wire, place: Place) -> bool:
        """Tell whether a message has nothing in it for want of the intent to see it."""
        if place.kind == DM or message["type"] not in (0, REPLY):
            return False
        kinds = ("content", "attachments", "embeds", "components", "sticker_items", "poll")
        is_empty = not any(message.get(kind) for kind in (*kinds, "message_snapshots"))
        return is_empty and not int(message.get("flags") or 0) & HAS_SNAPSHOT

    # What becomes of messages.

    def _deleted(self, found: Found, dispatch: Dispatch, now: datetime) -> None:
        event = dispatch.data
        place = self._place(event)
        for message_id in event.get("ids") or [event["id"]]:
            found.items.append(MessageDeleted(self._ref(place, message_id), now))

    def _reacted(self, found: Found, dispatch: Dispatch, now: datetime) -> None:
        event = dispatch.data
        if event["user_id"] == self._bot.id:
            return
        place = self._place(event)
        found.items.append(
            ReactionChanged(
                self._ref(place, event["message_id"]),
                event["user_id"],
                emoji_of(event["emoji"]),
                dispatch.name == "MESSAGE_REACTION_ADD",
                now,
                # There is no time or id of its own: told again, it has this number again.
                f"{dispatch.session}/{dispatch.sequence}",
            )
        )

    def _ref(self, place: Place, message_id: str) -> MessageRef:
        chat_id, thread_id = _chat_of(place)
        return MessageRef(self._channel_type, chat_id, message_id, thread_id)

    # Commands.

    def _used(self, found: Found, dispatch: Dispatch, now: datetime) -> None:
        event = dispatch.data
        if event["type"] != COMMAND or "channel_id" not in event:
            return
        if self._places.get(str(event["channel_id"])) is None and "channel" in event:
            guild_id = str(event.get("guild_id") or "")
            self._places.add(Place.of(event["channel"], guild_id))
        place = self._place(event)
        member = event.get("member")
        user = event["user"] if member is None else member["user"]
        chat_id, thread_id = _chat_of(place)
        command = event["data"]
        metadata: dict[str, Any] = {
            "interaction": {
                "id": str(event["id"]),
                "command": command["name"],
                "options": command.get("options") or [],
            },
            **where_of(place),
        }
        if member is not None:
            metadata["roles"] = [*map(str, member.get("roles") or ())]
        found.commands.append(event)
        found.items.append(
            IncomingMessage(
                f"{SLASH}{event['id']}",
                self._channel_type,
                chat_id,
                user["id"],
                name_of(user, member),
                command_words(command),
                time_of(event["id"]),
                metadata=metadata,
                thread_id=thread_id,
                direct=place.kind == DM,
                mentioned=place.kind != DM,
                sender_is_bot=bool(user.get("bot")),
                listed=place.is_listed(self._listed),
            )
        )

    # Places.

    def _opened(self, found: Found, dispatch: Dispatch, now: datetime) -> None:
        self._places.add(Place.of(dispatch.data))

    def _closed(self, found: Found, dispatch: Dispatch, now: datetime) -> None:
        channel_id = str(dispatch.data["id"])
        if channel_id in self._listed:
            name = dispatch.data.get("name") or channel_id
            found.notes.append(f"#{name} was deleted; the settings still name it")
        self._places.remove(channel_id)

    def _listed_threads(self, found: Found, dispatch: Dispatch, now: datetime) -> None:
        for thread in dispatch.data["threads"]:
            self._places.add(Place.of(thread, str(dispatch.data["guild_id"])))

    def _left(self, found: Found, dispatch: Dispatch, now: datetime) -> None:
        guild_id = dispatch.data["id"]
        if dispatch.data.get("unavailable"):
            found.notes.append(
                f"the server {guild_id} is not available: an outage of Discord's"
            )
        else:
            found.notes.append(f"the bot is no longer in the server {guild_id}")

    def _role(self, found: Found, dispatch: Dispatch, now: datetime) -> None:
        self._places.add_role(dispatch.data["role"])


def unread(dispatch: Dispatch, error: Exception) -> str:
    """Return what is said of an event that cannot be read."""
    # Only the error's type: its text may quote what somebody wrote.
    return f"event {dispatch.sequence} ({dispatch.name}): {type(error).__name__}"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _chat_of(place: Place) -> tuple[str, str | None]:
    """Return the chat and the thread of a place."""
    return (place.id, None) if place.parent_id is None else (place.parent_id, place.id)
