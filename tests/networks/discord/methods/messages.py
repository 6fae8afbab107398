"""Messages: sent, read, changed, deleted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from networks.discord import happenings, mentions
from networks.discord.calls import Call
from networks.discord.entities import (
    DEFAULT,
    HAS_SNAPSHOT,
    REPLY,
    UNDELETABLE,
    Channel,
    Message,
    Wire,
)
from networks.discord.errors import (
    ApiError,
    invalid,
    unknown,
)
from networks.discord.methods.composing import Draft, apply_edit, apply_flags, draft
from networks.discord.permissions import check_writable, may, need, reach
from networks.discord.record import Event
from networks.discord.wires import message_wire, rest_wire
from networks.discord.world import World

NONCE_CHARS = 25
BULK = range(2, 101)
BULK_AGE = timedelta(days=14)
PAGE = range(1, 101)
USUAL_PAGE = 50
SAID = (0, 19, 20, 21, 23)
"""Kinds of messages that can be replied to."""


def create_message(world: World, call: Call) -> Wire:
    """Send a message."""
    channel = reach(world, call.args["channel"])
    check_writable(channel)
    return rest_wire(world, post(world, call, channel))


def post(world: World, call: Call, channel: Channel) -> Message:
    """Let a request's message appear; of the same enforced nonce there is only one.

    Raises:
        ApiError: It cannot.
    """
    nonce = _nonce(call)
    if nonce is not None and call.get("enforce_nonce", bool, False):
        found = world.nonces.get(str(nonce))
        if found and world.clock.monotonic() - found[0] < world.nonce_life_s:
            if found[1].is_deleted:
                raise unknown("Message")
            return found[1]
    permitted = mentions.allowed(call)
    reference = _reference(world, call, channel)
    if reference.get("message_snapshots"):
        if call.get("content", str):
            raise invalid("content", "MESSAGE_FORWARD_CANNOT_HAVE_CONTENT", "Cannot be given")
        fields = {"message_snapshots": reference["message_snapshots"]}
        said = Draft(
            content="",
            embeds=[],
            components=[],
            flags=HAS_SNAPSHOT,
            attachments=[],
            fields=fields,
        )
    else:
        said = draft(world, call, channel)
    check_rights(channel, said)
    message = appear(world, call, channel, said, permitted=permitted, reference=reference)
    if nonce is not None:
        message.nonce = nonce
        world.nonces[str(nonce)] = (world.clock.monotonic(), message)
    happenings.wake(world, channel)
    world.note(Event("sent", channel, message))
    happenings.appear(world, message)
    return message


def appear(
    world: World,
    call: Call,
    channel: Channel,
    said: Draft,
    *,
    permitted: Wire | None = None,
    reference: Wire | None = None,
    **fields: Any,
) -> Message:
    """Keep a message that the bot wrote; nobody is told yet."""
    reference = reference or {}
    asked = reference.get("message")
    message = world.add_message(
        channel,
        world.bot,
        content=said.content,
        kind=fields.pop("kind", REPLY if asked else DEFAULT),
        flags=said.flags,
        embeds=said.embeds,
        components=said.components,
        attachments=[world.files.add(one) for one in said.attachments],
        fields=said.fields,
        reply_to=asked,
        reference=reference.get("wire"),
        request=call,
        **fields,
    )
    mentions.ping(world, message, permitted)
    return message


def check_rights(channel: Channel, said: Draft) -> None:
    """Refuse what the bot may not show in a channel.

    Raises:
        ApiError: It may not.
    """
    if said.attachments:
        need(channel, "ATTACH_FILES")
    if said.embeds:
        need(channel, "EMBED_LINKS")


def _nonce(call: Call) -> str | int | None:
    nonce: str | int | None = call.get("nonce", (str, int))
    if isinstance(nonce, str) and len(nonce) > NONCE_CHARS:
        words = f"Must be {NONCE_CHARS} or fewer in length."
        raise invalid("nonce", "BASE_TYPE_MAX_LENGTH", words)
    return nonce


def _reference(world: World, call: Call, channel: Channel) -> Wire:
    """Return what a request refers to: `message` of a reply, or `message_snapshots`."""
    given: Wire | None = call.get("message_reference", dict)
    if not given or not given.get("message_id"):
        return {}
    if given.get("type") == 1:
        return _forward(world, given)
    if not may(channel, "READ_MESSAGE_HISTORY"):
        text = "Cannot reply without permission to read message history"
        raise ApiError(403, 160002, text)
    message = channel.find(str(given["message_id"]))
    if message is None:
        if given.get("fail_if_not_exists", True):
            raise invalid("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
        return {}
    if message.kind not in SAID:
        text = "Cannot reply to a system message"
        raise invalid("message_reference", "REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE", text)
    return {"message": message, "wire": reference_to(message)}


def _forward(world: World, given: Wire) -> Wire:
    source = reach(world, str(given.get("channel_id")))
    need(source, "READ_MESSAGE_HISTORY")
    message = source.find(str(given["message_id"]))
    if message is None:
        raise unknown("Message")
    return {
        "message_snapshots": [snapshot(world, message)],
        "wire": reference_to(message, kind=1),
    }


def reference_to(message: Message, *, kind: int = 0) -> Wire:
    """Return the API's reference to a message: 0 of a reply, 1 of a forward."""
    wire = {"type": kind, "message_id": message.id}
    return {**wire, **happenings.place(message.channel)}


def snapshot(world: World, message: Message) -> Wire:
    """Return the copy of a message that a forward holds: it does not say whose it is."""
    wire = message_wire(world, message, with_reply=False)
    names = ("type", "content", "embeds", "attachments", "timestamp", "edited_timestamp")
    more = ("flags", "mentions", "mention_roles", "components")
    return {"message": {name: wire[name] for name in (*names, *more)}}


def find(world: World, call: Call) -> Message:
    """Return the message that a path names, in a channel that the bot can see.

    Raises:
        ApiError: There is none.
    """
    channel = reach(world, call.args["channel"])
    message = channel.find(call.args["message"])
    if message is None:
        raise unknown("Message")
    return message


def get_message(world: World, call: Call) -> Wire:
    """Return one message."""
    message = find(world, call)
    need(message.channel, "READ_MESSAGE_HISTORY")
    return rest_wire(world, message)


def list_messages(world: World, call: Call) -> list[Wire]:
    """Return a page of a channel's messages, the newest first."""
    channel = reach(world, call.args["channel"])
    limit = _limit(call)
    found = _page(channel, call, limit)
    if not may(channel, "READ_MESSAGE_HISTORY"):
        return []
    return [rest_wire(world, one) for one in reversed(found)]


def _limit(call: Call) -> int:
    text = call.query.get("limit", str(USUAL_PAGE))
    if not text.isdecimal():
        raise invalid("limit", "NUMBER_TYPE_COERCE", f'Value "{text}" is not int.')
    limit = int(text)
    if limit not in PAGE:
        words = f"int value should be between {PAGE[0]} and {PAGE[-1]}."
        raise invalid("limit", "NUMBER_TYPE_MAX" if limit else "NUMBER_TYPE_MIN", words)
    return limit


def _page(channel: Channel, call: Call, limit: int) -> list[Message]:
    """Return messages around, before or after an id, the oldest first."""
    history = sorted(channel.history, key=lambda one: int(one.id))
    anchors = {}
    for name in ("around", "before", "after"):
        if text := call.query.get(name):
            if not text.isdecimal():
                words = f'Value "{text}" is not snowflake.'
                raise invalid(name, "NUMBER_TYPE_COERCE", words)
            anchors[name] = int(text)
    if "around" in anchors:
        older = [one for one in history if int(one.id) < anchors["around"]]
        rest = history[len(older) :]
        half = limit // 2
        older = older[max(len(older) - half, 0) :]
        return older + rest[: limit - len(older)]
    if "before" in anchors:
        return [one for one in history if int(one.id) < anchors["before"]][-limit:]
    if "after" in anchors:
        return [one for one in history if int(one.id) > anchors["after"]][:limit]
    return history[-limit:]


def edit_message(world: World, call: Call) -> Wire:
    """Change a message of the bot's; of others' only the flags."""
    message = find(world, call)
    before = message.content
    if message.author is not world.bot:
        if call.fields.keys() - {"flags"}:
            text = "Cannot edit a message authored by another user"
            raise ApiError(403, 50005, text)
        need(message.channel, "MANAGE_MESSAGES")
        apply_flags(call, message)
    elif call.fields.keys() == {"flags"}:
        apply_flags(call, message)
    else:
        permitted = mentions.allowed(call)
        apply_edit(world, call, message)
        mentions.ping(world, message, permitted)
    world.note(Event("edited", message.channel, message, before))
    happenings.change(world, message)
    return rest_wire(world, message)


def delete_message(world: World, call: Call) -> None:
    """Delete a message."""
    message = find(world, call)
    if message.kind in UNDELETABLE:
        raise ApiError(403, 50021, "Cannot execute action on a system message")
    if message.author is not world.bot:
        if message.channel.guild is None:
            raise ApiError(403, 50003, "Cannot execute action on a DM channel")
        need(message.channel, "MANAGE_MESSAGES")
    world.note(Event("deleted", message.channel, message))
    happenings.vanish(world, message)


def bulk_delete(world: World, call: Call) -> None:
    """Delete several messages of a guild's channel at once."""
    channel = reach(world, call.args["channel"])
    if channel.guild is None:
        raise ApiError(403, 50003, "Cannot execute action on a DM channel")
    need(channel, "MANAGE_MESSAGES")
    ids = [str(one) for one in call.get("messages", list, [])]
    if len(ids) not in BULK:
        text = "Provided too few or too many messages to delete. Must provide at least 2 and "
        raise ApiError(400, 50016, f"{text}fewer than 100 messages to delete")
    if len(set(ids)) != len(ids):
        raise invalid("messages", "SET_TYPE_ALREADY_CONTAINS_VALUE", "The set has it already")
    found = [message for one in ids if (message := channel.find(one))]
    if any(world.clock.now() - message.time > BULK_AGE for message in found):
        raise ApiError(400, 50034, "A message provided was too old to bulk delete")
    for message in found:
        world.note(Event("deleted", channel, message))
    happenings.vanish_together(world, channel, ids)
