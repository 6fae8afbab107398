"""Ports that are open, each shared by all channels that want a path on it.

uvicorn speaks HTTP. It is used from below: its connections on our loop, without its `Server`,
which would take the process's signals and look around ten times a second.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from email.utils import format_datetime
from typing import Any, Protocol
from urllib.parse import parse_qsl

import attrs
import httpx
from uvicorn.config import Config
from uvicorn.server import ServerState

from cobot.clock import Clock
from cobot.net.connections import Connection
from cobot.net.requests import LATER, Reply, Request

LAST_PORT = 65535

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


@attrs.frozen
class ServerOptions:
    """How a port behaves; all who share it have to want the same."""

    body_bytes: int = 1024 * 1024
    """The longest body; a longer one is answered with 413."""
    head_bytes: int = 16 * 1024
    """The longest head: address and headers together; a longer one is answered with 431,
    or, while it is still coming, with 400."""
    read_s: float = 10.0
    """Until all of a request is here, in seconds; then 408."""
    idle_s: int = 75
    """How long a connection is kept on which nothing is asked, in seconds."""
    connections: int = 256
    """How many connections there may be; who comes then is answered with 503, and who comes
    when there are twice as many with nothing."""
    stop_s: float = 2.0
    """Until the last answers have left when the port is closed, in seconds."""
    trusted_proxies: tuple[str, ...] = ()
    """Whose `X-Forwarded-For` is believed: addresses or networks, as `10.0.0.0/8`."""


USUAL = ServerOptions()
"""Enough for a network's webhooks; no proxy is believed."""


class PortRefused(Exception):
    """There is no such port for us. The text says why, and what to do."""


class Route(Protocol):
    """What is behind a path."""

    methods: Collection[str]
    """Which are answered; the others with 405."""

    async def take(self, request: Request) -> Reply:
        """Take a request and return what is said to it."""
        ...


class Server:
    """An open port."""

    def __init__(self, options: ServerOptions, clock: Clock) -> None:
        """Open nothing yet."""
        self.options = options
        self.routes: dict[str, Route | None] = {}
        """What is behind each path; None: somebody was, and may come back."""
        self.holders = 0
        self.port = 0
        self._clock = clock
        self._state = ServerState()
        self._is_closing = False
        self._lost_one = asyncio.Event()
        self._config = Config(
            self._answer,
            loop="none",
            http="h11",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=True,  # to switch it off here would change a logger of the process
            proxy_headers=bool(options.trusted_proxies),
            forwarded_allow_ips=list(options.trusted_proxies),
            limit_concurrency=options.connections + 1,  # it counts who is asking, too
            timeout_keep_alive=options.idle_s,
            h11_max_incomplete_event_size=options.head_bytes,
        )
        self._config.load()

    async def open(self, host: str, port: int) -> None:
        """Listen.

        Raises:
            OSError: It is not to be had.
        """
        loop = asyncio.get_running_loop()
        # In two steps: cancelled in the second, it can still be closed.
        self._listener = await loop.create_server(
            self._connection, host, port, start_serving=False
        )
        try:
            self.port = self._listener.sockets[0].getsockname()[1]
            await self._listener.start_serving()
        except BaseException:
            self._listener.close()
            raise

    async def close(self) -> None:
        """Listen no more, let the answers leave, and close all connections.

        What has not arrived in full was not received, and is cut off.
        """
        self._is_closing = True
        self._listener.close()
        for connection in self._connections:
            if connection.awaits_answer:
                connection.shutdown()
            else:
                connection.transport.close()
        try:
            async with asyncio.timeout(self.options.stop_s):
                await self._until_all_are_lost()
        except TimeoutError:
            pass  # somebody does not read what we say
        finally:
            for connection in self._connections:
                connection.transport.abort()
        await self._until_all_are_lost()
        await asyncio.gather(*self._state.tasks, return_exceptions=True)
        await self._listener.wait_closed()

    def url(self, host: str) -> str:
        """Return where it is, for somebody who called it by this host."""
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def _connections(self) -> list[Connection]:
        return [one for one in self._state.connections if isinstance(one, Connection)]

    def _connection(self) -> Connection:
        return Connection(
            self._config,
            self._state,
            read_s=self.options.read_s,
            may_stay=self._may_stay,
            on_lost=self._lost_one.set,
        )

    def _may_stay(self) -> bool:
        is_crowded = len(self._state.connections) > 2 * self.options.connections
        return not self._is_closing and not is_crowded

    async def _until_all_are_lost(self) -> None:
        while self._state.connections:
            self._lost_one.clear()
            await self._lost_one.wait()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        reply = await self._reply(scope, receive)
        if reply is None:
            return  # nobody is there any more
        has_body = reply.status not in (204, 304)
        body = reply.body if has_body else b""
        headers = {
            "date": format_datetime(self._clock.now(), usegmt=True),
            **({"content-type": "text/plain; charset=utf-8"} if body else {}),
            **{name.lower(): value for name, value in reply.headers.items()},
            "content-length": str(len(body)),
        }
        if not has_body:
            del headers["content-length"]
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": raw})
        await send({"type": "http.response.body", "body": body})

    async def _reply(self, scope: Scope, receive: Receive) -> Reply | None:
        if self._head_bytes(scope) > self.options.head_bytes:
            return Reply(431)
        if scope["path"] not in self.routes:
            return Reply(404)
        route = self.routes[scope["path"]]
        if route is None:
            return LATER
        if scope["method"] not in route.methods:
            return Reply(405, b"", {"Allow": ", ".join(route.methods)})
        headers = httpx.Headers(scope["headers"])
        body = await self._body(headers, receive)
        if body is None or isinstance(body, Reply):
            return body
        return await route.take(self._request(scope, headers, body))

    async def _body(self, headers: httpx.Headers, receive: Receive) -> bytes | Reply | None:
        """Return all of it, or why not; None: its sender has gone."""
        most = self.options.body_bytes
        if int(headers.get("content-length", 0)) > most:
            return Reply(413)
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return None
            body += message["body"]
            if len(body) > most:
                return Reply(413)
            if not message["more_body"]:
                return bytes(body)

    def _request(self, scope: Scope, headers: httpx.Headers, body: bytes) -> Request:
        query = scope["query_string"].decode("latin-1")
        sender = scope["client"]
        return Request(
            scope["method"],
            scope["path"],
            dict(parse_qsl(query, keep_blank_values=True)),
            headers,
            body,
            sender[0] if sender else "",
            self._clock.now(),
            asyncio.get_running_loop().create_future(),
        )

    def _head_bytes(self, scope: Scope) -> int:
        # As a limit for what is incomplete, uvicorn's lets pass what comes all at once.
        headers = sum(len(name) + len(value) + 4 for name, value in scope["headers"])
        return headers + len(scope["raw_path"]) + len(scope["query_string"])


class Ports:
    """The open ports of a process, or of as much of it as wants to share them."""

    def __init__(self) -> None:
        """Open nothing yet."""
        self._servers: dict[tuple[str, int], Server] = {}
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def hold(
        self, host: str, port: int, options: ServerOptions, clock: Clock
    ) -> AsyncIterator[Server]:
        """Hold a port for the length of a block. Who leaves last closes it.

        Args:
            host: The address or name to listen at.
            port: The port; 0: any that is free, for the caller alone until its number is told.
            options: How it behaves.
            clock: The time of day, for `Date`.

        Raises:
            PortRefused: It is not to be had.
        """
        async with self._lock:
            server = self._servers.get((host, port))
            if server is None:
                server = await self._open(host, port, options, clock)
            if server.options != options:
                raise PortRefused("others share this port and want other options; agree")
            server.holders += 1
        try:
            yield server
        finally:
            server.holders -= 1
            if not server.holders:
                del self._servers[host, server.port]
                await server.close()

    async def _open(self, host: str, port: int, options: ServerOptions, clock: Clock) -> Server:
        if not 0 <= port <= LAST_PORT:  # uvloop would take another one
            raise PortRefused(f"ports go from 0 to {LAST_PORT}; choose one of them")
        server = Server(options, clock)
        try:
            await server.open(host, port)
        except OSError as error:
            raise PortRefused(f"{_why(error)}; choose another, or stop who has it") from None
        self._servers[host, server.port] = server
        return server


def _why(error: OSError) -> str:
    if isinstance(error, socket.gaierror) or error.errno is None:
        return error.strerror or "no such address"
    return os.strerror(error.errno)  # asyncio's own text says the address again
