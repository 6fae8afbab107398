"""Drives slack_sdk: its web client, its clients of Socket Mode, its check of signatures."""

# slack_sdk is installed only where this runs.
# mypy: disable-error-code="import-not-found, misc"

from __future__ import annotations

import asyncio
import base64
import contextlib
from typing import Any

import aiohttp
from lines import answer_lines
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import Clock, SignatureVerifier
from slack_sdk.socket_mode import SocketModeClient as ThreadedClient
from slack_sdk.socket_mode.aiohttp import SocketModeClient as AiohttpClient
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.socket_mode.websockets import SocketModeClient as WebsocketsClient
from slack_sdk.web.async_client import AsyncWebClient

PING_S = 0.3
CLIENTS = {"aiohttp": AiohttpClient, "websockets": WebsocketsClient}


def explain(error: Exception) -> dict[str, Any]:
    """Return what an error carries."""
    if not isinstance(error, SlackApiError):
        return {}
    response = error.response
    if isinstance(response, dict):
        return {"error": response.get("error")}
    found = {"status": response.status_code}
    found |= {key: response[key] for key in ("error", "needed") if response.get(key)}
    if "Retry-After" in response.headers:
        found["retry_after"] = int(response.headers["Retry-After"])
    return found


def noted(request: Any) -> dict[str, Any]:
    """Return what an envelope holds, as the client has read it."""
    return {**request.to_dict(), "retry_attempt": request.retry_attempt}


class Judge:
    """An app, once it is connected."""

    def __init__(self) -> None:
        self.web: Any = None
        self.url = self.token = self.app_token = ""
        self.socket: Any = None
        self.seen: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.is_acking = True

    async def do(self, command: str, arguments: dict[str, Any]) -> Any:
        """Do one command: one of those here, or a method of the web client."""
        own = getattr(self, f"do_{command}", None)
        if own:
            return await own(**arguments)
        response = await getattr(self.web, command)(**arguments)
        return response.data

    async def do_connect(self, url: str, token: str, app_token: str) -> None:
        """Be an app elsewhere."""
        await self.do_stop()
        self.url, self.token, self.app_token = f"{url}/", token, app_token
        self.web = AsyncWebClient(token, base_url=self.url)

    async def do_upload(self, content: str, **arguments: Any) -> Any:
        """Upload a file in all of its steps."""
        raw = base64.b64decode(content)
        response = await self.web.files_upload_v2(content=raw, **arguments)
        return response.data

    async def do_download(self, url: str, *, has_token: bool) -> dict[str, Any]:
        """Get a file."""
        headers = {"Authorization": f"Bearer {self.token}"} if has_token else {}
        async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as answer:
            content = base64.b64encode(await answer.read()).decode()
            return {"content": content, "content_type": answer.content_type}

    async def do_pages(self, method: str, **arguments: Any) -> list[Any]:
        """Return all pages of a method, as the client iterates over them."""
        return [page.data async for page in await getattr(self.web, method)(**arguments)]

    async def do_listen(self, kind: str, *, is_acking: bool = True) -> None:
        """Connect one of the clients of Socket Mode."""
        self.is_acking = is_acking
        if kind == "threaded":
            web = WebClient(self.token, base_url=self.url)
            self.socket = ThreadedClient(self.app_token, web_client=web, ping_interval=PING_S)
            loop = asyncio.get_running_loop()
            self.socket.socket_mode_request_listeners.append(
                lambda client, request: self.hear_threaded(loop, client, request)
            )
            await asyncio.to_thread(self.socket.connect)
            return
        self.socket = CLIENTS[kind](self.app_token, web_client=self.web, ping_interval=PING_S)
        self.socket.socket_mode_request_listeners.append(self.hear)
        await self.socket.connect()

    async def hear(self, client: Any, request: Any) -> None:
        """Take an envelope."""
        if self.is_acking:
            answer = SocketModeResponse(envelope_id=request.envelope_id)
            await client.send_socket_mode_response(answer)
        self.seen.put_nowait(noted(request))

    def hear_threaded(self, loop: asyncio.AbstractEventLoop, client: Any, request: Any) -> None:
        """Take an envelope in a thread of the client's."""
        if self.is_acking:
            answer = SocketModeResponse(envelope_id=request.envelope_id)
            client.send_socket_mode_response(answer)
        loop.call_soon_threadsafe(self.seen.put_nowait, noted(request))

    async def do_seen(self, count: int) -> list[dict[str, Any]]:
        """Return so many envelopes, when they are there."""
        return [await self.seen.get() for _ in range(count)]

    async def do_verify(
        self, secret: str, body: str, headers: dict[str, str], now: float
    ) -> bool:
        """Tell whether a signature is good at a moment."""

        class At(Clock):
            def now(self) -> float:
                return now

        return bool(SignatureVerifier(secret, At()).is_valid_request(body, headers))

    async def do_stop(self) -> None:
        """End the client of Socket Mode, and forget what came."""
        socket, self.socket = self.socket, None
        self.seen = asyncio.Queue()
        if isinstance(socket, ThreadedClient):
            await asyncio.to_thread(socket.close)
        elif socket:
            with contextlib.suppress(Exception):
                await socket.close()


async def main() -> None:
    """Answer lines."""
    judge = Judge()
    await answer_lines(judge.do, explain)
    await judge.do_stop()


asyncio.run(main())
