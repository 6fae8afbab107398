"""A WebSocket server (RFC 6455) that can also misbehave, for fake networks.

As `networks.web`, it is a protocol of asyncio and no library: a fake network has to fall
silent, or to reset a connection, at a chosen moment.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import struct
from collections.abc import Callable
from enum import IntEnum
from typing import cast

from networks.web import (
    HEAD_BYTES,
    Head,
    Listener,
    Refused,
    Resettable,
    Response,
    parse_head,
    reset,
)

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""What the RFC appends to a client's key."""


class Opcode(IntEnum):
    """What a frame is."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


class ProtocolError(Exception):
    """A client broke the protocol.

    Args:
        code: With which its connection is closed.
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Socket(Resettable):
    """One client's connection."""

    def __init__(self, server: SocketServer) -> None:
        self.is_open = False
        """Whether it is a WebSocket by now, and neither side has begun to close it."""
        self.close_code: int | None = None
        """With which the client closed; None: it has not, or it said none."""
        self.on_text: Callable[[str], None] = lambda text: None
        self.on_pong: Callable[[], None] = lambda: None
        self.on_gone: Callable[[], None] = lambda: None
        """Called once, when the connection has ended, however it did."""
        self._server = server
        self._buffer = bytearray()
        self._parts = bytearray()  # of a message that came in fragments
        self._transport: asyncio.Transport | None = None
        self._is_upgraded = False
        self._is_frozen = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection up."""
        self._transport = cast(asyncio.Transport, transport)
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self.is_open = False
        self._transport = None
        self._server.connections.discard(self)
        self.on_gone()

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._is_frozen:
            return
        self._buffer += data
        if not self._is_upgraded:
            self._upgrade()
        try:
            while self._is_upgraded and self._read_frame():
                pass
        except ProtocolError as error:
            self.close(error.code, str(error))

    # --- what the server does ---

    def send(self, text: str) -> None:
        """Send a message; nobody hears it when the client has gone."""
        self._write(Opcode.TEXT, text.encode())

    def send_bytes(self, content: bytes) -> None:
        """Send a binary message."""
        self._write(Opcode.BINARY, content)

    def ping(self, payload: bytes = b"") -> None:
        """Ask for a sign of life."""
        self._write(Opcode.PING, payload)

    def close(self, code: int = 1000, why: str = "") -> None:
        """Begin to close; the client's answer ends the connection."""
        self._write(Opcode.CLOSE, struct.pack("!H", code) + why.encode())
        self.is_open = False

    def reset(self) -> None:
        """End the connection with a reset."""
        if self._transport is not None:
            reset(self._transport)

    def freeze(self) -> None:
        """Say and hear nothing any more, as when a cable is pulled. The connection stays."""
        self._is_frozen = True

    # --- frames ---

    def _write(self, opcode: Opcode, payload: bytes) -> None:
        if self._transport and self.is_open and not self._is_frozen:
            self._transport.write(frame(opcode, payload))

    def _read_frame(self) -> bool:
        """Take one frame off the buffer; return whether a whole one was there."""
        parsed = parse_frame(self._buffer, self._server.message_bytes)
        if parsed is None:
            return False
        is_last, opcode, payload, size = parsed
        del self._buffer[:size]
        if opcode is Opcode.PING:
            self._write(Opcode.PONG, payload)
        elif opcode is Opcode.PONG:
            self.on_pong()
        elif opcode is Opcode.CLOSE:
            self._closed(payload)
            return False
        else:
            self._parts += payload
            if is_last:
                whole, self._parts = bytes(self._parts), bytearray()
                self.on_text(_text(whole))
        return True

    def _closed(self, payload: bytes) -> None:
        if len(payload) >= 2:
            (self.close_code,) = struct.unpack("!H", payload[:2])
        self._write(Opcode.CLOSE, payload[:2])
        self.is_open = False
        if self._transport:
            self._transport.close()

    # --- the beginning ---

    def _upgrade(self) -> None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 and len(self._buffer) <= HEAD_BYTES:
            return
        try:
            if end < 0:
                raise Refused(431)
            head = parse_head(bytes(self._buffer[:end]))
            key = handshake_key(head)
        except Refused as refused:
            self._refuse(Response(refused.status))
            return
        del self._buffer[: end + 4]
        if refusal := self._server.admit(head):
            self._refuse(refusal)
            return
        assert self._transport
        self._transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept_key(key).encode() + b"\r\n\r\n"
        )
        self._is_upgraded = self.is_open = True
        self._server.opened(self, head)

    def _refuse(self, response: Response) -> None:
        if self._transport:
            self._transport.write(response.encoded(close=True))
            self._transport.close()


def handshake_key(head: Head) -> str:
    """Return the key of a client that asks for a WebSocket.

    Raises:
        Refused: It asks for something else.
    """
    is_asked = "upgrade" in head.headers.get("connection", "").lower()
    if not is_asked or head.headers.get("upgrade", "").lower() != "websocket":
        raise Refused(426)
    key = head.headers.get("sec-websocket-key", "")
    if not key or head.headers.get("sec-websocket-version") != "13":
        raise Refused(400)
    return key


def accept_key(key: str) -> str:
    """Return the answer to a client's key."""
    return base64.b64encode(hashlib.sha1(f"{key}{GUID}".encode()).digest()).decode()


def frame(opcode: Opcode, payload: bytes) -> bytes:
    """Return the bytes of a server's frame."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", 0x80 | opcode, 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 127, size)
    return head + payload


def parse_frame(buffer: bytearray, most_bytes: int) -> tuple[bool, Opcode, bytes, int] | None:
    """Read a client's frame at the beginning of a buffer.

    Returns:
        Whether it is its message's last, what it is, its payload, and its size in the buffer;
        None: it is not whole yet.

    Raises:
        ProtocolError: It is none that a client may send.
    """
    if len(buffer) < 2:
        return None
    first, second = buffer[0], buffer[1]
    if first & 0x70:
        raise ProtocolError(1002, "reserved bits are set")
    if not second & 0x80:
        raise ProtocolError(1002, "a client has to mask its frames")
    try:
        opcode = Opcode(first & 0x0F)
    except ValueError:
        raise ProtocolError(1002, "unknown opcode") from None
    size, start = second & 0x7F, 2
    if size >= 126:
        start = 4 if size == 126 else 10
        if len(buffer) < start:
            return None
        size = int.from_bytes(buffer[2:start], "big")
    if size > most_bytes:
        raise ProtocolError(1009, "the message is too big")
    end = start + 4 + size
    if len(buffer) < end:
        return None
    mask = buffer[start : start + 4]
    payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(buffer[start + 4 : end]))
    return bool(first & 0x80), opcode, payload, end


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise ProtocolError(1007, "the message is not UTF-8") from None


class SocketServer(Listener[Socket]):
    """Accepts WebSockets on localhost.

    Args:
        opened: Gets every new connection and the head of its request.
        admit: Returns the answer to a request that is refused; None: it is not.
        message_bytes: What a frame may have.
    """

    def __init__(
        self,
        opened: Callable[[Socket, Head], None],
        *,
        admit: Callable[[Head], Response | None] = lambda head: None,
        message_bytes: int = 1024 * 1024,
    ) -> None:
        super().__init__()
        self.opened = opened
        self.admit = admit
        self.message_bytes = message_bytes

    def connection(self) -> Socket:
        """Return a new connection."""
        return Socket(self)
