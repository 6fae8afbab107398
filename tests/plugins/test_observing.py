from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest
from fakes import EchoAgent, FakeChannel, incoming, registry, session_of

from cobot import IncomingMessage, OutgoingMessage, Unreachable, hookimpl
from cobot.plugins import Caller
from cobot.plugins.observing import QUEUE_LENGTH, Observer

HOOK = "session_on_receive"


class Watch:
    """A plugin that observes, in the way a test wants."""

    def __init__(self, see: Callable[[IncomingMessage], Awaitable[None] | None]) -> None:
        self.session_on_receive = hookimpl(see)


def watching(see: Callable[[IncomingMessage], Awaitable[None] | None]) -> Caller:
    """Return the caller of a plugin `watch`."""
    caller = registry(watch=Watch(see)).caller("watch", HOOK)
    assert caller is not None
    return caller


def put(observer: Observer, caller: Caller, *texts: str) -> None:
    """Have an observer see messages."""
    for text in texts:
        observer.put(caller, {"message": incoming(text)})


async def test_observations_arrive_in_order() -> None:
    """An observer sees what happened in the order in which it happened, one at a time."""
    seen: list[str] = []

    async def see(message: IncomingMessage) -> None:
        seen.append(f"{message.content} begins")
        await asyncio.sleep(0)
        seen.append(f"{message.content} ends")

    observer = Observer("watch")
    put(observer, watching(see), "a", "b")
    await observer.close(5)

    assert seen == ["a begins", "a ends", "b begins", "b ends"]


async def test_different_hooks_of_a_plugin_share_one_order() -> None:
    """What a plugin sees through several hooks keeps its order too."""
    seen: list[str] = []

    class Both:
        @hookimpl
        async def session_on_receive(self, message: IncomingMessage) -> None:
            await asyncio.sleep(0)
            seen.append("received")

        @hookimpl
        def session_on_failure(self, error: Exception) -> None:
            seen.append("failed")

    plugins = registry(watch=Both())
    error = Unreachable("net", "send", "no")
    for _ in range(2):
        plugins.observe(HOOK, message=incoming())
        plugins.observe("session_on_failure", message=incoming(), error=error)
    await plugins["watch"].observer.close(5)

    assert seen == ["received", "failed", "received", "failed"]


async def test_observing_waits_for_nothing() -> None:
    """Who reports what happened goes on at once; the observer is called afterwards."""
    seen: list[str] = []
    observer = Observer("watch")

    put(observer, watching(lambda message: seen.append(message.content)), "a")
    before = list(seen)
    await observer.close(5)

    assert (before, seen) == ([], ["a"])


async def test_overflow_is_dropped_and_counted_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What does not fit in the queue is lost to the observer, and the log says so once."""
    seen: list[str] = []
    observer = Observer("watch", queue_length=2)

    put(observer, watching(lambda message: seen.append(message.content)), *"abcde")
    said = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    await observer.close(5)

    assert said == ["plugin 'watch' observes too slowly: 2 calls wait, more are dropped"]
    assert (seen, observer.dropped) == (["a", "b"], 3)


async def test_missed_observations_are_told_at_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """At the close the log has how many were missed, also when the queue is empty by then."""
    seen = asyncio.Event()
    observer = Observer("watch", queue_length=1)
    put(observer, watching(lambda message: seen.set()), *"abc")
    await seen.wait()
    await observer.close(5)

    assert "plugin 'watch' missed 2 observations" in caplog.messages


async def test_queue_has_a_bound_without_being_told() -> None:
    """No observer can fill the memory: an observer's queue is bounded from the start."""
    observer = Observer("watch")
    caller = watching(lambda message: None)

    put(observer, caller, *map(str, range(QUEUE_LENGTH + 5)))
    await observer.close(5)

    assert observer.dropped == 5


async def test_observer_recovers_after_an_overflow() -> None:
    """When there is room again, the observer sees again what happens."""
    seen: list[str] = []
    observer = Observer("watch", queue_length=1)
    caller = watching(lambda message: seen.append(message.content))

    put(observer, caller, "a", "lost")
    await observer.close(5)
    put(observer, caller, "b")
    await observer.close(5)

    assert seen == ["a", "b"]


async def test_call_over_the_time_limit_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    """An observer that takes too long loses that call; the next one is made."""
    seen: list[str] = []

    async def see(message: IncomingMessage) -> None:
        if message.content == "stuck":
            await asyncio.Event().wait()
        seen.append(message.content)

    observer = Observer("watch", time_limit_s=0.01)
    put(observer, watching(see), "stuck", "b")
    await observer.close(5)

    assert seen == ["b"]
    assert (
        "plugin 'watch' failed in session_on_receive: no result within 0.01 s, given up"
        in caplog.messages
    )


async def test_timeout_of_its_own_is_a_failure_and_not_the_limit(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A TimeoutError that the plugin raises is told as its failure."""

    def see(message: IncomingMessage) -> None:
        raise TimeoutError("the database")

    observer = Observer("watch")
    put(observer, watching(see), "a")
    await observer.close(5)

    (said,) = caplog.messages
    assert said == ("plugin 'watch' failed in session_on_receive: TimeoutError: the database")


async def await_a_cancelled_task() -> None:
    """Fail as code does whose inner task somebody cancelled."""
    inner = asyncio.create_task(asyncio.Event().wait())
    inner.cancel()
    await inner


async def raise_(error: Exception) -> None:
    """Fail in the way that a test wants."""
    raise error


@pytest.mark.parametrize(
    "fail",
    [
        lambda: raise_(ValueError("no")),
        lambda: raise_(Unreachable("net", "send", "no")),
        lambda: raise_(ExceptionGroup("two", [ValueError("a")])),
        await_a_cancelled_task,
    ],
    ids=["ValueError", "ChannelError", "ExceptionGroup", "a cancelled inner task"],
)
async def test_failing_observer_goes_on_with_the_next(
    fail: Callable[[], Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    """An observer that fails on one message sees the next, and its failure is logged."""
    seen: list[str] = []

    async def see(message: IncomingMessage) -> None:
        if message.content == "bad":
            await fail()
        seen.append(message.content)

    observer = Observer("watch")
    put(observer, watching(see), "bad", "b")
    await observer.close(5)

    assert seen == ["b"]
    assert [one.levelno for one in caplog.records] == [logging.WARNING]


# Closing.


async def test_close_lets_what_waits_be_seen() -> None:
    """What happened before the stop is still seen, if time allows."""
    seen: list[str] = []

    async def see(message: IncomingMessage) -> None:
        await asyncio.sleep(0)
        seen.append(message.content)

    observer = Observer("watch")
    put(observer, watching(see), *"abcde")
    await observer.close(5)

    assert seen == [*"abcde"]
    assert observer.dropped == 0


async def test_close_gives_up_in_time_and_tells_what_was_missed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A stuck observer delays a stop no longer than the time it is given."""
    began = asyncio.Event()

    async def see(message: IncomingMessage) -> None:
        began.set()
        await asyncio.Event().wait()

    observer = Observer("watch")
    put(observer, watching(see), *"abc")
    await began.wait()
    async with asyncio.timeout(5):
        await observer.close(0.01)

    assert observer.dropped == 2
    assert "plugin 'watch' missed 2 observations" in caplog.messages


async def test_close_gives_up_an_observer_that_cannot_be_cancelled() -> None:
    """An observer that swallows its cancellation cannot keep the session from stopping."""
    began, release = asyncio.Event(), asyncio.Event()

    async def see(message: IncomingMessage) -> None:
        began.set()
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    observer = Observer("watch")
    put(observer, watching(see), "a")
    await began.wait()
    closing = asyncio.create_task(observer.close(0.01))
    done, _ = await asyncio.wait([closing], timeout=1)
    release.set()
    await asyncio.wait([closing])

    assert done == {closing}


async def test_close_of_an_unused_observer_is_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A plugin that observed nothing has nothing to finish."""
    async with asyncio.timeout(5):
        await Observer("watch").close(0)

    assert not caplog.messages


async def test_idle_observer_has_no_task() -> None:
    """A plugin that has nothing to see costs the loop nothing."""
    before = asyncio.all_tasks()
    observer = Observer("watch")

    put(observer, watching(lambda message: None), "a")
    await observer.close(5)

    assert asyncio.all_tasks() == before


# In a running session.


@attrs.define(eq=False)
class Answered(FakeChannel):
    """A channel whose answers can be waited for."""

    answers: asyncio.Queue[str] = attrs.field(factory=asyncio.Queue)

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> str:
        self.answers.put_nowait(message.content)
        return "1"


async def test_stuck_observer_delays_nobody() -> None:
    """Messages are answered, and other observers see them, while one observer hangs."""
    seen: asyncio.Queue[str] = asyncio.Queue()

    async def hang(message: IncomingMessage) -> None:
        await asyncio.Event().wait()

    def see(message: IncomingMessage) -> None:
        seen.put_nowait(message.content)

    channel = Answered()
    plugins = registry(stuck=Watch(hang), net=channel, watch=Watch(see), agent=EchoAgent())
    session = session_of(plugins, stop_timeout_s=0.1)
    running = asyncio.create_task(session.run())
    texts = [str(number) for number in range(50)]
    channel.hand(*map(incoming, texts))
    async with asyncio.timeout(10):
        answered = [await channel.answers.get() for _ in texts]
        observed = [await seen.get() for _ in texts]
        session.stop()
        await running

    assert (answered, observed) == (texts, texts)
    assert plugins["stuck"].observer.dropped == 49


async def test_observer_that_sends_back_is_called_for_what_it_sent() -> None:
    """An observer may itself report what happens, without losing its order."""
    plugins: Any = None
    seen: list[str] = []

    def see(message: IncomingMessage) -> None:
        seen.append(message.content)
        if message.content == "a":
            plugins.observe(HOOK, message=incoming("from inside"))

    plugins = registry(watch=Watch(see))
    for text in "ab":
        plugins.observe(HOOK, message=incoming(text))
    await plugins["watch"].observer.close(5)

    assert seen == ["a", "b", "from inside"]
