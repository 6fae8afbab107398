"""Waiting until something has happened on a fake network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


class Waiting:
    """Conditions that tests wait for."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Callable[[], object], asyncio.Future[Any]]] = []
        self._is_checking = False

    def changed(self) -> None:
        """Look, when the loop comes to it, whether a condition holds by now."""
        if self._waiting and not self._is_checking:
            self._is_checking = True
            asyncio.get_running_loop().call_soon(self._check)

    def _check(self) -> None:
        self._is_checking = False
        still = []
        for condition, future in self._waiting:
            if future.done():
                continue
            try:
                value = condition()
            except Exception as error:  # noqa: BLE001 - it belongs to the one who waits
                future.set_exception(error)
                continue
            if value:
                future.set_result(value)
            else:
                still.append((condition, future))
        self._waiting = still

    async def wait_for(self, condition: Callable[[], object], timeout_s: float) -> Any:
        """Wait until a condition holds; return what it returned.

        Raises:
            TimeoutError: It did not come to hold in that time.
        """
        if value := condition():
            return value
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((condition, future))
        async with asyncio.timeout(timeout_s):
            return await future
