"""The plugin that opens the built-in journal: a file of SQLite's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import attrs

from cobot.config.settings import NoSettings
from cobot.context import Context
from cobot.hookspecs import hookimpl
from cobot.journal import Journal
from cobot.messages import Json

SCHEME = "sqlite:"
FILE_NAME = "journal.db"


@attrs.define(eq=False)
class Sqlite:
    """Answers for `sqlite:`, the workspace's own file, and `sqlite:PATH`."""

    Settings: ClassVar = NoSettings

    settings: NoSettings
    context: Context

    @hookimpl(trylast=True)
    async def open_journal(self, url: str, settings: Mapping[str, Json]) -> Journal | None:
        if not url.startswith(SCHEME):
            return None
        # A quarter of what `cobot --version` may cost, for those who need it.
        from cobot.journal.sqlite import SqliteJournal

        journal: Journal = await SqliteJournal.open(
            self._path(url),
            clock=self.context.clock,
            synchronous=settings.get("synchronous", "FULL"),
            dedupe_days=settings.get("dedupe_days", 30.0),
            keep_days=settings.get("keep_days"),
            on_trouble=self._tell,
        )
        return journal

    def _path(self, url: str) -> Path:
        named = url.removeprefix(SCHEME)
        return Path(named) if named else self.context.workspace("journal") / FILE_NAME

    def _tell(self, trouble: str | None) -> None:
        if trouble is None:
            self.context.log.info("the journal works again; nothing was lost")
        else:
            self.context.log.error("%s", trouble)
