"""WebSockets for channels: a connection that says how it ended, and is never dead unnoticed.

websockets speaks the protocol. What is added: errors of ours without addresses in them, time
limits for all that could wait for ever, and a watch for connections on which nothing comes.
Time limits of single steps are by the loop's clock; what goes on for as long as a connection,
pings and the watch, is by the clock that is handed in.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Coroutine,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from functools import cached_property, partial
from typing import Self

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from cobot.clock import Clock
from cobot.errors import DeliveryUnknown, Rejected, Unreachable
from cobot.net.addresses import within
from cobot.net.calls import Call
from cobot.net.closing import (
    Closed,
    HandshakeRefused,
    SocketClosed,
    closed_by,
    failure_to_connect,
)
from cobot.net.failures import Failure
from cobot.net.links import USUAL, Link, SocketOptions, open_link
from cobot.net.lookups import looked_up
from cobot.net.pacing import Pace
from cobot.net.pools import Pools, UnusableProxy
from cobot.net.timing import CALL


class Sockets:
    """Opens the WebSockets of one channel."""

    def __init__(
        self,
        channel_type: str,
        *,
        clock: Clock,
        redact: Callable[[str], str] = str,
        trust_env: bool = True,
    ) -> None:
        """Connect to nothing yet.

        Args:
            channel_type: Whose errors they are: the section's name.
            clock: Time, for pings and for the watch.
            redact: Takes the secrets out of what goes into errors.
            trust_env: Whether `HTTPS_PROXY`, `NO_PROXY`, `SSL_CERT_FILE` and so on count, by
                the same rules as for HTTP.
        """
        self._channel_type = channel_type
        self._clock = clock
        self._redact = redact
        self._trust_env = trust_env
        self._pools = Pools(most=1, trust_env=trust_env)  # it knows about proxies

    @asynccontextmanager
    async def connect(
        self,
        url: str,
        *,
        operation: str = "receive",
        headers: Mapping[str, str] | None = None,
        subprotocols: Sequence[str] = (),
        options: SocketOptions = USUAL,
        pace: Pace | None = None,
        goodbye: int = 1000,
        allow: Collection[str] | None = None,
    ) -> AsyncIterator[Socket]:
        """Connect for the length of a block.

        Args:
            url: Where; `ws` or `wss`. It may have a token in it.
            operation: What it is for, as errors name it.
            headers: Besides the usual ones.
            subprotocols: Which we speak, the preferred one first.
            options: How it behaves.
            pace: How often may be sent, if the other side counts.
            goodbye: With which code it is closed at the end of the block.
            allow: For addresses that anybody may have chosen: networks that are gone to
                besides the internet, as `192.168.1.0/24`; None: wherever it leads.

        Raises:
            Rejected: It leads to where we do not go.
            HandshakeRefused: The server answered with a status. Redirects are not followed.
            Unreachable: There is no connection.
        """
        call = self._call(operation, url, headers or {})
        link = await self._open(call, url, headers or {}, subprotocols, options, allow)
        socket = Socket(link, call, options, clock=self._clock, pace=pace)
        try:
            yield socket
        finally:
            await socket.close(goodbye)

    async def _open(
        self,
        call: Call,
        url: str,
        headers: Mapping[str, str],
        subprotocols: Sequence[str],
        options: SocketOptions,
        allow: Collection[str] | None,
    ) -> Link:
        address = call.request.url
        if address.scheme not in ("ws", "wss") or not address.host:
            detail = "what is to be connected to is no ws or wss address"
            raise call.error(Failure(detail, is_harmless=True))
        try:
            # The environment speaks of http and https, and means these too.
            plain = address.copy_with(scheme=address.scheme.replace("ws", "http", 1))
            proxy = self._pools.proxy(plain)
        except UnusableProxy as unusable:
            raise call.error(Failure(str(unusable), is_harmless=True)) from unusable
        needs_tls = address.scheme == "wss" or (proxy or "").startswith("https:")
        tls = self._tls if needs_tls else None
        opener = partial(
            open_link, call, url, headers, subprotocols, options, proxy=proxy, tls=tls
        )
        if allow is None:
            return await opener()
        async with asyncio.timeout(options.connect_s):
            hosts = await self._watched(call, allow, has_proxy=proxy is not None)
        return await _first(opener, hosts)

    async def _watched(
        self, call: Call, allow: Collection[str], *, has_proxy: bool
    ) -> Sequence[str | None]:
        """Return the addresses to connect to, each of which was looked at.

        They and not the name, which may stand for another address a moment later. A proxy
        connects to where it thinks is right, and a name that only the proxy knows is left to
        it: None.
        """
        try:
            found = await looked_up(call, within(allow))
        except OSError as error:
            if not has_proxy:
                raise call.error(failure_to_connect(error, call.host)) from error
            found = []
        return [None] if has_proxy else found

    def _call(self, operation: str, url: str, headers: Mapping[str, str]) -> Call:
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL:
            parsed = httpx.URL("")
        return Call(
            self._channel_type,
            operation,
            httpx.Request("GET", parsed, headers=headers),
            parsed.netloc.decode("ascii"),
            CALL,
            True,
            self._redact,
        )

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return httpx.create_ssl_context(trust_env=self._trust_env)


async def _first(opener: Callable[..., Awaitable[Link]], hosts: Sequence[str | None]) -> Link:
    """Return the first connection there is."""
    for host in hosts[:-1]:
        try:
            return await opener(host=host)
        except HandshakeRefused:
            raise
        except Unreachable:
            continue  # the name has more than one address for that
    return await opener(host=hosts[-1])


class Socket:
    """An open WebSocket. `Sockets.connect` makes it, and closes it.

    `async for` gives what comes, and ends when the connection does; `closed` says how.
    """

    def __init__(
        self,
        link: Link,
        call: Call,
        options: SocketOptions,
        *,
        clock: Clock,
        pace: Pace | None,
    ) -> None:
        """Take over an open connection."""
        self._link = link
        self._call = call
        self._options = options
        self._clock = clock
        self._pace = pace
        self._closed: Closed | None = None
        self._waiting_since: float | None = None  # None: nobody waits for a message
        self._heard_at = clock.monotonic()
        self._tasks: list[asyncio.Task[None]] = []
        link.on_data = self._heard
        if options.ping_s is not None:
            self._begin(self._ping(options.ping_s))
        if options.silence_s is not None:
            self._begin(self._watch(options.silence_s))

    @property
    def host(self) -> str:
        """Who is at the other end, without anything secret."""
        return self._call.host

    @property
    def subprotocol(self) -> str | None:
        """Which of ours the other side chose; None: none."""
        return self._link.subprotocol

    @property
    def closed(self) -> Closed | None:
        """How the connection ended; None: it is open, or on the way to its end."""
        if self._closed is None and self._link.state is State.CLOSED:
            self._note(self._link.protocol.close_exc)
        return self._closed

    @property
    def quiet_s(self) -> float:
        """For how long nothing has come, not even an answer to a ping; in seconds."""
        return self._clock.monotonic() - self._heard_at

    @property
    def is_waiting(self) -> bool:
        """Whether all that came was read, and somebody waits for more."""
        return self._waiting_since is not None

    async def receive(self) -> str:
        """Return the next message. Cancelling loses none.

        Raises:
            SocketClosed: There will be none; its `closed` says why.
        """
        self._waiting_since = self._clock.monotonic()
        try:
            return await self._link.recv(decode=True)
        except ConnectionClosed as error:
            self._note(error)
        finally:
            self._waiting_since = None
        raise self._end("receive")

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        try:
            return await self.receive()
        except SocketClosed:
            raise StopAsyncIteration from None

    async def send(
        self, text: str | bytes, *, operation: str = "send", urgent: bool = False
    ) -> None:
        """Send a message, and return when it has left for the network.

        That it arrived is for the other side to say.

        Args:
            text: The message; bytes are UTF-8, as `dumps` makes them.
            operation: What it is for, as errors name it.
            urgent: Whether it waits for no turn, as a heartbeat; it counts all the same.

        Raises:
            SocketClosed: The connection is closed, and nothing was sent.
            DeliveryUnknown: It broke meanwhile, or nothing was taken from us in time.
            Rejected: It is too long, or no Unicode.
        """
        body = self._encoded(operation, text)
        if self._pace is not None:
            await self._pace.turn(urgent=urgent)
        if self._link.state is not State.OPEN or self._closed is not None:
            await self._link.wait_closed()  # the code may still be on its way
            raise self._end(operation)
        try:
            async with asyncio.timeout(self._options.send_s):
                await self._link.send(body, text=True)
            # Who waits until more can be written is also released when the connection goes.
            if self._link.state is State.OPEN:
                return
        except ConnectionClosed as error:
            self._note(error)
        except TimeoutError:
            self.drop(f"{self.host} took nothing from us for {self._options.send_s:g} s")
        await self._link.wait_closed()
        assert self.closed is not None
        detail = f"it may not have arrived: {self.closed.detail}"
        raise DeliveryUnknown(self._call.channel_type, operation, detail)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye, wait for the other side's, and close; not longer than `close_s`.

        Args:
            code: Why, by number: 1000, or what the network means by those from 3000 to 4999.
            reason: Why, in at most 123 bytes.
        """
        for task in self._tasks:
            task.cancel()
        try:
            async with asyncio.timeout(self._options.close_s):
                await self._link.close(code, reason)
        except TimeoutError:
            pass  # websockets has a limit too, but not for sending to who reads nothing
        finally:
            self._link.transport.abort()
            await asyncio.gather(*self._tasks, self._link.wait_closed(), return_exceptions=True)

    def drop(self, detail: str) -> None:
        """Break the connection off, without a goodbye.

        Args:
            detail: Why, for the owner.
        """
        if self.closed is None:
            self._closed = Closed("us", None, "", self._call.shown(detail))
            self._link.transport.abort()

    def _encoded(self, operation: str, text: str | bytes) -> bytes:
        body: bytes | None
        try:
            body = text.encode() if isinstance(text, str) else text
        except UnicodeEncodeError:
            body = None
        most = self._options.sent_bytes
        if body is None:
            detail = "it is no Unicode: it has half of a surrogate pair"
        elif most is not None and len(body) > most:
            detail = f"it has {len(body)} bytes, and {self.host} takes no more than {most}"
        else:
            return body
        raise Rejected(self._call.channel_type, operation, detail, field="text")

    def _note(self, error: ConnectionClosed) -> None:
        if self._closed is None:
            self._closed = closed_by(error, self.host, self._call.shown)

    def _end(self, operation: str) -> SocketClosed:
        assert self.closed is not None
        return SocketClosed(self._call.channel_type, operation, self.closed)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        self._tasks.append(asyncio.create_task(work))

    def _heard(self) -> None:
        self._heard_at = self._clock.monotonic()

    async def _ping(self, every_s: float) -> None:
        while True:
            await self._clock.sleep(every_s)
            try:
                # Nobody waits for the answer: whatever comes is a sign of life.
                await self._link.ping()
            except ConnectionClosed:
                return

    async def _watch(self, silence_s: float) -> None:
        left_s = silence_s
        while left_s > 0:
            await self._clock.sleep(left_s)
            left_s = silence_s
            if self._waiting_since is not None:
                quiet_since = max(self._heard_at, self._waiting_since)
                left_s -= self._clock.monotonic() - quiet_since
        self.drop(f"nothing came from {self.host} for {silence_s:g} s")
