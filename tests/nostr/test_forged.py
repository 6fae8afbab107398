"""Forged events are refused and counted, and keep nobody waiting."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from operator import eq

import pytest

from cobot.testing import ManualClock
from cobot_nostr.crypto import Signer
from nostr.conftest import Bot
from nostr.forgeries import FORGERIES, FRAMES, Forger
from nostr.meddling import Meddler
from nostr.people import Person


@pytest.fixture
def forger(person: Person, key: Signer) -> Forger:
    """Somebody who can make every forgery."""
    return Forger(person, key.pubkey)


async def test_every_forgery_is_refused_for_its_reason(
    bot: Bot, between: Meddler, person: Person, forger: Forger, key: Signer
) -> None:
    """Nothing forged reaches the agent, each is counted, and what is true comes through."""
    async with bot(relays=[between.url]) as running:
        await running.until(lambda: between.count("REQ") >= 4, "it asks", "")
        refused = running.channel.refused
        for name, (reason, make) in FORGERIES.items():
            expected = refused + Counter([reason])
            made = make(forger)
            is_wrap = isinstance(made, dict) and made.get("kind") == 1059
            await between.tell(["EVENT", "wraps" if is_wrap else "mentions", made])
            await running.until(partial(eq, refused, expected), f"{name} is {reason}", "")
        await person.whisper(key.pubkey, "this is true")
        await running.question("this is true")

        assert [message.content for message in running.asked] == ["this is true"]
        assert refused.total() == len(FORGERIES)


async def test_what_is_no_event_is_passed_over(
    bot: Bot, between: Meddler, person: Person, forger: Forger, key: Signer
) -> None:
    """No frame, however broken, ends a connection or stops what comes after it."""
    async with bot(relays=[between.url]) as running:
        await running.until(lambda: between.count("REQ") >= 4, "it asks", "")
        for make in FRAMES.values():
            await between.tell_raw(make(forger))
        await person.whisper(key.pubkey, "still there?")
        await running.question("still there?")

        assert between.connections == 1
        assert len(running.asked) == 1


async def test_forgery_with_a_real_id_does_not_keep_the_real_one_out(
    bot: Bot, between: Meddler, person: Person, key: Signer
) -> None:
    """Only what was verified counts as known."""
    true = person.wrapped(person.rumor_to(key.pubkey, "it is really me"), key.pubkey)
    async with bot(relays=[between.url]) as running:
        await running.until(lambda: between.count("REQ") >= 4, "it asks", "")
        forged = {**true.json, "sig": "0" * 128}
        await between.tell(["EVENT", "wraps", forged])
        await running.until(lambda: running.channel.refused["signature"], "it is seen", "")
        await person.publish(true)

        await running.question("it is really me")


async def test_flood_of_forgeries_delays_nobody(
    bot: Bot, between: Meddler, person: Person, forger: Forger, key: Signer
) -> None:
    """A thousand forgeries cost a relay's true messages next to nothing."""
    made = [make(forger) for _, make in FORGERIES.values()]
    small = [one for one in made if len(str(one)) < 10_000]
    flood = [["EVENT", "mentions", one] for one in small * (1000 // len(small))]
    async with bot(relays=[between.url]) as running:
        await running.until(lambda: between.count("REQ") >= 4, "it asks", "")
        telling = asyncio.create_task(between.tell(*flood))
        await person.whisper(key.pubkey, "in the middle of it")
        await running.question("in the middle of it")
        await telling

        await running.until(
            lambda: running.channel.refused.total() == len(flood), "all are counted", ""
        )
        assert between.connections == 1


async def test_expired_messages_are_left_out(
    bot: Bot, person: Person, key: Signer, clock: ManualClock
) -> None:
    """What was to be gone by now is not answered, though a relay still has it."""
    from cobot_nostr.events import DIRECT, Draft

    gone = Draft(
        kind=DIRECT,
        tags=(("p", key.pubkey), ("expiration", str(person.now - 1))),
        content="gone",
    )
    await person.whisper(key.pubkey, draft=gone)
    await person.whisper(key.pubkey, "here")
    async with bot() as running:
        await running.question("here")

        assert len(running.asked) == 1
        assert running.channel.refused["expired"] == 1
