"""Storing what somebody wants sent, and telling him what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime

from cobot.errors import ChannelError, Unreachable
from cobot.journal import Standing
from cobot.journal.keys import random_key
from cobot.messages import Receipt, checked_key
from cobot.session.handles import Handle
from cobot.session.means import Means
from cobot.session.outgoing import Wish
from cobot.session.run import Run


class Outbox:
    """One for each run, for everything that answers no message."""

    def __init__(self, means: Means, run: Run) -> None:
        self._means = means
        self._run = run
        self._storing: set[asyncio.Task[Standing]] = set()

    def begin(
        self,
        wish: Wish,
        key: str | None,
        require: Collection[str],
        not_before: datetime | None,
    ) -> Handle:
        """Begin to store an operation, and return what to wait for it with."""
        if key is None:
            key = (wish.message.key if wish.message else "") or random_key(self._means.random)
        else:
            key = checked_key(key)
        receipt: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        storing = asyncio.create_task(
            self._store(wish, key, require, not_before, receipt), name=f"store-{key}"
        )
        self._storing.add(storing)
        storing.add_done_callback(self._stored)
        return Handle(key, wish.address.channel_type, storing, receipt)

    def close(self) -> None:
        """Store nothing more; who still waits for it is told."""
        for task in self._storing:
            task.cancel()

    async def _store(
        self,
        wish: Wish,
        key: str,
        require: Collection[str],
        not_before: datetime | None,
        receipt: asyncio.Future[Receipt],
    ) -> Standing:
        operations = await self._means.outgoing.operations(
            wish, key, require=require, not_before=not_before
        )
        name = operations[0].address.channel_type
        channel = self._run.channels.get(name)
        if channel is None:
            raise Unreachable(name, "send", "the channel does not run in this session")
        if channel.supervisor.parked_by is not None:
            raise channel.supervisor.parked_by
        # Before it is stored: it may be sent at once.
        expected = self._run.receipts.expect(name, key)
        expected.add_done_callback(lambda done: _pass_on(done, receipt))
        standing = (await self._means.journal.enqueue(operations))[0]
        if standing.state == "done":
            self._run.receipts.settle(name, key, standing.receipt or Receipt())
        elif standing.state == "dead":
            reason = standing.reason or "it was given up"
            self._run.receipts.settle(name, key, ChannelError(name, wish.kind, reason))
        else:
            self._run.settled([name])
        return standing

    def _stored(self, task: asyncio.Task[Standing]) -> None:
        self._storing.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waits is told; nobody needs to


def _pass_on(done: asyncio.Future[Receipt], receipt: asyncio.Future[Receipt]) -> None:
    """Tell one who waits; several may wait for one key."""
    if receipt.done():
        return
    error = done.exception()
    if error is None:
        receipt.set_result(done.result())
    else:
        receipt.set_exception(error)
        receipt.exception()  # nobody may be waiting any more
