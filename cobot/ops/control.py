"""The control socket: how the other commands reach the bot that runs.

One JSON object a line each way; `cobot.ops.orders` says which. Nobody but the owner of the
workspace's files can connect. Each client has a task of its own: one that waits for its
message, or does not read, keeps no other waiting, and one that goes away leaves nothing
behind but the message that it had sent.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
from collections.abc import Callable
from pathlib import Path

from cobot.ops.orders import (
    EXIT_FAILED,
    EXIT_USAGE,
    Controlled,
    Response,
    Tell,
    carry_out,
    failure,
    with_texts,
)
from cobot.ops.socket_path import HAS_SOCKETS, LINE_MOST_BYTES, NAME, reachable

log = logging.getLogger(__name__)

QUEUE = 128
"""How many clients the system keeps until they are accepted."""


class Control:
    """Serves the control socket of a workspace that we own."""

    def __init__(
        self, workspace: Path, session: Controlled, *, redact: Callable[[str], str] = str
    ) -> None:
        """Serve nothing yet.

        Args:
            workspace: The folder. We must hold its lock: a socket that is there is replaced.
            session: Who carries out what is asked.
            redact: Takes the secrets out of what clients are told.
        """
        self._workspace = workspace
        self._session = session
        self._redact = redact
        self._server: asyncio.Server | None = None
        self._since = 0.0  # by the clock of the loop
        self._clients: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to serve. Where there can be no socket the log says so, and that is all."""
        if not HAS_SOCKETS:
            log.info("this system has no Unix sockets: no other command reaches this bot")
            return
        try:
            listening = _listen(self._workspace)
        except OSError as error:
            log.warning(
                "the control socket %s cannot be made: %s; no other command reaches this bot",
                self._workspace / NAME,
                error.strerror or error,
            )
            return
        self._since = asyncio.get_running_loop().time()
        self._server = await asyncio.start_unix_server(
            self._connected, sock=listening, limit=LINE_MOST_BYTES, backlog=QUEUE
        )

    async def stop(self) -> None:
        """End serving: the socket is gone, and who still waits is hung up on."""
        if self._server is None:
            return
        # The file first: who comes now finds nobody, and not somebody who hangs up.
        (self._workspace / NAME).unlink(missing_ok=True)
        self._server.close()
        self._server = None
        clients = set(self._clients)
        for client in clients:
            client.cancel()
        if clients:
            await asyncio.wait(clients)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # No coroutine: one that has not begun yet would be missed by a stop.
        if self._server is None:
            writer.transport.abort()
            return
        client = asyncio.create_task(self._serve(reader, writer), name="control")
        self._clients.add(client)
        client.add_done_callback(self._clients.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._converse(reader, writer)
        except ConnectionError:
            pass  # it is gone
        except asyncio.CancelledError:
            writer.transport.abort()  # without waiting until it has read what is left
        finally:
            writer.close()

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            try:
                line = await reader.readline()
            except ValueError:
                detail = f"the request has more than {LINE_MOST_BYTES} bytes"
                writer.write(_as_line(failure(detail, EXIT_USAGE)))
                return  # where the next one begins nobody knows
            if not line.endswith(b"\n"):
                return

            def tell(response: Response) -> None:
                writer.write(_as_line(with_texts(response, self._redact)))

            tell(await self._answer(line, tell))
            await writer.drain()

    async def _answer(self, line: bytes, tell: Tell) -> Response:
        try:
            request = json.loads(line)
        except (ValueError, RecursionError) as error:
            return failure(f"the request is no JSON: {error}", EXIT_USAGE)
        if not isinstance(request, dict):
            return failure("the request is no JSON object", EXIT_USAGE)
        response = await carry_out(self._session, request, tell)
        if request.get("do") == "status" and "ok" in response:
            response["ok"] = {**self._process(), **response["ok"]}
        return response

    def _process(self) -> Response:
        """Return what the session does not know of itself."""
        return {
            "pid": os.getpid(),
            "uptime_s": round(asyncio.get_running_loop().time() - self._since, 3),
            "workspace": str(self._workspace),
        }


def _as_line(response: Response) -> bytes:
    line = json.dumps(response).encode() + b"\n"
    if len(line) > LINE_MOST_BYTES:
        detail = f"the answer has more than {LINE_MOST_BYTES} bytes"
        return _as_line(failure(detail, EXIT_FAILED))
    return line


def _listen(workspace: Path) -> socket.socket:
    """Make the socket, which nobody else may use at any moment.

    Raises:
        OSError: It cannot be made.
    """
    place = workspace / NAME
    if place.is_socket():
        place.unlink()  # of an owner that was killed
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with reachable(workspace) as path:
            # Not 0o177: a folder that a thread makes just now would be one nobody can enter.
            before = os.umask(0o077)
            try:
                listening.bind(path)
            finally:
                os.umask(before)
        place.chmod(0o600)
        listening.listen(QUEUE)
    except BaseException:
        listening.close()
        raise
    return listening
