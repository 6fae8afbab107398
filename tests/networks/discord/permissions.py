"""What the bot may do where."""

from __future__ import annotations

from networks.discord.entities import FORUMS, PRIVATE_THREAD, Channel, Guild
from networks.discord.errors import ApiError, missing_access, missing_permissions, unknown
from networks.discord.world import World

BITS = {
    "ADD_REACTIONS": 1 << 6,
    "VIEW_CHANNEL": 1 << 10,
    "SEND_MESSAGES": 1 << 11,
    "MANAGE_MESSAGES": 1 << 13,
    "EMBED_LINKS": 1 << 14,
    "ATTACH_FILES": 1 << 15,
    "READ_MESSAGE_HISTORY": 1 << 16,
    "MENTION_EVERYONE": 1 << 17,
    "USE_APPLICATION_COMMANDS": 1 << 31,
    "MANAGE_THREADS": 1 << 34,
    "CREATE_PUBLIC_THREADS": 1 << 35,
    "CREATE_PRIVATE_THREADS": 1 << 36,
    "SEND_MESSAGES_IN_THREADS": 1 << 38,
}
ALL = sum(BITS.values())
USUAL = ALL & ~sum(
    BITS[name] for name in ("MANAGE_MESSAGES", "MENTION_EVERYONE", "MANAGE_THREADS")
)
"""What a bot is given that moderates nothing."""


def bits(*names: str) -> int:
    """Return permissions by their names."""
    return sum(BITS[name] for name in names)


def rights(channel: Channel) -> int:
    """Return what the bot may do in a channel."""
    if channel.guild is None:
        return ALL & ~bits("MANAGE_MESSAGES", "MANAGE_THREADS")
    denied = channel.denied
    if channel.is_thread and channel.parent:
        denied |= channel.parent.denied
    return channel.guild.permissions & ~denied


def may(channel: Channel, *names: str) -> bool:
    """Tell whether the bot has all of these permissions in a channel."""
    wanted = bits(*names)
    return rights(channel) & wanted == wanted


def is_seen(channel: Channel) -> bool:
    """Tell whether the bot can see a channel."""
    if channel.guild is None:
        return True
    if not channel.guild.has_bot or not may(channel, "VIEW_CHANNEL"):
        return False
    is_private = channel.kind == PRIVATE_THREAD
    return not is_private or channel.has_bot or may(channel, "MANAGE_THREADS")


def need(channel: Channel, *names: str) -> None:
    """Refuse what the bot may not do.

    Raises:
        ApiError: It may not.
    """
    if not may(channel, *names):
        raise missing_permissions()


def reach(world: World, channel_id: str) -> Channel:
    """Return a channel that the bot can see.

    Raises:
        ApiError: There is none, or it cannot.
    """
    channel = world.channels.get(channel_id)
    if channel is None or channel.is_deleted:
        raise unknown("Channel")
    if not is_seen(channel):
        raise missing_access()
    return channel


def reach_guild(world: World, guild_id: str) -> Guild:
    """Return a guild that the bot is in.

    Raises:
        ApiError: It is in none of that id.
    """
    guild = world.guilds.get(guild_id)
    if guild is None or not guild.has_bot:
        raise unknown("Guild")
    return guild


def check_writable(channel: Channel) -> None:
    """Refuse a message where the bot cannot write.

    Raises:
        ApiError: It cannot.
    """
    if channel.kind in FORUMS:
        raise ApiError(400, 40058, "Cannot message this channel until it is a thread")
    if channel.guild is None:
        person = channel.recipient
        if person and (not person.takes_dms or person.has_blocked_bot):
            raise ApiError(403, 50007, "Cannot send messages to this user")
        if person and not person.shares_guild:
            text = "Cannot send messages to this user due to having no mutual guilds"
            raise ApiError(403, 50278, text)
        return
    if channel.is_thread:
        need(channel, "SEND_MESSAGES_IN_THREADS")
        if channel.is_locked and not may(channel, "MANAGE_THREADS"):
            if channel.is_archived:
                raise ApiError(400, 50083, "Thread is archived")
            raise ApiError(400, 160005, "Thread is locked")
        return
    need(channel, "SEND_MESSAGES")
