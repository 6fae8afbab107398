"""A WebSocket connection that can also misbehave; nothing of Discord's is in it.

It writes at once, when it is told to, and not when some task comes to it: what a test does
between two awaits reaches the wire in that order.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import cast

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from networks.web import reset

MOST_BYTES = 1024 * 1024
"""What a message from the client may have before the connection itself refuses it."""


class Socket(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self.is_deaf = False
        """Whether nothing that comes is read and nothing is written, as with a dead peer."""
        self.close_code: int | None = None
        """Why the client closed it; None: it did not, or did not say why."""
        self._is_closing = False
        self._protocol = ServerProtocol(max_size=MOST_BYTES)
        self._transport: asyncio.Transport | None = None
        self._parts: list[bytes] = []

    # --- what its owner fills in ---

    def refusal(self) -> HTTPStatus | None:
        """Return with what a handshake is refused; None: it is not."""
        return None

    def opened(self, path: str) -> None:
        """Take up a connection whose handshake is done."""

    def received(self, message: bytes) -> None:
        """Take a message."""

    def gone(self) -> None:
        """Take note that the connection has ended."""

    # --- what its owner does ---

    @property
    def is_open(self) -> bool:
        """Whether anything can be sent."""
        return self._transport is not None and self._protocol.state.name == "OPEN"

    def send(self, message: str | bytes) -> None:
        """Send a message; nobody hears it when the connection has ended."""
        if not self.is_open or self.is_deaf:
            return
        if isinstance(message, str):
            self._protocol.send_text(message.encode())
        else:
            self._protocol.send_binary(message)
        self._flush()

    def close(self, code: int, reason: str = "") -> None:
        """Close the connection as the protocol has it."""
        if self.is_open:
            self._is_closing = True
            self._protocol.send_close(code, reason)
            self._flush()

    def reset(self) -> None:
        """End the connection with a reset."""
        if self._transport is not None:
            reset(self._transport)

    # --- what the loop does ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection up."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._transport = None
        self.gone()

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self.is_deaf:
            return
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._shake_hands(event)
            else:
                self._take(cast(Frame, event))
        self._flush()

    def _shake_hands(self, request: Request) -> None:
        refusal = self.refusal()
        if refusal:
            response = self._protocol.reject(refusal, f"{refusal.value} {refusal.phrase}\n")
        else:
            response = self._protocol.accept(request)
        self._protocol.send_response(response)
        self._flush()
        if self.is_open:
            self.opened(request.path)

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            told = self._protocol.close_rcvd
            if told and not self._is_closing:  # else it only repeats what it was told
                self.close_code = told.code
        elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            self._parts.append(bytes(frame.data))
            if frame.fin:
                message = b"".join(self._parts)
                self._parts.clear()
                self.received(message)

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if self._transport is None:
                return
            if data:
                self._transport.write(data)
            else:
                self._transport.close()
