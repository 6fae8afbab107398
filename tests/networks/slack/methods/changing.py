"""Reactions, status, presence, and channels that are opened or joined."""

from __future__ import annotations

import re

from networks.slack.calls import Call
from networks.slack.chats import Message, Wire
from networks.slack.emoji import ALIASES, EMOJI
from networks.slack.errors import ApiError
from networks.slack.methods.sending import TS
from networks.slack.record import Event
from networks.slack.world import STATUS_S, World

LOADING_MESSAGES = 10
_TONE = re.compile(r"(.+?)(::skin-tone-[2-6])?")


def canonical(world: World, name: str) -> str:
    """Return the name under which a reaction is kept.

    Raises:
        ApiError: There is no such emoji.
    """
    match = _TONE.fullmatch(name)
    if not match:
        raise ApiError("invalid_name")
    word = ALIASES.get(match[1], match[1])
    if word not in EMOJI and word not in world.emoji:
        raise ApiError("invalid_name")
    return word + (match[2] or "")


def _item(world: World, call: Call) -> Message:
    channel = world.reach(call.text("channel"))
    message = channel.find(call.text("timestamp"))
    if channel.is_archived:
        raise ApiError("is_archived")
    if message is None:
        raise ApiError("message_not_found")
    if (message.thread_ts or message.ts) in channel.locked_threads:
        raise ApiError("thread_locked")
    return message


def reactions_add(world: World, call: Call) -> Wire:
    """React to a message."""
    name = canonical(world, call.text("name"))
    message = _item(world, call)
    if name not in message.reactions and len(message.reactions) >= world.limits.reactions:
        raise ApiError("too_many_emoji")
    if not world.react(message, world.bot, name, is_added=True):
        raise ApiError("already_reacted")
    world.record.note(Event("reacted", message.channel, message, name))
    return {}


def reactions_remove(world: World, call: Call) -> Wire:
    """Take a reaction back."""
    name = canonical(world, call.text("name"))
    message = _item(world, call)
    if not world.react(message, world.bot, name, is_added=False):
        raise ApiError("no_reaction")
    world.record.note(Event("unreacted", message.channel, message, name))
    return {}


def reactions_get(world: World, call: Call) -> Wire:
    """Tell the reactions of a message."""
    message = _item(world, call)
    return {"type": "message", "channel": message.channel.id, "message": message.wire()}


def set_status(world: World, call: Call) -> Wire:
    """Show below a thread what the assistant does."""
    channel = world.reach(call.text("channel_id"))
    thread_ts = call.text("thread_ts")
    if not TS.fullmatch(thread_ts) or channel.find(thread_ts) is None:
        raise ApiError("invalid_thread_ts")
    messages = call.structure("loading_messages", list, "invalid_arguments") or []
    if len(messages) > LOADING_MESSAGES:
        raise ApiError("invalid_arguments", "[ERROR] too many loading_messages")
    status = call.text("status")
    world.statuses[channel.id, thread_ts] = (status, world.clock.monotonic() + STATUS_S)
    detail = {"thread_ts": thread_ts, "status": status}
    world.record.note(Event("status", channel, detail=detail))
    return {}


def set_presence(world: World, call: Call) -> Wire:
    """Be away, or as the network finds."""
    presence = call.text("presence")
    if presence not in ("auto", "away"):
        raise ApiError("invalid_presence")
    world.presence = presence
    world.record.note(Event("presence", detail=presence))
    return {}


def conversations_open(world: World, call: Call) -> Wire:
    """Open direct messages with one or several."""
    if call.text("channel"):
        return {"channel": {"id": world.reach(call.text("channel")).id}}
    ids = [one.strip() for one in call.text("users").split(",") if one.strip()]
    users = [world.users[one] for one in ids if one in world.users]
    if not ids:
        raise ApiError("users_list_not_supplied")
    if len(users) < len(ids):
        raise ApiError("user_not_found")
    if users == [world.bot]:
        raise ApiError("cannot_dm_bot")
    if len(users) == 1:
        found = world.find_direct(users[0])
        channel = found or world.add_channel("im", members=users)
    else:
        world.need("mpim:write")
        groups = [one for one in world.channels.values() if one.kind == "mpim"]
        found = next((one for one in groups if one.members == users), None)
        channel = found or world.add_channel("mpim", members=users, name="mpdm-group")
    is_known = {"no_op": True, "already_open": True} if found else {}
    told = channel.wire() if call.flag("return_im") else {"id": channel.id}
    return {"channel": told, **is_known}


def conversations_join(world: World, call: Call) -> Wire:
    """Join a public channel."""
    channel = world.reach(call.text("channel"), needs_member=False)
    if channel.kind != "channel":
        raise ApiError("method_not_supported_for_channel_type")
    if channel.is_archived:
        raise ApiError("is_archived")
    channel.has_bot = True
    return {"channel": channel.wire()}
