"""What several commands have in common: their options, and how they fail."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import SystemRandom
from typing import Any, NoReturn, TypeVar

import attrs
import click

from cobot.app import App, Workspace, assemble
from cobot.cli.logs import Redactor
from cobot.clock import SystemClock
from cobot.config import Configuration, configure, find, parse_agent
from cobot.config.document import Document
from cobot.errors import CobotError, ConfigError
from cobot.plugins import discover

F = TypeVar("F", bound=Callable[..., Any])

FUNCTION = "function"
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
            help="Who answers: echo, the NAME of a plugin, or function:MODULE:NAME.",
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
    block = {name.removeprefix("no:") for name in plugins if name.startswith("no:")}
    configuration = configure(
        document,
        enable=[*enable, *(["dry-run"] if dry_run else [])],
        block=block,
        agent=_agent(agent, document),
    )
    folder = Path.cwd() if file is None else file.resolve().parent
    if configuration.agent is not None and configuration.agent.plugin == FUNCTION:
        # It lies beside its configuration, where no installed script would look. Last, so
        # that no file there stands in for a module of somebody else's.
        sys.path.append(str(folder))
    root = _workspace_root(workspace, configuration.top.workspace, folder, file, document)
    redact = Redactor(document.secrets)
    if on_read is not None:
        on_read(configuration, redact)
    used = Workspace(root)
    click.get_current_context().call_on_close(used.remove)
    app = assemble(
        configuration,
        discover(),
        block=block,
        workspace=used,
        clock=SystemClock(),
        random=SystemRandom(),
    )
    return Opened(app, used, file, redact)


def _agent(text: str | None, document: Document) -> str | dict[str, Any] | None:
    if text is None:
        return None
    try:
        return parse_agent(text)
    except ValueError as error:
        document.problem(("--agent",), f"{text!r}: {error}")
        return None


def _workspace_root(
    option: str | None,
    configured: Path | None,
    folder: Path,
    file: Path | None,
    document: Document,
) -> Path | None:
    """Return the workspace's folder; None: a temporary one. It need not exist yet."""
    variable = os.environ.get("COBOT_WORKSPACE")
    if option is not None:
        if not option:
            document.problem(("--workspace",), "the name is empty; name a folder")
        path, root = "--workspace", Path(option).absolute()
    elif variable:
        path, root = "$COBOT_WORKSPACE", Path(variable).absolute()
    elif configured is not None:
        path, root = "workspace", folder / configured
    else:
        return None if file is None else folder / ".cobot"
    fault = _no_folder(root)
    if fault:
        document.problem((path,), f"{fault}; name a folder")
    return root


def _no_folder(root: Path) -> str | None:
    """Say why a folder cannot be there, or be made there; None if nothing is in its way."""
    for part in (root, *root.parents):
        try:
            is_folder = stat.S_ISDIR(part.stat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            if part.is_symlink():
                return f"{str(part)!r} is a link to nothing"
        except OSError as error:
            return f"{str(part)!r} cannot be used: {error.strerror}"
        else:
            return None if is_folder else f"{str(part)!r} is no folder"
    return None
