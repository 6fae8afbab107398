"""Start the fake Discord by hand: `python tests/networks/discord --port 8082`."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

if not __package__:
    # Run as a folder, Python looks for modules in it and not beside it.
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from networks.discord.by_hand import ByHand
from networks.discord.network import TOKEN, FakeDiscord
from networks.terminal import run, say, talk, typed_lines

CONFIGURATION = """\
The fake Discord listens on {url}, its gateway on {gateway}
Its bot's token is {token}
For cobot, put this into cobot.yml and start it in another terminal:

plugins:
  discord:
    bot_token: "{token}"
    base_url: {url}
    gateway_url: {gateway}
    guilds: [{{id: "{guild}", channel: "general"}}]
    access: {{direct: open, groups: open, mention: false}}
agent: echo

What the bot sends is saved in {folder}
You are Ann in #general. Type a line to write it; /help shows what else there is.
"""


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python tests/networks/discord", description="A fake Discord to talk with."
    )
    parser.add_argument("--port", type=int, default=0, help="default: any that is free")
    parser.add_argument("--gateway-port", type=int, default=0, help="default: any that is free")
    parser.add_argument("--token", default=TOKEN, help="the bot's; default: %(default)s")
    parser.add_argument("--username", default="test_bot", help="default: %(default)s")
    return parser.parse_args()


async def serve(given: argparse.Namespace, folder: Path) -> None:
    """Serve until the person stops it."""
    ports = {"port": given.port, "gateway_port": given.gateway_port}
    network = FakeDiscord(given.token, username=given.username, **ports)
    async with network, typed_lines() as lines:
        person = ByHand(network, folder, say)
        said = {"url": network.url, "gateway": network.gateway_url, "token": given.token}
        say(CONFIGURATION.format(**said, guild=person.hall.id, folder=folder))
        await talk(person, lines)


def main() -> None:
    """Run the command line."""
    given = arguments()
    run("discord", partial(serve, given))


if __name__ == "__main__":
    main()
