"""An HTTP/1.1 server that can also misbehave, for fake networks.

It is a protocol of asyncio and not a framework because a fake network has to do what
frameworks prevent: reset a connection at a chosen moment, answer half, or never.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Generic, TypeVar, cast

import attrs

HEAD_BYTES = 64 * 1024
"""A longer head is refused."""


def reset(transport: asyncio.WriteTransport) -> None:
    """End a connection so that the peer sees an error and not an end."""
    sock = transport.get_extra_info("socket")
    with contextlib.suppress(OSError):  # it is closed already
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class Resettable(asyncio.Protocol, ABC):
    """A connection."""

    @abstractmethod
    def reset(self) -> None:
        """End the connection with a reset."""


ConnectionT = TypeVar("ConnectionT", bound=Resettable)


class Listener(ABC, Generic[ConnectionT]):
    """Listens on localhost."""

    def __init__(self) -> None:
        self.port = 0
        self.connections: set[ConnectionT] = set()
        """Those that are open."""
        self._server: asyncio.Server | None = None

    @abstractmethod
    def connection(self) -> ConnectionT:
        """Return a new connection, which is still to add itself to those that are open."""

    async def listen(self, port: int = 0) -> None:
        """Accept connections; the second time on the same port as before."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self.connection, "127.0.0.1", port or self.port, backlog=1024
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Accept no more connections; those that are open stay."""
        if self._server:
            self._server.close()
            self._server = None

    def drop_all(self) -> None:
        """Reset every open connection."""
        for connection in [*self.connections]:
            connection.reset()

    async def close(self) -> None:
        """Refuse, drop, and wait until the loop has let go of the sockets."""
        self.refuse()
        while self.connections:
            self.drop_all()
            await asyncio.sleep(0)


@attrs.frozen
class Head:
    """A request without its body."""

    method: str
    path: str
    """Percent-encoded, as it came."""
    query: str
    headers: Mapping[str, str]
    """Names in lower case."""


@attrs.frozen
class Request(Head):
    """A request."""

    body: bytes


@attrs.frozen
class Response:
    """What is answered."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = attrs.field(factory=dict)

    def encoded(self, *, close: bool = False) -> bytes:
        """Return the bytes that go over the wire."""
        lines = [
            f"HTTP/1.1 {self.status} {reason(self.status)}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body)}",
            f"Connection: {'close' if close else 'keep-alive'}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + self.body


def reason(status: int) -> str:
    """Return the words of a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


class Exchange:
    """A request and the way of its answer. Whoever holds it may answer later, once."""

    __slots__ = ("_connection", "is_over", "on_gone", "request")

    def __init__(self, connection: Connection, request: Request) -> None:
        self.request = request
        self.is_over = False
        """Whether it was answered, or the client has gone."""
        self.on_gone: Callable[[], None] | None = None
        """Called when the client goes before it has its answer."""
        self._connection = connection

    def answer(self, response: Response) -> None:
        """Answer; nobody hears it when the client has gone."""
        if not self.is_over:
            self._end()
            self._connection.write(response)

    def cut(self, response: Response) -> None:
        """Answer with half of the body, then reset."""
        if not self.is_over:
            self._end()
            whole = response.encoded()
            self._connection.cut(whole[: len(whole) - (len(response.body) + 1) // 2])

    def reset(self) -> None:
        """Reset the connection instead of an answer."""
        if not self.is_over:
            self._end()
            self._connection.reset()

    def gone(self) -> None:
        """Take note that the client has gone."""
        if not self.is_over:
            self._end()
            if self.on_gone:
                self.on_gone()

    def _end(self) -> None:
        self.is_over = True


class Refused(Exception):
    """A request that is answered before it is read further."""

    def __init__(self, status: int) -> None:
        super().__init__(f"refused with {status}")
        self.status = status


class Connection(Resettable):
    """One client. Its requests are served one after the other, as HTTP/1.1 has it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._buffer = bytearray()
        self._head: Head | None = None
        self._body = bytearray()
        self._left = 0  # bytes of the body yet to come; of chunked ones: of the chunk
        self._is_chunked = False
        self._is_chunk_open = False  # its line end is yet to come
        self._body_size = 0
        self._exchange: Exchange | None = None
        self._is_parsing = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection up."""
        self._transport = cast(asyncio.Transport, transport)
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._server.connections.discard(self)
        self._transport = None
        if self._exchange:
            self._exchange.gone()

    def data_received(self, data: bytes) -> None:
        """Read on."""
        self._buffer += data
        self._advance()

    def write(self, response: Response) -> None:
        """Send an answer and go on with what the client asked meanwhile."""
        self._exchange = None
        if self._transport is None:
            return
        self._transport.write(response.encoded())
        self._advance()

    def cut(self, part: bytes) -> None:
        """Send the beginning of an answer and end the connection before its end."""
        if self._transport:
            # A reset could overtake what was written: an end is enough, the length is wrong.
            self._transport.write(part)
            self._transport.close()

    def reset(self) -> None:
        """End the connection with a reset."""
        if self._transport is not None:
            reset(self._transport)

    def _advance(self) -> None:
        """Serve what is complete, until an answer has to be waited for."""
        if self._is_parsing:
            return  # an answer was given at once: the loop below goes on by itself
        self._is_parsing = True
        try:
            while self._transport and not self._exchange:
                if self._head is None and not self._read_head():
                    return
                if not self._read_body():
                    return
                self._serve()
        except Refused as refusal:
            if self._transport:
                self._transport.write(Response(refusal.status).encoded(close=True))
                self._transport.close()
        finally:
            self._is_parsing = False

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > HEAD_BYTES:
                raise Refused(431)
            return False
        head = parse_head(bytes(self._buffer[:end]))
        del self._buffer[: end + 4]
        if not self._server.admit(head):
            self.reset()
            return False
        self._head = head
        self._body = bytearray()
        self._body_size = 0
        self._is_chunked = head.headers.get("transfer-encoding", "").lower() == "chunked"
        length = head.headers.get("content-length", "0")
        if not length.isdecimal():
            raise Refused(400)
        self._left = 0 if self._is_chunked else int(length)
        if head.headers.get("expect", "").lower() == "100-continue" and self._transport:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def _read_body(self) -> bool:
        if self._is_chunked:
            return self._read_chunks()
        return self._take()

    def _take(self) -> bool:
        """Move what has come of the body or chunk; return whether it is complete."""
        part = self._buffer[: self._left]
        del self._buffer[: self._left]
        self._left -= len(part)
        self._body_size += len(part)
        # What is too large is read all the same: a client that still writes would never see
        # its 413.
        if self._body_size <= self._server.body_bytes:
            self._body += part
        return self._left == 0

    def _read_chunks(self) -> bool:
        while True:
            if self._left and not self._take():
                return False
            if self._is_chunk_open:
                if len(self._buffer) < 2:
                    return False
                del self._buffer[:2]
                self._is_chunk_open = False
            end = self._buffer.find(b"\r\n")
            if end < 0:
                return False
            try:
                self._left = int(self._buffer[:end].split(b";")[0], 16)
            except ValueError:
                raise Refused(400) from None
            if self._left == 0:
                return self._skip_trailers(end)
            del self._buffer[: end + 2]
            self._is_chunk_open = True

    def _skip_trailers(self, start: int) -> bool:
        end = self._buffer.find(b"\r\n\r\n", start)
        if end >= 0:
            del self._buffer[: end + 4]
        return end >= 0

    def _serve(self) -> None:
        head, self._head = self._head, None
        assert head
        request = Request(head.method, head.path, head.query, head.headers, bytes(self._body))
        self._body = bytearray()
        self._exchange = Exchange(self, request)
        if self._body_size > self._server.body_bytes:
            self._exchange.answer(self._server.too_large)
        else:
            self._server.serve(self._exchange)


def parse_head(head: bytes) -> Head:
    """Read a request's first line and headers.

    Raises:
        Refused: It is not HTTP/1.
    """
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise Refused(400)
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise Refused(400)
        headers[name.strip().lower()] = value.strip()
    path, _, query = words[1].partition("?")
    return Head(words[0], path, query, headers)


class Server(Listener[Connection]):
    """Listens on localhost and hands every request to a function.

    Args:
        handle: Gets every request that is complete; answers it, at once or later.
        admit: Decides by the head whether a request is read; what is not is reset.
        body_bytes: What a body may have.
        too_large: Answers what has more.
    """

    def __init__(
        self,
        handle: Callable[[Exchange], None],
        *,
        admit: Callable[[Head], bool] = lambda head: True,
        body_bytes: int = 64 * 1024 * 1024,
        too_large: Response = Response(413),
    ) -> None:
        super().__init__()
        self.handle = handle
        self.admit = admit
        self.body_bytes = body_bytes
        self.too_large = too_large
        self.crash: Exception | None = None
        """What the function itself did wrong; tests must not pass then."""

    def serve(self, exchange: Exchange) -> None:
        """Have a request answered."""
        try:
            self.handle(exchange)
        except Exception as error:  # noqa: BLE001 - told when the network closes
            self.crash = error
            exchange.answer(Response(500, repr(error).encode(), "text/plain"))

    def connection(self) -> Connection:
        """Return a new connection."""
        return Connection(self)
