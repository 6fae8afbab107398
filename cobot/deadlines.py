"""Time limits for many short calls at once.

`asyncio.timeout` sets a timer for each call and takes it back, which costs more than all
else that is done around a call here. Calls with the same limit run out in the order in which
they began, so one timer for the first of them is enough, and while calls are quick it hardly
ever fires.
"""

from __future__ import annotations

import asyncio
from types import TracebackType


class Deadline:
    """A time limit for what is done inside: `with` it, then ask whether it `is_over`.

    When the time is over, the task is cancelled and the block left without an exception.
    """

    __slots__ = ("_cancelling", "_queue", "_task", "due", "is_over")

    _task: asyncio.Task[object]

    def __init__(self, queue: _Queue | None) -> None:
        self._queue = queue
        self._cancelling = 0
        self.due = 0.0
        """When the time is over, by the clock of the loop."""
        self.is_over = False
        """Whether the time ran out."""

    def __enter__(self) -> Deadline:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._cancelling = task.cancelling()
        if self._queue is not None:
            self._queue.add(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if self._queue is not None:
            self._queue.waiting.pop(self, None)
        if not self.is_over:
            return False
        # If somebody else cancelled the task too, it has to stay cancelled.
        is_ours = self._task.uncancel() <= self._cancelling
        return is_ours and kind is asyncio.CancelledError

    def was_cancelled(self) -> bool:
        """Say whether the task was cancelled since, by this limit or by anybody."""
        return self._task.cancelling() > self._cancelling

    def renew(self) -> None:
        """Give the whole time again, because there was progress."""
        if self._queue is not None and not self.is_over:
            self._queue.waiting.pop(self, None)
            self._queue.add(self)

    def run_out(self) -> None:
        """Cancel what runs under the limit. The queue calls it."""
        self.is_over = True
        self._task.cancel()


class _Queue:
    """Those that have the same time."""

    __slots__ = ("_loop", "_queues", "_seconds", "timer", "waiting")

    def __init__(self, seconds: float, queues: dict[float, _Queue]) -> None:
        self._seconds = seconds
        self._queues = queues
        self._loop = asyncio.get_running_loop()
        self.waiting: dict[Deadline, None] = {}  # the first to run out first
        self.timer: asyncio.TimerHandle | None = None

    def add(self, deadline: Deadline) -> None:
        deadline.due = self._loop.time() + self._seconds
        self.waiting[deadline] = None
        if self.timer is None:
            self.timer = self._loop.call_at(deadline.due, self._wake)

    def _wake(self) -> None:
        self.timer = None
        now = self._loop.time()
        while self.waiting:
            first = next(iter(self.waiting))
            # The loop may wake us a hair too early.
            if first.due > now + 0.001:
                self.timer = self._loop.call_at(first.due, self._wake)
                return
            del self.waiting[first]
            first.run_out()
        self._queues.pop(self._seconds, None)


class Deadlines:
    """The time limits of one client."""

    def __init__(self) -> None:
        self._queues: dict[float, _Queue] = {}

    def within(self, seconds: float | None) -> Deadline:
        """Return a limit for a block that is entered at once; None: none."""
        if seconds is None:
            return Deadline(None)
        queue = self._queues.get(seconds)
        if queue is None:
            queue = self._queues[seconds] = _Queue(seconds, self._queues)
        return Deadline(queue)

    def close(self) -> None:
        """Take the timers back. What still runs has no limit any more."""
        for queue in self._queues.values():
            if queue.timer is not None:
                queue.timer.cancel()
        self._queues.clear()
