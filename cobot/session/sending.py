"""From a stored operation to its receipt: in order per address, all addresses at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from cobot.errors import (
    ChannelError,
    DeliveryUnknown,
    HookFailed,
    PluginError,
    Unsupported,
    shown,
)
from cobot.journal import Journal, Operation
from cobot.messages import MessageRef, OutgoingMessage, Receipt, find_not_json
from cobot.plugins import Caller, Plugins
from cobot.session.crew import CANCELLED_ITSELF, Crew

log = logging.getLogger(__name__)

SENDS_AT_ONCE = 256
"""Addresses of one channel that are sent to at the same time."""


class Sender(Crew[Operation]):
    """Takes the operations of one channel and has them done."""

    def __init__(
        self,
        channel: str,
        plugins: Plugins,
        journal: Journal,
        *,
        on_sent: Callable[[OutgoingMessage, Receipt], None],
        on_failed: Callable[[OutgoingMessage, ChannelError], None],
    ) -> None:
        super().__init__(SENDS_AT_ONCE, f"send-{channel}")
        self._channel = channel
        self._plugins = plugins
        self._journal = journal
        self._on_sent = on_sent
        self._on_failed = on_failed
        self._is_parked = False

    def park(self) -> None:
        """Take nothing more."""
        self._is_parked = True

    async def _take(self, limit: int) -> Sequence[Operation]:
        # What waits for a parked channel stays in the journal.
        return () if self._is_parked else await self._journal.take(self._channel, limit)

    async def _do(self, work: Operation) -> None:
        try:
            receipt = await self._send(work.message)
        except asyncio.CancelledError:
            if self._is_cancelled:
                raise
            failure = HookFailed(self._channel, "session_send", CANCELLED_ITSELF)
            await self._fail(work, DeliveryUnknown(self._channel, "send", str(failure)))
        except ChannelError as error:
            await self._fail(work, error)
        else:
            await self._journal.sent(work, receipt)
            self._on_sent(work.message, receipt)

    async def _fail(self, operation: Operation, error: ChannelError) -> None:
        await self._journal.not_sent(operation, str(error))
        self._on_failed(operation.message, error)

    async def _send(self, message: OutgoingMessage) -> Receipt:
        try:
            done = await self._plugins.route("session_send", self._channel, message=message)
        except HookFailed as error:
            raise DeliveryUnknown(self._channel, "send", str(error)) from error
        if done is None:
            raise Unsupported(self._channel, "send", "the channel has no session_send")
        caller, result = done
        return as_receipt(caller, result, message)


def check_outgoing(plugins: Plugins, message: OutgoingMessage) -> None:
    """Make sure that a message can be stored and sent.

    Raises:
        UnknownChannel: It is addressed to a channel that is not loaded.
        PluginError: Its metadata is not JSON.
    """
    plugins.require_channel(message.channel_type)
    fault = find_not_json(message.metadata, "metadata") if message.metadata else None
    if fault:
        raise PluginError(
            f"a message to {message.address} cannot be sent: its {fault}; only JSON"
        )


def as_receipt(caller: Caller, result: Any, message: OutgoingMessage) -> Receipt:
    """Turn what `session_send` returned into a receipt.

    Raises:
        DeliveryUnknown: It returned False, None, or something that is no id.
    """
    if isinstance(result, Receipt):
        return result
    if result is True:
        return Receipt()
    assigned = result if isinstance(result, list | tuple) else [result]
    if result is not False and assigned:
        try:
            return Receipt([_ref(message, one) for one in assigned])
        except (TypeError, ValueError):
            pass
    what = f"plugin {caller.plugin_name!r} returned {shown(result)} from {caller.hook}"
    right = "the message's id, several ids, a Receipt or True"
    detail = what if result is False else f"{what} instead of {right}"
    raise DeliveryUnknown(message.channel_type, "send", detail)


def _ref(message: OutgoingMessage, assigned: str | int) -> MessageRef:
    return MessageRef(message.channel_type, message.channel_id, assigned, message.thread_id)
