"""Who calls webhooks in the tests: as rudely as a test wants to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast
from urllib.parse import urlsplit

import attrs
import httpx

from cobot.net.webhooks import Inbox


@attrs.define(eq=False)
class Caller:
    """A connection on which bytes are written and read as they are."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def write(self, *pieces: bytes) -> None:
        """Send bytes."""
        self.writer.writelines(pieces)

    def read_no_more(self) -> None:
        """Leave in the network whatever comes."""
        cast(asyncio.Transport, self.writer.transport).pause_reading()

    async def read(self) -> bytes:
        """Return all that comes until the other side hangs up."""
        try:
            return await self.reader.read()
        except ConnectionError:
            return b""

    async def status(self) -> int:
        """Return the status of the next answer, and read its body."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        _, _, length = head.lower().partition(b"content-length: ")
        await self.reader.readexactly(int(length.split(b"\r\n")[0]))
        return int(head.split(b" ")[1])


@asynccontextmanager
async def calling(url: str) -> AsyncIterator[Caller]:
    """Connect to a server for the length of a block."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield Caller(reader, writer)
    finally:
        writer.transport.abort()


def post(url: str, body: bytes = b"", *headers: str, length: int | None = None) -> bytes:
    """Return a request as it goes over the line.

    Args:
        url: Where it goes.
        body: What is posted.
        headers: More lines of the head.
        length: What the head says of the body's length; None: the truth.
    """
    size = len(body) if length is None else length
    lines = [
        f"POST {urlsplit(url).path} HTTP/1.1",
        "Host: pigeon.test",
        f"Content-Length: {size}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def posted(url: str, body: bytes = b"coo") -> httpx.Response:
    """Post as a network does, and return the answer."""
    # No certificates are read for this: they take longer than all the rest.
    async with httpx.AsyncClient(verify=False, trust_env=False) as client:
        return await client.post(url, content=body)


def network(inbox: Inbox, *bodies: bytes) -> list[asyncio.Task[httpx.Response]]:
    """Post bodies at the same time; return who waits for the answers."""
    return [asyncio.create_task(posted(inbox.url, body)) for body in bodies]
