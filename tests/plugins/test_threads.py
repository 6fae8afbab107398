from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import attrs
import pytest
from fakes import EchoAgent, FakeChannel, incoming, registry, session_of

from cobot import Context, IncomingMessage, OutgoingMessage, hookimpl
from cobot.hookspecs import WORKING
from cobot.plugins.refusals import HOOKS
from cobot.plugins.threads import ThreadPool

OUTGOING = OutgoingMessage("p", "chat", "hello")


class Hooks:
    """A plugin made of the functions that a test gives it."""

    def __init__(self, **functions: Callable[..., Any]) -> None:
        for hook, function in functions.items():
            setattr(self, hook, hookimpl(function))


def here() -> threading.Thread:
    """Return the thread that this runs in."""
    return threading.current_thread()


@contextmanager
def blocked_default_executor() -> Iterator[None]:
    """Have every thread of the loop's default executor wait until the test is over."""
    release = threading.Event()
    executor = ThreadPoolExecutor(1)
    loop = asyncio.get_running_loop()
    loop.set_default_executor(executor)
    blocked = loop.run_in_executor(None, release.wait)
    try:
        yield
        assert not blocked.done()
    finally:
        release.set()


# Where hooks run.


@pytest.mark.parametrize("hook", sorted(WORKING))
async def test_plain_working_hook_runs_in_a_thread_of_its_plugin(hook: str) -> None:
    """A plain `def` that may block never runs on the loop's thread."""
    caller = registry(p=Hooks(**{hook: here})).caller("p", hook)
    assert caller is not None

    thread = await caller(**dict.fromkeys(HOOKS[hook]))

    assert thread is not here()
    assert thread.name.startswith("p-")


@pytest.mark.parametrize("hook", sorted(HOOKS.keys() - WORKING))
async def test_plain_deciding_or_observing_hook_runs_on_the_loop(hook: str) -> None:
    """A hook that must not block is called where it is needed, without a hop to a thread."""
    caller = registry(p=Hooks(**{hook: here})).caller("p", hook)
    assert caller is not None

    thread = await caller(**dict.fromkeys(HOOKS[hook]))

    assert thread is here()


@pytest.mark.parametrize("hook", sorted(HOOKS))
async def test_async_hook_runs_on_the_loop(hook: str) -> None:
    """An `async def` hook of any kind runs on the loop's own thread."""

    async def where() -> threading.Thread:
        return here()

    caller = registry(p=Hooks(**{hook: where})).caller("p", hook)
    assert caller is not None

    assert await caller(**dict.fromkeys(HOOKS[hook])) is here()


async def test_awaitable_of_a_plain_hook_is_awaited_on_the_loop() -> None:
    """A plain `def` is called in a thread, and what it returns is awaited on the loop."""
    threads: list[threading.Thread] = []

    async def later() -> None:
        threads.append(here())

    def send() -> Any:
        threads.append(here())
        return later()

    caller = registry(p=Hooks(session_send=send)).caller("p", "session_send")
    assert caller is not None
    await caller(message=OUTGOING)

    assert [thread is here() for thread in threads] == [False, True]


@pytest.mark.parametrize("hook", sorted(WORKING))
async def test_blocked_default_executor_holds_up_no_plugin(hook: str) -> None:
    """Plugins never use the few threads that everybody shares."""
    caller = registry(p=Hooks(**{hook: here})).caller("p", hook)
    assert caller is not None

    with blocked_default_executor():
        async with asyncio.timeout(5):
            thread = await caller(**dict.fromkeys(HOOKS[hook]))

    assert thread.name.startswith("p-")


async def test_blocked_senders_do_not_hold_up_the_receiver() -> None:
    """Receiving has a thread of its own, apart from the plugin's other threads."""
    release = threading.Event()
    hooks = Hooks(session_receive=here, session_send=lambda: release.wait())
    plugins = registry(p=hooks)
    send, receive = plugins.caller("p", "session_send"), plugins.caller("p", "session_receive")
    assert send is not None
    assert receive is not None
    sends = [asyncio.create_task(send(message=OUTGOING)) for _ in range(20)]

    async with asyncio.timeout(5):
        thread = await receive(cursors={})
    release.set()
    await asyncio.gather(*sends)

    assert thread is not here()


async def test_one_plugins_blocked_calls_do_not_hold_up_another() -> None:
    """Threads belong to one plugin: two never wait for each other's calls."""
    release = threading.Event()
    blocking = Hooks(session_send=lambda: release.wait())
    plugins = registry(p=blocking, q=Hooks(session_send=here))
    blocked, free = plugins.caller("p", "session_send"), plugins.caller("q", "session_send")
    assert blocked is not None
    assert free is not None
    sends = [asyncio.create_task(blocked(message=OUTGOING)) for _ in range(20)]

    async with asyncio.timeout(5):
        thread = await free(message=OUTGOING)
    release.set()
    await asyncio.gather(*sends)

    assert thread.name.startswith("q-")


# The pool.


async def test_pool_hands_arguments_in_and_the_result_out() -> None:
    """A call in a thread is a call: arguments in order, the result back."""
    assert await ThreadPool("p", 1).run(divmod, 7, 2) == (3, 1)


@pytest.mark.parametrize("size", [1, 3])
async def test_pool_has_at_most_its_size_of_threads(size: int) -> None:
    """More calls than threads wait for their turn, and all are done in the end."""
    pool, release = ThreadPool("p", size), threading.Event()
    began: asyncio.Queue[threading.Thread] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def block() -> threading.Thread:
        loop.call_soon_threadsafe(began.put_nowait, here())
        release.wait()
        return here()

    calls = [asyncio.create_task(pool.run(block)) for _ in range(10)]
    first = {await began.get() for _ in range(size)}
    release.set()
    used = await asyncio.gather(*calls)

    assert len(first) == size
    assert set(used) <= first


async def test_idle_thread_is_used_again() -> None:
    """Calls one after the other need one thread."""
    pool = ThreadPool("p", 8)

    assert len({await pool.run(here) for _ in range(20)}) == 1


async def test_calls_of_one_thread_run_in_order() -> None:
    """With one thread, as for receiving, calls are made in the order in which they came."""
    pool = ThreadPool("p", 1)
    order: list[int] = []

    await asyncio.gather(*(pool.run(order.append, number) for number in range(50)))

    assert order == [*range(50)]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("no"), ValueError),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (SystemExit(3), SystemExit),
        (StopIteration(), RuntimeError),
        (StopAsyncIteration(), RuntimeError),
        (asyncio.CancelledError(), asyncio.CancelledError),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
async def test_exception_of_a_call_comes_out(
    error: BaseException, expected: type[BaseException]
) -> None:
    """Whatever a call raises reaches who waits for it, and the thread goes on."""
    pool = ThreadPool("p", 1)

    def fail() -> None:
        raise error

    with pytest.raises(expected):
        await pool.run(fail)

    assert await pool.run(len, "abc") == 3


async def test_cancelled_wait_leaves_the_pool_usable() -> None:
    """Who stops waiting for a call does not take its thread with him."""
    pool, release, began = ThreadPool("p", 1), threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def block() -> None:
        loop.call_soon_threadsafe(began.set)
        release.wait()

    waiting = asyncio.create_task(pool.run(block))
    await began.wait()
    waiting.cancel()
    await asyncio.wait([waiting])
    release.set()

    assert waiting.cancelled()
    async with asyncio.timeout(5):
        assert await pool.run(len, "abc") == 3


async def test_cancelled_waits_never_lead_to_more_threads() -> None:
    """A call that nobody waits for any more still counts as one of the pool's."""
    pool, release = ThreadPool("p", 2), threading.Event()
    before = threading.active_count()

    for _ in range(10):
        waiting = asyncio.create_task(pool.run(release.wait))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
    count = threading.active_count() - before
    release.set()
    await pool.close(5)

    assert count <= 2


async def test_cancelled_wait_for_a_coroutine_leaves_no_warning() -> None:
    """A coroutine that comes too late is closed, not left for the interpreter to complain."""
    release, began = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    async def later() -> str:
        return "1"

    def send() -> Any:
        loop.call_soon_threadsafe(began.set)
        release.wait()
        return later()

    plugins = registry(p=Hooks(session_send=send))
    caller = plugins.caller("p", "session_send")
    assert caller is not None
    waiting = asyncio.create_task(caller(message=OUTGOING))
    await began.wait()
    waiting.cancel()
    await asyncio.wait([waiting])
    release.set()
    closed = await plugins["p"].working.close(5)
    gc.collect()  # a coroutine that was never awaited warns here, and warnings are errors

    assert closed


class Value:
    """Something that can be watched as it goes away."""

    def method(self, _value: object) -> Value:
        """Return another one."""
        return Value()


@pytest.mark.parametrize("what", ["the function's object", "an argument", "the result"])
async def test_waiting_thread_keeps_nothing_alive(what: str) -> None:
    """What a call took and gave is free when the call is over, not at the next call."""
    pool, owner, argument = ThreadPool("p", 1), Value(), Value()
    result = await pool.run(owner.method, argument)
    values = {"the function's object": owner, "an argument": argument, "the result": result}
    gone = threading.Event()
    weakref.finalize(values[what], gone.set)

    del owner, argument, result, values
    gc.collect()

    assert await asyncio.to_thread(gone.wait, 1)


# The end.


async def test_close_ends_idle_threads() -> None:
    """A pool whose calls have returned closes, and says so."""
    pool = ThreadPool("p", 2)
    thread = await pool.run(here)

    closed = await pool.close(5)

    assert closed
    assert not thread.is_alive()


async def test_close_without_time_blames_no_idle_thread() -> None:
    """Only a call that really has not returned keeps a pool from closing."""
    closed = []
    for _ in range(300):  # a thread that is about to end loses the race only now and then
        pool, release = ThreadPool("p", 1), threading.Event()
        call = asyncio.create_task(pool.run(release.wait))
        await asyncio.sleep(0)
        release.set()
        await call
        closed.append(await pool.close(0))

    assert all(closed)


async def test_close_of_an_unused_pool_is_done_at_once() -> None:
    """A pool that never ran anything has nothing to end."""
    assert await ThreadPool("p", 2).close(0)


async def test_close_waits_for_calls_that_run_and_wait() -> None:
    """What was asked for before the close is still done, if time allows."""
    pool = ThreadPool("p", 1)
    order: list[int] = []
    calls = [asyncio.create_task(pool.run(order.append, number)) for number in range(5)]
    await asyncio.sleep(0)

    closed = await pool.close(5)
    await asyncio.gather(*calls)

    assert (closed, order) == (True, [0, 1, 2, 3, 4])


async def test_close_gives_up_a_call_that_never_returns() -> None:
    """A call that does not end delays the stop no longer than the time that is given."""
    pool, release = ThreadPool("p", 2), threading.Event()
    call = asyncio.create_task(pool.run(release.wait))
    await asyncio.sleep(0)

    async with asyncio.timeout(5):
        closed = await pool.close(0.05)
    release.set()
    await call

    assert not closed


async def test_blocked_default_executor_does_not_hold_up_the_close() -> None:
    """Closing needs none of the threads that everybody shares."""
    pool = ThreadPool("p", 1)
    await pool.run(here)

    with blocked_default_executor():
        async with asyncio.timeout(3):
            closed = await pool.close(1)

    assert closed


NEVER_RETURNS = """
import asyncio, threading
from cobot.plugins.threads import ThreadPool

async def main():
    pool, began = ThreadPool("p", 2), threading.Event()
    def block():
        began.set()
        threading.Event().wait()
    waiting = asyncio.create_task(pool.run(block))
    while not began.is_set():
        await asyncio.sleep(0)
    waiting.cancel()
    print(await pool.close(0.05))

asyncio.run(main())
"""


def test_process_ends_with_a_call_that_never_returns() -> None:
    """The interpreter does not wait at its exit for a plugin that hangs."""
    done = subprocess.run(
        [sys.executable, "-c", NEVER_RETURNS],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")


LOOP_IS_GONE = """
import asyncio, threading
from cobot.plugins.threads import ThreadPool

release = threading.Event()
pool = ThreadPool("p", 1)

async def main():
    waiting = asyncio.create_task(pool.run(release.wait))
    await asyncio.sleep(0)
    waiting.cancel()

asyncio.run(main())
(thread,) = [one for one in threading.enumerate() if one.name.startswith("p-")]
release.set()
thread.join(10)
print(thread.is_alive())
"""


def test_call_that_returns_after_the_loop_has_closed_ends_quietly() -> None:
    """A thread whose call outlives the session ends without a word."""
    done = subprocess.run(
        [sys.executable, "-c", LOOP_IS_GONE],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")


# In a running session.


@attrs.define(eq=False)
class Blocking:
    """A channel in plain `def` whose network never answers until the test lets it."""

    release: threading.Event
    receives: asyncio.Event
    sends: asyncio.Event
    loop: asyncio.AbstractEventLoop
    context: Context | None = None
    received: bool = False

    @hookimpl
    def session_receive(self, cursors: Mapping[str, str]) -> list[IncomingMessage]:
        if not self.received:
            self.received = True
            return [incoming()]
        self.loop.call_soon_threadsafe(self.receives.set)
        self.release.wait()
        return []

    @hookimpl
    def session_send(self, message: OutgoingMessage) -> bool:
        self.loop.call_soon_threadsafe(self.sends.set)
        self.release.wait()
        return True


async def test_six_blocked_channels_do_not_delay_an_async_one() -> None:
    """Channels that block in receiving and in sending are no burden to the others."""
    release, loop = threading.Event(), asyncio.get_running_loop()
    blocking = {
        f"b{number}": Blocking(release, asyncio.Event(), asyncio.Event(), loop)
        for number in range(6)
    }
    answered = Answered()
    session = session_of(registry(**blocking, net=answered, agent=EchoAgent()))
    running = asyncio.create_task(session.run())
    try:
        async with asyncio.timeout(10):
            for one in blocking.values():
                await one.receives.wait()
                await one.sends.wait()
            for number in range(100):
                answered.hand(incoming(str(number)))
            texts = [await answered.answers.get() for _ in range(100)]
    finally:
        release.set()
        session.stop()
        outcome = await running

    assert texts == [str(number) for number in range(100)]
    assert not outcome.left


@attrs.define(eq=False)
class Answered(FakeChannel):
    """A channel whose answers can be waited for."""

    answers: asyncio.Queue[str] = attrs.field(factory=asyncio.Queue)

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> str:
        self.answers.put_nowait(message.content)
        return "1"


async def test_stop_gives_up_a_call_that_never_returns_and_names_its_plugin(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A plugin that hangs cannot keep the session from stopping, and the log says which."""
    release = threading.Event()
    one = Blocking(release, asyncio.Event(), asyncio.Event(), asyncio.get_running_loop())
    session = session_of(registry(net=one, agent=EchoAgent()), stop_timeout_s=0.1)
    running = asyncio.create_task(session.run())
    async with asyncio.timeout(10):
        await one.receives.wait()
        await one.sends.wait()
        session.stop()
        outcome = await running
    release.set()

    assert outcome.left.operations == 1
    assert caplog.messages.count("a call of plugin 'net' has not returned") == 2
