"""What was typed on the console, kept for the next time."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

import platformdirs
from prompt_toolkit.history import FileHistory


class _Lenient(FileHistory):
    """A history whose file may fail: that must cost nobody the line that was typed."""

    def __init__(self, path: Path, log: logging.Logger) -> None:
        super().__init__(path)
        self._log = log

    def load_history_strings(self) -> Iterable[str]:
        try:
            return list(super().load_history_strings())
        except OSError as error:
            self._log.debug("the history cannot be read: %s", error)
            return []

    def store_string(self, string: str) -> None:
        try:
            super().store_string(string)
        except OSError as error:
            self._log.debug("the history is not kept: %s", error)


def open_history(log: logging.Logger) -> FileHistory:
    """Return the history in the user's state folder. Only the user can read the file."""
    path = platformdirs.user_state_path("cobot") / "console_history"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError as error:
        log.debug("no history is kept: %s", error)
    return _Lenient(path, log)
