"""Those who wait to hear what became of a message."""

from __future__ import annotations

import asyncio

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


class Receipts:
    """Receipts that somebody waits for, by channel and key of the operation."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], asyncio.Future[Receipt]] = {}

    def expected(self, channel: str, key: str) -> asyncio.Future[Receipt] | None:
        """Return what others wait for already; None if nobody does."""
        return self._waiting.get((channel, key))

    def expect(self, channel: str, key: str) -> asyncio.Future[Receipt]:
        """Note that somebody waits, before the operation is stored: it may be sent at once.

        Returns:
            The receipt to come, or the ChannelError. Shield it: others may wait for it too.
        """
        receipt = self._waiting[channel, key] = _to_come()
        return receipt

    def settle(self, channel: str, key: str, outcome: Receipt | ChannelError) -> None:
        """Tell who waits, if anybody does."""
        receipt = self._waiting.pop((channel, key), None)
        if receipt is None or receipt.done():
            return
        if isinstance(outcome, Receipt):
            receipt.set_result(outcome)
        else:
            receipt.set_exception(outcome)

    def fail_channel(self, channel: str, error: ChannelError) -> None:
        """Tell all who wait for a channel that was given up."""
        for name, key in list(self._waiting):
            if name == channel:
                self.settle(name, key, error)

    def fail_all(self) -> None:
        """Tell all who still wait that the session has stopped."""
        detail = "the session stopped before the network answered"
        for name, key in list(self._waiting):
            self.settle(name, key, DeliveryUnknown(name, "send", detail))
