"""cobot on Telegram: durable (FULL), in order per chat, on cobot-core[net,speed]."""
# /// script
# dependencies = ["CHECKOUT[net,speed]", "CHECKOUT/cobot_telegram"]
# [tool.bench]
# label = "cobot (FULL)"
# venv = "cobot"
# imports = "cobot, cobot_telegram"
# ordered = true
# durable = true
# command = ["{python}", "-P", "{file}"]
# ///
# -P: this file must not stand in front of the package, whose name it bears.

from __future__ import annotations

import asyncio
import gc
import logging

import uvloop
from botkit import BASE, DIR, TOKEN, agent

import cobot


async def answer(message: cobot.IncomingMessage, conversation: cobot.Conversation) -> str:
    """Return what the benchmark's agent says."""
    said: str = await agent(message.content)
    return said


async def main() -> None:
    """Run until killed."""
    logging.basicConfig(level=logging.WARNING)
    config = {
        "workspace": DIR,
        "agent": {"function": "__main__:answer"},
        "access": {"direct": "open"},
        "plugins": {"telegram": {"bot_token": TOKEN, "base_url": BASE, "rate": "off"}},
    }
    async with cobot.Session.from_config(config) as session:
        await session.run()


if __name__ == "__main__":
    # As `cobot run` does it: docs/performance.md says why.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
