"""Who and what there is on the network: people, guilds, channels, messages."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, TypeAlias

import attrs

Wire: TypeAlias = dict[str, Any]
"""An object of the API as JSON has it."""

TEXT: Final = 0
DM: Final = 1
VOICE: Final = 2
CATEGORY: Final = 4
ANNOUNCEMENT: Final = 5
ANNOUNCEMENT_THREAD: Final = 10
PUBLIC_THREAD: Final = 11
PRIVATE_THREAD: Final = 12
FORUM: Final = 15
MEDIA: Final = 16
THREADS = (ANNOUNCEMENT_THREAD, PUBLIC_THREAD, PRIVATE_THREAD)
FORUMS = (FORUM, MEDIA)

DEFAULT: Final = 0
REPLY: Final = 19
COMMAND: Final = 20
UNDELETABLE = (1, 2, 3, 4, 5, 21)
"""Kinds of messages that nobody can delete."""

SUPPRESS_EMBEDS: Final = 1 << 2
HAS_THREAD: Final = 1 << 5
EPHEMERAL: Final = 1 << 6
LOADING: Final = 1 << 7
SILENT: Final = 1 << 12
VOICE_MESSAGE: Final = 1 << 13
HAS_SNAPSHOT: Final = 1 << 14
COMPONENTS_V2: Final = 1 << 15
SETTABLE = SUPPRESS_EMBEDS | SILENT | VOICE_MESSAGE | COMPONENTS_V2
"""Flags that a sender may set."""


def iso(time: datetime) -> str:
    """Return a time as the API writes it."""
    return time.isoformat(timespec="microseconds" if time.microsecond else "seconds")


@attrs.define(eq=False, kw_only=True)
class User:
    """A person, or a bot."""

    id: str
    username: str
    global_name: str | None = None
    is_bot: bool = False
    is_system: bool = False
    takes_dms: bool = True
    """Whether bots may write to them."""
    has_blocked_bot: bool = False
    shares_guild: bool = True
    """Whether they are in a guild in which the bot is as well."""

    @property
    def name(self) -> str:
        """What is shown of them."""
        return self.global_name or self.username

    @property
    def mention(self) -> str:
        """What has to be written to mention them."""
        return f"<@{self.id}>"

    def wire(self) -> Wire:
        """Return the API's user."""
        wire: Wire = {
            "id": self.id,
            "username": self.username,
            "global_name": self.global_name,
            "discriminator": "1234" if self.is_bot else "0",
            "avatar": None,
            "public_flags": 0,
        }
        if self.is_bot:
            wire["bot"] = True
        if self.is_system:
            wire["system"] = True
        return wire


@attrs.define(eq=False, kw_only=True)
class Role:
    """A role of a guild."""

    id: str
    name: str
    permissions: int = 0
    is_mentionable: bool = False

    def wire(self) -> Wire:
        """Return the API's role."""
        return {
            "id": self.id,
            "name": self.name,
            "color": 0,
            "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
            "hoist": False,
            "icon": None,
            "unicode_emoji": None,
            "position": 0,
            "permissions": str(self.permissions),
            "managed": False,
            "mentionable": self.is_mentionable,
            "flags": 0,
        }


@attrs.define(eq=False, kw_only=True)
class Emoji:
    """A guild's own emoji."""

    id: str
    name: str
    is_animated: bool = False

    def wire(self) -> Wire:
        """Return the API's emoji."""
        return {
            "id": self.id,
            "name": self.name,
            "animated": self.is_animated,
            "roles": [],
            "require_colons": True,
            "managed": False,
            "available": True,
        }


@attrs.define(eq=False, kw_only=True)
class Member:
    """Somebody in a guild."""

    user: User
    joined: datetime
    nick: str | None = None
    roles: list[Role] = attrs.field(factory=list)

    def wire(self, *, with_user: bool = True) -> Wire:
        """Return the API's member; in messages it has no user inside."""
        wire: Wire = {
            "nick": self.nick,
            "avatar": None,
            "banner": None,
            "roles": [role.id for role in self.roles],
            "joined_at": iso(self.joined),
            "premium_since": None,
            "communication_disabled_until": None,
            "deaf": False,
            "mute": False,
            "pending": False,
            "flags": 0,
        }
        return {"user": self.user.wire(), **wire} if with_user else wire


@attrs.define(eq=False, kw_only=True)
class Guild:
    """A guild as the server keeps it. `Hall` is how its people use it."""

    id: str
    name: str
    owner_id: str
    permissions: int
    """The bot's, before what a channel denies."""
    everyone: Role
    members: dict[str, Member] = attrs.field(factory=dict)
    roles: dict[str, Role] = attrs.field(factory=dict)
    emojis: dict[str, Emoji] = attrs.field(factory=dict)
    channels: dict[str, Channel] = attrs.field(factory=dict)
    """Threads as well."""
    has_bot: bool = True
    is_available: bool = True
    upload_bytes: int | None = None
    """What a file may have here; None: what it may have anywhere."""


@attrs.define(eq=False, kw_only=True)
class Channel:
    """A channel as the server keeps it. `Room` is how its people use it."""

    id: str
    kind: int
    name: str | None = None
    guild: Guild | None = None
    """None: a direct channel."""
    parent: Channel | None = None
    """A thread's channel, or a channel's category."""
    recipient: User | None = None
    """Of a direct channel: whose it is."""
    owner_id: str | None = None
    """Of a thread: who opened it."""
    created: datetime
    denied: int = 0
    """What the bot may not do here, of what it may do in the guild."""
    messages: dict[str, Message] = attrs.field(factory=dict)
    is_deleted: bool = False
    is_archived: bool = False
    archived: datetime | None = None
    """Of a thread: when it was archived last, or woken."""
    is_locked: bool = False
    has_bot: bool = False
    """Of a private thread: whether the bot is in it."""
    archive_minutes: int = 1440
    tags: dict[str, str] = attrs.field(factory=dict)
    """Of a forum: names by id."""
    needs_tag: bool = False
    applied_tags: list[str] = attrs.field(factory=list)
    position: int = 0

    @property
    def is_thread(self) -> bool:
        """Whether it is a thread."""
        return self.kind in THREADS

    @property
    def history(self) -> list[Message]:
        """The messages that were not deleted, the oldest first."""
        return [one for one in self.messages.values() if not one.is_deleted]

    def find(self, message_id: str) -> Message | None:
        """Return a message that was not deleted."""
        message = self.messages.get(message_id)
        return None if message is None or message.is_deleted else message


@attrs.define(eq=False, kw_only=True)
class Attachment:
    """A file of a message."""

    id: str
    channel_id: str
    filename: str
    content: bytes
    content_type: str | None = None
    description: str | None = None
    size: int
    """What is told, whatever the content has."""
    fields: Wire = attrs.field(factory=dict)
    """Of pictures and spoken messages: `width`, `height`, `duration_secs`, `waveform` ..."""


@attrs.define(eq=False, kw_only=True)
class Reaction:
    """An emoji below a message, and who put it there."""

    emoji: Wire
    users: list[User] = attrs.field(factory=list)


@attrs.define(eq=False, kw_only=True)
class Message:
    """A message, whoever wrote it."""

    id: str
    channel: Channel
    author: User
    time: datetime
    content: str = ""
    kind: int = DEFAULT
    flags: int = 0
    edited: datetime | None = None
    attachments: list[Attachment] = attrs.field(factory=list)
    embeds: list[Wire] = attrs.field(factory=list)
    components: list[Wire] = attrs.field(factory=list)
    mentions: list[User] = attrs.field(factory=list)
    """Whom it pings."""
    mention_roles: list[Role] = attrs.field(factory=list)
    mention_everyone: bool = False
    reply_to: Message | None = None
    reference: Wire | None = None
    reactions: dict[str, Reaction] = attrs.field(factory=dict)
    """By what tells emoji apart."""
    webhook_id: str | None = None
    nonce: str | int | None = None
    is_pinned: bool = False
    is_deleted: bool = False
    thread: Channel | None = None
    """The thread that was opened at it."""
    fields: Wire = attrs.field(factory=dict)
    """More of the API's message: `sticker_items`, `message_snapshots`, `poll` ..."""
    request: Any = None
    """The `Call` that sent it; None: no bot did."""

    @property
    def channel_id(self) -> str:
        """The id of its channel."""
        return self.channel.id

    def reacted(self, user: User) -> list[str]:
        """Return the emoji that somebody put there: names, `name:id` for a guild's own."""
        return [
            f"{one.emoji['name']}:{one.emoji['id']}" if one.emoji["id"] else one.emoji["name"]
            for one in self.reactions.values()
            if user in one.users
        ]
