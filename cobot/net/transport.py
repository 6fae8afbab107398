"""The transport in the slot: connections by aiohttp, under httpx's objects.

httpx's own transport takes ten times the processor time of this one, and httpx-aiohttp's a
fifth more; that one also calls nearly every failure a timeout of connecting. Whatever comes
in its place has to raise httpx's exceptions with their own meaning, to tell the length of a
body that has one, and to do each request once.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import lru_cache
from typing import TypeAlias
from weakref import WeakSet

import aiohttp
import httpx
from multidict import CIMultiDict
from yarl import URL

KEEP_ALIVE_S = 15.0
"""How long an idle connection is kept, in seconds. Servers close theirs after 60 or more, and
a request that meets the closing cannot be told from one that was carried out."""

UNTAKEN_MS = 120_000
"""After so many milliseconds in which the other side took nothing of what was sent the system
gives a connection up."""

LINE_BYTES = 64 * 1024
"""The longest header that is taken."""

Guard: TypeAlias = Callable[[str], bool]
"""Says whether we may connect to an IP address."""


class Connections(httpx.AsyncBaseTransport):
    """Connections to any number of servers, made when they are needed.

    Of the extensions of a request it knows the `timeout` of `connect`.
    """

    def __init__(
        self,
        *,
        most: int,
        tls: ssl.SSLContext | None,
        proxy: str | None = None,
        guard: Guard | None = None,
    ) -> None:
        """Connect to nothing yet.

        Args:
            most: How many connections there may be at a time.
            tls: How encrypted connections are made; None: none is going to be.
            proxy: Carries all of them.
            guard: Is asked before each connection. With one no connection is kept.
        """
        self._most = most
        self._tls = tls
        self._proxy = proxy
        self._guard = guard
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; return as soon as the head of its answer is there."""
        session = self._session or self._open()
        stream = request.stream
        body = b"".join(stream) if isinstance(stream, httpx.ByteStream) else stream
        try:
            answer = await session.request(
                request.method,
                # As it is: an address may be signed.
                URL(str(request.url), encoded=True),
                headers=_headers(request),
                data=body or None,
                allow_redirects=False,
                timeout=_time_limits(request.extensions["timeout"]["connect"]),
                middlewares=() if request.method == "POST" else (_once,),
            )
        except aiohttp.ClientError as error:
            raise _meaning(error) from error
        return httpx.Response(answer.status, headers=answer.raw_headers, stream=_Body(answer))

    async def aclose(self) -> None:
        """Close all connections, those in use too."""
        # A transport of asyncio that has something left to write does not close before it is
        # written, and if nobody reads it never does.
        for one in self._sockets:
            with suppress(OSError):  # it is closed, or not connected yet
                one.shutdown(socket.SHUT_RDWR)
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        # Not in the constructor: it needs a running loop.
        is_kept = self._guard is None
        connector = aiohttp.TCPConnector(
            limit=self._most,
            ssl=True if self._tls is None else self._tls,
            force_close=not is_kept,
            keepalive_timeout=KEEP_ALIVE_S if is_kept else None,
            socket_factory=self._make_socket,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            proxy=self._proxy,
            auto_decompress=False,
            max_line_size=LINE_BYTES,
            max_field_size=LINE_BYTES,
        )
        return self._session

    def _make_socket(self, address: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, where = address
        host = str(where[0])
        # Asked now and not when the name was looked up: it may stand for another address each
        # time.
        if self._guard is not None and not self._guard(host):
            raise PermissionError(f"{host} is not allowed")
        made = socket.socket(family, kind, protocol)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # Else what nobody takes stays in the system's buffers, and the connection with it.
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNTAKEN_MS)
        self._sockets.add(made)
        return made


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._answer.content.iter_any():
                yield piece
        except aiohttp.ClientError as error:
            raise _meaning(error) from error

    async def aclose(self) -> None:
        # A connection whose answer was not read to its end is closed by this, and not kept.
        self._answer.release()
        await self._answer.wait_for_close()


def _headers(request: httpx.Request) -> CIMultiDict[str]:
    # Not `items()`, which finds out first how all of them are encoded.
    headers = CIMultiDict(
        [(name.decode("ascii"), value.decode()) for name, value in request.headers.raw]
    )
    # That is aiohttp's business.
    headers.popall("Transfer-Encoding", None)
    return headers


@lru_cache
def _time_limits(connect_s: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=connect_s)


class _Disconnected(aiohttp.ClientError):
    """In place of those two on which aiohttp sends a request once more."""


async def _once(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    # aiohttp repeats GET, PUT, DELETE and the like by itself. Whether something may be done
    # twice is for the caller to say.
    try:
        return await send(request)
    except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _Disconnected from error


def _meaning(error: aiohttp.ClientError) -> httpx.TransportError:
    # In this order: most of them are subclasses of another.
    match error:
        case aiohttp.ConnectionTimeoutError():
            return httpx.ConnectTimeout("")
        case aiohttp.ClientHttpProxyError():
            return httpx.ProxyError("")
        case aiohttp.ClientConnectorError():
            return httpx.ConnectError("")
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return httpx.UnsupportedProtocol("")
        case aiohttp.ClientResponseError():
            return httpx.RemoteProtocolError("")
        case _:
            return httpx.ReadError("")
