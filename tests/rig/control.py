"""How the process tells the rig where it is, and waits for its word.

The places are called boundaries. A process reports those that it was started with, one
connection for each report, and goes on when the answer comes: so it is killed exactly there,
and nothing has to be slept for.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from enum import Enum
from types import TracebackType

import attrs


class Boundary(Enum):
    """A place on a message's way, in the order of the way."""

    RECEIVED = "after receive"
    PUBLISHED = "after publish"
    HANDED_BACK = "after ack: control came back"
    CONFIRMED = "after ack: the network knows"
    IN_AGENT = "in the agent"
    BEFORE_SETTLE = "before settle"
    SETTLED = "after settle"
    BEFORE_REQUEST = "before the request"
    REQUEST_TAKEN = "request taken, not answered"
    BEFORE_RECEIPT = "before the receipt row"
    RECEIPT = "after the receipt row"


@attrs.frozen(kw_only=True)
class ControlSettings:
    """What a plugin of the rig is told about the rig."""

    control: int
    """Port of the rig."""
    armed: tuple[str, ...] = ()
    """Values of the boundaries that are to be reported."""


@attrs.frozen
class Reporter:
    """The process's end."""

    settings: ControlSettings

    async def reached(self, boundary: Boundary) -> None:
        """Report a boundary, if it is armed, and wait until the rig lets us go on."""
        if boundary.value not in self.settings.armed:
            return
        reader, writer = await asyncio.open_connection("127.0.0.1", self.settings.control)
        try:
            writer.write(json.dumps(boundary.value).encode() + b"\n")
            await reader.readline()
        finally:
            writer.close()


class Held:
    """A process that waits at a boundary."""

    def __init__(self) -> None:
        self._may_go = asyncio.Event()

    def let_go(self) -> None:
        """Let it go on."""
        self._may_go.set()

    async def wait(self) -> None:
        """Wait until it may go on."""
        await self._may_go.wait()


@attrs.define(eq=False)
class Trap:
    """What holds the process at the n-th passing of a boundary."""

    boundary: Boundary
    nth: int
    caught: asyncio.Future[Held] = attrs.field(
        factory=lambda: asyncio.get_running_loop().create_future()
    )


class Control:
    """The rig's end."""

    def __init__(self) -> None:
        self.port = 0
        self.passed: Counter[Boundary] = Counter()
        self._traps: list[Trap] = []
        self._held: list[Held] = []
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Control:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        for held in self._held:
            held.let_go()
        self._server.close()
        await self._server.wait_closed()

    def trap(self, boundary: Boundary, nth: int = 1) -> asyncio.Future[Held]:
        """Hold the process when it passes a boundary for the n-th time from now on."""
        trap = Trap(boundary, nth)
        self._traps.append(trap)
        return trap.caught

    def disarm(self) -> None:
        """Take away all traps, and let everybody go."""
        self._traps.clear()
        for held in self._held:
            held.let_go()

    async def reached(self, boundary: Boundary) -> None:
        """Note that a boundary is passed; wait if a trap says so."""
        self.passed[boundary] += 1
        for trap in [one for one in self._traps if one.boundary is boundary]:
            trap.nth -= 1
            if trap.nth == 0:
                self._traps.remove(trap)
                held = Held()
                self._held.append(held)
                trap.caught.set_result(held)
                await held.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await reader.readline()
            if line:
                await self.reached(Boundary(json.loads(line)))
                writer.write(b"go\n")
                await writer.drain()
        except ConnectionError:
            pass  # the process was killed
        finally:
            writer.close()
