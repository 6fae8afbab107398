"""A bot in a process of its own, for tests that kill it: `python rig.py SETTINGS WORKSPACE`."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from cobot.app import assemble
from cobot.clock import SystemClock
from cobot.config import configure
from cobot.config.document import Document
from cobot.config.settings import NoSettings
from cobot.context import Context
from cobot.hookspecs import PROJECT, Conversation, hookimpl
from cobot.messages import IncomingMessage
from cobot.plugins import Candidate, discover
from cobot.workspace import Workspace
from cobot_nostr import Nostr


class Given(EntryPoint):
    """An entry point whose class is here already."""

    def __init__(self, name: str, source: type) -> None:
        """Name a class as if it were installed."""
        super().__init__(name, source.__module__, PROJECT)
        vars(self)["source"] = source

    def load(self) -> Any:
        """Return the class."""
        return vars(self)["source"]


class Answering:
    """Answers each message with its own words."""

    Settings = NoSettings

    def __init__(self, settings: NoSettings, context: Context) -> None:
        """Nothing to be kept."""

    @hookimpl
    async def agent_reply(self, message: IncomingMessage, conversation: Conversation) -> str:
        return f"re: {message.content}"


async def run(settings: dict[str, object], folder: Path) -> None:
    """Run the bot until it is killed."""
    candidates = discover()
    for name, given in (("nostr", Nostr), ("answering", Answering)):
        candidates[name] = Candidate(name, (Given(name, given),))
    access = {"direct": "open", "groups": "open"}
    section = {"rate": "off", "access": access, "private_relays": True, **settings}
    values = {"plugins": {"nostr": section}, "agent": "answering"}
    app = assemble(
        configure(Document("", value=values)),
        candidates,
        workspace=Workspace(folder),
        clock=SystemClock(),
        random=random.Random(),
    )
    app.check()
    async with app.session() as session:
        await session.run()


if __name__ == "__main__":
    asyncio.run(run(json.loads(sys.argv[1]), Path(sys.argv[2])))
