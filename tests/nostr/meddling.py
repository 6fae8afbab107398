"""Something between the bot and a relay that reads along, and changes what it likes."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, TypeAlias

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

Message: TypeAlias = list[Any]
Change: TypeAlias = Callable[[Message], Sequence[Message] | None]
"""What becomes of a message: others in its place, or None: it stays as it is."""

BIG = 16 * 1024 * 1024


class Meddler:
    """A relay whose answers are another one's, unless a test has it otherwise."""

    def __init__(self, upstream: str) -> None:
        self.url = ""
        self.asked: list[Message] = []
        """What the bot has sent, in order."""
        self.on_ask: Change = lambda message: None
        """Changes what goes to the relay."""
        self.on_answer: Change = lambda message: None
        """Changes what goes to the bot."""
        self.is_mute = False
        """Whether nothing goes to the bot, while the connection stays open."""
        self.information: dict[str, Any] | None = None
        """What it says of itself (NIP-11); None: nothing."""
        self.connections = 0
        """How many there have been."""
        self._upstream = upstream
        self._port = 0
        self._server: Server | None = None
        self._bots: set[ServerConnection] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Meddler]:
        """Take connections for the length of a block."""
        await self.mend()
        try:
            yield self
        finally:
            await self.cut()

    async def mend(self) -> None:
        """Take connections, again or for the first time."""
        if self._server is None:
            self._server = await serve(
                self._serve,
                "127.0.0.1",
                self._port,
                max_size=BIG,
                ping_interval=None,
                process_request=self._request,
            )
            self._port = next(iter(self._server.sockets)).getsockname()[1]
            self.url = f"ws://127.0.0.1:{self._port}"

    async def cut(self) -> None:
        """Break every connection and take no new ones."""
        server, self._server = self._server, None
        if server is not None:
            server.close(close_connections=False)
            self.drop()
            await server.wait_closed()

    def drop(self) -> None:
        """Break every connection; new ones are taken."""
        for bot in self._bots:
            bot.transport.abort()

    async def tell(self, *messages: Message) -> None:
        """Say something to the bot that no relay has said."""
        for bot in [*self._bots]:
            for message in messages:
                await bot.send(json.dumps(message))

    async def tell_raw(self, text: str) -> None:
        """Say something that is perhaps no message at all."""
        for bot in [*self._bots]:
            await bot.send(text)

    def count(self, verb: str) -> int:
        """Return how often the bot has sent something of a kind."""
        return sum(message[0] == verb for message in self.asked)

    def _request(self, bot: ServerConnection, request: Request) -> Response | None:
        if "nostr+json" not in request.headers.get("Accept", ""):
            return None
        status = HTTPStatus.OK if self.information is not None else HTTPStatus.NOT_FOUND
        return bot.respond(status, json.dumps(self.information))

    async def _serve(self, bot: ServerConnection) -> None:
        self.connections += 1
        self._bots.add(bot)
        try:
            async with connect(self._upstream, max_size=BIG, ping_interval=None) as relay:
                tasks = [
                    asyncio.create_task(self._forth(bot, relay)),
                    asyncio.create_task(self._back(relay, bot)),
                ]
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        except OSError:
            pass  # the relay is not there
        finally:
            self._bots.discard(bot)
            bot.transport.abort()

    async def _forth(self, bot: ServerConnection, relay: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for frame in bot:
                message = json.loads(frame)
                self.asked.append(message)
                for one in _changed(self.on_ask, message):
                    await relay.send(json.dumps(one))

    async def _back(self, relay: ClientConnection, bot: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for frame in relay:
                if not self.is_mute:
                    for one in _changed(self.on_answer, json.loads(frame)):
                        await bot.send(json.dumps(one))


def _changed(change: Change, message: Message) -> Sequence[Message]:
    changed = change(message)
    return [message] if changed is None else changed
