"""The world of a channel, for tests of what channels share."""

from __future__ import annotations

from pathlib import Path

import attrs
from channel_bots import Quiet, Reports
from fakes import ManualClock

from cobot import Context
from cobot.testing import make_context

__all__ = ["Quiet", "Reports", "context_of"]


def context_of(clock: ManualClock, folder: Path) -> tuple[Context, Reports]:
    """Return a channel's context, and what it says of its health."""
    context = make_context("pigeon", clock=clock, workspace=folder)
    health = Reports()
    return attrs.evolve(context, health=health), health
