"""What becomes of an operation or a turn that did not succeed. Pure: no clock, no I/O."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Literal

import attrs

from cobot.errors import ChannelError, ChatGone, Forbidden, RateLimited, Remedy
from cobot.journal import Delivery
from cobot.limits import Limits
from cobot.messages import Receipt
from cobot.waits import backoff_s

UNTOLD_WAIT_S = 5.0
"""Wait after a network said "too many" and not for how long."""


@attrs.frozen
class Verdict:
    """What is done about a failed attempt."""

    wait_s: float | None
    """Seconds until it is tried again; None: it is given up."""
    reason: str
    """Why, for the owner."""
    is_attempt: bool = True
    """Whether it counts."""
    is_unknown: bool = False
    """Whether it may have arrived all the same."""
    closes: Literal["", "address", "channel"] = ""
    """What takes no request for so long, besides this operation."""
    parks: bool = False
    """Whether the channel is given up until the next start."""
    chat_is_gone: bool = False
    """Whether whatever else goes to this chat is in vain."""


@attrs.frozen
class Policy:
    """How often and for how long a channel's operations are tried."""

    tries: int
    """Attempts after which one is given up, if it is old enough."""
    age_s: float
    """Age after which one is given up, if it was tried often enough; seconds."""
    resend: Literal["resend", "dead-letter"]
    """What is done where a send may have arrived and the network offers no key."""
    edits: bool = True
    """Whether the channel can edit; where it cannot, an edit sends a new message."""

    def may_repeat(self, delivery: Delivery, limits: Limits, now: datetime) -> str | None:
        """Say why an operation that may have arrived must not be done again; None: it may."""
        if delivery.unknowns == 0 or self.is_idempotent(delivery, limits, now):
            return None
        if delivery.is_ordered and delivery.unknowns == 1:
            return None
        if self.resend == "dead-letter":
            return "it may have arrived, and 'resend: dead-letter' forbids to repeat it"
        if delivery.unknowns > 1:
            return "it may have arrived twice already; it is repeated once and no more"
        return None

    def judge(
        self,
        error: ChannelError,
        delivery: Delivery,
        limits: Limits,
        now: datetime,
        random: Random,
    ) -> Verdict:
        """Say what is done about an operation that failed."""
        remedy, reason = error.remedy, str(error)
        if remedy is Remedy.PARK:
            return Verdict(0.0, reason, is_attempt=False, parks=True)
        if remedy is Remedy.WAIT:
            told_s = error.retry_after_s
            is_wide = isinstance(error, RateLimited) and error.is_wide
            closes: Literal["address", "channel"] = "channel" if is_wide else "address"
            return Verdict(
                UNTOLD_WAIT_S if told_s is None else told_s,
                reason,
                is_attempt=False,
                closes=closes,
            )
        if remedy in (Remedy.DEAD_LETTER, Remedy.DEGRADE):
            is_gone = isinstance(error, ChatGone | Forbidden)
            return Verdict(None, reason, chat_is_gone=is_gone)
        is_unknown = remedy is Remedy.SETTLE
        if is_unknown and not self.is_idempotent(delivery, limits, now):
            if self.resend == "dead-letter":
                detail = f"{reason}; 'resend: dead-letter' forbids to repeat it"
                return Verdict(None, detail, is_unknown=True)
            if delivery.unknowns > 0:
                detail = f"{reason}; it was repeated once, and may have arrived twice"
                return Verdict(None, detail, is_unknown=True)
        if remedy is Remedy.BACK_OFF:
            # It ends when somebody else's bot ends, and that is no fault of this message.
            return Verdict(backoff_s(delivery.attempts, random), reason)
        attempts = delivery.attempts + 1
        age_s = (now - delivery.created_at).total_seconds()
        if attempts >= self.tries and age_s >= self.age_s:
            detail = f"{reason}; tried {attempts} times in {age_s:.0f} s"
            return Verdict(None, detail, is_unknown=is_unknown)
        wait_s = error.retry_after_s
        if wait_s is None:
            wait_s = backoff_s(delivery.attempts, random)
        return Verdict(wait_s, reason, is_unknown=is_unknown)

    def may_be_doubled(
        self, delivery: Delivery, receipt: Receipt, limits: Limits, now: datetime
    ) -> bool:
        """Tell whether what was done now may have been done before, and be seen twice."""
        if delivery.unknowns == 0:
            return False
        has_sent = "edit->send" in receipt.degraded
        return not self.is_idempotent(delivery, limits, now, has_sent=has_sent)

    def is_idempotent(
        self, delivery: Delivery, limits: Limits, now: datetime, *, has_sent: bool = False
    ) -> bool:
        """Tell whether doing an operation again cannot make a message appear twice.

        Args:
            delivery: The operation.
            limits: What the network offers.
            now: The time.
            has_sent: Whether an edit is known to have sent a new message.
        """
        operation = delivery.operation
        edits = self.edits and operation.part < len(delivery.refs) and not has_sent
        if operation.kind in ("delete", "react") or (operation.kind == "edit" and edits):
            return True
        if limits.idempotency == "none":
            return False
        window_s = limits.idempotency_window_s
        return window_s is None or (now - delivery.created_at).total_seconds() <= window_s


def after(now: datetime, seconds: float) -> datetime:
    """Return a time so many seconds later, or the end of the calendar."""
    try:
        return now + timedelta(seconds=seconds)
    except OverflowError:
        return datetime.max.replace(tzinfo=now.tzinfo)
