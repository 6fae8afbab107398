"""Our messages to the parameters of Telegram's methods. Pure."""

from __future__ import annotations

from typing import Any

from cobot import MessageRef, OutgoingMessage
from cobot.text import Rendered
from cobot_telegram.contents import Wire
from cobot_telegram.errors import NO_REPLY, NO_THREAD, Refusal

GENERAL_TOPIC = "1"
"""The topic that has no id on its way in, and is refused with one on its way out."""

_REACTIONS = """
👍 👎 ❤ 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴
😍 🐳 ❤‍🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓
👻 👨‍💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄
😘 💊 🙊 😎 👾 🤷‍♂ 🤷 🤷‍♀ 😡
"""
REACTIONS = frozenset(_REACTIONS.split())
"""What bots may react with, without U+FE0F. core.telegram.org/bots/api#reactiontypeemoji"""

_PLAINER = dict.fromkeys(map(ord, "\ufe0f🏻🏼🏽🏾🏿"))
"""What is no part of a reaction: the sign for "in colour", and colours of skin."""


def message_params(message: OutgoingMessage) -> dict[str, Any]:
    """Return the parameters of `sendMessage`."""
    form = Rendered.of(message)
    params = {"chat_id": message.channel_id, "text": form.text}
    if form.marks:
        params["entities"] = form.marks
    return place(params, message)


def place(params: dict[str, Any], message: OutgoingMessage) -> dict[str, Any]:
    """Add where a message belongs: its topic, and what it replies to."""
    if message.thread_id is not None and message.thread_id != GENERAL_TOPIC:
        params["message_thread_id"] = message.thread_id
    reply_to = message.reply_to
    if reply_to is not None and reply_to.isdecimal():  # the press of a button is no message
        params["reply_parameters"] = {
            "message_id": int(reply_to),
            "allow_sending_without_reply": True,
        }
    return params


def caption_params(message: OutgoingMessage) -> dict[str, Any]:
    """Return the parameters of a caption; none if there is nothing to say."""
    form = Rendered.of(message)
    if not form.text.strip():
        return {}
    params = {"caption": form.text}
    return params | {"caption_entities": form.marks} if form.marks else params


def ref_params(ref: MessageRef) -> dict[str, Any] | None:
    """Return the parameters that name a message; None if its id is none of a message."""
    if not ref.id.isdecimal() or ref.id == "0":
        return None
    return {"chat_id": ref.channel_id, "message_id": int(ref.id)}


def reaction_of(emoji: str | None) -> list[dict[str, str]] | None:
    """Return a reaction as Telegram has it; None if it has none like that."""
    if emoji is None:
        return []
    if emoji.isdecimal():
        return [{"type": "custom_emoji", "custom_emoji_id": emoji}]
    plain = emoji.translate(_PLAINER)
    return [{"type": "emoji", "emoji": plain}] if plain in REACTIONS else None


def thread_of(sent: Wire) -> str | None:
    """Return the topic in which a message of ours appeared."""
    return str(sent["message_thread_id"]) if sent.get("is_topic_message") else None


def without_lost(params: dict[str, Any], refusal: Refusal) -> dict[str, Any] | None:
    """Return parameters without the topic, or the reply, that is not there; None: all is."""
    for name, texts in (("message_thread_id", NO_THREAD), ("reply_parameters", NO_REPLY)):
        if name in params and refusal.says(*texts):
            return {key: value for key, value in params.items() if key != name}
    return None
