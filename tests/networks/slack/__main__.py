"""Start the fake Slack by hand: `python tests/networks/slack --port 8083`."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

if not __package__:
    # Run as a folder, Python looks for modules in it and not beside it.
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from networks.slack.by_hand import ByHand
from networks.slack.network import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, FakeSlack
from networks.terminal import run, say, talk, typed_lines

CONFIGURATION = """\
The fake Slack listens on {url}
For cobot, put this into cobot.yml and start it in another terminal:

plugins:
  slack:
    bot_token: "{bot_token}"
    app_token: "{app_token}"
    base_url: {url}
    access: {{direct: open, groups: open, mention: false}}
agent: echo

Events are signed with {secret} where /http lets them be posted.
What the bot sends is saved in {folder}
You are Ann in direct messages. Type a line to write it; /help shows what else there is.
"""


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python tests/networks/slack", description="A fake Slack to talk with."
    )
    parser.add_argument("--port", type=int, default=0, help="default: any that is free")
    parser.add_argument("--bot-token", default=BOT_TOKEN, help="default: %(default)s")
    parser.add_argument("--app-token", default=APP_TOKEN, help="default: %(default)s")
    parser.add_argument("--signing-secret", default=SIGNING_SECRET, help="default: %(default)s")
    parser.add_argument("--name", default="test_bot", help="the bot's; default: %(default)s")
    return parser.parse_args()


async def serve(given: argparse.Namespace, folder: Path) -> None:
    """Serve until the person stops it."""
    network = FakeSlack(
        given.bot_token,
        given.app_token,
        given.signing_secret,
        name=given.name,
        port=given.port,
    )
    async with network, typed_lines() as lines:
        say(
            CONFIGURATION.format(
                url=network.url,
                bot_token=network.bot_token,
                app_token=network.app_token,
                secret=network.signing_secret,
                folder=folder,
            )
        )
        await talk(ByHand(network, folder, say), lines)


def main() -> None:
    """Run the command line."""
    given = arguments()
    run("slack", partial(serve, given), f" on port {given.port}")


if __name__ == "__main__":
    main()
