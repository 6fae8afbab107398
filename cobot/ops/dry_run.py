"""`--dry-run`: every send is logged and answered with a made-up receipt, and none is made."""

from __future__ import annotations

from typing import ClassVar

import attrs

from cobot.config.settings import NoSettings
from cobot.context import Context
from cobot.hookspecs import Status, hookimpl
from cobot.messages import MessageRef, OutgoingMessage, Receipt


@attrs.define(eq=False)
class DryRun:
    """An interceptor that takes every operation over."""

    Settings: ClassVar = NoSettings
    priority: ClassVar = 10  # what it takes over, no other interceptor does in earnest

    settings: NoSettings
    context: Context

    @hookimpl
    async def cobot_start(self) -> None:
        self.context.log.warning(
            "dry run: nothing is sent; messages are received and confirmed all the same"
        )

    @hookimpl(tryfirst=True)
    async def session_send(self, message: OutgoingMessage) -> Receipt:
        return self._receipt(message, f"send to {message.address}: {message.content}")

    @hookimpl(tryfirst=True)
    async def session_media(self, message: OutgoingMessage) -> Receipt:
        names = ", ".join(media.name for media in message.media)
        text = f"send {names} to {message.address}: {message.content}"
        return self._receipt(message, text)

    @hookimpl(tryfirst=True)
    async def session_edit(self, ref: MessageRef, message: OutgoingMessage) -> bool:
        return self._say(f"edit message {ref.id} of {ref.address}: {message.content}")

    @hookimpl(tryfirst=True)
    async def session_delete(self, ref: MessageRef) -> bool:
        return self._say(f"delete message {ref.id} of {ref.address}")

    @hookimpl(tryfirst=True)
    async def session_react(self, ref: MessageRef, emoji: str | None) -> bool:
        what = "take our reaction off" if emoji is None else f"react with {emoji} to"
        return self._say(f"{what} message {ref.id} of {ref.address}")

    @hookimpl(tryfirst=True)
    async def session_typing(self) -> bool:
        return True  # too often to be worth a line

    @hookimpl(tryfirst=True)
    async def session_presence(self, channel_type: str, status: Status, text: str) -> bool:
        return self._say(f"show {status} on {channel_type}: {text}")

    def _receipt(self, message: OutgoingMessage, text: str) -> Receipt:
        self._say(text)
        made_up = f"dry-run-{self.context.random.getrandbits(32):08x}"
        ref = MessageRef(message.channel_type, message.channel_id, made_up, message.thread_id)
        return Receipt([ref], metadata={"dry_run": True})

    def _say(self, text: str) -> bool:
        self.context.log.info("would %s", text)
        return True
