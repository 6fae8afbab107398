"""The network's memory: people, guilds, channels, files, and what the bot did."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

import attrs

from networks.clocks import Clock
from networks.discord.entities import (
    CATEGORY,
    DM,
    Channel,
    Guild,
    Member,
    Message,
    Role,
    User,
    Wire,
)
from networks.discord.files import Files
from networks.discord.rates import Rates
from networks.discord.record import Event, Record

EPOCH_MS = 1_420_070_400_000
"""Where the times in ids begin."""

GUILD_MEMBERS = 1 << 1
GUILD_PRESENCES = 1 << 8
MESSAGE_CONTENT = 1 << 15
PRIVILEGED = GUILD_MEMBERS | GUILD_PRESENCES | MESSAGE_CONTENT
FLAGS = {GUILD_PRESENCES: 1 << 13, GUILD_MEMBERS: 1 << 15, MESSAGE_CONTENT: 1 << 19}
"""The flag of an application that has an intent switched on."""


class Publish(Protocol):
    """Tells the bot of something over the gateway."""

    def __call__(
        self,
        name: str,
        payload: Wire,
        *,
        channel: Channel | None = None,
        message: Message | None = None,
    ) -> None:
        """Tell it, if it wants to know and can see it.

        Args:
            name: The event's.
            payload: What is told.
            channel: Where it happened; None: in no channel.
            message: What it is about, when the payload has its content.
        """


@attrs.define(eq=False, kw_only=True)
class Interaction:
    """The use of a command by a person, and what the bot answered."""

    id: str
    token: str
    name: str
    channel: Channel
    user: User
    at: float
    """When, in seconds of the monotonic clock."""
    kind: int | None = None
    """Of the first answer; None: there is none yet."""
    flags: int = 0
    original: Message | None = None
    """What `@original` names."""
    messages: list[Message] = attrs.field(factory=list)
    """All answers."""


class World:
    """Everything that the server knows."""

    def __init__(
        self,
        token: str,
        clock: Clock,
        *,
        username: str,
        privileged: int,
        base_url: Callable[[], str],
    ) -> None:
        self.token: str | None = token
        """None: it was reset."""
        self.clock = clock
        self.privileged = privileged
        """The privileged intents that are switched on in the portal."""
        self.bot = User(id=bot_id_of(token), username=username, is_bot=True)
        self.users: dict[str, User] = {self.bot.id: self.bot}
        self.guilds: dict[str, Guild] = {}
        self.channels: dict[str, Channel] = {}
        self.commands: dict[str, dict[str, Wire]] = {}
        """By guild id, empty for all guilds: commands by id."""
        self.interactions: dict[str, Interaction] = {}
        """By token."""
        self.nonces: dict[str, tuple[float, Message]] = {}
        self.nonce_life_s = 180.0
        """How long a nonce is kept; the real network says "a few minutes"."""
        self.files = Files(clock.now, base_url)
        self.rates = Rates(clock.monotonic, clock.now)
        self.record = Record()
        self.publish: Publish = _tell_nobody
        self.gateway_url: Callable[[], str] = str
        self.session_start_limit: Callable[[], Wire] = dict
        # These three are the gateway's, once there is one.
        self._last_id = 0

    @property
    def application_flags(self) -> int:
        """The application's flags: which privileged intents it has."""
        return sum(flag for intent, flag in FLAGS.items() if self.privileged & intent)

    def next_id(self) -> str:
        """Return an id that is later than all before it; ids begin with the time."""
        self._last_id = max(self._last_id + 1, id_at(self.clock.now()))
        return str(self._last_id)

    def add_user(self, name: str, **fields: Any) -> User:
        """Let a person, or another bot, join the network."""
        fields.setdefault("id", self.next_id())
        fields.setdefault("username", name.lower().replace(" ", "_"))
        user = User(global_name=name, **fields)
        self.users[user.id] = user
        return user

    def add_guild(self, name: str, owner: User, permissions: int, **fields: Any) -> Guild:
        """Found a guild in which its owner and the bot are."""
        guild_id = fields.pop("id", None) or self.next_id()
        everyone = Role(id=guild_id, name="@everyone", permissions=permissions)
        guild = Guild(
            id=guild_id,
            name=name,
            owner_id=owner.id,
            permissions=permissions,
            everyone=everyone,
            roles={everyone.id: everyone},
            **fields,
        )
        for user in (owner, self.bot):
            self.join(guild, user)
        self.guilds[guild.id] = guild
        return guild

    def join(self, guild: Guild, user: User, **fields: Any) -> Member:
        """Let somebody join a guild."""
        member = Member(user=user, joined=self.clock.now(), **fields)
        guild.members[user.id] = member
        return member

    def add_channel(self, kind: int, **fields: Any) -> Channel:
        """Open a channel, or a thread."""
        channel_id = fields.pop("id", None) or self.next_id()
        channel = Channel(id=channel_id, kind=kind, created=self.clock.now(), **fields)
        if channel.guild:
            others = channel.guild.channels.values()
            channel.position = sum(
                (one.kind == CATEGORY) == (kind == CATEGORY) for one in others
            )
            channel.guild.channels[channel.id] = channel
        self.channels[channel.id] = channel
        return channel

    def dm_of(self, user: User) -> Channel:
        """Return somebody's direct channel with the bot, opened if there is none."""
        for channel in self.channels.values():
            if channel.kind == DM and channel.recipient is user:
                return channel
        return self.add_channel(DM, recipient=user)

    def add_message(self, channel: Channel, author: User, **fields: Any) -> Message:
        """Keep a message."""
        message_id = fields.pop("id", None) or self.next_id()
        message = Message(
            id=message_id, channel=channel, author=author, time=self.clock.now(), **fields
        )
        channel.messages[message.id] = message
        return message

    def note(self, event: Event) -> None:
        """Take note of what the bot did."""
        self.record.note(event)


def id_at(time: datetime) -> int:
    """Return the first id of a moment."""
    return (int(time.timestamp() * 1000) - EPOCH_MS) << 22


def bot_id_of(token: str) -> str:
    """Return the id that a token begins with.

    Raises:
        ValueError: It does not.
    """
    first = token.partition(".")[0]
    try:
        bot_id = base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)).decode()
    except ValueError:
        bot_id = ""
    if not bot_id.isdecimal():
        raise ValueError("a token's first part is the bot's id in base64")
    return bot_id


def _tell_nobody(
    name: str,
    payload: Wire,
    *,
    channel: Channel | None = None,
    message: Message | None = None,
) -> None:
    """Drop it: nobody listens yet."""
