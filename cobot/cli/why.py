"""`cobot why`."""

from __future__ import annotations

from typing import Any

import click

from cobot.cli.looking_back import look_back
from cobot.cli.options import EXIT_FAILED, common_options, fail
from cobot.cli.owner import CommandWithIds, from_arguments, open_bot
from cobot.cli.printing import TIME_CHARS, moment, paragraph, printable
from cobot.messages import MessageRef

INDENT = " " * (TIME_CHARS + 2)


@click.command("why", cls=CommandWithIds)
@common_options
@click.option("--thread", metavar="ID", help="The thread or topic in the chat.")
@click.argument("channel")
@click.argument("chat")
@click.argument("message")
def command(*, channel: str, chat: str, message: str, thread: str | None, **which: Any) -> None:
    """Show every decision about a message: why it was answered, or why not.

    CHANNEL is the name of a channel's section, CHAT and MESSAGE are the network's own ids
    (`cobot history` shows them). MESSAGE may be one that came in or one that the bot sent.
    Reads the journal, whether a bot runs or not.

    Exit codes: 0; 1 nothing is known of that message; 78 the configuration is wrong.
    """
    opened = open_bot(**which)
    with from_arguments():
        ref = MessageRef(channel, chat, message, thread)
    steps = look_back(opened, lambda reader: reader.why(channel, chat, message, thread))
    if not steps:
        where = printable(str(ref.address))
        fail(
            f"nothing is known of message {message!r} in {where}: it never arrived, or is no"
            " longer kept",
            EXIT_FAILED,
        )
    for step in steps:
        text = paragraph(opened.redact(step.text), INDENT)
        click.echo(f"{moment(step.at) or ' ' * TIME_CHARS}  {text}")
