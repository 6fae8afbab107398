"""The command line. Each command is imported when it is called, and no sooner."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from cobot import __version__

BUILT_IN = {
    "run": "Run the bot.",
    "check": "Check the configuration and the plugins without running.",
    "plugins": "List the plugins: installed, enabled, broken and why.",
    "channels": "List the channels and what each can do.",
    "status": "Show how the bot that runs is.",
    "send": "Send a message.",
    "broadcast": "Send a message on every channel.",
    "history": "Show the newest messages of a chat.",
    "why": "Show every decision about a message.",
    "dead": "See what was given up; try it again or forget it.",
    "pair": "Let the person in to whom the bot gave a code.",
}


class Commands(click.Group):
    """The built-in commands, and those of plugins in entry-point group `cobot.commands`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all names, the built-in ones first. Nothing is imported for it."""
        return [*BUILT_IN, *sorted(set(_of_plugins()) - set(BUILT_IN))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name in BUILT_IN:
            command = import_module(f"cobot.cli.{cmd_name}").command
        else:
            command = _load_of_plugin(cmd_name)
        if command is not None and not isinstance(command, click.Command):
            origin = _of_plugins().get(cmd_name)
            raise click.ClickException(
                f"the command {cmd_name!r} of {origin} is no click command"
            )
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(BUILT_IN.items()))
        others = sorted(set(_of_plugins().items()))
        if others:
            with formatter.section("Commands of plugins"):
                formatter.write_dl([(name, f"From {origin}.") for name, origin in others])


def _of_plugins() -> dict[str, str]:
    """Return the names of the plugins' commands and the distributions they come from."""
    from importlib.metadata import entry_points

    return {
        one.name: one.dist.name if one.dist else "an unknown distribution"
        for one in entry_points(group="cobot.commands")
        if one.name not in BUILT_IN
    }


def _load_of_plugin(name: str) -> Any:
    from importlib.metadata import entry_points

    from cobot.errors import first_line

    for entry_point in entry_points(group="cobot.commands", name=name):
        try:
            return entry_point.load()
        except (Exception, SystemExit) as error:
            raise click.ClickException(
                f"the command {name!r} of {_of_plugins().get(name)} cannot be loaded:"
                f" {first_line(error)}"
            ) from error
    return None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", "-V", message="cobot %(version)s")
def cli() -> None:
    """Connect one agent to many chat networks.

    cobot receives messages from channels (Telegram, Discord, Slack, Nostr, the console, and
    any that others write), has an agent answer them, and delivers the answers: in order in
    each conversation, all conversations at the same time. Channels and agents are plugins;
    each is installed by itself.

    \b
    Try it, without any configuration:
        cobot run                       talk to the echo agent
        echo hello | cobot run          the same as a filter
        cobot run --agent function:bot:reply
                                        have reply() in bot.py answer

    With a configuration, ./cobot.yml (see cobot.example.yml):

    \b
        cobot check                     is everything right?
        cobot run                       go

    Exit codes: 0 done; 1 something failed; 2 wrong usage; 75 stored, and still waiting; 78
    the configuration is wrong.
    """


def main() -> None:
    """Run the command line."""
    try:
        cli()
    except KeyboardInterrupt:
        sys.exit(130)
