"""What waits to be handed over, however it has come."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from cobot.kit import Inlet

GAP = object()
"""An entry: there was no connection, and now there is one."""


class Entries(Inlet[Any]):
    """Envelopes and what else has its place between them, in order."""

    is_ordered = True
    """Whether they come in the order in which Slack told them first."""

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Let envelopes come for the length of a block."""
        raise NotImplementedError
        yield
