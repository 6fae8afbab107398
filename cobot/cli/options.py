"""What several commands have in common: their options, and how they fail."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import attrs
import click

from cobot.app import App
from cobot.config import Configuration, find
from cobot.config.document import Document
from cobot.config.redaction import Redactor
from cobot.errors import CobotError, ConfigError
from cobot.opening import open_bot
from cobot.workspace import Workspace

F = TypeVar("F", bound=Callable[..., Any])

EXIT_FAILED = 1
EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h


@attrs.define(eq=False)
class Opened:
    """An app as a command gets it."""

    app: App
    workspace: Workspace
    file: Path | None
    """The configuration file; None if there is none."""
    redact: Redactor
    """Keeps what is printed free of secrets."""

    def check(self) -> None:
        """End the command, with a line for each fault, unless all is right."""
        with failing_clearly(self.redact):
            self.app.check()


def common_options(command: F) -> F:
    """Add the options that say which bot a command is about."""
    for option in (
        click.option(
            "-p",
            "plugins",
            metavar="NAME|no:NAME",
            multiple=True,
            help="Enable a plugin that has no section, or block one. Can be repeated.",
        ),
        click.option(
            "--agent",
            metavar="AGENT",
            help="Who answers: echo, NAME of a plugin, function:MODULE:NAME, command:WORDS.",
        ),
        click.option(
            "--workspace",
            metavar="DIR",
            help="Where the bot keeps its files. [default: .cobot beside the configuration]",
        ),
        click.option(
            "-c",
            "--config",
            metavar="FILE",
            help="The configuration. [default: $COBOT_CONFIG, else ./cobot.yml if it exists]",
        ),
    ):
        command = option(command)
    return command


@contextmanager
def failing_clearly(redact: Callable[[str], str] = str) -> Iterator[None]:
    """Turn an error that a person caused into its lines and an exit code."""
    try:
        yield
    except ConfigError as error:
        fail(redact(str(error)), EXIT_CONFIG)
    except CobotError as error:
        fail(redact(str(error)), EXIT_FAILED)


def fail(lines: str, code: int) -> NoReturn:
    """Print what is wrong, a line each, and exit."""
    for line in lines.splitlines():
        click.echo(f"cobot: {line}", err=True)
    sys.exit(code)


def open_app(
    *,
    config: str | None,
    workspace: str | None,
    agent: str | None,
    plugins: tuple[str, ...],
    dry_run: bool = False,
    on_read: Callable[[Configuration, Redactor], None] | None = None,
) -> Opened:
    """Read the configuration and load the plugins.

    Args:
        config: `-c`.
        workspace: `--workspace`.
        agent: `--agent`.
        plugins: `-p`, each.
        dry_run: `--dry-run`.
        on_read: Called with the configuration before any plugin is loaded.

    Raises:
        ConfigError: The file cannot be read. What else is wrong is in the app; see
            `App.check`.
    """
    file = find(config, os.environ, Path.cwd())
    document = Document.read(file, str(file), os.environ) if file else Document("")
    enable = [name for name in plugins if not name.startswith("no:")]
    redact = Redactor(document.secrets)

    def configured(configuration: Configuration) -> None:
        if on_read is not None:
            on_read(configuration, redact)

    app = open_bot(
        document,
        file,
        workspace=workspace,
        agent=agent,
        enable=[*enable, *(["dry-run"] if dry_run else [])],
        block={name.removeprefix("no:") for name in plugins if name.startswith("no:")},
        environ=os.environ,
        on_configured=configured,
    )
    click.get_current_context().call_on_close(app.workspace.remove)
    return Opened(app, app.workspace, file, redact)
