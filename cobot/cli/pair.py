"""`cobot pair`."""

from __future__ import annotations

from typing import Any

import click

from cobot.cli.options import common_options
from cobot.cli.owner import note, open_bot
from cobot.cli.printing import printable


@click.command("pair")
@common_options
@click.argument("code")
def command(*, code: str, **which: Any) -> None:
    """Let the person in to whom the bot gave CODE.

    Where `access` says `direct: pairing`, somebody who writes to the bot for the first time
    gets a code, valid for an hour, and passes it on to you. It works while the bot runs, and
    while it does not.

    Exit codes: 0 the person may talk; 1 nobody was given that code, or it is too old; 78
    the configuration is wrong.
    """
    opened = open_bot(**which)
    click.echo(printable(opened.redact(note(opened, {"do": "pair", "code": code}))))
