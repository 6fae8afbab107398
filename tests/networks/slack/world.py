"""The network's memory: people, channels, files, and what the bot did."""

from __future__ import annotations

import hashlib
import itertools
from typing import Any, Protocol

import attrs

from networks.clocks import Clock
from networks.slack import text as texts
from networks.slack.chats import Channel, ChannelKind, Message, User, Wire
from networks.slack.errors import ApiError
from networks.slack.files import Files
from networks.slack.rates import Rates
from networks.slack.record import Event, Record

TEAM_ID = "T0TEAM0001"
APP_ID = "A0APP00001"
BOT_ID = "B0BOT00001"
BOT_USER_ID = "U0BOT00001"

TS_STEP_US = 100
"""Timestamps end in zeros: whoever reads one as a number loses them."""

SCOPES = (
    "app_mentions:read",
    "assistant:write",
    "channels:history",
    "channels:join",
    "channels:read",
    "chat:write",
    "chat:write.customize",
    "commands",
    "files:read",
    "files:write",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "im:write",
    "mpim:history",
    "mpim:read",
    "mpim:write",
    "reactions:read",
    "reactions:write",
    "users:read",
    "users:write",
)
"""What the bot's token has at first; `chat:write.public` is left out."""

STATUS_S = 120.0
"""How long the status of an assistant is shown."""


HOOK_S = 1800.0
HOOK_USES = 5
"""How long, and how often, the address for answers to a command or a button is good."""


class Deliveries(Protocol):
    """Where events go."""

    def event(self, event: Wire, *, is_ext_shared: bool = False) -> object:
        """Let an event reach the app."""


@attrs.define(eq=False)
class Hook:
    """An address for answers to a command or a button."""

    channel: Channel
    until: float
    """In seconds of the monotonic clock."""
    uses: int = HOOK_USES
    """How often it can still be used."""


@attrs.define(eq=False)
class Limits:
    """Sizes at which the network refuses or splits; tests may change them."""

    text_chars: int = 4_000
    is_long_text_split: bool = False
    """Whether `chat.postMessage` makes several messages of a longer text, of which it tells
    the first. Else it refuses it. Both were seen."""
    cut_chars: int = 40_000
    """What is longer is cut, where long text is split."""
    markdown_chars: int = 12_000
    blocks: int = 50
    section_chars: int = 3_000
    field_chars: int = 2_000
    fields: int = 10
    header_chars: int = 150
    blocks_chars: int = 13_000
    attachments: int = 100
    reactions: int = 23
    """Different ones on a message."""
    edit_window_s: float | None = None
    """After how long a message cannot be edited any more; None: it always can."""


class World:
    """Everything that the server knows."""

    def __init__(self, clock: Clock, *, name: str) -> None:
        self.clock = clock
        self.bot = User(
            id=BOT_USER_ID,
            name=name,
            real_name=name.replace("_", " ").capitalize(),
            team_id=TEAM_ID,
            bot_id=BOT_ID,
            app_id=APP_ID,
        )
        self.users: dict[str, User] = {self.bot.id: self.bot}
        self.channels: dict[str, Channel] = {}
        self.statuses: dict[tuple[str, str], tuple[str, float]] = {}
        """By channel and thread: an assistant's status, and until when it is shown."""
        self.scopes = set(SCOPES)
        self.presence = "auto"
        self.hooks: dict[str, Hook] = {}
        """By path."""
        self.emoji: set[str] = set()
        """Names of the workspace's own."""
        self.limits = Limits()
        self.files = Files(TEAM_ID)
        self.rates = Rates(clock.monotonic)
        self.record = Record()
        self.deliveries: Deliveries | None = None
        self._last_us = 0
        self._ids = itertools.count(1)

    def now(self) -> float:
        """Return the time of day in seconds."""
        return self.clock.now().timestamp()

    def next_id(self, prefix: str) -> str:
        """Return an id that nothing else has."""
        return f"{prefix}{next(self._ids):0{10 - len(prefix)}d}"

    def next_ts(self) -> str:
        """Return the time of day as a timestamp that nothing else has."""
        steps = int(self.now() * 1_000_000) // TS_STEP_US
        self._last_us = max(steps * TS_STEP_US, self._last_us + TS_STEP_US)
        return f"{self._last_us // 1_000_000}.{self._last_us % 1_000_000:06d}"

    def need(self, scope: str) -> None:
        """Check that the bot's token has a scope.

        Raises:
            ApiError: It has not.
        """
        if scope not in self.scopes:
            provided = ",".join(sorted(self.scopes))
            raise ApiError("missing_scope", needed=scope, provided=provided)

    # --- who is there ---

    def add_user(self, name: str, *, is_bot: bool = False, **fields: Any) -> User:
        """Let a person, or another bot, join the workspace."""
        fields.setdefault("id", self.next_id("U0"))
        fields.setdefault("team_id", TEAM_ID)
        fields.setdefault("name", name.lower().replace(" ", "."))
        if is_bot:
            fields.setdefault("bot_id", self.next_id("B0"))
            fields.setdefault("app_id", self.next_id("A0"))
        user = User(real_name=name, **fields)
        self.users[user.id] = user
        return user

    def add_channel(self, kind: ChannelKind, **fields: Any) -> Channel:
        """Open a conversation."""
        prefix = "D0" if kind == "im" else "C0"
        fields.setdefault("id", self.next_id(prefix))
        channel = Channel(kind=kind, **fields)
        self.channels[channel.id] = channel
        return channel

    def find_direct(self, user: User) -> Channel | None:
        """Return the bot's direct messages with somebody."""
        for channel in self.channels.values():
            if channel.kind == "im" and channel.members == [user]:
                return channel
        return None

    def reach(self, name: str, *, needs_member: bool = True) -> Channel:
        """Return the channel that a call names.

        Raises:
            ApiError: There is none that the bot can see, or it has to be a member and is none.
        """
        channel = self.channels.get(name)
        if channel is None or (channel.kind != "channel" and not channel.has_bot):
            raise ApiError("channel_not_found")
        if needs_member and not channel.has_bot:
            raise ApiError("not_in_channel")
        return channel

    def add_hook(self, channel: Channel, kind: str) -> str:
        """Return a new address for answers; it is a secret."""
        secret = hashlib.sha256(self.next_id("H").encode()).hexdigest()[:24]
        path = f"/{kind}/{TEAM_ID}/{secret}"
        self.hooks[path] = Hook(channel, self.clock.monotonic() + HOOK_S)
        return f"{self.files.base}{path}"

    # --- messages ---

    def add_message(
        self,
        channel: Channel,
        user: User | None,
        fields: Wire,
        *,
        thread_ts: str | None = None,
        request: Any = None,
    ) -> Message:
        """Keep a message and tell the app of it."""
        message = Message(
            ts=self.next_ts(),
            channel=channel,
            user=user,
            fields=fields,
            thread_ts=thread_ts,
            is_outgoing=user is self.bot,
            request=request,
        )
        if message.is_broadcast and thread_ts in channel.messages:
            fields["root"] = channel.messages[thread_ts].wire()
        channel.messages[message.ts] = message
        self.tell_message(message)
        if message.is_outgoing:
            self.statuses.pop((channel.id, thread_ts or ""), None)
            self.record.note(Event("sent", channel, message))
        return message

    def laid_out(self, text: str) -> Wire:
        """Return the fields of a message that is a text."""
        blocks = texts.rich_text(text, self.next_id("b"))
        return {"text": text} | ({"blocks": blocks} if blocks else {})

    # --- events ---

    def tell(self, channel: Channel, event: Wire) -> None:
        """Let the app know of something in a channel, if its bot is a member."""
        if channel.has_bot and self.deliveries:
            event.setdefault("event_ts", event.get("ts") or self.next_ts())
            self.deliveries.event(event, is_ext_shared=channel.is_ext_shared)

    def tell_message(self, message: Message) -> None:
        """Let the app know of a message, and once more if it mentions the app's bot."""
        channel = message.channel
        place = {"channel": channel.id, "channel_type": channel.kind}
        self.tell(channel, message.wire() | place)
        mention = f"<@{self.bot.id}"
        is_mentioned = f"{mention}>" in message.text or f"{mention}|" in message.text
        if is_mentioned and channel.kind != "im" and not message.is_outgoing:
            names = ("user", "text", "ts", "thread_ts", "team", "blocks", "files", "bot_id")
            wire = message.wire()
            told = {name: wire[name] for name in names if name in wire}
            self.tell(channel, {"type": "app_mention", "channel": channel.id, **told})

    def tell_changed(self, message: Message, before: Wire, *, is_hidden: bool = True) -> None:
        """Let the app know that a message is not what it was."""
        event = {
            "type": "message",
            "subtype": "message_changed",
            "hidden": is_hidden,
            "channel": message.channel.id,
            "channel_type": message.channel.kind,
            "ts": self.next_ts(),
            "message": message.wire(),
            "previous_message": before,
        }
        self.tell(message.channel, event)

    def edit(self, message: Message, by: User, fields: Wire) -> None:
        """Change a message and tell the app."""
        before = message.wire()
        for name, value in fields.items():
            if value is None:
                message.fields.pop(name, None)
            else:
                message.fields[name] = value
        message.edited = {"user": by.id, "ts": self.next_ts()}
        self.tell_changed(message, before)

    def delete(self, message: Message) -> None:
        """Delete a message; what has replies leaves a placeholder."""
        before = message.wire()
        channel = message.channel
        if not message.thread_ts and channel.replies(message.ts):
            message.fields = {"subtype": "tombstone", "text": "This message was deleted."}
            message.user = None
            self.tell_changed(message, before)
        else:
            event = {
                "type": "message",
                "subtype": "message_deleted",
                "hidden": True,
                "channel": channel.id,
                "channel_type": channel.kind,
                "ts": self.next_ts(),
                "deleted_ts": message.ts,
                "previous_message": before,
            }
            self.tell(channel, event)
        message.is_deleted = True

    def react(self, message: Message, user: User, name: str, *, is_added: bool) -> bool:
        """Add or take back a reaction; return whether that changed anything."""
        users = message.reactions.get(name, [])
        if (user.id in users) == is_added:
            return False
        users = [*users, user.id] if is_added else [one for one in users if one != user.id]
        message.reactions[name] = users
        if not users:
            del message.reactions[name]
        event: Wire = {
            "type": "reaction_added" if is_added else "reaction_removed",
            "user": user.id,
            "reaction": name,
            "item": {"type": "message", "channel": message.channel.id, "ts": message.ts},
        }
        if message.user:
            event["item_user"] = message.user.id
        self.tell(message.channel, event)
        return True
