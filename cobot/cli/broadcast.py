"""`cobot broadcast`."""

from __future__ import annotations

import sys
from typing import Any

import click

from cobot.cli.options import EXIT_FAILED, common_options
from cobot.cli.owner import content_of, deliver, delivery_options, open_bot
from cobot.cli.printing import printable
from cobot.cli.tables import table
from cobot.ops.orders import EXIT_WAITING, Response


@click.command("broadcast")
@common_options
@delivery_options
@click.option(
    "--exclude",
    metavar="CHANNEL",
    multiple=True,
    help="Leave a channel out. Can be repeated.",
)
@click.argument("text")
def command(
    *,
    text: str,
    exclude: tuple[str, ...],
    key: str | None,
    timeout: float,
    verbose: bool,
    **which: Any,
) -> None:
    """Send a message on every channel, to the chat that is its default.

    That chat is `default` in the channel's section, or what the channel itself proposes; a
    channel that has neither is left out. TEXT is Markdown; `-` reads it from standard input.

    As with `cobot send`, the bot that runs sends it, or this command itself if none runs,
    and the same --key again is the same message.

    Exit codes: 0 delivered everywhere; 1 a channel failed; 2 wrong usage; 75 stored, and
    somewhere still waiting after --timeout; 78 the configuration is wrong.
    """
    content = content_of(text)
    if not content:
        raise click.UsageError("there is nothing to send: TEXT is empty")
    opened = open_bot(**which)
    request = {"do": "broadcast", "text": content, "exclude": list(exclude)}
    outcomes = deliver(opened, request, key=key, timeout_s=timeout, verbose=verbose)
    rows = [(name, *map(opened.redact, _told(one))) for name, one in outcomes.items()]
    head = ("channel", "outcome", "ids or reason")
    click.echo(table(head, [[printable(cell) for cell in row] for row in rows]))
    codes = {one.get("code", 0) for one in outcomes.values()}
    # What has failed needs somebody, what waits only time.
    sys.exit(EXIT_FAILED if EXIT_FAILED in codes else max(codes))


def _told(outcome: Response) -> tuple[str, str]:
    if "ok" in outcome:
        return "delivered", " ".join(outcome["ok"]["ids"])
    return "waiting" if outcome["code"] == EXIT_WAITING else "failed", outcome["error"]
