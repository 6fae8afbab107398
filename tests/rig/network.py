"""A chat network on a real socket, which keeps its rules and fails at command.

One connection a request: a line of JSON, answered by a line of JSON. `poll` waits for
messages from an offset on; what lies before the offset is confirmed and never handed over
again, everything else is. `send` posts a message; what the network offers against a repeated
send is its mode. `find` looks a sent message up by its key.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Collection, Mapping
from enum import Enum
from types import TracebackType
from typing import Any, Literal, TypeAlias

import attrs

from rig.control import Boundary

Mode: TypeAlias = Literal["none", "key", "lookup"]
"""What keeps a repeated send from appearing twice: nothing, its key, or looking it up."""

MODES: tuple[Mode, ...] = ("none", "key", "lookup")
LINE_BYTES = 4 * 1024 * 1024


class Fault(Enum):
    """How a request fails."""

    RESET = "connection closed before the request is read"
    LOST = "request taken, connection closed before the answer"
    HANG = "connection open, nothing happens any more"
    LIMIT = "429"
    REFUSED = "403"


@attrs.define(eq=False)
class Trouble:
    """A fault that stands until it has hit often enough, or is ended."""

    fault: Fault
    times: int | None = None
    """How many requests it hits; None: all."""
    calls: Collection[str] = ("poll", "send", "find")
    chats: Collection[str] | None = None
    """Which chats' sends it hits; None: all."""
    retry_after_s: float = 1.0
    hits: int = 0

    def end(self) -> None:
        """Let requests pass again."""
        self.times = self.hits

    @property
    def is_over(self) -> bool:
        """Whether nothing is hit any more."""
        return self.times is not None and self.hits >= self.times

    def hit(self, call: str, chat: str | None) -> bool:
        """Tell whether a request is hit, and count it."""
        is_hit = (
            not self.is_over
            and call in self.calls
            and (self.chats is None or chat in self.chats)
        )
        self.hits += is_hit
        return is_hit


@attrs.frozen(kw_only=True)
class Posted:
    """A message that somebody wrote to the bot."""

    seq: int
    """Its place in the network, from 1."""
    chat: str
    text: str
    at: float
    """Time of the rig's loop, in seconds."""


@attrs.frozen(kw_only=True)
class Arrived:
    """A request to send that the network took."""

    chat: str
    text: str
    key: str
    is_marked: bool
    """Whether the request said that an earlier one may have arrived."""
    is_absorbed: bool
    """Whether its key was known, so that nothing new appeared."""
    at: float
    """Time of the rig's loop, in seconds."""


class Network:
    """The server, and everything that was written on it."""

    def __init__(
        self,
        mode: Mode = "none",
        *,
        token: str = "token",
        passed: Callable[[Boundary], Awaitable[None]] | None = None,
    ) -> None:
        self.mode = mode
        self.port = 0
        self.posted: list[Posted] = []
        self.arrived: list[Arrived] = []
        self.first: dict[tuple[str, str], Arrived] = {}
        """By chat and text, when a text appeared for the first time; in that order."""
        self.confirmed = 0
        """How many messages the bot has confirmed."""
        self.reported: Mapping[str, Any] = {}
        """What the bot's last poll said of itself."""
        self.polls = 0
        self.delay_s = 0.0
        """Seconds until a request to send is taken."""
        self._token = token
        self._passed = passed
        self._troubles: list[Trouble] = []
        self._ids: dict[str, str] = {}
        self._changed = asyncio.Event()
        self._poll_turn = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Network:
        await self.listen()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.refuse()
        self.drop_all()
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # What the rig does with it.

    async def listen(self) -> None:
        """Take connections, at the same port each time; nothing if that is so already."""
        if self._server is not None:
            return
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, limit=LINE_BYTES, reuse_address=True
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Refuse connections until `listen`."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def drop_all(self) -> None:
        """Reset every connection that is open."""
        for writer in [*self._writers]:
            _reset(writer)

    def fail(self, trouble: Trouble) -> Trouble:
        """Have requests fail from now on."""
        self._troubles = [one for one in self._troubles if not one.is_over]
        self._troubles.append(trouble)
        return trouble

    def forgive(self) -> None:
        """Let all requests pass again."""
        for trouble in self._troubles:
            trouble.end()

    def change_token(self, token: str) -> None:
        """Know the bot by another token from now on."""
        self._token = token

    def post(self, chat: str, text: str) -> None:
        """Write a message to the bot."""
        posted = Posted(seq=len(self.posted) + 1, chat=chat, text=text, at=_now())
        self.posted.append(posted)
        self._note()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds that depends on what happened here."""
        while not holds():
            await self._changed.wait()

    # What the bot does with it.

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            if self._hits(Fault.RESET, "", None):
                _reset(writer)
                return
            line = await reader.readline()
            if line:
                await self._take(json.loads(line), reader, writer)
        except ConnectionError:
            pass
        except asyncio.CancelledError:
            pass  # the network is closing, and the task is waited for
        finally:
            self._tasks.discard(task)
            self._writers.discard(writer)
            writer.close()

    async def _take(
        self,
        request: dict[str, Any],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        call, chat = request["call"], request.get("chat")
        if self._hits(Fault.HANG, call, chat):
            await reader.read()
            return
        if call == "send" and self.delay_s:
            await asyncio.sleep(self.delay_s)
        answer = self._denied(request) or await self._done(request)
        if self._hits(Fault.LOST, call, chat):
            _reset(writer)
            return
        writer.write(json.dumps(answer).encode() + b"\n")
        await writer.drain()

    def _denied(self, request: dict[str, Any]) -> dict[str, Any] | None:
        call, chat = request["call"], request.get("chat")
        if request["token"] != self._token:
            return {"status": 401}
        for trouble in self._troubles:
            if trouble.fault is Fault.LIMIT and self._is_hit(trouble, call, chat):
                return {"status": 429, "retry_after": trouble.retry_after_s}
        return {"status": 403} if self._hits(Fault.REFUSED, call, chat) else None

    async def _done(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["call"] == "poll":
            return {"status": 200, "messages": await self._poll(request)}
        if request["call"] == "find":
            return {"status": 200, "id": self._ids.get(request["key"])}
        return {"status": 200, "id": await self._send(request)}

    async def _poll(self, request: dict[str, Any]) -> list[list[Any]]:
        offset: int = request["offset"]
        self.polls += 1
        self.reported = request.get("reported", {})
        self._poll_turn = turn = self._poll_turn + 1  # ends the one that still waits
        is_news = offset - 1 > self.confirmed
        self.confirmed = max(self.confirmed, offset - 1)
        self._note()
        if is_news and self._passed is not None:
            await self._passed(Boundary.CONFIRMED)
        try:
            async with asyncio.timeout(request["wait_s"]):
                await self.until(lambda: len(self.posted) >= offset or turn != self._poll_turn)
        except TimeoutError:
            return []
        if turn != self._poll_turn:
            return []
        first = max(offset, self.confirmed + 1) - 1
        messages = self.posted[first : first + request["limit"]]
        return [[one.seq, one.chat, one.text] for one in messages]

    async def _send(self, request: dict[str, Any]) -> str:
        chat, text, key = request["chat"], request["text"], request["key"]
        known = self._ids.get(key) if self.mode == "key" else None
        one = Arrived(
            chat=chat,
            text=text,
            key=key,
            is_marked=request["unknown"],
            is_absorbed=known is not None,
            at=_now(),
        )
        self.arrived.append(one)
        self.first.setdefault((chat, text), one)
        assigned = known or f"n{len(self.arrived)}"
        self._ids[key] = assigned
        self._note()
        if self._passed is not None:
            await self._passed(Boundary.REQUEST_TAKEN)
        return assigned

    def _hits(self, fault: Fault, call: str, chat: str | None) -> bool:
        return any(
            self._is_hit(one, call, chat) for one in self._troubles if one.fault is fault
        )

    def _is_hit(self, trouble: Trouble, call: str, chat: str | None) -> bool:
        # What is not read yet could be any call.
        is_hit = trouble.hit(call or next(iter(trouble.calls)), chat)
        if is_hit:
            self._note()
        return is_hit

    def _note(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection so that the other end cannot take it for a proper end."""
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        linger = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


def _now() -> float:
    return asyncio.get_running_loop().time()
