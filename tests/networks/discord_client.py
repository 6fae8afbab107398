"""What the tests of the fake Discord need: clients that add nothing of their own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from networks.discord import FakeDiscord

AGENT = "DiscordBot (https://bot.test, 1.0)"
GUARD_S = 5.0
EVERYTHING = (1 << 17) - 1
WITHOUT_CONTENT = EVERYTHING & ~(1 << 15)

Wire: TypeAlias = dict[str, Any]


class Refused(Exception):
    """An answer that is not ok."""

    def __init__(self, response: httpx.Response) -> None:
        self.body: Wire = response.json()
        super().__init__(self.body["message"])
        self.response = response
        self.status = response.status_code
        self.code: int = self.body.get("code", 0)
        self.errors: Wire = self.body.get("errors", {})


class BareRest:
    """Asks the API for one bot."""

    def __init__(self, network: FakeDiscord, http: httpx.AsyncClient) -> None:
        self.network = network
        self.http = http

    @property
    def headers(self) -> dict[str, str]:
        """Who it is."""
        return {"Authorization": f"Bot {self.network.token}", "User-Agent": AGENT}

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Return any answer."""
        headers = {**self.headers, **options.pop("headers", {})}
        return await self.http.request(
            method, f"{self.network.url}{path}", headers=headers, **options
        )

    async def ask(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """Return what an answer holds; None: nothing.

        Raises:
            Refused: It is not ok.
        """
        if body is not None:
            options["json"] = body
        response = await self.request(method, path, **options)
        if not response.is_success:
            raise Refused(response)
        return response.json() if response.content else None

    async def refusal(self, method: str, path: str, body: Any = None) -> Refused:
        """Return how a request is refused."""
        with pytest.raises(Refused) as refused:
            await self.ask(method, path, body)
        return refused.value

    async def say(self, channel_id: str, content: str = "hello", **fields: Any) -> Any:
        """Send a message; return it."""
        path = f"/channels/{channel_id}/messages"
        return await self.ask("POST", path, {"content": content, **fields})

    async def upload(self, channel_id: str, payload: Wire, *files: tuple[str, bytes]) -> Any:
        """Send files; return the message."""
        parts: list[Any] = [("payload_json", (None, json.dumps(payload), "application/json"))]
        for number, (name, content) in enumerate(files):
            kind = "application/octet-stream"
            parts.append((f"files[{number}]", (name, content, kind)))
        return await self.ask("POST", f"/channels/{channel_id}/messages", files=parts)


@asynccontextmanager
async def rest_of(network: FakeDiscord) -> AsyncIterator[BareRest]:
    """Open a client for the length of a block."""
    async with httpx.AsyncClient(timeout=10, trust_env=False, verify=False) as http:
        yield BareRest(network, http)


class BareGateway:
    """Speaks with the gateway for one bot, and beats only when it is told to."""

    def __init__(self, network: FakeDiscord, socket: ClientConnection) -> None:
        self.network = network
        self.socket = socket
        self.sequence: int | None = None
        self.ready: Wire = {}

    async def send(self, op: int, data: Any = None) -> None:
        """Send a payload."""
        await self.socket.send(json.dumps({"op": op, "d": data}))

    async def receive(self) -> Wire:
        """Return the next payload."""
        async with asyncio.timeout(GUARD_S):
            payload: Wire = json.loads(await self.socket.recv())
        if payload["s"] is not None:
            self.sequence = payload["s"]
        return payload

    async def op(self, op: int) -> Wire:
        """Return the next payload, which has to be of this kind."""
        payload = await self.receive()
        assert payload["op"] == op, payload
        return payload

    async def event(self, name: str) -> Wire:
        """Return what the next event of this name tells; others are skipped."""
        while True:
            payload = await self.receive()
            if payload["t"] == name:
                told: Wire = payload["d"]
                return told

    async def names(self, until: str) -> list[str]:
        """Return the names of events up to one."""
        found = [(await self.receive())["t"]]
        while found[-1] != until:
            found.append((await self.receive())["t"])
        return found

    async def start(self, **fields: Any) -> Wire:
        """Take the greeting and identify; return what READY tells."""
        await self.op(10)
        await self.identify(**fields)
        self.ready = await self.event("READY")
        return self.ready

    async def identify(self, **fields: Any) -> None:
        """Identify."""
        usual = {"token": self.network.token, "intents": EVERYTHING, "properties": {}}
        await self.send(2, {**usual, **fields})

    async def resume(self, before: BareGateway, **fields: Any) -> None:
        """Take the greeting and resume another connection's session."""
        await self.op(10)
        usual = {
            "token": self.network.token,
            "session_id": before.ready["session_id"],
            "seq": before.sequence,
        }
        await self.send(6, {**usual, **fields})

    async def closing(self) -> int | None:
        """Wait for the end of the connection; return its code, None: it has none."""
        try:
            while True:
                await self.receive()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None


@asynccontextmanager
async def gateway_of(
    network: FakeDiscord, *, url: str | None = None, query: str = "v=10&encoding=json"
) -> AsyncIterator[BareGateway]:
    """Open a connection to the gateway for the length of a block."""
    where = f"{url or network.gateway_url}/?{query}"
    options: dict[str, Any] = {"max_size": None, "ping_interval": None, "proxy": None}
    async with connect(where, compression=None, **options) as socket:
        yield BareGateway(network, socket)
