"""A client of the fake Slack that adds nothing of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import httpx
import pytest

from networks.slack import FakeSlack

HASTY = aiohttp.ClientWSTimeout(ws_close=0.2)
"""How long the network's goodbye is waited for, in seconds."""


class SlackRefused(Exception):
    """An answer that is not ok."""

    def __init__(self, response: httpx.Response) -> None:
        self.answer: dict[str, Any] = response.json()
        self.error: str = self.answer["error"]
        super().__init__(self.error)
        self.status = response.status_code
        self.headers = response.headers


class SlackClient:
    """Calls methods as the bot, and opens connections as its app."""

    def __init__(
        self, network: FakeSlack, http: httpx.AsyncClient, sockets: aiohttp.ClientSession
    ) -> None:
        self.network = network
        self.http = http
        self.sockets = sockets
        self.links: list[SlackSocket] = []
        """Its connections; they are closed at the end."""

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method with a form; return its answer.

        Raises:
            SlackRefused: It is not ok.
        """
        return answered(await self.post(method, data=params))

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method with JSON; return its answer.

        Raises:
            SlackRefused: It is not ok.
        """
        return answered(await self.post(method, json=params))

    async def refusal(self, method: str, **params: Any) -> str:
        """Call a method with a form that is to be refused; return the error."""
        with pytest.raises(SlackRefused) as refused:
            await self.ask(method, **params)
        assert refused.value.status == 200
        return refused.value.error

    async def post(
        self, method: str, token: str | None = None, **options: Any
    ) -> httpx.Response:
        """Post to a method.

        Args:
            method: Its name.
            token: With which; None: the bot's; empty: none.
            options: Of the client.
        """
        headers = self._headers(token)
        return await self.http.post(f"{self.network.url}/{method}", headers=headers, **options)

    async def get(self, url: str, token: str | None = None) -> httpx.Response:
        """Get an address; the token is the bot's, or none if it is empty."""
        return await self.http.get(url, headers=self._headers(token))

    def _headers(self, token: str | None) -> dict[str, str]:
        token = self.network.bot_token if token is None else token
        return {"Authorization": f"Bearer {token}"} if token else {}

    async def socket_url(self) -> str:
        """Ask for the address of a connection."""
        response = await self.post("apps.connections.open", self.network.app_token)
        return str(answered(response)["url"])

    async def connect(self, suffix: str = "") -> SlackSocket:
        """Open a connection of Socket Mode, and take its hello."""
        url = await self.socket_url() + suffix
        socket = await self.sockets.ws_connect(url, timeout=HASTY)
        self.links.append(SlackSocket(socket, await socket.receive_json()))
        return self.links[-1]


class SlackSocket:
    """A connection of Socket Mode."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, hello: dict[str, Any]) -> None:
        self.socket = socket
        self.hello = hello

    async def take(self, *, is_acked: bool = True, payload: Any = None) -> dict[str, Any]:
        """Return the next envelope."""
        envelope: dict[str, Any] = await self.socket.receive_json(timeout=5)
        if is_acked:
            await self.ack(envelope, payload)
        return envelope

    async def ack(self, envelope: dict[str, Any], payload: Any = None) -> None:
        """Acknowledge an envelope."""
        answer = {"envelope_id": envelope["envelope_id"]}
        await self.socket.send_json(
            answer if payload is None else {**answer, "payload": payload}
        )

    async def event(self) -> dict[str, Any]:
        """Return the next event, acknowledged."""
        event: dict[str, Any] = (await self.take())["payload"]["event"]
        return event


def answered(response: httpx.Response) -> dict[str, Any]:
    """Return an answer.

    Raises:
        SlackRefused: It is not ok.
    """
    answer: dict[str, Any] = response.json()
    if not answer["ok"]:
        raise SlackRefused(response)
    return answer


@asynccontextmanager
async def slack_client_of(network: FakeSlack) -> AsyncIterator[SlackClient]:
    """Open a client for the length of a block."""
    async with (
        # Nothing here is HTTPS, and to read the certificates takes longer than most tests.
        httpx.AsyncClient(timeout=10, trust_env=False, verify=False) as http,
        aiohttp.ClientSession() as sockets,
    ):
        client = SlackClient(network, http, sockets)
        try:
            yield client
        finally:
            # The session would let go of them, and whoever collects the garbage complain.
            await asyncio.gather(*(link.socket.close() for link in client.links))
