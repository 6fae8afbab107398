"""`cobot history`."""

from __future__ import annotations

from typing import Any

import click

from cobot.cli.looking_back import look_back
from cobot.cli.options import common_options
from cobot.cli.owner import CommandWithIds, from_arguments, open_bot
from cobot.cli.printing import as_json, moment, printable
from cobot.cli.tables import table
from cobot.errors import nearest
from cobot.journal import Entry
from cobot.journal.keys import conversation_key
from cobot.messages import Address, Json


@click.command("history", cls=CommandWithIds)
@common_options
@click.option("--json", "in_json", is_flag=True, help="Print a JSON list.")
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="How many messages, the newest.",
)
@click.option("--thread", metavar="ID", help="The thread or topic in the chat.")
@click.argument("channel")
@click.argument("chat")
def command(
    *,
    channel: str,
    chat: str,
    thread: str | None,
    limit: int,
    in_json: bool,
    **which: Any,
) -> None:
    """Show the newest messages of a chat, both ways, the oldest of them first.

    CHANNEL is the name of a channel's section, CHAT the network's own id of the chat. Reads
    the journal, whether a bot runs or not. What was refused or dropped is not in it: see
    `cobot why`.
    """
    opened = open_bot(**which)
    with from_arguments():
        address = Address(channel, chat, thread)
    conversation = conversation_key(address)
    entries = look_back(opened, lambda reader: reader.history(conversation, limit))
    if in_json:
        click.echo(as_json([_as_value(one) for one in entries], opened.redact))
    elif entries:
        rows = [[printable(opened.redact(cell)) for cell in _row(one)] for one in entries]
        click.echo(table(("when", "state", "id", "who", "text"), rows))
    else:
        known = opened.app.configuration.sections
        hint = "" if channel in known else nearest(channel, known)
        where = printable(str(address))
        click.echo(f"cobot: no message of {where} is stored{hint}", err=True)


def _row(entry: Entry) -> tuple[str, ...]:
    marks = [entry.state, "edited" * entry.edited, "deleted" * entry.deleted]
    is_ours = entry.role == "agent"
    return (
        moment(entry.timestamp),
        ", ".join(filter(None, marks)),
        " ".join(entry.ids),
        "bot" if is_ours else f"{entry.sender_name} ({entry.sender_id})",
        entry.content,
    )


def _as_value(entry: Entry) -> Json:
    return {
        "role": entry.role,
        "channel": entry.address.channel_type,
        "chat": entry.address.channel_id,
        "thread": entry.address.thread_id,
        "ids": list(entry.ids),
        "sender_id": entry.sender_id,
        "sender_name": entry.sender_name,
        "content": entry.content,
        "timestamp": entry.timestamp.isoformat(),
        "edited": entry.edited,
        "deleted": entry.deleted,
        "state": entry.state,
    }
