"""Relays that die, lie, fall silent, refuse, and disagree."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from cobot import DeliveryUnknown, Forbidden, OutgoingMessage, Rejected
from cobot.testing import ManualClock
from cobot_nostr.crypto import Signer
from nostr.conftest import Bot
from nostr.meddling import Meddler, Message
from nostr.people import Person
from nostr.servers import local_relay

NEW_NOTE = "notes"


@pytest.fixture
async def three() -> AsyncIterator[list[Meddler]]:
    """Three relays, on the way to each of which a test can meddle."""
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(3):
            relay = await stack.enter_async_context(local_relay())
            meddler = Meddler(str(await relay.url()))
            made.append(await stack.enter_async_context(meddler.running()))
        yield made


def _to(person: Person, text: str) -> OutgoingMessage:
    return OutgoingMessage("nostr", f"dm:{person.id}", text, format="plain")


def _wraps(between: Meddler) -> list[dict[str, Any]]:
    """Return the private messages that the bot has sent, each attempt."""
    sent = [message[1] for message in between.asked if message[0] == "EVENT"]
    return [event for event in sent if event["kind"] == 1059]


# Sending.


async def test_answer_that_is_lost_repeats_the_very_same_event(
    bot: Bot, between: Meddler, person: Person
) -> None:
    """A relay that took a message and died before saying so has it once."""
    await person.announce(between.url)
    async with bot(relays=[between.url]) as running:
        between.on_answer = _swallow_ok_of_wraps(between)
        receipt = await running.send(_to(person, "once"))

        sent = _wraps(between)
        assert len(sent) > 1
        assert all(event == sent[0] for event in sent)
        assert not receipt.maybe_repeated
        assert [rumor.content for rumor in person.rumors] == ["once"]


def _swallow_ok_of_wraps(between: Meddler) -> Any:
    swallowed: list[Message] = []

    def change(message: Message) -> list[Message] | None:
        ids = {event["id"] for event in _wraps(between)}
        if swallowed or message[0] != "OK" or message[1] not in ids:
            return None
        swallowed.append(message)
        return []

    return change


async def test_relay_that_dies_in_the_middle_gets_it_when_it_is_back(
    bot: Bot, between: Meddler, person: Person
) -> None:
    """A connection that breaks under a message costs a retry and nothing else."""
    await person.announce(between.url)

    def die(message: Message) -> list[Message] | None:
        if message[0] != "EVENT" or message[1]["kind"] != 1059:
            return None
        between.on_ask = lambda message: None
        between.drop()
        return []

    async with bot(relays=[between.url]) as running:
        between.on_ask = die
        await running.send(_to(person, "through the storm"))

        assert len({event["id"] for event in _wraps(between)}) == 1
        assert (await person.rumor(content="through the storm")).kind == 14


async def test_relay_that_wants_fewer_events_gets_it_later(
    bot: Bot, between: Meddler, person: Person, clock: ManualClock
) -> None:
    """After `rate-limited:` the same event is sent again half a minute later."""
    await person.announce(between.url)
    async with bot(relays=[between.url]) as running:
        await running.until(lambda: between.connections, "it connects", "")

        def slow(message: Message) -> list[Message] | None:
            if message[0] != "EVENT" or message[1]["kind"] != 1059:
                return None
            between.on_ask = lambda message: None
            telling.append(
                asyncio.ensure_future(
                    between.tell(["OK", message[1]["id"], False, "rate-limited: slow down"])
                )
            )
            return []

        telling: list[asyncio.Future[None]] = []
        between.on_ask = slow
        asked_at = clock.monotonic()
        await running.send(_to(person, "patience"))

        assert clock.monotonic() - asked_at >= 30
        assert len({event["id"] for event in _wraps(between)}) == 1


async def test_majority_is_enough_and_the_receipt_names_it(
    bot: Bot, three: list[Meddler]
) -> None:
    """A public note is out when most relays have it; the receipt says which."""
    first, second, third = three
    third.on_ask = lambda message: [] if message[0] == "EVENT" else None
    async with bot(relays=[one.url for one in three]) as running:
        receipt = await running.send(OutgoingMessage("nostr", NEW_NOTE, "to all"))

        took = receipt.metadata["relays"][receipt.refs[0].id]
        assert sorted(took) == sorted([first.url, second.url])


async def test_minority_is_not_enough(bot: Bot, three: list[Meddler]) -> None:
    """Where two of three refuse a note it has failed, and it is said what they said."""
    for one in three[1:]:
        one.on_ask = _refusing(one, "blocked: not you")
    async with bot(relays=[one.url for one in three]) as running:
        with pytest.raises(Forbidden, match=r"1 of 3 relays took it, 2 are needed.*not you"):
            await running.send(OutgoingMessage("nostr", NEW_NOTE, "to few"))


async def test_relay_that_was_away_gets_the_note_later(bot: Bot, three: list[Meddler]) -> None:
    """A relay that comes back after a note has left is given it all the same."""
    await three[2].cut()
    async with bot(relays=[one.url for one in three]) as running:
        receipt = await running.send(OutgoingMessage("nostr", NEW_NOTE, "for all"))
        await three[2].mend()

        def has_it() -> bool:
            ids = [one[1]["id"] for one in three[2].asked if one[0] == "EVENT"]
            return receipt.refs[0].id in ids

        await running.until(has_it, "it is sent again", "", pace=500)


async def test_large_event_is_never_sent_again(
    bot: Bot, between: Meddler, person: Person
) -> None:
    """What a relay calls invalid it will call invalid tomorrow."""
    await person.announce(between.url)
    async with bot(relays=[between.url]) as running:
        between.on_ask = _refusing(between, "invalid: event too large", kind=1059)
        with pytest.raises(Rejected, match="event too large"):
            await running.send(_to(person, "big"))

        assert len(_wraps(between)) == 1


async def test_who_names_no_relays_cannot_be_written_to(
    bot: Bot, clock: ManualClock, url: str
) -> None:
    """Without a list of inbox relays a private message goes nowhere, and certainly not
    everywhere."""
    async with Person(url, clock) as stranger, bot() as running:
        with pytest.raises(Forbidden, match=r"has published no relays .*kind 10050"):
            await running.send(_to(stranger, "hello?"))


async def test_relay_in_a_private_network_is_not_dialled(
    bot: Bot, person: Person, between: Meddler
) -> None:
    """A stranger's list cannot send us to our own network."""
    await person.announce(between.url)
    async with bot(private_relays=False) as running:
        with pytest.raises(Forbidden, match="has published no relays"):
            await running.send(_to(person, "hello?"))

        assert between.connections == 0


def _refusing(between: Meddler, text: str, kind: int | None = None) -> Any:
    telling: list[asyncio.Future[None]] = []

    def change(message: Message) -> list[Message] | None:
        if message[0] != "EVENT" or kind not in (None, message[1]["kind"]):
            return None
        answer = ["OK", message[1]["id"], False, text]
        telling.append(asyncio.ensure_future(between.tell(answer)))
        return []

    return change


# Receiving.


async def test_relay_that_falls_silent_is_dialled_anew(
    bot: Bot, between: Meddler, person: Person, key: Signer
) -> None:
    """An open connection on which nothing is answered any more is given up."""
    async with bot(relays=[between.url]) as running:
        await running.until(lambda: between.count("REQ") >= 4, "it asks", "")
        between.is_mute = True
        await person.whisper(key.pubkey, "can you hear me?")
        await running.until(lambda: between.connections > 1, "it dials again", "", pace=1000)
        between.is_mute = False
        between.drop()

        await running.question("can you hear me?")


async def test_relay_that_never_says_that_it_was_all_is_read(
    bot: Bot, between: Meddler, person: Person, key: Signer
) -> None:
    """Without an EOSE what has come is handed over after a while."""
    await person.whisper(key.pubkey, "stored")
    between.on_answer = lambda message: [] if message[0] == "EOSE" else None
    async with bot(relays=[between.url]) as running:
        await running.question("stored")


@pytest.mark.parametrize("text", ["error: oops", "rate-limited: slower", "we are tired"])
async def test_subscription_that_was_ended_is_asked_for_again(
    bot: Bot, between: Meddler, person: Person, key: Signer, text: str
) -> None:
    """A relay that ends a subscription for now is asked again after a while."""
    async with bot(relays=[between.url]) as running:
        await running.until(lambda: between.count("REQ") >= 4, "it asks", "")
        between.on_answer = lambda message: [] if message[0] == "EVENT" else None
        await person.whisper(key.pubkey, "while it was over")
        await between.tell(["CLOSED", "wraps", text])
        between.on_answer = lambda message: None

        await running.question("while it was over")


@pytest.mark.parametrize("text", ["unsupported: filter", "bad req: no", "restricted: no"])
async def test_subscription_that_is_refused_for_good_is_left(
    bot: Bot, between: Meddler, text: str
) -> None:
    """A relay that will never give us something is not asked in a loop, and it is said."""
    async with bot(relays=[between.url]) as running:
        await running.until(lambda: between.count("REQ") >= 4, "it asks", "")
        before = _asked_for(between, "wraps")
        await between.tell(["CLOSED", "wraps", text])
        end = running.clock.monotonic() + 1000
        await running.until(lambda: running.clock.monotonic() > end, "it waits", "", pace=2000)

        assert _asked_for(between, "wraps") == before
        assert any("gives us nothing of wraps" in line for _, line in running.log.lines)


async def test_one_dead_relay_of_two_keeps_nothing_from_coming(
    bot: Bot, between: Meddler, person: Person, key: Signer, url: str
) -> None:
    """While one relay is away the other one's messages come at once."""
    await between.cut()
    async with bot(relays=[between.url, url]) as running:
        await person.whisper(key.pubkey, "over the other one")
        await running.question("over the other one")


async def test_relay_that_holds_messages_back_is_made_up_for(
    bot: Bot, between: Meddler, person: Person, key: Signer, url: str
) -> None:
    """What one relay hides another one gives."""
    between.on_answer = lambda message: [] if message[0] == "EVENT" else None
    async with bot(relays=[between.url, url]) as running:
        await person.whisper(key.pubkey, "not hidden")
        await running.question("not hidden")


async def test_relay_that_ignores_what_it_is_asked_ends_no_loop(
    bot: Bot, between: Meddler, person: Person, key: Signer
) -> None:
    """A relay that gives the same page for ever is believed only twice."""
    page: list[Message] = []

    def repeat(message: Message) -> list[Message] | None:
        if message[0] == "EVENT" and message[1] == "wraps":
            page.append(message)
        if message[0] == "EOSE" and message[1].startswith("wraps/"):
            name = message[1]
            return [*(["EVENT", name, one[2]] for one in page), message]
        return None

    await person.whisper(key.pubkey, "again and again")
    between.on_answer = repeat
    async with bot(relays=[between.url]) as running:
        await running.question("again and again")

        assert between.count("REQ") < 20
        assert len(running.asked) == 1


async def test_all_relays_gone_is_said(bot: Bot, between: Meddler) -> None:
    """Who operates the bot sees that no relay is there, and that one is again."""
    async with bot(relays=[between.url]) as running:
        supervisor = running.session.supervisors["nostr"]
        await running.until(lambda: between.count("REQ") >= 4, "it asks", "")
        await between.cut()
        await running.until(lambda: "no relay is there" in supervisor.reason, "it is said", "")
        await between.mend()

        await running.until(lambda: not supervisor.reason, "it works again", "")


def _asked_for(between: Meddler, name: str) -> int:
    return sum(message[:2] == ["REQ", name] for message in between.asked)


async def test_unknown_delivery_is_told_when_it_stays_unknown(
    bot: Bot, between: Meddler, person: Person
) -> None:
    """A relay that takes everything and answers nothing is not believed to have it."""
    await person.announce(between.url)
    async with bot(relays=[between.url]) as running:
        await running.until(lambda: between.count("REQ") >= 4, "it asks", "")
        between.on_ask = lambda message: [] if message[0] == "EVENT" else None
        with pytest.raises(DeliveryUnknown, match="no answer in time"):
            await running.call("session_send", message=_to(person, "hello?"))
