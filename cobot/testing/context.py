"""A context made by hand, for tests of a channel that need no session."""

from __future__ import annotations

import logging
from pathlib import Path
from random import Random

from cobot.clock import Clock
from cobot.context import Context
from cobot.plugins.threads import ThreadPool
from cobot.testing.clock import ManualClock


def make_context(
    name: str = "test", *, clock: Clock | None = None, workspace: Path | None = None
) -> Context:
    """Return what a plugin is built with: `Channel(settings, make_context())`.

    Chance is the same in each run. `session` and `journal` raise, as in a constructor. Who
    uses `http` closes it with `await context.close()`.

    Args:
        name: The section's name; a channel's `channel_type`.
        clock: Time; None: a `ManualClock`.
        workspace: The folder for files, whatever they are for; None: the present one.
    """
    folder = workspace or Path()
    return Context(
        name=name,
        log=logging.getLogger(f"cobot.{name}"),
        clock=clock or ManualClock(),
        random=Random(1),
        workspace=lambda _purpose: folder,
        in_thread=ThreadPool(name, 8).run,
    )
