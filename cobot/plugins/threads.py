"""A few threads that belong to one plugin, for its hooks that block.

Not `ThreadPoolExecutor`: the interpreter waits for its threads at exit, so one call that
never returns would keep a stopped process alive.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeAlias

_Call: TypeAlias = tuple[
    asyncio.AbstractEventLoop, asyncio.Future[Any], Callable[..., Any], tuple[Any, ...]
]


class ThreadPool:
    """At most `size` daemon threads, each started when it is first needed."""

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._size = size
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._busy = 0  # calls waiting or running; touched on the loop alone
        self._idle = asyncio.Event()

    async def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function in a thread and return its result.

        Cancelling stops the waiting, not the call: nothing can stop a thread.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._busy += 1
        if self._busy > len(self._threads) < self._size:
            thread = threading.Thread(
                target=self._work, name=f"{self._name}-{len(self._threads)}", daemon=True
            )
            self._threads.append(thread)
            thread.start()
        self._calls.put((loop, future, function, arguments))
        return await future

    async def close(self, timeout_s: float) -> bool:
        """End the threads; return whether all calls had returned in time."""
        for _ in self._threads:
            self._calls.put(None)
        self._idle.clear()
        if self._busy:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._idle.wait()
        if self._busy:
            return False
        for thread in self._threads:
            thread.join()  # at once: it has nothing left but to end
        return True

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            loop, future, function, arguments = call
            result = error = None
            try:
                result = function(*arguments)
            except BaseException as raised:  # noqa: BLE001 -- it belongs to the caller
                # A future takes no StopIteration: awaiting it would end the caller silently.
                error = RuntimeError(repr(raised)) if _ends_iteration(raised) else raised
            try:
                loop.call_soon_threadsafe(self._settle, future, result, error)
            except RuntimeError:
                return  # the loop is closed: stop did not wait for us, nobody listens
            # A waiting thread must keep nothing alive.
            del call, future, function, arguments, result, error

    def _settle(
        self, future: asyncio.Future[Any], result: Any, error: BaseException | None
    ) -> None:
        self._busy -= 1
        if self._busy == 0:
            self._idle.set()
        if future.done():
            if inspect.iscoroutine(result):
                result.close()  # nobody waits for it any more, and it must not complain
        elif error is None:
            future.set_result(result)
        else:
            future.set_exception(error)


def _ends_iteration(error: BaseException) -> bool:
    return isinstance(error, StopIteration | StopAsyncIteration)
