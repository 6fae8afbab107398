"""The other side of a WebSocket: a proper one, and pieces of one to do things wrong with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import attrs
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websockets
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close
from websockets.typing import Subprotocol
from websockets.utils import accept_key

from net.servers import Peer

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA


@attrs.define(eq=False)
class Gateway:
    """A proper server, and what it was told."""

    url: str = ""
    links: list[ServerConnection] = attrs.field(factory=list)
    heard: asyncio.Queue[str | bytes] = attrs.field(factory=asyncio.Queue)
    """What was sent to it."""
    goodbyes: asyncio.Queue[Close | None] = attrs.field(factory=asyncio.Queue)
    """How its connections were closed by the other side."""

    @property
    def link(self) -> ServerConnection:
        """The newest connection."""
        return self.links[-1]

    async def listen(self, link: ServerConnection) -> None:
        """Take what comes on a connection, until its end."""
        self.links.append(link)
        try:
            async for message in link:
                self.heard.put_nowait(message)
            await link.wait_closed()
        except ConnectionClosed:
            pass
        self.goodbyes.put_nowait(link.protocol.close_rcvd)


@asynccontextmanager
async def gateway(*subprotocols: str) -> AsyncIterator[Gateway]:
    """Run a proper server for the length of a block."""
    made = Gateway()
    speaks = [Subprotocol(one) for one in subprotocols] or None
    async with serve_websockets(made.listen, "127.0.0.1", 0, subprotocols=speaks) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        made.url = f"ws://127.0.0.1:{port}"
        yield made


async def accept(peer: Peer) -> dict[str, str]:
    """Open a WebSocket from the server's side; return the headers of the request."""
    head = await peer.read_head()
    assert head is not None
    key = accept_key(head[2]["sec-websocket-key"])
    await peer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + f"Sec-WebSocket-Accept: {key}\r\n\r\n".encode()
    )
    return head[2]


def frame(kind: int, body: bytes, *, length: int | None = None, last: bool = True) -> bytes:
    """Return a frame as a server writes it; `length` is what it says of itself."""
    told = len(body) if length is None else length
    first = (0x80 if last else 0) | kind
    if told < 126:
        return bytes([first, told]) + body
    return bytes([first, 127]) + told.to_bytes(8, "big") + body


def farewell(code: int, reason: str = "") -> bytes:
    """Return a close frame as a server writes it."""
    return frame(CLOSE, code.to_bytes(2, "big") + reason.encode())


def accepts(*pieces: bytes) -> Callable[[Peer], Awaitable[None]]:
    """Open the WebSocket, write bytes as they are, and wait for the other side to go."""

    async def behave(peer: Peer) -> None:
        await accept(peer)
        await peer.write(*pieces)
        await peer.reader.read()

    return behave


def breaks_off(*pieces: bytes, reset: bool = False) -> Callable[[Peer], Awaitable[None]]:
    """Open the WebSocket, write bytes as they are, and hang up."""

    async def behave(peer: Peer) -> None:
        await accept(peer)
        await peer.write(*pieces)
        if reset:
            peer.reset()

    return behave


def tasks_of_ours() -> list[str]:
    """Return the names of what runs in tasks that cobot made."""
    names = [getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()]
    return [name for name in names if name.startswith(("Socket.", "Heartbeat."))]
