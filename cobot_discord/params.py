"""Our messages to the parameters of Discord's requests. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from cobot import OutgoingMessage
from cobot.text import Rendered

SUPPRESS_EMBEDS = 1 << 2
SILENT = 1 << 12

NONCE_CHARS = 25
"""The longest nonce. docs.discord.com/developers/resources/message#create-message"""

IN_COLOUR = "\ufe0f"
"""Behind some emoji, which look alike without it and are not the same to everybody."""

_CUSTOM = re.compile(r"<?(?:a?:)?(\w{2,32}:\d{15,20})>?")

STATUSES: Mapping[str, str] = {"online": "online", "away": "idle", "offline": "invisible"}


def message_params(message: OutgoingMessage, *, previews: bool) -> dict[str, Any]:
    """Return the body of a new message.

    Args:
        message: The message.
        previews: Whether pages that it links to are shown below it.
    """
    params = answer_params(message, previews=previews)
    flags = params.get("flags", 0)
    if message.metadata.get("silent"):
        flags |= SILENT
    if flags:
        params["flags"] = flags
    if message.key:
        params |= {"nonce": message.key, "enforce_nonce": True}
    if message.reply_to is not None and message.reply_to.isdecimal():  # the use of a
        params["message_reference"] = {  # command is no message
            "message_id": message.reply_to,
            "fail_if_not_exists": False,
        }
    return params


def answer_params(message: OutgoingMessage, *, previews: bool) -> dict[str, Any]:
    """Return the body of an answer to a command; as `message_params`."""
    params = content_params(message)
    is_shown = message.metadata.get("previews", previews)
    return params if is_shown else {**params, "flags": SUPPRESS_EMBEDS}


def content_params(message: OutgoingMessage) -> dict[str, Any]:
    """Return the text of a message, and whom it may ping: nobody who was not named."""
    allowed: dict[str, Any] = {"parse": [], "replied_user": False}
    asked = message.metadata.get("allowed_mentions")
    if isinstance(asked, Mapping):
        allowed |= asked
    return {"content": Rendered.of(message).text, "allowed_mentions": allowed}


def nonce_of(key: str, number: int) -> str:
    """Return the nonce of another message that one operation makes; the first has the key."""
    if not number or not key:
        return key
    return hashlib.sha256(f"{key}/{number}".encode()).hexdigest()[:NONCE_CHARS]


def emoji_path(emoji: str) -> str:
    """Return an emoji as a path has it: a sign as such, or `name:id` of a server's own."""
    match = _CUSTOM.fullmatch(emoji)
    # All of it: a keycap has a "#" in it, and a path would end there.
    return quote(emoji if match is None else match[1], safe="")


def presence_params(status: str, text: str) -> dict[str, Any]:
    """Return a presence; a text is shown as the status that people write themselves."""
    activities = [{"name": "Custom Status", "type": 4, "state": text}] if text else []
    return {"since": None, "activities": activities, "status": STATUSES[status], "afk": False}
