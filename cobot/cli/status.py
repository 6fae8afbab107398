"""`cobot status`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from cobot.cli.looking_back import journal_file, look_back, waiting
from cobot.cli.options import EXIT_FAILED, Opened, common_options, fail, failing_clearly
from cobot.cli.owner import ANSWER_S, open_bot
from cobot.cli.printing import as_json, printable
from cobot.cli.tables import table
from cobot.messages import Json
from cobot.ops.client import NobodyThere, ask
from cobot.ops.orders import Response

HEAD = ("channel", "state", "alive", "waiting", "under way", "closed", "per second", "reason")
"""`per second`: how many messages on the channel, and to one chat; `-` is no limit."""

UNITS = (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1))


@click.command("status")
@common_options
@click.option("--json", "in_json", is_flag=True, help="Print a JSON object.")
def command(*, in_json: bool, **which: Any) -> None:
    """Show how the bot that runs is: its channels, and what waits.

    For each channel its state, for how long there was no sign of life from its network, how
    many messages wait for it and how many are under way, and for how long its network will
    take no more. If no bot runs, shows what waits in its journal.

    Exit codes: 0 a bot runs; 1 none does, or it does not answer; 78 the configuration is
    wrong.
    """
    opened = open_bot(**which)
    status = _status(opened)
    if in_json:
        click.echo(as_json(status, opened.redact))
    else:
        for line in _lines(status):
            click.echo(printable(opened.redact(line)))
        if status["running"]:
            rows = [
                [printable(opened.redact(cell)) for cell in row] for row in _channels(status)
            ]
            click.echo(f"\n{table(HEAD, rows)}")
    sys.exit(0 if status["running"] else EXIT_FAILED)


def _status(opened: Opened) -> dict[str, Json]:
    root, file = opened.workspace.root, journal_file(opened)
    told: Response = {"workspace": str(root)}
    with failing_clearly(opened.redact):
        try:
            response = ask(root, {"do": "status"}, ANSWER_S)
        except NobodyThere:
            return {"running": False, **told, **_of_journal(opened, file)}
    if "error" in response:
        fail(printable(opened.redact(response["error"])), response["code"])
    return {"running": True, **told, "journal": _size(file), **response["ok"]}


def _of_journal(opened: Opened, file: Path) -> dict[str, Json]:
    if not file.exists():
        return {"journal": None, "waiting": None}
    backlog = look_back(opened, waiting)
    counts = {"messages": backlog.jobs, "operations": backlog.operations}
    return {"journal": _size(file), "waiting": counts}


def _size(file: Path) -> dict[str, Json]:
    """Return a journal's file and how much it takes, with what is not yet tidied into it."""
    parts = (file, file.with_name(f"{file.name}-wal"))
    sizes = [part.stat().st_size for part in parts if part.exists()]
    return {"file": str(file), "bytes": sum(sizes)}


def _lines(status: dict[str, Json]) -> Iterator[str]:
    if status["running"]:
        since = _span(status["uptime_s"])
        yield f"running as process {status['pid']} for {since} on {status['workspace']}"
        yield (
            f"agent: {status['agent']}; answering: {status['answering']};"
            f" tasks: {status['tasks']}"
        )
    else:
        yield f"no bot runs on {status['workspace']}"
    journal, counts = status["journal"], status["waiting"]
    if journal is None:
        yield "journal: none yet"
        return
    yield f"journal: {journal['file']}, {journal['bytes'] / 1e6:.1f} MB"
    if status.get("trouble"):
        yield f"trouble: {status['trouble']}"
    yield f"waiting: {counts['messages']} messages to answer, {counts['operations']} to send"


def _channels(status: dict[str, Json]) -> list[tuple[str, ...]]:
    return [
        (
            name,
            one["state"],
            "-" if one["alive_s"] is None else f"{_span(one['alive_s'])} ago",
            str(one["waiting"]),
            str(one["under_way"]),
            f"for {_span(one['closed_s'])}" if one["closed_s"] else "-",
            " / ".join("-" if rate is None else f"{rate:g}" for rate in one["rate"].values()),
            one["reason"],
        )
        for name, one in status["channels"].items()
    ]


def _span(seconds: float) -> str:
    """Return a time as people say it: its two largest units."""
    whole = round(seconds)
    for unit, length, smaller, part in UNITS:
        if whole >= length:
            rest = whole % length // part
            return f"{whole // length} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole} s"
