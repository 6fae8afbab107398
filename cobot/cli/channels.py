"""`cobot channels`."""

from __future__ import annotations

import json
from typing import Any

import click

from cobot.app import App
from cobot.cli.options import common_options, failing_clearly, open_app
from cobot.cli.tables import table
from cobot.hookspecs import OPERATIONS
from cobot.plugins import Plugin


@click.command("channels")
@common_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def command(*, as_json: bool, **which: Any) -> None:
    """List the enabled channels and what each can do.

    An operation is native if the channel implements it, and absent if it does not.
    """
    with failing_clearly():
        opened = open_app(**which)
    opened.check()
    app = opened.app
    described = [_describe(app, plugin) for plugin in app.plugins.channels]
    if as_json:
        click.echo(json.dumps(described, indent=2))
        return
    rows = [
        (
            one["channel"],
            *one["operations"].values(),
            f"{one['plugin']} ({one['distribution']} {one['version']})",
        )
        for one in described
    ]
    click.echo(table(("channel", *OPERATIONS, "plugin"), rows))


def _describe(app: App, plugin: Plugin) -> dict[str, Any]:
    section = app.configuration.sections.get(plugin.name)
    hooks = app.plugins.hooks(plugin.name)
    return {
        "channel": plugin.name,
        "plugin": section.plugin if section else plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "operations": {
            operation: "native" if hook in hooks else "absent"
            for operation, hook in OPERATIONS.items()
        },
        "limits": {},
    }
