"""Drives Bolt, over Socket Mode and over HTTP."""

# slack_bolt is installed only where this runs.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import asyncio
import re
from typing import Any

from aiohttp import web
from lines import answer_lines
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient


class Judge:
    """An app of Bolt, once it is started."""

    def __init__(self) -> None:
        self.handler: Any = None
        self.runner: web.AppRunner | None = None
        self.seen: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def do(self, command: str, arguments: dict[str, Any]) -> Any:
        """Do one command."""
        return await getattr(self, f"do_{command}")(**arguments)

    def app(self, url: str, token: str, secret: str) -> Any:
        """Make an app that answers, and notes what it hears."""
        client = AsyncWebClient(token, base_url=f"{url}/")
        app = AsyncApp(client=client, signing_secret=secret)

        async def on_message(message: dict[str, Any], say: Any) -> None:
            self.seen.put_nowait({"message": message})
            await say(text=message["text"], thread_ts=message.get("thread_ts"))

        async def on_mention(event: dict[str, Any]) -> None:
            self.seen.put_nowait({"app_mention": event})

        async def on_reaction(event: dict[str, Any]) -> None:
            self.seen.put_nowait({"reaction_added": event})

        async def on_changed(event: dict[str, Any]) -> None:
            self.seen.put_nowait({"message_changed": event})

        async def on_command(ack: Any, command: dict[str, Any], respond: Any) -> None:
            await ack("working")
            await respond("done")
            self.seen.put_nowait({"command": command})

        async def on_action(ack: Any, action: dict[str, Any], say: Any) -> None:
            await ack()
            await say(f"pressed {action['value']}")
            self.seen.put_nowait({"action": action})

        app.event({"type": "message", "subtype": "message_changed"})(on_changed)
        app.event({"type": "message", "subtype": "file_share"})(on_mention)
        app.message(re.compile(""))(on_message)
        app.event("app_mention")(on_mention)
        app.event("reaction_added")(on_reaction)
        app.command("/test")(on_command)
        app.action("ok")(on_action)
        return app

    async def do_socket(self, url: str, token: str, secret: str, app_token: str) -> None:
        """Start over Socket Mode."""
        await self.do_stop()
        app = self.app(url, token, secret)
        self.handler = AsyncSocketModeHandler(app, app_token, web_client=app.client)
        await self.handler.connect_async()

    async def do_http(self, url: str, token: str, secret: str) -> str:
        """Start over HTTP; return the address for events."""
        await self.do_stop()
        app = self.app(url, token, secret)
        self.runner = web.AppRunner(app.web_app())
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        port = self.runner.addresses[0][1]
        return f"http://127.0.0.1:{port}/slack/events"

    async def do_seen(self, count: int) -> list[dict[str, Any]]:
        """Return so many of the things that it heard, when they are there."""
        return [await self.seen.get() for _ in range(count)]

    async def do_stop(self) -> None:
        """End what was started."""
        if self.handler:
            await self.handler.close_async()
        if self.runner:
            await self.runner.cleanup()
        self.handler = self.runner = None
        self.seen = asyncio.Queue()


async def main() -> None:
    """Answer lines."""
    judge = Judge()
    await answer_lines(judge.do, lambda error: {})
    await judge.do_stop()


asyncio.run(main())
