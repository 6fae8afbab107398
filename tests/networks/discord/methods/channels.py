"""Channels, threads, guilds."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from networks.discord import happenings, mentions
from networks.discord.calls import Call
from networks.discord.entities import (
    ANNOUNCEMENT,
    ANNOUNCEMENT_THREAD,
    FORUMS,
    PRIVATE_THREAD,
    PUBLIC_THREAD,
    TEXT,
    Channel,
    Wire,
)
from networks.discord.errors import (
    ApiError,
    Problems,
    missing_access,
    missing_permissions,
    unknown,
)
from networks.discord.methods.composing import draft
from networks.discord.methods.messages import appear, check_rights, find
from networks.discord.permissions import is_seen, need, reach, reach_guild
from networks.discord.record import Event
from networks.discord.wires import (
    active_threads,
    archived_at,
    channel_wire,
    guild_wire,
    rest_wire,
)
from networks.discord.world import World

NAME_CHARS = range(1, 101)
ARCHIVE_MINUTES = (60, 1440, 4320, 10080)
WITH_THREADS = (TEXT, ANNOUNCEMENT)


def get_channel(world: World, call: Call) -> Wire:
    """Return a channel."""
    return channel_wire(reach(world, call.args["channel"]))


def typing(world: World, call: Call) -> None:
    """Show for some seconds that the bot writes."""
    channel = reach(world, call.args["channel"])
    if channel.guild:
        need(channel, "SEND_MESSAGES_IN_THREADS" if channel.is_thread else "SEND_MESSAGES")
    world.note(Event("typing", channel))
    happenings.type_in(world, channel, world.bot)


def create_dm(world: World, call: Call) -> Wire:
    """Open a direct channel, or return the one that there is."""
    user = world.users.get(str(call.fields.get("recipient_id")))
    if user is None or user is world.bot:
        raise ApiError(400, 50033, "Invalid Recipient(s)")
    return channel_wire(world.dm_of(user))


# --- guilds ---


def list_guilds(world: World, call: Call) -> list[Wire]:
    """Return the guilds that the bot is in."""
    return [
        {
            "id": guild.id,
            "name": guild.name,
            "icon": None,
            "banner": None,
            "owner": False,
            "permissions": str(guild.permissions),
            "features": [],
        }
        for guild in world.guilds.values()
        if guild.has_bot
    ]


def get_guild(world: World, call: Call) -> Wire:
    """Return a guild."""
    return guild_wire(reach_guild(world, call.args["guild"]))


def list_channels(world: World, call: Call) -> list[Wire]:
    """Return a guild's channels, without threads."""
    guild = reach_guild(world, call.args["guild"])
    return [
        channel_wire(one)
        for one in guild.channels.values()
        if not one.is_thread and not one.is_deleted
    ]


def list_threads(world: World, call: Call) -> Wire:
    """Return a guild's threads that are not archived, and that the bot can see."""
    guild = reach_guild(world, call.args["guild"])
    threads = [channel_wire(one) for one in active_threads(guild)]
    return {"threads": threads, "members": [], "has_more": False}


def list_archived_threads(world: World, call: Call) -> Wire:
    """Return a channel's public threads in the archive, the last archived first."""
    parent = reach(world, call.args["channel"])
    if parent.kind not in (*WITH_THREADS, *FORUMS):
        raise ApiError(400, 50024, "Cannot execute action on this channel type")
    need(parent, "READ_MESSAGE_HISTORY")
    limit, before = int(call.query.get("limit", "50")), call.query.get("before")
    until = datetime.fromisoformat(before) if before else None
    found = [
        one
        for one in (parent.guild.channels.values() if parent.guild else ())
        if one.parent is parent and one.kind != PRIVATE_THREAD
        if one.is_archived and not one.is_deleted
        if until is None or archived_at(one) < until
    ]
    found.sort(key=archived_at, reverse=True)
    threads = [channel_wire(one) for one in found[:limit]]
    return {"threads": threads, "members": [], "has_more": len(found) > limit}


def get_member(world: World, call: Call) -> Wire:
    """Return somebody in a guild."""
    guild = reach_guild(world, call.args["guild"])
    member = guild.members.get(call.args["user"])
    if member is None:
        raise unknown("Member")
    return member.wire()


# --- threads ---


def start_thread(world: World, call: Call) -> Wire:
    """Open a thread of its own, or a post of a forum."""
    parent = reach(world, call.args["channel"])
    if parent.kind in FORUMS:
        return _post(world, call, parent)
    if parent.kind not in WITH_THREADS:
        raise ApiError(400, 50024, "Cannot execute action on this channel type")
    kind = call.get("type", int, PRIVATE_THREAD)
    is_private = kind == PRIVATE_THREAD
    need(parent, "CREATE_PRIVATE_THREADS" if is_private else "CREATE_PUBLIC_THREADS")
    name, minutes = _described(call)
    thread = happenings.open_thread(
        world, parent, kind, name, world.bot, archive_minutes=minutes
    )
    world.note(Event("thread", thread))
    return channel_wire(thread)


def start_thread_at(world: World, call: Call) -> Wire:
    """Open a thread at a message."""
    message = find(world, call)
    parent = message.channel
    if parent.kind not in WITH_THREADS:
        raise ApiError(400, 50024, "Cannot execute action on this channel type")
    need(parent, "CREATE_PUBLIC_THREADS")
    if message.thread:
        text = "A thread has already been created for this message"
        raise ApiError(400, 160004, text)
    name, minutes = _described(call)
    kind = ANNOUNCEMENT_THREAD if parent.kind == ANNOUNCEMENT else PUBLIC_THREAD
    thread = happenings.open_thread(
        world, parent, kind, name, world.bot, message=message, archive_minutes=minutes
    )
    world.note(Event("thread", thread, message))
    return channel_wire(thread)


def _described(call: Call) -> tuple[str, int]:
    """Return a new thread's name, and when it is archived."""
    problems = Problems()
    name: str = call.get("name", str, "")
    minutes: int = call.get("auto_archive_duration", int, 1440)
    if "name" not in call.fields:
        problems.add("name", "BASE_TYPE_REQUIRED", "This field is required")
    elif len(name) not in NAME_CHARS:
        words = f"Must be between {NAME_CHARS[0]} and {NAME_CHARS[-1]} in length."
        problems.add("name", "BASE_TYPE_BAD_LENGTH", words)
    if minutes not in ARCHIVE_MINUTES:
        words = f"Value must be one of {ARCHIVE_MINUTES}."
        problems.add("auto_archive_duration", "BASE_TYPE_CHOICES", words)
    problems.check()
    return name, minutes


def _post(world: World, call: Call, forum: Channel) -> Wire:
    """Open a post: the first message has the id of its thread."""
    need(forum, "SEND_MESSAGES")
    name, minutes = _described(call)
    tags: list[Any] = call.get("applied_tags", list, [])
    if forum.needs_tag and not tags:
        raise ApiError(400, 40067, "A tag is required to create a forum post in this channel")
    inner = Call(
        at=call.at,
        route=call.route,
        http_method=call.http_method,
        path=call.path,
        args=call.args,
        body=call.get("message", dict, {}),
        files=call.files,
        headers=call.headers,
    )
    permitted = mentions.allowed(inner)
    said = draft(world, inner, forum)
    check_rights(forum, said)
    thread = happenings.open_thread(
        world,
        forum,
        PUBLIC_THREAD,
        name,
        world.bot,
        archive_minutes=minutes,
        tags=[str(tag) for tag in tags],
    )
    for attachment in said.attachments:
        attachment.channel_id = thread.id
    message = appear(world, call, thread, said, permitted=permitted, id=thread.id)
    world.note(Event("thread", thread, message))
    world.note(Event("sent", thread, message))
    happenings.appear(world, message)
    return {**channel_wire(thread), "message": rest_wire(world, message)}


def edit_channel(world: World, call: Call) -> Wire:
    """Change a thread: its name, whether it is archived or locked."""
    thread = reach(world, call.args["channel"])
    if not thread.is_thread:
        raise missing_permissions()
    if thread.owner_id != world.bot.id or "locked" in call.fields:
        need(thread, "MANAGE_THREADS")
    thread.name = call.get("name", str, thread.name)
    is_archived = call.get("archived", bool, thread.is_archived)
    if is_archived != thread.is_archived:
        happenings.archive(world, thread, is_archived=is_archived)
    thread.is_locked = call.get("locked", bool, thread.is_locked)
    happenings.change_channel(world, thread)
    return channel_wire(thread)


def join_thread(world: World, call: Call) -> None:
    """Let the bot become a member of a thread."""
    thread = world.channels.get(call.args["channel"])
    if thread is None or not thread.is_thread:
        raise unknown("Channel")
    if not is_seen(thread):
        raise missing_access()
    thread.has_bot = True
