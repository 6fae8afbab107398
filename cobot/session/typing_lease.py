"""Typing as a lease: shown while something lasts, renewed before it expires."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext

import attrs

from cobot.clock import Clock
from cobot.errors import ChannelError, PluginError, RateLimited, Remedy
from cobot.messages import Address
from cobot.plugins import Plugins
from cobot.recent import Recent
from cobot.session.budget import Budget
from cobot.session.capabilities import Capabilities

log = logging.getLogger(__name__)

SWEEP_S = 0.1
"""How often it is looked whether somebody's typing is due: one timer for all of them."""

RENEWED_AT = 0.8
"""Which share of its time a typing action has been shown when it is renewed."""

UNTOLD_S = 5.0
"""How long a typing action lasts where the channel does not say."""

REFUSED_S = 300.0
"""How long typing is left out where it was refused: networks count refusals."""

REFUSED_MOST = 10_000
"""Addresses where it is remembered that it was."""

_REFUSED = (Remedy.DEAD_LETTER, Remedy.DEGRADE)
"""What is refused for good, as far as anybody knows."""


@attrs.define(eq=False)
class _Typing:
    """What is shown at one address, for all who have a lease of it."""

    address: Address
    starts: list[float] = attrs.field(factory=list)
    """From when each lease shows it; clock.monotonic()."""
    due: float = 0.0
    """When it is shown again at the earliest; clock.monotonic()."""
    call: asyncio.Task[None] | None = None
    """The call that shows it just now."""

    def let_go(self) -> None:
        """Stop the call: what it would show is over."""
        if self.call is not None:
            self.call.cancel()


class _Lease(AbstractContextManager[None]):
    """One lease, for the length of a block. A class: each turn has one, mostly for nothing."""

    __slots__ = ("_address", "_after_s", "_leases", "_start", "_typing")

    _typing: _Typing
    _start: float

    def __init__(self, leases: TypingLeases, address: Address, after_s: float) -> None:
        self._leases = leases
        self._address = address
        self._after_s = after_s

    def __enter__(self) -> None:
        self._typing, self._start = self._leases.begin(self._address, self._after_s)

    def __exit__(self, *_: object) -> None:
        self._leases.end(self._typing, self._start)


_NOTHING = nullcontext()


class TypingLeases:
    """All typing of a session."""

    def __init__(
        self,
        plugins: Plugins,
        capabilities: Capabilities,
        budget: Callable[[str], Budget | None],
        clock: Clock,
        *,
        after_s: float,
    ) -> None:
        self._plugins = plugins
        self._capabilities = capabilities
        self._budget = budget
        self._clock = clock
        self._after_s = after_s
        self._shown: dict[Address, _Typing] = {}  # where somebody has a lease
        self._refused: Recent[Address, float] = Recent(REFUSED_MOST)  # until when
        self._calls: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.Task[None] | None = None

    def during(
        self, address: Address, *, after_s: float | None = None
    ) -> AbstractContextManager[None]:
        """Show typing while the block lasts, once it takes longer than `after_s`."""
        if not self._capabilities.has(address.channel_type, "typing"):
            return _NOTHING
        return _Lease(self, address, self._after_s if after_s is None else after_s)

    def begin(self, address: Address, after_s: float) -> tuple[_Typing, float]:
        """Begin a lease; return what is shown for it, and from when."""
        start = self._clock.monotonic() + after_s
        typing = self._shown.get(address)
        if typing is None:
            typing = self._shown[address] = _Typing(address)
            typing.due = self._refused.get(address) or 0.0
        typing.starts.append(start)
        if self._sweeper is None or self._sweeper.done():
            self._sweeper = asyncio.create_task(self._sweep(), name="typing")
        return typing, start

    def end(self, typing: _Typing, start: float) -> None:
        """End a lease."""
        typing.starts.remove(start)
        if not typing.starts:
            self._end(typing)

    @asynccontextmanager
    async def shown(self, address: Address) -> AsyncIterator[None]:
        """Show typing from now on, while the block lasts."""
        with self.during(address, after_s=0):
            yield

    def stop(self, address: Address) -> None:
        """Show nothing more at an address, as its chat is gone, to those who have a lease."""
        typing = self._shown.get(address)
        if typing is not None:
            typing.due = math.inf
            typing.let_go()

    async def close(self) -> None:
        """End all typing."""
        self._shown.clear()
        tasks = {*self._calls, *({self._sweeper} if self._sweeper else ())}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=SWEEP_S)

    def _end(self, typing: _Typing) -> None:
        if self._shown.get(typing.address) is typing:
            del self._shown[typing.address]
        # Else it might show after the answer, or hang on for ever.
        typing.let_go()

    async def _sweep(self) -> None:
        while self._shown:
            now = self._clock.monotonic()
            for typing in self._shown.values():
                # One that hangs is not called once more; it delays nobody.
                if typing.call is None and typing.due <= now and min(typing.starts) <= now:
                    self._call(typing)
            await self._clock.sleep(SWEEP_S)

    def _call(self, typing: _Typing) -> None:
        budget = self._budget(typing.address.channel_type)
        if budget is not None and not budget.allows_cosmetic(typing.address):
            return  # until the next sweep
        typing.call = asyncio.create_task(
            self._show(typing, budget), name=f"typing-{typing.address}"
        )
        self._calls.add(typing.call)
        typing.call.add_done_callback(self._calls.discard)

    async def _show(self, typing: _Typing, budget: Budget | None) -> None:
        channel, address = typing.address.channel_type, typing.address
        # From before the call: it is shown at some time while the call lasts.
        started = self._clock.monotonic()
        try:
            limits = await self._capabilities.limits(channel, address.channel_id)
            typing.due = started + (limits.typing_s or UNTOLD_S) * RENEWED_AT
            await self._plugins.route(
                "session_typing",
                channel,
                channel_type=channel,
                channel_id=address.channel_id,
                thread_id=address.thread_id,
            )
        except PluginError as error:
            log.debug("typing is not shown: %s", error)
        except ChannelError as error:
            log.debug("typing is not shown: %s", error)
            if error.remedy in _REFUSED:
                typing.due = self._clock.monotonic() + REFUSED_S
                self._refused.pop(address)
                self._refused.put(address, typing.due)
            elif isinstance(error, RateLimited) and budget and error.retry_after_s is not None:
                budget.close(error.retry_after_s, None if error.is_wide else address)
        finally:
            typing.call = None
