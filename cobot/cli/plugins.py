"""`cobot plugins`."""

from __future__ import annotations

import json
from typing import Any

import attrs
import click

from cobot.cli.options import common_options, failing_clearly, open_app
from cobot.cli.tables import table


@click.command("plugins")
@common_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def command(*, as_json: bool, **which: Any) -> None:
    """List the plugins: installed, enabled, broken and why.

    Installed is not enabled: a plugin is loaded if the configuration has a section for it,
    or with -p NAME. `-p no:NAME` blocks it. The hooks of a plugin are known once it is
    loaded.
    """
    with failing_clearly():
        opened = open_app(**which)
    reports = [
        attrs.evolve(report, reason=opened.redact(report.reason))
        for report in opened.app.reports
    ]
    if as_json:
        click.echo(json.dumps([attrs.asdict(report) for report in reports], indent=2))
    else:
        rows = [
            (one.name, one.state, f"{one.distribution} {one.version}", ", ".join(one.hooks))
            for one in reports
        ]
        click.echo(table(("plugin", "state", "from", "hooks"), rows))
        for one in reports:
            if one.reason:
                click.echo(f"{one.name}: {one.reason}")
    # What is wrong with a plugin's section is its reason; this is about the rest.
    told = "; ".join(one.reason for one in reports)
    for problem in opened.app.configuration.problems:
        if opened.redact(str(problem)) not in told:
            click.echo(f"cobot: {opened.redact(str(problem))}", err=True)
