"""`cobot dead`."""

from __future__ import annotations

from typing import Any

import click

from cobot.cli.looking_back import look_back
from cobot.cli.options import EXIT_FAILED, Opened, common_options, fail
from cobot.cli.owner import note, open_bot
from cobot.cli.printing import moment, paragraph, printable
from cobot.cli.tables import table
from cobot.journal.reader import SqliteReader

SHOWN_CHARS = 60
"""How much of a text stands in the list."""

KINDS = {"turn": "not answered", "send": "not delivered"}


@click.group("dead")
def command() -> None:
    """See what was given up, and try it again or forget it.

    A message that the agent could not answer, or that a network would not take, is kept
    with the reason when nothing more can be tried.
    """


@command.command("list")
@common_options
def list_(**which: Any) -> None:
    """List what was given up, the oldest first."""
    opened = open_bot(**which)
    letters = look_back(opened, SqliteReader.dead)
    if not letters:
        click.echo("nothing was given up")
        return
    rows = [
        (
            str(one.id),
            moment(one.at),
            KINDS[one.kind],
            str(one.address),
            one.reason,
            one.content,
        )
        for one in letters
    ]
    head = ("id", "given up", "what", "chat", "reason", "text")
    click.echo(table(head, [tuple(_cell(opened, cell) for cell in row) for row in rows]))


@command.command("show")
@common_options
@click.argument("number", metavar="ID", type=click.IntRange(min=1))
def show(*, number: int, **which: Any) -> None:
    """Show all that is known of one: what it is, why it was given up, its whole text."""
    opened = open_bot(**which)
    for one in look_back(opened, SqliteReader.dead):
        if one.id == number:
            break
    else:
        fail(_unknown(number), EXIT_FAILED)
    lines = {
        "id": str(one.id),
        "what": KINDS[one.kind],
        "chat": str(one.address),
        "given up": moment(one.at),
        "reason": one.reason,
        "text": one.content,
    }
    for name, value in lines.items():
        click.echo(f"{name + ':':10}{paragraph(opened.redact(value), ' ' * 10)}")


@command.command("retry")
@common_options
@click.argument("number", metavar="ID", type=click.IntRange(min=1))
def retry(*, number: int, **which: Any) -> None:
    """Try one again, from the start, at the end of its line.

    If no bot runs, it is tried when one is started.
    """
    _change("retry", number, which, "is tried again")


@command.command("drop")
@common_options
@click.argument("number", metavar="ID", type=click.IntRange(min=1))
def drop(*, number: int, **which: Any) -> None:
    """Forget one for ever."""
    _change("drop", number, which, "is forgotten")


def _change(do: str, number: int, which: dict[str, Any], done: str) -> None:
    opened = open_bot(**which)
    if not note(opened, {"do": do, "id": number}):
        fail(_unknown(number), EXIT_FAILED)
    click.echo(f"{number} {done}")


def _unknown(number: int) -> str:
    return f"nothing given up has the number {number}; see: cobot dead list"


def _cell(opened: Opened, text: str) -> str:
    return printable(opened.redact(text))


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_CHARS else f"{text[: SHOWN_CHARS - 3]}..."
