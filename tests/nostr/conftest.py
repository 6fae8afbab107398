"""A relay, a person, and a bot that answers nobody unless it is told to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cobot.testing import ManualClock, Running, running
from cobot_nostr import Nostr
from cobot_nostr.crypto import Signer
from nostr.meddling import Meddler
from nostr.people import Person
from nostr.servers import local_relay

Bot = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture
def clock() -> ManualClock:
    """The bot's time; it begins as the machine's, by which nostr-sdk's relay goes."""
    return ManualClock(datetime.now(UTC))


@pytest.fixture
def key() -> Signer:
    """The bot's key."""
    return Signer.generate()


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A relay of nostr-sdk's."""
    async with local_relay() as relay:
        yield str(await relay.url())


@pytest.fixture
async def between(url: str) -> AsyncIterator[Meddler]:
    """The way to it, on which a test can meddle."""
    async with Meddler(url).running() as meddler:
        yield meddler


@pytest.fixture
async def person(url: str, clock: ManualClock) -> AsyncIterator[Person]:
    """Somebody on that relay, who is to be reached there."""
    async with Person(url, clock) as one:
        await one.watch()
        await one.announce(url)
        yield one


@pytest.fixture
def bot(tmp_path: Path, clock: ManualClock, key: Signer, url: str) -> Bot:
    """Runs the bot for the length of a block; what is given is put in its settings."""

    def run(**settings: Any) -> AbstractAsyncContextManager[Running]:
        chosen = {
            "nsec": key.nsec(),
            "relays": [url],
            "private_relays": True,
            "access": {"direct": "open", "groups": "open", "mention": True, "bots": False},
            **settings,
        }
        return running(Nostr, chosen, workspace=tmp_path, clock=clock, name="nostr")

    return run
