"""`cobot check`."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from typing import Any

import click

from cobot.cli.options import common_options, failing_clearly, open_app


@click.command("check")
@common_options
def command(**which: Any) -> None:
    """Check the configuration and the plugins without running.

    Loads and builds everything that `cobot run` would, starts nothing, and talks to no
    network. Exits with 0 if all is right, 78 if the configuration is wrong, 1 if a plugin is
    broken; each fault is one line with its place.
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


def _foreign_cobot() -> str | None:
    try:
        return distribution("cobot").version
    except PackageNotFoundError:
        return None
