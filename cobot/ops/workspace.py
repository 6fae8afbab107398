"""The plugin that says where files go: in the bot's workspace."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from cobot.config.settings import NoSettings
from cobot.context import Context
from cobot.hookspecs import hookimpl


class WorkspacePaths:
    """Gives each purpose a folder in the workspace."""

    Settings = NoSettings
    priority: ClassVar[int] = 20  # whoever is to be asked before it needs a lower one

    def __init__(self, settings: NoSettings, context: Context) -> None:
        """Take the workspace from the context: this plugin's own is the real one."""
        self._context = context

    @hookimpl
    def workspace_path(self, purpose: str) -> Path:
        return self._context.workspace(purpose)
