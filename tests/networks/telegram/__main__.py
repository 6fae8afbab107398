"""Start the fake Telegram by hand: `python tests/networks/telegram --port 8081`."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

if not __package__:
    # Run as a folder, Python looks for modules in it and not beside it.
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from networks.telegram.by_hand import ByHand
from networks.telegram.network import TOKEN, FakeTelegram
from networks.terminal import run, say, talk, typed_lines

CONFIGURATION = """\
The fake Telegram listens on {url}
Its bot's token is {token}
For cobot, put this into cobot.yml and start it in another terminal:

plugins:
  telegram:
    bot_token: "{token}"
    base_url: {url}
    access: {{direct: open, groups: open, mention: false}}
agent: echo

What the bot sends is saved in {folder}
You are Ann in a private chat. Type a line to write it; /help shows what else there is.
"""


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python tests/networks/telegram", description="A fake Telegram to talk with."
    )
    parser.add_argument("--port", type=int, default=0, help="default: any that is free")
    parser.add_argument("--token", default=TOKEN, help="the bot's; default: %(default)s")
    parser.add_argument("--username", default="test_bot", help="default: %(default)s")
    return parser.parse_args()


async def serve(given: argparse.Namespace, folder: Path) -> None:
    """Serve until the person stops it."""
    network = FakeTelegram(given.token, username=given.username, port=given.port)
    async with network, typed_lines() as lines:
        say(CONFIGURATION.format(url=network.url, token=given.token, folder=folder))
        await talk(ByHand(network, folder, say), lines)


def main() -> None:
    """Run the command line."""
    given = arguments()
    run("telegram", partial(serve, given), f" on port {given.port}")


if __name__ == "__main__":
    main()
