"""What the tests of the fakes need: a clock, and a client that adds nothing of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from networks.telegram import FakeTelegram


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def now(self) -> datetime:
        """Return the time of day."""
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.passed_s)

    def monotonic(self) -> float:
        """Return the seconds that passed."""
        return self.passed_s

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.passed_s += seconds


class Refused(Exception):
    """An answer that is not ok."""

    def __init__(self, response: httpx.Response) -> None:
        answer = response.json()
        super().__init__(answer["description"])
        self.status = response.status_code
        self.code: int = answer["error_code"]
        self.text: str = answer["description"]
        self.parameters: dict[str, int] = answer.get("parameters", {})
        self.headers = response.headers


class BareClient:
    """Calls methods of one bot."""

    def __init__(self, network: FakeTelegram, http: httpx.AsyncClient) -> None:
        self.network = network
        self.http = http

    async def ask(self, method: str, **params: Any) -> Any:
        """Call a method with JSON; return its result.

        Raises:
            Refused: It was.
        """
        return result(await self.http.post(self.url(method), json=params))

    async def refusal(self, method: str, **params: Any) -> tuple[int, str]:
        """Call a method that is to be refused; return the code and the text."""
        with pytest.raises(Refused) as refused:
            await self.ask(method, **params)
        return refused.value.code, refused.value.text

    async def upload(self, method: str, files: dict[str, Any], **params: Any) -> Any:
        """Call a method with a form; return its result.

        Raises:
            Refused: It was.
        """
        return result(await self.http.post(self.url(method), data=params, files=files))

    async def download(self, path: str) -> httpx.Response:
        """Get a file."""
        return await self.http.get(f"{self.network.file_url}/bot{self.network.token}/{path}")

    async def updates(self, **params: Any) -> list[dict[str, Any]]:
        """Poll once."""
        found: list[dict[str, Any]] = await self.ask("getUpdates", **params)
        return found

    def url(self, method: str) -> str:
        """Return a method's address."""
        return f"{self.network.url}/bot{self.network.token}/{method}"


def result(response: httpx.Response) -> Any:
    """Return what an answer holds.

    Raises:
        Refused: It is not ok.
    """
    answer = response.json()
    if not answer["ok"]:
        raise Refused(response)
    return answer["result"]


@asynccontextmanager
async def client_of(network: FakeTelegram) -> AsyncIterator[BareClient]:
    """Open a client for the length of a block."""
    async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
        yield BareClient(network, http)
