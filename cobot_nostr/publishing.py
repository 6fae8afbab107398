"""What became of an event that was sent to several relays, in the session's terms. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from cobot import (
    ChannelError,
    DeliveryUnknown,
    Forbidden,
    RateLimited,
    Rejected,
    Unreachable,
)
from cobot_nostr.verdicts import Remedy, Verdict

SLOWER_S = 30.0
"""How long to wait when relays want fewer events and do not say how few, in seconds."""


@attrs.frozen(kw_only=True)
class Quorum:
    """How many of which relays have to take an event."""

    urls: tuple[str, ...]
    need: int

    @classmethod
    def one_of(cls, urls: tuple[str, ...]) -> Quorum:
        """Return: any of them."""
        return cls(urls=urls, need=1)

    @classmethod
    def most_of(cls, urls: tuple[str, ...]) -> Quorum:
        """Return: more than half of them."""
        return cls(urls=urls, need=len(urls) // 2 + 1)


def settle(
    channel_type: str, operation: str, quorum: Quorum, verdicts: Mapping[str, Verdict]
) -> None:
    """Return if enough relays have an event; it is the same in each attempt, so that those
    that have it already count.

    Raises:
        ChannelError: They have not; which one says what the session can do.
    """
    took = sum(verdict.is_done for verdict in verdicts.values())
    if took >= quorum.need:
        return
    said = "; ".join(
        f"{url}: {verdict.text or verdict.remedy.value}"
        for url, verdict in verdicts.items()
        if not verdict.is_done
    )
    detail = f"{took} of {len(quorum.urls)} relays took it, {quorum.need} are needed; {said}"
    raise _error(channel_type, operation, detail, took, [*verdicts.values()], quorum)


def _error(
    name: str, operation: str, detail: str, took: int, verdicts: list[Verdict], quorum: Quorum
) -> ChannelError:
    def count(*remedies: Remedy) -> int:
        return sum(verdict.remedy in remedies for verdict in verdicts)

    may_still = took + count(Remedy.AGAIN, Remedy.SLOWER)
    if may_still >= quorum.need:
        # The best of what is still possible: a relay that only wants to wait is the surest.
        if took + count(Remedy.SLOWER) >= quorum.need:
            return RateLimited(name, operation, detail, retry_after_s=SLOWER_S)
        if took or any(one.was_sent and one.remedy is Remedy.AGAIN for one in verdicts):
            return DeliveryUnknown(name, operation, detail)
        return Unreachable(name, operation, detail)
    if count(Remedy.NEVER, Remedy.STALE) >= count(Remedy.FORBIDDEN, Remedy.AUTH):
        return Rejected(name, operation, detail, field="text")
    return Forbidden(name, operation, detail)
