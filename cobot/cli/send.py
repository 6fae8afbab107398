"""`cobot send`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cobot.cli.options import common_options
from cobot.cli.owner import (
    CommandWithIds,
    content_of,
    deliver,
    delivery_options,
    open_bot,
)
from cobot.cli.printing import printable


@click.command("send", cls=CommandWithIds)
@common_options
@delivery_options
@click.option(
    "--media",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="Send a file too, with TEXT as its caption. Can be repeated.",
)
@click.option("--reply-to", metavar="ID", help="The message that it answers.")
@click.option("--thread", metavar="ID", help="The thread or topic in the chat.")
@click.argument("channel")
@click.argument("chat")
@click.argument("text")
def command(
    *,
    channel: str,
    chat: str,
    text: str,
    thread: str | None,
    reply_to: str | None,
    media: tuple[Path, ...],
    key: str | None,
    timeout: float,
    verbose: bool,
    **which: Any,
) -> None:
    """Send a message, and print the ids that the network gave it.

    CHANNEL is the name of a channel's section, CHAT the network's own id of the chat. TEXT
    is Markdown; `-` reads it from standard input.

    The bot that runs on the workspace sends it. If none runs, this command does so itself:
    it connects, sends, receives nothing, and leaves.

    The message is stored before it is sent. The same --key again is the same message: a
    script may call this again whenever it does not know, and the message arrives once.

    Exit codes: 0 delivered; 1 it failed, with the reason; 2 wrong usage; 75 stored, and
    still waiting after --timeout; 78 no such channel, or the configuration is wrong.
    """
    content = content_of(text)
    if not content and not media:
        raise click.UsageError("there is nothing to send: TEXT is empty and --media is missing")
    opened = open_bot(**which)
    request = {
        "do": "send",
        "channel": channel,
        "chat": chat,
        "text": content,
        "thread": thread,
        "reply_to": reply_to,
        "media": [str(path.absolute()) for path in media],
    }
    sent = deliver(opened, request, key=key, timeout_s=timeout, verbose=verbose)
    for one in sent["ids"]:
        click.echo(printable(opened.redact(one)))
    for one in sent["degraded"]:
        click.echo(f"cobot: delivered, but the channel could not do all: {one}", err=True)
    if sent["maybe_repeated"]:
        click.echo("cobot: delivered; an earlier attempt may have arrived too", err=True)
