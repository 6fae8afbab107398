"""`--dry-run`: every send is logged and answered with a made-up receipt, and none is made."""

from __future__ import annotations

from typing import ClassVar

import attrs

from cobot.config.settings import NoSettings
from cobot.context import Context
from cobot.hookspecs import hookimpl
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
        made_up = f"dry-run-{self.context.random.getrandbits(32):08x}"
        self.context.log.info("would send to %s: %s", message.address, message.content)
        ref = MessageRef(message.channel_type, message.channel_id, made_up, message.thread_id)
        return Receipt([ref], metadata={"dry_run": True})
