"""Changing what was sent: edits, deletions, reactions."""

from __future__ import annotations

from typing import Any

from networks.telegram.access import named, reach
from networks.telegram.calls import Call
from networks.telegram.chats import Message, Wire
from networks.telegram.errors import NOT_MODIFIED, bad_request
from networks.telegram.files import KINDS, content_of
from networks.telegram.methods.media import described, source, store
from networks.telegram.methods.sending import (
    TEXT_CHARS,
    caption,
    parsed,
    reply_markup,
)
from networks.telegram.record import Event
from networks.telegram.text import fix
from networks.telegram.world import World

DELETABLE_S = 48 * 3600
MOST_DELETED = 100

_EMOJI = """
👍 👎 ❤ 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊
🤡 🥱 🥴 😍 🐳 ❤‍🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋
🖕 😈 😴 😭 🤓 👻 👨‍💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃
💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷‍♂ 🤷 🤷‍♀ 😡
"""
REACTIONS = frozenset(_EMOJI.split())
"""The emoji that may be reactions. They are compared as they stand, without U+FE0F."""


def edit_message_text(world: World, call: Call) -> Wire:
    """Give a message another text."""
    if not call.text("text"):
        raise bad_request("message text is empty")
    raw, entities = parsed(world, call.params, "text", "entities")
    keyboard = reply_markup(call)
    message = _own(world, call)
    if "text" not in message.content:
        raise bad_request("there is no text in the message to edit")
    text, entities = fix(raw, entities, may_be_empty=False)
    if len(text) > TEXT_CHARS:
        raise bad_request("message is too long")
    content: Wire = {"text": text} | ({"entities": entities} if entities else {})
    if preview := call.parsed("link_preview_options", dict, "link preview options"):
        content["link_preview_options"] = preview
    dropped = ("text", "entities", "link_preview_options", "reply_markup")
    return _edit(world, message, {**_without(message, *dropped), **content, **keyboard})


def edit_message_caption(world: World, call: Call) -> Wire:
    """Give a message with media another caption."""
    words = caption(world, call.params)
    keyboard = reply_markup(call)
    message = _own(world, call)
    if not any(name in message.content for name in KINDS if KINDS[name].has_caption):
        raise bad_request("there is no caption in the message to edit")
    kept = _without(message, "caption", "caption_entities", "reply_markup")
    return _edit(world, message, {**kept, **words, **keyboard})


def edit_message_media(world: World, call: Call) -> Wire:
    """Give a message another file."""
    item = call.parsed("media", dict, "input media") or {}
    kind = KINDS.get(str(item.get("type")))
    given = source(call, kind, item.get("media"), "") if kind else None
    if kind is None or given is None:
        raise bad_request("can't parse InputMedia: media not found")
    words = caption(world, item)
    keyboard = reply_markup(call)
    message = _own(world, call)
    if "text" in message.content:
        raise bad_request("there is no media in the message to edit")
    stored = store(world, kind, given)
    content = content_of(stored, world.files, described(item))
    kept = _without(message, *KINDS, "caption", "caption_entities", "reply_markup")
    return _edit(world, message, {**kept, **content, **words, **keyboard})


def edit_message_reply_markup(world: World, call: Call) -> Wire:
    """Give a message another keyboard, or none."""
    keyboard = reply_markup(call)
    message = _own(world, call)
    return _edit(world, message, {**_without(message, "reply_markup"), **keyboard})


def _without(message: Message, *names: str) -> Wire:
    return {name: value for name, value in message.content.items() if name not in names}


def _own(world: World, call: Call) -> Message:
    """Return the message that a call may edit."""
    message = named(world, call, "edit", "message to edit")
    chat = message.chat
    may_edit = message.is_outgoing or (
        chat.kind == "channel" and chat.bot.may("can_edit_messages")
    )
    if not may_edit:
        raise bad_request("message can't be edited")
    return message


def _edit(world: World, message: Message, content: Wire) -> Wire:
    if content == message.content:
        raise bad_request(NOT_MODIFIED)
    before = message.text
    message.content = content
    message.edit_date = world.date()
    world.note(Event("edited", message.chat, message, before))
    return message.wire()


def delete_message(world: World, call: Call) -> bool:
    """Delete a message for everybody."""
    if not call.text("chat_id"):
        raise bad_request("chat identifier is not specified")
    if not call.integer("message_id"):
        raise bad_request("message identifier is not specified")
    message = named(world, call, "write", "message to delete")
    _check_deletable(world, message)
    _delete(world, message)
    return True


def delete_messages(world: World, call: Call) -> bool:
    """Delete messages; those that are not there are skipped."""
    ids = call.parsed("message_ids", list, "message identifiers")
    if not ids:
        raise bad_request("message identifiers are not specified")
    if len(ids) > MOST_DELETED:
        raise bad_request("too many message identifiers specified")
    chat = reach(world, call, "write")
    found = [message for one in ids if (message := chat.find(int(one)))]
    for message in found:
        _check_deletable(world, message)
    for message in found:
        _delete(world, message)
    return True


def _check_deletable(world: World, message: Message) -> None:
    bot = message.chat.bot
    is_allowed = True  # in a private chat: whatever either side wrote
    match message.chat.kind:
        case "group":
            is_allowed = message.is_outgoing or bot.is_admin
        case "supergroup":
            is_allowed = message.is_outgoing or bot.may("can_delete_messages")
        case "channel":
            is_allowed = bot.may("can_delete_messages") or (
                message.is_outgoing and bot.may("can_post_messages")
            )
    if not is_allowed:
        raise bad_request("message can't be deleted")
    if world.now() - message.date > DELETABLE_S:
        raise bad_request("message can't be deleted for everyone")


def _delete(world: World, message: Message) -> None:
    message.is_deleted = True
    world.note(Event("deleted", message.chat, message))


def set_message_reaction(world: World, call: Call) -> bool:
    """Replace the bot's reactions to a message."""
    wanted = call.parsed("reaction", list, "reaction types") or []
    for one in wanted:
        if not isinstance(one, dict) or one.get("type") not in ("emoji", "custom_emoji"):
            raise bad_request("can't parse ReactionType: invalid reaction type specified")
    message = _first_of_album(named(world, call, "read", "message to react"))
    if len(wanted) > 1:
        raise bad_request("REACTIONS_TOO_MANY")
    for one in wanted:
        if not _is_allowed(message, one):
            raise bad_request("REACTION_INVALID")
    message.reactions = wanted
    world.note(Event("reacted", message.chat, message, wanted))
    return True


def _first_of_album(message: Message) -> Message:
    """Return what a reaction to a message goes to: of an album the first part that is left."""
    group = message.content.get("media_group_id")
    if group is None:
        return message
    parts = (one for one in message.chat.messages.values() if not one.is_deleted)
    return next(one for one in parts if one.content.get("media_group_id") == group)


def _is_allowed(message: Message, reaction: dict[str, Any]) -> bool:
    allowed = message.chat.available_reactions
    if reaction["type"] == "custom_emoji":
        # The bot may repeat what somebody with the means for it has put there.
        given = {one.get("custom_emoji_id") for some in message.given.values() for one in some}
        return reaction.get("custom_emoji_id") in given
    emoji = reaction.get("emoji")
    return emoji in (REACTIONS if allowed is None else REACTIONS & allowed)
