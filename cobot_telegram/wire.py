"""Telegram's updates to our messages and events. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from cobot import (
    Address,
    ChatMoved,
    IncomingMessage,
    Media,
    MessageEdited,
    MessageRef,
    ReactionChanged,
    kit,
)
from cobot_telegram.contents import WORDS, Wire, words_of
from cobot_telegram.files import FILES, media_of

UPDATES = (
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "callback_query",
    "message_reaction",
    "my_chat_member",
)
"""What is asked for, with each poll: the server remembers the last list that it was given."""

STAND_INS = frozenset({1087968824, 136817688})
"""Accounts in whose name anonymous administrators and channels write in groups."""

CALLBACK = "cb:"
"""What the id of a message begins with that is the press of a button."""

MOVED = "moved/"
"""What the name of a cursor begins with that keeps which group a supergroup was."""

_CONTENT = WORDS | FILES


@attrs.frozen
class Bot:
    """Who we are, as `getMe` says."""

    id: int
    username: str
    """Without the @."""
    reads_all: bool
    """Whether privacy mode is off: in groups the bot gets every message."""

    @classmethod
    def of(cls, user: Wire) -> Bot:
        """Read the answer of `getMe`."""
        reads_all = bool(user.get("can_read_all_group_messages"))
        return cls(int(user["id"]), str(user.get("username") or ""), reads_all)


@attrs.define
class Found(kit.Found):
    """What an answer of `getUpdates` holds."""

    queries: list[str] = attrs.field(factory=list)
    """Pressed buttons that wait to be answered, by their ids."""


class Reader:
    """Reads what arrives for one bot."""

    def __init__(
        self,
        channel_type: str,
        bot: Bot,
        listed: Collection[str] = (),
        cursors: Mapping[str, str] | None = None,
    ) -> None:
        """Read for a bot.

        Args:
            channel_type: The section's name.
            bot: Who we are.
            listed: Ids of the chats in the settings.
            cursors: As they were stored; they also keep which group became which.
        """
        self._channel_type = channel_type
        self._bot = bot
        self._name = f"@{bot.username}".lower()
        self._listed = {*listed}
        for name in cursors or ():
            if name.startswith(MOVED) and (cursors or {})[name] in self._listed:
                self._listed.add(name.removeprefix(MOVED))

    def read(self, updates: Iterable[Any], now: datetime) -> Found:
        """Return what updates hold. What cannot be read is left out, and keeps back nothing.

        Args:
            updates: The result of `getUpdates`.
            now: When it came, for what has no time of its own.
        """
        found = Found()
        for update in updates:
            number = update.get("update_id") if isinstance(update, dict) else None
            if not isinstance(number, int):
                found.unread.append("an update without an id")
                continue
            # Of the last one, whatever its number: they begin anew somewhere after a week
            # without updates.
            found.cursors[""] = str(number + 1)
            try:
                self._update(found, update, number, now)
            except kit.UNREADABLE as error:
                kind = next((name for name in UPDATES if name in update), "of an unknown kind")
                # Only the error's type: its text may quote what somebody wrote.
                what = f"update {number} ({kind}): {type(error).__name__}"
                found.unread.append(what)
        return found

    def _update(self, found: Found, update: Wire, number: int, now: datetime) -> None:
        message = update.get("message") or update.get("channel_post")
        if message is not None:
            self._message(found, message, number)
            return
        edited = update.get("edited_message") or update.get("edited_channel_post")
        if edited is not None:
            self._edit(found, edited, number)
        elif "callback_query" in update:
            self._press(found, update["callback_query"], number, now)
        elif "message_reaction" in update:
            found.items += self._reactions(update["message_reaction"], number)
        elif "my_chat_member" in update:
            found.notes += _membership(update["my_chat_member"])

    def _message(self, found: Found, message: Wire, number: int) -> None:
        read = self._incoming(message, number)
        if read is not None:
            found.items.append(read)
        elif "migrate_to_chat_id" in message:
            self._moved(found, message["chat"]["id"], message["migrate_to_chat_id"])
        elif "migrate_from_chat_id" in message:
            self._moved(found, message["migrate_from_chat_id"], message["chat"]["id"])

    def _edit(self, found: Found, message: Wire, number: int) -> None:
        read = self._incoming(message, number)
        if read is not None:
            # Telegram tells whole seconds, and two edits may be in one: the update's number
            # sets them apart and in order, and is the same when the update comes again.
            edited_at = _time(message.get("edit_date") or message["date"])
            edited_at += timedelta(microseconds=number % 1_000_000)
            found.items.append(MessageEdited(attrs.evolve(read, edited_at=edited_at)))

    def _incoming(self, message: Wire, number: int) -> IncomingMessage | None:
        """Return a message; None for what nobody said, or not to us."""
        chat, sender, text = message["chat"], message.get("from"), message.get("text")
        if not _is_speech(message) or (sender is not None and sender["id"] == self._bot.id):
            return None
        media: Sequence[Media] = ()
        if text is None:
            content, media = words_of(message), media_of(message)
            entities = message.get("caption_entities")
        else:
            content, entities = text, message.get("entities")
        thread_id = _thread_of(message)
        reply = message.get("reply_to_message")
        if reply is not None and (not reply["message_id"] or reply["message_id"] == thread_id):
            reply = None  # all that is in a topic replies to its beginning
        is_private, is_mentioned = chat["type"] == "private", False
        if not is_private:
            if entities and _is_for_another(content, entities, self._name):
                return None
            is_mentioned = self._is_mentioned(message, content, entities, reply)
        sender_id, sender_name, is_bot = _sender(message, chat, sender)
        chat_id = str(chat["id"])
        return IncomingMessage(
            str(message["message_id"]),
            self._channel_type,
            chat_id,
            sender_id,
            sender_name,
            content,
            _time(message["date"]),
            None if reply is None else str(reply["message_id"]),
            media,
            _metadata(message, number, chat, sender, entities),
            thread_id=None if thread_id is None else str(thread_id),
            direct=is_private,
            mentioned=is_mentioned,
            sender_is_bot=is_bot,
            group=message.get("media_group_id"),
            listed=chat_id in self._listed,
        )

    def _is_mentioned(
        self, message: Wire, content: str, entities: Sequence[Wire] | None, reply: Wire | None
    ) -> bool:
        if reply is not None and reply.get("from", {}).get("id") == self._bot.id:
            return True
        for entity in entities or ():
            kind = entity["type"]
            if kind == "mention":
                if _cut(content, entity).lower() == self._name:
                    return True
            elif kind == "bot_command":
                if _cut(content, entity).lower().endswith(self._name):
                    return True
            elif kind == "text_mention" and entity["user"]["id"] == self._bot.id:
                return True
        # Rich messages have no entities, but mentions all the same.
        words = content.lower().split() if "rich_message" in message else ()
        return self._name in (word.rstrip(".,:;!?") for word in words)

    def _moved(self, found: Found, old: int, new: int) -> None:
        # Said in both chats; the journal takes the second for the first come again.
        addresses = (Address(self._channel_type, chat) for chat in (old, new))
        found.items.append(ChatMoved(*addresses))
        found.notes += self.follow(str(old), str(new))
        if str(new) in self._listed:
            found.cursors[MOVED + str(new)] = str(old)

    def follow(self, old: str, new: str) -> list[str]:
        """Let a chat that is listed stay so under its new id; return what to tell the owner."""
        if old not in self._listed or new in self._listed:
            return []
        self._listed.add(new)
        return [f"the group {old} has become a supergroup: in groups, write its new id {new}"]

    def _press(self, found: Found, query: Wire, number: int, now: datetime) -> None:
        # Answered in any case, or the button goes on looking busy.
        found.queries.append(str(query["id"]))
        message = query.get("message")
        if message is None or "data" not in query:
            return  # of a message in a chat where we are not, or of a game
        chat, sender = message["chat"], query["from"]
        chat_id, is_private = str(chat["id"]), chat["type"] == "private"
        metadata = _metadata({}, number, chat, sender, None)
        metadata["callback_query"] = {"message_id": message["message_id"]}
        pressed = IncomingMessage(
            f"{CALLBACK}{query['id']}",
            self._channel_type,
            chat_id,
            sender["id"],
            _name(sender),
            query["data"],
            now,
            message["message_id"] or None,
            metadata=metadata,
            thread_id=_thread_of(message),
            direct=is_private,
            mentioned=not is_private,
            sender_is_bot=bool(sender.get("is_bot")),
            listed=chat_id in self._listed,
        )
        found.items.append(pressed)

    def _reactions(self, change: Wire, number: int) -> Iterator[ReactionChanged]:
        if not change["message_id"]:
            return
        old = [_emoji_of(one) for one in change["old_reaction"]]
        new = [_emoji_of(one) for one in change["new_reaction"]]
        ref = MessageRef(self._channel_type, change["chat"]["id"], change["message_id"])
        who = change.get("user") or change["actor_chat"]
        when = _time(change["date"])
        changed = [(one, False) for one in old if one not in new]
        changed += [(one, True) for one in new if one not in old]
        for emoji, is_added in changed:
            event_id = f"{number}/{'+' if is_added else '-'}{emoji}"
            yield ReactionChanged(ref, who["id"], emoji, is_added, when, event_id)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _is_speech(message: Wire) -> bool:
    """Tell whether somebody said something, to all who are there."""
    # A message with the id 0 is shown to one person for a while, or is yet to be sent:
    # nothing can be done with it. Business messages belong to somebody else's account, and a
    # post that was copied to the discussion of its channel is answered in the channel.
    if not message["message_id"] or "business_connection_id" in message:
        return False
    if message.get("is_automatic_forward"):
        return False
    return "text" in message or not _CONTENT.isdisjoint(message)


def _thread_of(message: Wire) -> int | None:
    """Return the topic; a thread of replies is none."""
    return message.get("message_thread_id") if message.get("is_topic_message") else None


def _sender(message: Wire, chat: Wire, sender: Wire | None) -> tuple[str, str, bool]:
    """Return who speaks: id, name, and whether it is a bot.

    Who writes in the name of a chat has a stand-in for `from`, which is the same for all of
    them: to let one in by it would let in everybody.
    """
    speaker = message.get("sender_chat")
    if speaker is None and (sender is None or sender["id"] in STAND_INS):
        speaker = chat
    if speaker is None:
        assert sender is not None
        return str(sender["id"]), _name(sender), sender.get("is_bot", False)
    return str(speaker["id"]), _name(speaker), False


def _name(who: Wire) -> str:
    name = who.get("first_name")
    if name:
        last = who.get("last_name")
        return f"{name} {last}" if last else str(name)
    return str(who.get("title") or who.get("username") or who["id"])


def _cut(text: str, entity: Wire) -> str:
    """Return the part of a text that an entity covers: it counts UTF-16 code units."""
    start = entity["offset"]
    end = start + entity["length"]
    if text.isascii():
        return text[start:end]
    units = text.encode("utf-16-le", "surrogatepass")
    return units[2 * start : 2 * end].decode("utf-16-le", "replace")


def _is_for_another(content: str, entities: Sequence[Wire], name: str) -> bool:
    """Tell whether a message begins with a command for another bot."""
    for entity in entities:
        if entity["offset"]:
            return False
        if entity["type"] == "bot_command":
            command = _cut(content, entity).lower()
            return "@" in command and not command.endswith(name)
    return False


def _metadata(
    message: Wire,
    number: int,
    chat: Wire,
    sender: Wire | None,
    entities: Sequence[Wire] | None,
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"update_id": number, "chat_type": chat["type"]}
    if "title" in chat:
        metadata["chat_title"] = chat["title"]
    if sender is not None:
        for ours, theirs in (("username", "username"), ("language", "language_code")):
            if theirs in sender:
                metadata[ours] = sender[theirs]
    if entities:
        metadata["entities"] = entities
    for ours, theirs in (("forward", "forward_origin"), ("quote", "quote")):
        if theirs in message:
            metadata[ours] = message[theirs]
    return metadata


def _emoji_of(reaction: Wire) -> str:
    if reaction["type"] == "emoji":
        return str(reaction["emoji"])
    return str(reaction.get("custom_emoji_id") or reaction["type"])


def _membership(change: Wire) -> list[str]:
    chat, status = change["chat"], change["new_chat_member"]["status"]
    before = change["old_chat_member"]["status"]
    if status == before:
        return []
    if chat["type"] == "private":
        did = "has blocked" if status == "kicked" else "has unblocked"
        return [f"somebody ({chat['id']}) {did} the bot"]
    # The id is what the owner needs for the settings.
    return [f"the bot is now {status!r} in {_name(chat)!r} ({chat['id']}); it was {before!r}"]
