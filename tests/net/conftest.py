"""What all tests of the network share."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest

from cobot.net import Http
from net.certificates import Authority, make_authority


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy of whoever runs the tests is used."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith("SSL_CERT"):
            monkeypatch.delenv(name)


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    """A client of a channel `pigeon`."""
    async with Http("pigeon") as client:
        yield client


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Somebody who signs certificates, and whom nobody believes by default."""
    return make_authority(tmp_path_factory.mktemp("authority"))
