import asyncio
import logging
import threading

import pytest

from cobot.ops.watchdog import Watchdog


class Told(logging.Handler):
    """Lets a thread go when the watchdog has said something."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.spoke = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        """Note it."""
        self.said.append(record.getMessage())
        self.spoke.set()


@pytest.fixture
def told() -> Told:
    """What the watchdog says."""
    return Told()


async def test_a_blocked_loop_is_reported_with_its_place(told: Told) -> None:
    """Who blocks the loop is named by file and line, while it is still blocked."""
    log = logging.getLogger("cobot.ops.watchdog")
    log.addHandler(told)
    watchdog = Watchdog(interval_s=0.05)
    watchdog.start()
    try:
        blocked = told.spoke.wait(10)  # in the loop's own thread: nothing else turns
    finally:
        watchdog.stop()
        log.removeHandler(told)

    assert blocked
    assert "the event loop has been blocked for 0.05 s at " in told.said[0]
    assert "threading.py" in told.said[0]


async def test_a_loop_that_turns_is_left_in_peace(told: Told) -> None:
    """A loop that answers is not spoken of."""
    log = logging.getLogger("cobot.ops.watchdog")
    log.addHandler(told)
    watchdog = Watchdog(interval_s=0.3)  # a busy machine must not look like a blocked loop
    watchdog.start()
    try:
        await asyncio.get_running_loop().run_in_executor(None, told.spoke.wait, 0.8)
    finally:
        watchdog.stop()
        log.removeHandler(told)

    assert told.said == []
