"""Channels that talk to a fake Telegram, and what is done with them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from channel_bots import (
    Addressing,
    Agent,
    Quiet,
    Receiving,
    Reports,
    channel_in,
    context_for,
    files_in,
    receiving,
    session,
)
from fakes import ManualClock
from networks.telegram import FakeTelegram

from cobot import Id, Secret
from cobot.net import Http
from cobot_telegram import Telegram, TelegramGroup, TelegramSettings
from cobot_telegram.entities import render

__all__ = [
    "PAGES",
    "Agent",
    "Quiet",
    "Receiving",
    "Reports",
    "bot_on",
    "files_in",
    "marked",
    "receiving",
    "ref",
    "session",
    "to",
    "with_web",
]

_on_telegram = Addressing("telegram", render)
to, marked, ref = _on_telegram.to, _on_telegram.marked, _on_telegram.ref


@asynccontextmanager
async def bot_on(
    network: FakeTelegram,
    clock: ManualClock,
    folder: Path,
    *groups: int,
    health: Reports | None = None,
    http: Http | None = None,
    **settings: Any,
) -> AsyncIterator[Telegram]:
    """Open a channel for the network's bot, for the length of a block.

    Args:
        network: Where the bot is.
        clock: Time.
        folder: The workspace.
        groups: Ids of chats in the settings.
        health: Gets what the channel reports.
        http: What it talks through; None: connections of its own.
        settings: Others of its settings.
    """
    context = context_for("telegram", network.token, clock, folder, health)
    values: dict[str, Any] = {
        "bot_token": Secret(network.token),
        "base_url": network.url,
        "groups": tuple(TelegramGroup(Id(str(one)), "a group") for one in groups),
        **settings,
    }
    async with channel_in(context, Telegram, TelegramSettings(**values), http) as channel:
        yield channel


PAGES = "https://files.test"
"""Where the internet is, for the tests that need one."""


@asynccontextmanager
async def with_web(
    network: FakeTelegram,
    clock: ManualClock,
    folder: Path,
    answer: Callable[[httpx.Request], httpx.Response],
) -> AsyncIterator[Telegram]:
    """Open a channel whose files from the internet come from a function."""
    web = httpx.MockTransport(answer)
    async with httpx.AsyncHTTPTransport() as real:

        class Routed(httpx.AsyncBaseTransport):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                carrier = web if request.url.host == "files.test" else real
                return await carrier.handle_async_request(request)

        async with bot_on(
            network, clock, folder, http=Http("telegram", transport=Routed())
        ) as channel:
            yield channel
