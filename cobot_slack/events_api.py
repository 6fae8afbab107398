"""The Events API: what happens comes by HTTP, signed, and so do commands and buttons.

https://docs.slack.dev/apis/events-api/using-http-request-urls. A request is answered when what
is in it is stored; what is not answered in time Slack sends again, and it is taken again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import attrs

from cobot import Context
from cobot.net import Reply, Request, is_signed_v0
from cobot_slack.entries import GAP, Entries
from cobot_slack.envelopes import Envelope

TIMESTAMP = "X-Slack-Request-Timestamp"
SIGNATURE = "X-Slack-Signature"

WAITING_MOST = 5000
"""Posts that wait to be stored. Of more Slack is told so, and gives up after three more tries:
while the disk is full, say, they wait here."""


@attrs.frozen(eq=False)
class Post:
    """Where an envelope has come from."""

    request: Request

    async def acknowledge(self, envelope_id: str) -> None:
        """Say that it is stored."""
        self.request.answer()

    def postpone(self) -> None:
        """Let it come again: it waits for others, and those behind it do not have to."""
        self.request.answer(503)


class EventsApi(Entries):
    """What Slack posts to us."""

    def __init__(
        self, context: Context, *, secret: str, host: str, port: int, path: str
    ) -> None:
        """Listen to nobody yet.

        Args:
            context: The channel's.
            secret: With which Slack signs.
            host: At which address to listen.
            port: On which port.
            path: On which path.
        """
        super().__init__()
        self._context = context
        self._secret = secret
        self._host = host
        self._port = port
        self._path = path
        self.is_ordered = False  # each post goes by itself
        self.url = ""
        """Where it is, on this machine; empty: nowhere."""

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Listen for the length of a block."""
        self.clear()
        listening = self.watch(
            asyncio.create_task(self._listen(), name=f"slack-{self._context.name}")
        )
        try:
            yield
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _listen(self) -> None:
        webhooks = self._context.webhooks
        async with webhooks.listen(
            self._path,
            port=self._port,
            host=self._host,
            check=self._check,
            most=WAITING_MOST,
        ) as inbox:
            self.url = inbox.url
            self.put(GAP)
            self._context.connected()
            async for requests in inbox:
                self._context.alive()
                for request in requests:
                    envelope = envelope_of(request)
                    if envelope is not None:
                        self.put(envelope)
                    else:
                        request.answer()
                # To ask for more says that all of these are stored.
                await asyncio.wait([request.reply for request in requests])
                await self.room()

    def _check(self, request: Request) -> Reply | None:
        is_slacks = is_signed_v0(
            self._secret,
            request.body,
            timestamp=request.headers.get(TIMESTAMP),
            signature=request.headers.get(SIGNATURE),
            now=self._context.clock.now(),
        )
        if not is_slacks:
            return Reply(401)
        try:
            kind, payload = body_of(request)
        except (ValueError, LookupError, TypeError):
            return Reply(400)
        if payload.get("type") == "url_verification":
            return Reply(200, str(payload.get("challenge") or ""))
        return None if kind else Reply(200)


def body_of(request: Request) -> tuple[str, Mapping[str, Any]]:
    """Return of what kind a request is, as an envelope's, and what it tells.

    Raises:
        ValueError: It cannot be read.
    """
    kind = str(request.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
    if kind == "application/json":
        told = request.json
        name = "events_api"
    else:
        form = request.form
        told = json.loads(form["payload"]) if "payload" in form else form
        name = "interactive" if "payload" in form else "slash_commands"
        if not ("payload" in form or "command" in form):
            name = ""  # a look whether we are there
    if not isinstance(told, Mapping):
        raise ValueError("expected an object")
    return name, told


def envelope_of(request: Request) -> Envelope | None:
    """Return what a request holds; None: nothing."""
    kind, payload = body_of(request)
    return Envelope(kind, payload, source=Post(request)) if kind else None
