"""Objects of the API, as JSON has them, for which the whole network must be known."""

from __future__ import annotations

from datetime import datetime

from networks.discord.entities import (
    ANNOUNCEMENT,
    CATEGORY,
    EPHEMERAL,
    FORUMS,
    REPLY,
    SUPPRESS_EMBEDS,
    VOICE,
    Channel,
    Guild,
    Message,
    User,
    Wire,
    iso,
)
from networks.discord.permissions import is_seen
from networks.discord.world import MESSAGE_CONTENT, World


def channel_wire(channel: Channel) -> Wire:
    """Return the API's channel."""
    last = next(reversed(channel.messages), None)
    wire: Wire = {"id": channel.id, "type": channel.kind, "flags": 0}
    if channel.guild is None:
        recipients = [channel.recipient.wire()] if channel.recipient else []
        return {**wire, "last_message_id": last, "recipients": recipients}
    wire |= {
        "guild_id": channel.guild.id,
        "name": channel.name,
        "parent_id": channel.parent.id if channel.parent else None,
        "last_message_id": last,
        "rate_limit_per_user": 0,
    }
    if channel.is_thread:
        return {**wire, **_thread_fields(channel)}
    wire |= {
        "position": channel.position,
        "permission_overwrites": _overwrites(channel),
        "nsfw": False,
        "topic": None,
        "last_pin_timestamp": None,
    }
    if channel.kind == VOICE:
        wire |= {"bitrate": 64000, "user_limit": 0, "rtc_region": None}
    elif channel.kind in FORUMS:
        wire |= {
            "available_tags": [_tag(*tag) for tag in channel.tags.items()],
            "default_reaction_emoji": None,
            "default_thread_rate_limit_per_user": 0,
            "default_sort_order": None,
            "default_forum_layout": 0,
            "flags": 16 if channel.needs_tag else 0,
        }
    if channel.kind in (CATEGORY, VOICE, ANNOUNCEMENT):
        del wire["rate_limit_per_user"]
    return wire


def _overwrites(channel: Channel) -> list[Wire]:
    if not channel.denied or channel.guild is None:
        return []
    overwrite = {"id": channel.guild.id, "type": 0, "allow": "0", "deny": str(channel.denied)}
    return [overwrite]


def _tag(tag_id: str, name: str) -> Wire:
    return {
        "id": tag_id,
        "name": name,
        "moderated": False,
        "emoji_id": None,
        "emoji_name": None,
    }


def _thread_fields(thread: Channel) -> Wire:
    opened = iso(thread.created)
    wire: Wire = {
        "owner_id": thread.owner_id,
        "message_count": max(len(thread.history) - 1, 0),
        "total_message_sent": len(thread.messages),
        "member_count": 1,
        "thread_metadata": {
            "archived": thread.is_archived,
            "locked": thread.is_locked,
            "auto_archive_duration": thread.archive_minutes,
            "archive_timestamp": iso(archived_at(thread)),
            "create_timestamp": opened,
        },
    }
    if thread.parent and thread.parent.kind in FORUMS:
        wire["applied_tags"] = thread.applied_tags
    return wire


def archived_at(thread: Channel) -> datetime:
    """Return when a thread was last archived or woken; or opened, if it never was."""
    return thread.archived or thread.created


def guild_wire(guild: Guild) -> Wire:
    """Return the API's guild, without its channels and members."""
    return {
        "id": guild.id,
        "name": guild.name,
        "owner_id": guild.owner_id,
        "roles": [role.wire() for role in guild.roles.values()],
        "emojis": [emoji.wire() for emoji in guild.emojis.values()],
        "stickers": [],
        "features": [],
        "preferred_locale": "en-US",
        **dict.fromkeys(NOTHING),
        **dict.fromkeys(NONE_YET, 0),
        "afk_timeout": 300,
        "widget_enabled": False,
        "premium_progress_bar_enabled": False,
        "max_members": 500_000,
        "max_video_channel_users": 25,
        "max_stage_video_channel_users": 50,
    }


NOTHING = (
    "icon",
    "splash",
    "discovery_splash",
    "banner",
    "description",
    "vanity_url_code",
    "application_id",
    "afk_channel_id",
    "system_channel_id",
    "rules_channel_id",
    "public_updates_channel_id",
    "safety_alerts_channel_id",
    "widget_channel_id",
    "max_presences",
    "incidents_data",
)
"""Fields of a guild that are null."""
NONE_YET = (
    "verification_level",
    "default_message_notifications",
    "explicit_content_filter",
    "mfa_level",
    "system_channel_flags",
    "premium_tier",
    "premium_subscription_count",
    "nsfw_level",
)
"""Fields of a guild that are zero."""


def guild_create_wire(world: World, guild: Guild) -> Wire:
    """Return what GUILD_CREATE tells: the guild with all that is in it."""
    channels = [one for one in guild.channels.values() if not one.is_deleted]
    bot = guild.members.get(world.bot.id)
    return {
        **guild_wire(guild),
        "joined_at": iso(bot.joined) if bot else None,
        "large": False,
        "unavailable": False,
        "member_count": len(guild.members),
        "members": [member.wire() for member in guild.members.values()],
        "channels": [_inside(channel_wire(one)) for one in channels if not one.is_thread],
        "threads": [channel_wire(one) for one in active_threads(guild)],
        **{name: [] for name in EMPTY_LISTS},
    }


def active_threads(guild: Guild) -> list[Channel]:
    """Return the threads of a guild that the bot sees, without those in the archive."""
    return [
        one
        for one in guild.channels.values()
        if one.is_thread and not (one.is_deleted or one.is_archived) and is_seen(one)
    ]


EMPTY_LISTS = (
    "voice_states",
    "presences",
    "stage_instances",
    "guild_scheduled_events",
    "soundboard_sounds",
)


def _inside(wire: Wire) -> Wire:
    """Return a channel as it stands in its guild: without saying in which it is."""
    return {name: value for name, value in wire.items() if name != "guild_id"}


def reactions_wire(message: Message, viewer: User) -> list[Wire]:
    """Return the reactions below a message, as somebody sees them."""
    return [
        {
            "emoji": one.emoji,
            "count": len(one.users),
            "count_details": {"burst": 0, "normal": len(one.users)},
            "burst_colors": [],
            "me": viewer in one.users,
            "me_burst": False,
        }
        for one in message.reactions.values()
    ]


def message_wire(world: World, message: Message, *, with_reply: bool = True) -> Wire:
    """Return the API's message."""
    shows_embeds = not message.flags & SUPPRESS_EMBEDS
    wire: Wire = {
        "id": message.id,
        "channel_id": message.channel.id,
        "type": message.kind,
        "author": author_wire(message),
        "content": message.content,
        "timestamp": iso(message.time),
        "edited_timestamp": iso(message.edited) if message.edited else None,
        "tts": False,
        "mention_everyone": message.mention_everyone,
        "mentions": [user.wire() for user in message.mentions],
        "mention_roles": [role.id for role in message.mention_roles],
        "attachments": [world.files.wire(one) for one in message.attachments],
        "embeds": message.embeds if shows_embeds else [],
        "components": message.components,
        "pinned": message.is_pinned,
        "flags": message.flags,
        **message.fields,
    }
    if message.reactions:
        wire["reactions"] = reactions_wire(message, world.bot)
    if message.webhook_id:
        wire["webhook_id"] = message.webhook_id
    if message.nonce is not None:
        wire["nonce"] = message.nonce
    if message.thread and not message.thread.is_deleted:
        wire["thread"] = channel_wire(message.thread)
    if message.reference:
        wire["message_reference"] = message.reference
    if message.kind == REPLY and with_reply:
        asked = message.reply_to
        is_there = asked is not None and not asked.is_deleted
        wire["referenced_message"] = (
            message_wire(world, asked, with_reply=False) if asked and is_there else None
        )
    return wire


def author_wire(message: Message) -> Wire:
    """Return who wrote a message; for a webhook it is nobody real."""
    if message.webhook_id and message.author.id == message.webhook_id:
        return {**message.author.wire(), "discriminator": "0000", "bot": True}
    return message.author.wire()


def event_wire(world: World, message: Message) -> Wire:
    """Return what an event tells of a message: also where it is, and its author's member."""
    wire = {**message_wire(world, message), "channel_type": message.channel.kind}
    guild = message.channel.guild
    if guild is not None and not message.flags & EPHEMERAL:
        wire["guild_id"] = guild.id
        member = guild.members.get(message.author.id)
        if member and not message.webhook_id:
            wire["member"] = member.wire(with_user=False)
    return wire


def is_hidden(world: World, message: Message) -> bool:
    """Tell whether a bot without the intent for content does not see a message's."""
    if message.channel.guild is None or message.author is world.bot:
        return False
    return world.bot not in message.mentions


def without_content(world: World, wire: Wire) -> Wire:
    """Return a message as the bot gets it when it may not see its content."""
    hidden = {"content": "", "embeds": [], "attachments": [], "components": []}
    kept = {
        name: one for name, one in wire.items() if name not in ("poll", "message_snapshots")
    }
    asked = kept.get("referenced_message")
    if asked and asked["author"]["id"] != world.bot.id:
        kept["referenced_message"] = {**asked, **hidden}
    return {**kept, **hidden}


def rest_wire(world: World, message: Message) -> Wire:
    """Return a message as requests get it: with its content if the portal allows that."""
    wire = message_wire(world, message)
    is_shown = world.privileged & MESSAGE_CONTENT or not is_hidden(world, message)
    return wire if is_shown else without_content(world, wire)
