"""Where a call may go: chats, topics, messages, rights."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import attrs

from networks.telegram.calls import Call
from networks.telegram.chats import GENERAL_TOPIC, Chat, Message, Wire
from networks.telegram.errors import bad_request, forbidden, migrated
from networks.telegram.text import units
from networks.telegram.world import World

Access: TypeAlias = Literal["read", "edit", "write"]

QUOTE_UNITS = 1024


@attrs.frozen(kw_only=True)
class Target:
    """Where a message is to appear."""

    chat: Chat
    thread_id: int | None = None
    reply_to: Message | None = None
    content: Wire = attrs.field(factory=dict)
    """What the reply adds to the message: a quote, or the reply itself if it goes elsewhere."""


def reach(world: World, call: Call, access: Access) -> Chat:
    """Return the chat that a call names.

    Raises:
        ApiError: There is none, or the bot may not.
    """
    name = call.text("chat_id")
    if not name:
        raise bad_request("chat_id is empty")
    chat = find_chat(world, name)
    if chat is None:
        raise bad_request("chat not found")
    check_access(chat, access)
    return chat


def find_chat(world: World, name: str) -> Chat | None:
    """Return a chat by its id or its `@username`, if the bot can know it."""
    if name.startswith("@"):
        wanted = name[1:].lower()
        public = (chat for chat in world.chats.values() if chat.username)
        return next((one for one in public if (one.username or "").lower() == wanted), None)
    try:
        chat_id = int(name)
    except ValueError:
        return None
    chat = world.chats.get(chat_id)
    user = world.users.get(chat_id)
    if chat is None and user is not None and user.id in world.met:
        # Seen in a group, but never spoken with: the chat can be named and not be used.
        return world.add_chat("private", user.id, user=user, is_known=False)
    if chat and chat.kind == "private" and not chat.is_known and chat_id not in world.met:
        return None
    return chat


def check_access(chat: Chat, access: Access) -> None:
    """Refuse a chat that the bot cannot use any more.

    Raises:
        ApiError: It cannot.
    """
    changes = access != "read"
    if chat.kind == "private":
        if chat.user and chat.user.is_deactivated and changes:
            raise forbidden("user is deactivated")
        return
    if chat.kind == "group":
        if chat.migrated_to is not None:
            if access == "write":
                raise migrated(chat.migrated_to)
            return
        if chat.is_deleted:
            if access == "write":
                raise forbidden("the group chat was deleted")
            return
        if not changes:
            return
    if chat.bot.status == "kicked":
        raise forbidden(f"bot was kicked from the {chat.kind} chat")
    if not chat.bot.is_present and (changes or chat.username is None):
        raise forbidden(f"bot is not a member of the {chat.kind} chat")


def target(world: World, call: Call) -> Target:
    """Return where a call wants its message: chat, topic, reply.

    Raises:
        ApiError: There is no such place.
    """
    chat = reach(world, call, "write")
    thread_id = _topic(chat, call.integer("message_thread_id"))
    reply = call.parsed("reply_parameters", dict, "reply parameters")
    if reply is None and call.integer("reply_to_message_id"):
        reply = {
            "message_id": call.integer("reply_to_message_id"),
            "allow_sending_without_reply": call.flag("allow_sending_without_reply"),
        }
    if not reply or not reply.get("message_id"):
        return Target(chat=chat, thread_id=thread_id)
    return _reply(world, chat, thread_id, reply)


def _topic(chat: Chat, thread_id: int) -> int | None:
    if not thread_id or not (chat.is_forum or chat.kind == "private"):
        return None  # elsewhere it is ignored
    topic = chat.topics.get(thread_id)
    if thread_id == GENERAL_TOPIC or topic is None or topic.is_deleted:
        raise bad_request("message thread not found")
    return thread_id


def _reply(world: World, chat: Chat, thread_id: int | None, reply: dict[str, Any]) -> Target:
    elsewhere = None
    if reply.get("chat_id") and str(reply["chat_id"]) != str(chat.id):
        elsewhere = find_chat(world, str(reply["chat_id"]))
        if elsewhere is None:
            raise bad_request("chat not found")
    message = (elsewhere or chat).find(int(reply["message_id"]))
    if message is None:
        if reply.get("allow_sending_without_reply"):
            return Target(chat=chat, thread_id=thread_id)
        raise bad_request("message to be replied not found")
    content: Wire = {}
    if quote := reply.get("quote"):
        place = message.text.find(quote)
        if place < 0 or units(quote) > QUOTE_UNITS:
            raise bad_request("QUOTE_TEXT_INVALID")
        content["quote"] = {"text": quote, "position": units(message.text[:place])}
        content["quote"]["is_manual"] = True
    if elsewhere or (thread_id is not None and message.thread_id != thread_id):
        content["external_reply"] = {
            "chat": message.chat.wire(),
            "message_id": message.id,
            "origin": _origin(message),
        }
        return Target(chat=chat, thread_id=thread_id, content=content)
    if chat.is_forum and thread_id is None:
        thread_id = message.thread_id
    return Target(chat=chat, thread_id=thread_id, reply_to=message, content=content)


def _origin(message: Message) -> Wire:
    if message.sender:
        return {"type": "user", "date": message.date, "sender_user": message.sender.wire()}
    return {
        "type": "channel",
        "date": message.date,
        "chat": message.chat.wire(),
        "message_id": message.id,
    }


def named(world: World, call: Call, access: Access, what: str) -> Message:
    """Return the message that a call names.

    Raises:
        ApiError: There is none; `what` is how the error calls it.
    """
    chat = reach(world, call, access)
    message = chat.find(call.integer("message_id"))
    if message is None:
        raise bad_request(f"{what} not found")
    return message


def check_rights(chat: Chat, right: str, plural: str) -> None:
    """Refuse what the bot is not allowed to send.

    Raises:
        ApiError: It is not; `plural` is what it is not allowed.
    """
    if chat.kind == "channel" and not chat.bot.may("can_post_messages"):
        raise bad_request("need administrator rights in the channel chat")
    if not chat.bot.may_send(right):
        raise bad_request(f"not enough rights to send {plural} to the chat")


def check_open(world: World, place: Target) -> None:
    """Refuse what only shows when a message is really sent.

    Raises:
        ApiError: The person wants nothing of the bot, or the topic is closed.
    """
    chat = place.chat
    if chat.kind == "private":
        if chat.user and chat.user.is_bot:
            raise forbidden("the bot can't send messages to the bot")
        if not chat.is_known:
            raise forbidden("bot can't initiate conversation with a user")
        if chat.bot.status == "kicked":
            raise forbidden("bot was blocked by the user")
    topic = chat.topics.get(place.thread_id or GENERAL_TOPIC)
    if topic and topic.is_closed and not chat.bot.may("can_manage_topics"):
        raise bad_request("TOPIC_CLOSED")
