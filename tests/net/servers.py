"""Servers on this machine that do exactly what a test says, right or wrong.

A behaviour is a coroutine for a connection, which reads and writes bytes in any order. The
server of the fake networks is another thing: it keeps HTTP's rules, and serves handlers.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
from networks.web import reset


@attrs.frozen
class Request:
    """A request as it came."""

    method: str
    target: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def json(self) -> object:
        """Its body, taken apart."""
        return json.loads(self.body)


@attrs.define(eq=False)
class Peer:
    """One connection, from the server's side."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    server: Server
    number: int
    """Which connection it is, the first being 0."""

    async def read_head(self) -> tuple[str, str, dict[str, str]] | None:
        """Return method, target and headers of the next request; None: there is none."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        first, *lines = head.decode("latin-1").split("\r\n")[:-2]
        method, target, _ = first.split(" ", 2)
        pairs = (line.split(":", 1) for line in lines)
        return method, target, {name.lower(): value.strip() for name, value in pairs}

    async def read(self) -> Request | None:
        """Return the next request, read to its end; None: there is none."""
        head = await self.read_head()
        if head is None:
            return None
        method, target, headers = head
        if headers.get("transfer-encoding") == "chunked":
            body = await self._read_chunks()
        else:
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        request = Request(method, target, headers, body)
        self.server.requests.append(request)
        return request

    async def _read_chunks(self) -> bytes:
        body = b""
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            body += await self.reader.readexactly(size)
            await self.reader.readexactly(2)
        await self.reader.readexactly(2)
        return body

    async def write(self, *pieces: bytes) -> None:
        """Write bytes as they are."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def answer(
        self,
        body: bytes = b"{}",
        status: str = "200 OK",
        kind: str = "application/json",
        **headers: str,
    ) -> None:
        """Answer as a server should."""
        await self.write(answer(body, status, kind, **headers))

    def reset(self) -> None:
        """Break the connection off, without a farewell."""
        reset(self.writer.transport)


def answer(
    body: bytes = b"{}",
    status: str = "200 OK",
    kind: str = "application/json",
    **headers: str,
) -> bytes:
    """Return an answer; names of headers are written with `_`."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


Behaviour = Callable[[Peer], Awaitable[None]]


@attrs.define(eq=False)
class Server:
    """A server, and what it has seen."""

    behaviour: Behaviour
    scheme: str = "http"
    host: str = "127.0.0.1"
    port: int = 0
    requests: list[Request] = attrs.field(factory=list)
    connections: int = 0
    """How many were made."""
    open: int = 0
    """How many there are."""
    faults: list[Exception] = attrs.field(factory=list)
    changed: asyncio.Condition = attrs.field(factory=asyncio.Condition)
    tasks: set[asyncio.Task[None]] = attrs.field(factory=set)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{self.scheme}://{self.host}:{self.port}"

    async def until_open(self, number: int) -> None:
        """Wait until there are so many connections."""
        async with self.changed:
            await self.changed.wait_for(lambda: self.open == number)

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Begin to serve a connection."""
        # A task of our own: the one that asyncio makes is logged when it is cancelled.
        peer = Peer(reader, writer, self, self.connections)
        self.connections += 1
        self.tasks.add(asyncio.create_task(self._serve(peer)))

    async def _serve(self, peer: Peer) -> None:
        await self._count(1)
        try:
            await self.behaviour(peer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the other side went away
        except Exception as error:  # noqa: BLE001 -- told when the server is closed
            self.faults.append(error)
        finally:
            peer.writer.close()
            with contextlib.suppress(OSError):
                await peer.writer.wait_closed()
            await self._count(-1)

    async def _count(self, change: int) -> None:
        async with self.changed:
            self.open += change
            self.changed.notify_all()


@asynccontextmanager
async def serve(
    behaviour: Behaviour, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[Server]:
    """Run a server as long as the block."""
    server = Server(behaviour, "http" if tls is None else "https", host)
    listening = await asyncio.start_server(server.connected, host, 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for task in server.tasks:
            task.cancel()
        await asyncio.gather(*server.tasks, return_exceptions=True)
    assert server.faults == []


def always(response: bytes) -> Behaviour:
    """Answer each request with the same bytes, and keep the connection."""

    async def behave(peer: Peer) -> None:
        while await peer.read() is not None:
            await peer.write(response)

    return behave


def once(response: bytes) -> Behaviour:
    """Answer one request, and close."""

    async def behave(peer: Peer) -> None:
        await peer.read()
        await peer.write(response)

    return behave


async def hang(peer: Peer) -> None:
    """Read one request, and never answer."""
    await peer.read()
    await peer.reader.read()


async def echo(peer: Peer) -> None:
    """Answer with what was sent, and keep the connection."""
    while (request := await peer.read()) is not None:
        await peer.answer(request.body, kind="application/octet-stream")


def left_in(folder: Path) -> list[str]:
    """Return the names of what is in a folder."""
    return [path.name for path in folder.iterdir()]
