"""Reading the journal of a bot, whether or not it runs, without writing anything."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from cobot.app import WORKSPACE
from cobot.cli.options import EXIT_CONFIG, Opened, fail, failing_clearly
from cobot.journal import Backlog
from cobot.journal.reader import SqliteReader, open_reader
from cobot.ops.sqlite import FILE_NAME, SCHEME

T = TypeVar("T")


def look_back(opened: Opened, read: Callable[[SqliteReader], Awaitable[T]]) -> T:
    """Return what is read from the journal, or end the command with the reason."""

    async def opened_and_read() -> T:
        reader = await open_reader(journal_file(opened))
        try:
            return await read(reader)
        finally:
            await reader.close()

    with failing_clearly(opened.redact):
        return asyncio.run(opened_and_read())
    raise AssertionError("unreachable")


def journal_file(opened: Opened) -> Path:
    """Return where the journal is, or will be."""
    url = opened.app.configuration.top.journal.url
    if not url.startswith(SCHEME):
        fail(
            f"journal: {url.partition(':')[0]}: is no file that this command can read",
            EXIT_CONFIG,
        )
    named = url.removeprefix(SCHEME)
    return Path(named) if named else _folder(opened) / FILE_NAME


def _folder(opened: Opened) -> Path:
    """Return the folder of the journal without making it, as its plugin would."""
    for caller in opened.app.plugins.callers("workspace_path"):
        if caller.plugin_name == WORKSPACE:
            break
        folder: Path | None = caller.now(purpose="journal")
        if folder is not None:
            return folder
    return opened.workspace.root / "journal"


async def waiting(reader: SqliteReader) -> Backlog:
    """Return how much waits to be answered and to be sent."""
    jobs, operations = await reader.read(
        lambda db: db.execute(
            "SELECT (SELECT count(*) FROM inbox WHERE state = 'waiting' AND deleted = 0),"
            " (SELECT count(*) FROM operation WHERE state = 'waiting')"
        ).fetchone()
    )
    return Backlog(jobs, operations)
