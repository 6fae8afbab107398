"""Our messages to the parameters of Slack's methods. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cobot import OutgoingMessage
from cobot_slack.markup import text_of
from cobot_slack.timestamps import is_ts

EVENT_TYPE = "cobot_message"
"""What our metadata are called."""

STATUSES: Mapping[str, str] = {"online": "auto", "away": "away", "offline": "away"}

STATUS = "is writing..."


def thread_of(message: OutgoingMessage) -> str | None:
    """Return the thread that a message belongs to; None: it is for all in the channel.

    Slack has no replies but those in threads: to answer a message begins a thread below it.
    """
    if message.thread_id is not None:
        return message.thread_id
    reply_to = message.reply_to
    return reply_to if reply_to is not None and is_ts(reply_to) else None


def message_params(message: OutgoingMessage, channel: str) -> dict[str, Any]:
    """Return the parameters of `chat.postMessage`.

    Args:
        message: The message.
        channel: The channel's id; that of direct messages, not of a person.
    """
    params: dict[str, Any] = {"channel": channel, **content_params(message)}
    thread = thread_of(message)
    if thread is not None:
        params["thread_ts"] = thread
        if message.metadata.get("broadcast"):
            params["reply_broadcast"] = True
    if message.key:
        params["metadata"] = {
            "event_type": EVENT_TYPE,
            "event_payload": {"key": message.key},
        }
    if message.metadata.get("previews") is False:
        params |= {"unfurl_links": False, "unfurl_media": False}
    return params


def content_params(message: OutgoingMessage) -> dict[str, Any]:
    """Return what a message says, for a new one or in place of another's text."""
    params: dict[str, Any] = {"text": text_of(message)}
    blocks = message.metadata.get("blocks")
    if isinstance(blocks, Sequence) and not isinstance(blocks, str) and blocks:
        params["blocks"] = [*blocks]
    return params


def key_of(wire: Mapping[str, Any]) -> str | None:
    """Return our key of a message that came back; None: it has none."""
    metadata = wire.get("metadata") or {}
    if metadata.get("event_type") != EVENT_TYPE:
        return None
    key = (metadata.get("event_payload") or {}).get("key")
    return key if isinstance(key, str) else None
