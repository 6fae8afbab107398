"""What a client was told, for its judge to wait for."""

from __future__ import annotations

import asyncio
from typing import Any

WAIT_S = 20.0


class Happenings:
    """All that was told, in order."""

    def __init__(self) -> None:
        self._found: list[tuple[str, dict[str, Any]]] = []
        self._changed = asyncio.Condition()

    def clear(self) -> None:
        """Forget all of it."""
        self._found.clear()

    def add(self, kind: str, **told: Any) -> None:
        """Take something down."""
        self._found.append((kind, told))
        self._tell = asyncio.ensure_future(self._notify())

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def wait(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait until so many things of a kind were told; return all of them.

        Raises:
            TimeoutError: They were not.
        """

        def found() -> list[dict[str, Any]]:
            return [told for one, told in self._found if one == kind]

        async with asyncio.timeout(WAIT_S), self._changed:
            await self._changed.wait_for(lambda: len(found()) >= count)
        return found()
