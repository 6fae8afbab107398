"""Those who wait to hear what became of a message."""

from __future__ import annotations

import asyncio

import attrs

from cobot.errors import ChannelError, DeliveryUnknown
from cobot.messages import Receipt


def _to_come() -> asyncio.Future[Receipt]:
    receipt: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
    receipt.add_done_callback(_retrieved)
    return receipt


def _retrieved(receipt: asyncio.Future[Receipt]) -> None:
    # Nobody may be waiting any more; an error has been logged all the same.
    if not receipt.cancelled():
        receipt.exception()


@attrs.frozen(eq=False)
class _Waiting:
    channel_type: str
    receipt: asyncio.Future[Receipt] = attrs.field(factory=_to_come)


class Receipts:
    """Receipts that somebody waits for, by the key of the operation."""

    def __init__(self) -> None:
        self._waiting: dict[str, _Waiting] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._waiting

    def expect(self, key: str, channel_type: str) -> None:
        """Note that somebody will wait."""
        self._waiting[key] = _Waiting(channel_type)

    def forget(self, key: str) -> None:
        """Note that nobody will: the operation was not stored."""
        del self._waiting[key]

    async def wait(self, key: str) -> Receipt:
        """Wait for a receipt that is expected; several may wait for the same.

        Raises:
            ChannelError: The operation failed.
        """
        # Shielded: who gives up waiting must not spoil it for the others.
        return await asyncio.shield(self._waiting[key].receipt)

    def settle(self, key: str, outcome: Receipt | ChannelError) -> None:
        """Tell who waits, if anybody does."""
        waiting = self._waiting.pop(key, None)
        if waiting is None:
            return
        if isinstance(outcome, Receipt):
            waiting.receipt.set_result(outcome)
        else:
            waiting.receipt.set_exception(outcome)

    def fail_channel(self, error: ChannelError) -> None:
        """Tell all who wait for a channel that was given up."""
        for key, waiting in list(self._waiting.items()):
            if waiting.channel_type == error.channel_type:
                self.settle(key, error)

    def fail_all(self) -> None:
        """Tell all who still wait that the session has stopped."""
        detail = "the session stopped before the network answered"
        for key, waiting in list(self._waiting.items()):
            self.settle(key, DeliveryUnknown(waiting.channel_type, "send", detail))
