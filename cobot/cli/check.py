"""`cobot check`."""

from __future__ import annotations

import asyncio
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any

import click

from cobot.cli.options import Opened, common_options, failing_clearly, open_app
from cobot.errors import ChannelError, PluginError
from cobot.plugins import Plugin

ONLINE_S = 30.0
"""How long a network may take to say who we are, in seconds."""


@click.command("check")
@click.option("--online", is_flag=True, help="Also ask each network whether it knows us.")
@common_options
def command(*, online: bool, **which: Any) -> None:
    """Check the configuration and the plugins without running.

    Loads and builds everything that `cobot run` would, starts nothing, and talks to no
    network unless with --online, which may be used while the bot runs. Exits with 0 if all is
    right, 78 if the configuration is wrong, 1 if a plugin is broken or a network does not
    accept us; each fault is one line with its place.
    """
    with failing_clearly():
        opened = open_app(**which)
    opened.check()
    app = opened.app
    source = opened.file or "no configuration file"
    channels = ", ".join(plugin.name for plugin in app.plugins.channels)
    click.echo(f"{source}: all is right; channels: {channels}; agent: {app.agent}")
    foreign = _foreign_cobot()
    if foreign:
        click.echo(
            f"cobot: the distribution 'cobot' {foreign} is installed and is somebody else's;"
            " it has files of the same names: pip uninstall cobot, then install cobot-core"
            " again",
            err=True,
        )
    if online and not asyncio.run(_all_online(opened)):
        raise SystemExit(1)


async def _all_online(opened: Opened) -> bool:
    """Ask the networks, all at once; say what they say, and return whether all know us."""
    channels = opened.app.plugins.channels
    return all(await asyncio.gather(*(_is_online(opened, plugin) for plugin in channels)))


async def _is_online(opened: Opened, plugin: Plugin) -> bool:
    caller = opened.app.plugins.caller(plugin.name, "session_check")
    if caller is None:
        click.echo(f"{plugin.name}: there is nothing to ask")
        return True
    try:
        said = await caller(ONLINE_S, channel_type=plugin.name)
    except (ChannelError, PluginError) as error:
        click.echo(f"cobot: {opened.redact(str(error))}", err=True)
        return False
    finally:
        if plugin.context is not None:
            await plugin.context.close()
    click.echo(f"{plugin.name}: {said or 'all is right'}")
    return True


def _foreign_cobot() -> str | None:
    try:
        return distribution("cobot").version
    except PackageNotFoundError:
        return None
