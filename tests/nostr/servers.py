"""nostr-sdk's relay, and a server for files: both real, both on this machine."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal, TypeAlias

import nostr_sdk  # type: ignore[import-untyped]
from aiohttp import web

Auth: TypeAlias = Literal["none", "read", "write", "both", "dm"]


@asynccontextmanager
async def local_relay(auth: Auth = "none", *, most: int | None = None) -> AsyncIterator[Any]:
    """Run nostr-sdk's relay for the length of a block.

    Args:
        auth: For what it wants to know who asks (NIP-42).
        most: How many events it gives for one question.
    """
    builder = nostr_sdk.LocalRelayBuilder()
    if auth == "dm":
        builder = builder.auth_dm(True)
    elif auth != "none":
        mode = nostr_sdk.LocalRelayBuilderNip42Mode[auth.upper()]
        builder = builder.nip42(nostr_sdk.LocalRelayBuilderNip42(mode=mode))
    if most is not None:
        builder = builder.max_filter_limit(most).default_filter_limit(most)
    builder = builder.rate_limit(nostr_sdk.RateLimit(max_reqs=1000, notes_per_minute=1_000_000))
    relay = builder.build()
    await relay.run()
    try:
        yield relay
    finally:
        relay.shutdown()


class FileServer:
    """A Blossom server that keeps the rules of uploads."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        """What was uploaded, by hash."""
        self.url = ""
        self.status: int | None = None
        """What is answered to the next upload instead of taking it."""
        self.is_ill = False
        """Whether it fails instead of giving a file."""
        self.refusals: list[str] = []
        """Why uploads were refused."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[FileServer]:
        """Run it for the length of a block."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_put("/upload", self._upload)
        app.router.add_get("/{hash}", self._get)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _upload(self, request: web.Request) -> web.Response:
        content = await request.read()
        hash_ = hashlib.sha256(content).hexdigest()
        if self.status is not None:
            status, self.status = self.status, None
            return web.Response(status=status)
        refusal = self._refusal(request.headers.get("Authorization", ""), hash_)
        if refusal:
            self.refusals.append(refusal)
            return web.Response(status=401, headers={"X-Reason": refusal})
        self.files[hash_] = content
        told = {"url": f"{self.url}/{hash_}", "sha256": hash_, "size": len(content)}
        return web.json_response(told, status=201)

    def _refusal(self, header: str, hash_: str) -> str:
        scheme, _, token = header.partition(" ")
        if scheme != "Nostr":
            return "no authorisation"
        event = json.loads(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        tags = {tag[0]: tag[1] for tag in event["tags"]}
        if not nostr_sdk.Event.from_json(json.dumps(event)).verify():
            return "a bad signature"
        if event["kind"] != 24242 or tags.get("t") != "upload" or tags.get("x") != hash_:
            return "not for this file"
        return "" if tags.get("server") == "127.0.0.1" else "not for this server"

    async def _get(self, request: web.Request) -> web.Response:
        if self.is_ill:
            return web.Response(status=503)
        content = self.files.get(request.match_info["hash"])
        return web.Response(status=404) if content is None else web.Response(body=content)
