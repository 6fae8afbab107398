"""Posting messages, changing them, and taking them back."""

from __future__ import annotations

import re
from typing import Any

from networks.slack.calls import Call
from networks.slack.chats import Channel, Message, Wire
from networks.slack.errors import ApiError
from networks.slack.layout import content
from networks.slack.record import Event
from networks.slack.world import World

TS = re.compile(r"\d{10}\.\d{6}")


def post_message(world: World, call: Call) -> Wire:
    """Post a message."""
    channel = destination(world, call.text("channel"))
    thread_ts = thread_of(call)
    check_open(channel, thread_ts)
    fields = content(world, call)
    texts = parts_of(world, call.text("text"))
    world.rates.take_message(channel.id)
    if thread_ts and call.flag("reply_broadcast"):
        fields["subtype"] = "thread_broadcast"
    if len(texts) > 1:
        messages = [
            post(world, channel, fields | world.laid_out(text), thread_ts, call)
            for text in texts
        ]
    else:
        messages = [post(world, channel, fields, thread_ts, call)]
    # Of a text that was split the first message's timestamp is told, and no other.
    return {"channel": channel.id, "ts": messages[0].ts, "message": messages[0].wire()}


def parts_of(world: World, text: str) -> list[str]:
    """Return the texts of the messages that the network makes of one.

    Raises:
        ApiError: It is too long.
    """
    limits = world.limits
    if len(text) <= limits.text_chars:
        return [text]
    if not limits.is_long_text_split:
        raise ApiError("msg_too_long")
    cut = text[: limits.cut_chars]
    return [cut[at : at + limits.text_chars] for at in range(0, len(cut), limits.text_chars)]


def post(
    world: World, channel: Channel, fields: Wire, thread_ts: str | None, call: Call | None
) -> Message:
    """Let a message of the bot appear."""
    bot = world.bot
    own = {
        "team": bot.team_id,
        "bot_id": bot.bot_id,
        "app_id": bot.app_id,
        "bot_profile": bot.bot_profile(),
    }
    return world.add_message(
        channel, bot, {**own, **fields}, thread_ts=thread_ts or None, request=call
    )


def destination(world: World, name: str) -> Channel:
    """Return the channel to post to: by id, by `#name`, or a person's direct messages.

    Raises:
        ApiError: There is none, or the bot may not post there.
    """
    if name in world.users and name != world.bot.id:
        world.need("im:write")
        user = world.users[name]
        return world.find_direct(user) or world.add_channel("im", members=[user])
    by_name = {one.name: one.id for one in world.channels.values() if one.name}
    channel = world.reach(by_name.get(name.removeprefix("#"), name), needs_member=False)
    if not channel.has_bot and "chat:write.public" not in world.scopes:
        raise ApiError("not_in_channel")
    return channel


def thread_of(call: Call) -> str:
    """Return the thread that a call names; empty: it names none.

    Raises:
        ApiError: It is no timestamp. Any that is one is taken, also a reply's.
    """
    thread_ts = call.text("thread_ts")
    if thread_ts and not TS.fullmatch(thread_ts):
        raise ApiError("invalid_thread_ts")
    return thread_ts


def check_open(channel: Channel, thread_ts: str = "") -> None:
    """Check that the bot may post in a channel.

    Raises:
        ApiError: It may not.
    """
    if channel.is_archived:
        raise ApiError("is_archived")
    if channel.is_read_only:
        raise ApiError("restricted_action_read_only_channel")
    if not channel.takes_messages:
        raise ApiError("messages_tab_disabled")
    if thread_ts in channel.locked_threads:
        raise ApiError("restricted_action_thread_locked")
    parent = channel.messages.get(thread_ts)
    if parent and parent.fields.get("subtype") in ("channel_join", "channel_leave"):
        raise ApiError("cannot_reply_to_message")


def own_message(world: World, call: Call, error: str) -> Message:
    """Return the message of the bot that a call names.

    Raises:
        ApiError: There is none, or it is somebody else's: `error` says so.
    """
    channel = world.reach(call.text("channel"), needs_member=False)
    message = channel.find(call.text("ts"))
    if message is None:
        raise ApiError("message_not_found")
    if not message.is_outgoing:
        raise ApiError(error)
    return message


def update(world: World, call: Call) -> Wire:
    """Change a message of the bot."""
    message = own_message(world, call, "cant_update_message")
    channel = message.channel
    if channel.is_archived:
        raise ApiError("is_inactive")
    window_s = world.limits.edit_window_s
    if window_s is not None and world.now() - float(message.ts) > window_s:
        raise ApiError("edit_window_closed")
    given = content(world, call)
    if len(call.text("text")) > world.limits.text_chars:
        raise ApiError("msg_too_long")
    before = message.text
    # What is not given again goes, but for the metadata.
    world.edit(message, world.bot, {"blocks": None, "attachments": None, **given})
    world.record.note(Event("edited", channel, message, before))
    return {
        "channel": channel.id,
        "ts": message.ts,
        "text": message.text,
        "message": message.wire(),
    }


def delete(world: World, call: Call) -> Wire:
    """Delete a message of the bot."""
    message = own_message(world, call, "cant_delete_message")
    world.delete(message)
    world.record.note(Event("deleted", message.channel, message))
    return {"channel": message.channel.id, "ts": message.ts}


def post_ephemeral(world: World, call: Call) -> Wire:
    """Show something to one person."""
    channel = world.reach(call.text("channel"))
    check_open(channel)
    user = world.users.get(call.text("user"))
    if user is None or user not in channel.members:
        raise ApiError("user_not_in_channel")
    fields = content(world, call)
    parts_of(world, call.text("text"))
    world.record.note(Event("ephemeral", channel, detail={"user": user.id, **fields}))
    return {"message_ts": world.next_ts()}


def get_permalink(world: World, call: Call) -> Wire:
    """Return the address of a message."""
    channel = world.reach(call.text("channel"))
    message = channel.find(call.text("message_ts"))
    if message is None:
        raise ApiError("message_not_found")
    link = f"https://test.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
    return {"channel": channel.id, "permalink": link}


def respond(world: World, channel: Channel, given: dict[str, Any]) -> None:
    """Do what an app answers to a command or a button: say something to one, or to all.

    Raises:
        ApiError: It says nothing.
    """
    call = Call(at=0.0, method="respond", params=given)
    if call.flag("delete_original"):
        world.record.note(Event("answered", channel, detail=given))
        return
    fields = content(world, call)
    if given.get("response_type") == "in_channel" and not call.flag("replace_original"):
        post(world, channel, fields, thread_of(call), call)
    else:
        world.record.note(Event("answered", channel, detail=given))
