"""Those who wait to hear what became of an operation."""

from __future__ import annotations

import asyncio

from cobot.errors import ChannelError, DeliveryUnknown, Unreachable
from cobot.journal import Standing
from cobot.messages import Receipt


class Handle:
    """An operation that is on its way. It goes on whether or not anybody waits."""

    def __init__(
        self,
        id: str,  # noqa: A002
        channel: str,
        storing: asyncio.Task[Standing],
        receipt: asyncio.Future[Receipt],
    ) -> None:
        self.id = id
        """Its key: the same key again is the same operation."""
        self._channel = channel
        self._storing = storing
        self._receipt = receipt

    async def stored(self) -> Standing:
        """Wait until it is durable; return how it stands.

        Raises:
            CobotError: It cannot be sent, and was not stored.
        """
        try:
            return await asyncio.shield(self._storing)
        except asyncio.CancelledError:
            if not self._storing.cancelled():
                raise  # it is the waiting that was cancelled
            detail = "the session stopped before it was stored"
            raise Unreachable(self._channel, "send", detail) from None

    async def receipt(self) -> Receipt:
        """Wait until it is done. Cancelling ends the waiting alone.

        Raises:
            CobotError: It cannot be sent, or was given up.
        """
        await self.stored()
        # Shielded: who gives up waiting must not spoil it for the others.
        return await asyncio.shield(self._receipt)


class Receipts:
    """Receipts that somebody waits for, by channel and key of the operation."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], asyncio.Future[Receipt]] = {}

    def expect(self, channel: str, key: str) -> asyncio.Future[Receipt]:
        """Return the receipt to come, or the ChannelError; several may wait for one."""
        receipt = self._waiting.get((channel, key))
        if receipt is None:
            receipt = self._waiting[channel, key] = _to_come()
        return receipt

    def settle(self, channel: str, key: str, outcome: Receipt | BaseException) -> None:
        """Tell who waits, if anybody does."""
        receipt = self._waiting.pop((channel, key), None)
        if receipt is None or receipt.done():
            return
        if isinstance(outcome, Receipt):
            receipt.set_result(outcome)
        else:
            receipt.set_exception(outcome)

    def is_expected(self, channel: str, key: str) -> bool:
        """Tell whether anybody waits."""
        return (channel, key) in self._waiting

    def fail_channel(self, channel: str, error: ChannelError) -> None:
        """Tell all who wait for a channel that was given up."""
        for name, key in list(self._waiting):
            if name == channel:
                self.settle(name, key, error)

    def fail_all(self) -> None:
        """Tell all who still wait that the session has stopped."""
        detail = "the session stopped before the network answered; it is tried again later"
        for name, key in list(self._waiting):
            self.settle(name, key, DeliveryUnknown(name, "send", detail))


def _to_come() -> asyncio.Future[Receipt]:
    receipt: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
    receipt.add_done_callback(_retrieved)
    return receipt


def _retrieved(receipt: asyncio.Future[Receipt]) -> None:
    # Nobody may be waiting any more; an error has been logged all the same.
    if not receipt.cancelled():
        receipt.exception()
