"""`cobot channels`."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import attrs
import click

from cobot.app import App
from cobot.cli.options import common_options, failing_clearly, open_app
from cobot.cli.tables import table
from cobot.hookspecs import OPERATIONS
from cobot.plugins import Plugin
from cobot.session.capabilities import Capabilities


@click.command("channels")
@common_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def command(*, as_json: bool, **which: Any) -> None:
    """List the enabled channels and what each can do.

    An operation is native if the channel implements it, degraded if the session does the
    next best thing in its place (an edit is sent anew, a deletion becomes an edit, media
    become links), and absent if nothing is done.
    """
    with failing_clearly():
        opened = open_app(**which)
    opened.check()
    app = opened.app
    described = asyncio.run(_described(app))
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


async def _described(app: App) -> list[dict[str, Any]]:
    capabilities = Capabilities(app.plugins)
    return [await _describe(app, plugin, capabilities) for plugin in app.plugins.channels]


async def _describe(app: App, plugin: Plugin, capabilities: Capabilities) -> dict[str, Any]:
    section = app.configuration.sections.get(plugin.name)
    limits = await capabilities.limits(plugin.name, None)
    return {
        "channel": plugin.name,
        "plugin": section.plugin if section else plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "operations": {
            operation: capabilities.ability(plugin.name, operation) for operation in OPERATIONS
        },
        "limits": attrs.asdict(limits),
    }
