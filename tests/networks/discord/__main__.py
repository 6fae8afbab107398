"""Start the fake Discord by hand: `python tests/networks/discord --port 8082`."""

from __future__ import annotations

import argparse
import asyncio
import codecs
import contextlib
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

if not __package__:
    # Run as a folder, Python looks for modules in it and not beside it.
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from networks.discord.by_hand import ByHand
from networks.discord.network import TOKEN, FakeDiscord

STDIN = 0
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


def say(line: str) -> None:
    """Show a line."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def read_lines(found: Callable[[str | None], None]) -> None:
    """Hand over standard input line by line, and None at its end.

    It is read from the descriptor: a thread that waits in `sys.stdin` would keep its lock when
    the program ends.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    while data := os.read(STDIN, 65536):
        *lines, rest = (rest + decoder.decode(data)).split("\n")
        for line in lines:
            found(line)
    if rest:
        found(rest)
    found(None)


async def serve(given: argparse.Namespace, folder: Path) -> None:
    """Serve until the person stops it.

    The end of a pipe does not: the bot may still be at it. The end of a terminal's input does.
    """
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, lines.put_nowait, "/quit")
    ports = {"port": given.port, "gateway_port": given.gateway_port}
    network = FakeDiscord(given.token, username=given.username, **ports)
    async with network:
        person = ByHand(network, folder, say)
        said = {"url": network.url, "gateway": network.gateway_url, "token": given.token}
        say(CONFIGURATION.format(**said, guild=person.hall.id, folder=folder))

        def found(line: str | None) -> None:
            with contextlib.suppress(RuntimeError):  # the person has had enough
                loop.call_soon_threadsafe(lines.put_nowait, line)

        threading.Thread(target=read_lines, args=(found,), daemon=True).start()
        while not person.is_over:
            line = await lines.get()
            if line is not None:
                person.do(line)
            elif os.isatty(STDIN):
                return


def main() -> None:
    """Run the command line."""
    given = arguments()
    folder = Path(tempfile.mkdtemp(prefix="fake-discord-"))
    try:
        asyncio.run(serve(given, folder))
    except OSError as error:
        sys.exit(f"cannot listen: {error.strerror}")
    finally:
        if not any(folder.iterdir()):
            folder.rmdir()


if __name__ == "__main__":
    main()
