"""A way to any server over TCP that can be cut."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from types import TracebackType
from typing import Self

CHUNK_BYTES = 65536


class Proxy:
    """Stands between a channel and its server on this machine, and breaks the way.

    async with Proxy(server_port) as proxy:
        ...  # let the channel connect to proxy.port
        await proxy.cut()
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        """Lead to a server; it need not be there yet."""
        self.port = 0
        """Where the proxy listens on 127.0.0.1; the same after `cut` and `mend`."""
        self._target = host, port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.mend()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.cut()

    async def mend(self) -> None:
        """Take connections, again or for the first time."""
        if self._server is None:
            self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Break every connection, and refuse new ones until `mend`."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.drop()
        while self._writers:  # noqa: ASYNC110 -- each is let go by the task that serves it
            await asyncio.sleep(0.001)

    def drop(self) -> None:
        """Break every connection; new ones are taken."""
        for writer in self._writers:
            writer.transport.abort()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # No coroutine: a task that is cancelled before it begins would never close this.
        self._writers.add(writer)
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there: asyncio.StreamWriter | None = None
        try:
            back, there = await asyncio.open_connection(*self._target)
            self._writers.add(there)
            await asyncio.gather(_pass_on(reader, there), _pass_on(back, writer))
        except OSError:
            pass  # the server is not there: the channel finds its connection closed
        finally:
            for one in (writer, there):
                if one is not None:
                    one.transport.abort()
                    self._writers.discard(one)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on until the end, or until either side breaks."""
    with contextlib.suppress(OSError):
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
            return
    with contextlib.suppress(OSError, AttributeError):
        sock: socket.socket = writer.get_extra_info("socket")
        sock.shutdown(socket.SHUT_RDWR)
