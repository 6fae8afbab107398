"""Slack's events to our messages and events. Pure: no I/O, no clock."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

from cobot import (
    IncomingMessage,
    MessageDeleted,
    MessageEdited,
    MessageRef,
    ReactionChanged,
)
from cobot.kit import UNREADABLE, Recent
from cobot_slack.bot import Bot
from cobot_slack.contents import (
    Names,
    Wire,
    channels_in,
    mentions,
    words_of,
)
from cobot_slack.emoji import emoji_of
from cobot_slack.envelopes import Envelope, Found
from cobot_slack.files import media_of
from cobot_slack.gaps import FLOOR, Place, threads_cursor, threads_in, threads_value
from cobot_slack.timestamps import is_ts, order_of, time_of

SAID = ("", "bot_message", "file_share", "me_message", "thread_broadcast")
"""Subtypes of messages that somebody says."""

COMMAND = "cmd:"
"""What the id of a message begins with that is the use of a slash command."""

ACTION = "act:"
"""What the id of a message begins with that is a button that was pressed."""

REMEMBERED = 10_000
"""Messages whose thread is remembered: reactions do not tell it."""


class Reader:
    """Reads what arrives for one bot."""

    def __init__(
        self,
        channel_type: str,
        bot: Bot,
        names: Names,
        listed: Collection[str] = (),
        cursors: dict[str, str] | None = None,
        newest: dict[str, str] | None = None,
    ) -> None:
        """Read for a bot.

        Args:
            channel_type: The section's name.
            bot: Who we are.
            names: Names of people and channels, as far as they are known.
            listed: Ids of the channels in the settings.
            cursors: As they were stored; they are kept up to date.
            newest: By channel, the newest message of somebody else; kept up to date.
        """
        self._channel_type = channel_type
        self._bot = bot
        self._names = names
        self._listed = frozenset(listed)
        self._cursors = {} if cursors is None else cursors
        self._newest = {} if newest is None else newest
        self._threads: Recent[tuple[str, str], str | None] = Recent(REMEMBERED)
        self._gestures: Recent[tuple[str, str], str] = Recent(REMEMBERED)
        self._read: Mapping[str, Callable[[Found, Envelope, datetime], None]] = {
            "message": self._told,
            "app_mention": self._told,
            "reaction_added": self._reacted,
            "reaction_removed": self._reacted,
            "member_joined_channel": self._moved,
            "member_left_channel": self._moved,
            "tokens_revoked": self._ended,
            "app_uninstalled": self._ended,
        }

    def read(self, found: Found, envelope: Envelope, now: datetime) -> None:
        """Add what an envelope holds. What cannot be read is left out, and keeps back nothing.

        Args:
            found: Gets what there is.
            envelope: The envelope.
            now: When it came, for what has no time of its own.
        """
        found.envelopes.append(envelope)
        try:
            if envelope.kind == "slash_commands":
                self._used(found, envelope.payload, now)
            elif envelope.kind == "interactive":
                self._pressed(found, envelope.payload)
            elif envelope.payload.get("type") == "app_rate_limited":
                found.notes.append("more happens than Slack tells: events were left out")
            else:
                read = self._read.get(str(envelope.event.get("type")))
                if read is not None:
                    read(found, envelope, now)
        except UNREADABLE as error:
            found.unread.append(unread(envelope, error))

    def read_old(self, found: Found, message: Wire, place: Place) -> None:
        """Add a message that was asked for, and not told by an event.

        Args:
            found: Gets what there is.
            message: The message.
            place: Where it was written.
        """
        try:
            self._message(found, message, place, {})
        except UNREADABLE as error:
            found.unread.append(f"message {message.get('ts')}: {type(error).__name__}")

    def ids_in(self, message: Wire) -> set[str]:
        """Return the ids of people and channels whose names it takes to read a message."""
        text = str(message.get("text") or "")
        ids = mentions(text) | channels_in(text)
        user = message.get("user")
        if isinstance(user, str) and user and not message.get("bot_profile"):
            ids.add(user)
        return ids - {self._bot.id, "USLACKBOT"}

    # Messages.

    def _told(self, found: Found, envelope: Envelope, now: datetime) -> None:
        event = envelope.event
        channel_id = str(event["channel"])
        known = Place.of_cursor(channel_id, self._cursors.get(channel_id))
        # A mention does not tell in what kind of channel; in direct messages there is none.
        usual = known or Place.of_id(channel_id)
        place = Place(channel_id, str(event.get("channel_type") or usual.kind))
        match event.get("subtype"):
            case "message_changed":
                self._changed(found, event, place)
            case "message_deleted":
                self._deleted(found, event, place)
            case _:
                self._message(found, event, place, envelope.payload)

    def _message(self, found: Found, message: Wire, place: Place, around: Wire) -> None:
        ts = str(message["ts"])
        if not is_ts(ts):
            raise ValueError(ts)
        thread = thread_of(message)
        if str(message.get("subtype") or "") not in SAID:
            return
        if (place.id, ts) in self._threads:
            return  # a mention comes as two events, and a page may hold what an event told
        self._remember(place, ts, thread)
        self._advance(found, message, place, ts, thread)
        if self._is_ours(message) or self._is_repeated(message, place, ts):
            return
        self._newest[place.id] = max(ts, self._newest.get(place.id, ts), key=order_of)
        found.items.append(self._incoming(message, place, around))

    def _advance(
        self, found: Found, message: Wire, place: Place, ts: str, thread: str | None
    ) -> None:
        """Move the cursors of a channel, of its threads, and of all."""
        moved = {}
        if thread is not None:
            threads = threads_in(self._cursors, place.id)
            if order_of(ts) > order_of(threads.get(thread, "0")):
                moved[threads_cursor(place.id)] = threads_value({**threads, thread: ts})
        if thread is None or message.get("subtype") == "thread_broadcast":
            before = self._cursors.get(place.id, "0").partition("/")[0]
            if order_of(ts) > order_of(before):
                moved[place.id] = place.cursor(ts)
        if order_of(ts) > order_of(self._cursors.get(FLOOR, "0")):
            moved[FLOOR] = ts
        self._cursors.update(moved)
        found.cursors.update(moved)

    def _incoming(
        self, message: Wire, place: Place, around: Wire, *, edited_at: datetime | None = None
    ) -> IncomingMessage:
        ts, raw = str(message["ts"]), str(message.get("text") or "")
        is_bot = self._is_bot(message)
        is_direct = place.kind == "im"
        words = words_of(message, self._names, bot_id=self._bot.id)
        return IncomingMessage(
            ts,
            self._channel_type,
            place.id,
            str(message.get("user") or message["bot_id"]),
            self._sender_name(message),
            words,
            time_of(ts),
            media=media_of(message),
            metadata=_metadata(message, place, around, raw if raw != words else None),
            thread_id=thread_of(message),
            direct=is_direct,
            mentioned=not is_direct and self._is_mentioned(message, raw, is_bot=is_bot),
            sender_is_bot=is_bot,
            listed=place.id in self._listed,
            edited_at=edited_at,
        )

    def _sender_name(self, message: Wire) -> str:
        user = message.get("user")
        known = self._names("@", str(user)) if user else None
        profile = message.get("bot_profile") or {}
        name = message.get("username") or known or profile.get("name")
        return str(name or user or message.get("bot_id"))

    def _is_ours(self, message: Wire) -> bool:
        bot = self._bot
        return message.get("user") == bot.id or bool(
            bot.bot_id and message.get("bot_id") == bot.bot_id
        )

    def _is_bot(self, message: Wire) -> bool:
        is_slack = message.get("user") == "USLACKBOT"
        return (
            is_slack or bool(message.get("bot_id")) or message.get("subtype") == "bot_message"
        )

    def _is_mentioned(self, message: Wire, text: str, *, is_bot: bool) -> bool:
        if self._bot.id in mentions(text):
            return True
        # Two bots that reply to each other would never come to an end.
        return not is_bot and message.get("parent_user_id") == self._bot.id

    def _is_repeated(self, message: Wire, place: Place, ts: str) -> bool:
        """Tell whether somebody sent this once, and it has come with another timestamp."""
        gesture = message.get("client_msg_id")
        if not gesture:
            return False
        key = place.id, str(gesture)
        first = self._gestures.get(key)
        if first is None:
            self._gestures.put(key, ts)
        return first not in (None, ts)

    def _remember(self, place: Place, ts: str, thread: str | None) -> None:
        self._threads.put((place.id, ts), thread)

    # What becomes of messages.

    def _changed(self, found: Found, event: Wire, place: Place) -> None:
        message = event["message"]
        before = event.get("previous_message") or {}
        if message.get("subtype") == "tombstone":
            # It has replies, and stands there empty.
            self._gone(found, place, str(message["ts"]), before, event)
            return
        edited = message.get("edited")
        if not edited or self._is_ours(message):
            return
        if edited == before.get("edited") and message.get("text") == before.get("text"):
            return  # a link was resolved, and nothing edited
        if str(message.get("subtype") or "") not in SAID:
            return
        edited_at = time_of(str(edited["ts"]))
        found.items.append(
            MessageEdited(self._incoming(message, place, {}, edited_at=edited_at))
        )

    def _deleted(self, found: Found, event: Wire, place: Place) -> None:
        before = event.get("previous_message") or {}
        self._gone(found, place, str(event["deleted_ts"]), before, event)

    def _gone(self, found: Found, place: Place, ts: str, before: Wire, event: Wire) -> None:
        sender = before.get("user") or before.get("bot_id")
        thread = thread_of(before) if before else self._threads.get((place.id, ts))
        ref = MessageRef(self._channel_type, place.id, ts, thread)
        found.items.append(MessageDeleted(ref, time_of(str(event["ts"])), sender))

    def _reacted(self, found: Found, envelope: Envelope, now: datetime) -> None:
        event = envelope.event
        item = event["item"]
        if event["user"] == self._bot.id or item.get("type") != "message":
            return
        channel_id, ts = str(item["channel"]), str(item["ts"])
        thread = self._threads.get((channel_id, ts))
        found.items.append(
            ReactionChanged(
                MessageRef(self._channel_type, channel_id, ts, thread),
                str(event["user"]),
                emoji_of(str(event["reaction"])),
                event["type"] == "reaction_added",
                time_of(str(event["event_ts"])),
                str(event["event_ts"]),
            )
        )

    def _moved(self, found: Found, envelope: Envelope, now: datetime) -> None:
        event = envelope.event
        if event.get("user") == self._bot.id:
            is_in = event["type"] == "member_joined_channel"
            what = "was invited to" if is_in else "is no longer in"
            found.notes.append(f"the bot {what} the channel {event['channel']}")

    def _ended(self, found: Found, envelope: Envelope, now: datetime) -> None:
        found.fatal = f"the app was taken out of the workspace ({envelope.event['type']})"

    # Commands and buttons.

    def _used(self, found: Found, payload: Wire, now: datetime) -> None:
        channel_id = str(payload["channel_id"])
        is_direct = payload.get("channel_name") == "directmessage"
        # What comes with it to be answered by is a secret: its digest is none.
        digest = hashlib.sha256(str(payload["trigger_id"]).encode()).hexdigest()[:16]
        words = f"{payload['command']} {payload.get('text') or ''}".strip()
        message = IncomingMessage(
            f"{COMMAND}{digest}",
            self._channel_type,
            channel_id,
            str(payload["user_id"]),
            str(payload.get("user_name") or payload["user_id"]),
            words_of({"text": words}, self._names),
            now,
            metadata={"command": str(payload["command"]), "team": str(payload["team_id"])},
            direct=is_direct,
            mentioned=not is_direct,
            listed=channel_id in self._listed,
        )
        found.items.append(message)
        found.commands.append((message.id, payload))

    def _pressed(self, found: Found, payload: Wire) -> None:
        if payload.get("type") != "block_actions":
            return
        container, user = payload["container"], payload["user"]
        channel_id = str(container.get("channel_id") or payload["channel"]["id"])
        channel_name = (payload.get("channel") or {}).get("name")
        is_direct = channel_name == "directmessage" or channel_id.startswith("D")
        for action in payload["actions"]:
            text = action.get("text") or {}
            chosen = action.get("selected_option") or {}
            words = action.get("value") or chosen.get("value") or text.get("text")
            message_ts = container.get("message_ts")
            message = IncomingMessage(
                f"{ACTION}{action['action_ts']}",
                self._channel_type,
                channel_id,
                str(user["id"]),
                str(self._names("@", user["id"]) or user.get("username") or user["id"]),
                str(words or action["action_id"]),
                time_of(str(action["action_ts"])),
                reply_to=message_ts,
                metadata={
                    "action": {
                        name: str(action.get(name) or "")
                        for name in ("action_id", "block_id", "type", "value")
                    },
                    "message_ts": str(message_ts or ""),
                },
                thread_id=container.get("thread_ts"),
                direct=is_direct,
                mentioned=not is_direct,
                listed=channel_id in self._listed,
            )
            found.items.append(message)
            found.commands.append((message.id, payload))


def thread_of(message: Wire) -> str | None:
    """Return the thread that a message is a reply in; None: it is none."""
    thread = message.get("thread_ts")
    return None if not thread or thread == message.get("ts") else str(thread)


def unread(envelope: Envelope, error: Exception) -> str:
    """Return what is said of an envelope that cannot be read."""
    # Only the error's type: its text may quote what somebody wrote.
    kind = envelope.event.get("type") or envelope.kind
    return f"{envelope.event_id or envelope.kind} ({kind}): {type(error).__name__}"


def _metadata(message: Wire, place: Place, around: Wire, raw: str | None) -> dict[str, Any]:
    """Return what is told of a message beside it; `raw`: its text, if that was changed."""
    metadata: dict[str, Any] = {"channel_kind": place.kind}
    if raw is not None:
        metadata["raw_content"] = raw
    team = message.get("user_team") or message.get("team") or message.get("source_team")
    told = {
        "team": team,
        "subtype": message.get("subtype"),
        "client_msg_id": message.get("client_msg_id"),
        "bot_id": message.get("bot_id"),
        "event_id": around.get("event_id"),
    }
    metadata |= {name: str(value) for name, value in told.items() if value}
    if around.get("is_ext_shared_channel"):
        metadata["is_shared"] = True
    return metadata
