"""Calling one hook of one plugin, whatever its colour, guarded and timed.

pluggy's own multicall stops at the first coroutine it meets, since a coroutine is not None.
So each implementation is called by itself, awaited, and only then looked at.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable
from time import perf_counter
from typing import Any

import attrs

from cobot.errors import ChannelError, HookFailed, JournalError, first_line
from cobot.hookspecs import WORKING
from cobot.messages import ChatMoved
from cobot.plugins.threads import ThreadPool


@attrs.define(eq=False)
class Timing:
    """What the calls of one hook of one plugin cost."""

    calls: int = 0
    """How often it was called."""
    failures: int = 0
    """How often it raised."""
    total_s: float = 0.0
    """Seconds from call to result, added up; calls at the same time count each."""
    longest_s: float = 0.0
    """Seconds of the longest call."""

    def __str__(self) -> str:
        return (
            f"{self.calls} calls, {self.failures} failed,"
            f" {self.total_s:.3f} s in all, longest {self.longest_s:.3f} s"
        )


@attrs.define(eq=False)
class Caller:
    """One hook of one plugin."""

    plugin_name: str
    """Whose hook it is."""
    hook: str
    """Which hook."""
    function: Callable[..., Any]
    """The implementation, bound."""
    argument_names: tuple[str, ...]
    """Which of the hook's arguments it takes, in its own order."""
    threads: ThreadPool | None
    """Where it runs; None: on the loop."""
    timing: Timing = attrs.field(factory=Timing)
    """What its calls cost so far."""

    async def __call__(self, limit_s: float | None = None, /, **arguments: Any) -> Any:
        """Call it and wait for what it returns.

        Args:
            limit_s: The longest that what it returns may be awaited, in seconds.
            arguments: The hook's arguments.

        Raises:
            ChannelError: As the plugin raised it.
            HookFailed: The plugin raised anything else.
        """
        timing = self.timing
        timing.calls += 1
        started = perf_counter()
        try:
            values: Iterable[Any] = arguments.values()
            if tuple(arguments) != self.argument_names:
                values = [arguments[name] for name in self.argument_names]
            if self.threads is None:
                result = self.function(*values)
            else:
                result = await self.threads.run(self.function, *values)
            if hasattr(result, "__await__"):
                # A time limit costs as much as the rest of the call, so only where one is.
                result = await (self._within(limit_s, result) if limit_s else result)
            return result
        except BaseException as error:
            timing.failures += 1
            failure = self.blame(error)
            if failure is None:
                raise
            raise failure from error
        finally:
            elapsed = perf_counter() - started
            timing.total_s += elapsed
            if elapsed > timing.longest_s:
                timing.longest_s = elapsed

    def now(self, **arguments: Any) -> Any:
        """Call it and return at once: for hooks that are plain `def` only.

        Raises:
            HookFailed: The plugin raised something.
        """
        try:
            return self.function(*[arguments[name] for name in self.argument_names])
        except Exception as error:
            raise HookFailed(self.plugin_name, self.hook, first_line(error)) from error

    async def _within(self, limit_s: float, result: Awaitable[Any]) -> Any:
        limit = asyncio.timeout(limit_s)
        try:
            async with limit:
                return await result
        except TimeoutError:
            if not limit.expired():
                raise
            detail = f"no result within {limit_s:g} s, given up"
            raise HookFailed(self.plugin_name, self.hook, detail) from None

    def blame(self, error: BaseException) -> HookFailed | None:
        """Return the error that blames the plugin; None if what was raised is not its fault.

        Not its fault are what the network said to a hook that works, and a cancellation that
        is meant for us. A CancelledError or a SystemExit of its own would end more than the
        call.
        """
        if isinstance(error, KeyboardInterrupt | GeneratorExit):
            return None
        if isinstance(error, HookFailed) and error.plugin == self.plugin_name:
            return None  # blamed already
        if isinstance(error, ChannelError | ChatMoved) and self.hook in WORKING:
            return None
        if isinstance(error, JournalError) and self.hook == "open_journal":
            return None  # it says itself what is wrong, and with what
        if isinstance(error, asyncio.CancelledError):
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                return None
        return HookFailed(self.plugin_name, self.hook, first_line(error))


def is_async(function: Callable[..., Any]) -> bool:
    """Tell whether a call returns at once, with something to await or to iterate."""
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
