"""A pigeon network on a socket: a line of JSON asks, a line of JSON answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from cobot import (
    AuthFailed,
    ChannelError,
    ChatGone,
    DeliveryUnknown,
    Forbidden,
    MessageNotFound,
    RateLimited,
    Rejected,
    TokenInUse,
)
from cobot.testing import Arrival, Network
from testing.pigeon import Pigeon

TOKEN = "t0ken/with=odd+characters"
CHAT = "loft-7"
ANN = "ann-1"
BOT = "bot-1"
LETTER_CHARS = 300
LINE_BYTES = 1 << 20

STATUS: Mapping[type[ChannelError], int] = {
    AuthFailed: 401,
    Forbidden: 403,
    ChatGone: 404,
    TokenInUse: 409,
    MessageNotFound: 410,
    Rejected: 422,
    RateLimited: 429,
}
"""By error, what the network answers."""

ODD = b"<html>a page and no answer</html>\n"
GONE = b""
"""Instead of an answer, the end."""


class Loft(Network):
    """One loft, in which Ann and a bot write to each other."""

    channel: ClassVar[type | str] = Pigeon
    errors: ClassVar[Mapping[str, Collection[type[ChannelError]]]] = {
        "send": (*STATUS, DeliveryUnknown, ChannelError),
        "delete": (Forbidden,),
        "react": (MessageNotFound,),
        "media": (Forbidden, RateLimited, ChannelError),
        "receive": (AuthFailed, TokenInUse, RateLimited, ChannelError),
    }

    def __init__(self) -> None:
        self.chat, self.person = CHAT, ANN
        self._letters: list[dict[str, Any]] = []
        self._arrived: list[Arrival] = []
        self._offset = 1
        self._again = False
        self._made = 0
        self._news = asyncio.Event()
        self._failing: dict[str, bytes] = {}
        self._server: asyncio.Server | None = None
        self._port = 0
        self._serving: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> Mapping[str, Any]:
        """Listen somewhere."""
        await self.comes_back()
        return {"port": self._port, "token": TOKEN}

    async def stop(self) -> None:
        """Listen no more."""
        await self.goes_down()

    async def person_writes(self, text: str) -> str:
        """Put a letter of Ann's into the post."""
        return self._post(kind="letter", text=text)

    async def person_sends(self, name: str, content: bytes, caption: str) -> str:
        """Put a parcel of Ann's into the post."""
        return self._post(
            kind="letter", text=caption, parcel={"name": name, "hex": content.hex()}
        )

    async def person_edits(self, id: str, text: str) -> None:  # noqa: A002
        """Put a correction into the post."""
        self._post(kind="correction", of=id, text=text)

    async def person_deletes(self, id: str) -> None:  # noqa: A002
        """Put a revocation into the post."""
        self._post(kind="revocation", of=id)

    async def person_reacts(self, id: str, emoji: str) -> None:  # noqa: A002
        """Put a feeling into the post."""
        self._post(kind="feeling", of=id, emoji=emoji)

    async def bot_writes(self, text: str) -> None:
        """Put a letter of the bot's own into the post."""
        self._post(kind="letter", text=text, by=BOT)

    def arrived(self) -> Sequence[Arrival]:
        """Return what the bot did."""
        return self._arrived

    def confirmed(self) -> Collection[str]:
        """Return what lies before the offset of the last poll."""
        return [one["id"] for one in self._letters if one["number"] < self._offset]

    async def redeliver(self) -> None:
        """Answer the next poll with everything once more, whatever it asks for."""
        self._again = True
        self._news.set()

    async def goes_down(self) -> None:
        """Close all."""
        if self._server is not None:
            self._server.close()
            self._server = None
        serving = {*self._serving}
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def comes_back(self) -> None:
        """Listen where it did before."""
        self._server = await asyncio.start_server(
            self._connected, "127.0.0.1", self._port, limit=LINE_BYTES
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def cause(
        self, error: type[ChannelError], operation: str, retry_after_s: float
    ) -> None:
        """Answer the next call with a status, with nonsense, or with the end."""
        call = "poll" if operation == "receive" else operation
        answer = {"status": STATUS.get(error), "wait": retry_after_s}
        line = json.dumps(answer).encode() + b"\n"
        self._failing[call] = {ChannelError: ODD, DeliveryUnknown: GONE}.get(error, line)
        self._news.set()

    def _post(self, *, by: str = ANN, **fields: Any) -> str:
        number = len(self._letters) + 1
        id_ = f"letter-{number}"
        self._letters.append(
            {"number": number, "id": id_, "chat": CHAT, "by": by, "at": 1767268800, **fields}
        )
        self._news.set()
        return id_

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # No coroutine: a task that is cancelled before it begins would never close this.
        self._writers.add(writer)
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answering = asyncio.create_task(self._answer(json.loads(await reader.readline())))
        hanging_up = asyncio.create_task(reader.read())
        both = {answering, hanging_up}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                writer.write(answering.result())
                await writer.drain()
                writer.write_eof()
        except (OSError, asyncio.CancelledError):
            pass  # of a cancelled one, too, the server's own callback wants no error
        finally:
            for one in both:
                one.cancel()
            await asyncio.gather(*both, return_exceptions=True)
            writer.close()
            self._writers.discard(writer)

    async def _answer(self, asked: dict[str, Any]) -> bytes:
        call = asked["call"]
        if asked["token"] != TOKEN:
            return b'{"status": 401}\n'
        if call in self._failing:
            return self._failing.pop(call)
        if call == "poll":
            answer = await self._polled(asked["offset"])
            if call in self._failing:
                return self._failing.pop(call)
        else:
            answer = self._done(call, asked)
        return json.dumps({"status": 200, **answer}).encode() + b"\n"

    async def _polled(self, offset: int) -> dict[str, Any]:
        self._offset = max(self._offset, offset)
        while True:
            self._news.clear()
            letters = [one for one in self._letters if one["number"] >= self._offset]
            if self._again:
                self._again, letters = False, self._letters
            if letters or "poll" in self._failing:
                return {"letters": letters}
            try:
                async with asyncio.timeout(0.5):
                    await self._news.wait()
            except TimeoutError:
                return {"letters": []}

    def _done(self, call: Any, asked: dict[str, Any]) -> dict[str, Any]:
        if call == "confirm":
            self._offset = max(self._offset, asked["offset"])
            return {}
        if call == "parcel":
            (found,) = (one for one in self._letters if one["id"] == asked["id"])
            return {"hex": found["parcel"]["hex"]}
        id_ = asked.get("id", "")
        if call in ("send", "media"):
            if len(asked["text"]) > LETTER_CHARS:
                return {"status": 422}
            self._made += 1
            id_ = f"answer-{self._made}"
        self._arrived.append(
            Arrival(
                kind=call,
                id=id_,
                text=asked.get("text", ""),
                files=tuple(bytes.fromhex(one) for one in asked.get("parcels", ())),
                emoji=asked.get("emoji"),
                reply_to=asked.get("reply_to"),
                status=asked.get("mood", ""),
                chat=asked.get("chat"),
            )
        )
        return {"id": id_}
