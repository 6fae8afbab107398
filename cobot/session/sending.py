"""From a stored operation to its receipt: in order per address, all addresses at once."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from random import Random

import attrs

from cobot.clock import Clock
from cobot.deadlines import Deadlines
from cobot.errors import ChannelError, DeliveryUnknown, HookFailed, OwnershipLost
from cobot.journal import Delivery, Journal, Ownership
from cobot.limits import Limits
from cobot.messages import Address, ChatMoved, Receipt
from cobot.recent import Recent
from cobot.session.budget import Budget
from cobot.session.capabilities import Capabilities
from cobot.session.crew import CANCELLED_ITSELF, Crew
from cobot.session.holding import OWN_AGAIN_S, Holding
from cobot.session.performing import Performer
from cobot.session.retry import Policy, Verdict, after
from cobot.waits import backoff_s

log = logging.getLogger(__name__)

SENDS_AT_ONCE = 256
"""Addresses of one channel that are sent to at the same time."""

UPLOAD_S = 600.0
"""How much longer than `call_timeout` a message with media may take: 50 MB on a slow line. What
does not move at all is given up by the channel's own connection, long before."""

GONE_MOST = 10_000
"""Chats remembered as gone; the oldest is forgotten first, and found to be gone again."""


@attrs.frozen(eq=False)
class Errand:
    """An operation, and the right by which it was taken."""

    delivery: Delivery
    right: Ownership

    @property
    def id(self) -> int:
        """The journal's number for the operation."""
        return self.delivery.id


@attrs.frozen(eq=False)
class Done:
    """An operation that was done."""

    errand: Errand
    receipt: Receipt


class Sender(Crew[Errand, Done]):
    """Takes the operations of one channel and has them done."""

    def __init__(
        self,
        channel: str,
        journal: Journal,
        performer: Performer,
        capabilities: Capabilities,
        budget: Budget,
        policy: Policy,
        *,
        prepares: bool,
        call_timeout_s: float,
        clock: Clock,
        random: Random,
        redact: Callable[[str], str],
        holding: Holding,
        on_moved: Callable[[ChatMoved], None],
        on_sent: Callable[[Delivery, Receipt], None],
        on_failed: Callable[[Delivery, ChannelError, Verdict], None],
    ) -> None:
        super().__init__(SENDS_AT_ONCE, f"send-{channel}", clock)
        self._channel = channel
        self._journal = journal
        self._performer = performer
        self._capabilities = capabilities
        self._budget = budget
        self._policy = policy
        self._prepares = prepares
        self._call_timeout_s = call_timeout_s
        self._random = random
        self._redact = redact
        self._holding = holding
        self._on_moved = on_moved
        self._on_sent = on_sent
        self._on_failed = on_failed
        # What was found gone, and when; the oldest first.
        self._gone: Recent[Address, tuple[ChannelError, datetime]] = Recent(GONE_MOST)
        self._closing_key = f"closed/{channel}"
        self._deadlines = Deadlines()

    async def cancel(self, timeout_s: float) -> int:
        """Stop what runs; return how many calls would not be stopped in that time."""
        late = await super().cancel(timeout_s)
        self._deadlines.close()
        return late

    @property
    def knows_gone(self) -> bool:
        """Whether any chat was found to be gone."""
        return bool(self._gone)

    def reopen(self, address: Address) -> None:
        """Note that somebody has written there, so that the chat is not gone after all."""
        self._gone.pop(address)

    async def recall_closing(self) -> None:
        """Keep to what the network asked for before the process was started anew."""
        closing = await self._journal.get(self._closing_key)
        if closing is not None:
            left_s = closing["at"] + closing["seconds"] - self._clock.now().timestamp()
            # No longer than it was: the clock may have been set back.
            self._budget.close(min(max(left_s, 0.0), closing["seconds"]))

    async def _note_closing(self, seconds: float) -> None:
        closing = {"at": self._clock.now().timestamp(), "seconds": seconds}
        await self._journal.put({self._closing_key: closing})

    async def _take(self, limit: int) -> tuple[Sequence[Errand], float | None]:
        room, room_s = self._budget.room(limit)
        if room == 0:
            return (), room_s
        right = await self._holding.ownership()
        try:
            taken = await self._journal.take(right, room, self._budget.closed)
        except OwnershipLost as error:
            log.warning("%s; nothing is sent until it is ours again", error)
            self._holding.lost(right)
            return (), OWN_AGAIN_S
        errands = [Errand(delivery, right) for delivery in taken.deliveries]
        for delivery in taken.deliveries:
            rate = None
            if self._budget.rates.may_differ:
                rate = (await self._limits(delivery)).rate_address
            self._budget.spend(delivery.operation.address, rate)
        return errands, room_s if len(errands) == room < limit else taken.wait_s

    async def _give_back(self, work: Errand) -> None:
        with suppress(OwnershipLost):  # then it is another's by now
            await self._journal.not_sent(
                work.right,
                work.delivery,
                "the session stopped before it was sent",
                self._clock.now(),
                is_attempt=False,
            )

    async def _do(self, work: Errand) -> Done | None:
        try:
            return await self._deliver(work)
        except OwnershipLost as error:
            self._note_lost(work.right, error)
            return None

    async def _record(self, results: Sequence[Done]) -> None:
        for right, several in itertools.groupby(results, lambda one: one.errand.right):
            done = [(one.errand.delivery, one.receipt) for one in several]
            try:
                await self._journal.sent(right, done)
            except OwnershipLost as error:
                self._note_lost(right, error)
            else:
                for delivery, receipt in done:
                    self._on_sent(delivery, receipt)

    def _note_lost(self, right: Ownership, error: OwnershipLost) -> None:
        # Whoever owns the channel now sends it again, knowing that it may have arrived.
        log.warning("%s; what became of a message to it is not recorded", error)
        self._holding.lost(right)

    async def _deliver(self, work: Errand) -> Done | None:
        delivery, operation = work.delivery, work.delivery.operation
        gone, found_at = self._gone.get(operation.address) or (None, None)
        if gone is not None and found_at is not None and delivery.created_at <= found_at:
            await self._fail(work, gone, Verdict(None, str(gone)))
            return None
        if delivery.unknowns:
            limits = await self._limits(delivery)
            refusal = self._policy.may_repeat(delivery, limits, self._clock.now())
            if refusal is not None:
                error = DeliveryUnknown(self._channel, operation.kind, refusal)
                await self._fail(work, error, Verdict(None, refusal, is_unknown=True))
                return None
        try:
            receipt = await self._attempt(work)
        except asyncio.CancelledError:
            if self._is_cancelled:
                raise
            failure = HookFailed(self._channel, "session_send", CANCELLED_ITSELF)
            unknown = DeliveryUnknown(self._channel, operation.kind, str(failure))
            await self._judge(work, unknown)
        except ChannelError as error:
            await self._judge(work, error)
        except ChatMoved as moved:
            await self._follow(work, moved)
        else:
            if delivery.unknowns:
                limits = await self._limits(delivery)
                now = self._clock.now()
                if self._policy.may_be_doubled(delivery, receipt, limits, now):
                    receipt = attrs.evolve(receipt, maybe_repeated=True)
            return Done(work, receipt)
        return None

    async def _attempt(self, work: Errand) -> Receipt:
        delivery = work.delivery
        message = delivery.operation.message
        limit_s = self._call_timeout_s
        if message is not None and message.media:
            limit_s += UPLOAD_S
        with self._deadlines.within(limit_s):
            if self._prepares and message is not None and delivery.prepared is None:
                prepared = await self._performer.prepare(message)
                if prepared is not None:
                    await self._journal.prepare(work.right, delivery, prepared)
                    delivery = attrs.evolve(delivery, prepared=prepared)
            return await self._performer.perform(delivery)
        # Only a time limit leaves the block without a result.
        detail = f"no answer within {limit_s:g} s"
        raise DeliveryUnknown(self._channel, delivery.operation.kind, detail)

    async def _follow(self, work: Errand, moved: ChatMoved) -> None:
        """Have an operation done again where its chat is now."""
        old, new = (
            attrs.evolve(one, channel_type=self._channel) for one in (moved.old, moved.new)
        )
        log.info("%s has moved to %s; what goes there follows", old, new)
        await self._journal.rename(old, new)
        self._on_moved(ChatMoved(old, new))
        attempts = work.delivery.attempts
        # At once, unless the network sends us round in circles.
        wait_s = backoff_s(attempts, self._random) if attempts else 0.0
        now = after(self._clock.now(), wait_s)
        await self._journal.not_sent(work.right, work.delivery, str(moved), now)

    async def _judge(self, work: Errand, error: ChannelError) -> None:
        delivery = work.delivery
        limits = await self._limits(delivery)
        verdict = self._policy.judge(error, delivery, limits, self._clock.now(), self._random)
        if verdict.closes and verdict.wait_s is not None:
            if verdict.closes == "address":
                # After a restart the operation's own `not_before` keeps its address closed.
                self._budget.close(verdict.wait_s, delivery.operation.address)
            else:
                self._budget.close(verdict.wait_s)
                # What is closed for longer already stays so.
                await self._note_closing(self._budget.closed_s())
        if verdict.chat_is_gone:
            self._gone.put(delivery.operation.address, (error, self._clock.now()))
        if verdict.parks:
            self.close()  # at once: it would be taken again when it is back in the journal
        await self._fail(work, error, verdict)

    async def _fail(self, work: Errand, error: ChannelError, verdict: Verdict) -> None:
        now = self._clock.now()
        await self._journal.not_sent(
            work.right,
            work.delivery,
            self._redact(verdict.reason),
            None if verdict.wait_s is None else after(now, verdict.wait_s),
            is_attempt=verdict.is_attempt,
            is_unknown=verdict.is_unknown,
        )
        self._on_failed(work.delivery, error, verdict)

    async def _limits(self, delivery: Delivery) -> Limits:
        return await self._capabilities.limits(
            self._channel, delivery.operation.address.channel_id
        )
