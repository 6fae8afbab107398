"""Telegram channel for cobot that blocks: a list from each poll, a bool from each send.

It is written as channels were before cobot had the ack rule, and works as it is. What that
costs is in docs/hooks.md: it moves its offset before it returns what it got.
Not supported: everything but text and typing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs
import httpx

from cobot import ChannelSpec, Context, IncomingMessage, OutgoingMessage, Secret, hookimpl

REQUEST_S = 10.0
"""What a request may take besides the time that it waits for updates."""


@attrs.frozen
class SyncTelegramSettings:
    """The section `plugins.sync-telegram`."""

    bot_token: Secret
    """From @BotFather."""
    base_url: str = "https://api.telegram.org"
    """Where the Bot API is."""
    groups: tuple[str, ...] = ()
    """Where broadcasts go: the first one."""
    poll_s: int = 1
    """How long a poll waits for updates, in seconds."""


class SyncTelegram(ChannelSpec):
    """One bot, one client."""

    Settings = SyncTelegramSettings

    def __init__(self, settings: SyncTelegramSettings, context: Context) -> None:
        self._groups = settings.groups
        self._poll_s = settings.poll_s
        self._log = context.log
        self._newest = 0
        self._client = httpx.Client(
            base_url=f"{settings.base_url}/bot{settings.bot_token.reveal()}",
            timeout=settings.poll_s + REQUEST_S,
        )

    @hookimpl(specname="cobot_stop")
    def stop(self) -> None:
        self._client.close()

    @hookimpl(specname="session_receive")
    def poll_updates(self, cursors: Mapping[str, str]) -> list[IncomingMessage]:
        asked = {"offset": self._newest + 1, "timeout": self._poll_s}
        received = []
        for update in self._client.get("/getUpdates", params=asked).json()["result"]:
            self._newest = update["update_id"]
            if "message" in update:
                received.append(self._message(update["message"]))
        return received

    @hookimpl(specname="session_send")
    def send_message(self, message: OutgoingMessage) -> bool:
        asked: dict[str, Any] = {"chat_id": message.channel_id, "text": message.content}
        if message.reply_to:
            asked["reply_parameters"] = {"message_id": message.reply_to}
        try:
            return self._client.post("/sendMessage", json=asked).status_code == httpx.codes.OK
        except httpx.HTTPError as error:
            self._log.error("sending failed: %s", type(error).__name__)
            return False

    @hookimpl(specname="session_typing")
    def send_typing(self, channel_id: str) -> None:
        self._client.post("/sendChatAction", json={"chat_id": channel_id, "action": "typing"})

    @hookimpl(specname="session_default_target")
    def first_group(self) -> str | None:
        return self._groups[0] if self._groups else None

    def _message(self, message: dict[str, Any]) -> IncomingMessage:
        answered = message.get("reply_to_message")
        return IncomingMessage(
            id=message["message_id"],
            channel_type="telegram",
            channel_id=message["chat"]["id"],
            sender_id=message["from"]["id"],
            sender_name=message["from"]["first_name"],
            content=message["text"],
            timestamp=datetime.fromtimestamp(message["date"]),  # noqa: DTZ006 -- as it was done
            reply_to=answered["message_id"] if answered else None,
            metadata={"raw": message},
        )
