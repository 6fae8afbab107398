"""From a configuration and what a caller adds to it to the parts of a bot."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from random import SystemRandom
from typing import Any, Self

from cobot import session
from cobot.app import App, assemble
from cobot.clock import SystemClock
from cobot.config import Configuration, configure, parse_agent
from cobot.config.document import Document
from cobot.plugins import discover
from cobot.workspace import Workspace

FUNCTION = "function"


class Session(session.Session):
    """The session as programs around it make it: from a configuration."""

    @classmethod
    def from_config(
        cls,
        config: str | Path | Mapping[str, Any],
        *,
        workspace: str | Path | None = None,
        agent: str | Mapping[str, Any] | None = None,
        enable: Collection[str] = (),
        block: Collection[str] = (),
    ) -> Self:
        """Return a session as `cobot run` would make it.

        Args:
            config: The configuration file, or what would stand in it.
            workspace: The folder for files, in place of the configured one.
            agent: Who answers, in place of the configured one; as `agent:` or `--agent`.
            enable: Plugins to enable besides those with a section (`-p NAME`).
            block: Plugins to leave out (`-p no:NAME`).

        Raises:
            ConfigError: The configuration is wrong; all problems at once.
            PluginError: A plugin that is enabled is broken.
        """
        file = None if isinstance(config, Mapping) else Path(config)
        if file is None:
            values: Any = {**config}  # type: ignore[dict-item]
            document = Document("", value=values, environ=os.environ)
        else:
            document = Document.read(file, str(file), os.environ)
        app = open_bot(
            document,
            file,
            workspace=None if workspace is None else str(workspace),
            agent=agent,
            enable=enable,
            block=block,
            environ=os.environ,
        )
        app.check()
        return app.session_of(cls)


def open_bot(
    document: Document,
    file: Path | None,
    *,
    workspace: str | None = None,
    agent: str | Mapping[str, Any] | None = None,
    enable: Collection[str] = (),
    block: Collection[str] = (),
    environ: Mapping[str, str],
    on_configured: Callable[[Configuration], None] | None = None,
) -> App:
    """Read a configuration and load its plugins.

    Args:
        document: The configuration's values.
        file: Where they come from; None: from no file.
        workspace: The folder for files, in place of the configured one.
        agent: Who answers, in place of the configured one.
        enable: Plugins to enable besides those with a section.
        block: Plugins to leave out.
        environ: The environment variables.
        on_configured: Called with the configuration before any plugin is loaded.

    Returns:
        The parts. What is wrong is in them; see `App.check`.
    """
    configuration = configure(
        document, enable=enable, block=block, agent=_agent(agent, document)
    )
    folder = Path.cwd() if file is None else file.resolve().parent
    if configuration.agent is not None and configuration.agent.plugin == FUNCTION:
        # It lies beside its configuration, where no installed script would look. Last, so
        # that no file there stands in for a module of somebody else's.
        sys.path.append(str(folder))
    configured = configuration.top.workspace
    root = _root(workspace, environ, configured, folder, document, has_file=file is not None)
    if on_configured is not None:
        on_configured(configuration)
    return assemble(
        configuration,
        discover(),
        block=block,
        workspace=Workspace(root),
        clock=SystemClock(),
        random=SystemRandom(),
    )


def _agent(
    asked: str | Mapping[str, Any] | None, document: Document
) -> str | dict[str, Any] | None:
    if asked is None:
        return None
    if not isinstance(asked, str):
        return {**asked}
    try:
        return parse_agent(asked)
    except ValueError as error:
        document.problem(("--agent",), f"{asked!r}: {error}")
        return None


def _root(
    option: str | None,
    environ: Mapping[str, str],
    configured: Path | None,
    folder: Path,
    document: Document,
    *,
    has_file: bool,
) -> Path | None:
    """Return the workspace's folder; None: a temporary one. It need not exist yet."""
    variable = environ.get("COBOT_WORKSPACE")
    if option is not None:
        if not option:
            document.problem(("--workspace",), "the name is empty; name a folder")
        path, root = "--workspace", Path(option).absolute()
    elif variable:
        path, root = "$COBOT_WORKSPACE", Path(variable).absolute()
    elif configured is not None:
        path, root = "workspace", folder / configured
    else:
        return folder / ".cobot" if has_file else None
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
