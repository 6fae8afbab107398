"""The queue of updates, and the one poll that may wait at it."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import attrs

from networks.telegram.chats import Wire
from networks.telegram.errors import OTHER_POLLER, ApiError, conflict

KINDS = (
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "business_connection",
    "business_message",
    "edited_business_message",
    "deleted_business_messages",
    "guest_message",
    "message_reaction",
    "message_reaction_count",
    "inline_query",
    "chosen_inline_result",
    "callback_query",
    "shipping_query",
    "pre_checkout_query",
    "purchased_paid_media",
    "poll",
    "poll_answer",
    "my_chat_member",
    "chat_member",
    "chat_join_request",
    "chat_boost",
    "removed_chat_boost",
    "managed_bot",
    "subscription",
    "stopped_message_generation",
)
OPT_IN = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
"""Kinds that come only when a bot names them."""
DEFAULT = frozenset(KINDS) - OPT_IN

KEPT_S = 24 * 3600.0
KEPT_S_OF = {
    "callback_query": 150.0,
    "shipping_query": 150.0,
    "pre_checkout_query": 150.0,
    "inline_query": 30.0,
    "chosen_inline_result": 600.0,
}
"""What dies sooner than a day after its date."""

MAX_QUEUED = 100_000
MAX_UPDATE_BYTES = 512 * 1024
BATCH_BYTES = 4 * 1024 * 1024
"""A batch stops near this, whatever its limit."""
MAX_LIMIT = 100
MAX_TIMEOUT_S = 50
FUTURE = 10
"""An offset that far beyond the newest update is taken for unknown."""

REPEAT_S = 3.0
REPEAT_AT_ONCE_S = 0.5
"""A poll with the offset of the last one waits at least the one, and gets one update within
the other."""

COLLECT_S = 0.001
"""What is written in so short a time reaches a waiting poll together."""

EMPTY = b'{"ok":true,"result":[]}'


@attrs.frozen
class Update:
    """An update that was not confirmed yet."""

    id: int
    until: float
    """When it is forgotten, in seconds of the clock."""
    encoded: bytes


@attrs.define
class Poll:
    """A call of getUpdates that waits."""

    offset: int
    limit: int
    answer: Callable[[bytes], None]
    refuse: Callable[[ApiError], None]
    timer: asyncio.TimerHandle | None = None


class Updates:
    """What the bot has not confirmed yet.

    Args:
        now: The time of day in seconds; updates age by it.
        first_id: The id of the first update.
    """

    def __init__(self, now: Callable[[], float], first_id: int) -> None:
        self.allowed = DEFAULT
        """The kinds that are queued."""
        self.next_id = first_id
        self.slows_repeats = False
        """Whether a poll that repeats the last one's offset is slowed, as the server does."""
        self.offsets: list[int | None] = []
        """Of every poll, in order; None: it had none."""
        self._now = now
        self._queue: deque[Update] = deque()
        self._poll: Poll | None = None
        self._wakes = False
        self._last_offset: int | None = None
        self._last_poll_at = 0.0

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def is_polled(self) -> bool:
        """Whether a poll waits at this moment."""
        return self._poll is not None

    def allow(self, kinds: Any) -> None:
        """Take the parameter `allowed_updates`; what is no list leaves all as it was."""
        if isinstance(kinds, list):
            known = frozenset(kind for kind in kinds if kind in KINDS)
            self.allowed = known or DEFAULT

    def add(self, kind: str, payload: Wire, date: float | None = None) -> int | None:
        """Queue an update.

        Args:
            kind: Which of the update's keys it is.
            payload: What stands under the key.
            date: When it happened; None: now.

        Returns:
            Its id. None: the bot has not asked for its kind, it is too old or too large, or
            the queue is full.
        """
        if kind not in self.allowed and kind in KINDS:
            return None
        date = self._now() if date is None else date
        until = date + KEPT_S_OF.get(kind, KEPT_S)
        encoded = json.dumps({"update_id": self.next_id, kind: payload}).encode()
        if (
            until <= self._now()
            or len(self._queue) >= MAX_QUEUED
            or len(encoded) > MAX_UPDATE_BYTES
        ):
            return None
        update = Update(self.next_id, until, encoded)
        self.next_id += 1
        self._queue.append(update)
        self._wake()
        return update.id

    def jump(self, next_id: int) -> None:
        """Go on with another number, as happens after a week without updates."""
        self._queue.clear()
        self.next_id = next_id

    def clear(self) -> None:
        """Forget what is pending."""
        self._queue.clear()

    def poll(self, poll: Poll, timeout_s: float, *, has_offset: bool) -> None:
        """Answer a poll when there is something for it, or when its time is over."""
        self.offsets.append(poll.offset if has_offset else None)
        if self.slows_repeats:
            timeout_s = self._slowed(poll, timeout_s)
        if poll.offset < 0:
            while len(self._queue) > -poll.offset:
                self._queue.popleft()
        batch = self._batch(poll)
        if batch or timeout_s <= 0:
            poll.answer(_joined(batch))
            return
        # Only now: a poll that can be answered at once ends no other.
        self.end_poll(OTHER_POLLER)
        self._poll = poll
        loop = asyncio.get_running_loop()
        poll.timer = loop.call_later(timeout_s, self._give_up, poll)

    def end_poll(self, reason: str) -> None:
        """Refuse the poll that waits, if one does."""
        if poll := self._taken():
            poll.refuse(conflict(reason))

    def forget(self, poll: Poll) -> None:
        """Take note that nobody waits for a poll's answer any more."""
        if self._poll is poll:
            self._taken()

    def _slowed(self, poll: Poll, timeout_s: float) -> float:
        now = self._now()
        if poll.offset == self._last_offset:
            if now < self._last_poll_at + REPEAT_AT_ONCE_S:
                poll.limit = 1
            if now < self._last_poll_at + REPEAT_S:
                timeout_s = max(timeout_s, REPEAT_S)
        self._last_offset, self._last_poll_at = poll.offset, now
        return timeout_s

    def _taken(self) -> Poll | None:
        poll, self._poll = self._poll, None
        if poll and poll.timer:
            poll.timer.cancel()
        return poll

    def _give_up(self, poll: Poll) -> None:
        if self._poll is poll:
            self._taken()
            poll.answer(EMPTY)

    def _batch(self, poll: Poll) -> list[bytes]:
        """Forget what the offset confirms and return what comes next."""
        queue, now = self._queue, self._now()
        is_known = 0 < poll.offset <= self.next_id + FUTURE
        while queue and ((is_known and queue[0].id < poll.offset) or queue[0].until <= now):
            queue.popleft()
        batch: list[bytes] = []
        size = 0
        for update in queue:
            if len(batch) >= poll.limit or size >= BATCH_BYTES:
                break
            if update.until > now:
                batch.append(update.encoded)
                size += len(update.encoded)
        return batch

    def _wake(self) -> None:
        if self._poll and not self._wakes:
            self._wakes = True
            asyncio.get_running_loop().call_later(COLLECT_S, self._hand_out)

    def _hand_out(self) -> None:
        self._wakes = False
        if self._poll and (batch := self._batch(self._poll)):
            poll = self._taken()
            assert poll
            poll.answer(_joined(batch))


def _joined(batch: Iterable[bytes]) -> bytes:
    joined = b",".join(batch)
    return b'{"ok":true,"result":[' + joined + b"]}" if joined else EMPTY
