"""Webhooks for channels: what a network sends us, in batches, answered once it is durable.

A channel listens on a path and is handed what has arrived, as a list. When it asks for more,
all of the list that it has not answered itself is answered with 200: between the two it has
yielded its batch, and by the ack rule that is durable when control comes back. Whatever else
happens, the answer is 503, and the network sends it again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Self

from cobot.clock import Clock
from cobot.errors import Unreachable, first_line, shown
from cobot.net.ports import USUAL, PortRefused, Ports, ServerOptions
from cobot.net.requests import DONE, LATER, Reply, Request

LOOPBACK = "127.0.0.1"
"""Where nobody but this machine comes to: behind a reverse proxy, which speaks TLS."""

Check = Callable[[Request], Reply | None]
"""Says what a request is answered with at once, or None: it goes into a batch."""


class Inbox:
    """What has come to one path. `Webhooks.listen` makes it.

    `async for` gives what has arrived together, as a list that is never empty, the oldest
    first. It ends when the block of `listen` does.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        methods: Collection[str],
        check: Check | None,
        answer_s: float,
        most: int,
        on_error: Callable[[str], None],
    ) -> None:
        """Wait for requests; see `Webhooks.listen`."""
        self.url = url
        """Where it is, on this machine."""
        self.methods = methods
        self.late = 0
        """How many requests were answered with 503 because the time ran out."""
        self._clock = clock
        self._check = check
        self._answer_s = answer_s
        self._most = most
        self._on_error = on_error
        self._waiting: deque[Request] = deque()  # not handed out yet
        self._handed: list[Request] = []  # handed out, and not known to be durable
        self._arrived = asyncio.Event()
        # In the order in which they run out, since all have the same time.
        self._limits: asyncio.Queue[tuple[float, asyncio.Future[Reply]]] = asyncio.Queue()
        self._is_closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[Request]:
        """Answer what was handed out before, and return what has arrived since.

        Cancelling loses none.
        """
        handed, self._handed = self._handed, []
        for request in handed:
            request.answer_with(DONE)
        while not self._waiting:
            if self._is_closed:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        self._handed = list(self._waiting)
        self._waiting.clear()
        return list(self._handed)

    async def take(self, request: Request) -> Reply:
        """Take a request and return what is said to it. The server calls it."""
        if self._is_closed:
            return LATER
        try:
            reply = self._check(request) if self._check is not None else None
            if not isinstance(reply, Reply | None):
                raise TypeError(f"expected a Reply or None, got {shown(reply)}")
        except Exception as error:  # noqa: BLE001 -- the channel's own; one bad request ends nothing
            self._on_error(f"a request cannot be checked: {first_line(error)}")
            return Reply(500)
        if reply is not None:
            return reply
        if len(self._waiting) >= self._most:
            return LATER
        self._waiting.append(request)
        self._arrived.set()
        self._limits.put_nowait((self._clock.monotonic() + self._answer_s, request.reply))
        return await request.reply

    async def keep_time(self) -> None:
        """Answer with 503 what is not answered in time, until cancelled.

        It stays in its batch: if the network does not send it again, it is there at least
        once, and if it does, it is told from a new one by its id.
        """
        while True:
            due, reply = await self._limits.get()
            left_s = due - self._clock.monotonic()
            if left_s > 0 and not reply.done():
                await self._clock.sleep(left_s)
            if not reply.done():
                reply.set_result(LATER)
                self.late += 1

    def close(self) -> None:
        """Answer with 503 what is not answered, and take no more."""
        self._is_closed = True
        for request in [*self._handed, *self._waiting]:
            request.answer_with(LATER)
        self._handed.clear()
        self._waiting.clear()
        self._arrived.set()


class Webhooks:
    """Opens the webhooks of one channel."""

    def __init__(
        self,
        channel_type: str,
        *,
        clock: Clock,
        ports: Ports | None = None,
        redact: Callable[[str], str] = str,
        log: logging.Logger | None = None,
    ) -> None:
        """Listen to nothing yet.

        Args:
            channel_type: Whose errors they are: the section's name.
            clock: Time, for answers that have to be given.
            ports: Where channels that share a port find each other; None: with nobody.
            redact: Takes the secrets out of what goes into errors and into the log.
            log: Where a check that fails is told; None: nowhere.
        """
        self._channel_type = channel_type
        self._clock = clock
        self._ports = ports or Ports()
        self._redact = redact
        self._log = log

    @asynccontextmanager
    async def listen(
        self,
        path: str,
        *,
        port: int,
        host: str = LOOPBACK,
        check: Check | None = None,
        methods: Collection[str] = ("POST",),
        answer_s: float = 3.0,
        most: int = 256,
        options: ServerOptions = USUAL,
    ) -> AsyncIterator[Inbox]:
        """Listen on a path for the length of a block.

        What is waiting when the block is left is answered with 503.

        Args:
            path: Which, as `/slack/events`; compared as it is, the case of letters too.
            port: The port. Others may listen on it, too, on other paths.
            host: The address or name to listen at.
            check: Called with each request before all else; what it returns is the answer.
                For secrets, signatures and handshakes. It must not block. If it fails, the
                answer is 500, and the log says so.
            methods: Which are taken; the others are answered with 405.
            answer_s: After so many seconds without an answer it is 503.
            most: How many may be waiting to be handed out; the others are answered with 503.
            options: How the port behaves.

        Raises:
            Unreachable: The port is not to be had, or somebody has the path.
        """
        if not path.startswith("/"):
            raise ValueError(f"path: expected one that begins with '/', got {path!r}")
        async with AsyncExitStack() as stack:
            holding = self._ports.hold(host, port, options, self._clock)
            try:
                server = await stack.enter_async_context(holding)
            except PortRefused as refused:
                raise self._refused(host, port, path, str(refused)) from None
            if server.routes.get(path) is not None:
                raise self._refused(host, port, path, "another channel has this path")
            inbox = Inbox(
                server.url(host) + path,
                clock=self._clock,
                methods=methods,
                check=check,
                answer_s=answer_s,
                most=most,
                on_error=self._tell,
            )
            timekeeper = asyncio.create_task(inbox.keep_time())
            server.routes[path] = inbox
            try:
                yield inbox
            finally:
                inbox.close()
                server.routes[path] = None
                timekeeper.cancel()
                await asyncio.gather(timekeeper, return_exceptions=True)

    def _refused(self, host: str, port: int, path: str, reason: str) -> Unreachable:
        detail = f"cannot listen on {host}:{port}{path}: {reason}"
        return Unreachable(self._channel_type, "receive", self._redact(detail))

    def _tell(self, detail: str) -> None:
        if self._log is not None:
            self._log.error("%s", self._redact(detail))
